// SPDX-License-Identifier: BSD-2-Clause
/* Runs the tests that were declared with criterion/criterion.h of this folder, each in a child. */
#include <criterion/criterion.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define SKIPPED	    77
#define SECONDS_MAX 60 /* of a test that names no limit */
#define SLOWDOWN    4

struct outcome {
	unsigned int tested, passed, failed, crashed;
};

/* Tests register themselves before main(), and in their child a check has to find its way back. */
static struct {
	struct stand_in_test *first, *last;
	struct stand_in_suite *suites;
	const struct stand_in_test *running;
	pid_t pid, thread;
	jmp_buf end;
	bool failed;
} state;

void stand_in_add_test(struct stand_in_test *test)
{
	if (state.last)
		state.last->next = test;
	else
		state.first = test;
	state.last = test;
}

void stand_in_add_suite(struct stand_in_suite *suite)
{
	suite->next = state.suites;
	state.suites = suite;
}

static const struct stand_in_suite *suite_of(const struct stand_in_test *test)
{
	static const struct stand_in_suite none;

	for (const struct stand_in_suite *suite = state.suites; suite; suite = suite->next)
		if (!strcmp(suite->name, test->suite))
			return suite;
	return &none;
}

/* Other threads, and children that a test has made, cannot jump. */
static void leave(int status)
{
	if (getpid() != state.pid || gettid() != state.thread) {
		fflush(NULL);
		_exit(status);
	}
	longjmp(state.end, status);
}

bool stand_in_check(bool holds, bool ends, const char *file, int line, const char *what,
		    const char *format, ...)
{
	va_list args;

	if (holds)
		return true;
	state.failed = true;
	va_start(args, format);
	printf("[----] %s:%d: not true: %s: ", file, line, what);
	vprintf(format, args);
	putchar('\n');
	va_end(args);
	fflush(stdout);
	if (ends)
		leave(EXIT_FAILURE);
	return false;
}

void stand_in_skip(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	printf("[SKIP] %s::%s: ", state.running->suite, state.running->name);
	vprintf(format, args);
	putchar('\n');
	va_end(args);
	fflush(stdout);
	leave(SKIPPED);
	abort();
}

static void call(void (*function)(void))
{
	if (function)
		function();
}

static void run_until_end(const struct stand_in_test *test, void *parameter)
{
	call(suite_of(test)->options.init);
	call(test->options.init);
	if (parameter)
		test->parameter_body(parameter);
	else
		test->body();
}

/* In the child. Returns its status. */
static int run_here(const struct stand_in_test *test, void *parameter)
{
	int status;

	state.running = test;
	state.pid = getpid();
	state.thread = gettid();
	status = setjmp(state.end);
	if (!status)
		run_until_end(test, parameter);
	call(state.running->options.fini);
	call(suite_of(state.running)->options.fini);
	return status == SKIPPED ? SKIPPED : status || state.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* Until it ends or is made to; what it leaves running is ended too. Returns its status. */
static int wait_for(pid_t pid, double seconds)
{
	long turns = (long)((seconds > 0 ? seconds : SECONDS_MAX) * SLOWDOWN * 100);
	int status = 0;
	pid_t ended;

	while (!(ended = waitpid(pid, &status, WNOHANG)) && turns-- > 0)
		usleep(10000);
	kill(-pid, SIGKILL);
	if (!ended)
		ended = waitpid(pid, &status, 0);
	if (ended != pid)
		abort();
	return status;
}

static void run(const struct stand_in_test *test, void *parameter, struct outcome *outcome)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		setpgid(0, 0);
		exit(run_here(test, parameter));
	}
	if (pid < 0)
		abort();
	setpgid(pid, pid);
	status = wait_for(pid, test->options.timeout);
	if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED)
		return;
	outcome->tested++;
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS) {
		outcome->passed++;
		printf("[PASS] %s::%s: (0.00s)\n", test->suite, test->name);
		return;
	}
	outcome->failed++;
	if (!WIFEXITED(status)) {
		outcome->crashed++;
		printf("[----] ended by signal %d\n", WTERMSIG(status));
	}
	printf("[FAIL] %s::%s: (0.00s)\n", test->suite, test->name);
}

int main(void)
{
	struct outcome outcome = {0};

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (const struct stand_in_test *test = state.first; test; test = test->next) {
		struct stand_in_parameters parameters = {.count = 0};

		if (test->parameters)
			parameters = test->parameters();
		else
			run(test, NULL, &outcome);
		for (size_t i = 0; i < parameters.count; i++)
			run(test, (char *)parameters.values + i * parameters.size, &outcome);
	}
	printf("[====] Synthesis: Tested: %u | Passing: %u | Failing: %u | Crashing: %u\n", outcome.tested,
	       outcome.passed, outcome.failed, outcome.crashed);
	return outcome.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
