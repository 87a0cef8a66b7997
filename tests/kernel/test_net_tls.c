// SPDX-License-Identifier: BSD-2-Clause
/* What the network tracer reads of TLS: requests of programs that use OpenSSL, each in its own way. */
#include <criterion/criterion.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "capture/net_tracer.h"
#include "net_lab.h"
#include "net_seen.h"
#include "net_web.h"

TestSuite(net_tls, .timeout = 120);

#define TLS_PORT 27443
#define SERVER	 LAB_SERVER_IPV4 ":27443"

static const uint16_t tls_port = TLS_PORT;

static struct eo_tracer *begin(uint32_t events, const uint32_t *pids, size_t pid_count)
{
	const struct eo_net_tracer_options options = {
		.tracer.target = {.pids = pids, .pid_count = pid_count},
		.events = events,
		.ports = &tls_port,
		.port_count = 1,
	};

	struct eo_tracer *tracer = seen_begin(&options);
	const struct eo_trace_hook *hooks;
	size_t count = eo_tracer_hooks(tracer, &hooks);

	for (size_t i = 0; i < count; i++)
		if (!strcmp(hooks[i].key, "tls") && !strcmp(hooks[i].value, "none"))
			cr_skip_test("this kernel gives probes no cookies");
	return tracer;
}

/* The header fields of a request that are nobody's business. */
#define SECRETS " -H 'Authorization: Bearer abc' -H 'Cookie: a=b' -H 'Host: lab' "

/* One connection each. */
#define CURL(version, prefix, count)                                            \
	"curl -sk " version SECRETS "-H 'traceparent: " WEB_TRACEPARENT "' "    \
	"'https://" SERVER "/" prefix "/[1-" #count "]?secret=x' >/dev/null"

/* Python with blocking sockets. */
#define PYTHON_ASKS(count)                                                               \
	"import http.client, ssl\n"                                                      \
	"c = http.client.HTTPSConnection(\"" LAB_SERVER_IPV4 "\", 27443,"                \
	"                                context=ssl._create_unverified_context())\n"    \
	"for i in range(" #count "):\n"                                                  \
	"    c.request(\"GET\", \"/python/%d?secret=x\" % (i + 1), headers={"            \
	"\"Host\": \"lab\", \"Cookie\": \"a=b\"})\n"                                     \
	"    assert c.getresponse().read() == b\"hello from here\\n\"\n"

/* Python with an event loop: OpenSSL works on memory, and somebody else on the socket. */
#define PYTHON_LOOP_ASKS                                                                   \
	"import asyncio, ssl\n"                                                            \
	"async def one(first):\n"                                                          \
	"    r, w = await asyncio.open_connection(\"" LAB_SERVER_IPV4 "\", 27443,"         \
	"                                         ssl=ssl._create_unverified_context())\n" \
	"    for i in range(first, 64, 7):\n"                                              \
	"        w.write(b\"GET /loop/%d?x=1 HTTP/1.1\\r\\nHost: lab\\r\\n\\r\\n\" % i)\n" \
	"        await w.drain()\n"                                                        \
	"        await r.readuntil(b\"\\r\\n\\r\\n\")\n"                                   \
	"        assert await r.readexactly(16) == b\"hello from here\\n\"\n"              \
	"    w.close()\n"                                                                  \
	"async def main():\n"                                                              \
	"    await asyncio.gather(*[one(i) for i in range(1, 8)])\n"                       \
	"asyncio.run(main())\n"

static size_t traceparents(const struct eo_event_list *list)
{
	size_t sum = 0;

	for (size_t i = 0; i < eo_event_list_count(list); i++)
		sum += !strcmp(seen_text(eo_event_list_get(list, i), "traceparent"),
			       WEB_TRACEPARENT);
	return sum;
}

Test(net_tls, https_requests_are_told_by_both_sides)
{
	struct eo_event_list *list;
	struct eo_trace_stats stats;
	struct eo_tracer *tracer;
	struct web web;
	struct lab lab;

	SETUP();
	NEEDS("command -v nginx && command -v openssl && command -v curl && command -v python3");
	lab_open(&lab);
	web_open(&web, &lab, SERVER " ssl reuseport", TLS_PORT);
	tracer = begin(EO_NET_HTTP | EO_NET_TCP_CLOSE, NULL, 0);
	web_ask(tracer, &lab, CURL("", "curl", 211));
	web_ask(tracer, &lab, "python3 -c '" PYTHON_ASKS(53) "'");
	web_ask(tracer, &lab, "python3 -c '" PYTHON_LOOP_ASKS "'");
	list = web_end(&web, &lab, tracer, &stats);
	web_check(list, "client", "curl", "curl", 211, "https", "1.1");
	web_check(list, "server", "nginx", "curl", 211, "https", "1.1");
	web_check(list, "client", "python3", "python", 53, "https", "1.1");
	web_check(list, "server", "nginx", "python", 53, "https", "1.1");
	web_check(list, "client", "python3", "loop", 63, "https", "1.1");
	web_check(list, "server", "nginx", "loop", 63, "https", "1.1");
	cr_assert_eq(seen_count(list, EO_EVENT_HTTP_REQUEST), 2 * (211 + 53 + 63));
	cr_assert_eq(traceparents(list), 2 * 211);
	/* The connections' bytes are still those of the wire: what one sent the other received, and
	 * it is more than heads and bodies. */
	cr_assert_eq(seen_count(list, EO_EVENT_TCP_CLOSE), 2 * 9);
	cr_assert_eq(seen_sum(list, EO_EVENT_TCP_CLOSE, "client", "tx_bytes"),
		     seen_sum(list, EO_EVENT_TCP_CLOSE, "server", "rx_bytes"));
	cr_assert_eq(seen_sum(list, EO_EVENT_TCP_CLOSE, "client", "rx_bytes"),
		     seen_sum(list, EO_EVENT_TCP_CLOSE, "server", "tx_bytes"));
	cr_assert_gt(seen_sum(list, EO_EVENT_TCP_CLOSE, "client", "rx_bytes"),
		     327 * strlen("HTTP/1.1 200 OK") + 9 * 1000);
	cr_assert_eq(seen_degraded(&stats, "tls_unbound"), 0);
	cr_assert_eq(seen_degraded(&stats, "http_unpaired"), 0);
	eo_event_list_free(list);
	eo_tracer_free(tracer);
}

/* What is told of the @count requests that @command makes by HTTP/2: two events each. */
static struct eo_event_list *ask_by_http2(const char *command, size_t count, struct eo_trace_stats *stats)
{
	struct eo_event_list *list;
	struct eo_tracer *tracer;
	struct web web;
	struct lab lab;

	lab_open(&lab);
	web_open(&web, &lab, SERVER " ssl http2", TLS_PORT);
	tracer = begin(EO_NET_HTTP, NULL, 0);
	web_ask(tracer, &lab, command);
	list = web_end(&web, &lab, tracer, stats);
	cr_assert_eq(eo_event_list_count(list), 2 * count);
	eo_tracer_free(tracer);
	return list;
}

/* Their ends lie beyond what is captured of a call. */
Test(net_tls, long_responses_of_http2_are_told_too)
{
	struct eo_event_list *list;
	struct eo_trace_stats stats;

	SETUP();
	NEEDS("command -v nginx && command -v openssl && command -v curl");
	list = ask_by_http2(CURL("--http2 ", "long", 101), 101, &stats);
	cr_assert_eq(seen_sum(list, EO_EVENT_HTTP_REQUEST, "client", "status"), 101 * 200);
	cr_assert_eq(seen_sum(list, EO_EVENT_HTTP_REQUEST, "server", "status"), 101 * 200);
	cr_assert_eq(seen_degraded(&stats, "http_unpaired"), 0);
	eo_event_list_free(list);
}

Test(net_tls, http2_inside_of_tls_is_read_too)
{
	struct eo_event_list *list;
	struct eo_trace_stats stats;

	SETUP();
	NEEDS("command -v nginx && command -v openssl && command -v curl");
	list = ask_by_http2(CURL("--http2 ", "two", 101), 101, &stats);
	web_check(list, "client", "curl", "two", 101, "https", "2");
	web_check(list, "server", "nginx", "two", 101, "https", "2");
	eo_event_list_free(list);
}

/* node has OpenSSL in itself, or in a library of its own, and works on memory. */
#define NODE_SERVES                                                                               \
	"node -e 'const fs = require(\"fs\"); require(\"https\").createServer("                   \
	"{key: fs.readFileSync(\"key.pem\"), cert: fs.readFileSync(\"cert.pem\")},"               \
	"(q, r) => r.end(\"hello from here\\n\")).listen(27443, \"" LAB_SERVER_IPV4 "\")'"
#define NODE_ASKS                                                                                 \
	"node -e 'const https = require(\"https\"); const agent = new https.Agent("               \
	"{keepAlive: true, maxSockets: 3, rejectUnauthorized: false}); let left = 97;"            \
	"for (let i = 1; i <= 97; i++) https.get({host: \"" LAB_SERVER_IPV4 "\", port: 27443,"     \
	"path: \"/node/\" + i + \"?x=1\", headers: {host: \"lab\", cookie: \"a=b\"}, agent},"     \
	"(r) => { r.resume(); r.on(\"end\", () => { if (!--left) agent.destroy(); }); })'"

Test(net_tls, programs_that_have_it_in_themselves_are_found)
{
	struct eo_event_list *list;
	struct eo_trace_stats stats;
	struct eo_tracer *tracer;
	struct web web;
	struct lab lab;

	SETUP();
	NEEDS("command -v node && command -v openssl && command -v curl");
	lab_open(&lab);
	web_open_command(&web, &lab, NODE_SERVES, TLS_PORT);
	tracer = begin(EO_NET_HTTP, NULL, 0);
	web_ask(tracer, &lab, NODE_ASKS);
	web_ask(tracer, &lab, CURL("", "curl", 43));
	list = web_end(&web, &lab, tracer, &stats);
	web_check(list, "client", "node", "node", 97, "https", "1.1");
	web_check(list, "server", "node", "node", 97, "https", "1.1");
	web_check(list, "client", "curl", "curl", 43, "https", "1.1");
	web_check(list, "server", "node", "curl", 43, "https", "1.1");
	cr_assert_eq(eo_event_list_count(list), 2 * (97 + 43));
	cr_assert_eq(seen_degraded(&stats, "tls_unbound"), 0);
	eo_event_list_free(list);
	eo_tracer_free(tracer);
}

/* A target that loads its TLS while it is traced, when it is told to, and uses it when it is told to;
 * the server is none. */
static int load_later(void *arg, int report)
{
	if (dup2(report, 30) < 0 || dup2(*(int *)arg, 31) < 0)
		return 1;
	execlp("python3", "python3", "-c",
	       "import os\n"
	       "os.write(30, b'x')\n"
	       "os.read(31, 1)\n"
	       "import ssl\n"
	       "os.read(31, 1)\n" PYTHON_ASKS(31), NULL);
	return 1;
}

static uint64_t probed_late(struct eo_tracer *tracer)
{
	struct eo_trace_stats stats = eo_tracer_stats(tracer);

	return seen_degraded(&stats, "processes_late");
}

Test(net_tls, a_target_may_load_it_later)
{
	struct lab_process client;
	struct eo_event_list *list;
	struct eo_trace_stats stats;
	struct eo_tracer *tracer;
	struct web web;
	struct lab lab;
	uint32_t pid;
	int go[2];

	SETUP();
	NEEDS("command -v nginx && command -v openssl && command -v python3");
	lab_open(&lab);
	web_open(&web, &lab, SERVER " ssl", TLS_PORT);
	cr_assert_eq(pipe(go), 0);
	client = lab_serve(&lab, LAB_CLIENT, load_later, &go[0]);
	pid = (uint32_t)client.pid;
	tracer = begin(EO_NET_HTTP, &pid, 1);
	cr_assert_eq(write(go[1], "x", 1), 1);
	for (int i = 0; i < 2000 && !probed_late(tracer); i++) {
		cr_assert_eq(eo_tracer_pump(tracer, NULL), 0);
		usleep(10000);
	}
	cr_assert_eq(write(go[1], "x", 1), 1);
	seen_join(tracer, &client, "the client");
	list = web_end(&web, &lab, tracer, &stats);
	web_check(list, "client", "python3", "python", 31, "https", "1.1");
	cr_assert_eq(eo_event_list_count(list), 31);
	cr_assert_eq(seen_degraded(&stats, "processes_late"), 1);
	eo_event_list_free(list);
	eo_tracer_free(tracer);
}

/* As load_later(), with all of its TLS in place before it is traced. */
static int loaded_before(void *arg, int report)
{
	if (dup2(report, 30) < 0 || dup2(*(int *)arg, 31) < 0)
		return 1;
	execlp("python3", "python3", "-c",
	       "import os, http.client, ssl\n"
	       "os.write(30, b'x')\n"
	       "os.read(31, 1)\n" PYTHON_ASKS(37), NULL);
	return 1;
}

static int wait_for_ever(void *arg, int report)
{
	(void)arg;
	(void)report;
	while (pause() < 0)
		;
	return 0;
}

/* A process that is there when the targets are looked for, and has gone when its mappings are: what
 * lies over its folder has none. */
static void hide(const struct lab_process *process, char folder[32])
{
	snprintf(folder, 32, "/proc/%d", (int)process->pid);
	cr_assert_eq(unshare(CLONE_NEWNS), 0);
	cr_assert_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	cr_assert_eq(mount("none", folder, "tmpfs", 0, NULL), 0);
}

Test(net_tls, a_target_that_goes_while_we_begin_hides_no_other_one)
{
	struct lab_process client, gone;
	struct eo_event_list *list;
	struct eo_trace_stats stats;
	struct eo_tracer *tracer;
	char folder[32];
	uint32_t pids[2];
	struct web web;
	struct lab lab;
	int go[2];

	SETUP();
	NEEDS("command -v nginx && command -v openssl && command -v python3");
	lab_open(&lab);
	web_open(&web, &lab, SERVER " ssl", TLS_PORT);
	cr_assert_eq(pipe(go), 0);
	client = lab_serve(&lab, LAB_CLIENT, loaded_before, &go[0]);
	gone = lab_start(&lab, LAB_CLIENT, wait_for_ever, NULL);
	hide(&gone, folder);
	pids[0] = (uint32_t)gone.pid;
	pids[1] = (uint32_t)client.pid;
	tracer = begin(EO_NET_HTTP, pids, 2);
	cr_assert_eq(umount(folder), 0);
	cr_assert_eq(write(go[1], "x", 1), 1);
	seen_join(tracer, &client, "the client");
	lab_kill(&gone);
	list = web_end(&web, &lab, tracer, &stats);
	web_check(list, "client", "python3", "python", 37, "https", "1.1");
	cr_assert_eq(eo_event_list_count(list), 37);
	cr_assert_eq(seen_degraded(&stats, "processes_late"), 0);
	eo_event_list_free(list);
	eo_tracer_free(tracer);
}

/* Both ends in one process, and no socket anywhere. */
#define IN_MEMORY                                                                  \
	"import ssl\n"                                                             \
	"B = ssl.MemoryBIO\n"                                                      \
	"up, down = B(), B()\n"                                                    \
	"context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n"                      \
	"context.load_cert_chain(\"cert.pem\", \"key.pem\")\n"                     \
	"server = context.wrap_bio(up, down, server_side=True)\n"                  \
	"client = ssl._create_unverified_context().wrap_bio(down, up)\n"           \
	"def shake(end):\n"                                                        \
	"    try:\n"                                                               \
	"        end.do_handshake()\n"                                             \
	"    except ssl.SSLWantReadError:\n"                                       \
	"        pass\n"                                                           \
	"for i in range(3):\n"                                                     \
	"    shake(client)\n"                                                      \
	"    shake(server)\n"                                                      \
	"for i in range(7):\n"                                                     \
	"    client.write(b\"GET / HTTP/1.1\\r\\nHost: lab\\r\\n\\r\\n\")\n"       \
	"    server.read()\n"                                                      \
	"    server.write(b\"HTTP/1.1 204 No Content\\r\\n\\r\\n\")\n"             \
	"    client.read()\n"

Test(net_tls, what_has_no_connection_is_counted_and_given_to_none)
{
	struct eo_event_list *list;
	struct eo_trace_stats stats;
	struct eo_tracer *tracer;
	char command[2048];
	struct web web;
	struct lab lab;

	SETUP();
	NEEDS("command -v nginx && command -v openssl && command -v python3");
	lab_open(&lab);
	web_open(&web, &lab, SERVER " ssl", TLS_PORT);
	tracer = begin(EO_NET_HTTP, NULL, 0);
	snprintf(command, sizeof(command), "cd %s && python3 -c '" IN_MEMORY "'", web.folder);
	web_ask(tracer, &lab, command);
	list = seen_end(tracer, &stats);
	web_close(&web);
	lab_close(&lab);
	seen_need_all_runs(&stats);
	cr_assert_eq(eo_event_list_count(list), 0);
	cr_assert_eq(seen_degraded(&stats, "tls_unbound"), 4 * 7);
	eo_event_list_free(list);
	eo_tracer_free(tracer);
}
