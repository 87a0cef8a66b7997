/* SPDX-License-Identifier: BSD-2-Clause */
/* Decodes the header blocks of HTTP/2 (HPACK, RFC 7541), of one direction of one connection.
 *
 * Unlike the decoder of an endpoint it may come late, or miss blocks: then what it knows of the
 * dynamic table are the newest entries, which are the ones with the lowest numbers, and others are
 * unknown without being an error. Of the entries only those values are kept that somebody asks for;
 * of the others, their sizes. Not thread-safe. */
#ifndef EO_NET_HPACK_H
#define EO_NET_HPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/budget.h"

#define EO_HPACK_TABLE_MAX (64u << 10) /* bytes as the format counts them; the default is 4096 */
#define EO_HPACK_VALUE_MAX 4096u       /* longer ones are unknown */

enum eo_hpack_name {
	EO_HPACK_UNKNOWN, /* refers to an entry that was not seen */
	EO_HPACK_OTHER,
	EO_HPACK_METHOD,
	EO_HPACK_PATH,
	EO_HPACK_AUTHORITY,
	EO_HPACK_STATUS,
	EO_HPACK_HOST,
	EO_HPACK_TRACEPARENT,
	EO_HPACK_GRPC_STATUS,
};

struct eo_hpack_entry {
	char *value; /* NULL: of no interest, or unknown */
	uint32_t name_size, value_size; /* on the account of the table */
	uint8_t name;
	bool name_unsized; /* @name_size is not known, and 0 */
};

/* Zeroed memory with a budget is the beginning of a connection. */
struct eo_hpack {
	struct eo_budget *budget;
	bool partial;		/* entries may be missing */
	bool sized;		/* @max was set; until then it is the default */
	uint32_t max, used;	/* bytes of the table, as the format counts */
	struct eo_hpack_entry *entries; /* a ring */
	uint32_t room, newest, count;
};

void eo_hpack_fini(struct eo_hpack *hpack);

/** Blocks were missed, or connection and trace did not begin together: nothing is known. */
void eo_hpack_forget(struct eo_hpack *hpack);

/* @value: with an end, NULL when unknown or of no interest; lives during the call */
typedef void eo_hpack_field_fn(void *arg, enum eo_hpack_name name, const char *value);

/**
 * Decode a block and tell its fields.
 * @complete: otherwise only its beginning is there. The fields in it are told, and all entries
 *            forgotten, as the rest may have made some.
 * Returns 0; -EBADMSG for what is no HPACK, and then entries are forgotten; -ENOMEM, likewise.
 */
int eo_hpack_decode(struct eo_hpack *hpack, const uint8_t *block, size_t size, bool complete,
		    eo_hpack_field_fn *field, void *arg);

#endif
