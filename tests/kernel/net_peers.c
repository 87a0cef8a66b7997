// SPDX-License-Identifier: BSD-2-Clause
#include "net_peers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WORKERS	 3
#define CLOSE_FIRST 0x80000000u /* in the second size */

union any_address {
	struct sockaddr any;
	struct sockaddr_in ipv4;
	struct sockaddr_in6 ipv6;
};

static socklen_t fill(union any_address *ret, const char *address, uint16_t port)
{
	memset(ret, 0, sizeof(*ret));
	if (strchr(address, ':')) {
		ret->ipv6.sin6_family = AF_INET6;
		ret->ipv6.sin6_port = htons(port);
		inet_pton(AF_INET6, address, &ret->ipv6.sin6_addr);
		return sizeof(ret->ipv6);
	}
	ret->ipv4.sin_family = AF_INET;
	ret->ipv4.sin_port = htons(port);
	inet_pton(AF_INET, address, &ret->ipv4.sin_addr);
	return sizeof(ret->ipv4);
}

int peer_listen(const char *address, uint16_t port)
{
	union any_address at;
	socklen_t size = fill(&at, address, port);
	int fd = socket(at.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, &at.any, size) < 0 || listen(fd, 512) < 0)
		return -1;
	return fd;
}

int peer_connect(const char *address, uint16_t port, int retries)
{
	union any_address at;
	socklen_t size = fill(&at, address, port);
	int fd = socket(at.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0), code;

	if (retries)
		setsockopt(fd, IPPROTO_TCP, TCP_SYNCNT, &retries, sizeof(retries));
	if (fd >= 0 && connect(fd, &at.any, size) == 0)
		return fd;
	code = errno;
	close(fd);
	errno = code;
	return -1;
}

static bool receive_all(int fd, size_t size)
{
	char bytes[16384];

	while (size) {
		ssize_t n = recv(fd, bytes, size < sizeof(bytes) ? size : sizeof(bytes), 0);

		if (n <= 0)
			return false;
		size -= (size_t)n;
	}
	return true;
}

static bool send_all(int fd, size_t size)
{
	static const char bytes[16384];

	while (size) {
		ssize_t n = send(fd, bytes, size < sizeof(bytes) ? size : sizeof(bytes),
				 MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		size -= (size_t)n;
	}
	return true;
}

static void serve_one(int fd)
{
	uint32_t sizes[2];
	char end;

	if (recv(fd, sizes, sizeof(sizes), MSG_WAITALL) == sizeof(sizes) &&
	    receive_all(fd, sizes[0]) && send_all(fd, sizes[1] & ~CLOSE_FIRST) &&
	    !(sizes[1] & CLOSE_FIRST))
		while (recv(fd, &end, 1, 0) > 0)
			;
	close(fd);
}

static void *work(void *arg)
{
	int from = *(int *)arg, fd;

	while (read(from, &fd, sizeof(fd)) == sizeof(fd))
		serve_one(fd);
	return NULL;
}

int peer_serve(void *arg, int report)
{
	const struct peer_server_plan *plan = arg;
	struct peer_server_ready ready = {.acceptor = gettid()};
	int listener = peer_listen(plan->address, plan->port), fd, queue[2];
	pthread_t threads[WORKERS];

	if (listener < 0 || pipe(queue) < 0)
		return 1;
	signal(SIGCHLD, SIG_IGN);
	if (plan->kind == PEER_THREADS)
		for (int i = 0; i < WORKERS; i++)
			if (pthread_create(&threads[i], NULL, work, &queue[0]))
				return 1;
	if (write(report, &ready, sizeof(ready)) != sizeof(ready))
		return 1;
	while ((fd = accept(listener, NULL, NULL)) >= 0 || errno == EINTR) {
		if (plan->kind == PEER_THREADS) {
			if (write(queue[1], &fd, sizeof(fd)) != sizeof(fd))
				return 1;
		} else if (plan->kind == PEER_PLAIN) {
			serve_one(fd);
		} else if (fork() == 0) {
			close(listener);
			serve_one(fd);
			_exit(0);
		} else {
			close(fd);
		}
	}
	return 1;
}

static int exchange(const struct peer_exchange *plan, struct peer_done *done, int hold)
{
	int fd = peer_connect(plan->address, plan->port, 0);
	uint32_t sizes[2] = {plan->request, plan->response};
	union any_address at;
	socklen_t size = sizeof(at);
	char end;

	if (plan->server_first)
		sizes[1] |= CLOSE_FIRST;
	if (fd < 0)
		return errno;
	getsockname(fd, &at.any, &size);
	done->local_port = ntohs(at.any.sa_family == AF_INET6 ? at.ipv6.sin6_port :
								at.ipv4.sin_port);
	if (hold >= 0 && read(hold, &end, 1) != 1)
		return EIO;
	if (!send_all(fd, 0) || send(fd, sizes, sizeof(sizes), MSG_NOSIGNAL) != sizeof(sizes) ||
	    !send_all(fd, plan->request) || !receive_all(fd, plan->response))
		return errno ? errno : EPIPE;
	if (plan->server_first)
		while (recv(fd, &end, 1, 0) > 0)
			;
	close(fd);
	return 0;
}

int peer_exchange_all(void *arg, int report)
{
	const struct peer_client_plan *plan = arg;

	for (size_t i = plan->first; i < plan->count; i += plan->step) {
		struct peer_done done = {0};

		done.error = exchange(&plan->exchanges[i], &done, plan->hold);
		if (write(report, &done, sizeof(done)) != sizeof(done))
			return 1;
	}
	return 0;
}

int peer_echo_datagrams(void *arg, int report)
{
	const struct peer_echo_plan *plan = arg;
	union any_address at, from;
	socklen_t at_size = fill(&at, plan->family == AF_INET6 ? "::" : "0.0.0.0", plan->port);
	int fd = socket(plan->family, SOCK_DGRAM, 0);
	char bytes[2048];

	if (bind(fd, &at.any, at_size) < 0 || write(report, "x", 1) != 1)
		return 1;
	for (;;) {
		socklen_t size = sizeof(from);
		ssize_t n = recvfrom(fd, bytes, sizeof(bytes), 0, &from.any, &size);

		if (n < 0 || sendto(fd, bytes, (size_t)n, 0, &from.any, size) < 0)
			return 2;
	}
}
