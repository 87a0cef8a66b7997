// SPDX-License-Identifier: BSD-2-Clause
#include "capture/stack_store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capture/stack_resources.h"
#include "core/array.h"
#include "core/hash.h"
#include "core/index.h"
#include "model/module_name.h"

/* Records kept for a second look at the end, because a just-in-time compiler had not yet told the
 * names: 2,000 of them are about 1 MB. Further ones keep their bare addresses. */
#define PENDING_MAX 2000

/* Nothing is mapped in page 0 (sysctl vm.mmap_min_addr): a frame pointer that leads there was none,
 * and neither is what would follow. */
#define LOWEST_CODE 4096u

#define LINES_MAX 256u /* functions of one address, inlined into one another */

struct slot {
	uint64_t hash;
	uint32_t stack, label_set, resource;
	uint32_t tgid;
	uint32_t singles; /* samples that came one by one */
	uint32_t user_walk;
	bool used;
};

struct moment {
	uint64_t hash, ktime_ns;
};

struct eo_stack_store {
	struct eo_symbolizer *symbolizer;
	struct eo_profile *profile;
	struct eo_stack_layout layout;
	struct eo_user_walks walks; /* of the samples in the profile */

	struct slot *slots; /* open addressing, at most three quarters full */
	size_t slot_count, used;

	struct eo_stack_record **pending;
	size_t pending_count;

	struct moment *moments; /* of samples, with timestamps */
	size_t moment_count, moment_size;

	uint64_t *offsets; /* by location: of the address in its function */
	size_t offset_count;

	const struct eo_module **modules; /* by eo_module.id: mapping made of it */
	uint32_t *mappings;
	size_t module_count;

	struct eo_stack_resources resources;
};

struct eo_stack_layout eo_stack_layout_cpu(uint64_t period_ns, bool per_thread)
{
	return (struct eo_stack_layout){
		.values = {{"samples", "count"}, {"cpu", "nanoseconds"}},
		.period_ns = period_ns,
		.per_thread = per_thread,
	};
}

int eo_stack_store_new(struct eo_symbolizer *symbolizer, const struct eo_stack_layout *layout,
		       struct eo_stack_store **ret)
{
	EO_AUTO(eo_stack_store) store = calloc(1, sizeof(*store));

	if (!store)
		return -ENOMEM;
	store->symbolizer = symbolizer;
	store->layout = *layout;
	store->profile = eo_profile_new();
	store->slot_count = 1024;
	store->slots = calloc(store->slot_count, sizeof(*store->slots));
	if (!store->profile || !store->slots)
		return -ENOMEM;
	for (size_t i = 0; i < EO_STACK_VALUES_MAX && layout->values[i].type; i++)
		eo_profile_add_value_type(store->profile, layout->values[i].type, layout->values[i].unit);
	*ret = eo_steal(&store);
	return 0;
}

void eo_stack_store_with_resources(struct eo_stack_store *store, struct eo_process_resource *resources)
{
	eo_stack_resources_init(&store->resources, resources, store->profile);
}

void eo_stack_store_free(struct eo_stack_store *store)
{
	if (!store)
		return;
	eo_profile_free(store->profile);
	free(store->slots);
	for (size_t i = 0; i < store->pending_count; i++)
		free(store->pending[i]);
	free(store->pending);
	free(store->moments);
	free(store->offsets);
	free(store->modules);
	free(store->mappings);
	eo_stack_resources_fini(&store->resources);
	free(store);
}

/* The slot that holds @hash, or the free one where it belongs. */
static struct slot *find_slot(struct slot *slots, size_t count, uint64_t hash)
{
	size_t i = hash & (count - 1);

	while (slots[i].used && slots[i].hash != hash)
		i = (i + 1) & (count - 1);
	return &slots[i];
}

static int make_room(struct eo_stack_store *store)
{
	size_t larger = store->slot_count * 2;
	struct slot *slots;

	if (store->used * 4 < store->slot_count * 3)
		return 0;
	slots = calloc(larger, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; i < store->slot_count; i++)
		if (store->slots[i].used)
			*find_slot(slots, larger, store->slots[i].hash) = store->slots[i];
	free(store->slots);
	store->slots = slots;
	store->slot_count = larger;
	return 0;
}

/* Modules are few and have small numbers, so that a table replaces the search. */
static uint32_t mapping_of(struct eo_stack_store *store, const struct eo_module *module)
{
	struct eo_profile *profile = store->profile;

	if (module->id >= store->module_count) {
		size_t count = (module->id | 63) + 1;
		const struct eo_module **modules = reallocarray(store->modules, count, sizeof(*modules));
		uint32_t *mappings;

		if (!modules)
			return 0;
		store->modules = modules;
		mappings = reallocarray(store->mappings, count, sizeof(*mappings));
		if (!mappings)
			return 0;
		store->mappings = mappings;
		memset(modules + store->module_count, 0, (count - store->module_count) * sizeof(*modules));
		store->module_count = count;
	}
	if (!store->modules[module->id]) {
		struct eo_mapping mapping = {
			.start = module->start,
			.limit = module->limit,
			.offset = module->offset,
			.filename = eo_profile_string(profile, module->name),
			.build_id = eo_profile_string(profile, module->build_id),
		};

		store->mappings[module->id] = eo_profile_mapping(profile, &mapping);
		store->modules[module->id] = module;
	}
	return store->mappings[module->id];
}

/* The profile's model has no place for it. */
static uint32_t keep_offset(struct eo_stack_store *store, uint32_t location, const struct eo_frame *frame)
{
	if (location >= store->offset_count) {
		size_t count = (size_t)(location | 1023) + 1;
		uint64_t *offsets = reallocarray(store->offsets, count, sizeof(*offsets));

		if (!offsets)
			return location;
		memset(offsets + store->offset_count, 0, (count - store->offset_count) * sizeof(*offsets));
		store->offsets = offsets;
		store->offset_count = count;
	}
	store->offsets[location] = frame->function_offset;
	return location;
}

static uint32_t location_of(struct eo_stack_store *store, const struct eo_frame *frame)
{
	struct eo_location location = {
		.address = frame->address,
		.mapping = frame->module ? mapping_of(store, frame->module) : 0,
		.kind = frame->kind,
	};
	struct eo_function function = {0};
	struct eo_line line = {0};

	if (!frame->name)
		return eo_profile_location(store->profile, &location, NULL, 0);
	function.name = eo_profile_string(store->profile, frame->name);
	function.system_name = eo_profile_string(store->profile, frame->system_name);
	line.function = eo_profile_function(store->profile, &function);
	return keep_offset(store, eo_profile_location(store->profile, &location, &line, 1), frame);
}

/* Our program and what called it at its tracepoint are on top of the kernel's half. */
static bool is_tracepoint(const struct eo_frame *frame)
{
	static const char *const beginnings[] = {
		"bpf_prog_", "bpf_trace_run", "__bpf_trace_", "__traceiter_",
	};

	for (size_t i = 0; frame->name && i < EO_ARRAY_SIZE(beginnings); i++)
		if (strncmp(frame->name, beginnings[i], strlen(beginnings[i])) == 0)
			return true;
	return false;
}

/* Returns the stack's index; @nameless tells that code of a JIT has no name yet. */
static uint32_t name_stack(struct eo_stack_store *store, const struct eo_stack_record *record,
			   bool *nameless)
{
	uint32_t locations[2 * EO_MAX_FRAMES], count = 0;
	struct eo_frame frame;

	*nameless = false;
	for (uint32_t i = 0; i < record->kernel_frames; i++) {
		eo_symbolizer_kernel(store->symbolizer, record->frames[i], i > 0, &frame);
		if (count == 0 && store->layout.tracepoints && is_tracepoint(&frame))
			continue;
		locations[count++] = location_of(store, &frame);
	}
	for (uint32_t i = 0; i < record->user_frames; i++) {
		uint64_t address = record->frames[record->kernel_frames + i];

		if (i > 0 && address < LOWEST_CODE)
			break;
		eo_symbolizer_user(store->symbolizer, record->tgid, address, i > 0, &frame);
		*nameless |= frame.kind == EO_FRAME_JIT && !frame.name;
		locations[count++] = location_of(store, &frame);
	}
	if (count == 0)
		locations[count++] = eo_profile_synthetic_frame(store->profile, "[no stack]");
	return eo_profile_stack(store->profile, locations, count);
}

static uint32_t label_record(struct eo_stack_store *store, const struct eo_stack_record *record)
{
	struct eo_profile *profile = store->profile;
	struct eo_label labels[4] = { /* comm is the second: eo_stack_store_owner() */
		{.key = eo_profile_string(profile, "pid"), .num = record->tgid, .is_number = true},
		{.key = eo_profile_string(profile, "comm"),
		 .str = eo_profile_string_n(profile, record->comm, sizeof(record->comm))},
	};

	if (!store->layout.per_thread)
		return eo_profile_label_set(profile, labels, 2);
	labels[2] = (struct eo_label){.key = eo_profile_string(profile, "tid"), .num = record->tid, .is_number = true};
	labels[3] = (struct eo_label){
		.key = eo_profile_string(profile, "thread"),
		.str = eo_profile_string_n(profile, record->thread, sizeof(record->thread)),
	};
	return eo_profile_label_set(profile, labels, 4);
}

static void keep_pending(struct eo_stack_store *store, const struct eo_stack_record *record)
{
	size_t bytes = EO_STACK_HEADER_BYTES +
		       (record->kernel_frames + record->user_frames) * sizeof(record->frames[0]);

	if (store->pending_count == PENDING_MAX)
		return;
	if (!store->pending)
		store->pending = calloc(PENDING_MAX, sizeof(*store->pending));
	if (!store->pending)
		return; /* the addresses stay, which is what they are without a second look */
	store->pending[store->pending_count] = malloc(bytes);
	if (store->pending[store->pending_count])
		memcpy(store->pending[store->pending_count++], record, bytes);
}

int eo_stack_store_add(struct eo_stack_store *store, const struct eo_stack_record *record)
{
	struct slot *slot;
	bool nameless;

	if (make_room(store) < 0)
		return -ENOMEM;
	slot = find_slot(store->slots, store->slot_count, record->hash);
	if (slot->used)
		return 0;
	*slot = (struct slot){
		.hash = record->hash,
		.stack = name_stack(store, record, &nameless),
		.label_set = label_record(store, record),
		.resource = eo_stack_resources_of(&store->resources, record),
		.tgid = record->tgid,
		.user_walk = record->user_walk % EO_USER_WALK_COUNT,
		.used = true,
	};
	store->used++;
	if (nameless)
		keep_pending(store, record);
	return eo_profile_status(store->profile);
}

bool eo_stack_store_has(const struct eo_stack_store *store, uint64_t hash)
{
	return find_slot(store->slots, store->slot_count, hash)->used;
}

void eo_stack_store_add_one(struct eo_stack_store *store, uint64_t hash)
{
	struct slot *slot = find_slot(store->slots, store->slot_count, hash);

	slot->singles += slot->used;
}

size_t eo_stack_store_size(const struct eo_stack_store *store)
{
	return store->used;
}

static void add_sample(struct eo_stack_store *store, const struct slot *slot, uint64_t count)
{
	int64_t values[] = {(int64_t)count, (int64_t)count * (int64_t)store->layout.period_ns};

	eo_profile_add_sample_of(store->profile, slot->resource, slot->stack, slot->label_set, values);
}

bool eo_stack_store_count(struct eo_stack_store *store, uint64_t hash, uint64_t count)
{
	const struct slot *slot = find_slot(store->slots, store->slot_count, hash);

	if (!slot->used)
		return false;
	add_sample(store, slot, count);
	store->walks.counts[slot->user_walk] += count;
	return true;
}

bool eo_stack_store_add_values(struct eo_stack_store *store, uint64_t hash, const int64_t *values)
{
	const struct slot *slot = find_slot(store->slots, store->slot_count, hash);

	if (slot->used)
		eo_profile_add_sample_of(store->profile, slot->resource, slot->stack, slot->label_set, values);
	return slot->used;
}

void eo_stack_store_add_unknown(struct eo_stack_store *store, const int64_t *values)
{
	uint32_t frame = eo_profile_synthetic_frame(store->profile, "[unknown stack]");

	eo_profile_add_sample_of(store->profile, store->resources.host, eo_profile_stack(store->profile, &frame, 1), 0, values);
}

/* Without a function the offset is that in the file, and with the build id somebody else can still
 * find the name. */
static size_t frame_rows(const struct eo_stack_store *store, uint32_t number, struct eo_attr *rows)
{
	const struct eo_profile *profile = store->profile;
	const struct eo_location *location = &profile->locations[number];
	const char *module = eo_module_name(profile, location->mapping);
	const char *build_id = profile->strings[profile->mappings[location->mapping].build_id];
	const char *kind = eo_frame_kind_name(location->kind);
	uint64_t offset = location->address;
	size_t count = 1;

	if (location->line_count > 0) {
		uint32_t function = profile->lines[location->first_line].function;

		rows[count++] = (struct eo_attr){
			.key = "function",
			.type = EO_ATTR_STRING,
			.str = profile->strings[profile->functions[function].name],
		};
		offset = number < store->offset_count ? store->offsets[number] : 0;
	}
	if (*module)
		rows[count++] = (struct eo_attr){.key = "module", .type = EO_ATTR_STRING, .str = module};
	rows[count++] = (struct eo_attr){.key = "offset", .type = EO_ATTR_HEX, .unum = offset};
	if (kind)
		rows[count++] = (struct eo_attr){.key = "kind", .type = EO_ATTR_STRING, .str = kind};
	if (location->line_count == 0 && *build_id)
		rows[count++] = (struct eo_attr){.key = "build_id", .type = EO_ATTR_STRING, .str = build_id};
	rows[0] = (struct eo_attr){.type = EO_ATTR_OBJECT, .count = (uint32_t)count - 1};
	return count;
}

size_t eo_stack_store_rows(const struct eo_stack_store *store, uint64_t hash, struct eo_attr *rows, size_t room)
{
	const struct slot *slot = find_slot(store->slots, store->slot_count, hash);
	struct eo_span stack;
	size_t count = 1;

	if (!slot->used || room == 0)
		return 0;
	stack = store->profile->stacks[slot->stack];
	for (uint32_t i = 0; i < stack.count && count + EO_STACK_FRAME_ROWS <= room; i++)
		count += frame_rows(store, store->profile->frames[stack.first + i], rows + count);
	rows[0] = (struct eo_attr){.key = "stack", .type = EO_ATTR_ARRAY, .count = (uint32_t)count - 1};
	return count;
}

bool eo_stack_store_owner(const struct eo_stack_store *store, uint64_t hash, uint32_t *tgid,
			  char comm[EO_COMM_LEN])
{
	const struct slot *slot = find_slot(store->slots, store->slot_count, hash);
	const struct eo_profile *profile = store->profile;
	const struct eo_label *labels;

	if (!slot->used)
		return false;
	labels = &profile->labels[profile->label_sets[slot->label_set].first];
	*tgid = slot->tgid;
	memset(comm, 0, EO_COMM_LEN);
	memcpy(comm, profile->strings[labels[1].str], strnlen(profile->strings[labels[1].str], EO_COMM_LEN));
	return true;
}

int eo_stack_store_add_sample(struct eo_stack_store *store, uint64_t hash, uint64_t ktime_ns, size_t max)
{
	if (store->moment_count >= max)
		return -ENOSPC;
	if (!EO_ARRAY_RESERVE(store->moments, store->moment_count + 1, store->moment_size, 4096))
		return -ENOMEM;
	store->moments[store->moment_count++] = (struct moment){hash, ktime_ns};
	return 0;
}

uint64_t eo_stack_store_take_samples(struct eo_stack_store *store, int64_t wall_offset_ns)
{
	const int64_t once[] = {1, (int64_t)store->layout.period_ns};
	struct slot limit = {.resource = store->resources.host, .used = true};
	uint64_t taken = 0;

	for (size_t i = 0; i < store->moment_count; i++) {
		const struct moment *moment = &store->moments[i];
		const struct slot *slot = find_slot(store->slots, store->slot_count, moment->hash);

		if (moment->hash == 0) {
			if (!limit.stack) {
				uint32_t frame = eo_profile_synthetic_frame(store->profile, "[stack limit]");

				limit.stack = eo_profile_stack(store->profile, &frame, 1);
			}
			slot = &limit;
		}
		if (!slot->used)
			continue;
		eo_profile_add_timestamp(
			store->profile,
			eo_profile_add_sample_of(store->profile, slot->resource, slot->stack, slot->label_set, once),
			moment->ktime_ns + (uint64_t)wall_offset_ns);
		store->walks.counts[slot->user_walk] += moment->hash != 0;
		taken++;
	}
	store->moment_count = 0;
	return taken;
}

void eo_stack_store_count_limit(struct eo_stack_store *store, uint64_t count)
{
	struct slot limit = {.resource = store->resources.host};
	uint32_t frame;

	if (count == 0)
		return;
	frame = eo_profile_synthetic_frame(store->profile, "[stack limit]");
	limit.stack = eo_profile_stack(store->profile, &frame, 1);
	add_sample(store, &limit, count);
}

void eo_stack_store_settle(struct eo_stack_store *store)
{
	bool nameless;

	for (size_t i = 0; i < store->pending_count; i++) {
		struct eo_stack_record *record = store->pending[i];

		find_slot(store->slots, store->slot_count, record->hash)->stack =
			name_stack(store, record, &nameless);
		free(record);
	}
	store->pending_count = 0;
	for (size_t i = 0; i < store->slot_count; i++) {
		struct slot *slot = &store->slots[i];

		if (slot->singles) {
			add_sample(store, slot, slot->singles);
			store->walks.counts[slot->user_walk] += slot->singles;
		}
		slot->singles = 0;
	}
}

/* The functions of an address, the innermost inlined one first. The outermost keeps the name that
 * the symbol table gave it. */
static bool set_lines(struct eo_stack_store *store, uint32_t number,
		      const struct eo_source_line *found, size_t count)
{
	struct eo_profile *profile = store->profile;
	const struct eo_location *location = &profile->locations[number];
	struct eo_line lines[LINES_MAX];
	struct eo_function function;

	if (location->line_count == 0 && !found[count - 1].name)
		return false;
	for (size_t i = 0; i < count && i < LINES_MAX; i++) {
		/* Of too many the innermost are left out. */
		const struct eo_source_line *from =
			&found[i + (count > LINES_MAX ? count - LINES_MAX : 0)];

		function = (struct eo_function){0};
		if (from == &found[count - 1] && location->line_count > 0) {
			function = profile->functions[profile->lines[location->first_line].function];
		} else if (from->name) {
			function.name = eo_profile_string(profile, from->name);
			function.system_name = eo_profile_string(profile, from->system_name);
		}
		if (from->file)
			function.filename = eo_profile_string(profile, from->file);
		lines[i] = (struct eo_line){
			.function = eo_profile_function(profile, &function),
			.line = from->line,
			.column = from->column,
		};
	}
	eo_profile_set_lines(profile, number, lines, count < LINES_MAX ? count : LINES_MAX);
	return true;
}

static void add_lines(struct eo_stack_store *store)
{
	struct eo_profile *profile = store->profile;
	EO_AUTO_FREE const struct eo_module **modules =
		calloc(profile->mapping_count, sizeof(*modules)); /* by mapping */
	const struct eo_source_line *found;

	if (!modules)
		return;
	for (size_t i = 0; i < store->module_count; i++)
		if (store->modules[i])
			modules[store->mappings[i]] = store->modules[i];
	eo_symbolizer_find_lines(store->symbolizer);
	for (uint32_t i = 1; i < profile->location_count; i++) {
		uint32_t number = profile->locations[i].mapping;
		size_t count = modules[number] ?
				       eo_symbolizer_lines(store->symbolizer, modules[number],
							   profile->locations[i].address, &found) :
				       0;

		if (count > 0 && set_lines(store, i, found, count)) {
			struct eo_mapping *mapping = &profile->mappings[number];

			mapping->has_filenames = mapping->has_line_numbers =
				mapping->has_inline_frames = true;
		}
	}
}

struct eo_user_walks eo_stack_store_walks(const struct eo_stack_store *store)
{
	return store->walks;
}

struct eo_profile *eo_stack_store_take(struct eo_stack_store *store)
{
	/* Whether a file has symbols is only known once one was looked for. */
	for (size_t i = 0; i < store->module_count; i++)
		if (store->modules[i])
			store->profile->mappings[store->mappings[i]].has_functions = store->modules[i]->has_symbols;
	add_lines(store);
	return eo_steal(&store->profile);
}
