/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Packets as they leave for a device and as they come from one. Those of loopback do both, and are
 * counted when they leave.
 *
 * A packet that comes does not know its socket yet. Those that a socket sends show what its ends are,
 * and the other direction is found by them. */
#ifndef EO_NET_PACKET_BPF_H
#define EO_NET_PACKET_BPF_H

#include "net_udp.bpf.h"

#define ETH_P_IP   0x0800
#define ETH_P_IPV6 0x86dd

struct packet_ends_key {
	struct eo_net_ends ends;
	__u32 protocol;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, struct packet_ends_key);
	__type(value, __u64); /* the cookie of the last socket that sent */
} packet_ends SEC(".maps");

struct ports_and_flags {
	__be16 source, target;
	__u8 skipped[9]; /* numbers, and the header's size */
	__u8 tcp_flags;
};

struct addresses {
	struct eo_net_end source, target;
	__u32 transport; /* bytes from the IP header on */
	__u8 protocol;
};

static __always_inline int read_ipv4(const unsigned char *header, struct addresses *ret)
{
	__u8 bytes[20];

	if (bpf_probe_read_kernel(bytes, sizeof(bytes), header))
		return -1;
	ret->protocol = bytes[9];
	ret->transport = (bytes[0] & 15) * 4;
	if ((bytes[6] & 31) || bytes[7])
		ret->transport = 0; /* a later fragment */
	set_ipv4(&ret->source, *(__be32 *)(bytes + 12));
	set_ipv4(&ret->target, *(__be32 *)(bytes + 16));
	return 0;
}

static __always_inline int read_ipv6(const unsigned char *header, struct addresses *ret)
{
	__u8 bytes[40];

	if (bpf_probe_read_kernel(bytes, sizeof(bytes), header))
		return -1;
	ret->protocol = bytes[6];
	ret->transport = sizeof(bytes);
	__builtin_memcpy(ret->source.address, bytes + 8, 16);
	__builtin_memcpy(ret->target.address, bytes + 24, 16);
	ret->source.family = ret->target.family = AF_INET6;
	return 0;
}

static __always_inline int read_packet(const unsigned char *header, __be16 ethertype,
				       struct eo_packet_record *record)
{
	struct addresses addresses = {};
	struct ports_and_flags ports;
	int r = ethertype == bpf_htons(ETH_P_IP) ? read_ipv4(header, &addresses) :
						   read_ipv6(header, &addresses);

	if (r)
		return r;
	record->protocol = addresses.protocol;
	if (addresses.transport &&
	    (addresses.protocol == IPPROTO_TCP || addresses.protocol == IPPROTO_UDP) &&
	    !bpf_probe_read_kernel(&ports, sizeof(ports), header + addresses.transport)) {
		addresses.source.port = bpf_ntohs(ports.source);
		addresses.target.port = bpf_ntohs(ports.target);
		if (addresses.protocol == IPPROTO_TCP)
			record->tcp_flags = ports.tcp_flags;
	}
	record->ends.local = record->direction == EO_PACKET_TX ? addresses.source :
								 addresses.target;
	record->ends.peer = record->direction == EO_PACKET_TX ? addresses.target :
								addresses.source;
	return 0;
}

static __always_inline const struct eo_net_task *packet_owner(const struct sock *sk, __u8 protocol,
							      const struct eo_net_ends *ends)
{
	struct packet_ends_key ends_key = {.ends = *ends, .protocol = protocol};
	struct eo_session_key key = {.peer = ends->peer};
	struct eo_session *session;
	struct eo_conn *conn;
	__u64 *known, cookie = 0;

	if (sk)
		cookie = protocol == IPPROTO_UDP ? session_cookie(sk) : read_cookie(sk);
	known = bpf_map_lookup_elem(&packet_ends, &ends_key);
	if (!cookie && known)
		cookie = *known;
	if (!cookie)
		return NULL;
	if (!known || *known != cookie)
		bpf_map_update_elem(&packet_ends, &ends_key, &cookie, BPF_ANY);
	conn = bpf_map_lookup_elem(&conns, &cookie);
	if (conn)
		return conn->owner.tgid ? &conn->owner : NULL;
	key.cookie = cookie;
	session = bpf_map_lookup_elem(&sessions, &key);
	return session ? &session->owner : NULL;
}

static __always_inline int packet_wanted(const struct eo_packet_record *record)
{
	__u32 bit = record->protocol == IPPROTO_TCP ? EO_NET_TCP :
		    record->protocol == IPPROTO_UDP ? EO_NET_UDP : 0;

	if (net.protocols != (EO_NET_TCP | EO_NET_UDP) && !(net.protocols & bit))
		return 0;
	return ends_wanted(&record->ends);
}

/* One that has to be looked into: it is told, or filters ask for more than its device. Returns whether
 * its record is to be sent. */
static __noinline int look_into_packet(struct eo_tracer_counters *count, struct sk_buff *skb,
				       const struct net_device *device,
				       const unsigned char *header, struct eo_packet_record *record)
{
	struct eo_net_task nobody = {};
	const struct eo_net_task *owner;
	struct skb_shared_info *shared;

	if (read_packet(header, skb->protocol, record))
		return 0;
	owner = packet_owner(record->direction == EO_PACKET_TX ? skb->sk : NULL, record->protocol,
			     &record->ends);
	if (!owner && net.by_target)
		return 0;
	if (net.events & EO_NET_PACKET)
		COUNT(count->seen);
	if (!packet_wanted(record)) {
		if (net.events & EO_NET_PACKET)
			COUNT(count->filtered);
		return 0;
	}
	COUNT_NET(packets, 1);
	COUNT_NET(bytes, record->length);
	if (!(net.events & EO_NET_PACKET))
		return 0;
	if (net.summary) {
		COUNT(count->aggregated);
		return 0;
	}
	shared = (void *)(skb->head + skb->end);
	record->segments = BPF_CORE_READ(shared, gso_segs);
	if (!record->segments)
		record->segments = 1;
	bpf_core_read_str(record->interface, sizeof(record->interface), &device->name);
	owner_header(&record->header, owner ? owner : &nobody, EO_RECORD_PACKET,
		     bpf_ktime_get_ns());
	return 1;
}

/* Does it leave from a connection that is not followed? Where few are targets, most packets do. */
static __always_inline int is_strangers(const struct sk_buff *skb, __u8 direction)
{
	const struct sock *sk = skb->sk;
	__u64 cookie;

	if (direction != EO_PACKET_TX || !sk || net.own_cookies)
		return 0;
	cookie = sk->__sk_common.skc_cookie.counter;
	return cookie && is_whole_socket(sk->__sk_common.skc_state) &&
	       sk->sk_protocol == IPPROTO_TCP && !bpf_map_lookup_elem(&conns, &cookie);
}

/* Returns likewise. */
static __always_inline int packet(struct eo_tracer_counters *count, struct sk_buff *skb,
				  const struct net_device *device, struct eo_packet_record *record)
{
	const unsigned char *data, *header;
	__be16 protocol = skb->protocol;

	/* Plain loads, as everywhere on the way of packets that are only counted. */
	if ((record->direction == EO_PACKET_RX || net.no_loopback) && device->flags & IFF_LOOPBACK)
		return 0;
	if (protocol != bpf_htons(ETH_P_IP) && protocol != bpf_htons(ETH_P_IPV6))
		return 0;
	if (net.by_interface && !is_interface(device))
		return 0;
	/* What comes begins with the IP header, which is not marked yet. */
	header = data = skb->data;
	if (record->direction == EO_PACKET_TX)
		header = skb->head + skb->network_header;
	record->length = skb->len - (header - data);
	if (net.by_target && is_strangers(skb, record->direction))
		return 0;
	if (net.look_into_packets)
		return look_into_packet(count, skb, device, header, record);
	COUNT_NET(packets, 1);
	COUNT_NET(bytes, record->length);
	return 0;
}

static __always_inline void passes(struct eo_tracer_counters *count, struct sk_buff *skb,
				   const struct net_device *device, __u8 direction)
{
	struct eo_packet_record record = {.direction = direction};

	if (packet(count, skb, device, &record))
		send_record(count, &record.header, sizeof(record));
}

SEC("tp_btf/net_dev_start_xmit")
int BPF_PROG(on_transmit, struct sk_buff *skb, struct net_device *device)
{
	return UNPREEMPTED_TP(passes(count, skb, device, EO_PACKET_TX));
}

SEC("tp_btf/netif_receive_skb")
int BPF_PROG(on_packet, struct sk_buff *skb)
{
	return UNPREEMPTED_TP(passes(count, skb, skb->dev, EO_PACKET_RX));
}

#endif
