/* SPDX-License-Identifier: BSD-2-Clause */
/* What the samples of a process belong to, as attributes of an OpenTelemetry resource: the service
 * as the process declares it, the process, its container and pod, the host. Read from /proc; of the
 * environment only OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES are used.
 *
 * process.creation.time is not among them, nor a service.instance.id that the process does not
 * declare: backends make a series of each value, and an id that we could make would change with
 * every start. Not thread-safe. */
#ifndef EO_CAPTURE_PROCESS_RESOURCE_H
#define EO_CAPTURE_PROCESS_RESOURCE_H

#include <stdint.h>

#include "core/attribute_set.h"
#include "core/auto.h"

struct eo_process_resource;

/** Reads the host's attributes. Returns 0 or -ENOMEM. */
int eo_process_resource_new(struct eo_process_resource **ret);
void eo_process_resource_free(struct eo_process_resource *resource); /* NULL is fine */
EO_DEFINE_AUTO(eo_process_resource)

/** host.name, host.id, host.arch, os.type. Lives as long as @resource. */
const struct eo_attribute_set *eo_process_resource_host(const struct eo_process_resource *resource);

/**
 * The attributes, as of now, of the process that was @tgid at @ktime_ns (0: that is @tgid now). Of one
 * that has gone, or that may not be read, the pid and @comm, which stands for the executable's name.
 * Kernel threads are the host's own work:
 * all of them have its attributes and no others.
 * Lives until the next call.
 */
const struct eo_attribute_set *eo_process_resource_read(struct eo_process_resource *resource,
							uint32_t tgid, const char *comm,
							uint64_t ktime_ns);

/** The same of one that has gone, whoever has its pid by now. */
const struct eo_attribute_set *eo_process_resource_gone(struct eo_process_resource *resource,
							uint32_t tgid, const char *comm);

#endif
