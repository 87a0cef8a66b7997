/* SPDX-License-Identifier: BSD-2-Clause */
#include "otlp/event_attributes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/auto.h"

void eo_attribute_rules_add(const struct eo_attribute_rule *rules, const struct eo_event *event,
			    struct eo_attribute_list *list)
{
	for (const struct eo_attribute_rule *rule = rules; rule->attribute; rule++) {
		struct eo_attribute attribute = { .key = rule->attribute, .str = rule->fixed };
		struct eo_attribute_text text;

		if (rule->key) {
			const struct eo_attr *value = eo_event_value(event, rule->key, rule->member);

			if (value)
				eo_attribute_list_value(list, rule->attribute, value);
		} else if (!rule->make || rule->make(event, &text, &attribute)) {
			eo_attribute_list_add(list, &attribute);
		}
	}
}

static bool make_value(const struct eo_attr *value, struct eo_attribute_text *text,
		       struct eo_attribute *ret)
{
	if (!value)
		return false;
	switch (value->type) {
	case EO_ATTR_STRING:
		ret->str = value->str;
		return true;
	case EO_ATTR_INT:
	case EO_ATTR_UINT:
	case EO_ATTR_BOOL:
		ret->num = value->num;
		return true;
	case EO_ATTR_HEX:
		snprintf(text->text, sizeof(text->text), "0x%" PRIx64, value->unum);
		ret->str = text->text;
		return true;
	case EO_ATTR_OBJECT:
	case EO_ATTR_ARRAY:
	case EO_ATTR_REAL:
		break;
	}
	return false;
}

size_t eo_attribute_rules_list(const struct eo_attribute_rule *rules, const struct eo_event *event,
			       struct eo_attribute_text *texts, struct eo_attribute *ret,
			       size_t max)
{
	size_t count = 0;

	for (const struct eo_attribute_rule *rule = rules; rule->attribute && count < max; rule++) {
		struct eo_attribute attribute = { .key = rule->attribute, .str = rule->fixed };
		struct eo_attribute_text *text = &texts[count];

		if (rule->key ? make_value(eo_event_value(event, rule->key, rule->member), text,
					   &attribute) :
				!rule->make || rule->make(event, text, &attribute))
			ret[count++] = attribute;
	}
	return count;
}

bool eo_make_error_type(const struct eo_event *event, struct eo_attribute_text *text,
			struct eo_attribute *ret)
{
	const struct eo_attr *interrupted = eo_event_data(event, "interrupted");
	const char *error = eo_event_text(event, "error", NULL);
	const char *rcode = eo_event_text(event, "rcode", NULL);
	const char *role = eo_event_text(event, "role", NULL);
	int64_t status;

	if (interrupted && interrupted->num)
		return false; /* it goes on later */
	if (error) {
		ret->str = error;
		return true;
	}
	if (rcode && strcmp(rcode, "NOERROR")) {
		ret->str = rcode;
		return true;
	}
	/* A server that says 404 did its work; for a client it is a failure. */
	if (event->type == EO_EVENT_HTTP_REQUEST &&
	    eo_event_number(event, "status", NULL, &status) &&
	    status >= (role && !strcmp(role, "client") ? 400 : 500)) {
		snprintf(text->text, sizeof(text->text), "%" PRId64, status);
		ret->str = text->text;
		return true;
	}
	return false;
}

/* "local" or "peer"; NULL where nobody knows who opened the connection. */
static const char *end_of(const struct eo_event *event, const char *wanted)
{
	const char *role = eo_event_text(event, "role", NULL);

	if (!role)
		return NULL;
	return strcmp(role, wanted) ? "peer" : "local";
}

static bool make_end(const struct eo_event *event, const char *role, struct eo_attribute *ret)
{
	const char *end = end_of(event, role);

	ret->str = end ? eo_event_text(event, end, "address") : NULL;
	return ret->str;
}

static bool make_port(const struct eo_event *event, const char *role, struct eo_attribute *ret)
{
	const char *end = end_of(event, role);

	return end && eo_event_number(event, end, "port", &ret->num);
}

bool eo_make_server_address(const struct eo_event *event, struct eo_attribute_text *text,
			    struct eo_attribute *ret)
{
	(void)text;
	return make_end(event, "server", ret);
}

bool eo_make_server_port(const struct eo_event *event, struct eo_attribute_text *text,
			 struct eo_attribute *ret)
{
	(void)text;
	return make_port(event, "server", ret);
}

bool eo_make_client_address(const struct eo_event *event, struct eo_attribute_text *text,
			    struct eo_attribute *ret)
{
	(void)text;
	return make_end(event, "client", ret);
}

bool eo_make_client_port(const struct eo_event *event, struct eo_attribute_text *text,
			 struct eo_attribute *ret)
{
	(void)text;
	return make_port(event, "client", ret);
}

bool eo_make_network_type(const struct eo_event *event, struct eo_attribute_text *text,
			  struct eo_attribute *ret)
{
	const char *address = eo_event_text(event, "peer", "address");

	(void)text;
	ret->str = eo_event_text(event, "family", NULL);
	if (!ret->str && address)
		ret->str = strchr(address, ':') ? "ipv6" : "ipv4";
	return ret->str;
}

/* "shop", "shop:80", "[::1]:80". @port: digits, or NULL. False when it is none of these. */
static bool split_host(const char *host, struct eo_attribute_text *address, const char **port)
{
	const char *start = host, *end;

	if (*host == '[') {
		start++;
		end = strchr(start, ']');
		if (!end || (end[1] && end[1] != ':'))
			return false;
		*port = end[1] ? end + 2 : NULL;
	} else {
		end = start + strcspn(start, ":");
		*port = *end ? end + 1 : NULL;
	}
	if (end == start || (size_t)(end - start) >= sizeof(address->text))
		return false;
	*(char *)mempcpy(address->text, start, (size_t)(end - start)) = '\0';
	return true;
}

bool eo_make_http_address(const struct eo_event *event, struct eo_attribute_text *text,
			  struct eo_attribute *ret)
{
	const char *host = eo_event_text(event, "host", NULL), *port;

	if (host && split_host(host, text, &port)) {
		ret->str = text->text;
		return true;
	}
	return eo_make_server_address(event, text, ret);
}

bool eo_make_http_port(const struct eo_event *event, struct eo_attribute_text *text,
		       struct eo_attribute *ret)
{
	const char *host = eo_event_text(event, "host", NULL), *port = NULL;
	unsigned long number;
	char *end;

	if (host && split_host(host, text, &port) && port && *port >= '0' && *port <= '9') {
		number = strtoul(port, &end, 10);
		if (!*end && number <= UINT16_MAX) {
			ret->num = (int64_t)number;
			return true;
		}
	}
	return eo_make_server_port(event, text, ret);
}

static bool is_known_method(const char *method)
{
	static const char *const known[] = { "CONNECT", "DELETE", "GET",  "HEAD",  "OPTIONS",
					     "PATCH",	"POST",	  "PUT",  "TRACE", "QUERY" };

	for (size_t i = 0; i < EO_ARRAY_SIZE(known); i++)
		if (!strcmp(method, known[i]))
			return true;
	return false;
}

bool eo_make_http_method(const struct eo_event *event, struct eo_attribute_text *text,
			 struct eo_attribute *ret)
{
	const char *method = eo_event_text(event, "method", NULL);

	(void)text;
	ret->str = method && is_known_method(method) ? method : "_OTHER";
	return true;
}

bool eo_make_http_method_original(const struct eo_event *event, struct eo_attribute_text *text,
				  struct eo_attribute *ret)
{
	const char *method = eo_event_text(event, "method", NULL);

	(void)text;
	ret->str = method;
	return method && !is_known_method(method);
}

bool eo_make_url_path(const struct eo_event *event, struct eo_attribute_text *text,
		      struct eo_attribute *ret)
{
	const char *path = eo_event_text(event, "path", NULL);
	size_t size = path ? strcspn(path, "?") : 0;

	ret->str = path;
	if (path && path[size] && size < sizeof(text->text)) {
		*(char *)mempcpy(text->text, path, size) = '\0';
		ret->str = text->text;
	}
	return path;
}

bool eo_make_url_query(const struct eo_event *event, struct eo_attribute_text *text,
		       struct eo_attribute *ret)
{
	const char *path = eo_event_text(event, "path", NULL);
	const char *query = path ? strchr(path, '?') : NULL;

	(void)text;
	ret->str = query ? query + 1 : NULL;
	/* A path that is too long to be cut keeps its query. */
	return query && (size_t)(query - path) < sizeof(text->text);
}

bool eo_make_url_full(const struct eo_event *event, struct eo_attribute_text *text,
		      struct eo_attribute *ret)
{
	const char *scheme = eo_event_text(event, "scheme", NULL);
	const char *host = eo_event_text(event, "host", NULL);
	const char *path = eo_event_text(event, "path", NULL);

	ret->str = text->text;
	return scheme && host && path &&
	       (size_t)snprintf(text->text, sizeof(text->text), "%s://%s%s", scheme, host, path) <
		       sizeof(text->text);
}

bool eo_make_thread_id(const struct eo_event *event, struct eo_attribute_text *text,
		       struct eo_attribute *ret)
{
	(void)text;
	ret->num = event->tid;
	return event->tid;
}

static bool make_thread_name(const struct eo_event *event, struct eo_attribute_text *text,
			     struct eo_attribute *ret)
{
	*(char *)mempcpy(text->text, event->thread[0] ? event->thread : event->comm,
			 EO_COMM_BYTES) = '\0';
	ret->str = text->text;
	return text->text[0];
}

const struct eo_attribute_rule eo_thread_attributes[] = {
	{ .attribute = "thread.id", .make = eo_make_thread_id },
	{ .attribute = "thread.name", .make = make_thread_name },
	{ .attribute = NULL },
};

bool eo_make_direction(const struct eo_event *event, struct eo_attribute_text *text,
		       struct eo_attribute *ret)
{
	const char *direction = eo_event_text(event, "direction", NULL);

	(void)text;
	if (!direction)
		return false;
	ret->str = strcmp(direction, "rx") ? "transmit" : "receive";
	return true;
}
