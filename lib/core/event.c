/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/event.h"

#include <string.h>

#include "core/auto.h"

/* clang-format off: tables read better by hand */

#define STRING(name)		{ name, EO_ATTR_STRING, NULL }
#define INT(name)		{ name, EO_ATTR_INT, NULL }
#define UINT(name)		{ name, EO_ATTR_UINT, NULL }
#define HEX(name)		{ name, EO_ATTR_HEX, NULL }
#define BOOL(name)		{ name, EO_ATTR_BOOL, NULL }
#define REAL(name)		{ name, EO_ATTR_REAL, NULL }
#define OBJECT(name, members)	{ name, EO_ATTR_OBJECT, members }
#define ARRAY(name, members)	{ name, EO_ATTR_ARRAY, members }
#define END			{ NULL, EO_ATTR_STRING, NULL }

static const struct eo_event_key endpoint[] = {
	STRING("address"), UINT("port"), END,
};

static const struct eo_event_key frame[] = {
	STRING("function"), STRING("module"), HEX("offset"), STRING("kind"), STRING("build_id"),
	HEX("address"), STRING("file"), UINT("line"), END,
};

#define STACK	  ARRAY("stack", frame)
#define ENDPOINTS OBJECT("local", endpoint), OBJECT("peer", endpoint)
#define FAILURE	  INT("ret"), STRING("error")

static const struct eo_event_key cpu_sample[] = { UINT("cpu"), STACK, END };

static const struct eo_event_key syscall_call[] = {
	STRING("name"), UINT("nr"), STRING("abi"), STRING("path"), OBJECT("args", NULL), INT("ret"),
	HEX("ret_address"), STRING("error"), UINT("duration_ns"), BOOL("interrupted"), STACK, END,
};

static const struct eo_event_key network_packet[] = {
	STRING("direction"), STRING("interface"), STRING("proto"), OBJECT("src", endpoint),
	OBJECT("dst", endpoint), UINT("length_bytes"), UINT("segments"), STRING("tcp_flags"),
	STACK, END,
};

static const struct eo_event_key tcp_open[] = {
	HEX("conn"), STRING("role"), STRING("family"), ENDPOINTS, UINT("duration_ns"), FAILURE,
	BOOL("mptcp"), STACK, END,
};

static const struct eo_event_key tcp_close[] = {
	HEX("conn"), STRING("role"), STRING("family"), ENDPOINTS, FAILURE, STRING("reset_by"),
	UINT("tx_bytes"), UINT("rx_bytes"), UINT("retransmits"), UINT("rtt_ns"),
	UINT("first_byte_ns"), UINT("lifetime_ns"), BOOL("mptcp"), STACK, END,
};

static const struct eo_event_key tcp_retransmit[] = {
	HEX("conn"), ENDPOINTS, STRING("state"), UINT("count"), STACK, END,
};

static const struct eo_event_key udp_session[] = {
	HEX("conn"), STRING("role"), STRING("family"), ENDPOINTS, UINT("tx_packets"),
	UINT("rx_packets"), UINT("tx_bytes"), UINT("rx_bytes"), UINT("lifetime_ns"), STACK, END,
};

static const struct eo_event_key dns[] = {
	OBJECT("server", endpoint), STRING("question"), STRING("qtype"), STRING("rcode"),
	ARRAY("answers", NULL), UINT("duration_ns"), FAILURE, STACK, END,
};

static const struct eo_event_key http_request[] = {
	HEX("conn"), STRING("role"), STRING("scheme"), STRING("method"), STRING("host"),
	STRING("path"), STRING("version"), UINT("status"), UINT("request_bytes"),
	UINT("response_bytes"), UINT("duration_ns"), ENDPOINTS, STRING("traceparent"), BOOL("tls"),
	FAILURE, STACK, END,
};

static const struct eo_event_key memory_alloc[] = {
	STRING("function"), STRING("source"), HEX("address"), UINT("size_bytes"), FAILURE, STACK,
	END,
};

static const struct eo_event_key memory_free[] = {
	STRING("function"), STRING("source"), HEX("address"), UINT("size_bytes"),
	UINT("lifetime_ns"), STACK, END,
};

static const struct eo_event_key loss[] = {
	STRING("tracer"), STRING("reason"), UINT("count"), UINT("since_ns"), END,
};

static const struct eo_event_key start[] = {
	STRING("version"), STRING("run_id"), UINT("ktime_ns"), ARRAY("tracers", NULL),
	ARRAY("command", NULL), OBJECT("config", NULL), OBJECT("hooks", NULL),
	STRING("host_name"), STRING("host_id"), STRING("host_arch"), STRING("kernel"),
	STRING("traceparent"), OBJECT("resource", NULL), END,
};

static const struct eo_event_key process[] = {
	UINT("ppid"), STRING("exe"), STRING("start_time"), STRING("container_id"),
	STRING("pod_uid"), OBJECT("resource", NULL), END,
};

static const struct eo_event_key net_counts[] = {
	UINT("packets_captured"), UINT("bytes_captured"), UINT("tcp_connections"),
	UINT("udp_sessions"), END,
};

static const struct eo_event_key syscall_counts[] = {
	UINT("syscalls_traced"), UINT("unique_syscalls"), UINT("errors"), END,
};

static const struct eo_event_key mem_counts[] = {
	UINT("allocations"), UINT("frees"), UINT("total_allocated"), UINT("total_freed"),
	UINT("active_allocations"), UINT("active_bytes"), UINT("unknown_frees"),
	UINT("failed_allocations"), END,
};

static const struct eo_event_key overhead[] = {
	REAL("cpu_percent"), REAL("own_cpu_percent"), REAL("bpf_percent"), STRING("bpf_time"),
	UINT("user_ns"), UINT("system_ns"), UINT("bpf_ns"), UINT("memory_bytes"), UINT("rss_bytes"),
	UINT("map_bytes"), REAL("event_latency_us"), REAL("event_latency_p99_us"), END,
};

static const struct eo_event_key end[] = {
	UINT("duration_ns"), UINT("events_seen"), UINT("events_emitted"), UINT("events_aggregated"),
	UINT("events_filtered"), OBJECT("lost", NULL), OBJECT("degraded", NULL),
	OBJECT("profile", NULL), OBJECT("net", net_counts), OBJECT("syscall", syscall_counts),
	OBJECT("mem", mem_counts), OBJECT("overhead", overhead), END,
};

/* What the rows of a summary are told apart by: those keys of --by that were asked for. */
#define SUMMARY_KEYS STRING("name"), STRING("comm"), UINT("pid"), STRING("cgroup"), \
	STRING("container_id"), OBJECT("peer", endpoint), STACK

static const struct eo_event_key syscall_summary[] = {
	SUMMARY_KEYS, STRING("abi"), UINT("count"), UINT("errors"), UINT("total_ns"), UINT("min_ns"),
	UINT("mean_ns"), UINT("p50_ns"), UINT("p99_ns"), UINT("max_ns"), ARRAY("buckets", NULL), END,
};

static const struct eo_event_key net_summary[] = {
	SUMMARY_KEYS, STRING("proto"), STRING("role"), STRING("direction"), STRING("interface"),
	STRING("host"), STRING("path"),
	UINT("count"), UINT("errors"), UINT("tx_packets"), UINT("rx_packets"), UINT("tx_bytes"),
	UINT("rx_bytes"), UINT("retransmits"), UINT("rtt_p50_ns"), UINT("rtt_p99_ns"),
	UINT("total_ns"), UINT("min_ns"), UINT("mean_ns"), UINT("p50_ns"), UINT("p99_ns"),
	UINT("max_ns"), ARRAY("buckets", NULL), END,
};

static const struct eo_event_key mem_summary[] = {
	SUMMARY_KEYS, STRING("function"), STRING("source"), UINT("count"), UINT("errors"),
	UINT("frees"), UINT("total_allocated"), UINT("total_freed"), UINT("active_allocations"),
	UINT("active_bytes"), UINT("oldest_ns"), END,
};

static const struct {
	const char *name;
	const struct eo_event_key *keys;
} types[EO_EVENT_TYPE_COUNT] = {
	[EO_EVENT_CPU_SAMPLE]	   = { "cpu_sample",	  cpu_sample },
	[EO_EVENT_SYSCALL]	   = { "syscall",	  syscall_call },
	[EO_EVENT_NETWORK_PACKET]  = { "network_packet",  network_packet },
	[EO_EVENT_TCP_CONNECT]	   = { "tcp_connect",	  tcp_open },
	[EO_EVENT_TCP_ACCEPT]	   = { "tcp_accept",	  tcp_open },
	[EO_EVENT_TCP_CLOSE]	   = { "tcp_close",	  tcp_close },
	[EO_EVENT_TCP_RETRANSMIT]  = { "tcp_retransmit",  tcp_retransmit },
	[EO_EVENT_UDP_SESSION]	   = { "udp_session",	  udp_session },
	[EO_EVENT_DNS]		   = { "dns",		  dns },
	[EO_EVENT_HTTP_REQUEST]	   = { "http_request",	  http_request },
	[EO_EVENT_MEMORY_ALLOC]	   = { "memory_alloc",	  memory_alloc },
	[EO_EVENT_MEMORY_FREE]	   = { "memory_free",	  memory_free },
	[EO_EVENT_LOSS]		   = { "loss",		  loss },
	[EO_EVENT_START]	   = { "start",		  start },
	[EO_EVENT_PROCESS]	   = { "process",	  process },
	[EO_EVENT_END]		   = { "end",		  end },
	[EO_EVENT_SYSCALL_SUMMARY] = { "syscall_summary", syscall_summary },
	[EO_EVENT_NET_SUMMARY]	   = { "net_summary",	  net_summary },
	[EO_EVENT_MEM_SUMMARY]	   = { "mem_summary",	  mem_summary },
};

/* clang-format on */

const char *eo_event_type_name(enum eo_event_type type)
{
	return (size_t)type < EO_ARRAY_SIZE(types) ? types[type].name : NULL;
}

bool eo_event_type_parse(const char *name, enum eo_event_type *ret)
{
	for (size_t i = 0; i < EO_ARRAY_SIZE(types); i++) {
		if (!strcmp(name, types[i].name)) {
			*ret = (enum eo_event_type)i;
			return true;
		}
	}
	return false;
}

const struct eo_event_key *eo_event_keys(enum eo_event_type type)
{
	return (size_t)type < EO_ARRAY_SIZE(types) ? types[type].keys : NULL;
}

const struct eo_event_key *eo_event_key_find(const struct eo_event_key *keys, const char *key)
{
	for (; keys && keys->key; keys++)
		if (!strcmp(keys->key, key))
			return keys;
	return NULL;
}

static size_t inside(const struct eo_attr *attr)
{
	return attr->type == EO_ATTR_OBJECT || attr->type == EO_ATTR_ARRAY ? attr->count : 0;
}

static const struct eo_attr *find(const struct eo_attr *attrs, size_t count, const char *key)
{
	for (size_t i = 0; i < count; i += 1 + inside(&attrs[i]))
		if (!strcmp(attrs[i].key, key))
			return &attrs[i];
	return NULL;
}

const struct eo_attr *eo_event_data(const struct eo_event *event, const char *key)
{
	return find(event->data, event->data_count, key);
}

const struct eo_attr *eo_attr_member(const struct eo_attr *object, const char *key)
{
	return object && object->type == EO_ATTR_OBJECT ? find(object + 1, object->count, key) :
							  NULL;
}

const struct eo_attr *eo_event_value(const struct eo_event *event, const char *key,
				     const char *member)
{
	const struct eo_attr *value = eo_event_data(event, key);

	return member ? eo_attr_member(value, member) : value;
}

const char *eo_event_text(const struct eo_event *event, const char *key, const char *member)
{
	const struct eo_attr *value = eo_event_value(event, key, member);

	return value && value->type == EO_ATTR_STRING ? value->str : NULL;
}

bool eo_event_number(const struct eo_event *event, const char *key, const char *member,
		     int64_t *ret)
{
	const struct eo_attr *value = eo_event_value(event, key, member);

	if (!value || (value->type != EO_ATTR_UINT && value->type != EO_ATTR_INT) ||
	    value->num < 0)
		return false;
	*ret = value->num;
	return true;
}
