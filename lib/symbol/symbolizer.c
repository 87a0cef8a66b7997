/* SPDX-License-Identifier: BSD-2-Clause */
#include "symbol/symbolizer.h"

#include <errno.h>
#include <string.h>

#include "core/array.h"
#include "symbol/demangle.h"
#include "symbol/file_table.h"
#include "core/hash.h"
#include "core/index.h"
#include "symbol/jit_maps.h"
#include "symbol/kernel.h"
#include "symbol/string_pool.h"

#define RESOLVED_SLOTS 65536u /* power of two */
#define ANON_MODULES_MAX 65536u
#define KERNEL_HALF (1ull << 63)
#define VSYSCALL_START 0xffffffffff600000ull
#define VSYSCALL_END 0xffffffffff601000ull

static const char kernel_name[] = "[kernel.kallsyms]";

struct function {
	uint64_t start;
	const char *name, *system_name;
	uint32_t module;
};

/* What an address led to; the next address with the same place takes it over. */
struct resolved {
	uint64_t vaddr;
	uint32_t module; /* number + 1; 0: empty */
	uint32_t function;
};

struct module {
	struct eo_module module;
	uint64_t owner; /* generation of the process whose memory it is; 0: everybody's */
	struct eo_source *source; /* of its file; NULL: none */
};

struct eo_symbolizer {
	struct eo_processes *processes;
	bool no_symbols;
	struct eo_string_pool *strings;
	struct eo_file_table *files;
	struct eo_jit_maps *jits;
	struct eo_kernel *kernel; /* NULL: may not be read */
	uint64_t seed;

	struct module **modules;
	uint32_t module_count, module_room, anon_modules;
	struct eo_index module_index;

	struct function *functions;
	uint32_t function_count, function_room;
	struct eo_index function_index;

	struct resolved *resolved;
	struct eo_symbolizer_stats stats;
};

int eo_symbolizer_new(const struct eo_symbolizer_options *options, struct eo_processes *processes,
		      struct eo_symbolizer **ret, struct eo_error *err)
{
	EO_AUTO(eo_symbolizer) s = calloc(1, sizeof(*s));

	if (s) {
		s->processes = processes;
		s->no_symbols = options->no_symbols;
		s->seed = eo_hash_seed();
		s->strings = eo_string_pool_new();
		s->files = eo_file_table_new(!options->no_symbols, options->lines);
		s->jits = eo_jit_maps_new();
		s->resolved = calloc(RESOLVED_SLOTS, sizeof(*s->resolved));
	}
	if (!s || !s->strings || !s->files || !s->jits || !s->resolved)
		return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, ENOMEM, NULL,
				    "allocate the symbolizer");
	/* Without it there are no kernel names; the statistics will say so. */
	eo_kernel_new(options->kallsyms, &s->kernel, NULL);
	*ret = eo_steal(&s);
	return 0;
}

void eo_symbolizer_free(struct eo_symbolizer *s)
{
	if (!s)
		return;
	for (uint32_t i = 0; i < s->module_count; i++)
		free(s->modules[i]);
	free(s->modules);
	free(s->functions);
	free(s->resolved);
	eo_index_fini(&s->module_index);
	eo_index_fini(&s->function_index);
	eo_kernel_free(s->kernel);
	eo_jit_maps_free(s->jits);
	eo_file_table_free(s->files);
	eo_string_pool_free(s->strings);
	free(s);
}

/* The module equal to @key, whose texts need not be interned; NULL when memory is out. */
static const struct eo_module *intern_module(struct eo_symbolizer *s, const struct eo_module *key,
					     uint64_t owner, uint32_t *number)
{
	struct eo_module m = *key;
	struct module *module;
	uint32_t hash, cursor = 0, i;

	m.name = eo_string_pool_add(s->strings, key->name);
	m.build_id = eo_string_pool_add(s->strings, key->build_id);
	if (!m.name || !m.build_id)
		return NULL;
	hash = eo_hash_words(s->seed,
			     (uint64_t[]){(uintptr_t)m.name, (uintptr_t)m.build_id, m.start,
					  m.limit, m.offset, owner},
			     6);
	while ((i = eo_index_next(&s->module_index, hash, &cursor)) != EO_INDEX_NONE) {
		const struct eo_module *other = &s->modules[i]->module;

		if (other->name == m.name && other->build_id == m.build_id &&
		    other->start == m.start && other->limit == m.limit &&
		    other->offset == m.offset && other->has_symbols == m.has_symbols &&
		    s->modules[i]->owner == owner) {
			*number = i;
			return other;
		}
	}

	if (!EO_ARRAY_RESERVE(s->modules, s->module_count + 1, s->module_room, 64))
		return NULL;
	module = malloc(sizeof(*module));
	if (!module)
		return NULL;
	if (eo_index_add(&s->module_index, hash, s->module_count) < 0) {
		free(module);
		return NULL;
	}
	m.id = s->module_count;
	*module = (struct module){.module = m, .owner = owner};
	*number = m.id;
	s->modules[s->module_count++] = module;
	return &module->module;
}

/* The function of @module that begins at @start, named @mangled; NONE when memory is out. */
static uint32_t intern_function(struct eo_symbolizer *s, uint32_t module, uint64_t start,
				const char *mangled)
{
	uint32_t hash = eo_hash_words(s->seed, (uint64_t[]){module, start}, 2), cursor = 0, i;
	EO_AUTO_FREE char *demangled = NULL;
	struct function function = {.start = start, .module = module};

	while ((i = eo_index_next(&s->function_index, hash, &cursor)) != EO_INDEX_NONE)
		if (s->functions[i].module == module && s->functions[i].start == start &&
		    !strcmp(s->functions[i].system_name, mangled))
			return i;

	demangled = eo_demangle(mangled);
	function.system_name = eo_string_pool_add(s->strings, mangled);
	function.name = demangled ? eo_string_pool_add(s->strings, demangled) :
				    function.system_name;
	if (!function.name || !function.system_name ||
	    !EO_ARRAY_RESERVE(s->functions, s->function_count + 1, s->function_room, 64) ||
	    eo_index_add(&s->function_index, hash, s->function_count) < 0)
		return EO_INDEX_NONE;
	s->functions[s->function_count] = function;
	return s->function_count++;
}

static void name_by(const struct function *function, struct eo_frame *ret)
{
	ret->name = function->name;
	ret->system_name = function->system_name;
	ret->function_offset = ret->address - function->start;
}

/* Name ret->address, an address of @module, from the symbols of @file. */
static void name_from_file(struct eo_symbolizer *s, struct eo_file *file, uint32_t module,
			   uint32_t tgid, const struct eo_vma *vma, struct eo_frame *ret)
{
	uint32_t hash = eo_hash_words(s->seed, (uint64_t[]){module, ret->address}, 2);
	struct resolved *resolved = &s->resolved[hash & (RESOLVED_SLOTS - 1)];
	struct eo_elf_symbol symbol;
	uint32_t function;

	if (resolved->module == module + 1 && resolved->vaddr == ret->address) {
		name_by(&s->functions[resolved->function], ret);
		return;
	}
	if (eo_file_table_find_symbol(s->files, file, tgid, vma, ret->address, &symbol) < 0)
		return;
	function = intern_function(s, module, symbol.start, symbol.name);
	free(symbol.name);
	if (function == EO_INDEX_NONE)
		return;
	*resolved = (struct resolved){ret->address, module + 1, function};
	name_by(&s->functions[function], ret);
}

/* Name @raw, an address of process @tgid, from its perf map. Returns how many names that has. */
static size_t name_from_jit(struct eo_symbolizer *s, uint32_t tgid, uint64_t raw,
			    struct eo_frame *ret)
{
	uint64_t start;
	size_t count;
	const char *name;

	if (s->no_symbols)
		return 0;
	name = eo_jit_maps_find(s->jits, tgid, eo_processes_generation(s->processes, tgid), raw,
				&start, &count);
	if (name)
		name = eo_string_pool_add(s->strings, name);
	if (name) {
		ret->name = ret->system_name = name;
		ret->function_offset = raw - start;
		ret->kind = EO_FRAME_JIT;
	}
	return count;
}

/* Memory of the process itself: its addresses mean something in this process alone. */
static void in_memory(struct eo_symbolizer *s, uint32_t tgid, const struct eo_vma *vma,
		      struct eo_frame *ret)
{
	size_t count = name_from_jit(s, tgid, ret->address, ret);
	struct eo_module key = {
		.name = vma->path,
		.build_id = "",
		.start = vma->start,
		.limit = vma->end,
		.has_symbols = count > 0,
	};
	uint64_t owner = eo_processes_generation(s->processes, tgid);
	uint32_t before = s->module_count, number;

	if (!*vma->path || !strcmp(vma->path, "//anon") || !strncmp(vma->path, "[anon", 5))
		key.name = "[anon]";
	if (count > 0) {
		key.name = "[jit]";
		ret->kind = EO_FRAME_JIT;
	}
	/* A JIT that maps and unmaps for ever shall not fill our memory. */
	if (s->anon_modules >= ANON_MODULES_MAX) {
		key.start = 0;
		key.limit = KERNEL_HALF;
		owner = 0;
	}
	ret->module = intern_module(s, &key, owner, &number);
	s->anon_modules += s->module_count - before;
}

static bool is_memory_file(const char *path)
{
	static const char *const names[] = {"/memfd:", "/dev/zero", "/SYSV", "/dev/shm/",
					    "/anon_hugepage"};

	for (size_t i = 0; i < EO_ARRAY_SIZE(names); i++)
		if (!strncmp(path, names[i], strlen(names[i])))
			return true;
	return false;
}

/* Copies of one file, in several containers perhaps, are one module: one copy's source will do. */
static void want_lines(struct module *module, struct eo_source *source, uint64_t vaddr)
{
	if (!module->source)
		module->source = source;
	eo_source_want(module->source, vaddr);
}

/* An ELF file: addresses become those that the linker gave. */
static void in_elf(struct eo_symbolizer *s, struct eo_file *file, uint32_t tgid,
		   const struct eo_vma *vma, uint64_t offset, struct eo_frame *ret)
{
	struct eo_file_segment *segment = eo_file_segment_at(file, offset);
	uint64_t raw = ret->address;

	if (!segment)
		segment = &file->segments[0];
	if (!segment->module) {
		const struct eo_module key = {
			.name = file->path,
			.build_id = file->build_id,
			.start = segment->elf.vaddr,
			.limit = segment->elf.vaddr + segment->elf.memory_size,
			.offset = segment->elf.offset,
			.has_symbols = file->has_symbols,
		};

		segment->module = intern_module(s, &key, 0, &segment->module_number);
		if (!segment->module)
			return;
	}
	ret->kind = EO_FRAME_NATIVE;
	ret->module = segment->module;
	ret->address = offset - segment->elf.offset + segment->elf.vaddr;
	if (file->source)
		want_lines(s->modules[segment->module_number], file->source, ret->address);
	if (s->no_symbols)
		return;
	name_from_file(s, file, segment->module_number, tgid, vma, ret);
	/* Some runtimes tell the names of what they carry inside their file. */
	if (!ret->name && file->path[0] == '/')
		name_from_jit(s, tgid, raw, ret);
}

/* A file that is no ELF file or could not be opened: addresses are offsets in it. */
static void in_plain_file(struct eo_symbolizer *s, const char *name, uint32_t tgid,
			  const struct eo_vma *vma, uint64_t offset, struct eo_frame *ret)
{
	const struct eo_module key = {
		.name = name,
		.build_id = "",
		.start = vma->offset,
		.limit = vma->offset + (vma->end - vma->start),
		.offset = vma->offset,
	};
	uint64_t raw = ret->address;
	uint32_t number;

	ret->kind = EO_FRAME_NATIVE;
	ret->module = intern_module(s, &key, 0, &number);
	if (ret->module)
		ret->address = offset;
	name_from_jit(s, tgid, raw, ret);
}

static void in_vdso(struct eo_symbolizer *s, uint32_t tgid, const struct eo_vma *vma,
		    struct eo_frame *ret)
{
	struct eo_file *file = eo_file_table_vdso(s->files, vma);
	const struct eo_vma whole = {.end = vma->end - vma->start};
	uint64_t offset = ret->address - vma->start;

	if (!file)
		return;
	if (file->segment_count > 0)
		in_elf(s, file, tgid, vma, offset, ret);
	else
		in_plain_file(s, file->path, tgid, &whole, offset, ret);
}

static void in_mapping(struct eo_symbolizer *s, uint32_t tgid, const struct eo_vma *vma,
		       struct eo_frame *ret)
{
	uint64_t offset = ret->address - vma->start + vma->offset;
	struct eo_file *file;

	if (!strcmp(vma->path, "[vdso]")) {
		in_vdso(s, tgid, vma, ret);
		return;
	}
	if (vma->path[0] != '/' || vma->path[1] == '/') {
		in_memory(s, tgid, vma, ret);
		return;
	}
	file = eo_file_table_get(s->files, tgid, eo_processes_generation(s->processes, tgid), vma);
	if (!file)
		return;
	if (file->segment_count > 0)
		in_elf(s, file, tgid, vma, offset, ret);
	else if (is_memory_file(vma->path))
		in_memory(s, tgid, vma, ret);
	else
		in_plain_file(s, file->path, tgid, vma, offset, ret);
}

static void count(struct eo_symbolizer *s, const struct eo_frame *frame)
{
	if (frame->name)
		s->stats.named++;
	else if (frame->module)
		s->stats.unnamed_in_module++;
	else
		s->stats.no_module++;
}

/* A return address points behind its call, which may be the first byte of the next function. */
static struct eo_frame begin(uint64_t address, bool is_caller)
{
	return (struct eo_frame){.address = address - (is_caller && address > 0)};
}

void eo_symbolizer_user(struct eo_symbolizer *s, uint32_t tgid, uint64_t address, bool is_caller,
			struct eo_frame *ret)
{
	*ret = begin(address, is_caller);
	if (ret->address >= VSYSCALL_START && ret->address < VSYSCALL_END) {
		const struct eo_module key = {
			.name = "[vsyscall]",
			.build_id = "",
			.start = VSYSCALL_START,
			.limit = VSYSCALL_END,
		};
		uint32_t number;

		ret->module = intern_module(s, &key, 0, &number);
		ret->kind = EO_FRAME_NATIVE;
	} else if (ret->address < KERNEL_HALF) {
		const struct eo_vma *found = eo_processes_find(s->processes, tgid, ret->address);

		if (found) {
			struct eo_vma vma = *found; /* the next call may overwrite it */

			in_mapping(s, tgid, &vma, ret);
		}
	}
	count(s, ret);
}

static const struct eo_module *kernel_module(struct eo_symbolizer *s, bool hidden)
{
	struct eo_module key = {
		.name = kernel_name,
		.build_id = s->kernel ? eo_kernel_build_id(s->kernel) : "",
		.start = KERNEL_HALF,
		.limit = UINT64_MAX,
		.has_symbols = !hidden && !s->no_symbols,
	};
	uint32_t number;

	if (!hidden) {
		key.start = eo_kernel_text_start(s->kernel);
		key.limit = eo_kernel_text_end(s->kernel);
	}
	return intern_module(s, &key, 0, &number);
}

void eo_symbolizer_kernel(struct eo_symbolizer *s, uint64_t address, bool is_caller,
			  struct eo_frame *ret)
{
	bool hidden = !s->kernel || eo_kernel_hidden(s->kernel) || !eo_kernel_count(s->kernel);
	struct eo_kernel_symbol symbol;
	uint32_t number;

	*ret = begin(address, is_caller);
	ret->kind = EO_FRAME_KERNEL;
	if (hidden) {
		s->stats.kernel_hidden = true;
		ret->module = kernel_module(s, true);
	} else if (eo_kernel_find(s->kernel, ret->address, &symbol)) {
		const struct eo_module key = {
			.name = symbol.module,
			.build_id = "",
			.start = symbol.module_start,
			.limit = symbol.module_end,
			.has_symbols = !s->no_symbols,
		};

		ret->module = symbol.module ? intern_module(s, &key, 0, &number) :
					      kernel_module(s, false);
		if (!s->no_symbols) {
			ret->name = ret->system_name = symbol.name;
			ret->function_offset = ret->address - symbol.start;
		}
	} else if (ret->address >= eo_kernel_text_start(s->kernel) &&
		   ret->address < eo_kernel_text_end(s->kernel)) {
		ret->module = kernel_module(s, false);
	}
	count(s, ret);
}

void eo_symbolizer_find_lines(struct eo_symbolizer *s)
{
	eo_file_table_find_lines(s->files);
}

size_t eo_symbolizer_lines(const struct eo_symbolizer *s, const struct eo_module *module,
			   uint64_t address, const struct eo_source_line **ret)
{
	const struct eo_source *source = s->modules[module->id]->source;

	return source ? eo_source_lines(source, address, ret) : 0;
}

void eo_symbolizer_tick(struct eo_symbolizer *s)
{
	eo_file_table_tick(s->files);
}

struct eo_symbolizer_stats eo_symbolizer_stats(const struct eo_symbolizer *s)
{
	struct eo_symbolizer_stats stats = s->stats;

	stats.files_denied = eo_file_table_denied(s->files);
	return stats;
}
