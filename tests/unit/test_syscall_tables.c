/* SPDX-License-Identifier: BSD-2-Clause */
/* Our numbers and names against those of the headers that this machine has: NUMBERS_DIR has a file
 * of their macros for each interface that there are headers of. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/auto.h"
#include "syscall/call.h"
#include "syscall/tables.h"

#define LAST_NUMBER 469 /* of Linux 6.18; what headers have beyond is newer than our lists */

struct macros {
	char *text;
	size_t size;
};

static bool read_macros(const char *interface, struct macros *ret)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s.h", EO_NUMBERS_DIR, interface);
	file = fopen(path, "r");
	if (!file)
		return false;
	ret->text = calloc(1, 1 << 20);
	cr_assert_not_null(ret->text);
	ret->size = fread(ret->text, 1, (1 << 20) - 1, file);
	fclose(file);
	return ret->size;
}

/* "42", "(__BASE + 42)", or another macro. */
static long value_of(const struct macros *macros, const char *text)
{
	char define[128];
	const char *plus = strchr(text, '+'), *end = strchr(text, '\n'), *found;

	if (plus && plus < end)
		text = plus + 1;
	while (*text == ' ' || *text == '(')
		text++;
	if (*text >= '0' && *text <= '9')
		return strtol(text, NULL, 0);
	snprintf(define, sizeof(define), "#define %.*s ", (int)strcspn(text, " )\n"), text);
	found = strstr(macros->text, define);
	return found ? value_of(macros, found + strlen(define)) : -1;
}

/* Calls @fn for each call of the header, and returns how many there are. */
static size_t each_number(const struct macros *macros,
			  void (*fn)(const char *name, long nr, void *ctx), void *ctx)
{
	static const char define[] = "#define __NR_";
	size_t count = 0;

	for (const char *at = macros->text; (at = strstr(at, define)); at++) {
		const char *start = at + strlen(define), *end = start + strcspn(start, " \n(");
		char name[64];
		long nr;

		if (*end != ' ' || (size_t)(end - start) >= sizeof(name))
			continue;
		memcpy(name, start, (size_t)(end - start));
		name[end - start] = '\0';
		/* Bounds, and calls under the name that they have in other libraries. */
		if (!strcmp(name, "syscalls") || !strcmp(name, "arch_specific_syscall"))
			continue;
		nr = value_of(macros, end + 1);
		if (nr < 0)
			continue;
		fn(name, nr, ctx);
		count++;
	}
	return count;
}

struct place {
	enum eo_machine machine;
	unsigned int abi;
};

static void has_number(const char *name, long nr, void *ctx)
{
	const struct place *place = ctx;
	const char *ours = eo_syscall_name_on(place->machine, place->abi, (uint32_t)nr);

	if (nr > LAST_NUMBER && nr < 512)
		return;
	cr_expect(ours && !strcmp(ours, name), "%ld is %s, not %s", nr, name, ours ? ours : "unknown");
	cr_expect_eq(eo_syscall_find_on(place->machine, place->abi, name), nr, "%s", name);
}

#define HEADERS_AGREE(interface, machine_, abi_, at_least)                                       \
	do {                                                                                     \
		EO_AUTO_FREE char *text = NULL;                                                  \
		struct macros macros = { 0 };                                                    \
		struct place place = { machine_, abi_ };                                         \
		if (!read_macros(interface, &macros))                                            \
			cr_skip_test("no headers of " interface);                                \
		text = macros.text;                                                              \
		cr_expect_geq(each_number(&macros, has_number, &place), (size_t)(at_least));     \
	} while (0)

Test(syscall_tables, numbers_are_those_of_the_headers_x86_64)
{
	HEADERS_AGREE("x86_64", EO_MACHINE_X86, EO_ABI_NATIVE, 360);
}

Test(syscall_tables, numbers_are_those_of_the_headers_i386)
{
	HEADERS_AGREE("i386", EO_MACHINE_X86, EO_ABI_COMPAT, 430);
}

static void has_x32_number(const char *name, long nr, void *ctx)
{
	/* The header writes what we take off. */
	has_number(name, nr & ~0x40000000L, ctx);
}

Test(syscall_tables, numbers_are_those_of_the_headers_x32)
{
	struct macros macros = { 0 };
	struct place place = { EO_MACHINE_X86, EO_ABI_X32 };

	if (!read_macros("x32", &macros))
		cr_skip_test("no headers of x32");
	cr_expect_geq(each_number(&macros, has_x32_number, &place), 340u);
	free(macros.text);
}

Test(syscall_tables, numbers_are_those_of_the_headers_arm64)
{
	HEADERS_AGREE("arm64", EO_MACHINE_ARM, EO_ABI_NATIVE, 300);
}

Test(syscall_tables, numbers_are_those_of_the_headers_arm)
{
	HEADERS_AGREE("arm", EO_MACHINE_ARM, EO_ABI_COMPAT, 400);
}

Test(syscall_tables, calls_that_headers_may_not_have_yet)
{
	static const char *const names[] = {
		"cachestat", "fchmodat2", "map_shadow_stack", "futex_wake", "futex_wait",
		"futex_requeue", "statmount", "listmount", "lsm_get_self_attr",
		"lsm_set_self_attr", "lsm_list_modules", "mseal", "setxattrat", "getxattrat",
		"listxattrat", "removexattrat", "open_tree_attr", "file_getattr", "file_setattr",
	};
	static const struct place places[] = {
		{ EO_MACHINE_X86, EO_ABI_NATIVE }, { EO_MACHINE_X86, EO_ABI_COMPAT },
		{ EO_MACHINE_X86, EO_ABI_X32 },	   { EO_MACHINE_ARM, EO_ABI_NATIVE },
		{ EO_MACHINE_ARM, EO_ABI_COMPAT },
	};

	for (size_t p = 0; p < EO_ARRAY_SIZE(places); p++)
		for (size_t i = 0; i < EO_ARRAY_SIZE(names); i++)
			cr_expect_eq(eo_syscall_find_on(places[p].machine, places[p].abi, names[i]),
				     (int)(451 + i), "%s", names[i]);
	cr_expect_eq(eo_syscall_find_on(EO_MACHINE_X86, EO_ABI_NATIVE, "uretprobe"), 335);
	cr_expect_eq(eo_syscall_find_on(EO_MACHINE_X86, EO_ABI_NATIVE, "uprobe"), 336);
	cr_expect_eq(eo_syscall_find_on(EO_MACHINE_ARM, EO_ABI_NATIVE, "uprobe"), -1);
}

Test(syscall_tables, every_name_is_found_and_every_number_has_its_name)
{
	for (int machine = 0; machine < EO_MACHINE_COUNT; machine++)
		for (unsigned int abi = 0; abi < EO_ABI_COUNT; abi++) {
			const struct eo_call_interface *interface =
				eo_call_interface((enum eo_machine)machine, abi);

			for (uint32_t i = 0; interface && i < interface->name_count; i++) {
				uint32_t nr = interface->by_name[i];
				const char *name =
					eo_syscall_name_on((enum eo_machine)machine, abi, nr);

				cr_assert_not_null(name);
				cr_expect_eq(eo_syscall_find_on((enum eo_machine)machine, abi, name),
					     (int)nr, "%s", name);
			}
		}
}

Test(syscall_tables, far_and_foreign_numbers)
{
	cr_expect_str_eq(eo_syscall_name_on(EO_MACHINE_ARM, EO_ABI_COMPAT, 983045), "set_tls");
	cr_expect_null(eo_syscall_name_on(EO_MACHINE_ARM, EO_ABI_COMPAT, 983040));
	cr_expect_null(eo_syscall_name_on(EO_MACHINE_ARM, EO_ABI_X32, 0));
	cr_expect_null(eo_syscall_name_on(EO_MACHINE_X86, EO_ABI_NATIVE, 512));
	cr_expect_null(eo_syscall_name_on(EO_MACHINE_X86, EO_ABI_NATIVE, 337));
	cr_expect_null(eo_syscall_name_on(EO_MACHINE_X86, EO_ABI_NATIVE, UINT32_MAX));
	cr_expect_null(eo_syscall_name_on(EO_MACHINE_X86, 77, 0));
	cr_expect_eq(eo_syscall_find_on(EO_MACHINE_X86, 77, "read"), -1);
	cr_expect_eq(eo_syscall_find("no_such_call"), -1);
	cr_expect_eq(eo_syscall_find(""), -1);
	cr_expect_str_eq(eo_syscall_abi_name(EO_MACHINE_X86, EO_ABI_X32), "x32");
	cr_expect_null(eo_syscall_abi_name(EO_MACHINE_X86, EO_ABI_NATIVE));
	cr_expect_null(eo_syscall_abi_name(EO_MACHINE_X86, 77));
	cr_expect_eq(eo_syscall_abi_find(EO_MACHINE_ARM, "arm"), EO_ABI_COMPAT);
	cr_expect_eq(eo_syscall_abi_find(EO_MACHINE_ARM, "i386"), -1);
	cr_expect_eq(eo_syscall_abi_find(EO_MACHINE_ARM, NULL), EO_ABI_NATIVE);
}

Test(syscall_tables, names_of_errors_are_those_of_the_library)
{
	for (int code = 1; code < 134; code++) {
		const char *theirs = strerrorname_np(code), *ours = eo_errno_name((unsigned int)code);

		if (!theirs) {
			cr_expect_null(ours, "%d", code);
			continue;
		}
		cr_assert_not_null(ours, "%d", code);
		cr_expect(!strcmp(ours, theirs) || !strcmp(theirs, "ENOTSUP") ||
			  !strcmp(theirs, "EWOULDBLOCK") || !strcmp(theirs, "EDEADLOCK"),
			  "%d: %s, %s", code, ours, theirs);
		cr_expect_eq(eo_errno_find(ours), (unsigned int)code);
	}
	cr_expect_str_eq(eo_errno_name(512), "ERESTARTSYS");
	cr_expect_str_eq(eo_errno_name(516), "ERESTART_RESTARTBLOCK");
	cr_expect_str_eq(eo_errno_name(524), "ENOTSUPP");
	cr_expect_str_eq(eo_errno_name(530), "ERECALLCONFLICT");
	cr_expect_str_eq(eo_errno_name(531), "ENOGRACE");
	cr_expect_null(eo_errno_name(0));
	cr_expect_null(eo_errno_name(532));
	cr_expect_eq(eo_errno_find("EWOULDBLOCK"), 11);
	cr_expect_eq(eo_errno_find("enoent"), 0);
}

Test(syscall_tables, names_of_signals_are_those_of_the_library)
{
	for (unsigned int signal = 1; signal < 32; signal++) {
		char name[16];

		snprintf(name, sizeof(name), "SIG%s",
			 signal == SIGIO ? "IO" : sigabbrev_np((int)signal));
		cr_expect_str_eq(eo_signal_name(signal), name);
	}
	cr_expect_null(eo_signal_name(0));
	cr_expect_null(eo_signal_name(34));
}

Test(syscall_tables, what_a_flag_hides_it_contains)
{
	for (int machine = 0; machine < EO_MACHINE_COUNT; machine++) {
		for (uint32_t l = 0; l < eo_name_list_count; l++) {
			const struct eo_name_list *list = &eo_name_lists[machine][l];

			for (uint32_t i = 0; i < list->count; i++) {
				cr_expect_eq(list->names[i].value & ~list->names[i].mask, 0);
				if (!list->flags && i)
					cr_expect_lt(list->names[i - 1].value, list->names[i].value,
						     "%s", list->name);
			}
		}
	}
}
