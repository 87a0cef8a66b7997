/* SPDX-License-Identifier: BSD-2-Clause */
/* `trace mem -f pprof` and its like: instead of events a heap profile at the end. */
#ifndef EO_CLI_TRACE_HEAP_H
#define EO_CLI_TRACE_HEAP_H

#include "cli.h"
#include "trace_options.h"

/** Returns the exit status. */
int trace_heap_run(const struct trace_options *options, const struct cli *cli);

#endif
