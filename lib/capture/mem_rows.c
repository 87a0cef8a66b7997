// SPDX-License-Identifier: BSD-2-Clause
#include "capture/mem_rows.h"

#include <bpf/bpf.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "capture/mem_sources.h"
#include "core/clock.h"

struct summary {
	eo_trace_event_fn fn;
	void *ctx;
	struct eo_event event;
};

static struct summary begin(eo_trace_event_fn fn, void *ctx)
{
	return (struct summary){
		.fn = fn,
		.ctx = ctx,
		.event = {.type = EO_EVENT_MEM_SUMMARY, .ktime_ns = eo_clock_monotonic_ns()},
	};
}

static int class_row(struct summary *summary, struct eo_attr *data, size_t number,
		     const struct eo_mem_class *sums)
{
	struct eo_event *event = &summary->event;
	size_t k = number % EO_MEM_CLASSES;
	char name[48];

	if (!sums->allocations && !sums->frees && !sums->failed)
		return 0;
	snprintf(name, sizeof(name), "%" PRIu64 "-%" PRIu64, k ? UINT64_C(1) << k : 0,
		 UINT64_MAX >> (63 - k));
	event->data = data;
	event->data_count = 0;
	eo_mem_add_text(event, data, "name", name);
	eo_mem_add_text(event, data, "source", eo_mem_source_name(number / EO_MEM_CLASSES));
	eo_mem_add_number(event, data, "count", eo_mem_count(sums->allocations));
	eo_mem_add_number(event, data, "errors", sums->failed);
	eo_mem_add_number(event, data, "frees", eo_mem_count(sums->frees));
	eo_mem_add_number(event, data, "total_allocated", sums->allocated_bytes);
	eo_mem_add_number(event, data, "total_freed", sums->freed_bytes);
	return summary->fn(summary->ctx, event);
}

int eo_mem_rows_by_size(struct eo_tracer *tracer, struct eo_mem_class told[EO_MEM_ROWS_CLASSES],
			eo_trace_event_fn fn, void *ctx)
{
	struct summary summary = begin(fn, ctx);
	struct eo_mem_class sums[EO_MEM_ROWS_CLASSES];
	struct eo_attr data[8];
	int r = 0;

	eo_tracer_sum_map(tracer, "classes", sums, sizeof(sums));
	for (size_t k = 0; k < EO_MEM_ROWS_CLASSES && r == 0; k++) {
		const struct eo_mem_class fresh = {
			.allocations = sums[k].allocations - told[k].allocations,
			.allocated_bytes = sums[k].allocated_bytes - told[k].allocated_bytes,
			.frees = sums[k].frees - told[k].frees,
			.freed_bytes = sums[k].freed_bytes - told[k].freed_bytes,
			.failed = sums[k].failed - told[k].failed,
		};

		r = class_row(&summary, data, k, &fresh);
	}
	memcpy(told, sums, sizeof(sums));
	return r;
}

/* @totals: NULL: only what is held */
static int stack_row(struct eo_tracer *tracer, struct summary *summary,
		     const struct eo_mem_totals *totals, const struct eo_mem_held *held)
{
	struct eo_event *event = &summary->event;
	struct eo_attr *rows = tracer->rows;

	event->data = rows;
	event->data_count = eo_trace_stacks_rows(tracer->stacks, held->stack, rows);
	event->pid = event->tid = 0;
	memset(event->comm, 0, sizeof(event->comm));
	if (eo_stack_store_owner(eo_trace_stacks_store(tracer->stacks), held->stack, &event->pid, event->comm))
		event->tid = event->pid;
	eo_mem_add_text(event, rows, "source", eo_mem_source_name(held->source));
	if (totals) {
		eo_mem_add_number(event, rows, "count", eo_mem_count(totals->allocations));
		eo_mem_add_number(event, rows, "total_allocated", totals->allocated_bytes);
	}
	/* Who gives a page back does not say who brought it in. */
	if (held->source == EO_MEM_FAULTS)
		return summary->fn(summary->ctx, event);
	if (totals) {
		eo_mem_add_number(event, rows, "frees", eo_mem_count(totals->frees));
		eo_mem_add_number(event, rows, "total_freed", totals->freed_bytes);
	}
	eo_mem_add_number(event, rows, "active_allocations", held->count);
	eo_mem_add_number(event, rows, "active_bytes", held->bytes);
	if (!totals)
		eo_mem_add_number(event, rows, "oldest_ns", held->oldest_ns);
	return summary->fn(summary->ctx, event);
}

static int by_hash(const void *a, const void *b)
{
	const struct eo_mem_held *x = a, *y = b;

	if (x->stack != y->stack)
		return x->stack > y->stack ? 1 : -1;
	return (x->source > y->source) - (x->source < y->source);
}

int eo_mem_rows_by_stack(struct eo_tracer *tracer, int totals_fd, struct eo_mem_held *held,
			 size_t count, eo_trace_event_fn fn, void *ctx)
{
	struct summary summary = begin(fn, ctx);
	struct eo_mem_totals_key key, next;
	struct eo_mem_totals totals;
	bool first = true;
	int r = 0;

	if (count > 0)
		qsort(held, count, sizeof(*held), by_hash);
	while (r == 0 && bpf_map_get_next_key(totals_fd, first ? NULL : &key, &next) == 0) {
		const struct eo_mem_held none = {.stack = next.stack, .source = next.source}, *found;

		key = next;
		first = false;
		found = count ? bsearch(&none, held, count, sizeof(*held), by_hash) : NULL;
		if (bpf_map_lookup_elem(totals_fd, &key, &totals) == 0)
			r = stack_row(tracer, &summary, &totals, found ? found : &none);
	}
	return r;
}

int eo_mem_rows_of_held(struct eo_tracer *tracer, const struct eo_mem_held *held, size_t count,
			eo_trace_event_fn fn, void *ctx)
{
	struct summary summary = begin(fn, ctx);
	int r = 0;

	for (size_t i = 0; i < count && r == 0; i++)
		r = stack_row(tracer, &summary, NULL, &held[i]);
	return r;
}
