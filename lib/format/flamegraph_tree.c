/* SPDX-License-Identifier: BSD-2-Clause */
#include "format/flamegraph_tree.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/array.h"
#include "core/hash.h"
#include "core/index.h"
#include "format/diff.h"
#include "model/module_name.h"
#include "model/string_table.h"

#define MAX_NODES (UINT32_MAX - 1)

/* What is needed while the tree grows; the strings are needed as long as the tree. */
struct eo_call_index {
	const struct eo_profile *profile;
	struct eo_string_table strings;
	struct eo_index frames, nodes;
	uint64_t seed;
	size_t frame_capacity, node_capacity, value_count, value_capacity;
	/* Frames of location i are location_frames[first_frame[i]] up to [first_frame[i + 1]],
	 * outermost function first. */
	size_t *first_frame;
	uint32_t *location_frames;
	uint32_t nothing; /* the frame of a sample that has none */
};

static void index_fini(struct eo_call_index *index)
{
	eo_index_fini(&index->frames);
	eo_index_fini(&index->nodes);
	free(eo_steal(&index->first_frame));
	free(eo_steal(&index->location_frames));
}

void eo_call_tree_free(struct eo_call_tree *tree)
{
	if (!tree)
		return;
	if (tree->index) {
		index_fini(tree->index);
		eo_string_table_fini(&tree->index->strings);
	}
	free(tree->index);
	free(tree->nodes);
	free(tree->frames);
	free(tree->values);
	free(tree);
}

static bool reserve_frame(struct eo_call_tree *tree)
{
	return EO_ARRAY_RESERVE(tree->frames, tree->frame_count + 1, tree->index->frame_capacity, 64);
}

static bool reserve_node(struct eo_call_tree *tree)
{
	return EO_ARRAY_RESERVE(tree->nodes, tree->node_count + 1, tree->index->node_capacity, 64);
}

static bool reserve_values(struct eo_call_tree *tree, size_t count)
{
	return EO_ARRAY_RESERVE(tree->values, tree->index->value_count + count,
				tree->index->value_capacity, 64);
}

static int intern(struct eo_call_tree *tree, const char *text, uint32_t *ret)
{
	return eo_string_table_intern(&tree->index->strings, text, strlen(text), ret);
}

static bool are_equal(const struct eo_call_tree *tree, const struct eo_call_frame *a,
		      const struct eo_call_frame *b)
{
	return a->name == b->name && a->kind == b->kind && a->is_inlined == b->is_inlined &&
	       (a->module == b->module || tree->sides == EO_CALL_TWO_SIDES);
}

/* Of two names for the same thing the one that does not depend on which came first. */
static uint32_t lesser_name(const struct eo_call_tree *tree, uint32_t a, uint32_t b)
{
	const char **strings = tree->index->strings.strings;

	if (!a || !b)
		return a | b;
	return strcmp(strings[a], strings[b]) <= 0 ? a : b;
}

static int add_frame(struct eo_call_tree *tree, const struct eo_call_frame *frame, uint32_t *ret)
{
	struct eo_call_index *index = tree->index;
	const uint64_t key[] = { frame->name, frame->kind << 1 | frame->is_inlined };
	uint32_t hash = (uint32_t)eo_hash_words(index->seed, key, 2);
	uint32_t cursor = 0, number;

	while ((number = eo_index_next(&index->frames, hash, &cursor)) != EO_INDEX_NONE) {
		struct eo_call_frame *known = &tree->frames[number];

		if (!are_equal(tree, known, frame))
			continue;
		known->module = lesser_name(tree, known->module, frame->module);
		known->file = lesser_name(tree, known->file, frame->file);
		*ret = number;
		return 0;
	}
	if (!reserve_frame(tree))
		return -ENOMEM;
	*ret = (uint32_t)tree->frame_count;
	tree->frames[tree->frame_count++] = *frame;
	return eo_index_add(&index->frames, hash, *ret);
}

/* "[libc.so.6]" for what has no name in a module that has one. */
static int name_unnamed(struct eo_call_tree *tree, struct eo_call_frame *frame, const char *module)
{
	EO_AUTO_FREE char *text = NULL;

	if (!module[0])
		return intern(tree, "[unknown]", &frame->name);
	if (module[0] == '[')
		return intern(tree, module, &frame->name);
	if (asprintf(&text, "[%s]", module) < 0) {
		text = NULL;
		return -ENOMEM;
	}
	return intern(tree, text, &frame->name);
}

/* One function of a location; the whole of it when @line is NULL. */
static int add_line(struct eo_call_tree *tree, const struct eo_location *location,
		    const struct eo_line *line, bool is_inlined)
{
	struct eo_call_index *index = tree->index;
	const struct eo_profile *profile = index->profile;
	const struct eo_function *function = &profile->functions[line ? line->function : 0];
	const char *module = eo_module_name(profile, location->mapping);
	struct eo_call_frame frame = { .kind = location->kind, .is_inlined = is_inlined };
	/* The end of the location's run, which grows. */
	size_t *end = &index->first_frame[location - profile->locations + 1];
	uint32_t *ret = &index->location_frames[(*end)++];
	int r;

	r = intern(tree, module, &frame.module);
	if (r == 0)
		r = intern(tree, profile->strings[function->filename], &frame.file);
	if (r == 0)
		r = intern(tree, profile->strings[function->name], &frame.name);
	if (r == 0 && !frame.name)
		r = name_unnamed(tree, &frame, module);
	return r < 0 ? r : add_frame(tree, &frame, ret);
}

static int add_location(struct eo_call_tree *tree, size_t number)
{
	struct eo_call_index *index = tree->index;
	const struct eo_location *location = &index->profile->locations[number];
	const struct eo_line *lines = index->profile->lines + location->first_line;
	int r = 0;

	index->first_frame[number + 1] = index->first_frame[number];
	if (!location->line_count)
		return add_line(tree, location, NULL, false);
	for (uint32_t i = location->line_count; r == 0 && i > 0; i--)
		r = add_line(tree, location, &lines[i - 1], i != location->line_count);
	return r;
}

/* The child of @parent, made when there is none yet. */
static int step(struct eo_call_tree *tree, uint32_t parent, uint32_t frame, uint32_t *ret)
{
	struct eo_call_index *index = tree->index;
	const uint64_t key = (uint64_t)parent << 32 | frame;
	uint32_t hash = (uint32_t)eo_hash_words(index->seed, &key, 1);
	uint32_t cursor = 0, number;

	while ((number = eo_index_next(&index->nodes, hash, &cursor)) != EO_INDEX_NONE)
		if (tree->nodes[number].parent == parent && tree->nodes[number].frame == frame) {
			*ret = number;
			return 0;
		}
	if (tree->node_count >= MAX_NODES)
		return -E2BIG;
	if (!reserve_node(tree))
		return -ENOMEM;
	*ret = (uint32_t)tree->node_count;
	tree->nodes[tree->node_count++] = (struct eo_call_node){
		.parent = parent, .frame = frame, .depth = tree->nodes[parent].depth + 1
	};
	return eo_index_add(&index->nodes, hash, *ret);
}

/* What stands above a sample's frames. @node: moved down by that */
static int step_labels(struct eo_call_tree *tree, uint32_t label_set, uint32_t *node)
{
	static const struct {
		const char *key;
		enum eo_call_kind kind;
	} levels[] = { { "comm", EO_CALL_PROCESS }, { "thread", EO_CALL_THREAD } };
	const struct eo_profile *profile = tree->index->profile;
	struct eo_span span = profile->label_sets[label_set];
	int r = 0;

	for (size_t level = 0; level < EO_ARRAY_SIZE(levels); level++)
		for (uint32_t i = 0; r == 0 && i < span.count; i++) {
			const struct eo_label *label = &profile->labels[span.first + i];
			struct eo_call_frame frame = { .kind = levels[level].kind };
			uint32_t number;

			if (!label->str || strcmp(profile->strings[label->key], levels[level].key))
				continue;
			r = intern(tree, profile->strings[label->str], &frame.name);
			if (r == 0)
				r = add_frame(tree, &frame, &number);
			if (r == 0)
				r = step(tree, *node, number, node);
			break;
		}
	return r;
}

static size_t values_of_a_node(const struct eo_call_tree *tree)
{
	return tree->type_count * (tree->sides == EO_CALL_TWO_SIDES ? 2 : 1);
}

/* Nodes without a value of their own share the zeros at the start. */
static int add_values(struct eo_call_tree *tree, uint32_t node, const int64_t *values, bool is_base)
{
	struct eo_call_index *index = tree->index;
	size_t count = values_of_a_node(tree);
	int64_t *self;

	if (!tree->nodes[node].self) {
		if (!reserve_values(tree, count))
			return -ENOMEM;
		memset(tree->values + index->value_count, 0, count * sizeof(*tree->values));
		tree->nodes[node].self = index->value_count;
		index->value_count += count;
	}
	self = tree->values + tree->nodes[node].self + (is_base ? tree->type_count : 0);
	for (size_t i = 0; i < tree->type_count; i++)
		if (is_base ? __builtin_sub_overflow(self[i], values[i], &self[i]) :
			      __builtin_add_overflow(self[i], values[i], &self[i]))
			self[i] = (values[i] < 0) == is_base ? INT64_MAX : INT64_MIN;
	return 0;
}

static int add_sample(struct eo_call_tree *tree, const struct eo_sample *sample)
{
	struct eo_call_index *index = tree->index;
	const struct eo_profile *profile = index->profile;
	struct eo_span stack = profile->stacks[sample->stack];
	uint32_t node = 0;
	int r;

	r = step_labels(tree, sample->label_set, &node);
	for (uint32_t i = stack.count; r == 0 && i > 0; i--) {
		uint32_t location = profile->frames[stack.first + i - 1];
		size_t end = index->first_frame[location + 1];

		for (size_t at = index->first_frame[location]; r == 0 && at < end; at++)
			r = step(tree, node, index->location_frames[at], &node);
	}
	if (r == 0 && !node)
		r = step(tree, node, index->nothing, &node);
	if (r < 0)
		return r;
	return add_values(tree, node, profile->values + sample->values,
			  tree->sides == EO_CALL_TWO_SIDES &&
				  eo_profile_is_base(profile, sample->label_set));
}

/* ---- order ---- */

/* A tree whose nodes stand in the order of their making, about to be sorted. */
struct sorting {
	struct eo_call_tree *tree;
	uint64_t *weights; /* of nodes with all below them */
	uint32_t *ranks;   /* of frames */
	/* By node, 0 none. */
	uint32_t *first_child, *next_sibling;
	uint32_t *order; /* nodes or frames */
};

static void sorting_fini(struct sorting *s)
{
	free(s->weights);
	free(s->ranks);
	free(s->first_child);
	free(s->next_sibling);
	free(s->order);
}

static int compare_frames(const void *left, const void *right, void *arg)
{
	const struct eo_call_tree *tree = ((const struct sorting *)arg)->tree;
	const char **strings = tree->index->strings.strings;
	const struct eo_call_frame *a = &tree->frames[*(const uint32_t *)left];
	const struct eo_call_frame *b = &tree->frames[*(const uint32_t *)right];
	int r = strcmp(strings[a->name], strings[b->name]);

	if (!r)
		r = strcmp(strings[a->module], strings[b->module]);
	if (!r)
		r = (a->kind > b->kind) - (a->kind < b->kind);
	return r ? r : a->is_inlined - b->is_inlined;
}

static int compare_siblings(const void *left, const void *right, void *arg)
{
	const struct sorting *s = arg;
	uint32_t l = *(const uint32_t *)left, r = *(const uint32_t *)right;
	const struct eo_call_node *a = &s->tree->nodes[l], *b = &s->tree->nodes[r];

	if (a->parent != b->parent)
		return a->parent < b->parent ? -1 : 1;
	if (s->weights[l] != s->weights[r])
		return s->weights[l] > s->weights[r] ? -1 : 1;
	return (s->ranks[a->frame] > s->ranks[b->frame]) - (s->ranks[a->frame] < s->ranks[b->frame]);
}

static uint64_t magnitude(int64_t value)
{
	return value < 0 ? -(uint64_t)value : (uint64_t)value;
}

static void weigh(struct sorting *s, size_t value_type)
{
	const struct eo_call_tree *tree = s->tree;

	if (!tree->type_count)
		return;
	/* Children come after their parents. */
	for (size_t i = tree->node_count; i-- > 0;) {
		const int64_t *self = tree->values + tree->nodes[i].self + value_type;
		uint64_t weight = magnitude(self[0]), *sum;

		if (tree->sides == EO_CALL_TWO_SIDES && magnitude(self[tree->type_count]) > weight)
			weight = magnitude(self[tree->type_count]);
		if (__builtin_add_overflow(s->weights[i], weight, &s->weights[i]))
			s->weights[i] = UINT64_MAX;
		sum = &s->weights[tree->nodes[i].parent];
		if (i && __builtin_add_overflow(*sum, s->weights[i], sum))
			*sum = UINT64_MAX;
	}
}

static void link_siblings(struct sorting *s)
{
	const struct eo_call_tree *tree = s->tree;

	for (size_t i = 0; i < tree->node_count; i++)
		s->order[i] = (uint32_t)i;
	/* The root, which is its own parent, stays where it is. */
	qsort_r(s->order + 1, tree->node_count - 1, sizeof(*s->order), compare_siblings, s);
	for (size_t i = tree->node_count; i-- > 1;) {
		uint32_t node = s->order[i], parent = tree->nodes[node].parent;

		s->next_sibling[node] = s->first_child[parent];
		s->first_child[parent] = node;
	}
}

/* The node behind @node, depth first; 0 behind the last. */
static uint32_t next_node(const struct sorting *s, uint32_t node)
{
	if (s->first_child[node])
		return s->first_child[node];
	while (node && !s->next_sibling[node])
		node = s->tree->nodes[node].parent;
	return s->next_sibling[node];
}

/* Puts nodes and frames into the order in which they are shown. */
static int renumber(struct sorting *s)
{
	struct eo_call_tree *tree = s->tree;
	struct eo_call_node *nodes = calloc(tree->node_count, sizeof(*nodes));
	struct eo_call_frame *frames = calloc(tree->frame_count, sizeof(*frames));
	EO_AUTO_FREE uint32_t *frame_numbers = calloc(tree->frame_count, sizeof(*frame_numbers));
	uint32_t *node_numbers = s->order;
	uint32_t node = 0, frame_count = 1;

	if (!nodes || !frames || !frame_numbers) {
		free(nodes);
		free(frames);
		return -ENOMEM;
	}
	for (uint32_t number = 0; number < tree->node_count; number++) {
		nodes[number] = tree->nodes[node];
		nodes[number].parent = number ? node_numbers[nodes[number].parent] : 0;
		if (number && !frame_numbers[nodes[number].frame]) {
			frames[frame_count] = tree->frames[nodes[number].frame];
			frame_numbers[nodes[number].frame] = frame_count++;
		}
		nodes[number].frame = frame_numbers[nodes[number].frame];
		node_numbers[node] = number;
		node = next_node(s, node);
	}
	free(tree->nodes);
	free(tree->frames);
	tree->nodes = nodes;
	tree->frames = frames;
	tree->frame_count = frame_count;
	return 0;
}

static int sort(struct eo_call_tree *tree, size_t value_type)
{
	size_t most = tree->node_count > tree->frame_count ? tree->node_count : tree->frame_count;
	struct sorting s = {
		.tree = tree,
		.weights = calloc(tree->node_count, sizeof(*s.weights)),
		.ranks = calloc(tree->frame_count, sizeof(*s.ranks)),
		.first_child = calloc(tree->node_count, sizeof(*s.first_child)),
		.next_sibling = calloc(tree->node_count, sizeof(*s.next_sibling)),
		.order = calloc(most, sizeof(*s.order)),
	};
	int r = -ENOMEM;

	if (s.weights && s.ranks && s.first_child && s.next_sibling && s.order) {
		for (size_t i = 0; i < tree->frame_count; i++)
			s.order[i] = (uint32_t)i;
		qsort_r(s.order, tree->frame_count, sizeof(*s.order), compare_frames, &s);
		for (size_t i = 0; i < tree->frame_count; i++)
			s.ranks[s.order[i]] = (uint32_t)i;
		weigh(&s, value_type);
		link_siblings(&s);
		r = renumber(&s);
	}
	sorting_fini(&s);
	return r;
}

/* ---- the whole ---- */

static enum eo_call_sides find_sides(const struct eo_profile *profile)
{
	if (eo_profile_is_difference(profile))
		return EO_CALL_TWO_SIDES;
	for (size_t i = 0; i < profile->value_count; i++)
		if (profile->values[i] < 0)
			return EO_CALL_SIGNED;
	return EO_CALL_PLAIN;
}

static int init(struct eo_call_tree *tree, const struct eo_profile *profile)
{
	struct eo_call_index *index = calloc(1, sizeof(*index));
	struct eo_call_frame nothing = { .kind = EO_FRAME_UNKNOWN };
	int r;

	if (!index)
		return -ENOMEM;
	tree->index = index;
	index->profile = profile;
	index->seed = eo_hash_seed();
	tree->sides = find_sides(profile);
	tree->type_count = profile->value_type_count;
	if (eo_string_table_init(&index->strings) < 0)
		return -ENOMEM;
	index->first_frame = calloc(profile->location_count + 1, sizeof(*index->first_frame));
	index->location_frames = calloc(profile->location_count + profile->line_count,
					sizeof(*index->location_frames));
	if (!index->first_frame || !index->location_frames || !reserve_frame(tree) ||
	    !reserve_node(tree) || !reserve_values(tree, values_of_a_node(tree) + 1))
		return -ENOMEM;
	tree->frames[tree->frame_count++] = (struct eo_call_frame){ 0 };
	tree->nodes[tree->node_count++] = (struct eo_call_node){ 0 };
	/* One more than needed, so that 0 means none even where nodes have no values. */
	index->value_count = values_of_a_node(tree) + 1;
	memset(tree->values, 0, index->value_count * sizeof(*tree->values));

	r = intern(tree, "[unknown]", &nothing.name);
	if (r == 0)
		r = add_frame(tree, &nothing, &index->nothing);
	/* Element 0 is no location; it keeps an empty run. */
	for (size_t i = 1; r == 0 && i < profile->location_count; i++)
		r = add_location(tree, i);
	return r;
}

int eo_call_tree_new(const struct eo_profile *profile, size_t value_type,
		     struct eo_call_tree **ret)
{
	EO_AUTO(eo_call_tree) tree = calloc(1, sizeof(*tree));
	int r;

	if (!tree)
		return -ENOMEM;
	r = init(tree, profile);
	for (size_t i = 0; r == 0 && i < profile->sample_count; i++)
		r = add_sample(tree, &profile->samples[i]);
	if (r == 0)
		r = sort(tree, value_type);
	if (r < 0)
		return r;
	index_fini(tree->index);
	tree->strings = tree->index->strings.strings;
	tree->string_count = tree->index->strings.count;
	*ret = eo_steal(&tree);
	return 0;
}
