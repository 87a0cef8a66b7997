/* SPDX-License-Identifier: BSD-2-Clause */
/* The table is a ring of entries, the newest one at @newest. Evicting later than the sender does no
 * harm, for it never refers to what it has evicted; evicting earlier makes entries unknown. Only
 * the count of insertions has to be right, and where it may not be, everything is forgotten. */
#include "net/hpack.h"

#include <errno.h>
#include <string.h>

#include "net/hpack_table.h"
#include "net/huffman.h"

#define ENTRY_OVERHEAD 32u
#define DEFAULT_MAX 4096u
#define FIRST_ROOM 32u
#define NAME_MAX_KNOWN 64u  /* longer than any name of interest */
#define NAME_MAX_LIKELY 256u
#define INTEGER_MAX (1u << 24)

/* How each kind of field begins: the bits that say it, and how many are left for a number. */
enum kind { INDEXED, INSERTED, RESIZED, PLAIN };

static const struct {
	uint8_t mask, bits, prefix;
	enum kind kind;
} kinds[] = {
	{0x80, 0x80, 7, INDEXED},
	{0xc0, 0x40, 6, INSERTED},
	{0xe0, 0x20, 5, RESIZED},
	{0xe0, 0x00, 4, PLAIN}, /* without indexing, and never indexed */
};

struct reader {
	const uint8_t *at, *end;
	char *value; /* EO_HPACK_VALUE_MAX and an end: of the field that is read */
	bool ended;  /* ran into the end */
};

struct field {
	enum eo_hpack_name name;
	uint32_t name_size, value_size;
	bool name_unsized;
	const char *value;
};

static uint32_t entry_size(const struct eo_hpack_entry *entry)
{
	return entry->name_size + entry->value_size + ENTRY_OVERHEAD;
}

/* @index: 0 is the newest */
static struct eo_hpack_entry *entry_at(const struct eo_hpack *hpack, uint32_t index)
{
	return &hpack->entries[(hpack->newest + hpack->room - index) % hpack->room];
}

static void drop_value(struct eo_hpack *hpack, struct eo_hpack_entry *entry)
{
	if (entry->value)
		eo_budget_free(hpack->budget, entry->value, entry->value_size + 1u);
	entry->value = NULL;
}

/* Drop the oldest ones until @limit bytes are used. */
static void evict(struct eo_hpack *hpack, uint32_t limit)
{
	while (hpack->count && hpack->used > limit) {
		struct eo_hpack_entry *oldest = entry_at(hpack, --hpack->count);

		hpack->used -= entry_size(oldest);
		drop_value(hpack, oldest);
	}
}

static void drop_all(struct eo_hpack *hpack)
{
	while (hpack->count)
		drop_value(hpack, entry_at(hpack, --hpack->count));
	hpack->used = 0;
}

void eo_hpack_forget(struct eo_hpack *hpack)
{
	drop_all(hpack);
	hpack->partial = true;
}

void eo_hpack_fini(struct eo_hpack *hpack)
{
	drop_all(hpack);
	eo_budget_free(hpack->budget, hpack->entries, hpack->room * sizeof(*hpack->entries));
	*hpack = (struct eo_hpack){.budget = hpack->budget};
}

static bool grow(struct eo_hpack *hpack)
{
	uint32_t room = hpack->room ? hpack->room * 2 : FIRST_ROOM;
	struct eo_hpack_entry *entries = eo_budget_alloc(hpack->budget, room * sizeof(*entries));

	if (!entries)
		return false;
	for (uint32_t i = 0; i < hpack->count; i++)
		entries[hpack->count - 1 - i] = *entry_at(hpack, i);
	eo_budget_free(hpack->budget, hpack->entries, hpack->room * sizeof(*entries));
	hpack->entries = entries;
	hpack->room = room;
	hpack->newest = hpack->count ? hpack->count - 1 : room - 1;
	return true;
}

static int insert(struct eo_hpack *hpack, const struct field *field)
{
	uint32_t size = field->name_size + field->value_size + ENTRY_OVERHEAD;
	struct eo_hpack_entry *entry;

	/* Whether the sender has put it into the table at all is not known then. */
	if (field->name_unsized && size + NAME_MAX_LIKELY > hpack->max) {
		eo_hpack_forget(hpack);
		return 0;
	}
	if (size > hpack->max) {
		drop_all(hpack);
		return 0;
	}
	evict(hpack, hpack->max - size);
	if (hpack->count == hpack->room && !grow(hpack)) {
		eo_hpack_forget(hpack);
		return -ENOMEM;
	}
	hpack->newest = (hpack->newest + 1) % hpack->room;
	hpack->count++;
	hpack->used += size;
	entry = entry_at(hpack, 0);
	*entry = (struct eo_hpack_entry){
		.name = (uint8_t)field->name,
		.name_size = field->name_size,
		.value_size = field->value_size,
		.name_unsized = field->name_unsized,
	};
	if (field->value && field->name != EO_HPACK_OTHER) {
		entry->value = eo_budget_alloc(hpack->budget, field->value_size + 1u);
		if (entry->value)
			memcpy(entry->value, field->value, field->value_size);
	}
	return 0;
}

/* Returns false at the end of what is there, and for numbers that nobody needs (@ret: 0). */
static bool take_integer(struct reader *in, uint8_t prefix, uint32_t *ret)
{
	uint32_t limit = (1u << prefix) - 1, shift = 0;

	*ret = *in->at++ & limit;
	if (*ret < limit)
		return true;
	for (; in->at < in->end; shift += 7) {
		uint8_t byte = *in->at++;

		/* Bounded before it is shifted, so that nothing is lost. */
		if (shift > 21)
			return false;
		*ret += (uint32_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return *ret <= INTEGER_MAX;
	}
	in->ended = true;
	return false;
}

/* @room: with the end, which is set; a text that is longer is only counted */
static bool take_string(struct reader *in, char *text, uint32_t room, uint32_t *ret_size)
{
	uint32_t size;
	size_t decoded;
	bool huffman;

	if (in->at == in->end) {
		in->ended = true;
		return false;
	}
	huffman = *in->at & 0x80;
	if (!take_integer(in, 7, &size))
		return false;
	if (size > (size_t)(in->end - in->at)) {
		in->ended = true;
		return false;
	}
	if (huffman) {
		if (!eo_huffman_decode(in->at, size, text, room - 1, &decoded))
			return false;
		*ret_size = (uint32_t)decoded;
	} else {
		memcpy(text, in->at, size < room ? size : room - 1);
		*ret_size = size;
	}
	text[*ret_size < room ? *ret_size : room - 1] = '\0';
	in->at += size;
	return true;
}

/* What @index stands for; the name alone, or the value as well. */
static bool look_up(const struct eo_hpack *hpack, uint32_t index, struct field *ret)
{
	const struct eo_hpack_entry *entry;

	if (!index)
		return false;
	if (index <= EO_HPACK_STATIC_COUNT) {
		const struct eo_hpack_row *row = eo_hpack_static(index);

		*ret = (struct field){
			.name = eo_hpack_name_of(row->name, strlen(row->name)),
			.name_size = (uint32_t)strlen(row->name),
			.value = row->value,
			.value_size = (uint32_t)strlen(row->value),
		};
		return true;
	}
	index -= EO_HPACK_STATIC_COUNT + 1;
	if (index >= hpack->count) {
		*ret = (struct field){.name = EO_HPACK_UNKNOWN, .name_unsized = true};
		return hpack->partial;
	}
	entry = entry_at(hpack, index);
	*ret = (struct field){entry->name, entry->name_size, entry->value_size,
			      entry->name_unsized, entry->value};
	return true;
}

static bool take_literal(const struct eo_hpack *hpack, struct reader *in, uint32_t index,
			 struct field *field)
{
	char name[NAME_MAX_KNOWN];

	*field = (struct field){0};
	if (index) {
		if (!look_up(hpack, index, field))
			return false;
	} else {
		if (!take_string(in, name, sizeof(name), &field->name_size))
			return false;
		field->name = field->name_size < sizeof(name)
				      ? eo_hpack_name_of(name, field->name_size)
				      : EO_HPACK_OTHER;
	}
	if (!take_string(in, in->value, EO_HPACK_VALUE_MAX + 1, &field->value_size))
		return false;
	field->value = field->value_size <= EO_HPACK_VALUE_MAX ? in->value : NULL;
	return true;
}

static void tell(const struct field *field, eo_hpack_field_fn *fn, void *arg)
{
	const char *value = field->value;

	/* A value with an end inside of it is none that we could hand on. */
	if (field->name == EO_HPACK_UNKNOWN || field->name == EO_HPACK_OTHER ||
	    (value && strlen(value) != field->value_size))
		value = NULL;
	fn(arg, field->name, value);
}

static int take_field(struct eo_hpack *hpack, struct reader *in, bool at_start,
		      eo_hpack_field_fn *fn, void *arg)
{
	struct field field;
	uint32_t number;
	size_t i = 0;

	while ((*in->at & kinds[i].mask) != kinds[i].bits)
		i++;
	if (!take_integer(in, kinds[i].prefix, &number))
		return -EBADMSG;
	switch (kinds[i].kind) {
	case RESIZED:
		if (!at_start)
			return -EBADMSG;
		/* What the sender keeps beyond our limit is unknown to us. */
		hpack->partial |= number > EO_HPACK_TABLE_MAX;
		hpack->max = number < EO_HPACK_TABLE_MAX ? number : EO_HPACK_TABLE_MAX;
		evict(hpack, hpack->max);
		return 0;
	case INDEXED:
		if (!look_up(hpack, number, &field))
			return -EBADMSG;
		tell(&field, fn, arg);
		return 0;
	default:
		if (!take_literal(hpack, in, number, &field))
			return -EBADMSG;
		tell(&field, fn, arg);
		return kinds[i].kind == INSERTED ? insert(hpack, &field) : 0;
	}
}

int eo_hpack_decode(struct eo_hpack *hpack, const uint8_t *block, size_t size, bool complete,
		    eo_hpack_field_fn *field, void *arg)
{
	char value[EO_HPACK_VALUE_MAX + 1];
	struct reader in = {.at = block, .end = block + size, .value = value};
	bool at_start = true;
	int r = 0;

	if (!hpack->sized) {
		hpack->sized = true;
		hpack->max = DEFAULT_MAX;
	}
	while (r == 0 && in.at < in.end) {
		bool resizes = (*in.at & 0xe0) == 0x20;

		r = take_field(hpack, &in, at_start, field, arg);
		at_start = at_start && resizes;
	}
	if (r == -EBADMSG && in.ended && !complete)
		r = 0;
	if (r < 0 || !complete)
		eo_hpack_forget(hpack);
	return r;
}
