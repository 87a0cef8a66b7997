// SPDX-License-Identifier: BSD-2-Clause
#include "capture/declared_places.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>

#include "capture/allocator_functions.h"
#include "core/auto.h"
#include "symbol/usdt.h"

#define PROBES_MAX 256u /* in one file */

static const char *const names[] = {"alloc", "free"};
static const unsigned int functions[] = {EO_ALLOCATOR_DECLARED_ALLOC, EO_ALLOCATOR_DECLARED_FREE};

static uint16_t register_offset(uint8_t word)
{
	return word == EO_USDT_NO_REGISTER ? EO_MEM_NO_REGISTER : (uint16_t)(8 * word);
}

/* As the BPF programs want it. */
static struct eo_mem_argument argument_of(const struct eo_usdt_argument *argument)
{
	static const uint8_t kinds[] = {
		[EO_USDT_CONSTANT] = EO_MEM_ARGUMENT_CONSTANT,
		[EO_USDT_REGISTER] = EO_MEM_ARGUMENT_REGISTER,
		[EO_USDT_MEMORY] = EO_MEM_ARGUMENT_MEMORY,
	};

	return (struct eo_mem_argument){
		.kind = kinds[argument->kind],
		.bytes = argument->size,
		.is_signed = argument->is_signed,
		.scale = argument->scale,
		.base = register_offset(argument->base),
		.index = register_offset(argument->index),
		.value = argument->value,
	};
}

static int add_place(struct eo_declared_places *places, const struct eo_usdt_probe *probe,
		     struct eo_uprobe *ret)
{
	enum eo_mem_shape shape = eo_allocator_functions[functions[probe->name]].shape;
	const struct eo_mem_place place = {
		.address = argument_of(&probe->arguments[0]),
		.size = argument_of(&probe->arguments[1]),
	};

	if (probe->argument_count < (shape == EO_MEM_FREE ? 1 : 2) || places->count == EO_MEM_PLACES)
		return -EINVAL;
	if (bpf_map_update_elem(places->map_fd, &places->count, &place, BPF_ANY) < 0)
		return -errno;
	*ret = (struct eo_uprobe){
		.offset = probe->offset,
		.semaphore = probe->semaphore,
		.cookie = EO_MEM_PLACE_COOKIE(shape, functions[probe->name], places->count++),
	};
	return 0;
}

int eo_declared_places_read(void *ctx, int fd, struct eo_uprobe **ret)
{
	EO_AUTO_FREE struct eo_usdt_probe *probes = calloc(PROBES_MAX, sizeof(*probes));
	EO_AUTO_FREE struct eo_uprobe *found = calloc(PROBES_MAX, sizeof(*found));
	bool has[2] = {false};
	int count;

	if (!probes || !found)
		return -ENOMEM;
	count = eo_usdt_find(fd, EO_ALLOCATOR_PROVIDER, names, EO_ARRAY_SIZE(names), probes, PROBES_MAX);
	for (int i = 0; i < count; i++) {
		has[probes[i].name] = true;
		/* One that is not seen would make leaks of what it frees. */
		if (add_place(ctx, &probes[i], &found[i]) < 0)
			return 0;
	}
	if (!has[0] || !has[1])
		return count == -ENOMEM ? count : 0;
	*ret = eo_steal(&found);
	return count;
}
