/* SPDX-License-Identifier: BSD-2-Clause */
/* The message has two ends: where it was captured to, and where it ends. Running into the first one
 * is no fault of the sender's, so that what was read until there counts; running into the second
 * one is. */
#include "net/dns.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "core/auto.h"

#define HEADER_BYTES 12
#define WIRE_NAME_MAX 255
#define HOPS_MAX 32

#define FLAG_QR 0x8000
#define FLAG_TC 0x0200

enum { TYPE_A = 1, TYPE_NS = 2, TYPE_CNAME = 5, TYPE_SOA = 6, TYPE_PTR = 12, TYPE_MX = 15,
       TYPE_TXT = 16, TYPE_AAAA = 28, TYPE_SRV = 33, TYPE_DNAME = 39, TYPE_OPT = 41,
       TYPE_SVCB = 64, TYPE_HTTPS = 65 };

struct word {
	uint16_t number;
	const char *name;
};

static const struct word types[] = {
	{1, "A"},	{2, "NS"},	{5, "CNAME"},	   {6, "SOA"},	    {10, "NULL"},
	{12, "PTR"},	{13, "HINFO"},	{15, "MX"},	   {16, "TXT"},	    {17, "RP"},
	{18, "AFSDB"},	{24, "SIG"},	{25, "KEY"},	   {28, "AAAA"},    {29, "LOC"},
	{33, "SRV"},	{35, "NAPTR"},	{36, "KX"},	   {37, "CERT"},    {39, "DNAME"},
	{41, "OPT"},	{42, "APL"},	{43, "DS"},	   {44, "SSHFP"},   {45, "IPSECKEY"},
	{46, "RRSIG"},	{47, "NSEC"},	{48, "DNSKEY"},	   {49, "DHCID"},   {50, "NSEC3"},
	{51, "NSEC3PARAM"}, {52, "TLSA"}, {53, "SMIMEA"},  {55, "HIP"},	    {59, "CDS"},
	{60, "CDNSKEY"}, {61, "OPENPGPKEY"}, {62, "CSYNC"}, {63, "ZONEMD"}, {64, "SVCB"},
	{65, "HTTPS"},	{99, "SPF"},	{108, "EUI48"},	   {109, "EUI64"},  {249, "TKEY"},
	{250, "TSIG"},	{251, "IXFR"},	{252, "AXFR"},	   {255, "ANY"},    {256, "URI"},
	{257, "CAA"},
};

static const struct word rcodes[] = {
	{0, "NOERROR"},	 {1, "FORMERR"},   {2, "SERVFAIL"}, {3, "NXDOMAIN"}, {4, "NOTIMP"},
	{5, "REFUSED"},	 {6, "YXDOMAIN"},  {7, "YXRRSET"},  {8, "NXRRSET"},  {9, "NOTAUTH"},
	{10, "NOTZONE"}, {11, "DSOTYPENI"}, {16, "BADVERS"}, {17, "BADKEY"}, {18, "BADTIME"},
	{19, "BADMODE"}, {20, "BADNAME"},  {21, "BADALG"},  {22, "BADTRUNC"}, {23, "BADCOOKIE"},
};

static const char *const statuses[] = {
	[EO_DNS_OK] = "ok",
	[EO_DNS_SHORT] = "short",
	[EO_DNS_CUT] = "cut",
	[EO_DNS_QUESTIONS] = "questions",
	[EO_DNS_LABEL] = "label",
	[EO_DNS_POINTER] = "pointer",
	[EO_DNS_NAME] = "name",
	[EO_DNS_RDATA] = "rdata",
	[EO_DNS_OPT] = "opt",
	[EO_DNS_TRAILING] = "trailing",
};
_Static_assert(EO_ARRAY_SIZE(statuses) == EO_DNS_STATUS_COUNT, "each status has a name");

static const char *find_word(const struct word *words, size_t count, uint16_t number,
			     const char *otherwise, char room[EO_DNS_WORD_BYTES])
{
	for (size_t i = 0; i < count; i++)
		if (words[i].number == number)
			return words[i].name;
	snprintf(room, EO_DNS_WORD_BYTES, "%s%u", otherwise, number);
	return room;
}

const char *eo_dns_type_name(uint16_t type, char room[EO_DNS_WORD_BYTES])
{
	return find_word(types, EO_ARRAY_SIZE(types), type, "TYPE", room);
}

const char *eo_dns_rcode_name(uint16_t rcode, char room[EO_DNS_WORD_BYTES])
{
	return find_word(rcodes, EO_ARRAY_SIZE(rcodes), rcode, "RCODE", room);
}

const char *eo_dns_status_name(enum eo_dns_status status)
{
	return (unsigned int)status < EO_DNS_STATUS_COUNT ? statuses[status] : "unknown";
}

struct reader {
	const uint8_t *bytes;
	size_t captured, length;
	size_t at;
	size_t texts_used;
};

/* What to say about @count bytes from @at that are needed. */
static enum eo_dns_status within(const struct reader *in, size_t at, size_t count)
{
	if (at > in->length || count > in->length - at)
		return EO_DNS_SHORT;
	if (at > in->captured || count > in->captured - at)
		return EO_DNS_CUT;
	return EO_DNS_OK;
}

static uint16_t peek16(const struct reader *in, size_t at)
{
	return (uint16_t)(in->bytes[at] << 8 | in->bytes[at + 1]);
}

static uint32_t peek32(const struct reader *in, size_t at)
{
	return (uint32_t)peek16(in, at) << 16 | peek16(in, at + 2);
}

/* Where characters go that may be too many; what does not fit is left out whole. */
struct text {
	char *to;
	size_t room; /* with that of the end */
	bool full;
};

static void put_text(struct text *text, const char *piece, size_t size)
{
	if (size >= text->room) {
		text->full = true;
		return;
	}
	memcpy(text->to, piece, size);
	text->to += size;
	text->room -= size;
	*text->to = '\0';
}

/* @special: gets a backslash. In names, where the dot is one of these, blanks are odd as well. */
static void put_bytes(struct text *text, const uint8_t *bytes, size_t size, const char *special)
{
	char piece[8];

	for (size_t i = 0; i < size; i++) {
		int n;

		if (bytes[i] < 0x20 || bytes[i] > 0x7e || (bytes[i] == ' ' && *special == '.'))
			n = snprintf(piece, sizeof(piece), "\\%03u", bytes[i]);
		else
			n = snprintf(piece, sizeof(piece), "%s%c",
				     strchr(special, bytes[i]) ? "\\" : "", bytes[i]);
		put_text(text, piece, (size_t)n);
	}
}

/**
 * Read the name at in->at and step behind it. Every pointer must lead further back than the one
 * before it, so there is an end.
 * @text: NULL to skip it
 */
static enum eo_dns_status take_name(struct reader *in, struct text *text)
{
	size_t at = in->at, barrier = in->at, total = 1;
	unsigned int hops = 0;
	enum eo_dns_status status;
	bool first = true;

	for (;;) {
		uint8_t size;

		status = within(in, at, 1);
		if (status)
			return status;
		size = in->bytes[at];
		if (size >= 0xc0) {
			size_t target;

			status = within(in, at, 2);
			if (status)
				return status;
			target = peek16(in, at) & 0x3fff;
			if (target < HEADER_BYTES || target >= barrier || ++hops > HOPS_MAX)
				return EO_DNS_POINTER;
			if (hops == 1)
				in->at = at + 2;
			at = barrier = target;
			continue;
		}
		if (size > 63)
			return EO_DNS_LABEL;
		if (!size)
			break;
		total += size + 1u;
		if (total > WIRE_NAME_MAX)
			return EO_DNS_NAME;
		status = within(in, at + 1, size);
		if (status)
			return status;
		if (text) {
			if (!first)
				put_text(text, ".", 1);
			put_bytes(text, in->bytes + at + 1, size, ".\\");
		}
		first = false;
		at += size + 1u;
	}
	if (!hops)
		in->at = at + 1;
	if (text && first)
		put_text(text, ".", 1);
	return EO_DNS_OK;
}

static void put_number(struct text *text, unsigned int number)
{
	char piece[16];
	int n = snprintf(piece, sizeof(piece), "%u ", number);

	put_text(text, piece, (size_t)n);
}

/* @numbers of 16 bits, then a name. */
static enum eo_dns_status take_numbers_and_name(struct reader *in, struct text *text,
						unsigned int numbers, size_t end)
{
	if (in->at + 2 * numbers > end)
		return EO_DNS_RDATA;
	for (; numbers; numbers--, in->at += 2)
		put_number(text, peek16(in, in->at));
	return take_name(in, text);
}

static enum eo_dns_status take_text(struct reader *in, struct text *text, size_t end)
{
	size_t shown = 0;

	/* The strings of a record are one text, as SPF and DKIM have it. */
	while (in->at < end) {
		size_t size = in->bytes[in->at++], show;

		if (size > end - in->at)
			return EO_DNS_RDATA;
		show = size < EO_DNS_TEXT_MAX - shown ? size : EO_DNS_TEXT_MAX - shown;
		put_bytes(text, in->bytes + in->at, show, "\\");
		if (show < size) {
			put_text(text, "...", 3);
			in->at = end;
			break;
		}
		shown += show;
		in->at += size;
	}
	return EO_DNS_OK;
}

static enum eo_dns_status take_address(struct reader *in, struct text *text, int family, size_t end)
{
	char address[INET6_ADDRSTRLEN];
	size_t size = family == AF_INET ? 4 : 16;

	if (end - in->at != size)
		return EO_DNS_RDATA;
	inet_ntop(family, in->bytes + in->at, address, sizeof(address));
	put_text(text, address, strlen(address));
	in->at = end;
	return EO_DNS_OK;
}

/* What stands in a record, as dig +short writes it. All of it is captured. */
static enum eo_dns_status take_rdata(struct reader *in, uint16_t type, size_t size,
				     struct text *text)
{
	size_t end = in->at + size;
	enum eo_dns_status status;
	char piece[24];

	switch (type) {
	case TYPE_A:
		status = take_address(in, text, AF_INET, end);
		break;
	case TYPE_AAAA:
		status = take_address(in, text, AF_INET6, end);
		break;
	case TYPE_NS:
	case TYPE_CNAME:
	case TYPE_PTR:
	case TYPE_DNAME:
		status = take_name(in, text);
		break;
	case TYPE_MX:
		status = take_numbers_and_name(in, text, 1, end);
		break;
	case TYPE_SRV:
		status = take_numbers_and_name(in, text, 3, end);
		break;
	case TYPE_TXT:
		status = take_text(in, text, end);
		break;
	case TYPE_SOA: /* the primary server says most */
		status = take_name(in, text);
		if (!status && in->at < end)
			in->at = end;
		break;
	case TYPE_SVCB:
	case TYPE_HTTPS: /* priority and name; the parameters are left out */
		status = take_numbers_and_name(in, text, 1, end);
		if (!status && in->at < end)
			in->at = end;
		break;
	default: /* as RFC 3597 begins it */
		put_text(text, piece, (size_t)snprintf(piece, sizeof(piece), "\\# %zu", size));
		in->at = end;
		return EO_DNS_OK;
	}
	if (status)
		return status == EO_DNS_SHORT ? EO_DNS_RDATA : status;
	return in->at == end ? EO_DNS_OK : EO_DNS_RDATA;
}

static void keep_answer(struct eo_dns_message *message, struct reader *in, const struct text *text,
			uint16_t type, uint32_t ttl)
{
	char *start = message->texts + in->texts_used;

	message->answers[message->answers_kept++] = (struct eo_dns_answer){type, ttl, start};
	in->texts_used += (size_t)(text->to - start) + 1;
}

/* @is_answer: of the answer section, to be shown */
static enum eo_dns_status take_record(struct reader *in, struct eo_dns_message *message,
				      bool is_answer, bool is_additional)
{
	struct text text = {
		.to = message->texts + in->texts_used,
		.room = sizeof(message->texts) - in->texts_used,
	};
	size_t owner = in->at, size;
	enum eo_dns_status status;
	uint16_t type;
	uint32_t ttl;

	status = take_name(in, NULL);
	if (!status)
		status = within(in, in->at, 10);
	if (status)
		return status;
	type = peek16(in, in->at);
	ttl = peek32(in, in->at + 4);
	size = peek16(in, in->at + 8);
	in->at += 10;

	if (type == TYPE_OPT) {
		if (!is_additional || message->edns || in->bytes[owner] != 0)
			return EO_DNS_OPT;
		message->edns = true;
		message->rcode |= (uint16_t)((ttl >> 24) << 4);
	}
	status = within(in, in->at, size);
	if (status)
		return status;
	if (!is_answer || message->answers_kept == EO_DNS_ANSWERS_MAX || !text.room) {
		in->at += size;
		return EO_DNS_OK;
	}
	*text.to = '\0';
	status = take_rdata(in, type, size, &text);
	if (!status && !text.full)
		keep_answer(message, in, &text, type, ttl);
	return status;
}

static enum eo_dns_status take_question(struct reader *in, struct eo_dns_message *message)
{
	struct text text = {message->question, sizeof(message->question), false};
	enum eo_dns_status status = take_name(in, &text);

	if (!status)
		status = within(in, in->at, 4);
	if (status)
		return status;
	message->qtype = peek16(in, in->at);
	message->qclass = peek16(in, in->at + 2);
	message->has_question = true;
	in->at += 4;
	return EO_DNS_OK;
}

enum eo_dns_status eo_dns_parse(const void *bytes, size_t captured, size_t length,
				struct eo_dns_message *ret)
{
	struct reader in = {
		.bytes = bytes,
		.captured = captured < length ? captured : length,
		.length = length,
		.at = HEADER_BYTES,
	};
	uint32_t counts[3];
	uint16_t flags, questions;
	enum eo_dns_status status;

	/* The texts are large, and written before they are read. */
	memset(ret, 0, offsetof(struct eo_dns_message, texts));
	status = within(&in, 0, HEADER_BYTES);
	if (status)
		return status;
	flags = peek16(&in, 2);
	questions = peek16(&in, 4);
	for (size_t i = 0; i < EO_ARRAY_SIZE(counts); i++)
		counts[i] = peek16(&in, 6 + 2 * i);
	ret->id = peek16(&in, 0);
	ret->response = flags & FLAG_QR;
	ret->truncated = flags & FLAG_TC;
	ret->opcode = flags >> 11 & 0xf;
	ret->rcode = flags & 0xf;
	ret->answer_count = (uint16_t)counts[0];

	if (questions > 1)
		return EO_DNS_QUESTIONS;
	if (questions) {
		status = take_question(&in, ret);
		if (status)
			return status;
	}
	for (size_t section = 0; section < EO_ARRAY_SIZE(counts); section++) {
		for (uint32_t i = 0; i < counts[section]; i++) {
			status = take_record(&in, ret, section == 0, section == 2);
			/* Some servers cut where the datagram ends, and say so. */
			if (status == EO_DNS_CUT || (status == EO_DNS_SHORT && ret->truncated)) {
				ret->cut = status == EO_DNS_CUT;
				return EO_DNS_OK;
			}
			if (status)
				return status;
		}
	}
	return in.at == length ? EO_DNS_OK : EO_DNS_TRAILING;
}
