/* SPDX-License-Identifier: BSD-2-Clause */
#include "signal_option.h"

#include "cli.h"
#include "signal_output.h"

int signal_option_check(const char *command, unsigned int signals, const char *path)
{
	if (!(signals & (signals - 1)) || signal_output_is_template(path))
		return 0;
	return cli_usage_error(command,
			       "several signals want -o FILE with {signal} in its name, not '%s'",
			       path);
}
