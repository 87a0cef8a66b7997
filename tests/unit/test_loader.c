/* SPDX-License-Identifier: BSD-2-Clause */
#include <bpf/libbpf.h>
#include <criterion/criterion.h>
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "capture/loader.h"
#include "emulation.h"

static struct eo_loader *loader;

static void quiet(void)
{
	struct eo_config config = eo_config_default();

	libbpf_set_print(NULL);
	cr_assert_eq(eo_loader_new(&config, &loader, NULL), 0);
}

static void gone(void)
{
	eo_loader_free(loader);
}

TestSuite(loader, .init = quiet, .fini = gone);

/* Pass bytes through the loader; they are copied to the end of their own allocation, so that a
 * sanitizer sees each read past it. */
static int validate(const void *bytes, size_t size, struct eo_error *err)
{
	EO_AUTO_FREE struct eo_program_report *reports = NULL;
	EO_AUTO_FREE void *copy = malloc(size ? size : 1);
	size_t count;

	memcpy(copy, bytes, size);
	*err = (struct eo_error){ 0 };
	return eo_loader_validate_program(loader, "sample.bpf.o", copy, size, &reports, &count,
					  err);
}

static void expect_refused(const void *bytes, size_t size, const char *why)
{
	struct eo_error err;

	cr_expect_lt(validate(bytes, size, &err), 0);
	cr_expect_eq(err.kind, EO_ERROR_LOAD_FAILED);
	cr_expect_not_null(strstr(err.text, "sample.bpf.o"), "%s", err.text);
	cr_expect_not_null(strstr(err.text, why), "'%s' instead of '%s'", err.text, why);
}

/* A BPF object with a map and two programs, made by the compiler the project is built with. */
static char *make_object(size_t *ret_size)
{
	static const char source[] =
		"#define SEC(name) __attribute__((section(name), used))\n"
		"static void *(*lookup)(void *, const void *) = (void *)1;\n"
		"struct { int (*type)[1]; int (*max_entries)[4]; int *key; long *value; } sums SEC(\".maps\");\n"
		"long limit = 7;\n"
		"SEC(\"raw_tp/sched_process_exec\") int first(void *c)\n"
		"{ int k = 1; long *v = lookup(&sums, &k); if (v) *v += limit; return 0; }\n"
		"SEC(\"perf_event\") int second(void *c) { return 0; }\n"
		"char LICENSE[] SEC(\"license\") = \"GPL\";\n";
	char path[] = "/tmp/test_loader_XXXXXX", command[200];
	char *bytes = malloc(1 << 20);
	int fd = mkstemp(path);
	FILE *pipe, *file;

	cr_assert_geq(fd, 0);
	close(fd);
	snprintf(command, sizeof(command), "clang -g -O2 -target bpf -x c -c - -o %s", path);
	pipe = popen(command, "w");
	cr_assert_not_null(pipe);
	fputs(source, pipe);
	cr_assert_eq(pclose(pipe), 0, "clang failed");

	file = fopen(path, "r");
	cr_assert_not_null(file);
	*ret_size = fread(bytes, 1, 1 << 20, file);
	fclose(file);
	unlink(path);
	cr_assert_gt(*ret_size, sizeof(Elf64_Ehdr));
	return bytes;
}

Test(loader, bytes_of_other_kinds_are_named)
{
	static const unsigned char png[64] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };
	Elf64_Ehdr native = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
					 ELFDATA2LSB},
			     .e_type = ET_REL,
			     .e_machine = EM_X86_64};

	expect_refused("", 0, "empty");
	expect_refused(png, sizeof(png), "no ELF file");
	expect_refused(&native, sizeof(native), "not for BPF");
	expect_refused(ELFMAG, SELFMAG, "cut short");
	native.e_machine = EM_BPF;
	expect_refused(&native, sizeof(native), "section table");
}

Test(loader, our_own_binary_is_no_bpf_object)
{
	EO_AUTO_FREE char *bytes = malloc(1 << 20);
	FILE *file = fopen("/proc/self/exe", "r");
	size_t size = fread(bytes, 1, 1 << 20, file);

	fclose(file);
	expect_refused(bytes, size, "not for BPF");
}

Test(loader, an_object_of_more_than_64_mib_is_refused)
{
	EO_AUTO_FREE char *bytes = calloc(1, (64 << 20) + 1);

	memcpy(bytes, ELFMAG, SELFMAG);
	expect_refused(bytes, (64 << 20) + 1, "larger");
}

Test(loader, an_object_cut_at_any_length_is_an_error)
{
	size_t size;
	EO_AUTO_FREE char *bytes = make_object(&size);

	for (size_t cut = 0; cut < size; cut += cut < 256 ? 1 : 17) {
		struct eo_error err;

		cr_assert_lt(validate(bytes, cut, &err), 0, "cut at %zu of %zu", cut, size);
		cr_assert_eq(err.kind, EO_ERROR_LOAD_FAILED);
	}
}

Test(loader, a_symbol_that_wraps_around_is_refused)
{
	size_t size, patched = 0;
	EO_AUTO_FREE char *bytes = make_object(&size);
	Elf64_Ehdr header;

	memcpy(&header, bytes, sizeof(header));
	for (size_t i = 0; i < header.e_shnum; i++) {
		Elf64_Shdr section;

		memcpy(&section, bytes + header.e_shoff + i * sizeof(section), sizeof(section));
		if (section.sh_type != SHT_SYMTAB)
			continue;
		for (size_t at = section.sh_offset; at < section.sh_offset + section.sh_size;
		     at += sizeof(Elf64_Sym)) {
			Elf64_Sym symbol;

			memcpy(&symbol, bytes + at, sizeof(symbol));
			if (ELF64_ST_TYPE(symbol.st_info) != STT_FUNC)
				continue;
			symbol.st_value =
				UINT64_MAX - 7; /* plus its size is a small number again */
			memcpy(bytes + at, &symbol, sizeof(symbol));
			patched++;
		}
	}
	cr_assert_eq(patched, 2);
	expect_refused(bytes, size, "past its section");
}

Test(loader, damaged_objects_are_an_answer_and_not_a_crash, .timeout = 60)
{
	size_t size;
	EO_AUTO_FREE char *bytes = make_object(&size);
	EO_AUTO_FREE char *damaged = malloc(size);
	uint32_t state = 2463534242u;
	int refused = 0;

	/* What libbpf does to itself in the child may come with a sanitizer's word about it. A
	 * fault of ours ends this process, which needs no words. */
	cr_assert_not_null(freopen("/dev/null", "w", stderr));
	/* Without privileges no map or program comes into being, only the parsers run. */
	if (geteuid() == 0)
		cr_assert_eq(setresuid(65534, 65534, 65534), 0);
	for (int round = 0; round < 1000; round++) {
		struct eo_error err;

		memcpy(damaged, bytes, size);
		for (int i = 0; i < 1 + round % 8; i++) {
			state ^= state << 13, state ^= state >> 17, state ^= state << 5;
			damaged[state % size] = state >> 24;
		}
		if (validate(damaged, size, &err) < 0) {
			cr_assert_gt(strlen(err.text), 0);
			refused++;
		}
	}
	cr_expect_eq(refused, 1000, "without privileges nothing loads");
}

Test(loader, a_wrong_configuration_makes_no_loader)
{
	struct eo_config config = eo_config_default();
	struct eo_loader *none = NULL;
	struct eo_error err = { 0 };

	config.sample_rate_hz = 0;
	cr_expect_eq(eo_loader_new(&config, &none, &err), -EINVAL);
	cr_expect_eq(err.kind, EO_ERROR_CONFIG);
	cr_expect_null(none);
}

Test(loader, the_configuration_is_kept)
{
	struct eo_config config = eo_config_recommended(EO_ENV_STAGING);
	EO_AUTO(eo_loader) other = NULL;

	cr_assert_eq(eo_loader_new(&config, &other, NULL), 0);
	cr_expect_eq(eo_loader_config(other)->sample_rate_hz, config.sample_rate_hz);
	cr_expect_eq(eo_loader_config(other)->duration_ns, config.duration_ns);
}

Test(loader, nothing_loaded_cannot_be_unloaded)
{
	struct eo_error err = { 0 };

	cr_expect_not(eo_loader_is_loaded(loader));
	cr_expect_eq(eo_loader_unload(loader, &err), -EINVAL);
	cr_expect_eq(err.kind, EO_ERROR_LOAD_FAILED);
	cr_expect_lt(eo_loader_load(loader, "empty", "", 0, &err), 0);
	cr_expect_not(eo_loader_is_loaded(loader));
	eo_loader_free(NULL);
}

Test(loader, without_privileges_the_hint_names_the_capabilities)
{
	size_t size;
	EO_AUTO_FREE char *bytes = make_object(&size);
	struct eo_error err = { 0 };

	SKIP_IN_EMULATION("no bpf()");
	if (geteuid() == 0)
		cr_assert_eq(setresuid(65534, 65534, 65534), 0);
	cr_expect_lt(eo_loader_check_system_support(loader, &err), 0);
	cr_expect_eq(err.kind, EO_ERROR_INSUFFICIENT_PERMISSIONS);
	cr_assert_not_null(err.hint);
	cr_expect_not_null(strstr(err.hint, "CAP_BPF"));
	cr_expect_lt(eo_loader_load(loader, "sample.bpf.o", bytes, size, &err), 0);
	cr_expect_eq(err.kind, EO_ERROR_INSUFFICIENT_PERMISSIONS);
	cr_expect_lt(validate(bytes, size, &err), 0);
	cr_expect_eq(err.kind, EO_ERROR_INSUFFICIENT_PERMISSIONS);
}
