// SPDX-License-Identifier: BSD-2-Clause
#include "capture/stack_source.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <time.h>

#include "capture/cpus.h"
#include "capture/filter.h"
#include "capture/sideband.h"
#include "core/clock.h"

#define TICK_NS EO_NS_PER_SEC
#define EXPECT_NS     500000000
#define REAP_AFTER_NS (2 * EO_NS_PER_SEC)
#define NEWS_DELAY_NS 500000 /* news of processes is taken at most 2,000 times a second */

struct eo_stack_source {
	struct eo_processes *processes;
	struct eo_symbolizer *symbolizer;
	struct eo_sideband *sideband;
	struct eo_unwinder *unwinder;		/* NULL: the object has no tables */
	struct eo_snapshot_unwinder *snapshots; /* NULL: it sends none */
	uint32_t mended; /* process of the batch's last miss */
	uint64_t lost;	 /* news, when last looked at */

	/* While watched by a loop. */
	struct eo_loop *loop;
	struct eo_loop_source *tick, *news, *tables;
	eo_loop_timer_fn pump;
	void *pump_ctx;
};

int eo_stack_source_new(const struct eo_symbolizer_options *names, struct eo_stack_source **ret,
			struct eo_error *err)
{
	EO_AUTO(eo_stack_source) source = calloc(1, sizeof(*source));
	int r;

	if (!source)
		return eo_error_set(err, EO_ERROR_LOAD_FAILED, ENOMEM, NULL, "allocate the source of stacks");
	r = eo_processes_new(&source->processes, err);
	if (r == 0)
		r = eo_symbolizer_new(names, source->processes, &source->symbolizer, err);
	if (r == 0)
		r = eo_sideband_new(source->processes, &source->sideband, err);
	if (r == 0)
		*ret = eo_steal(&source);
	return r;
}

void eo_stack_source_free(struct eo_stack_source *source)
{
	if (!source)
		return;
	eo_stack_source_unwatch(source);
	eo_snapshot_unwinder_free(source->snapshots);
	eo_unwinder_free(source->unwinder);
	eo_sideband_free(source->sideband);
	eo_symbolizer_free(source->symbolizer);
	eo_processes_free(source->processes);
	free(source);
}

int eo_stack_source_use_tables(struct eo_stack_source *source, struct bpf_object *object,
			       uint32_t *tick, uint64_t memory, struct eo_error *err)
{
	EO_AUTO(eo_table_store) store = NULL;
	int r = eo_table_store_new(object, tick, memory ? memory : EO_TABLE_MEMORY_DEFAULT, &store, err);

	if (r == 0)
		r = eo_unwinder_new(store, source->processes, &source->unwinder, err);
	if (r == 0)
		store = NULL; /* the unwinder's now */
	return r;
}

int eo_stack_source_use_snapshots(struct eo_stack_source *source, struct eo_error *err)
{
	return eo_snapshot_unwinder_new(source->processes, &source->snapshots, err);
}

int eo_stack_source_listen(struct eo_stack_source *source, struct eo_error *err)
{
	EO_AUTO_FREE uint32_t *online = NULL;
	int count = eo_cpus_online(&online, err);

	return count < 0 ? count : eo_sideband_cover(source->sideband, online, (size_t)count, err);
}

void eo_stack_source_scan(struct eo_stack_source *source, const struct eo_target *target)
{
	if (!eo_filter_has_ids(target))
		eo_processes_scan_all(source->processes);
	for (size_t i = 0; i < target->pid_count; i++)
		eo_processes_scan(source->processes, target->pids[i]);
}

void eo_stack_source_expect(struct eo_stack_source *source, const struct eo_target *target)
{
	uint64_t until_ns = eo_clock_monotonic_ns() + EXPECT_NS;
	struct pollfd fd = {.events = POLLIN};

	if (!source->unwinder)
		return;
	for (size_t i = 0; i < target->pid_count; i++)
		eo_unwinder_expect(source->unwinder, target->pids[i]);
	if (target->command_pid && eo_processes_scan(source->processes, target->command_pid) == 0)
		eo_unwinder_expect(source->unwinder, target->command_pid);
	fd.fd = eo_unwinder_fd(source->unwinder);
	while (eo_unwinder_is_busy(source->unwinder) && eo_clock_monotonic_ns() < until_ns) {
		poll(&fd, 1, EXPECT_NS / 1000000);
		eo_unwinder_update(source->unwinder);
	}
}

int eo_stack_source_update(struct eo_stack_source *source, uint64_t now_ns)
{
	int r = eo_sideband_apply(source->sideband, now_ns);

	source->mended = 0;
	if (source->unwinder)
		eo_unwinder_update(source->unwinder);
	return r;
}

void eo_stack_source_mend(struct eo_stack_source *source, const struct eo_miss_record *miss)
{
	if (!source->unwinder || miss->tgid == source->mended)
		return;
	eo_unwinder_miss(source->unwinder, miss->tgid, miss->pc);
	source->mended = miss->tgid;
}

void eo_stack_source_as_of(struct eo_stack_source *source, uint64_t ktime_ns)
{
	eo_processes_as_of(source->processes, ktime_ns);
}

void eo_stack_source_settle(struct eo_stack_source *source, uint64_t now_ns)
{
	uint64_t lost = eo_sideband_lost(source->sideband);

	if (lost > source->lost)
		eo_processes_scan_all(source->processes); /* whatever was missed stands in /proc */
	source->lost = lost;
	if (now_ns > REAP_AFTER_NS)
		eo_processes_reap(source->processes, now_ns - REAP_AFTER_NS);
}

int eo_stack_source_tick(struct eo_stack_source *source, struct eo_error *err)
{
	if (source->unwinder)
		eo_unwinder_tick(source->unwinder);
	if (source->snapshots)
		eo_snapshot_unwinder_tick(source->snapshots);
	eo_symbolizer_tick(source->symbolizer);
	return eo_stack_source_listen(source, err);
}

static int on_tick(void *ctx)
{
	return eo_stack_source_tick(ctx, NULL);
}

static int on_tables(void *ctx, uint32_t events)
{
	struct eo_stack_source *source = ctx;

	(void)events;
	return source->pump(source->pump_ctx);
}

/* A starting program maps some twenty files within a ms or two: a pause makes few wakeups of them,
 * and it must be short, for until the last is known its stacks cannot be walked. */
static int on_news(void *ctx, uint32_t events)
{
	const struct timespec delay = {.tv_nsec = NEWS_DELAY_NS};

	nanosleep(&delay, NULL);
	return on_tables(ctx, events);
}

int eo_stack_source_watch(struct eo_stack_source *source, struct eo_loop *loop,
			  eo_loop_timer_fn pump, void *ctx, struct eo_error *err)
{
	int r;

	source->loop = loop;
	source->pump = pump;
	source->pump_ctx = ctx;
	r = eo_loop_add_timer(loop, TICK_NS, TICK_NS, on_tick, source, &source->tick, err);
	if (r == 0)
		r = eo_loop_add_fd(loop, eo_sideband_fd(source->sideband), EPOLLIN, on_news, source,
				   &source->news, err);
	if (r == 0 && source->unwinder)
		r = eo_loop_add_fd(loop, eo_unwinder_fd(source->unwinder), EPOLLIN, on_tables, source,
				   &source->tables, err);
	if (r < 0)
		eo_stack_source_unwatch(source);
	return r;
}

void eo_stack_source_unwatch(struct eo_stack_source *source)
{
	if (!source || !source->loop)
		return;
	eo_loop_remove(source->loop, eo_steal(&source->tick));
	eo_loop_remove(source->loop, eo_steal(&source->news));
	eo_loop_remove(source->loop, eo_steal(&source->tables));
	source->loop = NULL;
}

struct eo_symbolizer *eo_stack_source_symbolizer(const struct eo_stack_source *source)
{
	return source->symbolizer;
}

uint32_t eo_stack_source_unwind(struct eo_stack_source *source, const struct eo_snapshot *snapshot,
				__u64 *frames, enum eo_user_walk *walk)
{
	return eo_snapshot_unwind(source->snapshots, snapshot, frames, walk);
}

struct eo_stack_source_stats eo_stack_source_stats(const struct eo_stack_source *source)
{
	struct eo_stack_source_stats stats = {
		.has_tables = source->unwinder != NULL,
		.names = eo_symbolizer_stats(source->symbolizer),
		.mappings_lost = eo_sideband_lost(source->sideband),
	};

	if (source->unwinder)
		stats.unwinder = eo_unwinder_stats(source->unwinder);
	return stats;
}

uint64_t eo_stack_source_bytes(const struct eo_stack_source *source)
{
	return eo_sideband_bytes(source->sideband);
}
