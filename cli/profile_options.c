/* SPDX-License-Identifier: BSD-2-Clause */
#include "profile_options.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/auto.h"
#include "core/clock.h"
#include "interval_files.h"
#include "option_value.h"
#include "report.h"

#define CPU_LIMIT 65536
#define FORMATS_MAX 16

enum {
	KEY_UNWIND = 0x200,
	KEY_CALL_GRAPH,
	KEY_TABLE_MEMORY,
	KEY_MAX_SAMPLES,
	KEY_PER_THREAD,
	KEY_TIMESTAMPS,
	KEY_NO_SYMBOLS,
	KEY_LINES,
};

static const struct argp_option options_table[] = {
	{NULL, 0, NULL, 0, "What to sample:", 1},
	{"frequency", 'F', "HZ", 0, "samples per second and CPU, 1 to 1000; default 99", 1},
	{"cpu", 'C', "LIST", 0, "only these CPUs, such as 0-3,6", 1},
	{"kernel-only", 'K', NULL, 0, "leave user stacks out", 1},
	{"user-only", 'U', NULL, 0, "leave kernel stacks out", 1},
	{"unwind", KEY_UNWIND, "METHOD", 0,
	 "how user stacks are walked: auto (the default), fp, dwarf or snapshot", 1},
	{"call-graph", KEY_CALL_GRAPH, "METHOD", 0, "perf's name of --unwind", 1},
	{NULL, 'g', NULL, 0, "changes nothing: stacks are always taken", 1},
	{"table-memory", KEY_TABLE_MEMORY, "SIZE", 0,
	 "memory for unwinding tables, 1M to 256M; default 12M", 1},
	{"per-thread", KEY_PER_THREAD, NULL, 0, "keep threads apart", 1},
	{"max-samples", KEY_MAX_SAMPLES, "N", 0,
	 "distinct stacks held, default 100000; further ones are counted as [stack limit]", 1},

	{"no-symbols", KEY_NO_SYMBOLS, NULL, 0, "addresses and build ids only", 4},
	{"lines", KEY_LINES, NULL, 0,
	 "file and line, and inlined functions, where debug information is at hand", 4},
	{"timestamps", KEY_TIMESTAMPS, NULL, 0,
	 "keep the time of each sample, with -f otlp or otlp-json", 4},
	{0},
};

static const char help_text[] =
	"Sample what the CPUs execute and write a profile: by default the whole system for a minute, "
	"to profile.pb.gz."
	"\v"
	"SIGUSR1 pauses sampling, SIGUSR2 resumes it; Ctrl-C ends it and writes what was collected.\n"
	"\n"
	"Exit status: 0 done, 1 failed, 2 usage, 3 unsupported kernel, 4 missing privileges; with CMD "
	"its status, or 125 when ebpfotel itself failed.\n"
	"\n"
	"Examples:\n"
	"  ebpfotel profile -d 10                        the whole system for 10 s\n"
	"  ebpfotel profile -p 4711 -o web.pb.gz         one process and its children\n"
	"  ebpfotel profile -F 199 -- make -j4           a command, from its start\n"
	"  ebpfotel profile -d 5 -f top                  the busiest functions, as text\n"
	"  ebpfotel profile -d 5 -o cpu.html             a flame graph for the browser\n"
	"  ebpfotel profile -d 5 -f folded | flamegraph.pl > cpu.svg\n"
	"  ebpfotel profile -d 0 --interval=5m --keep=12 -o cpu-%F-%H%M.pb.gz";

static const char *const unwind_names[] = {"auto", "fp", "dwarf", "snapshot", NULL};
static const char *const call_graph_names[] = {"fp", "dwarf", NULL};

static const enum eo_unwind unwind_methods[] = {
	EO_UNWIND_AUTO,
	EO_UNWIND_FP,
	EO_UNWIND_DWARF,
	EO_UNWIND_SNAPSHOT,
};
_Static_assert(EO_ARRAY_SIZE(unwind_methods) + 1 == EO_ARRAY_SIZE(unwind_names),
	       "one name a method");

static int set_unwind(const struct cli_option *option, const char *const *names,
		      struct profile_options *options)
{
	size_t index;
	int r = cli_option_choice(option, names, &index);

	if (r)
		return r;
	for (size_t i = 0; unwind_names[i]; i++)
		if (!strcmp(unwind_names[i], names[index]))
			options->unwind = i;
	return 0;
}

static int set_frequency(const struct cli_option *option, struct profile_options *options)
{
	uint64_t hz;
	int r = cli_option_uint(option, "a whole number of Hz", 1, EO_SAMPLE_RATE_MAX_HZ, &hz);

	if (!r)
		options->frequency_hz = (uint32_t)hz;
	return r;
}

static int set_table_memory(const struct cli_option *option, struct profile_options *options)
{
	if (cli_parse_size(option->value, EO_TABLE_MEMORY_MIN, EO_TABLE_MEMORY_MAX, &options->table_memory) < 0)
		return cli_option_bad(option, option->value, "a size from 1M to 256M");
	return 0;
}

static int set_cpus(const struct cli_option *option, struct profile_options *options)
{
	int r = cli_parse_ranges(option->value, CPU_LIMIT - 1, CPU_LIMIT, &options->cpus);

	if (r == -ENOMEM)
		return ENOMEM;
	return r ? cli_option_bad(option, option->value, "numbers of CPUs such as 0-3,6") : 0;
}

static error_t parse_profile(int key, char *arg, struct argp_state *state)
{
	struct profile_options *options = state->input;
	struct cli_option option;

	if (key == ARGP_KEY_INIT) {
		state->child_inputs[0] = &options->capture;
		return 0;
	}
	if (!cli_option_init(&option, options->capture.command, state, key, arg))
		return ARGP_ERR_UNKNOWN;
	switch (key) {
	case 'F':
		return set_frequency(&option, options);
	case 'C':
		return set_cpus(&option, options);
	case 'K':
		options->kernel_only = true;
		return 0;
	case 'U':
		options->user_only = true;
		return 0;
	case KEY_UNWIND:
		return set_unwind(&option, unwind_names, options);
	case KEY_CALL_GRAPH:
		return set_unwind(&option, call_graph_names, options);
	case 'g':
		return 0;
	case KEY_TABLE_MEMORY:
		return set_table_memory(&option, options);
	case KEY_MAX_SAMPLES:
		return cli_option_uint(&option, "a number of stacks", 1, EO_MAX_SAMPLES_LIMIT,
				       &options->max_samples);
	case KEY_PER_THREAD:
		options->per_thread = true;
		return 0;
	case KEY_NO_SYMBOLS:
		options->no_symbols = true;
		return 0;
	case KEY_LINES:
		options->lines = true;
		return 0;
	case KEY_TIMESTAMPS:
		options->timestamps = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = {{&capture_argp}, {0}};

static void write_formats(FILE *out)
{
	fputs(" Formats:\n", out);
	for (const struct eo_profile_format *f = eo_profile_formats; f->name; f++)
		fprintf(out, "  %-11s %s\n", f->name, f->description);
}

/* The formats, from their own table, between the options and what stands in help_text. */
static char *add_formats(int key, const char *text, void *input)
{
	(void)input;
	return cli_help_with(key, text, write_formats);
}

const struct argp profile_argp = {
	.options = options_table,
	.parser = parse_profile,
	.args_doc = "[-- CMD [ARG...]]",
	.doc = help_text,
	.children = children,
	.help_filter = add_formats,
};

void profile_options_init(struct profile_options *options, const char *command)
{
	*options = (struct profile_options){0};
	capture_options_init(&options->capture, command);
}

void profile_options_fini(struct profile_options *options)
{
	cli_numbers_fini(&options->cpus);
	capture_options_fini(&options->capture);
}

static int find_format(const char *command, const char *name, const struct eo_profile_format **ret)
{
	const struct cli_option option = {.command = command, .name = "-f", .value = name};
	const char *names[FORMATS_MAX + 1] = {0};
	size_t count = 0, index;
	int r;

	for (const struct eo_profile_format *f = eo_profile_formats; f->name && count < FORMATS_MAX;
	     f++)
		names[count++] = f->name;
	r = cli_option_choice(&option, names, &index);
	if (!r)
		*ret = &eo_profile_formats[index];
	return r;
}

/* The formats that have a place for times and resources. */
static bool is_otlp(const struct profile_options *options)
{
	return !strcmp(options->format->name, "otlp") || !strcmp(options->format->name, "otlp-json");
}

/* By name, else by the file's ending, else pprof, the first of the table. */
static int choose_format(struct profile_options *options)
{
	const struct capture_options *capture = &options->capture;
	const struct eo_profile_format *format = NULL;

	if (capture->format && find_format(capture->command, capture->format, &format))
		return EINVAL;
	if (!capture->format && capture->output)
		format = eo_profile_format_of_file(capture->output);
	options->format = format ?: &eo_profile_formats[0];
	options->output = capture->output ?: options->format->default_file ?: "-";
	if (options->timestamps && !is_otlp(options))
		return cli_usage_error(
			capture->command,
			"--timestamps wants -f otlp or otlp-json, not '%s', which counts samples",
			options->format->name);
	return 0;
}

/* The kernel refuses CPUs that are offline only when the capture starts. */
static int check_cpus(const struct profile_options *options)
{
	FILE *file = fopen("/sys/devices/system/cpu/online", "re");
	struct cli_numbers online = {0};
	char text[4096] = "";
	int r = 0;

	if (!file)
		return 0;
	if (fgets(text, sizeof(text), file))
		text[strcspn(text, "\n")] = '\0';
	fclose(file);
	if (cli_parse_ranges(text, CPU_LIMIT - 1, CPU_LIMIT, &online) == 0) {
		for (size_t i = 0; !r && i < options->cpus.count; i++) {
			bool found = false;

			for (size_t j = 0; !found && j < online.count; j++)
				found = online.values[j] == options->cpus.values[i];
			if (!found)
				r = cli_usage_error(options->capture.command,
						    "-C wants CPUs that are online (%s), not '%u'",
						    text, options->cpus.values[i]);
		}
	}
	cli_numbers_fini(&online);
	return r;
}

int profile_options_check(struct profile_options *options)
{
	struct capture_options *capture = &options->capture;
	struct eo_error err = {0};

	if (options->kernel_only && options->user_only) {
		cli_usage_error(capture->command, "-K and -U exclude each other");
		return EXIT_USAGE;
	}
	if (options->lines && options->no_symbols) {
		cli_usage_error(capture->command, "--lines and --no-symbols exclude each other");
		return EXIT_USAGE;
	}
	if (choose_format(options) || check_cpus(options))
		return EXIT_USAGE;
	if (capture->stats && !strcmp(capture->stats, options->output)) {
		cli_usage_error(capture->command, "--stats and the profile would both go to '%s'",
				options->output);
		return EXIT_USAGE;
	}

	if (capture->interval_ns && capture->output &&
	    !interval_names_differ(capture->output, eo_clock_wall_ns(),
					 capture->interval_ns)) {
		cli_usage_error(
			capture->command,
			"-o '%s' would give several intervals one name; add to its template, up to %%S",
			capture->output);
		return EXIT_USAGE;
	}

	options->config = eo_config_default();
	capture_options_config(capture, &options->config);
	if (options->frequency_hz)
		options->config.sample_rate_hz = options->frequency_hz;
	if (options->max_samples)
		options->config.max_samples = options->max_samples;
	if (eo_config_validate(&options->config, &err) < 0)
		return cli_report(&err);
	return capture_options_check(capture);
}

void profile_options_profiler(const struct profile_options *options,
			      struct eo_cpu_profiler_options *profiler)
{
	*profiler = (struct eo_cpu_profiler_options){
		.cpus = options->cpus.values,
		.cpu_count = options->cpus.count,
		.kernel_only = options->kernel_only,
		.user_only = options->user_only,
		.per_thread = options->per_thread,
		.no_symbols = options->no_symbols,
		.timestamps = options->timestamps,
		.resources = is_otlp(options),
		.lines = options->lines,
		.unwind = unwind_methods[options->unwind],
		.table_memory = options->table_memory,
	};
	capture_options_target(&options->capture, &profiler->target);
}

int profile_options_describe(const struct profile_options *options)
{
	json_t *object = capture_options_describe(&options->capture, &options->config);
	json_t *cpus = json_array();
	int r;

	for (size_t i = 0; i < options->cpus.count; i++)
		json_array_append_new(cpus, json_integer(options->cpus.values[i]));
	if (options->cpus.count)
		json_object_set(object, "cpu", cpus);
	json_decref(cpus);
	json_object_set_new(object, "kernel-only", json_boolean(options->kernel_only));
	json_object_set_new(object, "user-only", json_boolean(options->user_only));
	json_object_set_new(object, "unwind", json_string(unwind_names[options->unwind]));
	json_object_set_new(object, "table-memory",
			    json_integer((json_int_t)(options->table_memory ? options->table_memory :
									      EO_TABLE_MEMORY_DEFAULT)));
	json_object_set_new(object, "per-thread", json_boolean(options->per_thread));
	json_object_set_new(object, "no-symbols", json_boolean(options->no_symbols));
	json_object_set_new(object, "timestamps", json_boolean(options->timestamps));
	json_object_set_new(object, "lines", json_boolean(options->lines));
	json_object_set_new(object, "format", json_string(options->format->name));
	r = object ? json_object_set_new(object, "output", cli_json_text(options->output)) : -1;
	if (!r)
		r = json_dumpf(object, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
	json_decref(object);
	if (r < 0) {
		cli_usage_error(options->capture.command, "show the configuration: out of memory");
		return EXIT_FAILURE;
	}
	putchar('\n');
	return cli_flush_stdout();
}
