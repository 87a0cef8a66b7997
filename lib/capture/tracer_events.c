// SPDX-License-Identifier: BSD-2-Clause
/* What becomes of a tracer's records: events, in the sink's hands or collected, and losses. */
#include <string.h>

#include "capture/tracer_class.h"
#include "core/clock.h"

static const char *const loss_names[] = {
	[EO_LOSS_RING_FULL] = "ring_full",	 [EO_LOSS_MAP_FULL] = "map_full",
	[EO_LOSS_BUSY] = "busy",		 [EO_LOSS_RATE_LIMITED] = "rate_limited",
	[EO_LOSS_STOPPED] = "stopped",
};

const char *eo_loss_name(enum eo_loss loss)
{
	return (size_t)loss < EO_ARRAY_SIZE(loss_names) ? loss_names[loss] : NULL;
}

/* Old kernels leave what was there behind the NUL, and names are compared whole. */
static void take_name(char name[EO_COMM_BYTES], const char from[EO_COMM_LEN])
{
	size_t len = strnlen(from, EO_COMM_BYTES - 1);

	memcpy(name, from, len);
	memset(name + len, 0, EO_COMM_BYTES - len);
}

void eo_tracer_fill_event(struct eo_event *event, enum eo_event_type type,
			  const struct eo_record_header *header)
{
	event->type = type;
	event->ktime_ns = header->ktime_ns;
	event->pid = header->tgid;
	event->tid = header->tid;
	event->ns_pid = header->ns_tgid;
	take_name(event->comm, header->comm);
	take_name(event->thread, header->thread);
	if (!memcmp(event->comm, event->thread, sizeof(event->comm)))
		event->thread[0] = '\0';
	event->data = NULL;
	event->data_count = 0;
}

int eo_tracer_emit(struct eo_tracer *tracer, const struct eo_event *event)
{
	if (tracer->options.sink.event)
		return tracer->options.sink.event(tracer->options.sink.ctx, event);
	if (event->type == EO_EVENT_LOSS)
		return 0;
	if (eo_event_list_count(tracer->collected) < tracer->config.max_samples)
		return eo_event_list_add(tracer->collected, event);
	tracer->collected_full++;
	return 0;
}

void eo_tracer_add_latency(struct eo_tracer *tracer, uint64_t ktime_ns)
{
	if (!tracer->now_ns || tracer->records_taken % 32 == 0)
		tracer->now_ns = eo_clock_monotonic_ns();
	eo_latency_add(&tracer->latency, tracer->now_ns > ktime_ns ? tracer->now_ns - ktime_ns : 0);
}

int eo_tracer_emit_with_stack(struct eo_tracer *tracer, const struct eo_event *event, uint64_t hash)
{
	struct eo_event with_stack = *event;

	if (!hash || !tracer->stacks || event->data_count > EO_TRACER_DATA_MAX)
		return eo_tracer_emit(tracer, event);
	memcpy(tracer->rows, event->data, event->data_count * sizeof(*event->data));
	with_stack.data = tracer->rows;
	with_stack.data_count +=
		eo_trace_stacks_rows(tracer->stacks, hash, tracer->rows + event->data_count);
	return eo_tracer_emit(tracer, &with_stack);
}

static int tell_loss(struct eo_tracer *tracer, enum eo_loss reason, uint64_t count,
		     uint64_t ktime_ns, uint64_t last_ktime_ns)
{
	uint64_t start_ns = tracer->options.start_ns;
	const struct eo_attr data[] = {
		{.key = "tracer", .type = EO_ATTR_STRING, .str = tracer->class->name},
		{.key = "reason", .type = EO_ATTR_STRING, .str = loss_names[reason]},
		{.key = "count", .type = EO_ATTR_UINT, .unum = count},
		{.key = "since_ns", .type = EO_ATTR_UINT,
		 .unum = last_ktime_ns > start_ns ? last_ktime_ns - start_ns : 0},
	};
	const struct eo_event event = {
		.type = EO_EVENT_LOSS,
		.ktime_ns = ktime_ns,
		.data = data,
		.data_count = EO_ARRAY_SIZE(data),
	};

	tracer->told[reason] += count;
	return eo_tracer_emit(tracer, &event);
}

int eo_tracer_on_record(void *ctx, uint32_t cpu, const void *record, size_t size)
{
	struct eo_tracer *tracer = ctx;
	const struct eo_record_header *header = record;
	struct eo_cpu_gap *gap = &tracer->gaps[cpu];
	uint64_t lost = 0, last_ktime_ns = gap->last_ktime_ns;
	int r = 0;

	tracer->records_taken++;
	gap->last_ktime_ns = header->ktime_ns;
	/* That of an interrupt can stand behind one that knows of losses after it. */
	if (header->ring_lost > gap->lost) {
		lost = header->ring_lost - gap->lost;
		gap->lost = header->ring_lost;
	}
	if (lost)
		r = tell_loss(tracer, EO_LOSS_RING_FULL, lost, header->ktime_ns, last_ktime_ns);
	return r < 0 ? r : tracer->class->record(tracer, header, size);
}

int eo_tracer_tell_losses(struct eo_tracer *tracer, bool last)
{
	struct eo_tracer_counters counters;
	uint64_t last_ktime_ns = 0;
	int r = 0;

	eo_tracer_counters(tracer, &counters);
	counters.lost[EO_LOSS_STOPPED] += tracer->stopped;
	for (uint32_t i = 0; i < tracer->cpu_count; i++)
		if (tracer->gaps[i].last_ktime_ns > last_ktime_ns)
			last_ktime_ns = tracer->gaps[i].last_ktime_ns;
	for (unsigned int i = 0; i < EO_LOSS_COUNT && r >= 0; i++)
		if (counters.lost[i] > tracer->told[i] && (last || i != EO_LOSS_RING_FULL))
			r = tell_loss(tracer, i, counters.lost[i] - tracer->told[i],
				      eo_clock_monotonic_ns(), last_ktime_ns);
	return r;
}
