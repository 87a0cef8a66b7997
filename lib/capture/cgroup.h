/* SPDX-License-Identifier: BSD-2-Clause */
/* Containers and pods as directories of the cgroup v2 hierarchy, the only one BPF can match. */
#ifndef EO_CAPTURE_CGROUP_H
#define EO_CAPTURE_CGROUP_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

/** Where cgroup v2 is mounted. @ret: malloc()ed, the caller's. */
int eo_cgroup_root(char **ret, struct eo_error *err);

/** Is @path a directory of cgroup v2? 0, or -EINVAL and a CONFIG error with a hint. */
int eo_cgroup_validate(const char *path, struct eo_error *err);

/**
 * The directory below @root of the one container whose id begins with @prefix.
 * @ret: malloc()ed, the caller's
 * Returns 0, or -EINVAL and a CONFIG error: no id, none or several such containers.
 */
int eo_cgroup_find_container(const char *root, const char *prefix, char **ret,
			     struct eo_error *err);

/** The same for a Kubernetes pod by its whole UID, with dashes. */
int eo_cgroup_find_pod(const char *root, const char *uid, char **ret, struct eo_error *err);

/* What there is of cgroups, by the ids that BPF calls them by. All zeros: nothing. */
struct eo_cgroup_paths {
	struct eo_cgroup_path {
		uint64_t id;
		char *path; /* below the root; "/" is that of the root itself */
	} *list;
	size_t count, room;
};

/** Of all cgroups below @root, as they are now. It takes no privileges. Returns 0 or a negative errno. */
int eo_cgroup_paths_read(struct eo_cgroup_paths *paths, const char *root);
const char *eo_cgroup_paths_find(const struct eo_cgroup_paths *paths, uint64_t id); /* NULL: not there */
void eo_cgroup_paths_fini(struct eo_cgroup_paths *paths);

#endif
