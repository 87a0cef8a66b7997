/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/probe.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "core/auto.h"

int eo_probe_load(enum bpf_prog_type type, const struct bpf_insn *insns, size_t count,
		  const struct bpf_prog_load_opts *opts)
{
	/* "GPL": tracing helpers are for GPL-compatible programs, and a probe that says less would
	 * be refused for its licence. No name: kernels differ in which characters they take. */
	return bpf_prog_load(type, NULL, "GPL", insns, count, opts);
}

int eo_probe_load_empty(enum bpf_prog_type type, uint32_t attach_type, uint32_t btf_id)
{
	const struct bpf_insn insns[] = { EO_INSN_MOV_IMM(BPF_REG_0, 0), EO_INSN_EXIT() };
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = attach_type,
		    .attach_btf_id = btf_id);

	return eo_probe_load(type, insns, EO_ARRAY_SIZE(insns), &opts);
}

static bool is_from(unsigned int major, unsigned int minor)
{
	struct utsname kernel;
	unsigned int its_major, its_minor;

	if (uname(&kernel) < 0 || sscanf(kernel.release, "%u.%u", &its_major, &its_minor) != 2)
		return false;
	return its_major > major || (its_major == major && its_minor >= minor);
}

bool eo_probe_tracepoints_are_preempted(void)
{
	return is_from(7, 0);
}

bool eo_probe_task_storage_is_small(void)
{
	return is_from(6, 19);
}

uint64_t eo_probe_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	/* libcap would be one more dependency for this one call. */
	if (syscall(SYS_capget, &header, data) < 0)
		return 0;
	return data[0].effective | (uint64_t)data[1].effective << 32;
}

bool eo_probe_may_trace(uint64_t capabilities)
{
	const uint64_t both = 1ull << CAP_BPF | 1ull << CAP_PERFMON;

	return (capabilities & both) == both || capabilities & 1ull << CAP_SYS_ADMIN;
}
