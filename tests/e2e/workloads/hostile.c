/* SPDX-License-Identifier: BSD-2-Clause */
/* Gives itself, a thread and files names of bytes that no text should have, and makes calls under
 * each: a getppid of the process, one of the thread, and an openat of a name that is not there. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

static const char *const names[] = {
	"new\nline", "\"quo'te\\", "\xff\xfe\x80\xc3", "\x1b[31mred\x1b[0m", "\x1b]0;title\a", "\x9b""31mc1",
	"\xc2\x9b""31m", "\x7f\b\b\r\t\v\f", "\xed\xa0\x80\xf4\x90\x80\x80", "\xc0\xaf\xe0\x80\xaf", "cut short here\xe2\x82\xac",
	"\xe2\x80\xae" "rtl", "%s%n{}", "</hosts>", "\x01\x02\x03\x1f", " ",
};

static void *under_a_name(void *name)
{
	prctl(PR_SET_NAME, name);
	syscall(SYS_getppid);
	return NULL;
}

static void as_address(const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strncpy(address.sun_path, name, sizeof(address.sun_path) - 1);
	syscall(SYS_connect, fd, &address, sizeof(address));
	memmove(address.sun_path + 1, name, strlen(name) + 1); /* a name outside the file system */
	address.sun_path[0] = '\0';
	syscall(SYS_connect, fd, &address, sizeof(address));
	close(fd);
}

int main(void)
{
	char *const words[] = {(char *)names[3], (char *)names[0], NULL};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		pthread_t thread;
		int fd;

		under_a_name((void *)names[i]);
		if (pthread_create(&thread, NULL, under_a_name, (void *)names[sizeof(names) / sizeof(names[0]) - 1 - i]))
			return 1;
		pthread_join(thread, NULL);
		syscall(SYS_openat, AT_FDCWD, names[i], O_RDONLY, 0);
		fd = (int)syscall(SYS_openat, AT_FDCWD, names[i], O_WRONLY | O_CREAT | O_EXCL, 0600);
		if (fd >= 0 && write(fd, names[i], strlen(names[i])) < 0)
			return 2;
		syscall(SYS_fsync, fd);
		close(fd);
		unlink(names[i]);
		as_address(names[i]);
		syscall(SYS_execve, names[i], words, NULL);
	}
	return 0;
}
