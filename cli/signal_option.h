/* SPDX-License-Identifier: BSD-2-Clause */
/* --signals=LIST, of trace and convert. */
#ifndef EO_CLI_SIGNAL_OPTION_H
#define EO_CLI_SIGNAL_OPTION_H

/** Several signals want a name for each. Returns 0 or EINVAL. @path: the value of -o */
int signal_option_check(const char *command, unsigned int signals, const char *path);

#endif
