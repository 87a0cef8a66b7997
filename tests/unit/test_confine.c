/* SPDX-License-Identifier: BSD-2-Clause */
/* Rights are given up in a child, for there is no way back. */
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/capability.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/confine.h"
#include "emulation.h"

static uint64_t effective(void)
{
	char line[256];
	unsigned long long bits = 0;
	FILE *status = fopen("/proc/thread-self/status", "re");

	while (status && fgets(line, sizeof(line), status))
		sscanf(line, "CapEff: %llx", &bits);
	if (status)
		fclose(status);
	return bits;
}

/* Run @fn in a child, which ends at once: what looks for leaks at a program's end needs rights too.
 * Returns 0, or the line in @fn that was not satisfied. */
static int in_child(int (*fn)(void))
{
	int status = -1;
	pid_t child = fork();

	if (!child)
		_exit(fn());
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

#define DEMAND(condition)                        \
	do {                                     \
		if (!(condition))                \
			return __LINE__ & 0x7f; \
	} while (0)

static int give_up_in_steps(void)
{
	uint64_t before = effective(), kept = eo_confine_for_capture();

	DEMAND(eo_confine_capabilities(kept) == 0);
	if (before & 1ull << CAP_BPF)
		DEMAND(effective() == (before & kept));
	else
		DEMAND((effective() & ~(kept | 1ull << CAP_SYS_ADMIN)) == 0);
	DEMAND(eo_confine_capabilities(0) == 0);
	DEMAND(effective() == 0);
	/* what is gone is gone for good */
	DEMAND(eo_confine_capabilities(kept) == 0);
	DEMAND(effective() == 0);
	return 0;
}

Test(confine, what_is_kept_is_what_was_there_and_asked_for)
{
	int line = in_child(give_up_in_steps);

	cr_assert_eq(line, 0, "line %d, modulo 128", line);
}

static int exec_true(void)
{
	int status = -1;
	pid_t child = fork();

	if (!child) {
		execl("/bin/true", "true", NULL);
		_exit(errno == EPERM ? 100 : 101);
	}
	waitpid(child, &status, 0);
	return WEXITSTATUS(status);
}

static void *exec_in_thread(void *ctx)
{
	int *stage = ctx;

	while (__atomic_load_n(stage, __ATOMIC_ACQUIRE) == 0)
		usleep(1000);
	*stage = exec_true() + 1000;
	return NULL;
}

static int refuse_calls(void)
{
	struct eo_error err = {0};
	pthread_t thread; /* which runs already */
	int stage = 0;

	DEMAND(exec_true() == 0);
	DEMAND(pthread_create(&thread, NULL, exec_in_thread, &stage) == 0);
	DEMAND(eo_confine_calls(&err) == 0);
	__atomic_store_n(&stage, 1, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	if (!eo_confine_has_filter()) {
		DEMAND(exec_true() == 0);
		return 0;
	}
	DEMAND(exec_true() == 100);
	DEMAND(stage == 1100);
	DEMAND(setuid(getuid()) == -1 && errno == EPERM);
	return 0;
}

Test(confine, no_program_is_started_any_more_by_any_thread)
{
	int line;

	SKIP_IN_EMULATION("no seccomp()");
	line = in_child(refuse_calls);
	cr_assert_eq(line, 0, "line %d, modulo 128", line);
}

#ifdef __x86_64__
/* getpid by the door for 32-bit programs. */
static long getpid_32(void)
{
	long result;

	__asm__ volatile("int $0x80" : "=a"(result) : "a"(20) : "memory", "r8", "r9", "r10", "r11");
	return result;
}

static int have_32(void)
{
	DEMAND(getpid_32() == getpid());
	return 0;
}

static int refuse_other_doors(void)
{
	struct eo_error err = {0};

	DEMAND(eo_confine_calls(&err) == 0);
	DEMAND(getpid_32() == -EPERM);
	DEMAND(syscall(0x40000000 | SYS_getpid) == -1 && errno == EPERM); /* x32's */
	DEMAND(getpid() > 0);
	return 0;
}

Test(confine, calls_are_not_made_by_another_interface)
{
	int line;

	if (!eo_confine_has_filter() || in_child(have_32))
		cr_skip_test("no filter, or no calls of 32-bit programs");
	line = in_child(refuse_other_doors);
	cr_assert_eq(line, 0, "line %d, modulo 128", line);
}
#endif

Test(confine, directories_of_others_take_more)
{
	char path[] = "/tmp/eo-confine-XXXXXX";

	cr_assert_not_null(mkdtemp(path));
	cr_assert_eq(eo_confine_for_directory(path), 0);
	if (geteuid() == 0) {
		cr_assert_eq(chown(path, 65534, 65534), 0);
		cr_assert_neq(eo_confine_for_directory(path), 0);
	}
	rmdir(path);
	cr_assert_neq(eo_confine_for_directory(path), 0, "a directory that is to come");
}
