/* SPDX-License-Identifier: BSD-2-Clause */
#include <criterion/criterion.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "format/utf8.h"
#include "profile_samples.h"

/* A pprof file that is gone with its test. */
struct file {
	char path[32];
};

static struct file file_of(const struct eo_profile *profile)
{
	struct file file = { "/tmp/test_pprof.XXXXXX" };
	int fd = mkstemp(file.path);
	size_t len;
	char *bytes = written(eo_write_pprof, profile, NULL, &len);

	cr_assert(fd >= 0);
	cr_assert_eq(write(fd, bytes, len), (ssize_t)len);
	close(fd);
	free(bytes);
	return file;
}

/* "x.c:5:2 s=0" becomes "x.c:5 s=0": only newer versions of pprof show columns. */
static void drop_columns(char *text)
{
	for (char *s = strstr(text, " s="); s; s = strstr(s + 1, " s=")) {
		char *column = s, *line;

		while (isdigit((unsigned char)column[-1]))
			column--;
		for (line = column - 1; isdigit((unsigned char)line[-1]); line--)
			;
		if (column[-1] != ':' || line[-1] != ':' || line == column - 1)
			continue;
		memmove(column - 1, s, strlen(s) + 1);
		s = column - 1;
	}
}

/* Samples without a stack stand in some versions' output and not in others': before Go 1.20 the
 * tool drops them while reading. protoc counts them. */
static void drop_bare_sample(char *text)
{
	char *bare = strstr(text, ": \n"), *start = bare;

	if (!bare)
		return;
	while (start[-1] != '\n')
		start--;
	memmove(start, bare + 3, strlen(bare + 3) + 1);
}

/* What `go tool pprof -raw` makes of a profile; NULL without go. Columns are left to protoc. */
static char *raw(const struct eo_profile *profile)
{
	char *go = find_tool("go");
	struct file file;
	char *text;

	if (!go)
		return NULL;
	file = file_of(profile);
	text = output_of("%s tool pprof -symbolize=none -raw %s 2>&1", go, file.path);
	unlink(file.path);
	free(go);
	cr_assert(text, "go tool pprof refused the profile");
	drop_columns(text);
	drop_bare_sample(text);
	return text;
}

/* What protoc makes of it; NULL without protoc. It refuses bad UTF-8 and shows fields that the
 * schema does not know by their numbers. */
static char *decoded(const struct eo_profile *profile)
{
	char *protoc = find_tool("protoc");
	struct file file;
	char *text;

	if (!protoc)
		return NULL;
	file = file_of(profile);
	text = output_of("gzip -dc %s | %s --decode=perftools.profiles.Profile -I%s pprof.proto "
			 "2>&1", file.path, protoc, EO_PROTO_DIR);
	unlink(file.path);
	free(protoc);
	cr_assert(text, "protoc refused the profile");
	for (const char *line = text; line; line = strchr(line, '\n'), line += line != NULL)
		cr_expect_not(isdigit((unsigned char)line[strspn(line, " ")]),
			      "unknown field: %.40s", line);
	return text;
}

static size_t count_of(const char *text, const char *word)
{
	size_t count = 0;

	for (const char *p = strstr(text, word); p; p = strstr(p + 1, word))
		count++;
	return count;
}

/* The message without its gzip wrapping, malloc()ed. */
static unsigned char *unpacked(const struct eo_profile *profile, size_t *ret_len)
{
	size_t len, size = 1 << 20;
	char *bytes = written(eo_write_pprof, profile, NULL, &len);
	unsigned char *message = malloc(size);
	z_stream stream = { .next_in = (unsigned char *)bytes, .avail_in = (unsigned int)len,
			    .next_out = message, .avail_out = (unsigned int)size };
	static const char header[] = { 0x1f, (char)0x8b, 8, 0, 0, 0, 0, 0 };

	cr_assert_arr_eq(bytes, header, sizeof(header), "a gzip header without time and name");
	cr_assert_eq(inflateInit2(&stream, MAX_WBITS + 16), Z_OK);
	cr_assert_eq(inflate(&stream, Z_FINISH), Z_STREAM_END);
	cr_assert_eq(stream.avail_in, 0);
	*ret_len = stream.total_out;
	inflateEnd(&stream);
	free(bytes);
	return message;
}

Test(pprof, a_small_profile_is_these_bytes)
{
	static const char expected[] =
		"0a0408011002" "0a0408031004"			    /* sample types */
		"12070a01011202010a"				    /* sample */
		"1a0e0801108080800218808" "0c0022805"		    /* mapping */
		"22110801100118808280022206" "0801100c1807"	    /* location, line */
		"2a080801100618062007"				    /* function */
		"3200" "320773616d706c6573" "3205636f756e74"	    /* "", samples, count */
		"3203637075" "320b6e616e6f7365636f6e6473"	    /* cpu, nanoseconds */
		"32062f62696e2f78" "32046d61696e" "32066d61696e2e63" /* /bin/x, main, main.c */
		"488080a8b1e39fe7cb17" "508094ebdc03"		    /* time, duration */
		"5a0408031004" "6080ade204";			    /* period type, period */
	struct eo_profile *profile = golden_profile();
	size_t len;
	unsigned char *message = unpacked(profile, &len);
	char *hex = calloc(len + 1, 2);

	for (size_t i = 0; i < len; i++)
		sprintf(hex + 2 * i, "%02x", message[i]);
	cr_expect_str_eq(hex, expected);
	free(hex);
	free(message);
	eo_profile_free(profile);
}

Test(pprof, go_tool_pprof_reads_every_value)
{
	struct eo_profile *profile = rich_profile();
	char *text = raw(profile);

	if (text)
		cr_expect_str_eq(text,
				 "PeriodType: cpu nanoseconds\n"
				 "Period: 10000000\n"
				 "Time: 2023-11-14 22:13:20 +0000 UTC\n"
				 "Duration: 1s\n"
				 "Samples:\n"
				 "samples/count cpu/nanoseconds\n"
				 "          6   60000000: 6 \n"
				 "          5   50000000: 2 1 \n"
				 "                comm:[app]\n"
				 "                pid:[42 pid]\n"
				 "          3   30000000: 3 2 1 \n"
				 "                comm:[app]\n"
				 "                pid:[42 pid]\n"
				 "          4   40000000: 2 3 1 \n"
				 "                comm:[app]\n"
				 "                pid:[43 pid]\n"
				 "          8   80000000: 7 1 \n"
				 "                size:[4096 bytes -1 bytes]\n"
				 "          7   70000000: 5 4 1 \n"
				 "                comm:[app]\n"
				 "                pid:[0 pid]\n"
				 "          2   20000000: 9 1 8 \n"
				 "                comm:[app]\n"
				 "                pid:[42 pid]\n"
				 "          1   10000000: 5 4 \n"
				 "                comm:[kworker/0:1]\n"
				 "                pid:[7 pid]\n"
				 "Locations\n"
				 "     1: 0x1100 M=1 main :0 s=0\n"
				 "     2: 0x1200 M=1 work :0 s=0\n"
				 "     3: 0x1210 M=1 work :0 s=0\n"
				 "     4: 0x1500 M=2 entry_SYSCALL_64 :0 s=0\n"
				 "     5: 0x1600 M=2 vfs_read :0 s=0\n"
				 "     6: 0xdead \n"
				 "     7: 0x1700 M=1 [F] inner in.c:5 s=3\n"
				 "             outer() out.cc:99 s=0(_Zouter)\n"
				 "     8: 0x1300 M=3 clone3 :0 s=0\n"
				 "     9: 0x1400 M=3 \n"
				 "Mappings\n"
				 "1: 0x1000/0x9000/0x1000 /usr/bin/app  [FN]\n"
				 "2: 0x1000/0x9000/0x1000 [kernel.kallsyms]  [FN]\n"
				 "3: 0x1000/0x9000/0x1000 /usr/lib/libc.so.6  [FN]\n");
	free(text);
	eo_profile_free(profile);
}

Test(pprof, protoc_knows_every_field)
{
	struct eo_profile *profile = rich_profile();
	char *text;

	profile->default_value_type = eo_profile_string(profile, "samples");
	profile->drop_frames = eo_profile_string(profile, "drop.*");
	profile->keep_frames = eo_profile_string(profile, "keep.*");
	profile->doc_url = eo_profile_string(profile, "https://example.org/doc");
	eo_profile_add_comment(profile, "one");
	eo_profile_add_comment(profile, "two");
	text = decoded(profile);
	if (text) {
		cr_expect_eq(count_of(text, "\nsample {"), 9);
		cr_expect_eq(count_of(text, "\nlocation {"), 9);
		cr_expect_eq(count_of(text, "\nfunction {"), 7);
		cr_expect_eq(count_of(text, "\nmapping {"), 3);
		cr_expect_eq(count_of(text, "\ndrop_frames: "), 1);
		cr_expect_eq(count_of(text, "\nkeep_frames: "), 1);
		cr_expect_eq(count_of(text, "\ncomment: "), 2);
		cr_expect_eq(count_of(text, "\ndefault_sample_type: 1\n"), 1);
		cr_expect_eq(count_of(text, "\ndoc_url: "), 1);
		cr_expect_eq(count_of(text, "\nstring_table: \"https://example.org/doc\"\n"), 1);
		cr_expect_eq(count_of(text, "is_folded: true"), 1);
		cr_expect_eq(count_of(text, "column: 2\n"), 1);
	}
	free(text);
	eo_profile_free(profile);
}

Test(pprof, build_ids_flags_and_comments_arrive)
{
	struct eo_profile *profile = golden_profile();
	struct eo_mapping mapping = { .start = 0x10, .limit = 0x20, .offset = 0x30,
				      .filename = eo_profile_string(profile, "/lib/y.so"),
				      .build_id = eo_profile_string(profile, "0123abcd"),
				      .has_functions = true, .has_filenames = true,
				      .has_line_numbers = true, .has_inline_frames = true };
	struct eo_location location = { .address = 0x15,
					.mapping = eo_profile_mapping(profile, &mapping) };
	uint32_t frame = eo_profile_location(profile, &location, NULL, 0);
	char *text;

	eo_profile_add_sample(profile, eo_profile_stack(profile, &frame, 1), 0,
			      (int64_t[]){ INT64_MAX, INT64_MIN });
	eo_profile_add_comment(profile, "said");
	profile->default_value_type = eo_profile_string(profile, "samples");
	text = raw(profile);
	if (text) {
		cr_expect(strstr(text, "2: 0x10/0x20/0x30 /lib/y.so 0123abcd [FN][FL][LN][IN]\n"));
		cr_expect(strstr(text, "Comment: said\n"));
		cr_expect(strstr(text, "samples/count[dflt] cpu/nanoseconds\n"));
		cr_expect(strstr(text, "9223372036854775807 -9223372036854775808: "), "%s", text);
	}
	free(text);
	eo_profile_free(profile);
}

/* The same content as rich_profile() with all tables filled in another order. */
static struct eo_profile *shuffled(const struct eo_profile *from)
{
	struct eo_profile *to = cpu_profile();

	for (size_t i = from->string_count; i > 0; i--)
		eo_profile_string(to, from->strings[i - 1]);
	eo_profile_string(to, "nobody uses this");
	eo_profile_synthetic_frame(to, "nor this");
	for (size_t i = from->sample_count; i > 0; i--) {
		const struct eo_sample *sample = &from->samples[i - 1];
		struct eo_span stack = from->stacks[sample->stack];
		struct eo_span set = from->label_sets[sample->label_set];
		uint32_t frames[128];
		struct eo_label labels[8];

		for (uint32_t at = stack.count; at > 0; at--) {
			struct eo_location location =
				from->locations[from->frames[stack.first + at - 1]];
			struct eo_mapping mapping = from->mappings[location.mapping];
			struct eo_line lines[4];

			mapping.filename = eo_profile_string(to, from->strings[mapping.filename]);
			location.mapping = eo_profile_mapping(to, &mapping);
			for (uint32_t line = location.line_count; line > 0; line--) {
				struct eo_function function;

				lines[line - 1] = from->lines[location.first_line + line - 1];
				function = from->functions[lines[line - 1].function];
				function.name =
					eo_profile_string(to, from->strings[function.name]);
				function.system_name =
					eo_profile_string(to, from->strings[function.system_name]);
				function.filename =
					eo_profile_string(to, from->strings[function.filename]);
				lines[line - 1].function = eo_profile_function(to, &function);
			}
			frames[at - 1] =
				eo_profile_location(to, &location, lines, location.line_count);
		}
		for (uint32_t at = 0; at < set.count; at++) {
			labels[at] = from->labels[set.first + at];
			labels[at].key = eo_profile_string(to, from->strings[labels[at].key]);
			labels[at].str = eo_profile_string(to, from->strings[labels[at].str]);
			labels[at].unit = eo_profile_string(to, from->strings[labels[at].unit]);
		}
		eo_profile_add_sample(to, eo_profile_stack(to, frames, stack.count),
				      eo_profile_label_set(to, labels, set.count),
				      from->values + sample->values);
	}
	cr_assert_eq(eo_profile_status(to), 0);
	return to;
}

Test(pprof, equal_profiles_are_equal_bytes_whatever_came_first)
{
	struct eo_profile *one = rich_profile();
	struct eo_profile *other;
	size_t one_len, other_len;
	char *one_bytes, *other_bytes;

	for (int i = 0; i < 40; i++) {
		struct frame frames[] = { { "f", "/bin/z", 0x1000 }, { "h", "/bin/z", 0x2000 } };
		char name[16];

		/* The same but for one thing each. */
		snprintf(name, sizeof(name), "g%d", i * 7 % 40);
		add_stack(one, frames, 2, name, 1, 1);
		add_stack(one, frames, 2, "g", i * 7 % 40, 1);
		frames[i % 2].name = name;
		add_stack(one, frames, 2, "g", 1, 1);
		frames[i % 2].name = "f";
		frames[i % 2].file = name;
		add_stack(one, frames, 2, "g", 1, 1);
		frames[i % 2].file = "/bin/z";
		frames[i % 2].address = 0x3000 + (uint64_t)(i * 7 % 40);
		add_stack(one, frames, 2, "g", 1, 1);
		add_stack(one, frames, 1, "g", 1, 1);
	}
	/* Kinds are not in the file, and still tell locations apart. */
	for (uint32_t kind = EO_FRAME_UNKNOWN; kind <= EO_FRAME_SYNTHETIC; kind++) {
		struct eo_location location = { .address = 0x77, .kind = kind };
		uint32_t frame = eo_profile_location(one, &location, NULL, 0);

		eo_profile_add_sample(one, eo_profile_stack(one, &frame, 1), 0,
				      (int64_t[]){ kind, 1 });
	}
	other = shuffled(one);
	cr_assert_str_neq(one->strings[5], other->strings[5], "the orders do differ");
	one_bytes = written(eo_write_pprof, one, NULL, &one_len);
	other_bytes = written(eo_write_pprof, other, NULL, &other_len);
	cr_assert_eq(one_len, other_len);
	cr_expect_arr_eq(one_bytes, other_bytes, one_len);
	free(one_bytes);
	free(other_bytes);
	eo_profile_free(one);
	eo_profile_free(other);
}

Test(pprof, the_first_mapping_is_the_program_with_most_samples)
{
	struct eo_profile *profile = cpu_profile();
	struct frame start = { "entry", "[kernel.kallsyms]", 1 };
	struct frame libc = { "start_thread", "/aaa/libc-2.36.so", 2 };
	struct frame gone = { "plugin", "/aaa/libold.so (deleted)", 3 };
	struct frame small = { "small", "/bin/small", 4 }, large = { "large", "/bin/large", 5 };
	char *text;

	add_stack(profile, (struct frame[]){ start }, 1, NULL, -1, 1000);
	add_stack(profile, (struct frame[]){ libc, gone }, 2, NULL, -1, 900);
	add_stack(profile, (struct frame[]){ libc, gone, large, small }, 4, NULL, -1, 6);
	add_stack(profile, (struct frame[]){ small, start }, 2, NULL, -1, 5);
	text = decoded(profile);
	if (text) {
		char *mapping = strstr(text, "\nmapping {\n  id: 1\n"), *name;
		char *strings = strstr(text, "\nstring_table: ");
		int number;

		cr_assert(mapping && strings);
		name = strstr(mapping, "filename: ");
		cr_assert(name);
		for (number = atoi(name + strlen("filename: ")); number > 0; number--)
			strings = strstr(strings + 1, "\nstring_table: ");
		cr_expect_not(strncmp(strings, "\nstring_table: \"/bin/large\"\n", 28), "%.40s",
			      strings);
	}
	free(text);
	eo_profile_free(profile);
}

Test(pprof, nothing_is_a_profile)
{
	struct eo_profile *profile = cpu_profile(), *bare = eo_profile_new();
	char *text = raw(profile);

	if (text)
		/* Where there is no mapping, pprof makes up one of zeros. */
		cr_expect(strstr(text, "Samples:\nsamples/count cpu/nanoseconds\n"
				       "Locations\nMappings\n"), "%s", text);
	free(text);
	text = decoded(bare);
	if (text)
		cr_expect_str_eq(text, "string_table: \"\"\n");
	free(text);
	eo_profile_free(profile);
	eo_profile_free(bare);
}

/* The line that begins at @p, without its end; @p moves on. */
static char *take_line(char **p)
{
	char *line = *p, *end = strchr(line, '\n');

	*p = end ? end + 1 : line + strlen(line);
	if (end)
		*end = '\0';
	return line;
}

Test(pprof, deep_stacks_keep_every_frame)
{
	enum { DEPTH = 127, STACKS = 50 };
	struct eo_profile *profile = cpu_profile();
	uint64_t address[200] = { 0 };
	char *text, *p;
	int seen = 0;

	for (uint64_t s = 0; s < STACKS; s++) {
		struct frame frames[DEPTH];

		for (uint64_t i = 0; i < DEPTH; i++)
			frames[i] = (struct frame){ NULL, "/bin/x", 0x1000 + i * (s + 1) % 180 };
		add_stack(profile, frames, DEPTH, NULL, -1, (int64_t)s + 1);
	}
	text = raw(profile);
	if (!text) {
		eo_profile_free(profile);
		return;
	}

	/* First what the ids mean, then the samples. */
	p = strstr(text, "\nLocations\n");
	cr_assert(p);
	for (p += strlen("\nLocations\n"); strncmp(p, "Mappings", 8);) {
		unsigned int id;
		uint64_t value;

		cr_assert_eq(sscanf(take_line(&p), " %u: 0x%" SCNx64, &id, &value), 2);
		cr_assert_lt(id, 200);
		address[id] = value;
	}
	p = strstr(text, "cpu/nanoseconds\n");
	cr_assert(p);
	for (take_line(&p); strncmp(p, "Locations", 9); seen++) {
		char *ids = take_line(&p), *number;
		uint64_t samples = strtoull(ids, &ids, 10);
		uint64_t ns = strtoull(ids, &ids, 10);
		uint64_t depth = 0;

		cr_assert_eq(ns, samples * 10000000);
		cr_assert_eq(*ids++, ':');
		while ((number = strsep(&ids, " ")))
			if (*number) {
				uint64_t i = DEPTH - 1 - depth++;

				cr_assert_eq(address[atoi(number)], 0x1000 + i * samples % 180);
			}
		cr_assert_eq(depth, DEPTH);
	}
	cr_expect_eq(seen, STACKS);
	free(text);
	eo_profile_free(profile);
}

Test(pprof, odd_names_survive_or_are_repaired)
{
	struct eo_profile *profile = cpu_profile();
	char *large = malloc(10001), *text;

	memset(large, 'x', 10000);
	large[10000] = '\0';
	add_stack(profile,
		  (struct frame[]){ { "<script>", NULL, 0 },
				    { "new\nline", NULL, 0 },
				    { "bad \xff\xc3( \xed\xa0\x80.", NULL, 0 },
				    { "", NULL, 0 },
				    { large, NULL, 0 },
				    { "\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\x9d", NULL, 0 } },
		  6, "caf\xe9", -1, 1);
	text = decoded(profile);
	if (text) {
		char *line = malloc(10100);

		cr_expect(strstr(text, "string_table: \"<script>\"\n"));
		cr_expect(strstr(text, "string_table: \"new\\nline\"\n"));
		/* protoc shows U+FFFD in octal. */
		cr_expect(strstr(text, "string_table: \"bad \\357\\277\\275\\357\\277\\275( "
				       "\\357\\277\\275\\357\\277\\275\\357\\277\\275.\"\n"));
		cr_expect(strstr(text, "string_table: \"caf\\357\\277\\275\"\n"));
		cr_expect(strstr(text, "string_table: "
				       "\"\\303\\251\\342\\202\\254\\360\\237\\220\\235\"\n"));
		sprintf(line, "string_table: \"%s\"\n", large);
		cr_expect(strstr(text, line));
		cr_expect_eq(count_of(text, "function {"), 6, "the nameless one as well");
		free(line);
	}
	free(text);
	text = raw(profile);
	if (text)
		cr_expect(strstr(text, "1: 0x0 "));
	free(text);
	free(large);
	eo_profile_free(profile);
}

Test(pprof, negative_values_arrive)
{
	struct eo_profile *profile = cpu_profile();
	char *text;

	add_stack(profile, (struct frame[]){ { "less", NULL, 0 } }, 1, NULL, -1, -5);
	text = raw(profile);
	if (text)
		cr_expect(strstr(text, "         -5  -50000000: 1 \n"), "%s", text);
	free(text);
	eo_profile_free(profile);
}

Test(pprof, bare_numbers_get_a_unit_only_beside_a_zero)
{
	struct eo_profile *profile = cpu_profile();
	uint32_t cpu = eo_profile_string(profile, "cpu_id");
	uint32_t tid = eo_profile_string(profile, "tid");
	uint32_t frame = eo_profile_synthetic_frame(profile, "work");
	uint32_t stack = eo_profile_stack(profile, &frame, 1);
	char *text;

	for (int64_t i = 0; i < 2; i++) {
		struct eo_label labels[] = { { .key = cpu, .num = i, .is_number = true },
					     { .key = tid, .num = 10 + i, .is_number = true } };

		eo_profile_add_sample(profile, stack, eo_profile_label_set(profile, labels, 2),
				      (int64_t[]){ 1, 1 });
	}
	text = raw(profile);
	if (text) {
		cr_expect(strstr(text, "cpu_id:[0 cpu_id] tid:[10]\n"), "%s", text);
		cr_expect(strstr(text, "cpu_id:[1 cpu_id] tid:[11]\n"), "%s", text);
	}
	free(text);
	eo_profile_free(profile);
}

Test(pprof, a_full_disk_is_an_error)
{
	const struct eo_write_options options = { 0 };
	struct eo_profile *profile = cpu_profile();
	struct eo_error err = { 0 };
	FILE *full = fopen("/dev/full", "w");
	unsigned int random = 1;

	/* More than stdio holds back, so that the writer meets it itself. */
	for (int i = 0; i < 20000; i++) {
		char name[32];

		random = random * 1103515245 + 12345;
		snprintf(name, sizeof(name), "%08x%d", random, i);
		add_stack(profile, (struct frame[]){ { name, NULL, 0 } }, 1, NULL, -1, 1);
	}
	cr_assert(full);
	cr_expect_eq(eo_write_pprof(profile, &options, full, &err), -ENOSPC);
	cr_expect_eq(err.code, ENOSPC);
	cr_expect_eq(err.kind, EO_ERROR_EVENT_PROCESSING_FAILED);
	fclose(full);

	eo_profile_free(profile);
	profile = golden_profile();
	full = fopen("/dev/full", "w");
	cr_expect(eo_write_pprof(profile, &options, full, &err) < 0 || fflush(full) == EOF);
	fclose(full);
	eo_profile_free(profile);
}

Test(utf8, characters_are_told_from_bytes)
{
	static const struct {
		const char *text;
		size_t len;
		uint32_t code;
	} cases[] = {
		{ "a", 1, 'a' }, { "\xc3\xa9", 2, 0xe9 }, { "\xe2\x82\xac", 3, 0x20ac },
		{ "\xf4\x8f\xbf\xbf", 4, 0x10ffff }, { "\xef\xbf\xbf", 3, 0xffff },
		{ "", 0, 0 }, { "\x80", 0, 0 }, { "\xc3", 0, 0 }, { "\xc0\x80", 0, 0 },
		{ "\xc1\xbf", 0, 0 }, { "\xe0\x9f\xbf", 0, 0 }, { "\xed\xa0\x80", 0, 0 },
		{ "\xf0\x8f\xbf\xbf", 0, 0 }, { "\xf4\x90\x80\x80", 0, 0 },
		{ "\xf8\x88\x80\x80\x80", 0, 0 },
		{ "\xe2\x82", 0, 0 }, { "\xff", 0, 0 },
	};

	for (size_t i = 0; i < EO_ARRAY_SIZE(cases); i++) {
		uint32_t code = 0;

		cr_expect_eq(eo_utf8_char(cases[i].text, &code), cases[i].len, "case %zu", i);
		cr_expect_eq(code, cases[i].code, "case %zu", i);
	}
}

Test(formats, names_and_file_endings_choose)
{
	static const struct {
		const char *file, *format;
	} cases[] = {
		{ "a.pb.gz", "pprof" }, { "/x/a.pprof", "pprof" }, { "a.otlp", "otlp" },
		{ "a.json", "otlp-json" }, { "a.folded", "folded" }, { "a.txt", "top" },
		{ "a.html", "flamegraph" },
	};

	for (size_t i = 0; i < EO_ARRAY_SIZE(cases); i++) {
		const struct eo_profile_format *format = eo_profile_format_of_file(cases[i].file);

		cr_assert(format, "%s", cases[i].file);
		cr_expect_str_eq(format->name, cases[i].format);
		cr_expect_eq(format, eo_profile_format_find(cases[i].format));
	}
	cr_expect_null(eo_profile_format_of_file("a.gz"));
	cr_expect_null(eo_profile_format_of_file("gz"));
	cr_expect_null(eo_profile_format_of_file(""));
	cr_expect_null(eo_profile_format_find("ppro"));
	cr_expect_str_eq(eo_profile_format_find("pprof")->default_file, "profile.pb.gz");
	cr_expect_str_eq(eo_profile_format_find("flamegraph")->default_file, "profile.html");
	cr_expect_null(eo_profile_format_find("folded")->default_file);
	cr_expect_null(eo_profile_format_find("top")->default_file);
}
