/* SPDX-License-Identifier: BSD-2-Clause */
#include "convert_options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/auto.h"
#include "option_value.h"
#include "signal_option.h"
#include "signal_output.h"
#include "words.h"

#define FORMATS_MAX 16
#define TOP_MAX 1000000

static const char jsonl[] = "jsonl";
static const char jsonl_suffix[] = ".jsonl";

enum {
	KEY_FROM = 0x200,
	KEY_SAMPLE_TYPE,
	KEY_TOP,
	KEY_SIGNALS,
	KEY_DIFF_BASE,
	KEY_RESOURCE,
	KEY_TIME,
};

static const struct argp_option options_table[] = {
	{NULL, 0, NULL, 0, "What goes in:", 1},
	{"from", KEY_FROM, "FORMAT", 0,
	 "take the inputs for this format, instead of recognising them by content", 1},
	{"diff-base", KEY_DIFF_BASE, "FILE", 0,
	 "subtract this profile: red and blue in flamegraph, signs in top and folded; also pprof",
	 1},

	{NULL, 0, NULL, 0, "What comes out:", 2},
	{"format", 'f', "FORMAT", 0, "what comes out; else the ending of FILE decides", 2},
	{"to", 0, NULL, OPTION_ALIAS, NULL, 2},
	{"output", 'o', "FILE", 0, "where to; default -, which is stdout", 2},
	{"sample-type", KEY_SAMPLE_TYPE, "NAME", 0,
	 "which value of the samples folded, flamegraph and top show", 2},
	{"top", KEY_TOP, "N", 0, "rows of top; 0 is all", 2},
	{"signals", KEY_SIGNALS, "LIST", 0,
	 "of events in OTLP: traces, metrics, logs; default metrics, of network events traces too",
	 2},
	{"resource", KEY_RESOURCE, "KEY=VALUE", 0,
	 "one attribute more of every OTLP resource; can be repeated", 2},
	{"time", KEY_TIME, "now|keep", 0,
	 "now: shift all times so that what comes out ends now; default keep", 2},
	{0},
};

static const char help_text[] =
	"Turn saved profiles and event streams into other formats. Inputs are recognised by content, "
	"gzip or not; several of one kind are merged; without any, stdin is read."
	"\v"
	" From                      to\n"
	"  pprof, otlp, otlp-json   pprof, otlp, otlp-json, folded, flamegraph, top\n"
	"  folded, perf-script      the same\n"
	"  jsonl (events)           otlp, otlp-json, jsonl; with stacks also the others\n"
	"\n"
	" Endings of FILE: .pb.gz and .pprof (pprof), .otlp, .json (otlp-json), .folded,\n"
	" .html (flamegraph), .txt (top), .jsonl.\n"
	"\n"
	" A FILE of events in OTLP holds one signal; for several it is named with\n"
	" {signal}, where traces, metrics and logs are put.\n"
	"\n"
	"Exit status: 0 done, 1 failed, 2 usage.\n"
	"\n"
	"Examples:\n"
	"  ebpfotel convert profile.pb.gz -o profile.otlp\n"
	"  ebpfotel convert mon.pb.gz tue.pb.gz -o both.pb.gz       merge\n"
	"  ebpfotel convert profile.pb.gz -o cpu.html               a flame graph\n"
	"  ebpfotel convert after.pb.gz --diff-base=before.pb.gz -f top\n"
	"  perf script | ebpfotel convert -o perf.pb.gz\n"
	"  ebpfotel convert net.jsonl -o net-{signal}.json";

/* --- values --- */

static int set_from(const struct cli_option *option, struct convert_options *options)
{
	const char *names[FORMATS_MAX + 1] = {0};
	size_t count = 0, index;
	int r;

	for (const struct eo_input_format *f = eo_input_formats; f->name && count < FORMATS_MAX;
	     f++)
		names[count++] = f->name;
	r = cli_option_choice(option, names, &index);
	if (!r)
		options->from = &eo_input_formats[index];
	return r;
}

static int set_format(const struct cli_option *option, struct convert_options *options)
{
	const char *names[FORMATS_MAX + 1] = {0};
	size_t count = 0, index;
	int r;

	for (const struct eo_profile_format *f = eo_profile_formats;
	     f->name && count < FORMATS_MAX - 1; f++)
		names[count++] = f->name;
	names[count] = jsonl;
	r = cli_option_choice(option, names, &index);
	if (!r)
		options->format = names[index];
	return r;
}

static int set_top(const struct cli_option *option, struct convert_options *options)
{
	uint64_t rows;
	int r = cli_option_uint(option, "a number of rows", 0, TOP_MAX, &rows);

	options->has_top = true;
	if (!r)
		options->top_rows = (size_t)rows;
	return r;
}

/* The last value of a key counts: a resource has each key once. */
static int add_resource(const struct cli_option *option, struct convert_options *options)
{
	const char *equals = strchr(option->value, '=');
	struct eo_attribute *attribute = NULL;
	char *key;

	if (!equals || equals == option->value)
		return cli_option_bad(option, option->value, "KEY=VALUE");
	key = strdup(option->value);
	if (!key)
		return ENOMEM;
	key[equals - option->value] = '\0';
	for (size_t i = 0; !attribute && i < options->resource_count; i++)
		if (!strcmp(options->resource[i].key, key))
			attribute = &options->resource[i];
	if (!attribute && options->resource_count == CONVERT_RESOURCE_MAX) {
		free(key);
		return cli_usage_error(option->command, "%s takes at most %d keys", option->name,
				       CONVERT_RESOURCE_MAX);
	}
	if (attribute)
		free((char *)attribute->key);
	else
		attribute = &options->resource[options->resource_count++];
	*attribute = (struct eo_attribute){.key = key, .str = key + (equals - option->value) + 1};
	return 0;
}

static int set_time(const struct cli_option *option, struct convert_options *options)
{
	static const char *const names[] = {"keep", "now", NULL};
	size_t index;
	int r = cli_option_choice(option, names, &index);

	if (!r)
		options->time_now = index == 1;
	return r;
}

static int add_input(struct convert_options *options, const char *input)
{
	const char **inputs;

	if (!*input)
		return cli_usage_error(options->command, "an input wants a name, not ''");
	for (size_t i = 0; !strcmp(input, "-") && i < options->input_count; i++)
		if (!strcmp(options->inputs[i], "-"))
			return cli_usage_error(options->command,
					       "'-', which is stdin, can be read once only");
	inputs = reallocarray(options->inputs, options->input_count + 1, sizeof(*inputs));
	if (!inputs)
		return ENOMEM;
	options->inputs = inputs;
	inputs[options->input_count++] = input;
	return 0;
}

static error_t parse_convert(int key, char *arg, struct argp_state *state)
{
	struct convert_options *options = state->input;
	struct cli_option option;

	if (key == ARGP_KEY_ARG)
		return add_input(options, arg);
	if (!cli_option_init(&option, options->command, state, key, arg))
		return ARGP_ERR_UNKNOWN;
	switch (key) {
	case KEY_FROM:
		return set_from(&option, options);
	case KEY_DIFF_BASE:
		return cli_option_text(&option, &options->diff_base);
	case 'f':
		return set_format(&option, options);
	case 'o':
		return cli_option_output(&option, &options->output);
	case KEY_SAMPLE_TYPE:
		return cli_option_text(&option, &options->sample_type);
	case KEY_TOP:
		return set_top(&option, options);
	case KEY_SIGNALS:
		return cli_option_choices(&option, signal_names, &options->signals);
	case KEY_RESOURCE:
		return add_resource(&option, options);
	case KEY_TIME:
		return set_time(&option, options);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp convert_argp = {
	.options = options_table,
	.parser = parse_convert,
	.args_doc = "[INPUT...|-]",
	.doc = help_text,
};

void convert_options_init(struct convert_options *options, const char *command)
{
	*options = (struct convert_options){.command = command};
}

void convert_options_fini(struct convert_options *options)
{
	for (size_t i = 0; i < options->resource_count; i++)
		free((char *)options->resource[i].key);
	free(options->inputs);
}

/* --- the options together --- */

static bool has_ending(const char *name, const char *ending)
{
	size_t len = strlen(name), ending_len = strlen(ending);

	return len > ending_len && !strcmp(name + len - ending_len, ending);
}

static int choose_format(struct convert_options *options)
{
	if (!options->format && options->output && has_ending(options->output, jsonl_suffix))
		options->format = jsonl;
	if (!options->format && options->output) {
		options->profile_format = eo_profile_format_of_file(options->output);
		if (!options->profile_format && strcmp(options->output, "-"))
			return cli_usage_error(
				options->command,
				"the ending of '%s' tells no format; give one with -f",
				options->output);
		if (options->profile_format)
			options->format = options->profile_format->name;
	}
	if (!options->format)
		return cli_usage_error(
			options->command,
			"no format given: -f FORMAT, or -o FILE with an ending such as .pb.gz");
	options->profile_format = eo_profile_format_find(options->format);
	options->output = options->output ?: "-";
	return 0;
}

/* Options that only some formats have a use for. An option without effect is a mistake. */
static int check_uses(const struct convert_options *options)
{
	static const char *const shown[] = {"folded", "flamegraph", "top", NULL};
	static const char *const compared[] = {"pprof", "folded", "flamegraph", "top", NULL};
	static const char *const table[] = {"top", NULL};
	static const char *const otlp[] = {"otlp", "otlp-json", NULL};
	const struct {
		bool given;
		const char *option;
		const char *const *formats;
	} rules[] = {
		{options->sample_type, "--sample-type", shown},
		{options->diff_base, "--diff-base", compared},
		{options->has_top, "--top", table},
		{options->signals, "--signals", otlp},
		{options->resource_count, "--resource", otlp},
	};

	for (size_t i = 0; i < EO_ARRAY_SIZE(rules); i++) {
		const char *const *format = rules[i].formats;
		char list[64];

		if (!rules[i].given)
			continue;
		while (*format && strcmp(*format, options->format))
			format++;
		if (*format)
			continue;
		cli_list_words(rules[i].formats, "or", list, sizeof(list));
		return cli_usage_error(options->command, "%s wants the format %s, not '%s'",
				       rules[i].option, list, options->format);
	}
	return 0;
}

static int check_inputs(struct convert_options *options)
{
	if (options->input_count)
		return 0;
	if (isatty(STDIN_FILENO))
		return cli_usage_error(options->command,
				       "no input given; '-' reads from the terminal");
	return add_input(options, "-");
}

int convert_options_check(struct convert_options *options)
{
	int r = choose_format(options);

	if (!r)
		r = check_uses(options);
	if (!r)
		r = signal_option_check(options->command, options->signals, options->output);
	if (!r)
		r = check_inputs(options);
	if (r == ENOMEM) {
		cli_usage_error(options->command, "read the options: %s", strerror(r));
		return EXIT_FAILURE;
	}
	return r ? EXIT_USAGE : -1;
}

bool convert_options_events_fit(const struct convert_options *options)
{
	const char *format = options->format;

	return !strcmp(format, jsonl) || !strcmp(format, "otlp") || !strcmp(format, "otlp-json");
}
