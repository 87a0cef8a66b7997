// SPDX-License-Identifier: BSD-2-Clause
/* Probes for what the network tracer hangs its programs on. */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <stdio.h>

#include "capture/net_ways.h"
#include "capture/probe.h"
#include "capture/support_row.h"
#include "core/auto.h"

/* Yes when all of them are there; ends with NULL. */
static void say_tracepoints(struct eo_support_context *context, struct eo_support_probe *ret,
			    const char *const *names)
{
	for (; *names; names++) {
		char type[64];
		struct eo_support_answer answer;

		snprintf(type, sizeof(type), "btf_trace_%s", *names);
		answer = eo_support_attach_typed(
			BPF_TRACE_RAW_TP, eo_support_kernel_type(context, type, BTF_KIND_TYPEDEF));
		if (answer.code == -ENOENT)
			answer.step = *names;
		eo_support_say_answer(context, ret, answer);
		if (ret->state != EO_SUPPORT_YES)
			return;
	}
}

static void say_connections(struct eo_support_context *context, struct eo_support_probe *ret)
{
	static const char *const names[] = { "inet_sock_set_state", "tcp_destroy_sock", NULL };

	say_tracepoints(context, ret, names);
}

static void say_sockets(struct eo_support_context *context, struct eo_support_probe *ret)
{
	static const char *const names[] = { "sock_send_length", "sock_recv_length", NULL };

	say_tracepoints(context, ret, names);
}

static void say_resets(struct eo_support_context *context, struct eo_support_probe *ret)
{
	static const char *const names[] = { "tcp_send_reset", "tcp_receive_reset", NULL };

	say_tracepoints(context, ret, names);
}

static void say_retransmits(struct eo_support_context *context, struct eo_support_probe *ret)
{
	static const char *const names[] = { "tcp_retransmit_skb", "tcp_retransmit_synack", NULL };

	say_tracepoints(context, ret, names);
}

static void say_packets(struct eo_support_context *context, struct eo_support_probe *ret)
{
	static const char *const names[] = { "net_dev_start_xmit", "netif_receive_skb", NULL };

	say_tracepoints(context, ret, names);
}

static void say_iterators(struct eo_support_context *context, struct eo_support_probe *ret)
{
	eo_support_say_answer(context, ret, eo_support_open_iterator(context, "bpf_iter_task_file"));
	if (ret->state == EO_SUPPORT_YES)
		eo_support_say_answer(context, ret, eo_support_open_iterator(context, "bpf_iter_tcp"));
}

static void say_cookies(struct eo_support_context *context, struct eo_support_probe *ret)
{
	struct eo_support_answer answer = { eo_net_ways_load_cookies(context->vmlinux), "load" };

	eo_support_say_answer(context, ret, answer);
	if (ret->state == EO_SUPPORT_NO)
		eo_support_say(ret, EO_SUPPORT_NO, "numbers of our own serve instead");
}

/* One program serves all functions of a TLS library, and tells them apart by these. */
static void say_probe_cookies(struct eo_support_context *context, struct eo_support_probe *ret)
{
	const struct bpf_insn insns[] = {
		EO_INSN_CALL(BPF_FUNC_get_attach_cookie),
		EO_INSN_MOV_IMM(BPF_REG_0, 0),
		EO_INSN_EXIT(),
	};
	EO_AUTO_CLOSE int program =
		eo_probe_load(BPF_PROG_TYPE_KPROBE, insns, EO_ARRAY_SIZE(insns), NULL);
	struct eo_support_answer answer = { program, "load" };

	eo_support_say_answer(context, ret, answer);
}

const struct eo_support_row eo_support_net_rows[] = {
	{ "network", "tcp_tracepoints", "states of TCP", say_connections,
	  "boot a kernel with CONFIG_DEBUG_INFO_BTF=y and CONFIG_BPF_EVENTS=y" },
	{ "network", "socket_tracepoints", "transfers of sockets", say_sockets,
	  "needs Linux 6.3 or newer; results of system calls serve instead" },
	{ "network", "socket_cookies", "cookies of sockets", say_cookies },
	{ "network", "socket_iterators", "iterators of sockets", say_iterators,
	  "needs Linux 5.9 or newer, with BTF" },
	{ "network", "reset_tracepoints", "resets", say_resets },
	{ "network", "retransmit_tracepoints", "retransmits", say_retransmits },
	{ "network", "packet_tracepoints", "packets", say_packets },
	{ "network", "probe_cookies", "cookies of probes", say_probe_cookies,
	  "needs Linux 5.15 or newer" },
	{ 0 },
};
