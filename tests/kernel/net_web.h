/* SPDX-License-Identifier: BSD-2-Clause */
/* Web servers under test, programs that ask them, and what a tracer has to tell of both. */
#ifndef EO_TEST_NET_WEB_H
#define EO_TEST_NET_WEB_H

#include "capture/net_tracer.h"
#include "net_lab.h"

#define WEB_BODY	"hello from here\n"
#define WEB_TRACEPARENT "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

/* nginx with three workers, or another server, and a folder of its own, with key.pem and cert.pem
 * for one that speaks TLS. */
struct web {
	char folder[32];
	struct lab_process server;
};

/*
 * @listen: what follows the word in nginx's configuration: "10.99.7.2:80 reuseport", with ssl …
 * It answers every path with WEB_BODY, those below /long with 20 KB, those below /none with 404.
 * Returns when @port is open.
 */
void web_open(struct web *web, const struct lab *lab, const char *listen, uint16_t port);

/* The same with a server of one's own, run by the shell in the folder, which has to become it. One
 * that speaks TLS names key.pem. */
void web_open_command(struct web *web, const struct lab *lab, const char *command, uint16_t port);
void web_close(struct web *web);

/* Run a shell command on the client's side, and pump meanwhile. It has to succeed. */
void web_ask(struct eo_tracer *tracer, const struct lab *lab, const char *command);

/* Pump until no more events come, and end all of it. Returns the events; none may be lost. */
struct eo_event_list *web_end(struct web *web, struct lab *lab, struct eo_tracer *tracer,
			      struct eo_trace_stats *ret);

/*
 * Requests of the paths "/PREFIX/1" … "/PREFIX/COUNT": one event each by @role, of a process called
 * @comm, with method GET, status 200, the body's size, host "lab", no query, and no field but those
 * that are told. @scheme: "https" says tls, too.
 */
void web_check(const struct eo_event_list *list, const char *role, const char *comm,
	       const char *prefix, int count, const char *scheme, const char *version);

#endif
