/* SPDX-License-Identifier: BSD-2-Clause */
#include "export/stream.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"

static char dir[] = "/tmp/eo_stream_XXXXXX";
static char path[64];
static struct eo_error err;

static void set_up(void)
{
	cr_assert_not_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/x", dir);
	signal(SIGPIPE, SIG_IGN);
}

static void tear_down(void)
{
	unlink(path);
	rmdir(dir);
}

TestSuite(stream, .init = set_up, .fini = tear_down);

static struct eo_stream *opened(const char *name)
{
	struct eo_stream *stream = NULL;

	cr_assert_eq(eo_stream_open(name, false, &stream, &err), 0, "%s", err.text);
	return stream;
}

/* Record @number, a line of @size bytes. */
static int add(struct eo_stream *stream, unsigned int number, size_t size)
{
	char *room = eo_stream_room(stream, size + 1);

	cr_assert_not_null(room);
	snprintf(room, size + 1, "%0*u\n", (int)size - 1, number);
	room[size - 1] = '\n';
	return eo_stream_add(stream, size, 1);
}

static size_t read_all(const char *name, char *to, size_t size)
{
	FILE *in = fopen(name, "r");
	size_t got;

	cr_assert_not_null(in);
	got = fread(to, 1, size, in);
	fclose(in);
	return got;
}

/* The bytes are records @first… of @size bytes each; returns how many. */
static size_t check_records(const char *bytes, size_t count, unsigned int first, size_t size)
{
	char line[8192];

	cr_assert_eq(count % size, 0, "%zu bytes are no whole records of %zu", count, size);
	for (size_t i = 0; i < count / size; i++) {
		snprintf(line, sizeof(line), "%0*u\n", (int)size - 1, first + (unsigned int)i);
		cr_assert_arr_eq(bytes + i * size, line, size, "record %zu", i);
	}
	return count / size;
}

/* A pipe with both its ends; the stream writes into it by name. */
static int open_reader(void)
{
	int fd;

	cr_assert_eq(mkfifo(path, 0600), 0);
	fd = open(path, O_RDONLY | O_NONBLOCK);
	cr_assert_geq(fd, 0);
	return fd;
}

static size_t read_some(int fd, char *to, size_t size)
{
	size_t used = 0;
	ssize_t n;

	while (used < size && (n = read(fd, to + used, size - used)) > 0)
		used += (size_t)n;
	return used;
}

Test(stream, a_file_is_private_and_holds_every_record)
{
	static char bytes[10007 * 31 + 1];
	struct eo_stream *stream = opened(path);
	struct stat st;

	for (unsigned int i = 0; i < 10007; i++)
		cr_assert_eq(add(stream, i, 31), 0);
	cr_expect_eq(eo_stream_close(stream, &err), 0);
	cr_expect_eq(check_records(bytes, read_all(path, bytes, sizeof(bytes)), 0, 31), 10007);
	cr_expect_eq(stat(path, &st), 0);
	cr_expect_eq(st.st_mode & 0777, 0600);
	cr_expect_eq(eo_stream_fd(stream), -1);
	eo_stream_free(stream);
}

Test(stream, an_old_file_lives_until_the_first_record)
{
	struct eo_stream *stream;
	char bytes[64] = "";
	FILE *out = fopen(path, "w");

	fputs("something older and longer", out);
	fclose(out);
	stream = opened(path);
	eo_stream_free(stream);
	cr_expect_eq(read_all(path, bytes, sizeof(bytes)), 26);

	stream = opened(path);
	add(stream, 7, 5);
	cr_expect_eq(eo_stream_close(stream, &err), 0);
	eo_stream_free(stream);
	cr_expect_eq(check_records(bytes, read_all(path, bytes, sizeof(bytes)), 7, 5), 1);
}

Test(stream, a_new_file_goes_away_when_nothing_comes_of_it)
{
	eo_stream_free(opened(path));
	cr_expect_eq(access(path, F_OK), -1);
}

Test(stream, an_empty_stream_that_is_closed_is_an_empty_file)
{
	struct eo_stream *stream = opened(path);
	char bytes[8];

	cr_expect_eq(eo_stream_close(stream, &err), 0);
	eo_stream_free(stream);
	cr_expect_eq(read_all(path, bytes, sizeof(bytes)), 0);
}

Test(stream, a_reader_that_has_stopped_blocks_nobody_and_gets_whole_records, .timeout = 30)
{
	static char bytes[8 << 20];
	int reader = open_reader();
	struct eo_stream *stream = opened(path);
	uint64_t dropped;
	size_t got;

	for (unsigned int i = 0; i < 20011; i++)
		cr_assert_eq(add(stream, i, 211), 0);
	cr_expect_gt(eo_stream_waiting(stream), 1u << 20);
	cr_expect_eq(eo_stream_drain(stream, eo_clock_monotonic_ns() + EO_NS_PER_SEC / 20), 0);
	dropped = eo_stream_drop(stream);
	cr_expect_eq(eo_stream_waiting(stream), 0);
	got = check_records(bytes, read_some(reader, bytes, sizeof(bytes)), 0, 211);
	cr_expect_gt(got, 100);
	cr_expect_eq(got + dropped, 20011);
	/* Whatever comes then is whole as well. */
	cr_expect_eq(add(stream, 17, 211), 0);
	cr_expect_eq(eo_stream_pump(stream), 0);
	cr_expect_eq(check_records(bytes, read_some(reader, bytes, sizeof(bytes)), 17, 211), 1);
	eo_stream_free(stream);
	close(reader);
}

Test(stream, a_slow_reader_gets_everything_in_order, .timeout = 30)
{
	static char bytes[5003 * 211];
	int reader = open_reader();
	struct eo_stream *stream = opened(path);
	size_t got = 0;

	for (unsigned int i = 0; i < 5003; i++) {
		cr_assert_eq(add(stream, i, 211), 0);
		if (i % 7 == 0)
			got += read_some(reader, bytes + got, 997);
	}
	while (eo_stream_waiting(stream)) {
		got += read_some(reader, bytes + got, 4999);
		cr_assert_eq(eo_stream_pump(stream), 0);
	}
	got += read_some(reader, bytes + got, sizeof(bytes) - got);
	cr_expect_eq(check_records(bytes, got, 0, 211), 5003);
	eo_stream_free(stream);
	close(reader);
}

Test(stream, a_record_that_is_out_in_part_is_not_dropped, .timeout = 30)
{
	static char bytes[8 << 20];
	const size_t size = 7001; /* more than a pipe takes as a whole */
	int reader = open_reader();
	struct eo_stream *stream = opened(path);
	uint64_t dropped;
	size_t got, whole;

	for (unsigned int i = 0; i < 503; i++)
		cr_assert_eq(add(stream, i, size), 0);
	eo_stream_pump(stream);
	dropped = eo_stream_drop(stream);
	got = read_some(reader, bytes, sizeof(bytes));
	cr_expect_eq(eo_stream_pump(stream), 0);
	got += read_some(reader, bytes + got, sizeof(bytes) - got);
	whole = check_records(bytes, got, 0, size);
	cr_expect_gt(dropped, 0);
	cr_expect_eq(whole + dropped, 503);
	eo_stream_free(stream);
	close(reader);
}

Test(stream, a_reader_that_has_gone_is_epipe_without_words)
{
	int reader = open_reader();
	struct eo_stream *stream = opened(path);
	struct pollfd poll_fd = {.fd = eo_stream_fd(stream)};

	close(reader);
	/* Also when nothing is written. */
	cr_expect_eq(poll(&poll_fd, 1, 1000), 1);
	add(stream, 1, 10);
	cr_expect_eq(eo_stream_pump(stream), -EPIPE);
	cr_expect_eq(add(stream, 2, 10), -EPIPE);
	cr_expect_eq(eo_stream_close(stream, &err), -EPIPE);
	cr_expect_eq(err.kind, EO_ERROR_NONE);
	eo_stream_free(stream);
}

Test(stream, a_full_device_is_an_error_that_names_it)
{
	struct eo_stream *stream = opened("/dev/full");
	int r = 0;

	for (unsigned int i = 0; !r && i < 10000; i++)
		r = add(stream, i, 100);
	cr_expect_eq(r, -ENOSPC);
	cr_expect_eq(eo_stream_close(stream, &err), -ENOSPC);
	cr_expect_str_eq(err.text, "write /dev/full");
	cr_expect_eq(err.code, ENOSPC);
	eo_stream_free(stream);
}

Test(stream, a_file_that_cannot_grow_keeps_whole_records)
{
	static char bytes[200000];
	const struct rlimit limit = {.rlim_cur = 100003, .rlim_max = RLIM_INFINITY};
	struct eo_stream *stream = opened(path);
	size_t got;
	int r = 0;

	signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	for (unsigned int i = 0; !r && i < 10000; i++)
		r = add(stream, i, 97);
	cr_expect_eq(r, -EFBIG);
	cr_expect_eq(eo_stream_close(stream, &err), -EFBIG);
	got = read_all(path, bytes, sizeof(bytes));
	cr_expect_eq(check_records(bytes, got, 0, 97), 100003 / 97);
	eo_stream_free(stream);
}

Test(stream, others_find_our_stdout_as_it_was)
{
	int ends[2], saved = dup(STDOUT_FILENO), before;
	struct eo_stream *stream;
	char bytes[64];

	fflush(stdout);
	cr_assert_eq(pipe(ends), 0);
	cr_assert_geq(dup2(ends[1], STDOUT_FILENO), 0);
	before = fcntl(STDOUT_FILENO, F_GETFL);
	stream = opened("-");
	cr_expect(eo_stream_is_stdout(stream));
	cr_expect_str_eq(eo_stream_name(stream), "stdout");
	add(stream, 3, 11);
	cr_expect_eq(eo_stream_pump(stream), 0);
	cr_expect_eq(fcntl(STDOUT_FILENO, F_GETFL), before);
	cr_expect_eq(before & O_NONBLOCK, 0);
	eo_stream_free(stream);
	dup2(saved, STDOUT_FILENO);
	cr_expect_eq(check_records(bytes, (size_t)read(ends[0], bytes, sizeof(bytes)), 3, 11), 1);
}

Test(stream, a_socket_that_is_full_blocks_nobody, .timeout = 30)
{
	int ends[2], saved = dup(STDOUT_FILENO);
	static char bytes[4 << 20];
	struct eo_stream *stream;
	uint64_t dropped;
	size_t got;

	fflush(stdout);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	cr_assert_geq(dup2(ends[1], STDOUT_FILENO), 0);
	stream = opened("-");
	for (unsigned int i = 0; i < 10007; i++)
		cr_assert_eq(add(stream, i, 101), 0);
	eo_stream_pump(stream);
	dropped = eo_stream_drop(stream);
	dup2(saved, STDOUT_FILENO);
	cr_assert_eq(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	got = read_some(ends[0], bytes, sizeof(bytes));
	eo_stream_pump(stream); /* the rest of a record that went out in part */
	got += read_some(ends[0], bytes + got, sizeof(bytes) - got);
	cr_expect_gt(dropped, 0);
	cr_expect_eq(check_records(bytes, got, 0, 101) + dropped, 10007);
	eo_stream_free(stream);
}

Test(stream, binary_data_is_not_for_a_terminal)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY);
	struct eo_stream *stream = NULL;

	if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0)
		cr_skip_test("no pseudo-terminals here");
	cr_expect_lt(eo_stream_open(ptsname(master), true, &stream, &err), 0);
	cr_expect_eq(err.kind, EO_ERROR_CONFIG);
	cr_expect_eq(eo_stream_open(ptsname(master), false, &stream, &err), 0);
	eo_stream_free(stream);
	close(master);
}

Test(stream, what_cannot_be_opened_is_said_at_once)
{
	struct eo_stream *stream = NULL;

	cr_expect_eq(eo_stream_open("/does/not/exist/x", false, &stream, &err), -ENOENT);
	cr_expect_str_eq(err.text, "write /does/not/exist/x");
	cr_expect_not_null(err.hint);
	cr_expect_eq(eo_stream_open(dir, false, &stream, &err), -EISDIR);
}
