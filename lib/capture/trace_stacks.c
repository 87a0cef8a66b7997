// SPDX-License-Identifier: BSD-2-Clause
#include "capture/trace_stacks.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "core/clock.h"

#define BATCH_BYTES (64u * 1024)
#define BATCH_FULL  (-ECANCELED)
#define BATCHES_MAX 64 /* 4 MB: more than the ring holds */
#define RING_BYTES  (1u << 20)
#define TICK_NS	    100000000ull

struct eo_trace_stacks {
	struct eo_stack_source *source;
	struct eo_stack_store *store;
	struct ring_buffer *ring;
	unsigned char *batch;
	size_t batch_used, max_stacks;
	uint64_t named_ns; /* of the last record of a batch */
	uint64_t unknown, refused, user_walk[EO_USER_WALK_COUNT];

	/* While watched by a loop. */
	struct eo_loop *loop;
	struct eo_loop_source *tick, *records;
};

bool eo_trace_stacks_have_tables(struct bpf_object *object)
{
	return bpf_object__find_map_by_name(object, "unwind_rules") &&
	       libbpf_probe_bpf_helper(BPF_PROG_TYPE_KPROBE, BPF_FUNC_loop, NULL) == 1;
}

int eo_trace_stacks_prepare(struct bpf_object *object, struct eo_stack_config *config,
			    bool tables, size_t max_stacks, struct eo_error *err)
{
	config->tables = tables;
	config->wakeup_bytes = RING_BYTES / 4;
	bpf_map__set_max_entries(bpf_object__find_map_by_name(object, "stacks"), RING_BYTES);
	bpf_map__set_max_entries(bpf_object__find_map_by_name(object, "stack_ids"), (uint32_t)max_stacks);
	return tables ? eo_table_store_prepare(object, err) : 0;
}

int eo_trace_stacks_leave_out(struct bpf_object *object)
{
	/* Those of tables are not on every kind of machine. */
	static const char *const names[] = {
		"stack_slots",	  "stack_ids",	      "stacks",		 "unwind_chunks",
		"unwind_directory", "unwind_rules",   "unwind_files",	 "unwind_mappings",
		"unwind_processes",
	};
	int r = 0;

	for (size_t i = 0; i < EO_ARRAY_SIZE(names) && !r; i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(object, names[i]);

		if (map)
			r = bpf_map__set_autocreate(map, false);
	}
	return r;
}

static int take_record(void *ctx, void *data, size_t size)
{
	struct eo_trace_stacks *stacks = ctx;

	memcpy(stacks->batch + stacks->batch_used, data, size);
	stacks->batch_used += (size + 7) & ~(size_t)7;
	return stacks->batch_used + sizeof(struct eo_stack_record) > BATCH_BYTES ? BATCH_FULL : 0;
}

int eo_trace_stacks_new(struct bpf_object *object, uint32_t *tick, uint64_t table_memory,
			const struct eo_stack_layout *layout, size_t max_stacks,
			struct eo_trace_stacks **ret, struct eo_error *err)
{
	EO_AUTO(eo_trace_stacks) stacks = calloc(1, sizeof(*stacks));
	const struct eo_symbolizer_options names = {0};
	int r;

	if (stacks)
		stacks->batch = malloc(BATCH_BYTES);
	if (!stacks || !stacks->batch)
		return eo_error_set(err, EO_ERROR_LOAD_FAILED, ENOMEM, NULL, "allocate stacks");
	stacks->max_stacks = max_stacks;
	stacks->ring = ring_buffer__new(bpf_map__fd(bpf_object__find_map_by_name(object, "stacks")),
					take_record, stacks, NULL);
	if (!stacks->ring)
		return eo_error_set(err, EO_ERROR_MAP_OPERATION_FAILED, errno, NULL, "map the ring of stacks");
	r = eo_stack_source_new(&names, &stacks->source, err);
	if (r == 0 && eo_stack_store_new(eo_stack_source_symbolizer(stacks->source), layout, &stacks->store) < 0)
		r = eo_error_set(err, EO_ERROR_LOAD_FAILED, ENOMEM, NULL, "allocate stacks");
	if (r == 0 && tick)
		r = eo_stack_source_use_tables(stacks->source, object, tick, table_memory, err);
	if (r == 0)
		r = eo_stack_source_listen(stacks->source, err);
	if (r == 0)
		*ret = eo_steal(&stacks);
	return r;
}

void eo_trace_stacks_free(struct eo_trace_stacks *stacks)
{
	if (!stacks)
		return;
	eo_trace_stacks_unwatch(stacks);
	eo_stack_store_free(stacks->store);
	eo_stack_source_free(stacks->source);
	ring_buffer__free(stacks->ring);
	free(stacks->batch);
	free(stacks);
}

void eo_trace_stacks_scan(struct eo_trace_stacks *stacks, const struct eo_target *target)
{
	eo_stack_source_scan(stacks->source, target);
	eo_stack_source_expect(stacks->source, target);
}

static size_t record_bytes(const struct eo_stack_record *record)
{
	if (record->kind == EO_RECORD_MISS)
		return sizeof(struct eo_miss_record);
	return EO_STACK_HEADER_BYTES +
	       (record->kernel_frames + record->user_frames) * sizeof(record->frames[0]);
}

static int add_stack(struct eo_trace_stacks *stacks, const struct eo_stack_record *record)
{
	if (eo_stack_store_has(stacks->store, record->hash))
		return 0;
	if (eo_stack_store_size(stacks->store) >= stacks->max_stacks) {
		stacks->refused++;
		return 0;
	}
	stacks->user_walk[record->user_walk & (EO_USER_WALK_COUNT - 1)]++;
	return eo_stack_store_add(stacks->store, record);
}

/* First mend, as the process may run for a few ms more only; then name. */
static int add_batch(struct eo_trace_stacks *stacks)
{
	const struct eo_stack_record *record;
	int r = 0;

	for (size_t at = 0; at < stacks->batch_used; at += record_bytes(record)) {
		record = (const void *)(stacks->batch + at);
		if (record->kind == EO_RECORD_MISS)
			eo_stack_source_mend(stacks->source, (const void *)record);
	}
	for (size_t at = 0; at < stacks->batch_used && r == 0; at += record_bytes(record)) {
		record = (const void *)(stacks->batch + at);
		eo_stack_source_as_of(stacks->source, record->ktime_ns);
		stacks->named_ns = record->ktime_ns;
		if (record->kind == EO_RECORD_STACK)
			r = add_stack(stacks, record);
	}
	eo_stack_source_as_of(stacks->source, 0);
	return r;
}

int eo_trace_stacks_pump(struct eo_trace_stacks *stacks)
{
	uint64_t now_ns = 0;
	int taken = BATCH_FULL, r = 0;

	for (int i = 0; i < BATCHES_MAX && taken == BATCH_FULL && r == 0; i++) {
		stacks->batch_used = 0;
		taken = ring_buffer__consume(stacks->ring);
		if (taken < 0 && taken != BATCH_FULL)
			return taken;
		now_ns = eo_clock_monotonic_ns();
		r = eo_stack_source_update(stacks->source, now_ns);
		if (r == 0)
			r = add_batch(stacks);
	}
	/* Those of stacks that still wait are not forgotten. */
	eo_stack_source_settle(stacks->source, taken == BATCH_FULL ? stacks->named_ns : now_ns);
	return r;
}

static int on_tick(void *ctx)
{
	return eo_trace_stacks_pump(ctx);
}

static int on_records(void *ctx, uint32_t events)
{
	(void)events;
	return eo_trace_stacks_pump(ctx);
}

int eo_trace_stacks_watch(struct eo_trace_stacks *stacks, struct eo_loop *loop, struct eo_error *err)
{
	int r;

	stacks->loop = loop;
	r = eo_loop_add_timer(loop, TICK_NS, TICK_NS, on_tick, stacks, &stacks->tick, err);
	if (r == 0)
		r = eo_loop_add_fd(loop, ring_buffer__epoll_fd(stacks->ring), EPOLLIN, on_records, stacks,
				   &stacks->records, err);
	if (r == 0)
		r = eo_stack_source_watch(stacks->source, loop, on_tick, stacks, err);
	if (r < 0)
		eo_trace_stacks_unwatch(stacks);
	return r;
}

void eo_trace_stacks_unwatch(struct eo_trace_stacks *stacks)
{
	if (!stacks->loop)
		return;
	eo_loop_remove(stacks->loop, eo_steal(&stacks->tick));
	eo_loop_remove(stacks->loop, eo_steal(&stacks->records));
	eo_stack_source_unwatch(stacks->source);
	stacks->loop = NULL;
}

size_t eo_trace_stacks_rows(struct eo_trace_stacks *stacks, uint64_t hash, struct eo_attr *rows)
{
	size_t count;

	if (hash && !eo_stack_store_has(stacks->store, hash))
		eo_trace_stacks_pump(stacks); /* a stack is sent before the first record that has it */
	count = eo_stack_store_rows(stacks->store, hash, rows, EO_TRACE_STACK_ROWS);
	stacks->unknown += count == 0;
	return count;
}

struct eo_stack_store *eo_trace_stacks_store(struct eo_trace_stacks *stacks)
{
	return stacks->store;
}

struct eo_trace_stacks_stats eo_trace_stacks_stats(const struct eo_trace_stacks *stacks)
{
	struct eo_trace_stacks_stats stats = {
		.source = eo_stack_source_stats(stacks->source),
		.unknown = stacks->unknown,
		.refused = stacks->refused,
	};

	memcpy(stats.user_walk, stacks->user_walk, sizeof(stats.user_walk));
	return stats;
}

uint64_t eo_trace_stacks_bytes(const struct eo_trace_stacks *stacks)
{
	return eo_stack_source_bytes(stacks->source);
}
