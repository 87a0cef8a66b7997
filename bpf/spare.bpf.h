/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* From v7.0 on a thread can be preempted inside of a tracepoint's program, and until it goes on the
 * kernel leaves that program out for whoever else runs on this CPU. Holding the CPU does not help:
 * what was held back happens when the program lets go, still inside of it.
 *
 * So there are spares: programs of a second object, loaded from the same bytes, that share the
 * first one's maps and are attached after it. Whichever is run first for an event does the work,
 * and the others find that it is done. As many threads of a CPU can be preempted at once as there
 * are programs, before an event of another one is missed. */
#ifndef EO_SPARE_BPF_H
#define EO_SPARE_BPF_H

#include "kernel.h"
#include "tracer.bpf.h"

/* One for each program that is to do something once an event: EO_SPARED_…, doubled, and 1 more for
 * the second program of a tracepoint. */
enum run_place {
	RUN_SYS_ENTER = 2 * EO_SPARED_SYS_ENTER,
	RUN_SYS_EXIT = 2 * EO_SPARED_SYS_EXIT,
	RUN_FORK = 2 * EO_SPARED_FORK,
	RUN_EXEC = 2 * EO_SPARED_EXEC,
	RUN_EXIT = 2 * EO_SPARED_EXIT,
	RUN_TASK_END = 2 * EO_SPARED_EXIT + 1,
	RUN_FREE = 2 * EO_SPARED_FREE,
	RUN_SEND = 2 * EO_SPARED_SEND,
	RUN_RECEIVE = 2 * EO_SPARED_RECEIVE,
	RUN_STATE = 2 * EO_SPARED_STATE,
	RUN_DESTROY = 2 * EO_SPARED_DESTROY,
	RUN_RECEIVE_RESET = 2 * EO_SPARED_RECEIVE_RESET,
	RUN_SEND_RESET = 2 * EO_SPARED_SEND_RESET,
};

/* The latest event of a thread, whose events come one after another. One that is done has been seen
 * by somebody, and who has seen it already sees the next one. A spare that was left out meanwhile
 * may take the next one for the same, if that is of the same tracepoint and nobody before it was
 * run: no more events are missed than runs of any one spare. */
struct latest_event {
	__u8 tracepoint; /* EO_SPARED_… + 1 */
	__u8 seen_by[2]; /* bits, for each of its programs */
};

struct runs {
	struct latest_event of[2]; /* its own calls, and interrupts on top of them */
};

TASK_STORAGE(runs, struct runs);

/* Events that spares have done. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, EO_SPARED_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} done_by_spares SEC(".maps");

static __always_inline int is_to_be_done(int in_interrupt, const enum run_place place)
{
	struct runs *runs_of_task = bpf_task_storage_get(&runs, bpf_get_current_task_btf(), NULL,
							 BPF_LOCAL_STORAGE_GET_F_CREATE);
	__u32 tracepoint = place >> 1, me = 1u << (tracer.spare & 7), before;
	struct latest_event *event;
	__u64 *done;

	if (!runs_of_task)
		return !tracer.spare;
	event = &runs_of_task->of[in_interrupt & 1];
	if (event->tracepoint != tracepoint + 1) {
		event->tracepoint = tracepoint + 1;
		event->seen_by[0] = event->seen_by[1] = 0;
	}
	before = event->seen_by[place & 1];
	if (!tracer.spare || before & me)
		before = 0;
	event->seen_by[place & 1] = before | me;
	if (before)
		return 0;
	done = tracer.spare ? bpf_map_lookup_elem(&done_by_spares, &tracepoint) : NULL;
	if (done)
		__sync_fetch_and_add(done, 1);
	return 1;
}

#define ONCE_IN(in_interrupt, place, call)       \
	HOLDING_CPU(tracer.tracepoints_hold_cpu, \
		    if (!tracer.spares || is_to_be_done(in_interrupt, place)) TRACED(call))

/* UNPREEMPTED_TP() where a thread can be preempted, done once by one of the spares. */
#define ONCE(place, call) ONCE_IN(0, place, call)

/* The same where interrupts come by too; @ctx: the program's */
#define ONCE_ANYWHERE(ctx, place, call) \
	ONCE_IN(!is_on_stack_of(bpf_get_current_task_btf(), ctx), place, call)

#endif
