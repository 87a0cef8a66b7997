/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What all parts of the network tracer use: its maps, the ends of a socket, owners, filters. */
#ifndef EO_NET_BASE_BPF_H
#define EO_NET_BASE_BPF_H

#include "kernel_net.h"
#include "net_records.h"
#include "spare.bpf.h"
#include "tracer.bpf.h"

const volatile struct eo_net_config net = {};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct eo_net_counters);
} net_counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct eo_net_port);
	__type(value, __u32);
} ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct eo_net_host);
	__type(value, __u32);
} hosts SEC(".maps");

static __always_inline void count_net(__u64 offset, __u64 much)
{
	__u32 zero = 0;
	void *counters_of_cpu = bpf_map_lookup_elem(&net_counters, &zero);

	if (counters_of_cpu)
		__sync_fetch_and_add((__u64 *)(counters_of_cpu + offset), much);
}

#define COUNT_NET(field, much) count_net(__builtin_offsetof(struct eo_net_counters, field), much)

/* --- stacks -------------------------------------------------------------------------------
 *
 * With net.stacks each program has a twin in net_stack.bpf.h, which runs instead of it and alone takes
 * stacks. What the two share finds here what the twin has taken, or leaves here what it is to take
 * one for once there is room for that on the program's own stack. */

struct net_taken {
	__u64 stack;  /* for the records that are sent now; 0: there is none */
	__u64 thread; /* pid_tgid of who sends them: others may come in between */
};

struct net_run {
	struct net_taken taken;
	__u64 thread; /* pid_tgid of who waits for what follows; 0: nobody */
	struct eo_session_key session; /* that has begun, */
	__u32 session_waits;
	__u32 payload_waits; /* and whether there is one */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct net_run);
} net_runs SEC(".maps");

static __always_inline struct net_run *net_run(void)
{
	__u32 zero = 0;

	return net.stacks ? bpf_map_lookup_elem(&net_runs, &zero) : NULL;
}

static __always_inline __u64 run_stack(void)
{
	struct net_run *run = net_run();

	return run && run->taken.thread == bpf_get_current_pid_tgid() ? run->taken.stack : 0;
}

/* NULL: nobody will take a stack. */
static __always_inline struct net_run *waiting_run(void)
{
	struct net_run *run = net_run();

	if (run)
		run->thread = bpf_get_current_pid_tgid();
	return run;
}

static __always_inline void forget_run_stack(void)
{
	struct net_run *run = net_run();

	if (run)
		run->taken.stack = 0;
}

/* --- ends --------------------------------------------------------------------------------- */

/* ::ffff:0:0/96 */
static __always_inline int is_mapped(const __u8 address[16])
{
	const __u32 *words = (const __u32 *)address;

	return !words[0] && !words[1] && words[2] == bpf_htonl(0xffff);
}

static __always_inline void set_ipv4(struct eo_net_end *end, __be32 address)
{
	__builtin_memset(end->address, 0, sizeof(end->address));
	*(__be32 *)end->address = address;
	end->family = AF_INET;
}

/* As a socket or a request for one says it. A socket without peer has an empty one. */
static __always_inline void read_common(const struct sock_common *common, struct eo_net_ends *ends)
{
	__builtin_memset(ends, 0, sizeof(*ends));
	if (BPF_CORE_READ(common, skc_family) == AF_INET6) {
		BPF_CORE_READ_INTO(&ends->peer.address, common, skc_v6_daddr);
		BPF_CORE_READ_INTO(&ends->local.address, common, skc_v6_rcv_saddr);
		ends->local.family = ends->peer.family = AF_INET6;
	}
	if (ends->peer.family == 0 || is_mapped(ends->peer.address)) {
		set_ipv4(&ends->peer, BPF_CORE_READ(common, skc_daddr));
		set_ipv4(&ends->local, BPF_CORE_READ(common, skc_rcv_saddr));
	}
	ends->peer.port = bpf_ntohs(BPF_CORE_READ(common, skc_dport));
	ends->local.port = BPF_CORE_READ(common, skc_num);
}

static __always_inline void read_ends(const struct sock *sk, struct eo_net_ends *ends)
{
	const struct inet_sock *inet = (const void *)sk;

	read_common(&sk->__sk_common, ends);
	/* The number is given back before a socket is closed; this one stays. */
	if (!ends->local.port)
		ends->local.port = bpf_ntohs(BPF_CORE_READ(inet, inet_sport));
	if (ends->local.family == AF_INET && !*(__u32 *)ends->local.address)
		*(__be32 *)ends->local.address = BPF_CORE_READ(inet, inet_saddr);
}

/* An address that a call was given, or has filled in. Leaves @end alone where it is none. */
static __always_inline void read_sockaddr(struct eo_net_end *end, const void *user, __u32 size)
{
	struct {
		__u16 family;
		__be16 port;
		__be32 ipv4; /* or a flow */
	} head;
	__u8 address[16];

	if (size < sizeof(head) || bpf_probe_read_user(&head, sizeof(head), user))
		return;
	if (head.family == AF_INET) {
		set_ipv4(end, head.ipv4);
		end->port = bpf_ntohs(head.port);
		return;
	}
	if (head.family != AF_INET6 || size < sizeof(head) + sizeof(address) ||
	    bpf_probe_read_user(address, sizeof(address), user + sizeof(head)))
		return;
	if (is_mapped(address)) {
		set_ipv4(end, *(__be32 *)(address + 12));
	} else {
		__builtin_memcpy(end->address, address, sizeof(address));
		end->family = AF_INET6;
	}
	end->port = bpf_ntohs(head.port);
}

/* --- cookies ------------------------------------------------------------------------------
 *
 * A socket's cookie is its name until the next boot. Programs like these can have it made since 5.12;
 * before that it is ours, kept as long as the socket lives. */

/* Key: the socket's address. User space gives the map its size. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, __u64);
} own_cookies SEC(".maps");

/* 0: it has none. */
static __always_inline __u64 read_cookie(const struct sock *sk)
{
	__u64 address = (__u64)sk, *cookie;

	if (!net.own_cookies)
		return BPF_CORE_READ(sk, __sk_common.skc_cookie.counter);
	cookie = bpf_map_lookup_elem(&own_cookies, &address);
	return cookie ? *cookie : 0;
}

/* 0: there is no room. At an address there is one socket at a time. */
static __always_inline __u64 own_cookie(const struct sock *sk)
{
	__u64 address = (__u64)sk, made, cookie = read_cookie(sk);

	if (cookie)
		return cookie;
	made = bpf_ktime_get_ns() << 20 | (bpf_get_prandom_u32() & 0xfffff);
	bpf_map_update_elem(&own_cookies, &address, &made, BPF_NOEXIST);
	return read_cookie(sk);
}

/* For a socket as tracepoints and iterators hand it over: sets a cookie where there is none. */
static __always_inline __u64 get_cookie(struct sock *sk)
{
	return net.own_cookies ? own_cookie(sk) : bpf_get_socket_cookie(sk);
}

static __always_inline void forget_cookie(const struct sock *sk)
{
	__u64 address = (__u64)sk;

	if (net.own_cookies)
		bpf_map_delete_elem(&own_cookies, &address);
}

/* A request for a connection is none, nor is what remains of one: struct sock_common, no more. */
static __always_inline int is_whole_socket(__u8 state)
{
	return state != TCP_NEW_SYN_RECV && state != TCP_TIME_WAIT;
}

/* --- owners ------------------------------------------------------------------------------- */

/* A worker of the kernel's runs for others. */
static __always_inline int is_kernel_thread(struct task_struct *task)
{
	return BPF_CORE_READ(task, flags) & PF_KTHREAD ? 1 : 0;
}

static __always_inline void set_owner(struct eo_net_task *owner, struct task_struct *task)
{
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);

	owner->tgid = BPF_CORE_READ(task, tgid);
	owner->tid = BPF_CORE_READ(task, pid);
	owner->ns_tgid = process_ns_tgid(task);
	bpf_core_read_str(owner->comm, sizeof(owner->comm), &leader->comm);
	bpf_core_read_str(owner->thread, sizeof(owner->thread), &task->comm);
}

static __always_inline void owner_header(struct eo_record_header *header,
					 const struct eo_net_task *owner, __u32 kind,
					 __u64 ktime_ns)
{
	header->kind = kind;
	header->tgid = owner->tgid;
	header->tid = owner->tid;
	header->ns_tgid = owner->ns_tgid;
	header->ktime_ns = ktime_ns;
	header->ring_lost = 0;
	__builtin_memcpy(header->comm, owner->comm, sizeof(header->comm));
	__builtin_memcpy(header->thread, owner->thread, sizeof(header->thread));
}

/* Is @task, which is not the current one, a target? What cannot be asked of another task is not;
 * its sockets are found when it uses them. */
static __always_inline int filter_other(struct task_struct *task)
{
	__u32 tgid = BPF_CORE_READ(task, tgid), tid = BPF_CORE_READ(task, pid), uid;
	struct comm_key key;

	if (tgid == filter.own_tgid || filter.cgroups)
		return 0;
	if (filter.by_pid && !bpf_map_lookup_elem(&target_pids, &tgid))
		return 0;
	if (filter.by_tid && !bpf_map_lookup_elem(&target_tids, &tid))
		return 0;
	if (filter.by_uid) {
		uid = BPF_CORE_READ(task, cred, uid.val);
		if (!bpf_map_lookup_elem(&target_uids, &uid))
			return 0;
	}
	if (filter.by_comm) {
		read_process_comm(task, key.comm);
		if (!bpf_map_lookup_elem(&target_comms, &key))
			return 0;
	}
	return 1;
}

/* --- filters ------------------------------------------------------------------------------ */

static __always_inline int has_port(__u16 port, __u16 which)
{
	struct eo_net_port key = {.port = port, .which = which};

	return bpf_map_lookup_elem(&ports, &key) != NULL;
}

static __always_inline int ports_wanted(const struct eo_net_ends *ends)
{
	if (net.port_filters & EO_NET_PORT_EITHER && !has_port(ends->local.port, EO_NET_PORT_EITHER) &&
	    !has_port(ends->peer.port, EO_NET_PORT_EITHER))
		return 0;
	if (net.port_filters & EO_NET_PORT_LOCAL && !has_port(ends->local.port, EO_NET_PORT_LOCAL))
		return 0;
	return !(net.port_filters & EO_NET_PORT_PEER) || has_port(ends->peer.port, EO_NET_PORT_PEER);
}

static __always_inline int has_host(const struct eo_net_end *end)
{
	struct eo_net_host key = {.prefix_bits = 128};

	if (end->family == AF_INET) {
		key.address[10] = key.address[11] = 0xff;
		__builtin_memcpy(key.address + 12, end->address, 4);
	} else {
		__builtin_memcpy(key.address, end->address, sizeof(key.address));
	}
	return bpf_map_lookup_elem(&hosts, &key) != NULL;
}

static __always_inline int ends_wanted(const struct eo_net_ends *ends)
{
	if (net.port_filters && !ports_wanted(ends))
		return 0;
	return !net.by_host || has_host(&ends->local) || has_host(&ends->peer);
}

static __always_inline int is_interface(const struct net_device *device)
{
	char name[EO_NET_INTERFACE_BYTES] = {};

	bpf_core_read_str(name, sizeof(name), &device->name);
	for (int i = 0; i < EO_NET_INTERFACE_BYTES; i++) {
		if (name[i] != net.interface[i])
			return 0;
		if (!name[i])
			break;
	}
	return 1;
}

static __always_inline int is_loopback(const struct net_device *device)
{
	return BPF_CORE_READ(device, flags) & IFF_LOOPBACK ? 1 : 0;
}

/* 127.0.0.0/8, ::1, or from an address to itself. */
static __always_inline int ends_local(const struct eo_net_ends *ends)
{
	const __u32 *local = (const __u32 *)ends->local.address;
	const __u32 *peer = (const __u32 *)ends->peer.address;

	if (ends->peer.family == AF_INET && ends->peer.address[0] == 127)
		return 1;
	if (ends->peer.family == AF_INET6 && !peer[0] && !peer[1] && !peer[2] &&
	    peer[3] == bpf_htonl(1))
		return 1;
	return local[0] == peer[0] && local[1] == peer[1] && local[2] == peer[2] &&
	       local[3] == peer[3];
}

/* Does what a socket sends stay on this machine? Where it has no route yet, its ends tell. */
static __always_inline int is_local(const struct sock *sk, const struct eo_net_ends *ends)
{
	struct net_device *device = BPF_CORE_READ(sk, sk_dst_cache, dev);

	return device ? is_loopback(device) : ends_local(ends);
}

static __always_inline int socket_wanted(const struct sock *sk, const struct eo_net_ends *ends)
{
	struct net_device *device;

	if (!ends_wanted(ends))
		return 0;
	if (net.no_loopback && is_local(sk, ends))
		return 0;
	if (!net.by_interface)
		return 1;
	device = BPF_CORE_READ(sk, sk_dst_cache, dev);
	return device && is_interface(device);
}

#endif
