// SPDX-License-Identifier: BSD-2-Clause
#include "capture/allocators.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/allocator_functions.h"
#include "capture/cpus.h"
#include "capture/filter.h"
#include "capture/sideband.h"
#include "capture/uprobes.h"
#include "core/clock.h"
#include "core/hash.h"
#include "core/index.h"
#include "symbol/elf_functions.h"
#include "symbol/mapped_file.h"
#include "symbol/process.h"
#include "symbol/usdt.h"

#define FUNCTIONS_MAX 256u /* in one file */
#define PARTS_MAX     65536u
#define REAP_AFTER_NS (2 * EO_NS_PER_SEC)
#define TICK_NS	      EO_NS_PER_SEC

/* A file that was looked at. */
struct file {
	dev_t device;
	uint64_t inode, size, mtime_ns;
	bool named;
	struct eo_uprobe *enter, *leave; /* one allocation */
	size_t enter_count, leave_count; /* 0: no allocator */
	bool declared; /* enter is of probes that it declares */
};

/* A part of a mapping, as processes number them, that belongs to no allocator. */
struct part {
	uint64_t part;
};

struct attachment {
	uint32_t tgid; /* 0: everybody */
	uint32_t file;
	struct eo_uprobes *enter, *leave; /* NULL: that failed, and is not tried again */
};

struct eo_allocators {
	struct eo_allocators_options options;
	struct eo_processes *processes;
	struct eo_sideband *sideband;
	struct file *files;
	uint32_t file_count;
	struct part *parts;
	uint32_t part_count;
	struct eo_index part_index;
	uint32_t place_count; /* in the map */
	struct attachment *attachments;
	uint32_t attachment_count;
	bool begun;
	uint64_t seed, ticked_ns, lost;
	struct eo_allocators_stats stats;
	struct eo_error *err; /* where an attachment that fails says why; NULL: nowhere */
	int failure;	      /* -ENOMEM */
};

/* ---- files ---- */

static const char **function_names(void)
{
	const char **names = calloc(eo_allocator_function_count, sizeof(*names));

	for (size_t i = 0; names && i < eo_allocator_function_count; i++)
		names[i] = eo_allocator_functions[i].name;
	return names;
}

/* The whole of an allocator, or some functions that happen to be called like its? */
static bool is_allocator(const struct eo_elf_function *functions, size_t count)
{
	bool allocates = false, frees = false;

	for (size_t i = 0; i < count; i++) {
		allocates |= strcmp(eo_allocator_functions[functions[i].name].name, "malloc") == 0;
		frees |= strcmp(eo_allocator_functions[functions[i].name].name, "free") == 0;
	}
	return allocates && frees;
}

/* What frees is probed first: a block whose free was missed would seem to be held. */
static int compare_functions(const void *a, const void *b)
{
	const struct eo_uprobe *x = a, *y = b;
	bool x_frees = (x->cookie & 0xff) >= EO_MEM_REALLOC, y_frees = (y->cookie & 0xff) >= EO_MEM_REALLOC;

	return y_frees - x_frees;
}

static int set_functions(struct file *file, const struct eo_elf_function *functions, size_t count)
{
	file->enter = calloc(count ? 2 * count : 1, sizeof(*file->enter));
	if (!file->enter)
		return -ENOMEM;
	file->leave = file->enter + count;
	for (size_t i = 0; i < count; i++) {
		enum eo_mem_shape shape = eo_allocator_functions[functions[i].name].shape;
		const struct eo_uprobe place = {
			.offset = functions[i].offset,
			.cookie = EO_MEM_COOKIE(shape, functions[i].name),
		};

		file->enter[file->enter_count++] = place;
		if (shape != EO_MEM_FREE)
			file->leave[file->leave_count++] = place;
	}
	qsort(file->enter, file->enter_count, sizeof(*file->enter), compare_functions);
	return 0;
}

/* As the BPF programs want it. */
static struct eo_mem_argument argument_of(const struct eo_usdt_argument *argument)
{
	return (struct eo_mem_argument){
		.kind = argument->kind == EO_USDT_CONSTANT ? EO_MEM_ARGUMENT_CONSTANT :
			argument->kind == EO_USDT_REGISTER ? EO_MEM_ARGUMENT_REGISTER :
							     EO_MEM_ARGUMENT_MEMORY,
		.bytes = argument->size,
		.is_signed = argument->is_signed,
		.scale = argument->scale,
		.base = argument->base == EO_USDT_NO_REGISTER ? EO_MEM_NO_REGISTER :
								(uint16_t)(8 * argument->base),
		.index = argument->index == EO_USDT_NO_REGISTER ? EO_MEM_NO_REGISTER :
								  (uint16_t)(8 * argument->index),
		.value = argument->value,
	};
}

static int add_place(struct eo_allocators *a, struct file *file, const struct eo_usdt_probe *probe)
{
	static const unsigned int functions[] = {EO_ALLOCATOR_DECLARED_ALLOC, EO_ALLOCATOR_DECLARED_FREE};
	enum eo_mem_shape shape = eo_allocator_functions[functions[probe->name]].shape;
	const struct eo_mem_place place = {
		.address = argument_of(&probe->arguments[0]),
		.size = argument_of(&probe->arguments[1]),
	};

	if (probe->argument_count < (shape == EO_MEM_FREE ? 1 : 2) || a->place_count == EO_MEM_PLACES)
		return -EINVAL;
	if (bpf_map_update_elem(a->options.places_fd, &a->place_count, &place, BPF_ANY) < 0)
		return -errno;
	file->enter[file->enter_count++] = (struct eo_uprobe){
		.offset = probe->offset,
		.semaphore = probe->semaphore,
		.cookie = EO_MEM_PLACE_COOKIE(shape, functions[probe->name], a->place_count++),
	};
	return 0;
}

/* An allocator that declares where it gives and takes. Should one of its probes not be understood, its
 * functions are left. */
static int read_declared(struct eo_allocators *a, struct file *file, int fd)
{
	static const char *const names[] = {"alloc", "free"};
	EO_AUTO_FREE struct eo_usdt_probe *probes = calloc(FUNCTIONS_MAX, sizeof(*probes));
	bool has[2] = {false};
	int count, r = 0;

	if (!probes)
		return -ENOMEM;
	count = eo_usdt_find(fd, EO_ALLOCATOR_PROVIDER, names, EO_ARRAY_SIZE(names), probes, FUNCTIONS_MAX);
	for (int i = 0; i < count; i++)
		has[probes[i].name] = true;
	if (count < 0 || !has[0] || !has[1])
		return count == -ENOMEM ? count : 0;
	file->enter = calloc((size_t)count, sizeof(*file->enter));
	if (!file->enter)
		return -ENOMEM;
	for (int i = 0; i < count && r == 0; i++)
		r = add_place(a, file, &probes[i]);
	file->declared = r == 0;
	if (r == 0)
		return 0;
	free(eo_steal(&file->enter));
	file->enter_count = 0;
	return 0;
}

static int read_functions(struct file *file, int fd)
{
	EO_AUTO_FREE struct eo_elf_function *functions = calloc(FUNCTIONS_MAX, sizeof(*functions));
	EO_AUTO_FREE const char **names = function_names();
	int count;

	if (!functions || !names)
		return -ENOMEM;
	count = eo_elf_functions_find(fd, names, eo_allocator_function_count, functions, FUNCTIONS_MAX);
	if (count == -ENOMEM)
		return count;
	if (count < 0 || (!file->named && !is_allocator(functions, (size_t)count)))
		count = 0;
	return set_functions(file, functions, (size_t)count);
}

/* The number of the file behind @fd. Returns a negative errno when it cannot be told. */
static int number_file(struct eo_allocators *a, int fd, bool named)
{
	struct file file = {.named = named}, *larger;
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	file.device = st.st_dev;
	file.inode = st.st_ino;
	file.size = (uint64_t)st.st_size;
	file.mtime_ns = (uint64_t)st.st_mtim.tv_sec * EO_NS_PER_SEC + (uint64_t)st.st_mtim.tv_nsec;
	for (uint32_t i = 0; i < a->file_count; i++)
		if (a->files[i].device == file.device && a->files[i].inode == file.inode &&
		    a->files[i].size == file.size && a->files[i].mtime_ns == file.mtime_ns)
			return (int)i;
	larger = reallocarray(a->files, a->file_count + 1, sizeof(*larger));
	if (!larger)
		return -ENOMEM;
	a->files = larger;
	r = read_declared(a, &file, fd);
	if (r == 0 && !file.declared)
		r = read_functions(&file, fd);
	if (r < 0)
		return r;
	a->files[a->file_count] = file;
	return (int)a->file_count++;
}

/* ---- parts that need no second look ---- */

static bool is_no_allocator(const struct eo_allocators *a, uint64_t part)
{
	uint32_t hash = (uint32_t)eo_hash_words(a->seed, &part, 1), cursor = 0, i;

	while ((i = eo_index_next(&a->part_index, hash, &cursor)) != EO_INDEX_NONE)
		if (a->parts[i].part == part)
			return true;
	return false;
}

static void remember_no_allocator(struct eo_allocators *a, uint64_t part)
{
	uint32_t hash = (uint32_t)eo_hash_words(a->seed, &part, 1);

	if (a->part_count == PARTS_MAX) { /* files come and go */
		eo_index_fini(&a->part_index);
		a->part_index = (struct eo_index){0};
		a->part_count = 0;
	}
	if ((a->part_count & (a->part_count - 1)) == 0) {
		size_t room = a->part_count ? 2 * (size_t)a->part_count : 64;
		struct part *larger = reallocarray(a->parts, room, sizeof(*larger));

		if (!larger)
			return;
		a->parts = larger;
	}
	if (eo_index_add(&a->part_index, hash, a->part_count) == 0)
		a->parts[a->part_count++].part = part;
}

/* ---- probes ---- */

static bool is_attached(const struct eo_allocators *a, uint32_t tgid, uint32_t file)
{
	for (uint32_t i = 0; i < a->attachment_count; i++)
		if (a->attachments[i].tgid == tgid && a->attachments[i].file == file)
			return true;
	return false;
}

static int attach(struct eo_allocators *a, uint32_t tgid, uint32_t number, int fd, const char *path)
{
	const struct eo_allocators_options *options = &a->options;
	const struct file *file = &a->files[number];
	struct attachment *larger =
		reallocarray(a->attachments, a->attachment_count + 1, sizeof(*larger)), *made;
	int r;

	if (!larger)
		return -ENOMEM;
	a->attachments = larger;
	made = &a->attachments[a->attachment_count++];
	*made = (struct attachment){.tgid = tgid, .file = number};
	/* Returns first: a call that begins in between would never be seen to end. */
	r = file->leave_count ? eo_uprobes_attach(options->leave, options->multi, true, tgid, fd, file->leave,
						  file->leave_count, path, &made->leave, a->err)
			      : 0;
	if (r == 0)
		r = eo_uprobes_attach(file->declared ? options->declared : options->enter, options->multi,
				      false, tgid, fd, file->enter, file->enter_count, path, &made->enter,
				      a->err);
	if (r < 0) {
		eo_uprobes_free(eo_steal(&made->leave));
		a->stats.denied += r != -ESRCH;
		return r;
	}
	a->stats.files++;
	a->stats.functions += file->enter_count;
	a->stats.late += a->begun && tgid;
	return 0;
}

static void detach(struct eo_allocators *a, struct attachment *attachment)
{
	if (attachment->enter) {
		a->stats.files--;
		a->stats.functions -= a->files[attachment->file].enter_count;
	}
	eo_uprobes_free(attachment->enter);
	eo_uprobes_free(attachment->leave);
}

/* ---- processes ---- */

struct look {
	struct eo_allocators *a;
	uint32_t tgid;
	int failure;
};

static void look_at_vma(void *ctx, const struct eo_vma *vma)
{
	struct look *look = ctx;
	struct eo_allocators *a = look->a;
	uint32_t tgid = a->options.everywhere ? 0 : look->tgid;
	struct eo_mapped_file mapped;
	EO_AUTO_CLOSE int fd = -1;
	int number, r;

	if (vma->path[0] != '/' || is_no_allocator(a, vma->part))
		return;
	r = eo_mapped_file_open(look->tgid, vma, &mapped);
	if (r < 0) {
		a->stats.denied += r == -EACCES;
		return;
	}
	fd = mapped.fd;
	number = number_file(a, fd, false);
	if (number == -ENOMEM)
		a->failure = number;
	if (number < 0)
		return;
	if (!a->files[number].enter_count) {
		remember_no_allocator(a, vma->part);
		return;
	}
	if (is_attached(a, tgid, (uint32_t)number))
		return;
	r = attach(a, tgid, (uint32_t)number, fd, vma->path);
	if (r < 0)
		look->failure = r;
}

static bool is_target(const struct eo_allocators *a, uint32_t tgid)
{
	uint32_t state;

	return a->options.targets_fd < 0 ||
	       bpf_map_lookup_elem(a->options.targets_fd, &tgid, &state) == 0;
}

/* Returns why something of it could not be probed. */
static int look_at(struct eo_allocators *a, uint32_t tgid)
{
	struct look look = {.a = a, .tgid = tgid};

	eo_processes_each_vma(a->processes, tgid, look_at_vma, &look);
	return look.failure;
}

static void drop_process(struct eo_allocators *a, uint32_t tgid)
{
	for (uint32_t i = 0; i < a->attachment_count;) {
		if (a->attachments[i].tgid != tgid) {
			i++;
			continue;
		}
		detach(a, &a->attachments[i]);
		a->attachments[i] = a->attachments[--a->attachment_count];
	}
}

static void on_change(void *ctx, uint32_t tgid)
{
	struct eo_allocators *a = ctx;

	if (tgid == (uint32_t)getpid())
		return;
	if (!eo_processes_generation(a->processes, tgid))
		drop_process(a, tgid);
	else if (is_target(a, tgid))
		look_at(a, tgid);
}

/* ---- an object ---- */

static int listen_to_news(struct eo_allocators *a, struct eo_error *err)
{
	EO_AUTO_FREE uint32_t *online = NULL;
	int count = eo_cpus_online(&online, err);

	return count < 0 ? count : eo_sideband_cover(a->sideband, online, (size_t)count, err);
}

int eo_allocators_new(const struct eo_allocators_options *options, struct eo_allocators **ret,
		      struct eo_error *err)
{
	EO_AUTO(eo_allocators) a = calloc(1, sizeof(*a));
	int r;

	if (!a)
		return eo_error_set(err, EO_ERROR_ATTACH_FAILED, ENOMEM, NULL, "allocate the list of allocators");
	a->options = *options;
	a->seed = eo_hash_seed();
	r = eo_processes_new(&a->processes, err);
	if (r == 0)
		r = eo_sideband_new(a->processes, &a->sideband, err);
	if (r == 0)
		r = listen_to_news(a, err);
	if (r < 0)
		return r;
	eo_processes_changes(a->processes, NULL, NULL); /* take notes from now on */
	*ret = eo_steal(&a);
	return 0;
}

void eo_allocators_free(struct eo_allocators *a)
{
	if (!a)
		return;
	for (uint32_t i = 0; i < a->attachment_count; i++)
		detach(a, &a->attachments[i]);
	for (uint32_t i = 0; i < a->file_count; i++)
		free(a->files[i].enter);
	eo_sideband_free(a->sideband);
	eo_processes_free(a->processes);
	eo_index_fini(&a->part_index);
	free(a->attachments);
	free(a->files);
	free(a->parts);
	free(a);
}

static int begin_library(struct eo_allocators *a, const char *path, struct eo_error *err)
{
	EO_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int number = fd < 0 ? -errno : number_file(a, fd, true);

	if (number < 0)
		return eo_error_set(err, eo_error_kind_of(-number, EO_ERROR_CONFIG), -number, NULL,
				    "read library %s", path);
	if (!a->files[number].enter_count)
		return eo_error_set(err, EO_ERROR_CONFIG, 0,
				    "it must export malloc() and free(), or these with a known prefix",
				    "read library %s: no allocator's functions are in it", path);
	return a->options.everywhere ? attach(a, 0, (uint32_t)number, fd, path) : 0;
}

static int begin_process(struct eo_allocators *a, uint32_t tgid, struct eo_error *err)
{
	uint32_t had = a->attachment_count;
	int r = eo_processes_scan(a->processes, tgid);

	if (r == -ESRCH)
		return 0; /* it ends while we begin */
	r = look_at(a, tgid);
	if (r < 0 && r != -ESRCH)
		return r;
	if (a->attachment_count > had || a->options.everywhere)
		return 0;
	return eo_error_set(err, EO_ERROR_ATTACH_FAILED, 0,
			    "name its allocator's file with --library, or use --source=mmap or faults",
			    "find malloc() and free() in process %u: no file that it maps has both", tgid);
}

static int open_command(const char *name)
{
	const char *at = getenv("PATH"), *end;
	char path[4096];
	int fd = -1;

	if (strchr(name, '/'))
		return open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	for (; at && *at && fd < 0; at = *end ? end + 1 : end) {
		end = strchrnul(at, ':');
		if (snprintf(path, sizeof(path), "%.*s/%s", (int)(end - at), at, name) < (int)sizeof(path))
			fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	}
	return fd;
}

/* What has its allocator in itself would have run before its mappings are known. Should this go wrong,
 * it is probed as others are. */
static void begin_command(struct eo_allocators *a, uint32_t tgid)
{
	EO_AUTO_CLOSE int fd = open_command(a->options.command);
	int number = fd < 0 ? fd : number_file(a, fd, false);

	if (number >= 0 && a->files[number].enter_count)
		attach(a, a->options.everywhere ? 0 : tgid, (uint32_t)number, fd, a->options.command);
}

int eo_allocators_begin(struct eo_allocators *a, const struct eo_target *target, struct eo_error *err)
{
	int r = 0;

	a->err = err;
	for (size_t i = 0; i < a->options.library_count && r == 0; i++)
		r = begin_library(a, a->options.libraries[i], err);
	for (size_t i = 0; i < target->pid_count && r == 0; i++)
		r = begin_process(a, target->pids[i], err);
	/* Before its exec a command maps what we map, and most likely the same libc behind it. */
	if (r == 0 && target->command_pid && eo_processes_scan(a->processes, target->command_pid) == 0)
		look_at(a, target->command_pid);
	if (r == 0 && target->command_pid && a->options.command)
		begin_command(a, target->command_pid);
	if (r == 0 && a->options.targets_fd < 0) {
		r = eo_processes_scan_all(a->processes);
		r = r < 0 ? eo_error_set(err, EO_ERROR_ATTACH_FAILED, -r, NULL, "read /proc") : 0;
	}
	a->err = NULL;
	if (r == 0 && a->options.targets_fd < 0)
		eo_processes_changes(a->processes, on_change, a);
	a->begun = true;
	return r;
}

int eo_allocators_update(struct eo_allocators *a)
{
	uint64_t now_ns = eo_clock_monotonic_ns(), lost = eo_sideband_lost(a->sideband);
	int r = eo_sideband_apply(a->sideband, now_ns);

	if (lost > a->lost)
		eo_processes_scan_all(a->processes);
	a->lost = lost;
	if (now_ns > REAP_AFTER_NS)
		eo_processes_reap(a->processes, now_ns - REAP_AFTER_NS);
	eo_processes_changes(a->processes, on_change, a);
	if (now_ns - a->ticked_ns >= TICK_NS) {
		a->ticked_ns = now_ns;
		listen_to_news(a, NULL); /* a CPU may have come */
	}
	return r < 0 ? r : a->failure;
}

int eo_allocators_fd(const struct eo_allocators *a)
{
	return eo_sideband_fd(a->sideband);
}

struct eo_allocators_stats eo_allocators_stats(const struct eo_allocators *a)
{
	struct eo_allocators_stats stats = a->stats;

	stats.news_lost = eo_sideband_lost(a->sideband);
	return stats;
}

uint64_t eo_allocators_bytes(const struct eo_allocators *a)
{
	return eo_sideband_bytes(a->sideband);
}
