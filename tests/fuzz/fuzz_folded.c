/* SPDX-License-Identifier: BSD-2-Clause */
#include "fuzz_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_reader(eo_read_folded, data, size);
}
