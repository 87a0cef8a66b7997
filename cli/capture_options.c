/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture_options.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "capture/cgroup.h"
#include "cli.h"
#include "core/auto.h"
#include "core/clock.h"
#include "option_value.h"
#include "report.h"

#define PID_MAX 4194304			  /* PID_MAX_LIMIT of 64-bit kernels */
#define UID_MAX_VALUE (UINT32_MAX - 1ull) /* the last one means "none" */
#define KEEP_MAX 100000

enum {
	KEY_ENV = 0x100,
	KEY_COMM,
	KEY_UID,
	KEY_CGROUP,
	KEY_CONTAINER,
	KEY_POD,
	KEY_NO_FOLLOW,
	KEY_USER,
	KEY_INTERVAL,
	KEY_KEEP,
	KEY_STATS,
	KEY_STRICT,
	KEY_NO_SANDBOX,
	KEY_DRY_RUN,
};

static const struct argp_option options_table[] = {
	{NULL, 0, NULL, 0,
	 "Whom (values of an option are alternatives, different options must all hold):", 2},
	{"pid", 'p', "PID[,PID...]", 0, "these processes, all their threads", 2},
	{"tid", 't', "TID[,TID...]", 0, "these threads", 2},
	{"comm", KEY_COMM, "NAME[,...]", 0, "processes of this name, at most 15 bytes", 2},
	{"uid", KEY_UID, "USER[,...]", 0, "processes of these users, by number or name", 2},
	{"cgroup", KEY_CGROUP, "PATH", 0, "a directory of cgroup v2 and what is below", 2},
	{"container", KEY_CONTAINER, "ID", 0, "the container whose id begins so", 2},
	{"pod", KEY_POD, "UID", 0, "the Kubernetes pod with this UID", 2},
	{"no-follow", KEY_NO_FOLLOW, NULL, 0, "leave out what the targets create later", 2},
	{"all", 'a', NULL, 0, "the whole system: the default, unless a target or CMD is given", 2},
	{"user", KEY_USER, "NAME", 0, "run CMD as this user", 2},

	{NULL, 0, NULL, 0, "How long:", 3},
	{"duration", 'd', "TIME", 0, "seconds, or 500ms, 5m, 2h; 0 is until interrupted", 3},
	{"env", KEY_ENV, "ENV", 0,
	 "rate and duration by environment: production (19 Hz, 300 s), staging (49 Hz, 120 s), "
	 "development (99 Hz, 60 s; the default), debug (199 Hz, 30 s)",
	 3},

	{NULL, 0, NULL, 0, "Output:", 4},
	{"output", 'o', "FILE", 0, "where to; - is stdout", 4},
	{"format", 'f', "FORMAT", 0, "what comes out; else the ending of FILE decides", 4},
	{"interval", KEY_INTERVAL, "TIME", 0,
	 "a new FILE every TIME; FILE is then a template as for date(1), such as cpu-%H%M%S.pb.gz",
	 4},
	{"keep", KEY_KEEP, "N", 0, "with --interval: only the newest N files", 4},
	{"stats", KEY_STATS, "FILE", 0, "the closing statistics as one JSON object", 4},
	{"strict", KEY_STRICT, NULL, 0, "exit with 1 if anything was lost", 4},
	{"no-sandbox", KEY_NO_SANDBOX, NULL, 0, "keep all privileges while capturing", 4},
	{"dry-run", KEY_DRY_RUN, NULL, 0, "check the options and show what they come to, as JSON",
	 4},
	{0},
};

static int too_many(const struct cli_option *option, size_t limit)
{
	return cli_usage_error(option->command, "%s takes at most %zu values", option->name, limit);
}

static int add_number(const struct cli_option *option, struct cli_numbers *numbers, uint64_t value)
{
	int r = cli_numbers_add(numbers, (uint32_t)value, EO_TARGET_IDS_MAX);

	return r == -ERANGE ? too_many(option, EO_TARGET_IDS_MAX) : -r;
}

static int add_id(const struct cli_option *option, const char *noun, const char *item,
		  struct cli_numbers *ids)
{
	uint64_t id;

	if (cli_parse_uint(item, 1, PID_MAX, &id) < 0)
		return cli_option_bad(option, item, "%s ids from 1 to %d", noun, PID_MAX);
	return add_number(option, ids, id);
}

static int add_pid(const struct cli_option *option, const char *item, void *ctx)
{
	return add_id(option, "process", item, ctx);
}

static int add_tid(const struct cli_option *option, const char *item, void *ctx)
{
	return add_id(option, "thread", item, ctx);
}

static int add_uid(const struct cli_option *option, const char *item, void *ctx)
{
	const struct passwd *user;
	uint64_t uid;

	if (cli_parse_uint(item, 0, UID_MAX_VALUE, &uid) < 0) {
		user = *item ? getpwnam(item) : NULL;
		if (!user)
			return cli_option_bad(option, item,
					      "names of users, or numbers from 0 to %llu",
					      UID_MAX_VALUE);
		uid = user->pw_uid;
	}
	return add_number(option, ctx, uid);
}

static int add_comm(const struct cli_option *option, const char *item, void *ctx)
{
	struct capture_options *options = ctx;
	char(*comms)[EO_COMM_BYTES];

	if (!*item || strlen(item) >= EO_COMM_BYTES)
		return cli_option_bad(option, item,
				      "names of 1 to %d bytes (the kernel keeps no more)",
				      EO_COMM_BYTES - 1);
	if (options->comm_count == EO_TARGET_COMMS_MAX)
		return too_many(option, EO_TARGET_COMMS_MAX);
	comms = reallocarray(options->comms, options->comm_count + 1, sizeof(*comms));
	if (!comms)
		return ENOMEM;
	options->comms = comms;
	memset(comms[options->comm_count], 0, sizeof(*comms));
	memcpy(comms[options->comm_count++], item, strlen(item));
	return 0;
}

/* Paths may hold commas, so these options are given several times instead. */
static int add_text(const struct cli_option *option, struct cli_texts *texts)
{
	if (!*option->value)
		return cli_usage_error(option->command, "%s wants a value that is not empty",
				       option->name);
	if (texts->count == EO_TARGET_CGROUPS_MAX)
		return too_many(option, EO_TARGET_CGROUPS_MAX);
	return -cli_texts_add(texts, option->value);
}

static int set_env(const struct cli_option *option, struct capture_options *options)
{
	const char *names[EO_ENV_COUNT + 1] = {0};
	size_t index;

	/* The library knows the short names; the long ones are listed when it is none. */
	options->has_env = true;
	if (eo_env_parse(option->value, &options->env, NULL) == 0)
		return 0;
	for (size_t i = 0; i < EO_ENV_COUNT; i++)
		names[i] = eo_env_name(i);
	return cli_option_choice(option, names, &index);
}

static int set_format(const struct cli_option *option, struct capture_options *options)
{
	/* strace's habit, where -f stands alone and the next option becomes its value. */
	if (option->value[0] == '-') {
		cli_usage_error(option->command, "%s wants a format, not '%s'", option->name,
				option->value);
		cli_hint("-f is the output format here; children are followed without it");
		return EINVAL;
	}
	return cli_option_text(option, &options->format);
}

static int set_keep(const struct cli_option *option, struct capture_options *options)
{
	uint64_t keep;
	int r = cli_option_uint(option, "a number of files", 1, KEEP_MAX, &keep);

	if (!r)
		options->keep = (uint32_t)keep;
	return r;
}

static int set_interval(const struct cli_option *option, struct capture_options *options)
{
	int r = cli_option_time(option, EO_NS_PER_SEC / 10, &options->interval_ns);

	if (!r && !options->interval_ns)
		return cli_option_bad(option, option->value, "a time of at least 100ms");
	return r;
}

static int set_duration(const struct cli_option *option, struct capture_options *options)
{
	options->has_duration = true;
	return cli_option_time(option, EO_DURATION_MIN_NS, &options->duration_ns);
}

static int take_argument(struct capture_options *options, const char *arg, struct argp_state *state)
{
	if (!state->quoted) {
		cli_usage_error(options->command, "unexpected argument '%s'", arg);
		cli_hint("to run a command, put it behind --, as in: -- sleep 5");
		return EINVAL;
	}
	if (!*arg)
		return cli_usage_error(options->command, "-- wants a command, not ''");
	options->argv = &state->argv[state->next - 1];
	state->next = state->argc;
	return 0;
}

static error_t parse_capture(int key, char *arg, struct argp_state *state)
{
	struct capture_options *options = state->input;
	struct cli_option option;

	if (key == ARGP_KEY_ARG)
		return take_argument(options, arg, state);
	if (key == ARGP_KEY_END && state->quoted && !options->argv)
		return cli_usage_error(options->command, "-- wants a command behind it");

	if (!cli_option_init(&option, options->command, state, key, arg))
		return ARGP_ERR_UNKNOWN;
	switch (key) {
	case 'p':
		return cli_option_items(&option, add_pid, &options->pids);
	case 't':
		return cli_option_items(&option, add_tid, &options->tids);
	case KEY_UID:
		return cli_option_items(&option, add_uid, &options->uids);
	case KEY_COMM:
		return cli_option_items(&option, add_comm, options);
	case KEY_CGROUP:
		return add_text(&option, &options->cgroups);
	case KEY_CONTAINER:
		return add_text(&option, &options->containers);
	case KEY_POD:
		return add_text(&option, &options->pods);
	case KEY_NO_FOLLOW:
		options->no_follow = true;
		return 0;
	case 'a':
		options->all = true;
		return 0;
	case KEY_USER:
		return cli_option_text(&option, &options->user);
	case KEY_ENV:
		return set_env(&option, options);
	case 'd':
		return set_duration(&option, options);
	case 'o':
		return cli_option_output(&option, &options->output);
	case 'f':
		return set_format(&option, options);
	case KEY_INTERVAL:
		return set_interval(&option, options);
	case KEY_KEEP:
		return set_keep(&option, options);
	case KEY_STATS:
		return cli_option_text(&option, &options->stats);
	case KEY_STRICT:
		options->strict = true;
		return 0;
	case KEY_NO_SANDBOX:
		options->no_sandbox = true;
		return 0;
	case KEY_DRY_RUN:
		options->dry_run = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp capture_argp = {options_table, parse_capture};

void capture_options_init(struct capture_options *options, const char *command)
{
	*options = (struct capture_options){.command = command, .env = EO_ENV_DEVELOPMENT};
}

void capture_options_fini(struct capture_options *options)
{
	cli_numbers_fini(&options->pids);
	cli_numbers_fini(&options->tids);
	cli_numbers_fini(&options->uids);
	cli_texts_fini(&options->cgroups);
	cli_texts_fini(&options->containers);
	cli_texts_fini(&options->pods);
	cli_texts_fini(&options->directories);
	free(options->comms);
}

/* Pairs that contradict each other. */
static int check_contradictions(const struct capture_options *o)
{
	bool has_ids = o->pids.count || o->tids.count;
	const struct {
		bool wrong;
		const char *text;
	} rules[] = {
		{o->argv && o->pids.count, "-p and a command behind -- exclude each other"},
		{o->argv && o->tids.count, "-t and a command behind -- exclude each other"},
		{o->all && has_ids, "-a and -p or -t exclude each other"},
		{o->user && !o->argv, "--user wants a command behind --"},
		{o->keep && !o->interval_ns, "--keep wants --interval"},
		{o->keep && o->interval_to_stdout, "--keep wants -o FILE; nothing is removed from stdout"},
		{o->interval_ns && !o->interval_to_stdout && (!o->output || !strchr(o->output, '%')),
		 "--interval wants -o FILE with a template in it, such as -o cpu-%H%M%S.pb.gz"},
	};

	for (size_t i = 0; i < EO_ARRAY_SIZE(rules); i++)
		if (rules[i].wrong)
			return cli_usage_error(o->command, "%s", rules[i].text);
	if (o->user && !getpwnam(o->user))
		return cli_usage_error(o->command, "--user wants the name of a user, not '%s'",
				       o->user);
	return 0;
}

typedef int (*find_fn)(const char *root, const char *id, char **ret, struct eo_error *err);

static int add_directories(struct cli_texts *directories, const struct cli_texts *ids,
			   const char *root, find_fn find, struct eo_error *err)
{
	for (size_t i = 0; i < ids->count; i++) {
		EO_AUTO_FREE char *path = NULL;
		int r = find(root, ids->values[i], &path, err);

		if (r < 0)
			return r;
		if (cli_texts_add(directories, path) < 0)
			return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, ENOMEM, NULL,
					    "note cgroup %s", path);
	}
	return 0;
}

/* Containers and pods are cgroups by another name. */
static int resolve_directories(struct capture_options *o, struct eo_error *err)
{
	EO_AUTO_FREE char *root = NULL;
	int r;

	for (size_t i = 0; i < o->cgroups.count; i++)
		if (cli_texts_add(&o->directories, o->cgroups.values[i]) < 0)
			return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, ENOMEM, NULL,
					    "note cgroup %s", o->cgroups.values[i]);
	if (!o->containers.count && !o->pods.count)
		return 0;
	r = eo_cgroup_root(&root, err);
	if (!r)
		r = add_directories(&o->directories, &o->containers, root, eo_cgroup_find_container,
				    err);
	if (!r)
		r = add_directories(&o->directories, &o->pods, root, eo_cgroup_find_pod, err);
	return r;
}

int capture_options_check(struct capture_options *options)
{
	struct eo_error err = {0};
	struct eo_target target;
	int r;

	if (check_contradictions(options))
		return EXIT_USAGE;
	r = resolve_directories(options, &err);
	if (!r) {
		capture_options_target(options, &target);
		r = eo_target_validate(&target, &err);
	}
	if (r == 0)
		return -1;
	r = cli_report(&err);
	return options->argv && r != EXIT_USAGE ? EXIT_OWN_FAILURE : r;
}

void capture_options_config(const struct capture_options *options, struct eo_config *config)
{
	config->sample_rate_hz = eo_recommended_sample_rate(options->env);
	/* A command says by its own end how long; the default environment does not cut it short. */
	config->duration_ns =
		options->argv && !options->has_env ? 0 : eo_recommended_duration(options->env);
	if (options->has_duration)
		config->duration_ns = options->duration_ns;
}

void capture_options_target(const struct capture_options *options, struct eo_target *target)
{
	*target = (struct eo_target){
		.pids = options->pids.values,
		.pid_count = options->pids.count,
		.tids = options->tids.values,
		.tid_count = options->tids.count,
		.uids = options->uids.values,
		.uid_count = options->uids.count,
		.comms = (const char(*)[EO_COMM_BYTES])options->comms,
		.comm_count = options->comm_count,
		.cgroups = (const char *const *)options->directories.values,
		.cgroup_count = options->directories.count,
		.no_follow = options->no_follow,
		.all = options->all,
	};
}

static void put_numbers(json_t *object, const char *key, const struct cli_numbers *numbers)
{
	json_t *array = json_array();

	if (!numbers->count) {
		json_decref(array);
		return;
	}
	for (size_t i = 0; i < numbers->count; i++)
		json_array_append_new(array, json_integer(numbers->values[i]));
	json_object_set_new(object, key, array);
}

json_t *cli_json_text(const char *text)
{
	EO_AUTO_FREE char *utf8 = NULL;
	json_t *string = json_string(text);
	size_t len = 0;

	if (string)
		return string;
	utf8 = reallocarray(NULL, strlen(text) + 1, 2);
	if (!utf8)
		return NULL;
	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		if (*c >= 0x80) {
			utf8[len++] = (char)(0xc0 | *c >> 6);
			utf8[len++] = (char)(0x80 | (*c & 0x3f));
		} else {
			utf8[len++] = (char)*c;
		}
	}
	return json_stringn(utf8, len);
}

static void put_text(json_t *object, const char *key, const char *text)
{
	if (text)
		json_object_set_new(object, key, cli_json_text(text));
}

void cli_json_set_texts(json_t *object, const char *key, char *const *texts)
{
	json_t *array;

	if (!texts)
		return;
	array = json_array();
	for (; *texts; texts++)
		json_array_append_new(array, cli_json_text(*texts));
	json_object_set_new(object, key, array);
}

static void put_comms(json_t *object, const struct capture_options *options)
{
	json_t *array;

	if (!options->comm_count)
		return;
	array = json_array();
	for (size_t i = 0; i < options->comm_count; i++)
		json_array_append_new(array, cli_json_text(options->comms[i]));
	json_object_set_new(object, "comm", array);
}

json_t *capture_options_describe(const struct capture_options *options,
				 const struct eo_config *config)
{
	json_t *object = json_pack("{s:b, s:b, s:b, s:b, s:I, s:I, s:I, s:s, s:b, s:b, s:b, s:b}", //
				   "enable_cpu_profiling", config->enable_cpu_profiling,      //
				   "enable_network_tracing", config->enable_network_tracing,  //
				   "enable_syscall_tracing", config->enable_syscall_tracing,  //
				   "enable_memory_tracing", config->enable_memory_tracing,    //
				   "sample_rate_hz", (json_int_t)config->sample_rate_hz,      //
				   "duration_ns", (json_int_t)config->duration_ns,	      //
				   "max_samples", (json_int_t)config->max_samples,	      //
				   "env", eo_env_name(options->env),			      //
				   "no-follow", options->no_follow,			      //
				   "all", options->all,					      //
				   "strict", options->strict,				      //
				   "no-sandbox", options->no_sandbox);

	if (!object)
		return NULL;
	put_numbers(object, "pid", &options->pids);
	put_numbers(object, "tid", &options->tids);
	put_numbers(object, "uid", &options->uids);
	put_comms(object, options);
	cli_json_set_texts(object, "cgroup", options->cgroups.values);
	cli_json_set_texts(object, "container", options->containers.values);
	cli_json_set_texts(object, "pod", options->pods.values);
	cli_json_set_texts(object, "command", options->argv);
	put_text(object, "user", options->user);
	put_text(object, "stats", options->stats);
	/* Seconds, as the option takes them. */
	if (options->interval_ns)
		json_object_set_new(
			object, "interval",
			json_real((double)options->interval_ns / (double)EO_NS_PER_SEC));
	if (options->keep)
		json_object_set_new(object, "keep", json_integer(options->keep));
	return object;
}
