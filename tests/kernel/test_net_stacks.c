// SPDX-License-Identifier: BSD-2-Clause
/* Where in the code something was said to the network: the call that said it, or for what an interrupt
 * does the kernel's half alone, whoever was interrupted. Workloads run in two network namespaces with a
 * cable between them, so that the receiving end works in interrupts of the sender. */
#include <arpa/inet.h>
#include <bpf/libbpf.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "capture/net_tracer.h"
#include "core/clock.h"
#include "net_lab.h"
#include "net_peers.h"
#include "net_seen.h"

TestSuite(net_stacks, .timeout = 120);

#define NEEDS_LOOPS()                                                                        \
	do {                                                                                 \
		SETUP();                                                                     \
		if (libbpf_probe_bpf_helper(BPF_PROG_TYPE_KPROBE, BPF_FUNC_loop, NULL) != 1) \
			cr_skip_test("needs a kernel with bpf_loop()");                      \
	} while (0)

#define PORT	    27131
#define CONNECTIONS 31
#define SESSIONS    13
#define DATAGRAMS   43
#define VAIN	    5

static const uint16_t port = PORT;

static struct eo_tracer *begin(uint32_t events, const uint32_t *pids, size_t count)
{
	const struct eo_net_tracer_options options = {
		.tracer = {.stack = true, .target = {.pids = pids, .pid_count = count}},
		.events = events,
		.ports = &port,
		.port_count = 1,
	};

	return seen_begin(&options);
}

/* --- stacks ------------------------------------------------------------------------------- */

struct halves {
	size_t kernel, user; /* frames */
	bool has_kernel, has_user; /* the functions that were asked for */
};

static struct halves look(const struct eo_event *event, const char *kernel, const char *user)
{
	const struct eo_attr *stack = eo_event_data(event, "stack");
	struct halves ret = {0};

	if (!stack)
		return ret;
	for (size_t i = 1; i <= stack->count; i += 1 + stack[i].count) {
		const struct eo_attr *kind = eo_attr_member(&stack[i], "kind");
		const struct eo_attr *function = eo_attr_member(&stack[i], "function");
		bool is_kernel = kind && !strcmp(kind->str, "kernel");

		ret.kernel += is_kernel;
		ret.user += !is_kernel;
		if (!function)
			continue;
		ret.has_kernel |= is_kernel && kernel && !strcmp(function->str, kernel);
		ret.has_user |= !is_kernel && user && !strcmp(function->str, user);
	}
	return ret;
}

/* Both halves, with these functions. */
static void check_call(const struct eo_event *event, const char *kernel, const char *user)
{
	struct halves halves = look(event, kernel, user);

	cr_assert(halves.kernel && (!kernel || halves.has_kernel), "%s: %zu frames, none is %s",
		  eo_event_type_name(event->type), halves.kernel, kernel);
	cr_assert(halves.has_user, "%s: %zu frames of the user half, none is %s",
		  eo_event_type_name(event->type), halves.user, user);
}

static void check_interrupt(const struct eo_event *event, const char *kernel)
{
	struct halves halves = look(event, kernel, NULL);

	cr_assert(halves.kernel && (!kernel || halves.has_kernel), "%s: %zu frames, none is %s",
		  eo_event_type_name(event->type), halves.kernel, kernel);
	cr_assert_eq(halves.user, 0, "%s: somebody's user half", eo_event_type_name(event->type));
}

/* --- workloads ---------------------------------------------------------------------------- */

#define OWN __attribute__((noinline))

/* The work goes on behind the call, which so is none at the end. */
#define AFTER() asm volatile("" ::: "memory")

static OWN int mill_connects(void)
{
	int fd = peer_connect(LAB_SERVER_IPV4, PORT, 0);

	AFTER();
	return fd;
}

/* An end without farewell, in the call itself. */
static OWN int mill_resets(int fd)
{
	const struct linger at_once = {.l_onoff = 1};
	int r = setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));

	r |= close(fd);
	AFTER();
	return r;
}

static OWN int barn_accepts(int listener)
{
	int fd = accept(listener, NULL, NULL);

	AFTER();
	return fd;
}

static OWN ssize_t mill_sends(int fd)
{
	ssize_t n = send(fd, "flour", 5, 0);

	AFTER();
	return n;
}

static OWN ssize_t barn_receives(int fd)
{
	struct sockaddr_in from;
	socklen_t size = sizeof(from);
	char bytes[64];
	ssize_t n = recvfrom(fd, bytes, sizeof(bytes), 0, (void *)&from, &size);

	AFTER();
	return n;
}

/* They wait here for each word of the test, and use no socket meanwhile. */
struct words {
	int ends[2];
};

static bool hear(const struct words *words)
{
	char word;

	return read(words->ends[0], &word, 1) == 1;
}

static void say(const struct words *words)
{
	cr_assert_eq(write(words->ends[1], "x", 1), 1);
}

static bool report_done(int report)
{
	return write(report, "x", 1) == 1;
}

static void wait_done(const struct lab_process *process)
{
	char done;

	lab_read(process, &done, 1);
}

#define ROUNDS 2

static int mill(void *arg, int report)
{
	int fds[CONNECTIONS];

	for (int round = 0; round < ROUNDS; round++) {
		if (!report_done(report) || !hear(arg))
			return 1;
		for (int i = 0; i < CONNECTIONS; i++) {
			fds[i] = mill_connects();
			if (fds[i] < 0)
				return 2;
		}
		if (!report_done(report) || !hear(arg))
			return 3;
		for (int i = 0; i < CONNECTIONS; i++)
			if (mill_resets(fds[i]))
				return 4;
	}
	return report_done(report) && hear(arg) ? 0 : 5;
}

static int barn(void *arg, int report)
{
	int listener = peer_listen(LAB_SERVER_IPV4, PORT);

	for (int round = 0; round < ROUNDS; round++) {
		if (listener < 0 || !report_done(report) || !hear(arg))
			return 1;
		for (int i = 0; i < CONNECTIONS; i++)
			if (barn_accepts(listener) < 0)
				return 2;
	}
	return report_done(report) && hear(arg) ? 0 : 3;
}

static void open_words(struct words *words)
{
	cr_assert_eq(pipe2(words->ends, O_CLOEXEC), 0);
}

static void close_words(const struct words *words)
{
	close(words->ends[0]);
	close(words->ends[1]);
}

/* --- tests -------------------------------------------------------------------------------- */

/* Those from @since_ns on. */
static size_t count_since(const struct eo_event_list *list, uint64_t since_ns, enum eo_event_type type,
			  uint32_t pid, const char *kernel, const char *user)
{
	size_t count = 0;

	for (size_t i = 0; i < eo_event_list_count(list); i++) {
		const struct eo_event *event = eo_event_list_get(list, i);

		if (event->type != type || event->pid != pid || event->ktime_ns < since_ns)
			continue;
		count++;
		if (user)
			check_call(event, kernel, user);
		else
			check_interrupt(event, kernel);
	}
	return count;
}

static size_t count_and_check(const struct eo_event_list *list, enum eo_event_type type, uint32_t pid,
			      const char *kernel, const char *user)
{
	return count_since(list, 0, type, pid, kernel, user);
}

/* What they do is the same; who is looked for is not. Tables of a target are there before the first
 * stack, those of others come with it. */
static void connections(bool with_target)
{
	uint64_t since_ns = 0;
	size_t count = with_target ? ROUNDS * CONNECTIONS : CONNECTIONS;
	struct words to_mill, to_barn;
	struct lab_process client, server;
	struct eo_trace_stats stats;
	struct eo_event_list *list;
	struct eo_tracer *tracer;
	struct lab lab;
	uint32_t pids[2];

	lab_open(&lab);
	open_words(&to_mill);
	open_words(&to_barn);
	server = lab_start(&lab, LAB_SERVER, barn, &to_barn);
	wait_done(&server);
	client = lab_start(&lab, LAB_CLIENT, mill, &to_mill);
	wait_done(&client);
	pids[0] = (uint32_t)client.pid;
	pids[1] = (uint32_t)server.pid;
	tracer = begin(EO_NET_CONNECTION, pids, with_target ? 2 : 0);
	for (uint64_t round = 1; round <= ROUNDS; round++) {
		if (!with_target)
			since_ns = eo_clock_monotonic_ns();
		say(&to_barn);
		say(&to_mill);
		wait_done(&client);
		wait_done(&server);
		say(&to_mill);
		wait_done(&client);
		seen_settle(tracer, round * 4 * CONNECTIONS);
	}
	say(&to_mill);
	say(&to_barn);
	lab_join(&client);
	lab_join(&server);
	list = seen_end(tracer, &stats);
	lab_close(&lab);
	cr_assert_eq(count_since(list, since_ns, EO_EVENT_TCP_CONNECT, pids[0], "tcp_v4_connect",
				 "mill_connects"), count);
	cr_assert_eq(count_since(list, since_ns, EO_EVENT_TCP_ACCEPT, pids[1], NULL, "barn_accepts"), count);
	cr_assert_eq(count_since(list, since_ns, EO_EVENT_TCP_CLOSE, pids[0], "tcp_close", "mill_resets"),
		     count);
	/* In the midst of the client's close(), but it is not the client who closes. */
	cr_assert_eq(count_since(list, since_ns, EO_EVENT_TCP_CLOSE, pids[1], "tcp_v4_rcv", NULL), count);
	eo_event_list_free(list);
	eo_tracer_free(tracer);
}

Test(net_stacks, calls_have_both_halves_and_interrupts_no_strangers)
{
	NEEDS_LOOPS();
	connections(true);
}

Test(net_stacks, so_they_have_when_anybody_may_be_the_owner)
{
	NEEDS_LOOPS();
	connections(false);
}

/* Connections that nobody answers: the call is long over when packets go out again, and when it is
 * known what becomes of it. */
static int mill_in_vain(void *arg, int report)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	int fds[VAIN], once = 1, error;

	inet_pton(AF_INET, LAB_SERVER_IPV4, &at.sin_addr);
	if (!report_done(report) || !hear(arg))
		return 1;
	for (int i = 0; i < VAIN; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		setsockopt(fds[i], IPPROTO_TCP, TCP_SYNCNT, &once, sizeof(once));
		if (connect(fds[i], (void *)&at, sizeof(at)) == 0 || errno != EINPROGRESS)
			return 2;
		AFTER();
	}
	for (int i = 0; i < VAIN; i++) {
		socklen_t size = sizeof(error);

		do {
			usleep(20000);
			error = 0;
			getsockopt(fds[i], SOL_SOCKET, SO_ERROR, &error, &size);
		} while (!error);
		if (error != ETIMEDOUT)
			return 3;
	}
	return 0;
}

/* Returns how many segments went out again that nobody told: no program ran when the timer did. */
static uint64_t miss_in_vain(const struct lab *lab)
{
	uint64_t before = lab_counter(lab, LAB_CLIENT, "Tcp", "RetransSegs"), resent, told;
	struct eo_trace_stats stats;
	struct lab_process client;
	struct eo_event_list *list;
	struct eo_tracer *tracer;
	struct words words;
	uint32_t pid;

	open_words(&words);
	client = lab_start(lab, LAB_CLIENT, mill_in_vain, &words);
	pid = (uint32_t)client.pid;
	wait_done(&client);
	tracer = begin(EO_NET_CONNECTION | EO_NET_TCP_RETRANSMIT, &pid, 1);
	say(&words);
	lab_join(&client);
	list = seen_end(tracer, &stats);
	resent = lab_counter(lab, LAB_CLIENT, "Tcp", "RetransSegs") - before;
	told = count_and_check(list, EO_EVENT_TCP_RETRANSMIT, pid, "tcp_retransmit_timer", NULL);
	cr_assert_geq(resent, VAIN);
	cr_assert_leq(told, resent);
	cr_assert_eq(count_and_check(list, EO_EVENT_TCP_CONNECT, pid, "tcp_v4_connect", "mill_in_vain"), VAIN);
	eo_event_list_free(list);
	eo_tracer_free(tracer);
	close_words(&words);
	return resent - told;
}

/* Why that may take more than one round says retransmits_are_those_that_the_kernel_counts(). */
Test(net_stacks, what_a_timer_tells_is_of_nobody_and_its_result_of_who_began)
{
	uint64_t missed = 1;
	struct lab lab;

	NEEDS_LOOPS();
	lab_open(&lab);
	lab_shell(&lab, LAB_SERVER,
		  "nft 'add table inet t; add chain inet t in { type filter hook input priority 0; };"
		  " add rule inet t in tcp dport 27131 drop'");
	for (int round = 0; round < 4 && missed; round++)
		missed = miss_in_vain(&lab);
	lab_close(&lab);
	cr_assert_eq(missed, 0, "%lu segments that went out again were not told", missed);
}

/* --- datagrams ---------------------------------------------------------------------------- */

static int udp_socket(bool connected)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	inet_pton(AF_INET, LAB_SERVER_IPV4, &at.sin_addr);
	return (connected ? connect : bind)(fd, (void *)&at, sizeof(at)) == 0 ? fd : -1;
}

/* The first ones find the way to the other side. Then there are DATAGRAMS of one socket, and one more of
 * each of the others. */
static int udp_mill(void *arg, int report)
{
	int fds[SESSIONS];

	for (int i = 0; i < SESSIONS; i++) {
		fds[i] = udp_socket(true);
		if (fds[i] < 0)
			return 1;
	}
	if (mill_sends(fds[0]) != 5 || !report_done(report) || !hear(arg))
		return 2;
	for (int i = 0; i < DATAGRAMS + SESSIONS - 1; i++)
		if (mill_sends(fds[i < DATAGRAMS ? 0 : i - DATAGRAMS + 1]) != 5)
			return 3;
	return report_done(report) && hear(arg) ? 0 : 4;
}

static int udp_barn(void *arg, int report)
{
	int fd = udp_socket(false);

	if (!report_done(report) || barn_receives(fd) != 5 || !report_done(report) || !hear(arg))
		return 1;
	for (int i = 0; i < DATAGRAMS + SESSIONS - 1; i++)
		if (barn_receives(fd) != 5)
			return 2;
	return report_done(report) && hear(arg) ? 0 : 3;
}

Test(net_stacks, datagrams_have_that_of_who_sends_and_of_who_begins_a_session)
{
	size_t sent = 0, arrived = 0, begun[2] = {0};
	struct lab_process client, server;
	struct words to_mill, to_barn;
	struct eo_trace_stats stats;
	struct eo_event_list *list;
	struct eo_tracer *tracer;
	struct lab lab;
	uint32_t pids[2];

	NEEDS_LOOPS();
	lab_open(&lab);
	open_words(&to_mill);
	open_words(&to_barn);
	server = lab_start(&lab, LAB_SERVER, udp_barn, &to_barn);
	wait_done(&server);
	client = lab_start(&lab, LAB_CLIENT, udp_mill, &to_mill);
	wait_done(&client);
	wait_done(&server);
	pids[0] = (uint32_t)client.pid;
	pids[1] = (uint32_t)server.pid;
	tracer = begin(EO_NET_UDP_SESSION | EO_NET_PACKET, pids, 2);
	say(&to_barn);
	say(&to_mill);
	wait_done(&client);
	wait_done(&server);
	say(&to_mill);
	say(&to_barn);
	lab_join(&client);
	lab_join(&server);
	list = seen_end(tracer, &stats);
	lab_close(&lab);
	for (size_t i = 0; i < eo_event_list_count(list); i++) {
		const struct eo_event *event = eo_event_list_get(list, i);
		bool is_client = event->pid == pids[0];

		if (event->type == EO_EVENT_UDP_SESSION) {
			check_call(event, NULL, is_client ? "mill_sends" : "barn_receives");
			begun[!is_client]++;
		} else if (!strcmp(seen_text(event, "direction"), "tx")) {
			cr_assert(is_client);
			check_call(event, "udp_sendmsg", "mill_sends");
			sent++;
		} else {
			check_interrupt(event, NULL);
			arrived++;
		}
	}
	cr_assert_eq(begun[0], SESSIONS);
	cr_assert_eq(begun[1], SESSIONS);
	/* Whose the first one of a session is is known once it is sent. */
	cr_assert_eq(sent, DATAGRAMS - 1);
	cr_assert_leq(arrived, DATAGRAMS + SESSIONS - 1);
	eo_event_list_free(list);
	eo_tracer_free(tracer);
}
