/* SPDX-License-Identifier: BSD-2-Clause */
#include <criterion/criterion.h>
#include <string.h>

#include "core/auto.h"
#include "syscall/captures.h"
#include "syscall/tables.h"

static const struct eo_syscall_capture_options plain, payload = { .payload = true },
						      paths = { .fd_paths = true };

static struct eo_syscall_captures of(const char *name, const struct eo_syscall_capture_options *options)
{
	struct eo_syscall_captures captures;
	int nr = eo_syscall_find_on(EO_MACHINE_X86, EO_ABI_NATIVE, name);

	cr_assert_geq(nr, 0);
	eo_syscall_captures_on(EO_MACHINE_X86, EO_ABI_NATIVE, (uint32_t)nr, options, &captures);
	return captures;
}

static void expect_capture(const struct eo_capture *capture, struct eo_capture expected)
{
	cr_expect_arr_eq(capture, &expected, sizeof(expected),
			 "kind %d arg %d length %d of %d size %d flags %d", capture->kind,
			 capture->arg, capture->length, capture->length_arg, capture->size,
			 capture->flags);
}

#define EXPECT(captures, i, ...) \
	expect_capture(&(captures).capture[i], (struct eo_capture){ __VA_ARGS__ })

Test(syscall_captures, paths_and_commands)
{
	struct eo_syscall_captures captures = of("openat", &plain);

	EXPECT(captures, 0, EO_CAPTURE_PATH, .arg = 1);
	EXPECT(captures, 1, EO_CAPTURE_NONE);
	captures = of("execve", &plain);
	EXPECT(captures, 0, EO_CAPTURE_PATH, .arg = 0);
	EXPECT(captures, 1, EO_CAPTURE_ARGV, .arg = 1);
	EXPECT(captures, 2, EO_CAPTURE_NONE);
	captures = of("readlink", &plain);
	EXPECT(captures, 0, EO_CAPTURE_PATH, .arg = 0);
	EXPECT(captures, 1, EO_CAPTURE_TEXT, .arg = 1, .length = EO_LENGTH_RET,
	       .flags = EO_CAPTURE_AT_EXIT);
}

Test(syscall_captures, buffers_only_when_asked_for)
{
	struct eo_syscall_captures captures = of("read", &plain);

	EXPECT(captures, 0, EO_CAPTURE_NONE);
	captures = of("read", &payload);
	EXPECT(captures, 0, EO_CAPTURE_BUFFER, .arg = 1, .length = EO_LENGTH_RET,
	       .flags = EO_CAPTURE_AT_EXIT);
	captures = of("write", &payload);
	EXPECT(captures, 0, EO_CAPTURE_BUFFER, .arg = 1, .length = EO_LENGTH_ARG, .length_arg = 2);
}

Test(syscall_captures, addresses_at_the_start_or_the_end)
{
	struct eo_syscall_captures captures = of("connect", &plain);

	EXPECT(captures, 0, EO_CAPTURE_SOCKADDR, .arg = 1, .length = EO_LENGTH_ARG, .length_arg = 2);
	captures = of("accept4", &plain);
	EXPECT(captures, 0, EO_CAPTURE_SOCKADDR, .arg = 1, .length = EO_LENGTH_ARG_PTR,
	       .length_arg = 2, .flags = EO_CAPTURE_AT_EXIT);
	EXPECT(captures, 1, EO_CAPTURE_STRUCT, .arg = 2, .size = 4, .flags = EO_CAPTURE_AT_EXIT);
}

Test(syscall_captures, arrays_by_their_elements)
{
	struct eo_syscall_captures captures = of("ppoll", &plain);

	EXPECT(captures, 0, EO_CAPTURE_ARRAY, .arg = 0, .length = EO_LENGTH_ARG, .length_arg = 1,
	       .size = 8);
	EXPECT(captures, 1, EO_CAPTURE_STRUCT, .arg = 2, .size = 16);
	EXPECT(captures, 2, EO_CAPTURE_STRUCT, .arg = 3, .size = 8);
	EXPECT(captures, 3, EO_CAPTURE_ARRAY, .arg = 0, .length = EO_LENGTH_ARG, .length_arg = 1,
	       .size = 8, .flags = EO_CAPTURE_AT_EXIT);
	captures = of("epoll_wait", &plain);
	EXPECT(captures, 0, EO_CAPTURE_ARRAY, .arg = 1, .length = EO_LENGTH_RET, .size = 12,
	       .flags = EO_CAPTURE_AT_EXIT);
	captures = of("writev", &plain);
	EXPECT(captures, 0, EO_CAPTURE_IOVEC, .arg = 1, .length = EO_LENGTH_ARG, .length_arg = 2);
	eo_syscall_captures_on(EO_MACHINE_ARM, EO_ABI_NATIVE, 22, &plain, &captures); /* epoll_pwait */
	EXPECT(captures, 0, EO_CAPTURE_STRUCT, .arg = 4, .size = 8);
	EXPECT(captures, 1, EO_CAPTURE_ARRAY, .arg = 1, .length = EO_LENGTH_RET, .size = 16,
	       .flags = EO_CAPTURE_AT_EXIT);
}

Test(syscall_captures, paths_of_descriptors_only_when_asked_for)
{
	struct eo_syscall_captures captures = of("openat", &paths);

	EXPECT(captures, 0, EO_CAPTURE_FD, .arg = 0);
	EXPECT(captures, 1, EO_CAPTURE_PATH, .arg = 1);
	captures = of("close", &paths);
	EXPECT(captures, 0, EO_CAPTURE_FD, .arg = 0);
	captures = of("close", &plain);
	EXPECT(captures, 0, EO_CAPTURE_NONE);
}

Test(syscall_captures, of_other_abis_what_lies_the_same)
{
	struct eo_syscall_captures captures;

	/* openat and nanosleep of i386. */
	eo_syscall_captures_on(EO_MACHINE_X86, EO_ABI_COMPAT, 295, &plain, &captures);
	EXPECT(captures, 0, EO_CAPTURE_PATH, .arg = 1);
	eo_syscall_captures_on(EO_MACHINE_X86, EO_ABI_COMPAT, 162, &plain, &captures);
	EXPECT(captures, 0, EO_CAPTURE_NONE);
	eo_syscall_captures_on(EO_MACHINE_X86, EO_ABI_X32, 35, &plain, &captures);
	EXPECT(captures, 0, EO_CAPTURE_NONE);
}

Test(syscall_captures, unknown_numbers_take_nothing)
{
	static const uint32_t numbers[] = { 337, 480, 511, 512, UINT32_MAX };
	struct eo_syscall_captures captures, zeros = { 0 };

	for (size_t i = 0; i < EO_ARRAY_SIZE(numbers); i++) {
		memset(&captures, 0xff, sizeof(captures));
		eo_syscall_captures_on(EO_MACHINE_X86, EO_ABI_NATIVE, numbers[i], &payload, &captures);
		cr_expect_arr_eq(&captures, &zeros, sizeof(zeros));
	}
	eo_syscall_captures(99, 0, &payload, &captures);
	cr_expect_arr_eq(&captures, &zeros, sizeof(zeros));
}

/* The program stops at the first empty one, and takes what belongs to the start first. */
Test(syscall_captures, are_in_order_and_fit_into_a_record)
{
	const struct eo_syscall_capture_options all = { true, true };

	for (int machine = 0; machine < EO_MACHINE_COUNT; machine++)
		for (unsigned int abi = 0; abi < EO_ABI_COUNT; abi++)
			for (uint32_t nr = 0; nr < EO_SYSCALL_MAX; nr++) {
				struct eo_syscall_captures captures;
				bool is_over = false, is_late = false;

				eo_syscall_captures_on((enum eo_machine)machine, abi, nr, &all,
						       &captures);
				for (size_t i = 0; i < EO_SYSCALL_CAPTURES; i++) {
					const struct eo_capture *capture = &captures.capture[i];
					bool late = capture->flags & EO_CAPTURE_AT_EXIT;

					cr_expect_not(is_over && capture->kind);
					is_over |= !capture->kind;
					cr_expect_not(capture->kind && is_late && !late);
					is_late |= late;
					cr_expect_lt(capture->arg, EO_SYSCALL_ARGS);
					cr_expect_lt(capture->length_arg, EO_SYSCALL_ARGS);
					cr_expect_leq(capture->size, 512);
					cr_expect((capture->kind != EO_CAPTURE_STRUCT &&
						   capture->kind != EO_CAPTURE_ARRAY) ||
						  capture->size);
					cr_expect(capture->kind != EO_CAPTURE_ARRAY ||
						  capture->length);
				}
			}
}
