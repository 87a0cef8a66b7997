// SPDX-License-Identifier: BSD-2-Clause
/* libbpf reads a ring for as long as data keeps coming, which under a flood is for ever. So each
 * ring is an object of its own, and the callback's negative return ends a turn. */
#include "capture/rings.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "core/clock.h"

#define TURN_RECORDS 256u
#define TURN_OVER    (-ECANCELED)

struct ring {
	struct eo_rings *rings;
	struct ring_buffer *reader;
	struct eo_loop_source *source;
	uint32_t cpu;
	int fd;
};

struct eo_rings {
	eo_ring_record_fn fn;
	void *ctx;
	struct eo_loop *loop; /* NULL: not watched */
	uint32_t bytes, count;
	uint32_t turn; /* records read in this turn */
	int failed;    /* what the callback returned, other than TURN_OVER */
	struct ring ring[];
};

static int take_record(void *ctx, void *record, size_t size)
{
	struct ring *ring = ctx;
	struct eo_rings *rings = ring->rings;
	int r = rings->fn(rings->ctx, ring->cpu, record, size);

	if (r < 0) {
		rings->failed = r;
		return TURN_OVER;
	}
	return ++rings->turn == TURN_RECORDS ? TURN_OVER : 0;
}

static int open_ring(struct eo_rings *rings, uint32_t cpu, int outer_fd)
{
	struct ring *ring = &rings->ring[cpu];

	ring->rings = rings;
	ring->cpu = cpu;
	ring->fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "ring", 0, 0, rings->bytes, NULL);
	if (ring->fd < 0)
		return ring->fd;
	ring->reader = ring_buffer__new(ring->fd, take_record, ring, NULL);
	if (!ring->reader)
		return -errno;
	return bpf_map_update_elem(outer_fd, &cpu, &ring->fd, BPF_ANY) < 0 ? -errno : 0;
}

int eo_rings_new(int outer_fd, uint32_t cpu_count, uint32_t bytes, eo_ring_record_fn fn, void *ctx,
		 struct eo_rings **ret, struct eo_error *err)
{
	EO_AUTO(eo_rings) rings = calloc(1, sizeof(*rings) + cpu_count * sizeof(rings->ring[0]));
	int r = 0;

	if (!rings)
		return eo_error_set(err, EO_ERROR_MAP_OPERATION_FAILED, ENOMEM, NULL,
				    "make ring buffers");
	rings->fn = fn;
	rings->ctx = ctx;
	rings->bytes = bytes;
	for (; rings->count < cpu_count && !r; rings->count++) {
		rings->ring[rings->count].fd = -1;
		r = open_ring(rings, rings->count, outer_fd);
	}
	if (r < 0)
		return eo_error_set(err, eo_error_kind_of(-r, EO_ERROR_MAP_OPERATION_FAILED), -r, NULL,
				    "make a ring buffer of %u bytes for each CPU", bytes);
	*ret = eo_steal(&rings);
	return 0;
}

void eo_rings_free(struct eo_rings *rings)
{
	if (!rings)
		return;
	eo_rings_unwatch(rings);
	for (uint32_t i = 0; i < rings->count; i++) {
		ring_buffer__free(rings->ring[i].reader);
		if (rings->ring[i].fd >= 0)
			close(rings->ring[i].fd);
	}
	free(rings);
}

int eo_rings_read(struct eo_rings *rings, uint64_t until_ns, bool (*ready)(void *ctx),
		  void *ready_ctx)
{
	bool left = true, any = false;

	while (left) {
		left = false;
		for (uint32_t i = 0; i < rings->count; i++) {
			int r;

			if (ready && !ready(ready_ctx))
				return 1;
			rings->turn = 0;
			rings->failed = 0;
			r = ring_buffer__consume(rings->ring[i].reader);
			if (rings->failed)
				return rings->failed;
			if (r < 0 && r != TURN_OVER)
				return r;
			left |= r == TURN_OVER;
			any |= rings->turn > 0;
		}
		if (eo_clock_monotonic_ns() >= until_ns)
			return left || any;
	}
	return any;
}

int eo_rings_watch(struct eo_rings *rings, struct eo_loop *loop, eo_loop_fd_fn fn, void *ctx,
		   struct eo_error *err)
{
	int r = 0;

	rings->loop = loop;
	for (uint32_t i = 0; i < rings->count && !r; i++)
		r = eo_loop_add_fd(loop, ring_buffer__epoll_fd(rings->ring[i].reader), EPOLLIN, fn, ctx,
				   &rings->ring[i].source, err);
	if (r < 0)
		eo_rings_unwatch(rings);
	return r;
}

void eo_rings_unwatch(struct eo_rings *rings)
{
	if (!rings->loop)
		return;
	for (uint32_t i = 0; i < rings->count; i++) {
		eo_loop_remove(rings->loop, rings->ring[i].source);
		rings->ring[i].source = NULL;
	}
	rings->loop = NULL;
}

bool eo_rings_is_watched(const struct eo_rings *rings)
{
	return rings->loop;
}

uint64_t eo_rings_bytes(const struct eo_rings *rings)
{
	return (uint64_t)rings->bytes * rings->count;
}
