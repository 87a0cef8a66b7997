/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <glob.h>
#include <unistd.h>

#include "core/auto.h"
#include "reading.h"

/* Fields by hand, in octal so that no letter behind an escape becomes part of it. */
#define TYPES "\012\004\010\001\020\002"		      /* samples/count */
#define STRINGS "2\000" "2\007samples" "2\005count"
#define LOCATION "\042\002\010\001"			      /* id 1 */
#define SAMPLE "\022\006\012\001\001\022\001\001"	      /* at location 1, value 1 */
#define TIME "\110\001"

struct bytes {
	const char *bytes;
	size_t size;
};
#define BYTES(literal) { literal, sizeof(literal) - 1 }

static char *read_file(const char *path, size_t *size)
{
	FILE *in = fopen(path, "rb");
	char *bytes = malloc(1 << 20);

	cr_assert(in, "%s", path);
	*size = fread(bytes, 1, 1 << 20, in);
	cr_assert_lt(*size, 1 << 20);
	fclose(in);
	return bytes;
}

/* @path unpacked. */
static char *unpacked_file(const char *path, size_t *size)
{
	struct eo_input *input;
	char *bytes = malloc(1 << 20);
	ssize_t n;

	cr_assert_eq(eo_input_open(path, &input, NULL), 0);
	*size = 0;
	while ((n = eo_input_read(input, bytes + *size, (1 << 20) - *size, NULL)) > 0)
		*size += (size_t)n;
	cr_assert_eq(n, 0);
	eo_input_free(input);
	return bytes;
}

static struct eo_profile *profile_of_file(const char *path)
{
	size_t size;
	char *bytes = read_file(path, &size);
	struct eo_profile *profile = profile_of(eo_read_pprof, bytes, size);

	free(bytes);
	return profile;
}

/* Write @profile beside the others; the file is the caller's to remove. */
static void write_file(const struct eo_profile *profile, char *path)
{
	int fd = mkstemp(strcpy(path, "/tmp/test_read_pprof.XXXXXX"));
	size_t len;
	char *bytes = written(eo_write_pprof, profile, NULL, &len);

	cr_assert(fd >= 0);
	cr_assert_eq(write(fd, bytes, len), (ssize_t)len);
	close(fd);
	free(bytes);
}

/* What `go tool pprof -raw` and an independent decoder say of it, without ids. */
static char *canonical(const char *path)
{
	char *go = find_tool("go");
	char *text = output_of("python3 %s/canonical_pprof.py %s 2>&1", EO_TESTS_DIR, path);
	char *raw = go ? output_of("%s tool pprof -symbolize=none -raw %s 2>&1 | "
				   "python3 %s/canonical_pprof.py --raw 2>&1",
				   go, path, EO_TESTS_DIR) :
			 strdup("");
	char *both;

	cr_assert(text && raw, "%s", path);
	cr_assert(asprintf(&both, "%s%s", text, raw) >= 0);
	free(go);
	free(text);
	free(raw);
	return both;
}

Test(read_pprof, files_come_back_field_by_field)
{
	glob_t files;
	size_t compared = 0;

	cr_assert_eq(glob(EO_TESTS_DIR "/data/profiles/*.pprof", 0, NULL, &files), 0);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		struct eo_profile *profile;
		char *before, *after, path[40];

		/* Our writer repairs what others refuse. */
		if (strstr(files.gl_pathv[i], "bad_utf8"))
			continue;
		profile = profile_of_file(files.gl_pathv[i]);
		write_file(profile, path);
		before = canonical(files.gl_pathv[i]);
		after = canonical(path);
		cr_expect_str_eq(before, after, "%s", files.gl_pathv[i]);
		unlink(path);
		free(before);
		free(after);
		eo_profile_free(profile);
		compared++;
	}
	globfree(&files);
	cr_expect_geq(compared, 6);
}

Test(read_pprof, labels_and_what_a_profile_says_of_itself_are_kept)
{
	struct eo_profile *profile = profile_of_file(EO_TESTS_DIR "/data/profiles/labels.pprof");
	struct eo_span labels = profile->label_sets[profile->samples[1].label_set];

	cr_expect_eq(profile->sample_count, 5);
	cr_expect_eq(profile->value_type_count, 3);
	cr_expect_eq(profile->comment_count, 3);
	cr_expect_str_eq(profile->strings[profile->comments[2]], "first comment");
	cr_expect_str_eq(profile->strings[profile->default_value_type], "events");
	cr_expect_str_eq(profile->strings[profile->drop_frames], "drop.*");
	cr_expect_str_eq(profile->strings[profile->keep_frames], "keep.*");
	cr_expect_str_eq(profile->strings[profile->doc_url], "https://example.org/doc");
	cr_expect_eq(profile->time_ns, 1700000000123456789);
	cr_expect_eq(profile->duration_ns, 2500000000);
	cr_expect_eq(profile->period, 1000);
	cr_assert_eq(labels.count, 4, "two of each key");
	cr_expect_str_eq(profile->strings[profile->labels[labels.first + 1].str], "b");
	cr_expect_eq(profile->labels[labels.first + 3].num, -1);
	cr_expect_str_eq(profile->strings[profile->labels[labels.first + 3].unit], "bytes");
	eo_profile_free(profile);
}

Test(read_pprof, inlined_functions_keep_their_order_and_the_kernel_is_known)
{
	struct eo_profile *profile = profile_of_file(EO_TESTS_DIR "/data/profiles/inlines.pprof");

	expect_folded(profile, 0,
		      "main 2\n"
		      "main;outer;inner;innermost;outer;inner;innermost;outer;inner 1\n"
		      "main;outer;inner;innermost;vfs_read_[k] 4\n");
	eo_profile_free(profile);
}

Test(read_pprof, bad_utf8_is_kept_as_bytes)
{
	struct eo_profile *profile = profile_of_file(EO_TESTS_DIR "/data/profiles/bad_utf8.pprof");

	expect_folded(profile, 0, "caf\xe9\xff 1\n");
	eo_profile_free(profile);
}

Test(read_pprof, what_is_legal_is_read)
{
	static const struct bytes good[] = {
		BYTES(STRINGS),			    /* no samples at all */
		BYTES(TYPES STRINGS),
		BYTES(TYPES SAMPLE LOCATION STRINGS),
		BYTES(STRINGS LOCATION SAMPLE TYPES), /* in any order */
		BYTES(TYPES "\022\003\022\001\001" STRINGS), /* an empty stack */
		BYTES(TYPES "\022\004\010\001\020\001" LOCATION STRINGS), /* not packed */
		BYTES(TYPES "\022\013\022\011\377\377\377\377\377\377\377\377\177" STRINGS),
		BYTES(TYPES "\042\004\010\001\020\011" SAMPLE STRINGS), /* no mapping 9 */
		BYTES(STRINGS "\202\001\003abc" "\211\001" "12345678"), /* unknown fields */
		BYTES(TIME STRINGS "\110\000"),
	};

	for (size_t i = 0; i < EO_ARRAY_SIZE(good); i++)
		eo_profile_free(profile_of(eo_read_pprof, good[i].bytes, good[i].size));
}

Test(read_pprof, what_is_not_says_where_and_why)
{
	static const struct {
		struct bytes bytes;
		const char *reason;
	} bad[] = {
		{ BYTES(""), "it is empty" },
		{ BYTES(TYPES), "no string table" },
		{ BYTES("2\001a"), "at byte 0: the first string is not empty" },
		{ BYTES("\012\004\010\001\020\003" STRINGS), "at byte 2: string 3 of 3" },
		{ BYTES("\012\015\010\001\020\377\377\377\377\377\377\377\377\377\001" STRINGS),
		  "string -1 of 3" },
		{ BYTES(SAMPLE LOCATION STRINGS), "nothing says of what type" },
		{ BYTES(TYPES "\022\007\012\001\001\022\002\001\001" LOCATION STRINGS),
		  "at byte 8: a sample with 2 values of 1 types" },
		{ BYTES(TYPES "\022\003\012\001\001" LOCATION STRINGS),
		  "a sample with 0 values of 1 types" },
		{ BYTES(TYPES "\032\002\020\001" STRINGS), "a mapping has the id 0" },
		{ BYTES(TYPES "\042\002\030\001" STRINGS), "a location has the id 0" },
		{ BYTES(TYPES "\052\002\020\001" STRINGS), "a function has the id 0" },
		{ BYTES("\032\002\010\001" "\032\002\010\001" STRINGS),
		  "two mappings have the id 1" },
		{ BYTES(LOCATION LOCATION STRINGS), "two locations have the id 1" },
		{ BYTES("\052\002\010\001" "\052\002\010\001" STRINGS),
		  "two functions have the id 1" },
		{ BYTES("\042\003\010\377\001" "\042\003\010\377\001" STRINGS),
		  "two locations have the id 255" },
		{ BYTES(TYPES SAMPLE STRINGS), "a sample at location 1, which is not there" },
		{ BYTES(TYPES "\022\006\012\001\000\022\001\001" LOCATION STRINGS),
		  "a sample at location 0, which is not there" },
		{ BYTES("\042\006\010\001\042\002\020\005" STRINGS),
		  "a line of function 0, which is not there" },
		{ BYTES("\042\006\010\001\042\002\010\007" STRINGS),
		  "a line of function 7, which is not there" },
		{ BYTES("\052\004\010\001\020\011" STRINGS), "string 9 of 3" },
		{ BYTES("\032\004\010\001\050\011" STRINGS), "string 9 of 3" },
		{ BYTES("\160\011" STRINGS), "string 9 of 3" },
		{ BYTES("\150\011" STRINGS), "string 9 of 3" },
		{ BYTES(TIME STRINGS TIME), "several profiles one after the other" },
		{ BYTES(STRINGS "\010\001"), "sample_type has the wrong type" },
		{ BYTES(STRINGS "\115" "1234"), "time_nanos has the wrong type" },
		{ BYTES(STRINGS "\052\011\011" "12345678"),
		  "field 1 of a function has the wrong type" },
		{ BYTES(TYPES "\022\011\011" "12345678" STRINGS),
		  "the location ids of a sample have the wrong type" },
		{ BYTES(TYPES "\022\005\025" "1234" STRINGS),
		  "the values of a sample have the wrong type" },
		{ BYTES(TYPES "\022\002\030\001" STRINGS), "a label has the wrong type" },
		{ BYTES(STRINGS "\042\004\010\001\040\001"),
		  "field 4 of a location has the wrong type" },
		{ BYTES(STRINGS "\013"), "a field of a type that does not exist" },
		{ BYTES(STRINGS "\017"), "a field of a type that does not exist" },
		{ BYTES(STRINGS "\000\000"), "a field number that cannot be" },
		{ BYTES(STRINGS "\140\377\377\377\377\377\377\377\377\377\377\001"),
		  "a number of more than 64 bits" },
		{ BYTES(STRINGS "\140\377\377\377\377\377\377\377\377\377\002"),
		  "a number of more than 64 bits" },
		{ BYTES(STRINGS "2\200\200\200\200\010" "abc"), "a field of 2 GiB or more" },
		{ BYTES(STRINGS "2\377\377\377\377\007" "abc"), "the data end inside a field" },
		{ BYTES(STRINGS "2\377\377\377\377\377\377\377\377\377\001" "abc"),
		  "a field of 2 GiB or more" },
		{ BYTES(TYPES "\022\006\012\001\001\022\002\001" LOCATION STRINGS),
		  "the data end inside a field" },
	};

	for (size_t i = 0; i < EO_ARRAY_SIZE(bad); i++)
		expect_error(eo_read_pprof, bad[i].bytes.bytes, bad[i].bytes.size, bad[i].reason);
}

Test(read_pprof, types_of_values_have_a_limit)
{
	char bytes[600], *at = bytes;

	for (int i = 0; i < 65; i++)
		at = mempcpy(at, TYPES, sizeof(TYPES) - 1);
	at = mempcpy(at, STRINGS, sizeof(STRINGS) - 1);
	expect_error(eo_read_pprof, bytes, (size_t)(at - bytes), "65 value types, the limit is 64");
}

Test(read_pprof, cut_at_every_byte_it_is_an_error_or_a_smaller_profile)
{
	size_t size, errors = 0;
	char *bytes = unpacked_file(EO_TESTS_DIR "/data/profiles/labels.pprof", &size);

	for (size_t cut = 0; cut < size; cut++) {
		struct eo_profile *profile = eo_profile_new();
		struct eo_error err = { 0 };
		/* A copy of just that size, so that sanitizers see what is read behind it. */
		char *copy = memcpy(malloc(cut + 1), bytes, cut);

		copy = realloc(copy, cut ? cut : 1);
		if (read_into(profile, eo_read_pprof, copy, cut, &err) < 0) {
			errors++;
			cr_expect_eq(err.kind, EO_ERROR_EVENT_PROCESSING_FAILED);
			cr_expect_neq(err.text[0], '\0');
		}
		free(copy);
		eo_profile_free(profile);
	}
	cr_expect_gt(errors, size - 20, "only between the last strings and fields is it whole");
	free(bytes);
}

Test(read_pprof, flipped_bytes_do_no_harm)
{
	static const char *const names[] = { "labels", "inlines", "no_symbols", "heap" };

	for (size_t i = 0; i < EO_ARRAY_SIZE(names); i++) {
		char path[128], *bytes;
		size_t size;

		snprintf(path, sizeof(path), "%s/data/profiles/%s.pprof", EO_TESTS_DIR, names[i]);
		bytes = unpacked_file(path, &size);
		for (size_t at = 0; at < size && at < 1500; at++)
			for (int bit = 0; bit < 8; bit += 3) {
				bytes[at] ^= (char)(1 << bit);
				survive(eo_read_pprof, bytes, size);
				bytes[at] ^= (char)(1 << bit);
			}
		free(bytes);
	}
}

Test(read_pprof, profiles_are_merged)
{
	static const struct bytes one = BYTES(TYPES SAMPLE LOCATION STRINGS "\110\144\120\012");
	static const struct bytes other = BYTES(TYPES SAMPLE LOCATION STRINGS "\110\170\120\024");
	struct eo_profile *profile = profile_of(eo_read_pprof, other.bytes, other.size);

	cr_expect_eq(read_into(profile, eo_read_pprof, one.bytes, one.size, NULL), 0);
	cr_assert_eq(profile->sample_count, 1);
	cr_expect_eq(profile->values[0], 2);
	cr_expect_eq(profile->value_type_count, 1);
	cr_expect_eq(profile->time_ns, 100);
	cr_expect_eq(profile->duration_ns, 40, "up to the end of the later one");
	eo_profile_free(profile);
}

Test(read_pprof, merging_repeats_no_comments_and_wants_the_same_values)
{
	struct eo_profile *profile = profile_of_file(EO_TESTS_DIR "/data/profiles/labels.pprof");
	struct eo_error err = { 0 };
	size_t size;
	char *bytes = read_file(EO_TESTS_DIR "/data/profiles/labels.pprof", &size);

	cr_expect_eq(read_into(profile, eo_read_pprof, bytes, size, &err), -EINVAL);
	cr_expect(strstr(err.text, "64 bits"), "a value is at the limit: %s", err.text);
	eo_profile_free(profile);
	free(bytes);

	profile = profile_of_file(EO_TESTS_DIR "/data/profiles/heap.pprof");
	bytes = read_file(EO_TESTS_DIR "/data/profiles/inlines.pprof", &size);
	cr_expect_eq(read_into(profile, eo_read_pprof, bytes, size, &err), -EINVAL);
	cr_expect(strstr(err.text, "its values are samples/count cpu/nanoseconds, those before "
				   "alloc_objects/count alloc_space/bytes"),
		  "%s", err.text);
	eo_profile_free(profile);
	free(bytes);
}

Test(read_pprof, what_we_write_is_what_we_read)
{
	struct eo_profile *rich = rich_profile(), *copy;
	size_t size, again;
	char *bytes, *other;

	for (int i = 0; i < 2; i++)
		eo_profile_add_comment(rich, "twice");
	bytes = written(eo_write_pprof, rich, NULL, &size);
	copy = profile_of(eo_read_pprof, bytes, size);
	other = written(eo_write_pprof, copy, NULL, &again);
	cr_expect_eq(size, again);
	cr_expect_arr_eq(bytes, other, size);
	free(bytes);
	free(other);
	eo_profile_free(copy);
	eo_profile_free(rich);
}
