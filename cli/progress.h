/* SPDX-License-Identifier: BSD-2-Clause */
/* One line on a terminal that is rewritten in place. */
#ifndef EO_CLI_PROGRESS_H
#define EO_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	bool enabled;
	int width; /* of what stands there now */
};

/** @wanted: false keeps it silent, as does a stderr that is no terminal. */
void progress_init(struct progress *progress, bool wanted);

/** @duration_ns: 0 is unlimited; @items: what @count counts, "samples" */
void progress_show(struct progress *progress, uint64_t elapsed_ns, uint64_t duration_ns,
		   const char *items, uint64_t count, uint64_t lost, bool paused);

/** Before anything else is written to the terminal. */
void progress_clear(struct progress *progress);

#endif
