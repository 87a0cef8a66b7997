// SPDX-License-Identifier: BSD-2-Clause
/* `inlined MS` spends MS milliseconds of CPU time in a function inlined into one that is inlined
 * into another. Tests find the lines by the names in their comments. */
#include <cstdlib>
#include <ctime>

static volatile long sink;

namespace chain {

__attribute__((always_inline)) inline void innermost(long n)
{
	for (long i = 0; i < n; i++)
		sink = sink * 7 + i; // innermost
}

struct Middle {
	long factor;

	__attribute__((always_inline)) void run(long n)
	{
		innermost(n * factor); // middle
	}
};

__attribute__((noinline)) long factor()
{
	return sink ? 100 : 200;
}

/* The first call makes it set up its frame pointer, which leaves otherwise do without. */
__attribute__((noinline)) void outermost(long n)
{
	Middle middle = {factor()};

	middle.run(n); // outermost
	sink = 0;
}

} // namespace chain

int main(int argc, char **argv)
{
	long limit_us = argc == 2 ? atol(argv[1]) * 1000 : 0;

	while (clock() < limit_us * (CLOCKS_PER_SEC / 1000000))
		chain::outermost(1000); // main
	return 0;
}
