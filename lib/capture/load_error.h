/* SPDX-License-Identifier: BSD-2-Clause */
/* Why the kernel did not take our BPF programs, in words that help. */
#ifndef EO_CAPTURE_LOAD_ERROR_H
#define EO_CAPTURE_LOAD_ERROR_H

#include "core/error.h"

/**
 * @operation: "load the CPU profiler's BPF programs"; @code: positive errno value of that
 * Returns -@code.
 */
int eo_load_failed(const char *operation, int code, struct eo_error *err);

#endif
