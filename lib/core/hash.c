// SPDX-License-Identifier: BSD-2-Clause
#include "core/hash.h"

#include <string.h>
#include <sys/random.h>

#include "core/clock.h"

uint64_t eo_hash_seed(void)
{
	uint64_t seed;

	/* Early at boot there is none; a clock is better than a constant. */
	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed))
		seed = eo_clock_monotonic_ns();
	return seed;
}

/* Both halves of a 128-bit product: every input bit reaches every output bit. */
static uint64_t mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t eo_hash(uint64_t seed, const void *data, size_t size)
{
	/* Odd constants with half of their bits set, from the fractions of sqrt(2) and sqrt(3). */
	const uint64_t k0 = 0x6a09e667f3bcc909, k1 = 0xbb67ae8584caa73b;
	const unsigned char *p = data;
	uint64_t hash = mix(seed ^ k0, size ^ k1), word;

	for (; size >= sizeof(word); p += sizeof(word), size -= sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		hash = mix(hash ^ word, seed ^ k1);
	}
	word = 0;
	if (size)
		memcpy(&word, p, size);
	return mix(hash ^ word ^ k0, k1);
}

uint64_t eo_hash_string(uint64_t seed, const char *text)
{
	return eo_hash(seed, text, strlen(text));
}

uint64_t eo_hash_words(uint64_t seed, const uint64_t *words, size_t count)
{
	return eo_hash(seed, words, count * sizeof(*words));
}
