/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tool itself costs: CPU, memory, and the delay of what it reports. */
#ifndef EO_CORE_OVERHEAD_H
#define EO_CORE_OVERHEAD_H

#include <stdbool.h>
#include <stdint.h>

/* Slot k counts latencies of 2^k <= ns < 2^(k+1). */
#define EO_LATENCY_SLOTS 40

struct eo_latency {
	uint64_t slots[EO_LATENCY_SLOTS];
	uint64_t count;
};

struct eo_overhead {
	double cpu_percent;	     /* own user + system time + BPF run time, of one CPU */
	double own_cpu_percent;	     /* the first two alone */
	double bpf_percent;	     /* the third alone */
	bool bpf_time_measured;	     /* false: scaled up from a part of the runs */
	uint64_t bpf_time_ns;	     /* run time of our BPF programs */
	uint64_t own_cpu_ns;	     /* user + system time of this process */
	uint64_t user_ns, system_ns; /* its parts */
	uint64_t memory_bytes;	     /* rss_bytes + map_bytes */
	uint64_t rss_bytes;	     /* peak resident set of this process */
	uint64_t map_bytes;	     /* of our BPF maps, as the kernel charges them */
	double event_latency_us;     /* median, from kernel timestamp to output */
	double event_latency_p99_us;
};

/* Moments to measure from. */
struct eo_overhead_mark {
	uint64_t wall_ns; /* CLOCK_MONOTONIC */
	uint64_t user_ns, system_ns; /* time of this process so far */
};

struct eo_overhead_mark eo_overhead_mark(void);
void eo_latency_add(struct eo_latency *latency, uint64_t ns);

/** @q: 0 to 1. The upper end of the slot that holds the quantile, in ns; 0 when empty. */
uint64_t eo_latency_quantile(const struct eo_latency *latency, double q);

/**
 * Figures from @since until now.
 * @map_bytes, @bpf_time_ns: as read from the programs' maps
 */
struct eo_overhead eo_overhead_since(const struct eo_overhead_mark *since, uint64_t bpf_time_ns,
				     bool bpf_time_measured, uint64_t map_bytes,
				     const struct eo_latency *latency);

/**
 * Add what another part of this process measured over about the same time: its programs and maps
 * are its own, the process is the same one. Latencies are the longer ones.
 */
void eo_overhead_add(struct eo_overhead *sum, const struct eo_overhead *more);

/** Bytes the kernel charges for the map behind @fd (memlock of its fdinfo), 0 if unknown. */
uint64_t eo_overhead_map_bytes(int map_fd);

#endif
