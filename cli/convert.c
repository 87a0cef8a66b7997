/* SPDX-License-Identifier: BSD-2-Clause */
/* A reader and a writer: which two, and whether they fit, is all that is decided here. */
#include <string.h>

#include "cli.h"
#include "convert_events.h"
#include "convert_input.h"
#include "convert_options.h"
#include "convert_profile.h"
#include "words.h"

static int check_pair(const struct convert_options *options, const struct eo_input_format *from,
		      struct eo_error *err)
{
	const char *words[16];
	size_t count = 0;
	char list[128];

	if (from->read_profile && options->signals)
		return eo_error_set(err, EO_ERROR_CONFIG, 0, NULL,
				    "convert %.120s: --signals is for events, and this is %s",
				    options->inputs[0], from->name);
	if (!from->read_profile || options->profile_format)
		return 0;
	for (const struct eo_profile_format *f = eo_profile_formats; f->name; f++)
		if (count + 1 < EO_ARRAY_SIZE(words))
			words[count++] = f->name;
	words[count] = NULL;
	cli_list_words(words, "or", list, sizeof(list));
	return eo_error_set(err, EO_ERROR_CONFIG, 0, NULL,
			    "convert %.80s from %s to %s: %s becomes %s", options->inputs[0],
			    from->name, options->format, from->name, list);
}

static int convert(const struct convert_options *options, struct convert_input *input,
		   struct eo_error *err)
{
	int r = convert_input_next(input, err);

	if (r > 0)
		r = check_pair(options, input->format, err);
	if (r < 0)
		return r;
	if (!input->format->read_profile && convert_options_events_fit(options))
		return convert_events(options, input, err);
	return convert_profile(options, input, err);
}

int cmd_convert(int argc, char **argv, struct cli *cli)
{
	struct convert_options options;
	struct convert_input input;
	struct eo_error err = {0};
	int status;

	convert_options_init(&options, argv[0]);
	status = cli_parse(&convert_argp, argv[0], argc, argv, &options, cli);
	if (status < 0)
		status = convert_options_check(&options);
	if (status < 0) {
		convert_input_init(&input, options.inputs, options.input_count, options.from, cli);
		status = convert(&options, &input, &err) < 0 ? cli_report(&err) : EXIT_SUCCESS;
		convert_input_fini(&input);
	}
	convert_options_fini(&options);
	return status;
}
