/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The absolute path of a descriptor, as /proc/PID/fd would show it, at the moment of the call:
 * afterwards it may be closed or stand for something else.
 *
 * A path is put together from its end, in memory of this CPU that nobody else uses meanwhile,
 * because the tracepoints of system calls keep preemption off. */
#ifndef EO_FD_PATH_BPF_H
#define EO_FD_PATH_BPF_H

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "kernel.h"

#define FD_PATH_BYTES 4096	/* of a path, a power of two */
#define FD_NAME_BYTES 256	/* NAME_MAX and the NUL */
#define FD_PATH_DEPTH 48	/* names and mounts; of deeper ones the end is shown behind ".../" */
#define FD_CWD	      (-100)	/* AT_FDCWD */

#define SOCKFS_MAGIC_	   0x534f434b /* include/uapi/linux/magic.h */
#define PIPEFS_MAGIC_	   0x50495045
#define ANON_INODE_MAGIC_  0x09041934

struct fd_path {
	char text[FD_PATH_BYTES + FD_NAME_BYTES]; /* ends at FD_PATH_BYTES */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct fd_path);
} fd_paths SEC(".maps");

/* Put @bytes in front of the text that begins at @at. Returns where it begins now; 0: no room. */
static __always_inline __u64 put_before(struct fd_path *path, __u64 at, const void *from, __u64 bytes)
{
	asm volatile("" : "+r"(bytes), "+r"(at));
	bytes &= FD_NAME_BYTES - 1;
	if (at > FD_PATH_BYTES || at < bytes)
		return 0;
	at -= bytes;
	asm volatile("" : "+r"(at));
	at &= 2 * FD_PATH_BYTES - 1;
	if (at > FD_PATH_BYTES)
		return 0;
	bpf_probe_read_kernel(path->text + at, bytes, from);
	return at;
}

static __always_inline __u64 put_number(struct fd_path *path, __u64 at, __u64 number)
{
#pragma clang loop unroll(disable)
	for (int i = 0; i < 20; i++) {
		at--;
		asm volatile("" : "+r"(at));
		if (at >= FD_PATH_BYTES)
			return 0;
		path->text[at] = '0' + number % 10;
		number /= 10;
		if (!number)
			return at;
	}
	return 0;
}

/* What has no place in a tree of files. Returns where its text begins; 0: it has one. */
static __always_inline __u64 put_nameless(struct fd_path *path, struct dentry *dentry)
{
	static const char socket[] = "socket:[", pipe[] = "pipe:[", anon[] = "anon_inode:", end[] = "]";
	__u64 magic = BPF_CORE_READ(dentry, d_sb, s_magic), at = FD_PATH_BYTES;

	if (magic == ANON_INODE_MAGIC_) {
		at = put_before(path, at, BPF_CORE_READ(dentry, d_name.name), BPF_CORE_READ(dentry, d_name.len));
		return put_before(path, at, anon, sizeof(anon) - 1);
	}
	if (magic != SOCKFS_MAGIC_ && magic != PIPEFS_MAGIC_)
		return 0;
	at = put_before(path, at, end, 1);
	at = put_number(path, at, BPF_CORE_READ(dentry, d_inode, i_ino));
	return magic == SOCKFS_MAGIC_ ? put_before(path, at, socket, sizeof(socket) - 1) :
					put_before(path, at, pipe, sizeof(pipe) - 1);
}

/* What is in no directory, like memory: by its name, if it has one, and as d_path() shows it. */
static __always_inline __u64 put_alone(struct fd_path *path, struct dentry *dentry)
{
	static const char slash[] = "/", deleted[] = " (deleted)";
	const unsigned char *name = BPF_CORE_READ(dentry, d_name.name);
	__u64 at = FD_PATH_BYTES;
	char first = '/';

	bpf_probe_read_kernel(&first, sizeof(first), name);
	if (first == '/')
		return 0;
	at = put_before(path, at, deleted, sizeof(deleted) - 1);
	at = put_before(path, at, name, BPF_CORE_READ(dentry, d_name.len));
	return put_before(path, at, slash, 1);
}

static __always_inline __u64 put_path(struct fd_path *path, struct dentry *dentry,
				      struct vfsmount *vfsmount)
{
	static const char slash[] = "/", deleted[] = " (deleted)", more[] = "...";
	struct mount *mount = (void *)vfsmount - bpf_core_field_offset(struct mount, mnt);
	int has_parent = dentry != BPF_CORE_READ(dentry, d_parent);
	__u64 at = FD_PATH_BYTES;

	if (!has_parent && dentry != BPF_CORE_READ(mount, mnt.mnt_root))
		return put_alone(path, dentry);
	if (has_parent && !BPF_CORE_READ(dentry, d_hash.pprev))
		at = put_before(path, at, deleted, sizeof(deleted) - 1);
#pragma clang loop unroll(disable)
	for (int i = 0; i < FD_PATH_DEPTH; i++) {
		struct dentry *parent = BPF_CORE_READ(dentry, d_parent);

		if (dentry == BPF_CORE_READ(mount, mnt.mnt_root)) {
			struct mount *above = BPF_CORE_READ(mount, mnt_parent);

			if (above == mount)
				goto root;
			dentry = BPF_CORE_READ(mount, mnt_mountpoint);
			mount = above;
			continue;
		}
		if (!parent || parent == dentry)
			goto root;
		at = put_before(path, at, BPF_CORE_READ(dentry, d_name.name), BPF_CORE_READ(dentry, d_name.len));
		at = put_before(path, at, slash, 1);
		if (!at)
			return 0;
		dentry = parent;
	}
	return put_before(path, at, more, sizeof(more) - 1);
root:
	return at == FD_PATH_BYTES ? put_before(path, at, slash, 1) : at;
}

/* Put the path of @fd into fd_paths, up to FD_PATH_BYTES. Returns how long it is; 0: none.
 * A global function, which the verifier looks at once and not at each place of call. */
__noinline int fd_path_of(__u64 task_address, __s32 fd)
{
	struct task_struct *task = (void *)task_address;
	struct fd_path *path;
	struct dentry *dentry;
	struct vfsmount *mnt;
	__u32 zero = 0;
	__u64 at;

	path = bpf_map_lookup_elem(&fd_paths, &zero);
	if (!path)
		return 0;
	if (fd == FD_CWD) {
		dentry = BPF_CORE_READ(task, fs, pwd.dentry);
		mnt = BPF_CORE_READ(task, fs, pwd.mnt);
	} else {
		struct fdtable *table = BPF_CORE_READ(task, files, fdt);
		struct file **files = BPF_CORE_READ(table, fd), *file = NULL;

		if (fd < 0 || (__u32)fd >= BPF_CORE_READ(table, max_fds))
			return 0;
		bpf_probe_read_kernel(&file, sizeof(file), &files[fd]);
		if (!file)
			return 0;
		dentry = BPF_CORE_READ(file, f_path.dentry);
		mnt = BPF_CORE_READ(file, f_path.mnt);
	}
	at = put_nameless(path, dentry);
	if (!at)
		at = put_path(path, dentry, mnt);
	return at ? FD_PATH_BYTES - at : 0;
}

#endif
