/* SPDX-License-Identifier: BSD-2-Clause */
/* One thing that happened: the same shape for every tracer, for files and for writers. */
#ifndef EO_CORE_EVENT_H
#define EO_CORE_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EO_COMM_BYTES 16

/* What stands in the place of a text that a program has made, where that is not to be shown. */
#define EO_REDACTED "[redacted]"

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
	EO_ATTR_ARRAY,	/* the same for elements, whose keys say nothing */
	EO_ATTR_REAL,	/* real; written with three digits behind the point */
};

/* A key and its value. Keys and strings live as long as the event. */
struct eo_attr {
	const char *key;
	enum eo_attr_type type;
	uint32_t count; /* EO_ATTR_OBJECT, EO_ATTR_ARRAY: what is inside, nested ones included */
	union {
		const char *str;
		int64_t num;
		uint64_t unum;
		double real;
	};
};

struct eo_event {
	enum eo_event_type type;
	uint64_t ktime_ns; /* CLOCK_MONOTONIC */
	uint32_t pid;	   /* tgid in the root pid namespace; 0 when the owner is unknown */
	uint32_t tid;
	uint32_t ns_pid;   /* in the process's own namespace; 0 where it is the same */
	char comm[EO_COMM_BYTES];   /* of the process */
	char thread[EO_COMM_BYTES]; /* of the thread; empty where it is the same */
	const struct eo_attr *data; /* @data_count attributes, flat: see EO_ATTR_OBJECT */
	size_t data_count;
};

/* What stands in the data of a type of event. A key has one type wherever it occurs. */
struct eo_event_key {
	const char *key;
	enum eo_attr_type type;
	/* Of an object, or of the objects in an array; ends with a row without key. NULL: what is
	 * inside is not laid down, as with the arguments of a system call. */
	const struct eo_event_key *members;
};

/** The keys of @type in the order in which they are written; ends with a row without key. */
const struct eo_event_key *eo_event_keys(enum eo_event_type type);

/** The row of @key among @keys (NULL: none); NULL for a key that is not laid down. */
const struct eo_event_key *eo_event_key_find(const struct eo_event_key *keys, const char *key);

/** The member @key of the event's data; NULL where there is none. */
const struct eo_attr *eo_event_data(const struct eo_event *event, const char *key);
/** The same inside an object; NULL also where @object is NULL or none. */
const struct eo_attr *eo_attr_member(const struct eo_attr *object, const char *key);

/** The value at @key, inside the object at it where @member is given; NULL: none. */
const struct eo_attr *eo_event_value(const struct eo_event *event, const char *key,
				     const char *member);
/** Text likewise; NULL: none. */
const char *eo_event_text(const struct eo_event *event, const char *key, const char *member);
/** Number likewise, 0 to INT64_MAX; false: none. */
bool eo_event_number(const struct eo_event *event, const char *key, const char *member,
		     int64_t *ret);

/** The name that stands in event_type, "syscall"; NULL out of range. Static text. */
const char *eo_event_type_name(enum eo_event_type type);

/** The reverse. Returns false, @ret untouched, for a name that is none. */
bool eo_event_type_parse(const char *name, enum eo_event_type *ret);

#endif
