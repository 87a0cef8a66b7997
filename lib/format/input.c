/* SPDX-License-Identifier: BSD-2-Clause */
/* Two buffers: packed bytes as the file has them, and unpacked bytes that were peeked at or that
 * hold the line being read. Large reads go past the second one. */
#include "format/input.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define PACKED_BYTES 65536u
/* Nobody has so large a profile; a small gzip file that claims to is a bomb. */
#define UNPACKED_MAX (4ull << 30)

struct eo_input {
	char *name;
	int fd; /* -1: bytes in memory, all of them in packed */
	bool is_stdin;
	int stop_fd; /* -1: none */

	const unsigned char *packed; /* not yet unpacked */
	size_t packed_size;
	unsigned char *packed_buffer; /* where they are when they come from @fd */
	uint64_t packed_taken;	      /* offset in the file of packed[0] */
	bool packed_end;	      /* behind them there is nothing */

	bool begun, is_gzip, in_member;
	z_stream stream;
	uint64_t unpacked; /* bytes in all */
	bool end;

	unsigned char *buffer; /* unpacked: begin..begin + filled */
	size_t begin, filled, room;
	uint64_t taken, line_number;

	int status; /* of the first failure, which is told again and again */
	struct eo_error failure;
};

/* @what may be NULL when the reason is @code. */
static int fail(struct eo_input *input, int code, const char *what)
{
	input->status = eo_error_set(&input->failure, EO_ERROR_EVENT_PROCESSING_FAILED, code, NULL,
				     "read %s%s%s", input->name, what ? ": " : "",
				     what ? what : "");
	return input->status;
}

static int fail_at(struct eo_input *input, const char *what)
{
	char text[128];

	snprintf(text, sizeof(text), "at byte %" PRIu64 " of the file: %s", input->packed_taken,
		 what);
	return fail(input, 0, text);
}

static int failed(const struct eo_input *input, struct eo_error *err)
{
	if (err)
		*err = input->failure;
	return input->status;
}

static struct eo_input *new_input(const char *name)
{
	EO_AUTO(eo_input) input = calloc(1, sizeof(*input));

	if (!input)
		return NULL;
	input->fd = -1;
	input->stop_fd = -1;
	input->name = strdup(name);
	return input->name ? eo_steal(&input) : NULL;
}

static int open_failed(const char *path, int code, struct eo_error *err)
{
	return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, code, NULL, "open %s", path);
}

int eo_input_open(const char *path, struct eo_input **ret, struct eo_error *err)
{
	bool is_stdin = !strcmp(path, "-");
	EO_AUTO(eo_input) input = new_input(is_stdin ? "standard input" : path);
	struct stat st;

	if (!input)
		return open_failed(path, ENOMEM, err);
	input->packed_buffer = malloc(PACKED_BYTES);
	if (!input->packed_buffer)
		return open_failed(path, ENOMEM, err);
	input->packed = input->packed_buffer;
	input->is_stdin = is_stdin;
	input->fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (input->fd < 0 || fstat(input->fd, &st) < 0)
		return open_failed(input->name, errno, err);
	if (S_ISDIR(st.st_mode))
		return open_failed(input->name, EISDIR, err);
	*ret = eo_steal(&input);
	return 0;
}

int eo_input_open_memory(const void *bytes, size_t size, struct eo_input **ret,
			 struct eo_error *err)
{
	struct eo_input *input = new_input("memory");

	if (!input)
		return open_failed("memory", ENOMEM, err);
	input->packed = bytes;
	input->packed_size = size;
	input->packed_end = true;
	*ret = input;
	return 0;
}

void eo_input_free(struct eo_input *input)
{
	if (!input)
		return;
	if (input->fd >= 0 && !input->is_stdin)
		close(input->fd);
	if (input->is_gzip)
		inflateEnd(&input->stream);
	free(input->packed_buffer);
	free(input->buffer);
	free(input->name);
	free(input);
}

const char *eo_input_name(const struct eo_input *input)
{
	return input->name;
}

uint64_t eo_input_offset(const struct eo_input *input)
{
	return input->taken;
}

uint64_t eo_input_line_number(const struct eo_input *input)
{
	return input->line_number;
}

void eo_input_stop_by(struct eo_input *input, int fd)
{
	input->stop_fd = fd;
}

/* Wait for either. */
static bool is_stopped(const struct eo_input *input)
{
	struct pollfd fds[] = {{.fd = input->stop_fd, .events = POLLIN},
			       {.fd = input->fd, .events = POLLIN}};

	while (poll(fds, EO_ARRAY_SIZE(fds), -1) < 0 && errno == EINTR)
		;
	return fds[0].revents;
}

static ssize_t read_fd(struct eo_input *input, void *to, size_t size)
{
	ssize_t n;

	if (input->stop_fd >= 0 && is_stopped(input))
		return fail(input, EINTR, NULL);
	do
		n = read(input->fd, to, size < SSIZE_MAX ? size : SSIZE_MAX);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return fail(input, errno, NULL);
	if (n == 0)
		input->packed_end = true;
	return n;
}

/* Have at least @size packed bytes, a few, unless the file ends before. */
static int fill_packed(struct eo_input *input, size_t size)
{
	while (input->packed_size < size && !input->packed_end) {
		ssize_t n;

		memmove(input->packed_buffer, input->packed, input->packed_size);
		input->packed = input->packed_buffer;
		n = read_fd(input, input->packed_buffer + input->packed_size,
			    PACKED_BYTES - input->packed_size);
		if (n < 0)
			return (int)n;
		input->packed_size += (size_t)n;
	}
	return 0;
}

static void take_packed(struct eo_input *input, size_t size)
{
	input->packed += size;
	input->packed_size -= size;
	input->packed_taken += size;
}

static bool at_gzip(const struct eo_input *input)
{
	return input->packed_size >= 2 && input->packed[0] == 0x1f && input->packed[1] == 0x8b;
}

static int begin(struct eo_input *input)
{
	int r = fill_packed(input, 2);

	input->begun = true;
	if (r < 0 || !at_gzip(input))
		return r;
	/* Window bits above 15 ask for a gzip header. */
	if (inflateInit2(&input->stream, MAX_WBITS + 16) != Z_OK)
		return fail(input, ENOMEM, NULL);
	input->is_gzip = true;
	input->in_member = true;
	return 0;
}

/* Behind a member stands another one or the end. */
static int next_member(struct eo_input *input)
{
	int r = fill_packed(input, 2);

	if (r < 0)
		return r;
	if (!input->packed_size) {
		input->end = true;
		return 0;
	}
	if (!at_gzip(input))
		return fail_at(input, "something that is no gzip follows the gzip data");
	inflateReset(&input->stream);
	input->in_member = true;
	return 0;
}

static ssize_t unpack(struct eo_input *input, void *to, size_t size)
{
	z_stream *stream = &input->stream;

	if (size > INT_MAX)
		size = INT_MAX; /* zlib counts in unsigned int */
	while (!input->end) {
		size_t given, got;
		int r = input->in_member ? fill_packed(input, 1) : next_member(input);

		if (r < 0)
			return r;
		if (input->end)
			break;
		given = input->packed_size < INT_MAX ? input->packed_size : INT_MAX;
		stream->next_in = (unsigned char *)input->packed; /* zlib only reads it */
		stream->avail_in = (unsigned int)given;
		stream->next_out = to;
		stream->avail_out = (unsigned int)size;
		r = inflate(stream, Z_NO_FLUSH);
		take_packed(input, given - stream->avail_in);
		got = size - stream->avail_out;
		if (r == Z_STREAM_END)
			input->in_member = false;
		else if (r == Z_MEM_ERROR)
			return fail(input, ENOMEM, NULL);
		else if (r == Z_BUF_ERROR && !got && input->packed_end && !input->packed_size)
			return fail_at(input, "the gzip data are cut off");
		else if (r != Z_OK && r != Z_BUF_ERROR)
			return fail_at(input, stream->msg ? stream->msg : "damaged gzip data");
		if (got)
			return (ssize_t)got;
	}
	return 0;
}

static ssize_t copy_plain(struct eo_input *input, void *to, size_t size)
{
	if (!input->packed_size) {
		ssize_t n = input->packed_end ? 0 : read_fd(input, to, size);

		if (n > 0)
			input->packed_taken += (uint64_t)n;
		return n;
	}
	if (size > input->packed_size)
		size = input->packed_size;
	memcpy(to, input->packed, size);
	take_packed(input, size);
	return (ssize_t)size;
}

/* Bytes from behind those in the buffer. */
static ssize_t produce(struct eo_input *input, void *to, size_t size)
{
	ssize_t n;
	int r;

	if (input->status < 0)
		return input->status;
	r = input->begun ? 0 : begin(input);
	if (r < 0)
		return r;
	if (!size)
		return 0;
	n = input->is_gzip ? unpack(input, to, size) : copy_plain(input, to, size);
	if (n > 0) {
		input->unpacked += (uint64_t)n;
		if (input->unpacked > UNPACKED_MAX)
			return fail(input, 0, "more than 4 GiB of unpacked data");
	}
	return n;
}

ssize_t eo_input_read(struct eo_input *input, void *to, size_t size, struct eo_error *err)
{
	ssize_t n;

	if (input->filled) {
		if (size > input->filled)
			size = input->filled;
		memcpy(to, input->buffer + input->begin, size);
		input->begin += size;
		input->filled -= size;
		input->taken += size;
		return (ssize_t)size;
	}
	n = produce(input, to, size);
	if (n < 0)
		return failed(input, err);
	input->taken += (uint64_t)n;
	return n;
}

/* Room for @extra bytes behind those in the buffer. */
static int make_room(struct eo_input *input, size_t extra)
{
	unsigned char *larger;
	size_t wanted = input->filled + extra;

	if (input->room - input->begin >= wanted)
		return 0;
	if (input->begin) {
		memmove(input->buffer, input->buffer + input->begin, input->filled);
		input->begin = 0;
	}
	if (input->room >= wanted)
		return 0;
	if (wanted < input->room + input->room / 2)
		wanted = input->room + input->room / 2;
	larger = realloc(input->buffer, wanted);
	if (!larger)
		return fail(input, ENOMEM, NULL);
	input->buffer = larger;
	input->room = wanted;
	return 0;
}

/* More bytes into the buffer. Returns how many, 0 at the end. */
static ssize_t buffer_more(struct eo_input *input, size_t most)
{
	ssize_t n = make_room(input, most);

	if (n == 0)
		n = produce(input, input->buffer + input->begin + input->filled, most);
	if (n > 0)
		input->filled += (size_t)n;
	return n;
}

ssize_t eo_input_peek(struct eo_input *input, const unsigned char **bytes, struct eo_error *err)
{
	ssize_t n = 1;

	while (n > 0 && input->filled < EO_INPUT_PEEK_MAX)
		n = buffer_more(input, EO_INPUT_PEEK_MAX - input->filled);
	if (n < 0)
		return failed(input, err);
	*bytes = input->buffer + input->begin;
	return (ssize_t)(input->filled < EO_INPUT_PEEK_MAX ? input->filled : EO_INPUT_PEEK_MAX);
}

static ssize_t line_failed(struct eo_input *input, int code, const char *what, struct eo_error *err)
{
	char text[96];
	int r;

	snprintf(text, sizeof(text), "line %" PRIu64 " %s", input->line_number, what);
	r = fail(input, 0, text);
	input->status = code ? -code : r;
	return failed(input, err);
}

ssize_t eo_input_line(struct eo_input *input, size_t max, char **line, struct eo_error *err)
{
	unsigned char *end = NULL;
	size_t searched = 0, length, taken;
	ssize_t n = 1;

	if (input->status < 0)
		return failed(input, err);
	for (;;) {
		if (input->filled > searched)
			end = memchr(input->buffer + input->begin + searched, '\n',
				     input->filled - searched);
		searched = input->filled;
		if (end || searched > max)
			break;
		n = buffer_more(input, PACKED_BYTES);
		if (n < 0)
			return failed(input, err);
		if (n == 0)
			break;
	}
	if (!input->filled)
		return -ENODATA;
	length = end ? (size_t)(end - (input->buffer + input->begin)) : input->filled;
	input->line_number++;
	if (length > max)
		return line_failed(input, E2BIG, "is too long", err);
	/* A last line without newline has no byte behind it yet. */
	if (!end && make_room(input, 1) < 0)
		return failed(input, err);
	*line = (char *)input->buffer + input->begin;
	(*line)[length] = '\0';
	if (memchr(*line, '\0', length))
		return line_failed(input, 0, "contains a NUL byte", err);
	taken = length + (end != NULL);
	input->begin += taken;
	input->filled -= taken;
	input->taken += taken;
	return (ssize_t)length;
}
