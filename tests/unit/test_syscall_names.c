/* SPDX-License-Identifier: BSD-2-Clause */
#include <criterion/criterion.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "syscall/names.h"
#include "syscall/tables.h"
#include "syscall_list_checks.h"

static const struct eo_name_list *list_of(enum eo_machine machine, const char *name)
{
	for (uint32_t i = 0; i < eo_name_list_count; i++)
		if (!strcmp(eo_name_lists[machine][i].name, name))
			return &eo_name_lists[machine][i];
	cr_assert_fail("no list %s", name);
	return NULL;
}

void check_list(const char *list_name, const char *name, int64_t value)
{
	const struct eo_name_list *list = list_of(EO_MACHINE_HERE, list_name);
	uint64_t wanted = (uint64_t)value;

	/* Of int, or of 64 bits. */
	if (value < 0 && value >= INT32_MIN)
		wanted = (uint32_t)value;
	for (uint32_t i = 0; i < list->count; i++) {
		if (strcmp(list->names[i].name, name))
			continue;
		cr_expect_eq(list->names[i].value, wanted, "%s of %s is %#llx, not %#llx", name,
			     list_name, (unsigned long long)wanted,
			     (unsigned long long)list->names[i].value);
		return;
	}
	/* One number has one name in an enum. */
	cr_expect(!list->flags && eo_name_of(list, wanted), "no %s in %s", name, list_name);
}

Test(syscall_names, values_are_those_of_the_headers)
{
	cr_expect_geq(check_library_headers(), 600u);
	cr_expect_geq(check_kernel_headers(), 600u);
}

/* Enumerators are no macros. */
Test(syscall_names, values_are_those_of_enumerators)
{
	check_list("epoll_bits", "EPOLLIN", EPOLLIN);
	check_list("epoll_bits", "EPOLLRDHUP", EPOLLRDHUP);
	check_list("epoll_bits", "EPOLLONESHOT", EPOLLONESHOT);
	check_list("epoll_bits", "EPOLLET", (int64_t)EPOLLET);
	check_list("epoll_flags", "EPOLL_CLOEXEC", EPOLL_CLOEXEC);
	check_list("waitid_which", "P_PIDFD", P_PIDFD);
	check_list("bpf_cmd", "BPF_MAP_CREATE", BPF_MAP_CREATE);
	check_list("bpf_cmd", "BPF_LINK_CREATE", BPF_LINK_CREATE);
	check_list("bpf_cmd", "BPF_PROG_BIND_MAP", BPF_PROG_BIND_MAP);
	check_list("perf_type", "PERF_TYPE_BREAKPOINT", PERF_TYPE_BREAKPOINT);
	check_list("ptrace_request", "PTRACE_SEIZE", PTRACE_SEIZE);
	check_list("ptrace_request", "PTRACE_GET_RSEQ_CONFIGURATION", PTRACE_GET_RSEQ_CONFIGURATION);
}

static void expect_flags(enum eo_machine machine, const char *list, uint64_t value,
			 const char *expected)
{
	char text[512] = "";
	char *end = eo_names_of_flags(list_of(machine, list), value, text, text + sizeof(text) - 1);

	*end = '\0';
	cr_expect_str_eq(text, expected, "%s is not %s", text, expected);
}

Test(syscall_names, flags_are_joined_and_the_rest_is_hex)
{
	expect_flags(EO_MACHINE_X86, "open_flags", 0, "O_RDONLY");
	expect_flags(EO_MACHINE_X86, "open_flags", 02000101, "O_WRONLY|O_CREAT|O_CLOEXEC");
	expect_flags(EO_MACHINE_X86, "open_flags", 3, "0x3");
	expect_flags(EO_MACHINE_X86, "open_flags", 04010000, "O_RDONLY|O_SYNC");
	expect_flags(EO_MACHINE_X86, "open_flags", 010000, "O_RDONLY|O_DSYNC");
	expect_flags(EO_MACHINE_X86, "open_flags", 020200002, "O_RDWR|O_TMPFILE");
	expect_flags(EO_MACHINE_X86, "open_flags", 0200000, "O_RDONLY|O_DIRECTORY");
	expect_flags(EO_MACHINE_ARM, "open_flags", 040000, "O_RDONLY|O_DIRECTORY");
	expect_flags(EO_MACHINE_X86, "open_flags", 1ull << 63, "O_RDONLY|0x8000000000000000");
	expect_flags(EO_MACHINE_X86, "prot", 0, "PROT_NONE");
	expect_flags(EO_MACHINE_X86, "prot", 7, "PROT_READ|PROT_WRITE|PROT_EXEC");
	expect_flags(EO_MACHINE_ARM, "prot", 0x11, "PROT_READ|PROT_BTI");
	expect_flags(EO_MACHINE_X86, "map_flags", 0x62, "MAP_PRIVATE|MAP_ANONYMOUS|MAP_32BIT");
	expect_flags(EO_MACHINE_X86, "map_flags", 3, "MAP_SHARED_VALIDATE");
	expect_flags(EO_MACHINE_X86, "map_flags", 0x50040022,
		     "MAP_PRIVATE|MAP_ANONYMOUS|MAP_HUGETLB|0x50000000");
	expect_flags(EO_MACHINE_X86, "map_flags", 0x54040022,
		     "MAP_PRIVATE|MAP_ANONYMOUS|MAP_HUGETLB|MAP_HUGE_2MB");
	expect_flags(EO_MACHINE_X86, "statx_mask", 0x7ff, "STATX_BASIC_STATS");
	expect_flags(EO_MACHINE_X86, "statx_mask", 0xfff, "STATX_ALL");
	expect_flags(EO_MACHINE_X86, "statx_mask", 0x3, "STATX_TYPE|STATX_MODE");
	expect_flags(EO_MACHINE_X86, "socket_type", 02000005, "SOCK_SEQPACKET|SOCK_CLOEXEC");
	expect_flags(EO_MACHINE_X86, "at_flags", 0, "0");
}

Test(syscall_names, flags_are_cut_where_there_is_no_room)
{
	for (size_t size = 1; size < 32; size++) {
		char *text = calloc(1, size);
		char *end = eo_names_of_flags(list_of(EO_MACHINE_X86, "open_flags"), 0x7fffffff,
					      text, text + size);

		cr_expect_eq(end, text + size);
		free(text);
	}
}

Test(syscall_names, numbers_of_a_list)
{
	const struct eo_name_list *list = list_of(EO_MACHINE_X86, "ioctl_cmd");

	cr_expect_str_eq(eo_name_of(list, 0x5401), "TCGETS");
	cr_expect_str_eq(eo_name_of(list, 0x541b), "FIONREAD");
	cr_expect_str_eq(eo_name_of(list, 0x5413), "TIOCGWINSZ");
	cr_expect_str_eq(eo_name_of(list, 0x80045430), "TIOCGPTN");
	cr_expect_null(eo_name_of(list, 0));
	cr_expect_null(eo_name_of(list, UINT64_MAX));
	cr_expect_null(eo_name_of(list, 0x5402 + 0x100000000));
}
