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
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
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

#if defined(__x86_64__)
#define OWN_ARCH   AUDIT_ARCH_X86_64
#define NUMBER_END 0x40000000u /* from here on they are x32's */
#elif defined(__aarch64__)
#define OWN_ARCH   AUDIT_ARCH_AARCH64
#define NUMBER_END UINT32_MAX
#else
#error "which machine's calls are to be filtered?"
#endif

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))

/* The library knows the numbers. The program is written here, because libseccomp 2.5 makes it in an
 * endless loop when memory runs out. */
static int add_filter(void)
{
	enum { HEAD = 4, TAIL = 2, NAMES = EO_ARRAY_SIZE(refused) };
	struct sock_filter program[HEAD + NAMES + TAIL], *at = program;
	int numbers[NAMES], count = 0;
	struct sock_fprog filter;
	long r;

	/* Older libraries do not know the newest calls, and not every machine has all. */
	for (size_t i = 0; i < NAMES; i++) {
		numbers[count] = seccomp_syscall_resolve_name(refused[i]);
		count += numbers[count] >= 0;
	}
	/* Jumps lead to the last statement: over what is left of the head, the calls, and one more. */
	*at++ = (struct sock_filter)LOAD(arch);
	*at++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OWN_ARCH, 0,
					     (uint8_t)(count + 3));
	*at++ = (struct sock_filter)LOAD(nr);
	*at++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, NUMBER_END,
					     (uint8_t)(count + 1), 0);
	for (int i = 0; i < count; i++)
		*at++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
						     (uint32_t)numbers[i], (uint8_t)(count - i), 0);
	*at++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	*at++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
	filter = (struct sock_fprog){.len = (unsigned short)(at - program), .filter = program};
	r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter);
	return r < 0 ? -errno : r > 0 ? -ESRCH : 0; /* positive: a thread that has one of its own */
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
