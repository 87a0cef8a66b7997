/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/overhead.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "core/auto.h"
#include "core/clock.h"

static uint64_t timeval_ns(const struct timeval *tv)
{
	return (uint64_t)tv->tv_sec * EO_NS_PER_SEC + (uint64_t)tv->tv_usec * 1000;
}

/* The number behind "KEY:" at the start of a line of a file in /proc; 0 if there is none. */
static uint64_t proc_number(const char *path, const char *key)
{
	EO_AUTO_FREE char *line = NULL;
	size_t size = 0, key_len = strlen(key);
	uint64_t number = 0;
	FILE *file = fopen(path, "re");

	if (!file)
		return 0;
	while (getline(&line, &size, file) > 0) {
		if (!strncmp(line, key, key_len) && line[key_len] == ':') {
			errno = 0;
			number = strtoull(line + key_len + 1, NULL, 10);
			if (errno)
				number = 0;
			break;
		}
	}
	fclose(file);
	return number;
}

struct eo_overhead_mark eo_overhead_mark(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage); /* all threads, also ended ones */
	return (struct eo_overhead_mark){
		.wall_ns = eo_clock_monotonic_ns(),
		.user_ns = timeval_ns(&usage.ru_utime),
		.system_ns = timeval_ns(&usage.ru_stime),
	};
}

void eo_latency_add(struct eo_latency *latency, uint64_t ns)
{
	unsigned int slot = ns ? 63u - (unsigned int)__builtin_clzll(ns) : 0;

	latency->slots[slot < EO_LATENCY_SLOTS ? slot : EO_LATENCY_SLOTS - 1]++;
	latency->count++;
}

uint64_t eo_latency_quantile(const struct eo_latency *latency, double q)
{
	double wanted = q * (double)latency->count;
	uint64_t passed = 0;
	int last = -1;

	for (int i = 0; i < EO_LATENCY_SLOTS; i++) {
		if (!latency->slots[i])
			continue;
		passed += latency->slots[i];
		last = i;
		if ((double)passed >= wanted)
			break;
	}
	return last < 0 ? 0 : 1ull << (last + 1);
}

struct eo_overhead eo_overhead_since(const struct eo_overhead_mark *since, uint64_t bpf_time_ns,
				     bool bpf_time_measured, uint64_t map_bytes,
				     const struct eo_latency *latency)
{
	struct eo_overhead_mark now = eo_overhead_mark();
	uint64_t wall_ns = now.wall_ns - since->wall_ns;
	struct eo_overhead overhead = {
		.bpf_time_measured = bpf_time_measured,
		.bpf_time_ns = bpf_time_ns,
		.user_ns = now.user_ns - since->user_ns,
		.system_ns = now.system_ns - since->system_ns,
		/* getrusage's ru_maxrss survives exec, so it may be the peak of our parent. */
		.rss_bytes = proc_number("/proc/self/status", "VmHWM") * 1024,
		.map_bytes = map_bytes,
	};

	overhead.own_cpu_ns = overhead.user_ns + overhead.system_ns;
	if (wall_ns) {
		overhead.own_cpu_percent = 100.0 * (double)overhead.own_cpu_ns / (double)wall_ns;
		overhead.bpf_percent = 100.0 * (double)bpf_time_ns / (double)wall_ns;
		overhead.cpu_percent = overhead.own_cpu_percent + overhead.bpf_percent;
	}
	overhead.memory_bytes = overhead.rss_bytes + overhead.map_bytes;
	if (latency) {
		overhead.event_latency_us = (double)eo_latency_quantile(latency, 0.5) / 1e3;
		overhead.event_latency_p99_us = (double)eo_latency_quantile(latency, 0.99) / 1e3;
	}
	return overhead;
}

#define TAKE_LARGER(sum, more, member)                \
	do {                                          \
		if ((more)->member > (sum)->member)   \
			(sum)->member = (more)->member; \
	} while (0)

void eo_overhead_add(struct eo_overhead *sum, const struct eo_overhead *more)
{
	sum->bpf_percent += more->bpf_percent;
	sum->bpf_time_ns += more->bpf_time_ns;
	sum->bpf_time_measured &= more->bpf_time_measured;
	sum->map_bytes += more->map_bytes;
	TAKE_LARGER(sum, more, own_cpu_percent);
	TAKE_LARGER(sum, more, own_cpu_ns);
	TAKE_LARGER(sum, more, user_ns);
	TAKE_LARGER(sum, more, system_ns);
	TAKE_LARGER(sum, more, rss_bytes);
	TAKE_LARGER(sum, more, event_latency_us);
	TAKE_LARGER(sum, more, event_latency_p99_us);
	sum->cpu_percent = sum->own_cpu_percent + sum->bpf_percent;
	sum->memory_bytes = sum->rss_bytes + sum->map_bytes;
}

uint64_t eo_overhead_map_bytes(int map_fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", map_fd);
	return proc_number(path, "memlock");
}
