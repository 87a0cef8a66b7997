/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's lists of CPUs: "0-3,6". */
#ifndef EO_CAPTURE_CPUS_H
#define EO_CAPTURE_CPUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

#define EO_CPUS_MAX 8192u /* NR_CPUS of the largest distribution kernels */

/**
 * Parse a list as sysfs and -C have it: numbers and ranges, comma-separated.
 * @ret: malloc()ed, ascending, without duplicates; the caller's
 * Returns how many, or -EINVAL for text that is no such list or is empty, or -ENOMEM.
 */
int eo_cpus_parse(const char *list, uint32_t **ret);

/** The CPUs that are online now. As eo_cpus_parse(). */
int eo_cpus_online(uint32_t **ret, struct eo_error *err);

/** @cpus: ascending */
bool eo_cpus_contain(const uint32_t *cpus, size_t count, uint32_t cpu);

#endif
