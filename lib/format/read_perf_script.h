/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines of `perf script`. */
#ifndef EO_FORMAT_READ_PERF_SCRIPT_H
#define EO_FORMAT_READ_PERF_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "comm 12/34 [000] 56.789: 1000 cycles:u: rest"; texts are parts of the line. */
struct eo_perf_header {
	const char *comm, *event, *rest;
	size_t comm_len, event_len, rest_len; /* 0: not there */
	int64_t pid, tid;		      /* pid is -1 when only one number is there */
	uint64_t time_ns, period;
	bool has_period;
};

/** Returns false when it is no such line. */
bool eo_perf_script_header(const char *line, size_t len, struct eo_perf_header *ret);

#endif
