/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/support.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "capture/probe.h"
#include "capture/support_row.h"
#include "core/auto.h"

const char eo_support_hint_privileges[] =
	"run as root, or grant the binary its capabilities: "
	"setcap cap_bpf,cap_perfmon,cap_sys_ptrace,cap_syslog+ep ebpfotel";

void eo_support_say(struct eo_support_probe *probe, enum eo_support_state state, const char *fmt,
		    ...)
{
	va_list args;

	probe->state = state;
	va_start(args, fmt);
	vsnprintf(probe->detail, sizeof(probe->detail), fmt, args);
	va_end(args);

	/* Mount points come from outside and may hold anything, escape sequences included. */
	for (char *c = probe->detail; *c; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	}
}

/* What a tool asks of the machine. One key of an entry suffices; a tool cannot do without its
 * needs, and does less without its wants. */
struct demand {
	const char *keys[2];
	const char *without; /* NULL: the tool cannot do without */
};

struct tool {
	const char *name;
	struct demand demands[12]; /* ends with a NULL key */
};

static const struct tool tools[EO_SUPPORT_TOOLS] = {
	{ "profile", {
		{ { "pids" }, NULL },
		{ { "perf_event" }, NULL },
		{ { "ring_buffer" }, NULL },
		{ { "btf" }, NULL },
		{ { "kernel_symbols" }, "no names of kernel functions" },
		{ { "cap_sys_ptrace" }, "names only for processes of this user" },
	} },
	{ "trace syscall", {
		{ { "pids" }, NULL },
		{ { "raw_tracepoint" }, NULL },
		{ { "ring_buffer" }, NULL },
		{ { "tp_btf" }, "more time per call without typed tracepoints" },
		{ { "task_storage" }, "more time per call without task storage" },
		{ { "bpf_loop" }, "no stacks without bpf_loop" },
	} },
	{ "trace net", {
		{ { "pids" }, NULL },
		{ { "ring_buffer" }, NULL },
		{ { "tcp_tracepoints" }, NULL },
		{ { "socket_iterators" }, NULL },
		{ { "socket_tracepoints" }, "transfers seen by system calls, without io_uring" },
		{ { "reset_tracepoints" }, "no word of who reset" },
		{ { "retransmit_tracepoints" }, "no retransmits" },
		{ { "packet_tracepoints" }, "no packets" },
		{ { "probe_cookies" }, "nothing inside of TLS" },
	} },
	{ "trace mem", {
		{ { "pids" }, NULL },
		{ { "uprobe_multi", "uprobe" }, NULL },
		{ { "task_storage" }, NULL },
		{ { "bpf_loop" }, NULL },
		{ { "ring_buffer" }, NULL },
		{ { "uprobe_multi" }, "slow to start and stop without uprobe_multi" },
	} },
};

const struct eo_support_probe *eo_support_find(const struct eo_support *support, const char *key)
{
	for (size_t i = 0; i < support->probe_count; i++) {
		if (strcmp(support->probes[i].key, key) == 0)
			return &support->probes[i];
	}
	return NULL;
}

/* The probe that speaks for a demand: the first that says yes, else the first. */
static const struct eo_support_probe *met_by(const struct eo_support *support,
					     const struct demand *demand)
{
	for (size_t i = 0; i < EO_ARRAY_SIZE(demand->keys) && demand->keys[i]; i++) {
		const struct eo_support_probe *probe = eo_support_find(support, demand->keys[i]);

		if (probe->state == EO_SUPPORT_YES)
			return probe;
	}
	return eo_support_find(support, demand->keys[0]);
}

static void judge(const struct eo_support *support, const struct tool *tool,
		  struct eo_tool_support *ret)
{
	*ret = (struct eo_tool_support){ .name = tool->name };

	for (const struct demand *demand = tool->demands; demand->keys[0]; demand++) {
		const struct eo_support_probe *probe = met_by(support, demand);
		bool denied = probe->state == EO_SUPPORT_DENIED;

		if (probe->state == EO_SUPPORT_YES)
			continue;
		if (demand->without) {
			size_t length = strlen(ret->why);

			if (ret->state == EO_TOOL_UNAVAILABLE)
				continue;
			ret->state = EO_TOOL_DEGRADED;
			snprintf(ret->why + length, sizeof(ret->why) - length, "%s%s",
				 length ? "; " : "", demand->without);
			if (!ret->hint)
				ret->hint = probe->hint;
			continue;
		}

		/* What the kernel lacks is told before what it denies: more privileges alone
		 * would not help. */
		if (ret->state == EO_TOOL_UNAVAILABLE && (denied || !ret->for_permission))
			continue;
		ret->state = EO_TOOL_UNAVAILABLE;
		ret->for_permission = denied;
		snprintf(ret->why, sizeof(ret->why), "%s %s%s%.80s",
			 denied ? "no permission for" : "no", probe->label,
			 probe->detail[0] ? ": " : "", probe->detail);
		ret->hint = probe->hint;
	}
}

static void run_rows(const struct eo_support_row *row, struct eo_support_context *context,
		     struct eo_support *support)
{
	for (; row->key && support->probe_count < EO_SUPPORT_PROBES_MAX; row++) {
		struct eo_support_probe *probe = &support->probes[support->probe_count++];

		*probe = (struct eo_support_probe){
			.group = row->group,
			.key = row->key,
			.label = row->label,
		};
		row->run(context, probe);

		if (probe->state == EO_SUPPORT_NO && !probe->hint)
			probe->hint = row->hint_no;
	}
}

void eo_support_probe_all(struct eo_support *ret)
{
	struct eo_support_context context = { .capabilities = eo_probe_capabilities() };

	*ret = (struct eo_support){ 0 };
	context.may_trace = eo_probe_may_trace(context.capabilities);

	eo_support_bpf_init(&context);
	run_rows(eo_support_system_rows, &context, ret);
	run_rows(eo_support_bpf_rows, &context, ret);
	run_rows(eo_support_net_rows, &context, ret);
	eo_support_bpf_fini(&context);

	for (size_t i = 0; i < EO_SUPPORT_TOOLS; i++)
		judge(ret, &tools[i], &ret->tools[i]);
}
