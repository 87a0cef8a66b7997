/* SPDX-License-Identifier: BSD-2-Clause */
/* Inputs become one profile, which becomes one file. */
#ifndef EO_CLI_CONVERT_PROFILE_H
#define EO_CLI_CONVERT_PROFILE_H

#include "convert_input.h"
#include "convert_options.h"

/** The first input is open. */
int convert_profile(const struct convert_options *options, struct convert_input *input,
		    struct eo_error *err);

#endif
