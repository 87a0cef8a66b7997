/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/loader_verify.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "capture/probe.h"
#include "core/auto.h"
#include "core/clock.h"

#define LOG_BYTES (256u << 10) /* of which the end is kept */

/* Programs that are marked "?" in their section name load on request only; we ask for all.
 * Nothing may stay behind, so a map that asks to be pinned does not get its wish. */
static void prepare(struct bpf_object *object)
{
	struct bpf_program *program;
	struct bpf_map *map;

	bpf_object__for_each_program(program, object)
		bpf_program__set_autoload(program, true);
	bpf_object__for_each_map(map, object)
		bpf_map__set_pin_path(map, NULL);
}

static size_t count_programs(const struct bpf_object *object)
{
	struct bpf_program *program; /* libbpf's iteration takes no const */
	size_t count = 0;

	bpf_object__for_each_program(program, object)
		count++;
	return count;
}

int eo_loader_open(const char *name, const void *bytes, size_t size, struct bpf_object **ret,
		   struct eo_error *err)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = name);
	struct bpf_object *object;
	size_t count;

	object = bpf_object__open_mem(bytes, size, &opts);
	if (!object)
		return eo_error_set(err, EO_ERROR_LOAD_FAILED, errno,
				    "-v shows what libbpf found wrong", "read BPF object %.120s",
				    name);
	count = count_programs(object);
	if (!count || count > EO_LOADER_PROGRAMS_MAX) {
		bpf_object__close(object);
		return eo_error_set(err, EO_ERROR_LOAD_FAILED, 0, NULL,
				    "read BPF object %.120s: it holds %zu programs, not 1 to %u",
				    name, count, EO_LOADER_PROGRAMS_MAX);
	}
	prepare(object);
	*ret = object;
	return 0;
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
static void measure(const struct bpf_object *object, uint64_t end_ns,
		    struct eo_program_report *reports)
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
	int r = eo_loader_open(name, bytes, size, &object, NULL);

	if (r < 0)
		return r;
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
			 "refused before verification: %s despite CAP_BPF and CAP_PERFMON; this "
			 "kernel forbids programs like \"%s\"",
			 strerror(-r), bpf_program__section_name(chosen));
	} else if (r == -ESRCH || r == -ENOENT) {
		snprintf(report->log, sizeof(report->log),
			 "refused before verification: this kernel has no target \"%s\"",
			 bpf_program__section_name(chosen));
	} else {
		snprintf(report->log, sizeof(report->log), "refused before verification: %s",
			 strerror(-r));
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
		return eo_error_set(err, EO_ERROR_LOAD_FAILED, ENOMEM, NULL,
				    "allocate the verifier's log");

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

int eo_loader_verify(const char *name, const void *bytes, size_t size,
		     struct eo_program_report *reports, size_t *ret_count, struct eo_error *err)
{
	struct bpf_object *object = NULL;
	struct bpf_program *program; /* libbpf's iteration takes no const */
	size_t count = 0;
	uint64_t end_ns;
	int r = eo_loader_open(name, bytes, size, &object, err);

	*ret_count = 0;
	if (r < 0)
		return r;
	bpf_object__for_each_program(program, object)
		describe(program, &reports[count++]);

	r = bpf_object__load(object);
	end_ns = boottime_ns();
	if (r == 0)
		measure(object, end_ns, reports);
	bpf_object__close(object);

	/* The verifier says EACCES as well, so only EPERM speaks of privileges. */
	if (r == -EPERM && !eo_probe_may_trace(eo_probe_capabilities()))
		return eo_error_set(err, EO_ERROR_INSUFFICIENT_PERMISSIONS, EPERM,
				    EO_LOADER_HINT_PRIVILEGES, "load BPF object %.120s", name);
	*ret_count = count;
	return r == 0 ? 0 : find_rejected(name, bytes, size, r, reports, count, err);
}
