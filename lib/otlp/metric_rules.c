/* SPDX-License-Identifier: BSD-2-Clause */
#include "otlp/metric_rules.h"

#include <errno.h>
#include <string.h>

#include "core/auto.h"

#define MAX_CONNECTIONS 16384
#define MAX_ATTRIBUTES	8

/* --- metrics ----------------------------------------------------------------------------- */

/* clang-format off: tables read better by hand */

#define METRIC(id, name, unit, kind, description) \
	static const struct eo_metric id = { name, unit, description, EO_METRIC_##kind, NULL }
#define HISTOGRAM(id, name, bounds, description) \
	static const struct eo_metric id = { name, "s", description, EO_METRIC_HISTOGRAM, \
					     &eo_metric_bounds_##bounds }

HISTOGRAM(syscall_duration, "ebpfotel.syscall.duration", log2, "Duration of system calls.");
HISTOGRAM(tcp_rtt, "ebpfotel.tcp.rtt", log2,
	  "Smoothed round trip time of TCP connections at their end.");
HISTOGRAM(dns_duration, "dns.lookup.duration", request, "Duration of DNS lookups.");
HISTOGRAM(http_client_duration, "http.client.request.duration", request,
	  "Duration of HTTP client requests.");
HISTOGRAM(http_server_duration, "http.server.request.duration", request,
	  "Duration of HTTP server requests.");
/* Of rows of a summary, whose durations are counted by powers of two. */
HISTOGRAM(http_client_row_duration, "http.client.request.duration", log2,
	  "Duration of HTTP client requests.");
HISTOGRAM(http_server_row_duration, "http.server.request.duration", log2,
	  "Duration of HTTP server requests.");
METRIC(tcp_connections, "ebpfotel.tcp.connections", "{connection}", COUNTER,
       "TCP connections that were established, failed or were closed.");
METRIC(tcp_retransmits, "ebpfotel.tcp.retransmits", "{segment}", COUNTER,
       "TCP segments that were sent again.");
METRIC(process_network_io, "process.network.io", "By", COUNTER, "Network bytes transferred.");
METRIC(memory_allocated, "ebpfotel.memory.allocated", "By", COUNTER, "Memory allocated.");
METRIC(memory_freed, "ebpfotel.memory.freed", "By", COUNTER, "Memory given back.");
METRIC(memory_allocations, "ebpfotel.memory.allocations", "{allocation}", COUNTER, "Allocations.");
METRIC(memory_frees, "ebpfotel.memory.frees", "{free}", COUNTER, "Blocks given back.");
METRIC(memory_active, "ebpfotel.memory.active", "By", UPDOWN,
       "Memory allocated since the trace began and not yet given back.");
METRIC(packet_count, "system.network.packet.count", "{packet}", COUNTER, "Packets transferred.");
METRIC(network_io, "system.network.io", "By", COUNTER, "Bytes transferred.");
METRIC(events_lost, "ebpfotel.events.lost", "{event}", COUNTER,
       "Events that could not be delivered.");
METRIC(cpu_time, "process.cpu.time", "s", SECONDS, "CPU time used.");
METRIC(memory_usage, "process.memory.usage", "By", UPDOWN, "Physical memory in use.");
METRIC(bpf_run_time, "ebpfotel.bpf.run_time", "s", SECONDS, "Run time of the BPF programs.");
METRIC(bpf_map_size, "ebpfotel.bpf.map.size", "By", UPDOWN, "Memory of the BPF maps.");

/* --- attributes -------------------------------------------------------------------------- */

#define FROM(attribute, key)   { attribute, key, NULL, NULL, NULL }
#define FIXED(attribute, text) { attribute, NULL, NULL, text, NULL }
#define MADE(attribute, make)  { attribute, NULL, NULL, NULL, make }
#define END		       { NULL, NULL, NULL, NULL, NULL }

static const struct eo_attribute_rule no_attributes[] = { END };

static const struct eo_attribute_rule syscall_attributes[] = {
	FROM("ebpfotel.syscall.name", "name"), MADE("error.type", eo_make_error_type), END,
};
/* Of a row of a summary: what it is told apart by. */
static const struct eo_attribute_rule syscall_row_attributes[] = {
	FROM("ebpfotel.syscall.name", "name"), FROM("ebpfotel.comm", "comm"),
	FROM("ebpfotel.cgroup", "cgroup"), END,
};
static const struct eo_attribute_rule transmit[] = {
	FIXED("network.io.direction", "transmit"), END,
};
static const struct eo_attribute_rule receive[] = {
	FIXED("network.io.direction", "receive"), END,
};
static const struct eo_attribute_rule established[] = {
	FIXED("ebpfotel.tcp.state", "established"), FROM("ebpfotel.role", "role"), END,
};
static const struct eo_attribute_rule failed[] = {
	FIXED("ebpfotel.tcp.state", "failed"), FROM("ebpfotel.role", "role"),
	MADE("error.type", eo_make_error_type), END,
};
static const struct eo_attribute_rule closed[] = {
	FIXED("ebpfotel.tcp.state", "closed"), FROM("ebpfotel.role", "role"),
	MADE("error.type", eo_make_error_type), END,
};
static const struct eo_attribute_rule role[] = { FROM("ebpfotel.role", "role"), END };
static const struct eo_attribute_rule dns_attributes[] = {
	FROM("dns.question.name", "question"), MADE("error.type", eo_make_error_type), END,
};
static const struct eo_attribute_rule http_server[] = {
	MADE("http.request.method", eo_make_http_method), FROM("url.scheme", "scheme"),
	FROM("http.response.status_code", "status"), FROM("network.protocol.version", "version"),
	MADE("error.type", eo_make_error_type), END,
};
static const struct eo_attribute_rule http_client[] = {
	MADE("http.request.method", eo_make_http_method),
	MADE("server.address", eo_make_http_address), MADE("server.port", eo_make_http_port),
	FROM("http.response.status_code", "status"), FROM("network.protocol.version", "version"),
	MADE("error.type", eo_make_error_type), END,
};
static const struct eo_attribute_rule http_row[] = {
	MADE("server.address", eo_make_http_address), MADE("server.port", eo_make_http_port),
	FROM("url.path", "path"), END,
};
static const struct eo_attribute_rule source[] = { FROM("ebpfotel.memory.source", "source"), END };
static const struct eo_attribute_rule packet_attributes[] = {
	FROM("system.device", "interface"), MADE("network.io.direction", eo_make_direction), END,
};
static const struct eo_attribute_rule io_attributes[] = {
	FROM("network.interface.name", "interface"),
	MADE("network.io.direction", eo_make_direction), END,
};
static const struct eo_attribute_rule loss_attributes[] = {
	FROM("ebpfotel.reason", "reason"), FROM("ebpfotel.tracer", "tracer"), END,
};
static const struct eo_attribute_rule user_mode[] = { FIXED("cpu.mode", "user"), END };
static const struct eo_attribute_rule system_mode[] = { FIXED("cpu.mode", "system"), END };

/* --- events ------------------------------------------------------------------------------ */

enum sign {
	ADD,
	SUBTRACT,
	TOTAL, /* the number is a sum already */
	COUNTS, /* an array of counts: see struct eo_metric_counts */
};

/* Whether a rule is for this event. */
typedef bool (*condition_fn)(const struct eo_event *event);

struct metric_rule {
	const struct eo_metric *metric;
	enum eo_otlp_owner owner;
	const char *key, *member; /* where the number is; no key: 1 */
	enum sign sign;
	const struct eo_attribute_rule *attributes;
	condition_fn condition; /* NULL: always */
};

static bool is_good(const struct eo_event *event)
{
	return !eo_event_data(event, "error");
}

static bool is_bad(const struct eo_event *event)
{
	return !is_good(event);
}

static bool says(const struct eo_event *event, const char *key, const char *wanted)
{
	const char *text = eo_event_text(event, key, NULL);

	return text && !strcmp(text, wanted);
}

static bool is_client(const struct eo_event *event)
{
	return says(event, "role", "client");
}

static bool is_server(const struct eo_event *event)
{
	return says(event, "role", "server");
}

static bool is_tcp(const struct eo_event *event)
{
	return says(event, "proto", "tcp");
}

static bool is_transport(const struct eo_event *event)
{
	return is_tcp(event) || says(event, "proto", "udp");
}

static bool is_http_client(const struct eo_event *event)
{
	return says(event, "proto", "http") && is_client(event);
}

static bool is_http_server(const struct eo_event *event)
{
	return says(event, "proto", "http") && is_server(event);
}

/* One packet of many segments is that many on the wire. */
static bool has_segments(const struct eo_event *event)
{
	return eo_event_data(event, "segments");
}

/* Rows by stack go on from one to the next, and cannot be added up. */
static bool is_row_by_size(const struct eo_event *event)
{
	return eo_event_data(event, "name");
}

static bool has_no_segments(const struct eo_event *event)
{
	return !has_segments(event);
}

#define SERVICE EO_OWNER_SERVICE
#define HOST	EO_OWNER_HOST
#define SELF	EO_OWNER_SELF
#define NOTHING { NULL, SELF, NULL, NULL, ADD, NULL, NULL }

static const struct metric_rule syscall_rules[] = {
	{ &syscall_duration, SERVICE, "duration_ns", NULL, ADD, syscall_attributes, NULL },
	NOTHING,
};
static const struct metric_rule syscall_row_rules[] = {
	{ &syscall_duration, SERVICE, "buckets", NULL, COUNTS, syscall_row_attributes, NULL },
	NOTHING,
};
static const struct metric_rule open_rules[] = {
	{ &tcp_connections, SERVICE, NULL, NULL, ADD, established, is_good },
	{ &tcp_connections, SERVICE, NULL, NULL, ADD, failed, is_bad },
	NOTHING,
};
static const struct metric_rule close_rules[] = {
	{ &tcp_connections, SERVICE, NULL, NULL, ADD, closed, NULL },
	{ &process_network_io, SERVICE, "tx_bytes", NULL, ADD, transmit, NULL },
	{ &process_network_io, SERVICE, "rx_bytes", NULL, ADD, receive, NULL },
	{ &tcp_rtt, SERVICE, "rtt_ns", NULL, ADD, role, NULL },
	{ &tcp_retransmits, SERVICE, "retransmits", NULL, ADD, no_attributes, NULL },
	NOTHING,
};
static const struct metric_rule retransmit_rules[] = {
	{ &tcp_retransmits, SERVICE, "count", NULL, ADD, no_attributes, NULL },
	NOTHING,
};
static const struct metric_rule session_rules[] = {
	{ &process_network_io, SERVICE, "tx_bytes", NULL, ADD, transmit, NULL },
	{ &process_network_io, SERVICE, "rx_bytes", NULL, ADD, receive, NULL },
	NOTHING,
};
static const struct metric_rule dns_rules[] = {
	{ &dns_duration, SERVICE, "duration_ns", NULL, ADD, dns_attributes, NULL },
	NOTHING,
};
static const struct metric_rule http_rules[] = {
	{ &http_server_duration, SERVICE, "duration_ns", NULL, ADD, http_server, is_server },
	{ &http_client_duration, SERVICE, "duration_ns", NULL, ADD, http_client, is_client },
	NOTHING,
};
static const struct metric_rule net_row_rules[] = {
	{ &tcp_connections, SERVICE, "count", NULL, ADD, established, is_tcp },
	{ &process_network_io, SERVICE, "tx_bytes", NULL, ADD, transmit, is_transport },
	{ &process_network_io, SERVICE, "rx_bytes", NULL, ADD, receive, is_transport },
	{ &tcp_retransmits, SERVICE, "retransmits", NULL, ADD, no_attributes, is_tcp },
	{ &http_server_row_duration, SERVICE, "buckets", NULL, COUNTS, http_row, is_http_server },
	{ &http_client_row_duration, SERVICE, "buckets", NULL, COUNTS, http_row, is_http_client },
	NOTHING,
};
static const struct metric_rule alloc_rules[] = {
	{ &memory_allocations, SERVICE, NULL, NULL, ADD, source, is_good },
	{ &memory_allocated, SERVICE, "size_bytes", NULL, ADD, source, is_good },
	{ &memory_active, SERVICE, "size_bytes", NULL, ADD, source, is_good },
	NOTHING,
};
static const struct metric_rule free_rules[] = {
	{ &memory_frees, SERVICE, NULL, NULL, ADD, source, NULL },
	{ &memory_freed, SERVICE, "size_bytes", NULL, ADD, source, NULL },
	{ &memory_active, SERVICE, "size_bytes", NULL, SUBTRACT, source, NULL },
	NOTHING,
};
/* Rows are the sums of all targets. */
static const struct metric_rule mem_row_rules[] = {
	{ &memory_allocations, HOST, "count", NULL, ADD, source, is_row_by_size },
	{ &memory_allocated, HOST, "total_allocated", NULL, ADD, source, is_row_by_size },
	{ &memory_frees, HOST, "frees", NULL, ADD, source, is_row_by_size },
	{ &memory_freed, HOST, "total_freed", NULL, ADD, source, is_row_by_size },
	{ &memory_active, HOST, "total_allocated", NULL, ADD, source, is_row_by_size },
	{ &memory_active, HOST, "total_freed", NULL, SUBTRACT, source, is_row_by_size },
	NOTHING,
};
static const struct metric_rule packet_rules[] = {
	{ &packet_count, HOST, "segments", NULL, ADD, packet_attributes, has_segments },
	{ &packet_count, HOST, NULL, NULL, ADD, packet_attributes, has_no_segments },
	{ &network_io, HOST, "length_bytes", NULL, ADD, io_attributes, NULL },
	NOTHING,
};
static const struct metric_rule loss_rules[] = {
	{ &events_lost, SELF, "count", NULL, ADD, loss_attributes, NULL },
	NOTHING,
};
static const struct metric_rule end_rules[] = {
	{ &cpu_time, SELF, "overhead", "user_ns", TOTAL, user_mode, NULL },
	{ &cpu_time, SELF, "overhead", "system_ns", TOTAL, system_mode, NULL },
	{ &memory_usage, SELF, "overhead", "rss_bytes", TOTAL, no_attributes, NULL },
	{ &bpf_run_time, SELF, "overhead", "bpf_ns", TOTAL, no_attributes, NULL },
	{ &bpf_map_size, SELF, "overhead", "map_bytes", TOTAL, no_attributes, NULL },
	NOTHING,
};

static const struct metric_rule *const rules_of[EO_EVENT_TYPE_COUNT] = {
	[EO_EVENT_SYSCALL]	  = syscall_rules,
	[EO_EVENT_TCP_CONNECT]	  = open_rules,
	[EO_EVENT_TCP_ACCEPT]	  = open_rules,
	[EO_EVENT_TCP_CLOSE]	  = close_rules,
	[EO_EVENT_TCP_RETRANSMIT] = retransmit_rules,
	[EO_EVENT_UDP_SESSION]	  = session_rules,
	[EO_EVENT_DNS]		  = dns_rules,
	[EO_EVENT_HTTP_REQUEST]	  = http_rules,
	[EO_EVENT_MEMORY_ALLOC]	  = alloc_rules,
	[EO_EVENT_MEMORY_FREE]	  = free_rules,
	[EO_EVENT_NETWORK_PACKET] = packet_rules,
	[EO_EVENT_LOSS]		  = loss_rules,
	[EO_EVENT_END]		  = end_rules,
	[EO_EVENT_SYSCALL_SUMMARY] = syscall_row_rules,
	[EO_EVENT_NET_SUMMARY]	  = net_row_rules,
	[EO_EVENT_MEM_SUMMARY]	  = mem_row_rules,
};

/* clang-format on */

void eo_metric_rules_init(struct eo_metric_rules *rules)
{
	*rules = (struct eo_metric_rules){ .by_process = false };
	eo_recent_init(&rules->retransmits, sizeof(uint64_t), MAX_CONNECTIONS, NULL);
}

void eo_metric_rules_fini(struct eo_metric_rules *rules)
{
	eo_recent_fini(&rules->retransmits);
}

/*
 * A connection's end tells all its retransmits, also those that had their own event. Where there
 * were such events, only the rest counts.
 */
static int remember_retransmits(struct eo_metric_rules *rules, const struct eo_event *event,
				int64_t *value)
{
	const struct eo_attr *conn = eo_event_data(event, "conn");
	uint64_t *counted;
	bool is_new;

	if (!conn)
		return 0;
	if (event->type == EO_EVENT_TCP_RETRANSMIT) {
		counted = eo_recent_put(&rules->retransmits, conn->unum, &is_new);
		if (!counted)
			return -ENOMEM;
		*counted += (uint64_t)*value;
		return 0;
	}
	counted = eo_recent_get(&rules->retransmits, conn->unum);
	if (counted) {
		*value = (uint64_t)*value > *counted ? *value - (int64_t)*counted : 0;
		eo_recent_remove(&rules->retransmits, conn->unum);
	}
	return 0;
}

static uint64_t number_of(const struct eo_event *event, const char *key)
{
	int64_t number = 0;

	eo_event_number(event, key, NULL, &number);
	return (uint64_t)number;
}

/* False: there is no histogram in this event. */
static bool read_counts(const struct eo_event *event, const char *key,
			struct eo_metric_counts *ret)
{
	const struct eo_attr *list = eo_event_data(event, key);

	if (!list || list->type != EO_ATTR_ARRAY)
		return false;
	*ret = (struct eo_metric_counts){
		.sum_ns = number_of(event, "total_ns"),
		.min_ns = number_of(event, "min_ns"),
		.max_ns = number_of(event, "max_ns"),
	};
	for (uint32_t i = 0; i < list->count && i < EO_METRIC_SLOTS; i++) {
		const struct eo_attr *slot = &list[1 + i];

		if ((slot->type == EO_ATTR_UINT || slot->type == EO_ATTR_INT) && slot->num > 0)
			ret->slots[i] = slot->unum;
	}
	return true;
}

static bool is_row(const struct eo_event *event)
{
	return event->type == EO_EVENT_SYSCALL_SUMMARY || event->type == EO_EVENT_NET_SUMMARY;
}

static int apply(struct eo_metric_rules *rules, const struct metric_rule *rule,
		 const struct eo_event *event, uint64_t time_ns,
		 struct eo_otlp_resources *resources, struct eo_metric_batch *batch)
{
	struct eo_attribute_text texts[MAX_ATTRIBUTES];
	struct eo_attribute attributes[MAX_ATTRIBUTES];
	struct eo_measurement m = { .metric = rule->metric,
				    .attributes = attributes,
				    .value = 1,
				    .is_total = rule->sign == TOTAL,
				    .time_ns = time_ns };
	enum eo_otlp_owner owner = rule->owner;
	struct eo_metric_counts counts;
	struct eo_otlp_resource *host;
	int status = 0;

	if (rule->condition && !rule->condition(event))
		return 0;
	if (rule->sign == COUNTS) {
		if (!read_counts(event, rule->key, &counts))
			return 0;
		m.counts = &counts;
	} else if (rule->key && !eo_event_number(event, rule->key, rule->member, &m.value)) {
		return 0;
	}
	if (rule->metric == &tcp_retransmits)
		status = remember_retransmits(rules, event, &m.value);
	if (status < 0)
		return status;
	if (rule->sign == SUBTRACT)
		m.value = -m.value;
	/* A row of all processes is the machine's. */
	if (!event->pid && is_row(event))
		owner = EO_OWNER_HOST;
	if (owner == EO_OWNER_SERVICE && rules->by_process)
		owner = EO_OWNER_PROCESS;
	m.attribute_count =
		eo_attribute_rules_list(rule->attributes, event, texts, attributes, MAX_ATTRIBUTES);
	host = eo_otlp_resources_of(resources, event, EO_OWNER_HOST);
	m.resource = eo_otlp_resources_of(resources, event, owner);
	if (!host || !m.resource)
		return -ENOMEM;
	status = eo_metric_batch_add(batch, &m, host);
	return status < 0 ? status : 1;
}

int eo_metric_rules_apply(struct eo_metric_rules *rules, const struct eo_event *event,
			  uint64_t time_ns, struct eo_otlp_resources *resources,
			  struct eo_metric_batch *batch)
{
	const struct metric_rule *rule = rules_of[event->type];
	int made = 0;

	for (; rule && rule->metric; rule++) {
		int status = apply(rules, rule, event, time_ns, resources, batch);

		if (status < 0)
			return status;
		made |= status;
	}
	return made;
}
