/* SPDX-License-Identifier: BSD-2-Clause */
/* Hashes for tables in memory. Keys come from processes and files that may want long chains, so
 * every table draws a seed of its own. Any 32 of the 64 bits are as good as the others. */
#ifndef EO_CORE_HASH_H
#define EO_CORE_HASH_H

#include <stddef.h>
#include <stdint.h>

/** A number from the kernel that nobody else knows. */
uint64_t eo_hash_seed(void);

uint64_t eo_hash(uint64_t seed, const void *data, size_t size);
uint64_t eo_hash_string(uint64_t seed, const char *text);
uint64_t eo_hash_words(uint64_t seed, const uint64_t *words, size_t count);

#endif
