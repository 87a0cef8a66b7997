// SPDX-License-Identifier: BSD-2-Clause
/* Holds 307 blocks of 1009 bytes at its exit, among 100,003 that come and go. */
#include <stdlib.h>
#include <unistd.h>

static void *volatile held[307];

__attribute__((noinline)) static void keep_some(void)
{
	for (int i = 0; i < 307; i++)
		held[i] = malloc(1009);
}

int main(void)
{
	keep_some();
	for (int i = 0; i < 100003; i++) {
		void *volatile p = malloc(16 + (size_t)i % 257);

		free(p);
	}
	_exit(0);
}
