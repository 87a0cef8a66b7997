// SPDX-License-Identifier: BSD-2-Clause
#include "capture/net_ways.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>

#include "capture/probe.h"
#include "core/auto.h"

/* Negative: there is none. */
static int tracepoint_type(const struct btf *kernel, const char *name)
{
	char type[64];

	if (!kernel)
		return -ENOENT;
	snprintf(type, sizeof(type), "btf_trace_%s", name);
	return btf__find_by_name_kind(kernel, type, BTF_KIND_TYPEDEF);
}

bool eo_net_ways_has_tracepoint(const struct btf *kernel, const char *name)
{
	return tracepoint_type(kernel, name) > 0;
}

/* The helper's number is an old one; what changed is who may call it. */
int eo_net_ways_load_cookies(const struct btf *kernel)
{
	const struct bpf_insn insns[] = {
		EO_INSN(BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_1, BPF_REG_1, 0, 0), /* the socket */
		EO_INSN_CALL(BPF_FUNC_get_socket_cookie),
		EO_INSN_MOV_IMM(BPF_REG_0, 0),
		EO_INSN_EXIT(),
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_RAW_TP);
	int id = tracepoint_type(kernel, "inet_sock_set_state");
	EO_AUTO_CLOSE int program = -1;

	if (id <= 0)
		return -ENOENT;
	opts.attach_btf_id = (uint32_t)id;
	program = eo_probe_load(BPF_PROG_TYPE_TRACING, insns, EO_ARRAY_SIZE(insns), &opts);
	return program < 0 ? program : 0;
}

struct eo_net_ways eo_net_ways_find(const struct btf *kernel)
{
	struct eo_net_ways ways = {.own_cookies = eo_net_ways_load_cookies(kernel) < 0};

	/* What those tracepoints hand over is good for more than reading only with the helpers of
	 * the same time. */
	ways.by_calls = ways.own_cookies ||
			!eo_net_ways_has_tracepoint(kernel, "sock_send_length") ||
			!eo_net_ways_has_tracepoint(kernel, "sock_recv_length");
	return ways;
}
