/* SPDX-License-Identifier: BSD-2-Clause */
/* Lets allocations of the library fail, in programs that are linked as meson.build says. */
#ifndef TESTS_ALLOCATIONS_H
#define TESTS_ALLOCATIONS_H

/** The allocation behind the next @count fails; negative: all succeed, as at first. */
void allow_allocations(long count);

/** How many are still allowed; negative once one was refused. */
long allocations_left(void);

#endif
