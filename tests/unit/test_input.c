/* SPDX-License-Identifier: BSD-2-Clause */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "format/gzip.h"
#include "format/input.h"

/* @bytes as one gzip member, malloc()ed. */
static char *packed(const void *bytes, size_t size, size_t *ret_size)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, ret_size);
	struct eo_gzip *gzip = eo_gzip_new(out);

	cr_assert_eq(eo_gzip_write(gzip, bytes, size), 0);
	cr_assert_eq(eo_gzip_finish(gzip), 0);
	eo_gzip_free(gzip);
	fclose(out);
	return text;
}

static struct eo_input *memory(const void *bytes, size_t size)
{
	struct eo_input *input = NULL;

	cr_assert_eq(eo_input_open_memory(bytes, size, &input, NULL), 0);
	return input;
}

/* A file that is gone after the test. */
static const char *file_of(char *path, const void *bytes, size_t size)
{
	int fd = mkstemp(strcpy(path, "/tmp/test_input.XXXXXX"));

	cr_assert(fd >= 0);
	cr_assert_eq(write(fd, bytes, size), (ssize_t)size);
	close(fd);
	return path;
}

/* All of it, in reads of @step; the error's text is expected in @error, NULL for none. */
static void expect_content(struct eo_input *input, const char *expected, size_t size, size_t step,
			   const char *error)
{
	char *got = malloc(size + step);
	struct eo_error err = { 0 };
	size_t have = 0;
	ssize_t n;

	while ((n = eo_input_read(input, got + have, step, &err)) > 0) {
		have += (size_t)n;
		cr_assert_leq(have, size);
	}
	if (error) {
		cr_expect_lt(n, 0);
		cr_expect_eq(err.kind, EO_ERROR_EVENT_PROCESSING_FAILED);
		cr_expect(strstr(err.text, error), "%s", err.text);
		cr_expect_lt(eo_input_read(input, got, 1, &err), 0, "errors stay");
	} else {
		cr_expect_eq(n, 0, "%s", err.text);
		cr_expect_eq(have, size);
		cr_expect_eq(eo_input_offset(input), size);
	}
	cr_expect_arr_eq(got, expected, have);
	free(got);
}

static char *noise(size_t size)
{
	char *bytes = malloc(size);
	unsigned int state = 1;

	for (size_t i = 0; i < size; i++)
		bytes[i] = (char)((state = state * 1103515245 + 12345) >> 16);
	return bytes;
}

Test(input, plain_bytes_come_as_they_are)
{
	struct eo_input *input = memory("hello", 5);

	cr_expect_str_eq(eo_input_name(input), "memory");
	expect_content(input, "hello", 5, 2, NULL);
	eo_input_free(input);
}

Test(input, gzip_is_unpacked)
{
	size_t size;
	char *bytes = noise(300000), *gzip = packed(bytes, 300000, &size);

	for (size_t step = 1000; step < 1000000; step *= 30) {
		struct eo_input *input = memory(gzip, size);

		expect_content(input, bytes, 300000, step, NULL);
		eo_input_free(input);
	}
	free(gzip);
	free(bytes);
}

Test(input, members_are_joined)
{
	char path[32], both[4096];
	size_t one_size, other_size;
	char *one = packed("ab", 2, &one_size), *other = packed("cde", 3, &other_size);
	struct eo_input *input;

	memcpy(both, one, one_size);
	memcpy(both + one_size, other, other_size);
	input = memory(both, one_size + other_size);
	expect_content(input, "abcde", 5, 100, NULL);
	eo_input_free(input);

	cr_assert_eq(eo_input_open(file_of(path, both, one_size + other_size), &input, NULL), 0);
	expect_content(input, "abcde", 5, 1, NULL);
	eo_input_free(input);
	unlink(path);

	memcpy(both + one_size, "junk", 4);
	input = memory(both, one_size + 4);
	expect_content(input, "ab", 2, 100, "no gzip follows");
	eo_input_free(input);
	free(one);
	free(other);
}

Test(input, gzip_cut_anywhere_is_an_error_that_names_the_offset)
{
	size_t size;
	char *bytes = noise(100), *gzip = packed(bytes, 100, &size);

	for (size_t cut = 2; cut < size; cut++) {
		struct eo_input *input = memory(gzip, cut);
		char where[80];

		snprintf(where, sizeof(where), "at byte %zu of the file: the gzip data are cut off",
			 cut);
		expect_content(input, bytes, 100, 1000, where);
		eo_input_free(input);
	}
	free(gzip);
	free(bytes);
}

Test(input, damaged_gzip_is_an_error)
{
	size_t size;
	char *bytes = noise(1000), *gzip = packed(bytes, 1000, &size);
	struct eo_input *input;
	char got[2000];
	ssize_t n;

	gzip[size - 6] ^= 1; /* of the check sum */
	input = memory(gzip, size);
	while ((n = eo_input_read(input, got, sizeof(got), NULL)) > 0)
		;
	cr_expect_lt(n, 0);
	eo_input_free(input);
	free(gzip);
	free(bytes);
}

Test(input, peeking_takes_nothing)
{
	char *bytes = noise(200000);
	struct eo_input *input = memory(bytes, 200000);
	const unsigned char *seen;

	cr_assert_eq(eo_input_peek(input, &seen, NULL), EO_INPUT_PEEK_MAX);
	cr_expect_arr_eq(seen, bytes, EO_INPUT_PEEK_MAX);
	cr_assert_eq(eo_input_peek(input, &seen, NULL), EO_INPUT_PEEK_MAX);
	cr_expect_eq(eo_input_offset(input), 0);
	expect_content(input, bytes, 200000, 70000, NULL);
	cr_expect_eq(eo_input_peek(input, &seen, NULL), 0);
	eo_input_free(input);

	input = memory("xy", 2);
	cr_expect_eq(eo_input_peek(input, &seen, NULL), 2);
	eo_input_free(input);
	input = memory(NULL, 0);
	cr_expect_eq(eo_input_peek(input, &seen, NULL), 0);
	eo_input_free(input);
	free(bytes);
}

static void expect_line(struct eo_input *input, const char *expected, uint64_t number)
{
	char *line;
	struct eo_error err = { 0 };
	ssize_t len = eo_input_line(input, 1000, &line, &err);

	cr_assert_eq(len, (ssize_t)strlen(expected), "%zd %s", len, err.text);
	cr_expect_str_eq(line, expected);
	cr_expect_eq(eo_input_line_number(input), number);
}

Test(input, lines_come_one_by_one)
{
	struct eo_input *input = memory("one\n\ntwo\r\nlast", 14);
	const unsigned char *seen;
	char *line;

	cr_assert_eq(eo_input_peek(input, &seen, NULL), 14);
	expect_line(input, "one", 1);
	expect_line(input, "", 2);
	cr_expect_eq(eo_input_offset(input), 5);
	expect_line(input, "two\r", 3);
	expect_line(input, "last", 4);
	cr_expect_eq(eo_input_line(input, 1000, &line, NULL), -ENODATA);
	eo_input_free(input);
}

Test(input, lines_span_buffers)
{
	enum { LINES = 5000 };
	char *text = NULL, expected[100];
	size_t size;
	FILE *out = open_memstream(&text, &size);
	struct eo_input *input;

	for (int i = 0; i < LINES; i++)
		fprintf(out, "%0*d\n", i % 90 + 1, i);
	fclose(out);
	input = memory(text, size);
	for (int i = 0; i < LINES; i++) {
		snprintf(expected, sizeof(expected), "%0*d", i % 90 + 1, i);
		expect_line(input, expected, (uint64_t)i + 1);
	}
	cr_expect_eq(eo_input_offset(input), size);
	eo_input_free(input);
	free(text);
}

Test(input, long_lines_and_nuls_are_errors)
{
	struct eo_error err = { 0 };
	struct eo_input *input = memory("ok\n12345678901\n", 15);
	char *line;

	cr_expect_eq(eo_input_line(input, 10, &line, &err), 2);
	cr_expect_eq(eo_input_line(input, 10, &line, &err), -E2BIG);
	cr_expect_str_eq(err.text, "read memory: line 2 is too long");
	eo_input_free(input);

	input = memory("1234567890\n", 11);
	cr_expect_eq(eo_input_line(input, 10, &line, &err), 10, "just fits");
	eo_input_free(input);

	input = memory("a\0b\n", 4);
	cr_expect_lt(eo_input_line(input, 10, &line, &err), 0);
	cr_expect_str_eq(err.text, "read memory: line 1 contains a NUL byte");
	eo_input_free(input);
}

Test(input, what_cannot_be_opened_says_why)
{
	struct eo_error err = { 0 };
	struct eo_input *input = NULL;

	cr_expect_eq(eo_input_open("/tmp", &input, &err), -EISDIR);
	cr_expect_str_eq(err.text, "open /tmp");
	cr_expect_eq(err.code, EISDIR);
	cr_expect_eq(err.kind, EO_ERROR_EVENT_PROCESSING_FAILED);
	cr_expect_eq(eo_input_open("/nonexistent/x", &input, &err), -ENOENT);
	cr_expect_eq(err.kind, EO_ERROR_EVENT_PROCESSING_FAILED);
	cr_expect_null(input);
	eo_input_free(NULL);
}

Test(input, standard_input_is_a_dash)
{
	struct eo_input *input;
	int ends[2];

	cr_assert_eq(pipe(ends), 0);
	cr_assert_eq(write(ends[1], "piped", 5), 5);
	close(ends[1]);
	dup2(ends[0], STDIN_FILENO);
	close(ends[0]);
	cr_assert_eq(eo_input_open("-", &input, NULL), 0);
	cr_expect_str_eq(eo_input_name(input), "standard input");
	expect_content(input, "piped", 5, 100, NULL);
	eo_input_free(input);
	cr_expect_geq(fcntl(STDIN_FILENO, F_GETFD), 0, "it stays open");
}

Test(input, more_than_four_gib_are_refused)
{
	enum { PART = 64 << 20 };
	static char part[1 << 20];
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	struct eo_gzip *gzip = eo_gzip_new(out);
	struct eo_error err = { 0 };
	struct eo_input *input;
	char *member;
	size_t member_size, have = 0;
	char *bomb;
	ssize_t n;

	/* 65 members of 64 MiB are small enough to build, and one too many. */
	for (size_t i = 0; i < PART / sizeof(part); i++)
		cr_assert_eq(eo_gzip_write(gzip, part, sizeof(part)), 0);
	cr_assert_eq(eo_gzip_finish(gzip), 0);
	eo_gzip_free(gzip);
	fclose(out);
	member = text;
	member_size = size;
	bomb = malloc(member_size * 65);
	for (size_t i = 0; i < 65; i++)
		memcpy(bomb + i * member_size, member, member_size);
	input = memory(bomb, member_size * 65);
	while ((n = eo_input_read(input, part, sizeof(part), &err)) > 0)
		have += (size_t)n;
	cr_expect_lt(n, 0);
	cr_expect_leq(have, 4ull << 30);
	cr_expect_str_eq(err.text, "read memory: more than 4 GiB of unpacked data");
	eo_input_free(input);
	free(bomb);
	free(text);
}

Test(input, reading_is_stopped_while_nothing_comes, .timeout = 20)
{
	struct eo_input *input = NULL;
	struct eo_error err = {0};
	int data[2], stop[2];
	char path[32], *line;

	cr_assert_eq(pipe(data), 0);
	cr_assert_eq(pipe(stop), 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", data[0]);
	cr_assert_eq(eo_input_open(path, &input, &err), 0);
	eo_input_stop_by(input, stop[0]);
	cr_assert_eq(write(data[1], "one\ntw", 6), 6);
	cr_assert_eq(eo_input_line(input, 100, &line, &err), 3);
	cr_expect_str_eq(line, "one");
	cr_assert_eq(write(stop[1], "x", 1), 1);
	cr_expect_eq(eo_input_line(input, 100, &line, &err), -EINTR);
	eo_input_free(input);
	for (int i = 0; i < 2; i++) {
		close(data[i]);
		close(stop[i]);
	}
}
