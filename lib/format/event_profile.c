/* SPDX-License-Identifier: BSD-2-Clause */
#include "format/event_profile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/array.h"
#include "core/auto.h"
#include "core/hash.h"
#include "core/index.h"

enum kind {
	KIND_NONE,
	KIND_CPU,
	KIND_HEAP,
	KIND_SPACE,
	KIND_PAGES,
	KIND_OBJECTS,
	KIND_TIME,
	KIND_COUNT,
};

#define MAX_VALUES 4

#define HEAP_VALUES                                                                            \
	{                                                                                      \
		{ "alloc_objects", "count" }, { "alloc_space", "bytes" },                      \
			{ "inuse_objects", "count" }, { "inuse_space", "bytes" },              \
	}

static const struct {
	const char *name; /* for messages */
	struct {
		const char *type, *unit;
	} values[MAX_VALUES];
	const char *shown; /* when nobody asks */
} kinds[KIND_COUNT] = {
	[KIND_CPU] = { "CPU samples", { { "samples", "count" } }, "samples" },
	[KIND_HEAP] = { "allocations", HEAP_VALUES, "inuse_space" },
	[KIND_SPACE] = { "address space", HEAP_VALUES, "inuse_space" },
	/* Pages that go do not say who brought them in. */
	[KIND_PAGES] = { "resident pages",
			 { { "alloc_objects", "count" }, { "alloc_space", "bytes" } },
			 "alloc_space" },
	[KIND_OBJECTS] = { "the kernel's objects", HEAP_VALUES, "inuse_space" },
	[KIND_TIME] = { "events that take time",
			{ { "samples", "count" }, { "duration", "nanoseconds" } },
			"duration" },
};

/* A block that is in use, and where it was allocated. */
struct block {
	uint64_t pid, address;
	int64_t size;
	uint32_t stack, labels, next_free;
	bool used;
};

/* Parts of address space are searched for one by one: there are few, unless somebody made up a file
 * to keep us busy. */
#define CUTS_MAX 500000000u

struct eo_event_profile {
	struct eo_profile *profile;
	enum kind kind;
	struct block *blocks;
	size_t block_count, block_capacity;
	uint32_t free_blocks; /* from 1; 0: none */
	uint64_t cuts;	      /* looks at a block for its parts */
	struct eo_index index;
	uint64_t seed;
	uint64_t first_ns, last_ns; /* Unix time */
};

static int failed(struct eo_error *err, int status)
{
	return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, -status, NULL,
			    "make a profile of events");
}

int eo_event_profile_new(struct eo_event_profile **ret, struct eo_error *err)
{
	EO_AUTO(eo_event_profile) events = calloc(1, sizeof(*events));

	if (events)
		events->profile = eo_profile_new();
	if (!events || !events->profile)
		return failed(err, -ENOMEM);
	events->seed = eo_hash_seed();
	*ret = eo_steal(&events);
	return 0;
}

void eo_event_profile_free(struct eo_event_profile *events)
{
	if (!events)
		return;
	eo_profile_free(events->profile);
	free(events->blocks);
	eo_index_fini(&events->index);
	free(events);
}

/* --- blocks ------------------------------------------------------------------------------ */

static uint32_t hash_of(const struct eo_event_profile *events, const uint64_t key[2])
{
	return (uint32_t)eo_hash_words(events->seed, key, 2);
}

static uint32_t find_block(const struct eo_event_profile *events, const uint64_t key[2])
{
	uint32_t cursor = 0, i;

	do
		i = eo_index_next(&events->index, hash_of(events, key), &cursor);
	while (i != EO_INDEX_NONE &&
	       (events->blocks[i].pid != key[0] || events->blocks[i].address != key[1]));
	return i;
}

/* Its bytes are no longer in use where they were allocated. */
static void release(struct eo_event_profile *events, uint32_t i)
{
	struct block *block = &events->blocks[i];
	const uint64_t key[2] = { block->pid, block->address };
	const int64_t values[MAX_VALUES] = { 0, 0, -1, -block->size };

	eo_profile_add_sample(events->profile, block->stack, block->labels, values);
	eo_index_remove(&events->index, hash_of(events, key), i);
	block->used = false;
	block->next_free = events->free_blocks;
	events->free_blocks = i + 1;
}

static void release_block(struct eo_event_profile *events, const uint64_t key[2])
{
	uint32_t i = find_block(events, key);

	if (i != EO_INDEX_NONE)
		release(events, i);
}

static int add_block(struct eo_event_profile *events, const struct block *block)
{
	const uint64_t key[2] = { block->pid, block->address };
	uint32_t i;

	/* Where a free was lost, the address is given out again. */
	release_block(events, key);
	if (!events->free_blocks &&
	    (events->block_count + 1 >= EO_INDEX_NONE ||
	     !EO_ARRAY_RESERVE(events->blocks, events->block_count + 1, events->block_capacity, 256)))
		return -ENOMEM;
	i = events->free_blocks ? events->free_blocks - 1 : (uint32_t)events->block_count;
	if (eo_index_add(&events->index, hash_of(events, key), i) < 0)
		return -ENOMEM;
	if (events->free_blocks)
		events->free_blocks = events->blocks[i].next_free;
	else
		events->block_count++;
	events->blocks[i] = *block;
	events->blocks[i].used = true;
	return 0;
}

/* --- stacks ------------------------------------------------------------------------------ */

static const char *text_of(const struct eo_attr *frame, const char *key)
{
	const struct eo_attr *attr = eo_attr_member(frame, key);

	return attr && attr->type == EO_ATTR_STRING ? attr->str : "";
}

static uint64_t number_of(const struct eo_attr *frame, const char *key)
{
	const struct eo_attr *attr = eo_attr_member(frame, key);

	return attr && (attr->type == EO_ATTR_HEX || attr->type == EO_ATTR_UINT) ? attr->unum : 0;
}

/* The offset is that in the function, and where functions begin is not in the event. Without a
 * function it is that in the file, and all that is known. */
static uint32_t add_location(struct eo_profile *profile, const struct eo_attr *frame)
{
	struct eo_mapping mapping = {
		.filename = eo_profile_string(profile, text_of(frame, "module")),
		.build_id = eo_profile_string(profile, text_of(frame, "build_id")),
		.has_functions = true,
	};
	struct eo_function function = {
		.name = eo_profile_string(profile, text_of(frame, "function")),
		.filename = eo_profile_string(profile, text_of(frame, "file")),
	};
	bool has_name = *text_of(frame, "function");
	struct eo_location location = {
		.address = number_of(frame, has_name ? "address" : "offset"),
		.kind = eo_frame_kind_parse(text_of(frame, "kind")),
	};
	struct eo_line line = { .line = (int64_t)number_of(frame, "line") };

	function.system_name = function.name;
	if (mapping.filename || mapping.build_id)
		location.mapping = eo_profile_mapping(profile, &mapping);
	if (has_name)
		line.function = eo_profile_function(profile, &function);
	return eo_profile_location(profile, &location, &line, has_name);
}

static int add_stack(struct eo_profile *profile, const struct eo_attr *stack, uint32_t *ret)
{
	EO_AUTO_FREE uint32_t *locations = calloc(stack->count + 1, sizeof(*locations));
	size_t count = 0;

	if (!locations)
		return -ENOMEM;
	for (uint32_t i = 1; i <= stack->count; i += 1 + stack[i].count)
		locations[count++] = add_location(profile, &stack[i]);
	*ret = eo_profile_stack(profile, locations, count);
	return 0;
}

/* A part that stays of a block that was cut. */
static int keep_part(struct eo_event_profile *events, const struct block *whole, uint64_t address,
		     uint64_t size)
{
	const int64_t values[MAX_VALUES] = { 0, 0, 1, (int64_t)size };
	struct block part = *whole;

	part.address = address;
	part.size = (int64_t)size;
	eo_profile_add_sample(events->profile, part.stack, part.labels, values);
	return add_block(events, &part);
}

/* Address space is also given back in parts: one free for each block that it cuts. */
static int release_range(struct eo_event_profile *events, const uint64_t key[2], uint64_t size)
{
	uint32_t i = find_block(events, key);
	struct block whole;
	uint64_t end;
	int err = 0;

	if (i != EO_INDEX_NONE && (uint64_t)events->blocks[i].size <= size) {
		release(events, i);
		return 0;
	}
	for (i = 0; i < events->block_count && events->cuts < CUTS_MAX; i++, events->cuts++) {
		const struct block *at = &events->blocks[i];

		if (at->used && at->pid == key[0] && key[1] >= at->address &&
		    key[1] - at->address < (uint64_t)at->size)
			break;
	}
	if (i == events->block_count || events->cuts >= CUTS_MAX)
		return 0;
	whole = events->blocks[i];
	release(events, i);
	end = whole.address + (uint64_t)whole.size;
	if (key[1] > whole.address)
		err = keep_part(events, &whole, whole.address, key[1] - whole.address);
	if (!err && size < end - key[1])
		err = keep_part(events, &whole, key[1] + size, end - key[1] - size);
	return err;
}

static uint32_t add_labels(struct eo_profile *profile, const struct eo_event *event)
{
	struct eo_label labels[4];
	char comm[EO_COMM_BYTES + 1] = { 0 }, thread[EO_COMM_BYTES + 1] = { 0 };
	size_t count = 0;

	memcpy(comm, event->comm, EO_COMM_BYTES);
	memcpy(thread, event->thread, EO_COMM_BYTES);
	if (*comm)
		labels[count++] = (struct eo_label){ .key = eo_profile_string(profile, "comm"),
						     .str = eo_profile_string(profile, comm) };
	if (event->pid)
		labels[count++] = (struct eo_label){ .key = eo_profile_string(profile, "pid"),
						     .num = event->pid,
						     .is_number = true };
	if (*thread)
		labels[count++] = (struct eo_label){ .key = eo_profile_string(profile, "thread"),
						     .str = eo_profile_string(profile, thread) };
	return eo_profile_label_set(profile, labels, count);
}

/* --- events ------------------------------------------------------------------------------ */

static enum kind kind_of_memory(const struct eo_event *event)
{
	const struct eo_attr *attr = eo_event_data(event, "source");
	const char *source = attr && attr->type == EO_ATTR_STRING ? attr->str : "";

	if (!strcmp(source, "mmap"))
		return KIND_SPACE;
	if (!strcmp(source, "fault"))
		return KIND_PAGES;
	return strcmp(source, "kernel") ? KIND_HEAP : KIND_OBJECTS;
}

static bool has_blocks(enum kind kind)
{
	return kind == KIND_HEAP || kind == KIND_SPACE || kind == KIND_OBJECTS;
}

/* The kernel frees objects for whomever it works at the time. */
static uint64_t owner_of(enum kind kind, const struct eo_event *event)
{
	return kind == KIND_OBJECTS ? 0 : event->pid;
}

static enum kind kind_of(const struct eo_event *event)
{
	switch (event->type) {
	case EO_EVENT_CPU_SAMPLE:
		return KIND_CPU;
	case EO_EVENT_MEMORY_ALLOC:
	case EO_EVENT_MEMORY_FREE:
		return kind_of_memory(event);
	default:
		return KIND_TIME;
	}
}

static int set_kind(struct eo_event_profile *events, enum kind kind, struct eo_error *err)
{
	if (events->kind == kind)
		return 0;
	if (events->kind != KIND_NONE)
		return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, 0,
				    "take one of them out of the stream first, as with grep",
				    "a profile of %s cannot hold %s", kinds[events->kind].name,
				    kinds[kind].name);
	events->kind = kind;
	for (size_t i = 0; i < MAX_VALUES && kinds[kind].values[i].type; i++)
		eo_profile_add_value_type(events->profile, kinds[kind].values[i].type,
					  kinds[kind].values[i].unit);
	events->profile->default_value_type =
		eo_profile_string(events->profile, kinds[kind].shown);
	return 0;
}

static int64_t data_number(const struct eo_event *event, const char *key)
{
	const struct eo_attr *attr = eo_event_data(event, key);

	return attr && attr->type == EO_ATTR_UINT && attr->unum <= INT64_MAX ? attr->num : 0;
}

static void note_time(struct eo_event_profile *events, const struct eo_event *event,
		      const struct eo_event_clock *clock)
{
	uint64_t time_ns = event->ktime_ns + (uint64_t)clock->wall_offset_ns;

	if (!events->last_ns || time_ns < events->first_ns)
		events->first_ns = time_ns;
	if (time_ns > events->last_ns)
		events->last_ns = time_ns;
}

static int add(struct eo_event_profile *events, const struct eo_event *event,
	       const struct eo_attr *stack)
{
	const struct eo_attr *address = eo_event_data(event, "address");
	struct block block = { .pid = owner_of(events->kind, event),
			       .size = data_number(event, "size_bytes") };
	int64_t values[MAX_VALUES] = { 1, data_number(event, "duration_ns") };
	int err = add_stack(events->profile, stack, &block.stack);

	if (err)
		return err;
	block.labels = add_labels(events->profile, event);
	if (events->kind == KIND_PAGES)
		values[1] = block.size;
	if (has_blocks(events->kind)) {
		values[1] = values[3] = block.size;
		values[2] = 1;
	}
	eo_profile_add_sample(events->profile, block.stack, block.labels, values);
	if (has_blocks(events->kind) && address && address->type == EO_ATTR_HEX) {
		block.address = address->unum;
		err = add_block(events, &block);
	}
	return err ? err : eo_profile_status(events->profile);
}

static int take_back(struct eo_event_profile *events, const struct eo_event *event)
{
	const struct eo_attr *address = eo_event_data(event, "address");
	uint64_t key[2] = { owner_of(events->kind, event) }, size;

	if (!address || address->type != EO_ATTR_HEX)
		return 0;
	key[1] = address->unum;
	size = (uint64_t)data_number(event, "size_bytes");
	if (events->kind == KIND_SPACE && size)
		return release_range(events, key, size);
	release_block(events, key);
	return 0;
}

int eo_event_profile_add(struct eo_event_profile *events, const struct eo_event *event,
			 const struct eo_event_clock *clock, struct eo_error *err)
{
	const struct eo_attr *stack = eo_event_data(event, "stack");
	int status = 0;

	note_time(events, event, clock);
	if (event->type == EO_EVENT_MEMORY_FREE) {
		if (has_blocks(events->kind) && kind_of(event) == events->kind)
			status = take_back(events, event);
		return status < 0 ? failed(err, status) : 0;
	}
	if (!stack || stack->type != EO_ATTR_ARRAY ||
	    (event->type == EO_EVENT_MEMORY_ALLOC && eo_event_data(event, "error")))
		return 0;
	status = set_kind(events, kind_of(event), err);
	if (status < 0)
		return status;
	status = add(events, event, stack);
	return status < 0 ? failed(err, status) : 1;
}

int eo_event_profile_finish(struct eo_event_profile *events, struct eo_profile **ret,
			    struct eo_error *err)
{
	int status = eo_profile_status(events->profile);

	if (status < 0)
		return failed(err, status);
	if (events->kind == KIND_NONE) {
		eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, 0,
			     "events have stacks when they are traced with --stack",
			     "make a profile of events: none of them has a stack");
		return -ENODATA;
	}
	events->profile->time_ns = (int64_t)events->first_ns;
	events->profile->duration_ns = (int64_t)(events->last_ns - events->first_ns);
	*ret = eo_steal(&events->profile);
	return 0;
}
