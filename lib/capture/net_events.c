// SPDX-License-Identifier: BSD-2-Clause
#include "capture/net_events.h"

#include <stdio.h>
#include <string.h>

#include "capture/tracer_class.h"
#include "core/auto.h"

/* The kernel's numbers, include/net/tcp_states.h. */
static const char *state_name(uint8_t state)
{
	static const char *const names[] = {
		NULL,	     "ESTABLISHED", "SYN_SENT",	  "SYN_RECV", "FIN_WAIT1",
		"FIN_WAIT2", "TIME_WAIT",   "CLOSE",	  "CLOSE_WAIT", "LAST_ACK",
		"LISTEN",    "CLOSING",	    "NEW_SYN_RECV",
	};

	return state < EO_ARRAY_SIZE(names) ? names[state] : NULL;
}

static void add_head(struct eo_net_attributes *attrs, const struct eo_tcp_record *record)
{
	if (record->cookie)
		eo_net_attributes_hex(attrs, "conn", record->cookie);
	eo_net_attributes_string(attrs, "role", eo_net_role_name(record->role));
	eo_net_attributes_string(attrs, "family", eo_net_family_name(&record->ends));
	eo_net_attributes_ends(attrs, &record->ends);
}

static void add_open(struct eo_net_attributes *attrs, const struct eo_tcp_record *record)
{
	add_head(attrs, record);
	if (record->duration_ns)
		eo_net_attributes_uint(attrs, "duration_ns", record->duration_ns);
	eo_net_attributes_error(attrs, record->error);
	if (record->flags & EO_TCP_MPTCP)
		eo_net_attributes_true(attrs, "mptcp");
}

static void add_close(struct eo_net_attributes *attrs, const struct eo_tcp_record *record)
{
	static const char *const resets[] = {
		[EO_RESET_NONE] = NULL, [EO_RESET_LOCAL] = "local", [EO_RESET_PEER] = "peer"};

	add_head(attrs, record);
	eo_net_attributes_error(attrs, record->error);
	if (record->reset_by < EO_ARRAY_SIZE(resets))
		eo_net_attributes_string(attrs, "reset_by", resets[record->reset_by]);
	eo_net_attributes_uint(attrs, "tx_bytes", record->tx_bytes);
	eo_net_attributes_uint(attrs, "rx_bytes", record->rx_bytes);
	eo_net_attributes_uint(attrs, "retransmits", record->retransmits);
	if (record->rtt_us)
		eo_net_attributes_uint(attrs, "rtt_ns", record->rtt_us * 1000ull);
	if (record->first_byte_ns)
		eo_net_attributes_uint(attrs, "first_byte_ns", record->first_byte_ns);
	if (!(record->flags & EO_TCP_EXISTED))
		eo_net_attributes_uint(attrs, "lifetime_ns", record->duration_ns);
	if (record->flags & EO_TCP_MPTCP)
		eo_net_attributes_true(attrs, "mptcp");
}

static void add_retransmit(struct eo_net_attributes *attrs, const struct eo_tcp_record *record)
{
	if (record->cookie)
		eo_net_attributes_hex(attrs, "conn", record->cookie);
	eo_net_attributes_ends(attrs, &record->ends);
	eo_net_attributes_string(attrs, "state", state_name(record->state));
	eo_net_attributes_uint(attrs, "count", record->retransmits);
}

bool eo_net_events_tcp(const struct eo_tcp_record *record, struct eo_net_attributes *attrs,
		       struct eo_event *event)
{
	static const struct {
		enum eo_event_type type;
		void (*add)(struct eo_net_attributes *attrs, const struct eo_tcp_record *record);
	} kinds[] = {
		[EO_RECORD_TCP_CONNECT] = {EO_EVENT_TCP_CONNECT, add_open},
		[EO_RECORD_TCP_ACCEPT] = {EO_EVENT_TCP_ACCEPT, add_open},
		[EO_RECORD_TCP_CLOSE] = {EO_EVENT_TCP_CLOSE, add_close},
		[EO_RECORD_TCP_RETRANSMIT] = {EO_EVENT_TCP_RETRANSMIT, add_retransmit},
	};
	uint32_t kind = record->header.kind;

	if (kind >= EO_ARRAY_SIZE(kinds) || !kinds[kind].add)
		return false;
	eo_tracer_fill_event(event, kinds[kind].type, &record->header);
	kinds[kind].add(attrs, record);
	event->data = attrs->attrs;
	event->data_count = attrs->count;
	return true;
}

void eo_net_events_session(const struct eo_session_key *key, const struct eo_session *session,
			   struct eo_net_attributes *attrs, struct eo_event *event)
{
	struct eo_record_header header = {
		.tgid = session->owner.tgid,
		.tid = session->owner.tid,
		.ns_tgid = session->owner.ns_tgid,
		.ktime_ns = session->last_ns,
	};

	memcpy(header.comm, session->owner.comm, sizeof(header.comm));
	memcpy(header.thread, session->owner.thread, sizeof(header.thread));
	eo_tracer_fill_event(event, EO_EVENT_UDP_SESSION, &header);
	eo_net_attributes_hex(attrs, "conn", key->cookie);
	eo_net_attributes_string(attrs, "role", eo_net_role_name(session->role));
	eo_net_attributes_string(attrs, "family", eo_net_family_name(&session->ends));
	eo_net_attributes_ends(attrs, &session->ends);
	eo_net_attributes_uint(attrs, "tx_packets", session->tx_packets);
	eo_net_attributes_uint(attrs, "rx_packets", session->rx_packets);
	eo_net_attributes_uint(attrs, "tx_bytes", session->tx_bytes);
	eo_net_attributes_uint(attrs, "rx_bytes", session->rx_bytes);
	eo_net_attributes_uint(attrs, "lifetime_ns", session->last_ns - session->first_ns);
	event->data = attrs->attrs;
	event->data_count = attrs->count;
}

static const char *protocol_name(uint8_t protocol, char *room, size_t size)
{
	static const struct {
		uint8_t protocol;
		const char *name;
	} names[] = {{IPPROTO_TCP, "tcp"},	 {IPPROTO_UDP, "udp"},	 {IPPROTO_ICMP, "icmp"},
		     {IPPROTO_ICMPV6, "icmpv6"}, {IPPROTO_SCTP, "sctp"}, {IPPROTO_GRE, "gre"},
		     {IPPROTO_ESP, "esp"},	 {IPPROTO_IGMP, "igmp"}};

	for (size_t i = 0; i < EO_ARRAY_SIZE(names); i++)
		if (names[i].protocol == protocol)
			return names[i].name;
	snprintf(room, size, "%u", protocol);
	return room;
}

/* "SYN|ACK" */
static void flag_names(uint8_t flags, char *ret, size_t size)
{
	static const char *const names[] = {"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"};
	size_t at = 0;

	*ret = '\0';
	for (size_t i = 0; i < EO_ARRAY_SIZE(names); i++)
		if (flags & 1u << i)
			at += (size_t)snprintf(ret + at, size - at, "%s%s", at ? "|" : "", names[i]);
}

void eo_net_events_packet(const struct eo_packet_record *record, struct eo_net_attributes *attrs,
			  struct eo_event *event)
{
	bool tx = record->direction == EO_PACKET_TX;
	char *protocol = attrs->text, *flags = attrs->text + 8;

	eo_tracer_fill_event(event, EO_EVENT_NETWORK_PACKET, &record->header);
	memcpy(attrs->interface, record->interface, sizeof(attrs->interface) - 1);
	flag_names(record->tcp_flags, flags, sizeof(attrs->text) - 8);
	eo_net_attributes_string(attrs, "direction", tx ? "tx" : "rx");
	eo_net_attributes_string(attrs, "interface", attrs->interface);
	eo_net_attributes_string(attrs, "proto", protocol_name(record->protocol, protocol, 8));
	eo_net_attributes_end(attrs, "src", tx ? &record->ends.local : &record->ends.peer);
	eo_net_attributes_end(attrs, "dst", tx ? &record->ends.peer : &record->ends.local);
	eo_net_attributes_uint(attrs, "length_bytes", record->length);
	eo_net_attributes_uint(attrs, "segments", record->segments);
	if (*flags)
		eo_net_attributes_string(attrs, "tcp_flags", flags);
	event->data = attrs->attrs;
	event->data_count = attrs->count;
}
