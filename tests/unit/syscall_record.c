/* SPDX-License-Identifier: BSD-2-Clause */
#include "syscall_record.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "core/auto.h"
#include "format/jsonl.h"
#include "syscall/text.h"

struct made_record *make_record_on(enum eo_machine machine, const char *name, int64_t ret,
				   const uint64_t args[EO_SYSCALL_ARGS])
{
	struct made_record *made = calloc(1, sizeof(*made));
	int nr = eo_syscall_find_on(machine, EO_ABI_NATIVE, name);

	cr_assert_not_null(made);
	cr_assert_geq(nr, 0, "%s has no number", name);
	made->record.nr = (uint32_t)nr;
	made->record.ret = ret;
	made->record.duration_ns = 1834;
	memcpy(made->record.args, args, sizeof(made->record.args));
	made->size = EO_SYSCALL_HEADER_BYTES;
	return made;
}

void add_piece(struct made_record *made, unsigned int arg, unsigned int flags, uint32_t total,
	       const void *bytes, size_t size)
{
	struct eo_syscall_piece piece = {
		.arg = (uint8_t)arg, .flags = (uint8_t)flags, .bytes = (uint16_t)size, .total = total
	};
	uint8_t *at = (uint8_t *)&made->record + made->size;

	cr_assert_leq(made->size + sizeof(piece) + size + 7, sizeof(made->record));
	memcpy(at, &piece, sizeof(piece));
	if (size)
		memcpy(at + sizeof(piece), bytes, size);
	made->size += sizeof(piece) + ((size + 7) & ~(size_t)7);
	made->record.pieces++;
}

/* Room is as large as it should be and ends where it ends, so that a sanitizer sees what is
 * behind it; and so does the record. */
static void decode(enum eo_machine machine, struct made_record *made, struct eo_event *event,
		   struct eo_syscall_room *room)
{
	struct eo_syscall_record *exact = malloc(made->size);

	*room = (struct eo_syscall_room){
		.attrs = calloc(EO_SYSCALL_ATTRS, sizeof(*room->attrs)),
		.attr_count = EO_SYSCALL_ATTRS,
		.text = malloc(EO_SYSCALL_TEXT_BYTES),
		.text_bytes = EO_SYSCALL_TEXT_BYTES,
		.redact = made->redact,
	};
	cr_assert(exact && room->attrs && room->text);
	memcpy(exact, &made->record, made->size);
	*event = (struct eo_event){ 0 };
	cr_assert_eq(eo_syscall_decode_on(machine, exact, made->size, room, event), 0);
	cr_assert_eq(event->type, EO_EVENT_SYSCALL);
	free(exact);
	free(made);
}

char *data_of(enum eo_machine machine, struct made_record *made)
{
	struct eo_syscall_room room;
	struct eo_event event;
	struct eo_attr *object;
	char *text = malloc(65536);

	decode(machine, made, &event, &room);
	object = calloc(event.data_count + 1, sizeof(*object));
	cr_assert(object && text);
	*object = (struct eo_attr){ .type = EO_ATTR_OBJECT, .count = (uint32_t)event.data_count };
	memcpy(object + 1, event.data, event.data_count * sizeof(*object));
	cr_assert_lt(eo_jsonl_value(object, text, 65536), 65536);
	free(object);
	free(room.attrs);
	free(room.text);
	return text;
}

char *line_of(enum eo_machine machine, struct made_record *made)
{
	struct eo_syscall_room room;
	struct eo_event event;
	char *text = malloc(65536);
	size_t size;

	decode(machine, made, &event, &room);
	cr_assert_not_null(text);
	size = eo_syscall_text(&event, text, 65535);
	cr_assert_lt(size, 65535);
	text[size] = '\0';
	free(room.attrs);
	free(room.text);
	return text;
}

void expect_data(struct made_record *made, const char *expected)
{
	EO_AUTO_FREE char *text = data_of(EO_MACHINE_X86, made);

	cr_expect_str_eq(text, expected, "%s is not %s", text, expected);
}

void expect_args_on(enum eo_machine machine, struct made_record *made, const char *expected)
{
	EO_AUTO_FREE char *text = data_of(machine, made);
	char *args = strstr(text, "\"args\":"), *end = strstr(text, ",\"ret\":");

	if (!end)
		end = strstr(text, ",\"ret_address\":");
	cr_assert(args && end && args < end, "no arguments in %s", text);
	*end = '\0';
	args += strlen("\"args\":");
	cr_expect_str_eq(args, expected, "%s is not %s", args, expected);
}

void expect_args(struct made_record *made, const char *expected)
{
	expect_args_on(EO_MACHINE_X86, made, expected);
}

void expect_line(struct made_record *made, const char *expected)
{
	EO_AUTO_FREE char *text = line_of(EO_MACHINE_X86, made);

	cr_expect_str_eq(text, expected, "%s is not %s", text, expected);
}
