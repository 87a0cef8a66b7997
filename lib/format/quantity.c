/* SPDX-License-Identifier: BSD-2-Clause */
#include "format/quantity.h"

#include <inttypes.h>
#include <stdio.h>

#include "core/auto.h"

/* A decimal number that is valid JSON in every locale, and never nan or inf. */
struct eo_quantity eo_quantity_decimal(double value, unsigned int digits)
{
	static const uint64_t scales[] = { 1, 10, 100, 1000 };
	uint64_t scale = scales[digits], scaled;
	struct eo_quantity t;

	if (!(value > 0))
		value = 0;
	if (value > 1e15)
		value = 1e15;
	scaled = (uint64_t)(value * (double)scale + 0.5);
	if (digits)
		snprintf(t.s, sizeof(t.s), "%" PRIu64 ".%0*" PRIu64, scaled / scale, (int)digits,
			 scaled % scale);
	else
		snprintf(t.s, sizeof(t.s), "%" PRIu64, scaled);
	return t;
}

/* Three digits that matter: 0.08, 1.25, 31.4, 512. */
struct eo_quantity eo_quantity_short(double value)
{
	return eo_quantity_decimal(value, value < 9.995 ? 2 : value < 99.95 ? 1 : 0);
}

/* 1,234,567 */
struct eo_quantity eo_quantity_grouped(uint64_t number)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%" PRIu64, number);
	struct eo_quantity t;
	size_t at = 0;

	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			t.s[at++] = ',';
		t.s[at++] = digits[i];
	}
	t.s[at] = '\0';
	return t;
}

/* A share in percent. Only nothing is 0, and only everything is 100. */
struct eo_quantity eo_quantity_percent(uint64_t part, uint64_t whole)
{
	double share = whole ? 100.0 * (double)part / (double)whole : 0;
	struct eo_quantity t;

	if (part && share < 0.1)
		return (struct eo_quantity){ "<0.1 %" };
	if (part < whole && share > 99.9)
		return (struct eo_quantity){ ">99.9 %" };
	snprintf(t.s, sizeof(t.s), "%.40s %%", eo_quantity_decimal(share, share < 100 ? 1 : 0).s);
	return t;
}

static struct eo_quantity scaled(double value, const char *const *units, size_t unit_count)
{
	struct eo_quantity t;
	size_t i = 0;

	while (i + 1 < unit_count && value >= 999.5) {
		value /= 1000;
		i++;
	}
	snprintf(t.s, sizeof(t.s), "%.40s %s", eo_quantity_short(value).s, units[i]);
	return t;
}

struct eo_quantity eo_quantity_bytes(uint64_t count)
{
	static const char *const units[] = { "kB", "MB", "GB", "TB" };
	struct eo_quantity t;

	if (count < 1000) {
		snprintf(t.s, sizeof(t.s), "%u B", (unsigned int)count);
		return t;
	}
	return scaled((double)count / 1000, units, EO_ARRAY_SIZE(units));
}

struct eo_quantity eo_quantity_time_us(double us)
{
	static const char *const units[] = { "µs", "ms", "s" };

	return scaled(us, units, EO_ARRAY_SIZE(units));
}
