/* SPDX-License-Identifier: BSD-2-Clause */
/* What the cgroups of a process say about where it runs: /proc/PID/cgroup, without asking any
 * service manager or container runtime. */
#ifndef EO_CAPTURE_PROCESS_CGROUP_H
#define EO_CAPTURE_PROCESS_CGROUP_H

#define EO_CGROUP_NAME_BYTES 256 /* NAME_MAX and the NUL */

/* Empty texts: nothing is said. */
struct eo_process_cgroup {
	char unit[EO_CGROUP_NAME_BYTES];      /* systemd service, without ".service" */
	char container[EO_CGROUP_NAME_BYTES]; /* name of an LXC container */
	char container_id[65];		      /* 64 hex digits */
	char pod_uid[37]; /* with dashes; that of a static pod is 32 hex digits */
};

/**
 * @text: the file's content, NUL-terminated. Lines are ID:CONTROLLERS:PATH, one for each hierarchy
 * (cgroups(7)); a last line without its newline was cut and is ignored.
 * The innermost service, container and pod of a path count.
 */
void eo_process_cgroup_parse(const char *text, struct eo_process_cgroup *ret);

#endif
