/* SPDX-License-Identifier: BSD-2-Clause */
#include "symbol/process_past.h"

#include <stdlib.h>
#include <string.h>

#include "core/array.h"
#include "core/clock.h"

/* How many are kept: those of two seconds of 4,000 execs each. */
#define PAST_MAX 8192

/* By how much their order may differ from that of their ends. */
#define DISORDER_NS (100 * EO_NS_PER_SEC / 1000)

static void forget(struct eo_process_past *past, struct eo_vma_parts *parts, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		eo_vma_set_drop(parts, past->list[i].vmas);
	past->count -= count;
	memmove(past->list, past->list + count, past->count * sizeof(*past->list));
}

void eo_process_past_fini(struct eo_process_past *past, struct eo_vma_parts *parts)
{
	for (uint32_t i = 0; i < past->count; i++)
		eo_vma_set_drop(parts, past->list[i].vmas);
	free(past->list);
	*past = (struct eo_process_past){0};
}

static bool has_room(struct eo_process_past *past)
{
	return past->count < PAST_MAX && EO_ARRAY_RESERVE(past->list, past->count + 1, past->room, 64);
}

void eo_process_past_add(struct eo_process_past *past, struct eo_vma_parts *parts,
			 const struct eo_past_program *program)
{
	if (!program->vmas)
		return;
	if (!has_room(past) && past->count)
		forget(past, parts, (past->count + 1) / 2);
	if (past->count < past->room)
		past->list[past->count++] = *program;
	else
		eo_vma_set_drop(parts, program->vmas);
}

/* The search is short: few come to an end between a sample and its reading. */
const struct eo_past_program *eo_process_past_find(const struct eo_process_past *past, uint32_t tgid,
						   uint64_t ktime_ns)
{
	const struct eo_past_program *found = NULL;

	for (uint32_t i = past->count; ktime_ns && i-- > 0 &&
				       past->list[i].until_ns + DISORDER_NS > ktime_ns;)
		if (past->list[i].tgid == tgid && past->list[i].until_ns > ktime_ns &&
		    past->list[i].begun_ns <= ktime_ns)
			found = &past->list[i];
	return found;
}

void eo_process_past_shorten(struct eo_process_past *past, uint32_t tgid, uint64_t ktime_ns)
{
	for (uint32_t i = past->count; i-- > 0;) {
		if (past->list[i].tgid != tgid)
			continue;
		if (past->list[i].until_ns > ktime_ns)
			past->list[i].until_ns = ktime_ns;
		return;
	}
}

void eo_process_past_reap(struct eo_process_past *past, struct eo_vma_parts *parts, uint64_t ktime_ns)
{
	uint32_t count = 0;

	while (count < past->count && past->list[count].until_ns < ktime_ns)
		count++;
	if (count)
		forget(past, parts, count);
}
