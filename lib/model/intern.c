/* SPDX-License-Identifier: BSD-2-Clause */
#include "model/intern.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define FIRST_SLOTS 64

void eo_intern_fini(struct eo_intern *set)
{
	free(set->slots);
	*set = (struct eo_intern){ 0 };
}

uint32_t eo_intern_next(const struct eo_intern *set, uint64_t hash, size_t *cursor)
{
	uint64_t tag = hash >> 32;

	if (!set->slots)
		return 0;
	for (;;) {
		uint64_t slot = set->slots[(tag + *cursor) & set->mask];

		if (!(uint32_t)slot)
			return 0;
		++*cursor;
		if (slot >> 32 == tag)
			return (uint32_t)slot;
	}
}

static void put(uint64_t *slots, size_t mask, uint64_t slot)
{
	size_t at = (slot >> 32) & mask;

	while ((uint32_t)slots[at])
		at = (at + 1) & mask;
	slots[at] = slot;
}

static int grow(struct eo_intern *set)
{
	size_t slots = set->slots ? 2 * (set->mask + 1) : FIRST_SLOTS;
	uint64_t *larger = calloc(slots, sizeof(*larger));

	if (!larger)
		return -ENOMEM;
	for (size_t i = 0; set->slots && i <= set->mask; i++)
		if ((uint32_t)set->slots[i])
			put(larger, slots - 1, set->slots[i]);
	free(set->slots);
	set->slots = larger;
	set->mask = slots - 1;
	return 0;
}

int eo_intern_add(struct eo_intern *set, uint64_t hash, uint32_t number)
{
	/* At most three quarters full: linear probing stays short. */
	if (!set->slots || set->count >= (set->mask + 1) / 4 * 3) {
		int r = grow(set);

		if (r < 0)
			return r;
	}
	put(set->slots, set->mask, (hash >> 32) << 32 | number);
	set->count++;
	return 0;
}

/* Both halves of a 128-bit product: every input bit reaches every output bit. */
static uint64_t mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t eo_hash(const void *bytes, size_t len, uint64_t seed)
{
	/* Odd constants with half of their bits set, from the fractions of sqrt(2) and sqrt(3). */
	const uint64_t k0 = 0x6a09e667f3bcc909, k1 = 0xbb67ae8584caa73b;
	const unsigned char *p = bytes;
	uint64_t hash = mix(seed ^ k0, len ^ k1);
	uint64_t word;

	for (; len >= sizeof(word); p += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		hash = mix(hash ^ word, seed ^ k1);
	}
	word = 0;
	if (len)
		memcpy(&word, p, len);
	return mix(hash ^ word ^ k0, k1);
}

uint64_t eo_hash_seed(void)
{
	uint64_t seed;
	struct timespec now;

	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) == sizeof(seed))
		return seed;
	/* Early at boot there is none; a clock is better than a constant. */
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec << 30 ^ (uint64_t)now.tv_nsec;
}
