/* SPDX-License-Identifier: BSD-2-Clause */
/* Makes many different system calls with the same arguments and results on each run, between two
 * pairs of getppid(): what two tracers say of them can be compared. Works in the current directory,
 * which is to be empty. Some calls fail, each in its own way. */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define CALL(name, ...) syscall(SYS_##name, ##__VA_ARGS__)

static const struct timespec no_time;
static const char odd[] = "odd \"name\"\\\t\n\x1b[31m\xff\xc3\xa9";

static void files(void)
{
	char bytes[64];
	struct stat status;
	struct statx more;
	struct iovec parts[2] = {{bytes, 3}, {bytes + 8, 5}};
	const struct timespec times[2] = {{1000000007, 123456789}, {1000000009, 987654321}};
	int fd = (int)CALL(openat, AT_FDCWD, "plain", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640), copy;

	CALL(openat, AT_FDCWD, "plain", O_RDWR | O_CREAT | O_EXCL, 0640);
	CALL(openat, AT_FDCWD, "absent/under", O_WRONLY | O_APPEND, 0);
	CALL(openat, AT_FDCWD, "plain", O_RDONLY | O_DIRECTORY, 0);
	CALL(openat, AT_FDCWD, odd, O_RDONLY, 0);
	CALL(openat, AT_FDCWD, "", O_RDONLY, 0);
	CALL(write, fd, "first line\nsecond \"line\"\n", 25);
	CALL(pwrite64, fd, "\x1b[7m\x80\xff", 6, 31);
	CALL(lseek, fd, 6, SEEK_SET);
	CALL(read, fd, bytes, 11);
	CALL(pread64, fd, bytes, 64, 20);
	CALL(lseek, fd, -1L, SEEK_SET);
	CALL(readv, fd, parts, 2);
	CALL(writev, fd, parts, 2);
	CALL(newfstatat, AT_FDCWD, "plain", &status, AT_SYMLINK_NOFOLLOW);
	CALL(newfstatat, fd, "", &status, AT_EMPTY_PATH);
	CALL(statx, AT_FDCWD, "missing", AT_SYMLINK_NOFOLLOW, STATX_SIZE | STATX_MODE, &more);
	CALL(faccessat, AT_FDCWD, "plain", R_OK | W_OK);
	CALL(fchmod, fd, 0604);
	CALL(fchmodat, AT_FDCWD, "plain", 04711);
	CALL(fchown, fd, -1, 7);
	CALL(fchownat, AT_FDCWD, "plain", 11, -1, AT_SYMLINK_NOFOLLOW);
	CALL(utimensat, AT_FDCWD, "plain", times, 0);
	CALL(ftruncate, fd, 4099);
	CALL(fallocate, fd, FALLOC_FL_KEEP_SIZE, 0, 8192);
	CALL(fadvise64, fd, 0, 4096, POSIX_FADV_SEQUENTIAL);
	CALL(fsync, fd);
	CALL(fdatasync, fd);
	CALL(flock, fd, LOCK_EX | LOCK_NB);
	CALL(setxattr, "plain", "user.word", "value", 5, XATTR_CREATE);
	CALL(getxattr, "plain", "user.none", bytes, sizeof(bytes));
	CALL(fremovexattr, fd, "user.none");
	copy = (int)CALL(fcntl, fd, F_DUPFD_CLOEXEC, 100);
	CALL(fcntl, copy, F_GETFD);
	CALL(fcntl, copy, F_SETFL, O_APPEND | O_NONBLOCK);
	CALL(dup, fd);
	CALL(dup3, fd, 120, O_CLOEXEC);
	CALL(close, 120);
	CALL(close, 121);
	CALL(close, copy);
	CALL(ioctl, fd, FIONREAD, bytes);
	CALL(ioctl, fd, TIOCGWINSZ, bytes);
	CALL(close_range, fd, ~0U, 0);
}

static void names(void)
{
	char bytes[4096];
	int directory;

	CALL(mkdirat, AT_FDCWD, "folder", 0751);
	CALL(mkdirat, AT_FDCWD, "folder", 0751);
	directory = (int)CALL(openat, AT_FDCWD, "folder", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	CALL(symlinkat, "../plain", directory, "link");
	CALL(readlinkat, directory, "link", bytes, sizeof(bytes));
	CALL(linkat, AT_FDCWD, "plain", directory, "second", 0);
	CALL(mknodat, directory, "fifo", S_IFIFO | 0600, 0);
	CALL(renameat2, directory, "second", AT_FDCWD, odd, RENAME_NOREPLACE);
	CALL(getdents64, 999, bytes, sizeof(bytes));
	CALL(fchdir, directory);
	CALL(chdir, "..");
	CALL(unlinkat, AT_FDCWD, "folder", AT_REMOVEDIR);
	CALL(unlinkat, directory, "fifo", 0);
	CALL(unlinkat, directory, "link", 0);
	CALL(unlinkat, AT_FDCWD, odd, 0);
	CALL(unlinkat, AT_FDCWD, "plain", 0);
	CALL(unlinkat, AT_FDCWD, "folder", AT_REMOVEDIR);
	CALL(umask, 027);
	CALL(umask, 022);
	CALL(close, directory);
}

static void pipes(void)
{
	char bytes[16];
	int fds[2], in, out;

	if (CALL(pipe2, fds, O_CLOEXEC | O_NONBLOCK) < 0)
		_exit(1);
	CALL(read, fds[0], bytes, sizeof(bytes));
	CALL(write, fds[1], "through", 7);
	CALL(read, fds[0], bytes, sizeof(bytes));
	CALL(close, fds[0]);
	CALL(write, fds[1], "nobody", 6); /* SIGPIPE is ignored */
	CALL(close, fds[1]);
	in = (int)CALL(memfd_create, "memory", MFD_CLOEXEC);
	out = (int)CALL(memfd_create, "copy", 0);
	CALL(write, in, "0123456789", 10);
	CALL(sendfile, out, in, NULL, 10);
	CALL(copy_file_range, in, NULL, 998, NULL, 10, 0);
	CALL(close, in);
	CALL(close, out);
}

static void sockets(void)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "socket"};
	socklen_t size = sizeof(name);
	char bytes[16];
	int one = 1, fds[2];
	int server = (int)CALL(socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CALL(socket, AF_UNIX, 77, 0);
	CALL(connect, server, &name, sizeof(name));
	CALL(bind, server, &name, offsetof(struct sockaddr_un, sun_path) + 7);
	CALL(listen, server, 5);
	CALL(getsockname, server, &name, &size);
	CALL(setsockopt, server, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	size = sizeof(one);
	CALL(getsockopt, server, SOL_SOCKET, SO_TYPE, &one, &size);
	CALL(accept4, 997, NULL, NULL, SOCK_CLOEXEC);
	CALL(close, server);
	CALL(unlinkat, AT_FDCWD, "socket", 0);
	if (CALL(socketpair, AF_UNIX, SOCK_DGRAM, 0, fds) < 0)
		_exit(1);
	CALL(sendto, fds[0], "datagram", 8, MSG_NOSIGNAL, NULL, 0);
	CALL(recvfrom, fds[1], bytes, sizeof(bytes), 0, NULL, NULL);
	CALL(recvfrom, fds[1], bytes, sizeof(bytes), MSG_DONTWAIT, NULL, NULL);
	CALL(shutdown, fds[0], SHUT_RDWR);
	CALL(close, fds[0]);
	CALL(close, fds[1]);
}

static void waiting(void)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u64 = 0x1234};
	int counter = (int)CALL(eventfd2, 3, EFD_CLOEXEC | EFD_NONBLOCK);
	int poller = (int)CALL(epoll_create1, EPOLL_CLOEXEC), timer, watch;
	struct pollfd fds[2] = {{.fd = counter, .events = POLLIN}, {.fd = 996, .events = POLLOUT}};
	const struct itimerspec late = {.it_value.tv_sec = 4711};
	sigset_t set;
	uint64_t number;

	CALL(epoll_ctl, poller, EPOLL_CTL_ADD, counter, &event);
	CALL(epoll_ctl, poller, EPOLL_CTL_ADD, counter, &event);
	CALL(epoll_pwait, poller, &event, 1, 0, NULL, 8);
	CALL(ppoll, fds, 2, &no_time, NULL, 8);
	CALL(read, counter, &number, 8);
	CALL(read, counter, &number, 8);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	watch = (int)CALL(signalfd4, -1, &set, 8, SFD_CLOEXEC);
	CALL(close, watch);
	timer = (int)CALL(timerfd_create, CLOCK_MONOTONIC, TFD_CLOEXEC);
	CALL(timerfd_settime, timer, 0, &late, NULL);
	watch = (int)CALL(inotify_init1, IN_CLOEXEC);
	CALL(inotify_add_watch, watch, ".", IN_CREATE | IN_DELETE);
	CALL(inotify_add_watch, watch, "nowhere", IN_CREATE);
	CALL(close_range, counter, ~0U, 0);
}

static void memory(void)
{
	char *area = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CALL(mprotect, area, 4096, PROT_READ);
	CALL(madvise, area + 4096, 4096, MADV_DONTNEED);
	CALL(msync, area, 4096, MS_ASYNC);
	CALL(mlock, area + 4096, 4096);
	CALL(munlock, area + 4096, 4096);
	CALL(mremap, area, 16384, 8192, 0, NULL);
	CALL(munmap, area, 8192);
	CALL(munmap, 1, 4096);
	CALL(mmap, NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CALL(mmap, NULL, 4096, PROT_READ, MAP_SHARED, 995, 0);
}

static void signals(void)
{
	struct timespec time = {.tv_nsec = 1000};
	stack_t stack;
	sigset_t set, old;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGCHLD);
	CALL(rt_sigprocmask, SIG_BLOCK, &set, &old, 8);
	CALL(kill, getpid(), SIGUSR1);
	CALL(rt_sigpending, &old, 8);
	CALL(rt_sigtimedwait, &set, NULL, &no_time, 8);
	CALL(rt_sigtimedwait, &set, NULL, &no_time, 8);
	CALL(rt_sigprocmask, SIG_UNBLOCK, &set, NULL, 8);
	CALL(tgkill, getpid(), 1, SIGTERM);
	CALL(kill, getpid(), 99);
	CALL(sigaltstack, NULL, &stack);
	CALL(nanosleep, &time, NULL);
	CALL(clock_nanosleep, CLOCK_REALTIME, 0, &time, NULL);
	time.tv_nsec = 1000000000;
	CALL(nanosleep, &time, NULL);
	CALL(clock_getres, CLOCK_MONOTONIC, &time);
	CALL(clock_gettime, 77, &time);
	CALL(clock_settime, CLOCK_MONOTONIC, &time);
}

static void processes(void)
{
	uint32_t word = 5;
	uid_t ids[3];
	struct rlimit limit;
	cpu_set_t cpus;
	char bytes[32];

	CALL(getuid);
	CALL(geteuid);
	CALL(getgid);
	CALL(getresuid, &ids[0], &ids[1], &ids[2]);
	CALL(getgroups, -1, NULL);
	CALL(setpgid, 1, 1);
	CALL(setuid, -1);
	CALL(prctl, PR_SET_NAME, "variety two");
	CALL(prctl, PR_GET_DUMPABLE);
	CALL(prlimit64, 0, RLIMIT_NOFILE, NULL, &limit);
	CALL(prlimit64, 0, 777, NULL, &limit);
	CALL(getpriority, PRIO_PROCESS, 0);
	CALL(sched_getaffinity, 0, 1, &cpus);
	CALL(sched_getscheduler, 0);
	CALL(sched_get_priority_max, SCHED_FIFO);
	CALL(sched_yield);
	CALL(futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	CALL(futex, &word, FUTEX_WAIT, 4, &no_time, NULL, 0);
	CALL(wait4, -1, NULL, WNOHANG, NULL);
	CALL(waitid, P_PID, 1, NULL, WEXITED | WNOHANG, NULL);
	CALL(getrandom, bytes, 16, GRND_NONBLOCK | 0x80);
	CALL(getcwd, bytes, 1);
	CALL(execve, "./no such \"program\"\n", NULL, NULL);
	CALL(mount, "none", "./absent", "tmpfs", MS_RDONLY | MS_NOSUID, NULL);
	CALL(personality, 0xffffffff);
	CALL(capget, NULL, NULL);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	CALL(close_range, 3, ~0U, 0);
	CALL(getppid);
	CALL(getppid);
	files();
	names();
	pipes();
	sockets();
	waiting();
	memory();
	signals();
	processes();
	CALL(getppid);
	CALL(getppid);
	return 0;
}
