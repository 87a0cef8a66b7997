/* SPDX-License-Identifier: BSD-2-Clause */
/* Finds the number of an equal element: the open-addressing half of interning.
 *
 * The set holds numbers and hashes only; elements and their comparison stay with the table that
 * owns them. A slot is eight bytes, 32 of the hash and 32 of the number, so growing never looks
 * at an element again. Not thread-safe. */
#ifndef EO_MODEL_INTERN_H
#define EO_MODEL_INTERN_H

#include <stddef.h>
#include <stdint.h>

struct eo_intern {
	uint64_t *slots; /* hash << 32 | number; number 0: free */
	size_t mask;	 /* slots - 1 */
	size_t count;
};

void eo_intern_fini(struct eo_intern *set);

/**
 * The next number whose hash equals @hash, or 0 when there is none left.
 * @cursor: 0 at first, then as it was left; the set must not change in between
 */
uint32_t eo_intern_next(const struct eo_intern *set, uint64_t hash, size_t *cursor);

/** Add @number, which is not 0. Returns 0 or -ENOMEM. */
int eo_intern_add(struct eo_intern *set, uint64_t hash, uint32_t number);

/** A hash that nobody can aim at who does not know @seed. */
uint64_t eo_hash(const void *bytes, size_t len, uint64_t seed);

/** A number from the kernel, for eo_hash(). */
uint64_t eo_hash_seed(void);

#endif
