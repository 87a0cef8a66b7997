/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace_net_options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "capture_options.h"
#include "cli.h"
#include "core/auto.h"
#include "option_value.h"
#include "report.h"

enum {
	KEY_EVENTS = 0x500,
	KEY_PROTO,
	KEY_PORT,
	KEY_LOCAL_PORT,
	KEY_PEER_PORT,
	KEY_HOST,
	KEY_INTERFACE,
	KEY_NO_LOOPBACK,
	KEY_HTTP_QUERY,
	KEY_HTTP_SPANS,
};

static const struct argp_option options_table[] = {
	{NULL, 0, NULL, 0, "net:", 7},
	{"events", KEY_EVENTS, "LIST", 0,
	 "of connection, udp, dns, http, packet, retransmit, or types of events; default "
	 "connection,udp,dns",
	 7},
	{"proto", KEY_PROTO, "PROTO", 0, "only tcp or udp", 7},
	{"port", KEY_PORT, "N[,...]", 0, "only with these ports at either end", 7},
	{"local-port", KEY_LOCAL_PORT, "N[,...]", 0, "only with these ports at this end", 7},
	{"peer-port", KEY_PEER_PORT, "N[,...]", 0, "only with these ports at the other end", 7},
	{"host", KEY_HOST, "ADDR[/BITS][,...]", 0, "only with these addresses at either end", 7},
	{"interface", KEY_INTERFACE, "NAME", 0, "only through this interface", 7},
	{"no-loopback", KEY_NO_LOOPBACK, NULL, 0, "leave out what stays on this machine", 7},
	{"http-query", KEY_HTTP_QUERY, NULL, 0, "keep the query in paths; it may hold secrets", 7},
	{"http-spans", KEY_HTTP_SPANS, "WHICH", 0,
	 "in OTLP: auto (default: server requests, and client requests without traceparent), all, "
	 "none",
	 7},
	{0},
};

static const struct {
	const char *name;
	uint32_t bits;
} event_names[] = {
	{"connection", EO_NET_CONNECTION},	   {"udp", EO_NET_UDP_SESSION},
	{"dns", EO_NET_DNS},			   {"http", EO_NET_HTTP},
	{"packet", EO_NET_PACKET},		   {"retransmit", EO_NET_TCP_RETRANSMIT},
	{"tcp_connect", EO_NET_TCP_CONNECT},	   {"tcp_accept", EO_NET_TCP_ACCEPT},
	{"tcp_close", EO_NET_TCP_CLOSE},	   {"tcp_retransmit", EO_NET_TCP_RETRANSMIT},
	{"udp_session", EO_NET_UDP_SESSION},	   {"http_request", EO_NET_HTTP},
	{"network_packet", EO_NET_PACKET},
};

static const char *const protocol_names[] = {"tcp", "udp", NULL};
static const uint32_t protocol_bits[] = {EO_NET_TCP, EO_NET_UDP};

static const char *const span_names[] = {"auto", "all", "none", NULL};

static int add_event(const struct cli_option *option, const char *item, void *ctx)
{
	struct trace_net_options *options = ctx;

	for (size_t i = 0; i < EO_ARRAY_SIZE(event_names); i++) {
		if (!strcmp(item, event_names[i].name)) {
			options->events |= event_names[i].bits;
			return 0;
		}
	}
	return cli_option_bad(option, item,
			      "some of connection, udp, dns, http, packet, retransmit, or types of "
			      "network events");
}

static int add_port(const struct cli_option *option, const char *item, void *ctx)
{
	struct trace_net_ports *ports = ctx;
	uint64_t port;

	if (cli_parse_uint(item, 1, UINT16_MAX, &port) < 0)
		return cli_option_bad(option, item, "ports from 1 to 65535");
	if (ports->count == EO_ARRAY_SIZE(ports->ports))
		return cli_option_bad(option, item, "at most %d ports", EO_NET_FILTERS_MAX);
	ports->ports[ports->count++] = (uint16_t)port;
	return 0;
}

static int add_ports(const struct cli_option *option, struct trace_net_ports *ports)
{
	return cli_option_items(option, add_port, ports) ?:
	       -cli_texts_add(&ports->lists, option->value);
}

/* "10.0.0.0/8", "fd00::1" */
static bool parse_prefix(const char *text, struct eo_net_prefix *ret)
{
	struct eo_net_prefix prefix = {0};
	char address[INET6_ADDRSTRLEN];
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	uint64_t bits, most;

	if (len >= sizeof(address))
		return false;
	memcpy(address, text, len);
	address[len] = '\0';
	prefix.family = strchr(address, ':') ? AF_INET6 : AF_INET;
	most = bits = prefix.family == AF_INET ? 32 : 128;
	if (inet_pton(prefix.family, address, prefix.address) != 1 ||
	    (slash && cli_parse_uint(slash + 1, 0, most, &bits) < 0))
		return false;
	prefix.bits = (uint16_t)bits;
	*ret = prefix;
	return true;
}

static int add_host(const struct cli_option *option, const char *item, void *ctx)
{
	struct trace_net_options *options = ctx;

	if (options->host_count == EO_ARRAY_SIZE(options->hosts))
		return cli_option_bad(option, item, "at most %d addresses", EO_NET_FILTERS_MAX);
	if (!parse_prefix(item, &options->hosts[options->host_count]))
		return cli_option_bad(option, item, "addresses, as 10.0.0.0/8 or fd00::1");
	options->host_count++;
	return 0;
}

static int set_interface(const struct cli_option *option, struct trace_net_options *options)
{
	if (!*option->value || strlen(option->value) >= EO_NET_INTERFACE_BYTES)
		return cli_option_bad(option, option->value,
				      "the name of an interface, at most 15 bytes");
	options->interface = option->value;
	return 0;
}

static int set_protocol(const struct cli_option *option, struct trace_net_options *options)
{
	size_t index;
	int r = cli_option_choice(option, protocol_names, &index);

	if (!r)
		options->protocols |= protocol_bits[index];
	return r;
}

static error_t parse_net(int key, char *arg, struct argp_state *state)
{
	struct trace_net_options *options = state->input;
	struct cli_option option;
	int r = 0;

	if (key == ARGP_KEY_ARG || !cli_option_init(&option, options->command, state, key, arg))
		return ARGP_ERR_UNKNOWN;
	switch (key) {
	case KEY_EVENTS:
		r = cli_option_items(&option, add_event, options) ?:
		    -cli_texts_add(&options->event_lists, option.value);
		break;
	case KEY_PROTO:
		r = set_protocol(&option, options);
		break;
	case KEY_PORT:
		r = add_ports(&option, &options->ports);
		break;
	case KEY_LOCAL_PORT:
		r = add_ports(&option, &options->local_ports);
		break;
	case KEY_PEER_PORT:
		r = add_ports(&option, &options->peer_ports);
		break;
	case KEY_HOST:
		r = cli_option_items(&option, add_host, options) ?:
		    -cli_texts_add(&options->host_lists, option.value);
		break;
	case KEY_INTERFACE:
		r = set_interface(&option, options);
		break;
	case KEY_NO_LOOPBACK:
		options->no_loopback = true;
		break;
	case KEY_HTTP_QUERY:
		options->http_query = true;
		break;
	case KEY_HTTP_SPANS:
		r = cli_option_choice(&option, span_names, &options->http_spans);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	options->given = cli_option_long_name(options_table, key);
	return r;
}

const struct argp trace_net_argp = {options_table, parse_net};

void trace_net_options_fini(struct trace_net_options *options)
{
	cli_texts_fini(&options->event_lists);
	cli_texts_fini(&options->host_lists);
	cli_texts_fini(&options->ports.lists);
	cli_texts_fini(&options->local_ports.lists);
	cli_texts_fini(&options->peer_ports.lists);
}

void trace_net_options_fill(const struct trace_net_options *options,
			    struct eo_net_tracer_options *tracer)
{
	tracer->events = options->events;
	tracer->protocols = options->protocols;
	tracer->ports = options->ports.ports;
	tracer->port_count = options->ports.count;
	tracer->local_ports = options->local_ports.ports;
	tracer->local_port_count = options->local_ports.count;
	tracer->peer_ports = options->peer_ports.ports;
	tracer->peer_port_count = options->peer_ports.count;
	tracer->hosts = options->hosts;
	tracer->host_count = options->host_count;
	if (options->interface)
		snprintf(tracer->interface, sizeof(tracer->interface), "%s", options->interface);
	tracer->no_loopback = options->no_loopback;
	tracer->http_query = options->http_query;
}

static json_t *describe_protocols(uint32_t protocols)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < EO_ARRAY_SIZE(protocol_bits); i++)
		if (protocols & protocol_bits[i])
			json_array_append_new(list, json_string(protocol_names[i]));
	return list;
}

void trace_net_options_describe(const struct trace_net_options *options, json_t *object)
{
	static char *const events[] = {(char *)"connection,udp,dns", NULL};

	cli_json_set_texts(object, "events", options->event_lists.values ?: events);
	if (options->protocols)
		json_object_set_new(object, "proto", describe_protocols(options->protocols));
	cli_json_set_texts(object, "port", options->ports.lists.values);
	cli_json_set_texts(object, "local-port", options->local_ports.lists.values);
	cli_json_set_texts(object, "peer-port", options->peer_ports.lists.values);
	cli_json_set_texts(object, "host", options->host_lists.values);
	if (options->interface)
		json_object_set_new(object, "interface", cli_json_text(options->interface));
	json_object_set_new(object, "no-loopback", json_boolean(options->no_loopback));
	json_object_set_new(object, "http-query", json_boolean(options->http_query));
	json_object_set_new(object, "http-spans", json_string(span_names[options->http_spans]));
}
