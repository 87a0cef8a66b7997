/* SPDX-License-Identifier: BSD-2-Clause */
/* A BPF program at many places of a file's code. By one link where the kernel has uprobe_multi
 * (v6.6), which takes milliseconds in all; else by an event for each place, which costs a tenth of a
 * second each to take off again. */
#ifndef EO_CAPTURE_UPROBES_H
#define EO_CAPTURE_UPROBES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/auto.h"
#include "core/error.h"

struct bpf_program;
struct eo_uprobes;

struct eo_uprobe {
	uint64_t offset;    /* in the file */
	uint64_t cookie;    /* bpf_get_attach_cookie() */
	uint64_t semaphore; /* offset of a counter of who looks on; 0: none */
};

/** Does the kernel have the younger interface? Asks it, which takes some ms. */
bool eo_uprobes_have_multi(void);

/** Between open and load: the type of attachment is part of a program. */
void eo_uprobes_prepare(struct bpf_program *program, bool multi);

/**
 * @multi: as it was prepared
 * @at_return: run when the function returns instead
 * @tgid: in this process alone; 0: in all that map the file, now and later
 * @file_fd: the file; needed for the call only
 * @what: for messages
 */
int eo_uprobes_attach(struct bpf_program *program, bool multi, bool at_return, uint32_t tgid,
		      int file_fd, const struct eo_uprobe *places, size_t count, const char *what,
		      struct eo_uprobes **ret, struct eo_error *err);
void eo_uprobes_free(struct eo_uprobes *uprobes); /* NULL is fine; detaches */
EO_DEFINE_AUTO(eo_uprobes)

#endif
