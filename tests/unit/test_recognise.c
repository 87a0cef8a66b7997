/* SPDX-License-Identifier: BSD-2-Clause */
#include <glob.h>

#include "core/auto.h"
#include "reading.h"

static const char *format_of(const void *bytes, size_t size)
{
	const struct eo_input_format *format = NULL;
	struct eo_input *input;
	struct eo_error err = { 0 };

	cr_assert_eq(eo_input_open_memory(bytes, size, &input, NULL), 0);
	if (eo_input_recognise(input, &format, &err) < 0) {
		cr_expect_eq(err.kind, EO_ERROR_EVENT_PROCESSING_FAILED);
		cr_expect_not_null(err.hint);
	}
	cr_expect_eq(eo_input_offset(input), 0, "nothing was taken");
	eo_input_free(input);
	return format ? format->name : "none";
}

#define EXPECT_FORMAT(text, name) cr_expect_str_eq(format_of(text, sizeof(text) - 1), name)

Test(recognise, text_by_its_lines)
{
	EXPECT_FORMAT("a;b 1\n", "folded");
	EXPECT_FORMAT("main 3\na;b;c d 12\n", "folded");
	EXPECT_FORMAT("# made by\n\nhello;world -5", "folded");
	EXPECT_FORMAT("java;x 5\nb\n", "none");
	EXPECT_FORMAT("a 1\nb 2\n", "none");
	EXPECT_FORMAT("swapper 0 [000] 12345.678: 250000 cpu-clock: \n\tffff x (y)\n",
		      "perf-script");
	EXPECT_FORMAT("#\n\n   my prog 12/13 1.5:  cycles:u: ffff x (y)\n", "perf-script");
	EXPECT_FORMAT("a;b 1 2.5: 7\n", "perf-script");
	EXPECT_FORMAT("hello, world\n", "none");
	EXPECT_FORMAT("", "none");
	EXPECT_FORMAT("\n\n", "none");
}

Test(recognise, json_by_its_keys)
{
	EXPECT_FORMAT("{\"resourceProfiles\":[]}", "otlp-json");
	EXPECT_FORMAT(" \n{ \"dictionary\" : {", "otlp-json");
	EXPECT_FORMAT("{\"a\\\"\":{\"x\":[1,\"]\"]},\"resourceProfiles\":", "otlp-json");
	EXPECT_FORMAT("{\"a\":{\"resourceProfiles\":1}}", "none");
	EXPECT_FORMAT("{\"a\":\"resourceProfiles\"}", "none");
	EXPECT_FORMAT("{\"resource_profiles\":[]}", "none");
	EXPECT_FORMAT("{\"resourceSpans\":[]}", "none");
	EXPECT_FORMAT("{\"event_type\":\"syscall\",\"pid\":1}\n", "jsonl");
	EXPECT_FORMAT("{\"", "none");
	EXPECT_FORMAT("{\"\\", "none");
	EXPECT_FORMAT("[{\"event_type\":1}]", "none");
}

Test(recognise, pictures_and_noise_are_nothing)
{
	EXPECT_FORMAT("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\6\0\0\0", "none");
	EXPECT_FORMAT("\x7f" "ELF\2\1\1\0\0\0\0\0\0\0\0\0\3\0", "none");
	EXPECT_FORMAT("\0\0\0\0\0\0\0\0", "none");
	EXPECT_FORMAT("\xff\xff\xff\xff\xff", "none");
}

/* Any beginning that a reader may see first. */
static void expect_prefixes(const char *bytes, size_t size, size_t from, const char *name)
{
	for (size_t cut = from; cut <= size; cut++)
		cr_expect_str_eq(format_of(bytes, cut), name, "%zu of %zu bytes", cut, size);
}

Test(recognise, pprof_however_much_of_it_is_there)
{
	glob_t files;

	cr_assert_eq(glob(EO_TESTS_DIR "/data/profiles/*.pprof", 0, NULL, &files), 0);
	cr_expect_geq(files.gl_pathc, 7);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		char *bytes = malloc(1 << 20);
		struct eo_input *input;
		ssize_t n;

		cr_assert_eq(eo_input_open(files.gl_pathv[i], &input, NULL), 0);
		n = eo_input_read(input, bytes, 1 << 20, NULL);
		cr_assert_gt(n, 0);
		eo_input_free(input);
		expect_prefixes(bytes, (size_t)n < 1000 ? (size_t)n : 1000, 12, "pprof");
		free(bytes);
	}
	globfree(&files);
}

Test(recognise, otlp_however_much_of_it_is_there)
{
	struct eo_profile *profile = rich_profile();
	size_t size;
	char *bytes = written(eo_write_otlp, profile, NULL, &size);
	char *behind_length = malloc(size + 4);

	expect_prefixes(bytes, size, 8, "otlp");
	for (size_t i = 0; i < 4; i++)
		behind_length[i] = (char)(size >> (24 - 8 * i));
	memcpy(behind_length + 4, bytes, size);
	expect_prefixes(behind_length, size + 4, 12, "otlp");
	free(behind_length);
	free(bytes);
	bytes = written(eo_write_otlp_json, profile, NULL, &size);
	cr_expect_str_eq(format_of(bytes, size), "otlp-json");
	free(bytes);
	eo_profile_free(profile);
}

Test(recognise, formats_are_found_by_name)
{
	for (const struct eo_input_format *format = eo_input_formats; format->name; format++)
		cr_expect_eq(eo_input_format_find(format->name), format);
	cr_expect_null(eo_input_format_find("pdf"));
	cr_expect_null(eo_input_format_find("jsonl")->read_profile);
	cr_expect_eq(eo_input_format_find("pprof")->read_profile, eo_read_pprof);
}
