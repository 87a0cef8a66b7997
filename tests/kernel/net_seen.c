// SPDX-License-Identifier: BSD-2-Clause
#include "net_seen.h"

#include <string.h>
#include <sys/wait.h>

struct eo_tracer *seen_begin(const struct eo_net_tracer_options *options)
{
	struct eo_config config = eo_config_default();
	struct eo_tracer *tracer = NULL;
	struct eo_error err = {0};

	cr_assert_eq(eo_net_tracer_new(&config, options, &tracer, &err), 0, "%s", err.text);
	cr_assert_eq(eo_tracer_start(tracer, &err), 0, "%s: %s", err.text, strerror(err.code));
	return tracer;
}

void seen_settle(struct eo_tracer *tracer, uint64_t events)
{
	for (int i = 0; i < 500; i++) {
		struct eo_trace_stats stats;

		cr_assert_eq(eo_tracer_pump(tracer, NULL), 0);
		stats = eo_tracer_stats(tracer);
		if (stats.emitted + stats.aggregated + eo_trace_stats_lost(&stats) >= events)
			break;
		usleep(10000);
	}
}

void seen_join(struct eo_tracer *tracer, struct lab_process *process, const char *what)
{
	int status = 0;

	while (waitpid(process->pid, &status, WNOHANG) == 0) {
		cr_assert_eq(eo_tracer_pump(tracer, NULL), 0);
		usleep(10000);
	}
	close(process->report);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s ended with %#x", what,
		  (unsigned int)status);
}

void seen_check_identity(const struct eo_trace_stats *stats)
{
	cr_assert_eq(stats->seen,
		     stats->emitted + stats->aggregated + stats->filtered +
			     eo_trace_stats_lost(stats));
}

static uint64_t count_of(const struct eo_trace_count *counts, size_t count, const char *key)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(counts[i].key, key))
			return counts[i].value;
	cr_assert_fail("no count %s", key);
	return 0;
}

uint64_t seen_degraded(const struct eo_trace_stats *stats, const char *key)
{
	return count_of(stats->degraded, stats->degraded_count, key);
}

uint64_t seen_total(const struct eo_trace_stats *stats, const char *key)
{
	return count_of(stats->totals, stats->total_count, key);
}

struct eo_event_list *seen_end(struct eo_tracer *tracer, struct eo_trace_stats *ret)
{
	struct eo_event_list *list = NULL;
	struct eo_error err = {0};

	cr_assert_eq(eo_tracer_stop(tracer, &list, &err), 0, "%s", err.text);
	*ret = eo_tracer_stats(tracer);
	seen_check_identity(ret);
	cr_assert_eq(eo_trace_stats_lost(ret), 0);
	cr_assert_not_null(list);
	cr_assert_eq(ret->emitted, eo_event_list_count(list));
	return list;
}

void seen_need_all_runs(const struct eo_trace_stats *stats)
{
	if (seen_degraded(stats, "runs_missed"))
		cr_skip_test("the kernel left out %lu runs of programs that it had preempted",
			     seen_degraded(stats, "runs_missed"));
}

uint64_t seen_number(const struct eo_event *event, const char *key)
{
	const struct eo_attr *attr = eo_event_data(event, key);

	cr_assert_not_null(attr, "%s has no %s", eo_event_type_name(event->type), key);
	return attr->unum;
}

const char *seen_text(const struct eo_event *event, const char *key)
{
	const struct eo_attr *attr = eo_event_data(event, key);

	return attr ? attr->str : "";
}

uint16_t seen_port(const struct eo_event *event, const char *end)
{
	const struct eo_attr *port = eo_attr_member(eo_event_data(event, end), "port");

	return port ? (uint16_t)port->unum : 0;
}

const char *seen_address(const struct eo_event *event, const char *end)
{
	const struct eo_attr *address = eo_attr_member(eo_event_data(event, end), "address");

	return address ? address->str : "";
}

uint64_t seen_number_or_0(const struct eo_event *event, const char *key)
{
	const struct eo_attr *attr = eo_event_data(event, key);

	return attr ? attr->unum : 0;
}

static int by_time(const void *a, const void *b)
{
	const struct eo_event *const *x = a, *const *y = b;

	return ((*x)->ktime_ns > (*y)->ktime_ns) - ((*x)->ktime_ns < (*y)->ktime_ns);
}

/* There have to be @count. */
void seen_in_order(const struct eo_event_list *list, const struct eo_event **ret, size_t count)
{
	cr_assert_eq(eo_event_list_count(list), count, "%zu events", eo_event_list_count(list));
	for (size_t i = 0; i < count; i++)
		ret[i] = eo_event_list_get(list, i);
	qsort(ret, count, sizeof(*ret), by_time);
}

size_t seen_count(const struct eo_event_list *list, enum eo_event_type type)
{
	size_t sum = 0;

	for (size_t i = 0; i < eo_event_list_count(list); i++)
		sum += eo_event_list_get(list, i)->type == type;
	return sum;
}

uint64_t seen_sum(const struct eo_event_list *list, enum eo_event_type type, const char *role,
		  const char *key)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < eo_event_list_count(list); i++) {
		const struct eo_event *event = eo_event_list_get(list, i);

		if (event->type == type && !strcmp(seen_text(event, "role"), role))
			sum += seen_number(event, key);
	}
	return sum;
}
