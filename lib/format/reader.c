/* SPDX-License-Identifier: BSD-2-Clause */
#include "format/reader.h"

#include <string.h>

#include "format/read_recognise.h"

/* The stricter forms first. */
const struct eo_input_format eo_input_formats[] = {
	{"otlp", eo_is_otlp, eo_read_otlp},
	{"pprof", eo_is_pprof, eo_read_pprof},
	{"otlp-json", eo_is_otlp_json, eo_read_otlp_json},
	{"jsonl", eo_is_jsonl, NULL},
	{"perf-script", eo_is_perf_script, eo_read_perf_script},
	{"folded", eo_is_folded, eo_read_folded},
	{NULL, NULL, NULL},
};

const struct eo_input_format *eo_input_format_find(const char *name)
{
	for (const struct eo_input_format *format = eo_input_formats; format->name; format++)
		if (!strcmp(format->name, name))
			return format;
	return NULL;
}

int eo_input_recognise(struct eo_input *input, const struct eo_input_format **ret,
		       struct eo_error *err)
{
	const unsigned char *bytes;
	ssize_t size = eo_input_peek(input, &bytes, err);

	if (size < 0)
		return (int)size;
	for (const struct eo_input_format *format = eo_input_formats; size && format->name;
	     format++)
		if (format->recognise(bytes, (size_t)size)) {
			*ret = format;
			return 0;
		}
	return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, 0,
			    "--from names the format of an input that does not look like one",
			    "read %.120s: %s: neither pprof nor OTLP profiles (protobuf or JSON) "
			    "nor JSON lines nor folded stacks nor perf script",
			    eo_input_name(input), size ? "unknown format" : "it is empty");
}
