/* SPDX-License-Identifier: BSD-2-Clause */
#include "symbol/demangle.h"

#include <libiberty/demangle.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/array.h"
#include "core/auto.h"

#define NAME_MAX_BYTES 4096u
#define OUTPUT_MAX_BYTES 65536u

struct output {
	char *text;
	size_t length, capacity;
	jmp_buf stop;
};

typedef int (*demangle_fn)(const char *mangled, int options, demangle_callbackref callback,
			   void *ctx);

/* A few dozen back references make an output of terabytes, and a callback cannot say stop. Both
 * demanglers work on their stack, so leaving by longjmp() loses nothing. */
static void collect(const char *part, size_t size, void *ctx)
{
	struct output *out = ctx;

	if (size == 0) /* @part may be NULL then */
		return;
	if (size >= OUTPUT_MAX_BYTES - out->length)
		longjmp(out->stop, 1);

	if (!EO_ARRAY_RESERVE(out->text, out->length + size + 1, out->capacity, 128))
		longjmp(out->stop, 1);
	memcpy(out->text + out->length, part, size);
	out->length += size;
	out->text[out->length] = '\0';
}

static bool run(demangle_fn fn, const char *mangled, struct output *out)
{
	out->length = 0;
	if (setjmp(out->stop))
		return false;
	return fn(mangled, DMGL_PARAMS | DMGL_ANSI, collect, out) && out->length;
}

/* The end of "17h" + 16 hexadecimal digits + "E", the mark of Rust's first mangling; or NULL. */
static char *legacy_rust_end(char *mangled)
{
	for (char *p = strstr(mangled, "17h"); p; p = strstr(p + 1, "17h")) {
		size_t digits = strspn(p + 3, "0123456789abcdef");

		if (digits == 16 && p[19] == 'E' && (p[20] == '\0' || p[20] == '.'))
			return p + 20;
	}
	return NULL;
}

static bool demangle_rust(char *mangled, struct output *out)
{
	/* What LLVM appends (".llvm.1234") says nothing to a reader. The new mangling knows no
	 * dots; the old one has them inside names too. */
	char *end = mangled[1] == 'R' ? strchr(mangled, '.') : legacy_rust_end(mangled);
	char kept = '\0';

	if (mangled[1] == 'Z' && !end)
		return false;
	if (end) {
		kept = *end;
		*end = '\0';
	}

	bool done = run(rust_demangle_callback, mangled, out);

	if (end)
		*end = kept;
	return done;
}

char *eo_demangle(const char *name)
{
	struct output out = {0};
	size_t length = strnlen(name, NAME_MAX_BYTES + 1);

	if (length > NAME_MAX_BYTES || name[0] != '_' || (name[1] != 'Z' && name[1] != 'R'))
		return NULL;

	/* Version and "@plt" are no part of a mangled name. */
	length = strcspn(name, "@");
	EO_AUTO_FREE char *mangled = strndup(name, length);
	if (!mangled)
		return NULL;

	if (demangle_rust(mangled, &out) ||
	    (mangled[1] == 'Z' && run(cplus_demangle_v3_callback, mangled, &out)))
		return out.text;

	free(out.text);
	return NULL;
}
