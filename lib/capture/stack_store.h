/* SPDX-License-Identifier: BSD-2-Clause */
/* Stack records as they arrive, named at once and kept under their hash, and at the end the
 * profile they make with the counts of the kernel's map. Not thread-safe. */
#ifndef EO_CAPTURE_STACK_STORE_H
#define EO_CAPTURE_STACK_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/process_resource.h"
#include "capture/user_walk.h"
#include "core/auto.h"
#include "core/event.h"
#include "model/profile.h"
#include "records.h"
#include "symbol/symbolizer.h"

struct eo_stack_store;

#define EO_STACK_VALUES_MAX 4

/* What the samples of the profile count. Texts are static. */
struct eo_stack_layout {
	struct {
		const char *type, *unit; /* NULL: none, nor any behind it */
	} values[EO_STACK_VALUES_MAX];
	uint64_t period_ns; /* CPU time that one sample stands for: the second value */
	bool per_thread;    /* stacks carry thread labels */
	bool tracepoints;   /* stacks are of programs at tracepoints: kernel halves begin behind these */
};

/** Samples and their CPU time. */
struct eo_stack_layout eo_stack_layout_cpu(uint64_t period_ns, bool per_thread);

/**
 * @symbolizer: stays the caller's and must outlive the store
 * Returns 0 or -ENOMEM.
 */
int eo_stack_store_new(struct eo_symbolizer *symbolizer, const struct eo_stack_layout *layout,
		       struct eo_stack_store **ret);
void eo_stack_store_free(struct eo_stack_store *store); /* NULL is fine */
EO_DEFINE_AUTO(eo_stack_store)

/**
 * Before the first record: samples get the resource of their process.
 * @resources: stays the caller's and must outlive the store
 */
void eo_stack_store_with_resources(struct eo_stack_store *store, struct eo_process_resource *resources);

/** Name the frames of @record; a hash that is known already changes nothing. 0 or -ENOMEM. */
int eo_stack_store_add(struct eo_stack_store *store, const struct eo_stack_record *record);

bool eo_stack_store_has(const struct eo_stack_store *store, uint64_t hash);

/** One sample of @hash, whose record came. It is counted when the store settles. */
void eo_stack_store_add_one(struct eo_stack_store *store, uint64_t hash);

size_t eo_stack_store_size(const struct eo_stack_store *store); /* distinct stacks */

/** Give the stack of @hash @count samples. Returns false when no record of it came. */
bool eo_stack_store_count(struct eo_stack_store *store, uint64_t hash, uint64_t count);

/**
 * The same for a layout of other values than samples and CPU time.
 * @values: as many as the layout has; added to what the stack has already
 */
bool eo_stack_store_add_values(struct eo_stack_store *store, uint64_t hash, const int64_t *values);

/** The same for a stack that never came, or was not taken: one frame "[unknown stack]". */
void eo_stack_store_add_unknown(struct eo_stack_store *store, const int64_t *values);

/* An object, and function, module, offset, kind; without a function module, offset and kind, with
 * the build id. */
#define EO_STACK_FRAME_ROWS 6

/**
 * The stack of @hash as the attribute "stack" of an event: an array of frames, leaf first.
 * @rows: @room of them; what has no room is left out, outermost frames first
 * Returns how many were filled, 0 for an unknown hash. Texts live until something is added.
 */
size_t eo_stack_store_rows(const struct eo_stack_store *store, uint64_t hash, struct eo_attr *rows,
			   size_t room);

/** Whose stack that of @hash is. Returns false for an unknown hash. */
bool eo_stack_store_owner(const struct eo_stack_store *store, uint64_t hash, uint32_t *tgid,
			  char comm[EO_COMM_LEN]);

/** Samples of stacks that found no room: one frame "[stack limit]". */
void eo_stack_store_count_limit(struct eo_stack_store *store, uint64_t count);

/**
 * Remember one sample of @hash (0: [stack limit]). Such a store takes no counts.
 * Returns 0, -ENOSPC when @max are kept already, or -ENOMEM.
 */
int eo_stack_store_add_sample(struct eo_stack_store *store, uint64_t hash, uint64_t ktime_ns, size_t max);

/**
 * Put the remembered samples into the profile, with their Unix times.
 * Returns how many of them have a stack; the others' stacks never came.
 */
uint64_t eo_stack_store_take_samples(struct eo_stack_store *store, int64_t wall_offset_ns);

/** Before the first count: name what code its makers have described since (JIT), and count the
 * samples that came one by one. */
void eo_stack_store_settle(struct eo_stack_store *store);

/** How the user halves of the samples in the profile ended; those of "[stack limit]" are not known. */
struct eo_user_walks eo_stack_store_walks(const struct eo_stack_store *store);

/** The profile, which becomes the caller's; the store is empty afterwards and can only be freed. */
struct eo_profile *eo_stack_store_take(struct eo_stack_store *store);

#endif
