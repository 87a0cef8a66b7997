/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace_syscall_options.h"

#include <errno.h>
#include <string.h>

#include "capture_options.h"
#include "cli.h"
#include "core/clock.h"
#include "option_value.h"
#include "report.h"

enum {
	KEY_ERRNO = 0x400,
	KEY_MIN_DURATION,
	KEY_PAYLOAD,
};

static const struct argp_option options_table[] = {
	{NULL, 0, NULL, 0, "syscall:", 5},
	{"syscall", 'e', "LIST", 0,
	 "only these: names, numbers, %file %desc %network %process %memory %signal %ipc; all but "
	 "these: !LIST",
	 5},
	{"failed", 'Z', NULL, 0, "only calls that fail", 5},
	{"errno", KEY_ERRNO, "NAME[,...]", 0, "only calls that fail so, as with ENOENT,EACCES", 5},
	{"min-duration", KEY_MIN_DURATION, "TIME", 0, "only calls that take at least so long", 5},
	{"string-limit", 's', "N", 0, "bytes of texts that are no paths, 0 to 4096; default 64", 5},
	{NULL, 'y', NULL, 0, "paths of descriptors, looked up in the kernel", 5},
	{"payload", KEY_PAYLOAD, NULL, 0,
	 "buffers of read, write, send, recv up to -s; they hold secrets", 5},
	{0},
};

/* A list's own words for what is wrong in it. */
static int bad_list(const struct cli_option *option, const struct eo_error *err)
{
	cli_usage_error(option->command, "%s: %s", option->name, err->text);
	if (err->hint)
		cli_hint(err->hint);
	return EINVAL;
}

/* Several lists add up. */
static int add_calls(const struct cli_option *option, struct trace_syscall_options *options)
{
	struct eo_syscall_set set;
	struct eo_error err = {0};

	if (eo_syscall_list_parse(option->value, &set, &err) < 0)
		return bad_list(option, &err);
	for (size_t i = 0; i < EO_ARRAY_SIZE(set.bits); i++)
		options->calls.bits[i] |= set.bits[i];
	options->by_calls = true;
	return -cli_texts_add(&options->call_lists, option->value);
}

static int add_errnos(const struct cli_option *option, struct trace_syscall_options *options)
{
	struct eo_errno_set set;
	struct eo_error err = {0};

	if (eo_errno_list_parse(option->value, &set, &err) < 0)
		return bad_list(option, &err);
	for (size_t i = 0; i < EO_ARRAY_SIZE(set.bits); i++)
		options->errnos.bits[i] |= set.bits[i];
	options->by_errnos = true;
	return -cli_texts_add(&options->errno_lists, option->value);
}

static int set_string_limit(const struct cli_option *option, struct trace_syscall_options *options)
{
	uint64_t limit;
	int r = cli_option_uint(option, "a number of bytes", 0, EO_SYSCALL_STRING_MAX, &limit);

	if (!r) {
		options->string_limit = (uint32_t)limit;
		options->has_string_limit = true;
	}
	return r;
}

static error_t parse_syscall(int key, char *arg, struct argp_state *state)
{
	struct trace_syscall_options *options = state->input;
	struct cli_option option;
	int r = 0;

	if (key == ARGP_KEY_ARG || !cli_option_init(&option, options->command, state, key, arg))
		return ARGP_ERR_UNKNOWN;
	switch (key) {
	case 'e':
		r = add_calls(&option, options);
		break;
	case 'Z':
		options->failed = true;
		break;
	case KEY_ERRNO:
		r = add_errnos(&option, options);
		break;
	case KEY_MIN_DURATION:
		r = cli_option_time(&option, 0, &options->min_duration_ns);
		break;
	case 's':
		r = set_string_limit(&option, options);
		break;
	case 'y':
		options->fd_paths = true;
		break;
	case KEY_PAYLOAD:
		options->payload = true;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	options->given = cli_option_long_name(options_table, key) ?: "y";
	return r;
}

const struct argp trace_syscall_argp = {options_table, parse_syscall};

void trace_syscall_options_fini(struct trace_syscall_options *options)
{
	cli_texts_fini(&options->call_lists);
	cli_texts_fini(&options->errno_lists);
}

void trace_syscall_options_fill(const struct trace_syscall_options *options,
				struct eo_syscall_options *tracer)
{
	tracer->by_calls = options->by_calls;
	tracer->calls = options->calls;
	tracer->failed = options->failed;
	tracer->by_errnos = options->by_errnos;
	tracer->errnos = options->errnos;
	tracer->min_duration_ns = options->min_duration_ns;
	tracer->string_limit = options->has_string_limit ? options->string_limit :
							   EO_SYSCALL_STRING_LIMIT;
	tracer->payload = options->payload;
	tracer->fd_paths = options->fd_paths;
}

void trace_syscall_options_describe(const struct trace_syscall_options *options, json_t *object)
{
	cli_json_set_texts(object, "syscall", options->call_lists.values);
	json_object_set_new(object, "failed", json_boolean(options->failed));
	cli_json_set_texts(object, "errno", options->errno_lists.values);
	if (options->min_duration_ns)
		json_object_set_new(object, "min-duration",
				    json_real((double)options->min_duration_ns /
					      (double)EO_NS_PER_SEC));
	json_object_set_new(object, "string-limit",
			    json_integer(options->has_string_limit ?
						 (json_int_t)options->string_limit :
						 EO_SYSCALL_STRING_LIMIT));
	json_object_set_new(object, "y", json_boolean(options->fd_paths));
	json_object_set_new(object, "payload", json_boolean(options->payload));
}
