/* SPDX-License-Identifier: BSD-2-Clause */
/* A profile as a tree of calls: stacks with common callers are merged by their frames' names.
 *
 * Under the root stand the processes (label comm), under them threads where samples have the label
 * thread, then the frames. Frames of one name, module and kind are one frame, whatever their
 * addresses; a frame without a name is called after its module, "[libc.so.6]". In a difference
 * modules do not count, for the two sides may have different versions of a library.
 *
 * What it holds depends on what the profile holds, never on when that came in. */
#ifndef EO_FORMAT_FLAMEGRAPH_TREE_H
#define EO_FORMAT_FLAMEGRAPH_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/auto.h"
#include "model/profile.h"

/* Kinds of frames: enum eo_frame_kind, and behind them what is no frame but a level of its own. */
enum eo_call_kind {
	EO_CALL_PROCESS = EO_FRAME_SYNTHETIC + 1,
	EO_CALL_THREAD,
};

enum eo_call_sides {
	EO_CALL_PLAIN,	   /* no value is negative */
	EO_CALL_SIGNED,	   /* some are, and what they were taken from is not known */
	EO_CALL_TWO_SIDES, /* a difference of which both sides are known */
};

struct eo_call_frame {
	uint32_t name, module, file; /* strings of the tree; module and file may be 0 */
	unsigned int kind;	     /* enum eo_frame_kind or eo_call_kind */
	bool is_inlined;
};

struct eo_call_node {
	uint32_t parent; /* in nodes, before this one; the root is its own */
	uint32_t frame;	 /* in frames; the root has none, which is 0 */
	uint32_t depth;
	uint64_t self; /* in values */
};

struct eo_call_tree {
	enum eo_call_sides sides;
	/* Depth first: a node is followed by its children, the heaviest child first. */
	struct eo_call_node *nodes;
	size_t node_count;
	struct eo_call_frame *frames; /* from 1, in the order in which nodes use them */
	size_t frame_count;	      /* with frame 0 */
	const char **strings;	      /* strings[0] is "" */
	size_t string_count;
	size_t type_count;
	/* What nodes have of themselves, from self on: type_count values, and with TWO_SIDES as
	 * many of the base behind them, as positive as they were before they were subtracted. */
	int64_t *values;

	struct eo_call_index *index; /* private */
};

/**
 * @value_type: whose weight orders children; ignored without value types
 * Returns 0, -ENOMEM, or -E2BIG when there are more than 2^32 - 2 nodes.
 */
int eo_call_tree_new(const struct eo_profile *profile, size_t value_type,
		     struct eo_call_tree **ret);
void eo_call_tree_free(struct eo_call_tree *tree); /* NULL is fine */
EO_DEFINE_AUTO(eo_call_tree)

#endif
