/* SPDX-License-Identifier: BSD-2-Clause */
#include "signal_option.h"

#include "cli.h"
#include "signal_output.h"

static int add_signal(const struct cli_option *option, const char *item, void *ctx)
{
	struct cli_option one = *option;
	unsigned int *signals = ctx;
	size_t index;
	int r;

	one.value = item;
	r = cli_option_choice(&one, signal_names, &index);
	if (!r)
		*signals |= 1u << index;
	return r;
}

int signal_option_set(const struct cli_option *option, unsigned int *ret)
{
	*ret = 0;
	return cli_option_items(option, add_signal, ret);
}

int signal_option_check(const char *command, unsigned int signals, const char *path)
{
	if (!(signals & (signals - 1)) || signal_output_is_template(path))
		return 0;
	return cli_usage_error(command,
			       "several signals want -o FILE with {signal} in its name, not '%s'",
			       path);
}
