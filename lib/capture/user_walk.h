/* SPDX-License-Identifier: BSD-2-Clause */
/* The names of enum eo_user_walk, and how many samples ended in which of its ways. */
#ifndef EO_CAPTURE_USER_WALK_H
#define EO_CAPTURE_USER_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "records.h"

struct eo_user_walk_name {
	enum eo_user_walk walk;
	const char *key;   /* in JSON */
	const char *words; /* behind a number */
};

/* In the order in which they are told: the good ones first. */
extern const struct eo_user_walk_name eo_user_walk_names[];
extern const size_t eo_user_walk_name_count;

/* Samples by enum eo_user_walk. */
struct eo_user_walks {
	uint64_t counts[EO_USER_WALK_COUNT];
};

/** "user stacks: 1203 complete, 4 cut": those that occurred. Returns false when none did. */
bool eo_user_walks_text(const struct eo_user_walks *walks, char *text, size_t size);

#endif
