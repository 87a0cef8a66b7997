/* SPDX-License-Identifier: BSD-2-Clause */
#include "export/statistics.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "capture/user_walk.h"
#include "core/auto.h"

/* A small piece of text, by value: it lives to the end of the expression that made it. */
struct text {
	char s[64];
};
struct number {
	char s[48];
};

/* A decimal number that is valid JSON in every locale, and never nan or inf. */
static struct number decimal(double value, unsigned int digits)
{
	static const uint64_t scales[] = { 1, 10, 100, 1000 };
	uint64_t scale = scales[digits], scaled;
	struct number t;

	if (!(value > 0))
		value = 0;
	if (value > 1e15)
		value = 1e15;
	scaled = (uint64_t)(value * (double)scale + 0.5);
	if (digits)
		snprintf(t.s, sizeof(t.s), "%" PRIu64 ".%0*" PRIu64, scaled / scale, (int)digits,
			 scaled % scale);
	else
		snprintf(t.s, sizeof(t.s), "%" PRIu64, scaled);
	return t;
}

/* Three digits that matter: 0.08, 1.25, 31.4, 512. */
static struct number short_decimal(double value)
{
	return decimal(value, value < 9.995 ? 2 : value < 99.95 ? 1 : 0);
}

/* 1,234,567 */
static struct text grouped(uint64_t number)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%" PRIu64, number);
	struct text t;
	size_t at = 0;

	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			t.s[at++] = ',';
		t.s[at++] = digits[i];
	}
	t.s[at] = '\0';
	return t;
}

/* A share in percent. Only nothing is 0, and only everything is 100. */
static struct text percent(uint64_t part, uint64_t whole)
{
	double share = whole ? 100.0 * (double)part / (double)whole : 0;
	struct text t;

	if (part && share < 0.1)
		return (struct text){ "<0.1 %" };
	if (part < whole && share > 99.9)
		return (struct text){ ">99.9 %" };
	snprintf(t.s, sizeof(t.s), "%s %%", decimal(share, share < 100 ? 1 : 0).s);
	return t;
}

static struct text scaled(double value, const char *const *units, size_t unit_count)
{
	struct text t;
	size_t i = 0;

	while (i + 1 < unit_count && value >= 999.5) {
		value /= 1000;
		i++;
	}
	snprintf(t.s, sizeof(t.s), "%s %s", short_decimal(value).s, units[i]);
	return t;
}

static struct text bytes(uint64_t count)
{
	static const char *const units[] = { "kB", "MB", "GB", "TB" };

	return scaled((double)count / 1000, units, EO_ARRAY_SIZE(units));
}

static struct text time_us(double us)
{
	static const char *const units[] = { "µs", "ms", "s" };

	return scaled(us, units, EO_ARRAY_SIZE(units));
}

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

static uint64_t lost(const struct eo_profile_stats *profile)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < EO_ARRAY_SIZE(lost_fields); i++)
		sum += value_of(profile, &lost_fields[i]);
	return sum;
}

uint64_t eo_statistics_lost(const struct eo_statistics *statistics)
{
	return statistics->profile ? lost(statistics->profile) : 0;
}

static void json_fields(const char *key, const struct field *fields, size_t count,
			const struct eo_profile_stats *profile, FILE *out)
{
	fprintf(out, "\"%s\":{", key);
	for (size_t i = 0; i < count; i++)
		fprintf(out, "%s\"%s\":%" PRIu64, i ? "," : "", fields[i].key,
			value_of(profile, &fields[i]));
	fputs("},", out);
}

static void json_user_walks(const struct eo_profile_stats *profile, FILE *out)
{
	fputs("\"unwind\":{", out);
	for (size_t i = 0; i < eo_user_walk_name_count; i++)
		fprintf(out, "%s\"%s\":%" PRIu64, i ? "," : "", eo_user_walk_names[i].key,
			profile->user_walk[eo_user_walk_names[i].walk]);
	fputs("},", out);
}

/* With timestamps they are emitted one by one, else counted. */
static uint64_t samples_of(const struct eo_profile_stats *profile)
{
	return profile->emitted + profile->aggregated;
}

static void json_profile(const struct eo_profile_stats *profile, FILE *out)
{
	fprintf(out, "\"profile\":{\"samples\":%" PRIu64 ",\"stacks\":%" PRIu64 ",",
		samples_of(profile), profile->stacks);
	if (profile->clock)
		fprintf(out, "\"clock\":\"%s\",", profile->clock);
	json_user_walks(profile, out);
	if (profile->has_tables)
		json_fields("tables", table_fields, EO_ARRAY_SIZE(table_fields), profile, out);
	fprintf(out,
		"\"idle\":%" PRIu64 ",\"kernel\":%" PRIu64 ",\"stack_limit\":%" PRIu64
		",\"frames_named\":%" PRIu64 ",\"frames_unnamed\":%" PRIu64
		",\"kernel_names_hidden\":%s},",
		profile->idle, profile->kernel, profile->stack_limit, profile->frames_named,
		profile->frames_unnamed, profile->kernel_names_hidden ? "true" : "false");
}

static void json_overhead(const struct eo_overhead *overhead, FILE *out)
{
	fprintf(out,
		"\"overhead\":{\"cpu_percent\":%s,\"own_cpu_percent\":%s,\"bpf_percent\":%s,"
		"\"bpf_time\":\"%s\",\"memory_bytes\":%" PRIu64 ",\"rss_bytes\":%" PRIu64
		",\"map_bytes\":%" PRIu64
		",\"event_latency_us\":%s,\"event_latency_p99_us\":%s}",
		decimal(overhead->cpu_percent, 3).s, decimal(overhead->own_cpu_percent, 3).s,
		decimal(overhead->bpf_percent, 3).s,
		overhead->bpf_time_measured ? "measured" : "estimated", overhead->memory_bytes,
		overhead->rss_bytes, overhead->map_bytes, decimal(overhead->event_latency_us, 3).s,
		decimal(overhead->event_latency_p99_us, 3).s);
}

int eo_statistics_write_json(const struct eo_statistics *statistics, FILE *out)
{
	static const struct eo_profile_stats nothing;
	const struct eo_profile_stats *profile = statistics->profile;
	const struct eo_profile_stats *events = profile ? profile : &nothing;

	fprintf(out,
		"{\"duration_ns\":%" PRIu64 ",\"events_seen\":%" PRIu64
		",\"events_emitted\":%" PRIu64 ",\"events_aggregated\":%" PRIu64
		",\"events_filtered\":%" PRIu64 ",",
		statistics->duration_ns, events->seen, events->emitted, events->aggregated,
		events->filtered);
	json_fields("lost", lost_fields, EO_ARRAY_SIZE(lost_fields), events, out);
	json_fields("degraded", degraded_fields, EO_ARRAY_SIZE(degraded_fields), events, out);
	if (profile)
		json_profile(profile, out);
	json_overhead(&statistics->overhead, out);
	fputs("}\n", out);
	return ferror(out) ? -EIO : 0;
}

/* "LABEL      FIRST", then the others, each on a line of its own below the first. */
static void text_counts(const char *label, const struct field *fields, size_t count,
			const struct eo_profile_stats *profile, FILE *out)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t value = value_of(profile, &fields[i]);

		if (value && fields[i].words) {
			fprintf(out, "  %-12s%s: %s\n", label, fields[i].words, grouped(value).s);
			label = "";
		}
	}
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
			fprintf(out, "%s%s %s", separator, percent(value, sum).s,
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
		grouped(samples_of(profile)).s, grouped(profile->stacks).s,
		profile->stacks == 1 ? "" : "s",
		percent(profile->kernel, samples_of(profile)).s);
	if (profile->clock)
		fprintf(out, ", by %s", profile->clock);
	fputc('\n', out);
	if (profile->idle)
		fprintf(out, "  %-12s%s more samples (%s) found a CPU idle\n", "idle",
			grouped(profile->idle).s,
			percent(profile->idle, profile->idle + profile->seen).s);
	if (profile->filtered)
		fprintf(out, "  %-12s%s more samples\n", "filtered", grouped(profile->filtered).s);
	text_user_stacks(profile, out);
	if (frames)
		fprintf(out, "  %-12s%s of %s frames%s\n", "names",
			percent(profile->frames_named, frames).s, grouped(frames).s,
			profile->kernel_names_hidden ? ", the kernel hides its own" : "");
}

void eo_statistics_write_text(const struct eo_statistics *statistics, FILE *out)
{
	const struct eo_profile_stats *profile = statistics->profile;
	const struct eo_overhead *overhead = &statistics->overhead;

	fprintf(out, "  %-12s%s\n", "time", time_us((double)statistics->duration_ns / 1e3).s);
	if (profile)
		text_profile(profile, out);
	if (!eo_statistics_lost(statistics))
		fprintf(out, "  %-12snothing\n", "lost");
	if (profile) {
		text_counts("lost", lost_fields, EO_ARRAY_SIZE(lost_fields), profile, out);
		text_counts("degraded", degraded_fields, EO_ARRAY_SIZE(degraded_fields), profile,
			    out);
		text_counts("tables", table_fields, EO_ARRAY_SIZE(table_fields), profile, out);
	}
	fprintf(out, "  %-12s%s %% of one CPU: own %s, BPF %s %s\n", "own cost",
		short_decimal(overhead->cpu_percent).s, short_decimal(overhead->own_cpu_percent).s,
		short_decimal(overhead->bpf_percent).s,
		overhead->bpf_time_measured ? "measured" : "estimated");
	fprintf(out, "  %-12s%s of memory: own %s, maps %s\n", "",
		bytes(overhead->memory_bytes).s, bytes(overhead->rss_bytes).s,
		bytes(overhead->map_bytes).s);
	if (overhead->event_latency_us > 0)
		fprintf(out, "  %-12shalf within %s, 99 %% within %s\n", "delay",
			time_us(overhead->event_latency_us).s,
			time_us(overhead->event_latency_p99_us).s);
}
