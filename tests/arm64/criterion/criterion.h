/* SPDX-License-Identifier: BSD-2-Clause */
/* Stands in for criterion where its tests cannot run: it makes the process of each test by ptrace(),
 * which qemu's emulation of programs does not have. The words of it that our tests use, and fork();
 * what is printed reads like criterion's, as far as tests/results.py looks. */
#ifndef TESTS_ARM64_CRITERION_H
#define TESTS_ARM64_CRITERION_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define STANDS_IN_FOR_CRITERION

struct stand_in_options {
	void (*init)(void);
	void (*fini)(void);
	double timeout; /* s, of a machine that runs at its own speed; 0: none is given */
};

struct stand_in_parameters {
	size_t size, count;
	void *values;
};

struct stand_in_test {
	const char *suite, *name;
	void (*body)(void);
	void (*parameter_body)(void *parameter); /* instead, with @parameters */
	struct stand_in_parameters (*parameters)(void);
	struct stand_in_options options;
	struct stand_in_test *next;
};

struct stand_in_suite {
	const char *name;
	struct stand_in_options options;
	struct stand_in_suite *next;
};

void stand_in_add_test(struct stand_in_test *test);
void stand_in_add_suite(struct stand_in_suite *suite);
/** Returns @holds. @ends: the test ends when it does not hold. */
bool stand_in_check(bool holds, bool ends, const char *file, int line, const char *what,
		    const char *format, ...) __attribute__((format(printf, 6, 7)));
void stand_in_skip(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

#define STAND_IN_JOIN_(a, b, c) a##_##b##_##c
#define STAND_IN_JOIN(a, b, c)	STAND_IN_JOIN_(a, b, c)

#define TestSuite(suite_name, ...)                                                                 \
	__attribute__((constructor)) static void STAND_IN_JOIN(suite_name, suite, add)(void)       \
	{                                                                                          \
		static struct stand_in_suite suite = {.name = #suite_name,                         \
						      .options = {__VA_ARGS__}};                   \
                                                                                                   \
		stand_in_add_suite(&suite);                                                        \
	}                                                                                          \
	struct stand_in_suite

#define STAND_IN_ADD(suite_name, test_name, ...)                                                   \
	__attribute__((constructor)) static void STAND_IN_JOIN(suite_name, test_name, add)(void)   \
	{                                                                                          \
		static struct stand_in_test test = {                                               \
			.suite = #suite_name, .name = #test_name, __VA_ARGS__};                    \
                                                                                                   \
		stand_in_add_test(&test);                                                          \
	}

#define Test(suite_name, test_name, ...)                                                           \
	static void STAND_IN_JOIN(suite_name, test_name, body)(void);                              \
	STAND_IN_ADD(suite_name, test_name, .body = STAND_IN_JOIN(suite_name, test_name, body),    \
		     .options = {__VA_ARGS__})                                                     \
	static void STAND_IN_JOIN(suite_name, test_name, body)(void)

#define STAND_IN_CHECK(holds, ends, what, ...)                                                     \
	((void)stand_in_check(holds, ends, __FILE__, __LINE__, what, "" __VA_ARGS__))

#define cr_assert(a, ...)	     STAND_IN_CHECK(!!(a), true, #a, ##__VA_ARGS__)
#define cr_assert_not(a, ...)	     STAND_IN_CHECK(!(a), true, "not " #a, ##__VA_ARGS__)
#define cr_assert_fail(...)	     STAND_IN_CHECK(false, true, "failed", ##__VA_ARGS__)
#define cr_assert_null(a, ...)	     STAND_IN_CHECK(!(a), true, "no " #a, ##__VA_ARGS__)
#define cr_assert_not_null(a, ...)   STAND_IN_CHECK(!!(a), true, #a, ##__VA_ARGS__)
#define cr_assert_eq(a, b, ...)	     STAND_IN_CHECK((a) == (b), true, #a " == " #b, ##__VA_ARGS__)
#define cr_assert_neq(a, b, ...)     STAND_IN_CHECK((a) != (b), true, #a " != " #b, ##__VA_ARGS__)
#define cr_assert_lt(a, b, ...)	     STAND_IN_CHECK((a) < (b), true, #a " < " #b, ##__VA_ARGS__)
#define cr_assert_leq(a, b, ...)     STAND_IN_CHECK((a) <= (b), true, #a " <= " #b, ##__VA_ARGS__)
#define cr_assert_gt(a, b, ...)	     STAND_IN_CHECK((a) > (b), true, #a " > " #b, ##__VA_ARGS__)
#define cr_assert_geq(a, b, ...)     STAND_IN_CHECK((a) >= (b), true, #a " >= " #b, ##__VA_ARGS__)
#define cr_assert_str_eq(a, b, ...)  STAND_IN_CHECK(!strcmp(a, b), true, #a " is " #b, ##__VA_ARGS__)
#define cr_assert_str_neq(a, b, ...) STAND_IN_CHECK(!!strcmp(a, b), true, #a " is not " #b, ##__VA_ARGS__)
#define cr_assert_arr_eq(a, b, size, ...) \
	STAND_IN_CHECK(!memcmp(a, b, size), true, #a " is " #b, ##__VA_ARGS__)

#define cr_expect(a, ...)	     STAND_IN_CHECK(!!(a), false, #a, ##__VA_ARGS__)
#define cr_expect_not(a, ...)	     STAND_IN_CHECK(!(a), false, "not " #a, ##__VA_ARGS__)
#define cr_expect_fail(...)	     STAND_IN_CHECK(false, false, "failed", ##__VA_ARGS__)
#define cr_expect_null(a, ...)	     STAND_IN_CHECK(!(a), false, "no " #a, ##__VA_ARGS__)
#define cr_expect_not_null(a, ...)   STAND_IN_CHECK(!!(a), false, #a, ##__VA_ARGS__)
#define cr_expect_eq(a, b, ...)	     STAND_IN_CHECK((a) == (b), false, #a " == " #b, ##__VA_ARGS__)
#define cr_expect_neq(a, b, ...)     STAND_IN_CHECK((a) != (b), false, #a " != " #b, ##__VA_ARGS__)
#define cr_expect_lt(a, b, ...)	     STAND_IN_CHECK((a) < (b), false, #a " < " #b, ##__VA_ARGS__)
#define cr_expect_leq(a, b, ...)     STAND_IN_CHECK((a) <= (b), false, #a " <= " #b, ##__VA_ARGS__)
#define cr_expect_gt(a, b, ...)	     STAND_IN_CHECK((a) > (b), false, #a " > " #b, ##__VA_ARGS__)
#define cr_expect_geq(a, b, ...)     STAND_IN_CHECK((a) >= (b), false, #a " >= " #b, ##__VA_ARGS__)
#define cr_expect_str_eq(a, b, ...)  STAND_IN_CHECK(!strcmp(a, b), false, #a " is " #b, ##__VA_ARGS__)
#define cr_expect_str_neq(a, b, ...) STAND_IN_CHECK(!!strcmp(a, b), false, #a " is not " #b, ##__VA_ARGS__)
#define cr_expect_arr_eq(a, b, size, ...) \
	STAND_IN_CHECK(!memcmp(a, b, size), false, #a " is " #b, ##__VA_ARGS__)

#define cr_skip_test(...) stand_in_skip("" __VA_ARGS__)
#define cr_log_info(...)  ((void)0)
#define cr_log_error(...) STAND_IN_CHECK(false, false, "error", ##__VA_ARGS__)

#endif
