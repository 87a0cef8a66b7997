/* SPDX-License-Identifier: BSD-2-Clause */
/* A flame graph: one HTML file with everything in it, which loads nothing.
 *
 * The page (flamegraph/) finds the tree as JSON in a <script type="application/json">:
 *   title       whose profile it is
 *   sides       "plain", "signed" or "two": see enum eo_call_sides
 *   time_ms, duration_ns, comments, type (the value type to begin with)
 *   strings     all others are indices into it
 *   types       [{type, unit, scale, self, base}]: values of the nodes in `at`, each to be
 *               multiplied by scale; base only with two sides
 *   names, modules, files, kinds
 *               one element a frame, frame 0 is the root; a kind is that of enum eo_frame_kind or
 *               eo_call_kind, plus 8 for inlined functions
 *   ups         one element a node, depth first: how many levels its parent is above the node
 *               before it
 *   frames      one element a node, less the one before
 *   at          the nodes that have values of their own, less the one before
 * Names are differences to the one before as well: small numbers make small files. */
#include "format/writer.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "format/flamegraph_page.h"
#include "format/flamegraph_tree.h"
#include "format/utf8.h"

#define KIND_INLINED 8u

struct page {
	const struct eo_profile *profile;
	const struct eo_call_tree *tree;
	FILE *out;
	struct eo_utf8_buffer buffer;
	uint32_t *numbers;  /* in the file, of the tree's strings; 0 is that of "" */
	uint32_t *by_number; /* the reverse */
	uint32_t string_count;
	bool failed; /* memory was out */
};

/* ---- text ---- */

/* Inside a script element the parser of HTML looks for what ends it, whatever JSON says, so that
 * no bracket may stand there as it is. */
static void print_json(struct page *p, const char *text)
{
	const char *good = eo_utf8_repair(text, &p->buffer);
	uint32_t code;

	if (!good) {
		p->failed = true;
		return;
	}
	fputc('"', p->out);
	for (size_t len; *good; good += len) {
		len = eo_utf8_char(good, &code);
		if (code < ' ' || code == 0x7f || (code < 0x80 && strchr("\"\\<>&'", (int)code)) ||
		    code == 0x2028 || code == 0x2029)
			fprintf(p->out, "\\u%04" PRIx32, code);
		else
			fwrite(good, 1, len, p->out);
	}
	fputc('"', p->out);
}

static void print_html(struct page *p, const char *text)
{
	static const char *const entities[] = {
		['&'] = "&amp;", ['<'] = "&lt;", ['>'] = "&gt;", ['"'] = "&quot;",
	};
	const char *good = eo_utf8_repair(text, &p->buffer);

	if (!good) {
		p->failed = true;
		return;
	}
	for (; *good; good++) {
		unsigned char byte = (unsigned char)*good;

		if (byte < EO_ARRAY_SIZE(entities) && entities[byte])
			fputs(entities[byte], p->out);
		else
			fputc(byte < ' ' ? ' ' : byte, p->out);
	}
}

/* "nginx", "nginx and 2 other processes", "Profile". The heaviest comes first. */
static void title_of(const struct eo_call_tree *tree, char *to, size_t size)
{
	const char *name = "Profile";
	size_t processes = 0;

	for (size_t i = 1; i < tree->node_count; i++) {
		const struct eo_call_frame *frame = &tree->frames[tree->nodes[i].frame];

		if (frame->kind == EO_CALL_PROCESS && !processes++)
			name = tree->strings[frame->name];
	}
	if (processes > 1)
		snprintf(to, size, "%s and %zu other process%s", name, processes - 1,
			 processes > 2 ? "es" : "");
	else
		snprintf(to, size, "%s", name);
}

/* ---- data ---- */

static void print_number(struct page *p, size_t i, int64_t number)
{
	fprintf(p->out, "%s%" PRId64, i ? "," : "", number);
}

static uint32_t number_of(struct page *p, uint32_t string)
{
	if (string && !p->numbers[string]) {
		p->by_number[p->string_count] = string;
		p->numbers[string] = p->string_count++;
	}
	return p->numbers[string];
}

static void print_frames(struct page *p)
{
	const struct eo_call_tree *tree = p->tree;
	int64_t before = 0;

	/* First, so that names are numbered as they come and their differences are 1. */
	fputs(",\n\"names\":[", p->out);
	for (size_t i = 0; i < tree->frame_count; i++) {
		uint32_t name = number_of(p, tree->frames[i].name);

		print_number(p, i, name - before);
		before = name;
	}
	fputs("],\n\"modules\":[", p->out);
	for (size_t i = 0; i < tree->frame_count; i++)
		print_number(p, i, number_of(p, tree->frames[i].module));
	fputs("],\n\"files\":[", p->out);
	for (size_t i = 0; i < tree->frame_count; i++)
		print_number(p, i, number_of(p, tree->frames[i].file));
	fputs("],\n\"kinds\":[", p->out);
	for (size_t i = 0; i < tree->frame_count; i++)
		print_number(p, i, tree->frames[i].kind |
				   (tree->frames[i].is_inlined ? KIND_INLINED : 0));
	fputs("],\n\"strings\":[\"\"", p->out);
	for (uint32_t i = 1; i < p->string_count; i++) {
		fputc(',', p->out);
		print_json(p, tree->strings[p->by_number[i]]);
	}
	fputc(']', p->out);
}

static void print_nodes(struct page *p)
{
	const struct eo_call_tree *tree = p->tree;
	int64_t before = 0;
	size_t printed = 0;

	fputs(",\n\"ups\":[0", p->out);
	for (size_t i = 1; i < tree->node_count; i++)
		print_number(p, i, (int64_t)tree->nodes[i - 1].depth + 1 - tree->nodes[i].depth);
	fputs("],\n\"frames\":[0", p->out);
	for (size_t i = 1; i < tree->node_count; i++)
		print_number(p, i, (int64_t)tree->nodes[i].frame - tree->nodes[i - 1].frame);
	fputs("],\n\"at\":[", p->out);
	for (size_t i = 0; i < tree->node_count; i++)
		if (tree->nodes[i].self) {
			print_number(p, printed++, (int64_t)i - before);
			before = (int64_t)i;
		}
	fputc(']', p->out);
}

/* What divides all of a value type's numbers: with a fixed period that is the period. */
static int64_t scale_of(const struct eo_call_tree *tree, size_t type)
{
	size_t sides = tree->sides == EO_CALL_TWO_SIDES ? 2 : 1;
	uint64_t divisor = 0;

	for (size_t i = 0; i < tree->node_count; i++)
		for (size_t side = 0; tree->nodes[i].self && side < sides; side++) {
			int64_t value = tree->values[tree->nodes[i].self + side * tree->type_count +
						     type];
			uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;

			while (rest) {
				uint64_t smaller = divisor % rest;

				divisor = rest;
				rest = smaller;
			}
		}
	/* 2^63, when there is nothing but the least number. */
	return divisor && divisor <= INT64_MAX ? (int64_t)divisor : 1;
}

static void print_values(struct page *p, const char *key, size_t offset, int64_t scale)
{
	const struct eo_call_tree *tree = p->tree;
	size_t printed = 0;

	fprintf(p->out, ",\n\"%s\":[", key);
	for (size_t i = 0; i < tree->node_count; i++)
		if (tree->nodes[i].self)
			print_number(p, printed++,
				     tree->values[tree->nodes[i].self + offset] / scale);
	fputc(']', p->out);
}

static void print_types(struct page *p)
{
	const struct eo_profile *profile = p->profile;
	const struct eo_call_tree *tree = p->tree;

	fputs(",\n\"types\":[", p->out);
	for (size_t i = 0; i < tree->type_count; i++) {
		int64_t scale = scale_of(tree, i);

		fputs(i ? ",\n{\"type\":" : "\n{\"type\":", p->out);
		print_json(p, profile->strings[profile->value_types[i].type]);
		fputs(",\"unit\":", p->out);
		print_json(p, profile->strings[profile->value_types[i].unit]);
		fprintf(p->out, ",\"scale\":%" PRId64, scale);
		print_values(p, "self", i, scale);
		if (tree->sides == EO_CALL_TWO_SIDES)
			print_values(p, "base", tree->type_count + i, scale);
		fputc('}', p->out);
	}
	fputc(']', p->out);
}

static void print_data(struct page *p, const char *title, size_t type)
{
	static const char *const sides[] = {
		[EO_CALL_PLAIN] = "plain",
		[EO_CALL_SIGNED] = "signed",
		[EO_CALL_TWO_SIDES] = "two",
	};
	const struct eo_profile *profile = p->profile;

	fputs("{\"title\":", p->out);
	print_json(p, title);
	fprintf(p->out,
		",\"sides\":\"%s\",\"time_ms\":%" PRId64 ",\"duration_ns\":%" PRId64 ",\"type\":%zu,\n"
		"\"comments\":[",
		sides[p->tree->sides], profile->time_ns / 1000000, profile->duration_ns, type);
	for (size_t i = 0; i < profile->comment_count; i++) {
		fputs(i ? "," : "", p->out);
		print_json(p, profile->strings[profile->comments[i]]);
	}
	fputc(']', p->out);
	print_frames(p);
	print_nodes(p);
	print_types(p);
	fputs("}\n", p->out);
}

static int print(struct page *p, size_t type)
{
	char title[256];

	p->numbers = calloc(p->tree->string_count, sizeof(*p->numbers));
	p->by_number = calloc(p->tree->string_count, sizeof(*p->by_number));
	p->string_count = 1;
	if (p->numbers && p->by_number) {
		title_of(p->tree, title, sizeof(title));
		fputs(eo_flamegraph_page[0], p->out);
		print_html(p, title);
		fputs(p->tree->sides == EO_CALL_PLAIN ? ": flame graph" : ": difference", p->out);
		fputs(eo_flamegraph_page[1], p->out);
		print_data(p, title, type);
		fputs(eo_flamegraph_page[2], p->out);
	} else {
		p->failed = true;
	}
	free(p->numbers);
	free(p->by_number);
	free(p->buffer.bytes);
	return p->failed ? -ENOMEM : 0;
}

int eo_write_flamegraph(const struct eo_profile *profile, const struct eo_write_options *options,
			FILE *out, struct eo_error *err)
{
	size_t type = options->value_type == SIZE_MAX ? eo_profile_default_value_type(profile) :
							options->value_type;
	EO_AUTO(eo_call_tree) tree = NULL;
	struct page page = { .profile = profile, .out = out };
	int r;

	/* A profile of nothing has not even value types, and can be shown as well. */
	if (profile->value_type_count || options->value_type != SIZE_MAX) {
		r = eo_profile_check_value_type(profile, type, err);
		if (r < 0)
			return r;
	}
	r = eo_call_tree_new(profile, type, &tree);
	page.tree = tree;
	if (r == 0)
		r = print(&page, type);
	if (r < 0)
		return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, -r, NULL,
				    "write profile as flame graph");
	return 0;
}
