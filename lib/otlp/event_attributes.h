/* SPDX-License-Identifier: BSD-2-Clause */
/* What the keys of events are called in OTLP, as rows. */
#ifndef EO_OTLP_EVENT_ATTRIBUTES_H
#define EO_OTLP_EVENT_ATTRIBUTES_H

#include <stdbool.h>
#include <stddef.h>

#include "core/attribute.h"
#include "core/event.h"
#include "otlp/attribute_list.h"

#define EO_ATTRIBUTE_TEXT_BYTES 512

/* Room for a text that is made and not found. */
struct eo_attribute_text {
	char text[EO_ATTRIBUTE_TEXT_BYTES];
};

/* Fill @ret's value. False: the event has no such attribute. */
typedef bool (*eo_attribute_fn)(const struct eo_event *event, struct eo_attribute_text *text,
				struct eo_attribute *ret);

/* One attribute, from one of three sources. */
struct eo_attribute_rule {
	const char *attribute;
	const char *key, *member; /* of the data; of the object there, or NULL */
	const char *fixed;
	eo_attribute_fn make;
};

/** Add what the rows give; the table ends with a row without attribute. */
void eo_attribute_rules_add(const struct eo_attribute_rule *rules, const struct eo_event *event,
			    struct eo_attribute_list *list);

/**
 * The same as plain texts and numbers, at most @max of them. They live as long as @event and
 * @texts, of which there is one for each.
 * Returns their number.
 */
size_t eo_attribute_rules_list(const struct eo_attribute_rule *rules, const struct eo_event *event,
			       struct eo_attribute_text *texts, struct eo_attribute *ret,
			       size_t max);

/* thread.id and thread.name. */
extern const struct eo_attribute_rule eo_thread_attributes[];

/** What failed, as error.type has it: an errno name, an HTTP status or a DNS rcode. */
bool eo_make_error_type(const struct eo_event *event, struct eo_attribute_text *text,
			struct eo_attribute *ret);

/* Both ends of a connection by who opened it. */
bool eo_make_server_address(const struct eo_event *event, struct eo_attribute_text *text,
			    struct eo_attribute *ret);
bool eo_make_server_port(const struct eo_event *event, struct eo_attribute_text *text,
			 struct eo_attribute *ret);
bool eo_make_client_address(const struct eo_event *event, struct eo_attribute_text *text,
			    struct eo_attribute *ret);
bool eo_make_client_port(const struct eo_event *event, struct eo_attribute_text *text,
			 struct eo_attribute *ret);
bool eo_make_network_type(const struct eo_event *event, struct eo_attribute_text *text,
			  struct eo_attribute *ret);

/* The Host header goes before the address that is connected to. */
bool eo_make_http_address(const struct eo_event *event, struct eo_attribute_text *text,
			  struct eo_attribute *ret);
bool eo_make_http_port(const struct eo_event *event, struct eo_attribute_text *text,
		       struct eo_attribute *ret);
/* A method that nobody knows is _OTHER, and then it stands in a second attribute. */
bool eo_make_http_method(const struct eo_event *event, struct eo_attribute_text *text,
			 struct eo_attribute *ret);
bool eo_make_http_method_original(const struct eo_event *event, struct eo_attribute_text *text,
				  struct eo_attribute *ret);
bool eo_make_url_path(const struct eo_event *event, struct eo_attribute_text *text,
		      struct eo_attribute *ret);
bool eo_make_url_query(const struct eo_event *event, struct eo_attribute_text *text,
		       struct eo_attribute *ret);
bool eo_make_url_full(const struct eo_event *event, struct eo_attribute_text *text,
		      struct eo_attribute *ret);

bool eo_make_thread_id(const struct eo_event *event, struct eo_attribute_text *text,
		       struct eo_attribute *ret);

/* network.io.direction of a packet. */
bool eo_make_direction(const struct eo_event *event, struct eo_attribute_text *text,
		       struct eo_attribute *ret);

#endif
