/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/event.h"

#include <string.h>

#include "core/auto.h"

static const char *const names[EO_EVENT_TYPE_COUNT] = {
	[EO_EVENT_CPU_SAMPLE] = "cpu_sample",
	[EO_EVENT_SYSCALL] = "syscall",
	[EO_EVENT_NETWORK_PACKET] = "network_packet",
	[EO_EVENT_TCP_CONNECT] = "tcp_connect",
	[EO_EVENT_TCP_ACCEPT] = "tcp_accept",
	[EO_EVENT_TCP_CLOSE] = "tcp_close",
	[EO_EVENT_TCP_RETRANSMIT] = "tcp_retransmit",
	[EO_EVENT_UDP_SESSION] = "udp_session",
	[EO_EVENT_DNS] = "dns",
	[EO_EVENT_HTTP_REQUEST] = "http_request",
	[EO_EVENT_MEMORY_ALLOC] = "memory_alloc",
	[EO_EVENT_MEMORY_FREE] = "memory_free",
	[EO_EVENT_LOSS] = "loss",
	[EO_EVENT_START] = "start",
	[EO_EVENT_PROCESS] = "process",
	[EO_EVENT_END] = "end",
	[EO_EVENT_SYSCALL_SUMMARY] = "syscall_summary",
	[EO_EVENT_NET_SUMMARY] = "net_summary",
	[EO_EVENT_MEM_SUMMARY] = "mem_summary",
};

const char *eo_event_type_name(enum eo_event_type type)
{
	return (size_t)type < EO_ARRAY_SIZE(names) ? names[type] : NULL;
}

bool eo_event_type_parse(const char *name, enum eo_event_type *ret)
{
	for (size_t i = 0; i < EO_ARRAY_SIZE(names); i++) {
		if (!strcmp(name, names[i])) {
			*ret = (enum eo_event_type)i;
			return true;
		}
	}
	return false;
}
