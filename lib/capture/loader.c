/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/loader.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "capture/loader_elf.h"
#include "capture/probe.h"
#include "core/clock.h"

#define PROGRAMS_MAX 1024u
#define LOG_BYTES (256u << 10) /* of which the end is kept */

static const char HINT_PRIVILEGES[] = "run as root, or grant the binary CAP_BPF and CAP_PERFMON";
static const char HINT_KERNEL[] = "needs Linux 5.8 or newer with CONFIG_BPF_SYSCALL, CONFIG_BPF_EVENTS "
				  "and CONFIG_DEBUG_INFO_BTF";

struct eo_loader {
	struct eo_config config;
	struct bpf_object *object; /* NULL: nothing is loaded */
};

int eo_loader_new(const struct eo_config *config, struct eo_loader **ret, struct eo_error *err)
{
	struct eo_loader *loader;
	int r = eo_config_validate(config, err);

	if (r < 0)
		return r;
	loader = calloc(1, sizeof(*loader));
	if (!loader)
		return eo_error_set(err, EO_ERROR_LOAD_FAILED, ENOMEM, NULL, "allocate loader");
	loader->config = *config;
	*ret = loader;
	return 0;
}

void eo_loader_free(struct eo_loader *loader)
{
	if (!loader)
		return;
	bpf_object__close(loader->object);
	free(loader);
}

const struct eo_config *eo_loader_config(const struct eo_loader *loader)
{
	return &loader->config;
}

bool eo_loader_is_loaded(const struct eo_loader *loader)
{
	return loader->object != NULL;
}

/* ENOSYS: no BPF at all. EPERM: not for us. The rest: this kernel is too old or built without. */
static int refuse(int code, const char *what, struct eo_error *err)
{
	switch (code) {
	case ENOSYS:
		return eo_error_set(err, EO_ERROR_UNSUPPORTED_PLATFORM, code, HINT_KERNEL, "%s", what);
	case EPERM:
	case EACCES:
		return eo_error_set(err, EO_ERROR_INSUFFICIENT_PERMISSIONS, code, HINT_PRIVILEGES, "%s", what);
	default:
		return eo_error_set(err, EO_ERROR_INCOMPATIBLE_KERNEL, code, HINT_KERNEL, "%s", what);
	}
}

int eo_loader_check_system_support(const struct eo_loader *loader, struct eo_error *err)
{
	EO_AUTO_CLOSE int program = eo_probe_load_empty(BPF_PROG_TYPE_RAW_TRACEPOINT, 0, 0);
	EO_AUTO_CLOSE int ring = -1;

	(void)loader;
	if (program < 0)
		return refuse(-program, "load a BPF program", err);
	ring = bpf_map_create(BPF_MAP_TYPE_RINGBUF, NULL, 0, 0, sysconf(_SC_PAGESIZE), NULL);
	if (ring < 0)
		return refuse(-ring, "create a BPF ring buffer", err);
	if (access("/sys/kernel/btf/vmlinux", R_OK) < 0)
		return refuse(errno, "read the kernel's type information", err);
	return 0;
}

static size_t count_programs(const struct bpf_object *object)
{
	struct bpf_program *program; /* libbpf's iteration takes no const */
	size_t count = 0;

	bpf_object__for_each_program(program, object)
		count++;
	return count;
}

/* Check the bytes and let libbpf parse them. The caller closes *@ret. */
static int open_object(const char *name, const void *bytes, size_t size, struct bpf_object **ret,
		       struct eo_error *err)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = name);
	struct bpf_object *object;
	size_t count;
	int r = eo_loader_elf_check(name, bytes, size, err);

	if (r < 0)
		return r;
	object = bpf_object__open_mem(bytes, size, &opts);
	if (!object)
		return eo_error_set(err, EO_ERROR_LOAD_FAILED, errno, "-v shows what libbpf found wrong",
				    "read BPF object %.120s", name);
	count = count_programs(object);
	if (!count || count > PROGRAMS_MAX) {
		bpf_object__close(object);
		return eo_error_set(err, EO_ERROR_LOAD_FAILED, 0, NULL,
				    "read BPF object %.120s: it holds %zu programs, not 1 to %u", name, count,
				    PROGRAMS_MAX);
	}
	*ret = object;
	return 0;
}

/* Programs that are marked "?" in their section name load on request only; we ask for all. */
static void want_all(struct bpf_object *object)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, object)
		bpf_program__set_autoload(program, true);
}

/* Nothing may stay behind, so a map that asks to be pinned does not get its wish. */
static void pin_nothing(struct bpf_object *object)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, object)
		bpf_map__set_pin_path(map, NULL);
}

static uint64_t boottime_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * EO_NS_PER_SEC + now.tv_nsec;
}

static void describe(const struct bpf_program *program, struct eo_program_report *ret)
{
	const char *type = libbpf_bpf_prog_type_str(bpf_program__type(program));

	snprintf(ret->name, sizeof(ret->name), "%s", bpf_program__name(program));
	ret->type = type ? type : "unknown";
	ret->instructions = bpf_program__insn_cnt(program);
}

/* Numbers of the programs of a loaded object. The kernel notes when each began to load, and
 * libbpf loads them one after another: one ends where the next begins. */
static void measure(const struct bpf_object *object, uint64_t end_ns, struct eo_program_report *reports)
{
	struct eo_program_report *report = reports, *previous = NULL;
	struct bpf_program *program; /* libbpf's iteration takes no const */
	uint64_t began_ns = 0;

	bpf_object__for_each_program(program, object) {
		struct bpf_prog_info info = { 0 };
		uint32_t size = sizeof(info);

		report->accepted = true;
		if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size) == 0) {
			report->verified = info.verified_insns;
			if (previous && info.load_time > began_ns)
				previous->load_ns = info.load_time - began_ns;
			began_ns = info.load_time;
			previous = report;
		}
		report++;
	}
	if (previous && end_ns > began_ns)
		previous->load_ns = end_ns - began_ns;
}

/* The last @size bytes of a log, from the start of a line. */
static void keep_end(const char *log, char *ret, size_t size)
{
	size_t length = strlen(log);
	const char *line;

	if (length >= size) {
		log += length - size + 1;
		line = strchr(log, '\n');
		if (line && line[1])
			log = line + 1;
	}
	snprintf(ret, size, "%s", log);
}

/* Load the one program number @index; the verifier's log is made only when it fails, because
 * writing it makes a load many times slower. Returns 0 or a negative errno. */
static int load_alone(const char *name, const void *bytes, size_t size, size_t index, char *log,
		      struct eo_program_report *report)
{
	struct bpf_program *program, *chosen = NULL;
	struct bpf_object *object = NULL;
	size_t i = 0;
	int r = open_object(name, bytes, size, &object, NULL);

	if (r < 0)
		return r;
	pin_nothing(object);
	bpf_object__for_each_program(program, object) {
		bpf_program__set_autoload(program, i == index);
		if (i++ == index)
			chosen = program;
	}

	log[0] = '\0';
	bpf_program__set_log_buf(chosen, log, LOG_BYTES);
	r = bpf_object__load(object);
	if (r == 0) {
		struct bpf_prog_info info = { 0 };
		uint32_t info_size = sizeof(info);

		report->accepted = true;
		if (bpf_obj_get_info_by_fd(bpf_program__fd(chosen), &info, &info_size) == 0) {
			report->verified = info.verified_insns;
			report->load_ns = boottime_ns() - info.load_time;
		}
	} else if (log[0]) {
		keep_end(log, report->log, sizeof(report->log));
	} else if (r == -EPERM) {
		/* Missing privileges were ruled out before. */
		snprintf(report->log, sizeof(report->log),
			 "refused before verification: %s despite all privileges; this kernel "
			 "forbids programs like \"%s\"", strerror(-r), bpf_program__section_name(chosen));
	} else if (r == -ESRCH || r == -ENOENT) {
		snprintf(report->log, sizeof(report->log),
			 "refused before verification: this kernel has no target \"%s\"",
			 bpf_program__section_name(chosen));
	} else {
		snprintf(report->log, sizeof(report->log), "refused before verification: %s", strerror(-r));
	}
	bpf_object__close(object);
	return r;
}

/* The whole object was refused, and libbpf stops at the first program: ask for each alone. */
static int find_rejected(const char *name, const void *bytes, size_t size, int whole,
			 struct eo_program_report *reports, size_t count, struct eo_error *err)
{
	EO_AUTO_FREE char *log = malloc(LOG_BYTES);
	const struct eo_program_report *first = NULL;

	if (!log)
		return eo_error_set(err, EO_ERROR_LOAD_FAILED, ENOMEM, NULL, "allocate the verifier's log");

	for (size_t i = 0; i < count; i++) {
		if (load_alone(name, bytes, size, i, log, &reports[i]) < 0 && !first)
			first = &reports[i];
	}
	if (!first)
		return eo_error_set(err, EO_ERROR_LOAD_FAILED, -whole, "-v shows libbpf's log",
				    "load BPF object %.120s as a whole", name);
	return eo_error_set(err, EO_ERROR_LOAD_FAILED, 0, NULL,
			    "verify BPF object %.120s: program %s is rejected", name, first->name);
}

int eo_loader_validate_program(const struct eo_loader *loader, const char *name, const void *bytes,
			       size_t size, struct eo_program_report **reports, size_t *report_count,
			       struct eo_error *err)
{
	EO_AUTO_FREE struct eo_program_report *list = NULL;
	struct bpf_object *object = NULL;
	struct bpf_program *program; /* libbpf's iteration takes no const */
	size_t count, i = 0;
	uint64_t end_ns;
	int r;

	(void)loader;
	*reports = NULL;
	*report_count = 0;
	r = open_object(name, bytes, size, &object, err);
	if (r < 0)
		return r;

	count = count_programs(object);
	list = calloc(count, sizeof(*list));
	if (!list) {
		bpf_object__close(object);
		return eo_error_set(err, EO_ERROR_LOAD_FAILED, ENOMEM, NULL, "allocate %zu reports", count);
	}
	bpf_object__for_each_program(program, object)
		describe(program, &list[i++]);

	want_all(object);
	pin_nothing(object);
	r = bpf_object__load(object);
	end_ns = boottime_ns();
	if (r == 0)
		measure(object, end_ns, list);
	bpf_object__close(object);
	/* The verifier says EACCES as well, so only EPERM speaks of privileges. */
	if (r == -EPERM && !eo_probe_may_trace(eo_probe_capabilities()))
		return eo_error_set(err, EO_ERROR_INSUFFICIENT_PERMISSIONS, EPERM, HINT_PRIVILEGES,
				    "load BPF object %.120s", name);
	if (r < 0)
		r = find_rejected(name, bytes, size, r, list, count, err);

	*report_count = count;
	*reports = eo_steal(&list);
	return r;
}

/* An object was refused with @code; say which program is at fault. */
static int blame(const struct eo_loader *loader, const char *name, const void *bytes, size_t size,
		 int code, struct eo_error *err)
{
	EO_AUTO_FREE struct eo_program_report *reports = NULL;
	size_t count;
	int r = eo_loader_validate_program(loader, name, bytes, size, &reports, &count, err);

	if (r < 0)
		return r;
	return eo_error_set(err, EO_ERROR_LOAD_FAILED, code, NULL, "load BPF object %.120s", name);
}

int eo_loader_load(struct eo_loader *loader, const char *name, const void *bytes, size_t size,
		   struct eo_error *err)
{
	struct bpf_object *object = NULL;
	int r;

	if (loader->object)
		return eo_error_set(err, EO_ERROR_LOAD_FAILED, EALREADY, "unload the first one",
				    "load BPF object %.120s", name);
	r = open_object(name, bytes, size, &object, err);
	if (r < 0)
		return r;

	want_all(object);
	pin_nothing(object);
	r = bpf_object__load(object);
	if (r < 0) {
		bpf_object__close(object);
		return blame(loader, name, bytes, size, -r, err);
	}
	loader->object = object;
	return 0;
}

int eo_loader_unload(struct eo_loader *loader, struct eo_error *err)
{
	if (!loader->object)
		return eo_error_set(err, EO_ERROR_LOAD_FAILED, EINVAL, NULL,
				    "unload BPF object: nothing is loaded");
	bpf_object__close(loader->object);
	loader->object = NULL;
	return 0;
}
