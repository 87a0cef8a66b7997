// SPDX-License-Identifier: BSD-2-Clause
/* calls KIND [COUNT]: makes system calls whose number is known, after a byte has come in at standard
 * input, so that a tracer can be attached in between. Prints its pid first. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void repeat_getppid(long count)
{
	while (count--)
		syscall(SYS_getppid);
}

static void *getppid_thread(void *count)
{
	repeat_getppid((long)count);
	return NULL;
}

static void in_threads(long count)
{
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, getppid_thread, (void *)count);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
}

static void open_nothing(long count)
{
	while (count--)
		syscall(SYS_openat, AT_FDCWD, "/nonexistent/file", O_RDONLY | O_CLOEXEC, 0);
}

static void read_zero(long count)
{
	char bytes[4099];
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	while (count--)
		if (read(fd, bytes, sizeof(bytes)) != sizeof(bytes))
			_exit(1);
}

/* Everything that the counts of one run are to be exact for. */
static void mixed(long count)
{
	const char *many = getenv("EO_MANY");

	count = many ? atol(many) : 1000003;
	in_threads(count / 4);
	repeat_getppid(count % 4);
	open_nothing(10007);
	read_zero(5003);
}

static void hostile_names(long count)
{
	static const char *const names[] = {
		"/nonexistent/new\nline", "/nonexistent/quo\"te\\", "/nonexistent/\xff\xfe\x80",
		"/nonexistent/\x1b[31mred\x1b[0m", "",
	};

	(void)count;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		syscall(SYS_openat, AT_FDCWD, names[i], O_RDONLY, 0);
}

/* Paths of 1, 254, 255, 256, 4095 and 4096 bytes, and two long ones in one call. */
static void long_names(long count)
{
	static const int lengths[] = {1, 254, 255, 256, 4095, 4096};
	static char path[5000], other[5000];

	(void)count;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		memset(path, 'a', sizeof(path));
		path[0] = '/';
		path[lengths[i]] = '\0';
		syscall(SYS_openat, AT_FDCWD, path, O_RDONLY, 0);
	}
	memset(path, 'b', 300);
	path[300] = '\0';
	memset(other, 'c', 400);
	other[400] = '\0';
	syscall(SYS_renameat2, AT_FDCWD, path, AT_FDCWD, other, 0);
	syscall(SYS_openat, AT_FDCWD, (char *)16, O_RDONLY, 0); /* nothing is there */
}

/* The name lies in a page that nobody has touched: the kernel's read maps it in, ours cannot. */
static void unfaulted_name(long count)
{
	char name[] = "/tmp/ebpfotel-unfaulted-XXXXXX", *page;
	static const char text[] = "/nonexistent/unfaulted";
	int fd = mkstemp(name);

	(void)count;
	unlink(name);
	if (write(fd, text, sizeof(text)) != (ssize_t)sizeof(text))
		_exit(1);
	page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	syscall(SYS_openat, AT_FDCWD, page, O_RDONLY, 0);
}

/* One fsync() of each kind of descriptor. */
static void all_kinds_of_fds(long count)
{
	char name[] = "/tmp/ebpfotel-fd-XXXXXX";
	int file = mkstemp(name), fds[9];

	(void)count;
	fds[0] = open("/", O_RDONLY);
	fds[1] = open("/proc/self/../self/status", O_RDONLY); /* another mount */
	fds[2] = file;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, &fds[3]) < 0 || pipe(&fds[5]) < 0)
		_exit(1);
	close(fds[4]);
	fds[4] = epoll_create1(0);
	/* Of no directory: one has a name, the other one none. */
	fds[7] = memfd_create("ebpfotel", MFD_CLOEXEC);
	fds[8] = open("/proc/self/ns/net", O_RDONLY);
	for (int i = 0; i < 6; i++)
		syscall(SYS_fsync, fds[i]);
	unlink(name);
	syscall(SYS_fsync, file);
	syscall(SYS_fsync, 9999);
	syscall(SYS_fsync, fds[7]);
	syscall(SYS_fsync, fds[8]);
}

static void ignore(int signal)
{
	(void)signal;
}

/* A read and a sleep that signals interrupt, each with and without SA_RESTART. */
static void interrupted(long count)
{
	struct sigaction action = {.sa_handler = ignore};
	struct itimerspec soon = {.it_value.tv_nsec = 50000000};
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
	int pipes[2];
	timer_t timer;
	char byte;

	(void)count;
	if (pipe(pipes) < 0 || timer_create(CLOCK_MONOTONIC, &event, &timer) < 0)
		_exit(1);
	sigaction(SIGALRM, &action, NULL);
	timer_settime(timer, 0, &soon, NULL);
	if (read(pipes[0], &byte, 1) != -1 || errno != EINTR)
		_exit(1);
	action.sa_flags = SA_RESTART;
	sigaction(SIGALRM, &action, NULL);
	if (fork() == 0) {
		usleep(200000);
		_exit(write(pipes[1], "x", 1) != 1);
	}
	timer_settime(timer, 0, &soon, NULL);
	if (read(pipes[0], &byte, 1) != 1)
		_exit(1);
	wait(NULL);
}

static void *block(void *unused)
{
	ppoll(NULL, 0, NULL, NULL); /* not pause(), which is not a call of every machine */
	return unused;
}

/* Ends while other threads are inside calls. */
static void end_with_threads(long count)
{
	pthread_t thread;

	for (long i = 0; i < count; i++)
		pthread_create(&thread, NULL, block, NULL);
	usleep(100000);
	syscall(SYS_exit_group, 0);
}

static void *exec_true(void *unused)
{
	execl("/bin/true", "true", "with", "words", NULL);
	return unused;
}

static void exec_in_thread(long count)
{
	pthread_t thread;

	(void)count;
	pthread_create(&thread, NULL, exec_true, NULL);
	pause();
}

static void make_children(long count)
{
	while (count--) {
		pid_t child = fork();

		if (child == 0) {
			repeat_getppid(7);
			_exit(0);
		}
		waitpid(child, NULL, 0);
	}
}

static void sleep_some(long count)
{
	const struct timespec time = {.tv_nsec = 20000000};

	repeat_getppid(101);
	while (count--)
		syscall(SYS_nanosleep, &time, NULL);
}

/* The 32-bit interface from a 64-bit program: getpid is 20 there. */
static void compat(long count)
{
#ifdef __x86_64__
	while (count--) {
		long result;

		__asm__ volatile("int $0x80" : "=a"(result) : "a"(20) : "memory", "r8", "r9", "r10", "r11");
		if (result != getpid())
			_exit(1);
	}
#endif
	(void)count;
}

static void unknown_numbers(long count)
{
	while (count--) {
		syscall(9999);
		syscall(-1);
	}
}

static const struct kind {
	const char *name;
	void (*run)(long count);
} kinds[] = {
	{"getppid", repeat_getppid}, {"threads", in_threads},	   {"open", open_nothing},
	{"read", read_zero},	     {"mixed", mixed},		   {"hostile", hostile_names},
	{"long", long_names},	     {"unfaulted", unfaulted_name}, {"interrupted", interrupted},
	{"end", end_with_threads},   {"exec", exec_in_thread},	   {"fork", make_children},
	{"fds", all_kinds_of_fds},   {"sleep", sleep_some},	     {"compat", compat},	   {"unknown", unknown_numbers},
};

int main(int argc, char **argv)
{
	char byte;

	printf("%d\n", getpid());
	fflush(stdout);
	if (read(STDIN_FILENO, &byte, 1) != 1)
		return 1;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (argc > 1 && !strcmp(kinds[i].name, argv[1])) {
			kinds[i].run(argc > 2 ? atol(argv[2]) : 1);
			return 0;
		}
	return 2;
}
