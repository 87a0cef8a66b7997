/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's own symbols, from /proc/kallsyms: text symbols of the kernel, its modules and BPF
 * programs. Read when first asked, about 100 ms and 3 MB. */
#ifndef EO_SYMBOL_KERNEL_H
#define EO_SYMBOL_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/auto.h"
#include "core/error.h"

struct eo_kernel;

struct eo_kernel_symbol {
	const char *name;   /* lives as long as the table */
	const char *module; /* "[nf_tables]", "[bpf]" …, NULL for the kernel proper; lives as long */
	uint64_t start, end;
	uint64_t module_start, module_end; /* of all its functions; 0 for the kernel proper */
};

/** @path: NULL for /proc/kallsyms; tests give another file. */
int eo_kernel_new(const char *path, struct eo_kernel **ret, struct eo_error *err);
void eo_kernel_free(struct eo_kernel *kernel); /* NULL is fine */
EO_DEFINE_AUTO(eo_kernel)

bool eo_kernel_find(struct eo_kernel *kernel, uint64_t address, struct eo_kernel_symbol *ret);
bool eo_kernel_hidden(struct eo_kernel *kernel); /* every address reads as zero */
uint64_t eo_kernel_text_start(struct eo_kernel *kernel); /* _stext, else _text; 0 unknown */
uint64_t eo_kernel_text_end(struct eo_kernel *kernel);	 /* _etext; 0 unknown */
size_t eo_kernel_count(struct eo_kernel *kernel);

/** Build id of the running kernel from /sys/kernel/notes, hex; "" unknown. */
const char *eo_kernel_build_id(struct eo_kernel *kernel);

#endif
