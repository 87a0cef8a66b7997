/* SPDX-License-Identifier: BSD-2-Clause */
/* What the readers of profiles share: errors that say where, and how a further input joins what
 * earlier ones gave. */
#ifndef EO_FORMAT_READ_PROFILE_H
#define EO_FORMAT_READ_PROFILE_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "format/input.h"
#include "model/profile.h"

/* More kinds of values than any profiler has; each of them costs 8 bytes in every sample. */
#define EO_READ_VALUE_TYPES_MAX 64u

/** Fill @err: @input, where in it (an offset or UINT64_MAX), and why. Returns -EINVAL. */
int eo_read_failed(const struct eo_input *input, uint64_t offset, struct eo_error *err,
		   const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/** The same for the last line read. */
int eo_read_line_failed(const struct eo_input *input, struct eo_error *err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * What remains of @input, unpacked, malloc()ed, at most @max bytes.
 * @check: may be NULL; sees what has come so far, each time that more has, and ends the reading
 *         of something hopeless with a negative return and @err
 */
int eo_read_all(struct eo_input *input, size_t max,
		int (*check)(void *ctx, const unsigned char *bytes, size_t size,
			     struct eo_error *err),
		void *ctx, unsigned char **ret, size_t *ret_size, struct eo_error *err);

/* What an input says of its samples in general. */
struct eo_read_header {
	struct eo_value_type *value_types;
	size_t value_type_count;
	struct eo_value_type period_type;
	int64_t period, time_ns, duration_ns;
	uint32_t default_value_type, drop_frames, keep_frames, doc_url;
};

/**
 * Into @profile: the first input's value types, which must be those of all others; the earliest
 * start and the latest end; the longest period; the first of everything else.
 */
int eo_read_join(const struct eo_input *input, const struct eo_read_header *header,
		 struct eo_profile *profile, struct eo_error *err);

/** A comment, unless it is among the first @earlier ones: those of other inputs. */
int eo_read_comment(const struct eo_input *input, struct eo_profile *profile, size_t earlier,
		    uint32_t text, struct eo_error *err);

/** Why nothing goes into @profile any more, or 0. */
int eo_read_status(const struct eo_input *input, const struct eo_profile *profile,
		   struct eo_error *err);

/** What the frames of a mapping are, judging by its name. */
enum eo_frame_kind eo_read_frame_kind(const char *mapping_name);

#endif
