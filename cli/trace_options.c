/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace_options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/auto.h"
#include "core/clock.h"
#include "core/words.h"
#include "interval_files.h"
#include "option_value.h"
#include "report.h"
#include "signal_option.h"
#include "signal_output.h"
#include "words.h"

#define TOP_MAX	   1000000
#define EVENTS_MAX 1000000000000ull

enum {
	KEY_BY = 0x300,
	KEY_SORT,
	KEY_TOP,
	KEY_MAX_EVENTS,
	KEY_ENVELOPE,
	KEY_REDACT,
	KEY_SIGNALS,
};

static const struct argp_option options_table[] = {
	{NULL, 0, NULL, 0, "What of the events:", 1},
	{"summary", 'c', NULL, 0,
	 "no events: a table at the end, added up in the kernel; with --interval every TIME", 1},
	{"by", KEY_BY, "KEYS", 0,
	 "with -c: rows also by comm, pid, cgroup, container, peer, stack, as far as a tracer can",
	 1},
	{"sort", KEY_SORT, "KEY", 0, "with -c: order of the rows, by a key of theirs", 1},
	{"top", KEY_TOP, "N", 0, "with -c: the first N rows; 0 is all", 1},
	{"stack", 'k', NULL, 0, "user and kernel stack of each event", 1},
	{"max-events", KEY_MAX_EVENTS, "N", 0, "stop after N events", 1},
	{"redact", KEY_REDACT, NULL, 0,
	 "\"[redacted]\" instead of paths and of the texts in arguments", 1},

	{"envelope", KEY_ENVELOPE, "auto|yes|no", 0,
	 "start, process and end records around the events; auto: in a FILE, not in a pipe", 4},
	{"signals", KEY_SIGNALS, "LIST", 0,
	 "in OTLP: traces, metrics, logs; default metrics, of network events traces too", 4},
	{0},
};

static const char help_text[] =
	"Stream events as they happen, of one tracer or several, until interrupted: JSON lines, text "
	"to read, or OpenTelemetry."
	"\v"
	" --env does not end a trace; -d, --max-events, the end of CMD or of all targets do.\n"
	" A slow reader loses events, which are counted; it never holds up what is traced.\n"
	"\n"
	"Exit status: 0 done, 1 failed, 2 usage, 3 unsupported kernel, 4 missing privileges; with CMD "
	"its status, or 125 when ebpfotel itself failed.\n"
	"\n"
	"Examples:\n"
	"  ebpfotel trace syscall -p 4711                  one process, to read\n"
	"  ebpfotel trace syscall -- make | jq .data.name  a command, from its first call\n"
	"  ebpfotel trace syscall -c -d 10                 which calls take the time\n"
	"  ebpfotel trace syscall -o calls.jsonl           into a file, for convert\n"
	"  ebpfotel trace syscall --signals=traces -o spans.json -- ./job\n"
	"  ebpfotel trace mem --leaks -p 4711 -d 60        what it holds of what it took since\n"
	"  ebpfotel trace mem -o heap.pb.gz -- ./job       for go tool pprof";

static const char *const envelope_names[] = {"auto", "yes", "no", NULL};
enum {
	ENVELOPE_AUTO,
	ENVELOPE_YES,
};

/* --- values --- */

static int take_argument(struct trace_options *options, const char *arg,
			 const struct argp_state *state)
{
	if (state->quoted || options->list)
		return ARGP_ERR_UNKNOWN; /* the command, or a word too many: see capture_options.c */
	options->list = arg;
	return 0;
}

static error_t parse_trace(int key, char *arg, struct argp_state *state)
{
	struct trace_options *options = state->input;
	struct cli_option option;
	int r;

	if (key == ARGP_KEY_INIT) {
		state->child_inputs[0] = &options->capture;
		trace_tracers_set_inputs(options, state->child_inputs + 1);
		return 0;
	}
	if (key == ARGP_KEY_ARG)
		return take_argument(options, arg, state);
	if (!cli_option_init(&option, options->capture.command, state, key, arg))
		return ARGP_ERR_UNKNOWN;
	switch (key) {
	case 'c':
		options->summary = true;
		return 0;
	case KEY_BY:
		options->by_text = option.value;
		return cli_option_choices(&option, trace_by_names, &options->by);
	case KEY_SORT:
		return cli_option_text(&option, &options->sort);
	case KEY_TOP:
		options->has_top = true;
		return cli_option_uint(&option, "a number of rows", 0, TOP_MAX, &options->top);
	case 'k':
		options->stack = true;
		return 0;
	case KEY_MAX_EVENTS:
		return cli_option_uint(&option, "a number of events", 1, EVENTS_MAX,
				       &options->max_events);
	case KEY_REDACT:
		options->redact = true;
		return 0;
	case KEY_ENVELOPE:
		r = cli_option_choice(&option, envelope_names, &options->envelope);
		options->has_envelope = !r;
		return r;
	case KEY_SIGNALS:
		return cli_option_choices(&option, signal_names, &options->signals);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void write_tables(FILE *out)
{
	fputs(" Tracers:\n", out);
	for (const struct trace_tracer *t = trace_tracers; t->name; t++)
		fprintf(out, "  %-11s %s\n", t->name, t->text);
	fputs("\n Formats:\n", out);
	for (size_t i = 0; trace_format_names[i]; i++)
		fprintf(out, "  %-11s %s\n", trace_format_names[i], trace_format_texts[i]);
	fputs("  pprof, folded, flamegraph, top: mem alone, a heap profile\n", out);
}

/* The tracers and formats, from their own tables, between the options and help_text. */
static char *add_tables(int key, const char *text, void *input)
{
	(void)input;
	return cli_help_with(key, text, write_tables);
}

const struct argp trace_argp = {
	.options = options_table,
	.parser = parse_trace,
	.args_doc = "TRACER[,TRACER...] [-- CMD [ARG...]]",
	.doc = help_text,
	.children = trace_children,
	.help_filter = add_tables,
};

void trace_options_init(struct trace_options *options, const char *command)
{
	*options = (struct trace_options){0};
	capture_options_init(&options->capture, command);
}

void trace_options_fini(struct trace_options *options)
{
	capture_options_fini(&options->capture);
	trace_net_options_fini(&options->net);
	trace_syscall_options_fini(&options->syscall);
}

/* --- tracers --- */

static const struct trace_tracer *find_tracer(const char *name)
{
	for (const struct trace_tracer *t = trace_tracers; t->name; t++)
		if (!strcmp(t->name, name))
			return t;
	return NULL;
}

/* @ret: "net, syscall or mem" */
static void list_tracers(char *ret, size_t size)
{
	const char *names[TRACERS_MAX + 1] = {0};
	size_t count = 0;

	for (const struct trace_tracer *t = trace_tracers; t->name; t++)
		names[count++] = t->name;
	cli_list_words(names, "or", ret, size);
}

static int unknown_tracer(const char *command, const char *name)
{
	const char *names[TRACERS_MAX + 1] = {0}, *nearest;
	size_t count = 0;
	char list[64];

	for (const struct trace_tracer *t = trace_tracers; t->name; t++)
		names[count++] = t->name;
	nearest = eo_nearest_word(name, names);
	list_tracers(list, sizeof(list));
	return cli_usage_error(command, "a tracer is %s, not '%s'%s%s%s", list, name,
			       nearest ? "; the nearest is '" : "", nearest ?: "",
			       nearest ? "'" : "");
}

static int add_tracer(struct trace_options *o, const char *name)
{
	const struct trace_tracer *tracer = find_tracer(name);

	if (!tracer)
		return unknown_tracer(o->capture.command, name);
	for (size_t i = 0; i < o->tracer_count; i++)
		if (o->tracers[i] == tracer)
			return cli_usage_error(o->capture.command, "%s is named twice", name);
	o->tracers[o->tracer_count++] = tracer;
	return 0;
}

static int choose_tracers(struct trace_options *o)
{
	EO_AUTO_FREE char *copy = NULL;
	char list[64], *rest, *name;
	int r = 0;

	if (!o->list) {
		list_tracers(list, sizeof(list));
		return cli_usage_error(o->capture.command, "which tracer? %s, or several with commas",
				       list);
	}
	rest = copy = strdup(o->list);
	if (!copy)
		return ENOMEM;
	while (!r && (name = strsep(&rest, ",")))
		r = add_tracer(o, name);
	return r;
}

static bool is_chosen(const struct trace_options *o, const struct trace_tracer *tracer)
{
	for (size_t i = 0; i < o->tracer_count; i++)
		if (o->tracers[i] == tracer)
			return true;
	return false;
}

/* An option without effect is a mistake. */
static int check_tracers(struct trace_options *o)
{
	const struct capture_options *capture = &o->capture;
	bool has_target = capture->pids.count || capture->tids.count || capture->argv ||
			  capture->all;
	int r = 0;

	for (const struct trace_tracer *t = trace_tracers; t->name; t++) {
		const char *given = t->given ? t->given(o) : NULL;

		if (given && !is_chosen(o, t))
			return cli_usage_error(capture->command,
					       "%s%s is an option of %s, not of %s",
					       given[1] ? "--" : "-", given, t->name, o->list);
	}
	for (size_t i = 0; !r && i < o->tracer_count; i++) {
		const struct trace_tracer *t = o->tracers[i];

		if (t->needs_target && !has_target) {
			r = cli_usage_error(capture->command,
					    "%s wants a target: -p, a command behind --, or -a",
					    t->name);
		} else if (o->by & ~t->by) {
			r = cli_usage_error(capture->command,
					    "--by=%s: %s has no rows by %s", o->by_text, t->name,
					    trace_by_names[__builtin_ctz(o->by & ~t->by)]);
		} else if (t->check) {
			r = t->check(o);
		}
	}
	return r;
}

/* --- formats --- */

bool trace_options_is_otlp(const struct trace_options *options)
{
	return options->format == TRACE_OTLP || options->format == TRACE_OTLP_JSON;
}

bool trace_options_has_envelope(const struct trace_options *options)
{
	if (options->format != TRACE_JSONL)
		return false;
	if (options->envelope == ENVELOPE_AUTO)
		return strcmp(options->output, "-") != 0;
	return options->envelope == ENVELOPE_YES;
}

/* What else mem alone can write. OTLP is for events here, and its profiles come by way of convert. */
static const struct eo_profile_format *heap_format(const struct trace_options *o)
{
	const struct eo_profile_format *format =
		o->capture.format ? eo_profile_format_find(o->capture.format) :
				    eo_profile_format_of_file(o->output);
	enum trace_format taken;

	if (!format || o->tracer_count != 1 || !is_chosen(o, find_tracer("mem")) ||
	    !strncmp(format->name, "otlp", 4))
		return NULL;
	return !o->capture.format && trace_format_of_file(o->output, &taken) ? NULL : format;
}

/* By name, else by the file's ending; a table is for people, as is a terminal. */
static int choose_format(struct trace_options *o)
{
	const struct capture_options *capture = &o->capture;
	const struct cli_option option = {
		.command = capture->command, .name = "-f", .value = capture->format};
	size_t index;

	o->output = capture->output ?: "-";
	o->heap = heap_format(o);
	if (o->heap) {
		o->format = TRACE_JSONL;
	} else if (capture->format) {
		if (cli_option_choice(&option, trace_format_names, &index))
			return EINVAL;
		o->format = (enum trace_format)index;
	} else if (!trace_format_of_file(o->output, &o->format)) {
		o->format = o->summary || (!strcmp(o->output, "-") && isatty(STDOUT_FILENO)) ?
				    TRACE_TEXT :
				    TRACE_JSONL;
	}
	return 0;
}

static bool has_traces(const struct trace_options *o)
{
	for (size_t i = 0; i < o->tracer_count; i++)
		if (o->tracers[i]->has_traces)
			return true;
	return false;
}

static int check_signals(const struct trace_options *o)
{
	const char *command = o->capture.command;

	if (o->signals && !trace_options_is_otlp(o))
		return cli_usage_error(command, "--signals wants the format otlp or otlp-json, not '%s'",
				       trace_format_names[o->format]);
	if (trace_options_is_otlp(o) && !o->signals && has_traces(o) && !o->summary &&
	    !signal_output_is_template(o->output)) {
		cli_usage_error(command, "net makes traces and metrics, and '%s' holds one signal",
				o->output);
		cli_hint("choose one with --signals, or put {signal} into the name of -o FILE");
		return EINVAL;
	}
	return signal_option_check(command, o->signals, o->output);
}

static int check_interval(const struct trace_options *o)
{
	const struct capture_options *capture = &o->capture;

	if (!capture->interval_ns || !strchr(o->output, '%') ||
	    interval_names_differ(o->output, eo_clock_wall_ns(), capture->interval_ns))
		return 0;
	return cli_usage_error(
		capture->command,
		"-o '%s' would give several intervals one name; add to its template, up to %%S",
		o->output);
}

static int check_sort(const struct trace_options *o)
{
	for (size_t i = 0; o->sort && i < o->tracer_count; i++) {
		const struct eo_event_key *keys = eo_event_keys(o->tracers[i]->summary);

		if (!eo_event_key_find(keys, o->sort)) {
			const char *names[32] = {0};

			for (size_t j = 0; keys[j].key && j < EO_ARRAY_SIZE(names) - 1; j++)
				names[j] = keys[j].key;
			return cli_option_choice(
				&(struct cli_option){.command = o->capture.command,
						     .name = "--sort",
						     .value = o->sort},
				names, &(size_t){0});
		}
	}
	return 0;
}

static int check_pairs(const struct trace_options *o)
{
	const struct capture_options *capture = &o->capture;
	const struct {
		bool wrong;
		const char *text;
	} rules[] = {
		{o->heap && (o->summary || o->stack || o->mem.leaks || o->max_events || o->has_envelope ||
			     o->redact || capture->interval_ns),
		 "a heap profile goes with neither -c, -k, --leaks, --max-events, --envelope, --redact nor --interval"},
		{o->redact && o->syscall.payload,
		 "--redact and --payload exclude each other; buffers are what it leaves out first"},
		{o->heap && o->mem.sources & (o->mem.sources - 1),
		 "a heap profile wants one --source: the bytes of one are in another's"},
		{o->mem.leaks && o->stack, "--leaks and -k exclude each other; leaks have their stacks"},
		{o->mem.leaks && o->max_events, "--leaks and --max-events exclude each other"},
		{o->mem.leaks && o->tracer_count > 1, "--leaks wants mem alone"},
		{o->mem.sample_bytes && !o->summary && !o->heap,
		 "--sample-bytes wants -c, --leaks or a heap profile; events have no weights"},
		{o->by_text && !o->summary, "--by wants -c"},
		{o->sort && !o->summary, "--sort wants -c"},
		{o->has_top && !o->summary, "--top wants -c"},
		{o->summary && o->max_events, "-c and --max-events exclude each other"},
		{o->summary && o->stack, "-c and -k exclude each other; --by=stack makes rows of stacks"},
		{o->has_envelope && o->format != TRACE_JSONL, "--envelope wants the format jsonl"},
		{capture->stats && !strcmp(capture->stats, o->output),
		 "--stats and the events would both go to one output"},
	};

	for (size_t i = 0; i < EO_ARRAY_SIZE(rules); i++)
		if (rules[i].wrong)
			return cli_usage_error(capture->command, "%s", rules[i].text);
	return 0;
}

static int set_config(struct trace_options *o, struct eo_error *err)
{
	o->config = eo_config_default();
	capture_options_config(&o->capture, &o->config);
	/* An environment says how fast to sample and for how long to profile: it ends no trace. */
	if (!o->capture.has_duration)
		o->config.duration_ns = 0;
	o->config.enable_cpu_profiling = false;
	o->config.enable_network_tracing = is_chosen(o, find_tracer("net"));
	o->config.enable_syscall_tracing = is_chosen(o, find_tracer("syscall"));
	o->config.enable_memory_tracing = is_chosen(o, find_tracer("mem"));
	return eo_config_validate(&o->config, err);
}

/* A summary of its own, whose largest rows come first. */
static void take_leaks(struct trace_options *o)
{
	o->summary = true;
	if (!o->sort)
		o->sort = "active_bytes";
}

int trace_options_check(struct trace_options *o)
{
	struct eo_error err = {0};
	int r = choose_tracers(o);

	if (!r && o->mem.leaks)
		take_leaks(o);
	if (!r)
		r = choose_format(o);
	if (!r)
		r = check_pairs(o);
	if (!r)
		r = check_tracers(o);
	if (!r)
		r = check_signals(o);
	if (!r)
		r = check_interval(o);
	if (!r)
		r = check_sort(o);
	if (r == ENOMEM) {
		cli_usage_error(o->capture.command, "read the options: %s", strerror(r));
		return EXIT_FAILURE;
	}
	if (r)
		return EXIT_USAGE;
	if (set_config(o, &err) < 0)
		return cli_report(&err);
	/* Rows and batches follow each other where they are told apart; lines are cut by file. */
	o->capture.interval_to_stdout = (o->summary || trace_options_is_otlp(o)) &&
					!strcmp(o->output, "-");
	return capture_options_check(&o->capture);
}

/* --- the configuration --- */

json_t *trace_options_json(const struct trace_options *o)
{
	json_t *object = capture_options_describe(&o->capture, &o->config);
	json_t *tracers = json_array();

	if (!object || !tracers) {
		json_decref(object);
		json_decref(tracers);
		return NULL;
	}
	for (size_t i = 0; i < o->tracer_count; i++)
		json_array_append_new(tracers, json_string(o->tracers[i]->name));
	json_object_set_new(object, "tracers", tracers);
	for (size_t i = 0; i < o->tracer_count; i++)
		if (o->tracers[i]->describe)
			o->tracers[i]->describe(o, object);
	json_object_set_new(object, "summary", json_boolean(o->summary));
	if (o->by_text)
		json_object_set_new(object, "by", json_string(o->by_text));
	if (o->sort)
		json_object_set_new(object, "sort", json_string(o->sort));
	if (o->top)
		json_object_set_new(object, "top", json_integer((json_int_t)o->top));
	json_object_set_new(object, "stack", json_boolean(o->stack));
	if (o->max_events)
		json_object_set_new(object, "max-events", json_integer((json_int_t)o->max_events));
	json_object_set_new(object, "redact", json_boolean(o->redact));
	json_object_set_new(object, "envelope", json_boolean(trace_options_has_envelope(o)));
	if (o->signals) {
		json_t *signals = json_array();

		for (unsigned int i = 0; i < SIGNAL_COUNT; i++)
			if (o->signals & 1u << i)
				json_array_append_new(signals, json_string(signal_names[i]));
		json_object_set_new(object, "signals", signals);
	}
	json_object_set_new(object, "format",
			    json_string(o->heap ? o->heap->name : trace_format_names[o->format]));
	json_object_set_new(object, "output", cli_json_text(o->output));
	return object;
}

int trace_options_describe(const struct trace_options *o)
{
	json_t *object = trace_options_json(o);
	int r = object ? json_dumpf(object, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(15)) : -1;

	json_decref(object);
	if (r < 0) {
		cli_usage_error(o->capture.command, "show the configuration: out of memory");
		return EXIT_FAILURE;
	}
	putchar('\n');
	return cli_flush_stdout();
}
