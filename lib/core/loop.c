/* SPDX-License-Identifier: BSD-2-Clause */
/* Every source is a file descriptor in one epoll set: a timer is a timerfd, signals are a
 * signalfd, a child is a pidfd. All are level-triggered, so what one round leaves undone comes
 * back in the next, and each ready source is called once a round: none can starve the others.
 *
 * A callback may remove any source, its own as well, while events for it still wait in the batch
 * that epoll_wait() returned. So a removed source is marked and put aside, and freed when the
 * batch is done. */
#include "core/loop.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>

#include "core/clock.h"

#define BATCH_EVENTS 64

struct eo_loop_source {
	struct eo_loop *loop;
	struct eo_loop_source *next, **link; /* link: the pointer that points here */
	int (*dispatch)(struct eo_loop_source *source, uint32_t events);
	int fd;
	bool owns_fd, removed, is_once;
	union {
		eo_loop_fd_fn fd_fn;
		eo_loop_timer_fn timer_fn;
		eo_loop_signal_fn signal_fn;
		eo_loop_child_fn child_fn;
	};
	void *ctx;
};

struct eo_loop {
	int epoll_fd;
	bool running, stopping;
	struct eo_loop_source *sources;
	struct eo_loop_source *removed; /* freed once no batch can mention them */
	sigset_t old_mask;
	bool mask_changed;
};

static int fail(struct eo_error *err, int code, const char *what)
{
	return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, code, NULL, "%s", what);
}

static void list_insert(struct eo_loop_source **head, struct eo_loop_source *source)
{
	source->next = *head;
	source->link = head;
	if (source->next)
		source->next->link = &source->next;
	*head = source;
}

static void list_remove(struct eo_loop_source *source)
{
	*source->link = source->next;
	if (source->next)
		source->next->link = source->link;
}

static void free_removed(struct eo_loop *loop)
{
	while (loop->removed) {
		struct eo_loop_source *source = loop->removed;

		list_remove(source);
		free(source);
	}
}

int eo_loop_new(struct eo_loop **ret, struct eo_error *err)
{
	EO_AUTO(eo_loop) loop = calloc(1, sizeof(*loop));

	if (!loop)
		return fail(err, ENOMEM, "allocate event loop");
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0)
		return fail(err, errno, "create event loop");
	*ret = eo_steal(&loop);
	return 0;
}

void eo_loop_free(struct eo_loop *loop)
{
	if (!loop)
		return;
	while (loop->sources)
		eo_loop_remove(loop, loop->sources);
	free_removed(loop);
	if (loop->mask_changed)
		pthread_sigmask(SIG_SETMASK, &loop->old_mask, NULL);
	if (loop->epoll_fd >= 0)
		close(loop->epoll_fd);
	free(loop);
}

/* Takes over the descriptor of @model if it owns it, also on failure. */
static int add(struct eo_loop *loop, const struct eo_loop_source *model, uint32_t events,
	       struct eo_loop_source **ret, struct eo_error *err)
{
	struct eo_loop_source *source = malloc(sizeof(*source));
	struct epoll_event event = { .events = events, .data.ptr = source };
	int r;

	if (!source) {
		r = fail(err, ENOMEM, "allocate event source");
	} else if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, model->fd, &event)) {
		r = eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, errno, NULL,
				 "watch file descriptor %d", model->fd);
	} else {
		*source = *model;
		source->loop = loop;
		list_insert(&loop->sources, source);
		if (ret)
			*ret = source;
		return 0;
	}
	if (model->owns_fd)
		close(model->fd);
	free(source);
	return r;
}

static int dispatch_fd(struct eo_loop_source *source, uint32_t events)
{
	return source->fd_fn(source->ctx, events);
}

int eo_loop_add_fd(struct eo_loop *loop, int fd, uint32_t events, eo_loop_fd_fn fn, void *ctx,
		   struct eo_loop_source **ret, struct eo_error *err)
{
	struct eo_loop_source model = {
		.dispatch = dispatch_fd, .fd = fd, .fd_fn = fn, .ctx = ctx,
	};

	return add(loop, &model, events, ret, err);
}

static int dispatch_timer(struct eo_loop_source *source, uint32_t events)
{
	uint64_t expirations;

	(void)events;
	if (read(source->fd, &expirations, sizeof(expirations)) != sizeof(expirations))
		return 0;
	if (source->is_once)
		eo_loop_remove(source->loop, source);
	return source->timer_fn(source->ctx);
}

static struct timespec timespec_of(uint64_t ns)
{
	return (struct timespec){
		.tv_sec = (time_t)(ns / EO_NS_PER_SEC),
		.tv_nsec = (long)(ns % EO_NS_PER_SEC),
	};
}

int eo_loop_add_timer(struct eo_loop *loop, uint64_t first_ns, uint64_t interval_ns,
		      eo_loop_timer_fn fn, void *ctx, struct eo_loop_source **ret,
		      struct eo_error *err)
{
	/* A first expiry of zero would switch the timer off. */
	struct itimerspec when = {
		.it_value = timespec_of(first_ns ? first_ns : 1),
		.it_interval = timespec_of(interval_ns),
	};
	struct eo_loop_source model = {
		.dispatch = dispatch_timer, .owns_fd = true, .is_once = !interval_ns, .timer_fn = fn,
		.ctx = ctx,
	};

	model.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (model.fd < 0)
		return fail(err, errno, "create timer");
	if (timerfd_settime(model.fd, 0, &when, NULL)) {
		int code = errno;

		close(model.fd);
		return fail(err, code, "start timer");
	}
	return add(loop, &model, EPOLLIN, ret, err);
}

static int dispatch_signal(struct eo_loop_source *source, uint32_t events)
{
	struct signalfd_siginfo info;

	(void)events;
	if (read(source->fd, &info, sizeof(info)) != sizeof(info))
		return 0;
	return source->signal_fn(source->ctx, &info);
}

/* Signals that came while they were ours to handle must not hit the process when the old mask
 * returns: timeout(1) sends each signal twice, and the second would kill us after all is done. */
static void drain_signals(int fd)
{
	struct signalfd_siginfo info;

	while (read(fd, &info, sizeof(info)) == sizeof(info))
		;
}

int eo_loop_add_signals(struct eo_loop *loop, const sigset_t *set, eo_loop_signal_fn fn, void *ctx,
			struct eo_error *err)
{
	struct eo_loop_source model = {
		.dispatch = dispatch_signal, .owns_fd = true, .signal_fn = fn, .ctx = ctx,
	};
	sigset_t before;
	int r;

	/* Blocked first, or a signal between the two calls would take its default action. */
	r = pthread_sigmask(SIG_BLOCK, set, &before);
	if (r)
		return fail(err, r, "block signals");
	model.fd = signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);
	r = model.fd < 0 ? fail(err, errno, "create signal descriptor")
			 : add(loop, &model, EPOLLIN, NULL, err);
	if (r < 0) {
		pthread_sigmask(SIG_SETMASK, &before, NULL);
		return r;
	}
	if (!loop->mask_changed) {
		loop->old_mask = before;
		loop->mask_changed = true;
	}
	return 0;
}

static int dispatch_child(struct eo_loop_source *source, uint32_t events)
{
	(void)events;
	/* A pidfd stays readable for ever. */
	eo_loop_remove(source->loop, source);
	return source->child_fn(source->ctx);
}

int eo_loop_add_child(struct eo_loop *loop, pid_t pid, eo_loop_child_fn fn, void *ctx,
		      struct eo_error *err)
{
	struct eo_loop_source model = {
		.dispatch = dispatch_child, .owns_fd = true, .child_fn = fn, .ctx = ctx,
	};

	/* By number: the C library has had a wrapper only since 2.36. Close-on-exec by itself. */
	model.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (model.fd < 0)
		return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, errno, NULL,
				    "watch process %d", (int)pid);
	return add(loop, &model, EPOLLIN, NULL, err);
}

void eo_loop_remove(struct eo_loop *loop, struct eo_loop_source *source)
{
	if (!source)
		return;
	/* Explicitly, because closing is not enough while a copy of the descriptor is open. */
	epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
	if (source->dispatch == dispatch_signal)
		drain_signals(source->fd);
	if (source->owns_fd)
		close(source->fd);
	source->removed = true;
	list_remove(source);
	list_insert(&loop->removed, source);
	if (!loop->running)
		free_removed(loop);
}

/* One round: wait, then call each ready source once. */
static int run_once(struct eo_loop *loop, struct eo_error *err)
{
	struct epoll_event events[BATCH_EVENTS];
	int count, r = 0;

	count = epoll_wait(loop->epoll_fd, events, BATCH_EVENTS, -1);
	if (count < 0)
		return errno == EINTR ? 0 : fail(err, errno, "wait for events");
	for (int i = 0; i < count && r >= 0 && !loop->stopping; i++) {
		struct eo_loop_source *source = events[i].data.ptr;

		if (!source->removed)
			r = source->dispatch(source, events[i].events);
	}
	free_removed(loop);
	return r;
}

int eo_loop_run(struct eo_loop *loop, struct eo_error *err)
{
	int r = 0;

	if (loop->running)
		return fail(err, EBUSY, "run event loop from its own callback");
	loop->running = true;
	while (r >= 0 && !loop->stopping) {
		if (loop->sources)
			r = run_once(loop, err);
		else
			r = fail(err, EDEADLK, "wait for events of no source");
	}
	loop->running = false;
	loop->stopping = false;
	return r < 0 ? r : 0;
}

void eo_loop_stop(struct eo_loop *loop)
{
	loop->stopping = true;
}
