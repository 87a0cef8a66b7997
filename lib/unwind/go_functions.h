/* SPDX-License-Identifier: BSD-2-Clause */
/* The functions of a Go program, from the table that Go's runtime walks its stacks by
 * (.gopclntab; runtime.pcHeader and runtime._func of Go 1.18 and later). It is in every Go
 * program, also in a stripped one, and it says what .debug_frame does not: which functions write
 * rsp to run on another stack, and which are the bottom of one.
 *
 * A row gives the CFA by rsp, and rbp where all but a few Go functions save it, at CFA - 16. In
 * functions that write rsp, rbp alone leads to the caller (EO_CFA_SWITCH). Their first row holds
 * for one byte: the instruction behind a push of rbp is the one that sets it. */
#ifndef EO_UNWIND_GO_FUNCTIONS_H
#define EO_UNWIND_GO_FUNCTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/auto.h"
#include "symbol/elf_image.h"
#include "unwind/frame_rows.h"

struct eo_go_functions;

/** After eo_elf_image_load_sections(): whether this is a Go program of whatever version. */
bool eo_go_functions_exist(const struct eo_elf_image *image);

/**
 * @image: with its sections loaded; used until the functions are freed
 * @ret: NULL on failure
 * Returns 0; -ENOENT: no Go program, or none of a version that is known; -ENOEXEC: a table that
 * contradicts itself or the file; -ENOMEM; or what reads return.
 */
int eo_go_functions_new(const struct eo_elf_image *image, struct eo_go_functions **ret);
void eo_go_functions_free(struct eo_go_functions *functions); /* NULL is fine */
EO_DEFINE_AUTO(eo_go_functions)

/** Addresses that they cover, without a gap: [start, end). */
uint64_t eo_go_functions_start(const struct eo_go_functions *functions);
uint64_t eo_go_functions_end(const struct eo_go_functions *functions);
size_t eo_go_functions_count(const struct eo_go_functions *functions);

/**
 * Push the rows of all of them. A function whose entry is damaged is EO_CFA_UNSUPPORTED, and so is
 * all behind one whose address is not above that of the one before.
 * Returns 0, what eo_frame_rows_push() returns, or the errno of a read.
 */
int eo_go_functions_rows(struct eo_go_functions *functions, struct eo_frame_rows *rows);

#endif
