/* SPDX-License-Identifier: BSD-2-Clause */
#include "command_run.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli.h"

struct command_run {
	const char *name, *user;
	pid_t pid;
	int go_fd;   /* a byte means: exec; end of file means: end */
	int fail_fd; /* what failed in the child; end of file means that CMD runs */
	bool running, ended;
	int status; /* an exit status */
};

/* What the child sends when it cannot become CMD. */
struct failure {
	enum {
		FAILED_USER,
		FAILED_STDOUT,
		FAILED_EXEC,
	} step;
	int code;
};

static int become(const char *name)
{
	const struct passwd *user = getpwnam(name);

	if (!user) {
		errno = ENOENT;
		return -1;
	}
	if (initgroups(user->pw_name, user->pw_gid) < 0 || setgid(user->pw_gid) < 0 ||
	    setuid(user->pw_uid) < 0)
		return -1;
	if (setenv("HOME", user->pw_dir, 1) < 0 || setenv("USER", user->pw_name, 1) < 0 ||
	    setenv("LOGNAME", user->pw_name, 1) < 0)
		return -1;
	return 0;
}

static _Noreturn void run_child(const struct command_run_options *options, int go_fd, int fail_fd)
{
	struct failure failure = {0};
	sigset_t none;
	char go = 0;

	/* CMD must not inherit what suits us. */
	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);

	while (read(go_fd, &go, 1) < 0)
		if (errno != EINTR)
			_exit(EXIT_OWN_FAILURE);
	/* A byte that was not written leaves 0 behind: our parent has given up or is gone. */
	if (go != 'g')
		_exit(EXIT_OWN_FAILURE);

	failure.step = FAILED_STDOUT;
	if (!options->stdout_to_stderr || dup2(STDERR_FILENO, STDOUT_FILENO) >= 0) {
		failure.step = FAILED_USER;
		if (!options->user || become(options->user) == 0) {
			failure.step = FAILED_EXEC;
			execvp(options->argv[0], options->argv);
		}
	}
	failure.code = errno;
	if (write(fail_fd, &failure, sizeof(failure)) < 0)
		_exit(EXIT_OWN_FAILURE);
	_exit(EXIT_CANNOT_RUN);
}

int command_run_new(const struct command_run_options *options, struct command_run **ret,
		    struct eo_error *err)
{
	EO_AUTO(command_run) run = calloc(1, sizeof(*run));
	int go[2] = {-1, -1}, fail[2] = {-1, -1};
	int code = 0;

	if (!run)
		return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, ENOMEM, NULL, "start %s",
				    options->argv[0]);
	run->name = options->argv[0];
	run->user = options->user;
	run->go_fd = run->fail_fd = -1;

	if (pipe2(go, O_CLOEXEC) < 0 || pipe2(fail, O_CLOEXEC) < 0) {
		code = errno;
	} else {
		fflush(NULL); /* or the child's copy of a buffer comes out twice */
		run->pid = fork();
		if (run->pid < 0)
			code = errno;
		if (run->pid == 0) {
			close(go[1]); /* else its own end keeps the pipe open */
			run_child(options, go[0], fail[1]);
		}
	}
	if (go[0] >= 0)
		close(go[0]);
	if (fail[1] >= 0)
		close(fail[1]);
	run->go_fd = go[1];
	run->fail_fd = fail[0];
	if (code)
		return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, code, NULL, "start %s",
				    run->name);
	*ret = eo_steal(&run);
	return 0;
}

void command_run_free(struct command_run *run)
{
	if (!run)
		return;
	if (run->go_fd >= 0)
		close(run->go_fd);
	if (run->fail_fd >= 0)
		close(run->fail_fd);
	if (run->pid > 0 && !run->running && !run->ended)
		while (waitpid(run->pid, NULL, 0) < 0 && errno == EINTR)
			;
	free(run);
}

pid_t command_run_pid(const struct command_run *run)
{
	return run->pid;
}

static int explain(struct command_run *run, const struct failure *failure, struct eo_error *err)
{
	enum eo_error_kind kind = EO_ERROR_EVENT_PROCESSING_FAILED;

	run->status = EXIT_OWN_FAILURE;
	switch (failure->step) {
	case FAILED_USER:
		return eo_error_set(err, kind, failure->code, NULL, "run %s as %s", run->name,
				    run->user);
	case FAILED_STDOUT:
		return eo_error_set(err, kind, failure->code, NULL, "redirect stdout of %s",
				    run->name);
	case FAILED_EXEC:
		break;
	}
	run->status = failure->code == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN;
	return eo_error_set(err, kind, failure->code, NULL, "run %s", run->name);
}

int command_run_exec(struct command_run *run, struct eo_error *err)
{
	struct failure failure;
	ssize_t len;

	run->status = EXIT_OWN_FAILURE;
	/* EPIPE: a Ctrl-C has ended it while it waited. The reaper tells how, as of any end. */
	if (write(run->go_fd, "g", 1) != 1 && errno != EPIPE)
		return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, errno, NULL, "start %s",
				    run->name);
	close(eo_steal_fd(&run->go_fd));
	do
		len = read(run->fail_fd, &failure, sizeof(failure));
	while (len < 0 && errno == EINTR);
	if (len == sizeof(failure))
		return explain(run, &failure, err);
	/* The end of the pipe: exec closed it, or the child was killed on its way, which the
	 * reaper will see. */
	run->running = true;
	return 0;
}

bool command_run_reap(struct command_run *run)
{
	int status;

	if (!run->ended && waitpid(run->pid, &status, WNOHANG) == run->pid) {
		run->ended = true;
		run->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	}
	return run->ended;
}

int command_run_exit_status(const struct command_run *run)
{
	return run->status;
}

void command_run_signal(const struct command_run *run, int signo)
{
	if (!run->ended)
		kill(run->pid, signo);
}

bool command_run_is_running(const struct command_run *run)
{
	return run->running && !run->ended;
}
