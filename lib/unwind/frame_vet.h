/* SPDX-License-Identifier: BSD-2-Clause */
/* Which entries of .eh_frame libunwind can be trusted with. It takes some numbers in them at their
 * word (1.6: the column of the return address, the register that another one was moved to) and
 * indexes with them, and divides as an expression asks it to, so that a file could crash it. What
 * compilers, linkers and assembly in libraries really write is let through, nothing else. */
#ifndef EO_UNWIND_FRAME_VET_H
#define EO_UNWIND_FRAME_VET_H

#include <stdbool.h>
#include <stddef.h>

/** An FDE, its CIE, and both programs, of x86-64; each entry from its length on. */
bool eo_frame_vet(const unsigned char *fde, size_t fde_size, const unsigned char *cie,
		  size_t cie_size);

#endif
