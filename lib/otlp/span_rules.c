/* SPDX-License-Identifier: BSD-2-Clause */
#include "otlp/span_rules.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/auto.h"

/* What is open when the trace ends has no span; what is open for long when there is too much of
 * it loses the events of its span. */
#define MAX_CONNECTIONS 8192
#define MAX_THREADS	16384

/* Besides connected and first_byte. */
#define MAX_RESENT (EO_SPAN_EVENTS - 2)

struct connection {
	bool is_told;		  /* it failed, and has its span */
	uint64_t open_ns;	  /* Unix time; 0: not seen */
	uint64_t established_ns;  /* likewise */
	uint32_t resent, dropped; /* how many there are of the next, and how many more there were */
	struct eo_otlp_span_event resents[MAX_RESENT];
};

/* The latest interval that has its parent span, and in bit K the one K + 1 before it: events do
 * not come in the order of their times. */
struct thread {
	uint64_t interval;
	uint64_t earlier;
	bool is_used;
};

struct span_rule;

struct making {
	struct eo_span_rules *rules;
	const struct span_rule *rule;
	const struct eo_event *event;
	const struct eo_event_clock *clock;
	struct eo_otlp_resources *resources;
	struct eo_span_batch *batch;
	struct eo_otlp_span span;
	struct eo_attribute_text name;
};

/* --- attributes -------------------------------------------------------------------------- */

/* clang-format off: tables read better by hand */

#define FROM(attribute, key)	       { attribute, key, NULL, NULL, NULL }
#define INSIDE(attribute, key, member) { attribute, key, member, NULL, NULL }
#define FIXED(attribute, text)	       { attribute, NULL, NULL, text, NULL }
#define MADE(attribute, make)	       { attribute, NULL, NULL, NULL, make }
#define END			       { NULL, NULL, NULL, NULL, NULL }

#define ERROR_TYPE MADE("error.type", eo_make_error_type)
#define ENDPOINTS \
	MADE("network.type", eo_make_network_type), \
	INSIDE("network.local.address", "local", "address"), \
	INSIDE("network.local.port", "local", "port"), \
	INSIDE("network.peer.address", "peer", "address"), \
	INSIDE("network.peer.port", "peer", "port")
#define ROLES \
	MADE("server.address", eo_make_server_address), MADE("server.port", eo_make_server_port), \
	MADE("client.address", eo_make_client_address), MADE("client.port", eo_make_client_port)

static const struct eo_attribute_rule syscall_attributes[] = {
	FROM("ebpfotel.syscall.name", "name"), FROM("ebpfotel.syscall.nr", "nr"),
	FROM("ebpfotel.syscall.abi", "abi"), FROM("ebpfotel.syscall.ret", "ret"),
	FROM("ebpfotel.syscall.ret_address", "ret_address"),
	FROM("ebpfotel.syscall.interrupted", "interrupted"), FROM("file.path", "path"),
	MADE("thread.id", eo_make_thread_id), ERROR_TYPE, END,
};

static const struct eo_attribute_rule tcp_attributes[] = {
	FIXED("network.transport", "tcp"), ENDPOINTS, ROLES,
	FROM("ebpfotel.conn", "conn"), FROM("ebpfotel.tx_bytes", "tx_bytes"),
	FROM("ebpfotel.rx_bytes", "rx_bytes"), FROM("ebpfotel.retransmits", "retransmits"),
	FROM("ebpfotel.rtt_ns", "rtt_ns"), FROM("ebpfotel.reset_by", "reset_by"), ERROR_TYPE, END,
};

static const struct eo_attribute_rule udp_attributes[] = {
	FIXED("network.transport", "udp"), ENDPOINTS, ROLES,
	FROM("ebpfotel.conn", "conn"), FROM("ebpfotel.tx_packets", "tx_packets"),
	FROM("ebpfotel.rx_packets", "rx_packets"), FROM("ebpfotel.tx_bytes", "tx_bytes"),
	FROM("ebpfotel.rx_bytes", "rx_bytes"), ERROR_TYPE, END,
};

static const struct eo_attribute_rule dns_attributes[] = {
	FROM("dns.question.name", "question"), FROM("ebpfotel.dns.question.type", "qtype"),
	FROM("ebpfotel.dns.rcode", "rcode"), FROM("dns.answers", "answers"),
	INSIDE("server.address", "server", "address"), INSIDE("server.port", "server", "port"),
	ERROR_TYPE, END,
};

static const struct eo_attribute_rule http_attributes[] = {
	MADE("http.request.method", eo_make_http_method),
	MADE("http.request.method_original", eo_make_http_method_original),
	FROM("url.scheme", "scheme"), MADE("url.path", eo_make_url_path),
	MADE("url.query", eo_make_url_query), MADE("server.address", eo_make_http_address),
	MADE("server.port", eo_make_http_port), FROM("http.response.status_code", "status"),
	FROM("network.protocol.version", "version"), ENDPOINTS,
	FROM("http.request.size", "request_bytes"), FROM("http.response.size", "response_bytes"),
	FROM("ebpfotel.conn", "conn"), FROM("ebpfotel.tls", "tls"), ERROR_TYPE, END,
};

static const struct eo_attribute_rule http_server_attributes[] = {
	MADE("client.address", eo_make_client_address), MADE("client.port", eo_make_client_port),
	END,
};

static const struct eo_attribute_rule http_client_attributes[] = {
	MADE("url.full", eo_make_url_full), END,
};

/* clang-format on */

/* --- time and ids ------------------------------------------------------------------------ */

static uint64_t wall(const struct making *m)
{
	return m->event->ktime_ns + (uint64_t)m->clock->wall_offset_ns;
}

static int64_t number(const struct making *m, const char *key)
{
	int64_t value;

	return eo_event_number(m->event, key, NULL, &value) ? value : 0;
}

/* A duration runs forward from the event, a lifetime ended at it. */
static void set_times(struct making *m, bool forward)
{
	m->span.start_ns = m->span.end_ns = wall(m);
	if (forward)
		m->span.end_ns += (uint64_t)number(m, "duration_ns");
	else
		m->span.start_ns -= (uint64_t)number(m, "lifetime_ns");
}

/* What no other event of the run has. Times count from the start of the trace, for that is all
 * that a stream without envelope tells. */
struct event_key {
	uint64_t words[4];
};

static struct event_key key_of(const struct making *m)
{
	const struct eo_event *event = m->event;
	const struct eo_attr *conn = eo_event_data(event, "conn");

	return (struct event_key){ { (uint64_t)event->type, event->ktime_ns - m->clock->start_ns,
				     (uint64_t)event->pid << 32 | event->tid,
				     conn ? conn->unum : 0 } };
}

static void set_remote_parent(struct making *m, const struct eo_traceparent *parent)
{
	memcpy(m->span.trace_id, parent->trace_id, sizeof(parent->trace_id));
	memcpy(m->span.parent_id, parent->span_id, sizeof(parent->span_id));
	m->span.has_parent = true;
	m->span.flags = EO_SPAN_FLAGS_REMOTE | parent->flags;
}

/* A trace of its own, unless all spans hang under somebody's. */
static void set_context(struct making *m, const uint64_t *words, size_t count)
{
	eo_otlp_ids_span(&m->rules->ids, words, count, m->span.span_id);
	if (m->rules->has_parent) {
		set_remote_parent(m, &m->rules->parent);
		return;
	}
	eo_otlp_ids_trace(&m->rules->ids, words, count, m->span.trace_id);
	m->span.flags = EO_SPAN_FLAGS_LOCAL | 1; /* sampled */
}

/* --- rules ------------------------------------------------------------------------------- */

struct span_rule {
	const char *name; /* NULL: prepare() sets it */
	int kind;
	bool forward; /* else the event is the span's end */
	const struct eo_attribute_rule *attributes;
	/* Changes to the span before it is added. Returns 1, 0 for no span, or -ENOMEM. */
	int (*prepare)(struct making *m);
	/* Attributes that rows cannot express. */
	void (*add)(const struct making *m, struct eo_attribute_list *list);
};

/* @key: of the connection. NULL when memory is out. */
static struct connection *put_connection(struct making *m, const struct eo_attr *conn)
{
	bool is_new;

	return eo_recent_put(&m->rules->connections, conn->unum, &is_new);
}

/* An attempt that fails is all there is of a connection; others only begin here. */
static int prepare_open(struct making *m)
{
	const struct eo_attr *conn = eo_event_data(m->event, "conn");
	struct connection *c = conn ? put_connection(m, conn) : NULL;

	if (conn && !c)
		return -ENOMEM;
	if (c) {
		c->open_ns = m->span.start_ns;
		c->established_ns = m->span.end_ns;
		c->is_told = eo_event_data(m->event, "error");
	}
	return eo_event_data(m->event, "error") ? 1 : 0;
}

static int prepare_retransmit(struct making *m)
{
	const struct eo_attr *conn = eo_event_data(m->event, "conn");
	struct connection *c = conn ? put_connection(m, conn) : NULL;

	if (conn && !c)
		return -ENOMEM;
	if (c && c->resent < MAX_RESENT)
		c->resents[c->resent++] = (struct eo_otlp_span_event){
			"retransmit", wall(m), (uint64_t)number(m, "count")
		};
	else if (c)
		c->dropped++;
	return 0;
}

static void add_event(struct eo_otlp_span *span, const char *name, uint64_t time_ns)
{
	span->events[span->event_count++] = (struct eo_otlp_span_event){ name, time_ns, 0 };
}

static int prepare_close(struct making *m)
{
	const struct eo_attr *conn = eo_event_data(m->event, "conn");
	struct connection *c = conn ? eo_recent_get(&m->rules->connections, conn->unum) : NULL;
	struct eo_otlp_span *span = &m->span;
	int64_t first_byte;
	bool is_told = c && c->is_told;

	/* An opening that was seen says more exactly when it was. */
	if (c && c->open_ns && c->open_ns < span->end_ns)
		span->start_ns = c->open_ns;
	if (c && c->established_ns)
		add_event(span, "connected", c->established_ns);
	if (eo_event_number(m->event, "first_byte_ns", NULL, &first_byte))
		add_event(span, "first_byte", span->start_ns + (uint64_t)first_byte);
	if (c) {
		memcpy(&span->events[span->event_count], c->resents,
		       c->resent * sizeof(c->resents[0]));
		span->event_count += c->resent;
		span->dropped_events = c->dropped;
		eo_recent_remove(&m->rules->connections, conn->unum);
	}
	return is_told ? 0 : 1;
}

static int prepare_dns(struct making *m)
{
	const char *type = eo_event_text(m->event, "qtype", NULL);

	snprintf(m->name.text, sizeof(m->name.text), type ? "DNS %s" : "DNS%s", type ? type : "");
	return 1;
}

/* Where a client sent a traceparent, its own SDK makes the span. */
static int prepare_http(struct making *m)
{
	const char *role = eo_event_text(m->event, "role", NULL);
	const char *text = eo_event_text(m->event, "traceparent", NULL);
	bool is_client = role && !strcmp(role, "client");
	struct eo_attribute method;
	struct eo_traceparent parent;
	bool has_parent = text && eo_traceparent_parse(text, &parent);

	if (m->rules->http_spans == EO_HTTP_SPANS_NONE ||
	    (is_client && has_parent && m->rules->http_spans == EO_HTTP_SPANS_AUTO))
		return 0;
	m->span.kind = is_client ? EO_SPAN_KIND(CLIENT) : EO_SPAN_KIND(SERVER);
	if (has_parent)
		set_remote_parent(m, &parent);
	eo_make_http_method(m->event, &m->name, &method);
	snprintf(m->name.text, sizeof(m->name.text), "%s",
		 strcmp(method.str, "_OTHER") ? method.str : "HTTP");
	return 1;
}

static void add_http(const struct making *m, struct eo_attribute_list *list)
{
	eo_attribute_rules_add(m->span.kind == EO_SPAN_KIND(CLIENT) ? http_client_attributes :
								       http_server_attributes,
			       m->event, list);
}

/* Whether the interval has its parent already; from now on it has. */
static bool is_parent_made(struct thread *thread, uint64_t interval)
{
	bool made = thread->is_used;

	if (!thread->is_used) {
		*thread = (struct thread){ .interval = interval, .is_used = true };
	} else if (interval > thread->interval) {
		uint64_t steps = interval - thread->interval;

		thread->earlier = steps < 64 ? thread->earlier << steps | 1ull << (steps - 1) :
				  steps == 64 ? 1ull << 63 :
						0;
		thread->interval = interval;
		made = false;
	} else if (interval < thread->interval) {
		uint64_t back = thread->interval - interval;

		/* What is older than all that is remembered had its parent most likely. */
		made = back > 64 || thread->earlier >> (back - 1) & 1;
		if (back <= 64)
			thread->earlier |= 1ull << (back - 1);
	}
	return made;
}

/* The parent of a thread's calls in one interval: as long as the interval, so that it can be told
 * with the first call. */
static int add_parent(struct making *m, uint64_t interval)
{
	struct eo_attribute_list list = eo_span_batch_attributes(m->batch);
	struct eo_otlp_span *span = &m->span;
	const uint64_t words[] = { 'p', interval, (uint64_t)m->event->pid << 32 | m->event->tid };
	uint64_t start_ns = span->start_ns, end_ns = span->end_ns, begin;
	struct eo_otlp_resource *resource =
		eo_otlp_resources_of(m->resources, m->event, EO_OWNER_PROCESS);
	struct thread *thread;
	int status = 0;
	bool is_new;

	if (!resource)
		return -ENOMEM;
	set_context(m, words, EO_ARRAY_SIZE(words));
	thread = eo_recent_put(&m->rules->threads,
			       (uint64_t)m->event->pid << 32 | m->event->tid, &is_new);
	if (!thread)
		return -ENOMEM;
	if (!is_parent_made(thread, interval)) {
		const char *name = span->name;

		begin = m->clock->start_ns + (uint64_t)m->clock->wall_offset_ns +
			interval * EO_SYSCALL_INTERVAL_NS;
		span->name = "system calls";
		span->start_ns = begin;
		span->end_ns = begin + EO_SYSCALL_INTERVAL_NS;
		eo_attribute_rules_add(eo_thread_attributes, m->event, &list);
		status = eo_span_batch_add(m->batch, span, &list, resource);
		span->name = name;
		span->start_ns = start_ns;
		span->end_ns = end_ns;
	}
	memcpy(span->parent_id, span->span_id, sizeof(span->span_id));
	span->has_parent = true;
	span->flags = EO_SPAN_FLAGS_LOCAL | (span->flags & 0xff);
	return status;
}

static int prepare_syscall(struct making *m)
{
	const char *name = eo_event_text(m->event, "name", NULL);
	int64_t elapsed = (int64_t)(m->event->ktime_ns - m->clock->start_ns);
	struct event_key key = key_of(m);
	/* What began before the trace belongs to its beginning. */
	int status = add_parent(m, elapsed > 0 ? (uint64_t)elapsed / EO_SYSCALL_INTERVAL_NS : 0);

	if (status < 0)
		return status;
	eo_otlp_ids_span(&m->rules->ids, key.words, EO_ARRAY_SIZE(key.words), m->span.span_id);
	m->span.name = name && *name ? name : "system call";
	return 1;
}

/* Numbers that are no JSON numbers are texts there. */
static const char *unquoted(char *json, size_t size)
{
	if (*json != '"')
		return json;
	json[size - 1] = '\0';
	return json + 1;
}

/* Arguments are texts, whatever they are. A socket's address also is what everybody calls it. */
static void add_arguments(const struct making *m, struct eo_attribute_list *list)
{
	const struct eo_attr *args = eo_event_data(m->event, "args");
	const char *name = eo_event_text(m->event, "name", NULL);
	bool is_own = name && (!strcmp(name, "bind") || !strcmp(name, "getsockname"));
	bool has_address = false;

	if (!args || args->type != EO_ATTR_OBJECT)
		return;
	for (uint32_t i = 1; i <= args->count && !list->failed; i++) {
		const struct eo_attr *arg = &args[i];
		const struct eo_attr *address = eo_attr_member(arg, "address");
		const struct eo_attr *port = eo_attr_member(arg, "port");
		char key[160], value[1024];
		const char *text;
		char *kept;

		snprintf(key, sizeof(key), "ebpfotel.syscall.arg.%s", arg->key);
		if (arg->type == EO_ATTR_STRING)
			text = arg->str;
		else
			text = unquoted(value, eo_jsonl_value(arg, value, sizeof(value)));
		kept = eo_otlp_text(list, key, NULL);
		if (kept)
			eo_attribute_list_string(list, kept, text);
		if (address && !has_address) {
			eo_attribute_list_value(list,
						 is_own ? "network.local.address" :
							  "network.peer.address",
						 address);
			if (port)
				eo_attribute_list_value(
					list, is_own ? "network.local.port" : "network.peer.port",
					port);
			has_address = true; /* keys are unique */
		}
		if (arg->type == EO_ATTR_OBJECT || arg->type == EO_ATTR_ARRAY)
			i += arg->count;
	}
}

static const struct span_rule syscall_rule = {
	.kind = EO_SPAN_KIND(INTERNAL),
	.forward = true,
	.attributes = syscall_attributes,
	.prepare = prepare_syscall,
	.add = add_arguments,
};
static const struct span_rule tcp_open_rule = {
	.name = "tcp connection",
	.kind = EO_SPAN_KIND(INTERNAL),
	.forward = true,
	.attributes = tcp_attributes,
	.prepare = prepare_open,
};
static const struct span_rule tcp_retransmit_rule = {
	.name = "tcp connection",
	.kind = EO_SPAN_KIND(INTERNAL),
	.attributes = tcp_attributes,
	.prepare = prepare_retransmit,
};
static const struct span_rule tcp_close_rule = {
	.name = "tcp connection",
	.kind = EO_SPAN_KIND(INTERNAL),
	.attributes = tcp_attributes,
	.prepare = prepare_close,
};
static const struct span_rule udp_rule = {
	.name = "udp session",
	.kind = EO_SPAN_KIND(INTERNAL),
	.attributes = udp_attributes,
};
static const struct span_rule dns_rule = {
	.kind = EO_SPAN_KIND(CLIENT),
	.forward = true,
	.attributes = dns_attributes,
	.prepare = prepare_dns,
};
static const struct span_rule http_rule = {
	.forward = true,
	.attributes = http_attributes,
	.prepare = prepare_http,
	.add = add_http,
};

static const struct span_rule *const rule_of[EO_EVENT_TYPE_COUNT] = {
	[EO_EVENT_SYSCALL] = &syscall_rule,
	[EO_EVENT_TCP_CONNECT] = &tcp_open_rule,
	[EO_EVENT_TCP_ACCEPT] = &tcp_open_rule,
	[EO_EVENT_TCP_RETRANSMIT] = &tcp_retransmit_rule,
	[EO_EVENT_TCP_CLOSE] = &tcp_close_rule,
	[EO_EVENT_UDP_SESSION] = &udp_rule,
	[EO_EVENT_DNS] = &dns_rule,
	[EO_EVENT_HTTP_REQUEST] = &http_rule,
};

void eo_span_rules_init(struct eo_span_rules *rules, const void *run_id, size_t run_id_size)
{
	*rules = (struct eo_span_rules){ .http_spans = EO_HTTP_SPANS_AUTO };
	eo_otlp_ids_init(&rules->ids, run_id, run_id_size);
	eo_recent_init(&rules->connections, sizeof(struct connection), MAX_CONNECTIONS, NULL);
	eo_recent_init(&rules->threads, sizeof(struct thread), MAX_THREADS, NULL);
}

void eo_span_rules_fini(struct eo_span_rules *rules)
{
	eo_recent_fini(&rules->connections);
	eo_recent_fini(&rules->threads);
}

int eo_span_rules_apply(struct eo_span_rules *rules, const struct eo_event *event,
			const struct eo_event_clock *clock, struct eo_otlp_resources *resources,
			struct eo_span_batch *batch)
{
	struct making m = { .rules = rules,
			    .rule = rule_of[event->type],
			    .event = event,
			    .clock = clock,
			    .resources = resources,
			    .batch = batch };
	struct eo_attribute_list list;
	struct eo_attribute error;
	struct eo_attribute_text text;
	struct eo_otlp_resource *resource;
	struct event_key key;
	int status = 1;

	if (!m.rule)
		return 0;
	key = key_of(&m);
	m.span.name = m.rule->name ? m.rule->name : m.name.text;
	m.span.kind = m.rule->kind;
	set_times(&m, m.rule->forward);
	set_context(&m, key.words, EO_ARRAY_SIZE(key.words));
	if (m.rule->prepare)
		status = m.rule->prepare(&m);
	if (status <= 0)
		return status;
	m.span.failed = eo_make_error_type(event, &text, &error);
	resource = eo_otlp_resources_of(resources, event, EO_OWNER_PROCESS);
	list = eo_span_batch_attributes(batch);
	eo_attribute_rules_add(m.rule->attributes, event, &list);
	if (m.rule->add)
		m.rule->add(&m, &list);
	status = resource ? eo_span_batch_add(batch, &m.span, &list, resource) : -ENOMEM;
	return status < 0 ? status : 1;
}
