// SPDX-License-Identifier: BSD-2-Clause
#include "capture/stack_resources.h"

#include <stdlib.h>
#include <string.h>

#include "core/array.h"
#include "core/hash.h"

/* Processes may fill their attributes as they like. What comes later has those of the host only. */
#define BYTES_MAX (16u << 20)

/* A process between two execs. */
struct eo_stack_program {
	uint32_t tgid, exec_id;
	uint32_t label_set;
};

static uint32_t label_set(struct eo_stack_resources *resources, const struct eo_attribute_set *set)
{
	struct eo_profile *profile = resources->profile;
	struct eo_label labels[EO_ATTRIBUTE_SET_MAX];

	for (size_t i = 0; i < set->count; i++) {
		const struct eo_attribute *attribute = &set->attributes[i];

		labels[i] = (struct eo_label){
			.key = eo_profile_string(profile, attribute->key),
			.str = attribute->str ? eo_profile_string(profile, attribute->str) : 0,
			.num = attribute->num,
			.is_number = !attribute->str,
		};
	}
	resources->bytes += set->used + set->count * sizeof(labels[0]);
	return eo_profile_label_set(profile, labels, set->count);
}

void eo_stack_resources_init(struct eo_stack_resources *resources, struct eo_process_resource *source,
			     struct eo_profile *profile)
{
	resources->source = source;
	resources->profile = profile;
	resources->seed = eo_hash_seed();
	resources->host = label_set(resources, eo_process_resource_host(source));
}

void eo_stack_resources_fini(struct eo_stack_resources *resources)
{
	free(resources->programs);
	eo_index_fini(&resources->index);
}

static void remember(struct eo_stack_resources *resources, uint32_t hash,
		     const struct eo_stack_program *program)
{
	if (!EO_ARRAY_RESERVE(resources->programs, resources->count + 1, resources->room, 64))
		return;
	if (eo_index_add(&resources->index, hash, (uint32_t)resources->count) == 0)
		resources->programs[resources->count++] = *program;
}

uint32_t eo_stack_resources_of(struct eo_stack_resources *resources, const struct eo_stack_record *record)
{
	const uint64_t key = (uint64_t)record->tgid << 32 | record->exec_id;
	struct eo_stack_program program = {.tgid = record->tgid, .exec_id = record->exec_id};
	uint32_t hash, element, cursor = 0;
	char comm[EO_COMM_LEN + 1] = "";

	if (!resources->source)
		return 0;
	hash = (uint32_t)eo_hash_words(resources->seed, &key, 1);
	while ((element = eo_index_next(&resources->index, hash, &cursor)) != EO_INDEX_NONE)
		if (resources->programs[element].tgid == record->tgid &&
		    resources->programs[element].exec_id == record->exec_id)
			return resources->programs[element].label_set;
	if (resources->bytes >= BYTES_MAX)
		return resources->host;
	memcpy(comm, record->comm, EO_COMM_LEN);
	program.label_set = label_set(resources, eo_process_resource_read(resources->source, record->tgid,
									  comm, record->ktime_ns));
	/* Without memory for it the process is read again for its next stack. */
	remember(resources, hash, &program);
	return program.label_set;
}
