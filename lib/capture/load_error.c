/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/load_error.h"

#include <unistd.h>

#include "capture/privileges.h"

int eo_load_failed(const char *operation, int code, struct eo_error *err)
{
	enum eo_error_kind kind = eo_error_kind_of(code, EO_ERROR_LOAD_FAILED);
	const char *hint = "ebpfotel -v shows the kernel's reasons, ebpfotel check what it can do";

	if (kind == EO_ERROR_INSUFFICIENT_PERMISSIONS) {
		hint = EO_HINT_PRIVILEGES;
	} else if (access("/sys/kernel/btf/vmlinux", R_OK) < 0) {
		kind = EO_ERROR_INCOMPATIBLE_KERNEL;
		hint = "the kernel must be built with CONFIG_DEBUG_INFO_BTF; ebpfotel check tells more";
	}
	return eo_error_set(err, kind, code, hint, "%s", operation);
}
