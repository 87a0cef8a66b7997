/* SPDX-License-Identifier: BSD-2-Clause */
/* Profile writers: a model goes in, bytes come out. One row a format. */
#ifndef EO_FORMAT_WRITER_H
#define EO_FORMAT_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "core/attribute.h"
#include "core/error.h"
#include "model/profile.h"

struct eo_write_options {
	/* Which value folded and top show. SIZE_MAX: the profile's default, but of a profile with
	 * samples/count folded shows that one, for scripts expect numbers of samples there. */
	size_t value_type;
	size_t top_rows;   /* rows of top; 0: all */
	bool color;	   /* top: headings for a terminal */
	/* otlp: attributes that every resource gets, besides those of the profile. */
	const struct eo_attribute *resource;
	size_t resource_count;
};

/* Writers leave buffering errors to the caller's final fflush()/ferror(). */
typedef int (*eo_profile_write_fn)(const struct eo_profile *profile,
				   const struct eo_write_options *options, FILE *out,
				   struct eo_error *err);

struct eo_profile_format {
	const char *name;	  /* as in --format */
	const char *description;  /* one line for --help */
	const char *default_file; /* NULL: stdout */
	const char *const *suffixes; /* file endings that choose it, NULL-terminated */
	bool binary;		  /* refused on a terminal */
	eo_profile_write_fn write;
};

/* The table ends with a row whose name is NULL. */
extern const struct eo_profile_format eo_profile_formats[];

const struct eo_profile_format *eo_profile_format_find(const char *name);	  /* or NULL */
const struct eo_profile_format *eo_profile_format_of_file(const char *file_name); /* or NULL */

/** The value type that is shown when none is asked for: by name, else the last. */
size_t eo_profile_default_value_type(const struct eo_profile *profile);

/** -EINVAL when there is no value type @type. */
int eo_profile_check_value_type(const struct eo_profile *profile, size_t type,
				struct eo_error *err);

int eo_write_pprof(const struct eo_profile *profile, const struct eo_write_options *options,
		   FILE *out, struct eo_error *err);
int eo_write_folded(const struct eo_profile *profile, const struct eo_write_options *options,
		    FILE *out, struct eo_error *err);
int eo_write_otlp(const struct eo_profile *profile, const struct eo_write_options *options,
		  FILE *out, struct eo_error *err);
int eo_write_otlp_json(const struct eo_profile *profile, const struct eo_write_options *options,
		       FILE *out, struct eo_error *err);
int eo_write_flamegraph(const struct eo_profile *profile, const struct eo_write_options *options,
			FILE *out, struct eo_error *err);
int eo_write_top(const struct eo_profile *profile, const struct eo_write_options *options,
		 FILE *out, struct eo_error *err);

#endif
