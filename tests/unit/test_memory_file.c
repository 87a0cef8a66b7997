/* SPDX-License-Identifier: BSD-2-Clause */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/memory_file.h"

Test(memory_file, holds_what_it_was_given_and_nothing_else)
{
	static const char bytes[] = "a\0b\n\xff";
	char read[sizeof(bytes) + 1];
	int fd = eo_memory_file("test", bytes, sizeof(bytes));

	cr_assert_geq(fd, 0);
	cr_assert_eq(pread(fd, read, sizeof(read), 0), (ssize_t)sizeof(bytes));
	cr_assert_eq(memcmp(read, bytes, sizeof(bytes)), 0);
	cr_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
}

Test(memory_file, may_be_empty)
{
	struct stat st;
	int fd = eo_memory_file("test", "", 0);

	cr_assert_geq(fd, 0);
	cr_assert_eq(fstat(fd, &st), 0);
	cr_assert_eq(st.st_size, 0);
	close(fd);
}

Test(memory_file, a_failing_write_says_why)
{
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC), read_only = open("/dev/null", O_RDONLY | O_CLOEXEC);

	cr_assert_eq(eo_write_all(full, "x", 1), -ENOSPC);
	cr_assert_eq(eo_write_all(read_only, "x", 1), -EBADF);
	cr_assert_eq(eo_write_all(read_only, "", 0), 0);
	close(full);
	close(read_only);
}
