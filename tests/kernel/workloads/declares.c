// SPDX-License-Identifier: BSD-2-Clause
/* An allocator that tells of itself by probes, otel_memory:alloc and free, with notes as <sys/sdt.h>
 * makes them. It has neither malloc() nor free(). Writes "ready", does one step for each byte that it
 * reads, and writes "done" after it. It ends with its input.
 *
 *   declares        each probe is passed when somebody looks on, by its semaphore
 *
 * One step: 211 blocks of 24 bytes, of which 101 are given back; 17 of 1009 bytes whose address is in
 * memory, at the top of a stack frame; 13 that fail; 7 given back that were never taken. */
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "steps.h"

#define SECTION_PROBES __attribute__((section(".probes"), used))
SECTION_PROBES volatile unsigned short otel_memory_alloc_semaphore;
SECTION_PROBES volatile unsigned short otel_memory_free_semaphore;

#define NOTE(name, arguments)                                                                    \
	"990: nop\n"                                                                             \
	".pushsection .note.stapsdt, \"\", \"note\"\n"                                           \
	".balign 4\n"                                                                            \
	".4byte 992f - 991f, 994f - 993f, 3\n"                                                   \
	"991: .asciz \"stapsdt\"\n"                                                              \
	"992: .balign 4\n"                                                                       \
	"993: .8byte 990b, _.stapsdt.base, otel_memory_" name "_semaphore\n"                     \
	".asciz \"otel_memory\"\n"                                                               \
	".asciz \"" name "\"\n"                                                                  \
	".asciz \"" arguments "\"\n"                                                             \
	"994: .balign 4\n"                                                                       \
	".popsection\n"                                                                          \
	".ifndef _.stapsdt.base\n"                                                               \
	".pushsection .stapsdt.base, \"aG\", \"progbits\", .stapsdt.base, comdat\n"              \
	".weak _.stapsdt.base\n"                                                                 \
	".hidden _.stapsdt.base\n"                                                               \
	"_.stapsdt.base: .space 1\n"                                                             \
	".size _.stapsdt.base, 1\n"                                                              \
	".popsection\n"                                                                          \
	".endif\n"

static void *pool_take(uintptr_t address, size_t size)
{
	if (otel_memory_alloc_semaphore)
		__asm__ volatile(NOTE("alloc", "8@%0 8@%1") : : "r"(address), "r"(size));
	return (void *)address;
}

/* The address in memory, the size in four bytes. */
static void *pool_take_large(uintptr_t address, unsigned int size)
{
	volatile uintptr_t place = address;

	if (otel_memory_alloc_semaphore)
		__asm__ volatile(NOTE("alloc", "8@%0 4@%1") : : "m"(place), "r"(size));
	return (void *)address;
}

static void pool_give(void *address)
{
	if (otel_memory_free_semaphore)
		__asm__ volatile(NOTE("free", "8@%0") : : "r"(address));
}

int main(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	say("ready\n");
	step();
	for (uintptr_t i = 0; i < 211; i++)
		pool_take(0x10000 + 32 * i, 24);
	for (uintptr_t i = 0; i < 101; i++)
		pool_give((void *)(0x10000 + 32 * i));
	for (uintptr_t i = 0; i < 17; i++)
		pool_take_large(0x20000 + 1024 * i, 1009);
	for (int i = 0; i < 13; i++)
		pool_take(0, 64);
	for (uintptr_t i = 0; i < 7; i++)
		pool_give((void *)(0x30000 + i));
	say("done\n");
	step();
	return 0;
}
