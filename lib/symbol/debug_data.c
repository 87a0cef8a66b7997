/* SPDX-License-Identifier: BSD-2-Clause */
#include "symbol/debug_data.h"

#include <errno.h>
#include <lzma.h>
#include <sys/mman.h>

#include "core/auto.h"
#include "core/memory_file.h"

/* The largest seen in distributions are a tenth of each. */
#define PACKED_MAX_BYTES (32u << 20)
#define UNPACKED_MAX_BYTES (64u << 20)
#define DECODER_MAX_BYTES (64u << 20)

static int unpack(const struct eo_elf_image *image, uint64_t offset, uint64_t left,
		  lzma_stream *stream, int fd)
{
	uint8_t in[16384], out[16384];
	size_t written = 0;
	lzma_ret status = LZMA_OK;
	int r;

	while (status == LZMA_OK) {
		if (stream->avail_in == 0 && left) {
			size_t n = left < sizeof(in) ? (size_t)left : sizeof(in);

			r = eo_elf_image_read(image, offset, in, n);
			if (r < 0)
				return r;
			stream->next_in = in;
			stream->avail_in = n;
			offset += n;
			left -= n;
		}
		stream->next_out = out;
		stream->avail_out = sizeof(out);
		status = lzma_code(stream, left ? LZMA_RUN : LZMA_FINISH);

		size_t made = sizeof(out) - stream->avail_out;

		written += made;
		if (written > UNPACKED_MAX_BYTES)
			return -EFBIG;
		r = eo_write_all(fd, out, made);
		if (r < 0)
			return r;
	}
	return status == LZMA_STREAM_END ? 0 : status == LZMA_MEM_ERROR ? -ENOMEM : -EBADMSG;
}

int eo_debug_data_open(const struct eo_elf_image *image)
{
	const Elf64_Shdr *section =
		eo_elf_image_find_section(image, SHT_PROGBITS, ".gnu_debugdata");
	lzma_stream stream = LZMA_STREAM_INIT;
	int r;

	if (!section)
		return -ENOENT;

	uint64_t size = eo_elf_image_section_size(image, section);

	if (size != section->sh_size)
		return -EBADMSG;
	if (size > PACKED_MAX_BYTES)
		return -EFBIG;

	EO_AUTO_CLOSE int fd = memfd_create("gnu_debugdata", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (lzma_stream_decoder(&stream, DECODER_MAX_BYTES, 0) != LZMA_OK)
		return -ENOMEM;
	r = unpack(image, section->sh_offset, size, &stream, fd);
	lzma_end(&stream);
	return r < 0 ? r : eo_steal_fd(&fd);
}
