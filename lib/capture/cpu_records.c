// SPDX-License-Identifier: BSD-2-Clause
/* What arrives is handled in batches, in the order that stack_source.h tells. */
#include "capture/cpu_records.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/hash.h"

#define BATCH_BYTES (256u * 1024) /* 14 snapshots, which take some 3 ms */
#define BATCH_FULL  (-ECANCELED)

static int take_record(void *ctx, void *data, size_t size)
{
	struct eo_cpu_profiler *profiler = ctx;

	memcpy(profiler->batch + profiler->batch_used, data, size);
	profiler->batch_used += (size + 7) & ~(size_t)7;
	return profiler->batch_used + sizeof(struct eo_snapshot_record) > BATCH_BYTES ? BATCH_FULL : 0;
}

int eo_cpu_records_open(struct eo_cpu_profiler *profiler, struct eo_error *err)
{
	profiler->snapshots = (struct eo_cpu_snapshots){.seed = eo_hash_seed()};
	profiler->batch = malloc(BATCH_BYTES);
	if (!profiler->batch)
		return eo_error_set(err, EO_ERROR_LOAD_FAILED, ENOMEM, NULL, "allocate record batch");
	profiler->ring = ring_buffer__new(eo_cpu_programs_ring_fd(profiler->programs), take_record, profiler,
					  NULL);
	if (!profiler->ring)
		return eo_error_set(err, EO_ERROR_MAP_OPERATION_FAILED, errno, NULL, "map the ring of stacks");
	return 0;
}

void eo_cpu_records_close(struct eo_cpu_profiler *profiler)
{
	ring_buffer__free(eo_steal(&profiler->ring));
	free(eo_steal(&profiler->batch));
}

static int keep_sample(struct eo_cpu_profiler *profiler, struct eo_stack_store *store, uint64_t hash,
		       uint64_t ktime_ns)
{
	int r = eo_stack_store_add_sample(store, hash, ktime_ns, (size_t)profiler->config.max_samples);

	if (r != -ENOSPC)
		return r;
	profiler->lost_map_full++;
	return 0;
}

/* Unwind it, and make of it what the kernel makes of a stack that it has walked. */
static int add_snapshot(struct eo_cpu_profiler *profiler, struct eo_stack_store *store,
			const struct eo_snapshot_record *record)
{
	size_t kernel_bytes = record->kernel_frames * sizeof(uint64_t), limit = (size_t)profiler->config.max_samples;
	const struct eo_snapshot snapshot = {
		.tgid = record->tgid,
		.registers = record->registers,
		.stack_at = record->stack_at,
		.stack = record->bytes + kernel_bytes,
		.stack_bytes = record->stack_bytes,
		.fp = record->fp,
		.fp_count = record->fp_frames < EO_SNAPSHOT_FP_FRAMES ? record->fp_frames
								      : EO_SNAPSHOT_FP_FRAMES,
	};
	struct eo_stack_record stack = {
		.tgid = record->tgid,
		.tid = record->tid,
		.kernel_frames = record->kernel_frames,
		.in_kernel = record->in_kernel,
		.exec_id = record->exec_id,
	};
	enum eo_user_walk walk;
	uint64_t hash;
	int r = 0;

	memcpy(stack.comm, record->comm, sizeof(stack.comm));
	memcpy(stack.thread, record->thread, sizeof(stack.thread));
	memcpy(stack.frames, record->bytes, kernel_bytes);
	stack.user_frames = (uint16_t)eo_stack_source_unwind(profiler->source, &snapshot,
							     stack.frames + stack.kernel_frames, &walk);
	stack.user_walk = walk;
	hash = eo_hash(profiler->snapshots.seed, &stack,
		       EO_STACK_HEADER_BYTES + (stack.kernel_frames + stack.user_frames) * sizeof(stack.frames[0]));
	hash += hash == 0; /* which would be [stack limit] */
	stack.hash = hash;
	profiler->snapshots.walk[walk]++;
	profiler->snapshots.kept[record->generation & 1]++;

	if (eo_stack_store_size(store) < limit || eo_stack_store_has(store, hash))
		r = eo_stack_store_add(store, &stack);
	else
		hash = 0;
	if (r < 0)
		return r;
	profiler->snapshots.stack_limit += hash == 0;
	if (profiler->options.timestamps)
		return keep_sample(profiler, store, hash, record->ktime_ns);
	if (hash)
		eo_stack_store_add_one(store, hash);
	else
		eo_stack_store_count_limit(store, 1);
	return 0;
}

static int take_snapshot(struct eo_cpu_profiler *profiler, struct eo_stack_store *store,
			 const struct eo_snapshot_record *record)
{
	profiler->snapshots.received++;
	if (store)
		return add_snapshot(profiler, store, record);
	profiler->snapshots.dropped++; /* nobody has counted it but us */
	profiler->lost_ring_full++;
	return 0;
}

static size_t snapshot_bytes(const struct eo_snapshot_record *record)
{
	return EO_SNAPSHOT_HEADER_BYTES + record->kernel_frames * sizeof(uint64_t) + record->stack_bytes;
}

/* All records begin alike: kind, a word, time; and take a multiple of 8 bytes. */
static size_t record_bytes(const struct eo_stack_record *record)
{
	switch (record->kind) {
	case EO_RECORD_SNAPSHOT:
		return snapshot_bytes((const void *)record);
	case EO_RECORD_SAMPLE:
		return sizeof(struct eo_sample_record);
	case EO_RECORD_MISS:
		return sizeof(struct eo_miss_record);
	default:
		return EO_STACK_HEADER_BYTES +
		       (record->kernel_frames + record->user_frames) * sizeof(record->frames[0]);
	}
}

/* Before anything is named: the process may run for a few ms more only. */
static void mend_misses(struct eo_cpu_profiler *profiler)
{
	for (size_t at = 0; at < profiler->batch_used;) {
		const struct eo_miss_record *miss = (const void *)(profiler->batch + at);

		if (miss->kind == EO_RECORD_MISS)
			eo_stack_source_mend(profiler->source, miss);
		at += record_bytes((const void *)miss);
	}
}

static int add_record(struct eo_cpu_profiler *profiler, const struct eo_stack_record *record)
{
	const struct eo_sample_record *sample = (const void *)record;
	/* NULL for a straggler of an earlier generation, counted as lost already. */
	struct eo_stack_store *store = record->generation == profiler->generation	? profiler->store :
				       record->generation == profiler->generation + 1 ? profiler->next :
											NULL;

	switch (record->kind) {
	case EO_RECORD_STACK:
		return store ? eo_stack_store_add(store, record) : 0;
	case EO_RECORD_SAMPLE:
		return store ? keep_sample(profiler, store, sample->hash, sample->ktime_ns) : 0;
	case EO_RECORD_SNAPSHOT:
		return take_snapshot(profiler, store, (const void *)record);
	default:
		return 0;
	}
}

static int add_batch(struct eo_cpu_profiler *profiler, uint64_t now)
{
	int r = 0;

	for (size_t at = 0; at < profiler->batch_used && r == 0;) {
		const struct eo_stack_record *record = (const void *)(profiler->batch + at);

		/* Since then its process may have become another program. */
		eo_stack_source_as_of(profiler->source, record->ktime_ns);
		r = add_record(profiler, record);
		if (record->kind != EO_RECORD_MISS)
			eo_latency_add(&profiler->latency, now > record->ktime_ns ? now - record->ktime_ns : 0);
		profiler->named_ns = record->ktime_ns;
		at += record_bytes(record);
	}
	eo_stack_source_as_of(profiler->source, 0);
	return r;
}

int eo_cpu_records_drain(struct eo_cpu_profiler *profiler, uint64_t limit_ns, struct eo_error *err)
{
	uint64_t started_ns = eo_clock_monotonic_ns(), now;
	int taken, r;

	do {
		profiler->batch_used = 0;
		taken = ring_buffer__consume(profiler->ring);
		if (taken < 0 && taken != BATCH_FULL)
			return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, -taken, NULL,
					    "read the ring of stacks");
		now = eo_clock_monotonic_ns();
		r = eo_stack_source_update(profiler->source, now);
		mend_misses(profiler);
		if (r == 0)
			r = add_batch(profiler, eo_clock_monotonic_ns());
		if (r < 0)
			return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, -r,
					    r == -E2BIG ? "lower --max-samples" : NULL, "keep stacks");
	} while (taken == BATCH_FULL && now - started_ns < limit_ns);

	/* Those of samples that still wait are not forgotten. */
	eo_stack_source_settle(profiler->source, taken == BATCH_FULL ? profiler->named_ns : now);
	return 0;
}
