/* SPDX-License-Identifier: BSD-2-Clause */
#include "profile_output.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"
#include "export/output.h"
#include "report.h"

#define TOP_ROWS_OF_A_TERMINAL 50
#define NAMES_TRIED 1000

struct profile_output {
	struct profile_output_options options;
	struct eo_output *current;
	char name[PATH_MAX];
	char **written; /* a ring of the newest options.keep names */
	size_t written_count;
};

bool profile_output_name(const char *path, uint64_t time_ns, char *ret, size_t size)
{
	time_t seconds = (time_t)(time_ns / EO_NS_PER_SEC);
	struct tm tm;

	/* The template comes from the user, who is told when it is no good. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	return localtime_r(&seconds, &tm) && strftime(ret, size, path, &tm) > 0;
#pragma GCC diagnostic pop
}

bool profile_output_names_differ(const char *path, uint64_t now_ns, uint64_t interval_ns)
{
	char names[2][PATH_MAX];

	if (!profile_output_name(path, now_ns, names[0], sizeof(names[0])))
		return false;
	/* "%H:%M" with 59 s looks fine until an interval begins and ends in one minute. */
	for (size_t i = 1; i <= NAMES_TRIED; i++) {
		if (!profile_output_name(path, now_ns + i * interval_ns, names[i % 2],
					 sizeof(names[0])))
			return false;
		if (!strcmp(names[0], names[1]))
			return false;
	}
	return true;
}

static int open_output(struct profile_output *output, uint64_t now_ns, struct eo_error *err)
{
	const struct profile_output_options *options = &output->options;

	if (!options->interval_ns)
		return eo_output_open(options->path, options->format->binary, &output->current,
				      err);
	if (!profile_output_name(options->path, now_ns, output->name, sizeof(output->name)))
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
	if (output && options->keep)
		output->written = calloc(options->keep, sizeof(*output->written));
	if (!output || (options->keep && !output->written))
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
	for (size_t i = 0; output->written && i < output->options.keep; i++)
		free(output->written[i]);
	free(output->written);
	free(output);
}

bool profile_output_is_stdout(const struct profile_output *output)
{
	return output->current && eo_output_is_stdout(output->current);
}

/* Remember what was written and remove what is now too old. */
static void rotate(struct profile_output *output)
{
	char **slot;

	if (!output->options.keep)
		return;
	/* A template such as cpu-%S comes round again: the old file has been replaced, and its age
	 * must not remove the new one. */
	for (size_t i = 0; i < output->options.keep; i++)
		if (output->written[i] && !strcmp(output->written[i], output->name))
			free(eo_steal(&output->written[i]));
	slot = &output->written[output->written_count++ % output->options.keep];
	if (*slot && unlink(*slot) < 0 && errno != ENOENT)
		cli_warn(output->options.cli, "remove %s: %s", *slot, strerror(errno));
	free(*slot);
	*slot = strdup(output->name);
}

int profile_output_write(struct profile_output *output, const struct eo_profile *profile,
			 struct eo_error *err)
{
	const struct cli *cli = output->options.cli;
	bool to_terminal = eo_output_is_stdout(output->current) && isatty(STDOUT_FILENO);
	const struct eo_write_options write = {
		.value_type = SIZE_MAX,
		.top_rows = to_terminal ? TOP_ROWS_OF_A_TERMINAL : 0,
		.color = to_terminal && !getenv("NO_COLOR"),
	};
	int r = output->options.format->write(profile, &write, eo_output_stream(output->current),
					      err);

	if (!r)
		r = eo_output_commit(output->current, err);
	if (!r && !eo_output_is_stdout(output->current))
		cli_note(cli, "wrote %s (%" PRId64 " samples, %zu stacks)",
			 eo_output_name(output->current), eo_profile_total(profile, 0),
			 profile->sample_count);
	if (!r)
		rotate(output);
	eo_output_free(eo_steal(&output->current));
	return r;
}

int profile_output_next(struct profile_output *output, uint64_t now_ns, struct eo_error *err)
{
	return open_output(output, now_ns, err);
}
