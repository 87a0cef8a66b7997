/* SPDX-License-Identifier: BSD-2-Clause */
/* Records made of anything, decoded for both machines, and what then stands in the event. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/jsonl.h"
#include "syscall/decode.h"
#include "syscall/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Objects must end within what surrounds them, and strings within the room or in static memory. */
static void check(const struct eo_attr *attrs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if ((attrs[i].type == EO_ATTR_OBJECT || attrs[i].type == EO_ATTR_ARRAY)) {
			if (attrs[i].count >= count - i)
				__builtin_trap();
			check(attrs + i + 1, attrs[i].count);
			i += attrs[i].count;
		} else if (attrs[i].type == EO_ATTR_STRING && strlen(attrs[i].str) > EO_SYSCALL_TEXT_BYTES) {
			__builtin_trap();
		}
	}
}

static void decode(enum eo_machine machine, const struct eo_syscall_record *record, size_t size,
		   size_t attr_count, size_t text_bytes)
{
	const struct eo_syscall_room room = {
		.attrs = malloc(attr_count * sizeof(struct eo_attr) + 1),
		.attr_count = attr_count,
		.text = malloc(text_bytes),
		.text_bytes = text_bytes,
	};
	struct eo_event event = { 0 };
	const struct eo_event_clock clock = { 0 };
	char *text = NULL;
	size_t written;
	FILE *out;

	if (room.attrs && room.text && eo_syscall_decode_on(machine, record, size, &room, &event) == 0) {
		if (event.data_count > attr_count)
			__builtin_trap();
		check(event.data, event.data_count);
		out = open_memstream(&text, &written);
		if (out) {
			char line[100];

			eo_jsonl_write(&event, &clock, out);
			fclose(out);
			free(text);
			eo_syscall_text(&event, line, sizeof(line));
		}
	}
	free(room.attrs);
	free(room.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct eo_syscall_record *record;
	size_t little = size ? data[size - 1] : 0;

	if (size > sizeof(*record))
		size = sizeof(*record);
	/* As large as it says, so that a sanitizer sees what is behind it. */
	record = malloc(size + !size);
	if (!record)
		return 0;
	memcpy(record, data, size);
	for (int machine = 0; machine < EO_MACHINE_COUNT; machine++) {
		decode((enum eo_machine)machine, record, size, EO_SYSCALL_ATTRS, EO_SYSCALL_TEXT_BYTES);
		decode((enum eo_machine)machine, record, size, little % 32, 1 + little);
	}
	free(record);
	return 0;
}
