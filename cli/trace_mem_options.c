/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace_mem_options.h"

#include <errno.h>

#include "capture_options.h"
#include "cli.h"
#include "core/clock.h"
#include "option_value.h"
#include "report.h"

enum {
	KEY_SOURCE = 0x600,
	KEY_LIBRARY,
	KEY_MIN_SIZE,
	KEY_SAMPLE_BYTES,
	KEY_MAX_LIVE,
	KEY_LEAKS,
	KEY_MIN_AGE,
	KEY_MAX_OVERHEAD,
};

#define MAX_OVERHEAD_DEFAULT 20 /* percent */
#define MEASURE_NS	     200000000ull

static const struct argp_option options_table[] = {
	{NULL, 0, NULL, 0, "mem:", 6},
	{"source", KEY_SOURCE, "LIST", 0,
	 "of libc (allocators; the default), mmap (address space), faults (what becomes resident), "
	 "kernel (its own objects)", 6},
	{"leaks", KEY_LEAKS, NULL, 0,
	 "no events: at the end what is still held, or was at exit, by where it was allocated", 6},
	{"min-age", KEY_MIN_AGE, "TIME", 0, "with --leaks: held for at least so long", 6},
	{"min-size", KEY_MIN_SIZE, "BYTES", 0, "only allocations of at least so much", 6},
	{"sample-bytes", KEY_SAMPLE_BYTES, "N", 0,
	 "with -c, --leaks or a heap profile: one block every N bytes, weighted to estimate all", 6},
	{"library", KEY_LIBRARY, "FILE", 0, "an allocator that is not found by its malloc() and free()", 6},
	{"max-live", KEY_MAX_LIVE, "N", 0, "blocks in use that are kept; default 1000000", 6},
	{"max-overhead", KEY_MAX_OVERHEAD, "PERCENT", 0,
	 "warn when the probes cost a running target more of a CPU; default 20, 0 is never", 6},
	{0},
};

static int add_library(const struct cli_option *option, struct trace_mem_options *options)
{
	if (options->library_count == TRACE_MEM_LIBRARIES_MAX)
		return cli_option_bad(option, option->value, "at most %d files", TRACE_MEM_LIBRARIES_MAX);
	return cli_option_text(option, &options->libraries[options->library_count++]);
}

static error_t parse_mem(int key, char *arg, struct argp_state *state)
{
	struct trace_mem_options *options = state->input;
	struct cli_option option;
	int r = 0;

	if (key == ARGP_KEY_ARG || !cli_option_init(&option, options->command, state, key, arg))
		return ARGP_ERR_UNKNOWN;
	switch (key) {
	case KEY_SOURCE:
		r = cli_option_choices(&option, eo_mem_source_options, &options->sources);
		break;
	case KEY_LIBRARY:
		r = add_library(&option, options);
		break;
	case KEY_MIN_SIZE:
		r = cli_option_uint(&option, "a number of bytes", 0, INT64_MAX, &options->min_size);
		break;
	case KEY_SAMPLE_BYTES:
		r = cli_option_uint(&option, "a number of bytes", 1, EO_MEM_SAMPLE_BYTES_MAX,
				    &options->sample_bytes);
		break;
	case KEY_MAX_LIVE:
		r = cli_option_uint(&option, "a number of blocks", 1, EO_MEM_LIVE_MAX, &options->max_live);
		break;
	case KEY_LEAKS:
		options->leaks = true;
		break;
	case KEY_MIN_AGE:
		r = cli_option_time(&option, 0, &options->min_age_ns);
		options->has_min_age = true;
		break;
	case KEY_MAX_OVERHEAD:
		r = cli_option_uint(&option, "a percentage", 0, 100000, &options->max_overhead);
		options->has_max_overhead = true;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	options->given = cli_option_long_name(options_table, key);
	return r;
}

const struct argp trace_mem_argp = {options_table, parse_mem};

int trace_mem_options_check(const struct trace_mem_options *options)
{
	bool faults = options->sources & EO_MEM_BIT(EO_MEM_FAULTS);

	if (options->has_min_age && !options->leaks)
		return cli_usage_error(options->command, "--min-age wants --leaks");
	if (options->library_count && options->sources && !(options->sources & EO_MEM_BIT(EO_MEM_LIBC)))
		return cli_usage_error(options->command, "--library is for --source=libc");
	if (faults && options->sample_bytes)
		return cli_usage_error(options->command, "--sample-bytes: faults are all counted");
	if (faults && options->leaks) {
		cli_usage_error(options->command, "--leaks: pages do not say who brought them in");
		cli_hint("-c --by=stack or a profile shows where resident memory grows");
		return EINVAL;
	}
	return 0;
}

void trace_mem_options_fill(const struct trace_mem_options *options, struct eo_mem_options *mem)
{
	mem->sources = options->sources;
	mem->libraries = options->libraries;
	mem->library_count = options->library_count;
	mem->min_size = options->min_size;
	mem->sample_bytes = options->sample_bytes;
	mem->max_live = options->max_live;
	mem->leaks = options->leaks;
	mem->min_age_ns = options->min_age_ns;
}

static uint64_t max_overhead(const struct trace_mem_options *options)
{
	return options->has_max_overhead ? options->max_overhead : MAX_OVERHEAD_DEFAULT;
}

int trace_mem_options_warn(const struct trace_mem_options *options, struct eo_tracer *tracer,
			   const struct cli *cli, struct eo_error *err)
{
	double percent;
	int r;

	if (!max_overhead(options))
		return 0;
	r = eo_mem_tracer_measure(tracer, MEASURE_NS, &percent, err);
	if (r < 0 || percent <= (double)max_overhead(options))
		return r;
	cli_warn(cli, "the probes take the target some %.0f %% of a CPU", percent);
	if (!cli->quiet)
		cli_hint("a short -d is enough for a program that allocates so much");
	return 0;
}

static uint64_t max_live(const struct trace_mem_options *options)
{
	if (options->max_live)
		return options->max_live;
	return options->sources == EO_MEM_BIT(EO_MEM_KERNEL) ? EO_MEM_LIVE_DEFAULT_KERNEL :
							       EO_MEM_LIVE_DEFAULT;
}

static json_t *describe_sources(unsigned int sources)
{
	json_t *list = json_array();

	for (unsigned int i = 0; list && i < EO_MEM_SOURCES; i++)
		if (sources & EO_MEM_BIT(i))
			json_array_append_new(list, json_string(eo_mem_source_options[i]));
	return list;
}

void trace_mem_options_describe(const struct trace_mem_options *options, json_t *object)
{
	json_t *libraries = json_array();

	json_object_set_new(object, "source",
			    describe_sources(options->sources ?: EO_MEM_BIT(EO_MEM_LIBC)));
	json_object_set_new(object, "leaks", json_boolean(options->leaks));
	if (options->has_min_age)
		json_object_set_new(object, "min-age",
				    json_real((double)options->min_age_ns / (double)EO_NS_PER_SEC));
	json_object_set_new(object, "min-size", json_integer((json_int_t)options->min_size));
	if (options->sample_bytes)
		json_object_set_new(object, "sample-bytes",
				    json_integer((json_int_t)options->sample_bytes));
	json_object_set_new(object, "max-live", json_integer((json_int_t)max_live(options)));
	json_object_set_new(object, "max-overhead", json_integer((json_int_t)max_overhead(options)));
	for (size_t i = 0; libraries && i < options->library_count; i++)
		json_array_append_new(libraries, cli_json_text(options->libraries[i]));
	json_object_set_new(object, "library", libraries);
}
