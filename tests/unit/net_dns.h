/* SPDX-License-Identifier: BSD-2-Clause */
/* Makes DNS messages for tests, byte by byte. */
#ifndef EO_TESTS_NET_DNS_H
#define EO_TESTS_NET_DNS_H

#include <stdint.h>
#include <string.h>

struct message {
	uint8_t bytes[70000];
	size_t size;
};

static inline void put8(struct message *m, unsigned int v)
{
	m->bytes[m->size++] = (uint8_t)v;
}

static inline void put16(struct message *m, unsigned int v)
{
	put8(m, v >> 8);
	put8(m, v);
}

static inline void put32(struct message *m, uint32_t v)
{
	put16(m, v >> 16);
	put16(m, v & 0xffff);
}

/* "www.example.com" in labels; "" is the root. */
static inline void put_name(struct message *m, const char *name)
{
	while (*name) {
		size_t size = strcspn(name, ".");

		put8(m, (unsigned int)size);
		memcpy(m->bytes + m->size, name, size);
		m->size += size;
		name += size + (name[size] == '.');
	}
	put8(m, 0);
}

static inline void put_header(struct message *m, uint16_t id, uint16_t flags, uint16_t questions,
			      uint16_t answers, uint16_t authorities, uint16_t additionals)
{
	put16(m, id);
	put16(m, flags);
	put16(m, questions);
	put16(m, answers);
	put16(m, authorities);
	put16(m, additionals);
}

static inline void put_question(struct message *m, const char *name, uint16_t type)
{
	put_name(m, name);
	put16(m, type);
	put16(m, 1);
}

/* What stands before the data of a record that belongs to the question. */
static inline void put_record(struct message *m, uint16_t type, uint32_t ttl, uint16_t size)
{
	put16(m, 0xc00c);
	put16(m, type);
	put16(m, 1);
	put32(m, ttl);
	put16(m, size);
}

#endif
