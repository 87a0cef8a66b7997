/* SPDX-License-Identifier: BSD-2-Clause */
/* The loader against the real verifier. Needs root, or CAP_BPF and CAP_PERFMON. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "capture/loader.h"
#include "capture/probe.h"

struct bytes {
	char *data;
	size_t size;
};

static struct eo_loader *loader;

static void open_loader(void)
{
	struct eo_config config = eo_config_default();

	libbpf_set_print(NULL);
	cr_assert_eq(eo_loader_new(&config, &loader, NULL), 0);
}

static void close_loader(void)
{
	eo_loader_free(loader);
}

TestSuite(loader_kernel, .init = open_loader, .fini = close_loader, .timeout = 60);

static void need_privileges(void)
{
	if (!eo_probe_may_trace(eo_probe_capabilities()))
		cr_skip_test("needs root, or CAP_BPF and CAP_PERFMON");
}

static struct bytes read_program(const char *name)
{
	struct bytes bytes = { malloc(1 << 20), 0 };
	char path[4096];
	FILE *file;

	cr_assert_not_null(getenv("EO_PROGRAMS"));
	snprintf(path, sizeof(path), "%s/%s.bpf.o", getenv("EO_PROGRAMS"), name);
	file = fopen(path, "r");
	cr_assert_not_null(file, "%s", path);
	bytes.size = fread(bytes.data, 1, 1 << 20, file);
	fclose(file);
	return bytes;
}

/* Reports in *@reports, which the caller frees. */
static int validate(const char *name, struct eo_program_report **reports, size_t *count,
		    struct eo_error *err)
{
	struct bytes bytes = read_program(name);
	int r;

	*err = (struct eo_error){ 0 };
	r = eo_loader_validate_program(loader, name, bytes.data, bytes.size, reports, count, err);
	free(bytes.data);
	return r;
}

/* Programs in the kernel with the names of good.bpf.c. */
static int count_good_programs(void)
{
	uint32_t id = 0;
	int count = 0;

	while (bpf_prog_get_next_id(id, &id) == 0) {
		struct bpf_prog_info info = { 0 };
		uint32_t size = sizeof(info);
		int fd = bpf_prog_get_fd_by_id(id);

		if (fd < 0)
			continue; /* gone in between */
		cr_assert_eq(bpf_obj_get_info_by_fd(fd, &info, &size), 0);
		close(fd);
		if (strcmp(info.name, "count_execs") == 0 ||
		    strcmp(info.name, "count_samples") == 0 || strcmp(info.name, "do_nothing") == 0)
			count++;
	}
	return count;
}

/* The kernel frees programs after a grace period: some patience is part of the question. */
static void expect_no_good_programs(void)
{
	for (int i = 0; i < 500 && count_good_programs() > 0; i++)
		usleep(10000);
	cr_expect_eq(count_good_programs(), 0);
}

Test(loader_kernel, this_machine_can_load_programs)
{
	struct eo_error err = { 0 };

	need_privileges();
	cr_expect_eq(eo_loader_check_system_support(loader, &err), 0, "%s", err.text);
}

Test(loader_kernel, a_good_object_is_accepted_with_numbers)
{
	static const struct {
		const char *name, *type;
		uint32_t instructions_min, instructions_max;
	} expected[] = {
		{ "count_execs", "raw_tracepoint", 10, 100 },
		{ "count_samples", "perf_event", 10, 100 },
		{ "do_nothing", "raw_tracepoint", 2, 2 },
	};
	EO_AUTO_FREE struct eo_program_report *reports = NULL;
	struct eo_error err;
	size_t count;

	need_privileges();
	cr_assert_eq(validate("good", &reports, &count, &err), 0, "%s", err.text);
	cr_expect_eq(err.kind, EO_ERROR_NONE);
	cr_assert_eq(count, EO_ARRAY_SIZE(expected));
	for (size_t i = 0; i < count; i++) {
		cr_expect_str_eq(reports[i].name, expected[i].name);
		cr_expect_str_eq(reports[i].type, expected[i].type);
		cr_expect(reports[i].accepted);
		cr_expect_geq(reports[i].instructions, expected[i].instructions_min);
		cr_expect_leq(reports[i].instructions, expected[i].instructions_max);
		cr_expect_gt(reports[i].load_ns, 0);
		cr_expect_str_eq(reports[i].log, "");
	}
	if (reports[2].verified) /* told since 5.16 */
		cr_expect_eq(reports[2].verified, 2);
	cr_expect_not(eo_loader_is_loaded(loader));
	expect_no_good_programs();
}

Test(loader_kernel, each_rejected_program_has_the_verifiers_words)
{
	EO_AUTO_FREE struct eo_program_report *reports = NULL;
	struct eo_error err;
	size_t count;

	need_privileges();
	cr_expect_lt(validate("bad", &reports, &count, &err), 0);
	cr_expect_eq(err.kind, EO_ERROR_LOAD_FAILED);
	cr_expect_not_null(strstr(err.text, "bad"), "%s", err.text);
	cr_expect_not_null(strstr(err.text, "forgets_null_check"), "%s", err.text);
	cr_assert_eq(count, 3);

	cr_expect_not(reports[0].accepted);
	cr_expect_not_null(strstr(reports[0].log, "map_value_or_null"), "%s", reports[0].log);
	cr_expect(reports[1].accepted);
	cr_expect_str_eq(reports[1].name, "is_fine");
	cr_expect_str_eq(reports[1].log, "");
	cr_expect_not(reports[2].accepted);
	cr_expect_not_null(strstr(reports[2].log, "invalid bpf_context access"), "%s",
			   reports[2].log);
}

Test(loader_kernel, an_absent_target_is_named)
{
	EO_AUTO_FREE struct eo_program_report *reports = NULL;
	struct eo_error err;
	size_t count;

	need_privileges();
	cr_expect_lt(validate("absent", &reports, &count, &err), 0);
	cr_expect_eq(err.kind, EO_ERROR_LOAD_FAILED);
	cr_assert_eq(count, 1);
	cr_expect_not_null(strstr(reports[0].log, "no_such_tracepoint"), "%s", reports[0].log);
}

Test(loader_kernel, a_program_type_that_the_kernel_forbids_is_said_to_be_forbidden)
{
	EO_AUTO_FREE struct eo_program_report *reports = NULL;
	struct eo_error err;
	size_t count;
	int r;

	need_privileges();
	r = validate("fentry", &reports, &count, &err);
	cr_assert_eq(count, 1, "%s", err.text);
	cr_expect_eq(reports[0].accepted, r == 0);
	if (r < 0) {
		cr_expect_eq(err.kind, EO_ERROR_LOAD_FAILED, "root lacks no permission: %s",
			     err.text);
		cr_expect_not_null(strstr(reports[0].log, "fentry/kernel_halt"), "%s",
				   reports[0].log);
	}
}

Test(loader_kernel, load_and_unload_know_their_order_and_leave_nothing)
{
	struct bytes bytes = read_program("good");
	struct eo_error err = { 0 };

	need_privileges();
	expect_no_good_programs();
	cr_assert_eq(eo_loader_load(loader, "good", bytes.data, bytes.size, &err), 0, "%s",
		     err.text);
	cr_expect(eo_loader_is_loaded(loader));
	cr_expect_geq(count_good_programs(), 3);

	cr_expect_eq(eo_loader_load(loader, "good", bytes.data, bytes.size, &err), -EALREADY);
	cr_expect(eo_loader_is_loaded(loader), "the first one stays");

	cr_expect_eq(eo_loader_unload(loader, &err), 0);
	cr_expect_not(eo_loader_is_loaded(loader));
	cr_expect_eq(eo_loader_unload(loader, &err), -EINVAL);
	expect_no_good_programs();

	cr_expect_eq(eo_loader_load(loader, "good", bytes.data, bytes.size, &err), 0, "again");
	eo_loader_free(loader);
	loader = NULL;
	expect_no_good_programs();
	free(bytes.data);
}

Test(loader_kernel, a_rejected_object_is_not_loaded_and_the_program_is_named)
{
	struct bytes bytes = read_program("bad");
	struct eo_error err = { 0 };

	need_privileges();
	cr_expect_lt(eo_loader_load(loader, "bad", bytes.data, bytes.size, &err), 0);
	cr_expect_eq(err.kind, EO_ERROR_LOAD_FAILED);
	cr_expect_not_null(strstr(err.text, "forgets_null_check"), "%s", err.text);
	cr_expect_not(eo_loader_is_loaded(loader));
	free(bytes.data);
}
