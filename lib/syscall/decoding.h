/* SPDX-License-Identifier: BSD-2-Clause */
/* A record on its way to an event: what the decoders of this folder share. */
#ifndef EO_SYSCALL_DECODING_H
#define EO_SYSCALL_DECODING_H

#include <stdbool.h>
#include <string.h>

#include "core/event.h"
#include "syscall/names.h"
#include "syscall/tables.h"

/* Elements of any array that are shown. */
#define EO_ELEMENTS_MAX 32

struct eo_memory {
	const uint8_t *bytes;
	uint32_t size;
	uint32_t total;
	uint8_t flags; /* EO_PIECE_… */
	bool has_text;
	const char *text; /* its copy, once there is one */
};

struct eo_decoding {
	enum eo_machine machine;
	const struct eo_name_list *lists;
	const struct eo_syscall_record *record;
	const struct eo_call *call;

	/* By argument; valid where the bit is set. */
	unsigned int has_memory, has_fd_path;
	struct eo_memory memory[EO_SYSCALL_ARGS], fd_paths[EO_SYSCALL_ARGS];
	bool redact;
	int path_fd; /* the argument whose descriptor's path is the event's; -1: none */

	struct eo_attr *at, *end;
	struct eo_attr spare; /* is written where there is no room */
	char *text, *text_end; /* one byte is left behind @text_end, for a NUL */
};

/* --- attributes --- */

static inline struct eo_attr *eo_put(struct eo_decoding *d, const char *key, enum eo_attr_type type)
{
	struct eo_attr *attr = d->at < d->end ? d->at++ : &d->spare;

	attr->key = key;
	attr->type = type;
	attr->count = 0;
	return attr;
}

static inline void eo_put_int(struct eo_decoding *d, const char *key, int64_t value)
{
	eo_put(d, key, EO_ATTR_INT)->num = value;
}

static inline void eo_put_uint(struct eo_decoding *d, const char *key, uint64_t value)
{
	eo_put(d, key, EO_ATTR_UINT)->unum = value;
}

static inline void eo_put_hex(struct eo_decoding *d, const char *key, uint64_t value)
{
	eo_put(d, key, EO_ATTR_HEX)->unum = value;
}

static inline void eo_put_string(struct eo_decoding *d, const char *key, const char *text)
{
	eo_put(d, key, EO_ATTR_STRING)->str = text;
}

static inline void eo_put_true(struct eo_decoding *d, const char *key)
{
	eo_put(d, key, EO_ATTR_BOOL)->num = 1;
}

/* What is put until eo_close() is inside. @type: EO_ATTR_OBJECT or EO_ATTR_ARRAY */
static inline struct eo_attr *eo_open(struct eo_decoding *d, const char *key, enum eo_attr_type type)
{
	struct eo_attr *attr = eo_put(d, key, type);

	attr->str = NULL;
	return attr;
}

static inline void eo_close(struct eo_decoding *d, struct eo_attr *attr)
{
	if (attr != &d->spare)
		attr->count = (uint32_t)(d->at - attr - 1);
}

/* --- texts --- */

/** A copy with a NUL; shorter where there is no room. */
const char *eo_copy_text(struct eo_decoding *d, const void *bytes, size_t size);
/** The same of what a program has written, or what stands in its place. */
const char *eo_program_text(struct eo_decoding *d, const void *bytes, size_t size);
/** "NAME_SUFFIX" */
const char *eo_key(struct eo_decoding *d, const char *name, const char *suffix);
const char *eo_format_text(struct eo_decoding *d, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/** One of @list, or the number. */
const char *eo_enum_text(struct eo_decoding *d, unsigned int list, uint64_t value);
const char *eo_flags_text(struct eo_decoding *d, unsigned int list, uint64_t value);
const char *eo_signal_text(struct eo_decoding *d, uint32_t signal);

/* --- arguments --- */

static inline bool eo_is_narrow(const struct eo_decoding *d)
{
	return d->record->abi == EO_ABI_COMPAT;
}

/** What argument @i points to; NULL where it was not read. */
static inline struct eo_memory *eo_memory_of(struct eo_decoding *d, unsigned int i)
{
	return d->has_memory >> i & 1 ? &d->memory[i] : NULL;
}

/** The whole memory of an argument as text; NULL where it was not read. */
const char *eo_text_of(struct eo_decoding *d, unsigned int i);

/** Put argument @i by its address. */
void eo_put_pointer(struct eo_decoding *d, unsigned int i);
/** What is to be said beside what was made of argument @i under @key. */
void eo_put_marks(struct eo_decoding *d, unsigned int i, const char *key);
/** Put a text that argument @i points to. */
void eo_put_text(struct eo_decoding *d, unsigned int i, const char *key);

/* Each puts argument @i, of its kind. */
void eo_put_number(struct eo_decoding *d, unsigned int i);
void eo_put_bytes(struct eo_decoding *d, unsigned int i);
void eo_put_sockaddr(struct eo_decoding *d, unsigned int i);
void eo_put_iovec(struct eo_decoding *d, unsigned int i);
void eo_put_argv(struct eo_decoding *d, unsigned int i);
void eo_put_struct(struct eo_decoding *d, unsigned int i);
void eo_put_fcntl_arg(struct eo_decoding *d, unsigned int i);
void eo_put_prctl_arg(struct eo_decoding *d, unsigned int i);
void eo_put_futex_arg(struct eo_decoding *d, unsigned int i);

#endif
