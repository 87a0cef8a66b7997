// SPDX-License-Identifier: BSD-2-Clause
#include "capture/net_filter.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "core/auto.h"

struct port_list {
	const uint16_t *ports;
	size_t count;
	uint32_t which;
};

#define PORT_LISTS 3

static void port_lists(const struct eo_net_tracer_options *options,
		       struct port_list ret[PORT_LISTS])
{
	ret[0] = (struct port_list){options->ports, options->port_count, EO_NET_PORT_EITHER};
	ret[1] = (struct port_list){options->local_ports, options->local_port_count,
				    EO_NET_PORT_LOCAL};
	ret[2] = (struct port_list){options->peer_ports, options->peer_port_count,
				    EO_NET_PORT_PEER};
}

static size_t port_sum(const struct eo_net_tracer_options *options)
{
	return options->port_count + options->local_port_count + options->peer_port_count;
}

int eo_net_filter_check(const struct eo_net_tracer_options *options, struct eo_error *err)
{
	if (port_sum(options) > EO_NET_FILTERS_MAX || options->host_count > EO_NET_FILTERS_MAX)
		return eo_error_set(err, EO_ERROR_CONFIG, 0, NULL,
				    "%zu ports and %zu hosts, at most %d of each can be named",
				    port_sum(options), options->host_count, EO_NET_FILTERS_MAX);
	for (size_t i = 0; i < options->host_count; i++) {
		const struct eo_net_prefix *host = &options->hosts[i];

		if ((host->family != AF_INET && host->family != AF_INET6) ||
		    host->bits > (host->family == AF_INET ? 32 : 128))
			return eo_error_set(err, EO_ERROR_CONFIG, 0, NULL,
					    "host %zu is no prefix of an address", i);
	}
	if (!memchr(options->interface, '\0', sizeof(options->interface)))
		return eo_error_set(err, EO_ERROR_CONFIG, 0, NULL,
				    "the interface's name is too long");
	return 0;
}

static void size_map(struct bpf_object *object, const char *name, size_t entries)
{
	if (entries)
		bpf_map__set_max_entries(bpf_object__find_map_by_name(object, name),
					 (uint32_t)entries);
}

void eo_net_filter_prepare(const struct eo_net_tracer_options *options,
			   struct eo_net_config *config, struct bpf_object *object)
{
	struct port_list lists[PORT_LISTS];

	port_lists(options, lists);
	*config = (struct eo_net_config){
		.events = options->events,
		.protocols = options->protocols,
		.by_host = options->host_count > 0,
		.by_interface = options->interface[0] != '\0',
		.no_loopback = options->no_loopback,
		.summary = options->tracer.summary,
		.by_comm = options->by_comm,
		.by_pid = options->by_pid,
		.by_peer = options->by_peer,
	};
	memcpy(config->interface, options->interface, sizeof(config->interface));
	for (size_t i = 0; i < PORT_LISTS; i++)
		if (lists[i].count)
			config->port_filters |= lists[i].which;
	size_map(object, "ports", port_sum(options));
	size_map(object, "hosts", options->host_count);
}

static int put(struct bpf_object *object, const char *map, const void *key, struct eo_error *err)
{
	const uint32_t one = 1;

	if (bpf_map_update_elem(bpf_map__fd(bpf_object__find_map_by_name(object, map)), key, &one,
				BPF_ANY) < 0)
		return eo_error_set(err, EO_ERROR_MAP_OPERATION_FAILED, errno, NULL, "fill map %s",
				    map);
	return 0;
}

static int put_host(struct bpf_object *object, const struct eo_net_prefix *host,
		    struct eo_error *err)
{
	struct eo_net_host key = {.prefix_bits = host->bits};

	if (host->family == AF_INET) {
		key.prefix_bits += 96;
		memset(key.address + 10, 0xff, 2);
		memcpy(key.address + 12, host->address, 4);
	} else {
		memcpy(key.address, host->address, sizeof(key.address));
	}
	return put(object, "hosts", &key, err);
}

int eo_net_filter_fill(const struct eo_net_tracer_options *options, struct bpf_object *object,
		       struct eo_error *err)
{
	struct port_list lists[PORT_LISTS];
	int r = 0;

	port_lists(options, lists);
	for (size_t i = 0; i < PORT_LISTS && !r; i++) {
		for (size_t j = 0; j < lists[i].count && !r; j++) {
			struct eo_net_port key = {.port = lists[i].ports[j],
						  .which = (uint16_t)lists[i].which};

			r = put(object, "ports", &key, err);
		}
	}
	for (size_t i = 0; i < options->host_count && !r; i++)
		r = put_host(object, &options->hosts[i], err);
	return r;
}
