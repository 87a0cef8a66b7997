/* SPDX-License-Identifier: BSD-2-Clause */
/* The probes against what others find out about the same kernel. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "capture/net_tracer.h"
#include "capture/probe.h"
#include "capture/support.h"
#include "core/auto.h"

TestSuite(support_kernel, .timeout = 120);

static void need_privileges(void)
{
	if (!eo_probe_may_trace(eo_probe_capabilities()))
		cr_skip_test("needs root, or CAP_BPF and CAP_PERFMON");
}

static enum eo_support_state state_of(const struct eo_support *support, const char *key)
{
	const struct eo_support_probe *probe = eo_support_find(support, key);

	cr_assert_not_null(probe, "%s", key);
	return probe->state;
}

/* The text that bpftool prints, NUL-terminated; the caller frees it. */
static char *bpftool_features(void)
{
	const size_t room = 4 << 20;
	char *text = malloc(room), command[4200];
	FILE *pipe;

	snprintf(command, sizeof(command), "%s feature probe kernel 2>/dev/null",
		 getenv("EO_BPFTOOL"));
	pipe = popen(command, "r");
	cr_assert_not_null(pipe);
	text[fread(text, 1, room - 1, pipe)] = '\0';
	pclose(pipe);
	return text;
}

Test(support_kernel, map_and_program_types_agree_with_bpftool)
{
	static const struct {
		const char *key, *line;
	} pairs[] = {
		{ "ring_buffer", "eBPF map_type ringbuf is available" },
		{ "task_storage", "eBPF map_type task_storage is available" },
		{ "raw_tracepoint", "eBPF program_type raw_tracepoint is available" },
		{ "perf_event", "eBPF program_type perf_event is available" },
		{ "bpf_loop", "- bpf_loop\n" },
		{ "jit", "JIT compiler is enabled" },
	};
	EO_AUTO_FREE char *features = NULL;
	struct eo_support support;

	need_privileges();
	features = bpftool_features();
	if (!strstr(features, "is available"))
		cr_skip_test("bpftool finds nothing");
	eo_support_probe_all(&support);
	for (size_t i = 0; i < EO_ARRAY_SIZE(pairs); i++)
		cr_expect_eq(state_of(&support, pairs[i].key) == EO_SUPPORT_YES,
			     strstr(features, pairs[i].line) != NULL, "%s", pairs[i].key);
}

Test(support_kernel, event_sources_agree_with_sysfs)
{
	struct eo_support support;

	need_privileges();
	eo_support_probe_all(&support);
	if (access("/sys/bus/event_source/devices/kprobe", F_OK) < 0)
		cr_expect_neq(state_of(&support, "kprobe"), EO_SUPPORT_YES);
	if (access("/sys/bus/event_source/devices/uprobe", F_OK) < 0)
		cr_expect_neq(state_of(&support, "uprobe"), EO_SUPPORT_YES);
	if (access("/sys/bus/event_source/devices/cpu", F_OK) < 0)
		cr_expect_neq(state_of(&support, "pmu"), EO_SUPPORT_YES);
	cr_expect_eq(state_of(&support, "btf") == EO_SUPPORT_YES,
		     access("/sys/kernel/btf/vmlinux", R_OK) == 0);
}

Test(support_kernel, root_gets_no_hint_about_missing_privileges)
{
	struct eo_support support;

	need_privileges();
	eo_support_probe_all(&support);
	for (size_t i = 0; i < EO_SUPPORT_TOOLS; i++)
		cr_expect_not(support.tools[i].for_permission && support.tools[i].hint, "%s: %s",
			      support.tools[i].name, support.tools[i].why);
	cr_expect_eq(state_of(&support, "cap_bpf"), EO_SUPPORT_YES);
	cr_expect_eq(state_of(&support, "cap_perfmon"), EO_SUPPORT_YES);
}

static const char *hook_of(struct eo_tracer *tracer, const char *key)
{
	const struct eo_trace_hook *hooks;
	size_t count = eo_tracer_hooks(tracer, &hooks);

	for (size_t i = 0; i < count; i++)
		if (!strcmp(hooks[i].key, key))
			return hooks[i].value;
	return "none";
}

Test(support_kernel, what_is_said_of_the_network_tracer_is_what_it_does)
{
	static const struct {
		const char *probe, *hook, *with;
	} pairs[] = {
		{ "socket_tracepoints", "transfer", "tp_btf" },
		{ "socket_cookies", "cookies", "kernel" },
		{ "retransmit_tracepoints", "retransmit", "tp_btf" },
		{ "packet_tracepoints", "packets", "tp_btf" },
	};
	struct eo_net_tracer_options options = { .events = ~0u };
	struct eo_config config = eo_config_default();
	struct eo_support support;
	struct eo_tracer *tracer = NULL;
	bool can;

	need_privileges();
	eo_support_probe_all(&support);
	cr_assert_str_eq(support.tools[2].name, "trace net");
	can = support.tools[2].state != EO_TOOL_UNAVAILABLE;
	cr_assert_eq(eo_net_tracer_new(&config, &options, &tracer, NULL), 0);
	cr_assert_eq(eo_tracer_start(tracer, NULL) == 0, can);
	for (size_t i = 0; can && i < EO_ARRAY_SIZE(pairs); i++)
		cr_expect_eq(state_of(&support, pairs[i].probe) == EO_SUPPORT_YES,
			     !strcmp(hook_of(tracer, pairs[i].hook), pairs[i].with), "%s: %s",
			     pairs[i].hook, hook_of(tracer, pairs[i].hook));
	cr_expect_eq(can && state_of(&support, "probe_cookies") == EO_SUPPORT_YES,
		     strcmp(hook_of(tracer, "tls"), "none") != 0);
	eo_tracer_free(tracer);
}
