/* SPDX-License-Identifier: BSD-2-Clause */
/* Makes events of the records that the network tracer's programs send. */
#ifndef EO_CAPTURE_NET_EVENTS_H
#define EO_CAPTURE_NET_EVENTS_H

#include <stdbool.h>

#include "capture/net_attributes.h"

/**
 * Fill @event from a record.
 * @attrs: the event's data lies there
 * Returns false for a record that is none of these.
 */
bool eo_net_events_tcp(const struct eo_tcp_record *record, struct eo_net_attributes *attrs,
		       struct eo_event *event);

void eo_net_events_packet(const struct eo_packet_record *record, struct eo_net_attributes *attrs,
			  struct eo_event *event);

/** A UDP session that has ended with its last datagram. */
void eo_net_events_session(const struct eo_session_key *key, const struct eo_session *session,
			   struct eo_net_attributes *attrs, struct eo_event *event);

#endif
