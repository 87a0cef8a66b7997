/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/error.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

Test(error, every_kind_has_its_name_and_exit_status)
{
	static const struct {
		enum eo_error_kind kind;
		const char *name;
		int status;
	} expected[] = {
		{ EO_ERROR_NONE, "NONE", 0 },
		{ EO_ERROR_UNSUPPORTED_PLATFORM, "UNSUPPORTED_PLATFORM", 3 },
		{ EO_ERROR_INSUFFICIENT_PERMISSIONS, "INSUFFICIENT_PERMISSIONS", 4 },
		{ EO_ERROR_INCOMPATIBLE_KERNEL, "INCOMPATIBLE_KERNEL", 3 },
		{ EO_ERROR_LOAD_FAILED, "LOAD_FAILED", 1 },
		{ EO_ERROR_ATTACH_FAILED, "ATTACH_FAILED", 1 },
		{ EO_ERROR_MAP_OPERATION_FAILED, "MAP_OPERATION_FAILED", 1 },
		{ EO_ERROR_EVENT_PROCESSING_FAILED, "EVENT_PROCESSING_FAILED", 1 },
		{ EO_ERROR_CONFIG, "CONFIG_ERROR", 2 },
	};

	cr_assert_eq(sizeof(expected) / sizeof(expected[0]), EO_ERROR_KIND_COUNT);
	for (int i = 0; i < EO_ERROR_KIND_COUNT; i++) {
		cr_expect_eq((int)expected[i].kind, i);
		cr_expect_str_eq(eo_error_kind_name(expected[i].kind), expected[i].name);
		cr_expect_eq(eo_error_exit_status(expected[i].kind), expected[i].status);
	}
}

Test(error, kinds_out_of_range_are_unknown_and_fail)
{
	cr_expect_str_eq(eo_error_kind_name(EO_ERROR_KIND_COUNT), "UNKNOWN");
	cr_expect_str_eq(eo_error_kind_name((enum eo_error_kind)-1), "UNKNOWN");
	cr_expect_eq(eo_error_exit_status(EO_ERROR_KIND_COUNT), 1);
	cr_expect_eq(eo_error_exit_status((enum eo_error_kind)-1), 1);
}

Test(error, set_fills_everything_and_overwrites)
{
	struct eo_error err = { .kind = EO_ERROR_CONFIG, .code = 7, .text = "old", .hint = "old" };

	cr_expect_eq(eo_error_set(&err, EO_ERROR_ATTACH_FAILED, ENOENT, "new", "attach cpu %d", 3),
		     -ENOENT);
	cr_expect_eq(err.kind, EO_ERROR_ATTACH_FAILED);
	cr_expect_eq(err.code, ENOENT);
	cr_expect_str_eq(err.text, "attach cpu 3");
	cr_expect_str_eq(err.hint, "new");
}

Test(error, code_zero_returns_einval_and_stays_zero)
{
	struct eo_error err = { .code = 5 };

	cr_expect_eq(eo_error_set(&err, EO_ERROR_CONFIG, 0, NULL, "rate is 0"), -EINVAL);
	cr_expect_eq(err.code, 0);
	cr_expect_null(err.hint);
}

Test(error, null_error_still_gives_the_return_value)
{
	cr_expect_eq(eo_error_set(NULL, EO_ERROR_CONFIG, EBUSY, NULL, "nobody asks"), -EBUSY);
	eo_error_hint(NULL, "nobody asks");
}

Test(error, long_text_is_cut_and_terminated)
{
	char text[1000];
	struct eo_error err;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	eo_error_set(&err, EO_ERROR_CONFIG, 0, NULL, "%s", text);
	cr_expect_eq(strlen(err.text), sizeof(err.text) - 1);
}

Test(error, text_can_wrap_itself)
{
	struct eo_error err;

	eo_error_set(&err, EO_ERROR_LOAD_FAILED, ENOMEM, NULL, "load program");
	eo_error_set(&err, EO_ERROR_LOAD_FAILED, ENOMEM, NULL, "start: %s", err.text);
	cr_expect_str_eq(err.text, "start: load program");
}

Test(error, hint_does_not_replace_a_hint)
{
	struct eo_error err = { .hint = NULL };

	eo_error_hint(&err, "first");
	eo_error_hint(&err, "second");
	cr_expect_str_eq(err.hint, "first");
}

Test(error, only_eperm_and_eacces_are_about_permissions)
{
	cr_expect_eq(eo_error_kind_of(EPERM, EO_ERROR_LOAD_FAILED),
		     EO_ERROR_INSUFFICIENT_PERMISSIONS);
	cr_expect_eq(eo_error_kind_of(EACCES, EO_ERROR_LOAD_FAILED),
		     EO_ERROR_INSUFFICIENT_PERMISSIONS);
	cr_expect_eq(eo_error_kind_of(ENOENT, EO_ERROR_LOAD_FAILED), EO_ERROR_LOAD_FAILED);
	cr_expect_eq(eo_error_kind_of(0, EO_ERROR_ATTACH_FAILED), EO_ERROR_ATTACH_FAILED);
}
