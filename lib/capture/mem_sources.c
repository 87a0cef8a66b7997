// SPDX-License-Identifier: BSD-2-Clause
#include "capture/mem_sources.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "capture/allocator_functions.h"
#include "core/auto.h"

const char *const eo_mem_source_options[] = {
	[EO_MEM_LIBC] = "libc",	    [EO_MEM_MMAP] = "mmap", [EO_MEM_FAULTS] = "faults",
	[EO_MEM_KERNEL] = "kernel", [EO_MEM_SOURCES] = NULL,
};

static const char *const event_names[] = {
	[EO_MEM_LIBC] = "libc",
	[EO_MEM_MMAP] = "mmap",
	[EO_MEM_FAULTS] = "fault",
	[EO_MEM_KERNEL] = "kernel",
};

static const char *const functions[EO_MEM_FUNCTIONS] = {
	[EO_MEM_CALL_MMAP] = "mmap",
	[EO_MEM_CALL_MUNMAP] = "munmap",
	[EO_MEM_CALL_MREMAP] = "mremap",
	[EO_MEM_CALL_BRK] = "brk",
	[EO_MEM_PAGE_FAULT] = "page_fault",
	[EO_MEM_RESIDENT] = "resident",
	[EO_MEM_RELEASED] = "released",
	[EO_MEM_KMALLOC] = "kmalloc",
	[EO_MEM_KFREE] = "kfree",
	[EO_MEM_KMEM_CACHE_ALLOC] = "kmem_cache_alloc",
	[EO_MEM_KMEM_CACHE_FREE] = "kmem_cache_free",
};

const char *eo_mem_source_name(unsigned int source)
{
	return source < EO_ARRAY_SIZE(event_names) ? event_names[source] : "?";
}

const char *eo_mem_function_name(unsigned int source, unsigned int function)
{
	if (source == EO_MEM_LIBC)
		return eo_allocator_function_name(function);
	return function < EO_MEM_FUNCTIONS && functions[function] ? functions[function] : "?";
}

static const struct {
	const char *name;
	enum eo_mem_source source;
	bool events; /* only for them */
} programs[] = {
	{"on_enter", EO_MEM_LIBC, false},
	{"on_leave", EO_MEM_LIBC, false},
	{"on_declared", EO_MEM_LIBC, false},
	{"on_map_enter", EO_MEM_MMAP, false},
	{"on_map_return", EO_MEM_MMAP, false},
	{"on_rss_stat", EO_MEM_FAULTS, false},
	{"on_page_fault", EO_MEM_FAULTS, true},
	{"on_kmalloc", EO_MEM_KERNEL, false},
	{"on_kmem_cache_alloc", EO_MEM_KERNEL, false},
	{"on_kfree", EO_MEM_KERNEL, false},
	{"on_kmem_cache_free", EO_MEM_KERNEL, false},
};

/* Do the tracepoint's arguments stand where our programs look for them? They have since v6.1, kernel
 * commit 11e9734bcb6a. Raw tracepoints take programs that do not fit as well. */
static bool has_arguments(const struct btf *kernel, const char *type, const char *const *kinds,
			  unsigned int count)
{
	int id = btf__find_by_name_kind(kernel, type, BTF_KIND_TYPEDEF);
	const struct btf_type *t = id > 0 ? btf__type_by_id(kernel, (uint32_t)id) : NULL;

	t = t ? btf__type_by_id(kernel, t->type) : NULL; /* a pointer */
	t = t ? btf__type_by_id(kernel, t->type) : NULL;
	if (!t || !btf_is_func_proto(t) || btf_vlen(t) != count)
		return false;
	for (unsigned int i = 0; i < count; i++) {
		const struct btf_type *pointed = btf__type_by_id(kernel, btf_params(t)[i].type);

		if (!kinds[i])
			continue;
		while (pointed && (btf_is_ptr(pointed) || btf_is_mod(pointed)))
			pointed = btf__type_by_id(kernel, pointed->type);
		if (!pointed || strcmp(btf__name_by_offset(kernel, pointed->name_off), kinds[i]) != 0)
			return false;
	}
	return true;
}

static bool has_slab_tracepoints(const struct btf *kernel)
{
	/* The first argument is the program's own. */
	static const char *const cache[] = {NULL, NULL, NULL, "kmem_cache", NULL, NULL};
	static const char *const sizes[7] = {NULL};

	return kernel && has_arguments(kernel, "btf_trace_kmem_cache_alloc", cache, 6) &&
	       has_arguments(kernel, "btf_trace_kmalloc", sizes, 7);
}

static bool has_rss_tracepoint(void)
{
	return access("/sys/kernel/tracing/events/kmem/rss_stat/id", F_OK) == 0 ||
	       access("/sys/kernel/debug/tracing/events/kmem/rss_stat/id", F_OK) == 0;
}

int eo_mem_sources_choose(struct bpf_object *object, const struct btf *kernel,
			  unsigned int sources, bool events, struct eo_error *err)
{
	if (sources & EO_MEM_BIT(EO_MEM_KERNEL) && !has_slab_tracepoints(kernel))
		return eo_error_set(err, EO_ERROR_INCOMPATIBLE_KERNEL, EOPNOTSUPP,
				    "needs Linux 6.1 or newer; the other sources of memory 5.17",
				    "trace the kernel's allocations");
	if (sources & EO_MEM_BIT(EO_MEM_FAULTS) && !has_rss_tracepoint())
		return eo_error_set(err, EO_ERROR_ATTACH_FAILED, ENOENT,
				    "mount it: mount -t tracefs tracefs /sys/kernel/tracing",
				    "find the tracepoint kmem:rss_stat in tracefs");
	for (size_t i = 0; i < EO_ARRAY_SIZE(programs); i++) {
		struct bpf_program *program =
			bpf_object__find_program_by_name(object, programs[i].name);
		bool wanted = sources & EO_MEM_BIT(programs[i].source) &&
			      (events || !programs[i].events);

		if (program) /* not on every kind of machine */
			bpf_program__set_autoload(program, wanted);
	}
	return 0;
}
