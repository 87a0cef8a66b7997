/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers as people read them. By value: a text lives to the end of the expression that made it. */
#ifndef EO_FORMAT_QUANTITY_H
#define EO_FORMAT_QUANTITY_H

#include <stdint.h>

struct eo_quantity {
	char s[64];
};

/** With so many digits, at most 3; a dot in every locale. What is no number, or negative, is 0. */
struct eo_quantity eo_quantity_decimal(double value, unsigned int digits);
struct eo_quantity eo_quantity_short(double value);	/* 0.08, 1.25, 31.4, 512 */
struct eo_quantity eo_quantity_grouped(uint64_t number); /* 1,234,567 */
/** Only nothing is 0 %, and only everything is 100 %. */
struct eo_quantity eo_quantity_percent(uint64_t part, uint64_t whole);
struct eo_quantity eo_quantity_bytes(uint64_t count); /* 80 B, 1.25 MB */
struct eo_quantity eo_quantity_time_us(double us);    /* 67.1 ms */

#endif
