/* SPDX-License-Identifier: BSD-2-Clause */
/* ELF files and the names in them. What is no ELF file is tried as a mangled name. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/auto.h"
#include "symbol/demangle.h"
#include "symbol/elf_file.h"
#include "symbol/elf_functions.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_up(struct eo_elf *elf, uint64_t vaddr)
{
	struct eo_elf_symbol symbol = {0};

	/* a root that is not there: the outcome must not hang on this machine's debug files */
	if (eo_elf_find_symbol(elf, vaddr, "/nowhere", "/bin", &symbol) < 0)
		return;
	if (symbol.start > vaddr || !*symbol.name)
		abort();
	free(eo_demangle(symbol.name));
	free(symbol.name);
}

static void look_up_names(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"main", "malloc", "free", "f"};
	EO_AUTO_CLOSE int fd = memfd_create("elf", MFD_CLOEXEC);
	struct eo_elf_function found[4];
	int count;

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		return;
	count = eo_elf_functions_find(fd, names, EO_ARRAY_SIZE(names), found, EO_ARRAY_SIZE(found));
	if (count > (int)EO_ARRAY_SIZE(found))
		abort();
	for (int i = 0; i < count; i++)
		if (found[i].offset >= size || found[i].name >= EO_ARRAY_SIZE(names))
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct eo_elf *opened = NULL;

	look_up_names(data, size);

	if (eo_elf_open_memory(data, size, &opened, NULL) < 0) {
		EO_AUTO_FREE char *name = strndup((const char *)data, size);

		if (name)
			free(eo_demangle(name));
		return 0;
	}

	EO_AUTO(eo_elf) elf = opened;

	if (strlen(eo_elf_build_id(elf)) > 128)
		abort();
	for (size_t i = 0; i < eo_elf_segment_count(elf); i++) {
		const struct eo_elf_segment *segment = eo_elf_segment(elf, i);

		eo_elf_segment_at(elf, segment->offset + segment->file_size / 2);
		for (uint64_t step = 0; step < 32; step++)
			look_up(elf, segment->vaddr + segment->memory_size / 32 * step);
	}
	return 0;
}
