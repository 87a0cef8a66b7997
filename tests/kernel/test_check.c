/* SPDX-License-Identifier: BSD-2-Clause */
/* ebpfotel check as a user runs it: what it prints and how it ends. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capture/probe.h"
#include "core/auto.h"

TestSuite(check, .timeout = 60);

static void need_privileges(void)
{
	if (!eo_probe_may_trace(eo_probe_capabilities()))
		cr_skip_test("needs root, or CAP_BPF and CAP_PERFMON");
}

/* Run a shell command in the folder with the test programs, where $E is ebpfotel.
 * Returns its exit status; *@ret_text is what it wrote, and the caller frees it. */
static int run(const char *command, char **ret_text)
{
	const size_t room = 1 << 20;
	char *text = malloc(room), line[9000];
	FILE *pipe;
	int status;

	snprintf(line, sizeof(line), "cd '%s' && E='%s' && %s", getenv("EO_PROGRAMS"),
		 getenv("EO_EBPFOTEL"), command);
	pipe = popen(line, "r");
	cr_assert_not_null(pipe);
	text[fread(text, 1, room - 1, pipe)] = '\0';
	status = pclose(pipe);
	cr_assert(WIFEXITED(status));
	*ret_text = text;
	return WEXITSTATUS(status);
}

Test(check, the_table_fits_80_columns_and_has_no_colour_in_a_pipe)
{
	EO_AUTO_FREE char *text = NULL;
	int lines = 0;

	run("$E check", &text);
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"), lines++) {
		cr_expect_leq(strlen(line), 80, "%s", line);
		cr_expect_null(strchr(line, '\033'), "%s", line);
	}
	cr_expect_gt(lines, 40);
}

Test(check, json_is_one_object_with_every_probe_and_tool)
{
	static const char *const tools[] = { "profile", "trace syscall", "trace net", "trace mem" };
	EO_AUTO_FREE char *text = NULL;
	json_t *root, *probes;
	int status = run("$E check --json", &text);

	root = json_loads(text, 0, NULL);
	cr_assert_not_null(root);
	cr_expect_str_eq(json_string_value(json_object_get(root, "version")), EO_VERSION);
	cr_expect_not_null(json_object_get(json_object_get(root, "kernel"), "release"));
	probes = json_object_get(root, "probes");
	cr_expect_gt(json_object_size(probes), 30);
	cr_expect_not_null(json_object_get(json_object_get(probes, "ring_buffer"), "state"));
	for (size_t i = 0; i < EO_ARRAY_SIZE(tools); i++) {
		json_t *tool = json_object_get(json_object_get(root, "tools"), tools[i]);
		const char *state = json_string_value(json_object_get(tool, "state"));

		cr_assert_not_null(state);
		if (strcmp(state, "unavailable") == 0)
			cr_expect(status == 3 || status == 4);
	}
	json_decref(root);
}

Test(check, nobody_gets_status_4_and_a_hint)
{
	static const char nobody[] =
		"setpriv --reuid=65534 --clear-groups --bounding-set=-all --inh-caps=-all ";
	EO_AUTO_FREE char *text = NULL, *object_text = NULL, *nothing = NULL;
	char command[512];

	if (geteuid() != 0)
		cr_skip_test("needs root to become nobody");
	snprintf(command, sizeof(command), "%s test -x \"$E\"", nobody);
	if (run(command, &nothing) != 0)
		cr_skip_test("the build folder is closed to nobody");
	snprintf(command, sizeof(command), "%s $E check", nobody);
	cr_expect_eq(run(command, &text), 4);
	cr_expect_not_null(strstr(text, "cap_bpf,cap_perfmon"), "%s", text);
	cr_expect_not_null(strstr(text, "unavailable"));

	snprintf(command, sizeof(command), "%s $E check good.bpf.o 2>&1", nobody);
	cr_expect_eq(run(command, &object_text), 4);
	cr_expect_not_null(strstr(object_text, "hint: "), "%s", object_text);
}

Test(check, a_good_object_ends_with_0_and_a_row_for_each_program)
{
	EO_AUTO_FREE char *text = NULL;

	need_privileges();
	cr_expect_eq(run("$E check good.bpf.o", &text), 0);
	cr_expect_not_null(strstr(text, "count_execs"));
	cr_expect_not_null(strstr(text, "count_samples"));
	cr_expect_not_null(strstr(text, "do_nothing"));
	cr_expect_null(strstr(text, "rejected"), "%s", text);
}

Test(check, one_bad_object_ends_with_1_and_the_others_are_still_checked)
{
	EO_AUTO_FREE char *text = NULL;

	need_privileges();
	cr_expect_eq(run("$E check bad.bpf.o no_such_file \"$E\" good.bpf.o 2>&1", &text), 1);
	cr_expect_not_null(strstr(text, "invalid bpf_context access"), "%s", text);
	cr_expect_not_null(strstr(text, "ebpfotel: read no_such_file: No such file or directory"),
			   "%s", text);
	cr_expect_not_null(strstr(text, "not for BPF"), "%s", text);
	cr_expect_not_null(strstr(text, "count_execs"), "%s", text);
}

Test(check, objects_as_json)
{
	EO_AUTO_FREE char *text = NULL;
	json_t *root, *objects, *program;

	need_privileges();
	cr_expect_eq(run("$E check --json good.bpf.o bad.bpf.o 2>/dev/null", &text), 1);
	root = json_loads(text, 0, NULL);
	cr_assert_not_null(root, "%s", text);
	objects = json_object_get(root, "objects");
	cr_assert_eq(json_array_size(objects), 2);
	cr_expect(json_is_true(json_object_get(json_array_get(objects, 0), "accepted")));
	cr_expect(json_is_false(json_object_get(json_array_get(objects, 1), "accepted")));
	program = json_array_get(json_object_get(json_array_get(objects, 0), "programs"), 2);
	cr_expect_str_eq(json_string_value(json_object_get(program, "program")), "do_nothing");
	cr_expect_eq(json_integer_value(json_object_get(program, "instructions")), 2);
	json_decref(root);
}

Test(check, options_behind_objects_and_unknown_ones)
{
	EO_AUTO_FREE char *text = NULL, *error = NULL;

	cr_expect_eq(run("$E check --jsn 2>&1", &error), 2);
	cr_expect_not_null(strstr(error, "--json"), "%s", error);
	need_privileges();
	cr_expect_eq(run("$E check good.bpf.o --json", &text), 0);
	cr_expect_eq(text[0], '{');
}
