/* SPDX-License-Identifier: BSD-2-Clause */
/* Readers: bytes go in, a model comes out. One row a format, recognised by content. */
#ifndef EO_FORMAT_READER_H
#define EO_FORMAT_READER_H

#include <stdbool.h>

#include "core/error.h"
#include "core/event.h"
#include "format/input.h"
#include "format/jsonl.h"
#include "model/profile.h"

/**
 * Add a whole input to @profile. Its value types are set by the first input and must be the same
 * in the others (else -EINVAL with both lists); times become their union.
 * On failure @profile is only good for freeing.
 */
typedef int (*eo_profile_read_fn)(struct eo_input *input, struct eo_profile *profile,
				  struct eo_error *err);

struct eo_input_format {
	const char *name; /* as in --from */
	/* Could an input that begins with these bytes be one? */
	bool (*recognise)(const unsigned char *bytes, size_t size);
	eo_profile_read_fn read_profile; /* NULL: a stream of events, for eo_read_events() */
};

/* In the order in which they are tried; ends with a row whose name is NULL. */
extern const struct eo_input_format eo_input_formats[];

const struct eo_input_format *eo_input_format_find(const char *name); /* or NULL */

/** By content. -EINVAL with what was expected when it is none of them, or empty. */
int eo_input_recognise(struct eo_input *input, const struct eo_input_format **ret, struct eo_error *err);

int eo_read_pprof(struct eo_input *input, struct eo_profile *profile, struct eo_error *err);
int eo_read_otlp(struct eo_input *input, struct eo_profile *profile, struct eo_error *err);
int eo_read_otlp_json(struct eo_input *input, struct eo_profile *profile, struct eo_error *err);
int eo_read_folded(struct eo_input *input, struct eo_profile *profile, struct eo_error *err);
int eo_read_perf_script(struct eo_input *input, struct eo_profile *profile, struct eo_error *err);

/* A negative return ends the reading with it. @event and @clock live until the return. */
typedef int (*eo_event_fn)(void *ctx, const struct eo_event *event,
			   const struct eo_event_clock *clock, struct eo_error *err);

/**
 * JSON lines of events, one after the other. @clock gives each of them its times again: written
 * with it, our own lines come out as they were. Without a start record the monotonic time of an
 * event is the one since the trace began. Values of keys that are laid down have their types,
 * other keys are kept as they are. Anything else is -EINVAL and names the line.
 */
int eo_read_events(struct eo_input *input, eo_event_fn fn, void *ctx, struct eo_error *err);

#endif
