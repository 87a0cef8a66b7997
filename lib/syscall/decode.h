/* SPDX-License-Identifier: BSD-2-Clause */
/* From the record of a system call to its event.
 *
 * Keys of data, in this order: name, nr, abi, path, args, ret or ret_address, error, duration_ns,
 * interrupted. In args each argument stands under its name, as
 *   - a number: descriptors (-100 is AT_FDCWD), sizes, ids; addresses in hex;
 *   - text: flags "O_RDONLY|O_CLOEXEC" (what has no name follows in hex), modes "0644", signals,
 *     paths and other strings;
 *   - an object or an array of them: socket addresses, structs.
 * Where memory was not or could not be read, the address stands under NAME_ptr instead. Texts and
 * arrays that go on have NAME_cut: true beside them; memory that was read when the call had ended,
 * though it belongs to its start, has NAME_late: true. Bytes that are no text stand in hex under
 * NAME_hex. Times are NAME_ns, or, from 2^53 ns on, NAME: {sec, nsec}. The path of a descriptor is
 * the event's path where no argument names one, else it stands under NAME_path. */
#ifndef EO_SYSCALL_DECODE_H
#define EO_SYSCALL_DECODE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/event.h"
#include "syscall/call.h"

/* Room in which every record finds place. With less, texts are cut and attributes left out. */
#define EO_SYSCALL_ATTRS      384
#define EO_SYSCALL_TEXT_BYTES 49152

struct eo_syscall_room {
	struct eo_attr *attrs;
	size_t attr_count;
	char *text;
	size_t text_bytes; /* at least 1 */
	bool redact;	   /* leave out paths, and whatever else the program's memory says in words */
};

/**
 * Decode one record; nothing is allocated.
 * @record: aligned to 8; @size bytes are there, however many it speaks of
 * @event: type, data and data_count are set, the rest stays. Data lies in @room->attrs from its
 *	   start, texts in @room->text and in static memory: nothing points into @record.
 * Returns 0, or -EINVAL for less than a record's head.
 */
int eo_syscall_decode(const struct eo_syscall_record *record, size_t size,
		      const struct eo_syscall_room *room, struct eo_event *event);
int eo_syscall_decode_on(enum eo_machine machine, const struct eo_syscall_record *record,
			 size_t size, const struct eo_syscall_room *room, struct eo_event *event);

#endif
