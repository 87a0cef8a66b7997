/* SPDX-License-Identifier: BSD-2-Clause */
/* Finds the TLS of processes and probes it: each copy of OpenSSL's libssl, or of a library that has
 * its functions, and programs that have it in themselves. */
#ifndef EO_CAPTURE_TLS_LIBRARIES_H
#define EO_CAPTURE_TLS_LIBRARIES_H

#include "capture/function_probes.h"
#include "capture/target.h"

/**
 * Probe what the targets have now. That some of them have none is no error.
 * @options: functions and what is needed are set here
 */
int eo_tls_libraries_begin(const struct eo_function_probes_options *options,
			   const struct eo_target *target, struct eo_function_probes **ret,
			   struct eo_error *err);

#endif
