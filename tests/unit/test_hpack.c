/* SPDX-License-Identifier: BSD-2-Clause */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/auto.h"
#include "net/hpack.h"
#include "net/huffman.h"

struct decoder {
	struct eo_budget budget;
	struct eo_hpack hpack;
	char fields[512]; /* "method=GET path=/ ?" */
};

static const char *const names[] = {
	[EO_HPACK_UNKNOWN] = "?",	  [EO_HPACK_OTHER] = "other",
	[EO_HPACK_METHOD] = "method",	  [EO_HPACK_PATH] = "path",
	[EO_HPACK_AUTHORITY] = "authority", [EO_HPACK_STATUS] = "status",
	[EO_HPACK_HOST] = "host",	  [EO_HPACK_TRACEPARENT] = "traceparent",
	[EO_HPACK_GRPC_STATUS] = "grpc-status",
};

static void take(void *arg, enum eo_hpack_name name, const char *value)
{
	struct decoder *d = arg;
	size_t used = strlen(d->fields);

	snprintf(d->fields + used, sizeof(d->fields) - used, "%s%s%s%s", used ? " " : "",
		 names[name], value ? "=" : "", value ? value : "");
}

static void begin(struct decoder *d)
{
	*d = (struct decoder){.budget = {.limit = 1 << 20}};
	d->hpack.budget = &d->budget;
}

static void end(struct decoder *d)
{
	eo_hpack_fini(&d->hpack);
	cr_assert_eq(d->budget.used, 0);
}

static size_t bytes_of(const char *hex, uint8_t *ret)
{
	size_t n = 0;
	unsigned int byte;

	for (; sscanf(hex, "%2x", &byte) == 1; hex += 2)
		ret[n++] = (uint8_t)byte;
	return n;
}

static int decode(struct decoder *d, const char *hex, bool complete)
{
	uint8_t block[256];
	size_t size = bytes_of(hex, block);
	/* At the end of an allocation, so that sanitizers see who reads on. */
	EO_AUTO_FREE uint8_t *copy = malloc(size ? size : 1);

	cr_assert(copy);
	memcpy(copy, block, size);
	d->fields[0] = '\0';
	return eo_hpack_decode(&d->hpack, copy, size, complete, take, d);
}

/* The examples of RFC 7541, appendix C. */
Test(hpack, requests_of_the_specification)
{
	static const char *const plain[] = {
		"828684410f7777772e6578616d706c652e636f6d",
		"828684be58086e6f2d6361636865",
		"828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
	};
	static const char *const huffman[] = {
		"828684418cf1e3c2e5f23a6ba0ab90f4ff",
		"828684be5886a8eb10649cbf",
		"828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
	};
	static const char *const fields[] = {
		"method=GET other path=/ authority=www.example.com",
		"method=GET other path=/ authority=www.example.com other",
		"method=GET other path=/index.html authority=www.example.com other",
	};
	static const uint32_t used[] = {57, 110, 164};

	for (int way = 0; way < 2; way++) {
		struct decoder d;

		begin(&d);
		for (int i = 0; i < 3; i++) {
			cr_assert_eq(decode(&d, way ? huffman[i] : plain[i], true), 0);
			cr_assert_str_eq(d.fields, fields[i]);
			cr_assert_eq(d.hpack.used, used[i]);
			cr_assert_eq(d.hpack.count, (uint32_t)i + 1);
		}
		end(&d);
	}
}

/* With a table of 256 bytes, so that entries go. */
Test(hpack, responses_of_the_specification)
{
	static const char *const blocks[] = {
		("3fe101" /* the size, which the specification takes for granted */
		"488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff"
		"6e919d29ad171863c78f0b97c8e9ae82ae43d3"),
		"4883640effc1c0bf",
		("88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab"
		"77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed"
		"4ee5b1063d5007"),
	};
	static const char *const fields[] = {
		"status=302 other other other",
		"status=307 other other other",
		"status=200 other other other other other",
	};
	static const uint32_t used[] = {222, 222, 215}, count[] = {4, 4, 3};
	struct decoder d;

	begin(&d);
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(decode(&d, blocks[i], true), 0);
		cr_assert_str_eq(d.fields, fields[i]);
		cr_assert_eq(d.hpack.used, used[i]);
		cr_assert_eq(d.hpack.count, count[i]);
	}
	end(&d);
}

Test(hpack, who_comes_late_knows_the_newest_entries)
{
	struct decoder d;

	begin(&d);
	eo_hpack_forget(&d.hpack);
	cr_assert_eq(decode(&d, "82be44032f6162c0", true), 0);
	cr_assert_str_eq(d.fields, "method=GET ? path=/ab ?");
	cr_assert_eq(decode(&d, "be" "bf", true), 0);
	cr_assert_str_eq(d.fields, "path=/ab ?");
	/* A new entry whose name is that of an old one. */
	cr_assert_eq(decode(&d, "7f0003616263" "be" "bf", true), 0);
	cr_assert_str_eq(d.fields, "? ? path=/ab");
	end(&d);
}

Test(hpack, without_a_loss_unknown_entries_are_errors)
{
	struct decoder d;

	begin(&d);
	cr_assert_eq(decode(&d, "82be", true), -EBADMSG);
	cr_assert_eq(decode(&d, "82be", true), 0); /* from then on they are missing */
	end(&d);
}

Test(hpack, a_block_that_is_cut_tells_what_is_there_and_ends_all_knowledge)
{
	struct decoder d;

	begin(&d);
	cr_assert_eq(decode(&d, "44032f6162", true), 0);
	cr_assert_eq(decode(&d, "82be4405", false), 0);
	cr_assert_str_eq(d.fields, "method=GET path=/ab");
	cr_assert_eq(d.hpack.count, 0);
	cr_assert_eq(decode(&d, "82be", true), 0);
	cr_assert_str_eq(d.fields, "method=GET ?");
	end(&d);
}

Test(hpack, what_is_no_block_is_refused)
{
	static const char *const bad[] = {
		"80",		      /* index 0 */
		"ff",		      /* a number without end */
		"ffffffffffff0f",     /* too large */
		"4405",		      /* a string without its bytes */
		"44",		      /* no string at all */
		"8220",		      /* a size behind a field */
		"4481ff",	      /* padding of eight bits */
		"4484ffffffff",	      /* the end symbol */
		"448100",	      /* padding of zeros */
		"008161",	      /* a name that is not in the code */
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct decoder d;

		begin(&d);
		cr_assert_eq(decode(&d, bad[i], true), -EBADMSG, "%s", bad[i]);
		end(&d);
	}
}

Test(hpack, the_table_shrinks_and_grows_on_request)
{
	struct decoder d;

	begin(&d);
	cr_assert_eq(decode(&d, "44032f6162" "44032f6163", true), 0);
	cr_assert_eq(d.hpack.count, 2);
	cr_assert_eq(decode(&d, "3f11" "be", true), 0); /* 48: room for one */
	cr_assert_eq(d.hpack.count, 1);
	cr_assert_str_eq(d.fields, "path=/ac");
	cr_assert_eq(decode(&d, "20" "3fe11f" "82", true), 0); /* none, then 4096 */
	cr_assert_eq(d.hpack.count, 0);
	cr_assert_eq(d.hpack.max, 4096);
	/* More than we keep: what is beyond is unknown, not wrong. */
	cr_assert_eq(decode(&d, "3fe1ff3f" "82", true), 0);
	cr_assert_eq(d.hpack.max, EO_HPACK_TABLE_MAX);
	cr_assert_eq(decode(&d, "c0", true), 0);
	cr_assert_str_eq(d.fields, "?");
	end(&d);
}

Test(hpack, entries_too_large_empty_the_table)
{
	struct decoder d;

	begin(&d);
	cr_assert_eq(decode(&d, "3f11" "44032f6162", true), 0);
	cr_assert_eq(d.hpack.count, 1);
	cr_assert_eq(decode(&d, "440c2f61626364656667686970" "71", true), 0);
	cr_assert_eq(d.hpack.count, 0);
	cr_assert_eq(d.hpack.used, 0);
	end(&d);
}

Test(hpack, many_entries_keep_their_numbers)
{
	struct decoder d;
	char hex[32], wanted[32];

	begin(&d);
	for (unsigned int i = 0; i < 101; i++) {
		snprintf(hex, sizeof(hex), "44042f%02x%02x%02x", '0' + i / 100, '0' + i / 10 % 10,
			 '0' + i % 10);
		cr_assert_eq(decode(&d, hex, true), 0);
	}
	cr_assert_eq(d.hpack.count, 4096 / (5 + 4 + 32));
	for (unsigned int i = 0; i < d.hpack.count; i++) {
		if (62 + i < 127)
			snprintf(hex, sizeof(hex), "%02x", 0x80 | (62 + i));
		else
			snprintf(hex, sizeof(hex), "ff%02x", 62 + i - 127);
		snprintf(wanted, sizeof(wanted), "path=/%03u", 100 - i);
		cr_assert_eq(decode(&d, hex, true), 0);
		cr_assert_str_eq(d.fields, wanted);
	}
	end(&d);
}

Test(hpack, without_memory_nothing_is_believed)
{
	struct decoder d;

	begin(&d);
	d.budget.limit = 100;
	cr_assert_eq(decode(&d, "44032f6162", true), -ENOMEM);
	cr_assert_str_eq(d.fields, "path=/ab");
	cr_assert_eq(decode(&d, "be", true), 0);
	cr_assert_str_eq(d.fields, "?");
	end(&d);
}

Test(huffman, every_byte_has_a_code_of_its_own)
{
	/* All bytes from 0 to 255 in a row, as an encoder of somebody else wrote them. */
	static const uint8_t encoded[] = {
		0xff, 0xc7, 0xff, 0xfd, 0x8f, 0xff, 0xff, 0xe2, 0xff, 0xff, 0xfe, 0x3f, 0xff,
		0xff, 0xe4, 0xff, 0xff, 0xfe, 0x5f, 0xff, 0xff, 0xe6, 0xff, 0xff, 0xfe, 0x7f,
		0xff, 0xff, 0xe8, 0xff, 0xff, 0xea, 0xff, 0xff, 0xff, 0xf3, 0xff, 0xff, 0xfa,
		0x7f, 0xff, 0xff, 0xab, 0xff, 0xff, 0xff, 0xdf, 0xff, 0xff, 0xeb, 0xff, 0xff,
		0xfe, 0xcf, 0xff, 0xff, 0xed, 0xff, 0xff, 0xfe, 0xef, 0xff, 0xff, 0xef, 0xff,
		0xff, 0xff, 0x0f, 0xff, 0xff, 0xf1, 0xff, 0xff, 0xff, 0x2f, 0xff, 0xff, 0xff,
		0xbf, 0xff, 0xff, 0xcf, 0xff, 0xff, 0xfd, 0x3f, 0xff, 0xff, 0xd7, 0xff, 0xff,
		0xfd, 0xbf, 0xff, 0xff, 0xdf, 0xff, 0xff, 0xfe, 0x3f, 0xff, 0xff, 0xe7, 0xff,
		0xff, 0xfe, 0xbf, 0xff, 0xff, 0xed, 0x4f, 0xe3, 0xf9, 0xff, 0xaf, 0xfc, 0xab,
		0xf1, 0xfe, 0xbf, 0xaf, 0xef, 0xe7, 0xfd, 0xfd, 0x2c, 0xbb, 0x00, 0x08, 0x99,
		0x69, 0xb7, 0x1d, 0x79, 0xfb, 0x9f, 0x7f, 0xff, 0x20, 0xff, 0xbf, 0xf3, 0xff,
		0x50, 0xdd, 0xbd, 0x7f, 0x06, 0x1c, 0x58, 0xf2, 0x65, 0xcd, 0x9f, 0x46, 0x9d,
		0x5a, 0xf6, 0x6d, 0xdd, 0xbf, 0x87, 0x1e, 0x5f, 0x9c, 0xff, 0x7f, 0xf7, 0xff,
		0xfc, 0x3f, 0xf9, 0xff, 0xe4, 0x5f, 0xff, 0x47, 0x19, 0x24, 0x2c, 0xb3, 0x4e,
		0x6e, 0x9d, 0x68, 0xa6, 0xa3, 0xd7, 0xda, 0xc4, 0x26, 0xde, 0xfe, 0x3c, 0xfa,
		0xf7, 0xff, 0xfb, 0xfe, 0x7f, 0xfb, 0xff, 0xdf, 0xff, 0xff, 0xfc, 0xff, 0xfe,
		0x6f, 0xff, 0xf4, 0xbf, 0xff, 0x9f, 0xff, 0xfa, 0x3f, 0xff, 0xd3, 0xff, 0xff,
		0x53, 0xff, 0xfd, 0x5f, 0xff, 0xfb, 0x3f, 0xff, 0xeb, 0x7f, 0xff, 0xda, 0xff,
		0xff, 0xb7, 0xff, 0xff, 0x73, 0xff, 0xfe, 0xef, 0xff, 0xfd, 0xef, 0xff, 0xfe,
		0xbf, 0xff, 0xfb, 0xff, 0xff, 0xfd, 0x9f, 0xff, 0xfd, 0xbf, 0xff, 0xeb, 0xff,
		0xff, 0xe0, 0xff, 0xff, 0xee, 0xff, 0xff, 0xc3, 0xff, 0xff, 0x8b, 0xff, 0xff,
		0x1f, 0xff, 0xfe, 0x4f, 0xff, 0xee, 0x7f, 0xff, 0xb1, 0xff, 0xff, 0x97, 0xff,
		0xfd, 0x9f, 0xff, 0xfc, 0xdf, 0xff, 0xf9, 0xff, 0xff, 0xfb, 0xff, 0xff, 0xda,
		0xff, 0xfe, 0xef, 0xff, 0xf4, 0xff, 0xff, 0xb7, 0xff, 0xfe, 0xe7, 0xff, 0xfe,
		0x8f, 0xff, 0xfd, 0x3f, 0xff, 0xde, 0xff, 0xff, 0xd5, 0xff, 0xfe, 0xef, 0xff,
		0xfb, 0xdf, 0xff, 0xfe, 0x1f, 0xff, 0xdf, 0xff, 0xff, 0x7f, 0xff, 0xff, 0x5f,
		0xff, 0xfe, 0xcf, 0xff, 0xf0, 0x7f, 0xff, 0x87, 0xff, 0xfe, 0x0f, 0xff, 0xf1,
		0x7f, 0xff, 0xed, 0xff, 0xff, 0x87, 0xff, 0xff, 0x77, 0xff, 0xfe, 0xff, 0xff,
		0xea, 0xff, 0xff, 0x8b, 0xff, 0xfe, 0x3f, 0xff, 0xf9, 0x3f, 0xff, 0xf8, 0x7f,
		0xff, 0xcb, 0xff, 0xff, 0x37, 0xff, 0xff, 0x1f, 0xff, 0xff, 0x83, 0xff, 0xff,
		0xe1, 0xff, 0xfe, 0xbf, 0xff, 0xe3, 0xff, 0xff, 0x3f, 0xff, 0xff, 0x2f, 0xff,
		0xfa, 0x3f, 0xff, 0xfd, 0x9f, 0xff, 0xff, 0x17, 0xff, 0xff, 0xc7, 0xff, 0xff,
		0xf2, 0x7f, 0xff, 0xfd, 0xef, 0xff, 0xff, 0xbf, 0xff, 0xff, 0xf2, 0xff, 0xff,
		0xf8, 0xff, 0xff, 0xfb, 0x7f, 0xff, 0x97, 0xff, 0xf8, 0xff, 0xff, 0xfe, 0x6f,
		0xff, 0xff, 0xc1, 0xff, 0xff, 0xf8, 0x7f, 0xff, 0xfe, 0x7f, 0xff, 0xff, 0xc5,
		0xff, 0xff, 0xe5, 0xff, 0xfe, 0x4f, 0xff, 0xf2, 0xff, 0xff, 0xfd, 0x1f, 0xff,
		0xff, 0x4f, 0xff, 0xff, 0xfe, 0xff, 0xff, 0xfe, 0x3f, 0xff, 0xff, 0xc9, 0xff,
		0xff, 0xf9, 0x7f, 0xff, 0xb3, 0xff, 0xff, 0xcf, 0xff, 0xfb, 0x7f, 0xff, 0xcd,
		0xff, 0xff, 0x4f, 0xff, 0xf9, 0xff, 0xff, 0xd1, 0xff, 0xff, 0xcf, 0xff, 0xfe,
		0xaf, 0xff, 0xfa, 0xff, 0xff, 0xfd, 0xdf, 0xff, 0xfe, 0xff, 0xff, 0xff, 0x4f,
		0xff, 0xff, 0x5f, 0xff, 0xff, 0xab, 0xff, 0xff, 0xa7, 0xff, 0xff, 0xd7, 0xff,
		0xff, 0xf9, 0xbf, 0xff, 0xfe, 0xcf, 0xff, 0xff, 0xb7, 0xff, 0xff, 0xf3, 0xff,
		0xff, 0xfe, 0x8f, 0xff, 0xff, 0xd3, 0xff, 0xff, 0xfa, 0xbf, 0xff, 0xff, 0x5f,
		0xff, 0xff, 0xff, 0x7f, 0xff, 0xfe, 0xcf, 0xff, 0xff, 0xdb, 0xff, 0xff, 0xfb,
		0xbf, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xf0, 0xff, 0xff, 0xfb, 0xbf,
	};
	char text[256];
	size_t n;

	cr_assert(eo_huffman_decode(encoded, sizeof(encoded), text, sizeof(text), &n));
	cr_assert_eq(n, 256);
	for (int i = 0; i < 256; i++)
		cr_assert_eq((uint8_t)text[i], i);
}

Test(huffman, what_does_not_fit_is_counted)
{
	static const uint8_t zeros[] = {0, 0, 0, 0, 0}; /* eight times "0" */
	char text[3] = "xxx";
	size_t n;

	cr_assert(eo_huffman_decode(zeros, sizeof(zeros), text, 2, &n));
	cr_assert_eq(n, 8);
	cr_assert_arr_eq(text, "00x", 3);
}
