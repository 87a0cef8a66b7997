/* SPDX-License-Identifier: BSD-2-Clause */
/* What people call a mapping. */
#ifndef EO_MODEL_MODULE_NAME_H
#define EO_MODEL_MODULE_NAME_H

#include <string.h>

#include "model/profile.h"

/** "libc.so.6", "[kernel.kallsyms]"; "" for mapping 0 and for one without a name. */
static inline const char *eo_module_name(const struct eo_profile *profile, uint32_t mapping)
{
	const char *path = profile->strings[profile->mappings[mapping].filename];
	/* In brackets stands no path: "[vdso]", "[anon:/some/thing]". */
	const char *slash = path[0] == '[' ? NULL : strrchr(path, '/');

	return slash ? slash + 1 : path;
}

#endif
