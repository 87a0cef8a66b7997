/* SPDX-License-Identifier: BSD-2-Clause */
/* Structs that arguments point to. */
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "core/clock.h"
#include "syscall/decoding.h"
#include "syscall/layout.h"
#include "syscall/lists.h"

/* Larger numbers lose digits in JSON: they would be written as text. */
#define EXACT_LIMIT (1ll << 53)

/* What is decoded: argument @i, under @key. At least the bytes that its row asks for are there. */
struct view {
	unsigned int i;
	const char *key;
	const uint8_t *bytes;
	uint32_t size;
};

static uint32_t u32(const struct view *view, uint32_t from)
{
	uint32_t value;

	memcpy(&value, view->bytes + from, sizeof(value));
	return value;
}

static uint64_t u64(const struct view *view, uint32_t from)
{
	uint64_t value;

	memcpy(&value, view->bytes + from, sizeof(value));
	return value;
}

static uint32_t u16(const struct view *view, uint32_t from)
{
	uint16_t value;

	memcpy(&value, view->bytes + from, sizeof(value));
	return value;
}

/* --- numbers --- */

static void put_int_at(struct eo_decoding *d, const struct view *view)
{
	eo_put_int(d, view->key, (int32_t)u32(view, 0));
}

static void put_uint_at(struct eo_decoding *d, const struct view *view)
{
	eo_put_uint(d, view->key, u32(view, 0));
}

static void put_long_at(struct eo_decoding *d, const struct view *view)
{
	eo_put_int(d, view->key, (int64_t)u64(view, 0));
}

static void put_mask_at(struct eo_decoding *d, const struct view *view)
{
	uint32_t len = (uint32_t)d->record->args[1];
	uint64_t mask = u64(view, 0);

	if (len < sizeof(mask))
		mask &= (1ull << len * 8) - 1;
	eo_put_hex(d, view->key, mask);
	if (len > sizeof(mask))
		eo_put_true(d, eo_key(d, view->key, "cut"));
}

static void put_two_fds(struct eo_decoding *d, const struct view *view)
{
	struct eo_attr *array = eo_open(d, view->key, EO_ATTR_ARRAY);

	eo_put_int(d, "", (int32_t)u32(view, 0));
	eo_put_int(d, "", (int32_t)u32(view, 4));
	eo_close(d, array);
}

/* Most options are ints; what is no int is told by its length, which getsockopt points to. */
static void put_option_value(struct eo_decoding *d, const struct view *view)
{
	const struct eo_memory *pointed = eo_memory_of(d, view->i + 1);
	uint32_t length = (uint32_t)d->record->args[view->i + 1];

	if (d->call->args[view->i].at_exit) {
		length = 0;
		if (pointed && pointed->size >= sizeof(length))
			memcpy(&length, pointed->bytes, sizeof(length));
	}
	if (length == 4)
		eo_put_int(d, view->key, (int32_t)u32(view, 0));
	else
		eo_put_pointer(d, view->i);
}

/* --- times --- */

/* @unit: nanoseconds of the smaller part */
static void put_time(struct eo_decoding *d, const char *name, int64_t sec, int64_t part,
		     unsigned int unit)
{
	const int64_t parts = EO_NS_PER_SEC / unit;
	struct eo_attr *object;

	if (sec > -EXACT_LIMIT / (int64_t)EO_NS_PER_SEC &&
	    sec < EXACT_LIMIT / (int64_t)EO_NS_PER_SEC && part >= 0 && part < parts) {
		eo_put_int(d, eo_key(d, name, "ns"), sec * (int64_t)EO_NS_PER_SEC + part * unit);
		return;
	}
	object = eo_open(d, name, EO_ATTR_OBJECT);
	eo_put_int(d, "sec", sec);
	eo_put_int(d, unit == 1 ? "nsec" : "usec", part);
	eo_close(d, object);
}

static void put_timespec(struct eo_decoding *d, const struct view *view)
{
	put_time(d, view->key, (int64_t)u64(view, 0), (int64_t)u64(view, 8), 1);
}

static void put_timeval(struct eo_decoding *d, const struct view *view)
{
	put_time(d, view->key, (int64_t)u64(view, 0), (int64_t)u64(view, 8), 1000);
}

static void put_two_times(struct eo_decoding *d, const struct view *view, const char *const names[2],
			  unsigned int unit)
{
	struct eo_attr *object = eo_open(d, view->key, EO_ATTR_OBJECT);

	for (uint32_t i = 0; i < 2; i++) {
		int64_t part = (int64_t)u64(view, i * EO_TIME_BYTES + 8);

		if (unit == 1 && part == UTIME_NOW)
			eo_put_string(d, names[i], "UTIME_NOW");
		else if (unit == 1 && part == UTIME_OMIT)
			eo_put_string(d, names[i], "UTIME_OMIT");
		else
			put_time(d, names[i], (int64_t)u64(view, i * EO_TIME_BYTES), part, unit);
	}
	eo_close(d, object);
}

static const char *const file_times[2] = { "atime", "mtime" };
static const char *const timer_times[2] = { "interval", "value" };

static void put_two_timespecs(struct eo_decoding *d, const struct view *view)
{
	put_two_times(d, view, file_times, 1);
}

static void put_two_timevals(struct eo_decoding *d, const struct view *view)
{
	put_two_times(d, view, file_times, 1000);
}

static void put_itimerspec(struct eo_decoding *d, const struct view *view)
{
	put_two_times(d, view, timer_times, 1);
}

static void put_itimerval(struct eo_decoding *d, const struct view *view)
{
	put_two_times(d, view, timer_times, 1000);
}

static void put_utimbuf(struct eo_decoding *d, const struct view *view)
{
	struct eo_attr *object = eo_open(d, view->key, EO_ATTR_OBJECT);

	put_time(d, "atime", (int64_t)u64(view, 0), 0, 1);
	put_time(d, "mtime", (int64_t)u64(view, 8), 0, 1);
	eo_close(d, object);
}

/* --- processes --- */

static void put_rlimit(struct eo_decoding *d, const struct view *view)
{
	struct eo_attr *object = eo_open(d, view->key, EO_ATTR_OBJECT);

	eo_put_uint(d, "cur", u64(view, 0));
	eo_put_uint(d, "max", u64(view, 8));
	eo_close(d, object);
}

static void put_rusage(struct eo_decoding *d, const struct view *view)
{
	struct eo_attr *object = eo_open(d, view->key, EO_ATTR_OBJECT);

	put_time(d, "user", (int64_t)u64(view, 0), (int64_t)u64(view, 8), 1000);
	put_time(d, "system", (int64_t)u64(view, 16), (int64_t)u64(view, 24), 1000);
	eo_put_uint(d, "max_rss_bytes", u64(view, 32) * 1024);
	eo_close(d, object);
}

static void put_wait_status(struct eo_decoding *d, const struct view *view)
{
	int status = (int)u32(view, 0);
	struct eo_attr *object;

	/* Without a child nothing was written. */
	if (d->record->ret <= 0) {
		eo_put_pointer(d, view->i);
		return;
	}
	object = eo_open(d, view->key, EO_ATTR_OBJECT);
	if (WIFEXITED(status)) {
		eo_put_int(d, "exited", WEXITSTATUS(status));
	} else if (WIFSTOPPED(status)) {
		eo_put_string(d, "stopped", eo_signal_text(d, (uint32_t)WSTOPSIG(status)));
	} else if (WIFCONTINUED(status)) {
		eo_put_true(d, "continued");
	} else {
		eo_put_string(d, "signal", eo_signal_text(d, (uint32_t)WTERMSIG(status)));
		if (WCOREDUMP(status))
			eo_put_true(d, "core");
	}
	eo_close(d, object);
}

static void put_clone_args(struct eo_decoding *d, const struct view *view)
{
	struct eo_attr *object = eo_open(d, view->key, EO_ATTR_OBJECT);

	eo_put_string(d, "flags", eo_flags_text(d, EO_LIST_CLONE_BITS, u64(view, 0)));
	eo_put_string(d, "exit_signal", eo_signal_text(d, (uint32_t)u64(view, 32)));
	eo_put_hex(d, "stack", u64(view, 40));
	eo_put_uint(d, "stack_bytes", u64(view, 48));
	eo_close(d, object);
}

static void put_utsname(struct eo_decoding *d, const struct view *view)
{
	static const char *const names[] = { "sysname", "nodename", "release", "version", "machine" };
	struct eo_attr *object = eo_open(d, view->key, EO_ATTR_OBJECT);

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *text = (const char *)view->bytes + i * EO_UTSNAME_FIELD;

		eo_put_string(d, names[i], eo_copy_text(d, text, strnlen(text, EO_UTSNAME_FIELD)));
	}
	eo_close(d, object);
}

static void put_perf_attr(struct eo_decoding *d, const struct view *view)
{
	struct eo_attr *object = eo_open(d, view->key, EO_ATTR_OBJECT);

	eo_put_string(d, "type", eo_enum_text(d, EO_LIST_PERF_TYPE, u32(view, 0)));
	eo_put_hex(d, "config", u64(view, 8));
	eo_put_uint(d, "sample_period", u64(view, 16));
	eo_close(d, object);
}

/* --- signals --- */

/* "[INT TERM]"; a set that is nearly full by what is not in it: "~[RTMIN]". */
static const char *sigset_text(struct eo_decoding *d, uint64_t set)
{
	bool others = __builtin_popcountll(set) >= 32;
	char text[64 * 8 + 8], *to = text;

	if (others) {
		set = ~set;
		*to++ = '~';
	}
	*to++ = '[';
	for (uint32_t signal = 1; signal <= 64; signal++) {
		const char *name = eo_name_of(&d->lists[EO_LIST_SIGNAL], signal);

		if (!(set >> (signal - 1) & 1))
			continue;
		if (to[-1] != '[')
			*to++ = ' ';
		if (name)
			to = stpcpy(to, name + strlen("SIG"));
		else if (signal == 32)
			to = stpcpy(to, "RTMIN");
		else
			to += sprintf(to, "RT_%u", signal - 32);
	}
	*to++ = ']';
	return eo_copy_text(d, text, (size_t)(to - text));
}

static void put_sigset(struct eo_decoding *d, const struct view *view)
{
	eo_put_string(d, view->key, sigset_text(d, u64(view, 0)));
}

static void put_sigaction(struct eo_decoding *d, const struct view *view)
{
	static const char *const handlers[] = { "SIG_DFL", "SIG_IGN" };
	struct eo_attr *object = eo_open(d, view->key, EO_ATTR_OBJECT);
	uint64_t handler = u64(view, 0);

	eo_put_string(d, "handler",
		      handler < 2 ? handlers[handler] :
				    eo_format_text(d, "%#llx", (unsigned long long)handler));
	eo_put_string(d, "flags", eo_flags_text(d, EO_LIST_SA_FLAGS, (uint32_t)u64(view, 8)));
	eo_put_string(d, "mask", sigset_text(d, u64(view, 24)));
	eo_close(d, object);
}

static void put_siginfo(struct eo_decoding *d, const struct view *view)
{
	struct eo_attr *object = eo_open(d, view->key, EO_ATTR_OBJECT);
	uint32_t signal = u32(view, 0), code = u32(view, 8);

	eo_put_string(d, "signal", eo_signal_text(d, signal));
	if (signal == SIGCHLD)
		eo_put_string(d, "code", eo_enum_text(d, EO_LIST_CHILD_CODE, code));
	else if (signal)
		eo_put_string(d, "code", eo_format_text(d, "%d", (int32_t)code));
	if (signal) {
		eo_put_int(d, "pid", (int32_t)u32(view, 16));
		eo_put_int(d, "uid", (int32_t)u32(view, 20));
	}
	if (signal == SIGCHLD && code == CLD_EXITED)
		eo_put_int(d, "status", (int32_t)u32(view, 24));
	else if (signal == SIGCHLD)
		eo_put_string(d, "status_signal", eo_signal_text(d, u32(view, 24)));
	eo_close(d, object);
}

/* --- files and sockets --- */

static void put_file(struct eo_decoding *d, const struct view *view, uint32_t mode, uint64_t size)
{
	const char *type = eo_name_of(&d->lists[EO_LIST_FILE_TYPE], mode & S_IFMT);
	struct eo_attr *object = eo_open(d, view->key, EO_ATTR_OBJECT);

	eo_put_string(d, "mode",
		      type ? eo_format_text(d, "%s|%#03o", type, mode & ~(unsigned int)S_IFMT) :
			     eo_format_text(d, "%#03o", mode));
	eo_put_uint(d, "size_bytes", size);
	eo_close(d, object);
}

static void put_stat(struct eo_decoding *d, const struct view *view)
{
	put_file(d, view, u32(view, d->machine == EO_MACHINE_X86 ? 24 : 16), u64(view, 48));
}

static void put_statx(struct eo_decoding *d, const struct view *view)
{
	put_file(d, view, u16(view, 28), u64(view, 40));
}

static void put_open_how(struct eo_decoding *d, const struct view *view)
{
	struct eo_attr *object = eo_open(d, view->key, EO_ATTR_OBJECT);

	eo_put_string(d, "flags", eo_flags_text(d, EO_LIST_OPEN_FLAGS, u64(view, 0)));
	if (u64(view, 8))
		eo_put_string(d, "mode", eo_format_text(d, "%#03llo", (unsigned long long)u64(view, 8)));
	eo_put_string(d, "resolve", eo_flags_text(d, EO_LIST_RESOLVE_FLAGS, u64(view, 16)));
	eo_close(d, object);
}

static void put_msghdr(struct eo_decoding *d, const struct view *view)
{
	struct eo_attr *object = eo_open(d, view->key, EO_ATTR_OBJECT);

	eo_put_uint(d, "name_bytes", u32(view, 8));
	eo_put_uint(d, "iov_count", u64(view, 24));
	eo_put_uint(d, "control_bytes", u64(view, 40));
	eo_close(d, object);
}

/* --- waiting for descriptors --- */

/* Elements that are here, of as many as the call speaks of. */
static uint32_t element_count(const struct view *view, uint64_t said, uint32_t bytes)
{
	uint64_t count = view->size / bytes;

	if (count > said)
		count = said;
	return count > EO_ELEMENTS_MAX ? EO_ELEMENTS_MAX : (uint32_t)count;
}

static void put_pollfds(struct eo_decoding *d, const struct view *view)
{
	uint32_t count = element_count(view, (uint32_t)d->record->args[1], EO_POLLFD_BYTES);
	struct eo_attr *array = eo_open(d, view->key, EO_ATTR_ARRAY);

	for (uint32_t i = 0; i < count; i++) {
		uint32_t at = i * EO_POLLFD_BYTES, revents = u16(view, at + 6);
		struct eo_attr *object = eo_open(d, "", EO_ATTR_OBJECT);

		eo_put_int(d, "fd", (int32_t)u32(view, at));
		eo_put_string(d, "events", eo_flags_text(d, EO_LIST_POLL_EVENTS, u16(view, at + 4)));
		/* What stands there when nothing came is from an earlier call. */
		if (revents && d->record->ret > 0 && !(d->record->flags & EO_SYSCALL_NO_RETURN))
			eo_put_string(d, "revents",
				      eo_flags_text(d, EO_LIST_POLL_EVENTS, revents));
		eo_close(d, object);
	}
	eo_close(d, array);
}

static void put_fdset(struct eo_decoding *d, const struct view *view)
{
	int32_t most = (int32_t)d->record->args[0];
	struct eo_attr *array = eo_open(d, view->key, EO_ATTR_ARRAY);
	uint32_t count = 0;

	for (int32_t fd = 0; fd < most && (uint32_t)fd < view->size * 8; fd++) {
		if (!(view->bytes[fd / 8] >> fd % 8 & 1))
			continue;
		if (count++ == EO_ELEMENTS_MAX)
			break;
		eo_put_int(d, "", fd);
	}
	eo_close(d, array);
	if (count > EO_ELEMENTS_MAX || (most > 0 && (uint32_t)most > view->size * 8))
		eo_put_true(d, eo_key(d, view->key, "cut"));
}

static void put_one_epoll_event(struct eo_decoding *d, const struct view *view, uint32_t at,
				const char *key)
{
	uint32_t data = d->machine == EO_MACHINE_X86 ? 4 : 8;
	struct eo_attr *object = eo_open(d, key, EO_ATTR_OBJECT);

	eo_put_string(d, "events", eo_flags_text(d, EO_LIST_EPOLL_BITS, u32(view, at)));
	eo_put_hex(d, "data", u64(view, at + data));
	eo_close(d, object);
}

static void put_epoll_event(struct eo_decoding *d, const struct view *view)
{
	put_one_epoll_event(d, view, 0, view->key);
}

static void put_epoll_events(struct eo_decoding *d, const struct view *view)
{
	uint32_t bytes = eo_epoll_event_bytes(d->machine);
	uint64_t said = d->record->ret > 0 ? (uint64_t)d->record->ret : 0;
	uint32_t count = element_count(view, said, bytes);
	struct eo_attr *array = eo_open(d, view->key, EO_ATTR_ARRAY);

	for (uint32_t i = 0; i < count; i++)
		put_one_epoll_event(d, view, i * bytes, "");
	eo_close(d, array);
}

/* --- */

static const struct {
	void (*put)(struct eo_decoding *d, const struct view *view);
	uint32_t least; /* bytes */
} structs[EO_ARG_KIND_COUNT] = {
	[EO_ARG_INT_AT] = { put_int_at, 4 },
	[EO_ARG_UINT_AT] = { put_uint_at, 4 },
	[EO_ARG_LONG_AT] = { put_long_at, 8 },
	[EO_ARG_MASK_AT] = { put_mask_at, 8 },
	[EO_ARG_TWO_FDS] = { put_two_fds, 8 },
	[EO_ARG_OPTION_VALUE] = { put_option_value, 4 },
	[EO_ARG_TIMESPEC] = { put_timespec, EO_TIME_BYTES },
	[EO_ARG_FUTEX_TIME] = { put_timespec, EO_TIME_BYTES },
	[EO_ARG_TIMEVAL] = { put_timeval, EO_TIME_BYTES },
	[EO_ARG_TWO_TIMESPECS] = { put_two_timespecs, 2 * EO_TIME_BYTES },
	[EO_ARG_TWO_TIMEVALS] = { put_two_timevals, 2 * EO_TIME_BYTES },
	[EO_ARG_ITIMERSPEC] = { put_itimerspec, 2 * EO_TIME_BYTES },
	[EO_ARG_ITIMERVAL] = { put_itimerval, 2 * EO_TIME_BYTES },
	[EO_ARG_UTIMBUF] = { put_utimbuf, 16 },
	[EO_ARG_RLIMIT] = { put_rlimit, 16 },
	[EO_ARG_RUSAGE] = { put_rusage, EO_RUSAGE_BYTES },
	[EO_ARG_SIGSET] = { put_sigset, EO_SIGSET_BYTES },
	[EO_ARG_SIGACTION] = { put_sigaction, EO_SIGACTION_BYTES },
	[EO_ARG_SIGINFO] = { put_siginfo, EO_SIGINFO_BYTES },
	[EO_ARG_WAIT_STATUS] = { put_wait_status, 4 },
	[EO_ARG_STAT] = { put_stat, EO_STAT_BYTES },
	[EO_ARG_STATX] = { put_statx, EO_STATX_BYTES },
	[EO_ARG_OPEN_HOW] = { put_open_how, EO_OPEN_HOW_BYTES },
	[EO_ARG_CLONE_ARGS] = { put_clone_args, EO_CLONE_ARGS_BYTES },
	[EO_ARG_UTSNAME] = { put_utsname, EO_UTSNAME_BYTES },
	[EO_ARG_MSGHDR] = { put_msghdr, EO_MSGHDR_BYTES },
	[EO_ARG_PERF_ATTR] = { put_perf_attr, EO_PERF_ATTR_BYTES },
	[EO_ARG_POLLFDS] = { put_pollfds, EO_POLLFD_BYTES },
	[EO_ARG_FDSET] = { put_fdset, 1 },
	[EO_ARG_EPOLL_EVENT] = { put_epoll_event, 12 },
	[EO_ARG_EPOLL_EVENTS] = { put_epoll_events, 12 },
};

void eo_put_struct(struct eo_decoding *d, unsigned int i)
{
	const struct eo_call_arg *arg = &d->call->args[i];
	const struct eo_memory *memory = eo_memory_of(d, i);
	struct view view;

	if (!memory || memory->size < structs[arg->kind].least ||
	    (arg->kind == EO_ARG_EPOLL_EVENT && memory->size < eo_epoll_event_bytes(d->machine)) ||
	    (d->record->abi != EO_ABI_NATIVE && !eo_arg_is_the_same(arg->kind))) {
		eo_put_pointer(d, i);
		return;
	}
	view = (struct view){ i, arg->name, memory->bytes, memory->size };
	structs[arg->kind].put(d, &view);
	if (memory->flags)
		eo_put_marks(d, i, arg->name);
}
