/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef WALK_COST_H
#define WALK_COST_H

#include <linux/types.h>

#define WALK_COST_RECORD 1000 /* far from enum eo_record_kind, whose records share the ring */

struct walk_cost {
	__u32 kind;
	__u32 whole; /* with hash, count and record; else the walk alone */
	__u32 frames, user_walk;
	__u64 ns;
};

#endif
