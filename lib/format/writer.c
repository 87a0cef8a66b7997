/* SPDX-License-Identifier: BSD-2-Clause */
#include "format/writer.h"

#include <errno.h>
#include <string.h>

static const char *const pprof_suffixes[] = { ".pb.gz", ".pprof", NULL };
static const char *const otlp_suffixes[] = { ".otlp", NULL };
static const char *const otlp_json_suffixes[] = { ".json", NULL };
static const char *const folded_suffixes[] = { ".folded", NULL };
static const char *const flamegraph_suffixes[] = { ".html", NULL };
static const char *const top_suffixes[] = { ".txt", NULL };

const struct eo_profile_format eo_profile_formats[] = {
	{ .name = "pprof",
	  .description = "gzipped protobuf, for go tool pprof and most profile viewers",
	  .default_file = "profile.pb.gz",
	  .suffixes = pprof_suffixes,
	  .binary = true,
	  .write = eo_write_pprof },
	{ .name = "otlp",
	  .description = "OpenTelemetry profiles, protobuf",
	  .default_file = "profile.otlp",
	  .suffixes = otlp_suffixes,
	  .binary = true,
	  .write = eo_write_otlp },
	{ .name = "otlp-json",
	  .description = "OpenTelemetry profiles, JSON",
	  .default_file = "profile.json",
	  .suffixes = otlp_json_suffixes,
	  .write = eo_write_otlp_json },
	{ .name = "folded",
	  .description = "one line a stack with its count, for flame graph scripts",
	  .suffixes = folded_suffixes,
	  .write = eo_write_folded },
	{ .name = "flamegraph",
	  .description = "flame graph, one HTML file",
	  .default_file = "profile.html",
	  .suffixes = flamegraph_suffixes,
	  .write = eo_write_flamegraph },
	{ .name = "top",
	  .description = "table of functions, the most expensive first",
	  .suffixes = top_suffixes,
	  .write = eo_write_top },
	{ .name = NULL },
};

const struct eo_profile_format *eo_profile_format_find(const char *name)
{
	for (const struct eo_profile_format *format = eo_profile_formats; format->name; format++)
		if (!strcmp(format->name, name))
			return format;
	return NULL;
}

const struct eo_profile_format *eo_profile_format_of_file(const char *file_name)
{
	size_t len = strlen(file_name);

	for (const struct eo_profile_format *format = eo_profile_formats; format->name; format++)
		for (const char *const *suffix = format->suffixes; *suffix; suffix++) {
			size_t suffix_len = strlen(*suffix);

			if (len >= suffix_len && !strcmp(file_name + len - suffix_len, *suffix))
				return format;
		}
	return NULL;
}

size_t eo_profile_default_value_type(const struct eo_profile *profile)
{
	for (size_t i = 0; profile->default_value_type && i < profile->value_type_count; i++)
		if (profile->value_types[i].type == profile->default_value_type)
			return i;
	return profile->value_type_count ? profile->value_type_count - 1 : 0;
}

int eo_profile_check_value_type(const struct eo_profile *profile, size_t type,
				struct eo_error *err)
{
	if (type < profile->value_type_count)
		return 0;
	return eo_error_set(err, EO_ERROR_CONFIG, 0, NULL,
			    "show value %zu of a profile that has %zu", type,
			    profile->value_type_count);
}
