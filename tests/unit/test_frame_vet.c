// SPDX-License-Identifier: BSD-2-Clause
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/auto.h"
#include "frame_sections.h"
#include "unwind/frame_file.h"
#include "unwind/frame_vet.h"

/* A copy that ends at an unmapped page. */
struct copy {
	unsigned char *memory, *bytes;
	size_t room;
};

static struct copy copy_of(const unsigned char *bytes, size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct copy copy = {.room = (size + page) / page * page};

	copy.memory = mmap(NULL, copy.room + page, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq(copy.memory, MAP_FAILED);
	mprotect(copy.memory + copy.room, page, PROT_NONE);
	copy.bytes = copy.memory + copy.room - size;
	if (size)
		memcpy(copy.bytes, bytes, size);
	return copy;
}

static void free_copy(const struct copy *copy)
{
	munmap(copy->memory, copy->room + (size_t)sysconf(_SC_PAGESIZE));
}

static bool vet_both(const unsigned char *fde, size_t fde_size, const unsigned char *cie,
		     size_t cie_size)
{
	struct copy one = copy_of(fde, fde_size), other = copy_of(cie, cie_size);
	bool good = eo_frame_vet(one.bytes, fde_size, other.bytes, cie_size);

	free_copy(&one);
	free_copy(&other);
	return good;
}

/* Vet the last entry of @buffer, which has a CIE in front of it. */
static bool vet(const struct buffer *buffer, size_t fde)
{
	return vet_both(buffer->bytes + fde, buffer->size - fde, buffer->bytes, fde);
}

/* An FDE with this program, of the usual CIE. */
static bool vet_program(const unsigned char *program, size_t size)
{
	BUFFER(buffer);
	size_t fde;

	add_cie(&buffer);
	fde = buffer.size;
	add_fde(&buffer, 0x1000, 64, program, size);
	return vet(&buffer, fde);
}

/* An FDE without a program, of this CIE. */
static bool vet_cie(const unsigned char *rest, size_t size)
{
	static const unsigned char range[24] = {0};
	BUFFER(buffer);
	size_t fde;

	add_raw_cie(&buffer, rest, size);
	fde = buffer.size;
	add_raw_fde(&buffer, range, sizeof(range));
	return vet(&buffer, fde);
}

Test(frame_vet, what_compilers_write_is_let_through)
{
	cr_assert(vet_program(BYTES(ADVANCE | 1, DEF_OFFSET, 16, OFFSET | RBP, 2, ADVANCE1, 3,
				    DEF_REG, RBP, REMEMBER, ADVANCE2, 1, 0, DEF, RSP, 8,
				    RESTORE | RBP, RECALL, ADVANCE4, 1, 0, 0, 0)));
	cr_assert(vet_program(BYTES(DEF_EXPR, 11, BREG_RSP, 8, BREG_RIP, 0, LIT0 + 15, AND,
				    LIT0 + 11, GE, LIT0 + 3, SHL, PLUS)));
	cr_assert(
		vet_program(BYTES(EXPR, RBP, 2, BREG_RBP, 0, DEF_EXPR, 3, BREG_RBP, 0x78, DEREF)));
	cr_assert(vet_program(BYTES(IN_REG, RIP, 2, UNDEF, RIP, ARGS_SIZE, 0x90, 0x01, VAL_EXPR,
				    RSP, 2, BREG_RSP, 8)));
	cr_assert(vet_cie(BYTES(1, 'z', 'R', 'S', 0, 1, 0x78, 16, 1, 0x1b)));
	cr_assert(vet_cie(
		BYTES(1, 'z', 'P', 'L', 'R', 0, 1, 0x78, 16, 7, 0x9b, 1, 2, 3, 4, 0x1b, 0x1b)));
	cr_assert(vet_cie(BYTES(3, 0, 1, 0x78, 16)));
}

Test(frame_vet, registers_that_do_not_exist_are_refused)
{
	cr_assert_not(vet_program(BYTES(IN_REG, RIP, 17)));
	cr_assert_not(vet_program(BYTES(IN_REG, RIP, 0x80, 0x80, 0x04)));
	cr_assert_not(vet_program(BYTES(OFFSET | 17, 1)));
	cr_assert_not(vet_program(BYTES(RESTORE | 60)));
	cr_assert_not(vet_program(BYTES(DEF, 33, 8)));
	cr_assert_not(vet_program(BYTES(SAME, 0xff, 0x7f)));
	cr_assert_not(vet_cie(BYTES(1, 'z', 'R', 0, 1, 0x78, 200, 1, 0x1b)),
		      "its return address is in none");
	cr_assert_not(vet_cie(BYTES(3, 0, 1, 0x78, 0x90, 0x01)));
}

Test(frame_vet, operations_beyond_reading_and_adding_are_refused)
{
	cr_assert_not(vet_program(BYTES(DEF_EXPR, 4, BREG_RSP, 0, LIT0, 0x1b)), "a division");
	cr_assert_not(vet_program(BYTES(DEF_EXPR, 5, BREG_RSP, 0, 0x2f, 0xfd, 0xff)),
		      "a jump back");
	cr_assert_not(vet_program(BYTES(DEF_EXPR, 3, BREGX, 0x90, 0)));
	cr_assert_not(vet_program(BYTES(SET_LOC, 0, 0, 0, 0, 0, 0, 0, 0)));
	cr_assert_not(vet_program(BYTES(0x3f)));
}

Test(frame_vet, entries_that_are_cut_or_misplaced_are_refused)
{
	BUFFER(buffer);
	size_t fde;

	add_cie(&buffer);
	fde = buffer.size;
	add_fde(&buffer, 0x1000, 64, BYTES(ADVANCE | 1, DEF_OFFSET, 16, OFFSET | RBP, 2));
	cr_assert(vet(&buffer, fde));
	cr_assert_not(vet_both(buffer.bytes, fde, buffer.bytes, fde), "that is a CIE");
	cr_assert_not(vet_both(buffer.bytes + fde, buffer.size - fde, buffer.bytes + fde,
			       buffer.size - fde), "and that is none");
	for (size_t size = 0; size < buffer.size - fde; size++)
		cr_assert_not(vet_both(buffer.bytes + fde, size, buffer.bytes, fde), "%zu bytes", size);
	for (size_t size = 0; size < fde; size++)
		cr_assert_not(vet_both(buffer.bytes + fde, buffer.size - fde, buffer.bytes, size),
			      "%zu bytes of the CIE", size);
	cr_assert_not(vet_program(BYTES(DEF_EXPR, 0x7f, DEREF)));
	cr_assert_not(vet_program(BYTES(DEF_OFFSET, 0x80)));
	cr_assert_not(vet_cie(BYTES(1, 'z', 'R', 0, 1, 0x78, 16, 0x7f, 0x1b)));
	cr_assert_not(vet_cie(BYTES(1, 'e', 'h', 0, 1, 0x78, 16)));
	cr_assert_not(vet_cie(BYTES(1, 'z', 'B', 0, 1, 0x78, 16, 0)));
	cr_assert_not(vet_cie(BYTES(4, 0, 8, 0, 1, 0x78, 16)));
}

/* Nothing of a real file may be refused that unwinding would miss. */
static void check_file(const char *path)
{
	EO_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct eo_frame_entry fde, cie;
	struct eo_frame_search search;
	size_t refused = 0;

	if (fd < 0)
		return;
	cr_assert_eq(eo_frame_file_load_search(fd, &search), 0, "%s", path);
	cr_assert_gt(search.count, 0);
	for (size_t i = 0; i < search.count; i++)
		refused += !eo_frame_search_read(&search, i, &fde, &cie) ||
			   !eo_frame_vet(fde.bytes, fde.size, cie.bytes, cie.size);
	cr_assert_leq(refused * 1000, search.count, "%s: %zu of %zu", path, refused, search.count);
	eo_frame_search_fini(&search);
}

Test(frame_vet, real_files_pass)
{
	static const char *const files[] = {
#ifdef __x86_64__
		"/proc/self/exe",
#endif
		"/lib/x86_64-linux-gnu/libc.so.6",
		"/usr/lib/x86_64-linux-gnu/libstdc++.so.6",
		"/usr/lib/x86_64-linux-gnu/libcrypto.so.3",
		"/usr/bin/python3.11",
	};

	for (size_t i = 0; i < EO_ARRAY_SIZE(files); i++)
		check_file(files[i]);
}
