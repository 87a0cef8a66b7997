/* SPDX-License-Identifier: BSD-2-Clause */
#include "convert_input.h"

#include <errno.h>
#include <string.h>

#include "report.h"

void convert_input_init(struct convert_input *input, const struct convert_options *options,
			const struct cli *cli)
{
	*input = (struct convert_input){.options = options, .cli = cli};
}

void convert_input_fini(struct convert_input *input)
{
	eo_input_free(input->current);
	input->current = NULL;
}

/* Formats that say the same things in different ways are one kind. */
static const char *kind_of(const struct eo_input_format *format)
{
	return !strcmp(format->name, "otlp-json") ? "otlp" : format->name;
}

static int check_kind(const struct convert_input *input, const char *name, struct eo_error *err)
{
	if (!strcmp(kind_of(input->first), kind_of(input->format)))
		return 0;
	return eo_error_set(err, EO_ERROR_CONFIG, 0,
			    "convert them one by one; results of one format can be merged",
			    "merge %.80s, which is %s, with %.80s, which is %s: one kind is wanted",
			    name, input->format->name, input->options->inputs[0],
			    input->first->name);
}

int convert_input_next(struct convert_input *input, struct eo_error *err)
{
	const struct convert_options *options = input->options;
	const char *name;
	int r;

	convert_input_fini(input);
	if (input->next == options->input_count)
		return 0;
	name = options->inputs[input->next++];
	r = eo_input_open(name, &input->current, err);
	input->format = options->from;
	if (!r && !input->format)
		r = eo_input_recognise(input->current, &input->format, err);
	if (r < 0)
		return r;
	if (!input->first)
		input->first = input->format;
	r = check_kind(input, name, err);
	if (r < 0)
		return r;
	if (input->cli->verbose)
		cli_note(input->cli, "read %s: %s", name, input->format->name);
	return 1;
}

int convert_input_read_profile(struct eo_input *input, const struct eo_input_format *format,
			       struct eo_profile *profile, struct eo_error *err)
{
	if (format->read_profile)
		return format->read_profile(input, profile, err);
	extern int eo_read_event_profile(struct eo_input *, struct eo_profile *, struct eo_error *); return eo_read_event_profile(input, profile, err);
}
