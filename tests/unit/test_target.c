/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/target.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <ftw.h>
#include <linux/magic.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capture/cgroup.h"
#include "core/auto.h"

static int validate_pid(uint32_t pid, struct eo_error *err)
{
	const struct eo_target target = {.pids = &pid, .pid_count = 1};

	return eo_target_validate(&target, err);
}

static int validate_tid(uint32_t tid, struct eo_error *err)
{
	const struct eo_target target = {.tids = &tid, .tid_count = 1};

	return eo_target_validate(&target, err);
}

Test(target, nobody_in_particular_is_valid)
{
	const struct eo_target target = {0};

	cr_assert_eq(eo_target_validate(&target, NULL), 0);
}

Test(target, a_process_that_lives_is_valid_as_pid_and_tid)
{
	cr_assert_eq(validate_pid((uint32_t)getpid(), NULL), 0);
	cr_assert_eq(validate_tid((uint32_t)getpid(), NULL), 0);
}

Test(target, a_process_that_has_ended_is_a_config_error_that_names_it)
{
	struct eo_error err = {0};
	pid_t child = fork();
	char number[16];

	if (!child)
		_exit(0);
	waitpid(child, NULL, 0);
	snprintf(number, sizeof(number), "%d", child);
	cr_assert_eq(validate_pid((uint32_t)child, &err), -EINVAL);
	cr_assert_eq(err.kind, EO_ERROR_CONFIG);
	cr_assert_eq(err.code, ESRCH);
	cr_assert_not_null(strstr(err.text, number), "%s", err.text);
	cr_assert_eq(validate_tid((uint32_t)child, NULL), -EINVAL);
}

Test(target, numbers_that_kill_takes_for_groups_are_no_processes)
{
	cr_expect_eq(validate_pid(0, NULL), -EINVAL);
	cr_expect_eq(validate_pid(UINT32_MAX, NULL), -EINVAL);
	cr_expect_eq(validate_pid(0x80000000u, NULL), -EINVAL);
	cr_expect_eq(validate_tid(0, NULL), -EINVAL);
}

static void *tell_tid(void *ctx)
{
	int *fds = ctx;
	uint32_t tid = (uint32_t)syscall(SYS_gettid);
	char end;

	if (write(fds[1], &tid, sizeof(tid)) == sizeof(tid))
		if (read(fds[2], &end, 1) < 0)
			return NULL;
	return NULL;
}

Test(target, a_thread_is_no_process_and_the_hint_says_what_to_do)
{
	struct eo_error err = {0};
	int fds[4];
	pthread_t thread;
	uint32_t tid;

	cr_assert_eq(pipe(fds), 0);
	cr_assert_eq(pipe(fds + 2), 0);
	cr_assert_eq(pthread_create(&thread, NULL, tell_tid, fds), 0);
	cr_assert_eq(read(fds[0], &tid, sizeof(tid)), sizeof(tid));

	cr_expect_eq(validate_tid(tid, NULL), 0);
	cr_expect_eq(validate_pid(tid, &err), -EINVAL);
	cr_expect_not_null(err.hint);
	if (err.hint)
		cr_expect_not_null(strstr(err.hint, "-t"));

	close(fds[3]);
	pthread_join(thread, NULL);
	close(fds[0]);
	close(fds[1]);
	close(fds[2]);
}

Test(target, names_must_be_terminated_and_not_empty)
{
	char comms[2][EO_COMM_BYTES] = {"nginx", ""};
	struct eo_target target = {.comms = (const char(*)[EO_COMM_BYTES])comms, .comm_count = 1};

	cr_expect_eq(eo_target_validate(&target, NULL), 0);
	target.comm_count = 2;
	cr_expect_eq(eo_target_validate(&target, NULL), -EINVAL);
	memset(comms[1], 'a', EO_COMM_BYTES);
	cr_expect_eq(eo_target_validate(&target, NULL), -EINVAL);
}

Test(target, more_values_than_the_maps_hold_are_refused)
{
	uint32_t *pids = calloc(EO_TARGET_IDS_MAX + 1, sizeof(*pids));
	struct eo_target target = {.pids = pids, .pid_count = EO_TARGET_IDS_MAX + 1};
	struct eo_error err = {0};

	for (size_t i = 0; i < target.pid_count; i++)
		pids[i] = (uint32_t)getpid();
	cr_expect_eq(eo_target_validate(&target, &err), -EINVAL);
	target.pid_count--;
	cr_expect_eq(eo_target_validate(&target, NULL), 0);
	free(pids);
}

Test(target, a_directory_that_is_no_cgroup_is_refused_by_name)
{
	const char *path = "/proc";
	const struct eo_target target = {.cgroups = &path, .cgroup_count = 1};
	struct eo_error err = {0};

	cr_expect_eq(eo_target_validate(&target, &err), -EINVAL);
	cr_expect_eq(err.kind, EO_ERROR_CONFIG);
	cr_expect_not_null(strstr(err.text, "/proc"));
	path = "/does/not/exist";
	cr_expect_eq(eo_target_validate(&target, &err), -EINVAL);
	cr_expect_eq(err.code, ENOENT);
	cr_expect_not_null(strstr(err.text, "/does/not/exist"));
}

Test(cgroup, the_root_if_there_is_one_is_of_version_2)
{
	EO_AUTO_FREE char *root = NULL;
	struct eo_error err = {0};
	struct statfs fs;

	if (eo_cgroup_root(&root, &err) < 0) {
		cr_assert_eq(err.kind, EO_ERROR_CONFIG);
		return;
	}
	cr_assert_eq(statfs(root, &fs), 0);
	cr_assert_eq((unsigned long)fs.f_type, CGROUP2_SUPER_MAGIC);
	cr_assert_eq(eo_cgroup_validate(root, NULL), 0);
}

Test(cgroup, a_directory_of_version_1_is_refused_with_a_hint)
{
	struct eo_error err = {0};
	struct statfs fs;

	if (statfs("/sys/fs/cgroup/memory", &fs) < 0 ||
	    (unsigned long)fs.f_type != CGROUP_SUPER_MAGIC)
		cr_skip_test("no cgroup of version 1 here");
	cr_assert_eq(eo_cgroup_validate("/sys/fs/cgroup/memory", &err), -EINVAL);
	cr_assert_not_null(strstr(err.text, "v1"));
	cr_assert_not_null(err.hint);
}

#define ID_A "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ID_B "0123fedcba9876540123456789abcdef0123456789abcdef0123456789abcdef"
#define ID_C "9999456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define POD "1f2e3d4c-5b6a-7980-1122-334455667788"
#define POD_UNDER "1f2e3d4c_5b6a_7980_1122_334455667788"

static int remove_entry(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

/* A hierarchy as the runtimes make it, in a plain folder. */
static char root[64];

static void make_tree(void)
{
	static const char *const directories[] = {
		"system.slice",
		"system.slice/docker-" ID_A ".scope",
		"system.slice/docker-" ID_A ".scope/init",
		"docker",
		"docker/" ID_B,
		"machine.slice",
		"machine.slice/libpod-conmon-" ID_C ".scope",
		"machine.slice/libpod-" ID_C ".scope",
		"machine.slice/libpod-" ID_C ".scope/container",
		"machine.slice/deadbeef", /* too short for an id */
		"kubepods.slice",
		"kubepods.slice/kubepods-burstable.slice",
		"kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" POD_UNDER ".slice",
	};
	char path[512];

	strcpy(root, "/tmp/eo-cgroup-XXXXXX");
	cr_assert_not_null(mkdtemp(root));
	for (size_t i = 0; i < EO_ARRAY_SIZE(directories); i++) {
		snprintf(path, sizeof(path), "%s/%s", root, directories[i]);
		cr_assert_eq(mkdir(path, 0700), 0);
	}
	/* A loop that must not be followed. */
	snprintf(path, sizeof(path), "%s/docker/loop", root);
	cr_assert_eq(symlink("..", path), 0);
}

static void remove_tree(void)
{
	nftw(root, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

TestSuite(cgroup_tree, .init = make_tree, .fini = remove_tree);

static void expect_found(const char *prefix, const char *directory)
{
	EO_AUTO_FREE char *path = NULL;
	struct eo_error err = {0};

	cr_expect_eq(eo_cgroup_find_container(root, prefix, &path, &err), 0, "%s: %s", prefix,
		     err.text);
	if (path)
		cr_expect_str_eq(path + strlen(root) + 1, directory);
}

Test(cgroup_tree, containers_are_found_by_the_start_of_their_id)
{
	expect_found("01234", "system.slice/docker-" ID_A ".scope");
	expect_found(ID_A, "system.slice/docker-" ID_A ".scope");
	expect_found("0123f", "docker/" ID_B);
	expect_found("9", "machine.slice/libpod-" ID_C ".scope");
}

static void expect_refused(const char *prefix, const char *reason)
{
	char *path = NULL;
	struct eo_error err = {0};

	cr_expect_eq(eo_cgroup_find_container(root, prefix, &path, &err), -EINVAL);
	cr_expect_eq(err.kind, EO_ERROR_CONFIG);
	cr_expect_not_null(strstr(err.text, reason), "%s", err.text);
	cr_expect_null(path);
}

Test(cgroup_tree, none_or_several_containers_and_no_ids_are_errors)
{
	expect_refused("0123", "several");
	expect_refused("dead", "no such container");
	expect_refused("777", "no such container");
	expect_refused("", "digits");
	expect_refused("web", "digits");
	expect_refused("0123XYZ", "digits");
	expect_refused(ID_A "0", "digits");
}

Test(cgroup_tree, a_pod_is_found_by_its_uid_in_either_spelling)
{
	EO_AUTO_FREE char *path = NULL;
	char plain[512];

	cr_assert_eq(eo_cgroup_find_pod(root, POD, &path, NULL), 0);
	cr_expect_not_null(strstr(path, "kubepods-burstable-pod" POD_UNDER ".slice"));
	free(eo_steal(&path));

	cr_expect_eq(eo_cgroup_find_pod(root, "1f2e3d4c-5b6a", &path, NULL), -EINVAL);
	cr_expect_eq(eo_cgroup_find_pod(root, "web-0", &path, NULL), -EINVAL);

	snprintf(plain, sizeof(plain), "%s/docker/podaaaaaaaa-bbbb-cccc", root);
	cr_assert_eq(mkdir(plain, 0700), 0);
	cr_assert_eq(eo_cgroup_find_pod(root, "aaaaaaaa-bbbb-cccc", &path, NULL), 0);
	cr_expect_str_eq(path, plain);
}
