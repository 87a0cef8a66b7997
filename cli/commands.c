/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli.h"

const struct command commands[] = {
	{"check", "what works here: kernel, privileges, tools; verify BPF objects", &check_argp,
	 cmd_check},
	{"profile", "sample CPU stacks: pprof, folded stacks or a table", &profile_argp,
	 cmd_profile},
	{"trace", "stream net, syscall or mem events", NULL, cmd_trace},
	{"convert", "turn saved profiles and events into other formats", NULL, cmd_convert},
	{0},
};

static int not_built_yet(const char *name)
{
	cli_usage_error(name, "this command is not built yet; 'check' and 'profile' work");
	return EXIT_USAGE;
}

int cmd_trace(int argc, char **argv, struct cli *cli)
{
	(void)argc;
	(void)cli;
	return not_built_yet(argv[0]);
}

int cmd_convert(int argc, char **argv, struct cli *cli)
{
	(void)argc;
	(void)cli;
	return not_built_yet(argv[0]);
}
