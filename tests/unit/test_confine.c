/* SPDX-License-Identifier: BSD-2-Clause */
/* Each test gives its rights up in a child, for there is no way back. */
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/capability.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/confine.h"

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

/* Criterion's tests are processes of their own, which other tests do not share. */

Test(confine, what_is_kept_is_what_was_there_and_asked_for)
{
	uint64_t before = effective();

	cr_assert_eq(eo_confine_capabilities(eo_confine_for_capture()), 0);
	if (before & 1ull << CAP_BPF)
		cr_assert_eq(effective(), before & eo_confine_for_capture());
	else
		cr_assert_eq(effective() & ~(eo_confine_for_capture() | 1ull << CAP_SYS_ADMIN), 0);
	cr_assert_eq(eo_confine_capabilities(0), 0);
	cr_assert_eq(effective(), 0);
	cr_assert_eq(eo_confine_capabilities(eo_confine_for_capture()), 0);
	cr_assert_eq(effective(), 0, "what is gone is gone for good");
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

Test(confine, no_program_is_started_any_more_by_any_thread)
{
	struct eo_error err = {0};
	pthread_t thread;
	int stage = 0;

	cr_assert_eq(exec_true(), 0);
	cr_assert_eq(pthread_create(&thread, NULL, exec_in_thread, &stage), 0);
	cr_assert_eq(eo_confine_calls(&err), 0, "%s", err.text);
	__atomic_store_n(&stage, 1, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	if (eo_confine_has_filter()) {
		cr_assert_eq(exec_true(), 100);
		cr_assert_eq(stage, 1100, "a thread that ran already: %d", stage);
		cr_assert_eq(setuid(getuid()), -1);
		cr_assert_eq(errno, EPERM);
	} else {
		cr_assert_eq(exec_true(), 0);
	}
}

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
