/* SPDX-License-Identifier: BSD-2-Clause */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "core/auto.h"
#include "syscall/text.h"
#include "syscall_record.h"

Test(syscall_text, a_call_as_in_c)
{
	struct made_record *made = make("openat", -2, (uint64_t)-100, 0x1000, O_CLOEXEC);

	add_text(made, 1, "/etc/hosts");
	made->record.duration_ns = 18999;
	expect_line(made, "openat(AT_FDCWD, \"/etc/hosts\", O_RDONLY|O_CLOEXEC) = -1 ENOENT "
			  "(No such file or directory) <0.000019>");
	expect_line(make("getppid", 4711), "getppid() = 4711 <0.000002>");
	made = make("mmap", 0x7f0000001000, 0, 4096, 3, 0x22, (uint64_t)-1, 0);
	expect_line(made, "mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = "
			  "0x7f0000001000 <0.000002>");
}

Test(syscall_text, results_that_are_none)
{
	struct made_record *made = make("exit_group", 0, 3);

	made->record.flags = EO_SYSCALL_NO_RETURN;
	expect_line(made, "exit_group(3) = ?");
	made = make("pause", -514);
	expect_line(made, "pause() = ? ERESTARTNOHAND <0.000002>");
	made = make("execve", 0, 1);
	made->record.flags = EO_SYSCALL_NO_ENTRY;
	expect_line(made, "execve() = 0");
	made = make("getpid", -38, 1, 2);
	made->record.nr = 499;
	expect_line(made, "syscall_499(0x1, 0x2, 0, 0, 0, 0) = -1 ENOSYS (Function not "
			  "implemented) <0.000002>");
	made = make("read", 3, 1, 0, 3);
	made->record.abi = EO_ABI_COMPAT;
	made->record.nr = 3;
	expect_line(made, "[i386] read(1, NULL, 3) = 3 <0.000002>");
}

Test(syscall_text, paths_stand_behind_their_descriptors)
{
	struct made_record *made = make("read", 0, 3, 0x1000, 10);

	add_piece(made, 0, EO_PIECE_FD, 0, "/etc/hosts", 10);
	expect_line(made, "read(3</etc/hosts>, 0x1000, 10) = 0 <0.000002>");
	made = make("openat", 3, 4, 0x1000, 0);
	add_piece(made, 0, EO_PIECE_FD, 0, "/etc", 4);
	add_text(made, 1, "hosts");
	expect_line(made, "openat(4</etc>, \"hosts\", O_RDONLY) = 3 <0.000002>");
	made = make("dup2", 5, 4, 5);
	add_piece(made, 0, EO_PIECE_FD, 0, "pipe:[1]", 8);
	add_piece(made, 1, EO_PIECE_FD, 0, "/dev/null", 9);
	expect_line(made, "dup2(4<pipe:[1]>, 5</dev/null>) = 5 <0.000002>");
}

Test(syscall_text, texts_are_cut_escaped_and_quoted)
{
	struct made_record *made = make("write", 300, 1, 0x1000, 300);

	add_piece(made, 1, EO_PIECE_CUT, 300, "a\n\x1b[2J\"\\\xc3\xa4", 10);
	expect_line(made, "write(1, \"a\\n\\u001b[2J\\\"\\\\\xc3\xa4\"..., 300) = 300 <0.000002>");
	made = make("write", 9, 1, 0x1000, 9);
	add_piece(made, 1, 0, 9, "\0\x7f" "ELF1\"\\\xff", 9);
	expect_line(made, "write(1, \"\\000\\177ELF1\\\"\\\\\\377\", 9) = 9 <0.000002>");
	made = make("execve", 0, 0x1000, 0x2000, 0);
	add_piece(made, 0, EO_PIECE_LATE, 0, "/bin/\xff", 6);
	add_piece(made, 1, EO_PIECE_CUT, 2, "a\0b c", 5);
	expect_line(made, "execve(\"/bin/\xef\xbf\xbd\" /* read late */, [\"a\", \"b c\"]..., NULL) = 0 "
			  "<0.000002>");
}

Test(syscall_text, structs_have_names_in_them)
{
	struct timespec time = { 1, 500000000 };
	struct made_record *made = make("nanosleep", 0, 0x1000, 0);
	uint64_t limits[2] = { 1024, UINT64_MAX };

	add_struct(made, 0, time);
	expect_line(made, "nanosleep({tv_sec=1, tv_nsec=500000000}, NULL) = 0 <0.000002>");
	made = make("connect", -111, 3, 0x1000, 16);
	add_piece(made, 1, 0, 0, "\2\0\0\x50\x7f\0\0\1\0\0\0\0\0\0\0\0", 16);
	expect_line(made, "connect(3, {family=ipv4, address=127.0.0.1, port=80}, 16) = -1 ECONNREFUSED "
			  "(Connection refused) <0.000002>");
	made = make("connect", 0, 3, 0x1000, 9);
	add_piece(made, 1, 0, 0, "\1\0/run/a", 9);
	expect_line(made, "connect(3, {family=unix, path=\"/run/a\"}, 9) = 0 <0.000002>");
	made = make("prlimit64", 0, 0, 7, 0x1000, 0);
	add_struct(made, 2, limits);
	expect_line(made, "prlimit64(0, RLIMIT_NOFILE, {cur=1024, max=RLIM64_INFINITY}, NULL) = 0 "
			  "<0.000002>");
	made = make("poll", 1, 0x1000, 2, 0);
	add_piece(made, 0, 0, 2, "\3\0\0\0\1\0\1\0\4\0\0\0\4\0\0", 16);
	expect_line(made, "poll([{fd=3, events=POLLIN, revents=POLLIN}, {fd=4, events=POLLOUT}], 2, 0) = "
			  "1 <0.000002>");
	made = make("pipe2", 0, 0x1000, O_CLOEXEC);
	add_piece(made, 0, 0, 0, "\3\0\0\0\4\0\0", 8);
	expect_line(made, "pipe2([3, 4], O_CLOEXEC) = 0 <0.000002>");
}

/* Files hold whatever somebody wrote into them. */
Test(syscall_text, events_of_files_are_not_believed)
{
	static const struct eo_attr data[] = {
		{ .key = "name", .type = EO_ATTR_STRING, .str = "open\x1b[2Jat" },
		{ .key = "abi", .type = EO_ATTR_STRING, .str = "\nvax" },
		{ .key = "path", .type = EO_ATTR_INT, .num = 5 },
		{ .key = "args", .type = EO_ATTR_OBJECT, .count = 3 },
		{ .key = "\x1b", .type = EO_ATTR_ARRAY, .count = 1 },
		{ .key = "", .type = EO_ATTR_REAL, .real = 0.5 },
		{ .key = "late", .type = EO_ATTR_STRING, .str = "\x9b" },
		{ .key = "ret", .type = EO_ATTR_STRING, .str = "\r" },
		{ .key = "duration_ns", .type = EO_ATTR_STRING, .str = "long" },
	};
	const struct eo_event event = { .type = EO_EVENT_SYSCALL, .data = data,
					.data_count = EO_ARRAY_SIZE(data) };
	const struct eo_event empty = { .type = EO_EVENT_SYSCALL };
	char text[256];
	size_t size = eo_syscall_text(&event, text, sizeof(text));

	cr_assert_lt(size, sizeof(text));
	text[size] = '\0';
	cr_expect_str_eq(text, "[\\nvax] open\\u001b[2Jat([0.5], \"\xef\xbf\xbd\") = \\r", "%s", text);
	size = eo_syscall_text(&empty, text, sizeof(text));
	text[size] = '\0';
	cr_expect_str_eq(text, "?() = ?");
}

Test(syscall_text, events_of_another_machine_are_read_with_its_tables)
{
	static const struct eo_attr data[] = {
		{ .key = "name", .type = EO_ATTR_STRING, .str = "set_tls" },
		{ .key = "abi", .type = EO_ATTR_STRING, .str = "arm" },
		{ .key = "args", .type = EO_ATTR_OBJECT, .count = 1 },
		{ .key = "tls", .type = EO_ATTR_STRING, .str = "0x10" },
		{ .key = "ret", .type = EO_ATTR_UINT, .unum = 0 },
	};
	const struct eo_event event = { .type = EO_EVENT_SYSCALL, .data = data,
					.data_count = EO_ARRAY_SIZE(data) };
	char text[64];
	size_t size = eo_syscall_text(&event, text, sizeof(text));

	text[size] = '\0';
	cr_expect_str_eq(text, "[arm] set_tls(0x10) = 0", "%s", text);
}

Test(syscall_text, addresses_from_files_are_text)
{
	static const struct eo_attr data[] = {
		{ .key = "name", .type = EO_ATTR_STRING, .str = "mount" },
		{ .key = "args", .type = EO_ATTR_OBJECT, .count = 5 },
		{ .key = "dev_name_ptr", .type = EO_ATTR_STRING, .str = "0x0" },
		{ .key = "dir_name", .type = EO_ATTR_STRING, .str = "0x0" },
		{ .key = "type_ptr", .type = EO_ATTR_STRING, .str = "0x7ff0" },
		{ .key = "flags", .type = EO_ATTR_STRING, .str = "MS_BIND|MS_REC" },
		{ .key = "data", .type = EO_ATTR_STRING, .str = "0x0" },
		{ .key = "ret", .type = EO_ATTR_INT, .num = -14 },
		{ .key = "error", .type = EO_ATTR_STRING, .str = "EFAULT" },
	};
	const struct eo_event event = { .type = EO_EVENT_SYSCALL, .data = data,
					.data_count = EO_ARRAY_SIZE(data) };
	char text[256];
	size_t size = eo_syscall_text(&event, text, sizeof(text));

	text[size < sizeof(text) ? size : 0] = '\0';
	cr_expect_str_eq(text, "mount(NULL, \"0x0\", 0x7ff0, MS_BIND|MS_REC, NULL) = -1 EFAULT "
			       "(Bad address)", "%s", text);
}

Test(syscall_text, lines_are_cut_at_the_size_and_their_length_is_told)
{
	const struct eo_attr data[] = { { .key = "name", .type = EO_ATTR_STRING, .str = "getppid" } };
	const struct eo_event event = { .type = EO_EVENT_SYSCALL, .data = data, .data_count = 1 };

	for (size_t size = 0; size < 16; size++) {
		char *text = malloc(size + 1);

		cr_expect_eq(eo_syscall_text(&event, text, size), strlen("getppid() = ?"));
		cr_expect_eq(strncmp(text, "getppid() = ?", size < 13 ? size : 13), 0);
		free(text);
	}
}
