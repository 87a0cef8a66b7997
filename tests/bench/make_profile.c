/* SPDX-License-Identifier: BSD-2-Clause */
/* make_profile SAMPLES [shuffled]: a pprof of so many distinct samples on stdout, always the same
 * one. It is built like those of a busy machine: callers fan out, a few files hold most of the
 * addresses, and each sample has labels and two values.
 *
 * Our own writer gives small numbers to what is used most. Others count up as they go, so this one
 * does, too: locations, mappings and functions are numbered as samples name them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/auto.h"
#include "format/gzip.h"
#include "format/order.h"
#include "model/profile.h"
#include "proto/pprof.pb-c.h"

#define MAPPINGS 60
#define FUNCTIONS 30000
#define DEPTH_MIN 6
#define DEPTH_MAX 42
#define PROCESSES 400
#define NAMES 50

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

static uint32_t worker(struct eo_profile *profile, uint64_t process)
{
	char name[16];

	snprintf(name, sizeof(name), "worker-%u", (unsigned int)(process % NAMES));
	return eo_profile_string(profile, name);
}

/* First of all, so that they have small numbers, as the strings of samples mostly have. */
static void add_label_strings(struct eo_profile *profile)
{
	eo_profile_string(profile, "pid");
	eo_profile_string(profile, "comm");
	for (unsigned int i = 0; i < NAMES; i++)
		worker(profile, i);
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

		labels[1].str = worker(profile, process);
		eo_profile_add_sample(profile, add_stack(profile, locations, i),
				      eo_profile_label_set(profile, labels, 2), values);
	}
}

/* --- writing it ------------------------------------------------------------------------------ */

typedef Perftools__Profiles__Profile Part;

static const Part empty_part = PERFTOOLS__PROFILES__PROFILE__INIT;

struct writer {
	const struct eo_profile *profile;
	struct eo_gzip *gzip;
	uint32_t *numbers; /* of locations, 0: none yet */
	uint32_t *used;	   /* the reverse, from 0 */
	size_t used_count;
	bool failed;
};

static void put(struct writer *w, const Part *part)
{
	uint8_t packed[4096]; /* far more than the largest sample */
	size_t size = perftools__profiles__profile__get_packed_size(part);

	if (size > sizeof(packed)) {
		w->failed = true;
		return;
	}
	perftools__profiles__profile__pack(part, packed);
	w->failed |= eo_gzip_write(w->gzip, packed, size) < 0;
}

static void put_value_type(struct writer *w, const struct eo_value_type *type)
{
	Perftools__Profiles__ValueType message = PERFTOOLS__PROFILES__VALUE_TYPE__INIT;
	Perftools__Profiles__ValueType *pointer = &message;
	Part part = empty_part;

	message.type = type->type;
	message.unit = type->unit;
	part.n_sample_type = 1;
	part.sample_type = &pointer;
	put(w, &part);
}

static void put_sample(struct writer *w, const struct eo_sample *sample)
{
	struct eo_span stack = w->profile->stacks[sample->stack];
	struct eo_span set = w->profile->label_sets[sample->label_set];
	Perftools__Profiles__Sample message = PERFTOOLS__PROFILES__SAMPLE__INIT;
	Perftools__Profiles__Sample *pointer = &message;
	Perftools__Profiles__Label labels[2], *label_pointers[2] = {&labels[0], &labels[1]};
	uint64_t locations[DEPTH_MAX];
	Part part = empty_part;

	for (uint32_t i = 0; i < stack.count; i++) {
		uint32_t location = w->profile->frames[stack.first + i];

		if (!w->numbers[location]) {
			w->used[w->used_count++] = location;
			w->numbers[location] = (uint32_t)w->used_count;
		}
		locations[i] = w->numbers[location];
	}
	for (uint32_t i = 0; i < set.count; i++) {
		const struct eo_label *label = &w->profile->labels[set.first + i];

		perftools__profiles__label__init(&labels[i]);
		labels[i].key = label->key;
		labels[i].str = label->str;
		labels[i].num = label->num;
	}
	message.n_location_id = stack.count;
	message.location_id = locations;
	message.n_value = w->profile->value_type_count;
	message.value = w->profile->values + sample->values;
	message.n_label = set.count;
	message.label = label_pointers;
	part.n_sample = 1;
	part.sample = &pointer;
	put(w, &part);
}

static void put_mapping(struct writer *w, size_t number)
{
	const struct eo_mapping *mapping = &w->profile->mappings[number];
	Perftools__Profiles__Mapping message = PERFTOOLS__PROFILES__MAPPING__INIT;
	Perftools__Profiles__Mapping *pointer = &message;
	Part part = empty_part;

	message.id = number;
	message.memory_start = mapping->start;
	message.memory_limit = mapping->limit;
	message.file_offset = mapping->offset;
	message.filename = mapping->filename;
	message.build_id = mapping->build_id;
	message.has_functions = mapping->has_functions;
	part.n_mapping = 1;
	part.mapping = &pointer;
	put(w, &part);
}

static void put_location(struct writer *w, uint32_t index)
{
	const struct eo_location *location = &w->profile->locations[index];
	Perftools__Profiles__Location message = PERFTOOLS__PROFILES__LOCATION__INIT;
	Perftools__Profiles__Location *pointer = &message;
	Perftools__Profiles__Line line = PERFTOOLS__PROFILES__LINE__INIT, *line_pointer = &line;
	Part part = empty_part;

	line.function_id = w->profile->lines[location->first_line].function;
	message.id = w->numbers[index];
	message.mapping_id = location->mapping;
	message.address = location->address;
	message.n_line = 1;
	message.line = &line_pointer;
	part.n_location = 1;
	part.location = &pointer;
	put(w, &part);
}

static void put_function(struct writer *w, size_t number)
{
	Perftools__Profiles__Function message = PERFTOOLS__PROFILES__FUNCTION__INIT;
	Perftools__Profiles__Function *pointer = &message;
	Part part = empty_part;

	message.id = number;
	message.name = w->profile->functions[number].name;
	part.n_function = 1;
	part.function = &pointer;
	put(w, &part);
}

static void put_strings_and_rest(struct writer *w)
{
	Perftools__Profiles__ValueType period_type = PERFTOOLS__PROFILES__VALUE_TYPE__INIT;
	Part part = empty_part;

	for (size_t i = 0; i < w->profile->string_count; i++) {
		Part string = empty_part;
		char *pointer = (char *)w->profile->strings[i]; /* protobuf-c only reads it */

		string.n_string_table = 1;
		string.string_table = &pointer;
		put(w, &string);
	}
	period_type.type = w->profile->period_type.type;
	period_type.unit = w->profile->period_type.unit;
	part.time_nanos = w->profile->time_ns;
	part.duration_nanos = w->profile->duration_ns;
	part.period_type = &period_type;
	part.period = w->profile->period;
	put(w, &part);
}

/* @order: NULL: as they came */
static bool write_profile(const struct eo_profile *profile, const struct eo_order *order)
{
	EO_AUTO(eo_gzip) gzip = eo_gzip_new(stdout);
	EO_AUTO_FREE uint32_t *numbers = calloc(profile->location_count, sizeof(*numbers));
	EO_AUTO_FREE uint32_t *used = calloc(profile->location_count, sizeof(*used));
	struct writer w = {.profile = profile, .gzip = gzip, .numbers = numbers, .used = used};

	if (!gzip || !numbers || !used)
		return false;
	for (size_t i = 0; i < profile->value_type_count; i++)
		put_value_type(&w, &profile->value_types[i]);
	for (size_t i = 0; i < profile->sample_count; i++)
		put_sample(&w, &profile->samples[order ? order->samples[i] : i]);
	for (size_t i = 1; i < profile->mapping_count; i++)
		put_mapping(&w, i);
	for (size_t i = 0; i < w.used_count; i++)
		put_location(&w, used[i]);
	for (size_t i = 1; i < profile->function_count; i++)
		put_function(&w, i);
	put_strings_and_rest(&w);
	return !w.failed && eo_gzip_finish(gzip) == 0 && fflush(stdout) == 0;
}

int main(int argc, char **argv)
{
	uint64_t count = argc >= 2 ? strtoull(argv[1], NULL, 10) : 0;
	bool shuffled = argc == 3 && !strcmp(argv[2], "shuffled");
	EO_AUTO(eo_profile) profile = eo_profile_new();
	EO_AUTO_FREE uint32_t *locations = calloc(FUNCTIONS * 4, sizeof(*locations));
	EO_AUTO(eo_order) order = NULL;

	if (!count || argc != 2 + shuffled || !profile || !locations) {
		fprintf(stderr, "make_profile SAMPLES [shuffled]\n");
		return 2;
	}
	profile->time_ns = 1700000000000000000;
	profile->duration_ns = 60000000000;
	profile->period = 10101010;
	profile->period_type.type = eo_profile_string(profile, "cpu");
	profile->period_type.unit = eo_profile_string(profile, "nanoseconds");
	eo_profile_add_value_type(profile, "samples", "count");
	eo_profile_add_value_type(profile, "cpu", "nanoseconds");
	add_label_strings(profile);
	add_locations(profile, locations);
	add_samples(profile, locations, count);
	if (!shuffled)
		order = eo_order_new(profile);
	if (eo_profile_status(profile) < 0 || (!shuffled && !order) ||
	    !write_profile(profile, order)) {
		fprintf(stderr, "make_profile: failed\n");
		return 1;
	}
	return 0;
}
