/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/spares.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "capture/probe.h"
#include "core/auto.h"

static const char *const tracepoints[] = {
	[EO_SPARED_SYS_ENTER] = "sys_enter",
	[EO_SPARED_SYS_EXIT] = "sys_exit",
	[EO_SPARED_FORK] = "sched_process_fork",
	[EO_SPARED_EXEC] = "sched_process_exec",
	[EO_SPARED_EXIT] = "sched_process_exit",
	[EO_SPARED_FREE] = "sched_process_free",
	[EO_SPARED_SEND] = "sock_send_length",
	[EO_SPARED_RECEIVE] = "sock_recv_length",
	[EO_SPARED_STATE] = "inet_sock_set_state",
	[EO_SPARED_DESTROY] = "tcp_destroy_sock",
	[EO_SPARED_RECEIVE_RESET] = "tcp_receive_reset",
	[EO_SPARED_SEND_RESET] = "tcp_send_reset",
};

struct eo_spares {
	struct bpf_object *first; /* whom they are spares of */
	bool detached;
	uint64_t missed; /* until then */
	uint32_t count;
	struct spare {
		struct bpf_object *object;
		struct bpf_link **links; /* of its programs, in their order; NULL: not attached */
		size_t link_count;
	} of[EO_SPARES];
};

/* EO_SPARED_COUNT: none */
static enum eo_spared spared_of(const struct bpf_program *program)
{
	const char *section = bpf_program__section_name(program);
	const char *slash = strchr(section, '/');
	unsigned int i = 0;

	if (!slash || (strncmp(section, "tp_btf/", 7) != 0 && strncmp(section, "raw_tp/", 7) != 0))
		return EO_SPARED_COUNT;
	while (i < EO_ARRAY_SIZE(tracepoints) && strcmp(slash + 1, tracepoints[i]) != 0)
		i++;
	return i;
}

void eo_spares_prepare(struct bpf_object *object, struct eo_tracer_config *config)
{
	config->spares = eo_probe_tracepoints_are_preempted() ? EO_SPARES : 0;
	bpf_map__set_autocreate(bpf_object__find_map_by_name(object, "runs"), config->spares);
	bpf_map__set_autocreate(bpf_object__find_map_by_name(object, "done_by_spares"),
				config->spares);
}

/* The spare's own copy of rodata differs in its number. */
static int copy_rodata(struct bpf_map *map, const char *value, size_t size, size_t offset,
		       uint32_t number)
{
	EO_AUTO_FREE char *copy = malloc(size);

	if (!copy)
		return -ENOMEM;
	memcpy(copy, value, size);
	((struct eo_tracer_config *)(copy + offset))->spare = number;
	return bpf_map__set_initial_value(map, copy, size);
}

static int take_map(struct bpf_map *map, struct bpf_map *from,
		    const struct eo_tracer_config *config, uint32_t number)
{
	size_t size = 0;
	const char *value = bpf_map__is_internal(from) ? bpf_map__initial_value(from, &size) : NULL;
	uintptr_t offset = (uintptr_t)config - (uintptr_t)value;

	if (bpf_map__fd(from) < 0)
		return bpf_map__set_autocreate(map, false);
	if (value && offset < size)
		return copy_rodata(map, value, size, offset, number);
	return bpf_map__reuse_fd(map, bpf_map__fd(from));
}

static int load_spare(struct spare *spare, struct bpf_object *object,
		      const struct eo_tracer_config *config, eo_spares_elf_fn elf, uint32_t number)
{
	/* Maps of variables are named after the object. */
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = bpf_object__name(object));
	struct bpf_program *program, *own;
	struct bpf_map *map;
	const void *bytes;
	size_t size;
	int r = 0;

	bytes = elf(&size);
	spare->object = bpf_object__open_mem(bytes, size, &opts);
	if (!spare->object)
		return -errno;
	bpf_object__for_each_program(program, object) {
		own = bpf_object__find_program_by_name(spare->object, bpf_program__name(program));
		r = bpf_program__set_autoload(own, bpf_program__autoload(program) &&
							   spared_of(program) != EO_SPARED_COUNT);
		if (r < 0)
			return r;
		spare->link_count++;
	}
	bpf_object__for_each_map(map, object) {
		r = take_map(bpf_object__find_map_by_name(spare->object, bpf_map__name(map)), map,
			     config, number);
		if (r < 0)
			return r;
	}
	spare->links = calloc(spare->link_count, sizeof(*spare->links));
	return spare->links ? bpf_object__load(spare->object) : -ENOMEM;
}

int eo_spares_load(struct bpf_object *object, const struct eo_tracer_config *config,
		   eo_spares_elf_fn elf, struct eo_spares **ret)
{
	struct eo_spares *spares;
	int r = 0;

	*ret = NULL;
	if (!config->spares)
		return 0;
	spares = calloc(1, sizeof(*spares));
	if (!spares)
		return -ENOMEM;
	spares->first = object;
	while (spares->count < config->spares && !r) {
		spares->count++;
		r = load_spare(&spares->of[spares->count - 1], object, config, elf, spares->count);
	}
	if (r < 0) {
		eo_spares_free(spares);
		return r;
	}
	*ret = spares;
	return 0;
}

int eo_spares_attach(struct eo_spares *spares)
{
	struct bpf_program *program;

	for (uint32_t i = 0; spares && i < spares->count; i++) {
		struct bpf_link **link = spares->of[i].links;

		bpf_object__for_each_program(program, spares->of[i].object) {
			if (bpf_program__autoload(program)) {
				*link = bpf_program__attach(program);
				if (!*link)
					return -errno;
			}
			link++;
		}
	}
	return 0;
}

/* The kernel does not run a program on a CPU that is inside of it already: an interrupt there, or,
 * where programs can be preempted, another thread, goes unseen. Many such runs would have had
 * nothing to say, so that they are no events. */
static uint64_t misses(const struct bpf_program *program)
{
	struct bpf_prog_info info = {0};
	uint32_t size = sizeof(info);

	if (bpf_program__fd(program) < 0 ||
	    bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size) < 0)
		return 0;
	return info.recursion_misses;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* The fewest that the program or a spare of it missed. */
static uint64_t least_misses(const struct eo_spares *spares, const struct bpf_program *program)
{
	uint64_t found = misses(program);

	for (uint32_t i = 0; i < spares->count; i++)
		found = least(found, misses(bpf_object__find_program_by_name(
					     spares->of[i].object, bpf_program__name(program))));
	return found;
}

static uint64_t done_by_spares(struct bpf_object *object, uint32_t tracepoint)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, "done_by_spares");
	uint64_t done = 0;

	bpf_map_lookup_elem(bpf_map__fd(map), &tracepoint, &done);
	return done;
}

static uint64_t all_misses(struct bpf_object *object)
{
	struct bpf_program *program = NULL; /* cppcheck does not see through the loops */
	uint64_t sum = 0;

	bpf_object__for_each_program(program, object)
		sum += misses(program);
	return sum;
}

/* Of what a program missed, its spares have done a part; and all of them must miss what is lost. */
static uint64_t missed_by_all(const struct eo_spares *spares)
{
	uint64_t by_first[EO_SPARED_COUNT + 1] = {0}, by_all[EO_SPARED_COUNT] = {0}, sum;
	struct bpf_program *program = NULL; /* cppcheck does not see through the loops */

	bpf_object__for_each_program(program, spares->first) {
		enum eo_spared at = spared_of(program);

		by_first[at] += misses(program);
		if (at != EO_SPARED_COUNT)
			by_all[at] += least_misses(spares, program);
	}
	sum = by_first[EO_SPARED_COUNT];
	for (uint32_t i = 0; i < EO_SPARED_COUNT; i++)
		sum += least(by_first[i] - least(done_by_spares(spares->first, i), by_first[i]),
			     by_all[i]);
	return sum;
}

uint64_t eo_spares_missed(const struct eo_spares *spares, struct bpf_object *object)
{
	if (!spares)
		return all_misses(object);
	return spares->detached ? spares->missed : missed_by_all(spares);
}

void eo_spares_detach(struct eo_spares *spares)
{
	if (!spares || spares->detached)
		return;
	spares->missed = missed_by_all(spares);
	spares->detached = true;
	for (uint32_t i = 0; i < spares->count; i++)
		for (size_t k = 0; k < spares->of[i].link_count && spares->of[i].links; k++)
			bpf_link__destroy(eo_steal(&spares->of[i].links[k]));
}

void eo_spares_free(struct eo_spares *spares)
{
	if (!spares)
		return;
	eo_spares_detach(spares);
	for (uint32_t i = 0; i < spares->count; i++) {
		free(spares->of[i].links);
		bpf_object__close(spares->of[i].object);
	}
	free(spares);
}
