// SPDX-License-Identifier: BSD-2-Clause
#include "capture/net_tracer.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "capture/filter.h"
#include "capture/net_events.h"
#include "capture/net_filter.h"
#include "capture/net_http_rows.h"
#include "capture/net_payloads.h"
#include "capture/net_sessions.h"
#include "capture/net_summary.h"
#include "capture/net_ways.h"
#include "capture/tls_libraries.h"
#include "capture/tracer_class.h"
#include "capture/uprobes.h"
#include "core/auto.h"
#include "core/clock.h"
#include "net_tracer.skel.h"

#define CONNECTIONS_MAX 65536u
#define ROWS_MAX	16384u
#define TLS_CALLS_MAX	16384u /* threads in them */
#define PEERS_MAX	4096u

struct net_tracer {
	struct eo_tracer base; /* the first member, see capture/tracer_class.h */
	struct eo_net_tracer_options options;
	struct net_tracer_bpf *skeleton;
	struct eo_net_ways ways; /* once loaded */
	struct eo_net_sessions *sessions; /* while running, where there are any */
	struct eo_net_payloads *payloads; /* likewise */
	struct eo_net_http_rows *http_rows; /* of a summary with HTTP */
	bool probes_tls, multi;
	uint64_t swept_ns, read_ns;	  /* when sessions, payloads were last looked through */
	uint64_t unknown_owners;	  /* events without */
	uint64_t records_inside;	  /* that are no events themselves, */
	uint64_t events_made;		  /* and events that are no records */
};

static struct net_tracer *net_of(struct eo_tracer *tracer)
{
	return (struct net_tracer *)tracer;
}

static void free_net(struct eo_tracer *tracer)
{
	free(net_of(tracer));
}

/* --- load --------------------------------------------------------------------------------- */

/* Programs by what they hang on. One whose tracepoint the kernel does not have would fail the whole
 * object, so it is left out. */
struct hook {
	const char *program, *tracepoint;
	uint32_t events, protocols; /* that need it */
	bool needed;	 /* there is no tracer without */
	const char *key; /* in the list of hooks; NULL: not told */
	const char *way; /* that list's value; NULL: typed tracepoint */
	enum {ANYWAY, WITH_TRACEPOINTS, WITH_CALLS} when;
};

#define TCP_EVENTS    (EO_NET_CONNECTION | EO_NET_TCP_RETRANSMIT | EO_NET_HTTP | EO_NET_DNS | \
		       EO_NET_PACKET)
#define SOCKET_EVENTS (TCP_EVENTS | EO_NET_UDP_SESSION)
#define BOTH	      (EO_NET_TCP | EO_NET_UDP)

static const struct hook hooks[] = {
	{"on_state", "inet_sock_set_state", TCP_EVENTS, EO_NET_TCP, true, NULL},
	{"on_destroy", "tcp_destroy_sock", TCP_EVENTS, EO_NET_TCP, true, NULL},
	{"on_receive_reset", "tcp_receive_reset", EO_NET_TCP_CLOSE, EO_NET_TCP, false, NULL},
	{"on_send_reset", "tcp_send_reset", EO_NET_TCP_CLOSE, EO_NET_TCP, false, NULL},
	{"on_sys_exit", "sys_exit", SOCKET_EVENTS, BOTH, true, NULL},
	{"on_send", "sock_send_length", SOCKET_EVENTS, BOTH, true, "transfer", NULL, WITH_TRACEPOINTS},
	{"on_receive", "sock_recv_length", SOCKET_EVENTS, BOTH, true, NULL, NULL, WITH_TRACEPOINTS},
	{"on_call", "sys_exit", SOCKET_EVENTS, BOTH, true, "transfer", "sys_exit", WITH_CALLS},
	{"on_retransmit", "tcp_retransmit_skb", EO_NET_TCP_RETRANSMIT, EO_NET_TCP, false,
	 "retransmit"},
	{"on_retransmit_synack", "tcp_retransmit_synack", EO_NET_TCP_RETRANSMIT, EO_NET_TCP, false,
	 NULL},
	/* Packets are counted whatever else is wanted. */
	{"on_transmit", "net_dev_start_xmit", ~0u, BOTH, false, "packets"},
	{"on_packet", "netif_receive_skb", ~0u, BOTH, false, NULL},
};

static bool has_connections(const struct net_tracer *net)
{
	return net->options.events & TCP_EVENTS && net->options.protocols & EO_NET_TCP;
}

static bool has_sessions(const struct net_tracer *net)
{
	return net->options.events & (EO_NET_UDP_SESSION | EO_NET_DNS | EO_NET_PACKET) &&
	       net->options.protocols & EO_NET_UDP;
}

static bool wants_stacks(const struct net_tracer *net)
{
	return net->base.options.stack && !net->base.options.summary;
}

static bool has_payloads(const struct net_tracer *net)
{
	return net->options.events & (EO_NET_HTTP | EO_NET_DNS);
}

/* Each has a twin that takes stacks; see bpf/net_stack.bpf.h. */
static void choose_twin(struct net_tracer *net, const char *name, bool wanted)
{
	char twin[64];

	snprintf(twin, sizeof(twin), "%s_stack", name);
	bpf_program__set_autoload(bpf_object__find_program_by_name(net->skeleton->obj, name),
				  wanted && !wants_stacks(net));
	bpf_program__set_autoload(bpf_object__find_program_by_name(net->skeleton->obj, twin),
				  wanted && wants_stacks(net));
}

static struct bpf_program *tls_leave(const struct net_tracer *net)
{
	const struct net_tracer_bpf *bpf = net->skeleton;

	return wants_stacks(net) ? bpf->progs.on_tls_leave_stack : bpf->progs.on_tls_leave;
}

/* A program can tell its probes apart since v5.15. */
static void prepare_tls(struct net_tracer *net, const struct btf *kernel)
{
	struct net_tracer_bpf *bpf = net->skeleton;
	bool wanted = net->options.events & EO_NET_HTTP && net->options.protocols & EO_NET_TCP;

	net->probes_tls = wanted && libbpf_probe_bpf_helper(BPF_PROG_TYPE_KPROBE,
							    BPF_FUNC_get_attach_cookie, NULL) == 1;
	net->multi = net->probes_tls && eo_uprobes_have_multi();
	if (wanted)
		eo_tracer_add_hook(&net->base, "tls",
				   !net->probes_tls ? "none" : net->multi ? "uprobe_multi" : "uprobe");
	bpf_program__set_autoload(bpf->progs.on_tls_enter, net->probes_tls);
	choose_twin(net, "on_tls_leave", net->probes_tls);
	bpf_program__set_autoattach(bpf->progs.on_tls_enter, false);
	bpf_program__set_autoattach(tls_leave(net), false);
	if (!net->probes_tls)
		return;
	bpf->rodata->net.tls = 1;
	eo_tracer_hold_cpu((void *)&bpf->rodata->tracer, kernel);
	eo_uprobes_prepare(bpf->progs.on_tls_enter, net->multi);
	eo_uprobes_prepare(tls_leave(net), net->multi);
	bpf_map__set_max_entries(bpf->maps.tls_calls, TLS_CALLS_MAX);
	bpf_map__set_max_entries(bpf->maps.tls_arrivals, TLS_CALLS_MAX);
	bpf_map__set_max_entries(bpf->maps.tls_streams, net->options.connections_max);
}

static int choose_hooks(struct net_tracer *net, const struct btf *kernel, struct eo_error *err)
{
	const struct eo_net_tracer_options *options = &net->options;

	for (size_t i = 0; i < EO_ARRAY_SIZE(hooks); i++) {
		const struct hook *hook = &hooks[i];
		bool applies = hook->when == ANYWAY ||
			       (hook->when == WITH_CALLS) == net->ways.by_calls;
		bool wanted = applies && options->events & hook->events &&
			      options->protocols & hook->protocols;
		bool there = wanted && eo_net_ways_has_tracepoint(kernel, hook->tracepoint);

		if (wanted && !there && hook->needed)
			return eo_error_set(err, EO_ERROR_INCOMPATIBLE_KERNEL, ENOENT,
					    "ebpfotel check tells what this kernel can do",
					    "find tracepoint %s", hook->tracepoint);
		choose_twin(net, hook->program, there);
		if (wanted && hook->key)
			eo_tracer_add_hook(&net->base, hook->key,
					   !there ? "none" : hook->way ? hook->way : "tp_btf");
	}
	bpf_program__set_autoload(net->skeleton->progs.find_files, has_connections(net));
	bpf_program__set_autoload(net->skeleton->progs.find_tcp_sockets, has_connections(net));
	eo_tracer_add_hook(&net->base, "cookies", net->ways.own_cookies ? "own" : "kernel");
	bpf_program__set_autoload(net->skeleton->progs.find_session_sockets,
				  has_sessions(net) && !net->ways.by_calls);
	bpf_program__set_autoload(net->skeleton->progs.find_open_sockets,
				  has_sessions(net) && net->ways.by_calls);
	/* Attached when sessions are begun to be looked through, the first of them with its map. */
	bpf_program__set_autoattach(net->skeleton->progs.find_session_sockets, false);
	bpf_program__set_autoattach(net->skeleton->progs.find_open_sockets, false);
	return 0;
}

static int prepare_stacks(struct net_tracer *net, struct eo_error *err)
{
	struct net_tracer_bpf *bpf = net->skeleton;
	int r;

	if (wants_stacks(net)) {
		bpf->rodata->net.stacks = 1;
		return eo_tracer_prepare_stacks(&net->base, bpf->obj, (void *)&bpf->rodata->stack_config, err);
	}
	r = eo_trace_stacks_leave_out(bpf->obj);
	return r < 0 ? eo_tracer_load_failed(&net->base, -r, err) : 0;
}

static int open_stacks(struct net_tracer *net, struct eo_error *err)
{
	static const struct eo_stack_layout layout = {
		.values = {{"events", "count"}},
		.tracepoints = true,
	};
	struct net_tracer_bpf *bpf = net->skeleton;
	bool tables = bpf->rodata->stack_config.tables;

	eo_tracer_add_hook(&net->base, "stacks", tables ? "tables" : "frame_pointers");
	return eo_tracer_open_stacks(&net->base, bpf->obj,
				     tables ? (uint32_t *)&bpf->bss->unwind_tick : NULL, &layout, err);
}

static bool has_target(const struct eo_target *target)
{
	return eo_filter_has_ids(target) || target->uid_count || target->comm_count ||
	       target->cgroup_count;
}

static int prepare(struct net_tracer *net, const struct btf *kernel, struct eo_error *err)
{
	struct eo_tracer *tracer = &net->base;
	struct net_tracer_bpf *bpf = net->skeleton;
	struct eo_net_config *config = (void *)&bpf->rodata->net;
	int r = eo_tracer_prepare(tracer, bpf->obj, (void *)&bpf->rodata->filter,
				  (void *)&bpf->rodata->tracer, false, err);

	if (r < 0)
		return r;
	net->ways = eo_net_ways_find(kernel);
	eo_net_filter_prepare(&net->options, config, bpf->obj);
	config->by_target = has_target(&tracer->options.target);
	config->own_cookies = net->ways.own_cookies;
	config->by_calls = net->ways.by_calls;
	bpf_map__set_max_entries(bpf->maps.conns, net->options.connections_max);
	/* Sockets that only listen, or are nobody's of interest, have some too. */
	if (net->ways.own_cookies)
		bpf_map__set_max_entries(bpf->maps.own_cookies, 2 * net->options.connections_max + 4096);
	if (net->ways.by_calls)
		bpf_map__set_max_entries(bpf->maps.session_peers, PEERS_MAX);
	config->look_into_packets = net->options.events & EO_NET_PACKET || config->by_target ||
				    config->port_filters || config->by_host ||
				    config->protocols != BOTH;
	if (config->look_into_packets)
		bpf_map__set_max_entries(bpf->maps.packet_ends, net->options.connections_max);
	if (config->summary)
		bpf_map__set_max_entries(bpf->maps.rows, ROWS_MAX);
	prepare_tls(net, kernel);
	r = choose_hooks(net, kernel, err);
	return r < 0 ? r : prepare_stacks(net, err);
}

static int load(struct eo_tracer *tracer, struct eo_error *err)
{
	struct net_tracer *net = net_of(tracer);
	struct net_tracer_bpf *bpf = net_tracer_bpf__open();
	struct btf *kernel;
	int r;

	if (!bpf)
		return eo_tracer_load_failed(tracer, errno, err);
	net->skeleton = bpf;
	net->unknown_owners = net->records_inside = net->events_made = 0;
	net->swept_ns = net->read_ns = 0;
	tracer->object = bpf->obj;
	kernel = btf__load_vmlinux_btf();
	r = prepare(net, kernel, err);
	btf__free(kernel);
	if (r < 0)
		return r;
	r = net_tracer_bpf__load(bpf);
	if (r < 0)
		return eo_tracer_load_failed(tracer, -r, err);
	tracer->targets_live = (uint64_t *)&bpf->bss->targets_live;
	tracer->targets_missed = (uint64_t *)&bpf->bss->targets_missed;
	if (wants_stacks(net))
		r = open_stacks(net, err);
	return r < 0 ? r : eo_net_filter_fill(&net->options, bpf->obj, err);
}

/* An event that is made here, of several records or of a map. */
static int emit_made(void *ctx, const struct eo_event *event, uint64_t stack)
{
	struct net_tracer *net = ctx;

	net->events_made++;
	net->unknown_owners += !event->pid;
	if (net->http_rows)
		return eo_net_http_rows_add(net->http_rows, event);
	return eo_tracer_emit_with_stack(&net->base, event, stack);
}

static int attach_tls(struct net_tracer *net, struct eo_error *err)
{
	const struct net_tracer_bpf *bpf = net->skeleton;
	struct eo_tracer *tracer = &net->base;
	struct eo_function_probes_options options = {
		.enter = bpf->progs.on_tls_enter,
		.leave = tls_leave(net),
		.multi = net->multi,
	};

	eo_tracer_aim_probes(tracer, &options);
	return eo_tls_libraries_begin(&options, &tracer->options.target, &tracer->probes, err);
}

static int attach(struct eo_tracer *tracer, struct eo_error *err)
{
	struct net_tracer *net = net_of(tracer);
	struct net_tracer_bpf *bpf = net->skeleton;
	struct eo_net_payloads_options payloads = {
		.keep_query = net->options.http_query, .event = emit_made, .ctx = net};
	const struct eo_net_http_rows_options rows = {.by_comm = net->options.by_comm,
						      .by_pid = net->options.by_pid,
						      .by_peer = net->options.http_by_peer};
	int r = net_tracer_bpf__attach(bpf);

	if (r < 0)
		return eo_error_set(err, eo_error_kind_of(-r, EO_ERROR_ATTACH_FAILED), -r, NULL,
				    "attach the programs of the net tracer");
	if (net->probes_tls) {
		r = attach_tls(net, err);
		if (r < 0)
			return r;
	}
	if (net->base.options.summary && has_payloads(net)) {
		net->http_rows = eo_net_http_rows_new(&rows);
		if (!net->http_rows)
			return eo_error_set(err, EO_ERROR_LOAD_FAILED, ENOMEM, NULL,
					    "allocate rows of requests");
	}
	if (has_payloads(net)) {
		net->payloads = eo_net_payloads_new(&payloads);
		if (!net->payloads)
			return eo_error_set(err, EO_ERROR_LOAD_FAILED, ENOMEM, NULL,
					    "allocate room for payloads");
	}
	if (!has_sessions(net))
		return 0;
	return eo_net_sessions_new(bpf_map__fd(bpf->maps.sessions),
				   net->ways.by_calls ? -1 : bpf_map__fd(bpf->maps.session_sockets),
				   net->ways.by_calls ? bpf->progs.find_open_sockets :
							bpf->progs.find_session_sockets,
				   &net->sessions, err);
}

/* --- what exists already ------------------------------------------------------------------ */

static int run_iterator(struct bpf_link *link)
{
	EO_AUTO_CLOSE int fd = link ? bpf_iter_create(bpf_link__fd(link)) : -ENOENT;
	char nothing[64];
	ssize_t n;

	if (fd < 0)
		return fd;
	do {
		n = read(fd, nothing, sizeof(nothing));
	} while (n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN)));
	return n < 0 ? -errno : 0;
}

static int search(struct net_tracer *net, struct bpf_link *link, enum eo_net_search what)
{
	net->skeleton->bss->search = what;
	return run_iterator(link);
}

static int begin(struct eo_tracer *tracer, struct eo_error *err)
{
	struct net_tracer *net = net_of(tracer);
	struct net_tracer_bpf *bpf = net->skeleton;
	int r = 0;

	if (!has_connections(net))
		return 0;
	r = search(net, bpf->links.find_files, EO_SEARCH_LISTENERS);
	if (!r)
		r = search(net, bpf->links.find_files, EO_SEARCH_OWNERS);
	if (!r && !bpf->rodata->net.by_target)
		r = search(net, bpf->links.find_tcp_sockets, EO_SEARCH_OWNERS);
	if (r < 0)
		return eo_error_set(err, EO_ERROR_ATTACH_FAILED, -r, NULL,
				    "look for the connections that exist");
	return 0;
}

/* --- records ------------------------------------------------------------------------------ */

static uint32_t event_bit(uint32_t kind)
{
	return 1u << (kind - EO_RECORD_TCP_CONNECT);
}

/* In a flood the ticks are too few. */
static int read_payloads(struct net_tracer *net, uint64_t now_ns)
{
	if (now_ns < net->read_ns + EO_NET_PAYLOAD_WAIT_NS / 4)
		return 0;
	net->read_ns = now_ns;
	return eo_net_payloads_run(net->payloads, now_ns - EO_NET_PAYLOAD_WAIT_NS);
}

static int record(struct eo_tracer *tracer, const struct eo_record_header *header, size_t size)
{
	struct net_tracer *net = net_of(tracer);
	struct eo_net_attributes attrs = {0};
	struct eo_event event;
	uint64_t stack;

	if (net->payloads &&
	    (header->kind == EO_RECORD_PAYLOAD || header->kind == EO_RECORD_TCP_CLOSE))
		eo_net_payloads_add(net->payloads, header, size);
	if (header->kind == EO_RECORD_PAYLOAD ||
	    (header->kind == EO_RECORD_TCP_CLOSE &&
	     (net->http_rows || !(net->options.events & event_bit(header->kind))))) {
		net->records_inside++;
		return read_payloads(net, header->ktime_ns);
	}
	if (header->kind == EO_RECORD_PACKET && size >= sizeof(struct eo_packet_record)) {
		eo_net_events_packet((const void *)header, &attrs, &event);
		stack = ((const struct eo_packet_record *)header)->stack;
	} else if (size >= sizeof(struct eo_tcp_record) &&
		   eo_net_events_tcp((const void *)header, &attrs, &event)) {
		stack = ((const struct eo_tcp_record *)header)->stack;
	} else {
		return 0;
	}
	/* Packets of the kernel itself, and those that pass through, are nobody's. */
	net->unknown_owners += !event.pid && header->kind != EO_RECORD_PACKET;
	eo_tracer_add_latency(tracer, header->ktime_ns);
	return eo_tracer_emit_with_stack(tracer, &event, stack);
}

static int end_session(void *ctx, const struct eo_session_key *key,
		       const struct eo_session *session)
{
	struct net_tracer *net = ctx;
	struct eo_net_attributes attrs = {0};
	struct eo_event event;

	if (session->flags & EO_SESSION_IGNORED || net->base.options.summary ||
	    !(net->options.events & EO_NET_UDP_SESSION))
		return 0;
	eo_net_events_session(key, session, &attrs, &event);
	return emit_made(net, &event, session->stack);
}

/* As often as a session's end should be noticed. */
#define SWEEP_NS 500000000ull

static int tick(struct eo_tracer *tracer)
{
	struct net_tracer *net = net_of(tracer);
	uint64_t now_ns = eo_clock_monotonic_ns();
	int r = 0;

	if (net->payloads)
		r = read_payloads(net, now_ns);
	if (r >= 0 && net->sessions && now_ns >= net->swept_ns + SWEEP_NS) {
		net->swept_ns = now_ns;
		r = eo_net_sessions_sweep(net->sessions, now_ns, false, end_session, net);
	}
	return r;
}

/* --- stop --------------------------------------------------------------------------------- */

/* Open connections add their figures so far to their rows, if those are wanted. */
static void flush(struct net_tracer *net)
{
	if (net->options.events & EO_NET_TCP_CLOSE && net->skeleton->links.find_files)
		search(net, net->skeleton->links.find_files, EO_SEARCH_FLUSH);
}

static void detach(struct eo_tracer *tracer)
{
	struct net_tracer *net = net_of(tracer);

	if (tracer->options.summary)
		flush(net); /* the last chance */
	eo_tracer_end_probes(tracer);
	net_tracer_bpf__detach(net->skeleton);
}

/* Nobody says anything more. */
static int finish(struct eo_tracer *tracer)
{
	struct net_tracer *net = net_of(tracer);
	int r = 0;

	if (net->payloads)
		r = eo_net_payloads_finish(net->payloads, eo_clock_monotonic_ns());
	if (r >= 0 && net->sessions)
		r = eo_net_sessions_sweep(net->sessions, eo_clock_monotonic_ns(), true,
					  end_session, net);
	return r;
}

static void unload(struct eo_tracer *tracer)
{
	struct net_tracer *net = net_of(tracer);

	eo_net_payloads_free(eo_steal(&net->payloads));
	eo_net_http_rows_free(eo_steal(&net->http_rows));
	eo_net_sessions_free(eo_steal(&net->sessions));
	net_tracer_bpf__destroy(eo_steal(&net->skeleton));
}

/* --- figures ------------------------------------------------------------------------------ */

static void stats(struct eo_tracer *tracer, struct eo_trace_stats *stats)
{
	struct net_tracer *net = net_of(tracer);
	struct eo_net_payloads_counts payloads = {0};
	struct eo_net_counters counters;

	stats->seen += net->events_made - net->records_inside;
	stats->emitted += (net->http_rows ? 0 : net->events_made) - net->records_inside;
	stats->aggregated += net->http_rows ? net->events_made : 0;
	eo_tracer_sum_map(tracer, "net_counters", &counters, sizeof(counters));
	eo_trace_stats_total(stats, "packets_captured", "packets", counters.packets);
	eo_trace_stats_total(stats, "bytes_captured", "bytes of packets", counters.bytes);
	eo_trace_stats_total(stats, "tcp_connections", "TCP connections", counters.tcp_connections);
	eo_trace_stats_total(stats, "udp_sessions", "UDP sessions", counters.udp_sessions);
	eo_trace_stats_degraded(stats, "owner_unknown", "events without a process",
				net->unknown_owners);
	if (!net->payloads)
		return;
	payloads = eo_net_payloads_counts(net->payloads);
	eo_trace_stats_degraded(stats, "dns_malformed", "malformed DNS messages",
				payloads.dns_malformed);
	eo_trace_stats_degraded(stats, "dns_unmatched", "DNS messages without counterpart",
				payloads.dns_unmatched);
	eo_trace_stats_degraded(stats, "http_unpaired", "HTTP messages without counterpart",
				payloads.http_unpaired);
	eo_trace_stats_degraded(stats, "http_inexact", "HTTP messages cut or malformed",
				payloads.http_inexact);
	eo_trace_stats_degraded(stats, "payloads_dropped", "payloads without room",
				payloads.dropped);
	if (!net->probes_tls)
		return;
	eo_trace_stats_degraded(stats, "tls_unbound", "calls of TLS without connection",
				counters.tls_unbound);
	eo_tracer_add_probe_stats(tracer, stats);
}

static int summary(struct eo_tracer *tracer, eo_trace_event_fn fn, void *ctx, struct eo_error *err)
{
	struct net_tracer *net = net_of(tracer);
	int r;

	if (tracer->running)
		flush(net);
	r = eo_net_summary(tracer->object, &net->skeleton->bss->row_generation, fn, ctx, err);
	if (r >= 0 && net->http_rows)
		r = eo_net_http_rows_tell(net->http_rows, eo_clock_monotonic_ns(), fn, ctx);
	return r;
}

static const struct eo_tracer_class net_class = {
	.name = "net",
	.elf = net_tracer_bpf__elf_bytes,
	.free = free_net,
	.load = load,
	.attach = attach,
	.begin = begin,
	.record = record,
	.tick = tick,
	.detach = detach,
	.finish = finish,
	.stats = stats,
	.summary = summary,
	.unload = unload,
};

int eo_net_tracer_new(const struct eo_config *config, const struct eo_net_tracer_options *options,
		      struct eo_tracer **ret, struct eo_error *err)
{
	EO_AUTO_FREE struct net_tracer *net = calloc(1, sizeof(*net));
	int r;

	if (!net)
		return eo_error_set(err, EO_ERROR_LOAD_FAILED, ENOMEM, NULL, "allocate net tracer");
	r = eo_tracer_init(&net->base, &net_class, config, &options->tracer, err);
	if (!r)
		r = eo_net_filter_check(options, err);
	if (r < 0)
		return r;
	net->options = *options;
	if (!net->options.events)
		net->options.events = EO_NET_DEFAULT_EVENTS;
	/* What is read in user space has no rows. */
	if (options->tracer.summary)
		net->options.events &= ~EO_NET_DNS;
	if (!net->options.events)
		return eo_error_set(err, EO_ERROR_CONFIG, 0, "ask for connection, udp or http as well",
				    "a summary has no rows of DNS lookups");
	if (!net->options.protocols)
		net->options.protocols = EO_NET_TCP | EO_NET_UDP;
	if (!net->options.connections_max)
		net->options.connections_max = CONNECTIONS_MAX;
	*ret = &eo_steal(&net)->base;
	return 0;
}
