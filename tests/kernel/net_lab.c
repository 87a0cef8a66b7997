// SPDX-License-Identifier: BSD-2-Clause
#include "net_lab.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void die_with_parent(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
}

static int live(void *arg, int report)
{
	(void)arg;
	if (unshare(CLONE_NEWNET) < 0)
		return 1;
	if (write(report, "x", 1) != 1)
		return 1;
	for (;;)
		pause();
}

static int enter(const struct lab *lab, enum lab_side side)
{
	char path[64];
	int fd, r;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", lab->keeper[side]);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	r = setns(fd, CLONE_NEWNET);
	close(fd);
	return r;
}

struct lab_process lab_start(const struct lab *lab, enum lab_side side, lab_work_fn work,
			     void *arg)
{
	struct lab_process process;
	int ends[2];

	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	process.pid = fork();
	cr_assert_geq(process.pid, 0);
	if (process.pid == 0) {
		die_with_parent();
		close(ends[0]);
		if (lab && enter(lab, side) < 0)
			_exit(99);
		_exit(work(arg, ends[1]));
	}
	close(ends[1]);
	process.report = ends[0];
	return process;
}

void lab_join(struct lab_process *process)
{
	int status = -1;

	cr_assert_eq(waitpid(process->pid, &status, 0), process->pid);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "process %d ended with %#x",
		  process->pid, (unsigned int)status);
	close(process->report);
}

void lab_kill(struct lab_process *process)
{
	kill(process->pid, SIGKILL);
	waitpid(process->pid, NULL, 0);
	close(process->report);
}

void lab_read(const struct lab_process *process, void *ret, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = read(process->report, (char *)ret + done, size - done);

		cr_assert_gt(n, 0, "process %d says no more", process->pid);
		done += (size_t)n;
	}
}

struct lab_process lab_serve(const struct lab *lab, enum lab_side side, lab_work_fn work,
			     void *arg)
{
	struct lab_process process = lab_start(lab, side, work, arg);
	char ready;

	lab_read(&process, &ready, 1);
	return process;
}

static int shell(void *arg, int report)
{
	const char *const *command = arg;

	(void)report;
	execl("/bin/sh", "sh", "-c", *command, NULL);
	return 1;
}

struct lab_process lab_start_shell(const struct lab *lab, enum lab_side side, const char *command)
{
	return lab_start(lab, side, shell, &command);
}

void lab_shell(const struct lab *lab, enum lab_side side, const char *command)
{
	struct lab_process process = lab_start_shell(lab, side, command);

	lab_join(&process);
}

void lab_open(struct lab *lab)
{
	char command[512];

	for (int i = 0; i < LAB_SIDES; i++) {
		struct lab_process keeper = lab_serve(NULL, i, live, NULL);

		close(keeper.report);
		lab->keeper[i] = keeper.pid;
	}
	snprintf(command, sizeof(command), "ip link add cable0 type veth peer name cable1 netns %d",
		 lab->keeper[LAB_SERVER]);
	lab_shell(lab, LAB_CLIENT, command);
	lab_shell(lab, LAB_CLIENT,
		  "ip link set lo up && ip addr add " LAB_CLIENT_IPV4 "/24 dev cable0 && "
		  "ip -6 addr add " LAB_CLIENT_IPV6 "/64 dev cable0 nodad && ip link set cable0 up");
	lab_shell(lab, LAB_SERVER,
		  "ip link set lo up && ip addr add " LAB_SERVER_IPV4 "/24 dev cable1 && "
		  "ip -6 addr add " LAB_SERVER_IPV6 "/64 dev cable1 nodad && ip link set cable1 up");
}

void lab_close(struct lab *lab)
{
	for (int i = 0; i < LAB_SIDES; i++) {
		if (lab->keeper[i] > 0) {
			kill(lab->keeper[i], SIGKILL);
			waitpid(lab->keeper[i], NULL, 0);
		}
		lab->keeper[i] = 0;
	}
}

uint64_t lab_counter(const struct lab *lab, enum lab_side side, const char *group,
		     const char *name)
{
	char path[64], names[4096], values[4096], *names_at, *values_at, *word, *value;
	size_t len = strlen(group);
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/net/snmp", lab->keeper[side]);
	file = fopen(path, "re");
	cr_assert_not_null(file);
	while (fgets(names, sizeof(names), file) && fgets(values, sizeof(values), file)) {
		if (strncmp(names, group, len) || names[len] != ':')
			continue;
		names_at = names;
		values_at = values;
		while ((word = strsep(&names_at, " \n")) && (value = strsep(&values_at, " \n"))) {
			if (strcmp(word, name))
				continue;
			fclose(file);
			return strtoull(value, NULL, 10);
		}
	}
	cr_assert_fail("%s has no %s%s", path, group, name);
	return 0;
}

struct lab_traffic lab_traffic(const struct lab *lab, enum lab_side side, const char *interface)
{
	struct lab_traffic traffic = {0};
	char path[64], line[512], *at;
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/net/dev", lab->keeper[side]);
	file = fopen(path, "re");
	cr_assert_not_null(file);
	while (fgets(line, sizeof(line), file)) {
		at = strstr(line, interface);
		if (at)
			found = sscanf(at + strlen(interface) + 1,
				       "%lu %lu %*u %*u %*u %*u %*u %*u %lu %lu", &traffic.rx_bytes,
				       &traffic.rx_packets, &traffic.tx_bytes,
				       &traffic.tx_packets) == 4;
	}
	fclose(file);
	cr_assert(found, "%s has no %s", path, interface);
	return traffic;
}
