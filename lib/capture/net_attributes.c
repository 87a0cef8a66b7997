// SPDX-License-Identifier: BSD-2-Clause
#include "capture/net_attributes.h"

#include <arpa/inet.h>
#include <string.h>

#include "core/auto.h"

static struct eo_attr *add(struct eo_net_attributes *attrs, const char *key,
			   enum eo_attr_type type)
{
	static const struct eo_attr empty = {.type = EO_ATTR_UINT};
	struct eo_attr *attr = &attrs->attrs[EO_NET_ATTRIBUTES_MAX - 1];

	if (attrs->count < EO_NET_ATTRIBUTES_MAX - 1)
		attr = &attrs->attrs[attrs->count++];
	*attr = empty;
	attr->key = key;
	attr->type = type;
	return attr;
}

void eo_net_attributes_uint(struct eo_net_attributes *attrs, const char *key, uint64_t value)
{
	add(attrs, key, EO_ATTR_UINT)->unum = value;
}

void eo_net_attributes_hex(struct eo_net_attributes *attrs, const char *key, uint64_t value)
{
	add(attrs, key, EO_ATTR_HEX)->unum = value;
}

void eo_net_attributes_true(struct eo_net_attributes *attrs, const char *key)
{
	add(attrs, key, EO_ATTR_BOOL)->num = 1;
}

void eo_net_attributes_string(struct eo_net_attributes *attrs, const char *key, const char *value)
{
	if (value)
		add(attrs, key, EO_ATTR_STRING)->str = value;
}

void eo_net_attributes_element(struct eo_net_attributes *attrs, const char *key, const char *value)
{
	struct eo_attr *array = &attrs->attrs[attrs->array];

	/* The first attribute of an event is never an array. */
	if (!attrs->array || strcmp(array->key, key)) {
		attrs->array = attrs->count;
		array = add(attrs, key, EO_ATTR_ARRAY);
	}
	eo_net_attributes_string(attrs, "", value);
	array->count = (uint32_t)(&attrs->attrs[attrs->count] - array - 1);
}

void eo_net_attributes_error(struct eo_net_attributes *attrs, int error)
{
	const char *name = error ? strerrorname_np(error) : NULL;

	eo_net_attributes_string(attrs, "error", error && !name ? "EUNKNOWN" : name);
}

/* inet_ntop() goes through printf(), which is a tenth of what an event costs. */
static void put_ipv4(const uint8_t address[4], char *text)
{
	for (int i = 0; i < 4; i++) {
		uint8_t byte = address[i];

		if (i)
			*text++ = '.';
		if (byte >= 100)
			*text++ = (char)('0' + byte / 100);
		if (byte >= 10)
			*text++ = (char)('0' + byte / 10 % 10);
		*text++ = (char)('0' + byte % 10);
	}
	*text = '\0';
}

static bool put_address(const struct eo_net_end *end, char text[INET6_ADDRSTRLEN])
{
	if (end->family != AF_INET)
		return end->family && inet_ntop(end->family, end->address, text, INET6_ADDRSTRLEN);
	put_ipv4(end->address, text);
	return true;
}

void eo_net_attributes_end(struct eo_net_attributes *attrs, const char *key,
			   const struct eo_net_end *end)
{
	char *text = attrs->addresses[attrs->address_count];
	struct eo_attr *object;

	if (attrs->address_count == EO_NET_ADDRESSES_MAX || !put_address(end, text))
		return;
	attrs->address_count++;
	object = add(attrs, key, EO_ATTR_OBJECT);
	eo_net_attributes_string(attrs, "address", text);
	if (end->port)
		eo_net_attributes_uint(attrs, "port", end->port);
	object->count = (uint32_t)(&attrs->attrs[attrs->count] - object - 1);
}

/* A socket that nobody has given an address yet. */
static bool is_unbound(const struct eo_net_end *end)
{
	static const struct eo_net_end none;

	return !end->port && !memcmp(end->address, none.address, sizeof(none.address));
}

void eo_net_attributes_ends(struct eo_net_attributes *attrs, const struct eo_net_ends *ends)
{
	if (!is_unbound(&ends->local))
		eo_net_attributes_end(attrs, "local", &ends->local);
	if (!is_unbound(&ends->peer))
		eo_net_attributes_end(attrs, "peer", &ends->peer);
}

const char *eo_net_role_name(enum eo_net_role role)
{
	static const char *const names[] = {
		[EO_ROLE_UNKNOWN] = NULL, [EO_ROLE_CLIENT] = "client", [EO_ROLE_SERVER] = "server"};

	return (size_t)role < EO_ARRAY_SIZE(names) ? names[role] : NULL;
}

const char *eo_net_family_name(const struct eo_net_ends *ends)
{
	uint16_t family = ends->peer.family ? ends->peer.family : ends->local.family;

	return family == AF_INET ? "ipv4" : family == AF_INET6 ? "ipv6" : NULL;
}
