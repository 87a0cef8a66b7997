/* SPDX-License-Identifier: BSD-2-Clause */
#include <criterion/criterion.h>

#include "net/dns.h"
#include "net/dns_stream.h"
#include "net_dns.h"

static struct eo_dns_message parsed;

static enum eo_dns_status parse(const struct message *m)
{
	return eo_dns_parse(m->bytes, m->size, m->size, &parsed);
}

static void answer_is(size_t i, uint16_t type, uint32_t ttl, const char *text)
{
	cr_assert_lt(i, parsed.answers_kept);
	cr_assert_eq(parsed.answers[i].type, type);
	cr_assert_eq(parsed.answers[i].ttl, ttl);
	cr_assert_str_eq(parsed.answers[i].text, text);
}

Test(dns, a_query_has_id_name_and_type)
{
	struct message m = {0};

	put_header(&m, 4711, 0x0100, 1, 0, 0, 0);
	put_question(&m, "www.Example.com", 28);
	cr_assert_eq(parse(&m), EO_DNS_OK);
	cr_assert_eq(parsed.id, 4711);
	cr_assert_not(parsed.response);
	cr_assert(parsed.has_question);
	cr_assert_str_eq(parsed.question, "www.Example.com");
	cr_assert_eq(parsed.qtype, 28);
	cr_assert_eq(parsed.qclass, 1);
	cr_assert_eq(parsed.answers_kept, 0);
}

Test(dns, answers_of_every_kind_become_texts)
{
	struct message m = {0};
	static const uint8_t v6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 7};
	size_t target;

	put_header(&m, 7, 0x8180, 1, 10, 0, 0);
	put_question(&m, "example.com", 255);
	put_record(&m, 5, 300, 6); /* "web" and the name of the question */
	target = m.size;
	put8(&m, 3);
	memcpy(m.bytes + m.size, "web", 3);
	m.size += 3;
	put16(&m, 0xc00c);
	put_record(&m, 1, 61, 4);
	put32(&m, 0x0a000007);
	put_record(&m, 28, 67, 16);
	memcpy(m.bytes + m.size, v6, 16);
	m.size += 16;
	put_record(&m, 15, 71, 4);
	put16(&m, 10);
	put16(&m, 0xc000 | (unsigned int)target);
	put_record(&m, 33, 73, 8);
	put16(&m, 1);
	put16(&m, 2);
	put16(&m, 5060);
	put16(&m, 0xc000 | (unsigned int)target);
	put_record(&m, 16, 79, 10);
	put8(&m, 3);
	memcpy(m.bytes + m.size, "a b", 3);
	m.size += 3;
	put8(&m, 5);
	memcpy(m.bytes + m.size, "c\\\x01.d", 5);
	m.size += 5;
	put_record(&m, 2, 83, 2);
	put16(&m, 0xc000 | (unsigned int)target);
	put_record(&m, 12, 89, 1);
	put_name(&m, "");
	put_record(&m, 6, 97, 22);
	put16(&m, 0xc00c);
	for (int i = 0; i < 20; i++)
		put8(&m, 0);
	put_record(&m, 4711, 101, 3);
	put8(&m, 1);
	put16(&m, 2);

	cr_assert_eq(parse(&m), EO_DNS_OK);
	cr_assert(parsed.response);
	cr_assert_eq(parsed.answer_count, 10);
	cr_assert_eq(parsed.answers_kept, 10);
	answer_is(0, 5, 300, "web.example.com");
	answer_is(1, 1, 61, "10.0.0.7");
	answer_is(2, 28, 67, "2001:db8::7");
	answer_is(3, 15, 71, "10 web.example.com");
	answer_is(4, 33, 73, "1 2 5060 web.example.com");
	answer_is(5, 16, 79, "a bc\\\\\\001.d");
	answer_is(6, 2, 83, "web.example.com");
	answer_is(7, 12, 89, ".");
	answer_is(8, 6, 97, "example.com");
	answer_is(9, 4711, 101, "\\# 3");
}

Test(dns, odd_bytes_of_names_are_escaped)
{
	struct message m = {0};

	put_header(&m, 1, 0, 1, 0, 0, 0);
	put8(&m, 6);
	memcpy(m.bytes + m.size, "a.\\ \x00\xff", 6);
	m.size += 6;
	put8(&m, 0);
	put16(&m, 1);
	put16(&m, 1);
	cr_assert_eq(parse(&m), EO_DNS_OK);
	cr_assert_str_eq(parsed.question, "a\\.\\\\\\032\\000\\255");
}

/* Labels of @size bytes, @count of them, and a last one of @rest. */
static enum eo_dns_status parse_labels(unsigned int count, unsigned int size, unsigned int rest)
{
	struct message m = {0};

	put_header(&m, 1, 0, 1, 0, 0, 0);
	for (unsigned int i = 0; i <= count; i++) {
		unsigned int n = i < count ? size : rest;

		if (n)
			put8(&m, n);
		memset(m.bytes + m.size, 1, n);
		m.size += n;
	}
	put8(&m, 0);
	put16(&m, 1);
	put16(&m, 1);
	return parse(&m);
}

Test(dns, names_end_at_255_bytes)
{
	cr_assert_eq(parse_labels(3, 63, 61), EO_DNS_OK);
	cr_assert_eq(strlen(parsed.question), 4 * (3 * 63 + 61) + 3);
	cr_assert_eq(parse_labels(3, 63, 62), EO_DNS_NAME);
	cr_assert_eq(parse_labels(127, 1, 0), EO_DNS_OK);
	cr_assert_eq(parse_labels(128, 1, 0), EO_DNS_NAME);
}

Test(dns, pointers_lead_back_only)
{
	static const uint16_t bad[] = {
		0xc00c, /* to itself */
		0xc00e, /* ahead */
		0xc000, /* into the header */
		0xffff,
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct message m = {0};

		put_header(&m, 1, 0, 1, 0, 0, 0);
		put16(&m, bad[i]);
		put16(&m, 1);
		put16(&m, 1);
		cr_assert_eq(parse(&m), EO_DNS_POINTER, "%x", bad[i]);
	}
}

Test(dns, pointers_may_not_be_chained_without_end)
{
	for (unsigned int hops = 32; hops <= 33; hops++) {
		struct message m = {0};
		size_t before = 12;

		/* Each record's owner is a pointer to the owner before it. */
		put_header(&m, 1, 0x8000, 1, (uint16_t)hops, 0, 0);
		put_question(&m, "", 5);
		for (unsigned int i = 0; i < hops; i++) {
			size_t owner = m.size;

			put16(&m, 0xc000 | (unsigned int)before);
			put16(&m, 1);
			put16(&m, 1);
			put32(&m, 0);
			put16(&m, 4);
			put32(&m, 0);
			before = owner;
		}
		cr_assert_eq(parse(&m), hops == 32 ? EO_DNS_OK : EO_DNS_POINTER);
	}
}

Test(dns, labels_of_unknown_types_are_refused)
{
	cr_assert_eq(parse_labels(0, 0, 0x40), EO_DNS_LABEL);
	cr_assert_eq(parse_labels(0, 0, 0x80), EO_DNS_LABEL);
}

Test(dns, edns_extends_the_code)
{
	struct message m = {0};

	put_header(&m, 1, 0x8187, 1, 0, 0, 1);
	put_question(&m, "a", 1);
	put8(&m, 0);
	put16(&m, 41);
	put16(&m, 1232);
	put32(&m, 0x01000000);
	put16(&m, 0);
	cr_assert_eq(parse(&m), EO_DNS_OK);
	cr_assert(parsed.edns);
	cr_assert_eq(parsed.rcode, 0x17);
	cr_assert_str_eq(eo_dns_rcode_name(parsed.rcode, (char[EO_DNS_WORD_BYTES]){0}),
			 "BADCOOKIE");

	m.bytes[11] = 2; /* one more of them */
	memcpy(m.bytes + m.size, m.bytes + m.size - 11, 11);
	m.size += 11;
	cr_assert_eq(parse(&m), EO_DNS_OPT);
}

Test(dns, every_cut_of_a_message_is_short_and_every_capture_limit_keeps_the_question)
{
	struct message m = {0};
	size_t question;

	put_header(&m, 1, 0x8180, 1, 3, 0, 0);
	put_question(&m, "shop.example", 1);
	question = m.size;
	for (uint32_t i = 1; i <= 3; i++) {
		put_record(&m, 1, i, 4);
		put32(&m, 0x0a000000 + i);
	}
	cr_assert_eq(parse(&m), EO_DNS_OK);
	for (size_t size = 0; size < m.size; size++) {
		enum eo_dns_status status = eo_dns_parse(m.bytes, size, m.size, &parsed);

		cr_assert_eq(eo_dns_parse(m.bytes, size, size, &(struct eo_dns_message){0}),
			     EO_DNS_SHORT);
		cr_assert_eq(status, size < question ? EO_DNS_CUT : EO_DNS_OK);
		if (status == EO_DNS_OK) {
			cr_assert(parsed.cut);
			cr_assert_str_eq(parsed.question, "shop.example");
			cr_assert_eq(parsed.answers_kept, (size - question) / 16);
		}
	}
	m.bytes[2] |= 0x02; /* with TC set, a server may cut anywhere */
	cr_assert_eq(eo_dns_parse(m.bytes, m.size - 1, m.size - 1, &parsed), EO_DNS_OK);
	cr_assert(parsed.truncated);
	cr_assert_eq(parsed.answers_kept, 2);
}

Test(dns, data_that_does_not_fit_its_type_is_refused)
{
	static const struct {
		uint16_t type, size;
	} bad[] = {{1, 3}, {1, 5}, {28, 15}, {5, 3}, {15, 1}, {15, 2}, {33, 6}, {16, 2}};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct message m = {0};

		put_header(&m, 1, 0x8000, 1, 1, 0, 0);
		put_question(&m, "a", 1);
		put_record(&m, bad[i].type, 0, bad[i].size);
		for (unsigned int n = 0; n < bad[i].size; n++)
			put8(&m, 5);
		cr_assert_eq(parse(&m), EO_DNS_RDATA, "row %zu", i);
	}
}

Test(dns, more_than_one_question_and_trailing_bytes_are_refused)
{
	struct message m = {0};

	put_header(&m, 1, 0, 1, 0, 0, 0);
	put_question(&m, "a", 1);
	put8(&m, 0);
	cr_assert_eq(parse(&m), EO_DNS_TRAILING);
	m.bytes[5] = 2;
	cr_assert_eq(parse(&m), EO_DNS_QUESTIONS);
	cr_assert_str_eq(eo_dns_status_name(EO_DNS_QUESTIONS), "questions");
	cr_assert_str_eq(eo_dns_status_name(EO_DNS_STATUS_COUNT), "unknown");
}

Test(dns, at_most_sixteen_answers_are_kept)
{
	struct message m = {0};

	put_header(&m, 1, 0x8000, 1, 17, 0, 0);
	put_question(&m, "a", 1);
	for (uint32_t i = 0; i < 17; i++) {
		put_record(&m, 1, 0, 4);
		put32(&m, i);
	}
	cr_assert_eq(parse(&m), EO_DNS_OK);
	cr_assert_eq(parsed.answer_count, 17);
	cr_assert_eq(parsed.answers_kept, 16);
	answer_is(15, 1, 0, "0.0.0.15");
}

Test(dns, texts_are_bounded)
{
	struct message m = {0};
	char wanted[EO_DNS_TEXT_MAX + 4];

	put_header(&m, 1, 0x8000, 1, 1, 0, 0);
	put_question(&m, "a", 16);
	put_record(&m, 16, 0, 201);
	put8(&m, 200);
	memset(m.bytes + m.size, 'x', 200);
	m.size += 200;
	memset(wanted, 'x', EO_DNS_TEXT_MAX);
	strcpy(wanted + EO_DNS_TEXT_MAX, "...");
	cr_assert_eq(parse(&m), EO_DNS_OK);
	answer_is(0, 16, 0, wanted);
}

Test(dns, types_and_codes_without_name_are_numbers)
{
	char room[EO_DNS_WORD_BYTES];

	cr_assert_str_eq(eo_dns_type_name(65, room), "HTTPS");
	cr_assert_str_eq(eo_dns_type_name(65535, room), "TYPE65535");
	cr_assert_str_eq(eo_dns_rcode_name(3, room), "NXDOMAIN");
	cr_assert_str_eq(eo_dns_rcode_name(4095, room), "RCODE4095");
}

struct seen {
	size_t count, captured[8], length[8];
	uint8_t first[8];
};

static void see(void *arg, const void *bytes, size_t captured, size_t length)
{
	struct seen *seen = arg;

	seen->captured[seen->count] = captured;
	seen->length[seen->count] = length;
	seen->first[seen->count++] = captured ? *(const uint8_t *)bytes : 0;
}

Test(dns_stream, messages_are_found_however_they_are_cut)
{
	static const uint8_t bytes[] = {0, 3, 'a', 'b', 'c', 0, 0, 0, 2, 'd', 'e'};

	for (size_t step = 1; step <= sizeof(bytes); step++) {
		struct eo_dns_stream stream = {0};
		struct seen seen = {0};

		for (size_t at = 0; at < sizeof(bytes); at += step) {
			size_t n = sizeof(bytes) - at < step ? sizeof(bytes) - at : step;

			eo_dns_stream_feed(&stream, bytes + at, n, n, see, &seen);
		}
		cr_assert_eq(seen.count, 3);
		cr_assert_eq(seen.length[0], 3);
		cr_assert_eq(seen.captured[0], 3);
		cr_assert_eq(seen.first[0], 'a');
		cr_assert_eq(seen.length[1], 0);
		cr_assert_eq(seen.length[2], 2);
		cr_assert_eq(seen.first[2], 'd');
		cr_assert_not(stream.lost);
	}
}

Test(dns_stream, what_was_not_captured_is_known_by_length)
{
	struct eo_dns_stream stream = {0};
	struct seen seen = {0};
	static const uint8_t head[] = {0x1f, 0x40, 'a', 'b'}; /* 8000 */

	eo_dns_stream_feed(&stream, head, 4, 5002, see, &seen);
	cr_assert_eq(seen.count, 0);
	eo_dns_stream_feed(&stream, "xyz", 3, 3000, see, &seen);
	cr_assert_eq(seen.count, 1);
	cr_assert_eq(seen.length[0], 8000);
	cr_assert_eq(seen.captured[0], 2);
	eo_dns_stream_feed(&stream, "\0\1z", 3, 3, see, &seen);
	cr_assert_eq(seen.count, 2);
	eo_dns_stream_feed(&stream, NULL, 0, 1, see, &seen);
	cr_assert(stream.lost);
	eo_dns_stream_feed(&stream, "\0\1z", 3, 3, see, &seen);
	cr_assert_eq(seen.count, 2);
}

Test(dns_stream, long_messages_are_held_as_far_as_there_is_room)
{
	struct eo_dns_stream stream = {0};
	struct seen seen = {0};
	struct message m = {0};

	put16(&m, 65535);
	m.size += 65535;
	eo_dns_stream_feed(&stream, m.bytes, m.size, m.size, see, &seen);
	cr_assert_eq(seen.count, 1);
	cr_assert_eq(seen.length[0], 65535);
	cr_assert_eq(seen.captured[0], EO_DNS_STREAM_BYTES);
}
