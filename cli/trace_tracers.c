/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace_tracers.h"

#include "capture/mem_tracer.h"
#include "capture/net_tracer.h"
#include "capture/syscall_tracer.h"
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

/* --- net --- */

static const char *given_net(const struct trace_options *options)
{
	return options->net.given;
}

static void describe_net(const struct trace_options *options, json_t *object)
{
	trace_net_options_describe(&options->net, object);
}

static int make_net(const struct trace_options *options, const struct eo_config *config,
		    const struct eo_tracer_options *base, struct eo_tracer **ret,
		    struct eo_error *err)
{
	struct eo_net_tracer_options tracer = {
		.tracer = *base,
		.by_comm = !options->by || options->by & 1u << TRACE_BY_COMM,
		.by_pid = !options->by || options->by & 1u << TRACE_BY_PID,
		.by_peer = !options->by || options->by & 1u << TRACE_BY_PEER,
		.http_by_peer = options->by & 1u << TRACE_BY_PEER,
	};

	trace_net_options_fill(&options->net, &tracer);
	return eo_net_tracer_new(config, &tracer, ret, err);
}

/* --- syscall --- */

static const char *given_syscall(const struct trace_options *options)
{
	return options->syscall.given;
}

static void describe_syscall(const struct trace_options *options, json_t *object)
{
	trace_syscall_options_describe(&options->syscall, object);
}

static int make_syscall(const struct trace_options *options, const struct eo_config *config,
			const struct eo_tracer_options *base, struct eo_tracer **ret,
			struct eo_error *err)
{
	struct eo_syscall_options tracer = {
		.base = *base,
		.by_comm = options->by & 1u << TRACE_BY_COMM,
		.by_pid = options->by & 1u << TRACE_BY_PID,
		.by_cgroup = options->by & 1u << TRACE_BY_CGROUP,
	};

	trace_syscall_options_fill(&options->syscall, &tracer);
	tracer.redact = options->redact;
	return eo_syscall_tracer_new(config, &tracer, ret, err);
}

/* --- mem --- */

static const char *given_mem(const struct trace_options *options)
{
	return options->mem.given;
}

static int check_mem(struct trace_options *options)
{
	return trace_mem_options_check(&options->mem);
}

static void describe_mem(const struct trace_options *options, json_t *object)
{
	trace_mem_options_describe(&options->mem, object);
}

/* What a command will do nobody knows yet. */
static int started_mem(const struct trace_options *options, struct eo_tracer *tracer,
		       const struct cli *cli, struct eo_error *err)
{
	return options->capture.argv ? 0 : trace_mem_options_warn(&options->mem, tracer, cli, err);
}

static int make_mem(const struct trace_options *options, const struct eo_config *config,
		    const struct eo_tracer_options *base, struct eo_tracer **ret,
		    struct eo_error *err)
{
	struct eo_mem_options mem = {
		.by_stack = options->by & 1u << TRACE_BY_STACK,
		.command = options->capture.argv ? options->capture.argv[0] : NULL,
	};

	trace_mem_options_fill(&options->mem, &mem);
	return eo_mem_tracer_new(config, base, &mem, ret, err);
}

const struct trace_tracer trace_tracers[] = {
	{
		.name = "net",
		.text = "connections, datagrams, names, requests",
		.summary = EO_EVENT_NET_SUMMARY,
		.sort = "tx_bytes",
		.by = 1u << TRACE_BY_COMM | 1u << TRACE_BY_PID | 1u << TRACE_BY_PEER,
		.has_traces = true,
		.given = given_net,
		.describe = describe_net,
		.make = make_net,
	},
	{
		.name = "syscall",
		.text = "system calls, their arguments, results and durations",
		.summary = EO_EVENT_SYSCALL_SUMMARY,
		.sort = "total_ns",
		.by = 1u << TRACE_BY_COMM | 1u << TRACE_BY_PID | 1u << TRACE_BY_CGROUP,
		.given = given_syscall,
		.describe = describe_syscall,
		.make = make_syscall,
	},
	{
		.name = "mem",
		.text = "memory that is allocated and given back",
		.summary = EO_EVENT_MEM_SUMMARY,
		.sort = "total_allocated",
		.by = 1u << TRACE_BY_STACK,
		.needs_target = true,
		.given = given_mem,
		.check = check_mem,
		.describe = describe_mem,
		.started = started_mem,
		.make = make_mem,
	},
	{0},
};

const struct argp_child trace_children[] = {{&capture_argp},
					    {&trace_net_argp},
					    {&trace_syscall_argp},
					    {&trace_mem_argp},
					    {0}};

void trace_tracers_set_inputs(struct trace_options *options, void **child_inputs)
{
	options->net.command = options->capture.command;
	options->syscall.command = options->capture.command;
	options->mem.command = options->capture.command;
	child_inputs[0] = &options->net;
	child_inputs[1] = &options->syscall;
	child_inputs[2] = &options->mem;
}
