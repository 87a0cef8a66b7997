/* SPDX-License-Identifier: BSD-2-Clause */
/* What the beginning of an input, perhaps all of it, looks like. */
#ifndef EO_FORMAT_READ_RECOGNISE_H
#define EO_FORMAT_READ_RECOGNISE_H

#include <stdbool.h>
#include <stddef.h>

bool eo_is_pprof(const unsigned char *bytes, size_t size);
bool eo_is_otlp(const unsigned char *bytes, size_t size); /* with or without a length before it */
bool eo_is_otlp_behind_length(const unsigned char *bytes, size_t size);
bool eo_is_otlp_json(const unsigned char *bytes, size_t size);
bool eo_is_jsonl(const unsigned char *bytes, size_t size);
bool eo_is_folded(const unsigned char *bytes, size_t size);
bool eo_is_perf_script(const unsigned char *bytes, size_t size);

#endif
