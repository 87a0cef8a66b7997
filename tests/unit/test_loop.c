/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/loop.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <time.h>

#include "open_files.h"

#define MS 1000000ull
#define SOURCES 200

/* What the callbacks share: a counter, and what to do. */
struct scene {
	struct eo_loop *loop;
	struct eo_loop_source *sources[SOURCES];
	int pipes[SOURCES][2];
	int calls, others;
	int result;
	int stop_after; /* 0: never */
	uint32_t events;
	uint32_t signo;
};

static void scene_new(struct scene *scene)
{
	memset(scene, 0, sizeof(*scene));
	for (int i = 0; i < SOURCES; i++)
		scene->pipes[i][0] = scene->pipes[i][1] = -1;
	cr_assert_eq(eo_loop_new(&scene->loop, NULL), 0);
}

static void scene_free(struct scene *scene)
{
	eo_loop_free(scene->loop);
	for (int i = 0; i < SOURCES; i++) {
		for (int j = 0; j < 2; j++) {
			if (scene->pipes[i][j] >= 0)
				close(scene->pipes[i][j]);
		}
	}
}

/* A pipe that is ready to be read, for ever: nobody reads it. */
static void add_ready_pipe(struct scene *scene, int i, eo_loop_fd_fn fn, void *ctx)
{
	cr_assert_eq(pipe2(scene->pipes[i], O_CLOEXEC), 0);
	cr_assert_eq(write(scene->pipes[i][1], "x", 1), 1);
	cr_assert_eq(eo_loop_add_fd(scene->loop, scene->pipes[i][0], EPOLLIN, fn, ctx,
				    &scene->sources[i], NULL), 0);
}

static int count_call(struct scene *scene)
{
	if (++scene->calls == scene->stop_after)
		eo_loop_stop(scene->loop);
	return scene->result;
}

static int on_fd(void *ctx, uint32_t events)
{
	struct scene *scene = ctx;

	scene->events = events;
	return count_call(scene);
}

static int on_timer(void *ctx)
{
	return count_call(ctx);
}

static int on_signal(void *ctx, const struct signalfd_siginfo *info)
{
	struct scene *scene = ctx;

	scene->signo = info->ssi_signo;
	return count_call(scene);
}

static int on_other(void *ctx)
{
	struct scene *scene = ctx;

	scene->others++;
	return 0;
}

static int on_end(void *ctx)
{
	struct scene *scene = ctx;

	eo_loop_stop(scene->loop);
	return 0;
}

static int run(struct scene *scene)
{
	return eo_loop_run(scene->loop, NULL);
}

Test(loop, stop_ends_after_the_callback_that_called_it, .timeout = 20)
{
	struct scene scene;

	scene_new(&scene);
	scene.stop_after = 1;
	for (int i = 0; i < 3; i++)
		add_ready_pipe(&scene, i, on_fd, &scene);
	cr_expect_eq(run(&scene), 0);
	cr_expect_eq(scene.calls, 1);
	/* It can go on afterwards, and what waited is still there. */
	scene.stop_after = 4;
	cr_expect_eq(run(&scene), 0);
	cr_expect_eq(scene.calls, 4);
	scene_free(&scene);
}

Test(loop, stop_before_run_is_not_forgotten, .timeout = 20)
{
	struct scene scene;

	scene_new(&scene);
	add_ready_pipe(&scene, 0, on_fd, &scene);
	eo_loop_stop(scene.loop);
	cr_expect_eq(run(&scene), 0);
	cr_expect_eq(scene.calls, 0);
	scene_free(&scene);
}

Test(loop, negative_return_ends_the_run_with_that_value, .timeout = 20)
{
	struct eo_error err = { .kind = EO_ERROR_CONFIG, .text = "mine" };
	struct scene scene;

	scene_new(&scene);
	scene.result = -EPIPE;
	add_ready_pipe(&scene, 0, on_fd, &scene);
	add_ready_pipe(&scene, 1, on_fd, &scene);
	cr_expect_eq(eo_loop_run(scene.loop, &err), -EPIPE);
	cr_expect_eq(scene.calls, 1);
	cr_expect_str_eq(err.text, "mine");
	scene_free(&scene);
}

Test(loop, positive_return_goes_on, .timeout = 20)
{
	struct scene scene;

	scene_new(&scene);
	scene.result = 5;
	scene.stop_after = 3;
	add_ready_pipe(&scene, 0, on_fd, &scene);
	cr_expect_eq(run(&scene), 0);
	cr_expect_eq(scene.calls, 3);
	scene_free(&scene);
}

Test(loop, without_sources_is_an_error_not_a_hang, .timeout = 20)
{
	struct eo_error err = { 0 };
	struct scene scene;

	scene_new(&scene);
	cr_expect_eq(eo_loop_run(scene.loop, &err), -EDEADLK);
	cr_expect_eq(err.kind, EO_ERROR_EVENT_PROCESSING_FAILED);
	scene_free(&scene);
	eo_loop_free(NULL);
}

static int run_again(void *ctx, uint32_t events)
{
	struct scene *scene = ctx;

	(void)events;
	return eo_loop_run(scene->loop, NULL);
}

Test(loop, running_from_a_callback_is_an_error, .timeout = 20)
{
	struct scene scene;

	scene_new(&scene);
	add_ready_pipe(&scene, 0, run_again, &scene);
	cr_expect_eq(run(&scene), -EBUSY);
	scene_free(&scene);
}

Test(loop, closed_writer_is_a_hangup, .timeout = 20)
{
	struct scene scene;

	scene_new(&scene);
	scene.stop_after = 1;
	cr_assert_eq(pipe2(scene.pipes[0], O_CLOEXEC), 0);
	close(scene.pipes[0][1]);
	scene.pipes[0][1] = -1;
	/* Asked for nothing: hangups come all the same. */
	cr_assert_eq(eo_loop_add_fd(scene.loop, scene.pipes[0][0], 0, on_fd, &scene, NULL, NULL), 0);
	cr_expect_eq(run(&scene), 0);
	cr_expect(scene.events & EPOLLHUP);
	scene_free(&scene);
}

Test(loop, closed_reader_is_noticed_without_writing, .timeout = 20)
{
	struct scene scene;

	scene_new(&scene);
	scene.stop_after = 1;
	cr_assert_eq(pipe2(scene.pipes[0], O_CLOEXEC), 0);
	close(scene.pipes[0][0]);
	scene.pipes[0][0] = -1;
	cr_assert_eq(eo_loop_add_fd(scene.loop, scene.pipes[0][1], 0, on_fd, &scene, NULL, NULL), 0);
	cr_expect_eq(run(&scene), 0);
	cr_expect(scene.events & EPOLLERR);
	scene_free(&scene);
}

Test(loop, descriptors_that_cannot_be_watched_are_an_error)
{
	struct eo_error err = { 0 };
	struct scene scene;
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	scene_new(&scene);
	cr_expect_eq(eo_loop_add_fd(scene.loop, -1, EPOLLIN, on_fd, &scene, NULL, &err), -EBADF);
	cr_expect_eq(err.kind, EO_ERROR_EVENT_PROCESSING_FAILED);
	cr_expect_eq(eo_loop_add_fd(scene.loop, fd, EPOLLIN, on_fd, &scene, NULL, &err), -EPERM);
	cr_expect_eq(err.kind, EO_ERROR_EVENT_PROCESSING_FAILED);
	close(fd);
	scene_free(&scene);
}

/* Each source counts its own calls; the loop stops after many of the first. */
struct counter {
	struct scene *scene;
	int calls;
};

static int on_counter(void *ctx, uint32_t events)
{
	struct counter *counter = ctx;

	(void)events;
	counter->calls++;
	return count_call(counter->scene);
}

Test(loop, no_ready_source_starves_another, .timeout = 20)
{
	static struct counter counters[SOURCES];
	struct scene scene;

	scene_new(&scene);
	scene.stop_after = 10 * SOURCES;
	for (int i = 0; i < SOURCES; i++) {
		counters[i].scene = &scene;
		add_ready_pipe(&scene, i, on_counter, &counters[i]);
	}
	cr_expect_eq(run(&scene), 0);
	for (int i = 0; i < SOURCES; i++)
		cr_expect(counters[i].calls >= 9 && counters[i].calls <= 11, "%d: %d calls", i,
			  counters[i].calls);
	scene_free(&scene);
}

static int remove_all(void *ctx, uint32_t events)
{
	struct scene *scene = ctx;

	(void)events;
	scene->calls++;
	for (int i = 0; i < SOURCES; i++) {
		eo_loop_remove(scene->loop, scene->sources[i]);
		scene->sources[i] = NULL;
	}
	return 0;
}

Test(loop, pending_sources_can_be_removed_and_so_can_the_caller, .timeout = 20)
{
	struct scene scene;

	scene_new(&scene);
	for (int i = 0; i < 50; i++)
		add_ready_pipe(&scene, i, remove_all, &scene);
	cr_assert_eq(eo_loop_add_timer(scene.loop, 20 * MS, 0, on_end, &scene, NULL, NULL), 0);
	cr_expect_eq(run(&scene), 0);
	cr_expect_eq(scene.calls, 1);
	scene_free(&scene);
}

static int replace_all(void *ctx, uint32_t events)
{
	struct scene *scene = ctx;

	(void)events;
	scene->calls++;
	/* Freed memory would be handed out again for the new sources, and the events that still
	 * wait for the old ones would reach them. */
	for (int i = 0; i < 20; i++) {
		eo_loop_remove(scene->loop, scene->sources[i]);
		cr_assert_eq(eo_loop_add_timer(scene->loop, 3600000 * MS, 0, on_other, scene,
					       &scene->sources[i], NULL), 0);
	}
	return 0;
}

Test(loop, events_of_removed_sources_do_not_reach_new_ones, .timeout = 20)
{
	struct scene scene;

	scene_new(&scene);
	for (int i = 0; i < 20; i++)
		add_ready_pipe(&scene, i, replace_all, &scene);
	cr_assert_eq(eo_loop_add_timer(scene.loop, 20 * MS, 0, on_end, &scene, NULL, NULL), 0);
	cr_expect_eq(run(&scene), 0);
	cr_expect_eq(scene.calls, 1);
	cr_expect_eq(scene.others, 0);
	scene_free(&scene);
}

static int add_one(void *ctx, uint32_t events)
{
	struct scene *scene = ctx;

	(void)events;
	eo_loop_remove(scene->loop, scene->sources[0]);
	add_ready_pipe(scene, 1, on_fd, scene);
	return 0;
}

Test(loop, sources_added_in_a_callback_are_called, .timeout = 20)
{
	struct scene scene;

	scene_new(&scene);
	scene.stop_after = 1;
	add_ready_pipe(&scene, 0, add_one, &scene);
	cr_expect_eq(run(&scene), 0);
	cr_expect_eq(scene.calls, 1);
	scene_free(&scene);
}

Test(loop, removed_descriptor_can_be_added_again, .timeout = 20)
{
	struct scene scene;

	scene_new(&scene);
	scene.stop_after = 1;
	add_ready_pipe(&scene, 0, on_fd, &scene);
	eo_loop_remove(scene.loop, scene.sources[0]);
	eo_loop_remove(scene.loop, NULL);
	cr_expect_eq(eo_loop_add_fd(scene.loop, scene.pipes[0][0], EPOLLIN, on_fd, &scene, NULL,
				    NULL), 0);
	cr_expect_eq(run(&scene), 0);
	cr_expect_eq(scene.calls, 1);
	scene_free(&scene);
}

Test(loop, timer_without_interval_fires_once, .timeout = 20)
{
	struct scene scene;

	scene_new(&scene);
	cr_assert_eq(eo_loop_add_timer(scene.loop, 0, 0, on_timer, &scene, NULL, NULL), 0);
	cr_assert_eq(eo_loop_add_timer(scene.loop, 30 * MS, 0, on_end, &scene, NULL, NULL), 0);
	cr_expect_eq(run(&scene), 0);
	cr_expect_eq(scene.calls, 1);
	scene_free(&scene);
}

static int again_for_a_while(void *ctx)
{
	struct scene *scene = ctx;

	cr_assert_eq(eo_loop_add_timer(scene->loop, 0, 0, again_for_a_while, scene, NULL, NULL), 0);
	return count_call(scene);
}

Test(loop, timer_without_interval_leaves_nothing_behind, .timeout = 20)
{
	struct scene scene;
	size_t before;

	scene_new(&scene);
	before = open_files();
	scene.stop_after = 211;
	cr_assert_eq(eo_loop_add_timer(scene.loop, 0, 0, again_for_a_while, &scene, NULL, NULL), 0);
	cr_expect_eq(run(&scene), 0);
	cr_expect_eq(scene.calls, 211);
	cr_expect_eq(open_files(), before + 1, "the one that was added last");
	scene_free(&scene);
}

Test(loop, timer_with_interval_fires_again, .timeout = 20)
{
	struct scene scene;

	scene_new(&scene);
	scene.stop_after = 5;
	cr_assert_eq(eo_loop_add_timer(scene.loop, MS, MS, on_timer, &scene, NULL, NULL), 0);
	cr_expect_eq(run(&scene), 0);
	cr_expect_eq(scene.calls, 5);
	scene_free(&scene);
}

Test(loop, expirations_that_piled_up_are_one_call, .timeout = 20)
{
	struct timespec pause = { .tv_nsec = 50 * MS };
	struct scene scene;

	scene_new(&scene);
	/* Then an hour of silence: with a call for each expiry there would be two. */
	cr_assert_eq(eo_loop_add_timer(scene.loop, MS, MS, on_timer, &scene, &scene.sources[0],
				       NULL), 0);
	nanosleep(&pause, NULL);
	scene.stop_after = 1;
	cr_expect_eq(run(&scene), 0);
	eo_loop_remove(scene.loop, scene.sources[0]);
	cr_assert_eq(eo_loop_add_timer(scene.loop, MS, 0, on_end, &scene, NULL, NULL), 0);
	cr_expect_eq(run(&scene), 0);
	cr_expect_eq(scene.calls, 1);
	scene_free(&scene);
}

static int slow_timer(void *ctx)
{
	struct timespec pause = { .tv_nsec = 20 * MS };

	nanosleep(&pause, NULL);
	return count_call(ctx);
}

Test(loop, slow_timer_is_called_once_per_round_and_others_get_their_turn, .timeout = 20)
{
	struct counter counter = { 0 };
	struct scene scene;

	scene_new(&scene);
	counter.scene = &scene;
	scene.stop_after = 8;
	cr_assert_eq(eo_loop_add_timer(scene.loop, MS, MS, slow_timer, &scene, NULL, NULL), 0);
	add_ready_pipe(&scene, 0, on_counter, &counter);
	cr_expect_eq(run(&scene), 0);
	/* Twenty expirations for each call of the timer, yet the pipe comes at least as often. */
	cr_expect_geq(counter.calls, scene.calls - counter.calls - 1);
	scene_free(&scene);
}

Test(loop, signals_are_delivered_with_their_number, .timeout = 20)
{
	struct scene scene;
	sigset_t set, before, after;

	pthread_sigmask(SIG_SETMASK, NULL, &before);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGINT);
	scene_new(&scene);
	cr_assert_eq(eo_loop_add_signals(scene.loop, &set, on_signal, &scene, NULL), 0);
	scene.stop_after = 1;
	kill(getpid(), SIGUSR1);
	cr_expect_eq(run(&scene), 0);
	cr_expect_eq(scene.signo, SIGUSR1);
	scene.stop_after = 2;
	kill(getpid(), SIGINT);
	cr_expect_eq(run(&scene), 0);
	cr_expect_eq(scene.signo, SIGINT);
	scene_free(&scene);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	for (int i = 1; i < NSIG; i++)
		cr_expect_eq(sigismember(&before, i), sigismember(&after, i), "signal %d", i);
}

Test(loop, two_sets_of_signals_give_the_first_mask_back)
{
	struct scene scene;
	sigset_t set, mask;

	scene_new(&scene);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	cr_assert_eq(eo_loop_add_signals(scene.loop, &set, on_signal, &scene, NULL), 0);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	cr_assert_eq(eo_loop_add_signals(scene.loop, &set, on_signal, &scene, NULL), 0);
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	cr_expect(sigismember(&mask, SIGUSR1) && sigismember(&mask, SIGUSR2));
	scene_free(&scene);
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	cr_expect_not(sigismember(&mask, SIGUSR1) || sigismember(&mask, SIGUSR2));
}

Test(loop, second_signal_does_not_kill_when_the_mask_comes_back, .timeout = 20)
{
	struct scene scene;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	scene_new(&scene);
	scene.stop_after = 1;
	cr_assert_eq(eo_loop_add_signals(scene.loop, &set, on_signal, &scene, NULL), 0);
	kill(getpid(), SIGTERM);
	cr_expect_eq(run(&scene), 0);
	kill(getpid(), SIGTERM);
	scene_free(&scene);
	cr_expect_eq(scene.calls, 1);
}

static void ignore(int signo)
{
	(void)signo;
}

Test(loop, interrupted_wait_goes_on, .timeout = 20)
{
	struct sigaction action = { .sa_handler = ignore }; /* no SA_RESTART */
	struct itimerspec soon = { .it_value.tv_nsec = 5 * MS, .it_interval.tv_nsec = 5 * MS };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM };
	struct scene scene;
	timer_t timer;

	scene_new(&scene);
	sigaction(SIGALRM, &action, NULL);
	cr_assert_eq(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
	cr_assert_eq(timer_settime(timer, 0, &soon, NULL), 0);
	cr_assert_eq(eo_loop_add_timer(scene.loop, 60 * MS, 0, on_end, &scene, NULL, NULL), 0);
	cr_expect_eq(run(&scene), 0);
	timer_delete(timer);
	scene_free(&scene);
}

static pid_t spawn_waiting(int *release_fd)
{
	int fds[2];
	char c;
	pid_t pid;

	cr_assert_eq(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	cr_assert_geq(pid, 0);
	if (!pid) {
		close(fds[1]);
		(void)!read(fds[0], &c, 1);
		_exit(7);
	}
	close(fds[0]);
	*release_fd = fds[1];
	return pid;
}

Test(loop, end_of_a_child_is_told_once_and_leaves_its_status, .timeout = 20)
{
	struct scene scene;
	int release, status;
	pid_t pid;

	scene_new(&scene);
	pid = spawn_waiting(&release);
	cr_assert_eq(eo_loop_add_child(scene.loop, pid, on_timer, &scene, NULL), 0);
	cr_assert_eq(eo_loop_add_timer(scene.loop, 20 * MS, 0, on_end, &scene, NULL, NULL), 0);
	cr_expect_eq(run(&scene), 0);
	cr_expect_eq(scene.calls, 0, "told before the end");

	close(release);
	scene.stop_after = 1;
	cr_expect_eq(run(&scene), 0);
	cr_expect_eq(scene.calls, 1);
	scene.stop_after = 0;
	cr_assert_eq(eo_loop_add_timer(scene.loop, 20 * MS, 0, on_end, &scene, NULL, NULL), 0);
	cr_expect_eq(run(&scene), 0);
	cr_expect_eq(scene.calls, 1, "told twice");
	cr_expect_eq(waitpid(pid, &status, 0), pid);
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	scene_free(&scene);
}

Test(loop, child_that_has_already_ended_is_told, .timeout = 20)
{
	struct scene scene;
	siginfo_t info;
	int release;
	pid_t pid;

	scene_new(&scene);
	scene.stop_after = 1;
	pid = spawn_waiting(&release);
	close(release);
	cr_assert_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	cr_assert_eq(eo_loop_add_child(scene.loop, pid, on_timer, &scene, NULL), 0);
	cr_expect_eq(run(&scene), 0);
	cr_expect_eq(scene.calls, 1);
	waitpid(pid, NULL, 0);
	scene_free(&scene);
}

Test(loop, process_that_is_no_child_can_be_watched, .timeout = 20)
{
	int report[2], release[2];
	struct scene scene;
	pid_t pid = 0, middle;

	cr_assert_eq(pipe2(report, O_CLOEXEC), 0);
	cr_assert_eq(pipe2(release, O_CLOEXEC), 0);
	middle = fork();
	cr_assert_geq(middle, 0);
	if (!middle) {
		char c;

		pid = fork();
		close(release[1]);
		if (!pid) {
			(void)!read(release[0], &c, 1);
			_exit(0);
		}
		(void)!write(report[1], &pid, sizeof(pid));
		_exit(0);
	}
	close(release[0]);
	cr_assert_eq(read(report[0], &pid, sizeof(pid)), sizeof(pid));
	waitpid(middle, NULL, 0);
	scene_new(&scene);
	scene.stop_after = 1;
	cr_assert_eq(eo_loop_add_child(scene.loop, pid, on_timer, &scene, NULL), 0);
	close(release[1]);
	cr_expect_eq(run(&scene), 0);
	cr_expect_eq(scene.calls, 1);
	close(report[0]);
	close(report[1]);
	scene_free(&scene);
}

Test(loop, process_that_does_not_exist_is_an_error)
{
	struct eo_error err = { 0 };
	struct scene scene;
	pid_t pid = fork();

	cr_assert_geq(pid, 0);
	if (!pid)
		_exit(0);
	waitpid(pid, NULL, 0);
	scene_new(&scene);
	cr_expect_eq(eo_loop_add_child(scene.loop, pid, on_timer, &scene, &err), -ESRCH);
	cr_expect_eq(err.kind, EO_ERROR_EVENT_PROCESSING_FAILED);
	cr_expect_eq(err.code, ESRCH);
	cr_expect_eq(eo_loop_add_child(scene.loop, -5, on_timer, &scene, NULL), -EINVAL);
	scene_free(&scene);
}

Test(loop, free_closes_what_the_loop_opened_and_nothing_else)
{
	size_t before = open_files();
	struct scene scene;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	scene_new(&scene);
	add_ready_pipe(&scene, 0, on_fd, &scene);
	cr_assert_eq(eo_loop_add_timer(scene.loop, MS, 0, on_timer, &scene, NULL, NULL), 0);
	cr_assert_eq(eo_loop_add_signals(scene.loop, &set, on_signal, &scene, NULL), 0);
	cr_assert_eq(eo_loop_add_child(scene.loop, getpid(), on_timer, &scene, NULL), 0);
	cr_expect_eq(open_files(), before + 6);
	eo_loop_free(scene.loop);
	cr_expect_eq(open_files(), before + 2);
	scene.loop = NULL;
	scene_free(&scene);
	cr_expect_eq(open_files(), before);
}
