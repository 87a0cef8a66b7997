/* SPDX-License-Identifier: BSD-2-Clause */
/* Records made by hand become the data that ebpfotel-events(7) promises. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#include "core/auto.h"
#include "syscall_record.h"

Test(syscall_decode, a_call_has_the_promised_keys_in_the_promised_order)
{
	struct made_record *made = make("openat", -2, (uint64_t)-100, 0x1000, O_CLOEXEC);

	add_piece(made, 0, EO_PIECE_FD, 0, "/etc", 4);
	add_text(made, 1, "hosts");
	expect_data(made, "{\"name\":\"openat\",\"nr\":257,\"path\":\"/etc/hosts\",\"args\":{"
			  "\"dfd\":-100,\"dfd_path\":\"/etc\",\"filename\":\"hosts\","
			  "\"flags\":\"O_RDONLY|O_CLOEXEC\"},"
			  "\"ret\":-2,\"error\":\"ENOENT\",\"duration_ns\":1834}");
}

Test(syscall_decode, a_call_without_arguments_has_none)
{
	expect_data(make("getppid", 4711, 7),
		    "{\"name\":\"getppid\",\"nr\":110,\"args\":{},\"ret\":4711,\"duration_ns\":1834}");
}

Test(syscall_decode, an_unknown_number_stays_one)
{
	struct made_record *made = make("getpid", -38, 1, 2, 3, 4, 5, 0xffffffffffffffff);

	made->record.nr = 480;
	add_text(made, 0, "nothing");
	expect_data(made, "{\"name\":\"syscall_480\",\"nr\":480,\"args\":{\"arg1\":\"0x1\","
			  "\"arg2\":\"0x2\",\"arg3\":\"0x3\",\"arg4\":\"0x4\",\"arg5\":\"0x5\","
			  "\"arg6\":\"0xffffffffffffffff\"},"
			  "\"ret\":-38,\"error\":\"ENOSYS\",\"duration_ns\":1834}");
	made = make("getpid", -38);
	made->record.nr = 0xffffffff;
	made->record.flags = EO_SYSCALL_NO_ENTRY;
	expect_data(made, "{\"name\":\"syscall_4294967295\",\"nr\":4294967295,\"ret\":-38,"
			  "\"error\":\"ENOSYS\"}");
}

Test(syscall_decode, other_abis_have_numbers_of_their_own)
{
	struct made_record *made = make("read", 3, 1, 0xfffffffff000, 3);

	made->record.abi = EO_ABI_COMPAT;
	made->record.nr = 20;
	expect_data(made, "{\"name\":\"getpid\",\"nr\":20,\"abi\":\"i386\",\"args\":{},\"ret\":3,"
			  "\"duration_ns\":1834}");
	/* Registers are 32 bits wide there. */
	made = make("read", 3, 0xffffffffffffff9c, 0xffffffff1000, 0xffffffff00000003);
	made->record.abi = EO_ABI_COMPAT;
	made->record.nr = 3;
	expect_data(made, "{\"name\":\"read\",\"nr\":3,\"abi\":\"i386\",\"args\":{\"fd\":-100,"
			  "\"buf_ptr\":\"0xffff1000\",\"count\":3},\"ret\":3,\"duration_ns\":1834}");
	made = make("read", 3);
	made->record.abi = EO_ABI_X32;
	made->record.nr = 534;
	made->record.flags = EO_SYSCALL_NO_ENTRY;
	expect_data(made, "{\"name\":\"preadv\",\"nr\":534,\"abi\":\"x32\",\"ret\":3}");
	made = make("read", 3);
	made->record.abi = 200;
	made->record.flags = EO_SYSCALL_NO_ENTRY | EO_SYSCALL_NO_RETURN;
	expect_data(made, "{\"name\":\"syscall_0\",\"nr\":0}");
}

Test(syscall_decode, restarts_are_no_errors)
{
	static const struct {
		int64_t ret;
		const char *rest;
	} cases[] = {
		{ -4, "\"ret\":-4,\"error\":\"EINTR\",\"duration_ns\":1834}" },
		{ -511, "\"ret\":-511,\"error\":\"errno_511\",\"duration_ns\":1834}" },
		{ -512, "\"ret\":-512,\"duration_ns\":1834,\"interrupted\":true}" },
		{ -516, "\"ret\":-516,\"duration_ns\":1834,\"interrupted\":true}" },
		{ -517, "\"ret\":-517,\"error\":\"EPROBE_DEFER\",\"duration_ns\":1834}" },
		{ -4095, "\"ret\":-4095,\"error\":\"errno_4095\",\"duration_ns\":1834}" },
		{ -4096, "\"ret\":-4096,\"duration_ns\":1834}" },
	};

	for (size_t i = 0; i < EO_ARRAY_SIZE(cases); i++) {
		char expected[256] = "{\"name\":\"pause\",\"nr\":34,\"args\":{},";

		strcat(expected, cases[i].rest);
		expect_data(make("pause", cases[i].ret), expected);
	}
}

Test(syscall_decode, a_call_that_never_returns_has_no_result)
{
	struct made_record *made = make("exit_group", 0, 3);

	made->record.flags = EO_SYSCALL_NO_RETURN;
	expect_data(made, "{\"name\":\"exit_group\",\"nr\":231,\"args\":{\"error_code\":3}}");
}

Test(syscall_decode, a_call_that_began_before_has_no_arguments)
{
	struct made_record *made = make("execve", 0, 1, 2, 3);

	made->record.flags = EO_SYSCALL_NO_ENTRY;
	expect_data(made, "{\"name\":\"execve\",\"nr\":59,\"ret\":0}");
}

Test(syscall_decode, an_address_that_is_returned_is_one)
{
	expect_data(make("brk", 0x55aa00001000, 0),
		    "{\"name\":\"brk\",\"nr\":12,\"args\":{\"brk\":\"0x0\"},"
		    "\"ret_address\":\"0x55aa00001000\",\"duration_ns\":1834}");
	expect_data(make("mmap", -12, 0, 4096, 3, 0x22, (uint64_t)-1, 0),
		    "{\"name\":\"mmap\",\"nr\":9,\"args\":{\"addr\":\"0x0\",\"len\":4096,"
		    "\"prot\":\"PROT_READ|PROT_WRITE\",\"flags\":\"MAP_PRIVATE|MAP_ANONYMOUS\","
		    "\"fd\":-1,\"off\":\"0x0\"},\"ret\":-12,\"error\":\"ENOMEM\","
		    "\"duration_ns\":1834}");
}

/* --- paths --- */

Test(syscall_decode, a_path_is_told_only_where_its_beginning_is_known)
{
	struct made_record *made = make("unlinkat", 0, 5, 0x1000, 0);

	add_text(made, 1, "a/b");
	expect_data(made, "{\"name\":\"unlinkat\",\"nr\":263,\"args\":{\"dfd\":5,"
			  "\"pathname\":\"a/b\",\"flag\":\"0\"},\"ret\":0,\"duration_ns\":1834}");
	made = make("unlinkat", 0, 5, 0x1000, AT_REMOVEDIR);
	add_piece(made, 0, EO_PIECE_FD, 0, "/", 1);
	add_text(made, 1, "a/b");
	expect_data(made, "{\"name\":\"unlinkat\",\"nr\":263,\"path\":\"/a/b\",\"args\":{\"dfd\":5,"
			  "\"dfd_path\":\"/\",\"pathname\":\"a/b\",\"flag\":\"AT_REMOVEDIR\"},"
			  "\"ret\":0,\"duration_ns\":1834}");
	made = make("unlinkat", 0, 5, 0x1000, 0);
	add_piece(made, 0, EO_PIECE_FD, 0, "socket:[3]", 10);
	add_text(made, 1, "a/b");
	expect_data(made, "{\"name\":\"unlinkat\",\"nr\":263,\"args\":{\"dfd\":5,"
			  "\"dfd_path\":\"socket:[3]\",\"pathname\":\"a/b\",\"flag\":\"0\"},"
			  "\"ret\":0,\"duration_ns\":1834}");
	made = make("chdir", 0, 0x1000);
	add_text(made, 0, "/srv");
	expect_data(made, "{\"name\":\"chdir\",\"nr\":80,\"path\":\"/srv\",\"args\":{"
			  "\"filename\":\"/srv\"},\"ret\":0,\"duration_ns\":1834}");
	/* A link's contents are a text, what is made is the file. */
	made = make("symlinkat", 0, 0x1000, 5, 0x2000);
	add_text(made, 0, "/no/where");
	add_piece(made, 1, EO_PIECE_FD, 0, "/srv", 4);
	add_text(made, 2, "link");
	expect_data(made, "{\"name\":\"symlinkat\",\"nr\":266,\"path\":\"/srv/link\",\"args\":{"
			  "\"oldname\":\"/no/where\",\"newdfd\":5,\"newdfd_path\":\"/srv\","
			  "\"newname\":\"link\"},\"ret\":0,\"duration_ns\":1834}");
}

Test(syscall_decode, a_descriptors_path_is_the_events_where_no_argument_names_one)
{
	struct made_record *made = make("sendfile", 7, 4, 3, 0, 7);

	add_piece(made, 0, EO_PIECE_FD, 0, "socket:[17]", 11);
	add_piece(made, 1, EO_PIECE_FD, 0, "/etc/hosts", 10);
	expect_data(made, "{\"name\":\"sendfile\",\"nr\":40,\"path\":\"/etc/hosts\",\"args\":{"
			  "\"out_fd\":4,\"out_fd_path\":\"socket:[17]\",\"in_fd\":3,"
			  "\"offset_ptr\":\"0x0\",\"count\":7},\"ret\":7,\"duration_ns\":1834}");
}

Test(syscall_decode, the_path_of_an_open_folder_itself)
{
	struct made_record *made = make("newfstatat", 0, 5, 0x1000, 0x2000, AT_EMPTY_PATH);

	add_piece(made, 0, EO_PIECE_FD, 0, "/srv", 4);
	add_text(made, 1, "");
	expect_data(made, "{\"name\":\"newfstatat\",\"nr\":262,\"path\":\"/srv\",\"args\":{\"dfd\":5,"
			  "\"dfd_path\":\"/srv\",\"filename\":\"\",\"statbuf_ptr\":\"0x2000\","
			  "\"flag\":\"AT_EMPTY_PATH\"},\"ret\":0,\"duration_ns\":1834}");
}

/* --- texts and bytes --- */

Test(syscall_decode, what_is_not_whole_says_so)
{
	struct made_record *made = make("access", 0, 0x1000, R_OK | X_OK);

	add_piece(made, 0, EO_PIECE_CUT | EO_PIECE_LATE, 0, "/long", 5);
	expect_args(made, "{\"filename\":\"/long\",\"filename_cut\":true,\"filename_late\":true,"
			  "\"mode\":\"R_OK|X_OK\"}");
	made = make("access", -14, 0xdead, F_OK);
	add_piece(made, 0, EO_PIECE_FAULT, 0, NULL, 0);
	expect_args(made, "{\"filename_ptr\":\"0xdead\",\"mode\":\"F_OK\"}");
	expect_args(make("access", -14, 0, 8), "{\"filename_ptr\":\"0x0\",\"mode\":\"0x8\"}");
}

Test(syscall_decode, bytes_that_are_no_text_are_hex)
{
	struct made_record *made = make("write", 5, 1, 0x1000, 5);

	add_text(made, 1, "a\nb\"c");
	expect_args(made, "{\"fd\":1,\"buf\":\"a\\nb\\\"c\",\"count\":5}");
	made = make("write", 4, 1, 0x1000, 4);
	add_piece(made, 1, 0, 4, "\x7f" "ELF", 4);
	expect_args(made, "{\"fd\":1,\"buf\":\"\\u007fELF\",\"count\":4}");
	made = make("write", 6, 1, 0x1000, 6);
	add_piece(made, 1, EO_PIECE_CUT, 6, "a\0\xff", 3);
	expect_args(made, "{\"fd\":1,\"buf_hex\":\"6100ff\",\"buf_cut\":true,\"count\":6}");
	/* A character that the cut goes through is left out, a broken one makes no text. */
	made = make("write", 9, 1, 0x1000, 9);
	add_piece(made, 1, EO_PIECE_CUT, 9, "a\xc3\xa4\xe2\x82", 5);
	expect_args(made, "{\"fd\":1,\"buf\":\"a\xc3\xa4\",\"buf_cut\":true,\"count\":9}");
	made = make("write", 5, 1, 0x1000, 5);
	add_piece(made, 1, 0, 5, "a\xc3\xa4\xe2\x82", 5);
	expect_args(made, "{\"fd\":1,\"buf_hex\":\"61c3a4e282\",\"count\":5}");
	made = make("write", 0, 1, 0x1000, 0);
	add_piece(made, 1, 0, 0, "", 0);
	expect_args(made, "{\"fd\":1,\"buf\":\"\",\"count\":0}");
}

Test(syscall_decode, a_command_line_is_an_array)
{
	struct made_record *made = make("execve", 0, 0x1000, 0x2000, 0x3000);

	add_text(made, 0, "/bin/echo");
	add_piece(made, 1, EO_PIECE_CUT, 3, "echo\0\0a b", 10);
	expect_args(made, "{\"filename\":\"/bin/echo\",\"argv\":[\"echo\",\"\",\"a b\"],"
			  "\"argv_cut\":true,\"envp\":\"0x3000\"}");
}

Test(syscall_decode, a_long_command_line_has_an_end)
{
	struct made_record *made = make("execve", 0, 0x1000, 0x2000, 0x3000);
	char zeros[8000] = "";
	EO_AUTO_FREE char *text = NULL;
	size_t count = 0;

	add_piece(made, 1, 0, sizeof(zeros), zeros, sizeof(zeros));
	text = data_of(EO_MACHINE_X86, made);
	for (const char *p = text; (p = strstr(p, "\"\"")); p += 2)
		count++;
	cr_expect_eq(count, 32, "%zu elements", count);
}

Test(syscall_decode, vectors_are_counted)
{
	struct made_record *made = make("writev", 12, 1, 0x1000, 2);
	uint64_t vectors[4] = { 0x10, 5, 0x20, 7 };

	add_piece(made, 1, 0, 2, vectors, sizeof(vectors));
	expect_args(made, "{\"fd\":1,\"vec\":{\"count\":2,\"bytes\":12},\"vlen\":2}");
	made = make("writev", 12, 1, 0x1000, 200);
	add_piece(made, 1, EO_PIECE_CUT, 200, vectors, sizeof(vectors));
	expect_args(made, "{\"fd\":1,\"vec\":{\"count\":200,\"bytes\":12},\"vec_cut\":true,"
			  "\"vlen\":200}");
}

/* --- socket addresses --- */

static struct made_record *connect_to(const void *address, size_t size)
{
	struct made_record *made = make("connect", 0, 3, 0x1000, size);

	add_piece(made, 1, 0, (uint32_t)size, address, size);
	return made;
}

Test(syscall_decode, addresses_of_sockets)
{
	struct sockaddr_in inet = { .sin_family = AF_INET, .sin_port = htons(443),
				    .sin_addr.s_addr = htonl(0x7f000001) };
	struct sockaddr_in6 inet6 = { .sin6_family = AF_INET6, .sin6_port = htons(53),
				      .sin6_addr.s6_addr = { 0xfe, 0x80, [15] = 7 },
				      .sin6_scope_id = 2 };
	struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "/run/a" };
	uint16_t family = 33;

	expect_args(connect_to(&inet, sizeof(inet)),
		    "{\"fd\":3,\"addr\":{\"family\":\"ipv4\",\"address\":\"127.0.0.1\",\"port\":443},"
		    "\"addrlen\":16}");
	expect_args(connect_to(&inet6, sizeof(inet6)),
		    "{\"fd\":3,\"addr\":{\"family\":\"ipv6\",\"address\":\"fe80::7\",\"port\":53,"
		    "\"scope_id\":2},\"addrlen\":28}");
	expect_args(connect_to(&un, sizeof(un)),
		    "{\"fd\":3,\"addr\":{\"family\":\"unix\",\"path\":\"/run/a\"},\"addrlen\":110}");
	memcpy(un.sun_path, "\0name\0x", 7);
	expect_args(connect_to(&un, 9),
		    "{\"fd\":3,\"addr\":{\"family\":\"unix\",\"path\":\"@name@x\"},\"addrlen\":9}");
	expect_args(connect_to(&un, 2), "{\"fd\":3,\"addr\":{\"family\":\"unix\"},\"addrlen\":2}");
	expect_args(connect_to(&inet, 3), "{\"fd\":3,\"addr\":{\"family\":\"ipv4\"},\"addrlen\":3}");
	expect_args(connect_to(&inet, 1), "{\"fd\":3,\"addr_ptr\":\"0x1000\",\"addrlen\":1}");
	expect_args(connect_to(&family, 2),
		    "{\"fd\":3,\"addr\":{\"family\":\"AF_RXRPC\"},\"addrlen\":2}");
	family = 999;
	expect_args(connect_to(&family, 2), "{\"fd\":3,\"addr\":{\"family\":\"999\"},\"addrlen\":2}");
	expect_args(connect_to("\x10\0\0\0\x07\0\0\0\x01\0\0\0", 12),
		    "{\"fd\":3,\"addr\":{\"family\":\"netlink\",\"pid\":7,\"groups\":\"0x1\"},"
		    "\"addrlen\":12}");
	expect_args(connect_to("\x11\0\x08\0\x02\0\0\0", 8),
		    "{\"fd\":3,\"addr\":{\"family\":\"packet\",\"protocol\":\"0x800\",\"ifindex\":2},"
		    "\"addrlen\":8}");
	expect_args(connect_to("\x28\0\0\0\x51\0\0\0\x03\0\0\0", 12),
		    "{\"fd\":3,\"addr\":{\"family\":\"vsock\",\"cid\":3,\"port\":81},\"addrlen\":12}");
}

Test(syscall_decode, an_accepted_peer_and_the_length_of_its_address)
{
	struct sockaddr_in inet = { .sin_family = AF_INET, .sin_port = htons(80) };
	struct made_record *made = make("accept4", 5, 3, 0x1000, 0x2000, SOCK_CLOEXEC);
	int len = sizeof(inet);

	add_piece(made, 1, 0, sizeof(inet), &inet, sizeof(inet));
	add_struct(made, 2, len);
	expect_args(made, "{\"fd\":3,\"addr\":{\"family\":\"ipv4\",\"address\":\"0.0.0.0\",\"port\":80},"
			  "\"addrlen\":16,\"flags\":\"SOCK_CLOEXEC\"}");
	expect_args(make("accept", 5, 3, 0, 0),
		    "{\"fd\":3,\"addr_ptr\":\"0x0\",\"addrlen_ptr\":\"0x0\"}");
}

/* --- structs --- */

Test(syscall_decode, short_times_are_nanoseconds_and_long_ones_are_not)
{
	struct timespec time = { 1, 500000000 };
	struct made_record *made = make("nanosleep", 0, 0x1000, 0);

	add_struct(made, 0, time);
	expect_args(made, "{\"rqtp_ns\":1500000000,\"rmtp\":\"0x0\"}");
	time = (struct timespec){ 1795302061, 7 };
	made = make("clock_gettime", 0, 0, 0x1000);
	add_struct(made, 1, time);
	expect_args(made, "{\"which_clock\":\"CLOCK_REALTIME\",\"tp\":{\"sec\":1795302061,\"nsec\":7}}");
	time = (struct timespec){ -1, 1000000000 };
	made = make("nanosleep", -22, 0x1000, 0);
	add_struct(made, 0, time);
	expect_args(made, "{\"rqtp\":{\"sec\":-1,\"nsec\":1000000000},\"rmtp\":\"0x0\"}");
	time = (struct timespec){ INT64_MIN, INT64_MIN };
	made = make("nanosleep", -22, 0x1000, 0);
	add_struct(made, 0, time);
	expect_args(made, "{\"rqtp\":{\"sec\":\"-0x8000000000000000\","
			  "\"nsec\":\"-0x8000000000000000\"},\"rmtp\":\"0x0\"}");
}

Test(syscall_decode, times_in_pairs)
{
	struct itimerspec timer = { .it_interval = { 2, 0 }, .it_value = { 0, 3 } };
	struct timespec times[2] = { { 0, UTIME_NOW }, { 0, UTIME_OMIT } };
	int64_t timeval[4] = { 1, 5, 0, 0 };
	struct made_record *made = make("timerfd_settime", 0, 5, 1, 0x1000, 0);

	add_struct(made, 2, timer);
	expect_args(made, "{\"ufd\":5,\"flags\":\"TFD_TIMER_ABSTIME\",\"utmr\":{\"interval_ns\":2000000000,"
			  "\"value_ns\":3},\"otmr_ptr\":\"0x0\"}");
	made = make("utimensat", 0, (uint64_t)-100, 0, 0x1000, 0);
	add_struct(made, 2, times);
	expect_args(made, "{\"dfd\":-100,\"filename_ptr\":\"0x0\",\"times\":{\"atime\":\"UTIME_NOW\","
			  "\"mtime\":\"UTIME_OMIT\"},\"flags\":\"0\"}");
	made = make("setitimer", 0, 0, 0x1000, 0);
	add_struct(made, 1, timeval);
	expect_args(made, "{\"which\":\"ITIMER_REAL\",\"value\":{\"interval_ns\":1000005000,"
			  "\"value_ns\":0},\"ovalue_ptr\":\"0x0\"}");
}

Test(syscall_decode, structs_of_processes)
{
	uint64_t limits[2] = { 1024, UINT64_MAX };
	int status = 0x0700, pair[2] = { 3, 4 };
	struct clone_args clone = { .flags = CLONE_VM | CLONE_CLEAR_SIGHAND, .exit_signal = 17,
				    .stack = 0x4000, .stack_size = 8192 };
	struct made_record *made = make("prlimit64", 0, 0, 7, 0, 0x1000);

	add_struct(made, 3, limits);
	expect_args(made, "{\"pid\":0,\"resource\":\"RLIMIT_NOFILE\",\"new_rlim_ptr\":\"0x0\","
			  "\"old_rlim\":{\"cur\":1024,\"max\":\"0xffffffffffffffff\"}}");
	made = make("wait4", 77, (uint64_t)-1, 0x1000, 1, 0);
	add_struct(made, 1, status);
	expect_args(made, "{\"pid\":-1,\"stat_addr\":{\"exited\":7},\"options\":\"WNOHANG\","
			  "\"ru_ptr\":\"0x0\"}");
	status = 0x8b;
	made = make("wait4", 77, (uint64_t)-1, 0x1000, 0, 0);
	add_struct(made, 1, status);
	expect_args(made, "{\"pid\":-1,\"stat_addr\":{\"signal\":\"SIGSEGV\",\"core\":true},"
			  "\"options\":\"0\",\"ru_ptr\":\"0x0\"}");
	made = make("wait4", 0, (uint64_t)-1, 0x1000, 0, 0);
	add_struct(made, 1, status);
	expect_args(made, "{\"pid\":-1,\"stat_addr_ptr\":\"0x1000\",\"options\":\"0\","
			  "\"ru_ptr\":\"0x0\"}");
	made = make("pipe2", 0, 0x1000, O_CLOEXEC);
	add_struct(made, 0, pair);
	expect_args(made, "{\"fildes\":[3,4],\"flags\":\"O_CLOEXEC\"}");
	made = make("clone3", 77, 0x1000, 88);
	add_piece(made, 0, 0, 0, &clone, 64);
	expect_args(made, "{\"uargs\":{\"flags\":\"CLONE_VM|CLONE_CLEAR_SIGHAND\","
			  "\"exit_signal\":\"SIGCHLD\",\"stack\":\"0x4000\",\"stack_bytes\":8192},"
			  "\"size\":88}");
}

Test(syscall_decode, texts_of_programs_are_left_out_where_asked_for)
{
	static const char argv[] = "sh\0-c\0secret";
	struct made_record *made = make("openat", -2, (uint64_t)-100, 0x1000, O_CLOEXEC);

	made->redact = true;
	add_piece(made, 0, EO_PIECE_FD, 0, "/secret", 7);
	add_text(made, 1, "secret");
	expect_data(made, "{\"name\":\"openat\",\"nr\":257,\"path\":\"[redacted]\",\"args\":{"
			  "\"dfd\":-100,\"dfd_path\":\"[redacted]\",\"filename\":\"[redacted]\","
			  "\"flags\":\"O_RDONLY|O_CLOEXEC\"},"
			  "\"ret\":-2,\"error\":\"ENOENT\",\"duration_ns\":1834}");
	made = make("execve", -2, 0x1000, 0x2000, 0x3000);
	made->redact = true;
	add_text(made, 0, "/secret");
	add_piece(made, 1, 0, 0, argv, sizeof(argv));
	EO_AUTO_FREE char *execve = data_of(EO_MACHINE_X86, made);
	cr_expect_not_null(strstr(execve, "\"argv\":[\"[redacted]\",\"[redacted]\",\"[redacted]\"]"), "%s", execve);
	cr_expect_null(strstr(execve, "secret"));
	made = make("write", 6, 3, 0x1000, 6);
	made->redact = true;
	add_piece(made, 1, 0, 0, "\x01\x02\xff\xfe\x80\x81", 6);
	expect_args(made, "{\"fd\":3,\"buf\":\"[redacted]\",\"count\":6}");
	made = make("connect", -2, 3, 0x1000, 9);
	made->redact = true;
	add_piece(made, 1, 0, 0, "\x01\0/secret", 9);
	expect_args(made, "{\"fd\":3,\"addr\":{\"family\":\"unix\",\"path\":\"[redacted]\"},\"addrlen\":9}");
}

Test(syscall_decode, structs_of_files)
{
	/* as x86-64 has it: other machines' are shaped otherwise */
	const struct {
		uint64_t dev, ino, nlink;
		uint32_t mode, uid, gid, padding;
		uint64_t rdev, size;
	} st = { .mode = S_IFREG | 0644, .size = 220 };
	struct open_how how = { .flags = O_CREAT | O_WRONLY, .mode = 0600, .resolve = 0x18 };
	struct made_record *made = make("fstat", 0, 3, 0x1000);

	add_piece(made, 1, 0, 0, &st, 56);
	expect_args(made, "{\"fd\":3,\"statbuf\":{\"mode\":\"S_IFREG|0644\",\"size_bytes\":220}}");
	made = make("openat2", 3, 5, 0x1000, 0x2000, 24);
	add_struct(made, 2, how);
	expect_args(made, "{\"dfd\":5,\"filename_ptr\":\"0x1000\",\"how\":{\"flags\":"
			  "\"O_WRONLY|O_CREAT\",\"mode\":\"0600\",\"resolve\":"
			  "\"RESOLVE_BENEATH|RESOLVE_IN_ROOT\"},\"usize\":24}");
}

Test(syscall_decode, signals_and_sets_of_them)
{
	uint64_t set = 1ull << (SIGINT - 1) | 1ull << (SIGTERM - 1) | 1ull << 32, all = ~(1ull << 31);
	uint64_t action[4] = { 1, 0x14000000, 0, 1ull << (SIGCHLD - 1) };
	int32_t info[8] = { SIGCHLD, 0, 1, 0, 4711, 1000, 3, 0 };
	struct made_record *made = make("rt_sigprocmask", 0, 0, 0x1000, 0x2000, 8);

	add_struct(made, 1, set);
	add_struct(made, 2, all);
	expect_args(made, "{\"how\":\"SIG_BLOCK\",\"nset\":\"[INT TERM RT_1]\",\"oset\":\"~[RTMIN]\","
			  "\"sigsetsize\":8}");
	made = make("rt_sigaction", 0, SIGUSR1, 0x1000, 0, 8);
	add_struct(made, 1, action);
	expect_args(made, "{\"sig\":\"SIGUSR1\",\"act\":{\"handler\":\"SIG_IGN\","
			  "\"flags\":\"SA_RESTORER|SA_RESTART\",\"mask\":\"[CHLD]\"},"
			  "\"oact_ptr\":\"0x0\",\"sigsetsize\":8}");
	made = make("waitid", 0, 0, 0, 0x1000, 4, 0);
	add_struct(made, 2, info);
	expect_args(made, "{\"which\":\"P_ALL\",\"pid\":0,\"infop\":{\"signal\":\"SIGCHLD\","
			  "\"code\":\"CLD_EXITED\",\"pid\":4711,\"uid\":1000,\"status\":3},"
			  "\"options\":\"WEXITED\",\"ru_ptr\":\"0x0\"}");
	expect_args(make("kill", 0, (uint64_t)-4711, 34), "{\"pid\":-4711,\"sig\":\"SIGRT_2\"}");
	expect_args(make("kill", 0, 1, 0), "{\"pid\":1,\"sig\":\"0\"}");
	expect_args(make("kill", 0, 1, 32), "{\"pid\":1,\"sig\":\"SIGRTMIN\"}");
	expect_args(make("kill", -22, 1, 65), "{\"pid\":1,\"sig\":\"65\"}");
}

Test(syscall_decode, what_is_waited_for)
{
	struct pollfd fds[2] = { { 3, POLLIN, 0 }, { 4, POLLOUT, POLLOUT } };
	const struct {
		uint32_t events, data[2]; /* x86-64's */
	} events[3] = { { EPOLLIN, { 5, 0 } }, { EPOLLHUP, { 6, 0 } } };
	struct made_record *made = make("poll", 1, 0x1000, 2, (uint64_t)-1);
	unsigned char set[128] = { 0x28 };

	add_struct(made, 0, fds[1]);
	add_struct(made, 0, fds);
	expect_args(made, "{\"ufds\":[{\"fd\":3,\"events\":\"POLLIN\"},{\"fd\":4,\"events\":\"POLLOUT\","
			  "\"revents\":\"POLLOUT\"}],\"nfds\":2,\"timeout_ms\":-1}");
	made = make("poll", -4, 0x1000, 1, 5);
	add_struct(made, 0, fds[1]);
	expect_args(made, "{\"ufds\":[{\"fd\":4,\"events\":\"POLLOUT\"}],\"nfds\":1,\"timeout_ms\":5}");
	made = make("epoll_wait", 2, 5, 0x1000, 16, 0);
	add_struct(made, 1, events);
	expect_args(made, "{\"epfd\":5,\"events\":[{\"events\":\"EPOLLIN\",\"data\":\"0x5\"},"
			  "{\"events\":\"EPOLLHUP\",\"data\":\"0x6\"}],\"maxevents\":16,"
			  "\"timeout_ms\":0}");
	made = make("epoll_ctl", 0, 5, 1, 6, 0x1000);
	add_struct(made, 3, events[0]);
	expect_args(made, "{\"epfd\":5,\"op\":\"EPOLL_CTL_ADD\",\"fd\":6,\"event\":{\"events\":"
			  "\"EPOLLIN\",\"data\":\"0x5\"}}");
	made = make("select", 1, 6, 0x1000, 0, 0, 0);
	add_struct(made, 1, set);
	expect_args(made, "{\"n\":6,\"inp\":[3,5],\"outp_ptr\":\"0x0\",\"exp_ptr\":\"0x0\","
			  "\"timeout_ptr\":\"0x0\"}");
	memset(set, 0xff, sizeof(set));
	made = make("select", 1, 4, 0x1000, 0, 0, 0);
	add_struct(made, 1, set);
	expect_args(made, "{\"n\":4,\"inp\":[0,1,2,3],\"outp_ptr\":\"0x0\",\"exp_ptr\":\"0x0\","
			  "\"timeout_ptr\":\"0x0\"}");
}

Test(syscall_decode, options_of_sockets)
{
	struct made_record *made = make("setsockopt", 0, 3, SOL_SOCKET, SO_REUSEADDR, 0x1000, 4);
	int one = 1, len = 4;

	add_struct(made, 3, one);
	expect_args(made, "{\"fd\":3,\"level\":\"SOL_SOCKET\",\"optname\":\"SO_REUSEADDR\",\"optval\":1,"
			  "\"optlen\":4}");
	made = make("getsockopt", 0, 3, IPPROTO_TCP, 1, 0x1000, 0x2000);
	add_struct(made, 3, one);
	add_struct(made, 4, len);
	expect_args(made, "{\"fd\":3,\"level\":\"SOL_TCP\",\"optname\":\"TCP_NODELAY\",\"optval\":1,"
			  "\"optlen\":4}");
	made = make("setsockopt", 0, 3, 77, 5, 0x1000, 16);
	add_struct(made, 3, one);
	expect_args(made, "{\"fd\":3,\"level\":\"77\",\"optname\":\"5\",\"optval_ptr\":\"0x1000\","
			  "\"optlen\":16}");
	expect_args(make("socket", 3, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP),
		    "{\"family\":\"AF_INET\",\"type\":\"SOCK_STREAM|SOCK_CLOEXEC\","
		    "\"protocol\":\"IPPROTO_TCP\"}");
	expect_args(make("socket", 3, AF_NETLINK, SOCK_RAW, 0),
		    "{\"family\":\"AF_NETLINK\",\"type\":\"SOCK_RAW\",\"protocol\":\"NETLINK_ROUTE\"}");
	expect_args(make("socket", 3, AF_UNIX, SOCK_DGRAM, 0),
		    "{\"family\":\"AF_UNIX\",\"type\":\"SOCK_DGRAM\",\"protocol\":\"0\"}");
}

/* --- numbers --- */

Test(syscall_decode, arguments_that_others_decide_about)
{
	expect_args(make("openat", 3, 4, 0, O_CREAT | O_WRONLY, 0640),
		    "{\"dfd\":4,\"filename_ptr\":\"0x0\",\"flags\":\"O_WRONLY|O_CREAT\","
		    "\"mode\":\"0640\"}");
	expect_args(make("fcntl", 0, 3, F_GETFL, 0xdead), "{\"fd\":3,\"cmd\":\"F_GETFL\"}");
	expect_args(make("fcntl", 0, 3, F_SETFD, 1),
		    "{\"fd\":3,\"cmd\":\"F_SETFD\",\"flags\":\"FD_CLOEXEC\"}");
	expect_args(make("fcntl", 7, 3, F_DUPFD_CLOEXEC, 7),
		    "{\"fd\":3,\"cmd\":\"F_DUPFD_CLOEXEC\",\"arg\":7}");
	expect_args(make("fcntl", 0, 3, F_SETLK, 0x1000),
		    "{\"fd\":3,\"cmd\":\"F_SETLK\",\"arg_ptr\":\"0x1000\"}");
	expect_args(make("futex", 1, 0x1000, 0x81, 1, 0xdead, 0xdead, 0xdead),
		    "{\"uaddr\":\"0x1000\",\"op\":\"FUTEX_WAKE|FUTEX_PRIVATE_FLAG\",\"val\":1}");
	expect_args(make("futex", 0, 0x1000, 0x189, 1, 0, 0xdead, 0xffffffff),
		    "{\"uaddr\":\"0x1000\",\"op\":\"FUTEX_WAIT_BITSET|FUTEX_PRIVATE_FLAG|"
		    "FUTEX_CLOCK_REALTIME\",\"val\":1,\"utime_ptr\":\"0x0\",\"val3\":\"0xffffffff\"}");
	expect_args(make("futex", 0, 0x1000, 3, 1, 5, 0x2000, 0xdead),
		    "{\"uaddr\":\"0x1000\",\"op\":\"FUTEX_REQUEUE\",\"val\":1,\"val2\":5,"
		    "\"uaddr2\":\"0x2000\"}");
	expect_args(make("prctl", 0, 4, 1, 9, 9, 9), "{\"option\":\"PR_SET_DUMPABLE\",\"arg2\":\"0x1\"}");
	expect_args(make("prctl", 0, 1, 9, 9, 9, 9), "{\"option\":\"PR_SET_PDEATHSIG\",\"signal\":\"SIGKILL\"}");
	expect_args(make("mknodat", 0, 4, 0, S_IFCHR | 0600, 0x10305),
		    "{\"dfd\":4,\"filename_ptr\":\"0x0\",\"mode\":\"S_IFCHR|0600\",\"dev\":\"259:5\"}");
	expect_args(make("mknodat", 0, 4, 0, S_IFIFO | 0600, 0x10305),
		    "{\"dfd\":4,\"filename_ptr\":\"0x0\",\"mode\":\"S_IFIFO|0600\"}");
	expect_args(make("clone", 5, 0x1200011, 0, 0, 0x7000, 0),
		    "{\"flags\":\"CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD\",\"newsp\":\"0x0\","
		    "\"parent_tidptr\":\"0x0\",\"child_tidptr\":\"0x7000\",\"tls\":\"0x0\"}");
	expect_args(make("clone", 5, 17, 0, 0, 0, 0),
		    "{\"flags\":\"SIGCHLD\",\"newsp\":\"0x0\",\"parent_tidptr\":\"0x0\","
		    "\"child_tidptr\":\"0x0\",\"tls\":\"0x0\"}");
	expect_args(make("shmget", 0, 0, 4096, 01600),
		    "{\"key\":\"IPC_PRIVATE\",\"size\":4096,\"shmflg\":\"IPC_CREAT|0600\"}");
}

Test(syscall_decode, numbers_of_devices_requests)
{
	expect_args(make("ioctl", 0, 1, 0x5401, 0x1000),
		    "{\"fd\":1,\"cmd\":\"TCGETS\",\"arg\":\"0x1000\"}");
	expect_args(make("ioctl", 0, 1, 0xc0105ab7, 0),
		    "{\"fd\":1,\"cmd\":\"_IOC(_IOC_READ|_IOC_WRITE, 0x5a, 0xb7, 0x10)\",\"arg\":\"0x0\"}");
}

Test(syscall_decode, bits_without_a_name_are_kept)
{
	expect_args(make("openat", 3, 4, 0, 0x80000003), "{\"dfd\":4,\"filename_ptr\":\"0x0\","
							"\"flags\":\"0x80000003\"}");
	expect_args(make("mprotect", 0, 0x1000, 4096, 0x80000001),
		    "{\"start\":\"0x1000\",\"len\":4096,\"prot\":\"PROT_READ|0x80000000\"}");
	expect_args(make("lseek", 0, 4, (uint64_t)-5, 9), "{\"fd\":4,\"offset\":-5,\"whence\":\"9\"}");
}

Test(syscall_decode, other_machines_have_flags_and_structs_of_their_own)
{
	struct made_record *made = make_arm("openat", 3, (uint64_t)-100, 0x1000, 040000 | 02000000);
	unsigned char stat[56] = "";
	uint32_t mode = S_IFDIR | 0755;
	uint64_t size = 4096, event[2] = { EPOLLIN, 7 };

	expect_args_on(EO_MACHINE_ARM, made, "{\"dfd\":-100,\"filename_ptr\":\"0x1000\","
					     "\"flags\":\"O_RDONLY|O_DIRECTORY|O_CLOEXEC\"}");
	made = make_arm("fstat", 0, 3, 0x1000);
	memcpy(stat + 16, &mode, sizeof(mode));
	memcpy(stat + 48, &size, sizeof(size));
	add_struct(made, 1, stat);
	expect_args_on(EO_MACHINE_ARM, made, "{\"fd\":3,\"statbuf\":{\"mode\":\"S_IFDIR|0755\","
					     "\"size_bytes\":4096}}");
	made = make_arm("epoll_pwait", 1, 5, 0x1000, 16, 0, 0, 8);
	add_struct(made, 1, event);
	expect_args_on(EO_MACHINE_ARM, made, "{\"epfd\":5,\"events\":[{\"events\":\"EPOLLIN\","
					     "\"data\":\"0x7\"}],\"maxevents\":16,\"timeout_ms\":0,"
					     "\"sigmask_ptr\":\"0x0\",\"sigsetsize\":8}");
	expect_args_on(EO_MACHINE_ARM, make_arm("clone", 5, 17, 1, 2, 3, 4),
		       "{\"flags\":\"SIGCHLD\",\"newsp\":\"0x1\",\"parent_tidptr\":\"0x2\","
		       "\"tls\":\"0x3\",\"child_tidptr\":\"0x4\"}");
}

/* --- damage --- */

Test(syscall_decode, a_head_that_is_not_whole_is_refused)
{
	struct eo_attr attrs[4];
	char text[4];
	const struct eo_syscall_room room = { attrs, 4, text, 4 };
	struct eo_syscall_record *record = calloc(1, sizeof(*record));
	struct eo_event event;

	cr_expect_eq(eo_syscall_decode(record, EO_SYSCALL_HEADER_BYTES - 1, &room, &event), -EINVAL);
	cr_expect_eq(eo_syscall_decode(record, 0, &room, &event), -EINVAL);
	free(record);
}

Test(syscall_decode, pieces_beyond_the_record_are_not_there)
{
	struct made_record *made = make("access", 0, 0x1000, 0);

	add_text(made, 0, "/etc");
	made->record.pieces = 255;
	expect_args(made, "{\"filename\":\"/etc\",\"mode\":\"F_OK\"}");
	/* Its bytes end in the middle. */
	made = make("access", 0, 0x1000, 0);
	add_text(made, 0, "/etc/hosts");
	made->size = EO_SYSCALL_HEADER_BYTES + sizeof(struct eo_syscall_piece) + 9;
	expect_args(made, "{\"filename_ptr\":\"0x1000\",\"mode\":\"F_OK\"}");
	/* Its head does. */
	made = make("access", 0, 0x1000, 0);
	add_text(made, 0, "/etc/hosts");
	made->size = EO_SYSCALL_HEADER_BYTES + 7;
	expect_args(made, "{\"filename_ptr\":\"0x1000\",\"mode\":\"F_OK\"}");
	/* The last one's padding need not be there. */
	made = make("access", 0, 0x1000, 0);
	add_text(made, 0, "/etc/hosts");
	made->size = EO_SYSCALL_HEADER_BYTES + sizeof(struct eo_syscall_piece) + 10;
	expect_args(made, "{\"filename\":\"/etc/hosts\",\"mode\":\"F_OK\"}");
}

Test(syscall_decode, pieces_of_no_argument_are_passed_over)
{
	struct made_record *made = make("access", 0, 0x1000, 0);

	add_text(made, 6, "x");
	add_text(made, 255, "x");
	add_piece(made, 200, EO_PIECE_FD, 0, "/x", 2);
	add_text(made, 1, "not a pointer");
	add_text(made, 0, "/etc");
	expect_args(made, "{\"filename\":\"/etc\",\"mode\":\"F_OK\"}");
}

Test(syscall_decode, structs_that_are_too_short_are_addresses)
{
	struct made_record *made = make("nanosleep", 0, 0x1000, 0);

	add_piece(made, 0, 0, 0, "123456789012345", 15);
	expect_args(made, "{\"rqtp_ptr\":\"0x1000\",\"rmtp\":\"0x0\"}");
	made = make("poll", 1, 0x1000, 1000, 0);
	add_piece(made, 0, 0, 0, "\3\0\0\0\1\0\0\0\4\0\0", 11);
	expect_args(made, "{\"ufds\":[{\"fd\":3,\"events\":\"POLLIN\"}],\"nfds\":1000,\"timeout_ms\":0}");
}

Test(syscall_decode, little_room_is_enough_for_less)
{
	for (size_t attrs_max = 0; attrs_max < 24; attrs_max++) {
		for (size_t text_max = 1; text_max < 48; text_max++) {
			struct made_record *made = make("execve", -2, 0x1000, 0x2000, 0x3000);
			struct eo_attr *attrs = malloc(attrs_max * sizeof(*attrs) + 1);
			char *text = malloc(text_max);
			const struct eo_syscall_room room = { attrs, attrs_max, text, text_max };
			struct eo_event event;

			add_piece(made, 0, EO_PIECE_CUT, 0, "/a/long/path/to/a/program", 25);
			add_piece(made, 1, EO_PIECE_CUT | EO_PIECE_LATE, 3, "a\0bb\0ccc", 9);
			cr_assert_eq(eo_syscall_decode_on(EO_MACHINE_X86, &made->record,
							  made->size, &room, &event), 0);
			cr_expect_leq(event.data_count, attrs_max);
			for (size_t i = 0; i < event.data_count; i++) {
				cr_expect(attrs[i].type != EO_ATTR_STRING ||
					  strlen(attrs[i].str) < 64);
				cr_expect(attrs[i].count < attrs_max - i);
			}
			free(made);
			free(attrs);
			free(text);
		}
	}
}
