/* SPDX-License-Identifier: BSD-2-Clause */
/* The section: a header; names; files, which are of no interest here; tables of steps (pairs of
 * a change of a value and of a pc), among them one for each depth of the stack that a function
 * goes through; and for each function its address, the place of its entry, and the entry, all of
 * them ascending. They are read through small windows: the whole may be tens of megabytes. */
#include "unwind/go_functions.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define MAGIC_1_18 0xfffffff0u
#define MAGIC_1_20 0xfffffff1u

#define WINDOW_BYTES 4096u
#define INDEX_BYTES 8u	 /* of a function in the index: offsets of its address and of its entry */
#define NAME_OFFSET 4u
#define STEPS_OFFSET 16u /* in a function's entry */
#define MODULE_TEXT 176u /* where runtime.moduledata has the address of the first function */

enum { /* of a function */
	TOP_FRAME = 1 << 0,
	WRITES_SP = 1 << 1,
	ASSEMBLY = 1 << 2,
};

struct header {
	uint32_t magic;
	uint8_t zero[2], quantum, pointer_bytes;
	uint64_t functions, files;
	uint64_t text; /* of their addresses; 0 since Go 1.26, and where a relocation says it */
	uint64_t names, units, file_names, steps, index; /* offsets of parts of the section */
};

/* A part of the section as far as it was read. */
struct window {
	uint64_t at; /* in the section */
	size_t size;
	unsigned char bytes[WINDOW_BYTES];
};

struct eo_go_functions {
	const struct eo_elf_image *image;
	uint64_t offset, size; /* of the section in the file */
	struct header header;
	unsigned int flags_offset; /* in a function's entry */
	uint64_t text, end;
	struct window index, entries, steps, names;
	int error; /* of a read; 0 */
};

struct function {
	uint64_t start, end;
	uint32_t steps; /* offset of its table among all steps; 0: none */
	uint32_t name; /* offset among the names */
	uint8_t flags;
	bool damaged;
};

/* On its way through a table of steps. */
struct walk {
	uint64_t at;	   /* of the next step, in the section */
	uint64_t pc, next; /* the depth holds from here to there */
	int64_t depth;	   /* bytes on the stack above the return address */
	bool started, damaged;
};

/* @size bytes at @offset of the section, or NULL. */
static const unsigned char *look(struct eo_go_functions *go, struct window *window, uint64_t offset,
				 size_t size)
{
	int r;

	if (offset > go->size || size > go->size - offset)
		return NULL;
	if (offset < window->at || size > window->size ||
	    offset - window->at > window->size - size) {
		window->at = offset;
		window->size = go->size - offset < WINDOW_BYTES ? go->size - offset : WINDOW_BYTES;
		r = eo_elf_image_read(go->image, go->offset + offset, window->bytes, window->size);
		if (r < 0) {
			window->size = 0;
			go->error = r;
			return NULL;
		}
	}
	return window->bytes + (offset - window->at);
}

static bool read_u32(struct eo_go_functions *go, struct window *window, uint64_t offset,
		     uint32_t *ret)
{
	const unsigned char *at = look(go, window, offset, sizeof(*ret));

	if (at)
		memcpy(ret, at, sizeof(*ret));
	return at;
}

/* A number of at most 32 bits, seven to a byte. */
static bool read_number(struct eo_go_functions *go, uint64_t *offset, uint32_t *ret)
{
	uint64_t number = 0;

	for (unsigned int shift = 0; shift < 35; shift += 7) {
		const unsigned char *at = look(go, &go->steps, *offset, 1);

		if (!at)
			return false;
		++*offset;
		number |= (uint64_t)(*at & 0x7f) << shift;
		if (!(*at & 0x80)) {
			*ret = (uint32_t)number;
			return number <= UINT32_MAX;
		}
	}
	return false;
}

static struct walk walk_of(const struct eo_go_functions *go, const struct function *function)
{
	return (struct walk){
		.at = go->header.steps + function->steps, .next = function->start, .depth = -1};
}

/* To the next depth. Returns false behind the last one. */
static bool next_depth(struct eo_go_functions *go, struct walk *walk)
{
	uint32_t change, advance;

	walk->damaged = true;
	walk->pc = walk->next;
	if (!read_number(go, &walk->at, &change))
		return false;
	if (change == 0 && walk->started) {
		walk->damaged = false;
		return false;
	}
	if (!read_number(go, &walk->at, &advance) || advance == 0)
		return false;
	/* the sign is the lowest bit */
	walk->depth += change & 1 ? -(int64_t)(change >> 1) - 1 : (int64_t)(change >> 1);
	walk->next += (uint64_t)advance * go->header.quantum;
	walk->started = true;
	walk->damaged = false;
	return true;
}

static bool has_frame(struct eo_go_functions *go, const struct function *function)
{
	struct walk walk = walk_of(go, function);

	while (walk.next < function->end && next_depth(go, &walk)) {
		if (walk.depth > 0)
			return true;
	}
	return false;
}

static struct eo_unwind_rule rule_of(int64_t depth)
{
	struct eo_unwind_rule rule = {.cfa_kind = EO_CFA_SP};

	if (depth < 0 || depth & 7 || depth > INT32_MAX - 8)
		return (struct eo_unwind_rule){.cfa_kind = EO_CFA_UNSUPPORTED};
	rule.cfa_offset = (__s32)depth + 8;
	if (depth > 0) {
		rule.fp_kind = EO_FP_AT_CFA;
		rule.fp_offset = -16;
	}
	return rule;
}

static int push_kind(struct eo_frame_rows *rows, uint64_t pc, enum eo_cfa_kind kind)
{
	return eo_frame_rows_push(rows, pc, &(struct eo_unwind_rule){.cfa_kind = kind});
}

static int push_switch(struct eo_frame_rows *rows, uint64_t pc)
{
	static const struct eo_unwind_rule rule = {.cfa_kind = EO_CFA_SWITCH,
						   .cfa_offset = 16,
						   .fp_kind = EO_FP_AT_CFA,
						   .fp_offset = -16};

	return eo_frame_rows_push(rows, pc, &rule);
}

/* Of a function whose rsp means something throughout, or of one (@writes_sp) where it does not:
 * while such a one has a frame, or all the time if it never has. */
static int push_depths(struct eo_go_functions *go, struct eo_frame_rows *rows,
		       const struct function *function, bool writes_sp)
{
	int64_t above = writes_sp && has_frame(go, function) ? 0 : -1;
	struct walk walk = walk_of(go, function);
	bool switches = false;
	int r = 0;

	while (r == 0 && walk.next < function->end && next_depth(go, &walk)) {
		bool was_switching = switches;
		struct eo_unwind_rule rule = rule_of(walk.depth);

		switches = writes_sp && walk.depth > above;
		if (!switches || !was_switching)
			r = eo_frame_rows_push(rows, walk.pc, &rule);
		if (r == 0 && switches && !was_switching && walk.pc + 1 < function->end)
			r = push_switch(rows, walk.pc + 1);
	}
	if (r == 0 && walk.damaged && walk.pc < function->end)
		r = push_kind(rows, walk.pc, EO_CFA_UNSUPPORTED);
	return r;
}

static bool is_called(struct eo_go_functions *go, const struct function *function, const char *name)
{
	size_t size = strlen(name) + 1;
	const unsigned char *at;

	/* some hundred of them; of the others none is asked for */
	if (!(function->flags & ASSEMBLY))
		return false;
	at = look(go, &go->names, go->header.names + function->name, size);
	return at && memcmp(at, name, size) == 0;
}

static int push_function(struct eo_go_functions *go, struct eo_frame_rows *rows,
			 const struct function *function)
{
	if (function->damaged)
		return push_kind(rows, function->start, EO_CFA_UNSUPPORTED);
	/* Where the kernel has a handler return to: the address before it is looked up. */
	if (is_called(go, function, "runtime.sigreturn__sigaction"))
		return push_kind(rows, function->start - 1, EO_CFA_SIGNAL);
	/* For Go's own walks a handler is the top, but what it has interrupted can be told. */
	if (function->flags & TOP_FRAME && !is_called(go, function, "runtime.sigtramp"))
		return push_kind(rows, function->start, EO_CFA_END);
	if (!function->steps) /* of another language */
		return push_kind(rows, function->start, EO_CFA_NONE);
	return push_depths(go, rows, function, function->flags & WRITES_SP);
}

/* Where the index has function @i. */
static uint64_t index_of(const struct eo_go_functions *go, uint64_t i)
{
	return go->header.index + i * INDEX_BYTES;
}

static bool read_function(struct eo_go_functions *go, uint64_t i, struct function *ret)
{
	const unsigned char *entry;
	uint32_t start, end, at;

	/* the last one's end stands where the next one's address would */
	if (!read_u32(go, &go->index, index_of(go, i), &start) ||
	    !read_u32(go, &go->index, index_of(go, i) + 4, &at) ||
	    !read_u32(go, &go->index, index_of(go, i + 1), &end) || start >= end ||
	    end > go->end - go->text)
		return false;
	*ret = (struct function){.start = go->text + start, .end = go->text + end};
	entry = look(go, &go->entries, go->header.index + at, go->flags_offset + 1);
	if (entry) {
		memcpy(&ret->name, entry + NAME_OFFSET, sizeof(ret->name));
		memcpy(&ret->steps, entry + STEPS_OFFSET, sizeof(ret->steps));
		ret->flags = entry[go->flags_offset];
	}
	ret->damaged = !entry;
	return true;
}

int eo_go_functions_rows(struct eo_go_functions *go, struct eo_frame_rows *rows)
{
	uint64_t covered = go->text;
	int r = 0;

	for (uint64_t i = 0; r == 0 && i < go->header.functions; i++) {
		struct function function;

		if (!read_function(go, i, &function) || function.start < covered) {
			r = push_kind(rows, covered, EO_CFA_UNSUPPORTED);
			break;
		}
		r = push_function(go, rows, &function);
		covered = function.end;
	}
	return go->error ?: r;
}

/* A word of the program as it runs at the addresses of its file: where the linker left that to a
 * relocation, there may be 0 in the file. */
static int read_relocated(const struct eo_elf_image *image, const Elf64_Shdr *section,
			  uint64_t offset, uint64_t *ret)
{
	int r = -ENOEXEC;

	if (section->sh_size >= sizeof(*ret) && offset <= section->sh_size - sizeof(*ret))
		r = eo_elf_image_read(image, section->sh_offset + offset, ret, sizeof(*ret));
	if (r < 0 || *ret)
		return r;
	for (uint32_t i = 0; i < image->section_count; i++) {
		const Elf64_Shdr *relocations = &image->sections[i];
		uint64_t left = eo_elf_image_section_size(image, relocations) / sizeof(Elf64_Rela);
		Elf64_Rela some[64];

		if (relocations->sh_type != SHT_RELA)
			continue;
		for (uint64_t at = relocations->sh_offset; left; at += sizeof(some)) {
			size_t count = left < EO_ARRAY_SIZE(some) ? left : EO_ARRAY_SIZE(some);

			r = eo_elf_image_read(image, at, some, count * sizeof(*some));
			if (r < 0)
				return r;
			for (size_t j = 0; j < count; j++) {
				if (some[j].r_offset == section->sh_addr + offset &&
				    ELF64_R_TYPE(some[j].r_info) == R_X86_64_RELATIVE) {
					*ret = (uint64_t)some[j].r_addend;
					return 0;
				}
			}
			left -= count;
		}
	}
	return 0;
}

static int find_text(struct eo_go_functions *go, const Elf64_Shdr *section)
{
	const Elf64_Shdr *module;
	int r = read_relocated(go->image, section, offsetof(struct header, text), &go->text);

	if (r < 0 || go->text)
		return r;
	module = eo_elf_image_find_section(go->image, SHT_PROGBITS, ".go.module");
	return module ? read_relocated(go->image, module, MODULE_TEXT, &go->text) : -ENOENT;
}

/* All of them lie in the bytes of one executable segment, which bounds the work. */
static int check_text(const struct eo_go_functions *go)
{
	for (uint32_t i = 0; i < go->image->segment_count; i++) {
		Elf64_Phdr segment;
		int r = eo_elf_image_segment(go->image, i, &segment);

		if (r < 0)
			return r;
		if (segment.p_type == PT_LOAD && segment.p_flags & PF_X &&
		    segment.p_filesz <= go->image->size && go->text >= segment.p_vaddr &&
		    go->text - segment.p_vaddr < segment.p_filesz &&
		    go->end - segment.p_vaddr <= segment.p_filesz)
			return 0;
	}
	return -ENOEXEC;
}

static int read_header(struct eo_go_functions *go, const Elf64_Shdr *section)
{
	struct header *header = &go->header;
	uint32_t end;
	int r;

	go->offset = section->sh_offset;
	go->size = eo_elf_image_section_size(go->image, section);
	if (go->size < sizeof(*header))
		return -ENOENT;
	r = eo_elf_image_read(go->image, go->offset, header, sizeof(*header));
	if (r < 0)
		return r;
	if (header->magic != MAGIC_1_18 && header->magic != MAGIC_1_20)
		return -ENOENT;
	if (header->pointer_bytes != 8 || header->quantum != 1 || header->steps >= go->size ||
	    header->index >= go->size || header->names >= go->size || header->functions == 0 ||
	    header->functions > (go->size - header->index) / INDEX_BYTES)
		return -ENOEXEC;
	/* entry's offset, name, arguments, deferreturn, three tables, their number, unit,
	 * since 1.20 the line, kind of function, flags */
	go->flags_offset = header->magic == MAGIC_1_18 ? 37 : 41;
	r = find_text(go, section);
	if (r < 0)
		return r;
	if (!go->text || !read_u32(go, &go->index, index_of(go, header->functions), &end) || !end ||
	    __builtin_add_overflow(go->text, end, &go->end))
		return -ENOEXEC;
	return check_text(go);
}

static const Elf64_Shdr *find_section(const struct eo_elf_image *image)
{
	const Elf64_Shdr *section = eo_elf_image_find_section(image, SHT_PROGBITS, ".gopclntab");

	/* as position-independent programs had it */
	return section ?: eo_elf_image_find_section(image, SHT_PROGBITS, ".data.rel.ro.gopclntab");
}

bool eo_go_functions_exist(const struct eo_elf_image *image)
{
	return find_section(image);
}

int eo_go_functions_new(const struct eo_elf_image *image, struct eo_go_functions **ret)
{
	const Elf64_Shdr *section = find_section(image);
	EO_AUTO(eo_go_functions) go = NULL;
	int r;

	*ret = NULL;
	if (!section)
		return -ENOENT;
	go = calloc(1, sizeof(*go));
	if (!go)
		return -ENOMEM;
	go->image = image;
	r = read_header(go, section);
	if (r == 0)
		*ret = eo_steal(&go);
	return r;
}

void eo_go_functions_free(struct eo_go_functions *go)
{
	free(go);
}

uint64_t eo_go_functions_start(const struct eo_go_functions *go)
{
	return go->text;
}

uint64_t eo_go_functions_end(const struct eo_go_functions *go)
{
	return go->end;
}

size_t eo_go_functions_count(const struct eo_go_functions *go)
{
	return go->header.functions;
}
