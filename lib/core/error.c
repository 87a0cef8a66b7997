/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/auto.h"

/* The one place where a kind becomes an exit status. */
static const struct {
	const char *name;
	int exit_status;
} kinds[EO_ERROR_KIND_COUNT] = {
	[EO_ERROR_NONE] = { "NONE", 0 },
	[EO_ERROR_UNSUPPORTED_PLATFORM] = { "UNSUPPORTED_PLATFORM", 3 },
	[EO_ERROR_INSUFFICIENT_PERMISSIONS] = { "INSUFFICIENT_PERMISSIONS", 4 },
	[EO_ERROR_INCOMPATIBLE_KERNEL] = { "INCOMPATIBLE_KERNEL", 3 },
	[EO_ERROR_LOAD_FAILED] = { "LOAD_FAILED", 1 },
	[EO_ERROR_ATTACH_FAILED] = { "ATTACH_FAILED", 1 },
	[EO_ERROR_MAP_OPERATION_FAILED] = { "MAP_OPERATION_FAILED", 1 },
	[EO_ERROR_EVENT_PROCESSING_FAILED] = { "EVENT_PROCESSING_FAILED", 1 },
	[EO_ERROR_CONFIG] = { "CONFIG_ERROR", 2 },
};

int eo_error_set(struct eo_error *err, enum eo_error_kind kind, int code, const char *hint,
		 const char *fmt, ...)
{
	/* Not straight into err->text: callers wrap errors by passing that very text in. */
	char text[sizeof(err->text)];
	va_list args;

	if (err) {
		va_start(args, fmt);
		vsnprintf(text, sizeof(text), fmt, args);
		va_end(args);
		memcpy(err->text, text, strlen(text) + 1);
		err->kind = kind;
		err->code = code;
		err->hint = hint;
	}
	return code > 0 ? -code : -EINVAL;
}

void eo_error_hint(struct eo_error *err, const char *hint)
{
	if (err && !err->hint)
		err->hint = hint;
}

const char *eo_error_kind_name(enum eo_error_kind kind)
{
	return (size_t)kind < EO_ARRAY_SIZE(kinds) ? kinds[kind].name : "UNKNOWN";
}

int eo_error_exit_status(enum eo_error_kind kind)
{
	return (size_t)kind < EO_ARRAY_SIZE(kinds) ? kinds[kind].exit_status : 1;
}

enum eo_error_kind eo_error_kind_of(int code, enum eo_error_kind otherwise)
{
	return code == EPERM || code == EACCES ? EO_ERROR_INSUFFICIENT_PERMISSIONS : otherwise;
}
