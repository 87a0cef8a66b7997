// SPDX-License-Identifier: BSD-2-Clause
/* Debug files of their own, wherever they may be. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/auto.h"
#include "elf_bench.h"
#include "emulation.h"

TestSuite(elf_debug_files, .init = make_elf_sources, .fini = remove_folder);

static void make_stripped(const char *build_id)
{
	run("gcc -O1 -Wl,--build-id=%s -o full main.c lib.c &&"
	    "objcopy --only-keep-debug full program.debug &&"
	    "strip -o program full && objcopy --add-gnu-debuglink=program.debug program",
	    build_id);
}

/* Whether hidden_away is known with these places to look. */
static bool finds_hidden(const char *root, const char *dir)
{
	EO_AUTO(eo_elf) elf = open_elf("program");
	struct eo_elf_symbol found = {0};
	int r = eo_elf_find_symbol(elf, address_of("full", "hidden_away"), root, dir, &found);
	bool good = r == 0 && strcmp(found.name, "hidden_away") == 0;

	cr_expect(good || r == -ENOENT);
	free(found.name);
	return good;
}

Test(elf_debug_files, debuglink_is_followed_in_three_places)
{
	make_stripped("none");
	cr_expect(!finds_hidden(folder, NULL), "no directory, no debuglink");

	cr_expect(finds_hidden(folder, "/"), "beside the program");
	run("mkdir .debug && mv program.debug .debug");
	cr_expect(finds_hidden(folder, ""), ".debug");
	cr_expect(finds_hidden("", folder), ".debug, from the real root");
	run("mkdir -p usr/lib/debug/opt/app && mv .debug/program.debug usr/lib/debug/opt/app");
	cr_expect(!finds_hidden(folder, "/"));
	cr_expect(finds_hidden(folder, "/opt/app"), "/usr/lib/debug");
}

Test(elf_debug_files, debuglink_needs_the_right_checksum_or_build_id)
{
	make_stripped("none");
	run("printf x >>program.debug");
	cr_expect(!finds_hidden(folder, "/"), "wrong checksum");

	make_stripped("0x0123456789");
	run("printf x >>program.debug");
	cr_expect(finds_hidden(folder, "/"), "the build id decides");

	make_stripped("0x0123456789");
	run("gcc -O1 -Wl,--build-id=0x0123456780 -o full main.c lib.c &&"
	    "objcopy --only-keep-debug full program.debug &&"
	    "objcopy --remove-section .gnu_debuglink program &&"
	    "objcopy --add-gnu-debuglink=program.debug program");
	cr_expect(!finds_hidden(folder, "/"), "wrong build id, right checksum");
}

Test(elf_debug_files, debuglink_does_not_leave_its_folder)
{
	static const char *const names[] = {"../secret.debug", "/secret.debug", "..", "", "./x"};

	make_stripped("none");
	run("mkdir sub && cp program.debug secret.debug");
	for (size_t i = 0; i < EO_ARRAY_SIZE(names); i++) {
		/* name, padding and the checksum of the real link */
		run("objcopy -O binary --only-section=.gnu_debuglink "
		    "--set-section-flags .gnu_debuglink=alloc,contents program link &&"
		    "n='%s' && { printf '%%s' \"$n\"; head -c $((4 - ${#n} %% 4)) /dev/zero;"
		    "tail -c 4 link; } >bad && cp program kept &&"
		    "objcopy --update-section .gnu_debuglink=bad program",
		    names[i]);
		cr_expect(!finds_hidden(folder, "/sub"), "%s", names[i]);
		run("mv kept program");
	}
}

Test(elf_debug_files, build_id_files_are_found_below_a_root)
{
	make_stripped("0xabcdef0123456789");
	run("mkdir -p root/usr/lib/debug/.build-id/ab &&"
	    "mv program.debug root/usr/lib/debug/.build-id/ab/cdef0123456789.debug");
	EO_AUTO_FREE char *root = in_folder("root");

	cr_expect(finds_hidden(root, NULL));
	cr_expect(!finds_hidden(empty_root, NULL));
}

Test(elf_debug_files, absolute_links_in_a_root_stay_in_it)
{
	make_stripped("0xabcdef0123456789");
	run("mkdir -p root/usr/lib/debug/.build-id/ab root/store && mv program.debug root/store &&"
	    "ln -s /store/program.debug root/usr/lib/debug/.build-id/ab/cdef0123456789.debug");
	EO_AUTO_FREE char *root = in_folder("root");

	SKIP_IN_EMULATION("no openat2()");
	cr_expect(finds_hidden(root, NULL), "to a file of the root");

	run("mv root/store/program.debug secret &&"
	    "ln -sf %s/secret root/usr/lib/debug/.build-id/ab/cdef0123456789.debug",
	    folder);
	cr_expect(!finds_hidden(root, NULL), "to a file outside");
}

Test(elf_debug_files, debug_files_that_are_no_files_are_not_opened)
{
	make_stripped("0xabcdef0123456789");
	run("mkdir -p root/usr/lib/debug/.build-id/ab &&"
	    "mkfifo root/usr/lib/debug/.build-id/ab/cdef0123456789.debug");
	EO_AUTO_FREE char *root = in_folder("root");

	cr_expect(!finds_hidden(root, NULL)); /* and does not wait for a writer */
}
