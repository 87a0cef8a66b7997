/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests that ask the kernel something which an emulation of programs answers for itself. */
#ifndef TESTS_EMULATION_H
#define TESTS_EMULATION_H

#include <criterion/criterion.h>

#ifdef STANDS_IN_FOR_CRITERION
#define SKIP_IN_EMULATION(what) cr_skip_test("an emulation of programs has %s", what)
#else
#define SKIP_IN_EMULATION(what) ((void)0)
#endif

#endif
