// SPDX-License-Identifier: BSD-2-Clause
/* walk_cost DEEP [HZ]
 * What a sample costs in the kernel by the depth of its stack: the walk alone, and all that the
 * program does. Two busy processes at a time, so that it happens among cold caches as it does in
 * earnest; medians, because machines are shared. */
#include <bpf/libbpf.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capture/cpu_events.h"
#include "capture/cpus.h"
#include "capture/filter.h"
#include "unwind/unwinder.h"
#include "walk_cost.h"

#include "walk_cost.skel.h" /* uses the structs of records.h */

#define RING_BYTES (4u << 20)
#define COSTS_MAX 4096
#define SECONDS 8

static const char python[] = "import json\n"
			     "def inner(n):\n"
			     "    return sum(i * i for i in range(n))\n"
			     "while True:\n"
			     "    inner(2000); json.dumps(list(range(2000)))\n";

/* By the number of frames, as far as @to. */
static const struct {
	uint32_t from, to;
} classes[] = {{5, 8}, {9, 16}, {17, 32}, {33, 64}, {65, 100}, {101, 127}};
#define CLASSES EO_ARRAY_SIZE(classes)

struct bench {
	struct walk_cost_bpf *skel;
	struct eo_processes *processes;
	struct eo_unwinder *unwinder;
	struct eo_cpu_events *events;
	struct ring_buffer *ring;
	uint64_t ns[CLASSES][2][COSTS_MAX];
	uint32_t count[CLASSES][2];
	uint64_t others; /* samples that did not get to the bottom */
};

static int die(const char *what, const struct eo_error *err)
{
	fprintf(stderr, "walk_cost: %s: %s\n", what, err && err->text[0] ? err->text : "failed");
	return 1;
}

static int take_record(void *ctx, void *data, size_t size)
{
	struct bench *bench = ctx;
	const struct walk_cost *cost = data;
	const struct eo_miss_record *miss = data;

	(void)size;
	if (*(const __u32 *)data == EO_RECORD_MISS)
		eo_unwinder_miss(bench->unwinder, miss->tgid, miss->pc);
	if (cost->kind != WALK_COST_RECORD)
		return 0;
	bench->others += cost->user_walk != EO_USER_COMPLETE;
	for (size_t i = 0; i < CLASSES && cost->user_walk == EO_USER_COMPLETE; i++) {
		uint32_t *count = &bench->count[i][cost->whole];

		if (cost->frames >= classes[i].from && cost->frames <= classes[i].to && *count < COSTS_MAX)
			bench->ns[i][cost->whole][(*count)++] = cost->ns;
	}
	return 0;
}

static pid_t start(const char *const *argv)
{
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (!freopen("/dev/null", "w", stdout))
			_exit(127);
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	return pid;
}

static int begin(struct bench *bench, uint32_t hz, const uint32_t *pids, size_t pid_count, struct eo_error *err)
{
	struct eo_target target = {.pids = (uint32_t *)pids, .pid_count = pid_count};
	struct walk_cost_bpf *skel = walk_cost_bpf__open();
	EO_AUTO_FREE uint32_t *online = NULL;
	struct eo_table_store *store;
	int count = eo_cpus_online(&online, err), r;

	if (!skel || count < 0)
		return -1;
	bench->skel = skel;
	r = eo_filter_prepare(skel->obj, &target, (void *)&skel->rodata->filter, err);
	if (r == 0)
		r = eo_table_store_prepare(skel->obj, err);
	bpf_program__set_autoload(skel->progs.on_sample, false);
	bpf_program__set_autoload(skel->progs.on_sample_tables, false);
	skel->rodata->stack_config.wakeup_bytes = RING_BYTES;
	bpf_map__set_max_entries(skel->maps.stacks, RING_BYTES);
	bpf_map__set_max_entries(skel->maps.counts_even, 10000);
	if (r == 0)
		r = walk_cost_bpf__load(skel);
	if (r == 0)
		r = eo_processes_new(&bench->processes, err);
	if (r == 0)
		r = eo_table_store_new(skel->obj, (uint32_t *)&skel->bss->unwind_tick, EO_TABLE_MEMORY_DEFAULT, &store, err);
	if (r == 0)
		r = eo_unwinder_new(store, bench->processes, &bench->unwinder, err);
	if (r == 0)
		r = eo_filter_fill(skel->obj, &target, (uint64_t *)&skel->bss->targets_live, err);
	bench->ring = ring_buffer__new(bpf_map__fd(skel->maps.stacks), take_record, bench, NULL);
	if (r == 0 && bench->ring)
		r = eo_cpu_events_new(skel->progs.on_sample_timed, hz, &bench->events);
	return r == 0 ? eo_cpu_events_cover(bench->events, online, (size_t)count, err) : r;
}

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void print(struct bench *bench, const char *name)
{
	for (size_t i = 0; i < CLASSES; i++) {
		uint32_t least = bench->count[i][0] < bench->count[i][1] ? bench->count[i][0] : bench->count[i][1];

		if (least < 50)
			continue;
		printf("%-10s %3u-%-3u %6u", name, classes[i].from, classes[i].to, bench->count[i][0] + bench->count[i][1]);
		for (int whole = 0; whole < 2; whole++) {
			uint64_t *ns = bench->ns[i][whole];
			uint32_t count = bench->count[i][whole];

			qsort(ns, count, sizeof(*ns), by_number);
			printf(" %8.1f %6.1f %6.1f", (double)ns[count / 10] / 1e3, (double)ns[count / 2] / 1e3,
			       (double)ns[count * 9 / 10] / 1e3);
		}
		printf("\n");
	}
	if (bench->others)
		printf("%-10s %lu others did not get to the bottom\n", name, bench->others);
}

static int measure(const char *name, uint32_t hz, const char *const *argv)
{
	pid_t pids[] = {start(argv), start(argv)};
	struct bench *bench = calloc(1, sizeof(*bench));
	struct eo_error err = {0};

	usleep(500000);
	if (!bench || begin(bench, hz, (const uint32_t *)pids, EO_ARRAY_SIZE(pids), &err) < 0)
		return die("start", &err);
	for (int i = 0; i < SECONDS * 20; i++) {
		usleep(50000);
		ring_buffer__consume(bench->ring);
		eo_unwinder_update(bench->unwinder);
		if (i == 20) { /* the tables are there, and the first samples were of their making */
			memset(bench->count, 0, sizeof(bench->count));
			bench->others = 0;
		}
	}
	print(bench, name);
	eo_cpu_events_free(bench->events);
	ring_buffer__free(bench->ring);
	eo_unwinder_free(bench->unwinder);
	eo_processes_free(bench->processes);
	walk_cost_bpf__destroy(bench->skel);
	free(bench);
	for (size_t i = 0; i < EO_ARRAY_SIZE(pids); i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
	return 0;
}

int main(int argc, char **argv)
{
	static const char *const depths[] = {"2", "20", "52", "88", "108"};
	uint32_t hz = argc > 2 ? (uint32_t)atoi(argv[2]) : 99;
	int r = 0;

	if (argc < 2) {
		fprintf(stderr, "usage: walk_cost DEEP [HZ]\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0); /* nothing waits in it when we fork */
	printf("microseconds a sample at %u Hz      the walk               all of it\n", hz);
	printf("%-10s %7s %6s %8s %6s %6s %8s %6s %6s\n", "", "frames", "count", "p10", "median", "p90", "p10", "median",
	       "p90");
	for (size_t i = 0; i < EO_ARRAY_SIZE(depths) && r == 0; i++)
		r = measure("C++", hz, (const char *[]){argv[1], depths[i], NULL});
	return r == 0 ? measure("python3", hz, (const char *[]){"python3", "-c", python, NULL}) : r;
}
