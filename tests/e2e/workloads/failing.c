// SPDX-License-Identifier: BSD-2-Clause
/* For LD_PRELOAD: memory runs out, in the program and in every library it uses; or a disk breaks.
 *   EO_FAIL_AT=N	the N-th allocation fails, once
 *   EO_FAIL_RATE=N	one of N fails, at random but the same ones again with the same
 *   EO_FAIL_SEED=N
 *   EO_FAIL_WRITE_AT=N	instead: this write to a file, and all after it, fails with EIO
 *   EO_FAIL_COUNT=FILE	write there how many were asked for
 * What the C library asks of itself counts as well. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

static unsigned long asked, fail_at, fail_rate, fail_seed, writes, fail_write_at;

static unsigned long number(const char *name)
{
	const char *text = getenv(name);

	return text ? strtoul(text, NULL, 10) : 0;
}

__attribute__((constructor)) static void read_environment(void)
{
	fail_at = number("EO_FAIL_AT");
	fail_rate = number("EO_FAIL_RATE");
	fail_seed = number("EO_FAIL_SEED");
	fail_write_at = number("EO_FAIL_WRITE_AT");
}

__attribute__((destructor)) static void write_count(void)
{
	const char *path = getenv("EO_FAIL_COUNT");
	int fd = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
	char text[24];
	int size;

	if (fd < 0)
		return;
	size = snprintf(text, sizeof(text), "%lu\n", asked);
	if (write(fd, text, (size_t)size) != size)
		unlink(path);
	close(fd);
}

static bool is_refused(void)
{
	unsigned long n = __atomic_add_fetch(&asked, 1, __ATOMIC_RELAXED);
	uint64_t mixed;

	if (n == fail_at)
		return true;
	if (!fail_rate)
		return false;
	mixed = (n + fail_seed * 0x9e3779b97f4a7c15ull) * 0xbf58476d1ce4e5b9ull;
	mixed = (mixed ^ mixed >> 29) * 0x94d049bb133111ebull;
	return (mixed ^ mixed >> 32) % fail_rate == 0;
}

static void *refuse(void)
{
	errno = ENOMEM;
	return NULL;
}

void *malloc(size_t size)
{
	return is_refused() ? refuse() : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return is_refused() ? refuse() : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
	return is_refused() ? refuse() : __libc_realloc(old, size);
}

void *reallocarray(void *old, size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes) || is_refused())
		return refuse();
	return __libc_realloc(old, bytes);
}

ssize_t write(int fd, const void *bytes, size_t size)
{
	struct stat st;

	if (fail_write_at && !fstat(fd, &st) && S_ISREG(st.st_mode) && fd > STDERR_FILENO &&
	    __atomic_add_fetch(&writes, 1, __ATOMIC_RELAXED) >= fail_write_at) {
		errno = EIO;
		return -1;
	}
	return syscall(SYS_write, fd, bytes, size);
}
