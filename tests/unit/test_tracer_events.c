// SPDX-License-Identifier: BSD-2-Clause
/* Losses that records tell of. */
#include <criterion/criterion.h>
#include <string.h>

#include "capture/tracer_class.h"

#define CPUS 2

static size_t records, losses;
static uint64_t lost;

static int on_record(struct eo_tracer *tracer, const struct eo_record_header *header, size_t size)
{
	(void)tracer;
	(void)header;
	(void)size;
	records++;
	return 0;
}

static int on_event(void *ctx, const struct eo_event *event)
{
	(void)ctx;
	cr_assert_eq(event->type, EO_EVENT_LOSS);
	for (size_t i = 0; i < event->data_count; i++)
		if (!strcmp(event->data[i].key, "count"))
			lost += event->data[i].unum;
	losses++;
	return 0;
}

/* As records stand in the ring: an interrupt's may come behind one that was reserved before it and
 * submitted after it, and knows of more losses. */
Test(tracer_events, each_loss_is_told_once_in_whatever_order_records_know_of_them)
{
	static const struct {
		uint32_t cpu;
		uint64_t ring_lost;
		size_t losses; /* told by now */
	} order[] = {{0, 0, 0}, {0, 7, 1}, {0, 5, 1}, {1, 3, 2}, {0, 7, 2}, {0, 11, 3}, {1, 2, 3}, {1, 5, 4}};
	static const struct eo_tracer_class class = {.name = "syscall", .record = on_record};
	struct eo_cpu_gap gaps[CPUS] = {{0}};
	struct eo_tracer tracer = {
		.class = &class,
		.options.sink.event = on_event,
		.gaps = gaps,
		.cpu_count = CPUS,
	};

	for (size_t i = 0; i < EO_ARRAY_SIZE(order); i++) {
		struct eo_record_header header = {.ring_lost = order[i].ring_lost};

		cr_assert_eq(eo_tracer_on_record(&tracer, order[i].cpu, &header, sizeof(header)), 0);
		cr_assert_eq(losses, order[i].losses, "%zu: %zu", i, losses);
	}
	cr_assert_eq(records, EO_ARRAY_SIZE(order));
	cr_assert_eq(lost, 11 + 5);
	cr_assert_eq(tracer.told[EO_LOSS_RING_FULL], 11 + 5);
}
