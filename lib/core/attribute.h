/* SPDX-License-Identifier: BSD-2-Clause */
/* Key and value of a resource, a scope or a span. */
#ifndef EO_CORE_ATTRIBUTE_H
#define EO_CORE_ATTRIBUTE_H

#include <stdint.h>

/* Texts are copied by who takes the attribute. */
struct eo_attribute {
	const char *key;
	const char *str; /* NULL: a number */
	int64_t num;
};

#endif
