/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers whose meaning depends on more than the argument. */
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "core/auto.h"
#include "syscall/decoding.h"
#include "syscall/lists.h"

/* Both machines agree; the C library's O_TMPFILE includes O_DIRECTORY. */
#define TMPFILE_BIT 020000000

static const char *mode_text(struct eo_decoding *d, uint32_t mode)
{
	return eo_format_text(d, "%#03o", mode);
}

static const char *file_mode_text(struct eo_decoding *d, uint32_t mode)
{
	const char *type = eo_name_of(&d->lists[EO_LIST_FILE_TYPE], mode & S_IFMT);

	if (!type)
		return mode_text(d, mode);
	return eo_format_text(d, "%s|%#03o", type, mode & ~(unsigned int)S_IFMT);
}

/* The number says "device" only where the mode before it does. */
static void put_dev(struct eo_decoding *d, unsigned int i, uint32_t dev)
{
	uint32_t type = i ? (uint32_t)d->record->args[i - 1] & S_IFMT : S_IFBLK;

	if (d->call->args[i ? i - 1 : 0].kind == EO_ARG_FILE_MODE && type != S_IFBLK &&
	    type != S_IFCHR)
		return;
	eo_put_string(d, d->call->args[i].name,
		      eo_format_text(d, "%u:%u", dev >> 8 & 0xfff,
				     (dev & 0xff) | (dev >> 12 & 0xfff00)));
}

static const char *clone_text(struct eo_decoding *d, uint64_t flags)
{
	const char *bits = "";

	if (flags & ~0xffull)
		bits = eo_flags_text(d, EO_LIST_CLONE_BITS, flags & ~0xffull);
	if (!(flags & 0xff))
		return *bits ? bits : "0";
	return eo_format_text(d, "%s%s%s", bits, *bits ? "|" : "",
			      eo_signal_text(d, (uint32_t)flags & 0xff));
}

static const char *protocol_text(struct eo_decoding *d, uint32_t family, uint32_t protocol)
{
	if (family == AF_INET || family == AF_INET6)
		return eo_enum_text(d, EO_LIST_IP_PROTOCOL, protocol);
	if (family == AF_NETLINK)
		return eo_enum_text(d, EO_LIST_NETLINK_PROTOCOL, protocol);
	return eo_format_text(d, "%d", (int32_t)protocol);
}

static const char *option_text(struct eo_decoding *d, uint32_t level, uint32_t option)
{
	static const struct {
		uint32_t level;
		uint8_t list;
	} lists[] = {
		{ SOL_SOCKET, EO_LIST_SO_OPTION },
		{ IPPROTO_TCP, EO_LIST_TCP_OPTION },
		{ IPPROTO_IP, EO_LIST_IP_OPTION },
		{ IPPROTO_IPV6, EO_LIST_IPV6_OPTION },
	};

	for (size_t i = 0; i < EO_ARRAY_SIZE(lists); i++)
		if (lists[i].level == level)
			return eo_enum_text(d, lists[i].list, option);
	return eo_format_text(d, "%d", (int32_t)option);
}

/* Terminals' old numbers say nothing about themselves, newer ones have four fields. */
static const char *ioctl_text(struct eo_decoding *d, uint32_t cmd)
{
	static const char *const directions[] = { "_IOC_NONE", "_IOC_WRITE", "_IOC_READ",
						  "_IOC_READ|_IOC_WRITE" };
	const char *name = eo_name_of(&d->lists[EO_LIST_IOCTL_CMD], cmd);

	if (name)
		return name;
	return eo_format_text(d, "_IOC(%s, %#x, %#x, %#x)", directions[_IOC_DIR(cmd)],
			      _IOC_TYPE(cmd), _IOC_NR(cmd), _IOC_SIZE(cmd));
}

static const char *ipc_get_text(struct eo_decoding *d, uint32_t flags)
{
	if (!(flags & ~0777u))
		return mode_text(d, flags);
	return eo_format_text(d, "%s|%#03o", eo_flags_text(d, EO_LIST_IPC_FLAGS, flags & ~0777u),
			      flags & 0777);
}

void eo_put_number(struct eo_decoding *d, unsigned int i)
{
	const struct eo_call_arg *arg = &d->call->args[i];
	const __u64 *args = d->record->args;
	uint32_t value = (uint32_t)args[i];
	const char *text;

	switch (arg->kind) {
	case EO_ARG_MODE_CREAT:
		if (!i || !(args[i - 1] & (O_CREAT | TMPFILE_BIT)))
			return;
		text = mode_text(d, value);
		break;
	case EO_ARG_MODE:
		text = mode_text(d, value);
		break;
	case EO_ARG_FILE_MODE:
		text = file_mode_text(d, value);
		break;
	case EO_ARG_DEV:
		put_dev(d, i, value);
		return;
	case EO_ARG_SIGNO:
		text = eo_signal_text(d, value);
		break;
	case EO_ARG_CLONE_FLAGS:
		text = clone_text(d, value);
		break;
	case EO_ARG_PROTOCOL:
		text = protocol_text(d, i >= 2 ? (uint32_t)args[i - 2] : 0, value);
		break;
	case EO_ARG_SOCKET_OPTION:
		text = option_text(d, i ? (uint32_t)args[i - 1] : 0, value);
		break;
	case EO_ARG_IOCTL:
		text = ioctl_text(d, value);
		break;
	case EO_ARG_IPC_KEY:
		text = value ? eo_format_text(d, "%#x", value) : "IPC_PRIVATE";
		break;
	case EO_ARG_IPC_GET:
		text = ipc_get_text(d, value);
		break;
	default:
		eo_put_hex(d, arg->name, args[i]);
		return;
	}
	eo_put_string(d, arg->name, text);
}

/* What a command makes of its third argument, and the key it then has. */
enum fcntl_use {
	FCNTL_POINTER,
	FCNTL_NOTHING,
	FCNTL_NUMBER,
	FCNTL_SIGNAL,
	FCNTL_FLAGS,
	FCNTL_ENUM,
};

static const struct {
	uint16_t cmd;
	uint8_t use, list;
} fcntl_uses[] = {
	{ F_DUPFD, FCNTL_NUMBER },
	{ F_DUPFD_CLOEXEC, FCNTL_NUMBER },
	{ F_GETFD, FCNTL_NOTHING },
	{ F_SETFD, FCNTL_FLAGS, EO_LIST_FD_FLAGS },
	{ F_GETFL, FCNTL_NOTHING },
	{ F_SETFL, FCNTL_FLAGS, EO_LIST_OPEN_FLAGS },
	{ F_SETOWN, FCNTL_NUMBER },
	{ F_GETOWN, FCNTL_NOTHING },
	{ F_SETSIG, FCNTL_SIGNAL },
	{ F_GETSIG, FCNTL_NOTHING },
	{ F_SETLEASE, FCNTL_ENUM, EO_LIST_LEASE },
	{ F_GETLEASE, FCNTL_NOTHING },
	{ F_SETPIPE_SZ, FCNTL_NUMBER },
	{ F_GETPIPE_SZ, FCNTL_NOTHING },
	{ F_ADD_SEALS, FCNTL_FLAGS, EO_LIST_SEALS },
	{ F_GET_SEALS, FCNTL_NOTHING },
};

void eo_put_fcntl_arg(struct eo_decoding *d, unsigned int i)
{
	uint32_t cmd = (uint32_t)d->record->args[i - 1], value = (uint32_t)d->record->args[i];
	size_t row = 0;

	while (row < EO_ARRAY_SIZE(fcntl_uses) && fcntl_uses[row].cmd != cmd)
		row++;
	switch (row < EO_ARRAY_SIZE(fcntl_uses) ? fcntl_uses[row].use : FCNTL_POINTER) {
	case FCNTL_NOTHING:
		break;
	case FCNTL_NUMBER:
		eo_put_int(d, d->call->args[i].name, (int32_t)value);
		break;
	case FCNTL_SIGNAL:
		eo_put_string(d, "signal", eo_signal_text(d, value));
		break;
	case FCNTL_FLAGS:
		eo_put_string(d, "flags", eo_flags_text(d, fcntl_uses[row].list, value));
		break;
	case FCNTL_ENUM:
		eo_put_string(d, "lease", eo_enum_text(d, fcntl_uses[row].list, value));
		break;
	default:
		eo_put_pointer(d, i);
	}
}

/* How many arguments the options have that do not have all four; the rest is what registers held. */
static const struct {
	uint8_t option, count;
} prctl_counts[] = {
	{ PR_SET_PDEATHSIG, 1 },    { PR_GET_PDEATHSIG, 1 },
	{ PR_GET_DUMPABLE, 0 },	    { PR_SET_DUMPABLE, 1 },
	{ PR_GET_KEEPCAPS, 0 },	    { PR_SET_KEEPCAPS, 1 },
	{ PR_SET_NAME, 1 },	    { PR_GET_NAME, 1 },
	{ PR_GET_SECCOMP, 0 },	    { PR_SET_SECCOMP, 2 },
	{ PR_CAPBSET_READ, 1 },	    { PR_CAPBSET_DROP, 1 },
	{ PR_GET_TSC, 1 },	    { PR_SET_TSC, 1 },
	{ PR_GET_SECUREBITS, 0 },   { PR_SET_SECUREBITS, 1 },
	{ PR_SET_TIMERSLACK, 1 },   { PR_GET_TIMERSLACK, 0 },
	{ PR_SET_CHILD_SUBREAPER, 1 }, { PR_GET_CHILD_SUBREAPER, 1 },
	{ PR_SET_NO_NEW_PRIVS, 1 }, { PR_GET_NO_NEW_PRIVS, 0 },
	{ PR_GET_TID_ADDRESS, 1 },
};

void eo_put_prctl_arg(struct eo_decoding *d, unsigned int i)
{
	uint32_t option = (uint32_t)d->record->args[0], value = (uint32_t)d->record->args[i];

	for (size_t row = 0; row < EO_ARRAY_SIZE(prctl_counts); row++)
		if (prctl_counts[row].option == option && i > prctl_counts[row].count)
			return;
	if (i == 1 && option == PR_SET_NAME)
		eo_put_text(d, i, "name");
	else if (i == 1 && option == PR_SET_PDEATHSIG)
		eo_put_string(d, "signal", eo_signal_text(d, value));
	else
		eo_put_hex(d, d->call->args[i].name, d->record->args[i]);
}

#define FUTEX_TIMED   (1u << FUTEX_WAIT | 1u << FUTEX_LOCK_PI | 1u << FUTEX_WAIT_BITSET | \
		       1u << FUTEX_WAIT_REQUEUE_PI | 1u << FUTEX_LOCK_PI2)
#define FUTEX_COUNTED (1u << FUTEX_REQUEUE | 1u << FUTEX_CMP_REQUEUE | 1u << FUTEX_WAKE_OP | \
		       1u << FUTEX_CMP_REQUEUE_PI)
#define FUTEX_PAIRED  (FUTEX_COUNTED | 1u << FUTEX_WAIT_REQUEUE_PI)
#define FUTEX_VALUED  (1u << FUTEX_CMP_REQUEUE | 1u << FUTEX_WAKE_OP | 1u << FUTEX_WAIT_BITSET | \
		       1u << FUTEX_WAKE_BITSET | 1u << FUTEX_CMP_REQUEUE_PI)

void eo_put_futex_arg(struct eo_decoding *d, unsigned int i)
{
	uint32_t op = (uint32_t)d->record->args[1] & 0x7f;
	unsigned int bit = op < 32 ? 1u << op : 0;

	switch (d->call->args[i].kind) {
	case EO_ARG_FUTEX_TIME:
		if (bit & FUTEX_TIMED)
			eo_put_struct(d, i);
		else if (bit & FUTEX_COUNTED)
			eo_put_uint(d, "val2", (uint32_t)d->record->args[i]);
		break;
	case EO_ARG_FUTEX_ADDR2:
		if (bit & FUTEX_PAIRED)
			eo_put_hex(d, d->call->args[i].name, d->record->args[i]);
		break;
	default:
		if (bit & FUTEX_VALUED)
			eo_put_hex(d, d->call->args[i].name, (uint32_t)d->record->args[i]);
	}
}
