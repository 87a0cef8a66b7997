/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace_output.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "signal_output.h"
#include "trace_events.h"
#include "emulation.h"

static char dir[] = "/tmp/eo_trace_XXXXXX";
static char *const words[] = {(char *)"ebpfotel", (char *)"trace", (char *)"syscall", NULL};
static struct cli cli = {.quiet = true, .argv = words};
static struct eo_error err;

static void set_up(void)
{
	cr_assert_not_null(mkdtemp(dir));
	cr_assert_eq(chdir(dir), 0);
	signal(SIGPIPE, SIG_IGN);
	unsetenv("OTEL_RESOURCE_ATTRIBUTES");
	setenv("OTEL_SERVICE_NAME", "watcher", 1);
	prctl(PR_SET_NAME, "made"); /* the name in events of ours */
}

static void tear_down(void)
{
	glob_t found;

	if (glob("*", 0, NULL, &found) == 0)
		for (size_t i = 0; i < found.gl_pathc; i++)
			unlink(found.gl_pathv[i]);
	globfree(&found);
	cr_assert_eq(chdir("/"), 0);
	rmdir(dir);
}

TestSuite(trace_output, .init = set_up, .fini = tear_down);

/* An output with what belongs to it. */
struct trace {
	struct trace_output *output;
	struct eo_tracer *tracer;
	struct eo_trace_envelope *envelope;
	struct eo_attr config[1];
	uint64_t start_ns;
	struct eo_trace_part part;
};

static void begin(struct trace *t, struct trace_output_options options)
{
	const struct eo_tracer *const *tracers;

	memset(t, 0, sizeof(*t));
	t->tracer = trace_events_tracer("syscall");
	t->config[0] = (struct eo_attr){.key = "string_limit", .type = EO_ATTR_INT, .num = 64};
	t->start_ns = options.start_ns = options.start_ns ?: eo_clock_monotonic_ns();
	options.cli = &cli;
	tracers = (const struct eo_tracer *const *)&t->tracer;
	cr_assert_eq(trace_output_new(&options, &t->output, &err), 0, "%s", err.text);
	const struct eo_trace_start start = {
		.start_ns = t->start_ns,
		.tracers = tracers,
		.tracer_count = 1,
		.command = words,
		.config = t->config,
		.config_count = 1,
		.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		.run_id = "5b8efff798038103d269b633813fc60c",
	};
	cr_assert_eq(eo_trace_envelope_new(&start, &t->envelope, &err), 0);
	cr_assert_eq(trace_output_set_envelope(t->output, t->envelope, &err), 0);
}

static int event(struct trace *t, unsigned int number)
{
	t->part.stats.seen++;
	t->part.stats.emitted++;
	return trace_output_event(t->output, trace_events_call((uint32_t)getpid(),
							       t->start_ns + 1000 * number,
							       number));
}

static struct eo_statistics statistics_of(struct trace *t)
{
	t->part.name = "syscall";
	return (struct eo_statistics){
		.duration_ns = EO_NS_PER_SEC,
		.parts = &t->part,
		.part_count = 1,
		.undelivered = trace_output_undelivered(t->output),
		.unwanted = trace_output_unwanted(t->output),
	};
}

static int end(struct trace *t)
{
	struct eo_statistics statistics;
	int r;

	trace_output_set_deadline(t->output, eo_clock_monotonic_ns() + EO_NS_PER_SEC / 20);
	r = trace_output_settle(t->output);
	statistics = statistics_of(t);
	if (!r)
		r = trace_output_finish(t->output, &statistics, &err);
	return r;
}

static void fini(struct trace *t)
{
	trace_output_free(t->output);
	eo_trace_envelope_free(t->envelope);
	eo_tracer_free(t->tracer);
}

static json_int_t number_at(const json_t *line, const char *key)
{
	return json_integer_value(json_object_get(json_object_get(line, "data"), key));
}

static const char *text_at(const json_t *line, const char *key)
{
	return json_string_value(json_object_get(json_object_get(line, "data"), key));
}

static size_t occurrences(const char *text, const char *word)
{
	size_t count = 0;

	for (; (text = strstr(text, word)); text++)
		count++;
	return count;
}

Test(trace_output, a_file_has_the_envelope_around_the_events)
{
	const json_t *line;
	struct trace t;
	json_t *lines;

	SKIP_IN_EMULATION("no program of its own");
	begin(&t, (struct trace_output_options){.path = "x.jsonl", .envelope = true});
	for (unsigned int i = 0; i < 1009; i++)
		cr_assert_eq(event(&t, i), 0);
	cr_assert_eq(end(&t), 0, "%s", err.text);
	lines = trace_events_read("x.jsonl");
	cr_expect_eq(json_array_size(lines), 1009 + 3);
	cr_expect_eq(trace_events_count(lines, "syscall"), 1009);
	cr_expect_eq(trace_events_count(lines, "process"), 1);

	line = json_array_get(lines, 0);
	cr_expect_eq(line, trace_events_first(lines, "start"));
	cr_expect_eq(number_at(line, "ktime_ns"), (json_int_t)t.start_ns);
	cr_expect_str_eq(text_at(line, "run_id"), eo_trace_envelope_run_id(t.envelope));
	cr_expect_str_eq(text_at(line, "traceparent"),
			 "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
	cr_expect_eq(json_integer_value(json_object_get(line, "elapsed_ns")), 0);

	line = json_array_get(lines, 1);
	cr_expect_eq(line, trace_events_first(lines, "process"));
	cr_expect_eq(number_at(line, "ppid"), getppid());
	cr_expect_not_null(strstr(text_at(line, "exe"), "test_trace_output"));
	cr_expect_str_eq(json_string_value(json_object_get(json_object_get(json_object_get(line, "data"),
									 "resource"),
							 "service.name")),
			 "unknown_service:test_trace_output");

	line = json_array_get(lines, 1009 + 2);
	cr_expect_eq(line, trace_events_first(lines, "end"));
	cr_expect_eq(number_at(line, "events_seen"), 1009);
	cr_expect_eq(number_at(line, "events_emitted"), 1009);
	json_decref(lines);
	fini(&t);
}

Test(trace_output, who_has_the_pid_by_now_is_not_told_for_its_earlier_owner)
{
	const json_t *line;
	struct trace t;
	json_t *lines;

	begin(&t, (struct trace_output_options){.path = "x.jsonl", .envelope = true});
	prctl(PR_SET_NAME, "another");
	cr_assert_eq(event(&t, 1), 0);
	prctl(PR_SET_NAME, "made");
	cr_assert_eq(end(&t), 0, "%s", err.text);
	lines = trace_events_read("x.jsonl");
	line = json_object_get(trace_events_first(lines, "process"), "data");
	cr_assert_not_null(line);
	cr_expect_null(json_object_get(line, "ppid"));
	cr_expect_null(json_object_get(line, "exe"));
	cr_expect_null(json_object_get(line, "start_time"));
	cr_expect_str_eq(json_string_value(json_object_get(json_object_get(line, "resource"),
							   "service.name")),
			 "unknown_service:made");
	json_decref(lines);
	fini(&t);
}

/* Every key of a record is laid down, and has the type that the table says. */
static void check_keys(const json_t *object, const struct eo_event_key *keys)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)object, key, value) {
		const struct eo_event_key *row = eo_event_key_find(keys, key);

		cr_assert_not_null(row, "%s is not laid down", key);
		if (row->type == EO_ATTR_UINT)
			cr_expect(json_is_integer(value), "%s", key);
		if (row->type == EO_ATTR_STRING)
			cr_expect(json_is_string(value), "%s", key);
		if (row->type == EO_ATTR_OBJECT && row->members)
			check_keys(value, row->members);
	}
}

Test(trace_output, the_records_around_the_events_have_the_keys_that_are_laid_down)
{
	static const enum eo_event_type types[] = {EO_EVENT_START, EO_EVENT_PROCESS, EO_EVENT_END};
	struct trace t;
	json_t *lines;

	begin(&t, (struct trace_output_options){.path = "x.jsonl", .envelope = true});
	event(&t, 1);
	cr_assert_eq(end(&t), 0);
	lines = trace_events_read("x.jsonl");
	for (size_t i = 0; i < EO_ARRAY_SIZE(types); i++) {
		const json_t *line = trace_events_first(lines, eo_event_type_name(types[i]));

		check_keys(json_object_get(line, "data"), eo_event_keys(types[i]));
	}
	json_decref(lines);
	fini(&t);
}

Test(trace_output, without_the_envelope_there_are_events_alone)
{
	struct trace t;
	json_t *lines;

	begin(&t, (struct trace_output_options){.path = "x.jsonl"});
	for (unsigned int i = 0; i < 13; i++)
		event(&t, i);
	cr_assert_eq(end(&t), 0);
	lines = trace_events_read("x.jsonl");
	cr_expect_eq(json_array_size(lines), 13);
	json_decref(lines);
	fini(&t);
}

Test(trace_output, events_beyond_the_wanted_number_are_filtered)
{
	struct eo_statistics statistics;
	struct eo_loop *loop = NULL;
	struct trace t;
	json_t *lines;

	begin(&t, (struct trace_output_options){.path = "x.jsonl", .max_events = 7});
	cr_assert_eq(eo_loop_new(&loop, &err), 0);
	cr_assert_eq(trace_output_watch(t.output, loop, NULL, NULL, &err), 0);
	for (unsigned int i = 0; i < 19; i++)
		event(&t, i);
	cr_expect_eq(eo_loop_run(loop, &err), 0, "the loop was stopped");
	trace_output_unwatch(t.output);
	statistics = statistics_of(&t);
	cr_expect_eq(eo_statistics_emitted(&statistics), 7);
	cr_expect_eq(statistics.unwanted, 12);
	cr_assert_eq(end(&t), 0);
	lines = trace_events_read("x.jsonl");
	cr_expect_eq(json_array_size(lines), 7);
	json_decref(lines);
	fini(&t);
	eo_loop_free(loop);
}

Test(trace_output, what_a_stopped_reader_does_not_take_is_lost_to_the_unit, .timeout = 30)
{
	static char bytes[4 << 20];
	struct eo_statistics statistics;
	unsigned int offered = 0;
	size_t used = 0, got = 0;
	struct trace t;
	int reader;
	ssize_t n;

	cr_assert_eq(mkfifo("fifo", 0600), 0);
	reader = open("fifo", O_RDONLY | O_NONBLOCK);
	begin(&t, (struct trace_output_options){.path = "fifo"});
	/* As a tracer does: it asks, and then brings a few hundred. */
	while (trace_output_ready(t.output) && offered < 100000)
		for (unsigned int i = 0; i < 211; i++)
			cr_assert_eq(event(&t, offered++), 0);
	cr_expect_lt(offered, 20000);
	trace_output_set_deadline(t.output, eo_clock_monotonic_ns());
	cr_expect(trace_output_ready(t.output), "at the end nobody waits");
	for (unsigned int i = 0; i < 1013; i++)
		cr_assert_eq(event(&t, offered++), 0);
	cr_expect_eq(end(&t), 0);

	while ((n = read(reader, bytes + used, sizeof(bytes) - used)) > 0)
		used += (size_t)n;
	cr_assert_lt(used, sizeof(bytes));
	cr_expect_eq(bytes[used - 1], '\n');
	got = occurrences(bytes, "\"event_type\":\"syscall\"");
	statistics = statistics_of(&t);
	cr_expect_eq(eo_statistics_emitted(&statistics), got);
	cr_expect_eq(eo_statistics_lost(&statistics), offered - got);
	fini(&t);
	close(reader);
}

Test(trace_output, what_is_lost_at_the_end_is_told_in_the_stream, .timeout = 30)
{
	static char bytes[4 << 20];
	size_t used = 0;
	struct trace t;
	int reader;
	ssize_t n;

	cr_assert_eq(mkfifo("fifo", 0600), 0);
	reader = open("fifo", O_RDONLY | O_NONBLOCK);
	begin(&t, (struct trace_output_options){.path = "fifo"});
	while (trace_output_ready(t.output))
		for (unsigned int i = 0; i < 211; i++)
			event(&t, i);
	trace_output_set_deadline(t.output, eo_clock_monotonic_ns());
	cr_expect_eq(trace_output_settle(t.output), 0);
	while ((n = read(reader, bytes + used, sizeof(bytes) - used - 1)) > 0)
		used += (size_t)n;
	cr_expect_null(strstr(bytes, "\"loss\""));
	struct eo_statistics statistics = statistics_of(&t);
	cr_expect_eq(trace_output_finish(t.output, &statistics, &err), 0);
	n = read(reader, bytes, sizeof(bytes) - 1);
	cr_assert_gt(n, 0);
	bytes[n] = '\0';
	cr_expect_not_null(strstr(bytes, "\"reason\":\"stopped\""), "%s", bytes);
	fini(&t);
	close(reader);
}

static int on_limit(void *ctx)
{
	eo_loop_stop(ctx);
	return 0;
}

Test(trace_output, a_closed_pipe_ends_the_loop_without_an_event, .timeout = 30)
{
	struct eo_loop *loop = NULL;
	struct trace t;
	int reader;

	cr_assert_eq(mkfifo("fifo", 0600), 0);
	reader = open("fifo", O_RDONLY | O_NONBLOCK);
	begin(&t, (struct trace_output_options){.path = "fifo"});
	cr_assert_eq(eo_loop_new(&loop, &err), 0);
	cr_assert_eq(trace_output_watch(t.output, loop, NULL, NULL, &err), 0);
	cr_assert_eq(eo_loop_add_timer(loop, 20 * EO_NS_PER_SEC, 0, on_limit, loop, NULL, &err), 0);
	close(reader);
	cr_expect_eq(eo_loop_run(loop, &err), -EPIPE);
	cr_expect_eq(trace_output_error(t.output, &err), 0);
	fini(&t);
	eo_loop_free(loop);
}

/* A line alone goes out although nothing fills a piece. */
static int on_line(void *ctx, uint32_t events)
{
	(void)events;
	eo_loop_stop(ctx);
	return 0;
}

Test(trace_output, one_line_alone_reaches_a_pipe, .timeout = 30)
{
	struct eo_loop *loop = NULL;
	struct trace t;
	char bytes[4096];
	int reader;

	cr_assert_eq(mkfifo("fifo", 0600), 0);
	reader = open("fifo", O_RDONLY | O_NONBLOCK);
	begin(&t, (struct trace_output_options){.path = "fifo"});
	cr_assert_eq(eo_loop_new(&loop, &err), 0);
	cr_assert_eq(trace_output_watch(t.output, loop, NULL, NULL, &err), 0);
	cr_assert_eq(eo_loop_add_fd(loop, reader, 1 /* EPOLLIN */, on_line, loop, NULL, &err), 0);
	cr_assert_eq(event(&t, 1), 0);
	cr_expect_eq(eo_loop_run(loop, &err), 0);
	cr_expect_gt(read(reader, bytes, sizeof(bytes)), 100);
	fini(&t);
	eo_loop_free(loop);
	close(reader);
}

static int rooms;

static int on_room(void *ctx)
{
	rooms++;
	eo_loop_stop(ctx);
	return 0;
}

static int read_on(void *ctx, uint32_t events)
{
	static char bytes[65536];

	(void)events;
	cr_assert_gt(read(*(int *)ctx, bytes, sizeof(bytes)), 0);
	return 0;
}

Test(trace_output, room_is_told_as_soon_as_the_reader_goes_on, .timeout = 30)
{
	struct eo_loop *loop = NULL;
	struct trace t;
	int reader;

	cr_assert_eq(mkfifo("fifo", 0600), 0);
	reader = open("fifo", O_RDONLY | O_NONBLOCK);
	begin(&t, (struct trace_output_options){.path = "fifo"});
	cr_assert_eq(eo_loop_new(&loop, &err), 0);
	cr_assert_eq(trace_output_watch(t.output, loop, on_room, loop, &err), 0);
	cr_assert_eq(eo_loop_add_fd(loop, reader, 1 /* EPOLLIN */, read_on, &reader, NULL, &err), 0);
	while (trace_output_ready(t.output))
		for (unsigned int i = 0; i < 211; i++)
			event(&t, i);
	cr_expect_eq(eo_loop_run(loop, &err), 0);
	cr_expect_eq(rooms, 1);
	fini(&t);
	eo_loop_free(loop);
	close(reader);
}

Test(trace_output, a_full_disk_is_an_error)
{
	struct eo_error why = {0};
	struct trace t;
	int r = 0;

	begin(&t, (struct trace_output_options){.path = "/dev/full"});
	for (unsigned int i = 0; !r && i < 10000; i++)
		r = event(&t, i);
	cr_expect_eq(r, -ENOSPC);
	cr_expect_eq(trace_output_error(t.output, &why), -ENOSPC);
	cr_expect_str_eq(why.text, "write /dev/full");
	fini(&t);
}

Test(trace_output, text_is_aligned_and_without_escapes)
{
	struct trace t;
	char line[512];
	FILE *in;

	setenv("TZ", "UTC", 1);
	begin(&t, (struct trace_output_options){.path = "x.txt", .format = TRACE_TEXT});
	event(&t, 3);
	cr_assert_eq(end(&t), 0);
	in = fopen("x.txt", "r");
	cr_assert_not_null(fgets(line, sizeof(line), in));
	cr_expect_eq(line[2], ':');
	cr_expect_eq(line[8], '.');
	cr_expect_eq(strncmp(line + 16, "made[", 5), 0, "%s", line);
	cr_expect_not_null(strstr(line, "openat"));
	cr_expect_null(strchr(line, '\033'));
	fclose(in);
	fini(&t);
}

/* --- OTLP --- */

/* The file without its times, which are those of two runs. */
static char *without_times(const char *path)
{
	FILE *in = fopen(path, "r");
	char *bytes = calloc(1, 4 << 20);

	cr_assert_not_null(in, "%s", path);
	cr_assert_gt(fread(bytes, 1, (4 << 20) - 1, in), 0);
	fclose(in);
	for (char *at = bytes; (at = strstr(at, "UnixNano\":\"")); at += 11)
		for (char *c = at + 11; *c != '"'; c++)
			*c = '0';
	return bytes;
}

/* From a little before where they part. */
static const char *difference(const char *a, const char *b)
{
	static char text[400];
	size_t at = 0;

	while (a[at] && a[at] == b[at])
		at++;
	at = at < 60 ? 0 : at - 60;
	snprintf(text, sizeof(text), "%.150s / %.150s", a + at, b + at);
	return text;
}

static void trace_once(struct trace_output_options options)
{
	struct trace t;

	begin(&t, options);
	for (unsigned int i = 0; i < 101; i++)
		cr_assert_eq(event(&t, i), 0, "%s", err.text);
	cr_assert_eq(end(&t), 0, "%s", err.text);
	fini(&t);
}

Test(trace_output, convert_of_the_saved_lines_is_the_same_otlp)
{
	static const char *const kinds[] = {"traces", "metrics", "logs"};
	char *convert[] = {(char *)"convert",
			   (char *)"x.jsonl",
			   (char *)"-o",
			   (char *)"again-{signal}.json",
			   (char *)"--signals=traces,metrics,logs",
			   NULL};

	const uint64_t start_ns = eo_clock_monotonic_ns();

	trace_once((struct trace_output_options){
		.path = "x.jsonl", .envelope = true, .start_ns = start_ns});
	trace_once((struct trace_output_options){.path = "direct-{signal}.json",
						 .format = TRACE_OTLP_JSON,
						 .signals = 7,
						 .start_ns = start_ns});
	cr_assert_eq(cmd_convert(5, convert, &cli), 0);
	for (size_t i = 0; i < EO_ARRAY_SIZE(kinds); i++) {
		char *direct, *again, name[64];

		snprintf(name, sizeof(name), "direct-%s.json", kinds[i]);
		direct = without_times(name);
		snprintf(name, sizeof(name), "again-%s.json", kinds[i]);
		again = without_times(name);
		/* Log records of the end are in a request of their own. */
		if (strcmp(kinds[i], "logs"))
			cr_expect_str_eq(direct, again, "%s: %s", kinds[i],
					 difference(direct, again));
		else
			cr_expect_eq(occurrences(direct, "\"eventName\""),
				     occurrences(again, "\"eventName\""));
		if (!strcmp(kinds[i], "traces"))
			cr_expect_eq(occurrences(direct, "\"ebpfotel.syscall.arg.dfd\""), 101);
		else
			cr_expect_gt(occurrences(direct, "watcher"), 0, "our own resource");
		free(direct);
		free(again);
	}
}

Test(trace_output, otlp_messages_stand_behind_their_length)
{
	unsigned char bytes[4];
	struct stat st;
	size_t at = 0;
	FILE *in;

	trace_once((struct trace_output_options){.path = "x.otlp", .format = TRACE_OTLP});
	cr_assert_eq(stat("x.otlp", &st), 0);
	in = fopen("x.otlp", "r");
	while (fread(bytes, 1, 4, in) == 4) {
		at += 4 + ((size_t)bytes[0] << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3]);
		fseek(in, (long)at, SEEK_SET);
	}
	cr_expect_eq(at, (size_t)st.st_size);
	cr_expect_gt(at, 200);
	fclose(in);
}

Test(trace_output, each_interval_is_a_file_of_its_own, .timeout = 30)
{
	struct eo_loop *loop = NULL;
	size_t events = 0;
	struct trace t;
	glob_t found;

	begin(&t, (struct trace_output_options){.path = "x-%H%M%S.jsonl",
						.envelope = true,
						.interval_ns = EO_NS_PER_SEC,
						.keep = 2});
	cr_assert_eq(eo_loop_new(&loop, &err), 0);
	cr_assert_eq(trace_output_watch(t.output, loop, NULL, NULL, &err), 0);
	for (unsigned int i = 0; i < 4; i++) {
		cr_assert_eq(event(&t, i), 0);
		if (i < 3) {
			usleep(1000000);
			cr_assert_eq(trace_output_cut(t.output), 0);
		}
	}
	trace_output_unwatch(t.output);
	cr_assert_eq(end(&t), 0);
	cr_assert_eq(glob("x-*.jsonl", 0, NULL, &found), 0);
	cr_expect_eq(found.gl_pathc, 2);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		json_t *lines = trace_events_read(found.gl_pathv[i]);

		/* Each can be read alone. */
		cr_expect_eq(json_array_get(lines, 0), trace_events_first(lines, "start"));
		cr_expect_eq(trace_events_count(lines, "process"), 1);
		events += trace_events_count(lines, "syscall");
		json_decref(lines);
	}
	cr_expect_eq(events, 2);
	globfree(&found);
	fini(&t);
	eo_loop_free(loop);
}
