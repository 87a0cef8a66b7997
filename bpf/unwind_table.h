/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The unwinding tables that lib/unwind writes and bpf/unwind_table.bpf.h walks.
 *
 * A rule says how to find the caller's frame from a pc; there are few distinct ones (4,084 in
 * 24 million rows of 2,142 files), so they stand once in a dictionary. A row is a pc within its
 * page and the number of its rule, and holds up to the next row. x86-64: the return address lies
 * at CFA - 8 unless the rule says otherwise, and only rsp and rbp are followed. */
#ifndef EO_UNWIND_TABLE_H
#define EO_UNWIND_TABLE_H

#include <linux/types.h>

enum eo_cfa_kind {
	EO_CFA_NONE = 0,	/* no row covers this pc */
	EO_CFA_SP = 1,		/* rsp + cfa_offset */
	EO_CFA_FP = 2,		/* rbp + cfa_offset */
	EO_CFA_PLT = 3,		/* rsp + 8 + ((rip & 15) >= cfa_offset ? 8 : 0): the linkers' PLT expression */
	EO_CFA_DEREF_SP = 4,	/* *(rsp + cfa_offset) + cfa_add */
	EO_CFA_DEREF_FP = 5,	/* *(rbp + cfa_offset) + cfa_add */
	EO_CFA_SIGNAL = 6,	/* a signal frame: rsp points to the kernel's ucontext */
	EO_CFA_END = 7,		/* the return address is undefined: the bottom of the stack */
	EO_CFA_UNSUPPORTED = 8, /* another register or expression */
	EO_CFA_SWITCH = 9, /* rbp + cfa_offset, perhaps on another stack; the bottom when rbp is 0 */
	EO_CFA_KIND_COUNT = 10,
};

enum eo_fp_kind {
	EO_FP_SAME = 0,	  /* the caller's rbp is still in rbp */
	EO_FP_AT_CFA = 1, /* it lies at CFA + fp_offset */
	EO_FP_AT_FP = 2,  /* it lies at rbp + fp_offset */
};

/* Padded to a multiple of 8: elements of an mmap-able array are. */
struct eo_unwind_rule {
	__s32 cfa_offset;
	__s16 cfa_add;
	__s16 fp_offset;
	__u8 cfa_kind; /* enum eo_cfa_kind */
	__u8 fp_kind;  /* enum eo_fp_kind */
	__u16 reserved[3];
};
_Static_assert(sizeof(struct eo_unwind_rule) == 16, "rules are an ABI between bpf/ and lib/");

/* A row in a chunk. */
struct eo_unwind_row {
	__u16 pc;   /* within its page of EO_UNWIND_PAGE bytes */
	__u16 rule; /* in the dictionary; 0: no rule */
};
#define EO_UNWIND_PAGE 4096u
#define EO_UNWIND_PAGE_BITS 12

/* Rows lie in chunks, which are maps of one element. */
#define EO_UNWIND_CHUNK_ROWS 65536u
#define EO_UNWIND_CHUNKS 1024u /* 256 MB; how many are filled is user space's budget */

/* Where the rows of a page are; element of the directory. The first of them covers the page's
 * first byte, so that a search never leaves its page. */
struct eo_unwind_page {
	__u32 first; /* chunk << 16 | row */
	__u32 count; /* 0: no rows */
};

enum eo_unwind_file_state {
	EO_UNWIND_FILE_ABSENT = 0, /* not loaded, or thrown out: user space is asked for it */
	EO_UNWIND_FILE_LOADED = 1,
	EO_UNWIND_FILE_NONE = 2, /* has no table: frame pointers are tried */
};

struct eo_unwind_file {
	__u64 first_page; /* virtual address >> EO_UNWIND_PAGE_BITS */
	__u32 pages;
	__u32 directory; /* of its first page */
	__u32 state;	 /* enum eo_unwind_file_state; written last */
	__u32 used;	 /* the tick of its last use; written by the walker */
};

/* An executable mapping of a process. */
struct eo_unwind_mapping {
	__u64 start, end;
	__u64 bias; /* pc - bias is the file's virtual address */
	__u32 file; /* in the files; EO_UNWIND_NO_FILE: anonymous, code of a JIT */
	__u32 reserved;
};
#define EO_UNWIND_NO_FILE 0xffffffffu

/* A process's mappings, sorted by address: value of the processes map, key tgid. */
struct eo_unwind_process {
	__u32 first, count; /* in the mappings */
};

#endif
