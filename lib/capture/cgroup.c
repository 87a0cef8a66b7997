/* SPDX-License-Identifier: BSD-2-Clause */
/* Runtimes name the directory after the container, with decoration: "docker-ID.scope",
 * "cri-containerd-ID.scope", "crio-ID.scope", "libpod-ID.scope", or the bare ID under "docker/" or
 * "kubepods/…". An ID is 64 hexadecimal digits (32 on ECS), so it is found by its looks. Pods are
 * "podUID" or "kubepods-burstable-podUID.slice", there with _ for -. */
#include "capture/cgroup.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "core/array.h"
#include "core/auto.h"

#define ID_MAX 64
#define ID_MIN 32 /* shorter runs of digits are part of some other name */
#define DEPTH_MAX 32
#define DIRECTORIES_MAX 200000
#define MOUNTS_MAX 65536

static const char hint_v2[] =
	"only cgroup v2 can be matched; look for its mount point with: findmnt -t cgroup2";

/* Mount points are written with \ooo for blanks and backslashes. */
static void unescape(char *text)
{
	char *out = text;

	for (const char *in = text; *in;) {
		if (in[0] == '\\' && in[1] >= '0' && in[1] <= '3' && in[2] >= '0' && in[2] <= '7' &&
		    in[3] >= '0' && in[3] <= '7') {
			*out++ = (char)((in[1] - '0') << 6 | (in[2] - '0') << 3 | (in[3] - '0'));
			in += 4;
		} else {
			*out++ = *in++;
		}
	}
	*out = '\0';
}

/* The mount point in a line of mountinfo if that is cgroup2's, else NULL. */
static char *mount_point(char *line)
{
	char *type = strstr(line, " - ");
	char *rest = line, *field = NULL;

	if (!type || strncmp(type + 3, "cgroup2 ", 8) != 0)
		return NULL;
	for (int i = 0; i < 5; i++)
		field = strsep(&rest, " ");
	if (field)
		unescape(field);
	return field;
}

int eo_cgroup_root(char **ret, struct eo_error *err)
{
	FILE *mounts = fopen("/proc/self/mountinfo", "re");
	EO_AUTO_FREE char *line = NULL;
	char *found = NULL;
	size_t size = 0;
	bool none = true;

	if (!mounts)
		return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, errno, NULL,
				    "open /proc/self/mountinfo");
	for (int i = 0; i < MOUNTS_MAX && none && getline(&line, &size, mounts) > 0; i++) {
		const char *point = mount_point(line);

		none = !point;
		if (point)
			found = strdup(point);
	}
	fclose(mounts);
	if (none)
		return eo_error_set(err, EO_ERROR_CONFIG, 0,
				    "mount it: mount -t cgroup2 none /sys/fs/cgroup",
				    "find cgroup v2: it is not mounted here");
	if (!found)
		return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, ENOMEM, NULL,
				    "find cgroup v2");
	*ret = found;
	return 0;
}

int eo_cgroup_validate(const char *path, struct eo_error *err)
{
	EO_AUTO_CLOSE int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;

	if (fd < 0 || fstatfs(fd, &fs) < 0) {
		eo_error_set(err, EO_ERROR_CONFIG, errno, NULL, "open cgroup %s", path);
		return -EINVAL;
	}
	if ((unsigned long)fs.f_type == CGROUP2_SUPER_MAGIC)
		return 0;
	if ((unsigned long)fs.f_type == CGROUP_SUPER_MAGIC)
		return eo_error_set(err, EO_ERROR_CONFIG, 0, hint_v2,
				    "use cgroup %s: it belongs to cgroup v1", path);
	return eo_error_set(err, EO_ERROR_CONFIG, 0, hint_v2,
			    "use cgroup %s: it is no cgroup directory", path);
}

/* What is looked for, and what was found. */
struct search {
	/* @path: of the directory that is @entry */
	bool (*match)(struct search *search, const struct dirent *entry, const char *path);
	const char *wanted;
	struct eo_cgroup_paths *paths; /* that are collected */
	char id[ID_MAX + 1], other[ID_MAX + 1]; /* of the first match, and of a different one */
	char *path;
	unsigned int directories;
	bool out_of_memory;
};

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/* The first container id in @name: a run of hex digits between other characters than letters. */
static bool container_id(const char *name, char id[static ID_MAX + 1])
{
	for (const char *c = name; *c;) {
		size_t len = 0;

		while (is_hex(c[len]))
			len++;
		if (len >= ID_MIN && len <= ID_MAX && !isalnum((unsigned char)c[len]) &&
		    (c == name || !isalnum((unsigned char)c[-1]))) {
			memcpy(id, c, len);
			id[len] = '\0';
			return true;
		}
		c += len ? len : 1;
	}
	return false;
}

static bool match_container(struct search *search, const struct dirent *entry, const char *path)
{
	const char *name = entry->d_name;
	char id[ID_MAX + 1];

	(void)path;
	/* conmon watches the container from a group of its own with the same id. */
	if (strstr(name, "conmon") || !container_id(name, id) ||
	    strncmp(id, search->wanted, strlen(search->wanted)) != 0)
		return false;
	if (!search->id[0])
		strcpy(search->id, id);
	else if (strcmp(search->id, id) != 0)
		strcpy(search->other, id);
	return true;
}

static bool match_pod(struct search *search, const struct dirent *entry, const char *path)
{
	size_t len = strlen(search->wanted);

	(void)path;
	for (const char *pod = strstr(entry->d_name, "pod"); pod; pod = strstr(pod + 1, "pod")) {
		const char *uid = pod + 3;
		size_t i = 0;

		while (i < len &&
		       (uid[i] == search->wanted[i] || (uid[i] == '_' && search->wanted[i] == '-')))
			i++;
		if (i == len && (!uid[len] || !strcmp(uid + len, ".slice")))
			return true;
	}
	return false;
}

/* Takes over @fd. What stands below a match belongs to it. */
static void walk(struct search *search, int fd, char *path, size_t len, int depth)
{
	DIR *dir = fdopendir(fd);
	const struct dirent *entry;

	if (!dir) {
		close(fd);
		return;
	}
	while (!search->other[0] && (entry = readdir(dir)) &&
	       search->directories < DIRECTORIES_MAX) {
		size_t name_len = strlen(entry->d_name);
		int child;

		if ((entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN) ||
		    entry->d_name[0] == '.' || len + name_len + 2 > PATH_MAX)
			continue;
		search->directories++;
		path[len] = '/';
		memcpy(path + len + 1, entry->d_name, name_len + 1);
		if (search->match(search, entry, path)) {
			if (!search->path) {
				search->path = strdup(path);
				search->out_of_memory = !search->path;
			}
			continue;
		}
		if (depth == DEPTH_MAX)
			continue;
		child = openat(dirfd(dir), entry->d_name,
			       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (child >= 0)
			walk(search, child, path, len + 1 + name_len, depth + 1);
	}
	closedir(dir);
}

static int find(struct search *search, const char *root, const char *noun, const char *hint,
		char **ret, struct eo_error *err)
{
	int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char path[PATH_MAX];
	size_t len = strlen(root);

	if (fd < 0 || len >= sizeof(path)) {
		eo_error_set(err, EO_ERROR_CONFIG, fd < 0 ? errno : ENAMETOOLONG, NULL,
			     "open cgroup %s", root);
		if (fd >= 0)
			close(fd);
		return -EINVAL;
	}
	memcpy(path, root, len + 1);
	walk(search, fd, path, len, 0);
	if (search->other[0]) {
		free(search->path);
		return eo_error_set(err, EO_ERROR_CONFIG, 0, "give more digits of the id",
				    "find %s %s: several ids begin so: %.16s... and %.16s...", noun,
				    search->wanted, search->id, search->other);
	}
	if (search->out_of_memory)
		return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, ENOMEM, NULL,
				    "find %s %s", noun, search->wanted);
	if (!search->path)
		return eo_error_set(err, EO_ERROR_CONFIG, 0, hint,
				    "find %s %s: no such %s below %s", noun, search->wanted, noun,
				    root);
	*ret = search->path;
	return 0;
}

int eo_cgroup_find_container(const char *root, const char *prefix, char **ret, struct eo_error *err)
{
	struct search search = {.match = match_container, .wanted = prefix};
	size_t digits = 0;

	while (is_hex(prefix[digits]))
		digits++;
	if (!digits || prefix[digits] || digits > ID_MAX)
		return eo_error_set(
			err, EO_ERROR_CONFIG, 0,
			"ids are shown by: docker ps --no-trunc, podman ps --no-trunc, crictl ps",
			"find container %s: an id is up to 64 digits of 0-9 and a-f", prefix);
	return find(&search, root, "container",
		    "it may have ended, or live in cgroup v1 only, which cannot be matched", ret,
		    err);
}

int eo_cgroup_find_pod(const char *root, const char *uid, char **ret, struct eo_error *err)
{
	struct search search = {.match = match_pod, .wanted = uid};

	if (strlen(uid) < 8 || strspn(uid, "0123456789abcdef-") != strlen(uid))
		return eo_error_set(
			err, EO_ERROR_CONFIG, 0,
			"it is shown by: kubectl get pod NAME -o jsonpath='{.metadata.uid}'",
			"find pod %s: a UID is made of 0-9, a-f and -", uid);
	return find(&search, root, "pod",
		    "it may have ended, or live in cgroup v1 only, which cannot be matched", ret,
		    err);
}

/* A cgroup's id is the number of its inode. */
static bool add_path(struct eo_cgroup_paths *paths, uint64_t id, const char *path)
{
	if (!EO_ARRAY_RESERVE(paths->list, paths->count + 1, paths->room, 64))
		return false;
	paths->list[paths->count].id = id;
	paths->list[paths->count].path = strdup(path);
	return paths->list[paths->count].path && ++paths->count;
}

static bool collect(struct search *search, const struct dirent *entry, const char *path)
{
	if (!add_path(search->paths, entry->d_ino, path + strlen(search->wanted)))
		search->out_of_memory = true;
	return false;
}

static int by_id(const void *a, const void *b)
{
	const struct eo_cgroup_path *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

int eo_cgroup_paths_read(struct eo_cgroup_paths *paths, const char *root)
{
	struct search search = {.match = collect, .wanted = root, .paths = paths};
	int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char path[PATH_MAX];
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || strlen(root) >= sizeof(path)) {
		int r = fd < 0 ? -errno : -ENAMETOOLONG;

		if (fd >= 0)
			close(fd);
		return r;
	}
	search.out_of_memory = !add_path(paths, st.st_ino, "/");
	walk(&search, fd, strcpy(path, root), strlen(root), 0);
	if (paths->count)
		qsort(paths->list, paths->count, sizeof(*paths->list), by_id);
	return search.out_of_memory ? -ENOMEM : 0;
}

const char *eo_cgroup_paths_find(const struct eo_cgroup_paths *paths, uint64_t id)
{
	const struct eo_cgroup_path key = {.id = id}, *found;

	found = paths->count ? bsearch(&key, paths->list, paths->count, sizeof(key), by_id) : NULL;
	return found ? found->path : NULL;
}

void eo_cgroup_paths_fini(struct eo_cgroup_paths *paths)
{
	for (size_t i = 0; i < paths->count; i++)
		free(paths->list[i].path);
	free(paths->list);
	*paths = (struct eo_cgroup_paths){.list = NULL};
}
