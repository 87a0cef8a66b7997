/* SPDX-License-Identifier: BSD-2-Clause */
#include "convert_profile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "export/output.h"
#include "format/diff.h"
#include "hold_signals.h"
#include "model/profile_time.h"
#include "report.h"

#define TOP_ROWS_OF_A_TERMINAL 50

static int subtract_base(const char *const *path, const struct cli *cli, struct eo_profile *profile,
			 struct eo_error *err)
{
	EO_AUTO(eo_profile) base = NULL;
	struct convert_input input;
	int r;

	convert_input_init(&input, path, 1, NULL, cli);
	r = convert_input_next(&input, err);
	if (r > 0)
		r = convert_input_read_profile(&input, &base, err);
	convert_input_fini(&input);
	return r ? r : eo_profile_subtract(profile, base, err);
}

static int find_sample_type(const struct eo_profile *profile, const char *name, size_t *ret,
			    struct eo_error *err)
{
	char list[160] = "";
	size_t len = 0;

	for (size_t i = 0; i < profile->value_type_count; i++) {
		const char *type = profile->strings[profile->value_types[i].type];

		if (!strcmp(type, name)) {
			*ret = i;
			return 0;
		}
		if (len < sizeof(list))
			len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s",
						i ? ", " : "", type);
	}
	return eo_error_set(err, EO_ERROR_CONFIG, 0, NULL,
			    "show sample type '%.40s': there is only %s", name, list);
}

/* @value_type: untouched unless one was asked for */
static int prepare(const struct convert_options *options, const struct cli *cli,
		   struct eo_profile *profile, size_t *value_type, struct eo_error *err)
{
	int r = 0;

	if (options->diff_base)
		r = subtract_base(&options->diff_base, cli, profile, err);
	if (!r && options->time_now && eo_profile_end_at(profile, eo_clock_wall_ns()) < 0)
		r = eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, ERANGE, NULL,
				 "shift the times of %.200s", options->inputs[0]);
	if (!r && options->sample_type)
		r = find_sample_type(profile, options->sample_type, value_type, err);
	return r;
}

/* An output that cannot be written is found before the inputs are read. What is no file, a fifo
 * say, would notice; it is opened once, when there is something to write. */
static int try_output(const struct convert_options *options, struct eo_error *err)
{
	EO_AUTO(eo_output) output = NULL;
	struct held_signals signals;
	struct stat st;
	int r;

	if (strcmp(options->output, "-") && !stat(options->output, &st) && !S_ISREG(st.st_mode) &&
	    !S_ISDIR(st.st_mode))
		return 0;
	hold_signals(&signals);
	r = eo_output_open(options->output, options->profile_format->binary, &output, err);
	eo_output_free(eo_steal(&output));
	release_signals(&signals);
	return r;
}

static int write_profile(const struct convert_options *options, const struct cli *cli,
			 const struct eo_profile *profile, size_t value_type, struct eo_error *err)
{
	bool to_terminal = !strcmp(options->output, "-") && isatty(STDOUT_FILENO);
	const struct eo_write_options write = {
		.value_type = value_type,
		.top_rows = options->has_top ? options->top_rows
			    : to_terminal    ? TOP_ROWS_OF_A_TERMINAL
					     : 0,
		.color = to_terminal && cli_has_color(),
		.resource = options->resource,
		.resource_count = options->resource_count,
	};
	EO_AUTO(eo_output) output = NULL;
	int r = eo_output_open(options->output, options->profile_format->binary, &output, err);

	if (r < 0)
		return r;
	r = options->profile_format->write(profile, &write, eo_output_stream(output), err);
	r = eo_output_finish(output, r, err);
	if (!r && !eo_output_is_stdout(output))
		cli_note(cli, "wrote %s (%zu stacks)", eo_output_name(output),
			 profile->sample_count);
	return r;
}

int convert_profile(const struct convert_options *options, struct convert_input *input,
		    struct eo_error *err)
{
	EO_AUTO(eo_profile) profile = NULL;
	struct held_signals signals;
	size_t value_type = SIZE_MAX;
	int r = try_output(options, err);

	if (!r)
		r = convert_input_read_profile(input, &profile, err);
	if (!r)
		r = prepare(options, input->cli, profile, &value_type, err);
	if (r < 0)
		return r;
	hold_signals(&signals);
	return write_profile(options, input->cli, profile, value_type, err);
}
