// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* What the machine says to the network, and which process says it. Tracepoints and iterators only. */
#include <asm/unistd.h>
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "net_calls.bpf.h"
#include "net_existing.bpf.h"
#include "net_owner.bpf.h"
#include "net_packet.bpf.h"
#include "net_retransmit.bpf.h"
#include "net_stack.bpf.h"
#include "net_tcp.bpf.h"
#include "net_tls.bpf.h"
#include "net_transfer.bpf.h"
#include "net_udp.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("tp_btf/sys_exit")
int BPF_PROG(on_sys_exit, struct pt_regs___kernel *regs, long ret)
{
	long nr = exit_number(regs, 1);

	switch (call_ending(nr, ret)) {
	case TELLS_ACCEPT:
		return ONCE(RUN_SYS_EXIT, accept_ends(count, ret));
	case TELLS_FAILED_CONNECT:
		return ONCE(RUN_SYS_EXIT, connect_ends(count, regs, ret));
	case TELLS_SENDER:
		return ONCE(RUN_SYS_EXIT, receive_ends(regs, nr, ret));
	case TELLS_NOTHING:
		break;
	}
	return 0;
}

/* --- following targets -------------------------------------------------------------------- */

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	return ONCE(RUN_FORK, follow_fork(child));
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task, int old_pid)
{
	return ONCE(RUN_EXEC, follow_exec(old_pid));
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *task)
{
	return ONCE(RUN_EXIT, follow_exit(task));
}

SEC("tp_btf/sched_process_free")
int BPF_PROG(on_free, struct task_struct *task)
{
	return ONCE_ANYWHERE(ctx, RUN_FREE, follow_free(task));
}
