/* SPDX-License-Identifier: BSD-2-Clause */
/* json_loadb() for when memory runs out. jansson 2.14 does not look at each of its allocations: its
 * lexer goes on without the byte that found no room, so that a text comes out as another one, and
 * its error paths free what was never made. Here the first allocation that fails ends it. */
#ifndef EO_CORE_JSON_LOAD_H
#define EO_CORE_JSON_LOAD_H

#include <jansson.h>
#include <stddef.h>

/**
 * As json_loadb(); NULL and error text "out of memory" when that is it. What was made by then is
 * lost for good: this is for whoever gives up the work, as all readers do.
 */
json_t *eo_json_load(const char *bytes, size_t size, size_t flags, json_error_t *error);

#endif
