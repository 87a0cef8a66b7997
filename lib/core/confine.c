// SPDX-License-Identifier: BSD-2-Clause
#include "core/confine.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/auto.h"

#ifdef EO_HAVE_SECCOMP
#include <seccomp.h>
#endif

#define BIT(capability) (1ull << (capability))

/* Numbers of v5.8 and v5.9, which older headers lack. */
#ifndef CAP_PERFMON
#define CAP_PERFMON 38
#define CAP_BPF	    39
#endif
#ifndef CAP_CHECKPOINT_RESTORE
#define CAP_CHECKPOINT_RESTORE 40
#endif

uint64_t eo_confine_for_files(void)
{
	return BIT(CAP_SYS_PTRACE) | BIT(CAP_DAC_READ_SEARCH) | BIT(CAP_CHECKPOINT_RESTORE);
}

uint64_t eo_confine_for_capture(void)
{
	return eo_confine_for_files() | BIT(CAP_BPF) | BIT(CAP_PERFMON);
}

uint64_t eo_confine_for_signals(void)
{
	return BIT(CAP_KILL);
}

/* Root is not kept out by its own directories; into those of others it gets by capabilities. */
uint64_t eo_confine_for_directory(const char *directory)
{
	struct stat st;

	if (!stat(directory, &st) && st.st_uid == geteuid())
		return 0;
	return BIT(CAP_DAC_OVERRIDE) | BIT(CAP_FOWNER);
}

static void keep_in(struct __user_cap_data_struct words[2], uint64_t keep)
{
	for (unsigned int i = 0; i < 2; i++) {
		uint32_t bits = (uint32_t)(keep >> 32 * i);

		words[i].effective &= bits;
		words[i].permitted &= bits;
		words[i].inheritable &= bits;
	}
}

int eo_confine_capabilities(uint64_t keep)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct words[2] = {0};
	uint64_t wanted = BIT(CAP_BPF) | BIT(CAP_PERFMON), permitted;

	if (syscall(SYS_capget, &header, words) < 0)
		return -errno;
	permitted = (uint64_t)words[1].permitted << 32 | words[0].permitted;
	if ((keep & wanted) && (permitted & keep & wanted) != (keep & wanted))
		keep |= BIT(CAP_SYS_ADMIN);
	keep_in(words, keep);
	return syscall(SYS_capset, &header, words) < 0 ? -errno : 0;
}

bool eo_confine_has_filter(void)
{
#ifdef EO_HAVE_SECCOMP
	return true;
#else
	return false;
#endif
}

#ifdef EO_HAVE_SECCOMP
/* Nothing here is called while a capture runs; libraries may call anything else. */
static const char *const refused[] = {
	/* start programs, enter others' */
	"execve", "execveat", "ptrace", "process_vm_readv", "process_vm_writev", "kcmp",
	"pidfd_getfd", "process_madvise",
	/* change who we are, and where */
	"setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setfsuid", "setfsgid",
	"setgroups", "chroot", "pivot_root", "unshare", "setns", "personality",
	/* mount */
	"mount", "umount2", "move_mount", "open_tree", "fsopen", "fsconfig", "fsmount", "fspick",
	"mount_setattr", "swapon", "swapoff", "quotactl", "quotactl_fd",
	/* the kernel and its clock */
	"init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot",
	"syslog", "acct", "sethostname", "setdomainname", "settimeofday", "clock_settime", "adjtimex",
	"clock_adjtime", "ioperm", "iopl", "modify_ldt", "add_key", "request_key", "keyctl",
	"open_by_handle_at", "userfaultfd", "io_uring_setup", "fanotify_init",
	/* devices and the owners of files */
	"mknod", "mknodat", "chown", "lchown", "setxattr", "lsetxattr", "fsetxattr",
};

static int add_filter(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int r = filter ? 0 : -ENOMEM;

	for (size_t i = 0; i < EO_ARRAY_SIZE(refused) && !r; i++) {
		int number = seccomp_syscall_resolve_name(refused[i]);

		/* Older libraries do not know the newest calls, and not every machine has all. */
		if (number >= 0)
			r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), number, 0);
	}
	if (!r)
		r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	if (!r)
		r = seccomp_load(filter);
	seccomp_release(filter);
	return r;
}
#else
static int add_filter(void)
{
	return 0;
}
#endif

int eo_confine_calls(struct eo_error *err)
{
	int r = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : add_filter();

	/* A kernel or a container without seccomp() is no reason to refuse the work. */
	if (r == -EINVAL || r == -ENOSYS || r == -EOPNOTSUPP)
		return 0;
	return r < 0 ? eo_error_set(err, eo_error_kind_of(-r, EO_ERROR_LOAD_FAILED), -r,
				    "--no-sandbox does without it", "filter our own system calls") :
		       0;
}
