/* SPDX-License-Identifier: BSD-2-Clause */
/* What probes ask the kernel with: programs of a few instructions, and our own capabilities. */
#ifndef EO_CAPTURE_PROBE_H
#define EO_CAPTURE_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bpf/bpf.h>

/* Instructions as C initialisers; <linux/bpf.h> has the opcodes, but no such macros. */
#define EO_INSN(op, dst, src, offset, immediate)                                         \
	((struct bpf_insn){ .code = (op), .dst_reg = (dst), .src_reg = (src), .off = (offset), \
			    .imm = (immediate) })
#define EO_INSN_MOV_IMM(dst, value) EO_INSN(BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, value)
#define EO_INSN_MOV_REG(dst, src) EO_INSN(BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0)
#define EO_INSN_CALL(helper) EO_INSN(BPF_JMP | BPF_CALL, 0, 0, 0, helper)
#define EO_INSN_EXIT() EO_INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)
/* A 64-bit constant takes two slots; @kind says what the number means (BPF_PSEUDO_…). */
#define EO_INSN_LOAD_64(dst, kind, value) \
	EO_INSN(BPF_LD | BPF_DW | BPF_IMM, dst, kind, 0, value), EO_INSN(0, 0, 0, 0, 0)

/* Younger than the kernel headers of the oldest supported system. */
#define EO_BPF_TRACE_UPROBE_MULTI 48

/** Hand @insns to the verifier. @opts may be NULL. Returns a descriptor or a negative errno. */
int eo_probe_load(enum bpf_prog_type type, const struct bpf_insn *insns, size_t count,
		  const struct bpf_prog_load_opts *opts);

/** The same with "return 0". @attach_type and @btf_id are 0 where the type has none. */
int eo_probe_load_empty(enum bpf_prog_type type, uint32_t attach_type, uint32_t btf_id);

/**
 * Can a thread be preempted inside of a tracepoint's program? True from v7.0 on, where the kernel then leaves
 * out what others would run of that program. No type and no function of the kernel tells, so the version does.
 */
bool eo_probe_tracepoints_are_preempted(void);

/** Does a task's storage take 8 KB at most, as from v6.19 on? Likewise. */
bool eo_probe_task_storage_is_small(void);

/* Effective capabilities of the calling thread, bit N for capability N; 0 if unknown. */
uint64_t eo_probe_capabilities(void);

/* Do these capabilities let a process load tracing programs on any kernel that knows them? */
bool eo_probe_may_trace(uint64_t capabilities);

#endif
