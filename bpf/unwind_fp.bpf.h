/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* User stacks by the kernel's frame pointer walk. An unwinder is one such function: it fills at
 * most EO_MAX_FRAMES addresses, leaf first, and says how it ended. */
#ifndef EO_UNWIND_FP_BPF_H
#define EO_UNWIND_FP_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "records.h"

static __always_inline __u32 walk_user_fp(void *ctx, __u64 *frames, __u32 *count)
{
	long bytes = bpf_get_stack(ctx, frames, EO_MAX_FRAMES * sizeof(*frames), BPF_F_USER_STACK);

	if (bytes <= 0) {
		*count = 0;
		return EO_USER_FAILED;
	}
	*count = (__u32)bytes / sizeof(*frames);
	return *count >= EO_MAX_FRAMES ? EO_USER_CUT : EO_USER_FP;
}

#endif
