/* SPDX-License-Identifier: BSD-2-Clause */
/* Records of system calls made by hand, and what becomes of them. */
#ifndef EO_TESTS_SYSCALL_RECORD_H
#define EO_TESTS_SYSCALL_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "syscall/call.h"
#include "syscall/decode.h"

/* The pieces come one after the other; they must fit. */
struct made_record {
	struct eo_syscall_record record;
	size_t size;
	bool redact; /* decode it without the texts of the program */
};

struct made_record *make_record_on(enum eo_machine machine, const char *name, int64_t ret,
				   const uint64_t args[EO_SYSCALL_ARGS]);
/* make("read", 5, 3, 0x1000, 5) */
#define make(name, ret, ...) \
	make_record_on(EO_MACHINE_X86, name, ret, (const uint64_t[EO_SYSCALL_ARGS]){ __VA_ARGS__ })
#define make_arm(name, ret, ...) \
	make_record_on(EO_MACHINE_ARM, name, ret, (const uint64_t[EO_SYSCALL_ARGS]){ __VA_ARGS__ })

void add_piece(struct made_record *made, unsigned int arg, unsigned int flags, uint32_t total,
	       const void *bytes, size_t size);
#define add_text(made, arg, text)	add_piece(made, arg, 0, 0, text, strlen(text))
#define add_struct(made, arg, object)	add_piece(made, arg, 0, 0, &(object), sizeof(object))

/* The data as JSON, or the text. Both end the record and are freed by the caller. */
char *data_of(enum eo_machine machine, struct made_record *made);
char *line_of(enum eo_machine machine, struct made_record *made);

/* The data are @expected; of expect_args() the object of arguments. */
void expect_data(struct made_record *made, const char *expected);
void expect_args(struct made_record *made, const char *expected);
void expect_args_on(enum eo_machine machine, struct made_record *made, const char *expected);
void expect_line(struct made_record *made, const char *expected);

#endif
