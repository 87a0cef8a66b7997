/* SPDX-License-Identifier: BSD-2-Clause */
#include "syscall/captures.h"

#include <string.h>

#include "syscall/layout.h"
#include "syscall/tables.h"

static const struct {
	uint8_t capture; /* enum eo_capture_kind */
	uint16_t size;
} kinds[EO_ARG_KIND_COUNT] = {
	[EO_ARG_PATH] = { EO_CAPTURE_PATH },
	[EO_ARG_TARGET] = { EO_CAPTURE_PATH },
	[EO_ARG_STR] = { EO_CAPTURE_STRING },
	[EO_ARG_PRCTL_ARG] = { EO_CAPTURE_STRING }, /* a name, or a number that cannot be read */
	[EO_ARG_TEXT] = { EO_CAPTURE_BUFFER },
	[EO_ARG_BYTES] = { EO_CAPTURE_BUFFER },
	[EO_ARG_SOCKADDR] = { EO_CAPTURE_SOCKADDR },
	[EO_ARG_IOVEC] = { EO_CAPTURE_IOVEC },
	[EO_ARG_ARGV] = { EO_CAPTURE_ARGV },
	[EO_ARG_INT_AT] = { EO_CAPTURE_STRUCT, 4 },
	[EO_ARG_UINT_AT] = { EO_CAPTURE_STRUCT, 4 },
	[EO_ARG_LONG_AT] = { EO_CAPTURE_STRUCT, 8 },
	[EO_ARG_MASK_AT] = { EO_CAPTURE_STRUCT, EO_MASK_BYTES },
	[EO_ARG_TWO_FDS] = { EO_CAPTURE_STRUCT, 8 },
	[EO_ARG_OPTION_VALUE] = { EO_CAPTURE_STRUCT, 4 },
	[EO_ARG_TIMESPEC] = { EO_CAPTURE_STRUCT, EO_TIME_BYTES },
	[EO_ARG_FUTEX_TIME] = { EO_CAPTURE_STRUCT, EO_TIME_BYTES },
	[EO_ARG_TIMEVAL] = { EO_CAPTURE_STRUCT, EO_TIME_BYTES },
	[EO_ARG_TWO_TIMESPECS] = { EO_CAPTURE_STRUCT, 2 * EO_TIME_BYTES },
	[EO_ARG_TWO_TIMEVALS] = { EO_CAPTURE_STRUCT, 2 * EO_TIME_BYTES },
	[EO_ARG_ITIMERSPEC] = { EO_CAPTURE_STRUCT, 2 * EO_TIME_BYTES },
	[EO_ARG_ITIMERVAL] = { EO_CAPTURE_STRUCT, 2 * EO_TIME_BYTES },
	[EO_ARG_UTIMBUF] = { EO_CAPTURE_STRUCT, 16 },
	[EO_ARG_RLIMIT] = { EO_CAPTURE_STRUCT, 16 },
	[EO_ARG_RUSAGE] = { EO_CAPTURE_STRUCT, EO_RUSAGE_BYTES },
	[EO_ARG_SIGSET] = { EO_CAPTURE_STRUCT, EO_SIGSET_BYTES },
	[EO_ARG_SIGACTION] = { EO_CAPTURE_STRUCT, EO_SIGACTION_BYTES },
	[EO_ARG_SIGINFO] = { EO_CAPTURE_STRUCT, EO_SIGINFO_BYTES },
	[EO_ARG_WAIT_STATUS] = { EO_CAPTURE_STRUCT, 4 },
	[EO_ARG_STAT] = { EO_CAPTURE_STRUCT, EO_STAT_BYTES },
	[EO_ARG_STATX] = { EO_CAPTURE_STRUCT, EO_STATX_BYTES },
	[EO_ARG_OPEN_HOW] = { EO_CAPTURE_STRUCT, EO_OPEN_HOW_BYTES },
	[EO_ARG_CLONE_ARGS] = { EO_CAPTURE_STRUCT, EO_CLONE_ARGS_BYTES },
	[EO_ARG_UTSNAME] = { EO_CAPTURE_STRUCT, EO_UTSNAME_BYTES },
	[EO_ARG_MSGHDR] = { EO_CAPTURE_STRUCT, EO_MSGHDR_BYTES },
	[EO_ARG_PERF_ATTR] = { EO_CAPTURE_STRUCT, EO_PERF_ATTR_BYTES },
	[EO_ARG_POLLFDS] = { EO_CAPTURE_STRUCT, EO_POLLFDS_TAKEN * EO_POLLFD_BYTES },
	[EO_ARG_FDSET] = { EO_CAPTURE_STRUCT, EO_FDSET_BYTES },
	[EO_ARG_EPOLL_EVENT] = { EO_CAPTURE_STRUCT, EO_EPOLL_EVENT_BYTES },
	[EO_ARG_EPOLL_EVENTS] = { EO_CAPTURE_STRUCT, EO_EPOLL_EVENTS_TAKEN * EO_EPOLL_EVENT_BYTES },
};

static void add(struct eo_syscall_captures *captures, unsigned int *count,
		const struct eo_capture *capture)
{
	if (*count < EO_SYSCALL_CAPTURES)
		captures->capture[(*count)++] = *capture;
}

void eo_syscall_captures_on(enum eo_machine machine, uint32_t nr,
			    const struct eo_syscall_capture_options *options,
			    struct eo_syscall_captures *ret)
{
	const struct eo_call *call = eo_call_of(machine, EO_ABI_NATIVE, nr);
	unsigned int count = 0;

	memset(ret, 0, sizeof(*ret));
	for (unsigned int i = 0; call && i < call->arg_count; i++) {
		const struct eo_call_arg *arg = &call->args[i];
		struct eo_capture capture = {
			.kind = kinds[arg->kind].capture,
			.arg = (__u8)i,
			.length = arg->length,
			.length_arg = arg->length_arg,
			.size = kinds[arg->kind].size,
			.flags = arg->at_exit ? EO_CAPTURE_AT_EXIT : 0,
		};

		if (!capture.kind || (arg->kind == EO_ARG_BYTES && !options->payload))
			continue;
		if (arg->kind == EO_ARG_EPOLL_EVENT || arg->kind == EO_ARG_EPOLL_EVENTS)
			capture.size = (__u16)(capture.size / EO_EPOLL_EVENT_BYTES *
					       eo_epoll_event_bytes(machine));
		add(ret, &count, &capture);
		/* What was waited for, and what came of it: the later one is complete, and exists
		 * when the call succeeded. */
		if (arg->kind == EO_ARG_POLLFDS) {
			capture.flags = EO_CAPTURE_AT_EXIT;
			add(ret, &count, &capture);
		}
	}
}

void eo_syscall_captures(uint32_t nr, const struct eo_syscall_capture_options *options,
			 struct eo_syscall_captures *ret)
{
	eo_syscall_captures_on(EO_MACHINE_HERE, nr, options, ret);
}
