/* SPDX-License-Identifier: BSD-2-Clause */
#include "symbol/dwarf_lines.h"

#include <errno.h>
#include <stdio.h>

#include "core/array.h"
#include "symbol/dwarf_format.h"

#define FILES_MAX (1u << 20)
#define FIELDS_MAX 32u
#define PATH_BYTES_MAX 4096u

/* A directory, or a file in one. */
struct place {
	struct eo_dwarf_value name;
	uint64_t directory;
	const char *path; /* of a file, once it was asked for; NULL: none */
	bool has_path;
};

struct places {
	struct place *list;
	size_t count, room;
};

struct eo_dwarf_lines {
	struct eo_dwarf_file *file;
	const struct eo_dwarf_unit *unit;
	unsigned char *bytes;
	struct eo_dwarf_cursor program;
	uint64_t offset; /* of the bytes in .debug_line */
	uint16_t version;
	uint8_t offset_size, address_size;
	uint8_t min_length, line_range, opcode_base;
	int8_t line_base;
	uint8_t lengths[256]; /* how many numbers follow a standard opcode */
	struct places directories, files;
};

void eo_dwarf_lines_free(struct eo_dwarf_lines *lines)
{
	if (!lines)
		return;
	free(lines->bytes);
	free(lines->directories.list);
	free(lines->files.list);
	free(lines);
}

/* ---- header ---- */

static int add_place(struct eo_dwarf_lines *lines, struct places *places, const struct place *place)
{
	if (places->count >= FILES_MAX || !eo_dwarf_file_spend(lines->file, 1))
		return -EFBIG;
	if (!EO_ARRAY_RESERVE(places->list, places->count + 1, places->room, 32))
		return -ENOMEM;
	places->list[places->count++] = *place;
	return 0;
}

/* Up to version 4: texts, an empty one ends the list. They count from 1. */
static int read_old_places(struct eo_dwarf_lines *lines, struct eo_dwarf_cursor *c, bool are_files,
			   struct places *places)
{
	struct place place = {0};
	int r = add_place(lines, places, &place);

	while (r == 0) {
		place.name.form = EO_DW_FORM_STRING;
		place.name.number = eo_dwarf_position(c);
		const char *text = eo_dwarf_text(c);

		if (!text)
			return -EBADMSG;
		if (!*text)
			return 0;
		if (are_files) {
			place.directory = eo_dwarf_uleb(c);
			eo_dwarf_uleb(c); /* time */
			eo_dwarf_uleb(c); /* size */
		}
		r = add_place(lines, places, &place);
	}
	return r;
}

struct field {
	uint64_t content, form;
};

static bool read_field(struct eo_dwarf_lines *lines, struct eo_dwarf_cursor *c,
		       const struct field *field, struct place *place)
{
	/* Where addresses and offsets are as wide as here. */
	const struct eo_dwarf_unit like = {.version = 5,
					   .address_size = lines->address_size,
					   .offset_size = lines->offset_size};
	struct eo_dwarf_value value;

	if (field->form == EO_DW_FORM_INDIRECT || field->form == EO_DW_FORM_IMPLICIT_CONST)
		return false;
	eo_dwarf_form_read(c, &like, field->form, &value);
	if (field->content == EO_DW_LNCT_PATH)
		place->name = value;
	else if (field->content == EO_DW_LNCT_DIRECTORY_INDEX)
		eo_dwarf_constant(&value, &place->directory);
	return !c->bad;
}

/* Version 5: the fields of an entry, their number, the entries. */
static int read_places(struct eo_dwarf_lines *lines, struct eo_dwarf_cursor *c,
		       struct places *places)
{
	struct field fields[FIELDS_MAX];
	uint64_t field_count = eo_dwarf_uint(c, 1), count;
	int r = 0;

	if (field_count > FIELDS_MAX)
		return -EBADMSG;
	for (uint64_t i = 0; i < field_count; i++) {
		fields[i].content = eo_dwarf_uleb(c);
		fields[i].form = eo_dwarf_uleb(c);
	}
	count = eo_dwarf_uleb(c);
	if (c->bad || (count && !field_count))
		return -EBADMSG;
	while (r == 0 && count--) {
		struct place place = {0};

		if (!eo_dwarf_file_spend(lines->file, 2 * field_count))
			return -EFBIG;
		for (uint64_t i = 0; i < field_count; i++)
			if (!read_field(lines, c, &fields[i], &place))
				return -EBADMSG;
		r = add_place(lines, places, &place);
	}
	return r;
}

/* What is behind the length and before the program. */
static int read_header(struct eo_dwarf_lines *lines, struct eo_dwarf_cursor *c)
{
	uint64_t length, max_operations = 1;
	struct eo_dwarf_cursor program;
	int r;

	lines->version = (uint16_t)eo_dwarf_uint(c, 2);
	if (lines->version < 2 || lines->version > 5)
		return -EOPNOTSUPP;
	lines->address_size = lines->unit->address_size;
	if (lines->version == 5) {
		lines->address_size = (uint8_t)eo_dwarf_uint(c, 1);
		eo_dwarf_skip(c, 1); /* segment selectors */
	}
	length = eo_dwarf_uint(c, lines->offset_size);
	program = *c;
	eo_dwarf_skip(&program, length);
	lines->program = program;

	lines->min_length = (uint8_t)eo_dwarf_uint(c, 1);
	if (lines->version >= 4)
		max_operations = eo_dwarf_uint(c, 1);
	eo_dwarf_skip(c, 1); /* whether rows begin as statements */
	lines->line_base = (int8_t)eo_dwarf_uint(c, 1);
	lines->line_range = (uint8_t)eo_dwarf_uint(c, 1);
	lines->opcode_base = (uint8_t)eo_dwarf_uint(c, 1);
	for (unsigned int i = 1; i < lines->opcode_base; i++)
		lines->lengths[i] = (uint8_t)eo_dwarf_uint(c, 1);
	if (c->bad || program.bad || !lines->line_range || !lines->opcode_base)
		return -EBADMSG;
	if (max_operations > 1 || (lines->address_size != 4 && lines->address_size != 8))
		return -EOPNOTSUPP; /* machines that pack several instructions into one */

	c->end = program.at; /* the tables end where the program begins */
	if (lines->version == 5) {
		r = read_places(lines, c, &lines->directories);
		return r < 0 ? r : read_places(lines, c, &lines->files);
	}
	r = read_old_places(lines, c, false, &lines->directories);
	return r < 0 ? r : read_old_places(lines, c, true, &lines->files);
}

int eo_dwarf_lines_new(struct eo_dwarf_file *file, const struct eo_dwarf_unit *unit,
		       struct eo_dwarf_lines **ret)
{
	EO_AUTO(eo_dwarf_lines) lines = calloc(1, sizeof(*lines));
	struct eo_dwarf_cursor c;
	uint64_t length;
	int r;

	if (!lines)
		return -ENOMEM;
	lines->file = file;
	lines->unit = unit;
	lines->offset_size = 4;
	if (!eo_dwarf_section_offset(&unit->first.attributes[EO_DWARF_LINE_TABLE], &lines->offset))
		return -ENOENT;

	c = eo_dwarf_view(file, EO_DWARF_LINE, lines->offset, 12);
	length = eo_dwarf_uint(&c, 4);
	if (length == EO_DW_LENGTH_64BIT) {
		lines->offset_size = 8;
		length = eo_dwarf_uint(&c, 8);
	} else if (length >= EO_DW_LENGTH_RESERVED) {
		return -EBADMSG;
	}
	if (c.bad)
		return -EBADMSG;
	r = eo_dwarf_copy(file, EO_DWARF_LINE, eo_dwarf_position(&c), length, &c);
	if (r < 0)
		return r;
	lines->bytes = (unsigned char *)c.start;
	r = read_header(lines, &c);
	if (r < 0)
		return r;
	*ret = eo_steal(&lines);
	return 0;
}

/* ---- program ---- */

struct state {
	uint64_t address;
	uint64_t file, line, column;
};

struct search {
	struct eo_dwarf_row *rows;
	size_t count;
	size_t next; /* the first row not before the last address */
	struct state last;
	bool has_last;	 /* a row of this sequence is waiting for its end */
	bool is_dropped; /* by the linker: the sequence begins at 0, or at 1 */
};

static size_t lower_bound(const struct search *search, uint64_t address)
{
	size_t low = 0, high = search->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (search->rows[middle].address < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Line numbers and such beyond 32 bits are nonsense. */
static uint32_t narrow(uint64_t number)
{
	return number > UINT32_MAX ? 0 : (uint32_t)number;
}

/* A row begins here, or a sequence ends: the last row ends here. */
static void advance(struct search *search, const struct state *now, bool is_end)
{
	const struct state *last = &search->last;

	if (!search->has_last)
		search->is_dropped = now->address <= 1;
	if (!search->has_last || now->address < last->address) {
		search->next = lower_bound(search, now->address);
	} else if (!search->is_dropped) {
		/* Of several rows at one address the last counts: the others are empty. Where
		 * sequences overlap the first counts. */
		for (; search->next < search->count &&
		       search->rows[search->next].address < now->address;
		     search->next++) {
			struct eo_dwarf_row *row = &search->rows[search->next];

			if (!row->found)
				*row = (struct eo_dwarf_row){row->address, true, narrow(last->file),
							     narrow(last->line),
							     narrow(last->column)};
		}
	}
	search->last = *now;
	search->has_last = !is_end;
}

static const struct state initial = {.file = 1, .line = 1};

static void run_extended(struct eo_dwarf_cursor *c, struct search *search, struct state *state)
{
	uint64_t size = eo_dwarf_uleb(c);
	struct eo_dwarf_cursor inner = *c;
	uint64_t opcode;

	eo_dwarf_skip(c, size);
	if (c->bad || !size)
		return;
	inner.end = c->at;
	opcode = eo_dwarf_uint(&inner, 1);
	if (opcode == EO_DW_LNE_END_SEQUENCE) {
		advance(search, state, true);
		*state = initial;
	} else if (opcode == EO_DW_LNE_SET_ADDRESS && (size == 5 || size == 9)) {
		state->address = eo_dwarf_uint(&inner, size - 1);
	}
}

static void run_standard(const struct eo_dwarf_lines *lines, struct eo_dwarf_cursor *c,
			 unsigned int opcode, struct search *search, struct state *state)
{
	switch (opcode) {
	case EO_DW_LNS_COPY:
		advance(search, state, false);
		break;
	case EO_DW_LNS_ADVANCE_PC:
		state->address += eo_dwarf_uleb(c) * lines->min_length;
		break;
	case EO_DW_LNS_ADVANCE_LINE:
		state->line += (uint64_t)eo_dwarf_sleb(c);
		break;
	case EO_DW_LNS_SET_FILE:
		state->file = eo_dwarf_uleb(c);
		break;
	case EO_DW_LNS_SET_COLUMN:
		state->column = eo_dwarf_uleb(c);
		break;
	case EO_DW_LNS_CONST_ADD_PC:
		state->address += (uint64_t)((255 - lines->opcode_base) / lines->line_range) *
				  lines->min_length;
		break;
	case EO_DW_LNS_FIXED_ADVANCE_PC:
		state->address += eo_dwarf_uint(c, 2);
		break;
	default:
		for (unsigned int i = 0; i < lines->lengths[opcode]; i++)
			eo_dwarf_uleb(c);
	}
}

int eo_dwarf_lines_find(struct eo_dwarf_lines *lines, struct eo_dwarf_row *rows, size_t count)
{
	struct search search = {.rows = rows, .count = count};
	struct eo_dwarf_cursor c = lines->program;
	struct state state = initial;

	/* A step an instruction, paid in advance: each has a byte at least. */
	if (!eo_dwarf_file_spend(lines->file, eo_dwarf_left(&c)))
		return -EFBIG;
	while (c.at < c.end) {
		unsigned int opcode = *c.at++;

		if (opcode >= lines->opcode_base) {
			unsigned int special = opcode - lines->opcode_base;

			state.address +=
				(uint64_t)(special / lines->line_range) * lines->min_length;
			state.line += (uint64_t)(int64_t)(lines->line_base +
							  (int)(special % lines->line_range));
			advance(&search, &state, false);
		} else if (opcode == EO_DW_LNS_EXTENDED) {
			run_extended(&c, &search, &state);
		} else {
			run_standard(lines, &c, opcode, &search, &state);
		}
	}
	return c.bad ? -EBADMSG : 0;
}

/* ---- files ---- */

/* Texts move when the next one is read. */
static char *copy_of(const char *text)
{
	return text ? strndup(text, PATH_BYTES_MAX) : NULL;
}

static char *name_of(struct eo_dwarf_lines *lines, const struct eo_dwarf_value *name)
{
	/* Those in place are in our own bytes, and were read to their end. */
	if (name->form == EO_DW_FORM_STRING)
		return copy_of((const char *)lines->bytes + (name->number - lines->program.offset));
	return copy_of(eo_dwarf_string(lines->file, lines->unit, name));
}

static char *join(const char *directory, const char *name)
{
	size_t length = strlen(directory);
	char *joined;

	while (length > 1 && directory[length - 1] == '/')
		length--;
	if (asprintf(&joined, "%.*s%s%s", (int)length, directory,
		     length && directory[length - 1] == '/' ? "" : "/", name) < 0)
		return NULL;
	return joined;
}

/* @name below @directory unless it is absolute, or there is no directory; both are taken. */
static char *below(char *directory, char *name)
{
	EO_AUTO_FREE char *dir = directory, *base = name;

	if (!base || base[0] == '/' || !dir || !*dir)
		return eo_steal(&base);
	return join(dir, base);
}

static char *make_path(struct eo_dwarf_lines *lines, const struct place *file)
{
	const struct eo_dwarf_value *comp_dir = &lines->unit->first.attributes[EO_DWARF_COMP_DIR];
	char *name = name_of(lines, &file->name), *directory = NULL;

	if (!name || name[0] == '/')
		return name;
	if (file->directory < lines->directories.count)
		directory = name_of(lines, &lines->directories.list[file->directory].name);
	name = below(directory, name);
	if (!name || name[0] == '/')
		return name;
	return below(copy_of(eo_dwarf_string(lines->file, lines->unit, comp_dir)), name);
}

const char *eo_dwarf_lines_path(struct eo_dwarf_lines *lines, uint64_t number,
				struct eo_string_pool *strings)
{
	EO_AUTO_FREE char *path = NULL;
	struct place *file;

	if (number >= lines->files.count)
		return NULL;
	file = &lines->files.list[number];
	if (!file->has_path) {
		file->has_path = true;
		path = make_path(lines, file);
		file->path = path ? eo_string_pool_add(strings, path) : NULL;
	}
	return file->path;
}
