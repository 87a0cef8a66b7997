/* SPDX-License-Identifier: BSD-2-Clause */
/* One thing that happened: the same shape for every tracer, for files and for writers. */
#ifndef EO_CORE_EVENT_H
#define EO_CORE_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EO_COMM_BYTES 16

/* Appended, never renumbered. Names: eo_event_type_name(). */
enum eo_event_type {
	EO_EVENT_CPU_SAMPLE,
	EO_EVENT_SYSCALL,
	EO_EVENT_NETWORK_PACKET,
	EO_EVENT_TCP_CONNECT,
	EO_EVENT_TCP_ACCEPT,
	EO_EVENT_TCP_CLOSE,
	EO_EVENT_TCP_RETRANSMIT,
	EO_EVENT_UDP_SESSION,
	EO_EVENT_DNS,
	EO_EVENT_HTTP_REQUEST,
	EO_EVENT_MEMORY_ALLOC,
	EO_EVENT_MEMORY_FREE,
	EO_EVENT_LOSS,
	EO_EVENT_START,
	EO_EVENT_PROCESS,
	EO_EVENT_END,
	EO_EVENT_SYSCALL_SUMMARY,
	EO_EVENT_NET_SUMMARY,
	EO_EVENT_MEM_SUMMARY,
	EO_EVENT_TYPE_COUNT,
};

enum eo_attr_type {
	EO_ATTR_STRING, /* str, UTF-8 is not guaranteed: writers repair it */
	EO_ATTR_INT,	/* num */
	EO_ATTR_UINT,	/* unum */
	EO_ATTR_HEX,	/* unum, an address or id, written as "0x…" */
	EO_ATTR_BOOL,	/* num 0 or 1 */
	EO_ATTR_OBJECT, /* the @count attributes that follow this one are its members */
};

/* A key and its value. Keys are static text; strings live as long as the event. */
struct eo_attr {
	const char *key;
	enum eo_attr_type type;
	uint32_t count; /* EO_ATTR_OBJECT: members, nested ones included */
	union {
		const char *str;
		int64_t num;
		uint64_t unum;
	};
};

struct eo_event {
	enum eo_event_type type;
	uint64_t ktime_ns; /* CLOCK_MONOTONIC */
	uint32_t pid;	   /* tgid in the root pid namespace; 0 when the owner is unknown */
	uint32_t tid;
	char comm[EO_COMM_BYTES];   /* of the process */
	char thread[EO_COMM_BYTES]; /* of the thread; empty where it is the same */
	const struct eo_attr *data; /* @data_count attributes, flat, see EO_ATTR_OBJECT */
	size_t data_count;
};

/** The name that stands in event_type, "syscall"; NULL out of range. Static text. */
const char *eo_event_type_name(enum eo_event_type type);

/** The reverse. Returns false, @ret untouched, for a name that is none. */
bool eo_event_type_parse(const char *name, enum eo_event_type *ret);

#endif
