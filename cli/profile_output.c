/* SPDX-License-Identifier: BSD-2-Clause */
#include "profile_output.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "export/output.h"
#include "interval_files.h"
#include "report.h"

#define TOP_ROWS_OF_A_TERMINAL 50

struct profile_output {
	struct profile_output_options options;
	struct eo_output *current;
	char name[PATH_MAX];
	struct interval_files files;
};

static int open_output(struct profile_output *output, uint64_t now_ns, struct eo_error *err)
{
	const struct profile_output_options *options = &output->options;

	if (!options->interval_ns)
		return eo_output_open(options->path, options->format->binary, &output->current,
				      err);
	if (!interval_name(options->path, now_ns, output->name, sizeof(output->name)))
		return eo_error_set(err, EO_ERROR_CONFIG, 0, NULL, "name the output '%s': too long",
				    options->path);
	return eo_output_open(output->name, options->format->binary, &output->current, err);
}

int profile_output_new(const struct profile_output_options *options, uint64_t now_ns,
		       struct profile_output **ret, struct eo_error *err)
{
	EO_AUTO(profile_output) output = calloc(1, sizeof(*output));
	int r;

	if (output)
		output->options = *options;
	if (output)
		output->files = (struct interval_files){.keep = options->keep, .cli = options->cli};
	if (!output)
		return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, ENOMEM, NULL,
				    "prepare the output");
	r = open_output(output, now_ns, err);
	if (r < 0)
		return r;
	*ret = eo_steal(&output);
	return 0;
}

void profile_output_free(struct profile_output *output)
{
	if (!output)
		return;
	eo_output_free(output->current);
	interval_files_fini(&output->files);
	free(output);
}

bool profile_output_is_stdout(const struct profile_output *output)
{
	return output->current && eo_output_is_stdout(output->current);
}

int profile_output_reader(const struct profile_output *output)
{
	struct stat st;

	if (!profile_output_is_stdout(output) || fstat(STDOUT_FILENO, &st) < 0 ||
	    (!S_ISFIFO(st.st_mode) && !S_ISSOCK(st.st_mode)))
		return -1;
	return STDOUT_FILENO;
}

int profile_output_write(struct profile_output *output, const struct eo_profile *profile,
			 struct eo_error *err)
{
	const struct cli *cli = output->options.cli;
	bool to_terminal = eo_output_is_stdout(output->current) && isatty(STDOUT_FILENO);
	const struct eo_write_options write = {
		.value_type = SIZE_MAX,
		.top_rows = to_terminal ? TOP_ROWS_OF_A_TERMINAL : 0,
		.color = to_terminal && cli_has_color(),
	};
	int r = output->options.format->write(profile, &write, eo_output_stream(output->current),
					      err);

	r = eo_output_finish(output->current, r, err);
	if (!r && !eo_output_is_stdout(output->current))
		cli_note(cli, "wrote %s (%" PRId64 " samples, %zu stacks)",
			 eo_output_name(output->current), eo_profile_total(profile, 0),
			 profile->sample_count);
	if (!r)
		interval_files_add(&output->files, output->name);
	eo_output_free(eo_steal(&output->current));
	return r;
}

int profile_output_next(struct profile_output *output, uint64_t now_ns, struct eo_error *err)
{
	return open_output(output, now_ns, err);
}
