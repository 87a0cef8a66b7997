/* SPDX-License-Identifier: BSD-2-Clause */
#include "convert_input.h"

#include <errno.h>
#include <string.h>

#include "core/auto.h"
#include "format/event_profile.h"
#include "report.h"

void convert_input_init(struct convert_input *input, const char *const *names, size_t name_count,
			const struct eo_input_format *from, const struct cli *cli)
{
	*input = (struct convert_input){
		.names = names,
		.name_count = name_count,
		.from = from,
		.cli = cli,
		.stop_fd = -1,
	};
}

void convert_input_fini(struct convert_input *input)
{
	eo_input_free(input->current);
	input->current = NULL;
}

void convert_input_stop_by(struct convert_input *input, int fd)
{
	input->stop_fd = fd;
	if (input->current)
		eo_input_stop_by(input->current, fd);
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
			    name, input->format->name, input->names[0], input->first->name);
}

int convert_input_next(struct convert_input *input, struct eo_error *err)
{
	const char *name;
	int r;

	convert_input_fini(input);
	if (input->next == input->name_count)
		return 0;
	name = input->names[input->next++];
	r = eo_input_open(name, &input->current, err);
	if (!r)
		eo_input_stop_by(input->current, input->stop_fd);
	input->format = input->from;
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

static int read_profiles(struct convert_input *input, struct eo_profile **ret, struct eo_error *err)
{
	EO_AUTO(eo_profile) profile = eo_profile_new();
	int r;

	if (!profile)
		return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, ENOMEM, NULL,
				    "read %.200s", input->names[0]);
	do
		r = input->format->read_profile(input->current, profile, err);
	while (!r && (r = convert_input_next(input, err)) > 0);
	if (!r)
		*ret = eo_steal(&profile);
	return r;
}

static int on_event(void *ctx, const struct eo_event *event, const struct eo_event_clock *clock,
		    struct eo_error *err)
{
	int r = eo_event_profile_add(ctx, event, clock, err);

	return r < 0 ? r : 0;
}

static int read_events(struct convert_input *input, struct eo_profile **ret, struct eo_error *err)
{
	EO_AUTO(eo_event_profile) events = NULL;
	int r = eo_event_profile_new(&events, err);

	if (r < 0)
		return r;
	do
		r = eo_read_events(input->current, on_event, events, err);
	while (!r && (r = convert_input_next(input, err)) > 0);
	return r ? r : eo_event_profile_finish(events, ret, err);
}

int convert_input_read_profile(struct convert_input *input, struct eo_profile **ret,
			       struct eo_error *err)
{
	return input->format->read_profile ? read_profiles(input, ret, err)
					   : read_events(input, ret, err);
}
