/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/stack_store.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

/* It prints where chain() is and waits. The line numbers are those that the test knows. */
static const char program[] = "#include <stdio.h>\n"
			      "#include <unistd.h>\n"
			      "static volatile int sink;\n"
			      "static inline __attribute__((always_inline)) void inner(void)\n"
			      "{\n"
			      "	sink++;\n"
			      "}\n"
			      "__attribute__((noinline)) void chain(void)\n"
			      "{\n"
			      "	inner();\n"
			      "}\n"
			      "int main(void)\n"
			      "{\n"
			      "	printf(\"%p\\n\", (void *)chain);\n"
			      "	fflush(stdout);\n"
			      "	for (;;)\n"
			      "		pause();\n"
			      "}\n";

struct bench {
	char dir[40];
	struct eo_processes *processes;
	struct eo_symbolizer *symbolizer;
	struct eo_stack_store *store;
	pid_t pid;
	uint64_t chain;
};

static struct bench bench_new(const char *flags, bool lines)
{
	const struct eo_symbolizer_options options = {.lines = lines};
	const struct eo_stack_layout layout = eo_stack_layout_cpu(1000, false);
	struct bench b = {.dir = "/tmp/eo-stack-store-XXXXXX"};
	char text[256];
	int ends[2];
	FILE *file;

	cr_assert(mkdtemp(b.dir));
	snprintf(text, sizeof(text), "%s/p.c", b.dir);
	file = fopen(text, "we");
	cr_assert_geq(fputs(program, file), 0);
	fclose(file);
	snprintf(text, sizeof(text), "gcc -O1 %s -o %s/p %s/p.c", flags, b.dir, b.dir);
	cr_assert_eq(system(text), 0);

	snprintf(text, sizeof(text), "%s/p", b.dir);
	cr_assert_eq(pipe(ends), 0);
	b.pid = fork();
	if (b.pid == 0) {
		dup2(ends[1], STDOUT_FILENO);
		execl(text, text, NULL);
		_exit(1);
	}
	close(ends[1]);
	file = fdopen(ends[0], "r");
	cr_assert_eq(fscanf(file, "%" SCNx64, &b.chain), 1);
	fclose(file);

	cr_assert_eq(eo_processes_new(&b.processes, NULL), 0);
	cr_assert_eq(eo_symbolizer_new(&options, b.processes, &b.symbolizer, NULL), 0);
	cr_assert_eq(eo_stack_store_new(b.symbolizer, &layout, &b.store), 0);
	return b;
}

static void bench_free(struct bench *b)
{
	char text[80];

	eo_stack_store_free(b->store);
	eo_symbolizer_free(b->symbolizer);
	eo_processes_free(b->processes);
	kill(b->pid, SIGKILL);
	waitpid(b->pid, NULL, 0);
	snprintf(text, sizeof(text), "rm -r %s", b->dir);
	cr_assert_eq(system(text), 0);
}

/* The profile of one sample whose only frame is the first instruction of chain(). */
static struct eo_profile *sample_chain(struct bench *b)
{
	struct eo_stack_record *record = calloc(1, sizeof(*record));
	struct eo_profile *profile;

	record->hash = 4711;
	record->tgid = (uint32_t)b->pid;
	record->user_frames = 1;
	record->frames[0] = b->chain;
	strcpy(record->comm, "p");
	cr_assert_eq(eo_stack_store_add(b->store, record), 0);
	free(record);
	eo_stack_store_settle(b->store);
	cr_assert(eo_stack_store_count(b->store, 4711, 5));
	profile = eo_stack_store_take(b->store);
	cr_assert_eq(eo_profile_status(profile), 0);
	cr_assert_eq(profile->sample_count, 1);
	return profile;
}

static const struct eo_location *location_of_sample(const struct eo_profile *profile)
{
	struct eo_span stack = profile->stacks[profile->samples[0].stack];

	cr_assert_eq(stack.count, 1);
	return &profile->locations[profile->frames[stack.first]];
}

/* Line @i of the location is NAME@FILE:LINE, FILE below the folder of the bench. */
static void expect_line(const struct bench *b, const struct eo_profile *profile,
			const struct eo_location *location, uint32_t i, const char *name,
			const char *file, int64_t number)
{
	const struct eo_line *line = &profile->lines[location->first_line + i];
	const struct eo_function *function = &profile->functions[line->function];
	char path[80] = "";

	if (file)
		snprintf(path, sizeof(path), "%s/%s", b->dir, file);
	cr_expect_str_eq(profile->strings[function->name], name);
	cr_expect_str_eq(profile->strings[function->system_name], name);
	cr_expect_str_eq(profile->strings[function->filename], path);
	cr_expect_eq(line->line, number, "%s:%" PRId64, name, line->line);
}

Test(stack_store, a_frame_has_the_lines_of_its_inlined_functions)
{
	struct bench b = bench_new("-g", true);
	struct eo_profile *profile = sample_chain(&b);
	const struct eo_location *location = location_of_sample(profile);
	const struct eo_mapping *mapping = &profile->mappings[location->mapping];

	cr_assert_eq(location->line_count, 2);
	expect_line(&b, profile, location, 0, "inner", "p.c", 6);
	expect_line(&b, profile, location, 1, "chain", "p.c", 10);
	cr_expect(mapping->has_functions && mapping->has_filenames);
	cr_expect(mapping->has_line_numbers && mapping->has_inline_frames);
	eo_profile_free(profile);
	bench_free(&b);
}

Test(stack_store, a_frame_without_debug_information_keeps_its_name)
{
	const struct {
		const char *flags;
		bool lines;
	} cases[] = {{"", true}, {"-g", false}};

	for (size_t i = 0; i < EO_ARRAY_SIZE(cases); i++) {
		struct bench b = bench_new(cases[i].flags, cases[i].lines);
		struct eo_profile *profile = sample_chain(&b);
		const struct eo_location *location = location_of_sample(profile);
		const struct eo_mapping *mapping = &profile->mappings[location->mapping];

		cr_assert_eq(location->line_count, 1);
		expect_line(&b, profile, location, 0, "chain", NULL, 0);
		cr_expect(mapping->has_functions);
		cr_expect(!mapping->has_filenames && !mapping->has_line_numbers &&
			  !mapping->has_inline_frames);
		eo_profile_free(profile);
		bench_free(&b);
	}
}

Test(stack_store, a_stripped_program_with_debug_information_has_names_from_there)
{
	struct bench b = bench_new("-g -Wl,--retain-symbols-file=/dev/null", true);
	struct eo_profile *profile = sample_chain(&b);
	const struct eo_location *location = location_of_sample(profile);

	cr_assert_eq(location->line_count, 2);
	expect_line(&b, profile, location, 0, "inner", "p.c", 6);
	expect_line(&b, profile, location, 1, "chain", "p.c", 10);
	eo_profile_free(profile);
	bench_free(&b);
}

/* What the row says: KEY=VALUE. */
static void expect_text(const struct eo_attr *attr, const char *key, const char *text)
{
	cr_expect_str_eq(attr->key, key);
	cr_assert_eq(attr->type, EO_ATTR_STRING);
	cr_expect_str_eq(attr->str, text);
}

static void expect_hex(const struct eo_attr *attr, const char *key, uint64_t number)
{
	cr_expect_str_eq(attr->key, key);
	cr_assert_eq(attr->type, EO_ATTR_HEX);
	cr_expect_eq(attr->unum, number);
}

/* chain() called from chain() + 3, called from where nothing is mapped. */
static void add_chain(struct bench *b, uint64_t hash)
{
	struct eo_stack_record *record = calloc(1, sizeof(*record));

	record->hash = hash;
	record->tgid = (uint32_t)b->pid;
	record->user_frames = 3;
	record->frames[0] = b->chain;
	record->frames[1] = b->chain + 3;
	record->frames[2] = 0x4711;
	cr_assert_eq(eo_stack_store_add(b->store, record), 0);
	free(record);
}

Test(stack_store, a_stack_is_an_attribute_of_an_event)
{
	struct bench b = bench_new("", false);
	struct eo_attr rows[1 + 3 * EO_STACK_FRAME_ROWS];

	add_chain(&b, 4711);
	cr_assert_eq(eo_stack_store_rows(b.store, 4711, rows, EO_ARRAY_SIZE(rows)), 13);
	cr_expect_str_eq(rows[0].key, "stack");
	cr_expect_eq(rows[0].type, EO_ATTR_ARRAY);
	cr_expect_eq(rows[0].count, 12);
	for (size_t i = 1; i <= 6; i += 5) {
		cr_expect_eq(rows[i].type, EO_ATTR_OBJECT);
		cr_expect_eq(rows[i].count, 4);
		expect_text(&rows[i + 1], "function", "chain");
		expect_text(&rows[i + 2], "module", "p");
		/* A return address is that of the call before it. */
		expect_hex(&rows[i + 3], "offset", i == 1 ? 0 : 2);
		expect_text(&rows[i + 4], "kind", "native");
	}
	cr_expect_eq(rows[11].count, 1, "the address is all that is known");
	expect_hex(&rows[12], "offset", 0x4710);
	bench_free(&b);
}

Test(stack_store, rows_without_room_are_the_outermost_frames)
{
	struct bench b = bench_new("", false);
	struct eo_attr rows[1 + 3 * EO_STACK_FRAME_ROWS];

	add_chain(&b, 4711);
	cr_expect_eq(eo_stack_store_rows(b.store, 4711, rows, 0), 0);
	cr_expect_eq(eo_stack_store_rows(b.store, 4711, rows, 1), 1);
	cr_expect_eq(rows[0].count, 0);
	cr_expect_eq(eo_stack_store_rows(b.store, 4711, rows, 1 + EO_STACK_FRAME_ROWS), 6);
	cr_expect_eq(rows[0].count, 5);
	cr_expect_eq(eo_stack_store_rows(b.store, 4712, rows, EO_ARRAY_SIZE(rows)), 0);
	bench_free(&b);
}

Test(stack_store, a_layout_of_its_own_has_its_values)
{
	const struct eo_stack_layout heap = {
		.values = {{"alloc_objects", "count"}, {"alloc_space", "bytes"}, {"inuse_space", "bytes"}},
	};
	struct bench b = bench_new("", false);
	struct eo_profile *profile;

	eo_stack_store_free(b.store);
	cr_assert_eq(eo_stack_store_new(b.symbolizer, &heap, &b.store), 0);
	add_chain(&b, 4711);
	cr_expect(eo_stack_store_add_values(b.store, 4711, (const int64_t[]){2, 34, 17}));
	cr_expect(eo_stack_store_add_values(b.store, 4711, (const int64_t[]){1, 5, 5}));
	cr_expect_not(eo_stack_store_add_values(b.store, 4712, (const int64_t[]){1, 5, 5}));
	profile = eo_stack_store_take(b.store);
	cr_assert_eq(profile->value_type_count, 3);
	cr_expect_str_eq(profile->strings[profile->value_types[2].type], "inuse_space");
	cr_assert_eq(profile->sample_count, 1);
	cr_expect_eq(eo_profile_total(profile, 0), 3);
	cr_expect_eq(eo_profile_total(profile, 1), 39);
	cr_expect_eq(eo_profile_total(profile, 2), 22);
	eo_profile_free(profile);
	bench_free(&b);
}

/* One stack that ended in @walk. */
static void add_walk(struct bench *b, uint64_t hash, enum eo_user_walk walk)
{
	struct eo_stack_record *record = calloc(1, sizeof(*record));

	record->hash = hash;
	record->user_walk = walk;
	record->user_frames = 1;
	record->frames[0] = b->chain + hash;
	cr_assert_eq(eo_stack_store_add(b->store, record), 0);
	free(record);
}

Test(stack_store, samples_are_counted_by_how_their_walks_ended)
{
	struct bench b = bench_new("", false);
	struct eo_user_walks walks;
	char text[512], little[24];

	walks = eo_stack_store_walks(b.store);
	cr_expect_not(eo_user_walks_text(&walks, text, sizeof(text)));
	add_walk(&b, 1, EO_USER_COMPLETE);
	add_walk(&b, 2, EO_USER_COMPLETE);
	add_walk(&b, 3, EO_USER_NO_ROW);
	add_walk(&b, 4, EO_USER_SNAPSHOT);
	add_walk(&b, 5, EO_USER_CUT); /* which got no sample */
	eo_stack_store_add_one(b.store, 4);
	eo_stack_store_add_one(b.store, 4);
	eo_stack_store_settle(b.store);
	cr_expect(eo_stack_store_count(b.store, 1, 101));
	cr_expect(eo_stack_store_count(b.store, 2, 7));
	cr_expect(eo_stack_store_count(b.store, 3, 13));
	cr_expect_not(eo_stack_store_count(b.store, 6, 1000));
	eo_stack_store_count_limit(b.store, 1000);
	walks = eo_stack_store_walks(b.store);
	cr_expect(eo_user_walks_text(&walks, text, sizeof(text)));
	cr_expect_str_eq(text, "user stacks: 108 complete, 2 complete by snapshot, 13 no rule");
	cr_expect(eo_user_walks_text(&walks, little, sizeof(little)));
	cr_expect_str_eq(little, "user stacks: 108 comple");
	bench_free(&b);
}

Test(stack_store, samples_with_timestamps_are_counted_by_how_their_walks_ended)
{
	struct bench b = bench_new("", false);
	struct eo_user_walks walks;
	char text[512];

	add_walk(&b, 1, EO_USER_COMPLETE);
	add_walk(&b, 2, EO_USER_EXITING);
	for (uint64_t i = 0; i < 17; i++)
		cr_expect_eq(eo_stack_store_add_sample(b.store, i < 3 ? 2 : 1, 1000 + i, 100), 0);
	cr_expect_eq(eo_stack_store_add_sample(b.store, 0, 2000, 100), 0);
	cr_expect_eq(eo_stack_store_add_sample(b.store, 9, 2000, 100), 0);
	cr_expect_eq(eo_stack_store_take_samples(b.store, 0), 18);
	walks = eo_stack_store_walks(b.store);
	cr_expect(eo_user_walks_text(&walks, text, sizeof(text)));
	cr_expect_str_eq(text, "user stacks: 14 complete, 3 exiting");
	bench_free(&b);
}
