/* SPDX-License-Identifier: BSD-2-Clause */
/* A configuration as the members of an event's object: what the start record says. */
#ifndef EO_CLI_TRACE_CONFIG_H
#define EO_CLI_TRACE_CONFIG_H

#include <jansson.h>
#include <stddef.h>

#include "core/event.h"
#include "export/trace_envelope.h"

struct trace_config {
	struct eo_attr *attrs; /* flat */
	size_t count;

	/* private */
	char *texts; /* of the keys */
};

/**
 * @object: option names and what they are set to; the texts in it must outlive the result. "-" in
 * a name becomes "_". Lists too long to be read are left out.
 * Returns 0 or -ENOMEM.
 */
int trace_config_init(struct trace_config *config, json_t *object);
void trace_config_fini(struct trace_config *config);

#endif
