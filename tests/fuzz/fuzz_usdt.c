/* SPDX-License-Identifier: BSD-2-Clause */
/* Notes of probes in ELF files, and what they say of their arguments. What is no ELF file is tried as
 * the text of arguments. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/auto.h"
#include "symbol/usdt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct eo_usdt_argument *arguments, int count)
{
	if (count > EO_USDT_ARGUMENTS)
		abort();
	for (int i = 0; i < count; i++)
		if (!arguments[i].size || arguments[i].size > 8 || !arguments[i].scale || arguments[i].scale > 8 ||
		    arguments[i].kind > EO_USDT_MEMORY ||
		    (arguments[i].base > 32 && arguments[i].base != EO_USDT_NO_REGISTER))
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"alloc", "free"};
	EO_AUTO_CLOSE int fd = memfd_create("usdt", MFD_CLOEXEC);
	struct eo_usdt_argument arguments[EO_USDT_ARGUMENTS];
	struct eo_usdt_probe found[4];
	int count;

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		return 0;
	count = eo_usdt_find(fd, "otel_memory", names, EO_ARRAY_SIZE(names), found, EO_ARRAY_SIZE(found));
	if (count < 0) {
		EO_AUTO_FREE char *text = strndup((const char *)data, size);

		if (text)
			check(arguments, eo_usdt_arguments(text, arguments));
		return 0;
	}
	if (count > (int)EO_ARRAY_SIZE(found))
		abort();
	for (int i = 0; i < count; i++) {
		if (found[i].name > 1 || found[i].offset >= size || found[i].semaphore >= size)
			abort();
		check(found[i].arguments, (int)found[i].argument_count);
	}
	return 0;
}
