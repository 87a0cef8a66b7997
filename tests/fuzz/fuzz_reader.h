/* SPDX-License-Identifier: BSD-2-Clause */
/* A reader is given anything, twice: what it made of it must merge with itself, and can be
 * written. */
#ifndef TESTS_FUZZ_READER_H
#define TESTS_FUZZ_READER_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "format/input.h"
#include "format/reader.h"
#include "format/writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline int fuzz_read(eo_profile_read_fn read, struct eo_profile *profile,
			    const uint8_t *data, size_t size)
{
	EO_AUTO(eo_input) input = NULL;
	struct eo_error err = { 0 };
	int r;

	if (eo_input_open_memory(data, size, &input, NULL) < 0)
		return -1;
	r = read(input, profile, &err);
	if (r < 0 && (err.kind != EO_ERROR_EVENT_PROCESSING_FAILED || !err.text[0]))
		abort(); /* it failed and did not say why */
	return r;
}

static inline int fuzz_reader(eo_profile_read_fn read, const uint8_t *data, size_t size)
{
	const struct eo_write_options options = { .value_type = SIZE_MAX };
	EO_AUTO(eo_profile) profile = eo_profile_new();
	const struct eo_input_format *format;
	EO_AUTO(eo_input) input = NULL;
	FILE *out;

	if (!profile)
		return 0;
	if (eo_input_open_memory(data, size, &input, NULL) == 0)
		eo_input_recognise(input, &format, NULL);
	if (fuzz_read(read, profile, data, size) < 0)
		return 0;
	out = fopen("/dev/null", "we");
	if (out) {
		eo_write_pprof(profile, &options, out, NULL);
		eo_write_folded(profile, &options, out, NULL);
		fclose(out);
	}
	fuzz_read(read, profile, data, size);
	return 0;
}

#endif
