/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The kernel's types as far as our programs read them. CO-RE finds the true offsets at load, so a
 * field here says only its name and type; nothing else about a struct is claimed. */
#ifndef EO_KERNEL_H
#define EO_KERNEL_H

#include <linux/types.h>

#define PF_EXITING 0x00000004
#define PF_KTHREAD 0x00200000 /* include/linux/sched.h, both unchanged since 2.6.32 */

#define PIDTYPE_TGID 1 /* include/linux/pid_types.h, since v4.19 */

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	int counter;
} atomic_t;

struct upid {
	int nr;
};

struct pid {
	unsigned int level; /* of the namespace it lives in; 0 is the root */
	struct upid numbers[1];
};

struct signal_struct {
	atomic_t live; /* threads that have not begun to exit */
	struct pid *pids[4]; /* by enum pid_type */
};

struct files_struct;
struct cred;

struct sigpending {
	struct {
		unsigned long sig[1];
	} signal;
};

struct thread_info {
	unsigned long flags;
	__u32 status; /* x86 */
};

struct qstr {
	__u32 len;
	const unsigned char *name;
};

struct super_block {
	unsigned long s_magic;
};

struct inode {
	unsigned long i_ino;
};

struct hlist_bl_node {
	struct hlist_bl_node **pprev;
};

struct dentry {
	struct hlist_bl_node d_hash;
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
	struct super_block *d_sb;
};

struct vfsmount {
	struct dentry *mnt_root;
};

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct file {
	void *private_data; /* of a socket: the struct socket */
	struct path f_path;
	struct inode *f_inode;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct fs_struct {
	struct path pwd;
};

struct mm_struct {
	unsigned long brk;
};

struct kmem_cache {
	unsigned int size; /* of an object, with what surrounds it */
};

struct task_struct {
	struct thread_info thread_info;
	void *stack; /* the kernel's, its lowest address */
	unsigned int flags;
	int pid, tgid;
	__u64 self_exec_id; /* goes up with each exec; 64 bits since v5.7, kernel commit d1e7fd6462ca */
	struct task_struct *group_leader;
	struct signal_struct *signal;
	const struct cred *cred;
	struct mm_struct *mm; /* NULL in a kernel thread */
	struct pid *thread_pid;
	struct sigpending pending;
	struct files_struct *files;
	struct fs_struct *fs;
	char comm[16];
};

/* The kernel's own pt_regs; <asm/ptrace.h> has user space's of the same name. */
#ifdef __TARGET_ARCH_x86
struct pt_regs___kernel {
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip,
		sp;
};
#endif
#ifdef __TARGET_ARCH_arm64
struct pt_regs___kernel {
	__u64 regs[31];
	__u64 orig_x0;
	int syscallno;
};
#endif

#pragma clang attribute pop

#endif
