// SPDX-License-Identifier: BSD-2-Clause
/* More files than there are numbers for them, as where programs are built day and night. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <criterion/criterion.h>
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "records.h"
#include "unwind/unwinder.h"

#include "both_walks.skel.h" /* uses the structs of records.h */

TestSuite(unwind_files, .timeout = 120);

#define NUMBERS 4096
#define FILES 4201
#define ADDRESS 0x10000000u

/* The least that is an ELF file with code, and no two are alike. */
static uint64_t make_file(const char *path)
{
	struct {
		Elf64_Ehdr header;
		Elf64_Phdr segment;
	} image = {
		.header = {
			.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
			.e_type = ET_DYN,
			.e_machine = EM_X86_64,
			.e_version = EV_CURRENT,
			.e_phoff = sizeof(image.header),
			.e_ehsize = sizeof(image.header),
			.e_phentsize = sizeof(image.segment),
			.e_phnum = 1,
		},
		.segment = {.p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_filesz = sizeof(image),
			    .p_memsz = sizeof(image), .p_align = 4096},
	};
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
	struct stat st;

	cr_assert_eq(write(fd, &image, sizeof(image)), sizeof(image));
	cr_assert_eq(fstat(fd, &st), 0);
	close(fd);
	return st.st_ino;
}

/* The walker's file of our only mapping. */
static uint32_t file_of(struct both_walks *skel, uint32_t tgid)
{
	struct eo_unwind_process process;
	struct eo_unwind_mapping mapping;

	cr_assert_eq(bpf_map_lookup_elem(bpf_map__fd(skel->maps.unwind_processes), &tgid, &process), 0);
	cr_assert_eq(process.count, 1);
	cr_assert_eq(bpf_map_lookup_elem(bpf_map__fd(skel->maps.unwind_mappings), &process.first, &mapping), 0);
	cr_assert_eq(mapping.start, ADDRESS);
	return mapping.file;
}

Test(unwind_files, when_all_numbers_are_given_out_they_begin_anew)
{
	if (geteuid() != 0)
		cr_skip_test("needs root to load BPF programs");
	char folder[] = "/tmp/eo-unwind-files-XXXXXX", path[64];
	struct both_walks *skel = both_walks__open();
	uint32_t tgid = (uint32_t)getpid();
	struct eo_processes *processes;
	struct eo_table_store *store;
	struct eo_unwinder *unwinder;
	struct eo_error err = {0};

	cr_assert_not_null(skel);
	cr_assert(mkdtemp(folder));
	cr_assert_eq(eo_table_store_prepare(skel->obj, &err), 0);
	bpf_program__set_autoload(skel->progs.on_sample_tables, false); /* which needs bpf_loop() */
	bpf_program__set_autoload(skel->progs.on_sample_both, false);
	cr_assert_eq(both_walks__load(skel), 0);
	cr_assert_eq(eo_processes_new(&processes, &err), 0);
	cr_assert_eq(eo_table_store_new(skel->obj, (uint32_t *)&skel->bss->unwind_tick, EO_TABLE_MEMORY_DEFAULT,
					&store, &err), 0, "%s", err.text);
	cr_assert_eq(eo_unwinder_new(store, processes, &unwinder, &err), 0, "%s", err.text);

	for (uint32_t i = 0; i < FILES; i++) {
		struct eo_vma vma = {.start = ADDRESS, .end = ADDRESS + 4096, .path = path};

		snprintf(path, sizeof(path), "%s/%u", folder, i);
		vma.inode = make_file(path);
		eo_processes_mmap(processes, tgid, &vma, i + 1);
		if (i == 0)
			eo_unwinder_miss(unwinder, tgid, ADDRESS); /* from now on it is kept up to date */
		eo_unwinder_update(unwinder);
		cr_assert_eq(file_of(skel, tgid), i % NUMBERS, "file %u", i);
	}
	for (int i = 0; i < 200 && eo_unwinder_stats(unwinder).files_without == 0; i++) {
		usleep(10000);
		eo_unwinder_update(unwinder);
	}
	struct eo_unwinder_stats stats = eo_unwinder_stats(unwinder);

	cr_expect_eq(stats.tables.resets, 1);
	cr_expect_eq(stats.tables.processes, 1);
	/* All are parsed, and what comes back after its number was taken away counts for nothing. */
	cr_expect_gt(stats.files_without, 0);
	cr_expect_leq(stats.files_without, FILES);
	cr_expect_eq(stats.tables.files_loaded, 0);
	cr_expect_eq(file_of(skel, tgid), (FILES - 1) % NUMBERS);

	for (uint32_t i = 0; i < FILES; i++) {
		snprintf(path, sizeof(path), "%s/%u", folder, i);
		unlink(path);
	}
	rmdir(folder);
	eo_unwinder_free(unwinder);
	eo_processes_free(processes);
	both_walks__destroy(skel);
}
