/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Where the bytes and the address of a socket's system call are, in user space. The tracepoints of
 * sockets say how much was moved, but run inside of the call, whose arguments are still there. */
#ifndef EO_NET_MESSAGE_BPF_H
#define EO_NET_MESSAGE_BPF_H

#include "net_base.bpf.h"
#include "syscall_regs.bpf.h"

struct user_iovec {
	const void *base;
	__u64 size;
};

/* struct msghdr of 64-bit programs. */
struct user_msghdr {
	const void *name;
	__u32 name_size, padding;
	const struct user_iovec *vectors;
	__u64 vector_count;
	__u64 control, control_size, flags;
};

struct user_mmsghdr {
	struct user_msghdr header;
	__u32 size, padding; /* size: of what was moved, filled in by the kernel */
};

/* A message: either bytes or vectors. */
struct user_message {
	const void *name;
	__u32 name_size;
	__u32 vector_count;
	const struct user_iovec *vectors;
	const void *bytes;
};

static __always_inline int read_header(const struct user_msghdr *user, struct user_message *ret)
{
	struct user_msghdr header;

	if (bpf_probe_read_user(&header, sizeof(header), user))
		return -1;
	ret->name = header.name;
	ret->name_size = header.name_size;
	ret->vectors = header.vectors;
	ret->vector_count = header.vector_count;
	return 0;
}

/* The message of the current call; its number is @nr. @index: in calls that move several.
 * Returns nonzero for a call without. */
static __always_inline int read_message(long nr, const __u64 args[EO_SYSCALL_ARGS], __u32 index,
					struct user_message *ret)
{
	const struct user_mmsghdr *many = (const void *)args[1];

	__builtin_memset(ret, 0, sizeof(*ret));
	switch (nr) {
	case __NR_sendto:
		ret->name = (const void *)args[4];
		ret->name_size = args[5];
		ret->bytes = (const void *)args[1];
		return 0;
	case __NR_recvfrom:
		ret->name = (const void *)args[4];
		ret->name_size = ret->name ? 28 : 0; /* the kernel fills in no more */
		ret->bytes = (const void *)args[1];
		return 0;
	case __NR_read:
	case __NR_write:
		ret->bytes = (const void *)args[1];
		return 0;
	case __NR_readv:
	case __NR_writev:
		ret->vectors = (const void *)args[1];
		ret->vector_count = args[2];
		return 0;
	case __NR_sendmsg:
	case __NR_recvmsg:
		return read_header((const void *)args[1], ret);
	case __NR_sendmmsg:
	case __NR_recvmmsg:
		return read_header(&many[index].header, ret);
	}
	return -1;
}

/* The call that ends and is being looked at, with net.by_calls. A CPU looks at one at a time. */
struct ending_call {
	__u64 args[EO_SYSCALL_ARGS];
	struct sock *sk;
	long nr, ret;
	__u32 received;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ending_call);
} ending_calls SEC(".maps");

static __always_inline struct ending_call *ending_call(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&ending_calls, &zero);
}

/* The call in which the current task is. Returns -1 where that cannot be known. */
static __always_inline long current_call(__u64 args[EO_SYSCALL_ARGS])
{
	struct pt_regs___kernel *regs;
	struct ending_call *ending;
	struct task_struct *task;
	struct call_number call;

	if (net.by_calls) {
		ending = ending_call();
		if (!ending)
			return -1;
		__builtin_memcpy(args, ending->args, sizeof(ending->args));
		return ending->nr;
	}
	task = bpf_get_current_task_btf();
	if (!bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs))
		return -1;
	regs = (void *)bpf_task_pt_regs(task);
	call = call_number(task, exit_number(regs, 1), 1);
	if (call.abi != EO_ABI_NATIVE)
		return -1;
	read_args(regs, EO_ABI_NATIVE, args, 1);
	return call.nr;
}

/* Calls that move several messages do not say which one it is: counted by thread, from the end of
 * the last such call on. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64); /* pid_tgid */
	__type(value, __u32);
} message_indices SEC(".maps");

static __always_inline __u32 next_index(void)
{
	__u64 thread = bpf_get_current_pid_tgid();
	__u32 *index = bpf_map_lookup_elem(&message_indices, &thread), one = 1;

	if (index)
		return (*index)++;
	bpf_map_update_elem(&message_indices, &thread, &one, BPF_ANY);
	return 0;
}

static __always_inline void reset_index(void)
{
	__u64 thread = bpf_get_current_pid_tgid();

	bpf_map_delete_elem(&message_indices, &thread);
}

#endif
