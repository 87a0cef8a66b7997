/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines made of anything. What can be read is written, and what was written is read again and
 * must come out the same. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/auto.h"
#include "format/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int write_event(void *ctx, const struct eo_event *event, const struct eo_event_clock *clock,
		       struct eo_error *err)
{
	(void)err;
	return eo_jsonl_write(event, clock, ctx);
}

/* Returns what eo_read_events() said. @ret: malloc()ed */
static int rewrite(const void *data, size_t size, char **ret, size_t *ret_size)
{
	EO_AUTO(eo_input) input = NULL;
	struct eo_error err;
	FILE *out = open_memstream(ret, ret_size);
	int status;

	if (!out || eo_input_open_memory(data, size, &input, &err))
		abort();
	status = eo_read_events(input, write_event, out, &err);
	fclose(out);
	return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	EO_AUTO_FREE char *first = NULL, *second = NULL;
	size_t first_size, second_size;

	rewrite(data, size, &first, &first_size);
	if (rewrite(first, first_size, &second, &second_size) < 0 || first_size != second_size ||
	    memcmp(first, second, first_size))
		__builtin_trap();
	return 0;
}
