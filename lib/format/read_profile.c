/* SPDX-License-Identifier: BSD-2-Clause */
#include "format/read_profile.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define FIRST_BYTES (256u << 10)
#define COMMENTS_MAX 1000u

int eo_read_failed(const struct eo_input *input, uint64_t offset, struct eo_error *err,
		   const char *fmt, ...)
{
	char reason[192], where[32] = "";
	va_list args;

	va_start(args, fmt);
	vsnprintf(reason, sizeof(reason), fmt, args);
	va_end(args);
	if (offset != UINT64_MAX)
		snprintf(where, sizeof(where), "at byte %" PRIu64 ": ", offset);
	/* A long path must not push the reason out of the text. */
	return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, 0, NULL, "read %.120s: %s%s",
			    eo_input_name(input), where, reason);
}

int eo_read_line_failed(const struct eo_input *input, struct eo_error *err, const char *fmt, ...)
{
	char reason[192];
	va_list args;

	va_start(args, fmt);
	vsnprintf(reason, sizeof(reason), fmt, args);
	va_end(args);
	return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, 0, NULL,
			    "read %.120s: line %" PRIu64 ": %s", eo_input_name(input),
			    eo_input_line_number(input), reason);
}

static int no_memory(const struct eo_input *input, struct eo_error *err)
{
	return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, ENOMEM, NULL, "read %.120s",
			    eo_input_name(input));
}

int eo_read_all(struct eo_input *input, size_t max,
		int (*check)(void *ctx, const unsigned char *bytes, size_t size,
			     struct eo_error *err),
		void *ctx, unsigned char **ret, size_t *ret_size, struct eo_error *err)
{
	size_t size = 0, room = FIRST_BYTES;
	EO_AUTO_FREE unsigned char *bytes = malloc(room);

	if (!bytes)
		return no_memory(input, err);
	for (;;) {
		ssize_t n;
		int r;

		if (size == room) {
			/* Untouched pages of the larger room cost nothing. */
			unsigned char *larger = realloc(bytes, room * 2);

			if (!larger)
				return no_memory(input, err);
			bytes = larger;
			room *= 2;
		}
		n = eo_input_read(input, bytes + size, room - size, err);
		if (n < 0)
			return (int)n;
		if (n == 0)
			break;
		size += (size_t)n;
		if (size > max)
			return eo_read_failed(input, UINT64_MAX, err, "more than %zu bytes", max);
		r = check ? check(ctx, bytes, size, err) : 0;
		if (r < 0)
			return r;
	}
	*ret = eo_steal(&bytes);
	*ret_size = size;
	return 0;
}

/* "samples/count cpu/nanoseconds" */
static void list_types(const struct eo_profile *profile, const struct eo_value_type *types,
		       size_t count, char *to, size_t size)
{
	size_t used = 0;

	to[0] = '\0';
	for (size_t i = 0; i < count && used < size; i++)
		used += (size_t)snprintf(to + used, size - used, "%s%s/%s", i ? " " : "",
					 profile->strings[types[i].type],
					 profile->strings[types[i].unit]);
}

static bool same_types(const struct eo_profile *profile, const struct eo_read_header *header)
{
	if (profile->value_type_count != header->value_type_count)
		return false;
	for (size_t i = 0; i < header->value_type_count; i++)
		if (profile->value_types[i].type != header->value_types[i].type ||
		    profile->value_types[i].unit != header->value_types[i].unit)
			return false;
	return true;
}

static int join_types(const struct eo_input *input, const struct eo_read_header *header,
		      struct eo_profile *profile, struct eo_error *err)
{
	char ours[72], theirs[72];

	if (header->value_type_count > EO_READ_VALUE_TYPES_MAX)
		return eo_read_failed(input, UINT64_MAX, err, "%zu value types, the limit is %u",
				      header->value_type_count, EO_READ_VALUE_TYPES_MAX);
	if (!profile->value_type_count) {
		for (size_t i = 0; i < header->value_type_count; i++)
			eo_profile_add_value_type(profile,
						  profile->strings[header->value_types[i].type],
						  profile->strings[header->value_types[i].unit]);
		return 0;
	}
	if (!header->value_type_count || same_types(profile, header))
		return 0;
	list_types(profile, profile->value_types, profile->value_type_count, ours, sizeof(ours));
	list_types(profile, header->value_types, header->value_type_count, theirs, sizeof(theirs));
	return eo_read_failed(input, UINT64_MAX, err, "its values are %s, those before %s", theirs,
			      ours);
}

static void join_times(const struct eo_read_header *header, struct eo_profile *profile)
{
	int64_t end, other_end;

	if (!header->time_ns || !profile->time_ns) {
		/* Without a start there is only a length, and of two the longer holds both. */
		if (header->time_ns)
			profile->time_ns = header->time_ns;
		if (header->duration_ns > profile->duration_ns)
			profile->duration_ns = header->duration_ns;
		return;
	}
	if (__builtin_add_overflow(profile->time_ns, profile->duration_ns, &end))
		end = INT64_MAX;
	if (__builtin_add_overflow(header->time_ns, header->duration_ns, &other_end))
		other_end = INT64_MAX;
	if (other_end > end)
		end = other_end;
	if (header->time_ns < profile->time_ns)
		profile->time_ns = header->time_ns;
	if (__builtin_sub_overflow(end, profile->time_ns, &profile->duration_ns))
		profile->duration_ns = INT64_MAX;
}

static void join_string(uint32_t *to, uint32_t from)
{
	if (!*to)
		*to = from;
}

int eo_read_join(const struct eo_input *input, const struct eo_read_header *header,
		 struct eo_profile *profile, struct eo_error *err)
{
	int r = join_types(input, header, profile, err);

	if (r < 0)
		return r;
	join_times(header, profile);
	if (!profile->period_type.type && !profile->period_type.unit)
		profile->period_type = header->period_type;
	if (header->period > profile->period || !profile->period)
		profile->period = header->period;
	join_string(&profile->default_value_type, header->default_value_type);
	join_string(&profile->drop_frames, header->drop_frames);
	join_string(&profile->keep_frames, header->keep_frames);
	join_string(&profile->doc_url, header->doc_url);
	return 0;
}

int eo_read_comment(const struct eo_input *input, struct eo_profile *profile, size_t earlier,
		    uint32_t text, struct eo_error *err)
{
	for (size_t i = 0; i < earlier; i++)
		if (profile->comments[i] == text)
			return 0;
	if (profile->comment_count >= COMMENTS_MAX)
		return eo_read_failed(input, UINT64_MAX, err, "more than %u comments",
				      COMMENTS_MAX);
	eo_profile_add_comment(profile, profile->strings[text]);
	return 0;
}

int eo_read_status(const struct eo_input *input, const struct eo_profile *profile,
		   struct eo_error *err)
{
	int status = eo_profile_status(profile);

	switch (status) {
	case 0:
		return 0;
	case -E2BIG:
		return eo_read_failed(input, UINT64_MAX, err, "too large a profile");
	case -EOVERFLOW:
		return eo_read_failed(input, UINT64_MAX, err,
				      "the values of equal samples add up to more than 64 bits");
	default:
		return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, -status, NULL,
				    "read %.120s", eo_input_name(input));
	}
}

/* What stands in brackets and is no part of the kernel. */
static bool is_user_area(const char *name)
{
	static const char *const areas[] = {"[vdso]", "[vsyscall]", "[vvar",	 "[heap]",
					    "[stack", "[anon",	    "[uprobes]", "[unknown]"};

	for (size_t i = 0; i < EO_ARRAY_SIZE(areas); i++)
		if (!strncmp(name, areas[i], strlen(areas[i])))
			return true;
	return false;
}

static bool is_perf_map(const char *base)
{
	size_t len = strlen(base);

	return !strncmp(base, "perf-", 5) && isdigit((unsigned char)base[5]) &&
	       !strcmp(base + len - 4, ".map");
}

enum eo_frame_kind eo_read_frame_kind(const char *name)
{
	const char *slash = strrchr(name, '/');
	const char *base = slash ? slash + 1 : name;
	const char *module = strstr(base, ".ko");

	if (!name[0])
		return EO_FRAME_UNKNOWN;
	if (!strcmp(name, "[jit]") || is_perf_map(base))
		return EO_FRAME_JIT;
	/* Kernel modules are in brackets, or files that may be compressed. */
	if (name[0] == '[')
		return is_user_area(name) ? EO_FRAME_NATIVE : EO_FRAME_KERNEL;
	return module && (module[3] == '\0' || module[3] == '.') ? EO_FRAME_KERNEL
								 : EO_FRAME_NATIVE;
}
