/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages in memory with words for what is wrong in them, and arrays for what is right. */
#ifndef EO_FORMAT_READ_MESSAGE_H
#define EO_FORMAT_READ_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/array.h"
#include "core/error.h"
#include "format/input.h"
#include "format/read_profile.h"
#include "format/read_wire.h"
#include "model/profile.h"

/* Grows with what it has to hold; zeroed memory is empty, free(items) ends it. */
#define EO_DEFINE_VECTOR(type, name)                                                    \
	struct name {                                                                   \
		type *items;                                                            \
		size_t count, room;                                                     \
	};                                                                              \
	static inline bool name##_add(struct name *vector, type item)                   \
	{                                                                               \
		if (!EO_ARRAY_RESERVE(vector->items, vector->count + 1, vector->room, 16)) \
			return false;                                                   \
		vector->items[vector->count++] = item;                                  \
		return true;                                                            \
	}

EO_DEFINE_VECTOR(uint32_t, eo_numbers)
EO_DEFINE_VECTOR(int64_t, eo_values)
EO_DEFINE_VECTOR(uint64_t, eo_times)
EO_DEFINE_VECTOR(struct eo_label, eo_labels)
EO_DEFINE_VECTOR(struct eo_line, eo_lines)
EO_DEFINE_VECTOR(struct eo_wire, eo_wires)

struct eo_message_reader {
	struct eo_input *input;
	struct eo_error *err;
	const unsigned char *bytes; /* offsets count from here; NULL: they would mean nothing */
};

/** Fill the error: what is wrong at @at. Returns -EINVAL. */
int eo_message_bad(const struct eo_message_reader *reader, const unsigned char *at,
		   const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int eo_message_no_memory(const struct eo_message_reader *reader);

/** eo_wire_next(), with an error. */
int eo_message_next(const struct eo_message_reader *reader, struct eo_wire *wire,
		    struct eo_wire_field *ret);

/**
 * The numbers of a message: field i into @ret[i], 0 where it is missing, the last where it is
 * there twice.
 * @types: by number, from 1: 'v' varint, 'f' fixed64, '-' something else, left alone
 * @what: for errors, "mapping"
 */
int eo_message_numbers(const struct eo_message_reader *reader, struct eo_wire wire,
		       const char *what, const char *types, uint64_t *ret);

/** Append the integers of a repeated field. */
int eo_message_integers(const struct eo_message_reader *reader, const struct eo_wire_field *field,
			const char *what, struct eo_values *ret);

#endif
