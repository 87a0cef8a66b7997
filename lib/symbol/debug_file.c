/* SPDX-License-Identifier: BSD-2-Clause */
#include "symbol/debug_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <zlib.h>

#include "core/auto.h"
#include "symbol/elf_build_id.h"

#define LINK_NAME_MAX_BYTES 255u
#define CHECKSUM_MAX_BYTES (1ull << 30) /* a larger file is refused, not summed up */

/* What a candidate must prove. */
struct wanted {
	const struct eo_elf_image *image;
	const char *build_id;
	bool has_checksum; /* false: only a build id will do */
	bool is_supplement; /* it has no symbols */
	uint32_t checksum;
};

/* An absolute link inside a container means the container's own tree: resolve it there. */
static int open_path_in_root(const char *root, const char *path)
{
	const struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	char joined[PATH_MAX];

	EO_AUTO_CLOSE int dir = open(*root ? root : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;

	int fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
	if (fd >= 0)
		return fd;
	if (errno != ENOSYS && errno != EPERM) /* EPERM: seccomp filters that do not know it */
		return -errno;

	if (snprintf(joined, sizeof(joined), "%s/%s", root, path) >= (int)sizeof(joined))
		return -ENAMETOOLONG;
	fd = open(joined, O_PATH | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Opened for reading only once it is known to be a regular file: opening a device or a fifo that
 * somebody put there may block or do things. */
static int open_regular(const char *root, const char *path)
{
	struct stat st;
	char self[64];

	EO_AUTO_CLOSE int fd = open_path_in_root(root, path);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENOENT;

	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	int opened = open(self, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	return opened < 0 ? -errno : opened;
}

static bool checksum_matches(const struct eo_elf_image *image, uint32_t wanted)
{
	unsigned char buf[16384];
	uint32_t sum = 0;

	if (image->size > CHECKSUM_MAX_BYTES)
		return false;
	for (uint64_t at = 0; at < image->size; at += sizeof(buf)) {
		uint64_t left = image->size - at;
		size_t n = left < sizeof(buf) ? (size_t)left : sizeof(buf);

		if (eo_elf_image_read(image, at, buf, n) < 0)
			return false;
		sum = (uint32_t)crc32(sum, buf, (uInt)n);
	}
	return sum == wanted;
}

static bool is_wanted(struct eo_elf_image *image, const struct wanted *wanted)
{
	char build_id[EO_BUILD_ID_TEXT_BYTES];

	if (image->is64 != wanted->image->is64 || image->machine != wanted->image->machine ||
	    (!wanted->is_supplement && !eo_elf_image_find_section(image, SHT_SYMTAB, NULL)) ||
	    eo_elf_build_id_read(image, build_id) < 0)
		return false;

	if (*build_id && *wanted->build_id)
		return strcmp(build_id, wanted->build_id) == 0;
	return wanted->has_checksum && checksum_matches(image, wanted->checksum);
}

static int try_path(const char *root, const char *path, const struct wanted *wanted,
		    struct eo_elf_image *ret)
{
	int r;

	EO_AUTO_CLOSE int fd = open_regular(root, path);
	if (fd < 0)
		return -ENOENT;
	if (eo_elf_image_init(ret, fd) < 0)
		return -ENOENT;
	eo_steal_fd(&fd);

	r = eo_elf_image_load_sections(ret);
	if (r == 0 && is_wanted(ret, wanted))
		return 0;
	eo_elf_image_fini(ret);
	return r < 0 ? r : -ENOENT;
}

static int try_build_id(const char *root, const struct wanted *wanted, struct eo_elf_image *ret)
{
	char path[EO_BUILD_ID_TEXT_BYTES + 64];

	if (strlen(wanted->build_id) < 4) /* two digits name the folder, the rest the file */
		return -ENOENT;
	snprintf(path, sizeof(path), "usr/lib/debug/.build-id/%.2s/%s.debug", wanted->build_id,
		 wanted->build_id + 2);
	return try_path(root, path, wanted, ret);
}

/* .gnu_debuglink: a file name, padding to four bytes, a checksum. */
static bool read_link(const struct eo_elf_image *image, char *name, size_t name_size,
		      uint32_t *checksum)
{
	const Elf64_Shdr *section =
		eo_elf_image_find_section(image, SHT_PROGBITS, ".gnu_debuglink");
	uint64_t size;
	ssize_t length;

	if (!section)
		return false;
	size = eo_elf_image_section_size(image, section);
	length = eo_elf_image_string(image, section->sh_offset, size, 0, name, name_size);
	if (length <= 0 || (size_t)length >= name_size - 1)
		return false;

	uint64_t at = ((uint64_t)length + 4) & ~3ull;

	if (at > size || size - at < sizeof(*checksum) ||
	    eo_elf_image_read(image, section->sh_offset + at, checksum, sizeof(*checksum)) < 0)
		return false;

	/* A file chooses its name, not its folder. */
	return !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static int try_link(const char *root, const char *dir, struct wanted *wanted,
		    struct eo_elf_image *ret)
{
	static const struct {
		const char *before, *after; /* of @dir */
	} places[] = {{"", "/"}, {"", "/.debug/"}, {"usr/lib/debug/", "/"}};
	char name[LINK_NAME_MAX_BYTES + 2];
	char path[PATH_MAX];

	if (!read_link(wanted->image, name, sizeof(name), &wanted->checksum))
		return -ENOENT;
	wanted->has_checksum = true;

	for (size_t i = 0; i < EO_ARRAY_SIZE(places); i++) {
		int length = snprintf(path, sizeof(path), "%s%s%s%s", places[i].before, dir,
				      places[i].after, name);
		int r = length < (int)sizeof(path) ? try_path(root, path, wanted, ret) : -ENOENT;

		if (r != -ENOENT)
			return r;
	}
	return -ENOENT;
}

int eo_debug_file_open(const struct eo_elf_image *image, const char *build_id, const char *root,
		       const char *dir, struct eo_elf_image *ret)
{
	struct wanted wanted = {.image = image, .build_id = build_id};
	int r = try_build_id(root, &wanted, ret);

	return r == -ENOENT && dir ? try_link(root, dir, &wanted, ret) : r;
}

/* .gnu_debugaltlink: a path, and the build id behind it. */
static bool read_supplement_link(const struct eo_elf_image *image, char *path, size_t path_size,
				 char build_id[EO_BUILD_ID_TEXT_BYTES])
{
	const Elf64_Shdr *section =
		eo_elf_image_find_section(image, SHT_PROGBITS, ".gnu_debugaltlink");
	unsigned char id[EO_BUILD_ID_MAX_BYTES];
	uint64_t size;
	ssize_t length;

	if (!section)
		return false;
	size = eo_elf_image_section_size(image, section);
	length = eo_elf_image_string(image, section->sh_offset, size, 0, path, path_size);
	if (length <= 0 || (size_t)length >= path_size - 1)
		return false;

	uint64_t at = (uint64_t)length + 1, id_size = at < size ? size - at : 0;

	if (id_size == 0 || id_size > sizeof(id) ||
	    eo_elf_image_read(image, section->sh_offset + at, id, id_size) < 0)
		return false;
	for (size_t i = 0; i < id_size; i++)
		snprintf(build_id + 2 * i, 3, "%02x", id[i]);
	return true;
}

/* A path that is not absolute counts from the folder of the file that names it; the kernel tells
 * that one from the root of the file's own mounts. */
static bool supplement_path(const struct eo_elf_image *image, const char *name, char *ret,
			    size_t size)
{
	char self[64], *slash;
	ssize_t length;

	if (name[0] == '/')
		return snprintf(ret, size, "%s", name) < (int)size;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", image->fd);
	length = readlink(self, ret, size - 1);
	if (length <= 0)
		return false;
	ret[length] = '\0';
	slash = strrchr(ret, '/');
	if (!slash || strlen(name) >= size - (size_t)(slash + 1 - ret))
		return false;
	strcpy(slash + 1, name);
	return true;
}

int eo_debug_file_open_supplement(const struct eo_elf_image *image, const char *root,
				  struct eo_elf_image *ret)
{
	char name[PATH_MAX], path[PATH_MAX], build_id[EO_BUILD_ID_TEXT_BYTES];
	struct wanted wanted = {.image = image, .build_id = build_id, .is_supplement = true};
	int r = -ENOENT;

	if (!read_supplement_link(image, name, sizeof(name), build_id))
		return -ENOENT;
	if (supplement_path(image, name, path, sizeof(path)))
		r = try_path(root, path, &wanted, ret);
	return r == -ENOENT ? try_build_id(root, &wanted, ret) : r;
}
