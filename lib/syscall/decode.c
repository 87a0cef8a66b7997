/* SPDX-License-Identifier: BSD-2-Clause */
#include "syscall/decode.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "syscall/decoding.h"
#include "syscall/lists.h"

/* Results that are no results: the kernel makes the call again, or the signal's handler decides. */
#define FIRST_RESTART 512
#define LAST_RESTART  516
#define LAST_ERROR    4095

/* --- texts --- */

const char *eo_copy_text(struct eo_decoding *d, const void *bytes, size_t size)
{
	size_t room = (size_t)(d->text_end - d->text);
	char *text = d->text;

	if (size > room)
		size = room;
	memcpy(text, bytes, size);
	text[size] = '\0';
	d->text += size < room ? size + 1 : size;
	return text;
}

const char *eo_program_text(struct eo_decoding *d, const void *bytes, size_t size)
{
	return d->redact ? EO_REDACTED : eo_copy_text(d, bytes, size);
}

const char *eo_key(struct eo_decoding *d, const char *name, const char *suffix)
{
	return eo_format_text(d, "%s_%s", name, suffix);
}

const char *eo_format_text(struct eo_decoding *d, const char *format, ...)
{
	size_t room = (size_t)(d->text_end - d->text);
	char *text = d->text;
	va_list args;
	int size;

	va_start(args, format);
	size = vsnprintf(text, room + 1, format, args);
	va_end(args);
	if (size < 0)
		return "";
	d->text += (size_t)size < room ? (size_t)size + 1 : room;
	return text;
}

const char *eo_enum_text(struct eo_decoding *d, unsigned int list, uint64_t value)
{
	const char *name = eo_name_of(&d->lists[list], value);
	int32_t number = (int32_t)value;

	if (name)
		return name;
	if (number > -4096 && number < 4096)
		return eo_format_text(d, "%d", number);
	return eo_format_text(d, "%#llx", (unsigned long long)value);
}

const char *eo_flags_text(struct eo_decoding *d, unsigned int list, uint64_t value)
{
	char *text = d->text, *end = eo_names_of_flags(&d->lists[list], value, text, d->text_end);

	*end = '\0';
	d->text = end < d->text_end ? end + 1 : end;
	return text;
}

/* The kernel's numbers: the C library keeps the first real-time signals for itself. */
const char *eo_signal_text(struct eo_decoding *d, uint32_t signal)
{
	const char *name = eo_name_of(&d->lists[EO_LIST_SIGNAL], signal);

	if (name)
		return name;
	if (signal == 32)
		return "SIGRTMIN";
	if (signal > 32 && signal <= 64)
		return eo_format_text(d, "SIGRT_%u", signal - 32);
	return eo_format_text(d, "%d", (int32_t)signal);
}

/* --- memory --- */

static void take_piece(struct eo_decoding *d, const struct eo_syscall_piece *piece)
{
	bool is_fd = piece->flags & EO_PIECE_FD;
	struct eo_memory *memory = is_fd ? &d->fd_paths[piece->arg] : &d->memory[piece->arg];

	if (piece->flags & EO_PIECE_FAULT)
		return;
	if (is_fd)
		d->has_fd_path |= 1u << piece->arg;
	else
		d->has_memory |= 1u << piece->arg;
	*memory = (struct eo_memory){
		.bytes = (const uint8_t *)(piece + 1),
		.size = piece->bytes,
		.total = piece->total,
		.flags = piece->flags,
	};
}

/* Of two pieces of an argument the later one tells more. */
static void find_pieces(struct eo_decoding *d, size_t size)
{
	const uint8_t *at = d->record->bytes, *end;

	size -= EO_SYSCALL_HEADER_BYTES;
	end = at + (size < EO_SYSCALL_BYTES_MAX ? size : EO_SYSCALL_BYTES_MAX);
	for (unsigned int i = 0; i < d->record->pieces; i++) {
		const struct eo_syscall_piece *piece = (const void *)at;
		size_t bytes;

		if ((size_t)(end - at) < sizeof(*piece))
			return;
		bytes = sizeof(*piece) + ((piece->bytes + 7u) & ~7u);
		/* The last one need not be padded. */
		if ((size_t)(end - at) < sizeof(*piece) + piece->bytes)
			return;
		if (piece->arg < EO_SYSCALL_ARGS)
			take_piece(d, piece);
		if ((size_t)(end - at) < bytes)
			return;
		at += bytes;
	}
}

static const char *text_of(struct eo_decoding *d, struct eo_memory *memory)
{
	if (!memory->has_text)
		memory->text = eo_program_text(d, memory->bytes,
					       strnlen((const char *)memory->bytes, memory->size));
	memory->has_text = true;
	return memory->text;
}

const char *eo_text_of(struct eo_decoding *d, unsigned int i)
{
	struct eo_memory *memory = eo_memory_of(d, i);

	return memory ? text_of(d, memory) : NULL;
}

/* --- arguments --- */

void eo_put_pointer(struct eo_decoding *d, unsigned int i)
{
	const struct eo_call_arg *arg = &d->call->args[i];
	uint64_t value = d->record->args[i];

	eo_put_hex(d, arg->ptr_name, eo_is_narrow(d) ? (uint32_t)value : value);
}

void eo_put_marks(struct eo_decoding *d, unsigned int i, const char *key)
{
	unsigned int flags = d->memory[i].flags;

	if (flags & EO_PIECE_CUT)
		eo_put_true(d, eo_key(d, key, "cut"));
	if (flags & EO_PIECE_LATE)
		eo_put_true(d, eo_key(d, key, "late"));
}

void eo_put_text(struct eo_decoding *d, unsigned int i, const char *key)
{
	const char *text = eo_text_of(d, i);

	if (!text) {
		eo_put_pointer(d, i);
		return;
	}
	eo_put_string(d, key, text);
	if (d->memory[i].flags)
		eo_put_marks(d, i, key);
}

static void put_fd(struct eo_decoding *d, unsigned int i)
{
	const char *name = d->call->args[i].name;

	eo_put_int(d, name, (int32_t)d->record->args[i]);
	if (!(d->has_fd_path >> i & 1) || d->path_fd == (int)i)
		return;
	eo_put_string(d, eo_key(d, name, "path"), text_of(d, &d->fd_paths[i]));
}

static void put_named(struct eo_decoding *d, unsigned int i)
{
	const struct eo_call_arg *arg = &d->call->args[i];
	uint32_t value = (uint32_t)d->record->args[i];

	eo_put_string(d, arg->name, arg->kind == EO_ARG_FLAGS ? eo_flags_text(d, arg->list, value) :
								eo_enum_text(d, arg->list, value));
}

static void put_arg(struct eo_decoding *d, unsigned int i)
{
	const struct eo_call_arg *arg = &d->call->args[i];
	uint64_t value = d->record->args[i];

	switch (arg->kind) {
	case EO_ARG_INT:
	case EO_ARG_ID:
		eo_put_int(d, arg->name, (int32_t)value);
		break;
	case EO_ARG_UINT:
		eo_put_uint(d, arg->name, (uint32_t)value);
		break;
	case EO_ARG_LONG:
		eo_put_int(d, arg->name, eo_is_narrow(d) ? (int32_t)value : (int64_t)value);
		break;
	case EO_ARG_SIZE:
		eo_put_uint(d, arg->name, eo_is_narrow(d) ? (uint32_t)value : value);
		break;
	case EO_ARG_HEX:
	case EO_ARG_PTR:
		eo_put_hex(d, arg->name, eo_is_narrow(d) ? (uint32_t)value : value);
		break;
	case EO_ARG_FD:
	case EO_ARG_DFD:
		put_fd(d, i);
		break;
	case EO_ARG_FLAGS:
	case EO_ARG_ENUM:
		put_named(d, i);
		break;
	case EO_ARG_PATH:
	case EO_ARG_TARGET:
	case EO_ARG_STR:
	case EO_ARG_TEXT:
		eo_put_text(d, i, arg->name);
		break;
	case EO_ARG_BYTES:
		eo_put_bytes(d, i);
		break;
	case EO_ARG_SOCKADDR:
		eo_put_sockaddr(d, i);
		break;
	case EO_ARG_IOVEC:
		eo_put_iovec(d, i);
		break;
	case EO_ARG_ARGV:
		eo_put_argv(d, i);
		break;
	case EO_ARG_FCNTL_ARG:
		eo_put_fcntl_arg(d, i);
		break;
	case EO_ARG_PRCTL_ARG:
	case EO_ARG_PRCTL_MORE:
		eo_put_prctl_arg(d, i);
		break;
	case EO_ARG_FUTEX_TIME:
	case EO_ARG_FUTEX_ADDR2:
	case EO_ARG_FUTEX_VAL3:
		eo_put_futex_arg(d, i);
		break;
	default:
		if (arg->kind >= EO_ARG_INT_AT)
			eo_put_struct(d, i);
		else if (arg->kind != EO_ARG_SKIP)
			eo_put_number(d, i);
	}
}

static void put_args(struct eo_decoding *d)
{
	struct eo_attr *args = eo_open(d, "args", EO_ATTR_OBJECT);

	for (unsigned int i = 0; i < d->call->arg_count; i++)
		put_arg(d, i);
	eo_close(d, args);
}

/* --- the event --- */

/* A path that begins somewhere else than at the root; NULL where it is not known where. */
static const char *joined_path(struct eo_decoding *d, unsigned int i, const char *relative)
{
	unsigned int from = i && d->call->args[i - 1].kind == EO_ARG_DFD ? i - 1 : i;
	const struct eo_memory *base = &d->fd_paths[from];
	size_t size = base->size;

	if (!(d->has_fd_path >> from & 1) || !size || base->bytes[0] != '/')
		return NULL;
	size = strnlen((const char *)base->bytes, size);
	if (!*relative)
		return eo_copy_text(d, base->bytes, size);
	return eo_format_text(d, "%.*s%s%s", (int)size, (const char *)base->bytes,
			      base->bytes[size - 1] == '/' ? "" : "/", relative);
}

/* The first path of a call; NULL where there is none, or what it begins from is not known. */
static const char *named_path(struct eo_decoding *d)
{
	for (unsigned int i = 0; i < d->call->arg_count; i++) {
		const char *text;

		if (d->call->args[i].kind != EO_ARG_PATH)
			continue;
		text = eo_text_of(d, i);
		if (!text || *text == '/' || d->redact)
			return text;
		return joined_path(d, i, text);
	}
	return NULL;
}

static const char *event_path(struct eo_decoding *d)
{
	bool names_one = false;

	for (unsigned int i = 0; i < d->call->arg_count; i++)
		names_one |= d->call->args[i].kind == EO_ARG_PATH;
	if (names_one)
		return named_path(d);
	for (unsigned int i = 0; i < d->call->arg_count; i++) {
		if (!(d->has_fd_path >> i & 1) || !d->fd_paths[i].size ||
		    d->fd_paths[i].bytes[0] != '/')
			continue;
		d->path_fd = (int)i;
		return text_of(d, &d->fd_paths[i]);
	}
	return NULL;
}

static void put_result(struct eo_decoding *d)
{
	int64_t ret = d->record->ret;
	bool failed = ret < 0 && ret >= -LAST_ERROR;
	const char *error;

	if (d->call->returns_address && !failed) {
		eo_put_hex(d, "ret_address", eo_is_narrow(d) ? (uint32_t)ret : (uint64_t)ret);
		return;
	}
	eo_put_int(d, "ret", ret);
	if (!failed || (ret <= -FIRST_RESTART && ret >= -LAST_RESTART))
		return;
	error = eo_name_of(&d->lists[EO_LIST_ERRNO], (uint64_t)-ret);
	eo_put_string(d, "error", error ? error : eo_format_text(d, "errno_%d", (int)-ret));
}

static void put_event(struct eo_decoding *d)
{
	const struct eo_syscall_record *record = d->record;
	const char *abi = eo_syscall_abi_name(d->machine, record->abi);

	eo_put_string(d, "name",
		      d->call->name ? d->call->name : eo_format_text(d, "syscall_%u", record->nr));
	eo_put_uint(d, "nr", record->nr);
	if (abi)
		eo_put_string(d, "abi", abi);
	if (!(record->flags & EO_SYSCALL_NO_ENTRY)) {
		const char *path = d->has_memory | d->has_fd_path ? event_path(d) : NULL;

		if (path)
			eo_put_string(d, "path", path);
		put_args(d);
	}
	if (record->flags & EO_SYSCALL_NO_RETURN)
		return;
	put_result(d);
	if (!(record->flags & EO_SYSCALL_NO_ENTRY))
		eo_put_uint(d, "duration_ns", record->duration_ns);
	if (record->ret <= -FIRST_RESTART && record->ret >= -LAST_RESTART)
		eo_put_true(d, "interrupted");
}

/* Of a call that nobody knows, everything is shown. */
static const struct eo_call unknown_call = {
	.arg_count = EO_SYSCALL_ARGS,
	.args = {
		{ "arg1", NULL, EO_ARG_HEX }, { "arg2", NULL, EO_ARG_HEX },
		{ "arg3", NULL, EO_ARG_HEX }, { "arg4", NULL, EO_ARG_HEX },
		{ "arg5", NULL, EO_ARG_HEX }, { "arg6", NULL, EO_ARG_HEX },
	},
};

int eo_syscall_decode_on(enum eo_machine machine, const struct eo_syscall_record *record,
			 size_t size, const struct eo_syscall_room *room, struct eo_event *event)
{
	struct eo_decoding d;

	if (size < EO_SYSCALL_HEADER_BYTES)
		return -EINVAL;
	d.machine = machine;
	d.lists = eo_name_lists[machine];
	d.record = record;
	d.call = eo_call_of(machine, record->abi, record->nr);
	d.has_memory = d.has_fd_path = 0;
	d.redact = room->redact;
	d.path_fd = -1;
	d.at = room->attrs;
	d.end = room->attrs + room->attr_count;
	d.text = room->text;
	d.text_end = room->text + room->text_bytes - 1;
	if (!d.call)
		d.call = &unknown_call;
	else if (record->pieces)
		find_pieces(&d, size);
	put_event(&d);
	event->type = EO_EVENT_SYSCALL;
	event->data = room->attrs;
	event->data_count = (size_t)(d.at - room->attrs);
	return 0;
}

int eo_syscall_decode(const struct eo_syscall_record *record, size_t size,
		      const struct eo_syscall_room *room, struct eo_event *event)
{
	return eo_syscall_decode_on(EO_MACHINE_HERE, record, size, room, event);
}
