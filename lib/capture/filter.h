/* SPDX-License-Identifier: BSD-2-Clause */
/* Puts an eo_target into the maps of bpf/filter.bpf.h, which every tracer's object has. */
#ifndef EO_CAPTURE_FILTER_H
#define EO_CAPTURE_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/target.h"
#include "core/error.h"
#include "records.h"

struct bpf_object;

/** Between open and load: size the maps, and fill @filter, which lies in the object's rodata. */
int eo_filter_prepare(struct bpf_object *object, const struct eo_target *target,
		      struct eo_filter_config *filter, struct eo_error *err);

/** After load, before attach: fill the maps. @targets_live: the object's counter. */
int eo_filter_fill(struct bpf_object *object, const struct eo_target *target, uint64_t *targets_live,
		   struct eo_error *err);

/** After attach: count out the targets that ended before anybody watched them. */
void eo_filter_settle(struct bpf_object *object, const struct eo_target *target,
		      uint64_t *targets_live);

/** Does @target name processes, which are in the map target_pids then? */
bool eo_filter_has_pids(const struct eo_target *target);

/** Does @target name processes or threads, so that the run ends with them? */
bool eo_filter_has_ids(const struct eo_target *target);

#endif
