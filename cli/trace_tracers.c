/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace_tracers.h"

#include "trace_options.h"

const char *const trace_by_names[] = {
	[TRACE_BY_COMM] = "comm",
	[TRACE_BY_PID] = "pid",
	[TRACE_BY_CGROUP] = "cgroup",
	[TRACE_BY_CONTAINER] = "container",
	[TRACE_BY_PEER] = "peer",
	[TRACE_BY_STACK] = "stack",
	[TRACE_BY_COUNT] = NULL,
};

const struct trace_tracer trace_tracers[] = {
	{
		.name = "net",
		.text = "connections, datagrams, names, requests",
		.summary = EO_EVENT_NET_SUMMARY,
		.sort = "tx_bytes",
		.has_traces = true,
	},
	{
		.name = "syscall",
		.text = "system calls, their arguments, results and durations",
		.summary = EO_EVENT_SYSCALL_SUMMARY,
		.sort = "total_ns",
		.by = 1u << TRACE_BY_COMM | 1u << TRACE_BY_PID | 1u << TRACE_BY_CGROUP,
	},
	{
		.name = "mem",
		.text = "memory that is allocated and given back",
		.summary = EO_EVENT_MEM_SUMMARY,
		.sort = "total_allocated",
		.needs_target = true,
	},
	{0},
};

const struct argp_child trace_children[] = {{&capture_argp}, {0}};

void trace_tracers_set_inputs(struct trace_options *options, void **child_inputs)
{
	(void)options;
	(void)child_inputs;
}
