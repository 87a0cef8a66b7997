/* SPDX-License-Identifier: BSD-2-Clause */
/* What failed, to what, why, and what a person can do about it. */
#ifndef EO_CORE_ERROR_H
#define EO_CORE_ERROR_H

/* Kinds are part of the library's contract; the command line maps each to one exit status. */
enum eo_error_kind {
	EO_ERROR_NONE = 0,
	EO_ERROR_UNSUPPORTED_PLATFORM,
	EO_ERROR_INSUFFICIENT_PERMISSIONS,
	EO_ERROR_INCOMPATIBLE_KERNEL,
	EO_ERROR_LOAD_FAILED,
	EO_ERROR_ATTACH_FAILED,
	EO_ERROR_MAP_OPERATION_FAILED,
	EO_ERROR_EVENT_PROCESSING_FAILED, /* also I/O on inputs and outputs */
	EO_ERROR_CONFIG,
	EO_ERROR_KIND_COUNT,
};

struct eo_error {
	enum eo_error_kind kind;
	int code;	  /* errno value, 0 when the reason is no errno (then @text is complete) */
	char text[256];	  /* operation and object: "attach perf event cpu 3" */
	const char *hint; /* static text, what the user can do; NULL when there is nothing */
};

/**
 * Fill an error. Earlier contents are overwritten.
 * @err: may be NULL, then only the return value is made
 * @code: errno value, positive; 0 means that @fmt says the reason as well (-EINVAL is returned)
 * @hint: static text or NULL
 * Returns -@code (or -EINVAL).
 */
int eo_error_set(struct eo_error *err, enum eo_error_kind kind, int code, const char *hint,
		 const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/** Give @err a hint if it has none; @hint is static text. @err may be NULL. */
void eo_error_hint(struct eo_error *err, const char *hint);

/** The kind's name, as in "INSUFFICIENT_PERMISSIONS"; "UNKNOWN" out of range. Static text. */
const char *eo_error_kind_name(enum eo_error_kind kind);

/** Exit status of a program that ends with this kind: 0 for NONE, then 1, 2, 3 or 4. */
int eo_error_exit_status(enum eo_error_kind kind);

/**
 * EPERM and EACCES become INSUFFICIENT_PERMISSIONS, everything else @otherwise.
 * @code: positive errno value
 */
enum eo_error_kind eo_error_kind_of(int code, enum eo_error_kind otherwise);

#endif
