/* SPDX-License-Identifier: BSD-2-Clause */
/* A pipe takes up to PIPE_BUF bytes as a whole or not at all, so records leave in pieces of at most
 * that many, cut between records wherever these are shorter. A run that ends while its reader has
 * stopped thus leaves whole records behind.
 *
 * The pipe of our stdout is shared with others, who would suddenly find it non-blocking. Opened
 * anew through /proc it gets flags of its own; where that is refused, poll() is asked before each
 * piece, for a pipe that is ready takes one. */
#include "export/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "core/array.h"
#include "core/clock.h"

#define WRITE_BYTES   (64u << 10) /* a file is written when so much has come together */
#define PIPE_BYTES    (8u << 10)  /* the same for a pipe */
#define MEMORY_KEPT   (1u << 20)  /* of the queue, once it is empty */
#define RECORDS_FIRST 1024
/* As large as an unprivileged user may make it. With less, a busy machine that switches between
 * us and the reader a few hundred times a second sets the pace. */
#define PIPE_SIZE (1 << 20)

struct record {
	uint32_t bytes, weight;
};

struct eo_stream {
	char *name;
	int fd;
	int failed; /* errno */
	bool is_stdout, is_regular, has_reader, is_socket, is_nonblocking;
	bool is_ours, is_new; /* the file was opened, or made, here */
	bool has_begun;	      /* the old content is gone */

	char *bytes; /* the queue is from @head to @tail */
	size_t head, tail, size;
	size_t tried; /* bytes that waited after the last attempt */
	struct record *records;
	size_t first, end, capacity; /* of the records */
	size_t gone;		     /* bytes of the first record that are out */
};

static int fail(struct eo_error *err, int code, const char *hint, const char *operation,
		const char *name)
{
	return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, code, hint, "%s %s", operation,
			    name);
}

/* --- opening --- */

static int open_stdout(struct eo_stream *stream, struct eo_error *err)
{
	int flags = fcntl(STDOUT_FILENO, F_GETFL);
	char path[32];
	struct stat st;

	stream->is_stdout = true;
	if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY)
		return fail(err, EBADF, NULL, "write", stream->name);
	if (fstat(STDOUT_FILENO, &st) == 0 && (S_ISFIFO(st.st_mode) || isatty(STDOUT_FILENO))) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", STDOUT_FILENO);
		stream->fd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		stream->is_nonblocking = stream->fd >= 0;
	}
	if (stream->fd < 0)
		stream->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	return stream->fd < 0 ? fail(err, errno, NULL, "write", stream->name) : 0;
}

static int open_file(struct eo_stream *stream, struct eo_error *err)
{
	const int flags = O_WRONLY | O_CLOEXEC | O_NOCTTY;

	stream->is_ours = true;
	stream->fd = open(stream->name, flags | O_CREAT | O_EXCL, 0600);
	stream->is_new = stream->fd >= 0;
	/* Also where a symbolic link leads to a file that is not there yet. */
	if (stream->fd < 0 && errno == EEXIST)
		stream->fd = open(stream->name, flags | O_CREAT, 0600);
	if (stream->fd < 0)
		return fail(err, errno, errno == ENOENT ? "create its directory first" : NULL,
			    "write", stream->name);
	return 0;
}

static int look_at(struct eo_stream *stream, bool binary, struct eo_error *err)
{
	bool is_terminal = isatty(stream->fd);
	struct stat st;
	int flags;

	if (binary && is_terminal)
		return eo_error_set(err, EO_ERROR_CONFIG, 0,
				    "name a file with -o FILE, or send the output through a pipe",
				    "write %s: binary data is not for a terminal", stream->name);
	if (fstat(stream->fd, &st) < 0)
		return fail(err, errno, NULL, "write", stream->name);
	stream->is_regular = S_ISREG(st.st_mode);
	stream->is_socket = S_ISSOCK(st.st_mode);
	stream->has_reader = S_ISFIFO(st.st_mode) || stream->is_socket || is_terminal;
	if (S_ISFIFO(st.st_mode) && fcntl(stream->fd, F_GETPIPE_SZ) < PIPE_SIZE)
		(void)fcntl(stream->fd, F_SETPIPE_SZ, PIPE_SIZE); /* or else it is as it was */
	if (stream->is_ours && stream->has_reader) {
		flags = fcntl(stream->fd, F_GETFL);
		stream->is_nonblocking =
			flags >= 0 && fcntl(stream->fd, F_SETFL, flags | O_NONBLOCK) == 0;
	}
	return 0;
}

int eo_stream_open(const char *path, bool binary, struct eo_stream **ret, struct eo_error *err)
{
	EO_AUTO(eo_stream) stream = calloc(1, sizeof(*stream));
	bool is_stdout = !strcmp(path, "-");
	int r;

	if (stream) {
		stream->fd = -1;
		stream->name = strdup(is_stdout ? "stdout" : path);
	}
	if (!stream || !stream->name)
		return fail(err, ENOMEM, NULL, "write", path);
	r = is_stdout ? open_stdout(stream, err) : open_file(stream, err);
	if (!r)
		r = look_at(stream, binary, err);
	if (r < 0)
		return r;
	*ret = eo_steal(&stream);
	return 0;
}

void eo_stream_free(struct eo_stream *stream)
{
	if (!stream)
		return;
	if (stream->fd >= 0)
		close(stream->fd);
	if (stream->is_new && !stream->has_begun)
		unlink(stream->name);
	free(stream->records);
	free(stream->bytes);
	free(stream->name);
	free(stream);
}

bool eo_stream_is_stdout(const struct eo_stream *stream)
{
	return stream->is_stdout;
}

bool eo_stream_is_regular(const struct eo_stream *stream)
{
	return stream->is_regular;
}

const char *eo_stream_name(const struct eo_stream *stream)
{
	return stream->name;
}

int eo_stream_fd(const struct eo_stream *stream)
{
	return stream->has_reader ? stream->fd : -1;
}

size_t eo_stream_waiting(const struct eo_stream *stream)
{
	return stream->tail - stream->head;
}

int eo_stream_failed(const struct eo_stream *stream, struct eo_error *err)
{
	if (stream->failed && stream->failed != EPIPE)
		fail(err, stream->failed, NULL, "write", stream->name);
	return -stream->failed;
}

/* --- the queue --- */

char *eo_stream_room(struct eo_stream *stream, size_t size)
{
	size_t waiting = eo_stream_waiting(stream), wanted;
	char *bytes;

	if (stream->size - stream->tail >= size)
		return stream->bytes + stream->tail;
	/* A move costs as much as a write: only where it frees more than half. */
	if (stream->head > stream->size / 2 && stream->size - waiting >= size) {
		memmove(stream->bytes, stream->bytes + stream->head, waiting);
		stream->head = 0;
		stream->tail = waiting;
		return stream->bytes + stream->tail;
	}
	if (__builtin_add_overflow(2 * stream->tail + WRITE_BYTES, size, &wanted))
		return NULL;
	bytes = realloc(stream->bytes, wanted);
	if (!bytes)
		return NULL;
	stream->bytes = bytes;
	stream->size = wanted;
	return bytes + stream->tail;
}

static int note_record(struct eo_stream *stream, size_t size, uint32_t weight)
{
	size_t count = stream->end - stream->first;

	if (stream->end == stream->capacity && stream->first > stream->capacity / 2) {
		memmove(stream->records, stream->records + stream->first,
			count * sizeof(*stream->records));
		stream->first = 0;
		stream->end = count;
	}
	if (!EO_ARRAY_RESERVE(stream->records, stream->end + 1, stream->capacity, RECORDS_FIRST))
		return -ENOMEM;
	stream->records[stream->end++] = (struct record){(uint32_t)size, weight};
	return 0;
}

int eo_stream_add(struct eo_stream *stream, size_t size, uint32_t weight)
{
	size_t waiting, enough = stream->has_reader ? PIPE_BYTES : WRITE_BYTES;

	if (stream->failed)
		return -stream->failed;
	if (!size)
		return 0;
	if (note_record(stream, size, weight) < 0) {
		stream->failed = ENOMEM;
		return -ENOMEM;
	}
	stream->tail += size;
	waiting = eo_stream_waiting(stream);
	/* A reader that has stopped is not asked again for each record. */
	if (waiting >= enough && waiting >= stream->tried + enough)
		return eo_stream_pump(stream);
	return 0;
}

/* @size bytes of the queue's beginning are out. */
static void take_out(struct eo_stream *stream, size_t size)
{
	stream->head += size;
	stream->gone += size;
	while (stream->first < stream->end &&
	       stream->gone >= stream->records[stream->first].bytes)
		stream->gone -= stream->records[stream->first++].bytes;
	if (stream->head < stream->tail)
		return;
	stream->head = stream->tail = 0;
	stream->first = stream->end = 0;
	if (stream->size > MEMORY_KEPT) {
		free(eo_steal(&stream->bytes));
		stream->size = 0;
	}
}

uint64_t eo_stream_drop(struct eo_stream *stream)
{
	size_t keep = stream->first + (stream->gone != 0), kept = 0;
	uint64_t weight = 0;

	for (size_t i = keep; i < stream->end; i++)
		weight += stream->records[i].weight;
	if (stream->gone)
		kept = stream->records[stream->first].bytes - stream->gone;
	/* It cannot be said any more of what was written in part. */
	stream->end = keep;
	stream->tail = stream->head + kept;
	stream->tried = 0;
	return weight;
}

/* --- writing --- */

static int begin(struct eo_stream *stream)
{
	if (stream->has_begun)
		return 0;
	stream->has_begun = true;
	if (stream->is_ours && stream->is_regular && ftruncate(stream->fd, 0) < 0)
		stream->failed = errno;
	return -stream->failed;
}

/* Whole records, as many as fit into a piece; of a longer one as much as fits. */
static size_t piece(const struct eo_stream *stream)
{
	size_t size = stream->records[stream->first].bytes - stream->gone;

	if (!stream->has_reader)
		return eo_stream_waiting(stream);
	if (size > PIPE_BUF)
		return PIPE_BUF;
	for (size_t i = stream->first + 1; i < stream->end; i++) {
		if (size + stream->records[i].bytes > PIPE_BUF)
			break;
		size += stream->records[i].bytes;
	}
	return size;
}

static bool is_ready(const struct eo_stream *stream)
{
	struct pollfd poll_fd = {.fd = stream->fd, .events = POLLOUT};

	if (!stream->has_reader || stream->is_nonblocking || stream->is_socket)
		return true;
	/* An error is one of the write as well, which tells it. */
	return poll(&poll_fd, 1, 0) > 0;
}

static ssize_t write_piece(const struct eo_stream *stream, size_t size)
{
	const char *bytes = stream->bytes + stream->head;

	if (stream->is_socket)
		return send(stream->fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
	return write(stream->fd, bytes, size);
}

/* A disk that is full takes a part of a record. Without it the file is whole records. */
static void cut_partial(const struct eo_stream *stream)
{
	off_t at = lseek(stream->fd, 0, SEEK_CUR);
	struct stat st;

	if (stream->is_regular && stream->gone && at >= (off_t)stream->gone &&
	    fstat(stream->fd, &st) == 0 && st.st_size == at)
		(void)!ftruncate(stream->fd, at - (off_t)stream->gone);
}

int eo_stream_put(struct eo_stream *stream, const void *bytes, size_t size, uint32_t weight)
{
	char *room = eo_stream_room(stream, size);

	if (!room) {
		if (!stream->failed)
			stream->failed = ENOMEM;
		return -stream->failed;
	}
	memcpy(room, bytes, size);
	return eo_stream_add(stream, size, weight);
}

int eo_stream_pump(struct eo_stream *stream)
{
	ssize_t n;

	if (!stream->failed)
		begin(stream);
	while (!stream->failed && eo_stream_waiting(stream) && is_ready(stream)) {
		n = write_piece(stream, piece(stream));
		if (n >= 0) {
			take_out(stream, (size_t)n);
		} else if (errno == EAGAIN) {
			break;
		} else if (errno != EINTR) {
			stream->failed = errno == ECONNRESET ? EPIPE : errno;
			cut_partial(stream);
		}
	}
	stream->tried = eo_stream_waiting(stream);
	return -stream->failed;
}

int eo_stream_drain(struct eo_stream *stream, uint64_t until_ns)
{
	int r;

	while (!(r = eo_stream_pump(stream)) && eo_stream_waiting(stream)) {
		struct pollfd poll_fd = {.fd = stream->fd, .events = POLLOUT};
		uint64_t now_ns = eo_clock_monotonic_ns();

		if (now_ns >= until_ns)
			break;
		poll(&poll_fd, 1, (int)((until_ns - now_ns) / 1000000) + 1);
	}
	return r;
}

int eo_stream_close(struct eo_stream *stream, struct eo_error *err)
{
	int fd;

	eo_stream_pump(stream);
	fd = eo_steal_fd(&stream->fd);
	/* Some network file systems tell of a full disk only now. */
	if (fd >= 0 && close(fd) < 0 && errno != EINTR && !stream->failed)
		stream->failed = errno;
	return eo_stream_failed(stream, err);
}
