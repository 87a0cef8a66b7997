/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli.h"

const struct command commands[] = {
	{"check", "what works here: kernel, privileges, tools; verify BPF objects", &check_argp,
	 cmd_check},
	{"profile", "sample CPU stacks: pprof, folded stacks or a table", &profile_argp,
	 cmd_profile},
	{"trace", "stream net, syscall or mem events: JSON lines, text or OTLP", &trace_argp,
	 cmd_trace},
	{"convert", "turn saved profiles and event streams into other formats", &convert_argp,
	 cmd_convert},
	{0},
};
