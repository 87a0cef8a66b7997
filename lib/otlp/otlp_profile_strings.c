/* SPDX-License-Identifier: BSD-2-Clause */
#include "otlp/otlp_profile_strings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/array.h"
#include "core/hash.h"
#include "format/utf8.h"
#include "otlp/otlp_profile.h"

/* Names that may come into the table, apart from those in the two tables of otlp_profile.h. */
static const char *const names[] = {
	EO_OTLP_COMMENT,	    EO_OTLP_DOC_URL,	     EO_OTLP_DROP_FRAMES,
	EO_OTLP_KEEP_FRAMES,	    EO_OTLP_BUILD_ID_GNU,    EO_OTLP_HAS_FUNCTIONS,
	EO_OTLP_HAS_FILENAMES,	    EO_OTLP_HAS_LINE_NUMBERS, EO_OTLP_HAS_INLINE_FRAMES,
	EO_OTLP_FRAME_TYPE,	    EO_OTLP_IS_FOLDED,	     EO_OTLP_TRACE_ID_LABEL,
	EO_OTLP_SPAN_ID_LABEL,
};

/* Index in strings->own, or EO_INDEX_NONE. */
static uint32_t find_own(const struct eo_otlp_strings *strings, const char *text)
{
	uint32_t hash = (uint32_t)eo_hash_string(strings->seed, text);
	uint32_t cursor = 0, at;

	while ((at = eo_index_next(&strings->own_set, hash, &cursor)) != EO_INDEX_NONE)
		if (!strcmp(strings->own[at], text))
			break;
	return at;
}

static bool add_own(struct eo_otlp_strings *strings, const char *text)
{
	uint32_t hash = (uint32_t)eo_hash_string(strings->seed, text);

	if (find_own(strings, text) != EO_INDEX_NONE)
		return true;
	if (!EO_ARRAY_RESERVE(strings->own, strings->own_count + 1, strings->own_capacity, 32))
		return false;
	strings->own[strings->own_count] = strdup(text);
	if (!strings->own[strings->own_count])
		return false;
	strings->own_count++;
	return eo_index_add(&strings->own_set, hash, (uint32_t)strings->own_count - 1) == 0;
}

static bool add_names(struct eo_otlp_strings *strings)
{
	bool ok = true;

	for (size_t i = 0; ok && i < EO_ARRAY_SIZE(names); i++)
		ok = add_own(strings, names[i]);
	for (size_t i = 0; ok && eo_otlp_labels[i].label; i++)
		ok = add_own(strings, eo_otlp_labels[i].label) &&
		     add_own(strings, eo_otlp_labels[i].attribute);
	for (size_t i = 0; ok && eo_otlp_frame_types[i].word; i++)
		ok = add_own(strings, eo_otlp_frame_types[i].word);
	return ok;
}

/* What bad UTF-8 becomes may be equal to any other string, so all of it must be known before ids
 * are given. The first string is empty, and nothing becomes that. */
static bool give_ids(struct eo_otlp_strings *strings)
{
	size_t count = strings->profile->string_count;
	struct eo_utf8_buffer buffer = { 0 };
	const char *text = "";

	for (size_t i = 1; text && i < count; i++) {
		text = eo_utf8_repair(strings->profile->strings[i], &buffer);
		if (text && text != strings->profile->strings[i] && !add_own(strings, text))
			text = NULL;
	}
	for (size_t i = 1; text && i < count; i++) {
		uint32_t own;

		text = eo_utf8_repair(strings->profile->strings[i], &buffer);
		if (!text)
			break;
		own = find_own(strings, text);
		strings->ids[i] = own == EO_INDEX_NONE ? (uint32_t)i : (uint32_t)count + own;
	}
	free(buffer.bytes);
	return text;
}

int eo_otlp_strings_init(struct eo_otlp_strings *strings, const struct eo_profile *profile)
{
	*strings = (struct eo_otlp_strings){ .profile = profile, .seed = eo_hash_seed(),
					     .count = 1 };
	strings->ids = calloc(profile->string_count, sizeof(*strings->ids));
	if (!strings->ids || !add_names(strings) || !give_ids(strings))
		return -ENOMEM;
	strings->numbers = calloc(profile->string_count + strings->own_count,
				  sizeof(*strings->numbers));
	strings->used = calloc(profile->string_count + strings->own_count, sizeof(*strings->used));
	return strings->numbers && strings->used ? 0 : -ENOMEM;
}

void eo_otlp_strings_fini(struct eo_otlp_strings *strings)
{
	for (size_t i = 0; i < strings->own_count; i++)
		free(strings->own[i]);
	free(strings->own);
	eo_index_fini(&strings->own_set);
	free(strings->ids);
	free(strings->numbers);
	free(strings->used);
}

uint32_t eo_otlp_strings_name(const struct eo_otlp_strings *strings, const char *name)
{
	return (uint32_t)strings->profile->string_count + find_own(strings, name);
}

const char *eo_otlp_strings_text(const struct eo_otlp_strings *strings, uint32_t id)
{
	size_t count = strings->profile->string_count;

	return id < count ? strings->profile->strings[id] : strings->own[id - count];
}

uint32_t eo_otlp_strings_number(struct eo_otlp_strings *strings, uint32_t id)
{
	if (id && !strings->numbers[id]) {
		strings->used[strings->count] = id;
		strings->numbers[id] = (uint32_t)strings->count++;
	}
	return strings->numbers[id];
}
