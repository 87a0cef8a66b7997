/* SPDX-License-Identifier: BSD-2-Clause */
/* One gzip member into a stream. The header holds no time and no name, so that equal input gives
 * equal bytes. */
#ifndef EO_FORMAT_GZIP_H
#define EO_FORMAT_GZIP_H

#include <stddef.h>
#include <stdio.h>

#include "core/auto.h"

struct eo_gzip;

/** @out stays the caller's and must outlive the result. Returns NULL when memory is out. */
struct eo_gzip *eo_gzip_new(FILE *out);
void eo_gzip_free(struct eo_gzip *gzip); /* NULL is fine */
EO_DEFINE_AUTO(eo_gzip)

/** Returns 0 or a negative errno: @out could not take what was ready. */
int eo_gzip_write(struct eo_gzip *gzip, const void *bytes, size_t len);

/** The end of the member. Returns as write does; what @out still buffers is the caller's. */
int eo_gzip_finish(struct eo_gzip *gzip);

#endif
