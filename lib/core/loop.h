/* SPDX-License-Identifier: BSD-2-Clause */
/* One poll over everything a capture waits for: rings, timers, signals, the child.
 * Single-threaded. Callbacks run inside eo_loop_run() and may add, remove and stop. */
#ifndef EO_CORE_LOOP_H
#define EO_CORE_LOOP_H

#include <signal.h>
#include <stdint.h>
#include <sys/signalfd.h>

#include "core/auto.h"
#include "core/error.h"

struct eo_loop;
struct eo_loop_source; /* owned by its loop */

/* A negative return ends eo_loop_run() with that value. @events: EPOLLIN and friends. */
typedef int (*eo_loop_fd_fn)(void *ctx, uint32_t events);
typedef int (*eo_loop_timer_fn)(void *ctx);
typedef int (*eo_loop_signal_fn)(void *ctx, const struct signalfd_siginfo *info);
typedef int (*eo_loop_child_fn)(void *ctx);

int eo_loop_new(struct eo_loop **ret, struct eo_error *err);
void eo_loop_free(struct eo_loop *loop); /* NULL is fine; closes what the loop opened itself */
EO_DEFINE_AUTO(eo_loop)

/** Watch @fd, which stays the caller's and must outlive the source. @ret may be NULL. */
int eo_loop_add_fd(struct eo_loop *loop, int fd, uint32_t events, eo_loop_fd_fn fn, void *ctx,
		   struct eo_loop_source **ret, struct eo_error *err);

/**
 * Call @fn after @first_ns and then every @interval_ns. CLOCK_MONOTONIC.
 * @interval_ns: 0: once, and *@ret is gone when @fn is called
 * Expirations that piled up are one call.
 */
int eo_loop_add_timer(struct eo_loop *loop, uint64_t first_ns, uint64_t interval_ns,
		      eo_loop_timer_fn fn, void *ctx, struct eo_loop_source **ret,
		      struct eo_error *err);

/**
 * Block the signals of @set for the calling thread and deliver them to @fn.
 * The old mask comes back with eo_loop_free(); what came and was not delivered by then is dropped.
 * A child made in between inherits the blocked signals and must unblock them before its exec.
 */
int eo_loop_add_signals(struct eo_loop *loop, const sigset_t *set, eo_loop_signal_fn fn, void *ctx,
			struct eo_error *err);

/** Call @fn once when process @pid has ended; @pid must be a child or live process. */
int eo_loop_add_child(struct eo_loop *loop, pid_t pid, eo_loop_child_fn fn, void *ctx,
		      struct eo_error *err);

/** NULL is fine. @source is gone afterwards, and its callback is not called any more. */
void eo_loop_remove(struct eo_loop *loop, struct eo_loop_source *source);

/**
 * Run until eo_loop_stop() or a callback's negative return, which is returned (else 0).
 * @err: filled when the loop itself fails; untouched after a callback's negative return
 * -EBUSY from a callback, -EDEADLK when there is no source left to wait for.
 */
int eo_loop_run(struct eo_loop *loop, struct eo_error *err);
/** The running callback is the last one; outside of eo_loop_run() the next run returns at once. */
void eo_loop_stop(struct eo_loop *loop);

#endif
