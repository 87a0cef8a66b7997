/* SPDX-License-Identifier: BSD-2-Clause */
/* A list of kernel symbols made of anything. */
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>

#include "symbol/kernel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	EO_AUTO_CLOSE int fd = memfd_create("kallsyms", MFD_CLOEXEC);
	EO_AUTO(eo_kernel) kernel = NULL;
	struct eo_kernel_symbol symbol;
	char path[32];

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (eo_kernel_new(path, &kernel, NULL) < 0)
		return 0;
	for (unsigned int bit = 0; bit < 64; bit++)
		if (eo_kernel_find(kernel, 1ull << bit, &symbol) &&
		    (symbol.start > 1ull << bit || symbol.end <= 1ull << bit))
			__builtin_trap();
	return 0;
}
