/* SPDX-License-Identifier: BSD-2-Clause */
#include "symbol/kernel.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "core/array.h"
#include "core/hash.h"
#include "core/index.h"
#include "symbol/lines.h"

#define KALLSYMS "/proc/kallsyms"
#define NOTES "/sys/kernel/notes"
#define SYMBOLS_MAX (4u << 20)
#define NAMES_MAX (256u << 20)
#define MODULES_MAX 65535u

/* The list has no sizes: a symbol ends where the next one starts. No function is this long, so
 * what is farther off than that belongs to nobody. */
#define FUNCTION_MAX (256u << 10)
#define PAGE 4096ull

/* How good a name is for an address that has several; lower is better. */
enum rank {
	RANK_GLOBAL,
	RANK_LOCAL,
	RANK_WEAK,
	RANK_MARKER = 8, /* names a border between sections, and no function */
};

struct symbol {
	uint64_t address;
	uint32_t name; /* in names */
	uint16_t module;
	uint8_t rank;
	uint8_t underscores; /* that the name begins with */
};
_Static_assert(sizeof(struct symbol) == 16, "a hundred thousand of them are held");

struct module {
	char *name; /* element 0, the kernel proper: NULL */
	uint64_t start, end;
};

struct eo_kernel {
	int fd; /* of the list, until it is read */
	struct symbol *symbols;
	size_t count, room;
	char *names;
	size_t names_size, names_room;
	struct module *modules;
	uint32_t module_count, module_room;
	struct eo_index module_index;
	uint64_t seed;
	uint64_t text_start, text_end;
	size_t zeros, nonzeros; /* text symbols by whether their address is shown */
	bool notes_read;
	char build_id[2 * 64 + 1];
};

int eo_kernel_new(const char *path, struct eo_kernel **ret, struct eo_error *err)
{
	EO_AUTO(eo_kernel) k = calloc(1, sizeof(*k));

	if (!k)
		return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, ENOMEM, NULL,
				    "allocate the table of kernel symbols");
	k->seed = eo_hash_seed();
	if (!path)
		path = KALLSYMS;
	/* Opened now, for what is shown depends on the rights at this moment. */
	k->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (k->fd < 0)
		return eo_error_set(err,
				    eo_error_kind_of(errno, EO_ERROR_EVENT_PROCESSING_FAILED),
				    errno, NULL, "open %s", path);
	*ret = eo_steal(&k);
	return 0;
}

void eo_kernel_free(struct eo_kernel *k)
{
	if (!k)
		return;
	if (k->fd >= 0)
		close(k->fd);
	for (uint32_t i = 0; i < k->module_count; i++)
		free(k->modules[i].name);
	free(k->modules);
	free(k->symbols);
	free(k->names);
	eo_index_fini(&k->module_index);
	free(k);
}

/* Number of the module called @name, made when it is new; 0 for the kernel or when full. */
static uint16_t module_number(struct eo_kernel *k, const char *name)
{
	uint32_t hash, cursor = 0, i;
	char *copy;

	if (k->module_count > 1 && !strcmp(k->modules[k->module_count - 1].name, name))
		return (uint16_t)(k->module_count - 1); /* they come in runs */
	hash = eo_hash_string(k->seed, name);
	while ((i = eo_index_next(&k->module_index, hash, &cursor)) != EO_INDEX_NONE)
		if (!strcmp(k->modules[i].name, name))
			return (uint16_t)i;

	if (k->module_count >= MODULES_MAX)
		return 0;
	if (!EO_ARRAY_RESERVE(k->modules, k->module_count + 1, k->module_room, 64))
		return 0;
	copy = strdup(name);
	if (!copy || eo_index_add(&k->module_index, hash, k->module_count) < 0) {
		free(copy);
		return 0;
	}
	k->modules[k->module_count] = (struct module){.name = copy};
	return (uint16_t)k->module_count++;
}

static bool ends_with(const char *text, size_t size, const char *end)
{
	size_t n = strlen(end);

	return size >= n && !memcmp(text + size - n, end, n);
}

static bool is_marker(const char *name, size_t size)
{
	if (name[0] != '_')
		return false;
	if (name[1] == '_')
		return ends_with(name, size, "text_start") || ends_with(name, size, "text_end");
	return !strcmp(name, "_text") || !strcmp(name, "_stext") || !strcmp(name, "_etext") ||
	       !strcmp(name, "_sinittext") || !strcmp(name, "_einittext");
}

static int rank_of(char type)
{
	switch (type) {
	case 'T':
		return RANK_GLOBAL;
	case 't':
		return RANK_LOCAL;
	case 'W':
	case 'w':
		return RANK_WEAK;
	}
	return -1;
}

static void note_border(struct eo_kernel *k, const char *name, uint64_t address)
{
	if (!strcmp(name, "_stext") || (!k->text_start && !strcmp(name, "_text")))
		k->text_start = address;
	else if (!strcmp(name, "_etext"))
		k->text_end = address;
}

/* Many kernels have a "__pfx_NAME" in front of each NAME: one text serves both. */
static uint32_t store_name(struct eo_kernel *k, const char *name, size_t size, uint32_t previous)
{
	static const char prefix[] = "__pfx_";
	size_t skip = sizeof(prefix) - 1;

	if (k->count > 0) {
		const char *before = k->names + previous;

		if (!strncmp(before, prefix, skip) && !strcmp(before + skip, name))
			return previous + (uint32_t)skip;
	}
	if (k->names_size + size >= NAMES_MAX ||
	    !EO_ARRAY_RESERVE(k->names, k->names_size + size + 1, k->names_room, 65536))
		return UINT32_MAX;
	memcpy(k->names + k->names_size, name, size + 1);
	k->names_size += size + 1;
	return (uint32_t)(k->names_size - size - 1);
}

/* "ADDRESS TYPE NAME", and for modules a tab and "[MODULE]". Returns false when it is full. */
static bool take_line(struct eo_kernel *k, char *line)
{
	const char *p = line;
	struct symbol symbol = {0};
	char *name, *tab;
	size_t size;
	int rank;

	if (eo_parse_hex(&p, &symbol.address) < 0 || p[0] != ' ')
		return true;
	rank = rank_of(p[1]);
	if (rank < 0 || p[2] != ' ')
		return true;
	if (!symbol.address) {
		k->zeros++;
		return true;
	}
	k->nonzeros++;

	name = line + (p + 3 - line);
	tab = strchr(name, '\t');
	if (tab) {
		*tab++ = '\0';
		symbol.module = module_number(k, tab);
	}
	size = strlen(name);
	if (!size || name[0] == '$') /* mapping symbols of arm64 and riscv name nothing */
		return true;
	symbol.underscores = (uint8_t)(size < UINT8_MAX ? strspn(name, "_") : 0);
	symbol.rank = (uint8_t)rank;
	if (!symbol.module && is_marker(name, size)) {
		symbol.rank |= RANK_MARKER;
		note_border(k, name, symbol.address);
	}

	if (k->count >= SYMBOLS_MAX || !EO_ARRAY_RESERVE(k->symbols, k->count + 1, k->room, 65536))
		return false;
	symbol.name = store_name(k, name, size, k->count ? k->symbols[k->count - 1].name : 0);
	if (symbol.name == UINT32_MAX)
		return false;
	k->symbols[k->count++] = symbol;
	return true;
}

static int compare(const void *pa, const void *pb)
{
	const struct symbol *a = pa, *b = pb;

	if (a->address != b->address)
		return a->address < b->address ? -1 : 1;
	if (a->rank != b->rank)
		return a->rank - b->rank;
	if (a->underscores != b->underscores)
		return a->underscores - b->underscores;
	return (a->name > b->name) - (a->name < b->name);
}

/* Sort, and keep the best name of each address. */
static void arrange(struct eo_kernel *k)
{
	size_t kept = 0;

	if (k->count > 1)
		qsort(k->symbols, k->count, sizeof(*k->symbols), compare);
	for (size_t i = 0; i < k->count; i++)
		if (!kept || k->symbols[kept - 1].address != k->symbols[i].address)
			k->symbols[kept++] = k->symbols[i];
	k->count = kept;
}

static uint64_t end_of(const struct eo_kernel *k, size_t i)
{
	const struct symbol *symbol = &k->symbols[i];
	const struct symbol *next = i + 1 < k->count ? symbol + 1 : NULL;
	uint64_t room = FUNCTION_MAX;

	/* The last function of a module has no neighbour to end it. */
	if (!next || next->module != symbol->module)
		room = 2 * PAGE - (symbol->address & (PAGE - 1));
	if (next && next->address - symbol->address < room)
		room = next->address - symbol->address;
	return symbol->address > UINT64_MAX - room ? UINT64_MAX : symbol->address + room;
}

static void *shrink(void *list, size_t size)
{
	void *less = size ? realloc(list, size) : NULL;

	return less ? less : list;
}

static void load(struct eo_kernel *k)
{
	struct eo_lines lines;
	char *line;
	size_t size;

	if (k->fd < 0)
		return;
	k->modules = calloc(16, sizeof(*k->modules));
	if (k->modules && eo_lines_init(&lines, k->fd) == 0) {
		k->module_room = 16;
		k->module_count = 1;
		while (eo_lines_next(&lines, &line, &size) > 0 && take_line(k, line))
			;
		eo_lines_fini(&lines);
	}
	close(k->fd);
	k->fd = -1;

	arrange(k);
	k->symbols = shrink(k->symbols, k->count * sizeof(*k->symbols));
	k->names = shrink(k->names, k->names_size);
	for (size_t i = 0; i < k->count; i++) {
		struct module *module = &k->modules[k->symbols[i].module];

		if (!module->start)
			module->start = k->symbols[i].address;
		module->end = end_of(k, i);
	}
}

bool eo_kernel_find(struct eo_kernel *k, uint64_t address, struct eo_kernel_symbol *ret)
{
	size_t low = 0, high;
	const struct symbol *symbol;
	const struct module *module;
	uint64_t end;

	load(k);
	for (high = k->count; low < high;) {
		size_t mid = low + (high - low) / 2;

		if (k->symbols[mid].address <= address)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == 0)
		return false;
	symbol = &k->symbols[low - 1];
	end = end_of(k, low - 1);
	if (address >= end || symbol->rank & RANK_MARKER)
		return false;
	module = &k->modules[symbol->module];
	*ret = (struct eo_kernel_symbol){
		.name = k->names + symbol->name,
		.module = module->name,
		.start = symbol->address,
		.end = end,
		.module_start = symbol->module ? module->start : 0,
		.module_end = symbol->module ? module->end : 0,
	};
	return true;
}

bool eo_kernel_hidden(struct eo_kernel *k)
{
	load(k);
	return k->zeros > 0 && k->nonzeros == 0;
}

uint64_t eo_kernel_text_start(struct eo_kernel *k)
{
	load(k);
	return k->text_start;
}

uint64_t eo_kernel_text_end(struct eo_kernel *k)
{
	load(k);
	return k->text_end;
}

size_t eo_kernel_count(struct eo_kernel *k)
{
	load(k);
	return k->count;
}

/* Names and descriptions are padded to four bytes each. */
static void find_build_id(const uint8_t *notes, size_t size, char *ret, size_t ret_size)
{
	size_t at = 0;

	while (size - at >= sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr header;
		uint64_t name, desc, next;

		memcpy(&header, notes + at, sizeof(header));
		name = at + sizeof(header);
		desc = name + (((uint64_t)header.n_namesz + 3) & ~3ull);
		next = desc + (((uint64_t)header.n_descsz + 3) & ~3ull);
		if (desc > size || header.n_descsz > size - desc)
			return;
		if (header.n_type == NT_GNU_BUILD_ID && header.n_namesz == 4 &&
		    !memcmp(notes + name, "GNU", 4) && header.n_descsz < ret_size / 2) {
			for (uint32_t i = 0; i < header.n_descsz; i++)
				snprintf(ret + 2 * i, 3, "%02x", notes[desc + i]);
			return;
		}
		if (next > size)
			return;
		at = next;
	}
}

const char *eo_kernel_build_id(struct eo_kernel *k)
{
	EO_AUTO_CLOSE int fd = -1;
	uint8_t notes[8192];
	ssize_t n;

	if (k->notes_read)
		return k->build_id;
	k->notes_read = true;
	fd = open(NOTES, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return k->build_id;
	n = read(fd, notes, sizeof(notes));
	if (n > 0)
		find_build_id(notes, (size_t)n, k->build_id, sizeof(k->build_id));
	return k->build_id;
}
