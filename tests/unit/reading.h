/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of readers share: bytes in, a profile or an error out. */
#ifndef TESTS_READING_H
#define TESTS_READING_H

#include <criterion/criterion.h>
#include <string.h>

#include "format/input.h"
#include "format/reader.h"
#include "format/writer.h"
#include "model/profile.h"
#include "profile_samples.h"

/* Read @bytes into @profile. Returns what the reader does, @err may be NULL. */
static inline int read_into(struct eo_profile *profile, eo_profile_read_fn read, const void *bytes,
			    size_t size, struct eo_error *err)
{
	struct eo_input *input;
	int r;

	cr_assert_eq(eo_input_open_memory(bytes, size, &input, NULL), 0);
	r = read(input, profile, err);
	eo_input_free(input);
	return r;
}

/* A profile of good bytes; free it. */
static inline struct eo_profile *profile_of(eo_profile_read_fn read, const void *bytes, size_t size)
{
	struct eo_profile *profile = eo_profile_new();
	struct eo_error err = { 0 };

	cr_assert_eq(read_into(profile, read, bytes, size, &err), 0, "%s", err.text);
	cr_assert_eq(eo_profile_status(profile), 0);
	return profile;
}

/* The reader refuses the bytes, for this reason. */
static inline void expect_error(eo_profile_read_fn read, const void *bytes, size_t size,
				const char *text)
{
	struct eo_profile *profile = eo_profile_new();
	struct eo_error err = { 0 };
	int r = read_into(profile, read, bytes, size, &err);

	cr_expect_lt(r, 0, "accepted instead of: %s", text);
	cr_expect_eq(err.kind, EO_ERROR_EVENT_PROCESSING_FAILED);
	cr_expect(strstr(err.text, text), "\"%s\" instead of \"%s\"", err.text, text);
	eo_profile_free(profile);
}

/* Whatever comes of the bytes, it is a profile or an error. */
static inline void survive(eo_profile_read_fn read, const void *bytes, size_t size)
{
	struct eo_profile *profile = eo_profile_new();
	struct eo_error err = { 0 };

	if (read_into(profile, read, bytes, size, &err) < 0)
		cr_expect_eq(err.kind, EO_ERROR_EVENT_PROCESSING_FAILED);
	eo_profile_free(profile);
}

/* The lines that folded stacks of @profile have, in value @type. */
static inline void expect_folded(const struct eo_profile *profile, size_t type,
				 const char *expected)
{
	const struct eo_write_options options = { .value_type = type };
	char *text = written(eo_write_folded, profile, &options, NULL);

	cr_expect_str_eq(text, expected);
	free(text);
}

#endif
