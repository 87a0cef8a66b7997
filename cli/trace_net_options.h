/* SPDX-License-Identifier: BSD-2-Clause */
/* The options of `trace net`. An argp child. */
#ifndef EO_CLI_TRACE_NET_OPTIONS_H
#define EO_CLI_TRACE_NET_OPTIONS_H

#include <argp.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/net_tracer.h"
#include "parse.h"

struct trace_net_ports {
	uint16_t ports[EO_NET_FILTERS_MAX];
	size_t count;
	struct cli_texts lists; /* as given */
};

struct trace_net_options {
	const char *command; /* for messages */
	const char *given;   /* the name of one that was given; NULL: none */

	uint32_t events; /* EO_NET_ bits; 0: not given */
	uint32_t protocols;
	struct cli_texts event_lists, host_lists; /* as given */
	struct trace_net_ports ports, local_ports, peer_ports;
	struct eo_net_prefix hosts[EO_NET_FILTERS_MAX];
	size_t host_count;
	const char *interface;
	bool no_loopback, http_query;
	size_t http_spans; /* index of auto, all, none */
};

extern const struct argp trace_net_argp; /* its input is a struct trace_net_options */

void trace_net_options_fini(struct trace_net_options *options);

/** All but what @tracer's base and its by_… say. What it then points to lies in @options. */
void trace_net_options_fill(const struct trace_net_options *options,
			    struct eo_net_tracer_options *tracer);

void trace_net_options_describe(const struct trace_net_options *options, json_t *object);

#endif
