/* SPDX-License-Identifier: BSD-2-Clause */
#include "syscall/captures.h"

#include <string.h>

#include "syscall/layout.h"
#include "syscall/tables.h"

struct taken {
	uint8_t capture; /* enum eo_capture_kind; none: nothing is taken */
	uint16_t size;
	bool same; /* lies in memory in the same way whatever the ABI */
};

static const struct taken kinds[EO_ARG_KIND_COUNT] = {
	[EO_ARG_PATH] = { EO_CAPTURE_PATH, 0, true },
	[EO_ARG_TARGET] = { EO_CAPTURE_PATH, 0, true },
	[EO_ARG_STR] = { EO_CAPTURE_STRING, 0, true },
	[EO_ARG_PRCTL_ARG] = { EO_CAPTURE_STRING, 0, true }, /* a number cannot be read */
	[EO_ARG_TEXT] = { EO_CAPTURE_TEXT, 0, true },
	[EO_ARG_BYTES] = { EO_CAPTURE_BUFFER, 0, true },
	[EO_ARG_SOCKADDR] = { EO_CAPTURE_SOCKADDR, 0, true },
	[EO_ARG_ARGV] = { EO_CAPTURE_ARGV, 0, true }, /* the program knows how wide pointers are */
	[EO_ARG_IOVEC] = { EO_CAPTURE_IOVEC },
	[EO_ARG_INT_AT] = { EO_CAPTURE_STRUCT, 4, true },
	[EO_ARG_UINT_AT] = { EO_CAPTURE_STRUCT, 4, true },
	[EO_ARG_LONG_AT] = { EO_CAPTURE_STRUCT, 8 },
	[EO_ARG_MASK_AT] = { EO_CAPTURE_STRUCT, EO_MASK_BYTES },
	[EO_ARG_TWO_FDS] = { EO_CAPTURE_STRUCT, 8, true },
	[EO_ARG_OPTION_VALUE] = { EO_CAPTURE_STRUCT, 4, true },
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
	[EO_ARG_SIGSET] = { EO_CAPTURE_STRUCT, EO_SIGSET_BYTES, true },
	[EO_ARG_SIGACTION] = { EO_CAPTURE_STRUCT, EO_SIGACTION_BYTES },
	[EO_ARG_SIGINFO] = { EO_CAPTURE_STRUCT, EO_SIGINFO_BYTES },
	[EO_ARG_WAIT_STATUS] = { EO_CAPTURE_STRUCT, 4, true },
	[EO_ARG_STAT] = { EO_CAPTURE_STRUCT, EO_STAT_BYTES },
	[EO_ARG_STATX] = { EO_CAPTURE_STRUCT, EO_STATX_BYTES, true },
	[EO_ARG_OPEN_HOW] = { EO_CAPTURE_STRUCT, EO_OPEN_HOW_BYTES, true },
	[EO_ARG_CLONE_ARGS] = { EO_CAPTURE_STRUCT, EO_CLONE_ARGS_BYTES, true },
	[EO_ARG_UTSNAME] = { EO_CAPTURE_STRUCT, EO_UTSNAME_BYTES, true },
	[EO_ARG_MSGHDR] = { EO_CAPTURE_STRUCT, EO_MSGHDR_BYTES },
	[EO_ARG_PERF_ATTR] = { EO_CAPTURE_STRUCT, EO_PERF_ATTR_BYTES, true },
	[EO_ARG_POLLFDS] = { EO_CAPTURE_ARRAY, EO_POLLFD_BYTES, true },
	[EO_ARG_FDSET] = { EO_CAPTURE_STRUCT, EO_FDSET_BYTES, true },
	[EO_ARG_EPOLL_EVENT] = { EO_CAPTURE_STRUCT, EO_EPOLL_EVENT_BYTES, true },
	[EO_ARG_EPOLL_EVENTS] = { EO_CAPTURE_ARRAY, EO_EPOLL_EVENT_BYTES, true },
	[EO_ARG_FD] = { EO_CAPTURE_FD, 0, true },
	[EO_ARG_DFD] = { EO_CAPTURE_FD, 0, true },
};

bool eo_arg_is_the_same(enum eo_arg_kind kind)
{
	return kinds[kind].same;
}

static bool is_wanted(const struct eo_call_arg *arg, unsigned int abi,
		      const struct eo_syscall_capture_options *options)
{
	switch (kinds[arg->kind].capture) {
	case EO_CAPTURE_NONE:
		return false;
	case EO_CAPTURE_BUFFER:
		return options->payload;
	case EO_CAPTURE_FD:
		return options->fd_paths;
	default:
		return abi == EO_ABI_NATIVE || kinds[arg->kind].same;
	}
}

static struct eo_capture capture_of(enum eo_machine machine, const struct eo_call *call,
				    unsigned int index)
{
	const struct eo_call_arg *arg = &call->args[index];
	struct eo_capture capture = {
		.kind = kinds[arg->kind].capture,
		.arg = (__u8)index,
		.length = arg->length,
		.length_arg = arg->length_arg,
		.size = kinds[arg->kind].size,
		.flags = arg->at_exit ? EO_CAPTURE_AT_EXIT : 0,
	};

	/* Of these the length is no number of bytes or elements, and decoders look at it. */
	if (capture.kind == EO_CAPTURE_STRUCT)
		capture.length = EO_LENGTH_NONE;
	if (arg->kind == EO_ARG_EPOLL_EVENT || arg->kind == EO_ARG_EPOLL_EVENTS)
		capture.size = (__u16)eo_epoll_event_bytes(machine);
	return capture;
}

void eo_syscall_captures_on(enum eo_machine machine, unsigned int abi, uint32_t nr,
			    const struct eo_syscall_capture_options *options,
			    struct eo_syscall_captures *ret)
{
	const struct eo_call *call = eo_call_of(machine, abi, nr);
	unsigned int count = 0;

	memset(ret, 0, sizeof(*ret));
	for (int at_exit = 0; call && at_exit <= 1; at_exit++) {
		for (unsigned int i = 0; i < call->arg_count; i++) {
			const struct eo_call_arg *arg = &call->args[i];
			/* What was waited for, and once more when something came of it. */
			bool both = arg->kind == EO_ARG_POLLFDS;

			if ((arg->at_exit != at_exit && !both) || !is_wanted(arg, abi, options) ||
			    count == EO_SYSCALL_CAPTURES)
				continue;
			ret->capture[count] = capture_of(machine, call, i);
			if (at_exit)
				ret->capture[count].flags = EO_CAPTURE_AT_EXIT;
			count++;
		}
	}
}

void eo_syscall_captures(unsigned int abi, uint32_t nr,
			 const struct eo_syscall_capture_options *options,
			 struct eo_syscall_captures *ret)
{
	eo_syscall_captures_on(EO_MACHINE_HERE, abi, nr, options, ret);
}
