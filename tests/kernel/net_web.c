// SPDX-License-Identifier: BSD-2-Clause
#include "net_web.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "core/auto.h"
#include "net_seen.h"

static void make_folder(struct web *web)
{
	snprintf(web->folder, sizeof(web->folder), "/tmp/eo-web-XXXXXX");
	cr_assert_not_null(mkdtemp(web->folder));
}

static void make_key(const struct web *web)
{
	char command[256];

	snprintf(command, sizeof(command),
		 "cd %s && openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem "
		 "-days 2 -subj /CN=lab 2>/dev/null",
		 web->folder);
	cr_assert_eq(system(command), 0);
}

static void write_conf(const struct web *web, const char *listen)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "%s/nginx.conf", web->folder);
	file = fopen(path, "w");
	cr_assert_not_null(file);
	fprintf(file,
		"worker_processes 3; daemon off; pid pid; error_log log;\n"
		"events { worker_connections 512; }\n"
		"http { access_log off; keepalive_requests 100000; client_body_temp_path b;\n"
		"proxy_temp_path p; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;\n"
		"server { listen %s;\n"
		"%s\n"
		"location /none { return 404; }\n"
		"location /long { set $a \"" WEB_BODY WEB_BODY WEB_BODY WEB_BODY "\";\n"
		"set $b $a$a$a$a$a$a$a$a; set $c $b$b$b$b$b$b$b$b; return 200 $c$c$c$c$c; }\n"
		"location / { return 200 \"" WEB_BODY "\"; } } }\n",
		listen, strstr(listen, "ssl") ? "ssl_certificate cert.pem; ssl_certificate_key key.pem;" : "");
	fclose(file);
}

static void serve(struct web *web, const struct lab *lab, const char *command, uint16_t port)
{
	char text[2048];

	cr_assert_lt(snprintf(text, sizeof(text), "cd %s && exec %s", web->folder, command),
		     (int)sizeof(text));
	web->server = lab_start_shell(lab, LAB_SERVER, text);
	snprintf(text, sizeof(text),
		 "for i in $(seq 200); do ss -Hltn sport = %u | grep -q . && exit; "
		 "sleep 0.05; done; exit 1",
		 port);
	lab_shell(lab, LAB_SERVER, text);
}

void web_open(struct web *web, const struct lab *lab, const char *listen, uint16_t port)
{
	make_folder(web);
	if (strstr(listen, "ssl"))
		make_key(web);
	write_conf(web, listen);
	/* However the test ends, the workers do too. */
	serve(web, lab, "unshare --pid --fork --kill-child nginx -p . -c nginx.conf 2>/dev/null", port);
}

void web_open_command(struct web *web, const struct lab *lab, const char *command, uint16_t port)
{
	make_folder(web);
	if (strstr(command, "key.pem"))
		make_key(web);
	serve(web, lab, command, port);
}

void web_close(struct web *web)
{
	char command[64];

	kill(web->server.pid, SIGKILL);
	waitpid(web->server.pid, NULL, 0);
	close(web->server.report);
	snprintf(command, sizeof(command), "rm -r %s", web->folder);
	cr_assert_eq(system(command), 0);
}

void web_ask(struct eo_tracer *tracer, const struct lab *lab, const char *command)
{
	struct lab_process process = lab_start_shell(lab, LAB_CLIENT, command);

	seen_join(tracer, &process, command);
}

static void settle(struct eo_tracer *tracer)
{
	uint64_t before = 0;
	int quiet = 0;

	/* Many events, or all of them, are made only when the trace ends. */
	for (int i = 0; i < 500 && quiet < (before ? 25 : 50); i++) {
		uint64_t now;

		cr_assert_eq(eo_tracer_pump(tracer, NULL), 0);
		now = eo_tracer_stats(tracer).emitted;
		quiet = now == before ? quiet + 1 : 0;
		before = now;
		usleep(20000);
	}
}

struct eo_event_list *web_end(struct web *web, struct lab *lab, struct eo_tracer *tracer,
			      struct eo_trace_stats *ret)
{
	struct eo_event_list *list;

	settle(tracer);
	list = seen_end(tracer, ret);
	web_close(web);
	lab_close(lab);
	seen_need_all_runs(ret);
	return list;
}

/* Nothing else of a message may get out. */
static void check_keys(const struct eo_event *event)
{
	static const char *const told[] = {
		"conn",	   "role",	    "scheme",	      "method",	     "host",  "path",
		"version", "status",	    "request_bytes",  "response_bytes", "duration_ns", "local",
		"peer",	   "traceparent",   "tls",
	};

	for (size_t i = 0; i < event->data_count; i += 1 + event->data[i].count) {
		bool known = false;

		for (size_t k = 0; k < EO_ARRAY_SIZE(told); k++)
			known |= !strcmp(event->data[i].key, told[k]);
		cr_assert(known, "%s is told", event->data[i].key);
	}
}

static void check_request(const struct eo_event *event, const char *scheme, const char *version)
{
	cr_assert_str_eq(seen_text(event, "method"), "GET");
	cr_assert_eq(seen_number(event, "status"), 200);
	cr_assert_eq(seen_number(event, "response_bytes"), strlen(WEB_BODY));
	cr_assert_gt(seen_number(event, "duration_ns"), 0);
	cr_assert_str_eq(seen_text(event, "host"), "lab");
	cr_assert_str_eq(seen_text(event, "scheme"), scheme);
	cr_assert_str_eq(seen_text(event, "version"), version);
	cr_assert_eq(eo_event_data(event, "tls") != NULL, !strcmp(scheme, "https"));
	cr_assert_null(eo_event_data(event, "error"));
	check_keys(event);
}

void web_check(const struct eo_event_list *list, const char *role, const char *comm,
	       const char *prefix, int count, const char *scheme, const char *version)
{
	EO_AUTO_FREE bool *found = calloc((size_t)count + 1, sizeof(*found));
	size_t len = strlen(prefix);
	int sum = 0;

	for (size_t i = 0; i < eo_event_list_count(list); i++) {
		const struct eo_event *event = eo_event_list_get(list, i);
		const char *path = seen_text(event, "path");
		char *end;
		long number;

		if (event->type != EO_EVENT_HTTP_REQUEST || strcmp(seen_text(event, "role"), role) ||
		    strncmp(path + 1, prefix, len) || path[len + 1] != '/')
			continue;
		number = strtol(path + len + 2, &end, 10);
		cr_assert_eq(*end, '\0', "%s has more than a path", path);
		cr_assert(number >= 1 && number <= count && !found[number], "%s of a %s", path, role);
		found[number] = true;
		sum++;
		cr_assert_str_eq(event->comm, comm);
		check_request(event, scheme, version);
	}
	cr_assert_eq(sum, count, "%d requests of /%s by the %s, not %d", sum, prefix, role, count);
}
