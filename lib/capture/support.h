/* SPDX-License-Identifier: BSD-2-Clause */
/* What this kernel and these privileges make possible: tried, never guessed from a version. */
#ifndef EO_CAPTURE_SUPPORT_H
#define EO_CAPTURE_SUPPORT_H

#include <stdbool.h>
#include <stddef.h>

enum eo_support_state {
	EO_SUPPORT_YES,
	EO_SUPPORT_NO,
	EO_SUPPORT_DENIED, /* there, but not for us */
	EO_SUPPORT_INFO,   /* a fact, neither good nor bad */
};

/* One row of the table. */
struct eo_support_probe {
	const char *group; /* "kernel": rows of one group stand together; static text */
	const char *key;   /* "ring_buffer"; static text, stable: part of --json */
	const char *label; /* "ring buffer"; static text */
	enum eo_support_state state;
	char detail[160];  /* "6.18.44", "EPERM from the verifier"; may be empty */
	const char *hint;  /* static text or NULL */
};

enum eo_tool_state {
	EO_TOOL_READY,
	EO_TOOL_DEGRADED,
	EO_TOOL_UNAVAILABLE,
};

struct eo_tool_support {
	const char *name; /* "profile", "trace net" … */
	enum eo_tool_state state;
	bool for_permission; /* unavailable for want of privileges rather than of kernel */
	char why[160];	     /* empty when ready */
	const char *hint;
};

#define EO_SUPPORT_PROBES_MAX 64
#define EO_SUPPORT_TOOLS 4

struct eo_support {
	struct eo_support_probe probes[EO_SUPPORT_PROBES_MAX];
	size_t probe_count;
	struct eo_tool_support tools[EO_SUPPORT_TOOLS];
};

/**
 * Probe everything. Takes about 50 ms, and 150 where taking uprobes off is slow (before 6.6);
 * leaves nothing behind. Runs two short-lived threads and a child process.
 */
void eo_support_probe_all(struct eo_support *ret);

/** A probe by key, or NULL. */
const struct eo_support_probe *eo_support_find(const struct eo_support *support, const char *key);

#endif
