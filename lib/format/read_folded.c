/* SPDX-License-Identifier: BSD-2-Clause */
/* Folded stacks. Every element of a line is a frame, the first one too: most scripts put the
 * command's name there, ours do, some do not, and nothing in the line tells. Taken as a frame it
 * is in its place in every output, and folded written from folded has the same lines. */
#include "format/read_folded.h"

#include <errno.h>
#include <string.h>

#include "core/array.h"
#include "format/read_profile.h"
#include "format/reader.h"

#define LINE_MAX_BYTES (16u << 20)
#define KERNEL_MARK "_[k]"

static bool is_space(char byte)
{
	return byte == ' ' || byte == '\t' || byte == '\r';
}

static bool is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

bool eo_folded_split(const char *line, size_t len, size_t *ret_stack_len, int64_t *ret_value)
{
	size_t begin, end = len, stack;
	int64_t value = 0;
	bool negative;

	while (end && is_space(line[end - 1]))
		end--;
	begin = end;
	while (begin && is_digit(line[begin - 1]))
		begin--;
	stack = begin;
	negative = stack && line[stack - 1] == '-';
	stack -= negative;
	if (begin == end || !stack || !is_space(line[stack - 1]))
		return false;
	while (stack && is_space(line[stack - 1]))
		stack--;
	if (!stack)
		return false;
	for (; begin < end; begin++) {
		int digit = line[begin] - '0';

		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, negative ? -digit : digit, &value))
			return false;
	}
	*ret_stack_len = stack;
	*ret_value = value;
	return true;
}

struct folded {
	struct eo_profile *profile;
	uint32_t kernel_mapping;
	uint32_t *frames; /* root first */
	size_t count, room;
};

/* A location that is nothing but a name. */
static uint32_t frame_of(struct folded *f, const char *name, size_t len)
{
	size_t mark = strlen(KERNEL_MARK);
	struct eo_location location = {0};
	struct eo_function function;
	struct eo_line line = {0};

	if (len > mark && !memcmp(name + len - mark, KERNEL_MARK, mark)) {
		len -= mark;
		/* pprof knows kernel frames by their mapping alone. */
		location.mapping = f->kernel_mapping;
		location.kind = EO_FRAME_KERNEL;
	}
	if (!len)
		return eo_profile_location(f->profile, &location, NULL, 0);
	function = (struct eo_function){.name = eo_profile_string_n(f->profile, name, len)};
	function.system_name = function.name;
	line.function = eo_profile_function(f->profile, &function);
	return eo_profile_location(f->profile, &location, &line, 1);
}

static int add_line(struct folded *f, const char *line, size_t len, int64_t value)
{
	const char *end = line + len;

	f->count = 0;
	for (const char *next = line; next;) {
		const char *name = next;
		const char *semicolon = memchr(name, ';', (size_t)(end - name));

		if (!EO_ARRAY_RESERVE(f->frames, f->count + 1, f->room, 64))
			return -ENOMEM;
		f->frames[f->count++] =
			frame_of(f, name, (size_t)((semicolon ? semicolon : end) - name));
		next = semicolon ? semicolon + 1 : NULL;
	}
	for (size_t i = 0; i < f->count / 2; i++) {
		uint32_t frame = f->frames[i];

		f->frames[i] = f->frames[f->count - 1 - i];
		f->frames[f->count - 1 - i] = frame;
	}
	eo_profile_add_sample(f->profile, eo_profile_stack(f->profile, f->frames, f->count), 0,
			      &value);
	return 0;
}

static int read_lines(struct eo_input *input, struct folded *f, struct eo_error *err)
{
	char *line;
	ssize_t len;
	int r = 0;

	while (r == 0 && (len = eo_input_line(input, LINE_MAX_BYTES, &line, err)) >= 0) {
		size_t stack_len;
		int64_t value;

		if (line[0] == '#' || line[strspn(line, " \t\r")] == '\0')
			continue;
		if (!eo_folded_split(line, (size_t)len, &stack_len, &value))
			return eo_read_line_failed(input, err,
						   "it is no stack with a whole number behind it");
		r = add_line(f, line, stack_len, value);
		if (r < 0)
			return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, -r, NULL,
					    "read %.120s", eo_input_name(input));
		/* One by one, so that the line at fault is named. */
		if (eo_profile_status(f->profile) < 0)
			return eo_read_status(input, f->profile, err);
	}
	return len == -ENODATA ? 0 : (int)len;
}

int eo_read_folded(struct eo_input *input, struct eo_profile *profile, struct eo_error *err)
{
	struct eo_value_type type = {eo_profile_string(profile, "samples"),
				     eo_profile_string(profile, "count")};
	const struct eo_read_header header = {.value_types = &type, .value_type_count = 1};
	struct folded f = {.profile = profile};
	int r = eo_read_join(input, &header, profile, err);

	if (r < 0)
		return r;
	f.kernel_mapping = eo_profile_mapping(
		profile,
		&(struct eo_mapping){.filename = eo_profile_string(profile, "[kernel.kallsyms]"),
				     .has_functions = true});
	r = read_lines(input, &f, err);
	free(f.frames);
	return r < 0 ? r : eo_read_status(input, profile, err);
}
