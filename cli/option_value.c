/* SPDX-License-Identifier: BSD-2-Clause */
#include "option_value.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "core/auto.h"
#include "core/clock.h"
#include "core/words.h"
#include "words.h"

#define TIME_MAX_NS (100ull * 366 * 24 * 3600 * EO_NS_PER_SEC) /* a century: no sum overflows */

bool cli_option_init(struct cli_option *option, const char *command, const struct argp_state *state,
		     int key, const char *arg)
{
	const char *word;

	/* END is the least of those keys; at INIT state->next is still 0. */
	if (key == ARGP_KEY_ARG || key >= ARGP_KEY_END)
		return false;
	/* state->next stands behind the words of this option: "--name=VALUE", "-nVALUE", or the
	 * value as a word of its own. */
	word = state->argv[state->next - 1];
	if (arg && word == arg && state->next >= 2)
		word = state->argv[state->next - 2];
	option->command = command;
	option->value = arg;
	if (!strncmp(word, "--", 2))
		snprintf(option->name, sizeof(option->name), "%.*s", (int)strcspn(word, "="), word);
	else
		snprintf(option->name, sizeof(option->name), "-%c", key);
	return true;
}

const char *cli_option_long_name(const struct argp_option *table, int key)
{
	for (; table->name || table->key || table->doc; table++)
		if (table->key == key)
			return table->name;
	return NULL;
}

int cli_option_bad(const struct cli_option *option, const char *word, const char *fmt, ...)
{
	char wants[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(wants, sizeof(wants), fmt, args);
	va_end(args);
	return cli_usage_error(option->command, "%s wants %s, not '%s'", option->name, wants, word);
}

int cli_option_unbuilt(const struct cli_option *option, const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return cli_usage_error(option->command, "%s%s%s is not built yet: %s", option->name,
			       option->value ? " " : "", option->value ? option->value : "", text);
}

int cli_option_uint(const struct cli_option *option, const char *what, uint64_t min, uint64_t max,
		    uint64_t *ret)
{
	if (cli_parse_uint(option->value, min, max, ret) < 0)
		return cli_option_bad(option, option->value, "%s from %" PRIu64 " to %" PRIu64,
				      what, min, max);
	return 0;
}

int cli_option_time(const struct cli_option *option, uint64_t min_ns, uint64_t *ret_ns)
{
	int r = cli_parse_time(option->value, min_ns, TIME_MAX_NS, ret_ns);

	if (r == -ERANGE)
		return cli_option_bad(option, option->value,
				      "a time from %" PRIu64 "ms to a century", min_ns / 1000000);
	if (r < 0)
		return cli_option_bad(
			option, option->value,
			"a time such as 10, 1.5, 500ms, 5m or 2h (seconds by default)");
	return 0;
}

int cli_option_text(const struct cli_option *option, const char **ret)
{
	if (!*option->value)
		return cli_usage_error(option->command, "%s wants a value that is not empty",
				       option->name);
	*ret = option->value;
	return 0;
}

int cli_option_output(const struct cli_option *option, const char **ret)
{
	static const char *const prefixes[] = {"http://", "https://", "otlp:"};

	for (size_t i = 0; i < EO_ARRAY_SIZE(prefixes); i++)
		if (!strncmp(option->value, prefixes[i], strlen(prefixes[i])))
			return cli_option_unbuilt(option, "OTLP export; give a FILE or -");
	return cli_option_text(option, ret);
}

int cli_option_items(const struct cli_option *option,
		     int (*fn)(const struct cli_option *option, const char *item, void *ctx),
		     void *ctx)
{
	EO_AUTO_FREE char *copy = strdup(option->value);
	char *rest = copy, *item;
	int r = copy ? 0 : ENOMEM;

	while (!r && (item = strsep(&rest, ",")))
		r = fn(option, item, ctx);
	return r;
}

int cli_option_choice(const struct cli_option *option, const char *const *names, size_t *ret)
{
	const char *nearest;
	char list[256];

	for (size_t i = 0; names[i]; i++) {
		if (!strcmp(names[i], option->value)) {
			*ret = i;
			return 0;
		}
	}
	cli_list_words(names, "or", list, sizeof(list));
	nearest = eo_nearest_word(option->value, names);
	return cli_usage_error(option->command, "%s wants %s, not '%s'%s%s%s", option->name, list,
			       option->value, nearest ? "; the nearest is '" : "", nearest ?: "",
			       nearest ? "'" : "");
}

struct choices {
	const char *const *names;
	unsigned int bits;
};

static int add_choice(const struct cli_option *option, const char *item, void *ctx)
{
	struct choices *choices = ctx;
	struct cli_option one = *option;
	size_t index = 0;
	int r;

	one.value = item;
	r = cli_option_choice(&one, choices->names, &index);
	if (!r)
		choices->bits |= 1u << index;
	return r;
}

int cli_option_choices(const struct cli_option *option, const char *const *names, unsigned int *ret)
{
	struct choices choices = {.names = names};
	int r = cli_option_items(option, add_choice, &choices);

	if (!r)
		*ret = choices.bits;
	return r;
}
