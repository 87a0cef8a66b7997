/* SPDX-License-Identifier: BSD-2-Clause */
/* Words on stderr: the only place where errors become text. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "format/utf8.h"
#include "report.h"

/* File names and words of the command line may hold anything; a line stays a line, and nothing
 * of it drives the terminal. */
static void put_line(const char *text)
{
	eo_utf8_print(text, stderr);
	fputc('\n', stderr);
}

__attribute__((format(printf, 2, 0))) static void put_message(const char *prefix, const char *fmt,
							      va_list args)
{
	char text[1024];

	vsnprintf(text, sizeof(text), fmt, args);
	fputs("ebpfotel: ", stderr);
	if (prefix)
		fprintf(stderr, "%s: ", prefix);
	put_line(text);
}

int cli_usage_error(const char *command, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	put_message(command, fmt, args);
	va_end(args);
	return EINVAL;
}

void cli_hint(const char *text)
{
	fprintf(stderr, "hint: %s\n", text);
}

int cli_report(const struct eo_error *err)
{
	char text[512];

	if (err->code)
		snprintf(text, sizeof(text), "%s: %s", err->text, strerror(err->code));
	else
		snprintf(text, sizeof(text), "%s", err->text);
	fputs("ebpfotel: ", stderr);
	put_line(text);
	if (err->hint)
		cli_hint(err->hint);
	return eo_error_exit_status(err->kind);
}

void cli_warn(const struct cli *cli, const char *fmt, ...)
{
	va_list args;

	if (cli->quiet)
		return;
	va_start(args, fmt);
	put_message("warning", fmt, args);
	va_end(args);
}

void cli_note(const struct cli *cli, const char *fmt, ...)
{
	va_list args;

	if (cli->quiet)
		return;
	va_start(args, fmt);
	put_message(NULL, fmt, args);
	va_end(args);
}

bool cli_has_color(void)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	/* See https://no-color.org for the empty string. */
	return isatty(STDOUT_FILENO) && !(no_color && *no_color) && !(term && !strcmp(term, "dumb"));
}

int cli_flush_stdout(void)
{
	/* A reader that went away has had enough: no failure. */
	if ((fflush(stdout) == 0 && !ferror(stdout)) || errno == EPIPE)
		return EXIT_SUCCESS;
	fprintf(stderr, "ebpfotel: write stdout: %s\n", strerror(errno));
	return EXIT_FAILURE;
}
