/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/hpack_table.h"

#include <string.h>

#include "core/auto.h"

static const struct eo_hpack_row rows[] = {
	{":authority", ""},
	{":method", "GET"},
	{":method", "POST"},
	{":path", "/"},
	{":path", "/index.html"},
	{":scheme", "http"},
	{":scheme", "https"},
	{":status", "200"},
	{":status", "204"},
	{":status", "206"},
	{":status", "304"},
	{":status", "400"},
	{":status", "404"},
	{":status", "500"},
	{"accept-charset", ""},
	{"accept-encoding", "gzip, deflate"},
	{"accept-language", ""},
	{"accept-ranges", ""},
	{"accept", ""},
	{"access-control-allow-origin", ""},
	{"age", ""},
	{"allow", ""},
	{"authorization", ""},
	{"cache-control", ""},
	{"content-disposition", ""},
	{"content-encoding", ""},
	{"content-language", ""},
	{"content-length", ""},
	{"content-location", ""},
	{"content-range", ""},
	{"content-type", ""},
	{"cookie", ""},
	{"date", ""},
	{"etag", ""},
	{"expect", ""},
	{"expires", ""},
	{"from", ""},
	{"host", ""},
	{"if-match", ""},
	{"if-modified-since", ""},
	{"if-none-match", ""},
	{"if-range", ""},
	{"if-unmodified-since", ""},
	{"last-modified", ""},
	{"link", ""},
	{"location", ""},
	{"max-forwards", ""},
	{"proxy-authenticate", ""},
	{"proxy-authorization", ""},
	{"range", ""},
	{"referer", ""},
	{"refresh", ""},
	{"retry-after", ""},
	{"server", ""},
	{"set-cookie", ""},
	{"strict-transport-security", ""},
	{"transfer-encoding", ""},
	{"user-agent", ""},
	{"vary", ""},
	{"via", ""},
	{"www-authenticate", ""},
};
_Static_assert(EO_ARRAY_SIZE(rows) == EO_HPACK_STATIC_COUNT, "the table has a row for each index");

static const struct {
	const char *name;
	enum eo_hpack_name number;
} names[] = {
	{":method", EO_HPACK_METHOD},
	{":path", EO_HPACK_PATH},
	{":authority", EO_HPACK_AUTHORITY},
	{":status", EO_HPACK_STATUS},
	{"host", EO_HPACK_HOST},
	{"traceparent", EO_HPACK_TRACEPARENT},
	{"grpc-status", EO_HPACK_GRPC_STATUS},
};

const struct eo_hpack_row *eo_hpack_static(uint32_t index)
{
	return &rows[index - 1];
}

enum eo_hpack_name eo_hpack_name_of(const char *name, size_t size)
{
	for (size_t i = 0; i < EO_ARRAY_SIZE(names); i++)
		if (strlen(names[i].name) == size && !memcmp(names[i].name, name, size))
			return names[i].number;
	return EO_HPACK_OTHER;
}
