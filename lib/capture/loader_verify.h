/* SPDX-License-Identifier: BSD-2-Clause */
/* One BPF object and the kernel's verifier. The bytes have passed eo_loader_elf_check(). */
#ifndef EO_CAPTURE_LOADER_VERIFY_H
#define EO_CAPTURE_LOADER_VERIFY_H

#include <stddef.h>

#include "capture/loader.h"

struct bpf_object;

#define EO_LOADER_PROGRAMS_MAX 1024u
#define EO_LOADER_HINT_PRIVILEGES "run as root, or grant the binary CAP_BPF and CAP_PERFMON"

/**
 * Let libbpf parse the object, all its programs set to load and none of its maps to be pinned.
 * @ret: the caller closes it
 * Returns 0, or a negative errno and LOAD_FAILED.
 */
int eo_loader_open(const char *name, const void *bytes, size_t size, struct bpf_object **ret,
		   struct eo_error *err);

/**
 * Load the object, and if it is refused each of its programs alone.
 * @reports: zeroed, room for EO_LOADER_PROGRAMS_MAX
 * Returns as eo_loader_validate_program() does.
 */
int eo_loader_verify(const char *name, const void *bytes, size_t size,
		     struct eo_program_report *reports, size_t *ret_count, struct eo_error *err);

#endif
