/* SPDX-License-Identifier: BSD-2-Clause */
#include "unwind/frame_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#include "core/auto.h"
#include "core/memory_file.h"
#include "symbol/elf_image.h"
#include "unwind/frame_cursor.h"
#include "unwind/go_functions.h"

#define DEFLATE_RATIO_MAX 1032u /* what is said to unpack to more is a lie */

/* A piece of the file, its bytes malloc()ed. */
struct piece {
	unsigned char *bytes;
	size_t size;
	uint64_t vaddr;
};

static int read_piece(const struct eo_elf_image *image, uint64_t offset, uint64_t size,
		      struct piece *ret)
{
	EO_AUTO_FREE unsigned char *bytes = NULL;
	int r;

	if (size > EO_FRAME_FILE_BYTES_MAX)
		return -EFBIG;
	if (offset > image->size || size > image->size - offset)
		return -ENOEXEC;
	bytes = malloc(size ? size : 1);
	if (!bytes)
		return -ENOMEM;
	r = eo_elf_image_read(image, offset, bytes, size);
	if (r < 0)
		return r;
	ret->bytes = eo_steal(&bytes);
	ret->size = size;
	return 0;
}

/* Unpack @piece in place. */
static int inflate_piece(struct piece *piece)
{
	EO_AUTO_FREE unsigned char *unpacked = NULL;
	Elf64_Chdr header;
	uLongf size;

	if (piece->size < sizeof(header))
		return -ENOEXEC;
	memcpy(&header, piece->bytes, sizeof(header));
	if (header.ch_type != ELFCOMPRESS_ZLIB)
		return -ENOTSUP;
	if (header.ch_size > EO_FRAME_FILE_BYTES_MAX)
		return -EFBIG;
	if (header.ch_size / DEFLATE_RATIO_MAX > piece->size)
		return -ENOEXEC;

	size = header.ch_size;
	unpacked = malloc(size ? size : 1);
	if (!unpacked)
		return -ENOMEM;
	switch (uncompress(unpacked, &size, piece->bytes + sizeof(header),
			   piece->size - sizeof(header))) {
	case Z_OK:
		break;
	case Z_MEM_ERROR:
		return -ENOMEM;
	default:
		return -ENOEXEC;
	}

	free(piece->bytes);
	piece->bytes = eo_steal(&unpacked);
	piece->size = size;
	return 0;
}

static int read_section(const struct eo_elf_image *image, const Elf64_Shdr *section,
			struct piece *ret)
{
	int r = read_piece(image, section->sh_offset, section->sh_size, ret);

	ret->vaddr = section->sh_addr;
	if (r == 0 && section->sh_flags & SHF_COMPRESSED)
		r = inflate_piece(ret);
	return r;
}

/* The bytes in the file behind [@vaddr, the end of its segment). */
static int find_vaddr(const struct eo_elf_image *image, uint64_t vaddr, uint64_t *offset,
		      uint64_t *size)
{
	for (uint32_t i = 0; i < image->segment_count; i++) {
		Elf64_Phdr segment;
		int r = eo_elf_image_segment(image, i, &segment);

		if (r < 0)
			return r;
		if (segment.p_type != PT_LOAD || vaddr < segment.p_vaddr ||
		    vaddr - segment.p_vaddr >= segment.p_filesz)
			continue;
		*size = segment.p_filesz - (vaddr - segment.p_vaddr);
		return __builtin_add_overflow(segment.p_offset, vaddr - segment.p_vaddr, offset) ?
			       -ENOEXEC :
			       0;
	}
	return -ENOEXEC;
}

/* What .eh_frame_hdr says. */
struct search_table {
	uint64_t start; /* address of .eh_frame */
	uint64_t last;	/* of the last FDE: nothing else tells how long .eh_frame is */
	size_t offset, count; /* of the table, in the header */
	uint8_t encoding;     /* of its pointers */
};

static int read_search_table(const struct piece *header, struct search_table *ret)
{
	/* datarel means relative to the header here */
	const struct eo_frame_section section = {.bytes = header->bytes, .size = header->size,
						 .vaddr = header->vaddr,
						 .data_vaddr = header->vaddr};
	struct eo_frame_cursor at = {.at = header->bytes, .end = header->bytes + header->size};
	uint64_t version = eo_frame_unsigned(&at, 1), count;
	uint8_t encodings[3];

	for (size_t i = 0; i < EO_ARRAY_SIZE(encodings); i++)
		encodings[i] = (uint8_t)eo_frame_unsigned(&at, 1);
	for (size_t i = 0; i < EO_ARRAY_SIZE(encodings); i++) {
		if (encodings[i] == EO_FRAME_PE_OMIT)
			return -ENOENT;
		if (!eo_frame_encoding_usable(encodings[i], &section))
			return -ENOEXEC;
	}
	*ret = (struct search_table){.encoding = encodings[2]};
	ret->start = eo_frame_pointer(&at, encodings[0], &section);
	count = eo_frame_pointer(&at, encodings[1], &section);
	if (at.failed || version != 1)
		return -ENOEXEC;
	if (count == 0)
		return -ENOENT;

	ret->offset = (size_t)(at.at - header->bytes);
	ret->count = count;
	ret->last = ret->start;
	while (count-- && !at.failed) {
		uint64_t fde;

		eo_frame_pointer(&at, encodings[2], &section); /* its function */
		fde = eo_frame_pointer(&at, encodings[2], &section);
		if (fde > ret->last)
			ret->last = fde;
	}
	return at.failed ? -ENOEXEC : 0;
}

/* @header: becomes the section .eh_frame_hdr, on failure too perhaps
 * @offset, @size: where .eh_frame is, which begins at table->start */
static int find_by_header(const struct eo_elf_image *image, const Elf64_Phdr *segment,
			  struct piece *header, struct search_table *table, uint64_t *offset,
			  uint64_t *size)
{
	uint64_t left = 0, before_last;
	uint32_t last_length;
	int r;

	header->vaddr = segment->p_vaddr;
	r = read_piece(image, segment->p_offset, segment->p_filesz, header);
	if (r == 0)
		r = read_search_table(header, table);
	if (r == 0)
		r = find_vaddr(image, table->start, offset, &left);
	if (r < 0)
		return r;

	before_last = table->last - table->start;
	if (before_last > left || left - before_last < sizeof(last_length))
		return -ENOEXEC;
	r = eo_elf_image_read(image, *offset + before_last, &last_length, sizeof(last_length));
	if (r < 0)
		return r;
	*size = before_last + sizeof(last_length);
	if (last_length > left - *size)
		return -ENOEXEC;
	*size += last_length;
	return 0;
}

/* The program header of .eh_frame_hdr. Returns 0, -ENOENT, or the errno of a read. */
static int find_header(const struct eo_elf_image *image, Elf64_Phdr *ret)
{
	for (uint32_t i = 0; i < image->segment_count; i++) {
		int r = eo_elf_image_segment(image, i, ret);

		if (r < 0)
			return r;
		if (ret->p_type == PT_GNU_EH_FRAME)
			return 0;
	}
	return -ENOENT;
}

static int read_eh_frame(const struct eo_elf_image *image, struct piece *ret)
{
	const Elf64_Shdr *section =
		eo_elf_image_find_section(image, SHT_PROGBITS, ".eh_frame");
	struct search_table table;
	struct piece header = {0};
	uint64_t offset = 0, size = 0;
	Elf64_Phdr segment;
	int r;

	/* the type that the ABI of x86-64 gives it, which few linkers use */
	if (!section)
		section = eo_elf_image_find_section(image, SHT_X86_64_UNWIND, ".eh_frame");
	if (section)
		return read_section(image, section, ret);

	r = find_header(image, &segment);
	if (r == 0)
		r = find_by_header(image, &segment, &header, &table, &offset, &size);
	free(header.bytes);
	if (r < 0)
		return r;
	ret->vaddr = table.start;
	return read_piece(image, offset, size, ret);
}

static int read_debug_frame(const struct eo_elf_image *image, struct piece *ret)
{
	const Elf64_Shdr *section =
		eo_elf_image_find_section(image, SHT_PROGBITS, ".debug_frame");

	return section ? read_section(image, section, ret) : -ENOENT;
}

static bool is_supported(const struct eo_elf_image *image)
{
	return image->is64 && image->machine == EM_X86_64 &&
	       (image->type == ET_EXEC || image->type == ET_DYN);
}

/* What a file has, and the memory that it takes. */
struct contents {
	struct piece eh_frame, debug_frame;
	struct eo_go_functions *go;
	uint64_t entry;
};

static void free_contents(struct contents *contents)
{
	free(contents->eh_frame.bytes);
	free(contents->debug_frame.bytes);
	eo_go_functions_free(contents->go);
}

static int read_contents(struct eo_elf_image *image, struct contents *ret)
{
	int r, r_debug = -ENOENT;
	Elf64_Ehdr header;

	if (!is_supported(image))
		return -ENOTSUP;
	r = eo_elf_image_read(image, 0, &header, sizeof(header));
	if (r == 0)
		r = eo_elf_image_load_sections(image);
	if (r < 0)
		return r;
	ret->entry = header.e_entry;

	/* What Go writes into .debug_frame is in its own table too, and better. */
	if (eo_go_functions_new(image, &ret->go) == -ENOMEM)
		return -ENOMEM;
	r = read_eh_frame(image, &ret->eh_frame);
	if (!ret->go)
		r_debug = read_debug_frame(image, &ret->debug_frame);
	/* One that can be read is enough; else what is wrong with .eh_frame matters more. */
	if (r == 0 || r_debug == 0 || ret->go)
		return 0;
	return r == -ENOENT ? r_debug : r;
}

/* Where rows go: into a table, or one by one to a function. */
struct sink {
	struct eo_frame_table *table; /* NULL: to @fn */
	eo_frame_row_fn fn;
	void *ctx;
};

static int parse(const struct contents *contents, const struct sink *sink, struct eo_error *err)
{
	const struct eo_frame_section second = {.bytes = contents->debug_frame.bytes,
						.size = contents->debug_frame.size,
						.vaddr = contents->debug_frame.vaddr,
						.is_debug_frame = true};
	const struct eo_frame_section first = {.bytes = contents->eh_frame.bytes,
					       .size = contents->eh_frame.size,
					       .vaddr = contents->eh_frame.vaddr,
					       .next = &second};
	const struct eo_frame_sources sources = {.section = &first,
						 .go = contents->go,
						 .entry = contents->entry};

	return sink->table ? eo_frame_table_parse(&sources, sink->table, err)
			   : eo_frame_table_each(&sources, sink->fn, sink->ctx, NULL, err);
}

/* @fd is taken in any case. */
static int load_owned(int fd, const struct sink *sink, struct eo_error *err)
{
	EO_AUTO_CLOSE int owned = fd;
	struct contents contents = {0};
	struct eo_elf_image image = {.fd = -1};
	int r;

	r = eo_elf_image_init(&image, owned);
	if (r == 0) {
		eo_steal_fd(&owned);
		r = read_contents(&image, &contents);
	}
	if (r == 0)
		r = parse(&contents, sink, err);
	else
		eo_error_set(err, eo_error_kind_of(-r, EO_ERROR_EVENT_PROCESSING_FAILED), -r, NULL,
			     "find call frame information of ELF file");
	free_contents(&contents);
	eo_elf_image_fini(&image);
	return r;
}

static int load(int fd, const struct sink *sink, struct eo_error *err)
{
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	if (own < 0)
		return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, errno, NULL,
				    "duplicate descriptor of ELF file");
	return load_owned(own, sink, err);
}

int eo_frame_file_load(int fd, struct eo_frame_table *ret, struct eo_error *err)
{
	return load(fd, &(struct sink){.table = ret}, err);
}

int eo_frame_file_each(int fd, eo_frame_row_fn fn, void *ctx, struct eo_error *err)
{
	return load(fd, &(struct sink){.fn = fn, .ctx = ctx}, err);
}

int eo_frame_file_load_memory(const void *image, size_t size, struct eo_frame_table *ret,
			      struct eo_error *err)
{
	EO_AUTO_CLOSE int fd = eo_memory_file("frames", image, size);

	if (fd < 0)
		return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, -fd, NULL,
				    "copy ELF file in memory");
	return load_owned(eo_steal_fd(&fd), &(struct sink){.table = ret}, err);
}

/* Where the file is loaded: the first and the last address of its segments. */
static int read_extent(const struct eo_elf_image *image, uint64_t *low, uint64_t *high)
{
	*low = UINT64_MAX;
	*high = 0;
	for (uint32_t i = 0; i < image->segment_count; i++) {
		Elf64_Phdr segment;
		uint64_t end;
		int r = eo_elf_image_segment(image, i, &segment);

		if (r < 0)
			return r;
		if (segment.p_type != PT_LOAD ||
		    __builtin_add_overflow(segment.p_vaddr, segment.p_memsz, &end))
			continue;
		*low = segment.p_vaddr < *low ? segment.p_vaddr : *low;
		*high = end > *high ? end : *high;
	}
	return 0;
}

static int read_search(const struct eo_elf_image *image, struct eo_frame_search *ret)
{
	struct piece header = {0};
	struct search_table table;
	Elf64_Ehdr file;
	Elf64_Phdr segment;
	int r = is_supported(image) ? read_extent(image, &ret->low, &ret->high) : -ENOTSUP;

	if (r == 0)
		r = eo_elf_image_read(image, 0, &file, sizeof(file));
	if (r == 0)
		r = find_header(image, &segment);
	if (r == 0)
		r = find_by_header(image, &segment, &header, &table, &ret->frames_offset,
				   &ret->frames_size);
	if (r == 0 && table.encoding != EO_FRAME_SEARCH_ENCODING)
		r = -ENOTSUP;
	if (r < 0) {
		free(header.bytes);
		return r;
	}
	ret->header = header.bytes;
	ret->header_size = header.size;
	ret->header_vaddr = header.vaddr;
	ret->frames_vaddr = table.start;
	ret->entry = file.e_entry;
	ret->table = table.offset;
	ret->count = table.count;
	return 0;
}

int eo_frame_file_load_search(int fd, struct eo_frame_search *ret)
{
	struct eo_elf_image image = {.fd = -1};
	int r;

	*ret = (struct eo_frame_search){0};
	r = eo_elf_image_open(&image, fd);
	if (r < 0)
		return r;
	r = read_search(&image, ret);
	if (r == 0) {
		eo_elf_image_drop_sections(&image); /* what is held of many files is small */
		ret->image = image;
		return 0;
	}
	*ret = (struct eo_frame_search){0};
	eo_elf_image_fini(&image);
	return r;
}

bool eo_frame_file_is_go(int fd)
{
	struct eo_elf_image image = {.fd = -1};
	bool is_go;

	if (eo_elf_image_open(&image, fd) < 0)
		return false;
	is_go = eo_elf_image_load_sections(&image) == 0 && eo_go_functions_exist(&image);
	eo_elf_image_fini(&image);
	return is_go;
}
