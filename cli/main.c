/* SPDX-License-Identifier: BSD-2-Clause */
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "cli.h"
#include "core/auto.h"
#include "core/words.h"

#define COMMANDS_MAX 16

/* The list of commands for --help. */
static char *describe_commands(void)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	fputs("Profile CPUs and trace with eBPF; write pprof, JSON lines, OTLP.\vCommands:\n", out);
	for (const struct command *c = commands; c->name; c++)
		fprintf(out, "  %-9s %s\n", c->name, c->summary);
	fputs("\n'ebpfotel COMMAND --help' shows the options of a command, with examples.", out);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

static const struct command *find_command(const char *name)
{
	const char *names[COMMANDS_MAX + 1] = {0};
	const char *nearest;
	size_t count = 0;

	for (const struct command *c = commands; c->name && count < COMMANDS_MAX; c++) {
		if (!strcmp(c->name, name))
			return c;
		names[count++] = c->name;
	}
	nearest = eo_nearest_word(name, names);
	if (nearest)
		cli_usage_error(NULL, "unknown command '%s'; the nearest is '%s'", name, nearest);
	else
		cli_usage_error(
			NULL, "unknown command '%s'; 'ebpfotel --help' lists the valid ones", name);
	return NULL;
}

/* A standard descriptor that was closed must not become one of our files, to which messages would
 * then go. Read-only, so that writing to a closed stdout stays an error. */
static void occupy_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDONLY);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	EO_AUTO_FREE char *doc = describe_commands();
	const struct argp argp = {.args_doc = "COMMAND [ARG...]", .doc = doc};
	const struct command *command;
	struct cli cli = {.argv = argv};
	int first = 1, status;

	occupy_standard_descriptors();
	/* A reader that goes away is noticed by its errno, where it can be told from a failure. */
	signal(SIGPIPE, SIG_IGN);
	libbpf_set_print(NULL);
	/* Large tables that are gone go back to the system at once. By itself the C library keeps
	 * more and more of them for later, the more it sees. */
	mallopt(M_MMAP_THRESHOLD, 128 * 1024);
	mallopt(M_ARENA_MAX, 1);

	/* Options of ours take no values, so the first other word is the command. */
	while (first < argc && argv[first][0] == '-' && argv[first][1])
		first++;
	status = cli_parse(&argp, NULL, first, argv, NULL, &cli);
	if (status >= 0)
		return status;
	if (first == argc) {
		cli_usage_error(NULL, "no command given; 'ebpfotel --help' lists them");
		return EXIT_USAGE;
	}
	command = find_command(argv[first]);
	if (!command)
		return EXIT_USAGE;
	return command->run(argc - first, argv + first, &cli);
}
