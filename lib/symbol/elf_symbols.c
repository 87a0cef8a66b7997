/* SPDX-License-Identifier: BSD-2-Clause */
/* Entries are sorted by start. Functions may overlap: assembly has inner labels with a size of
 * their own, and nothing stops a file from more. The function that holds an address is the last
 * one that starts at or before it and ends behind it. Looking for it goes backwards, and could go
 * to the front of the array for each address in a gap; so each block of BLOCK entries has the
 * greatest end in it, and a block that ends before the address is stepped over. */
#include "symbol/elf_symbols.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/array.h"

#define SYMBOLS_MAX (8u << 20) /* looked at in one table, and held in all */
#define NAME_MAX_BYTES 4096u
#define ALIASES_MAX 64u /* names compared for one address */
#define BLOCK 256u
#define CHUNK 2048u /* symbols read at once */

struct eo_elf_entry {
	uint64_t start;
	uint32_t size; /* saturated */
	/* Type, binding and name are in the file, at this index. */
	uint32_t index : 24;
	uint32_t table : 2;
	uint32_t unsized : 1; /* the file says 0; @size is the way to the next function */
	uint32_t notype : 1;
	uint32_t local : 1;
};
_Static_assert(sizeof(struct eo_elf_entry) == 16, "memory is counted in entries of 16 bytes");
_Static_assert(SYMBOLS_MAX <= 1u << 24 && EO_ELF_TABLES_MAX <= 1u << 2, "bit fields hold both");

/* A window of a string table: the first bytes of names are asked for in the order of symbols. */
struct window {
	uint64_t offset;
	size_t size;
	char bytes[4096];
};

void eo_elf_symbols_fini(struct eo_elf_symbols *symbols)
{
	free(symbols->entries);
	free(symbols->block_ends);
	free(symbols->code);
	*symbols = (struct eo_elf_symbols){0};
}

static int compare_ranges(const void *a, const void *b)
{
	const struct eo_elf_range *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

int eo_elf_symbols_set_code(struct eo_elf_symbols *symbols, const struct eo_elf_segment *segments,
			    size_t count)
{
	symbols->code = calloc(count ? count : 1, sizeof(*symbols->code));
	if (!symbols->code)
		return -ENOMEM;

	for (size_t i = 0; i < count; i++) {
		const struct eo_elf_segment *segment = &segments[i];

		if (segment->executable)
			symbols->code[symbols->code_count++] = (struct eo_elf_range){
				segment->vaddr, segment->vaddr + segment->memory_size};
	}
	qsort(symbols->code, symbols->code_count, sizeof(*symbols->code), compare_ranges);
	return 0;
}

/* The executable segment around @vaddr, or NULL. */
static const struct eo_elf_range *find_code(const struct eo_elf_symbols *symbols, uint64_t vaddr)
{
	size_t low = 0, high = symbols->code_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (symbols->code[middle].start <= vaddr)
			low = middle + 1;
		else
			high = middle;
	}
	return low && vaddr < symbols->code[low - 1].end ? &symbols->code[low - 1] : NULL;
}

/* The section of a symbol if it has one that holds its address, else NULL. */
static const Elf64_Shdr *section_of(const struct eo_elf_image *image, const Elf64_Sym *symbol)
{
	if (symbol->st_shndx >= SHN_LORESERVE || symbol->st_shndx >= image->section_count)
		return NULL;

	const Elf64_Shdr *section = &image->sections[symbol->st_shndx];

	return symbol->st_value >= section->sh_addr &&
			       symbol->st_value - section->sh_addr < section->sh_size
		       ? section
		       : NULL;
}

/* Labels that assemblers and compilers leave, no functions: ".Lfoo", ".annobin_foo", and "$x"
 * where code begins between data on ARM and RISC-V. Also names that are empty or out of bounds. */
static bool label_is_noise(const struct eo_elf_table *table, uint64_t name, struct window *window)
{
	if (name >= table->names_size)
		return true;
	if (name < window->offset || name - window->offset >= window->size) {
		uint64_t left = table->names_size - name;

		window->size = left < sizeof(window->bytes) ? (size_t)left : sizeof(window->bytes);
		window->offset = name;
		if (eo_elf_image_read(table->image, table->names + name, window->bytes,
				      window->size) < 0) {
			window->size = 0;
			return true;
		}
	}

	char first = window->bytes[name - window->offset];

	return first == '\0' || first == '.' || first == '$';
}

/* Fill all of @entry but index and table; false when @symbol is no function. */
static bool make_entry(const struct eo_elf_symbols *symbols, const struct eo_elf_table *table,
		       const Elf64_Sym *symbol, struct window *window, struct eo_elf_entry *entry)
{
	unsigned int type = ELF64_ST_TYPE(symbol->st_info);
	const struct eo_elf_range *code;
	const Elf64_Shdr *section;

	if ((type != STT_FUNC && type != STT_GNU_IFUNC && type != STT_NOTYPE) ||
	    symbol->st_shndx == SHN_UNDEF || symbol->st_shndx == SHN_COMMON ||
	    symbol->st_name == 0 || symbol->st_name >= table->names_size)
		return false;

	uint64_t start = symbol->st_value;

	if (table->image->machine == EM_ARM && type != STT_NOTYPE)
		start &= ~1ull; /* tells Thumb from ARM */

	code = find_code(symbols, start);
	if (!code)
		return false;
	section = section_of(table->image, symbol);
	if (type == STT_NOTYPE && (!section || !(section->sh_flags & SHF_EXECINSTR) ||
				   label_is_noise(table, symbol->st_name, window)))
		return false;

	uint64_t size = symbol->st_size;
	uint64_t left = code->end - start;

	if (size == 0) {
		size = left;
		if (section && section->sh_size - (start - section->sh_addr) < size)
			size = section->sh_size - (start - section->sh_addr);
	}
	if (size > left)
		size = left;

	*entry = (struct eo_elf_entry){
		.start = start,
		.size = size < UINT32_MAX ? (uint32_t)size : UINT32_MAX,
		.unsized = symbol->st_size == 0,
		.notype = type == STT_NOTYPE,
		.local = ELF64_ST_BIND(symbol->st_info) == STB_LOCAL,
	};
	return true;
}

static int append(struct eo_elf_symbols *symbols, const struct eo_elf_entry *entry)
{
	if (!EO_ARRAY_RESERVE(symbols->entries, symbols->count + 1, symbols->capacity, 256))
		return -ENOMEM;
	symbols->entries[symbols->count++] = *entry;
	return 0;
}

int eo_elf_symbols_add(struct eo_elf_symbols *symbols, const struct eo_elf_image *image,
		       const Elf64_Shdr *section)
{
	size_t symbol_size = eo_elf_image_symbol_size(image);
	struct window window = {0};

	if (symbols->table_count == EO_ELF_TABLES_MAX || section->sh_link >= image->section_count)
		return 0;

	const Elf64_Shdr *names = &image->sections[section->sh_link];
	struct eo_elf_table *table = &symbols->tables[symbols->table_count];

	*table = (struct eo_elf_table){
		.image = image,
		.symbols = section->sh_offset,
		.count = eo_elf_image_section_size(image, section) / symbol_size,
		.names = names->sh_offset,
		.names_size = eo_elf_image_section_size(image, names),
	};
	if (table->count > SYMBOLS_MAX)
		table->count = SYMBOLS_MAX;

	EO_AUTO_FREE Elf64_Sym *chunk = malloc(CHUNK * sizeof(*chunk));
	if (!chunk)
		return -ENOMEM;

	symbols->table_count++;
	for (uint64_t i = 0; i < table->count; i += CHUNK) {
		size_t n = table->count - i < CHUNK ? (size_t)(table->count - i) : CHUNK;

		if (eo_elf_image_symbols(image, table->symbols + i * symbol_size, n, chunk) < 0)
			return 0;

		for (size_t j = 0; j < n; j++) {
			struct eo_elf_entry entry;

			if (!make_entry(symbols, table, &chunk[j], &window, &entry))
				continue;
			if (symbols->count == SYMBOLS_MAX)
				return 0;
			entry.index = (uint32_t)(i + j) & 0xffffff;
			entry.table = (symbols->table_count - 1) & 3;
			if (append(symbols, &entry) < 0)
				return -ENOMEM;
		}
	}
	return 0;
}

/* How good a name is before it is read: lower is better. */
static unsigned int rank(const struct eo_elf_entry *entry)
{
	return (unsigned int)(entry->unsized << 2 | entry->notype << 1 | entry->local);
}

static int compare_entries(const void *a, const void *b)
{
	const struct eo_elf_entry *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (rank(x) != rank(y))
		return rank(x) < rank(y) ? -1 : 1;
	if (x->table != y->table)
		return x->table < y->table ? -1 : 1;
	return (x->index > y->index) - (x->index < y->index);
}

static uint64_t end_of(const struct eo_elf_entry *entry)
{
	return entry->start + entry->size; /* within a segment, so it does not wrap */
}

/* Drop what names nothing of its own: labels inside a function that has a size, and what a table
 * repeats of an earlier one (.dynsym is a part of .symtab). */
static void drop_repeated(struct eo_elf_symbols *symbols)
{
	uint64_t sized_end = 0;
	size_t kept = 0;

	for (size_t i = 0; i < symbols->count; i++) {
		const struct eo_elf_entry entry = symbols->entries[i];
		const struct eo_elf_entry *last = kept ? &symbols->entries[kept - 1] : NULL;

		if (entry.unsized && entry.notype && entry.start < sized_end)
			continue;
		if (last && last->start == entry.start && rank(last) == rank(&entry) &&
		    last->table != entry.table)
			continue;
		if (!entry.unsized && end_of(&entry) > sized_end)
			sized_end = end_of(&entry);
		symbols->entries[kept++] = entry;
	}
	symbols->count = kept;
}

static void bound_unsized(struct eo_elf_symbols *symbols)
{
	uint64_t next = UINT64_MAX; /* the next start behind the current one */

	for (size_t i = symbols->count; i-- > 0;) {
		struct eo_elf_entry *entry = &symbols->entries[i];

		if (i + 1 < symbols->count && entry[1].start != entry->start)
			next = entry[1].start;
		if (entry->unsized && entry->size > next - entry->start)
			entry->size = (uint32_t)(next - entry->start);
	}
}

int eo_elf_symbols_finish(struct eo_elf_symbols *symbols)
{
	if (symbols->count == 0)
		return 0;

	qsort(symbols->entries, symbols->count, sizeof(*symbols->entries), compare_entries);
	drop_repeated(symbols);
	bound_unsized(symbols);

	void *entries = realloc(symbols->entries, symbols->count * sizeof(*symbols->entries));
	if (entries)
		symbols->entries = entries;
	symbols->capacity = symbols->count;

	symbols->block_ends = calloc((symbols->count + BLOCK - 1) / BLOCK, sizeof(uint64_t));
	if (!symbols->block_ends)
		return -ENOMEM;
	for (size_t i = 0; i < symbols->count; i++) {
		uint64_t *end = &symbols->block_ends[i / BLOCK];

		if (end_of(&symbols->entries[i]) > *end)
			*end = end_of(&symbols->entries[i]);
	}
	return 0;
}

/* How many entries start before @vaddr. */
static size_t count_before(const struct eo_elf_symbols *symbols, uint64_t vaddr)
{
	size_t low = 0, high = symbols->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (symbols->entries[middle].start < vaddr)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static const struct eo_elf_entry *find_innermost(const struct eo_elf_symbols *symbols,
						 uint64_t vaddr)
{
	size_t i = vaddr < UINT64_MAX ? count_before(symbols, vaddr + 1) : symbols->count;

	while (i > 0) {
		if (i % BLOCK == 0 && symbols->block_ends[i / BLOCK - 1] <= vaddr) {
			i -= BLOCK;
			continue;
		}
		i--;
		if (end_of(&symbols->entries[i]) > vaddr)
			return &symbols->entries[i];
	}
	return NULL;
}

/* A name read from its file. */
struct candidate {
	uint64_t size;
	size_t underscores, length;
	bool weak;
	char name[NAME_MAX_BYTES + 1];
};

/* Fails when the file has changed under us: what is there now is no such function any more. */
static bool read_candidate(const struct eo_elf_symbols *symbols, const struct eo_elf_entry *entry,
			   struct candidate *ret)
{
	const struct eo_elf_table *table = &symbols->tables[entry->table];
	uint64_t at = table->symbols + entry->index * eo_elf_image_symbol_size(table->image);
	Elf64_Sym symbol;
	ssize_t length;

	if (eo_elf_image_symbols(table->image, at, 1, &symbol) < 0)
		return false;
	length = eo_elf_image_string(table->image, table->names, table->names_size, symbol.st_name,
				     ret->name, sizeof(ret->name));
	if (length <= 0)
		return false;

	/* A version ("memcpy@@GLIBC_2.14") is the linker's, not the function's. */
	char *version = memchr(ret->name + 1, '@', (size_t)length - 1);

	if (version)
		*version = '\0';
	ret->size = symbol.st_size;
	ret->underscores = strspn(ret->name, "_");
	ret->length = (size_t)length;
	ret->weak = ELF64_ST_BIND(symbol.st_info) == STB_WEAK;
	return true;
}

static bool is_better(const struct candidate *a, const struct candidate *b)
{
	if (a->underscores != b->underscores)
		return a->underscores < b->underscores;
	if (a->weak != b->weak)
		return b->weak;
	if (a->length != b->length)
		return a->length < b->length;
	return strcmp(a->name, b->name) < 0;
}

int eo_elf_symbols_find(const struct eo_elf_symbols *symbols, uint64_t vaddr,
			struct eo_elf_symbol *ret)
{
	const struct eo_elf_entry *found = find_innermost(symbols, vaddr);
	struct candidate candidates[2]; /* the best so far, and the next */
	struct candidate *best = NULL;

	if (!found)
		return -ENOENT;

	const struct eo_elf_entry *end = symbols->entries + symbols->count;
	const struct eo_elf_entry *entry = symbols->entries + count_before(symbols, found->start);
	const struct eo_elf_entry *first = NULL; /* gives the rank: no entry behind has a better */

	/* The number of entries seen is bounded, too: a file may name one address a million times
	 * with sizes that do not reach ours. @found does. */
	for (unsigned int seen = 0; seen < ALIASES_MAX && entry < end; seen++, entry++) {
		struct candidate *next = best == &candidates[0] ? &candidates[1] : &candidates[0];

		if (entry->start != found->start || (first && rank(entry) != rank(first)))
			break;
		if (end_of(entry) <= vaddr || !read_candidate(symbols, entry, next))
			continue;
		if (!first)
			first = entry;
		if (!best || is_better(next, best))
			best = next;
	}
	if (!best && read_candidate(symbols, found, &candidates[0]))
		best = &candidates[0];
	if (!best)
		return -ENOENT;

	*ret = (struct eo_elf_symbol){
		.start = found->start,
		.size = best->size,
		.name = strdup(best->name),
	};
	return ret->name ? 0 : -ENOMEM;
}
