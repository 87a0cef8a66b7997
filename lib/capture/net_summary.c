// SPDX-License-Identifier: BSD-2-Clause
#include "capture/net_summary.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

#include "capture/net_attributes.h"
#include "core/auto.h"
#include "core/clock.h"
#include "core/grace.h"

/* Below it lie @percent of the measured ones: the middle of their slot. 0: none was measured. */
static uint64_t rtt_ns(const struct eo_net_row *row, unsigned int percent)
{
	uint64_t sum = 0, below = 0;

	for (size_t i = 0; i < EO_NET_RTT_SLOTS; i++)
		sum += row->rtt[i];
	for (size_t i = 0; i < EO_NET_RTT_SLOTS && sum; i++) {
		below += row->rtt[i];
		if (below * 100 >= sum * percent)
			return (1500ull << i);
	}
	return 0;
}

static void add_some(struct eo_net_attributes *attrs, const char *key, uint64_t value)
{
	if (value)
		eo_net_attributes_uint(attrs, key, value);
}

static int tell_row(const struct eo_net_row_key *key, const struct eo_net_row *row,
		    uint64_t ktime_ns, eo_trace_event_fn fn, void *ctx)
{
	struct eo_net_attributes attrs = {0};
	struct eo_event event = {.type = EO_EVENT_NET_SUMMARY, .ktime_ns = ktime_ns};
	char comm[EO_COMM_LEN + 1] = "";

	memcpy(comm, key->comm, EO_COMM_LEN);
	if (*comm)
		eo_net_attributes_string(&attrs, "comm", comm);
	if (key->tgid) {
		eo_net_attributes_uint(&attrs, "pid", key->tgid);
		event.pid = event.tid = key->tgid;
		memcpy(event.comm, comm, sizeof(event.comm));
	}
	eo_net_attributes_end(&attrs, "peer", &key->peer);
	eo_net_attributes_string(&attrs, "proto", key->protocol == IPPROTO_TCP ? "tcp" : "udp");
	eo_net_attributes_string(&attrs, "role", eo_net_role_name(key->role));
	eo_net_attributes_uint(&attrs, "count", row->connections);
	eo_net_attributes_uint(&attrs, "errors", row->errors);
	add_some(&attrs, "tx_packets", row->tx_packets);
	add_some(&attrs, "rx_packets", row->rx_packets);
	eo_net_attributes_uint(&attrs, "tx_bytes", row->tx_bytes);
	eo_net_attributes_uint(&attrs, "rx_bytes", row->rx_bytes);
	if (key->protocol == IPPROTO_TCP)
		eo_net_attributes_uint(&attrs, "retransmits", row->retransmits);
	add_some(&attrs, "rtt_p50_ns", rtt_ns(row, 50));
	add_some(&attrs, "rtt_p99_ns", rtt_ns(row, 99));
	event.data = attrs.attrs;
	event.data_count = attrs.count;
	return fn(ctx, &event);
}

int eo_net_summary(struct bpf_object *object, volatile uint32_t *generation, eo_trace_event_fn fn,
		   void *ctx, struct eo_error *err)
{
	int fd = bpf_map__fd(bpf_object__find_map_by_name(object, "rows")), r = 0;
	uint64_t now_ns = eo_clock_monotonic_ns();
	uint32_t past = *generation;
	struct eo_net_row_key key, next;
	struct eo_net_row row;
	bool more;

	*generation = past + 1;
	eo_grace_wait();
	more = bpf_map_get_next_key(fd, NULL, &next) == 0;
	while (more && r >= 0) {
		key = next;
		/* Asked for before the key goes, or the walk begins anew. */
		more = bpf_map_get_next_key(fd, &key, &next) == 0;
		if (key.generation != past)
			continue;
		if (bpf_map_lookup_elem(fd, &key, &row) < 0)
			return eo_error_set(err, EO_ERROR_MAP_OPERATION_FAILED, errno, NULL,
					    "read a row of the summary");
		bpf_map_delete_elem(fd, &key);
		r = tell_row(&key, &row, now_ns, fn, ctx);
	}
	return r < 0 ? r : 0;
}
