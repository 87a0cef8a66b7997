// SPDX-License-Identifier: BSD-2-Clause
#include "capture/syscall_takes.h"

#include <bpf/bpf.h>
#include <errno.h>

static struct eo_take take_of(const struct eo_capture *capture, uint32_t string_limit)
{
	struct eo_take take = {
		.kind = EO_TAKE_BYTES,
		.arg = capture->arg,
		.length = capture->length,
		.length_arg = capture->length_arg,
		.unit = 1,
		.flags = (uint8_t)capture->flags,
		.size = capture->size,
	};

	switch ((enum eo_capture_kind)capture->kind) {
	case EO_CAPTURE_NONE:
		take.kind = EO_TAKE_NOTHING;
		break;
	case EO_CAPTURE_PATH:
		take.kind = EO_TAKE_TEXT;
		take.size = EO_SYSCALL_PATH_BYTES - 1;
		break;
	case EO_CAPTURE_STRING:
		take.kind = EO_TAKE_TEXT;
		take.size = (uint16_t)string_limit;
		break;
	case EO_CAPTURE_TEXT:
		take.size = EO_SYSCALL_PATH_BYTES - 1;
		break;
	case EO_CAPTURE_BUFFER:
		take.size = (uint16_t)string_limit;
		break;
	case EO_CAPTURE_SOCKADDR:
		take.size = 128;
		break;
	case EO_CAPTURE_IOVEC:
		take.unit = 16;
		take.size = 16 * EO_SYSCALL_ARRAY_MAX;
		break;
	case EO_CAPTURE_ARRAY:
		take.unit = (uint8_t)capture->size;
		take.size = (uint16_t)(capture->size * EO_SYSCALL_ARRAY_MAX);
		break;
	case EO_CAPTURE_STRUCT:
		break;
	case EO_CAPTURE_ARGV:
		take.kind = EO_TAKE_ARGV;
		break;
	case EO_CAPTURE_FD:
		take.kind = EO_TAKE_FD;
		break;
	}
	return take;
}

int eo_syscall_takes_fill(int map_fd, const struct eo_syscall_capture_options *options,
			  uint32_t string_limit, struct eo_error *err)
{
	for (uint32_t key = 0; key < EO_ABI_COUNT * EO_SYSCALL_MAX; key++) {
		struct eo_syscall_captures captures;
		struct eo_syscall_takes takes = {0};

		eo_syscall_captures(key / EO_SYSCALL_MAX, key % EO_SYSCALL_MAX, options, &captures);
		for (size_t i = 0; i < EO_SYSCALL_CAPTURES; i++)
			takes.take[i] = take_of(&captures.capture[i], string_limit);
		if (takes.take[0].kind && bpf_map_update_elem(map_fd, &key, &takes, BPF_ANY) < 0)
			return eo_error_set(err, EO_ERROR_MAP_OPERATION_FAILED, errno, NULL,
					    "say what is taken of calls");
	}
	return 0;
}
