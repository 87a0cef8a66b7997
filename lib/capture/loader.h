/* SPDX-License-Identifier: BSD-2-Clause */
/* BPF objects as files or bytes: may they run here, and what does the verifier say? */
#ifndef EO_CAPTURE_LOADER_H
#define EO_CAPTURE_LOADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/auto.h"
#include "core/config.h"
#include "core/error.h"

struct eo_loader;

/* One program of an object, after it went through the verifier. */
struct eo_program_report {
	char name[64];
	const char *type;	 /* "perf_event"; static text */
	bool accepted;
	uint32_t instructions;	 /* as in the object */
	uint32_t verified;	 /* instructions the verifier walked; 0: the kernel does not tell */
	uint64_t load_ns;
	char log[2048];		 /* rejected: the end of the verifier's log */
};

/** @config: copied, validated. */
int eo_loader_new(const struct eo_config *config, struct eo_loader **ret, struct eo_error *err);
void eo_loader_free(struct eo_loader *loader); /* NULL is fine; unloads */
EO_DEFINE_AUTO(eo_loader)

/**
 * Can this machine load BPF programs at all, with the privileges at hand?
 * Returns 0 or UNSUPPORTED_PLATFORM, INCOMPATIBLE_KERNEL, INSUFFICIENT_PERMISSIONS.
 */
int eo_loader_check_system_support(const struct eo_loader *loader, struct eo_error *err);

/**
 * Pass each program of a BPF ELF object through the verifier; nothing stays loaded.
 * @reports: malloc()ed array, the caller's; filled also when a program is rejected, NULL and 0
 * when it did not come to that
 * Returns 0, or LOAD_FAILED with the first rejected program's name.
 */
int eo_loader_validate_program(const struct eo_loader *loader, const char *name, const void *bytes,
			       size_t size, struct eo_program_report **reports,
			       size_t *report_count, struct eo_error *err);

/** Load all programs of a BPF ELF object and keep them. -EALREADY when one is loaded. */
int eo_loader_load(struct eo_loader *loader, const char *name, const void *bytes, size_t size,
		   struct eo_error *err);
bool eo_loader_is_loaded(const struct eo_loader *loader);
/** -EINVAL when nothing is loaded. */
int eo_loader_unload(struct eo_loader *loader, struct eo_error *err);
const struct eo_config *eo_loader_config(const struct eo_loader *loader);

#endif
