/* SPDX-License-Identifier: BSD-2-Clause */
#include "export/trace_envelope.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "capture/process_environment.h"
#include "capture/process_resource.h"
#include "core/clock.h"
#include "core/process_stat.h"
#include "otlp/recent.h"

#define KTHREADD_PID 2 /* parent of the kernel's threads */
#define PROCESSES_MAX 8192
#define RUN_ID_BYTES  16
#define COMMAND_MAX   256
#define ATTRS_MAX     (192 + COMMAND_MAX + EO_TRACE_CONFIG_MAX)
/* A pid that was given to another process which has the same name is noticed after so long. */
#define TRUST_NS (5 * EO_NS_PER_SEC)

/* A process that was told. */
struct known {
	char comm[EO_COMM_BYTES];
	uint64_t start_ticks; /* since boot; 0: gone before it was looked at */
	uint64_t looked_ns;
	uint64_t named_ns; /* the event whose name it is */
};

struct eo_trace_envelope {
	struct eo_trace_start start;
	char run_id[2 * RUN_ID_BYTES + 1];
	struct eo_process_resource *resources;
	struct eo_attribute_set ours; /* what our own environment declares */
	struct eo_recent processes;
	uint32_t last_pid; /* most events come from the process of the one before */
	struct known last;
	struct eo_wall_clock wall; /* of the file, or of the run */
	bool has_started;
};

static int no_memory(struct eo_error *err)
{
	return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, ENOMEM, NULL,
			    "prepare the records around the events");
}

static void make_run_id(char ret[2 * RUN_ID_BYTES + 1])
{
	unsigned char bytes[RUN_ID_BYTES];
	uint64_t fallback[2] = {eo_clock_wall_ns(), (uint64_t)getpid()};

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		memcpy(bytes, fallback, sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++)
		sprintf(ret + 2 * i, "%02x", bytes[i]);
}

int eo_trace_envelope_new(const struct eo_trace_start *start, struct eo_trace_envelope **ret,
			  struct eo_error *err)
{
	EO_AUTO(eo_trace_envelope) envelope = calloc(1, sizeof(*envelope));
	const char *declared = getenv("OTEL_RESOURCE_ATTRIBUTES");

	if (!envelope)
		return no_memory(err);
	envelope->start = *start;
	eo_recent_init(&envelope->processes, sizeof(struct known), PROCESSES_MAX, NULL);
	if (eo_process_resource_new(&envelope->resources) < 0)
		return no_memory(err);
	if (start->run_id)
		snprintf(envelope->run_id, sizeof(envelope->run_id), "%s", start->run_id);
	else
		make_run_id(envelope->run_id);
	eo_attribute_set_text(&envelope->ours, "service.name", getenv("OTEL_SERVICE_NAME"));
	if (declared)
		eo_environment_attributes(declared, &envelope->ours);
	*ret = eo_steal(&envelope);
	return 0;
}

void eo_trace_envelope_free(struct eo_trace_envelope *envelope)
{
	if (!envelope)
		return;
	eo_recent_fini(&envelope->processes);
	eo_process_resource_free(envelope->resources);
	free(envelope);
}

const char *eo_trace_envelope_run_id(const struct eo_trace_envelope *envelope)
{
	return envelope->run_id;
}

/* --- data -------------------------------------------------------------------------------- */

struct data {
	struct eo_attr attrs[ATTRS_MAX];
	size_t count;
};

/* What is too much is left out. */
static struct eo_attr *add(struct data *data, const char *key, enum eo_attr_type type)
{
	struct eo_attr *attr = &data->attrs[data->count < ATTRS_MAX - 1 ? data->count++ :
									   ATTRS_MAX - 1];

	*attr = (struct eo_attr){.key = key, .type = type};
	return attr;
}

static void add_text(struct data *data, const char *key, const char *text)
{
	if (text && *text)
		add(data, key, EO_ATTR_STRING)->str = text;
}

static size_t open_inside(struct data *data, const char *key, enum eo_attr_type type)
{
	add(data, key, type);
	return data->count;
}

static void close_inside(struct data *data, size_t first)
{
	data->attrs[first - 1].count = (uint32_t)(data->count - first);
}

static const char *attribute_of(const struct eo_attribute_set *set, const char *key)
{
	for (size_t i = 0; i < set->count; i++)
		if (!strcmp(set->attributes[i].key, key))
			return set->attributes[i].str;
	return NULL;
}

static struct eo_event record(enum eo_event_type type, uint64_t ktime_ns, const struct data *data)
{
	return (struct eo_event){
		.type = type,
		.ktime_ns = ktime_ns,
		.data = data->attrs,
		.data_count = data->count,
	};
}

/* --- start ------------------------------------------------------------------------------- */

static void add_hooks(struct data *data, const struct eo_trace_start *start)
{
	size_t all = open_inside(data, "hooks", EO_ATTR_OBJECT);

	for (size_t i = 0; i < start->tracer_count; i++) {
		const struct eo_trace_hook *hooks;
		size_t count = eo_tracer_hooks(start->tracers[i], &hooks), of_one;

		of_one = open_inside(data, eo_tracer_name(start->tracers[i]), EO_ATTR_OBJECT);
		for (size_t j = 0; j < count; j++)
			add_text(data, hooks[j].key, hooks[j].value);
		close_inside(data, of_one);
	}
	close_inside(data, all);
}

static void add_ours(struct data *data, const struct eo_attribute_set *ours)
{
	size_t resource = open_inside(data, "resource", EO_ATTR_OBJECT);

	for (size_t i = 0; i < ours->count; i++)
		add_text(data, ours->attributes[i].key, ours->attributes[i].str);
	close_inside(data, resource);
	if (data->count == resource)
		data->count--;
}

static void add_config(struct data *data, const struct eo_trace_start *start)
{
	size_t config = open_inside(data, "config", EO_ATTR_OBJECT);

	for (size_t i = 0; i < start->config_count && i < EO_TRACE_CONFIG_MAX; i++)
		*add(data, NULL, EO_ATTR_STRING) = start->config[i];
	close_inside(data, config);
}

int eo_trace_envelope_start(struct eo_trace_envelope *envelope, const struct eo_wall_clock *wall,
			    eo_trace_event_fn fn, void *ctx)
{
	const struct eo_trace_start *start = &envelope->start;
	const struct eo_attribute_set *host = eo_process_resource_host(envelope->resources);
	/* The first one is of the moment when the trace began, a later one of a file that begins. */
	uint64_t ktime_ns = envelope->has_started ? eo_clock_monotonic_ns() : start->start_ns;
	struct data data = {.count = 0};
	struct utsname names = {.release = ""};
	struct eo_event event;
	size_t list;

	uname(&names);
	add_text(&data, "version", EO_VERSION);
	add_text(&data, "run_id", envelope->run_id);
	add(&data, "ktime_ns", EO_ATTR_UINT)->unum = ktime_ns;
	list = open_inside(&data, "tracers", EO_ATTR_ARRAY);
	for (size_t i = 0; i < start->tracer_count; i++)
		add_text(&data, NULL, eo_tracer_name(start->tracers[i]));
	close_inside(&data, list);
	list = open_inside(&data, "command", EO_ATTR_ARRAY);
	for (size_t i = 0; start->command[i] && i < COMMAND_MAX; i++)
		add(&data, NULL, EO_ATTR_STRING)->str = start->command[i];
	close_inside(&data, list);
	add_config(&data, start);
	add_hooks(&data, start);
	add_text(&data, "host_name", attribute_of(host, "host.name"));
	add_text(&data, "host_id", attribute_of(host, "host.id"));
	add_text(&data, "host_arch", attribute_of(host, "host.arch"));
	add_text(&data, "kernel", names.release);
	add_text(&data, "traceparent", start->traceparent);
	add_ours(&data, &envelope->ours);

	envelope->wall = *wall;
	envelope->has_started = true;
	envelope->last_pid = 0;
	eo_recent_fini(&envelope->processes);
	eo_recent_init(&envelope->processes, sizeof(struct known), PROCESSES_MAX, NULL);
	event = record(EO_EVENT_START, ktime_ns, &data);
	event.pid = event.tid = (uint32_t)getpid();
	strcpy(event.comm, "ebpfotel");
	return fn(ctx, &event);
}

/* --- processes --------------------------------------------------------------------------- */

/* A pid and a name are what an event has of its process; threads of the kernel show more than their
 * name. */
static bool is_owner(const struct eo_trace_envelope *envelope, const struct eo_event *event,
		     const struct eo_process_stat *stat)
{
	uint64_t tick_ns = eo_process_stat_tick_ns();
	uint64_t since_boot_ns = event->ktime_ns + (uint64_t)envelope->wall.asleep_ns;

	return (stat->ppid == KTHREADD_PID || !strncmp(stat->name, event->comm, EO_COMM_BYTES)) &&
	       stat->start_ticks * tick_ns <= since_boot_ns + tick_ns;
}

/* Leaves @ret alone when the process of @event has gone, or is another program by now. */
static void read_stat(const struct eo_trace_envelope *envelope, const struct eo_event *event,
		      struct eo_process_stat *ret)
{
	struct eo_process_stat stat;

	if (eo_process_stat_read(event->pid, &stat) == 0 && is_owner(envelope, event, &stat))
		*ret = stat;
}

/* RFC 3339, as in the lines themselves. */
static void format_start(const struct eo_trace_envelope *envelope, uint64_t ticks, char ret[40])
{
	uint64_t since_boot_ns = ticks * eo_process_stat_tick_ns();
	uint64_t wall_ns =
		since_boot_ns + (uint64_t)(envelope->wall.offset_ns - envelope->wall.asleep_ns);
	time_t seconds = (time_t)(wall_ns / EO_NS_PER_SEC);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(ret, 40, "%Y-%m-%dT%H:%M:%S", &tm);
	/* Clock ticks say no more than hundredths. */
	sprintf(ret + strlen(ret), ".%02u0000000Z",
		(unsigned int)(wall_ns % EO_NS_PER_SEC / 10000000));
}

/* What stands elsewhere, in the record itself or in the start record. */
static bool is_elsewhere(const char *key)
{
	static const char *const prefixes[] = {"process.", "host.", "os.", "container.id",
					       "k8s.pod.uid"};

	for (size_t i = 0; i < EO_ARRAY_SIZE(prefixes); i++)
		if (!strncmp(key, prefixes[i], strlen(prefixes[i])))
			return true;
	return false;
}

static void add_resource(struct data *data, const struct eo_attribute_set *set)
{
	size_t resource = open_inside(data, "resource", EO_ATTR_OBJECT);

	for (size_t i = 0; i < set->count; i++)
		if (set->attributes[i].str && !is_elsewhere(set->attributes[i].key))
			add_text(data, set->attributes[i].key, set->attributes[i].str);
	close_inside(data, resource);
	if (data->count == resource)
		data->count--;
}

static int tell_process(struct eo_trace_envelope *envelope, const struct eo_event *of,
			const struct eo_process_stat *stat, eo_trace_event_fn fn, void *ctx)
{
	char comm[EO_COMM_BYTES + 1] = "", start_time[40] = "";
	const struct eo_attribute_set *set;
	struct data data = {.count = 0};
	struct eo_process_stat after = {0};
	struct eo_event event;
	bool is_there;

	memcpy(comm, of->comm, EO_COMM_BYTES);
	set = eo_process_resource_read(envelope->resources, of->pid, comm, of->ktime_ns);
	read_stat(envelope, of, &after);
	is_there = after.start_ticks && after.start_ticks == stat->start_ticks;
	if (!is_there)
		set = eo_process_resource_gone(envelope->resources, of->pid, comm);
	if (is_there) {
		add(&data, "ppid", EO_ATTR_UINT)->unum = stat->ppid;
		add_text(&data, "exe", attribute_of(set, "process.executable.path"));
		format_start(envelope, stat->start_ticks, start_time);
		add_text(&data, "start_time", start_time);
	}
	add_text(&data, "container_id", attribute_of(set, "container.id"));
	add_text(&data, "pod_uid", attribute_of(set, "k8s.pod.uid"));
	add_resource(&data, set);
	event = record(EO_EVENT_PROCESS, of->ktime_ns, &data);
	event.pid = event.tid = of->pid;
	event.ns_pid = of->ns_pid;
	memcpy(event.comm, of->comm, EO_COMM_BYTES);
	return fn(ctx, &event);
}

/* Look again, and tell what has changed. */
static int look(struct eo_trace_envelope *envelope, const struct eo_event *event,
		struct known *known, bool is_new, eo_trace_event_fn fn, void *ctx)
{
	bool has_comm_changed = memcmp(known->comm, event->comm, EO_COMM_BYTES);
	struct eo_process_stat stat = {0};

	/* Late from another CPU or another tracer: the name that it had before. */
	if (!is_new && has_comm_changed && event->ktime_ns < known->named_ns)
		return 0;
	eo_wall_clock_offset_ns(&envelope->wall); /* what the machine has slept counts in starts */
	read_stat(envelope, event, &stat);
	known->looked_ns = event->ktime_ns;
	/* A process that has gone since leaves what is known of it. */
	if (!is_new && !has_comm_changed &&
	    (!stat.start_ticks || stat.start_ticks == known->start_ticks))
		return 0;
	memcpy(known->comm, event->comm, EO_COMM_BYTES);
	known->named_ns = event->ktime_ns;
	known->start_ticks = stat.start_ticks;
	return tell_process(envelope, event, &stat, fn, ctx);
}

static bool is_trusted(const struct known *known, const struct eo_event *event)
{
	/* Older events come late from other CPUs. */
	return event->ktime_ns < known->looked_ns + TRUST_NS &&
	       !memcmp(known->comm, event->comm, EO_COMM_BYTES);
}

int eo_trace_envelope_process(struct eo_trace_envelope *envelope, const struct eo_event *event,
			      eo_trace_event_fn fn, void *ctx)
{
	struct known *known;
	bool is_new;
	int r = 0;

	if (!event->pid)
		return 0;
	if (event->pid == envelope->last_pid && is_trusted(&envelope->last, event))
		return 0;
	known = eo_recent_put(&envelope->processes, event->pid, &is_new);
	if (!known)
		return -ENOMEM;
	if (is_new || !is_trusted(known, event))
		r = look(envelope, event, known, is_new, fn, ctx);
	envelope->last_pid = event->pid;
	envelope->last = *known;
	return r;
}

/* --- end --------------------------------------------------------------------------------- */

int eo_trace_envelope_end(struct eo_trace_envelope *envelope,
			  const struct eo_statistics *statistics, eo_trace_event_fn fn, void *ctx)
{
	struct eo_attr attrs[EO_STATISTICS_ATTRS];
	const struct eo_event event = {
		.type = EO_EVENT_END,
		.ktime_ns = eo_clock_monotonic_ns(),
		.pid = (uint32_t)getpid(),
		.tid = (uint32_t)getpid(),
		.comm = "ebpfotel",
		.data = attrs,
		.data_count = eo_statistics_attrs(statistics, attrs),
	};

	(void)envelope;
	return fn(ctx, &event);
}
