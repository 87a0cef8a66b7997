/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/json_load.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* jansson's allocator takes no context, so this is the one place where it can be found: set only
 * while this thread loads something. */
static _Thread_local jmp_buf *way_out;

static void *allocate(size_t size)
{
	void *memory = malloc(size);

	if (!memory && way_out)
		longjmp(*way_out, 1);
	return memory;
}

json_t *eo_json_load(const char *bytes, size_t size, size_t flags, json_error_t *error)
{
	json_t *root;
	jmp_buf here;

	/* The same each time; blocks made before or elsewhere are malloc()'s as well. */
	json_set_alloc_funcs(allocate, free);
	if (setjmp(here)) {
		way_out = NULL;
		memset(error, 0, sizeof(*error));
		error->line = error->column = 1;
		snprintf(error->text, sizeof(error->text), "out of memory");
		return NULL;
	}
	way_out = &here;
	root = json_loadb(bytes, size, flags, error);
	way_out = NULL;
	return root;
}
