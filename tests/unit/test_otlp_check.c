/* SPDX-License-Identifier: BSD-2-Clause */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "core/auto.h"
#include "otlp_written.h"

static void expect_complaint(ProfilesData *data, const char *what)
{
	EO_AUTO_FREE char *report = NULL;
	size_t len, count;
	FILE *out = open_memstream(&report, &len);

	count = otlp_check(data, out);
	fclose(out);
	cr_expect_gt(count, 0, "%s", what);
	cr_expect(strstr(report, what), "\"%s\" is not in: %s", what, report);
}

Test(otlp_check, each_rule_can_be_broken)
{
	ProfilesData *data = otlp_of(rich_profile());
	P(ProfilesDictionary) *d = data->dictionary;
	P(Profile) *profile = data->resource_profiles[0]->scope_profiles[0]->profiles[0];
	P(Sample) *sample = profile->samples[2];
	int32_t index;
	uint64_t time = 1;
	size_t count;
	char *text;

/* Break one thing, look, and mend it. */
#define BREAK(thing, value, complaint)                  \
	do {                                            \
		__typeof__(thing) whole_ = (thing);     \
		(thing) = (value);                      \
		expect_complaint(data, complaint);      \
		(thing) = whole_;                       \
	} while (0)

	BREAK(sample->stack_index, -1, "sample refers to element -1 of stack_table");
	BREAK(sample->stack_index, 99, "sample refers to element 99 of stack_table");
	BREAK(sample->link_index, 1, "sample refers to element 1 of link_table");
	BREAK(sample->attribute_indices[0], 0, "sample has attribute 0");
	index = sample->attribute_indices[0];
	BREAK(sample->attribute_indices[1], index, "has the key of attribute");
	BREAK(sample->n_values, 0, "has 0 values and 0 timestamps");
	sample->timestamps_unix_nano = &time;
	BREAK(sample->n_timestamps_unix_nano, 1, "has another shape");
	BREAK(sample->n_timestamps_unix_nano, 1, "outside of its profile's window");
	sample->timestamps_unix_nano = NULL;
	BREAK(profile->samples[3], sample, "profile has equal elements");
	BREAK(profile->sample_type, NULL, "without a sample type");
	BREAK(profile->original_payload_format, (char *)"x", "go together");
	BREAK(d->n_link_table, 0, "link_table has no element 0");
	BREAK(d->mapping_table[0]->memory_limit, 1, "element 0 of mapping_table is not empty");
	BREAK(d->mapping_table[1]->memory_limit, 1, "mapping from 1000 to 1");
	BREAK(d->mapping_table[1], d->mapping_table[2], "mapping_table has equal elements");
	BREAK(d->location_table[1]->mapping_index, 77, "location refers to element 77");
	BREAK(d->location_table[2]->lines[0]->line, -1, "negative line");
	BREAK(d->function_table[1]->start_line, -1, "negative start line");
	BREAK(d->function_table[1]->name_strindex, 1000, "function refers to element 1000");
	BREAK(d->string_table[1], d->string_table[2], "string_table has equal elements");
	BREAK(d->string_table[1], (char *)"\xff", "is no UTF-8");
	BREAK(d->stack_table[1]->location_indices[0], 0, "has location 0");
	BREAK(d->stack_table[1]->n_location_indices, 0, "stack_table has equal elements");
	count = profile->n_samples;
	BREAK(profile->n_samples, count - 1, "nothing refers to element");
	text = data->resource_profiles[0]->scope_profiles[0]->scope->name;
	BREAK(text[0], (char)0xc0, "is no UTF-8");
	BREAK(data->n_resource_profiles, 0, "no resource profiles");
	BREAK(data->dictionary, NULL, "no dictionary");
#undef BREAK
	cr_expect_eq(otlp_check(data, stderr), 0, "all is mended");
	free_data(data);
}
