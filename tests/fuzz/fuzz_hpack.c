/* SPDX-License-Identifier: BSD-2-Clause */
/* Header blocks made of anything, in a row: a byte that says whether the block is complete, whether
 * something is forgotten before it, and its size. */
#include <stdint.h>
#include <string.h>

#include "net/hpack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(void *arg, enum eo_hpack_name name, const char *value)
{
	(void)arg;
	if (name > EO_HPACK_GRPC_STATUS || (value && strlen(value) > EO_HPACK_VALUE_MAX))
		__builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct eo_budget budget = {.limit = 100000};
	struct eo_hpack hpack = {.budget = &budget};

	while (size > 0) {
		size_t block = (size_t)(*data & 0x3f) * 8;
		bool complete = !(*data & 0x40);

		if (*data & 0x80)
			eo_hpack_forget(&hpack);
		data++;
		size--;
		block = block < size ? block : size;
		eo_hpack_decode(&hpack, data, block, complete, check, NULL);
		if (hpack.used > hpack.max || hpack.max > EO_HPACK_TABLE_MAX)
			__builtin_trap();
		data += block;
		size -= block;
	}
	eo_hpack_fini(&hpack);
	if (budget.used)
		__builtin_trap();
	return 0;
}
