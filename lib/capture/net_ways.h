/* SPDX-License-Identifier: BSD-2-Clause */
/* How the network tracer sees sockets on this kernel: tried, never guessed from a version. */
#ifndef EO_CAPTURE_NET_WAYS_H
#define EO_CAPTURE_NET_WAYS_H

#include <stdbool.h>

struct btf;

struct eo_net_ways {
	bool own_cookies; /* programs may not ask for a socket's cookie (before 5.12): numbers of ours */
	bool by_calls;	  /* no tracepoint tells what is moved (before 6.3): results of calls do */
};

/* @kernel: its types, which take long to read; NULL: it tells of none */

struct eo_net_ways eo_net_ways_find(const struct btf *kernel);

/** Load a program that asks for a socket's cookie. Returns 0 or a negative errno. */
int eo_net_ways_load_cookies(const struct btf *kernel);

/** Has the kernel a tracepoint of this name, and its type? */
bool eo_net_ways_has_tracepoint(const struct btf *kernel, const char *name);

#endif
