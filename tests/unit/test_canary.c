/* SPDX-License-Identifier: BSD-2-Clause */
/* Errors on purpose, built into sanitizer builds alone. The sanitizer run of ./dev test succeeds
 * only if it notices each of them: criterion runs tests in children and calls a test passed whose
 * child has printed a leak report, so that nothing but the text of the report tells. */
#include <criterion/criterion.h>
#include <limits.h>
#include <stdlib.h>

Test(canary, a_leak_is_noticed)
{
	volatile char *p = malloc(77);

	p[0] = 1;
	p = NULL;
}

Test(canary, undefined_behaviour_is_noticed)
{
	volatile int x = INT_MAX;

	x = x + 1;
}

Test(canary, a_use_after_free_is_noticed)
{
	char *volatile p = calloc(1, 7);
	volatile char *stale = p;

	free(p);
	stale[3] = 1;
}
