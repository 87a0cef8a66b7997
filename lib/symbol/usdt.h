/* SPDX-License-Identifier: BSD-2-Clause */
/* Probes that a program declares itself: notes of the name "stapsdt", as <sys/sdt.h> makes them. Each
 * says where in the code it is, and in which registers or memory its arguments are. */
#ifndef EO_SYMBOL_USDT_H
#define EO_SYMBOL_USDT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EO_USDT_ARGUMENTS 12 /* <sys/sdt.h> has no more */
#define EO_USDT_NO_REGISTER 0xff

enum eo_usdt_kind {
	EO_USDT_CONSTANT, /* value */
	EO_USDT_REGISTER, /* base */
	EO_USDT_MEMORY,	  /* at base + index * scale + value */
};

struct eo_usdt_argument {
	enum eo_usdt_kind kind;
	uint8_t size; /* 1, 2, 4 or 8 bytes */
	bool is_signed;
	/* Registers are words of the machine's struct pt_regs, as user space sees it. */
	uint8_t base, index; /* EO_USDT_NO_REGISTER: none */
	uint8_t scale;	     /* 1, 2, 4 or 8 */
	int64_t value;
};

struct eo_usdt_probe {
	size_t name;	    /* index among the names that were asked for */
	uint64_t offset;    /* in the file, of its instruction */
	uint64_t semaphore; /* in the file: 16 bits that count who looks on; 0: none */
	size_t argument_count;
	struct eo_usdt_argument arguments[EO_USDT_ARGUMENTS];
};

/**
 * Read the arguments of a probe, as "8@%rdi -4@-20(%rbp)"; those of another machine, or relative to
 * the code, are not understood.
 * Returns how many there are, or -EINVAL.
 */
int eo_usdt_arguments(const char *text, struct eo_usdt_argument ret[EO_USDT_ARGUMENTS]);

/**
 * The probes of @provider with one of @names; those whose arguments are not understood have none.
 * Nothing in the file is trusted.
 * @fd: any readable file
 * Returns how many there are, at most @room, or a negative errno: -ENOEXEC for what is no ELF file.
 */
int eo_usdt_find(int fd, const char *provider, const char *const *names, size_t name_count,
		 struct eo_usdt_probe *ret, size_t room);

#endif
