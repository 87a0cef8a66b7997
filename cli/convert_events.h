/* SPDX-License-Identifier: BSD-2-Clause */
/* Events pass through one by one, as OTLP or as the lines that they were. */
#ifndef EO_CLI_CONVERT_EVENTS_H
#define EO_CLI_CONVERT_EVENTS_H

#include "convert_input.h"
#include "convert_options.h"

/** The first input is open. */
int convert_events(const struct convert_options *options, struct convert_input *input,
		   struct eo_error *err);

#endif
