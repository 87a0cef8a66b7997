/* SPDX-License-Identifier: BSD-2-Clause */
#include "export/statistics.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "capture/user_walk.h"
#include "core/auto.h"
#include "format/jsonl.h"
#include "format/quantity.h"

/* One table for both forms, so that they cannot drift apart. */
struct field {
	const char *key;   /* in JSON */
	const char *words; /* in the table for people; NULL: not there */
	size_t offset;	   /* in eo_profile_stats, a uint64_t */
};

#define FIELD(key, words, member) { key, words, offsetof(struct eo_profile_stats, member) }

static const struct field lost_fields[] = {
	FIELD("ring_full", "ring buffer full", lost_ring_full),
	FIELD("map_full", "map full", lost_map_full),
	FIELD("busy", "map busy", lost_busy),
};

static const struct field degraded_fields[] = {
	FIELD("stack_limit", "samples beyond the limit of stacks", stack_limit),
	FIELD("stack_cut", "samples with a cut user stack", user_walk[EO_USER_CUT]),
	FIELD("stack_failed", "samples whose user stack was unreadable", user_walk[EO_USER_FAILED]),
	FIELD("stack_no_process", "samples of a process not yet known", user_walk[EO_USER_NO_PROCESS]),
	FIELD("stack_no_mapping", "samples with an address in no mapping", user_walk[EO_USER_NO_MAPPING]),
	FIELD("stack_not_loaded", "samples in a file whose table was not there", user_walk[EO_USER_NOT_LOADED]),
	FIELD("stack_no_row", "samples in code without table or frame pointer", user_walk[EO_USER_NO_ROW]),
	FIELD("stack_unsupported", "samples with a rule that cannot be followed", user_walk[EO_USER_UNSUPPORTED]),
	FIELD("stack_read_fault", "samples whose stack could not be read on", user_walk[EO_USER_READ_FAULT]),
	FIELD("stack_broken", "samples with a stack that does not ascend", user_walk[EO_USER_BROKEN]),
	FIELD("stack_exiting", "samples of exiting processes", user_walk[EO_USER_EXITING]),
	FIELD("stack_snapshot_cut", "samples with a cut snapshot of the stack", user_walk[EO_USER_SNAPSHOT_CUT]),
	FIELD("snapshots_limited", "samples beyond the rate of snapshots", snapshots_limited),
	FIELD("stacks_unknown", "stacks counted but never received", stacks_unknown),
	FIELD("mappings_lost", "records of mappings lost", mappings_lost),
	FIELD("files_denied", "files not ours to read", files_denied),
};

static const struct field table_fields[] = {
	FIELD("files_parsed", NULL, unwinder.files_parsed),
	FIELD("files_without", NULL, unwinder.files_without),
	FIELD("misses", NULL, unwinder.misses),
	FIELD("files_loaded", NULL, unwinder.tables.files_loaded),
	FIELD("processes", NULL, unwinder.tables.processes),
	FIELD("rules", NULL, unwinder.tables.rules),
	FIELD("rows_bytes", NULL, unwinder.tables.rows_bytes),
	FIELD("files_evicted", "files thrown out for want of --table-memory", unwinder.tables.files_evicted),
	FIELD("files_refused", "files that found no room in --table-memory", unwinder.tables.files_refused),
	FIELD("resets", "times that all processes were forgotten for want of room", unwinder.tables.resets),
};

static uint64_t value_of(const struct eo_profile_stats *profile, const struct field *field)
{
	uint64_t value;

	memcpy(&value, (const char *)profile + field->offset, sizeof(value));
	return value;
}

/* --- sums over the parts ----------------------------------------------------------------- */

static uint64_t lost_by(const struct eo_statistics *statistics, enum eo_loss reason)
{
	uint64_t sum = reason == EO_LOSS_STOPPED ? statistics->undelivered : 0;

	for (size_t i = 0; i < statistics->part_count; i++)
		sum += statistics->parts[i].stats.lost[reason];
	for (size_t i = 0; statistics->profile && i < EO_ARRAY_SIZE(lost_fields); i++)
		if (!strcmp(lost_fields[i].key, eo_loss_name(reason)))
			sum += value_of(statistics->profile, &lost_fields[i]);
	return sum;
}

uint64_t eo_statistics_lost(const struct eo_statistics *statistics)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < EO_LOSS_COUNT; i++)
		sum += lost_by(statistics, i);
	return sum;
}

struct sums {
	uint64_t seen, emitted, aggregated, filtered;
};

static struct sums sums_of(const struct eo_statistics *statistics)
{
	const struct eo_profile_stats *profile = statistics->profile;
	struct sums sums = { 0 };

	if (profile)
		sums = (struct sums){ profile->seen, profile->emitted, profile->aggregated,
				      profile->filtered };
	for (size_t i = 0; i < statistics->part_count; i++) {
		const struct eo_trace_stats *stats = &statistics->parts[i].stats;

		sums.seen += stats->seen;
		sums.emitted += stats->emitted;
		sums.aggregated += stats->aggregated;
		sums.filtered += stats->filtered;
	}
	/* The tracers handed these over. */
	sums.emitted -= statistics->undelivered + statistics->unwanted;
	sums.filtered += statistics->unwanted;
	return sums;
}

uint64_t eo_statistics_emitted(const struct eo_statistics *statistics)
{
	return sums_of(statistics).emitted;
}

/* --- as attributes ----------------------------------------------------------------------- */

struct list {
	struct eo_attr *attrs;
	size_t count, limit;
};

static struct eo_attr *add(struct list *list, const char *key, enum eo_attr_type type)
{
	struct eo_attr *attr = &list->attrs[list->count];

	if (list->count < list->limit)
		list->count++;
	else
		attr--; /* cannot be: the limit is counted from the tables */
	*attr = (struct eo_attr){ .key = key, .type = type };
	return attr;
}

static void add_uint(struct list *list, const char *key, uint64_t value)
{
	add(list, key, EO_ATTR_UINT)->unum = value;
}

/* To three digits, and never nan or inf, which JSON does not have. */
static void add_real(struct list *list, const char *key, double value)
{
	if (!(value > 0))
		value = 0;
	if (value > 1e12)
		value = 1e12;
	add(list, key, EO_ATTR_REAL)->real = round(value * 1000) / 1000;
}

static void add_string(struct list *list, const char *key, const char *text)
{
	add(list, key, EO_ATTR_STRING)->str = text;
}

/* What is added until close() is inside. */
static size_t open_object(struct list *list, const char *key)
{
	add(list, key, EO_ATTR_OBJECT);
	return list->count;
}

static void close_object(struct list *list, size_t first)
{
	list->attrs[first - 1].count = (uint32_t)(list->count - first);
}

static void add_fields(struct list *list, const char *key, const struct field *fields, size_t count,
		       const struct eo_profile_stats *profile)
{
	size_t object = open_object(list, key);

	for (size_t i = 0; i < count; i++)
		add_uint(list, fields[i].key, value_of(profile, &fields[i]));
	close_object(list, object);
}

static void add_lost(struct list *list, const struct eo_statistics *statistics)
{
	size_t object = open_object(list, "lost");

	for (unsigned int i = 0; i < EO_LOSS_COUNT; i++)
		add_uint(list, eo_loss_name(i), lost_by(statistics, i));
	close_object(list, object);
}

/* Figures of several parts with one name are one figure. */
static void add_count(struct list *list, size_t object, const struct eo_trace_count *count)
{
	for (size_t i = object; i < list->count; i++) {
		if (!strcmp(list->attrs[i].key, count->key)) {
			list->attrs[i].unum += count->value;
			return;
		}
	}
	add_uint(list, count->key, count->value);
}

static void add_degraded(struct list *list, const struct eo_statistics *statistics)
{
	size_t object = open_object(list, "degraded");

	for (size_t i = 0; statistics->profile && i < EO_ARRAY_SIZE(degraded_fields); i++)
		add_uint(list, degraded_fields[i].key,
			 value_of(statistics->profile, &degraded_fields[i]));
	for (size_t i = 0; i < statistics->part_count; i++)
		for (size_t j = 0; j < statistics->parts[i].stats.degraded_count; j++)
			add_count(list, object, &statistics->parts[i].stats.degraded[j]);
	close_object(list, object);
}

/* With timestamps they are emitted one by one, else counted. */
static uint64_t samples_of(const struct eo_profile_stats *profile)
{
	return profile->emitted + profile->aggregated;
}

static void add_user_walks(struct list *list, const struct eo_profile_stats *profile)
{
	size_t object = open_object(list, "unwind");

	for (size_t i = 0; i < eo_user_walk_name_count; i++)
		add_uint(list, eo_user_walk_names[i].key,
			 profile->user_walk[eo_user_walk_names[i].walk]);
	close_object(list, object);
}

static void add_profile(struct list *list, const struct eo_profile_stats *profile)
{
	size_t object = open_object(list, "profile");

	add_uint(list, "samples", samples_of(profile));
	add_uint(list, "stacks", profile->stacks);
	if (profile->clock)
		add_string(list, "clock", profile->clock);
	add_user_walks(list, profile);
	if (profile->has_tables)
		add_fields(list, "tables", table_fields, EO_ARRAY_SIZE(table_fields), profile);
	add_uint(list, "idle", profile->idle);
	add_uint(list, "kernel", profile->kernel);
	add_uint(list, "stack_limit", profile->stack_limit);
	add_uint(list, "frames_named", profile->frames_named);
	add_uint(list, "frames_unnamed", profile->frames_unnamed);
	add(list, "kernel_names_hidden", EO_ATTR_BOOL)->num = profile->kernel_names_hidden;
	close_object(list, object);
}

static void add_part(struct list *list, const struct eo_trace_part *part)
{
	size_t object = open_object(list, part->name);

	for (size_t i = 0; i < part->stats.total_count; i++)
		add_uint(list, part->stats.totals[i].key, part->stats.totals[i].value);
	close_object(list, object);
}

static void add_overhead(struct list *list, const struct eo_overhead *overhead)
{
	size_t object = open_object(list, "overhead");

	add_real(list, "cpu_percent", overhead->cpu_percent);
	add_real(list, "own_cpu_percent", overhead->own_cpu_percent);
	add_real(list, "bpf_percent", overhead->bpf_percent);
	add_string(list, "bpf_time", overhead->bpf_time_measured ? "measured" : "estimated");
	add_uint(list, "user_ns", overhead->user_ns);
	add_uint(list, "system_ns", overhead->system_ns);
	add_uint(list, "bpf_ns", overhead->bpf_time_ns);
	add_uint(list, "memory_bytes", overhead->memory_bytes);
	add_uint(list, "rss_bytes", overhead->rss_bytes);
	add_uint(list, "map_bytes", overhead->map_bytes);
	add_real(list, "event_latency_us", overhead->event_latency_us);
	add_real(list, "event_latency_p99_us", overhead->event_latency_p99_us);
	close_object(list, object);
}

_Static_assert(EO_STATISTICS_ATTRS >= 40 + EO_LOSS_COUNT + EO_ARRAY_SIZE(degraded_fields) +
					      EO_USER_WALK_COUNT + EO_ARRAY_SIZE(table_fields) +
					      EO_STATISTICS_PARTS * (2 * EO_TRACE_COUNTS_MAX + 1),
	       "room for everything");

size_t eo_statistics_attrs(const struct eo_statistics *statistics, struct eo_attr *ret)
{
	struct list list = { .attrs = ret, .limit = EO_STATISTICS_ATTRS };
	struct sums sums = sums_of(statistics);

	add_uint(&list, "duration_ns", statistics->duration_ns);
	add_uint(&list, "events_seen", sums.seen);
	add_uint(&list, "events_emitted", sums.emitted);
	add_uint(&list, "events_aggregated", sums.aggregated);
	add_uint(&list, "events_filtered", sums.filtered);
	add_lost(&list, statistics);
	add_degraded(&list, statistics);
	if (statistics->profile)
		add_profile(&list, statistics->profile);
	for (size_t i = 0; i < statistics->part_count; i++)
		add_part(&list, &statistics->parts[i]);
	add_overhead(&list, &statistics->overhead);
	return list.count;
}

int eo_statistics_write_json(const struct eo_statistics *statistics, FILE *out)
{
	struct eo_attr attrs[1 + EO_STATISTICS_ATTRS] = { { .type = EO_ATTR_OBJECT } };
	char text[EO_STATISTICS_ATTRS * 64];

	attrs[0].count = (uint32_t)eo_statistics_attrs(statistics, attrs + 1);
	eo_jsonl_value(attrs, text, sizeof(text));
	fprintf(out, "%s\n", text);
	return ferror(out) ? -EIO : 0;
}

/* --- for people -------------------------------------------------------------------------- */

/* "LABEL      FIRST", then the others, each on a line of its own below the first. */
struct rows {
	const char *label;
	FILE *out;
};

static void text_row(struct rows *rows, const char *words, uint64_t value)
{
	if (!value)
		return;
	fprintf(rows->out, "  %-12s%s: %s\n", rows->label, words, eo_quantity_grouped(value).s);
	rows->label = "";
}

static void text_lost(const struct eo_statistics *statistics, FILE *out)
{
	static const char *const words[EO_LOSS_COUNT] = {
		[EO_LOSS_RING_FULL] = "ring buffer full",
		[EO_LOSS_MAP_FULL] = "map full",
		[EO_LOSS_BUSY] = "map busy",
		[EO_LOSS_RATE_LIMITED] = "beyond the rate limit",
		[EO_LOSS_STOPPED] = "still on their way at the end",
	};
	struct rows rows = { "lost", out };

	if (!eo_statistics_lost(statistics))
		fprintf(out, "  %-12snothing\n", "lost");
	for (unsigned int i = 0; i < EO_LOSS_COUNT; i++)
		text_row(&rows, words[i], lost_by(statistics, i));
}

static void text_degraded(const struct eo_statistics *statistics, FILE *out)
{
	struct eo_attr attrs[EO_STATISTICS_PARTS * EO_TRACE_COUNTS_MAX];
	const char *words[EO_ARRAY_SIZE(attrs)];
	struct list list = { .attrs = attrs, .limit = EO_ARRAY_SIZE(attrs) };
	struct rows rows = { "degraded", out };

	for (size_t i = 0; i < statistics->part_count; i++) {
		for (size_t j = 0; j < statistics->parts[i].stats.degraded_count; j++) {
			words[list.count] = statistics->parts[i].stats.degraded[j].words;
			add_count(&list, 0, &statistics->parts[i].stats.degraded[j]);
		}
	}
	for (size_t i = 0; statistics->profile && i < EO_ARRAY_SIZE(degraded_fields); i++)
		text_row(&rows, degraded_fields[i].words,
			 value_of(statistics->profile, &degraded_fields[i]));
	for (size_t i = 0; i < list.count; i++)
		text_row(&rows, words[i], attrs[i].unum);
}

/* "  events      1,203 written, 12 filtered, of 1,215" */
static void text_events(const struct eo_statistics *statistics, FILE *out)
{
	struct sums sums = sums_of(statistics);
	const struct {
		const char *words;
		uint64_t value;
	} kinds[] = {
		{ "written", sums.emitted },
		{ "added up", sums.aggregated },
		{ "filtered", sums.filtered },
	};
	const char *separator = "";

	fprintf(out, "  %-12s", "events");
	for (size_t i = 0; i < EO_ARRAY_SIZE(kinds); i++) {
		if (!kinds[i].value)
			continue;
		fprintf(out, "%s%s %s", separator, eo_quantity_grouped(kinds[i].value).s,
			kinds[i].words);
		separator = ", ";
	}
	fprintf(out, "%s%s%s\n", *separator ? ", of " : "", eo_quantity_grouped(sums.seen).s,
		*separator ? "" : " seen");
}

static void text_part(const struct eo_trace_part *part, FILE *out)
{
	struct rows rows = { part->name, out };

	for (size_t i = 0; i < part->stats.total_count; i++)
		text_row(&rows, part->stats.totals[i].words, part->stats.totals[i].value);
}

static void text_tables(const struct eo_profile_stats *profile, FILE *out)
{
	struct rows rows = { "tables", out };

	for (size_t i = 0; i < EO_ARRAY_SIZE(table_fields); i++)
		if (table_fields[i].words)
			text_row(&rows, table_fields[i].words, value_of(profile, &table_fields[i]));
}

static void text_user_stacks(const struct eo_profile_stats *profile, FILE *out)
{
	uint64_t sum = 0;
	const char *separator = "";

	for (size_t i = 0; i < EO_USER_WALK_COUNT; i++)
		sum += profile->user_walk[i];
	if (!sum)
		return;
	fprintf(out, "  %-12s", "user stacks");
	for (size_t i = 0; i < eo_user_walk_name_count; i++) {
		uint64_t value = profile->user_walk[eo_user_walk_names[i].walk];

		if (value) {
			fprintf(out, "%s%s %s", separator, eo_quantity_percent(value, sum).s,
				eo_user_walk_names[i].words);
			separator = ", ";
		}
	}
	fputc('\n', out);
}

static void text_profile(const struct eo_profile_stats *profile, FILE *out)
{
	uint64_t frames = profile->frames_named + profile->frames_unnamed;

	fprintf(out, "  %-12s%s in %s stack%s, %s in the kernel", "samples",
		eo_quantity_grouped(samples_of(profile)).s, eo_quantity_grouped(profile->stacks).s,
		profile->stacks == 1 ? "" : "s",
		eo_quantity_percent(profile->kernel, samples_of(profile)).s);
	if (profile->clock)
		fprintf(out, ", by %s", profile->clock);
	fputc('\n', out);
	if (profile->idle)
		fprintf(out, "  %-12s%s more samples (%s) found a CPU idle\n", "idle",
			eo_quantity_grouped(profile->idle).s,
			eo_quantity_percent(profile->idle, profile->idle + profile->seen).s);
	if (profile->filtered)
		fprintf(out, "  %-12s%s more samples\n", "filtered", eo_quantity_grouped(profile->filtered).s);
	text_user_stacks(profile, out);
	if (frames)
		fprintf(out, "  %-12s%s of %s frames%s\n", "names",
			eo_quantity_percent(profile->frames_named, frames).s, eo_quantity_grouped(frames).s,
			profile->kernel_names_hidden ? ", the kernel hides its own" : "");
}

void eo_statistics_write_text(const struct eo_statistics *statistics, FILE *out)
{
	const struct eo_profile_stats *profile = statistics->profile;
	const struct eo_overhead *overhead = &statistics->overhead;

	fprintf(out, "  %-12s%s\n", "time", eo_quantity_time_us((double)statistics->duration_ns / 1e3).s);
	if (profile)
		text_profile(profile, out);
	if (statistics->part_count)
		text_events(statistics, out);
	for (size_t i = 0; i < statistics->part_count; i++)
		text_part(&statistics->parts[i], out);
	text_lost(statistics, out);
	text_degraded(statistics, out);
	if (profile)
		text_tables(profile, out);
	fprintf(out, "  %-12s%s %% of one CPU: own %s, BPF %s %s\n", "own cost",
		eo_quantity_short(overhead->cpu_percent).s, eo_quantity_short(overhead->own_cpu_percent).s,
		eo_quantity_short(overhead->bpf_percent).s,
		overhead->bpf_time_measured ? "measured" : "estimated");
	fprintf(out, "  %-12s%s of memory: own %s, maps %s\n", "",
		eo_quantity_bytes(overhead->memory_bytes).s, eo_quantity_bytes(overhead->rss_bytes).s,
		eo_quantity_bytes(overhead->map_bytes).s);
	if (overhead->event_latency_us > 0)
		fprintf(out, "  %-12shalf within %s, 99 %% within %s\n", "delay",
			eo_quantity_time_us(overhead->event_latency_us).s,
			eo_quantity_time_us(overhead->event_latency_p99_us).s);
}
