/* SPDX-License-Identifier: BSD-2-Clause */
#include "progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"

#define COLUMNS 79 /* a line that wraps cannot be rewritten */

void progress_init(struct progress *progress, bool wanted)
{
	const char *term = getenv("TERM");

	*progress = (struct progress){
		.enabled = wanted && isatty(STDERR_FILENO) && !(term && !strcmp(term, "dumb")),
	};
}

static void put(struct progress *progress, const char *text)
{
	int width = (int)strlen(text);
	int rest = progress->width > width ? progress->width - width : 0;

	/* Blanks instead of an escape sequence: no terminal misreads them. */
	fprintf(stderr, "\r%s%*s", text, rest, "");
	if (!width)
		fputc('\r', stderr);
	fflush(stderr);
	progress->width = width;
}

void progress_show(struct progress *progress, uint64_t elapsed_ns, uint64_t duration_ns,
		   const char *items, uint64_t count, uint64_t lost, bool paused)
{
	char text[COLUMNS + 1], total[32] = "";

	if (!progress->enabled)
		return;
	if (duration_ns)
		snprintf(total, sizeof(total), " of %" PRIu64 " s",
			 (uint64_t)(duration_ns / EO_NS_PER_SEC));
	snprintf(text, sizeof(text), "%" PRIu64 " s%s, %" PRIu64 " %s, %" PRIu64 " lost%s",
		 (uint64_t)(elapsed_ns / EO_NS_PER_SEC), total, count, items, lost,
		 paused ? ", paused" : "");
	put(progress, text);
}

void progress_clear(struct progress *progress)
{
	if (progress->enabled && progress->width)
		put(progress, "");
}
