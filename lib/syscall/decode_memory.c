/* SPDX-License-Identifier: BSD-2-Clause */
/* Arguments that point to bytes whose number the call says: buffers, addresses, lists of texts. */
#include <arpa/inet.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "format/utf8.h"
#include "syscall/decode.h"
#include "syscall/decoding.h"
#include "syscall/layout.h"
#include "syscall/lists.h"

/* --- buffers --- */

/* @size becomes less where the end is in the middle of a character and @is_cut. */
static bool is_text(const char *bytes, size_t *size, bool is_cut)
{
	char rest[8] = "";
	size_t at = 0;

	while (at < *size) {
		size_t left = *size - at, len;

		if (bytes[at] && (unsigned char)bytes[at] < 0x80) {
			at++;
			continue;
		}
		/* Near the end there is no NUL that ends what is looked at. */
		if (left < 4) {
			memcpy(rest, bytes + at, left);
			rest[left] = '\0';
			len = eo_utf8_char(rest, NULL);
			if (!len && is_cut && bytes[at] && (bytes[at] & 0xc0) == 0xc0) {
				*size = at;
				return true;
			}
		} else {
			len = eo_utf8_char(bytes + at, NULL);
		}
		if (!len)
			return false;
		at += len;
	}
	return true;
}

static const char *hex_text(struct eo_decoding *d, const uint8_t *bytes, size_t size)
{
	size_t room = (size_t)(d->text_end - d->text);
	char *start = d->text, *to = start;

	if (size > room / 2)
		size = room / 2;
	for (size_t i = 0; i < size; i++) {
		*to++ = "0123456789abcdef"[bytes[i] >> 4];
		*to++ = "0123456789abcdef"[bytes[i] & 15];
	}
	*to = '\0';
	d->text = to < d->text_end ? to + 1 : to;
	return start;
}

void eo_put_bytes(struct eo_decoding *d, unsigned int i)
{
	const struct eo_call_arg *arg = &d->call->args[i];
	const struct eo_memory *memory = eo_memory_of(d, i);
	size_t size;

	if (!memory) {
		eo_put_pointer(d, i);
		return;
	}
	size = memory->size;
	if (d->redact)
		eo_put_string(d, arg->name, EO_REDACTED);
	else if (is_text((const char *)memory->bytes, &size, memory->flags & EO_PIECE_CUT))
		eo_put_string(d, arg->name, eo_copy_text(d, memory->bytes, size));
	else
		eo_put_string(d, eo_key(d, arg->name, "hex"), hex_text(d, memory->bytes, size));
	if (memory->flags)
		eo_put_marks(d, i, arg->name);
}

/* --- socket addresses --- */

struct sockaddr_bytes {
	const uint8_t *bytes;
	uint32_t size;
};

static bool has(const struct sockaddr_bytes *address, uint32_t from, uint32_t size)
{
	return address->size >= from + size;
}

static uint32_t u16_of(const struct sockaddr_bytes *address, uint32_t from)
{
	uint16_t value;

	memcpy(&value, address->bytes + from, sizeof(value));
	return value;
}

static uint32_t u32_of(const struct sockaddr_bytes *address, uint32_t from)
{
	uint32_t value;

	memcpy(&value, address->bytes + from, sizeof(value));
	return value;
}

/* A name in the abstract space begins with a NUL, as a rule written "@", and may have more. */
static void put_unix(struct eo_decoding *d, const struct sockaddr_bytes *address)
{
	const char *path = (const char *)address->bytes + 2;
	size_t size = address->size - 2;
	char name[sizeof(((struct sockaddr_un *)NULL)->sun_path)];

	eo_put_string(d, "family", "unix");
	if (!size)
		return; /* unnamed */
	if (size > sizeof(name))
		size = sizeof(name);
	if (*path) {
		eo_put_string(d, "path", eo_program_text(d, path, strnlen(path, size)));
		return;
	}
	for (size_t i = 0; i < size; i++)
		name[i] = path[i] ? path[i] : '@';
	eo_put_string(d, "path", eo_program_text(d, name, size));
}

static void put_inet(struct eo_decoding *d, const struct sockaddr_bytes *address)
{
	const uint8_t *bytes = address->bytes;

	eo_put_string(d, "family", "ipv4");
	if (!has(address, 4, 4))
		return;
	eo_put_string(d, "address",
		      eo_format_text(d, "%u.%u.%u.%u", bytes[4], bytes[5], bytes[6], bytes[7]));
	eo_put_uint(d, "port", ntohs((uint16_t)u16_of(address, 2)));
}

static void put_inet6(struct eo_decoding *d, const struct sockaddr_bytes *address)
{
	char text[INET6_ADDRSTRLEN] = "";

	eo_put_string(d, "family", "ipv6");
	if (!has(address, 8, 16))
		return;
	inet_ntop(AF_INET6, address->bytes + 8, text, sizeof(text));
	eo_put_string(d, "address", eo_copy_text(d, text, strlen(text)));
	eo_put_uint(d, "port", ntohs((uint16_t)u16_of(address, 2)));
	if (has(address, 24, 4) && u32_of(address, 24))
		eo_put_uint(d, "scope_id", u32_of(address, 24));
}

static void put_netlink(struct eo_decoding *d, const struct sockaddr_bytes *address)
{
	eo_put_string(d, "family", "netlink");
	if (!has(address, 4, 8))
		return;
	eo_put_uint(d, "pid", u32_of(address, 4));
	eo_put_hex(d, "groups", u32_of(address, 8));
}

static void put_packet(struct eo_decoding *d, const struct sockaddr_bytes *address)
{
	eo_put_string(d, "family", "packet");
	if (!has(address, 4, 4))
		return;
	eo_put_hex(d, "protocol", ntohs((uint16_t)u16_of(address, 2)));
	eo_put_int(d, "ifindex", (int32_t)u32_of(address, 4));
}

static void put_vsock(struct eo_decoding *d, const struct sockaddr_bytes *address)
{
	eo_put_string(d, "family", "vsock");
	if (!has(address, 4, 8))
		return;
	eo_put_uint(d, "cid", u32_of(address, 8));
	eo_put_uint(d, "port", u32_of(address, 4));
}

void eo_put_sockaddr(struct eo_decoding *d, unsigned int i)
{
	const struct eo_memory *memory = eo_memory_of(d, i);
	struct sockaddr_bytes address;
	struct eo_attr *object;

	if (!memory || memory->size < 2) {
		eo_put_pointer(d, i);
		return;
	}
	address = (struct sockaddr_bytes){ memory->bytes, memory->size };
	object = eo_open(d, d->call->args[i].name, EO_ATTR_OBJECT);
	switch (u16_of(&address, 0)) {
	case AF_UNIX:
		put_unix(d, &address);
		break;
	case AF_INET:
		put_inet(d, &address);
		break;
	case AF_INET6:
		put_inet6(d, &address);
		break;
	case AF_NETLINK:
		put_netlink(d, &address);
		break;
	case AF_PACKET:
		put_packet(d, &address);
		break;
	case AF_VSOCK:
		put_vsock(d, &address);
		break;
	default:
		eo_put_string(d, "family",
			      eo_enum_text(d, EO_LIST_ADDRESS_FAMILY, u16_of(&address, 0)));
	}
	eo_close(d, object);
	if (memory->flags)
		eo_put_marks(d, i, d->call->args[i].name);
}

/* --- lists --- */

void eo_put_iovec(struct eo_decoding *d, unsigned int i)
{
	const struct eo_memory *memory = eo_memory_of(d, i);
	const char *name = d->call->args[i].name;
	uint64_t length, bytes = 0;
	struct eo_attr *object;

	if (!memory || eo_is_narrow(d)) {
		eo_put_pointer(d, i);
		return;
	}
	for (uint32_t at = 0; memory->size - at >= EO_IOVEC_BYTES; at += EO_IOVEC_BYTES) {
		memcpy(&length, memory->bytes + at + 8, sizeof(length));
		bytes += length;
	}
	object = eo_open(d, name, EO_ATTR_OBJECT);
	eo_put_uint(d, "count", memory->total);
	eo_put_uint(d, "bytes", bytes); /* of those that are here */
	eo_close(d, object);
	if (memory->flags)
		eo_put_marks(d, i, name);
}

void eo_put_argv(struct eo_decoding *d, unsigned int i)
{
	const struct eo_memory *memory = eo_memory_of(d, i);
	const char *name = d->call->args[i].name;
	uint32_t count = 0, at = 0;
	struct eo_attr *array;

	if (!memory) {
		eo_put_pointer(d, i);
		return;
	}
	array = eo_open(d, name, EO_ATTR_ARRAY);
	while (at < memory->size && count < EO_ELEMENTS_MAX) {
		const char *text = (const char *)memory->bytes + at;
		size_t len = strnlen(text, memory->size - at);

		eo_put_string(d, "", eo_program_text(d, text, len));
		at += (uint32_t)len + 1;
		count++;
	}
	eo_close(d, array);
	if (memory->flags)
		eo_put_marks(d, i, name);
}
