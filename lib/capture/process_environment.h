/* SPDX-License-Identifier: BSD-2-Clause */
/* What a process declares about itself to OpenTelemetry in its environment. */
#ifndef EO_CAPTURE_PROCESS_ENVIRONMENT_H
#define EO_CAPTURE_PROCESS_ENVIRONMENT_H

#include <stddef.h>

#include "core/attribute_set.h"

/**
 * The value of variable @name, the first one as with getenv(), or NULL.
 * @bytes: as in /proc/PID/environ, @size of them: each variable ends with a NUL, and one that does
 * not was cut and is ignored.
 */
const char *eo_environment_value(const char *bytes, size_t size, const char *name);

/**
 * Add what OTEL_RESOURCE_ATTRIBUTES says: "KEY=VALUE,KEY=VALUE", percent-encoded; white space
 * around them and double quotes around a value are left away. The last one of a key counts, but
 * not against one that is in @set already, and one place of @set stays free.
 * "process.*" is left out: pids of namespaces and starting times are for the observer to say.
 * Returns 0, or -EINVAL for a malformed text, of which the specification wants nothing used.
 */
int eo_environment_attributes(const char *text, struct eo_attribute_set *set);

#endif
