/* SPDX-License-Identifier: BSD-2-Clause */
/* What else is said to people, beside the functions of cli.h. */
#ifndef EO_CLI_REPORT_H
#define EO_CLI_REPORT_H

#include "cli.h"

/** "hint: text" on stderr, behind an error. */
void cli_hint(const char *text);

/** "ebpfotel: text" on stderr, unless quiet. */
void cli_note(const struct cli *cli, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** Whether text on stdout may have colours: a terminal that knows them, and NO_COLOR not set. */
bool cli_has_color(void);

/** Returns the exit status of a command whose result stands in stdout's buffer. */
int cli_flush_stdout(void);

#endif
