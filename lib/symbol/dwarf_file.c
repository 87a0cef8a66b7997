/* SPDX-License-Identifier: BSD-2-Clause */
#include "symbol/dwarf_file.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include "core/memory_file.h"

#define UNPACKED_MAX_BYTES (512ull << 20) /* of all sections of a file */
#define COPY_MAX_BYTES (64ull << 20)	  /* the lines of one unit; the largest seen have a tenth */
#define BYTES_A_STEP 16u		  /* reading counts as well */
#define UNPACKED_BYTES_A_STEP 4u

/* What one read brings in. Addresses and names lie anywhere, the rest is read more or less in
 * order. */
static const struct {
	const char *name;
	uint32_t window;
} kinds[EO_DWARF_SECTION_COUNT] = {
	[EO_DWARF_INFO] = {".debug_info", 4096},
	[EO_DWARF_ABBREV] = {".debug_abbrev", 16384},
	[EO_DWARF_LINE] = {".debug_line", 4096},
	[EO_DWARF_STR] = {".debug_str", 1024},
	[EO_DWARF_LINE_STR] = {".debug_line_str", 4096},
	[EO_DWARF_STR_OFFSETS] = {".debug_str_offsets", 512},
	[EO_DWARF_ADDR] = {".debug_addr", 512},
	[EO_DWARF_RANGES] = {".debug_ranges", 1024},
	[EO_DWARF_RNGLISTS] = {".debug_rnglists", 1024},
};

struct section {
	struct eo_elf_image image; /* what it is read from: the file, or what was unpacked */
	uint64_t offset, size;
	int unpacked; /* -1: it is not compressed */
	unsigned char *window;
	size_t window_room, window_size;
	uint64_t window_offset;
};

struct eo_dwarf_file {
	struct section sections[EO_DWARF_SECTION_COUNT];
	struct eo_dwarf_file *supplement;
	uint64_t *budget;
};

static const Elf64_Shdr *find(const struct eo_elf_image *image, enum eo_dwarf_section section)
{
	return eo_elf_image_find_section(image, SHT_PROGBITS, kinds[section].name);
}

static bool has_information(const struct eo_elf_image *image)
{
	return find(image, EO_DWARF_INFO) && find(image, EO_DWARF_ABBREV);
}

bool eo_dwarf_file_is_one(const struct eo_elf_image *image)
{
	/* The numbers in an object file are not final before it was linked. */
	return (image->type == ET_EXEC || image->type == ET_DYN) && has_information(image);
}

/* Inflate @left bytes from @offset into @fd, where exactly @size come out. */
static int inflate_to(const struct eo_elf_image *image, uint64_t offset, uint64_t left, int fd,
		      uint64_t size)
{
	unsigned char in[16384], out[65536];
	z_stream stream = {0};
	uint64_t made = 0;
	int status = Z_OK, r = 0;

	if (inflateInit(&stream) != Z_OK)
		return -ENOMEM;
	while (r == 0 && status == Z_OK) {
		if (stream.avail_in == 0) {
			size_t n = left < sizeof(in) ? (size_t)left : sizeof(in);

			r = eo_elf_image_read(image, offset, in, n);
			if (r < 0 || n == 0)
				break;
			stream.next_in = in;
			stream.avail_in = (uInt)n;
			offset += n;
			left -= n;
		}
		stream.next_out = out;
		stream.avail_out = sizeof(out);
		status = inflate(&stream, Z_NO_FLUSH);

		size_t n = sizeof(out) - stream.avail_out;

		made += n;
		r = made > size ? -EBADMSG : eo_write_all(fd, out, n);
	}
	inflateEnd(&stream);
	if (r < 0)
		return r;
	return status == Z_STREAM_END && made == size ? 0 : -EBADMSG;
}

static int read_compression(const struct eo_elf_image *image, const Elf64_Shdr *header,
			    Elf64_Chdr *ret)
{
	Elf32_Chdr small;
	uint64_t size = eo_elf_image_section_size(image, header);
	int r;

	if (size < (image->is64 ? sizeof(*ret) : sizeof(small)))
		return -EBADMSG;
	if (image->is64)
		return eo_elf_image_read(image, header->sh_offset, ret, sizeof(*ret));
	r = eo_elf_image_read(image, header->sh_offset, &small, sizeof(small));
	if (r == 0)
		*ret = (Elf64_Chdr){.ch_type = small.ch_type, .ch_size = small.ch_size};
	return r;
}

static int unpack(struct eo_dwarf_file *file, const struct eo_elf_image *image,
		  const Elf64_Shdr *header, uint64_t *room, struct section *section)
{
	size_t skip = image->is64 ? sizeof(Elf64_Chdr) : sizeof(Elf32_Chdr);
	Elf64_Chdr compression;
	int r = read_compression(image, header, &compression);

	if (r < 0)
		return r;
	if (compression.ch_type != ELFCOMPRESS_ZLIB)
		return -EOPNOTSUPP;
	if (compression.ch_size > *room)
		return -EFBIG;
	*room -= compression.ch_size;
	if (!eo_dwarf_file_spend(file, compression.ch_size / UNPACKED_BYTES_A_STEP))
		return -EFBIG;

	section->unpacked = memfd_create("dwarf", MFD_CLOEXEC);
	if (section->unpacked < 0)
		return -errno;
	r = inflate_to(image, header->sh_offset + skip,
		       eo_elf_image_section_size(image, header) - skip, section->unpacked,
		       compression.ch_size);
	section->image =
		(struct eo_elf_image){.fd = section->unpacked, .size = compression.ch_size};
	section->offset = 0;
	section->size = compression.ch_size;
	return r;
}

int eo_dwarf_file_new(const struct eo_elf_image *image, struct eo_dwarf_file *supplement,
		      uint64_t *budget, struct eo_dwarf_file **ret)
{
	EO_AUTO(eo_dwarf_file) file = calloc(1, sizeof(*file));
	uint64_t room = UNPACKED_MAX_BYTES;

	if (!file)
		return -ENOMEM;
	file->supplement = supplement;
	file->budget = budget;
	for (size_t i = 0; i < EO_DWARF_SECTION_COUNT; i++)
		file->sections[i].unpacked = -1;
	if (!has_information(image))
		return -ENOENT;

	for (size_t i = 0; i < EO_DWARF_SECTION_COUNT; i++) {
		struct section *section = &file->sections[i];
		const Elf64_Shdr *header = find(image, i);
		int r = 0;

		if (!header)
			continue;
		section->image = *image;
		section->image.sections = NULL;
		section->offset = header->sh_offset;
		section->size = eo_elf_image_section_size(image, header);
		if (header->sh_flags & SHF_COMPRESSED)
			r = unpack(file, image, header, &room, section);
		if (r < 0)
			return r;
	}
	*ret = eo_steal(&file);
	return 0;
}

void eo_dwarf_file_free(struct eo_dwarf_file *file)
{
	if (!file)
		return;
	for (size_t i = 0; i < EO_DWARF_SECTION_COUNT; i++) {
		free(file->sections[i].window);
		if (file->sections[i].unpacked >= 0)
			close(file->sections[i].unpacked);
	}
	free(file);
}

struct eo_dwarf_file *eo_dwarf_file_supplement(struct eo_dwarf_file *file)
{
	return file->supplement;
}

bool eo_dwarf_file_spend(struct eo_dwarf_file *file, uint64_t steps)
{
	if (steps > *file->budget) {
		*file->budget = 0;
		return false;
	}
	*file->budget -= steps;
	return true;
}

uint64_t eo_dwarf_section_size(const struct eo_dwarf_file *file, enum eo_dwarf_section section)
{
	return file->sections[section].size;
}

/* Have @size bytes from @offset in the window, which then begins there. */
static bool fill(struct eo_dwarf_file *file, struct section *section, uint64_t offset, size_t size)
{
	if (section->window_room < size) {
		unsigned char *window = realloc(section->window, size);

		if (!window)
			return false;
		section->window = window;
		section->window_room = size;
	}
	section->window_size = 0;
	if (!eo_dwarf_file_spend(file, 16 + size / BYTES_A_STEP) ||
	    eo_elf_image_read(&section->image, section->offset + offset, section->window, size) < 0)
		return false;
	section->window_offset = offset;
	section->window_size = size;
	return true;
}

struct eo_dwarf_cursor eo_dwarf_view(struct eo_dwarf_file *file, enum eo_dwarf_section number,
				     uint64_t offset, size_t size)
{
	struct section *section = &file->sections[number];
	struct eo_dwarf_cursor none = {.bad = true};
	uint64_t left, skip;

	if (offset >= section->size)
		return none;
	left = section->size - offset;
	if (size > left)
		size = (size_t)left;
	if (offset < section->window_offset || section->window_size < size ||
	    offset - section->window_offset > section->window_size - size) {
		size_t want = size > kinds[number].window ? size : kinds[number].window;

		if (!fill(file, section, offset, left < want ? (size_t)left : want))
			return none;
	}
	skip = offset - section->window_offset;
	return (struct eo_dwarf_cursor){
		.at = section->window + skip,
		.start = section->window + skip,
		.end = section->window + section->window_size,
		.offset = offset,
	};
}

const char *eo_dwarf_text_at(struct eo_dwarf_file *file, enum eo_dwarf_section section,
			     uint64_t offset)
{
	static const size_t sizes[] = {1, 1024, EO_DWARF_VIEW_MAX_BYTES};

	for (size_t i = 0; i < EO_ARRAY_SIZE(sizes); i++) {
		struct eo_dwarf_cursor c = eo_dwarf_view(file, section, offset, sizes[i]);
		const char *text = eo_dwarf_text(&c);

		if (text)
			return text;
	}
	return NULL;
}

int eo_dwarf_copy(struct eo_dwarf_file *file, enum eo_dwarf_section number, uint64_t offset,
		  uint64_t size, struct eo_dwarf_cursor *ret)
{
	const struct section *section = &file->sections[number];
	EO_AUTO_FREE unsigned char *bytes = NULL;
	int r;

	if (offset > section->size || size > section->size - offset)
		return -EBADMSG;
	if (size > COPY_MAX_BYTES || !eo_dwarf_file_spend(file, 16 + size / BYTES_A_STEP))
		return -EFBIG;
	bytes = malloc(size ? (size_t)size : 1);
	if (!bytes)
		return -ENOMEM;
	r = eo_elf_image_read(&section->image, section->offset + offset, bytes, (size_t)size);
	if (r < 0)
		return r;
	*ret = (struct eo_dwarf_cursor){
		.at = bytes, .start = bytes, .end = bytes + size, .offset = offset};
	bytes = NULL;
	return 0;
}
