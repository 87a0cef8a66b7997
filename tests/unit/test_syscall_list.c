/* SPDX-License-Identifier: BSD-2-Clause */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "core/auto.h"
#include "syscall/call_list.h"

static size_t count_of(const struct eo_syscall_set *set)
{
	size_t count = 0;

	for (size_t i = 0; i < EO_ARRAY_SIZE(set->bits); i++)
		count += (size_t)__builtin_popcountll(set->bits[i]);
	return count;
}

static bool has(const struct eo_syscall_set *set, const char *name)
{
	int nr = eo_syscall_find(name);

	cr_assert_geq(nr, 0, "%s", name);
	return eo_syscall_set_has(set, (uint32_t)nr);
}

static struct eo_syscall_set parsed(const char *text)
{
	struct eo_syscall_set set;
	struct eo_error err = { 0 };

	cr_assert_eq(eo_syscall_list_parse(text, &set, &err), 0, "%s: %s", text, err.text);
	return set;
}

static void refused(const char *text, const char *words)
{
	struct eo_syscall_set set = { { 77 } };
	struct eo_error err = { 0 };

	cr_assert_eq(eo_syscall_list_parse(text, &set, &err), -EINVAL, "%s", text);
	cr_expect_eq(err.kind, EO_ERROR_CONFIG);
	cr_expect_str_eq(err.text, words, "%s is not %s", err.text, words);
	cr_expect_not_null(err.hint);
	cr_expect_eq(set.bits[0], 77, "a list that is refused changes nothing");
}

Test(syscall_list, names_and_numbers)
{
	struct eo_syscall_set set = parsed("openat,read,511,0");
	uint32_t read = (uint32_t)eo_syscall_find("read");

	cr_expect(has(&set, "openat") && has(&set, "read"));
	cr_expect(eo_syscall_set_has(&set, 511) && eo_syscall_set_has(&set, 0));
	cr_expect_eq(count_of(&set), read ? 4 : 3);
	cr_expect_not(eo_syscall_set_has(&set, 512));
	cr_expect_not(eo_syscall_set_has(&set, UINT32_MAX));
}

Test(syscall_list, classes)
{
	struct eo_syscall_set set = parsed("%network"), plain = parsed("network"),
			      alias = parsed("%net"), more = parsed("%net,getppid");

	cr_expect(has(&set, "connect") && has(&set, "sendmsg") && !has(&set, "read"));
	cr_expect_arr_eq(&set, &plain, sizeof(set));
	cr_expect_arr_eq(&set, &alias, sizeof(set));
	cr_expect_eq(count_of(&more), count_of(&set) + 1);
	set = parsed("%file");
	cr_expect(has(&set, "openat") && has(&set, "execve") && has(&set, "statx") &&
		  !has(&set, "read") && !has(&set, "fstat"));
	set = parsed("%desc");
	cr_expect(has(&set, "read") && has(&set, "openat") && has(&set, "mmap") &&
		  has(&set, "epoll_create1") && !has(&set, "munmap"));
	set = parsed("%process");
	cr_expect(has(&set, "execve") && has(&set, "clone") && has(&set, "exit_group") &&
		  has(&set, "wait4") && has(&set, "kill") && !has(&set, "getpid"));
	set = parsed("%memory");
	cr_expect(has(&set, "mmap") && has(&set, "brk") && has(&set, "mprotect") &&
		  !has(&set, "read"));
	set = parsed("%signal");
	cr_expect(has(&set, "rt_sigaction") && has(&set, "tgkill") && !has(&set, "read"));
	set = parsed("%ipc");
	cr_expect(has(&set, "shmget") && has(&set, "semop") && has(&set, "msgrcv"));
	cr_expect_eq(count_of(&set), 12);
}

Test(syscall_list, all_none_and_all_others)
{
	struct eo_syscall_set set = parsed("all"), none = parsed("none"), others = parsed("!read");

	cr_expect_eq(count_of(&set), 512);
	cr_expect_eq(count_of(&none), 0);
	cr_expect_eq(count_of(&others), 511);
	cr_expect_not(has(&others, "read"));
	others = parsed("!%network,read,%ipc");
	cr_expect_not(has(&others, "read") || has(&others, "socket") || has(&others, "shmat"));
	cr_expect(has(&others, "write") && eo_syscall_set_has(&others, 511));
	cr_expect_eq(count_of(&others) + count_of(&(struct eo_syscall_set[]){
		     parsed("%network,read,%ipc") }[0]), 512);
}

Test(syscall_list, straces_way_of_writing)
{
	struct eo_syscall_set plain = parsed("read"), set = parsed("trace=read");

	cr_expect_arr_eq(&set, &plain, sizeof(set));
	set = parsed("trace=!read");
	cr_expect_eq(count_of(&set), 511);
	set = parsed("?no_such_call,read");
	cr_expect_arr_eq(&set, &plain, sizeof(set));
}

Test(syscall_list, a_bad_word_is_named_with_the_nearest_one)
{
	char longest[300];

	refused("opneat", "no system call 'opneat', did you mean 'openat'?");
	refused("read,raed,write", "no system call 'raed', did you mean 'read'?");
	refused("%netwrok", "no system call '%netwrok', did you mean '%network'?");
	refused("!gettid,xyzzyxyzzy", "no system call 'xyzzyxyzzy'");
	refused("512", "no system call '512'");
	refused("99999999999999999999", "no system call '99999999999999999999'");
	refused("10x", "no system call '10x'");
	refused("", "a list of system calls has an empty place");
	refused("!", "a list of system calls has an empty place");
	refused("read,", "a list of system calls has an empty place");
	refused(",read", "a list of system calls has an empty place");
	refused("?", "a list of system calls has an empty place");
	refused("trace=", "a list of system calls has an empty place");
	refused("READ", "no system call 'READ'");
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	cr_expect_eq(eo_syscall_list_parse(longest, &(struct eo_syscall_set){ 0 }, NULL), -EINVAL);
}

Test(syscall_list, errors_by_name_and_number)
{
	struct eo_errno_set set;
	struct eo_error err = { 0 };

	cr_assert_eq(eo_errno_list_parse("ENOENT,EWOULDBLOCK,110,ERESTARTSYS,ENOGRACE", &set, &err), 0);
	cr_expect(eo_errno_set_has(&set, 2) && eo_errno_set_has(&set, 11) &&
		  eo_errno_set_has(&set, 110) && eo_errno_set_has(&set, 512) &&
		  eo_errno_set_has(&set, 531));
	cr_expect_not(eo_errno_set_has(&set, 1) || eo_errno_set_has(&set, 0) ||
		      eo_errno_set_has(&set, 600));
	cr_expect_eq(eo_errno_list_parse("ENOENT,EACCESS", &set, &err), -EINVAL);
	cr_expect_str_eq(err.text, "no error 'EACCESS', did you mean 'EACCES'?");
	cr_expect_eq(eo_errno_list_parse("0", &set, &err), -EINVAL);
	cr_expect_eq(eo_errno_list_parse("532", &set, &err), -EINVAL);
	cr_expect_eq(eo_errno_list_parse("enoent", &set, &err), -EINVAL);
	cr_expect_eq(eo_errno_list_parse("", &set, &err), -EINVAL);
}
