/* SPDX-License-Identifier: BSD-2-Clause */
/* Debug information of ELF files. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "symbol/elf_file.h"
#include "symbol/source.h"

#define STEPS 2000000u
#define POINTS 256u /* addresses asked for in a segment */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct eo_source *source, uint64_t vaddr)
{
	const struct eo_source_line *lines;
	size_t count = eo_source_lines(source, vaddr, &lines);

	for (size_t i = 0; i < count; i++)
		if (!lines[i].name != !lines[i].system_name ||
		    (lines[i].name && strlen(lines[i].name) > 1u << 17) ||
		    (lines[i].file && strlen(lines[i].file) > 1u << 14))
			abort();
}

static void look_up(struct eo_source *source, const struct eo_elf *elf)
{
	uint64_t budget = STEPS;

	for (int is_check = 0; is_check < 2; is_check++) {
		for (size_t i = 0; i < eo_elf_segment_count(elf); i++) {
			const struct eo_elf_segment *segment = eo_elf_segment(elf, i);

			for (uint64_t at = 0; segment->executable && at < POINTS; at++) {
				uint64_t vaddr =
					segment->vaddr + segment->memory_size / POINTS * at + at;

				if (is_check)
					check(source, vaddr);
				else
					eo_source_want(source, vaddr);
			}
		}
		if (!is_check)
			eo_source_find(source, &budget);
	}
	if (budget > STEPS)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	EO_AUTO_CLOSE int fd = memfd_create("input", MFD_CLOEXEC);
	EO_AUTO(eo_string_pool) strings = eo_string_pool_new();
	EO_AUTO(eo_source) source = NULL;
	EO_AUTO(eo_elf) elf = NULL;

	if (fd < 0 || !strings || write(fd, data, size) != (ssize_t)size)
		return 0;
	/* a root that is not there: the outcome must not hang on this machine's debug files */
	if (eo_source_open(fd, "/nowhere", NULL, strings, &source) == 0 &&
	    eo_elf_open(fd, &elf, NULL) == 0)
		look_up(source, elf);
	return 0;
}
