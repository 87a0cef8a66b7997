// SPDX-License-Identifier: BSD-2-Clause
/* A library that calls back, for churn.c. */
#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_(a, b)

static volatile unsigned int sink;

void plugin(void (*call)(unsigned int), unsigned int n);
void JOIN(WHO, plugin)(void (*call)(unsigned int), unsigned int n);

__attribute__((noinline)) void JOIN(WHO, plugin)(void (*call)(unsigned int), unsigned int n)
{
	volatile char room[FRAME];

	room[n % FRAME] = 1;
	call(n);
	sink = sink + (unsigned int)room[n % FRAME];
}

void plugin(void (*call)(unsigned int), unsigned int n)
{
	JOIN(WHO, plugin)(call, n);
	sink = sink + 1;
}
