/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the network tracer's programs and lib/capture/net_tracer say to each other. */
#ifndef EO_NET_RECORDS_H
#define EO_NET_RECORDS_H

#include <linux/types.h>

#include "trace_records.h"

/* What is wanted: bits of eo_net_config.events. */
#define EO_NET_TCP_CONNECT    (1u << 0)
#define EO_NET_TCP_ACCEPT     (1u << 1)
#define EO_NET_TCP_CLOSE      (1u << 2)
#define EO_NET_TCP_RETRANSMIT (1u << 3)
#define EO_NET_UDP_SESSION    (1u << 4)
#define EO_NET_DNS	      (1u << 5)
#define EO_NET_HTTP	      (1u << 6)
#define EO_NET_PACKET	      (1u << 7)
#define EO_NET_CONNECTION     (EO_NET_TCP_CONNECT | EO_NET_TCP_ACCEPT | EO_NET_TCP_CLOSE)

/* Bits of eo_net_config.protocols. */
#define EO_NET_TCP (1u << 0)
#define EO_NET_UDP (1u << 1)

#define EO_NET_INTERFACE_BYTES 16 /* IFNAMSIZ */
#define EO_NET_FILTERS_MAX     256 /* ports, and hosts */

/* Which end a port of the filter is meant for; bits of eo_net_config.port_filters. */
#define EO_NET_PORT_EITHER (1u << 0)
#define EO_NET_PORT_LOCAL  (1u << 1)
#define EO_NET_PORT_PEER   (1u << 2)

/* Read-only for the programs: set between open and load. */
struct eo_net_config {
	__u32 events;
	__u32 protocols;
	__u32 by_target;    /* the target names somebody: what has no owner is of no interest */
	__u32 port_filters; /* these kinds of ports are in the map */
	__u32 by_host;
	__u32 by_interface;
	__u32 no_loopback;
	__u32 summary;
	__u32 look_into_packets; /* or only count them, by device at most */
	__u32 by_comm, by_pid, by_peer; /* what rows are told apart by */
	__u32 tls; /* its functions are probed */
	__u32 own_cookies; /* programs may not ask for a socket's */
	__u32 by_calls;	   /* what is moved is seen when calls end; no tracepoint of sockets tells */
	__u32 stacks;	   /* the programs that take them run */
	char interface[EO_NET_INTERFACE_BYTES];
};

/* Key of the ports map; the value says nothing. */
struct eo_net_port {
	__u16 port;
	__u16 which; /* one EO_NET_PORT_ bit */
};

/* Key of the hosts map, a trie. IPv4 is ::ffff:a.b.c.d, its prefix longer by 96. */
struct eo_net_host {
	__u32 prefix_bits;
	__u8 address[16];
};

/* IPv4 in the first four bytes, the others zero. IPv4 in IPv6 is IPv4. */
struct eo_net_end {
	__u8 address[16];
	__u16 port;   /* host order */
	__u16 family; /* AF_INET, AF_INET6 */
};

struct eo_net_ends {
	struct eo_net_end local, peer;
};

enum eo_net_role {
	EO_ROLE_UNKNOWN,
	EO_ROLE_CLIENT,
	EO_ROLE_SERVER,
};

enum eo_net_reset {
	EO_RESET_NONE,
	EO_RESET_LOCAL,
	EO_RESET_PEER,
};

/* Who called connect() or accept(). tgid 0: unknown. */
struct eo_net_task {
	__u32 tgid, tid, ns_tgid, reserved;
	char comm[EO_COMM_LEN];
	char thread[EO_COMM_LEN];
};

enum eo_net_record_kind {
	EO_RECORD_TCP_CONNECT = 1,
	EO_RECORD_TCP_ACCEPT = 2,
	EO_RECORD_TCP_CLOSE = 3,
	EO_RECORD_TCP_RETRANSMIT = 4,
	EO_RECORD_PAYLOAD = 5,
	EO_RECORD_PACKET = 6,
};

#define EO_TCP_EXISTED 1 /* before the trace: when it began is not known */
#define EO_TCP_MPTCP   2 /* a subflow of a multipath connection */

/* header.ktime_ns: when the handshake began; when the connection ended; when it was sent again. */
struct eo_tcp_record {
	struct eo_record_header header;
	__u64 cookie;	   /* of the socket; unique until the next boot. 0: there is none yet */
	__u64 duration_ns; /* of the handshake, or until it failed; of the connection. 0: unknown */
	__u64 first_byte_ns; /* from the beginning until something was received; 0: unknown */
	__u64 tx_bytes, rx_bytes;
	struct eo_net_ends ends;
	__u32 rtt_us;	   /* smoothed; 0: never measured */
	__u32 retransmits; /* segments, of the whole connection; of this event */
	__s32 error;	   /* errno value, positive */
	__u8 role;	   /* enum eo_net_role */
	__u8 reset_by;	   /* enum eo_net_reset */
	__u8 state;	   /* of the kernel's numbers, TCP_ESTABLISHED … */
	__u8 flags;
	__u64 stack; /* its hash; 0: there is none */
};

_Static_assert(sizeof(struct eo_tcp_record) == 168, "records are an ABI between bpf/ and lib/");

enum eo_packet_direction {
	EO_PACKET_TX,
	EO_PACKET_RX,
};

struct eo_packet_record {
	struct eo_record_header header;
	struct eo_net_ends ends; /* as this machine sees them */
	__u32 length;	/* from the IP header on */
	__u16 segments; /* that the device or the stack has put together or will take apart */
	__u8 protocol;
	__u8 direction; /* enum eo_packet_direction */
	__u8 tcp_flags;
	__u8 reserved[7];
	char interface[EO_NET_INTERFACE_BYTES];
	__u64 stack; /* its hash; 0: there is none */
};

_Static_assert(sizeof(struct eo_packet_record) == 144, "records are an ABI between bpf/ and lib/");

/* Who reads a payload. */
enum eo_payload_use {
	EO_PAYLOAD_DNS = 1,
	EO_PAYLOAD_HTTP = 2,
};

#define EO_PAYLOAD_BYTES 4096 /* of each message */

/* What a process has sent or received with one call, as far as it was captured. Its owner is that
 * of the connection or session. */
struct eo_payload_record {
	struct eo_record_header header;
	__u64 cookie;
	__u64 offset; /* of TCP: bytes that went this way before, since the trace knows of it */
	__u64 stack;  /* hash of the call's; 0: there is none */
	struct eo_net_ends ends;
	__u32 length; /* moved in all */
	__u32 captured;
	__u16 protocol; /* IPPROTO_TCP, IPPROTO_UDP */
	__u8 use;	/* enum eo_payload_use */
	__u8 received;
	__u8 role;	/* enum eo_net_role */
	__u8 existed;	/* the connection is older than the trace */
	__u8 tls;	/* bytes are those inside, and so is the offset */
	__u8 reserved;
	__u8 bytes[2 * EO_PAYLOAD_BYTES]; /* cut behind @captured, which is at most half of it */
};

#define EO_PAYLOAD_HEADER_BYTES __builtin_offsetof(struct eo_payload_record, bytes)
_Static_assert(EO_PAYLOAD_HEADER_BYTES == 144, "records are an ABI between bpf/ and lib/");

/* Key of the sessions map. */
struct eo_session_key {
	__u64 cookie; /* of the socket */
	struct eo_net_end peer;
	__u32 reserved;
};

#define EO_SESSION_IGNORED 1 /* the filters do not want it */

/* What a UDP socket and a peer say to each other. User space tells of it at its end. */
struct eo_session {
	struct eo_net_task owner; /* who sent or received first */
	struct eo_net_ends ends;
	__u64 first_ns, last_ns; /* datagrams */
	__u64 tx_packets, rx_packets;
	__u64 tx_bytes, rx_bytes;
	__u32 role; /* enum eo_net_role: clients send first */
	__u32 flags;
	__u64 stack; /* hash of that of the call that began it; 0: there is none */
};

/* Key of the rows of a summary. */
struct eo_net_row_key {
	__u32 tgid;
	__u16 protocol; /* IPPROTO_TCP, IPPROTO_UDP */
	__u16 role;
	char comm[EO_COMM_LEN];
	struct eo_net_end peer; /* of servers without the port */
	__u32 generation;	/* user space reads those of the last one in peace */
};

#define EO_NET_RTT_SLOTS 24 /* slot k: 2^k <= µs < 2^(k+1); the last one has all above */

struct eo_net_row {
	__u64 connections, errors;
	__u64 tx_bytes, rx_bytes;
	__u64 tx_packets, rx_packets; /* datagrams */
	__u64 retransmits;
	__u64 rtt[EO_NET_RTT_SLOTS];
};

/* Per CPU, only ever increased. */
struct eo_net_counters {
	__u64 tcp_connections;
	__u64 udp_sessions;
	__u64 packets, bytes;
	__u64 tls_unbound; /* calls that moved HTTP of nobody knows which connection */
};

/* Cookies of the probes on TLS. */
enum eo_tls_function {
	EO_TLS_READ = 1,
	EO_TLS_READ_EX = 2, /* the size goes to where the fourth argument points */
	EO_TLS_WRITE = 3,
	EO_TLS_WRITE_EX = 4,
	EO_TLS_HANDSHAKE = 5,
	EO_TLS_FREE = 6, /* the object is gone; entry alone */
};

/* What the iterator over open files does with the sockets that it finds. */
enum eo_net_search {
	EO_SEARCH_LISTENERS, /* remember their ports */
	EO_SEARCH_OWNERS,    /* connections get entries and owners */
	EO_SEARCH_FLUSH,     /* their figures so far go into the rows */
};

#endif
