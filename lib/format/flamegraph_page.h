/* SPDX-License-Identifier: BSD-2-Clause */
/* The page of a flame graph, made at build time from the files in flamegraph/. */
#ifndef EO_FORMAT_FLAMEGRAPH_PAGE_H
#define EO_FORMAT_FLAMEGRAPH_PAGE_H

/* The title goes behind the first part, the data behind the second. */
#define EO_FLAMEGRAPH_PAGE_PARTS 3

extern const char *const eo_flamegraph_page[EO_FLAMEGRAPH_PAGE_PARTS];

#endif
