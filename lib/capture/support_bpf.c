/* SPDX-License-Identifier: BSD-2-Clause */
/* Probes that hand the kernel a map or a program and see what it says. Whatever they make belongs
 * to a descriptor that is closed again; nothing is pinned. */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <link.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "capture/probe.h"
#include "capture/support_row.h"
#include "core/auto.h"

#define UPROBE_SOURCE "/sys/bus/event_source/devices/uprobe/type"
#define KPROBE_SOURCE "/sys/bus/event_source/devices/kprobe/type"

/* In every kernel, and rare enough that holding it for a moment costs nobody anything. */
#define SELDOM_TRACEPOINT "sched_process_exec"

/* Functions that hardly ever run: the first exists for tests like ours, but not in all builds. */
static const char *const seldom_functions[] = { "bpf_fentry_test1", "kernel_halt" };

static const struct eo_support_answer fine = { 0, NULL };

static struct eo_support_answer failed(const char *step, int code)
{
	return (struct eo_support_answer){ code, step };
}

void eo_support_say_answer(const struct eo_support_context *context, struct eo_support_probe *ret,
			   struct eo_support_answer answer)
{
	const char *name = strerrorname_np(-answer.code);

	if (answer.code >= 0) {
		eo_support_say(ret, EO_SUPPORT_YES, "%s", "");
	} else if (answer.code != -EPERM && answer.code != -EACCES) {
		eo_support_say(ret, EO_SUPPORT_NO, "%s: %s", answer.step, name ? name : "error");
	} else if (context->may_trace) {
		eo_support_say(ret, EO_SUPPORT_DENIED, "%s: %s despite CAP_BPF and CAP_PERFMON",
			       answer.step, name);
	} else {
		eo_support_say(ret, EO_SUPPORT_DENIED, "%s: %s", answer.step, name);
		ret->hint = eo_support_hint_privileges;
	}
}

/* perf_event_open() on this CPU, switched off. */
static int open_event(struct perf_event_attr *attr)
{
	int fd;

	attr->size = sizeof(*attr);
	attr->disabled = 1;
	fd = syscall(SYS_perf_event_open, attr, -1, sched_getcpu(), -1, PERF_FLAG_FD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static struct eo_support_answer attach_to_event(struct perf_event_attr *attr, int program)
{
	EO_AUTO_CLOSE int event = open_event(attr);

	if (event < 0)
		return failed("open", event);
	if (ioctl(event, PERF_EVENT_IOC_SET_BPF, program) < 0)
		return failed("attach", -errno);
	return fine;
}

/* The number of a dynamic event source, or a negative errno. */
static int event_source(const char *path)
{
	FILE *file = fopen(path, "re");
	int type;

	if (!file)
		return -errno;
	if (fscanf(file, "%d", &type) != 1)
		type = -EIO;
	fclose(file);
	return type;
}

/* A place in our own image that no instruction ever jumps to. */
__attribute__((noinline, used)) static void never_called(void)
{
	__asm__ volatile("");
}

struct image_place {
	uintptr_t address;
	uint64_t offset; /* in the file; 0 while not found */
	char path[4096];
};

static int find_place(struct dl_phdr_info *info, size_t size, void *data)
{
	struct image_place *place = data;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + segment->p_vaddr;

		if (segment->p_type != PT_LOAD || place->address < start ||
		    place->address - start >= segment->p_filesz)
			continue;
		place->offset = place->address - start + segment->p_offset;
		snprintf(place->path, sizeof(place->path), "%s",
			 info->dlpi_name[0] ? info->dlpi_name : "/proc/self/exe");
		return 1;
	}
	return 0;
}

static struct eo_support_answer ask_uprobe(void)
{
	struct image_place place = { .address = (uintptr_t)never_called };
	EO_AUTO_CLOSE int program = eo_probe_load_empty(BPF_PROG_TYPE_KPROBE, 0, 0);
	struct perf_event_attr attr = { 0 };
	int type = event_source(UPROBE_SOURCE);

	if (program < 0)
		return failed("load", program);
	if (type < 0)
		return failed("event source", type);
	dl_iterate_phdr(find_place, &place);
	attr.type = type;
	attr.config1 = (uintptr_t)place.path;
	attr.config2 = place.offset;
	return attach_to_event(&attr, program);
}

/* The part of union bpf_attr that libbpf 1.1 does not know. */
struct uprobe_multi_attr {
	uint32_t program, target, attach_type, flags;
	uint64_t path, offsets, ref_counts, cookies;
	uint32_t count, multi_flags, pid, padding;
};

static struct eo_support_answer ask_uprobe_multi(void)
{
	struct image_place place = { .address = (uintptr_t)never_called };
	EO_AUTO_CLOSE int program =
		eo_probe_load_empty(BPF_PROG_TYPE_KPROBE, EO_BPF_TRACE_UPROBE_MULTI, 0);
	EO_AUTO_CLOSE int link = -1;
	struct uprobe_multi_attr attr = { 0 };

	if (program < 0)
		return failed("load", program);
	dl_iterate_phdr(find_place, &place);
	attr.program = program;
	attr.attach_type = EO_BPF_TRACE_UPROBE_MULTI;
	attr.path = (uintptr_t)place.path;
	attr.offsets = (uintptr_t)&place.offset;
	attr.count = 1;
	link = syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));
	return link < 0 ? failed("attach", -errno) : fine;
}

static struct eo_support_answer ask_kprobe(void)
{
	EO_AUTO_CLOSE int program = eo_probe_load_empty(BPF_PROG_TYPE_KPROBE, 0, 0);
	int type = event_source(KPROBE_SOURCE);
	struct eo_support_answer answer = failed("attach", -ENOENT);

	if (program < 0)
		return failed("load", program);
	if (type < 0)
		return failed("event source", type);
	for (size_t i = 0; i < EO_ARRAY_SIZE(seldom_functions) && answer.code == -ENOENT; i++) {
		struct perf_event_attr attr = { .type = type };

		attr.config1 = (uintptr_t)seldom_functions[i];
		answer = attach_to_event(&attr, program);
	}
	return answer;
}

static void *run_waiter(void *data)
{
	struct eo_support_waiter *waiter = data;

	waiter->answer = waiter->ask();
	return NULL;
}

static void say_waiter(struct eo_support_context *context, struct eo_support_probe *ret,
		       enum eo_support_wait which)
{
	struct eo_support_waiter *waiter = &context->waiters[which];

	if (waiter->running)
		pthread_join(waiter->thread, NULL);
	else
		run_waiter(waiter);
	waiter->running = false;
	eo_support_say_answer(context, ret, waiter->answer);
}

static void say_uprobe_multi(struct eo_support_context *context, struct eo_support_probe *ret)
{
	say_waiter(context, ret, EO_SUPPORT_WAIT_UPROBE_MULTI);
}

/* Taking a classic uprobe off again costs 110 ms of waiting. Where the younger interface has just
 * planted a uprobe, only the event source of the older one is left to be seen. */
static void say_uprobe(struct eo_support_context *context, struct eo_support_probe *ret)
{
	if (context->waiters[EO_SUPPORT_WAIT_UPROBE_MULTI].answer.code == 0 &&
	    event_source(UPROBE_SOURCE) >= 0)
		eo_support_say(ret, EO_SUPPORT_YES, "event source, and uprobe_multi attaches");
	else
		eo_support_say_answer(context, ret, ask_uprobe());
}

static void say_kprobe(struct eo_support_context *context, struct eo_support_probe *ret)
{
	say_waiter(context, ret, EO_SUPPORT_WAIT_KPROBE);
}

static void say_btf(struct eo_support_context *context, struct eo_support_probe *ret)
{
	if (context->vmlinux)
		eo_support_say(ret, EO_SUPPORT_YES, "%u types", btf__type_cnt(context->vmlinux));
	else
		eo_support_say_answer(context, ret, failed("read", context->vmlinux_error));
}

static void say_jit(struct eo_support_context *context, struct eo_support_probe *ret)
{
	EO_AUTO_CLOSE int program = eo_probe_load_empty(BPF_PROG_TYPE_RAW_TRACEPOINT, 0, 0);
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);
	int r = program;

	if (r >= 0)
		r = bpf_obj_get_info_by_fd(program, &info, &size);
	if (r < 0)
		eo_support_say_answer(context, ret, failed("load", r));
	else if (info.jited_prog_len)
		eo_support_say(ret, EO_SUPPORT_YES, "programs are compiled");
	else
		eo_support_say(ret, EO_SUPPORT_NO, "programs are interpreted");
}

static void say_bpf_stats(struct eo_support_context *context, struct eo_support_probe *ret)
{
	EO_AUTO_CLOSE int fd = bpf_enable_stats(BPF_STATS_RUN_TIME);

	eo_support_say_answer(context, ret, failed("switch on", fd));
	if (ret->state == EO_SUPPORT_DENIED)
		eo_support_say(ret, EO_SUPPORT_DENIED, "needs CAP_SYS_ADMIN");
}

static void say_ring_buffer(struct eo_support_context *context, struct eo_support_probe *ret)
{
	EO_AUTO_CLOSE int fd =
		bpf_map_create(BPF_MAP_TYPE_RINGBUF, NULL, 0, 0, sysconf(_SC_PAGESIZE), NULL);

	eo_support_say_answer(context, ret, failed("map", fd));
}

/* bpf_loop() wants a callback, and a callback wants to be described as a static function. */
static void say_bpf_loop(struct eo_support_context *context, struct eo_support_probe *ret)
{
	const struct bpf_insn insns[] = {
		EO_INSN_MOV_IMM(BPF_REG_1, 3),
		EO_INSN_LOAD_64(BPF_REG_2, BPF_PSEUDO_FUNC, 6), /* the 6 after its first slot */
		EO_INSN_MOV_IMM(BPF_REG_3, 0),
		EO_INSN_MOV_IMM(BPF_REG_4, 0),
		EO_INSN_CALL(BPF_FUNC_loop),
		EO_INSN_MOV_IMM(BPF_REG_0, 0),
		EO_INSN_EXIT(),
		EO_INSN_MOV_IMM(BPF_REG_0, 0),
		EO_INSN_EXIT(),
	};
	const struct bpf_func_info functions[] = {
		{ .insn_off = 0, .type_id = context->type_main },
		{ .insn_off = 8, .type_id = context->type_callback },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .prog_btf_fd = context->types_fd,
		    .func_info = functions, .func_info_cnt = EO_ARRAY_SIZE(functions),
		    .func_info_rec_size = sizeof(functions[0]));
	EO_AUTO_CLOSE int fd = -1;

	if (context->types_fd < 0) {
		eo_support_say_answer(context, ret, failed("types", context->types_fd));
		return;
	}
	fd = eo_probe_load(BPF_PROG_TYPE_RAW_TRACEPOINT, insns, EO_ARRAY_SIZE(insns), &opts);
	eo_support_say_answer(context, ret, failed("load", fd));
}

int eo_support_kernel_type(const struct eo_support_context *context, const char *name, uint32_t kind)
{
	if (!context->vmlinux)
		return -ENOENT;
	return btf__find_by_name_kind(context->vmlinux, name, kind);
}

static int seldom_function(const struct eo_support_context *context)
{
	int id = -ENOENT;

	for (size_t i = 0; i < EO_ARRAY_SIZE(seldom_functions) && id < 0; i++)
		id = eo_support_kernel_type(context, seldom_functions[i], BTF_KIND_FUNC);
	return id;
}

static void say_task_storage(struct eo_support_context *context, struct eo_support_probe *ret)
{
	LIBBPF_OPTS(bpf_map_create_opts, map_opts, .map_flags = BPF_F_NO_PREALLOC,
		    .btf_fd = context->types_fd, .btf_key_type_id = context->type_int,
		    .btf_value_type_id = context->type_int);
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_RAW_TP);
	EO_AUTO_CLOSE int map = -1;
	EO_AUTO_CLOSE int program = -1;
	int id = eo_support_kernel_type(context, "btf_trace_" SELDOM_TRACEPOINT, BTF_KIND_TYPEDEF);

	if (context->types_fd < 0) {
		eo_support_say_answer(context, ret, failed("types", context->types_fd));
		return;
	}
	map = bpf_map_create(BPF_MAP_TYPE_TASK_STORAGE, NULL, sizeof(uint32_t), sizeof(uint32_t), 0,
			     &map_opts);
	if (map < 0 || id < 0) {
		eo_support_say_answer(context, ret, map < 0 ? failed("map", map) : failed("types", id));
		return;
	}

	/* The map alone proves little: tracing programs got at it a release later. */
	const struct bpf_insn insns[] = {
		EO_INSN_CALL(BPF_FUNC_get_current_task_btf),
		EO_INSN_LOAD_64(BPF_REG_1, BPF_PSEUDO_MAP_FD, map),
		EO_INSN_MOV_REG(BPF_REG_2, BPF_REG_0),
		EO_INSN_MOV_IMM(BPF_REG_3, 0),
		EO_INSN_MOV_IMM(BPF_REG_4, BPF_LOCAL_STORAGE_GET_F_CREATE),
		EO_INSN_CALL(BPF_FUNC_task_storage_get),
		EO_INSN_MOV_IMM(BPF_REG_0, 0),
		EO_INSN_EXIT(),
	};

	opts.attach_btf_id = id;
	program = eo_probe_load(BPF_PROG_TYPE_TRACING, insns, EO_ARRAY_SIZE(insns), &opts);
	eo_support_say_answer(context, ret, failed("load", program));
}

static void say_perf_event(struct eo_support_context *context, struct eo_support_probe *ret)
{
	EO_AUTO_CLOSE int program = eo_probe_load_empty(BPF_PROG_TYPE_PERF_EVENT, 0, 0);
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_freq = 1,
		.freq = 1,
	};

	eo_support_say_answer(context, ret,
		   program < 0 ? failed("load", program) : attach_to_event(&attr, program));
}

static void say_pmu(struct eo_support_context *context, struct eo_support_probe *ret)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE,
		.config = PERF_COUNT_HW_CPU_CYCLES,
	};
	EO_AUTO_CLOSE int event = open_event(&attr);

	eo_support_say_answer(context, ret, failed("open", event));
	if (ret->state == EO_SUPPORT_NO)
		eo_support_say(ret, EO_SUPPORT_NO, "the software clock serves instead");
}

static void say_raw_tracepoint(struct eo_support_context *context, struct eo_support_probe *ret)
{
	EO_AUTO_CLOSE int program = eo_probe_load_empty(BPF_PROG_TYPE_RAW_TRACEPOINT, 0, 0);
	EO_AUTO_CLOSE int link = -1;

	if (program >= 0)
		link = bpf_raw_tracepoint_open(SELDOM_TRACEPOINT, program);
	eo_support_say_answer(context, ret, program < 0 ? failed("load", program) : failed("attach", link));
}

struct eo_support_answer eo_support_attach_typed(uint32_t attach_type, int id)
{
	EO_AUTO_CLOSE int program = -1;
	EO_AUTO_CLOSE int link = -1;

	if (id < 0)
		return failed("types", id);
	program = eo_probe_load_empty(BPF_PROG_TYPE_TRACING, attach_type, id);
	if (program < 0)
		return failed("load", program);
	link = bpf_raw_tracepoint_open(NULL, program);
	return failed("attach", link);
}

static void say_tp_btf(struct eo_support_context *context, struct eo_support_probe *ret)
{
	int id = eo_support_kernel_type(context, "btf_trace_" SELDOM_TRACEPOINT, BTF_KIND_TYPEDEF);

	eo_support_say_answer(context, ret, eo_support_attach_typed(BPF_TRACE_RAW_TP, id));
}

static void say_fentry(struct eo_support_context *context, struct eo_support_probe *ret)
{
	eo_support_say_answer(context, ret, eo_support_attach_typed(BPF_TRACE_FENTRY, seldom_function(context)));
}

struct eo_support_answer eo_support_open_iterator(const struct eo_support_context *context,
						  const char *target)
{
	int id = eo_support_kernel_type(context, target, BTF_KIND_FUNC);
	EO_AUTO_CLOSE int program = -1;
	EO_AUTO_CLOSE int link = -1;
	EO_AUTO_CLOSE int iterator = -1;

	if (id < 0)
		return failed("types", id);
	program = eo_probe_load_empty(BPF_PROG_TYPE_TRACING, BPF_TRACE_ITER, id);
	if (program < 0)
		return failed("load", program);
	link = bpf_link_create(program, 0, BPF_TRACE_ITER, NULL);
	if (link >= 0)
		iterator = bpf_iter_create(link);
	return link < 0 ? failed("attach", link) : failed("open", iterator);
}

static void say_iterators(struct eo_support_context *context, struct eo_support_probe *ret)
{
	eo_support_say_answer(context, ret, eo_support_open_iterator(context, "bpf_iter_task"));
}

/* int; int main(int); static int callback(int): the verifier compares names and linkage, and the
 * registers' types come from the call, not from here. */
static void load_types(struct eo_support_context *context)
{
	struct btf *btf = btf__new_empty();
	int r, type_int = 0, type_proto, type_main = 0, type_callback = 0;

	const void *data;
	uint32_t size;

	context->types_fd = -ENOMEM;
	if (!btf)
		return;

	r = type_int = btf__add_int(btf, "int", sizeof(int), BTF_INT_SIGNED);
	if (r >= 0)
		r = type_proto = btf__add_func_proto(btf, type_int);
	if (r >= 0)
		r = type_main = btf__add_func(btf, "main", BTF_FUNC_GLOBAL, type_proto);
	if (r >= 0)
		r = type_callback = btf__add_func(btf, "callback", BTF_FUNC_STATIC, type_proto);
	if (r >= 0) {
		context->type_int = type_int;
		context->type_main = type_main;
		context->type_callback = type_callback;
		/* Not btf__load_into_kernel(): it prints when the kernel says no. */
		data = btf__raw_data(btf, &size);
		r = data ? bpf_btf_load(data, size, NULL) : -ENOMEM;
	}
	context->types_fd = r;
	btf__free(btf);
}

void eo_support_bpf_init(struct eo_support_context *context)
{
	static struct eo_support_answer (*const asks[EO_SUPPORT_WAIT_COUNT])(void) = {
		[EO_SUPPORT_WAIT_UPROBE_MULTI] = ask_uprobe_multi,
		[EO_SUPPORT_WAIT_KPROBE] = ask_kprobe,
	};

	for (size_t i = 0; i < EO_SUPPORT_WAIT_COUNT; i++) {
		struct eo_support_waiter *waiter = &context->waiters[i];

		waiter->ask = asks[i];
		waiter->running = pthread_create(&waiter->thread, NULL, run_waiter, waiter) == 0;
	}

	context->vmlinux = btf__load_vmlinux_btf();
	context->vmlinux_error = context->vmlinux ? 0 : -errno;
	load_types(context);
}

void eo_support_bpf_fini(struct eo_support_context *context)
{
	if (context->types_fd >= 0)
		close(context->types_fd);
	btf__free(context->vmlinux);
}

const struct eo_support_row eo_support_bpf_rows[] = {
	{ "BPF", "btf", "BTF", say_btf, "boot a kernel with CONFIG_DEBUG_INFO_BTF=y" },
	{ "BPF", "jit", "JIT compiler", say_jit, "sysctl net.core.bpf_jit_enable=1" },
	{ "BPF", "bpf_stats", "run-time statistics", say_bpf_stats },
	{ "BPF", "ring_buffer", "ring buffer", say_ring_buffer, "needs Linux 5.8 or newer" },
	{ "BPF", "bpf_loop", "bpf_loop", say_bpf_loop, "needs Linux 5.17 or newer" },
	{ "BPF", "task_storage", "task storage", say_task_storage, "needs Linux 5.12 or newer" },
	{ "hooks", "perf_event", "software clock", say_perf_event,
	  "boot a kernel with CONFIG_PERF_EVENTS=y and CONFIG_BPF_EVENTS=y" },
	{ "hooks", "pmu", "hardware counters", say_pmu },
	{ "hooks", "raw_tracepoint", "raw tracepoints", say_raw_tracepoint,
	  "boot a kernel with CONFIG_BPF_EVENTS=y" },
	{ "hooks", "tp_btf", "typed tracepoints", say_tp_btf,
	  "boot a kernel with CONFIG_DEBUG_INFO_BTF=y and CONFIG_BPF_EVENTS=y" },
	{ "hooks", "iterators", "iterators", say_iterators, "needs Linux 5.8 or newer, with BTF" },
	{ "hooks", "fentry", "fentry", say_fentry },
	{ "hooks", "kprobe", "kprobes", say_kprobe },
	{ "hooks", "uprobe_multi", "uprobe_multi", say_uprobe_multi, "needs Linux 6.6 or newer" },
	{ "hooks", "uprobe", "uprobes", say_uprobe, "boot a kernel with CONFIG_UPROBE_EVENTS=y" },
	{ 0 },
};
