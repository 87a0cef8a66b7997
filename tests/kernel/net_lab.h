/* SPDX-License-Identifier: BSD-2-Clause */
/* Two network namespaces with a cable between them, and processes in them. Everything goes when
 * the test's process does, however it ends. */
#ifndef EO_TEST_NET_LAB_H
#define EO_TEST_NET_LAB_H

#include <stdint.h>
#include <sys/types.h>

#define LAB_CLIENT_IPV4 "10.99.7.1"
#define LAB_SERVER_IPV4 "10.99.7.2"
#define LAB_CLIENT_IPV6 "fd99:7::1"
#define LAB_SERVER_IPV6 "fd99:7::2"

enum lab_side {
	LAB_CLIENT,
	LAB_SERVER,
	LAB_SIDES,
};

struct lab {
	pid_t keeper[LAB_SIDES]; /* a process that does nothing but live there */
};

/* What a process does; its return is the exit status. @report: where to write to the test. */
typedef int (*lab_work_fn)(void *arg, int report);

struct lab_process {
	pid_t pid;
	int report; /* reads what it writes */
};

void lab_open(struct lab *lab);
void lab_close(struct lab *lab);

/* Run a shell command in a namespace; it has to succeed. */
void lab_shell(const struct lab *lab, enum lab_side side, const char *command);

/* @lab: NULL: in the test's own namespace. The process is killed when the test goes. */
struct lab_process lab_start(const struct lab *lab, enum lab_side side, lab_work_fn work,
			     void *arg);
/* The same, and wait for a byte of its report, which says that it is ready. */
struct lab_process lab_serve(const struct lab *lab, enum lab_side side, lab_work_fn work,
			     void *arg);
/* The process becomes a shell that runs the command. */
struct lab_process lab_start_shell(const struct lab *lab, enum lab_side side, const char *command);
/* Wait for its end, which has to be a return of 0. */
void lab_join(struct lab_process *process);
void lab_kill(struct lab_process *process);

/* Read exactly @size bytes of what it reports. */
void lab_read(const struct lab_process *process, void *ret, size_t size);

/* A figure of /proc/net/snmp or /proc/net/netstat, as nstat shows it: "Tcp", "RetransSegs". */
uint64_t lab_counter(const struct lab *lab, enum lab_side side, const char *group,
		     const char *name);

/* What an interface has counted: link headers are in. */
struct lab_traffic {
	uint64_t rx_bytes, rx_packets, tx_bytes, tx_packets;
};

struct lab_traffic lab_traffic(const struct lab *lab, enum lab_side side, const char *interface);

#endif
