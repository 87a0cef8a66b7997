/* SPDX-License-Identifier: BSD-2-Clause */
/* The static table of HPACK (RFC 7541, appendix A), and the names that are of interest. */
#ifndef EO_NET_HPACK_TABLE_H
#define EO_NET_HPACK_TABLE_H

#include "net/hpack.h"

#define EO_HPACK_STATIC_COUNT 61

struct eo_hpack_row {
	const char *name, *value; /* "" where there is none */
};

/** @index: from 1 to EO_HPACK_STATIC_COUNT */
const struct eo_hpack_row *eo_hpack_static(uint32_t index);

enum eo_hpack_name eo_hpack_name_of(const char *name, size_t size);

#endif
