// SPDX-License-Identifier: BSD-2-Clause
#include "capture/function_probes.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "capture/cpus.h"
#include "capture/sideband.h"
#include "capture/uprobes.h"
#include "core/array.h"
#include "core/clock.h"
#include "core/hash.h"
#include "core/index.h"
#include "symbol/elf_functions.h"
#include "symbol/mapped_file.h"
#include "symbol/process.h"

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
	size_t enter_count, leave_count; /* 0: of no interest */
	bool declares; /* enter is what it declares itself */
};

struct attachment {
	uint32_t tgid; /* 0: everybody */
	uint32_t file;
	struct eo_uprobes *enter, *leave; /* NULL: that failed, and is not tried again */
};

struct eo_function_probes {
	struct eo_function_probes_options options;
	struct eo_probed_function *functions; /* those of the options */
	const char **names;		      /* likewise */
	struct eo_processes *processes;
	struct eo_sideband *sideband;
	struct file *files;
	uint32_t file_count, file_room;
	uint64_t *parts; /* of mappings, as processes number them, that are of no interest */
	uint32_t part_count, part_room;
	struct eo_index part_index;
	struct attachment *attachments;
	uint32_t attachment_count, attachment_room;
	bool begun;
	uint64_t seed, ticked_ns, lost;
	struct eo_function_probes_stats stats;
	struct eo_error *err; /* where an attachment that fails says why; NULL: nowhere */
	int failure;	      /* -ENOMEM */
};

/* ---- files ---- */

static bool has_function(const struct eo_function_probes *p, const struct eo_elf_function *found,
			 size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(p->names[found[i].name], name))
			return true;
	return false;
}

/* Is it the library, or are some of its functions called like one of that? */
static bool is_wanted(const struct eo_function_probes *p, const struct eo_elf_function *found,
		      size_t count)
{
	for (const char *const *name = p->options.needed; *name; name++)
		if (!has_function(p, found, count, *name))
			return false;
	return true;
}

static void add_functions(const struct eo_function_probes *p, struct file *file,
			  const struct eo_elf_function *found, size_t count, bool first)
{
	for (size_t i = 0; i < count; i++) {
		const struct eo_probed_function *function = &p->functions[found[i].name];
		const struct eo_uprobe place = {
			.offset = found[i].offset,
			.cookie = function->cookie,
		};

		if (function->first != first)
			continue;
		file->enter[file->enter_count++] = place;
		if (function->returns)
			file->leave[file->leave_count++] = place;
	}
}

static int set_functions(const struct eo_function_probes *p, struct file *file,
			 const struct eo_elf_function *found, size_t count)
{
	file->enter = calloc(count ? 2 * count : 1, sizeof(*file->enter));
	if (!file->enter)
		return -ENOMEM;
	file->leave = file->enter + count;
	add_functions(p, file, found, count, true);
	add_functions(p, file, found, count, false);
	return 0;
}

static int read_functions(const struct eo_function_probes *p, struct file *file, int fd)
{
	EO_AUTO_FREE struct eo_elf_function *found = calloc(FUNCTIONS_MAX, sizeof(*found));
	int count;

	if (!found)
		return -ENOMEM;
	count = eo_elf_functions_find(fd, p->names, p->options.function_count, found, FUNCTIONS_MAX);
	if (count == -ENOMEM)
		return count;
	if (count < 0 || (!file->named && !is_wanted(p, found, (size_t)count)))
		count = 0;
	return set_functions(p, file, found, (size_t)count);
}

static int read_declared(const struct eo_function_probes *p, struct file *file, int fd)
{
	int count = p->options.declares ?
			    p->options.declares(p->options.declares_ctx, fd, &file->enter) : 0;

	if (count <= 0)
		return count;
	file->enter_count = (size_t)count;
	file->declares = true;
	return 0;
}

/* The number of the file behind @fd. Returns a negative errno when it cannot be told. */
static int number_file(struct eo_function_probes *p, int fd, bool named)
{
	struct file file = {.named = named};
	struct statfs fs;
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0 || fstatfs(fd, &fs) < 0)
		return -errno;
	/* Containers of one image have one file, each on a device of its own, and probes are the file's. */
	file.device = fs.f_type == OVERLAYFS_SUPER_MAGIC ? 0 : st.st_dev;
	file.inode = st.st_ino;
	file.size = (uint64_t)st.st_size;
	file.mtime_ns = (uint64_t)st.st_mtim.tv_sec * EO_NS_PER_SEC + (uint64_t)st.st_mtim.tv_nsec;
	for (uint32_t i = 0; i < p->file_count; i++)
		if (p->files[i].device == file.device && p->files[i].inode == file.inode &&
		    p->files[i].size == file.size && p->files[i].mtime_ns == file.mtime_ns)
			return (int)i;
	if (!EO_ARRAY_RESERVE(p->files, p->file_count + 1, p->file_room, 16))
		return -ENOMEM;
	r = read_declared(p, &file, fd);
	if (r == 0 && !file.declares)
		r = read_functions(p, &file, fd);
	if (r < 0)
		return r;
	p->files[p->file_count] = file;
	return (int)p->file_count++;
}

/* ---- parts that need no second look ---- */

static bool is_unwanted(const struct eo_function_probes *p, uint64_t part)
{
	uint32_t hash = (uint32_t)eo_hash_words(p->seed, &part, 1), cursor = 0, i;

	while ((i = eo_index_next(&p->part_index, hash, &cursor)) != EO_INDEX_NONE)
		if (p->parts[i] == part)
			return true;
	return false;
}

static void remember_unwanted(struct eo_function_probes *p, uint64_t part)
{
	uint32_t hash = (uint32_t)eo_hash_words(p->seed, &part, 1);

	if (p->part_count == PARTS_MAX) { /* files come and go */
		eo_index_fini(&p->part_index);
		p->part_index = (struct eo_index){0};
		p->part_count = 0;
	}
	if (!EO_ARRAY_RESERVE(p->parts, p->part_count + 1, p->part_room, 64))
		return;
	if (eo_index_add(&p->part_index, hash, p->part_count) == 0)
		p->parts[p->part_count++] = part;
}

/* ---- probes ---- */

static bool is_attached(const struct eo_function_probes *p, uint32_t tgid, uint32_t file)
{
	for (uint32_t i = 0; i < p->attachment_count; i++)
		if (p->attachments[i].tgid == tgid && p->attachments[i].file == file)
			return true;
	return false;
}

static int attach(struct eo_function_probes *p, uint32_t tgid, uint32_t number, int fd, const char *path)
{
	const struct eo_function_probes_options *options = &p->options;
	const struct file *file = &p->files[number];
	struct attachment *made;
	int r;

	if (!EO_ARRAY_RESERVE(p->attachments, p->attachment_count + 1, p->attachment_room, 16))
		return -ENOMEM;
	made = &p->attachments[p->attachment_count++];
	*made = (struct attachment){.tgid = tgid, .file = number};
	/* Returns first: a call that begins in between would never be seen to end. */
	r = file->leave_count ? eo_uprobes_attach(options->leave, options->multi, true, tgid, fd, file->leave,
						  file->leave_count, path, &made->leave, p->err)
			      : 0;
	if (r == 0)
		r = eo_uprobes_attach(file->declares ? options->declared : options->enter,
				      options->multi, false, tgid, fd, file->enter, file->enter_count,
				      path, &made->enter, p->err);
	if (r < 0) {
		eo_uprobes_free(eo_steal(&made->leave));
		p->stats.denied += r != -ESRCH;
		return r;
	}
	p->stats.late += p->begun && tgid;
	return 0;
}

static void detach(struct attachment *attachment)
{
	eo_uprobes_free(attachment->enter);
	eo_uprobes_free(attachment->leave);
}

/* ---- processes ---- */

struct look {
	struct eo_function_probes *p;
	uint32_t tgid;
	int failure;
};

static void look_at_vma(void *ctx, const struct eo_vma *vma)
{
	struct look *look = ctx;
	struct eo_function_probes *p = look->p;
	uint32_t tgid = p->options.everywhere ? 0 : look->tgid;
	struct eo_mapped_file mapped;
	EO_AUTO_CLOSE int fd = -1;
	int number, r;

	if (vma->path[0] != '/' || is_unwanted(p, vma->part))
		return;
	r = eo_mapped_file_open(look->tgid, vma, &mapped);
	if (r < 0) {
		p->stats.denied += r == -EACCES;
		return;
	}
	fd = mapped.fd;
	number = number_file(p, fd, false);
	if (number == -ENOMEM)
		p->failure = number;
	if (number < 0)
		return;
	if (!p->files[number].enter_count) {
		remember_unwanted(p, vma->part);
		return;
	}
	if (is_attached(p, tgid, (uint32_t)number))
		return;
	r = attach(p, tgid, (uint32_t)number, fd, vma->path);
	if (r < 0)
		look->failure = r;
}

static bool is_target(const struct eo_function_probes *p, uint32_t tgid)
{
	uint32_t state;

	return p->options.targets_fd < 0 ||
	       bpf_map_lookup_elem(p->options.targets_fd, &tgid, &state) == 0;
}

/* Returns why something of it could not be probed. */
static int look_at(struct eo_function_probes *p, uint32_t tgid)
{
	struct look look = {.p = p, .tgid = tgid};

	eo_processes_each_vma(p->processes, tgid, look_at_vma, &look);
	return look.failure;
}

static void drop_process(struct eo_function_probes *p, uint32_t tgid)
{
	for (uint32_t i = 0; i < p->attachment_count;) {
		if (p->attachments[i].tgid != tgid) {
			i++;
			continue;
		}
		detach(&p->attachments[i]);
		p->attachments[i] = p->attachments[--p->attachment_count];
	}
}

static void on_change(void *ctx, uint32_t tgid)
{
	struct eo_function_probes *p = ctx;

	if (tgid == (uint32_t)getpid())
		return;
	if (!eo_processes_generation(p->processes, tgid))
		drop_process(p, tgid);
	else if (is_target(p, tgid))
		look_at(p, tgid);
}

/* ---- an object ---- */

static int listen_to_news(struct eo_function_probes *p, struct eo_error *err)
{
	EO_AUTO_FREE uint32_t *online = NULL;
	int count = eo_cpus_online(&online, err);

	return count < 0 ? count : eo_sideband_cover(p->sideband, online, (size_t)count, err);
}

static int copy_functions(struct eo_function_probes *p)
{
	size_t count = p->options.function_count;

	p->functions = calloc(count, sizeof(*p->functions));
	p->names = calloc(count, sizeof(*p->names));
	if (!p->functions || !p->names)
		return -ENOMEM;
	memcpy(p->functions, p->options.functions, count * sizeof(*p->functions));
	p->options.functions = p->functions;
	for (size_t i = 0; i < count; i++)
		p->names[i] = p->functions[i].name;
	return 0;
}

int eo_function_probes_new(const struct eo_function_probes_options *options,
			   struct eo_function_probes **ret, struct eo_error *err)
{
	EO_AUTO(eo_function_probes) p = calloc(1, sizeof(*p));
	int r;

	if (p)
		p->options = *options;
	if (!p || copy_functions(p) < 0)
		return eo_error_set(err, EO_ERROR_ATTACH_FAILED, ENOMEM, NULL,
				    "allocate the list of functions");
	p->seed = eo_hash_seed();
	r = eo_processes_new(&p->processes, err);
	if (r == 0)
		r = eo_sideband_new(p->processes, &p->sideband, err);
	if (r == 0)
		r = listen_to_news(p, err);
	if (r < 0)
		return r;
	eo_processes_changes(p->processes, NULL, NULL); /* take notes from now on */
	*ret = eo_steal(&p);
	return 0;
}

void eo_function_probes_free(struct eo_function_probes *p)
{
	if (!p)
		return;
	for (uint32_t i = 0; i < p->attachment_count; i++)
		detach(&p->attachments[i]);
	for (uint32_t i = 0; i < p->file_count; i++)
		free(p->files[i].enter);
	eo_sideband_free(p->sideband);
	eo_processes_free(p->processes);
	eo_index_fini(&p->part_index);
	free(p->attachments);
	free(p->functions);
	free(p->names);
	free(p->files);
	free(p->parts);
	free(p);
}

int eo_function_probes_add_file(struct eo_function_probes *p, const char *path, bool named,
				struct eo_error *err)
{
	EO_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int number = fd < 0 ? -errno : number_file(p, fd, named), r = 0;
	size_t count;

	if (number < 0)
		return eo_error_set(err, eo_error_kind_of(-number, EO_ERROR_CONFIG), -number, NULL,
				    "read library %s", path);
	count = p->files[number].enter_count;
	p->err = err;
	if (count && p->options.everywhere && !is_attached(p, 0, (uint32_t)number))
		r = attach(p, 0, (uint32_t)number, fd, path);
	p->err = NULL;
	return r < 0 ? r : (int)count;
}

int eo_function_probes_add_process(struct eo_function_probes *p, uint32_t tgid, struct eo_error *err)
{
	uint32_t had = p->attachment_count;
	int r = eo_processes_scan(p->processes, tgid);

	if (r < 0)
		return r;
	p->err = err;
	r = look_at(p, tgid);
	p->err = NULL;
	return r < 0 ? r : (int)(p->attachment_count - had);
}

int eo_function_probes_begin(struct eo_function_probes *p, struct eo_error *err)
{
	int r = 0;

	if (p->options.targets_fd < 0) {
		r = eo_processes_scan_all(p->processes);
		if (r < 0)
			return eo_error_set(err, EO_ERROR_ATTACH_FAILED, -r, NULL, "read /proc");
		eo_processes_changes(p->processes, on_change, p);
	}
	p->begun = true;
	return 0;
}

int eo_function_probes_update(struct eo_function_probes *p)
{
	uint64_t now_ns = eo_clock_monotonic_ns(), lost = eo_sideband_lost(p->sideband);
	int r = eo_sideband_apply(p->sideband, now_ns);

	if (lost > p->lost)
		eo_processes_scan_all(p->processes);
	p->lost = lost;
	if (now_ns > REAP_AFTER_NS)
		eo_processes_reap(p->processes, now_ns - REAP_AFTER_NS);
	eo_processes_changes(p->processes, on_change, p);
	if (now_ns - p->ticked_ns >= TICK_NS) {
		p->ticked_ns = now_ns;
		listen_to_news(p, NULL); /* a CPU may have come */
	}
	return r < 0 ? r : p->failure;
}

int eo_function_probes_fd(const struct eo_function_probes *p)
{
	return eo_sideband_fd(p->sideband);
}

struct eo_function_probes_stats eo_function_probes_stats(const struct eo_function_probes *p)
{
	return p->stats;
}
