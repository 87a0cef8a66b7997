/* SPDX-License-Identifier: BSD-2-Clause */
/* From an address in a process or the kernel to a name. Everything below lib/symbol/ serves this:
 * processes and their mappings (process.h), ELF files (elf_file.h), the kernel (kernel.h),
 * JIT maps (perf_map.h). Not thread-safe. */
#ifndef EO_SYMBOL_SYMBOLIZER_H
#define EO_SYMBOL_SYMBOLIZER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/auto.h"
#include "core/error.h"
#include "model/profile.h"
#include "symbol/process.h"
#include "symbol/source.h"

/* A mapped file, the kernel, a kernel module, or a kind of anonymous memory. Lives as long as the
 * symbolizer. Two mappings of one file's segment, in any process, are one module. */
struct eo_module {
	uint32_t id; /* dense, from 0, in order of first use */
	const char *name;     /* path, "[kernel.kallsyms]", "[vdso]", "[anon]", "[jit]" … */
	const char *build_id; /* lower-case hex, "" when there is none */
	uint64_t start, limit, offset; /* ELF virtual addresses of the segment; see eo_mapping */
	bool has_symbols;	       /* names came from it, or would have */
};

struct eo_frame {
	const struct eo_module *module; /* NULL: the address is in no known mapping */
	uint64_t address; /* in the module's address space; the raw one when module is NULL */
	const char *name; /* demangled; NULL when unknown; lives as long as the symbolizer */
	const char *system_name;   /* mangled; == name when nothing was demangled */
	uint64_t function_offset;  /* address - start of the function, when named */
	enum eo_frame_kind kind;
};

struct eo_symbolizer_options {
	bool no_symbols;      /* modules and build ids only */
	bool lines;	      /* keep debug information open for eo_symbolizer_find_lines() */
	const char *kallsyms; /* NULL for /proc/kallsyms; needed until new() returns */
};

struct eo_symbolizer;

/** @processes: whose mappings are used; stays the caller's and must outlive the symbolizer. */
int eo_symbolizer_new(const struct eo_symbolizer_options *options, struct eo_processes *processes,
		      struct eo_symbolizer **ret, struct eo_error *err);
void eo_symbolizer_free(struct eo_symbolizer *symbolizer); /* NULL is fine */
EO_DEFINE_AUTO(eo_symbolizer)

/**
 * Name a user address of process @tgid. Always fills @ret, if only with the address.
 * @address: as captured. @is_caller: a return address; looked up, and returned, one byte earlier.
 */
void eo_symbolizer_user(struct eo_symbolizer *symbolizer, uint32_t tgid, uint64_t address,
			bool is_caller, struct eo_frame *ret);
void eo_symbolizer_kernel(struct eo_symbolizer *symbolizer, uint64_t address, bool is_caller,
			  struct eo_frame *ret);

/**
 * Look up file, line and inlined calls of all user addresses named so far, as far as there is debug
 * information. All at once, because that costs a hundredth of one by one; it takes up to seconds
 * for hundreds of megabytes of it.
 */
void eo_symbolizer_find_lines(struct eo_symbolizer *symbolizer);

/**
 * The lines of @address, as it is in a frame of @module, innermost inlined function first; the
 * last one is the function that the frame names.
 * @ret: valid until the next eo_symbolizer_find_lines()
 * Returns how many; 0: unknown, or not looked up.
 */
size_t eo_symbolizer_lines(const struct eo_symbolizer *symbolizer, const struct eo_module *module,
			   uint64_t address, const struct eo_source_line **ret);

/** Once a second: files that are not used any more are closed. */
void eo_symbolizer_tick(struct eo_symbolizer *symbolizer);

/* What could not be named and why, for a hint at the end. */
struct eo_symbolizer_stats {
	uint64_t named, unnamed_in_module, no_module;
	bool kernel_hidden; /* kallsyms shows zeros: kptr_restrict, or CAP_SYSLOG is missing */
	uint64_t files_denied; /* mapped files that could not be opened for want of rights */
};
struct eo_symbolizer_stats eo_symbolizer_stats(const struct eo_symbolizer *symbolizer);

#endif
