/* SPDX-License-Identifier: BSD-2-Clause */
/* Events without the paths and arguments in them, for readers who are to see what happens and not to
 * whom: what stood there is EO_REDACTED. Programs keep their names, which are the names of their
 * processes anyway, and lose the folders: "[redacted]/nginx". Arguments of system calls are the
 * tracer's affair (struct eo_syscall_room), which alone knows what is a flag and what a text
 * of the program. */
#ifndef EO_EXPORT_REDACTION_H
#define EO_EXPORT_REDACTION_H

#include "core/auto.h"
#include "core/event.h"

struct eo_redaction;

/** Returns 0 or -ENOMEM. */
int eo_redaction_new(struct eo_redaction **ret);
void eo_redaction_free(struct eo_redaction *redaction); /* NULL is fine */
EO_DEFINE_AUTO(eo_redaction)

/**
 * @event itself, or a copy without what is to be hidden.
 * Lives as long as @event, until the next call. NULL: out of memory.
 */
const struct eo_event *eo_redaction_apply(struct eo_redaction *redaction, const struct eo_event *event);

#endif
