/* SPDX-License-Identifier: BSD-2-Clause */
#include "otlp/otlp_profile.h"

#include <stddef.h>

/* What the kernel calls a process is what top and ps show of it, OTLP's title. OTLP has no word
 * for the kernel's thread ids; its own profiler takes thread.id. */
const struct eo_otlp_label eo_otlp_labels[] = {
	{ "pid", EO_OTLP_PID, true },
	{ "tid", "thread.id", true },
	{ "comm", "process.title", false },
	{ "thread", "thread.name", false },
	{ .label = NULL },
};

const struct eo_otlp_frame_type eo_otlp_frame_types[] = {
	{ "kernel", EO_FRAME_KERNEL },
	{ "native", EO_FRAME_NATIVE },
	{ "go", EO_FRAME_NATIVE },
	{ "rust", EO_FRAME_NATIVE },
	{ "jit", EO_FRAME_JIT },
	{ "synthetic", EO_FRAME_SYNTHETIC },
	{ "abort-marker", EO_FRAME_SYNTHETIC },
	{ "unknown", EO_FRAME_UNKNOWN },
	{ .word = NULL },
};
