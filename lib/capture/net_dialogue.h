/* SPDX-License-Identifier: BSD-2-Clause */
/* What is said on each connection, in the order in which it was said: DNS and HTTP are read of it.
 * Part of capture/net_payloads. Not thread-safe. */
#ifndef EO_CAPTURE_NET_DIALOGUE_H
#define EO_CAPTURE_NET_DIALOGUE_H

#include "capture/net_payloads.h"

struct eo_net_dialogues;

/** Returns NULL when memory is out. @options is copied. */
struct eo_net_dialogues *eo_net_dialogues_new(const struct eo_net_payloads_options *options);
void eo_net_dialogues_free(struct eo_net_dialogues *dialogues); /* NULL is fine */
EO_DEFINE_AUTO(eo_net_dialogues)

/** A payload or the end of a connection. Returns 0, or a negative return of the event function. */
int eo_net_dialogues_take(struct eo_net_dialogues *dialogues, const struct eo_record_header *record,
			  size_t size);

/** Queries without answer are given up. Returns likewise. */
int eo_net_dialogues_expire(struct eo_net_dialogues *dialogues, uint64_t now_ns);

/** Nothing more will be heard of any: tell what is known. Returns likewise. */
int eo_net_dialogues_leave(struct eo_net_dialogues *dialogues);

struct eo_net_payloads_counts eo_net_dialogues_counts(const struct eo_net_dialogues *dialogues);

#endif
