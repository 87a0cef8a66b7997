// SPDX-License-Identifier: BSD-2-Clause
/* What is hard to unwind, forever: recursion, callbacks out of libc and libstdc++, exceptions,
 * alloca(), a signal handler, a second thread. Built without frame pointers. Writes its pid.
 * With a number as its argument only recursion, always as deep as that. */
#include <alloca.h>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <sys/prctl.h>
#include <sys/time.h>
#include <thread>
#include <unistd.h>
#include <vector>

static volatile unsigned long sink;

__attribute__((noinline)) static void bottom()
{
	std::map<std::string, int> words;

	for (int i = 0; i < 50; i++) {
		std::ostringstream text;

		text << i * 7919 % 1000;
		words[text.str()]++;
	}
	sink = sink + words.size();
}

__attribute__((noinline)) static unsigned long descend(int depth)
{
	volatile char kept[40];

	if (depth == 0) {
		bottom();
		return 1;
	}
	kept[depth % 40] = (char)depth;
	return descend(depth - 1) + kept[depth % 40];
}

__attribute__((noinline)) static void throw_from(int depth)
{
	if (depth == 0)
		throw std::runtime_error("thrown");
	throw_from(depth - 1);
	sink = sink + 1;
}

static int compare(const void *a, const void *b)
{
	sink = sink + 1;
	return *(const int *)a - *(const int *)b;
}

__attribute__((noinline)) static void sort_in(size_t room)
{
	char *bytes = (char *)alloca(room);
	std::vector<int> numbers(300);
	std::function<bool(int, int)> more = [](int a, int b) { return a > b; };

	memset(bytes, 1, room);
	sink = sink + bytes[room / 2];
	for (int &number : numbers)
		number = rand();
	qsort(numbers.data(), numbers.size(), sizeof(int), compare);
	std::sort(numbers.begin(), numbers.end(), more);
}

static void on_alarm(int)
{
	for (int i = 0; i < 300000; i++)
		sink = sink + 1;
}

static void work()
{
	for (;;) {
		for (int depth = 0; depth < 60; depth += 7)
			descend(depth);
		for (int i = 0; i < 20; i++) {
			try {
				throw_from(i);
			} catch (const std::exception &) {
			}
		}
		sort_in(16 + (size_t)rand() % 3000);
	}
}

int main(int argc, char **argv)
{
	/* No multiple of a sampling period, or samples fall beside the handler for seconds on end. */
	itimerval every = {{0, 17239}, {0, 17239}};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGALRM, on_alarm);
	if (argc == 1)
		setitimer(ITIMER_REAL, &every, nullptr);
	printf("%d\n", getpid());
	fflush(stdout);
	while (argc > 1)
		descend(atoi(argv[1]));
	std::thread other(work);
	work();
}
