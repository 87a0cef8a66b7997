/* SPDX-License-Identifier: BSD-2-Clause */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "core/clock.h"
#include "symbol/proc_maps.h"
#include "symbol/process.h"
#include "symbol/process_maps.h"
#include "symbol/vma_set.h"
#include "emulation.h"

/* Numbers above the kernel's PID_MAX_LIMIT: nobody has them. */
#define TGID 5000001u
#define CHILD 5000002u

static struct eo_processes *processes_new(void)
{
	struct eo_processes *p = NULL;

	cr_assert_eq(eo_processes_new(&p, NULL), 0);
	return p;
}

static void map(struct eo_processes *p, uint32_t tgid, uint64_t start, uint64_t end,
		uint64_t offset, const char *path, uint64_t ktime_ns)
{
	struct eo_vma vma = {
		.start = start, .end = end, .offset = offset, .inode = 7, .path = path};

	eo_processes_mmap(p, tgid, &vma, ktime_ns);
}

static void expect(struct eo_processes *p, uint32_t tgid, uint64_t address, uint64_t start,
		   uint64_t end, uint64_t offset, const char *path)
{
	const struct eo_vma *vma = eo_processes_find(p, tgid, address);

	cr_assert(vma, "nothing at %lx", (unsigned long)address);
	cr_assert_eq(vma->start, start, "%lx starts at %lx", (unsigned long)address,
		     (unsigned long)vma->start);
	cr_assert_eq(vma->end, end, "%lx ends at %lx", (unsigned long)address,
		     (unsigned long)vma->end);
	cr_assert_eq(vma->offset, offset);
	cr_assert_str_eq(vma->path, path);
	cr_assert_neq(vma->part, 0);
}

static void expect_none(struct eo_processes *p, uint32_t tgid, uint64_t address)
{
	cr_assert_null(eo_processes_find(p, tgid, address), "something at %lx",
		       (unsigned long)address);
}

Test(process, a_new_mapping_cuts_what_it_covers)
{
	EO_AUTO(eo_processes) p = processes_new();

	map(p, TGID, 0x10000, 0x20000, 0x5000, "/lib/a", 10);
	map(p, TGID, 0x14000, 0x16000, 0, "/lib/b", 11); /* in the middle: three pieces */
	expect(p, TGID, 0x10000, 0x10000, 0x14000, 0x5000, "/lib/a");
	expect(p, TGID, 0x15fff, 0x14000, 0x16000, 0, "/lib/b");
	expect(p, TGID, 0x16000, 0x16000, 0x20000, 0xb000, "/lib/a");

	map(p, TGID, 0x1c000, 0x24000, 0, "/lib/c", 12); /* over an end */
	expect(p, TGID, 0x1bfff, 0x16000, 0x1c000, 0xb000, "/lib/a");
	expect(p, TGID, 0x23fff, 0x1c000, 0x24000, 0, "/lib/c");

	map(p, TGID, 0x0f000, 0x11000, 0, "/lib/d", 13); /* over a start */
	expect(p, TGID, 0x10fff, 0xf000, 0x11000, 0, "/lib/d");
	expect(p, TGID, 0x11000, 0x11000, 0x14000, 0x6000, "/lib/a");

	map(p, TGID, 0x10000, 0x30000, 0x1000, "/lib/e", 14); /* over everything but a start */
	expect(p, TGID, 0xffff, 0xf000, 0x10000, 0, "/lib/d");
	expect(p, TGID, 0x10000, 0x10000, 0x30000, 0x1000, "/lib/e");
	expect(p, TGID, 0x2ffff, 0x10000, 0x30000, 0x1000, "/lib/e");
	expect_none(p, TGID, 0x30000);
	expect_none(p, TGID, 0xefff);
}

Test(process, anonymous_pieces_have_no_offset)
{
	EO_AUTO(eo_processes) p = processes_new();

	map(p, TGID, 0x10000, 0x20000, 0x10, "//anon", 10);
	map(p, TGID, 0x14000, 0x16000, 0, "", 11);
	expect(p, TGID, 0x18000, 0x16000, 0x20000, 0, "//anon");
}

Test(process, equal_parts_of_a_file_have_one_number)
{
	EO_AUTO(eo_processes) p = processes_new();
	uint64_t part;

	map(p, TGID, 0x10000, 0x20000, 0, "/lib/a", 10);
	map(p, CHILD, 0x70000, 0x80000, 0, "/lib/a", 10);
	map(p, CHILD, 0x90000, 0xa0000, 0x1000, "/lib/a", 10);
	part = eo_processes_find(p, TGID, 0x10000)->part;
	cr_assert_eq(eo_processes_find(p, CHILD, 0x70000)->part, part);
	cr_assert_neq(eo_processes_find(p, CHILD, 0x90000)->part, part);

	/* Gone and come back it is another one: numbers are not used again. */
	eo_processes_exec(p, TGID, 11);
	eo_processes_exec(p, CHILD, 11);
	eo_processes_reap(p, 12);
	map(p, TGID, 0x10000, 0x20000, 0, "/lib/a", 12);
	cr_assert_gt(eo_processes_find(p, TGID, 0x10000)->part, part);
}

Test(process, fork_copies_and_neither_sees_the_other_change)
{
	EO_AUTO(eo_processes) p = processes_new();

	map(p, TGID, 0x10000, 0x20000, 0, "/lib/a", 10);
	eo_processes_fork(p, TGID, CHILD, 11);
	cr_assert_eq(eo_processes_count(p), 2);
	cr_assert_neq(eo_processes_generation(p, TGID), eo_processes_generation(p, CHILD));
	expect(p, CHILD, 0x10000, 0x10000, 0x20000, 0, "/lib/a");

	map(p, CHILD, 0x10000, 0x20000, 0, "/lib/child", 12);
	map(p, TGID, 0x30000, 0x40000, 0, "/lib/parent", 12);
	expect(p, TGID, 0x10000, 0x10000, 0x20000, 0, "/lib/a");
	expect(p, CHILD, 0x10000, 0x10000, 0x20000, 0, "/lib/child");
	expect(p, TGID, 0x30000, 0x30000, 0x40000, 0, "/lib/parent");
	expect_none(p, CHILD, 0x30000);
}

Test(process, fork_of_an_unknown_parent_forgets_the_former_owner_of_the_number)
{
	EO_AUTO(eo_processes) p = processes_new();

	map(p, CHILD, 0x10000, 0x20000, 0, "/lib/old", 10);
	eo_processes_fork(p, TGID, CHILD, 20);
	cr_assert_eq(eo_processes_count(p), 0);
	expect_none(p, CHILD, 0x10000);
}

Test(process, a_thread_is_no_fork)
{
	EO_AUTO(eo_processes) p = processes_new();

	map(p, TGID, 0x10000, 0x20000, 0, "/lib/a", 10);
	eo_processes_fork(p, TGID, TGID, 11);
	expect(p, TGID, 0x10000, 0x10000, 0x20000, 0, "/lib/a");
}

Test(process, exec_clears_and_begins_a_generation)
{
	EO_AUTO(eo_processes) p = processes_new();
	uint64_t generation;

	map(p, TGID, 0x10000, 0x20000, 0, "/lib/a", 10);
	generation = eo_processes_generation(p, TGID);
	cr_assert_neq(generation, 0);
	eo_processes_exec(p, TGID, 20);
	cr_assert_gt(eo_processes_generation(p, TGID), generation);
	expect_none(p, TGID, 0x10000);
	map(p, TGID, 0x50000, 0x60000, 0, "/lib/late", 19); /* of the program before */
	expect_none(p, TGID, 0x50000);
	map(p, TGID, 0x50000, 0x60000, 0, "/lib/b", 20);
	expect(p, TGID, 0x50000, 0x50000, 0x60000, 0, "/lib/b");
}

Test(process, an_ended_process_keeps_its_mappings_until_reaped)
{
	EO_AUTO(eo_processes) p = processes_new();

	map(p, TGID, 0x10000, 0x20000, 0, "/lib/a", 10);
	map(p, CHILD, 0x10000, 0x20000, 0, "/lib/a", 10);
	eo_processes_exit(p, TGID, TGID, 20);
	expect(p, TGID, 0x10000, 0x10000, 0x20000, 0, "/lib/a");
	eo_processes_reap(p, 20);
	expect(p, TGID, 0x10000, 0x10000, 0x20000, 0, "/lib/a");
	eo_processes_reap(p, 21);
	cr_assert_eq(eo_processes_count(p), 1);
	expect_none(p, TGID, 0x10000);
	expect(p, CHILD, 0x10000, 0x10000, 0x20000, 0, "/lib/a");
}

Test(process, an_event_behind_the_end_speaks_of_a_new_process)
{
	EO_AUTO(eo_processes) p = processes_new();

	map(p, TGID, 0x10000, 0x20000, 0, "/lib/a", 10);
	eo_processes_exit(p, TGID, TGID, 20);
	map(p, TGID, 0x50000, 0x60000, 0, "/lib/b", 30);
	expect_none(p, TGID, 0x10000);
	expect(p, TGID, 0x50000, 0x50000, 0x60000, 0, "/lib/b");
	eo_processes_reap(p, 31);
	cr_assert_eq(eo_processes_count(p), 1);
}

Test(process, events_older_than_the_scan_change_nothing)
{
	EO_AUTO(eo_processes) p = processes_new();
	uint32_t self = (uint32_t)getpid();
	uint64_t here = (uintptr_t)&processes_new, generation;

	cr_assert_eq(eo_processes_scan(p, self), 0);
	generation = eo_processes_generation(p, self);
	map(p, self, here & ~0xfffull, (here & ~0xfffull) + 0x1000, 0, "/lib/old", 1);
	eo_processes_exec(p, self, 1);
	eo_processes_fork(p, 1, self, 1);
	eo_processes_exit(p, self, self, 1);
	eo_processes_reap(p, UINT64_MAX);
	cr_assert_eq(eo_processes_generation(p, self), generation);
	cr_assert(strstr(eo_processes_find(p, self, here)->path, "test_process"));
	map(p, self, 0x10000, 0x20000, 0, "/lib/new", eo_clock_monotonic_ns());
	expect(p, self, 0x10000, 0x10000, 0x20000, 0, "/lib/new");
}

Test(process, the_limit_of_mappings_holds)
{
	struct eo_vma_parts *parts = eo_vma_parts_new();
	struct eo_vma_set *set = NULL;
	struct eo_vma vma = {.path = "/lib/a"};

	for (uint64_t i = 0; i < EO_VMA_SET_MAX; i++) {
		vma.start = 0x10000 + i * 0x2000;
		vma.end = vma.start + 0x1000;
		cr_assert_eq(eo_vma_set_put(parts, &set, &vma), 0);
	}
	vma.start += 0x2000;
	vma.end += 0x2000;
	cr_assert_eq(eo_vma_set_put(parts, &set, &vma), -E2BIG);
	vma.start = 0x10400; /* into the first: two more pieces */
	vma.end = 0x10500;
	cr_assert_eq(eo_vma_set_put(parts, &set, &vma), -E2BIG);
	cr_assert_eq(eo_vma_set_count(set), EO_VMA_SET_MAX);
	vma.start = 0;
	vma.end = UINT64_MAX;
	cr_assert_eq(eo_vma_set_put(parts, &set, &vma), 0);
	cr_assert_eq(eo_vma_set_count(set), 1);
	cr_assert_eq(eo_vma_parts_count(parts), 1);
	vma.end = 0;
	cr_assert_eq(eo_vma_set_put(parts, &set, &vma), -EINVAL);
	eo_vma_set_drop(parts, set);
	cr_assert_eq(eo_vma_parts_count(parts), 0);
	eo_vma_parts_free(parts);
}

/* Random mappings against a plain array of pages. */
Test(process, sets_agree_with_an_array)
{
	struct eo_vma_parts *parts = eo_vma_parts_new();
	struct eo_vma_set *set = NULL, *shared[8];
	static int owner[512], offset[512];
	unsigned int random = 1;

	for (int i = 0; i < 512; i++)
		owner[i] = -1;
	for (int step = 0; step < 2000; step++) {
		unsigned int from, to;
		char path[8];
		struct eo_vma found, vma = {.path = path};

		random = random * 1664525 + 1013904223;
		from = random >> 9 & 511;
		to = from + 1 + (random >> 20 & 63);
		if (to > 512)
			to = 512;
		snprintf(path, sizeof(path), "/%u", random >> 28);
		vma.start = from * 0x1000ull;
		vma.end = to * 0x1000ull;
		cr_assert_eq(eo_vma_set_put(parts, &set, &vma), 0);
		for (unsigned int i = from; i < to; i++) {
			owner[i] = (int)(random >> 28);
			offset[i] = (int)((i - from) * 0x1000);
		}
		if (step < 8)
			shared[step] = eo_vma_set_share(set);
		for (unsigned int i = 0; i < 512; i++) {
			bool has = eo_vma_set_find(parts, set, i * 0x1000ull + 5, &found);

			cr_assert_eq(has, owner[i] >= 0);
			if (has) {
				cr_assert_eq(atoi(found.path + 1), owner[i]);
				cr_assert_eq(found.offset + (i * 0x1000ull - found.start),
					     (uint64_t)offset[i]);
			}
		}
	}
	for (int i = 0; i < 8; i++)
		eo_vma_set_drop(parts, shared[i]);
	eo_vma_set_drop(parts, set);
	cr_assert_eq(eo_vma_parts_count(parts), 0);
	eo_vma_parts_free(parts);
}

struct lines {
	char text[512];
};

static bool write_down(void *arg, const struct eo_proc_map *m)
{
	struct lines *lines = arg;
	size_t at = strlen(lines->text);

	snprintf(lines->text + at, sizeof(lines->text) - at, "%lx-%lx %d %lx %lu <%s>;",
		 (unsigned long)m->start, (unsigned long)m->end, m->executable,
		 (unsigned long)m->offset, (unsigned long)m->inode, m->path);
	return true;
}

static void expect_maps(const char *text, const char *expected)
{
	int fd = memfd_create("maps", MFD_CLOEXEC);
	struct lines lines = {""};

	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	lseek(fd, 0, SEEK_SET);
	cr_assert_eq(eo_proc_maps_read(fd, write_down, &lines), 0);
	close(fd);
	cr_assert_str_eq(lines.text, expected);
}

Test(process, maps_are_read_as_the_kernel_writes_them)
{
	expect_maps("1000-2000 r-xp 00000000 fe:00 42                         /usr/bin/a b\n"
		    "2000-3000 rw-p 00001000 fe:00 42                         /x (deleted)\n"
		    "3000-4000 --xp 00000000 00:00 0 \n"
		    "4000-5000 r-xp 00002000 00:01 18446744073709551615       /a\\012b\\\\012\n"
		    "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0  [vsyscall]\n",
		    "1000-2000 1 0 42 </usr/bin/a b>;"
		    "2000-3000 0 1000 42 </x (deleted)>;"
		    "3000-4000 1 0 0 <>;"
		    "4000-5000 1 2000 18446744073709551615 </a\nb\\\n>;"
		    "ffffffffff600000-ffffffffff601000 1 0 0 <[vsyscall]>;");
}

Test(process, lines_that_are_no_mappings_are_left_out)
{
	expect_maps("\n"
		    "1000\n"
		    "1000-\n"
		    "2000-1000 r-xp 0 0:0 1 /backwards\n"
		    "1000-1000 r-xp 0 0:0 1 /empty\n"
		    "1000-2000 r-\n"
		    "1000-2000 r-xp 0 0:0 18446744073709551616 /inode_too_big\n"
		    "1000-2000 r-xp 0 0:0 1x /no_number\n"
		    "10000000000000000-20000000000000000 r-xp 0 0:0 1 /too_long\n"
		    "5000-6000 r-xp 0 0:0 1 /good\n"
		    "6000-7000 r-xp 0 0:0 1 /cut off",
		    "5000-6000 1 0 1 </good>;");
}

Test(process, own_mappings_are_found_and_data_is_not)
{
	EO_AUTO(eo_processes) p = processes_new();
	uint32_t self = (uint32_t)getpid();
	const struct eo_vma *vma = eo_processes_find(p, self, (uintptr_t)&processes_new);
	static int data;

	cr_assert(vma && strstr(vma->path, "test_process"));
	cr_assert_neq(vma->inode, 0);
	vma = eo_processes_find(p, self, (uintptr_t)&getppid);
	cr_assert(vma && strstr(vma->path, "libc"));
	expect_none(p, self, (uintptr_t)&data);
	expect_none(p, self, 0);
	expect_none(p, self, 0x8000000000000000);
	cr_assert_eq(eo_processes_count(p), 1);
}

Test(process, an_unknown_number_is_an_error_and_no_process)
{
	EO_AUTO(eo_processes) p = processes_new();

	cr_assert_eq(eo_processes_scan(p, TGID), -ESRCH);
	expect_none(p, TGID, 0x10000);
	expect_none(p, TGID, 0x10000);
	cr_assert_eq(eo_processes_count(p), 0);
	cr_assert_eq(eo_processes_generation(p, TGID), 0);
	eo_processes_reap(p, UINT64_MAX);
}

Test(process, a_miss_reads_the_process_again_at_most_once_a_second)
{
	EO_AUTO(eo_processes) p = processes_new();
	uint32_t self = (uint32_t)getpid();
	char *code;

	cr_assert_eq(eo_processes_scan(p, self), 0);
	code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq(code, MAP_FAILED);
	expect_none(p, self, (uintptr_t)code);
	nanosleep(&(struct timespec){.tv_sec = 1, .tv_nsec = 50000000}, NULL);
	cr_assert(eo_processes_find(p, self, (uintptr_t)code));
	munmap(code, 4096);
}

Test(process, a_scan_notices_an_exec_that_no_event_told)
{
	EO_AUTO(eo_processes) p = processes_new();
	uint64_t generation;
	int go[2], done[2];
	char byte = 0;
	pid_t child;

	cr_assert(pipe(go) == 0 && pipe2(done, O_CLOEXEC) == 0);
	child = fork();
	if (child == 0) {
		close(done[0]);
		if (read(go[0], &byte, 1) == 1)
			execl("/bin/sleep", "sleep", "60", NULL);
		_exit(1);
	}
	close(done[1]);
	cr_assert_eq(eo_processes_scan(p, (uint32_t)child), 0);
	generation = eo_processes_generation(p, (uint32_t)child);
	cr_assert_eq(eo_processes_scan(p, (uint32_t)child), 0);
	cr_assert_eq(eo_processes_generation(p, (uint32_t)child), generation);
	cr_assert_eq(write(go[1], &byte, 1), 1);
	cr_assert_eq(read(done[0], &byte, 1), 0); /* closed by exec */
	cr_assert_eq(eo_processes_scan(p, (uint32_t)child), 0);
	cr_assert_gt(eo_processes_generation(p, (uint32_t)child), generation);
	expect_none(p, (uint32_t)child, (uintptr_t)&processes_new);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

Test(process, a_late_sample_finds_the_program_of_its_time)
{
	EO_AUTO(eo_processes) p = processes_new();
	uint64_t first, second;

	map(p, TGID, 0x10000, 0x20000, 0, "/bin/first", 10);
	first = eo_processes_generation(p, TGID);
	eo_processes_exec(p, TGID, 20);
	map(p, TGID, 0x10000, 0x20000, 0, "/bin/second", 21);
	second = eo_processes_generation(p, TGID);
	eo_processes_exit(p, TGID, TGID, 30);
	eo_processes_fork(p, CHILD, TGID, 40); /* of an unknown parent */
	eo_processes_exec(p, TGID, 50);
	map(p, TGID, 0x10000, 0x20000, 0, "/bin/third", 51);

	eo_processes_as_of(p, 19);
	expect(p, TGID, 0x10000, 0x10000, 0x20000, 0, "/bin/first");
	cr_assert_eq(eo_processes_generation(p, TGID), first);
	expect_none(p, TGID, 0x30000);
	eo_processes_as_of(p, 20);
	expect(p, TGID, 0x10000, 0x10000, 0x20000, 0, "/bin/second");
	cr_assert_eq(eo_processes_generation(p, TGID), second);
	eo_processes_as_of(p, 39); /* after its end, before anybody else */
	expect(p, TGID, 0x10000, 0x10000, 0x20000, 0, "/bin/second");
	eo_processes_as_of(p, 45); /* of this one nothing is known, and so it is nobody else */
	expect_none(p, TGID, 0x10000);
	cr_assert_eq(eo_processes_generation(p, TGID), 0);
	eo_processes_as_of(p, 50);
	expect(p, TGID, 0x10000, 0x10000, 0x20000, 0, "/bin/third");
	eo_processes_as_of(p, 0);
	expect(p, TGID, 0x10000, 0x10000, 0x20000, 0, "/bin/third");

	eo_processes_reap(p, 30);
	eo_processes_as_of(p, 19);
	expect_none(p, TGID, 0x10000);
	eo_processes_as_of(p, 20);
	expect(p, TGID, 0x10000, 0x10000, 0x20000, 0, "/bin/second");
	eo_processes_reap(p, 60);
	expect_none(p, TGID, 0x10000);
	eo_processes_as_of(p, 60);
	expect(p, TGID, 0x10000, 0x10000, 0x20000, 0, "/bin/third");
}

Test(process, what_was_known_before_events_were_lost_is_not_believed_afterwards)
{
	EO_AUTO(eo_processes) p = processes_new();

	map(p, TGID, 0x10000, 0x20000, 0, "/bin/first", 10);
	eo_processes_exec(p, TGID, 20);
	map(p, TGID, 0x10000, 0x20000, 0, "/bin/second", 21);
	eo_processes_doubt(p, 30, 40);
	eo_processes_fork(p, TGID, CHILD, 45);

	eo_processes_as_of(p, 15); /* long before */
	expect(p, TGID, 0x10000, 0x10000, 0x20000, 0, "/bin/first");
	eo_processes_as_of(p, 30);
	expect(p, TGID, 0x10000, 0x10000, 0x20000, 0, "/bin/second");
	eo_processes_as_of(p, 31);
	expect_none(p, TGID, 0x10000);
	eo_processes_as_of(p, 46); /* nor is a copy of it */
	expect_none(p, CHILD, 0x10000);

	eo_processes_exec(p, TGID, 50);
	map(p, TGID, 0x10000, 0x20000, 0, "/bin/third", 51);
	eo_processes_as_of(p, 52); /* which was told */
	expect(p, TGID, 0x10000, 0x10000, 0x20000, 0, "/bin/third");
	eo_processes_as_of(p, 35);
	expect_none(p, TGID, 0x10000);
	eo_processes_as_of(p, 30);
	expect(p, TGID, 0x10000, 0x10000, 0x20000, 0, "/bin/second");
}

Test(process, who_lives_is_read_again_after_events_were_lost)
{
	EO_AUTO(eo_processes) p = processes_new();
	uint32_t self = (uint32_t)getpid();
	uint64_t here = (uintptr_t)&processes_new;

	SKIP_IN_EMULATION("no mappings of its own");
	map(p, self, 0x10000, 0x20000, 0, "/bin/other", 10);
	expect(p, self, 0x10000, 0x10000, 0x20000, 0, "/bin/other");
	eo_processes_doubt(p, 20, 30);
	expect_none(p, self, 0x10000);
	cr_assert_not_null(eo_processes_find(p, self, here));
	map(p, self, 0x10000, 0x20000, 0, "/lib/late", UINT64_MAX);
	expect(p, self, 0x10000, 0x10000, 0x20000, 0, "/lib/late"); /* not read once more */
}

Test(process, the_past_is_bounded)
{
	EO_AUTO(eo_processes) p = processes_new();

	for (uint64_t i = 0; i < 20011; i++) {
		map(p, TGID, 0x10000, 0x20000, 0, "/bin/a", 100 + i * 2);
		eo_processes_exec(p, TGID, 101 + i * 2);
	}
	eo_processes_as_of(p, 101 + 20009 * 2);
	expect(p, TGID, 0x10000, 0x10000, 0x20000, 0, "/bin/a");
	eo_processes_reap(p, 1000000);
	expect_none(p, TGID, 0x10000);
}

Test(process, the_event_of_an_exec_that_a_scan_has_seen_tells_its_time)
{
	EO_AUTO(eo_processes) p = processes_new();
	uint64_t before_ns, after_ns;
	int go[2], done[2];
	char byte = 0;
	pid_t child;

	SKIP_IN_EMULATION("no mappings of its own");
	cr_assert(pipe(go) == 0 && pipe2(done, O_CLOEXEC) == 0);
	child = fork();
	if (child == 0) {
		close(done[0]);
		if (read(go[0], &byte, 1) == 1)
			execl("/bin/sleep", "sleep", "60", NULL);
		_exit(1);
	}
	close(done[1]);
	cr_assert_eq(eo_processes_scan(p, (uint32_t)child), 0);
	before_ns = eo_clock_monotonic_ns();
	cr_assert_eq(write(go[1], &byte, 1), 1);
	cr_assert_eq(read(done[0], &byte, 1), 0); /* closed by exec */
	after_ns = eo_clock_monotonic_ns();
	cr_assert_eq(eo_processes_scan(p, (uint32_t)child), 0);

	eo_processes_as_of(p, after_ns); /* when the new program began is not known yet */
	cr_assert(eo_processes_find(p, (uint32_t)child, (uintptr_t)&processes_new));
	eo_processes_exec(p, (uint32_t)child, before_ns + 1);
	expect_none(p, (uint32_t)child, (uintptr_t)&processes_new);
	cr_assert_neq(eo_processes_generation(p, (uint32_t)child), 0);
	eo_processes_as_of(p, before_ns);
	cr_assert(eo_processes_find(p, (uint32_t)child, (uintptr_t)&processes_new));
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

/* Its number was another's when it called fork, of which is heard after it was read. */
Test(process, a_child_has_the_mappings_that_its_parent_had_then)
{
	EO_AUTO(eo_processes) p = processes_new();
	uint32_t self = (uint32_t)getpid();
	uint64_t here = (uintptr_t)&processes_new;

	SKIP_IN_EMULATION("no mappings of its own");
	map(p, self, 0x10000, 0x20000, 0, "/bin/former", 10);
	eo_processes_exit(p, self, self, 30);
	cr_assert_eq(eo_processes_scan(p, self), 0);
	eo_processes_fork(p, self, CHILD, 20);
	expect(p, CHILD, 0x10000, 0x10000, 0x20000, 0, "/bin/former");
	expect_none(p, CHILD, here);
	eo_processes_fork(p, self, CHILD, UINT64_MAX); /* now it is ours */
	cr_assert_not_null(eo_processes_find(p, CHILD, here));
	expect_none(p, CHILD, 0x10000);
}

/* Since an exec of which is heard afterwards, what was read may be of a later owner of the number. */
Test(process, a_child_has_no_mappings_that_its_parent_may_have_got_later)
{
	EO_AUTO(eo_processes) p = processes_new();
	uint64_t here = (uintptr_t)&processes_new, then_ns;
	uint32_t parent;

	SKIP_IN_EMULATION("no mappings of its own");
	parent = (uint32_t)fork();
	if (parent == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* whoever reads our output waits for it too */
		for (;;)
			pause();
	}
	cr_assert_eq(eo_processes_scan(p, (uint32_t)getpid()), 0);
	then_ns = eo_clock_monotonic_ns();
	eo_processes_fork(p, (uint32_t)getpid(), parent, then_ns);
	usleep(1000);
	cr_assert_eq(eo_processes_scan(p, parent), 0);
	eo_processes_fork(p, parent, CHILD, then_ns + 1); /* the same program up to then */
	cr_assert_not_null(eo_processes_find(p, CHILD, here));
	eo_processes_exec(p, parent, then_ns + 2);
	eo_processes_fork(p, parent, CHILD, then_ns + 3);
	expect_none(p, CHILD, here);
	kill((pid_t)parent, SIGKILL);
	waitpid((pid_t)parent, NULL, 0);
}

static void *wait_forever(void *arg)
{
	(void)arg;
	for (;;)
		pause();
	return NULL;
}

/* Its main thread ends, another stays. */
static uint32_t start_headless(void)
{
	struct timespec moment = {.tv_nsec = 1000000};
	pid_t child = fork();
	pthread_t thread;

	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pthread_create(&thread, NULL, wait_forever, NULL);
		pthread_exit(NULL);
	}
	cr_assert_gt(child, 0);
	for (int i = 0; i < 5000 && !eo_process_is_headless((uint32_t)child); i++)
		nanosleep(&moment, NULL);
	cr_assert(eo_process_is_headless((uint32_t)child));
	return (uint32_t)child;
}

Test(process, one_whose_main_thread_has_ended_goes_on)
{
	uint64_t here = (uintptr_t)&processes_new;
	EO_AUTO(eo_processes) seen_late = processes_new();
	EO_AUTO(eo_processes) seen_early = processes_new();
	struct eo_processes *const both[] = {seen_early, seen_late};
	uint32_t child;

	SKIP_IN_EMULATION("no mappings of its own");
	child = start_headless();
	map(seen_early, child, 0x10000, 0x20000, 0, "/lib/a", 10);
	eo_processes_exit(seen_early, child, child, 20);
	expect(seen_early, child, 0x10000, 0x10000, 0x20000, 0, "/lib/a");
	cr_assert_eq(eo_processes_scan(seen_late, child), 0);
	cr_assert(strstr(eo_processes_find(seen_late, child, here)->path, "test_process"));
	for (size_t i = 0; i < EO_ARRAY_SIZE(both); i++) {
		eo_processes_exit(both[i], child, child + 1, UINT64_MAX - 1); /* not the last thread */
		eo_processes_reap(both[i], UINT64_MAX);
		cr_assert_eq(eo_processes_count(both[i]), 1);
	}
	kill((pid_t)child, SIGKILL);
	waitpid((pid_t)child, NULL, 0);
	eo_processes_exit(seen_early, child, child + 1, 30); /* the last one; late's event was lost */
	for (size_t i = 0; i < EO_ARRAY_SIZE(both); i++) {
		eo_processes_reap(both[i], 30);
		eo_processes_reap(both[i], UINT64_MAX);
		cr_assert_eq(eo_processes_count(both[i]), 0);
	}
}

Test(process, scan_all_finds_ourselves_and_our_child)
{
	EO_AUTO(eo_processes) p = processes_new();
	pid_t child = fork();
	int count;

	SKIP_IN_EMULATION("no mappings of its own");
	if (child == 0)
		for (;;)
			pause();
	count = eo_processes_scan_all(p);
	cr_assert_gt(count, 1);
	cr_assert_leq((size_t)count, eo_processes_count(p));
	cr_assert(eo_processes_find(p, (uint32_t)getpid(), (uintptr_t)&processes_new));
	cr_assert(eo_processes_find(p, (uint32_t)child, (uintptr_t)&processes_new));

	/* A zombie has no mappings left, but what was known of it stays. */
	kill(child, SIGKILL);
	siginfo_t info;
	waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT);
	cr_assert_eq(eo_processes_scan(p, (uint32_t)child), 0);
	cr_assert(eo_processes_find(p, (uint32_t)child, (uintptr_t)&processes_new));
	waitpid(child, NULL, 0);
	cr_assert_eq(eo_processes_scan(p, (uint32_t)child), -ESRCH);
	cr_assert(eo_processes_find(p, (uint32_t)child, (uintptr_t)&processes_new));
	eo_processes_reap(p, UINT64_MAX);
	expect_none(p, (uint32_t)child, (uintptr_t)&processes_new);
}
