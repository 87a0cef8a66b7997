// SPDX-License-Identifier: BSD-2-Clause
/* Cgroup lines are the form that each runtime and cgroup driver gives them. */
#include "capture/process_resource.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capture/process_cgroup.h"
#include "capture/process_environment.h"
#include "core/clock.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OUTER "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
#define UID "01234567-89ab-cdef-0123-456789abcdef"
#define UID_ "01234567_89ab_cdef_0123_456789abcdef"
#define STATIC_UID "0123456789abcdef0123456789abcdef"

static const struct {
	const char *text, *unit, *container, *container_id, *pod_uid;
} cgroups[] = {
	{"0::/system.slice/nginx.service\n", "nginx", "", "", ""},
	{"0::/system.slice/system-getty.slice/getty@tty1.service\n", "getty@tty1", "", "", ""},
	{"0::/system.slice/web.service/workers/3\n", "web", "", "", ""},
	{"0::/user.slice/user-1000.slice/user@1000.service/app.slice/editor.service\n", "editor",
	 "", "", ""},
	{"0::/user.slice/user-1000.slice/user@1000.service/app.slice/shell-17.scope\n", "", "", "",
	 ""},
	{"0::/user.slice/user-1000.slice/session-3.scope\n", "", "", "", ""},
	{"0::/system.slice/web.service (deleted)\n", "web", "", "", ""},
	{"0::/system.slice/docker-" ID ".scope\n", "", "", ID, ""},
	{"0::/docker/" ID "\n", "", "", ID, ""},
	{"0::/docker/" OUTER "/docker/" ID "/inner\n", "", "", ID, ""},
	{"0::/../docker-" ID ".scope\n", "", "", ID, ""},
	{"0::/machine.slice/libpod-" ID ".scope/container\n", "", "", ID, ""},
	{"0::/system.slice/shop.service/libpod-payload-" ID "\n", "shop", "", ID, ""},
	{"0::/machine.slice/libpod-conmon-" ID ".scope\n", "", "", "", ""},
	{"0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID_
	 ".slice/cri-containerd-" ID ".scope\n",
	 "", "", ID, UID},
	{"0::/kubepods/besteffort/pod" UID "/" ID "\n", "", "", ID, UID},
	{"0::/kubepods/pod" STATIC_UID "/" ID "\n", "", "", ID, STATIC_UID},
	{"0::/system.slice/containerd.service/kubepods-burstable-pod" UID_
	 ".slice:cri-containerd:" ID "\n",
	 "", "", ID, UID},
	{"0::/system.slice/docker-" OUTER
	 ".scope/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod" UID_ ".slice/crio-" ID
	 ".scope\n",
	 "", "", ID, UID},
	{"0::/lxc.payload.web-1/system.slice/cron.service\n", "cron", "web-1", "", ""},
	{"0::/lxc.payload.web-1/init.scope\n", "", "web-1", "", ""},
	/* v1 and hybrid hierarchies */
	{"12:pids:/docker/" ID "\n1:name=systemd:/docker/" ID
	 "\n0::/system.slice/containerd.service\n",
	 "containerd", "", ID, ""},
	{"5:cpu,cpuacct:/user.slice/x.service\n1:name=systemd:/system.slice/ssh.service\n", "ssh",
	 "", "", ""},
	/* not quite */
	{"0::/pod" UID "\n", "", "", "", ""},
	{"0::/kubepods/pod" UID "0\n", "", "", "", ""},
	{"0::/kubepods/pod01234567-89ab-cdef-0123_456789abcdeg\n", "", "", "", ""},
	{"0::/docker/x" ID "\n", "", "", "", ""},
	{"0::/docker/0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF\n", "", "",
	 "", ""},
	{"0::/docker/0123456789abcdef\n", "", "", "", ""},
	{"0::/system.slice/nginx.service", "", "", "", ""},
	{"0::/\n", "", "", "", ""},
	{"0:\n:\n\n::\n:::/a.service\n", "", "", "", ""},
	{"", "", "", "", ""},
};

Test(process_cgroup, says_service_container_and_pod)
{
	struct eo_process_cgroup found;

	for (size_t i = 0; i < sizeof(cgroups) / sizeof(cgroups[0]); i++) {
		eo_process_cgroup_parse(cgroups[i].text, &found);
		cr_expect_str_eq(found.unit, cgroups[i].unit, "unit '%s' of %s", found.unit,
				 cgroups[i].text);
		cr_expect_str_eq(found.container, cgroups[i].container, "container '%s' of %s",
				 found.container, cgroups[i].text);
		cr_expect_str_eq(found.container_id, cgroups[i].container_id, "id '%s' of %s",
				 found.container_id, cgroups[i].text);
		cr_expect_str_eq(found.pod_uid, cgroups[i].pod_uid, "pod '%s' of %s", found.pod_uid,
				 cgroups[i].text);
	}
}

Test(process_cgroup, a_name_longer_than_any_file_name_is_left_out)
{
	struct eo_process_cgroup found;
	char text[512];

	for (int len = EO_CGROUP_NAME_BYTES - 1; len <= EO_CGROUP_NAME_BYTES; len++) {
		snprintf(text, sizeof(text), "0::/%0*d.service\n", len, 0);
		eo_process_cgroup_parse(text, &found);
		cr_expect_eq(strlen(found.unit), len < EO_CGROUP_NAME_BYTES ? (size_t)len : 0);
	}
}

/* The bytes end where an unmapped page begins. */
static char *at_page_end(const void *bytes, size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *pages =
		mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	cr_assert_neq(pages, MAP_FAILED);
	cr_assert_eq(munmap(pages + page, page), 0);
	return memcpy(pages + page - size, bytes, size);
}

Test(process_environment, finds_whole_variables_only)
{
	static const char bytes[] = "XA=0\0A\0A=1\0=x\0A=2\0AB=3\0\0E=\0CUT=4";
	size_t size = sizeof(bytes) - 1;
	const char *at = at_page_end(bytes, size);

	cr_expect_str_eq(eo_environment_value(at, size, "A"), "1");
	cr_expect_str_eq(eo_environment_value(at, size, "AB"), "3");
	cr_expect_str_eq(eo_environment_value(at, size, "E"), "");
	cr_expect_null(eo_environment_value(at, size, "B"));
	cr_expect_null(eo_environment_value(at, size, "CUT"));
	cr_expect_null(eo_environment_value(at, 0, "A"));
}

static const struct {
	const char *text;
	const char *expected; /* KEY=VALUE; from the last to the first, NULL: malformed */
} declared[] = {
	{"a=1,b=2", "b=2;a=1;"},
	{" a = 1 ,\tb=2\t", "b=2;a=1;"},
	{"a=1,b=2,a=3", "a=3;b=2;"},
	{"a%2Cb=c%3Dd%25", "a,b=c=d%;"},
	{"a=%C3%A4+x", "a=\xc3\xa4+x;"},
	{"a=b=c", "a=b=c;"},
	{"a=\"x y\",b=\"z,c=\"", "c=\";b=\"z;a=x y;"},
	{"a=\"\",b=", ""},
	{"a=1,", "a=1;"},
	{",,a=1,,", "a=1;"},
	{"", ""},
	{"a=x%0Ay", "a=x\ny;"},
	{"process.pid=1,process.creation.time=x,processor=y", "processor=y;"},
	{"have=mine,a=1", "a=1;"},
	{"a", NULL},
	{"a=1,b", NULL},
	{"=1", NULL},
	{"a=%", NULL},
	{"a=%4", NULL},
	{"a=%4,b=1", NULL},
	{"a=1,b=%zz", NULL},
	{"a=%00", NULL},
	{"%00=a", NULL},
};

Test(process_environment, attributes_are_decoded_or_all_refused)
{
	for (size_t i = 0; i < sizeof(declared) / sizeof(declared[0]); i++) {
		struct eo_attribute_set set = {0};
		char text[256] = "";
		int r;

		eo_attribute_set_text(&set, "have", "already");
		r = eo_environment_attributes(declared[i].text, &set);
		for (size_t k = 1; k < set.count; k++) {
			size_t len = strlen(text);

			snprintf(text + len, sizeof(text) - len, "%s=%s;", set.attributes[k].key,
				 set.attributes[k].str);
		}
		cr_expect_eq(r, declared[i].expected ? 0 : -EINVAL, "%s gives %d", declared[i].text,
			     r);
		cr_expect_str_eq(text, declared[i].expected ?: "", "%s gives %s", declared[i].text,
				 text);
		cr_expect_str_eq(set.attributes[0].str, "already");
	}
}

Test(process_environment, attributes_without_end_leave_one_place_free)
{
	char *text = calloc(1, 200000);
	struct eo_attribute_set set = {0};
	size_t len = 0;

	for (int i = 0; i < 5000; i++)
		len += (size_t)sprintf(text + len, "key%d=%d,", i, i);
	memset(text + len, 'k', 100000);
	strcpy(text + len + 100000, "=long");
	cr_expect_eq(eo_environment_attributes(text, &set), 0);
	cr_expect_eq(set.count, EO_ATTRIBUTE_SET_MAX - 1);
	cr_expect_str_eq(set.attributes[0].key, "key4999");
	free(text);
}

static const struct eo_attribute *find(const struct eo_attribute_set *set, const char *key)
{
	for (size_t i = 0; i < set->count; i++)
		if (!strcmp(set->attributes[i].key, key))
			return &set->attributes[i];
	return NULL;
}

static const char *text_of(const struct eo_attribute_set *set, const char *key)
{
	const struct eo_attribute *attribute = find(set, key);

	return attribute && attribute->str ? attribute->str : "(none)";
}

/* A process that waits, with @environment. */
static pid_t start(const char *const environment[])
{
	const char *const argv[] = {"sleep", "1000", NULL};
	int fds[2];
	char byte;
	pid_t pid;

	cr_assert_eq(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		execve("/bin/sleep", (char *const *)argv, (char *const *)environment);
		_exit(1);
	}
	close(fds[1]);
	cr_assert_eq(read(fds[0], &byte, 1), 0); /* closed by its exec */
	close(fds[0]);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

Test(process_resource, the_host_has_a_name_and_no_process)
{
	EO_AUTO(eo_process_resource) resource = NULL;
	const struct eo_attribute_set *host;
	char name[256] = "";

	cr_assert_eq(eo_process_resource_new(&resource), 0);
	host = eo_process_resource_host(resource);
	gethostname(name, sizeof(name) - 1);
	cr_expect_str_eq(text_of(host, "host.name"), name);
	cr_expect_str_eq(text_of(host, "os.type"), "linux");
#ifdef __x86_64__
	cr_expect_str_eq(text_of(host, "host.arch"), "amd64");
#endif
	cr_expect_null(find(host, "process.pid"));
	cr_expect_null(find(host, "service.name"));
}

Test(process_resource, a_process_is_the_service_that_it_declares)
{
	const char *const environment[] = {
		"SECRET=hunter2",
		"OTEL_RESOURCE_ATTRIBUTES=service.name=cart,host.name=lie,team=a%20b",
		"OTEL_SERVICE_NAME=shop", NULL};
	EO_AUTO(eo_process_resource) resource = NULL;
	const struct eo_attribute_set *set, *host;
	pid_t pid = start(environment);

	cr_assert_eq(eo_process_resource_new(&resource), 0);
	host = eo_process_resource_host(resource);
	set = eo_process_resource_read(resource, (uint32_t)pid, "comm", 0);
	end(pid);
	cr_expect_str_eq(text_of(set, "service.name"), "shop");
	cr_expect_str_eq(text_of(set, "team"), "a b");
	cr_expect_str_eq(text_of(set, "host.name"), text_of(host, "host.name"));
	cr_assert_not_null(find(set, "process.pid"));
	cr_expect_eq(find(set, "process.pid")->num, pid);
	cr_expect(strstr(text_of(set, "process.executable.path"), "bin/"));
	cr_expect_null(find(set, "service.instance.id"));
	cr_expect_null(find(set, "process.creation.time"));
	for (size_t i = 0; i < set->count; i++)
		cr_expect(!set->attributes[i].str || !strstr(set->attributes[i].str, "hunter2"));
}

Test(process_resource, the_service_name_among_the_attributes_is_the_second_choice)
{
	const char *const environment[] = {
		"OTEL_SERVICE_NAME=",
		"OTEL_RESOURCE_ATTRIBUTES=service.name=cart,service.instance.id=i-1", NULL};
	EO_AUTO(eo_process_resource) resource = NULL;
	const struct eo_attribute_set *set;
	pid_t pid = start(environment);

	cr_assert_eq(eo_process_resource_new(&resource), 0);
	set = eo_process_resource_read(resource, (uint32_t)pid, "comm", 0);
	end(pid);
	cr_expect_str_eq(text_of(set, "service.name"), "cart");
	cr_expect_str_eq(text_of(set, "service.instance.id"), "i-1");
}

Test(process_resource, one_that_has_gone_is_its_pid_and_comm)
{
	const char *const environment[] = {"OTEL_SERVICE_NAME=shop", NULL};
	EO_AUTO(eo_process_resource) resource = NULL;
	const struct eo_attribute_set *set;
	pid_t pid = start(environment);

	end(pid);
	cr_assert_eq(eo_process_resource_new(&resource), 0);
	set = eo_process_resource_read(resource, (uint32_t)pid, "a b", 0);
	cr_expect_str_eq(text_of(set, "service.name"), "unknown_service:a b");
	cr_expect_str_eq(text_of(set, "process.executable.name"), "a b");
	cr_expect_null(find(set, "process.executable.path"));
	cr_expect_eq(find(set, "process.pid")->num, pid);
}

Test(process_resource, nobody_is_taken_for_who_had_the_number_before)
{
	const char *const environment[] = {"OTEL_SERVICE_NAME=shop", NULL};
	EO_AUTO(eo_process_resource) resource = NULL;
	uint64_t before_ns = eo_clock_monotonic_ns() - EO_NS_PER_SEC;
	const struct eo_attribute_set *set;
	pid_t pid = start(environment);

	cr_assert_eq(eo_process_resource_new(&resource), 0);
	set = eo_process_resource_read(resource, (uint32_t)pid, "comm", eo_clock_monotonic_ns());
	cr_expect_str_eq(text_of(set, "service.name"), "shop");
	set = eo_process_resource_read(resource, (uint32_t)pid, "comm", before_ns);
	end(pid);
	cr_expect_str_eq(text_of(set, "service.name"), "unknown_service:comm");
	cr_expect_eq(find(set, "process.pid")->num, pid);
}
