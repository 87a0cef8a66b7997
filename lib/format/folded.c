/* SPDX-License-Identifier: BSD-2-Clause */
/* Folded stacks: a line is a command's name and its frames, root first, and a number. Lines are
 * sequences of interned texts until they are printed, so that sorting them takes no memory for
 * their bytes. */
#include "format/writer.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "model/module_name.h"
#include "model/string_table.h"

struct folded {
	const struct eo_profile *profile;
	size_t value_type;
	struct eo_string_table table; /* the texts; none of them is empty */
	/* Texts of location i are texts[first_text[i]] up to texts[first_text[i + 1]], outermost
	 * function first. */
	size_t *first_text;
	uint32_t *texts;
	uint32_t *comms; /* text by label set, 0 none */
	uint32_t *samples;
	uint32_t nothing; /* the text of a line that would be empty */
};

static void folded_fini(struct folded *f)
{
	eo_string_table_fini(&f->table);
	free(f->first_text);
	free(f->texts);
	free(f->comms);
	free(f->samples);
}

/* The text of @name, marked when in the kernel, without the bytes that structure lines. */
static int add_text(struct folded *f, const char *name, bool is_kernel, uint32_t *ret)
{
	static const char mark[] = "_[k]";
	size_t len = strlen(name);
	EO_AUTO_FREE char *text = malloc(len + sizeof(mark));

	if (!text)
		return -ENOMEM;
	for (size_t i = 0; i < len; i++) {
		unsigned char byte = (unsigned char)name[i];

		text[i] = byte == ';' ? ':' : byte < ' ' || byte == 0x7f ? ' ' : name[i];
	}
	strcpy(text + len, is_kernel ? mark : "");
	return eo_string_table_intern(&f->table, text, strlen(text), ret);
}

/* "[libx.so+0x1234]": where in the file, so that it can be looked up later. */
static int add_unnamed(struct folded *f, const struct eo_location *location, uint32_t *ret)
{
	const struct eo_mapping *mapping = &f->profile->mappings[location->mapping];
	const char *module = eo_module_name(f->profile, location->mapping);
	bool is_kernel = location->kind == EO_FRAME_KERNEL;
	EO_AUTO_FREE char *text = NULL;
	int r;

	if (module[0])
		/* Modules that have brackets need no second pair. */
		r = asprintf(&text, "[%.*s+0x%" PRIx64 "]",
			     (int)strcspn(module + (module[0] == '['), "]"),
			     module + (module[0] == '['),
			     location->address - mapping->start + mapping->offset);
	else if (location->address)
		r = asprintf(&text, "[0x%" PRIx64 "]", location->address);
	else
		r = asprintf(&text, "[unknown]");
	if (r < 0) {
		text = NULL;
		return -ENOMEM;
	}
	return add_text(f, text, is_kernel, ret);
}

static int add_location(struct folded *f, const struct eo_location *location, size_t *at)
{
	const struct eo_profile *profile = f->profile;
	int r = 0;

	if (!location->line_count)
		return add_unnamed(f, location, &f->texts[(*at)++]);
	for (uint32_t i = location->line_count; r == 0 && i > 0; i--) {
		uint32_t function = profile->lines[location->first_line + i - 1].function;
		const char *name = profile->strings[profile->functions[function].name];
		uint32_t *ret = &f->texts[(*at)++];

		if (name[0])
			r = add_text(f, name, location->kind == EO_FRAME_KERNEL, ret);
		else
			r = add_unnamed(f, location, ret);
	}
	return r;
}

static int add_comm(struct folded *f, struct eo_span labels, uint32_t *ret)
{
	const struct eo_profile *profile = f->profile;

	for (uint32_t i = 0; i < labels.count; i++) {
		const struct eo_label *label = &profile->labels[labels.first + i];

		if (label->str && !strcmp(profile->strings[label->key], "comm"))
			return add_text(f, profile->strings[label->str], false, ret);
	}
	return 0;
}

static int folded_init(struct folded *f, const struct eo_profile *profile, size_t value_type)
{
	size_t at = 0;
	int r;

	*f = (struct folded){ .profile = profile, .value_type = value_type };
	f->first_text = calloc(profile->location_count + 1, sizeof(*f->first_text));
	f->texts = calloc(profile->location_count + profile->line_count, sizeof(*f->texts));
	f->comms = calloc(profile->label_set_count, sizeof(*f->comms));
	f->samples = calloc(profile->sample_count + 1, sizeof(*f->samples));
	r = eo_string_table_init(&f->table);
	if (r < 0 || !f->first_text || !f->texts || !f->comms || !f->samples)
		return -ENOMEM;

	r = add_text(f, "[unknown]", false, &f->nothing);
	for (size_t i = 0; r == 0 && i < profile->location_count; i++) {
		f->first_text[i] = at;
		r = add_location(f, &profile->locations[i], &at);
		f->first_text[i + 1] = at;
	}
	for (size_t i = 0; r == 0 && i < profile->label_set_count; i++)
		r = add_comm(f, profile->label_sets[i], &f->comms[i]);
	return r;
}

/* Walks the texts of a line. */
struct cursor {
	uint32_t comm;	  /* still to come, or 0 */
	struct eo_span frames; /* still to come, the last of them first */
	size_t text, end; /* of the location that was begun */
};

static struct cursor begin(const struct folded *f, uint32_t sample_number)
{
	const struct eo_sample *sample = &f->profile->samples[sample_number];
	struct cursor cursor = { .comm = f->comms[sample->label_set],
				 .frames = f->profile->stacks[sample->stack] };

	if (!cursor.comm && !cursor.frames.count)
		cursor.comm = f->nothing;
	return cursor;
}

/* The next text, 0 at the end of the line. */
static uint32_t next(const struct folded *f, struct cursor *cursor)
{
	uint32_t text = cursor->comm;

	cursor->comm = 0;
	if (text)
		return text;
	if (cursor->text == cursor->end) {
		uint32_t location;

		if (!cursor->frames.count)
			return 0;
		location = f->profile->frames[cursor->frames.first + --cursor->frames.count];
		cursor->text = f->first_text[location];
		cursor->end = f->first_text[location + 1];
	}
	return f->texts[cursor->text++];
}

/* By the bytes of the lines. */
static int compare(const void *left, const void *right, void *arg)
{
	const struct folded *f = arg;
	struct cursor a = begin(f, *(const uint32_t *)left);
	struct cursor b = begin(f, *(const uint32_t *)right);
	const unsigned char *a_text, *b_text;
	uint32_t a_next, b_next;
	int a_byte, b_byte;

	do {
		a_next = next(f, &a);
		b_next = next(f, &b);
	} while (a_next && a_next == b_next);
	if (!a_next || !b_next)
		return (a_next != 0) - (b_next != 0);

	a_text = (const unsigned char *)f->table.strings[a_next];
	b_text = (const unsigned char *)f->table.strings[b_next];
	while (*a_text && *a_text == *b_text)
		a_text++, b_text++;
	/* Behind a text stands what joins it to the next, which no text contains. */
	a_byte = *a_text ? *a_text : next(f, &a) ? ';' : 0;
	b_byte = *b_text ? *b_text : next(f, &b) ? ';' : 0;
	return a_byte - b_byte;
}

static void print_line(const struct folded *f, uint32_t sample, int64_t value, FILE *out)
{
	struct cursor cursor = begin(f, sample);
	const char *join = "";
	uint32_t text;

	while ((text = next(f, &cursor))) {
		fputs(join, out);
		fputs(f->table.strings[text], out);
		join = ";";
	}
	fprintf(out, " %" PRId64 "\n", value);
}

static void print(struct folded *f, FILE *out)
{
	const struct eo_profile *profile = f->profile;
	size_t count = profile->sample_count;

	for (size_t i = 0; i < count; i++)
		f->samples[i] = (uint32_t)i;
	qsort_r(f->samples, count, sizeof(*f->samples), compare, f);
	for (size_t i = 0, end; i < count; i = end) {
		int64_t sum = 0;

		for (end = i; end < count; end++) {
			int64_t value = profile->values[profile->samples[f->samples[end]].values +
							f->value_type];

			if (compare(&f->samples[i], &f->samples[end], f))
				break;
			if (__builtin_add_overflow(sum, value, &sum))
				sum = value < 0 ? INT64_MIN : INT64_MAX;
		}
		if (sum)
			print_line(f, f->samples[i], sum, out);
	}
}

/* What scripts expect where it is there. */
static size_t default_value_type(const struct eo_profile *profile)
{
	for (size_t i = 0; i < profile->value_type_count; i++)
		if (!strcmp(profile->strings[profile->value_types[i].type], "samples") &&
		    !strcmp(profile->strings[profile->value_types[i].unit], "count"))
			return i;
	return eo_profile_default_value_type(profile);
}

int eo_write_folded(const struct eo_profile *profile, const struct eo_write_options *options,
		    FILE *out, struct eo_error *err)
{
	size_t type = options->value_type == SIZE_MAX ? default_value_type(profile) :
							options->value_type;
	struct folded f;
	int r;

	r = eo_profile_check_value_type(profile, type, err);
	if (r < 0)
		return r;
	r = folded_init(&f, profile, type);
	if (r == 0)
		print(&f, out);
	folded_fini(&f);
	if (r < 0)
		return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, -r, NULL,
				    "write profile as folded stacks");
	return 0;
}
