/* SPDX-License-Identifier: BSD-2-Clause */
/* UDP sessions end when their socket is gone, or when nothing was said for half a minute. No
 * tracepoint tells, so somebody looks from time to time. Not thread-safe. */
#ifndef EO_CAPTURE_NET_SESSIONS_H
#define EO_CAPTURE_NET_SESSIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/auto.h"
#include "core/error.h"
#include "net_records.h"

struct bpf_program;
struct eo_net_sessions;

#define EO_SESSION_IDLE_NS 30000000000ull

/* A session that has ended. Its return is handed on when negative. */
typedef int (*eo_net_session_fn)(void *ctx, const struct eo_session_key *key,
				 const struct eo_session *session);

/**
 * @sessions, @sockets: descriptors of the maps. @iterator: of the program over @sockets; or over open
 * files, and then @sockets is -1
 */
int eo_net_sessions_new(int sessions, int sockets, struct bpf_program *iterator,
			struct eo_net_sessions **ret, struct eo_error *err);
void eo_net_sessions_free(struct eo_net_sessions *sessions); /* NULL is fine */
EO_DEFINE_AUTO(eo_net_sessions)

/**
 * Take those out that have ended; @all: those that have not, too.
 * Returns 0, a negative errno, or the callback's negative return.
 */
int eo_net_sessions_sweep(struct eo_net_sessions *sessions, uint64_t now_ns, bool all,
			  eo_net_session_fn fn, void *ctx);

#endif
