/* SPDX-License-Identifier: BSD-2-Clause */
#include "symbol/demangle.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "core/auto.h"

static void expect(const char *mangled, const char *plain)
{
	EO_AUTO_FREE char *got = eo_demangle(mangled);

	if (plain)
		cr_expect_str_eq(got ? got : "(null)", plain, "%s: %s", mangled, got);
	else
		cr_expect_null(got, "%s: %s", mangled, got);
}

Test(demangle, cpp_names_come_with_parameters)
{
	expect("_Z3fooi", "foo(int)");
	expect("_ZN2v88internal4Heap14CollectGarbageEv", "v8::internal::Heap::CollectGarbage()");
	expect("_ZNSt6vectorIiSaIiEE9push_backERKi",
	       "std::vector<int, std::allocator<int> >::push_back(int const&)");
	expect("_ZN1AC2Ev", "A::A()");
	expect("_Znwm", "operator new(unsigned long)");
	expect("_ZTV1A", "vtable for A");
}

Test(demangle, clones_of_cpp_functions_say_so)
{
	expect("_Z3fooi.cold", "foo(int) [clone .cold]");
	expect("_Z3fooi.constprop.0.isra.1", "foo(int) [clone .constprop.0] [clone .isra.1]");
}

Test(demangle, versions_and_plt_are_cut)
{
	expect("_Z3fooi@plt", "foo(int)");
	expect("_Z3fooi@@LIB_1.0", "foo(int)");
	expect("_Z3fooi@LIB_1.0", "foo(int)");
}

Test(demangle, legacy_rust_names_lose_their_hash)
{
	expect("_ZN4core3fmt5write17h0123456789abcdefE", "core::fmt::write");
	expect("_ZN4core3fmt5write17h0123456789abcdefE.llvm.123456789", "core::fmt::write");
	expect("_ZN66_$LT$alloc..vec..Vec$LT$T$GT$$u20$as$u20$core..ops..drop..Drop$GT$"
	       "4drop17h0123456789abcdefE",
	       "<alloc::vec::Vec<T> as core::ops::drop::Drop>::drop");
}

Test(demangle, rust_v0_names_are_read)
{
	expect("_RNvC6_123foo3bar", "123foo::bar");
	expect("_RNvC03foo", "::foo");
	expect("_RNvNtCs1234_7mycrate3foo3bar", "mycrate::foo::bar");
	expect("_RNvNtCs1234_7mycrate3foo3bar.llvm.42", "mycrate::foo::bar");
}

Test(demangle, plain_names_are_not_mangled)
{
	expect("", NULL);
	expect("_", NULL);
	expect("_Z", NULL);
	expect("_R", NULL);
	expect("main", NULL);
	expect("_start", NULL);
	expect("_Zebra", NULL);
	expect("_Read", NULL);
	expect("malloc@@GLIBC_2.2.5", NULL);
	expect("@", NULL);
	expect("_Z@", NULL);
}

/* f(int, int, …) in @bytes. */
static void fill(char *name, size_t bytes)
{
	strcpy(name, "_Z1f");
	memset(name + 4, 'i', bytes - 4);
	name[bytes] = '\0';
}

Test(demangle, names_that_are_too_long_are_left_alone)
{
	static char name[4200];

	fill(name, 1024);
	EO_AUTO_FREE char *got = eo_demangle(name);
	cr_assert_not_null(got);
	cr_assert_eq(strncmp(got, "f(int, int, ", 12), 0);

	fill(name, 4096);
	expect(name, NULL);
	fill(name, 4097);
	expect(name, NULL);
}

/* f(p<int, int>, p<the one before, the one before>, …): each parameter doubles the text. */
static void fill_doubling(char *name, int steps)
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	char *at = stpcpy(name, "_Z1f1pIiiE");

	for (int i = 0; i < steps; i++)
		at += sprintf(at, "S_IS%c_S%c_E", digits[i], digits[i]);
}

Test(demangle, output_that_doubles_with_each_reference_ends)
{
	char name[1024];

	fill_doubling(name, 1);
	expect(name, "f(p<int, int>, p<p<int, int>, p<int, int> >)");
	fill_doubling(name, 36);
	expect(name, NULL);
}

Test(demangle, deep_nesting_is_refused)
{
	char name[4097];

	/* a reference to a reference to … 4000 times */
	strcpy(name, "_RM");
	memset(name + 3, 'R', 4000);
	strcpy(name + 4003, "u");
	expect(name, NULL);

	/* a path that refers to itself */
	expect("_RNvB_1a", NULL);
	expect("_RMB_", NULL);
}
