/* SPDX-License-Identifier: BSD-2-Clause */
/* Puts the network tracer's own filters where its programs look for them. */
#ifndef EO_CAPTURE_NET_FILTER_H
#define EO_CAPTURE_NET_FILTER_H

#include "capture/net_tracer.h"

struct bpf_object;

/** Returns 0, or -EINVAL and a CONFIG error. */
int eo_net_filter_check(const struct eo_net_tracer_options *options, struct eo_error *err);

/** Between open and load: fill @config, which lies in the object's rodata, and size the maps. */
void eo_net_filter_prepare(const struct eo_net_tracer_options *options,
			   struct eo_net_config *config, struct bpf_object *object);

/** After load: fill the maps. */
int eo_net_filter_fill(const struct eo_net_tracer_options *options, struct bpf_object *object,
		       struct eo_error *err);

#endif
