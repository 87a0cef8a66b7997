/* SPDX-License-Identifier: BSD-2-Clause */
#include "profile_samples.h"

#include <criterion/criterion.h>
#include <glob.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

uint32_t add_frame(struct eo_profile *profile, struct frame frame)
{
	bool is_kernel = frame.file && !strcmp(frame.file, "[kernel.kallsyms]");
	struct eo_location location = { .address = frame.address,
					.kind = is_kernel ? EO_FRAME_KERNEL : EO_FRAME_NATIVE };
	struct eo_line line = { 0 };

	if (frame.file)
		location.mapping = eo_profile_mapping(
			profile, &(struct eo_mapping){
					 .start = 0x1000,
					 .limit = 0x9000,
					 .offset = 0x1000,
					 .filename = eo_profile_string(profile, frame.file),
					 .has_functions = true });
	if (frame.name) {
		uint32_t name = eo_profile_string(profile, frame.name);

		line.function = eo_profile_function(
			profile, &(struct eo_function){ .name = name, .system_name = name });
	}
	return eo_profile_location(profile, &location, &line, frame.name ? 1 : 0);
}

void add_stack(struct eo_profile *profile, const struct frame *frames, size_t count,
	       const char *comm, int64_t pid, int64_t samples)
{
	uint32_t *leaf_first = calloc(count + 1, sizeof(*leaf_first));
	struct eo_label labels[2];
	size_t label_count = 0;
	int64_t values[] = { samples, samples * 10000000 };

	for (size_t i = 0; i < count; i++)
		leaf_first[count - 1 - i] = add_frame(profile, frames[i]);
	if (comm)
		labels[label_count++] =
			(struct eo_label){ .key = eo_profile_string(profile, "comm"),
					   .str = eo_profile_string(profile, comm) };
	if (pid >= 0)
		labels[label_count++] = (struct eo_label){
			.key = eo_profile_string(profile, "pid"), .num = pid, .is_number = true
		};
	eo_profile_add_sample(profile, eo_profile_stack(profile, leaf_first, count),
			      eo_profile_label_set(profile, labels, label_count), values);
	free(leaf_first);
}

struct eo_profile *cpu_profile(void)
{
	struct eo_profile *profile = eo_profile_new();

	cr_assert(profile);
	eo_profile_add_value_type(profile, "samples", "count");
	eo_profile_add_value_type(profile, "cpu", "nanoseconds");
	profile->period_type = profile->value_types[1];
	profile->period = 10000000;
	profile->time_ns = 1700000000000000000;
	profile->duration_ns = 1000000000;
	return profile;
}

struct eo_profile *golden_profile(void)
{
	struct eo_profile *profile = cpu_profile();
	uint32_t name = eo_profile_string(profile, "main");
	struct eo_function function = { .name = name, .system_name = name,
					.filename = eo_profile_string(profile, "main.c") };
	struct eo_mapping mapping = { .start = 0x400000, .limit = 0x500000,
				      .filename = eo_profile_string(profile, "/bin/x") };
	struct eo_location location = { .address = 0x400100,
					.mapping = eo_profile_mapping(profile, &mapping) };
	struct eo_line line = { .function = eo_profile_function(profile, &function), .line = 12,
				.column = 7 };
	uint32_t frame = eo_profile_location(profile, &location, &line, 1);

	eo_profile_add_sample(profile, eo_profile_stack(profile, &frame, 1), 0,
			      (int64_t[]){ 1, 10 });
	return profile;
}

struct eo_profile *rich_profile(void)
{
	struct eo_profile *profile = cpu_profile();
	struct frame main = { "main", "/usr/bin/app", 0x1100 };
	struct frame work = { "work", "/usr/bin/app", 0x1200 };
	struct frame again = { "work", "/usr/bin/app", 0x1210 };
	struct frame libc = { "clone3", "/usr/lib/libc.so.6", 0x1300 };
	struct frame unnamed = { NULL, "/usr/lib/libc.so.6", 0x1400 };
	struct frame nowhere = { NULL, NULL, 0xdead };
	struct frame enter = { "entry_SYSCALL_64", "[kernel.kallsyms]", 0x1500 };
	struct frame read = { "vfs_read", "[kernel.kallsyms]", 0x1600 };
	struct eo_line inlined[2];
	uint32_t frames[2], inner, in_c, labels;

	add_stack(profile, (struct frame[]){ main, work }, 2, "app", 42, 5);
	add_stack(profile, (struct frame[]){ main, work, again }, 3, "app", 42, 3);
	add_stack(profile, (struct frame[]){ main, again, work }, 3, "app", 43, 4);
	add_stack(profile, (struct frame[]){ libc, main, unnamed }, 3, "app", 42, 2);
	add_stack(profile, (struct frame[]){ main, enter, read }, 3, "app", 0, 7);
	add_stack(profile, (struct frame[]){ enter, read }, 2, "kworker/0:1", 7, 1);
	add_stack(profile, (struct frame[]){ nowhere }, 1, NULL, -1, 6);
	add_stack(profile, NULL, 0, NULL, -1, 1);

	/* "inner" was inlined into "outer". */
	inner = eo_profile_string(profile, "inner");
	in_c = eo_profile_string(profile, "in.c");
	inlined[0] = (struct eo_line){
		.function = eo_profile_function(
			profile, &(struct eo_function){ .name = inner,
							.system_name = inner,
							.filename = in_c,
							.start_line = 3 }),
		.line = 5, .column = 2
	};
	inlined[1] = (struct eo_line){
		.function = eo_profile_function(
			profile,
			&(struct eo_function){ .name = eo_profile_string(profile, "outer()"),
					       .system_name = eo_profile_string(profile, "_Zouter"),
					       .filename = eo_profile_string(profile, "out.cc") }),
		.line = 99
	};
	frames[1] = add_frame(profile, main);
	frames[0] = eo_profile_location(
		profile,
		&(struct eo_location){ .address = 0x1700,
				       .mapping = profile->locations[frames[1]].mapping,
				       .is_folded = true },
		inlined, 2);
	labels = eo_profile_label_set(
		profile,
		(struct eo_label[]){ { .key = eo_profile_string(profile, "size"), .num = 4096,
				       .unit = eo_profile_string(profile, "bytes"),
				       .is_number = true },
				     { .key = eo_profile_string(profile, "size"), .num = -1,
				       .unit = eo_profile_string(profile, "bytes"),
				       .is_number = true } },
		2);
	eo_profile_add_sample(profile, eo_profile_stack(profile, frames, 2), labels,
			      (int64_t[]){ 8, 80000000 });
	cr_assert_eq(eo_profile_status(profile), 0);
	return profile;
}

char *written(eo_profile_write_fn write, const struct eo_profile *profile,
	      const struct eo_write_options *options, size_t *len)
{
	const struct eo_write_options defaults = { .value_type = SIZE_MAX };
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	struct eo_error err = { 0 };

	cr_assert_eq(write(profile, options ? options : &defaults, out, &err), 0, "%s", err.text);
	fclose(out);
	if (len)
		*len = size;
	return text;
}

char *output_of(const char *fmt, ...)
{
	char *command = NULL, *text = NULL;
	char part[4096];
	size_t size, n;
	va_list args;
	FILE *in, *out;

	va_start(args, fmt);
	cr_assert(vasprintf(&command, fmt, args) >= 0);
	va_end(args);
	in = popen(command, "r");
	free(command);
	cr_assert(in);
	out = open_memstream(&text, &size);
	while ((n = fread(part, 1, sizeof(part), in)))
		fwrite(part, 1, n, out);
	fclose(out);
	if (pclose(in)) {
		free(text);
		return NULL;
	}
	return text;
}

char *find_tool(const char *name)
{
	static const char *const places[] = { "/usr/local/bin", "/usr/bin", "/usr/local/go/bin",
					      "/usr/lib/go*/bin" };
	char *found = output_of("command -v %s", name);

	if (found) {
		found[strcspn(found, "\n")] = '\0';
		return found;
	}
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		char pattern[128];
		glob_t matches;

		snprintf(pattern, sizeof(pattern), "%s/%s", places[i], name);
		if (!glob(pattern, 0, NULL, &matches) && matches.gl_pathc)
			found = strdup(matches.gl_pathv[0]);
		globfree(&matches);
		if (found)
			return found;
	}
	printf("not checked: there is no program \"%s\"\n", name);
	return NULL;
}
