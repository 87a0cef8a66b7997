/* SPDX-License-Identifier: BSD-2-Clause */
#include <asm/ioctls.h>
#include <asm/mman.h>
#include <asm/socket.h>
#include <asm/termbits.h>
#include <linux/errno.h>
#include <linux/eventpoll.h>
#include <linux/falloc.h>
#include <linux/fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/futex.h>
#include <linux/if_tun.h>
#include <linux/io_uring.h>
#include <linux/kvm.h>
#include <linux/landlock.h>
#include <linux/loop.h>
#include <linux/memfd.h>
#include <linux/mempolicy.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/netlink.h>
#include <linux/nsfs.h>
#include <linux/openat2.h>
#include <linux/perf_event.h>
#include <linux/personality.h>
#include <linux/pidfd.h>
#include <linux/prctl.h>
#include <linux/random.h>
#include <linux/reboot.h>
#include <linux/rtc.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <linux/shm.h>
#include <linux/sockios.h>
#include <linux/stat.h>
#include <linux/userfaultfd.h>
#include <linux/vhost.h>
#if defined(__x86_64__)
#include <asm/prctl.h>
#endif

#include "syscall_list_checks.h"

size_t check_kernel_headers(void)
{
	size_t count = 0;

#include "list_checks.inc"
	return count;
}
