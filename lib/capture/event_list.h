/* SPDX-License-Identifier: BSD-2-Clause */
/* Events kept for later: deep copies, in the order in which they came. Not thread-safe. */
#ifndef EO_CAPTURE_EVENT_LIST_H
#define EO_CAPTURE_EVENT_LIST_H

#include <stddef.h>

#include "core/auto.h"
#include "core/event.h"

struct eo_event_list;

struct eo_event_list *eo_event_list_new(void); /* NULL when memory is out */
void eo_event_list_free(struct eo_event_list *list); /* NULL is fine */
EO_DEFINE_AUTO(eo_event_list)

/** Returns 0 or -ENOMEM. */
int eo_event_list_add(struct eo_event_list *list, const struct eo_event *event);

size_t eo_event_list_count(const struct eo_event_list *list);
/** NULL out of range. Lives as long as the list. */
const struct eo_event *eo_event_list_get(const struct eo_event_list *list, size_t index);

#endif
