/* SPDX-License-Identifier: BSD-2-Clause */
#include "parse.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/auto.h"
#include "core/clock.h"

/* The digits at *@text, which moves behind them. */
static int digits(const char **text, uint64_t *ret)
{
	const char *c = *text;
	uint64_t value = 0;

	if (*c < '0' || *c > '9')
		return -EINVAL;
	for (; *c >= '0' && *c <= '9'; c++)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*c - '0'), &value))
			return -ERANGE;
	*text = c;
	*ret = value;
	return 0;
}

int cli_texts_add(struct cli_texts *texts, const char *text)
{
	char **values = reallocarray(texts->values, texts->count + 2, sizeof(*values));

	if (!values)
		return -ENOMEM;
	texts->values = values;
	values[texts->count] = strdup(text);
	if (!values[texts->count])
		return -ENOMEM;
	values[++texts->count] = NULL;
	return 0;
}

void cli_texts_fini(struct cli_texts *texts)
{
	for (size_t i = 0; i < texts->count; i++)
		free(texts->values[i]);
	free(texts->values);
	*texts = (struct cli_texts){0};
}

int cli_parse_uint(const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
	uint64_t value;
	int r = digits(&text, &value);

	if (r < 0)
		return r;
	if (*text)
		return -EINVAL;
	if (value < min || value > max)
		return -ERANGE;
	*ret = value;
	return 0;
}

int cli_parse_size(const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
	static const char suffixes[] = "kMG";
	uint64_t value;
	int r = digits(&text, &value);

	if (r < 0)
		return r;
	if (*text) {
		const char *suffix = strchr(suffixes, *text);
		unsigned int shift;

		if (!suffix || text[1])
			return -EINVAL;
		shift = 10 * (unsigned int)(suffix - suffixes + 1);
		if (value > UINT64_MAX >> shift)
			return -ERANGE;
		value <<= shift;
	}
	if (value < min || value > max)
		return -ERANGE;
	*ret = value;
	return 0;
}

static const struct {
	const char *suffix;
	uint64_t ns;
} units[] = {
	{"", EO_NS_PER_SEC}, {"s", EO_NS_PER_SEC},	{"ms", 1000000},
	{"us", 1000},	     {"m", 60 * EO_NS_PER_SEC}, {"h", 3600 * EO_NS_PER_SEC},
};

int cli_parse_time(const char *text, uint64_t min_ns, uint64_t max_ns, uint64_t *ret_ns)
{
	uint64_t whole, value, unit_ns = 0, part_ns = 0;
	const char *fraction = "";
	int r = digits(&text, &whole);

	if (r < 0)
		return r;
	if (*text == '.') {
		fraction = ++text;
		if (*text < '0' || *text > '9')
			return -EINVAL;
		text += strspn(text, "0123456789");
	}
	for (size_t i = 0; i < EO_ARRAY_SIZE(units); i++)
		if (!strcmp(text, units[i].suffix))
			unit_ns = units[i].ns;
	if (!unit_ns)
		return -EINVAL;

	if (__builtin_mul_overflow(whole, unit_ns, &value))
		return -ERANGE;
	/* Digit by digit: a unit that 10 no longer divides has no room for a further one. */
	for (uint64_t scale = unit_ns; fraction < text && *fraction >= '0' && *fraction <= '9';
	     fraction++) {
		if (scale % 10) {
			if (*fraction != '0')
				return -EINVAL;
			continue;
		}
		scale /= 10;
		part_ns += scale * (uint64_t)(*fraction - '0');
	}
	if (__builtin_add_overflow(value, part_ns, &value))
		return -ERANGE;
	if (value && (value < min_ns || value > max_ns))
		return -ERANGE;
	*ret_ns = value;
	return 0;
}

int cli_numbers_add(struct cli_numbers *numbers, uint32_t value, size_t limit)
{
	uint32_t *values;

	for (size_t i = 0; i < numbers->count; i++)
		if (numbers->values[i] == value)
			return 0;
	if (numbers->count >= limit)
		return -ERANGE;
	values = reallocarray(numbers->values, numbers->count + 1, sizeof(*values));
	if (!values)
		return -ENOMEM;
	values[numbers->count++] = value;
	numbers->values = values;
	return 0;
}

void cli_numbers_fini(struct cli_numbers *numbers)
{
	free(numbers->values);
	*numbers = (struct cli_numbers){0};
}

int cli_parse_ranges(const char *text, uint32_t max, size_t limit, struct cli_numbers *numbers)
{
	struct cli_numbers found = {0};
	int r;

	do {
		uint64_t first, last;

		r = digits(&text, &first);
		last = first;
		if (!r && *text == '-') {
			text++;
			r = digits(&text, &last);
		}
		if (!r && (*text && *text != ','))
			r = -EINVAL;
		if (!r && (last < first || last > max))
			r = -ERANGE;
		for (uint64_t value = first; !r && value <= last; value++)
			r = cli_numbers_add(&found, (uint32_t)value, limit);
	} while (!r && *text++ == ',');

	/* All or nothing: the list stays as it was when a later item is wrong. */
	if (!r && !numbers->count) {
		*numbers = found;
		return 0;
	}
	for (size_t i = 0; !r && i < found.count; i++)
		r = cli_numbers_add(numbers, found.values[i], limit);
	cli_numbers_fini(&found);
	return r;
}
