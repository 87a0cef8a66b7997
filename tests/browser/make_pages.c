/* SPDX-License-Identifier: BSD-2-Clause */
/* make_pages DIRECTORY: writes the flame graphs that the browser opens. */
#include <stdio.h>
#include <string.h>

#include "format/diff.h"
#include "format/writer.h"

#define MAX_DEPTH 400

static uint32_t frame_of(struct eo_profile *profile, const char *name)
{
	size_t len = strlen(name);
	/* Kernel functions are marked as in folded stacks. */
	bool is_kernel = len > 4 && !strcmp(name + len - 4, "_[k]");
	uint32_t text = eo_profile_string_n(profile, name, is_kernel ? len - 4 : len);
	struct eo_mapping mapping = {
		.start = 0x1000, .limit = 0x9000,
		.filename = eo_profile_string(profile, is_kernel ? "[kernel.kallsyms]" : "/usr/bin/app"),
	};
	struct eo_line line = { .function = eo_profile_function(
					profile, &(struct eo_function){ .name = text,
									.system_name = text }) };
	struct eo_location location = { .mapping = eo_profile_mapping(profile, &mapping),
					.kind = is_kernel ? EO_FRAME_KERNEL : EO_FRAME_NATIVE };

	return eo_profile_location(profile, &location, &line, 1);
}

/* @names: root first, NULL behind the last */
static void add(struct eo_profile *profile, const char *comm, const char *const *names,
		int64_t samples, int64_t bytes)
{
	uint32_t frames[MAX_DEPTH];
	size_t count = 0;
	struct eo_label label = { .key = eo_profile_string(profile, "comm"),
				  .str = eo_profile_string(profile, comm) };

	while (names[count])
		count++;
	for (size_t i = 0; i < count; i++)
		frames[count - 1 - i] = frame_of(profile, names[i]);
	eo_profile_add_sample(profile, eo_profile_stack(profile, frames, count),
			      eo_profile_label_set(profile, &label, 1),
			      (int64_t[]){ samples, bytes });
}

#define ADD(profile, comm, samples, bytes, ...) \
	add(profile, comm, (const char *const[]){ __VA_ARGS__, NULL }, samples, bytes)

static struct eo_profile *new_profile(void)
{
	struct eo_profile *profile = eo_profile_new();

	eo_profile_add_value_type(profile, "samples", "count");
	eo_profile_add_value_type(profile, "space", "bytes");
	profile->default_value_type = eo_profile_string(profile, "samples");
	profile->time_ns = 1700000000000000000;
	profile->duration_ns = 2000000000;
	return profile;
}

/* Shares that a test can know. */
static struct eo_profile *known(void)
{
	struct eo_profile *profile = new_profile();

	eo_profile_add_comment(profile, "sampled by hand");
	eo_profile_add_comment(profile, "3 samples were lost");
	ADD(profile, "app", 40, 0, "main", "work", "hash");
	ADD(profile, "app", 20, 1024, "main", "work", "work", "hash");
	ADD(profile, "app", 25, 0, "main", "read", "vfs_read_[k]", "copy_[k]");
	ADD(profile, "app", 5, 0, "main", "read", "vfs_read_[k]");
	ADD(profile, "app", 10, 3072, "main", "idle");
	return profile;
}

static struct eo_profile *difference(void)
{
	struct eo_profile *profile = known(), *base = new_profile();

	ADD(base, "app", 30, 0, "main", "work", "hash");
	ADD(base, "app", 10, 0, "main", "idle");
	ADD(base, "app", 10, 0, "main", "gone");
	eo_profile_subtract(profile, base, NULL);
	eo_profile_free(base);
	return profile;
}

static struct eo_profile *negative(void)
{
	struct eo_profile *profile = new_profile();

	ADD(profile, "app", -30, 0, "main", "less");
	ADD(profile, "app", 10, 0, "main", "more");
	return profile;
}

static struct eo_profile *hostile(void)
{
	struct eo_profile *profile = eo_profile_new();

	eo_profile_add_value_type(profile, "<b>samples</b>", "</script><script>hacked=1</script>");
	eo_profile_add_value_type(profile, "cpu", "\"'&lt;");
	eo_profile_add_comment(profile, "<img src=x onerror=hacked=2>");
	ADD(profile, "</title><script>hacked=3</script>", 1, 1, "<script>hacked=4</script>",
	    "</script><script>hacked=5</script>", "<!--<script>", "<img src=http://127.0.0.1/x onerror=hacked=6>",
	    "\"'`\\", "new\nline", "\xe2\x80\xaegnp.exe", "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d", "bad\xff", "${hacked=7}");
	return profile;
}

static struct eo_profile *deep(void)
{
	struct eo_profile *profile = new_profile();
	const char *names[301] = { NULL };

	for (size_t i = 0; i < 300; i++)
		names[i] = i == 299 ? "bottom" : "recurse";
	add(profile, "deep", names, 7, 7);
	return profile;
}

/* 50,000 stacks: few roots and many leaves. */
static struct eo_profile *large(void)
{
	struct eo_profile *profile = new_profile();
	uint64_t random = 1;

	for (size_t i = 0; i < 50000; i++) {
		static char texts[30][64];
		const char *names[31] = { NULL };

		for (size_t depth = 0; depth < 30; depth++) {
			random = random * 6364136223846793005u + 1442695040888963407u;
			snprintf(texts[depth], sizeof(texts[depth]), "ns::some_class<int>::function_%u(char const*)",
				 (unsigned int)(random >> 33) % (depth < 20 ? 1 + (unsigned int)depth / 8 : 2000));
			names[depth] = texts[depth];
		}
		add(profile, "large", names, 1, 64);
	}
	return profile;
}

static const struct {
	const char *name;
	struct eo_profile *(*make)(void);
} pages[] = {
	{ "known", known }, { "difference", difference }, { "negative", negative }, { "hostile", hostile },
	{ "deep", deep },   { "large", large },		  { "empty", new_profile }, { "typeless", eo_profile_new },
};

static int write_page(const char *directory, const char *name, const struct eo_profile *profile)
{
	const struct eo_write_options options = { .value_type = SIZE_MAX };
	struct eo_error err = { 0 };
	char path[4096];
	FILE *out;
	int r;

	snprintf(path, sizeof(path), "%s/%s.html", directory, name);
	out = fopen(path, "w");
	if (!out) {
		perror(path);
		return -1;
	}
	r = eo_profile_status(profile);
	if (r == 0)
		r = eo_write_flamegraph(profile, &options, out, &err);
	if (fclose(out) || r < 0) {
		fprintf(stderr, "%s: %s\n", path, err.text);
		return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fputs("usage: make_pages DIRECTORY\n", stderr);
		return 2;
	}
	for (size_t i = 0; i < EO_ARRAY_SIZE(pages); i++) {
		EO_AUTO(eo_profile) profile = pages[i].make();

		if (!profile || write_page(argv[1], pages[i].name, profile) < 0)
			return 1;
	}
	return 0;
}
