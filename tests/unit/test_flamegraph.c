/* SPDX-License-Identifier: BSD-2-Clause */
#include <criterion/criterion.h>
#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <time.h>

#include "format/diff.h"
#include "format/flamegraph_tree.h"
#include "profile_samples.h"

/* The tree of a page. */
static json_t *data_of(const char *page)
{
	static const char begin[] = "<script id=\"data\" type=\"application/json\">";
	const char *from = strstr(page, begin), *to;
	json_error_t error;
	json_t *data;

	cr_assert(from);
	from += strlen(begin);
	/* Where a browser ends the element. */
	to = strcasestr(from, "</script");
	cr_assert(to);
	data = json_loadb(from, (size_t)(to - from), 0, &error);
	cr_assert(data, "%d:%d: %s", error.line, error.column, error.text);
	return data;
}

static json_t *written_data(const struct eo_profile *profile)
{
	char *page = written(eo_write_flamegraph, profile, NULL, NULL);
	json_t *data = data_of(page);

	free(page);
	return data;
}

static int64_t number(const json_t *data, const char *array, size_t i)
{
	const json_t *value = json_array_get(json_object_get(data, array), i);

	cr_assert(json_is_integer(value), "%s[%zu]", array, i);
	return json_integer_value(value);
}

static const char *text(const json_t *data, int64_t string)
{
	return json_string_value(json_array_get(json_object_get(data, "strings"), (size_t)string));
}

static size_t count(const json_t *data, const char *array)
{
	return json_array_size(json_object_get(data, array));
}

/* One value of a type, "self" or "base", of all nodes together. */
static int64_t sum(const json_t *data, size_t type, const char *side)
{
	const json_t *of_type = json_array_get(json_object_get(data, "types"), type);
	const json_t *values = json_object_get(of_type, side);
	int64_t total = 0;

	cr_assert_eq(json_array_size(values), count(data, "at"));
	for (size_t i = 0; i < json_array_size(values); i++)
		total += number(of_type, side, i);
	return total * json_integer_value(json_object_get(of_type, "scale"));
}

/* The tree as lines "  name self": what a reader of the page makes of it. */
static char *tree_of(const json_t *data, size_t type)
{
	const json_t *of_type = json_array_get(json_object_get(data, "types"), type);
	int64_t scale = json_integer_value(json_object_get(of_type, "scale"));
	size_t frames = count(data, "names"), nodes = count(data, "ups"), at = 0;
	const char **names = calloc(frames, sizeof(*names));
	int64_t string = 0, frame = 0, depth = -1, node = 0;
	char *lines = NULL;
	size_t size;
	FILE *out = open_memstream(&lines, &size);

	cr_assert_eq(count(data, "kinds"), frames);
	cr_assert_eq(count(data, "modules"), frames);
	cr_assert_eq(count(data, "files"), frames);
	cr_assert_eq(count(data, "frames"), nodes);
	for (size_t i = 0; i < frames; i++) {
		string += number(data, "names", i);
		names[i] = text(data, string);
		cr_assert(names[i]);
	}
	for (size_t i = 0; i < nodes; i++) {
		int64_t self = 0;

		depth += 1 - number(data, "ups", i);
		frame += number(data, "frames", i);
		cr_assert(depth > 0 || i == 0);
		cr_assert(frame >= 0 && (size_t)frame < frames);
		if (at < count(data, "at") && node + number(data, "at", at) == (int64_t)i) {
			node = (int64_t)i;
			self = number(of_type, "self", at++) * scale;
		}
		fprintf(out, "%*s%s %lld\n", (int)depth, "", names[frame], (long long)self);
	}
	cr_assert_eq(at, count(data, "at"));
	fclose(out);
	free(names);
	return lines;
}

static void expect_tree(const struct eo_profile *profile, size_t type, const char *expected)
{
	json_t *data = written_data(profile);
	char *lines = tree_of(data, type);

	cr_expect_str_eq(lines, expected);
	free(lines);
	json_decref(data);
}

Test(flamegraph, stacks_are_merged_and_the_heaviest_child_is_first)
{
	struct eo_profile *profile = rich_profile();

	expect_tree(profile, 0,
		    " 0\n"
		    " app 0\n"
		    "  main 0\n"
		    "   work 5\n"
		    "    work 7\n"
		    "   entry_SYSCALL_64 0\n"
		    "    vfs_read 7\n"
		    "  clone3 0\n"
		    "   main 0\n"
		    "    [libc.so.6] 2\n"
		    " main 0\n"
		    "  outer() 0\n"
		    "   inner 8\n"
		    " [unknown] 6\n" /* in no module */
		    " [unknown] 1\n" /* no stack */
		    " kworker/0:1 0\n"
		    "  entry_SYSCALL_64 0\n"
		    "   vfs_read 1\n");
	eo_profile_free(profile);
}

Test(flamegraph, every_value_type_is_conserved)
{
	struct eo_profile *profile = rich_profile();
	json_t *data = written_data(profile);

	for (size_t type = 0; type < 2; type++)
		cr_expect_eq(sum(data, type, "self"), eo_profile_total(profile, type));
	cr_expect_eq(sum(data, 0, "self"), 37);
	/* With a period the numbers are small in the file. */
	cr_expect_eq(json_integer_value(json_object_get(
			     json_array_get(json_object_get(data, "types"), 1), "scale")),
		     10000000);
	json_decref(data);
	eo_profile_free(profile);
}

Test(flamegraph, large_and_uneven_values_stay_exact)
{
	struct eo_profile *profile = eo_profile_new();
	uint32_t frame = eo_profile_synthetic_frame(profile, "a");
	uint32_t other = eo_profile_synthetic_frame(profile, "b");
	json_t *data;

	eo_profile_add_value_type(profile, "space", "bytes");
	eo_profile_add_sample(profile, eo_profile_stack(profile, &frame, 1), 0,
			      (int64_t[]){ INT64_MAX - 1 });
	eo_profile_add_sample(profile, eo_profile_stack(profile, &other, 1), 0, (int64_t[]){ 1 });
	data = written_data(profile);
	cr_expect_eq(sum(data, 0, "self"), INT64_MAX);
	json_decref(data);

	/* The least number has no positive counterpart. */
	eo_profile_add_sample(profile, eo_profile_stack(profile, (uint32_t[]){ frame, other }, 2), 0,
			      (int64_t[]){ INT64_MIN });
	data = written_data(profile);
	cr_expect_eq(sum(data, 0, "self"), -1);
	cr_expect_str_eq(json_string_value(json_object_get(data, "sides")), "signed");
	json_decref(data);
	eo_profile_free(profile);
}

Test(flamegraph, frames_know_kind_module_and_file)
{
	struct eo_profile *profile = rich_profile();
	json_t *data = written_data(profile);
	int64_t string = 0;
	size_t found = 0;

	for (size_t i = 0; i < count(data, "names"); i++) {
		const char *name, *module, *file;
		int64_t kind = number(data, "kinds", i);

		string += number(data, "names", i);
		name = text(data, string);
		module = text(data, number(data, "modules", i));
		file = text(data, number(data, "files", i));
		if (!strcmp(name, "vfs_read")) {
			cr_expect_eq(kind, EO_FRAME_KERNEL);
			cr_expect_str_eq(module, "[kernel.kallsyms]");
		} else if (!strcmp(name, "app")) {
			cr_expect_eq(kind, EO_CALL_PROCESS);
			cr_expect_str_eq(module, "");
		} else if (!strcmp(name, "inner")) {
			cr_expect_eq(kind, EO_FRAME_UNKNOWN | 8, "inlined");
			cr_expect_str_eq(module, "app");
			cr_expect_str_eq(file, "in.c");
		} else if (!strcmp(name, "clone3")) {
			cr_expect_eq(kind, EO_FRAME_NATIVE);
			cr_expect_str_eq(module, "libc.so.6");
		} else {
			continue;
		}
		found++;
	}
	cr_expect_eq(found, 4);
	json_decref(data);
	eo_profile_free(profile);
}

Test(flamegraph, threads_stand_under_their_process)
{
	struct eo_profile *profile = cpu_profile();
	uint32_t frame = eo_profile_synthetic_frame(profile, "run");
	struct eo_label labels[] = {
		{ .key = eo_profile_string(profile, "thread"), .str = eo_profile_string(profile, "io") },
		{ .key = eo_profile_string(profile, "comm"), .str = eo_profile_string(profile, "app") },
	};

	eo_profile_add_sample(profile, eo_profile_stack(profile, &frame, 1),
			      eo_profile_label_set(profile, labels, 2), (int64_t[]){ 1, 10 });
	expect_tree(profile, 0, " 0\n app 0\n  io 0\n   run 1\n");
	eo_profile_free(profile);
}

Test(flamegraph, names_cannot_end_the_script_and_come_back_as_they_were)
{
	static const char *const names[] = {
		"<script>alert(1)</script>", "</script>", "<!--<script>", "]]>", "a\"b'c\\d", "new\nline\ttab\x01",
		"\xe2\x80\xaeright to left", "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d", "&lt;&amp;", "line\xe2\x80\xa8separator",
		"\xf0\x9f\x94\xa5",
	};
	struct eo_profile *profile = cpu_profile();
	struct frame frames[12] = { { "<title>", "/tmp/</script>.so", 1 } };
	char expected[1024] = " 0\n </title><script>alert(2)</script> 0\n  <title> 0\n";
	char *page, *lines;
	json_t *data;

	eo_profile_add_comment(profile, "</script><b>");
	for (size_t i = 0; i < EO_ARRAY_SIZE(names); i++) {
		frames[i + 1] = (struct frame){ names[i], NULL, i };
		sprintf(expected + strlen(expected), "%*s%s %d\n", (int)i + 3, "", names[i],
			i + 1 == EO_ARRAY_SIZE(names));
	}
	add_stack(profile, frames, 12, "</title><script>alert(2)</script>", -1, 1);
	page = written(eo_write_flamegraph, profile, NULL, NULL);
	cr_expect(!strstr(page, "alert(1)<") && !strstr(page, "<script>alert"));
	cr_expect(strstr(page, "<title>&lt;/title&gt;&lt;script&gt;alert(2)&lt;/script&gt;: flame graph</title>"));
	data = data_of(page);
	lines = tree_of(data, 0);
	cr_expect_str_eq(lines, expected);
	cr_expect_str_eq(json_string_value(json_array_get(json_object_get(data, "comments"), 0)),
			 "</script><b>");
	free(lines);
	free(page);
	json_decref(data);
	eo_profile_free(profile);
}

Test(flamegraph, bad_utf8_becomes_replacement_characters)
{
	struct eo_profile *profile = cpu_profile();

	add_stack(profile, (struct frame[]){ { "caf\xe9\xff", NULL, 0 } }, 1, "\xc3", -1, 1);
	expect_tree(profile, 0, " 0\n \xef\xbf\xbd 0\n  caf\xef\xbf\xbd\xef\xbf\xbd 1\n");
	eo_profile_free(profile);
}

Test(flamegraph, nothing_in_the_page_loads_anything)
{
	struct eo_profile *profile = rich_profile();
	char *page = written(eo_write_flamegraph, profile, NULL, NULL);

	cr_expect(strstr(page, "content=\"default-src 'none'; style-src 'sha256-"));
	cr_expect(!strstr(page, "unsafe-inline"));
	cr_expect(!strstr(page, "://") && !strstr(page, "src=") && !strstr(page, "@import") &&
		  !strstr(page, "url("));
	free(page);
	eo_profile_free(profile);
}

/* The same samples from @from on. */
static struct eo_profile *rotated_profile(size_t from)
{
	static const struct frame frames[] = {
		{ "b", "/lib/one.so", 1 }, { "a", "/lib/two.so", 2 }, { "a", "/lib/one.so", 3 },
		{ NULL, "/lib/one.so", 4 }, { "c", NULL, 5 },
	};
	struct eo_profile *profile = cpu_profile();

	for (size_t i = 0; i < 20; i++) {
		size_t n = (i + from) % 20;

		add_stack(profile, (struct frame[]){ frames[n % 5], frames[n % 3], frames[n / 5] }, 3,
			  n % 2 ? "x" : "y", -1, 1);
	}
	return profile;
}

Test(flamegraph, equal_profiles_give_equal_bytes)
{
	struct eo_profile *profile = rotated_profile(0);
	char *first = written(eo_write_flamegraph, profile, NULL, NULL);

	for (size_t from = 1; from < 20; from++) {
		struct eo_profile *again = rotated_profile(from);
		char *second = written(eo_write_flamegraph, again, NULL, NULL);

		cr_expect(!strcmp(first, second), "differs when sample %zu comes first", from);
		free(second);
		eo_profile_free(again);
	}
	free(first);
	eo_profile_free(profile);
}

Test(flamegraph, a_difference_keeps_both_sides)
{
	struct eo_profile *profile = cpu_profile(), *base = cpu_profile();
	struct frame main = { "main", "/lib/libx.so.2", 1 };
	json_t *data;
	char *lines;

	add_stack(profile, (struct frame[]){ main, { "grown", NULL, 1 } }, 2, NULL, -1, 9);
	add_stack(base, (struct frame[]){ main, { "grown", NULL, 1 } }, 2, NULL, -1, 2);
	/* Another version of the library has the same functions. */
	main.file = "/lib/libx.so.1";
	add_stack(base, (struct frame[]){ main, { "gone", NULL, 2 } }, 2, NULL, -1, 4);
	cr_assert_eq(eo_profile_subtract(profile, base, NULL), 0);
	data = written_data(profile);
	lines = tree_of(data, 0);
	cr_expect_str_eq(lines, " 0\n main 0\n  grown 9\n  gone 0\n");
	cr_expect_str_eq(json_string_value(json_object_get(data, "sides")), "two");
	for (size_t type = 0; type < 2; type++) {
		int64_t unit = type ? 10000000 : 1;

		cr_expect_eq(sum(data, type, "self"), 9 * unit);
		cr_expect_eq(sum(data, type, "base"), 6 * unit);
		cr_expect_eq(sum(data, type, "self") - sum(data, type, "base"),
			     eo_profile_total(profile, type));
	}
	free(lines);
	json_decref(data);
	eo_profile_free(profile);
	eo_profile_free(base);
}

Test(flamegraph, negative_totals_are_shown_as_signed)
{
	struct eo_profile *profile = cpu_profile();
	json_t *data;

	add_stack(profile, (struct frame[]){ { "less", NULL, 0 } }, 1, NULL, -1, -5);
	add_stack(profile, (struct frame[]){ { "more", NULL, 0 } }, 1, NULL, -1, 2);
	data = written_data(profile);
	cr_expect_str_eq(json_string_value(json_object_get(data, "sides")), "signed");
	cr_expect_eq(sum(data, 0, "self"), -3);
	cr_expect_eq(sum(data, 1, "self"), eo_profile_total(profile, 1));
	json_decref(data);
	expect_tree(profile, 0, " 0\n less -5\n more 2\n");
	eo_profile_free(profile);
}

Test(flamegraph, nothing_gives_a_page_with_an_empty_tree)
{
	struct eo_profile *typeless = eo_profile_new(), *profile = cpu_profile();
	json_t *data = written_data(typeless);

	cr_expect_eq(count(data, "ups"), 1);
	cr_expect_eq(count(data, "types"), 0);
	json_decref(data);
	data = written_data(profile);
	cr_expect_eq(count(data, "ups"), 1);
	cr_expect_eq(count(data, "types"), 2);
	cr_expect_eq(sum(data, 0, "self"), 0);
	json_decref(data);
	eo_profile_free(typeless);
	eo_profile_free(profile);
}

Test(flamegraph, a_value_that_is_not_there_is_an_error)
{
	struct eo_profile *profile = cpu_profile();
	const struct eo_write_options options = { .value_type = 2 };
	struct eo_error err = { 0 };

	cr_expect_eq(eo_write_flamegraph(profile, &options, stdout, &err), -EINVAL);
	cr_expect_eq(err.kind, EO_ERROR_CONFIG);
	eo_profile_free(profile);
}

Test(flamegraph, the_chosen_value_comes_first)
{
	struct eo_profile *profile = rich_profile();
	const struct eo_write_options options = { .value_type = 0 };
	char *page = written(eo_write_flamegraph, profile, &options, NULL);
	json_t *data = data_of(page);

	cr_expect_eq(json_integer_value(json_object_get(data, "type")), 0);
	json_decref(data);
	free(page);
	data = written_data(profile);
	cr_expect_eq(json_integer_value(json_object_get(data, "type")), 1, "the profile's default");
	json_decref(data);
	eo_profile_free(profile);
}

Test(flamegraph, recursion_of_ten_thousand_frames_is_fine)
{
	enum { DEPTH = 10000 };
	struct eo_profile *profile = cpu_profile();
	uint32_t frames[DEPTH];
	json_t *data;

	for (size_t i = 0; i < DEPTH; i++)
		frames[i] = eo_profile_synthetic_frame(profile, i % 2 ? "even" : "odd");
	eo_profile_add_sample(profile, eo_profile_stack(profile, frames, DEPTH), 0,
			      (int64_t[]){ 1, 2 });
	data = written_data(profile);
	cr_expect_eq(count(data, "ups"), DEPTH + 1);
	cr_expect_eq(count(data, "names"), 3);
	cr_expect_eq(sum(data, 1, "self"), 2);
	json_decref(data);
	eo_profile_free(profile);
}

Test(flamegraph, fifty_thousand_stacks_are_a_file_of_a_few_megabytes)
{
	enum { STACKS = 50000, DEPTH = 30 };
	struct eo_profile *profile = cpu_profile();
	uint32_t names[2000], frames[DEPTH];
	uint64_t random = 1;
	struct timespec before, after;
	json_t *data;
	char *page;
	size_t size;

	for (size_t i = 0; i < 2000; i++) {
		char name[64];

		snprintf(name, sizeof(name), "ns::some_class<int>::function_%zu(char const*)", i);
		names[i] = eo_profile_synthetic_frame(profile, name);
	}
	for (size_t i = 0; i < STACKS; i++) {
		/* Roots are few, leaves are many. */
		for (size_t depth = 0; depth < DEPTH; depth++) {
			random = random * 6364136223846793005u + 1442695040888963407u;
			frames[DEPTH - 1 - depth] = names[(random >> 33) % (depth < 20 ? 1 + depth / 8 : 2000)];
		}
		eo_profile_add_sample(profile, eo_profile_stack(profile, frames, DEPTH), 0,
				      (int64_t[]){ 1, 10000000 });
	}
	cr_assert_eq(eo_profile_status(profile), 0);
	clock_gettime(CLOCK_MONOTONIC, &before);
	page = written(eo_write_flamegraph, profile, NULL, &size);
	clock_gettime(CLOCK_MONOTONIC, &after);
	data = data_of(page);
	printf("%zu stacks, %zu nodes: %.1f MB in %.2f s\n", profile->stack_count - 1, count(data, "ups"),
	       (double)size / 1e6,
	       (double)(after.tv_sec - before.tv_sec) + (double)(after.tv_nsec - before.tv_nsec) / 1e9);
	cr_expect_eq(sum(data, 0, "self"), STACKS);
	cr_expect_gt(count(data, "ups"), 100000);
	/* Ten bytes a node, the texts apart. */
	cr_expect_lt(size, 10 * count(data, "ups") + 300000);
	json_decref(data);
	free(page);
	eo_profile_free(profile);
}
