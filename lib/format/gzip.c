/* SPDX-License-Identifier: BSD-2-Clause */
#include "format/gzip.h"

#include <errno.h>
#include <limits.h>
#include <zlib.h>

#define OUT_BYTES 32768

struct eo_gzip {
	z_stream stream;
	FILE *out;
	unsigned char buffer[OUT_BYTES];
};

struct eo_gzip *eo_gzip_new(FILE *out)
{
	struct eo_gzip *gzip = calloc(1, sizeof(*gzip));

	if (!gzip)
		return NULL;
	gzip->out = out;
	/* Window bits above 15 ask for a gzip header. */
	if (deflateInit2(&gzip->stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, MAX_WBITS + 16, 8,
			 Z_DEFAULT_STRATEGY) != Z_OK) {
		free(gzip);
		return NULL;
	}
	return gzip;
}

void eo_gzip_free(struct eo_gzip *gzip)
{
	if (!gzip)
		return;
	deflateEnd(&gzip->stream);
	free(gzip);
}

/* Compress what stream.next_in has; with Z_FINISH also write the end. */
static int run(struct eo_gzip *gzip, int flush)
{
	z_stream *stream = &gzip->stream;

	do {
		size_t ready;

		stream->next_out = gzip->buffer;
		stream->avail_out = sizeof(gzip->buffer);
		deflate(stream, flush);
		ready = sizeof(gzip->buffer) - stream->avail_out;
		errno = 0;
		if (fwrite(gzip->buffer, 1, ready, gzip->out) != ready)
			return errno ? -errno : -EIO;
	} while (!stream->avail_out);
	return 0;
}

int eo_gzip_write(struct eo_gzip *gzip, const void *bytes, size_t len)
{
	const unsigned char *p = bytes;
	int r = 0;

	while (len && r == 0) {
		/* zlib counts in unsigned int. */
		size_t part = len < INT_MAX ? len : INT_MAX;

		gzip->stream.next_in = (unsigned char *)p; /* zlib only reads it */
		gzip->stream.avail_in = (unsigned int)part;
		r = run(gzip, Z_NO_FLUSH);
		p += part;
		len -= part;
	}
	return r;
}

int eo_gzip_finish(struct eo_gzip *gzip)
{
	return run(gzip, Z_FINISH);
}
