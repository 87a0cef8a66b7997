/* SPDX-License-Identifier: BSD-2-Clause */
/* make_profile SAMPLES: a pprof of so many distinct samples on stdout, always the same one. It is
 * built like those of a busy machine: callers fan out, a few files hold most of the addresses,
 * and each sample has labels and two values. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/auto.h"
#include "format/writer.h"
#include "model/profile.h"

#define MAPPINGS 60
#define FUNCTIONS 30000
#define DEPTH_MIN 6
#define DEPTH_MAX 42
#define PROCESSES 400

static uint64_t mix(uint64_t x)
{
	x ^= x >> 31;
	x *= 0x9e3779b97f4a7c15u;
	x ^= x >> 29;
	x *= 0xbf58476d1ce4e5b9u;
	return x ^ x >> 32;
}

static void add_mappings(struct eo_profile *profile, uint32_t *mappings)
{
	for (unsigned int i = 0; i < MAPPINGS; i++) {
		char name[64], id[48];

		snprintf(name, sizeof(name), "/usr/lib/x86_64-linux-gnu/libmodule-%u.so.%u", i, i % 7);
		snprintf(id, sizeof(id), "%016" PRIx64 "%016" PRIx64 "%08x", mix(i), mix(i + 1000), i);
		mappings[i] = eo_profile_mapping(
			profile, &(struct eo_mapping){.start = 0x1000,
						      .limit = 0x1000000,
						      .offset = 0x1000,
						      .filename = eo_profile_string(profile, name),
						      .build_id = eo_profile_string(profile, id),
						      .has_functions = true});
	}
}

static uint32_t add_function(struct eo_profile *profile, unsigned int i)
{
	char name[96];

	snprintf(name, sizeof(name), "package_%u::Type%u::method_%x(int, std::string const&)", i % 97,
		 i % 1009, i);
	return eo_profile_function(profile,
				   &(struct eo_function){.name = eo_profile_string(profile, name)});
}

/* Four places in each function, from which others are called. */
static void add_locations(struct eo_profile *profile, uint32_t *locations)
{
	uint32_t mappings[MAPPINGS];

	add_mappings(profile, mappings);
	for (unsigned int i = 0; i < FUNCTIONS; i++) {
		struct eo_line line = {.function = add_function(profile, i)};
		/* The square of an even chance: some files have most of the functions. */
		uint64_t chance = mix(i) % MAPPINGS;

		for (unsigned int place = 0; place < 4; place++) {
			struct eo_location location = {
				.address = 0x1000 + i * 0x200 + place * 0x31,
				.mapping = mappings[chance * chance / MAPPINGS],
				.kind = EO_FRAME_NATIVE,
			};

			locations[i * 4 + place] = eo_profile_location(profile, &location, &line, 1);
		}
	}
}

static uint32_t add_stack(struct eo_profile *profile, const uint32_t *locations, uint64_t number)
{
	unsigned int depth = DEPTH_MIN + (unsigned int)(mix(number) % (DEPTH_MAX - DEPTH_MIN));
	uint32_t frames[DEPTH_MAX];
	uint64_t at = 1;

	/* From the root on, each step one of few; the last frames tell stacks apart. */
	for (unsigned int i = 0; i < depth; i++) {
		uint64_t fan = i + 3 < depth ? 3 : FUNCTIONS;

		at = mix(at * 31 + mix(number * 64 + i) % fan + 1);
		frames[depth - 1 - i] = locations[at % (FUNCTIONS * 4)];
	}
	return eo_profile_stack(profile, frames, depth);
}

static void add_samples(struct eo_profile *profile, const uint32_t *locations, uint64_t count)
{
	uint32_t pid = eo_profile_string(profile, "pid"), comm = eo_profile_string(profile, "comm");

	for (uint64_t i = 0; i < count; i++) {
		uint64_t process = mix(i + 7) % PROCESSES;
		const int64_t values[] = {(int64_t)(1 + mix(i) % 9),
					  (int64_t)(1 + mix(i) % 9) * 10101010};
		struct eo_label labels[2] = {
			{.key = pid, .is_number = true, .num = (int64_t)(1000 + process)}, {.key = comm}};
		char name[16];

		snprintf(name, sizeof(name), "worker-%u", (unsigned int)(process % 50));
		labels[1].str = eo_profile_string(profile, name);
		eo_profile_add_sample(profile, add_stack(profile, locations, i),
				      eo_profile_label_set(profile, labels, 2), values);
	}
}

int main(int argc, char **argv)
{
	uint64_t count = argc == 2 ? strtoull(argv[1], NULL, 10) : 0;
	EO_AUTO(eo_profile) profile = eo_profile_new();
	EO_AUTO_FREE uint32_t *locations = calloc(FUNCTIONS * 4, sizeof(*locations));
	struct eo_write_options options = {.value_type = SIZE_MAX};

	if (!count || !profile || !locations) {
		fprintf(stderr, "make_profile SAMPLES\n");
		return 2;
	}
	profile->time_ns = 1700000000000000000;
	profile->duration_ns = 60000000000;
	profile->period = 10101010;
	profile->period_type.type = eo_profile_string(profile, "cpu");
	profile->period_type.unit = eo_profile_string(profile, "nanoseconds");
	eo_profile_add_value_type(profile, "samples", "count");
	eo_profile_add_value_type(profile, "cpu", "nanoseconds");
	add_locations(profile, locations);
	add_samples(profile, locations, count);
	if (eo_profile_status(profile) < 0 || eo_write_pprof(profile, &options, stdout, NULL) < 0 ||
	    fflush(stdout)) {
		fprintf(stderr, "make_profile: failed\n");
		return 1;
	}
	return 0;
}
