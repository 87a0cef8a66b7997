/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What a call's arguments point to, taken while the call is being made.
 *
 * What goes into the kernel is taken when the call begins: by its end another thread may have
 * rewritten it, and execve has replaced the whole memory. It has to wait for the end somewhere, so
 * each thread has a record of its own in which the call grows, ready to be sent as it is: bytes are
 * copied once from the process and once into the ring. The thread's record is small, as nearly all
 * calls are; one that does not fit begins again in a large one, which lives as long as the call. */
#ifndef EO_SYSCALL_CAPTURE_BPF_H
#define EO_SYSCALL_CAPTURE_BPF_H

#include "fd_path.bpf.h"
#include "syscall_calls.bpf.h"
#include "syscall_records.h"
#include "tracer.bpf.h"

/* No read is larger than a chunk, and none begins where a chunk has no room. With what the kernel
 * adds to it, a small call is just below 1 KB. */
#define SMALL_CHUNK 256
#define SMALL_BYTES 728
#define LARGE_CHUNK (EO_SYSCALL_PATH_BYTES + 8)
#define LARGE_BYTES EO_SYSCALL_BYTES_MAX

#define TAKEN	   0
#define TOO_BIG	   1 /* for this record */
#define UNREADABLE 2

/* Lies in a map, so that the verifier forgets what is in it: it would else follow each combination
 * of pieces through all that comes behind. */
struct call_state {
	__u32 is_open;
	__u32 used;	 /* bytes of pieces */
	__u32 late;	 /* takes that are to be repeated when the call has ended, a bit each */
	__u32 is_large;	 /* the bytes are in the large record */
	__u32 is_unsure; /* the filter is to be asked again when the call has ended */
	__u32 exec_id;
	__u32 flags;	       /* of the pieces that are taken now */
	__u32 has_results;     /* the kernel has filled what it fills in */
	__u32 is_other_memory; /* the memory of the start is gone */
	__u32 argv;	       /* which take is one, from 1 on; 0: none */
};

/* What it was last set to is to be forgotten. */
#define FORGOTTEN(field) (*(volatile __typeof__(field) *)&(field))

/* A record that is being filled. @chunk and @room are constants of its size. */
struct filling {
	struct call_state *state;
	struct eo_syscall_record *head; /* the small record, whose bytes may be elsewhere */
	__u8 *bytes;
	int is_last; /* there is no larger record: what does not fit is left out */
};

/* Where the next piece goes; NULL: nowhere. */
static __always_inline struct eo_syscall_piece *next_piece(struct filling *filling, __u64 bytes,
							   const __u32 room)
{
	__u64 used = FORGOTTEN(filling->state->used);

	asm volatile("" : "+r"(used)); /* the verifier is to see the very register that is compared */
	if (used > room - bytes - sizeof(struct eo_syscall_piece))
		return NULL;
	return (void *)filling->bytes + used;
}

static __always_inline void end_piece(struct filling *filling, struct eo_syscall_piece *piece,
				      const struct eo_take *take, __u32 bytes, __u32 total,
				      __u32 flags)
{
	flags |= FORGOTTEN(filling->state->flags);
	piece->arg = take->arg;
	piece->flags = flags;
	piece->bytes = bytes;
	piece->total = total;
	filling->head->piece_flags |= flags;
	filling->head->pieces++;
	FORGOTTEN(filling->state->used) += sizeof(*piece) + ((bytes + 7) & ~7u);
}

/* A piece that says no more than why it is empty. */
static __always_inline void put_empty(struct filling *filling, const struct eo_take *take,
				      __u32 flags, const __u32 room)
{
	struct eo_syscall_piece *piece = next_piece(filling, 0, room);

	if (piece)
		end_piece(filling, piece, take, 0, 0, flags);
	else
		filling->head->piece_flags |= flags;
}

static __always_inline int does_not_fit(struct filling *filling, const struct eo_take *take,
					const __u32 room)
{
	if (!filling->is_last)
		return TOO_BIG;
	put_empty(filling, take, EO_PIECE_CUT | EO_PIECE_FAULT, room);
	return TAKEN;
}

static __always_inline int take_text(struct filling *filling, const struct eo_take *take,
				     const void *from, const __u32 chunk, const __u32 room)
{
	struct eo_syscall_piece *piece = next_piece(filling, chunk, room);
	__u32 wanted = take->size, size = wanted + 2; /* NUL, and one to see that there is more */
	long r;

	if (!piece)
		return does_not_fit(filling, take, room);
	if (size > chunk)
		size = chunk;
	r = bpf_probe_read_user_str(piece + 1, size, from);
	if (r < 0)
		return UNREADABLE;
	if (r < size) {
		end_piece(filling, piece, take, r ? r - 1 : 0, 0, 0);
		return TAKEN;
	}
	if (size < wanted + 2)
		return does_not_fit(filling, take, room);
	end_piece(filling, piece, take, wanted, 0, EO_PIECE_CUT);
	return TAKEN;
}

/* Returns -1 when it cannot be read. */
static __always_inline __s64 length_of(const struct eo_syscall_record *record,
				       const struct eo_take *take)
{
	__u64 arg = record->args[take->length_arg & 7];
	__s32 pointed;

	switch (take->length) {
	case EO_LENGTH_ARG:
		return arg > 0x7fffffff ? 0x7fffffff : arg;
	case EO_LENGTH_RET:
		return record->ret;
	case EO_LENGTH_ARG_PTR:
		if (bpf_probe_read_user(&pointed, sizeof(pointed), (void *)arg))
			return -1;
		return pointed < 0 ? 0 : pointed;
	default:
		return take->size;
	}
}

static __always_inline int take_bytes(struct filling *filling, const struct eo_take *take,
				      const void *from, const __u32 chunk, const __u32 room)
{
	__s64 total = length_of(filling->head, take);
	struct eo_syscall_piece *piece;
	__u64 bytes = total * take->unit;

	if (total < 0)
		return UNREADABLE;
	if (bytes > take->size)
		bytes = take->size;
	if (!bytes)
		return TAKEN;
	piece = next_piece(filling, chunk, room);
	asm volatile("" : "+r"(bytes));
	if (!piece || bytes > chunk)
		return does_not_fit(filling, take, room);
	if (bpf_probe_read_user(piece + 1, bytes, from))
		return UNREADABLE;
	end_piece(filling, piece, take, bytes, total,
		  (__u64)total * take->unit > bytes ? EO_PIECE_CUT : 0);
	return TAKEN;
}

static __always_inline int take_argv(struct filling *filling, const struct eo_take *take,
				     const __u32 chunk, const __u32 room)
{
	const void *from = (void *)filling->head->args[take->arg & 7];
	/* Texts begin up to @limit and are no longer than @most, together no more than a chunk. */
	const __u32 most = chunk == SMALL_CHUNK ? 64 : 512, limit = chunk == SMALL_CHUNK ? 128 : 1024;
	struct eo_syscall_piece *piece = next_piece(filling, chunk, room);
	__u32 pointer_bytes = filling->head->abi ? 4 : 8, texts = 0, flags = EO_PIECE_CUT;
	__u64 pointer, bytes = 0;
	long r;

	if (!from)
		return TAKEN;
	if (!piece)
		return does_not_fit(filling, take, room);
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < EO_SYSCALL_ARGV_MAX; i++) {
		pointer = 0;
		if (bpf_probe_read_user(&pointer, pointer_bytes, from + i * pointer_bytes))
			return UNREADABLE;
		if (!pointer) {
			flags &= ~EO_PIECE_CUT;
			break;
		}
		asm volatile("" : "+r"(bytes));
		if (bytes > limit)
			break;
		r = bpf_probe_read_user_str((void *)(piece + 1) + bytes, most, (void *)pointer);
		if (r <= 0)
			return UNREADABLE;
		if (r >= most && !filling->is_last)
			return TOO_BIG;
		/* Tells the verifier a bound without a branch, of which there would be 2^32 ways. */
		asm volatile("" : "+r"(r));
		bytes += r & (2 * most - 1);
		texts++;
	}
	if (flags && !filling->is_last)
		return TOO_BIG;
	end_piece(filling, piece, take, bytes, texts, flags);
	return TAKEN;
}

/* What is no descriptor has no path, and says so by its number. */
static __always_inline int take_fd(struct filling *filling, const struct eo_take *take,
				   const __u32 chunk, const __u32 room)
{
	__u64 bytes = fd_path_of(bpf_get_current_task(), filling->head->args[take->arg & 7]);
	struct eo_syscall_piece *piece = next_piece(filling, chunk, room);
	struct fd_path *path;
	__u32 zero = 0;

	if (!bytes)
		return TAKEN;
	asm volatile("" : "+r"(bytes));
	if (!piece || bytes > chunk || bytes > FD_PATH_BYTES)
		return does_not_fit(filling, take, room);
	path = bpf_map_lookup_elem(&fd_paths, &zero);
	if (!path)
		return TAKEN;
	bpf_probe_read_kernel(piece + 1, bytes, path->text + FD_PATH_BYTES - bytes);
	end_piece(filling, piece, take, bytes, 0, EO_PIECE_FD);
	return TAKEN;
}

static __always_inline int take_one(struct filling *filling, const struct eo_take *take,
				    const __u32 chunk, const __u32 room)
{
	const void *from = (void *)filling->head->args[take->arg & 7];

	if (config.fd_paths && take->kind == EO_TAKE_FD)
		return take_fd(filling, take, chunk, room);
	if (!from) /* no memory is meant, and decoders see that by the argument */
		return TAKEN;
	switch (take->kind) {
	case EO_TAKE_TEXT:
		return take_text(filling, take, from, chunk, room);
	case EO_TAKE_BYTES:
		return take_bytes(filling, take, from, chunk, room);
	default:
		return TAKEN;
	}
}

/* When the call begins. What cannot be read yet is tried again at its end. */
static __always_inline int take_at_start(struct filling *filling,
					 const struct eo_syscall_takes *takes, const __u32 chunk,
					 const __u32 room)
{
	struct call_state *state = filling->state;
	__u32 argv;
	int r;

	state->used = state->late = state->flags = state->argv = 0;
	filling->head->pieces = filling->head->piece_flags = 0;
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < EO_SYSCALL_CAPTURES; i++) {
		const struct eo_take *take = &takes->take[i];

		if (!take->kind)
			break;
		if (take->flags & EO_CAPTURE_AT_EXIT)
			continue;
		if (take->kind == EO_TAKE_ARGV) {
			state->argv = i + 1;
			continue;
		}
		r = take_one(filling, take, chunk, room);
		if (r == TOO_BIG)
			return TOO_BIG;
		if (r == UNREADABLE)
			FORGOTTEN(state->late) |= 1u << i;
	}
	/* A loop of its own is better not inside of another one, says the verifier. */
	argv = FORGOTTEN(state->argv);
	if (!argv)
		return TAKEN;
	r = take_argv(filling, &takes->take[(argv - 1) & (EO_SYSCALL_CAPTURES - 1)], chunk, room);
	if (r == UNREADABLE)
		put_empty(filling, &takes->take[(argv - 1) & (EO_SYSCALL_CAPTURES - 1)],
			  EO_PIECE_FAULT, room);
	return r == TOO_BIG ? TOO_BIG : TAKEN;
}

/* When it ends, by what the state says. */
static __always_inline int take_at_end(struct filling *filling, const struct eo_syscall_takes *takes,
				       const __u32 chunk, const __u32 room)
{
	struct call_state *state = filling->state;
	int r;

#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < EO_SYSCALL_CAPTURES; i++) {
		const struct eo_take *take = &takes->take[i];

		if (!take->kind)
			break;
		state->flags = FORGOTTEN(state->late) >> i & 1 ? EO_PIECE_LATE : 0;
		if (!FORGOTTEN(state->flags) &&
		    (!FORGOTTEN(state->has_results) || !(take->flags & EO_CAPTURE_AT_EXIT)))
			continue;
		r = UNREADABLE;
		if (!FORGOTTEN(state->flags) || !FORGOTTEN(state->is_other_memory))
			r = take_one(filling, take, chunk, room);
		if (r == TOO_BIG)
			return TOO_BIG;
		if (r == UNREADABLE)
			put_empty(filling, take, EO_PIECE_FAULT, room);
	}
	return TAKEN;
}

#endif
