// SPDX-License-Identifier: BSD-2-Clause
#include "capture/net_sessions.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/array.h"

struct eo_net_sessions {
	int map;
	struct bpf_link *iterator;
	uint64_t *live; /* cookies of sockets that there are, sorted */
	size_t live_count, live_room;
};

int eo_net_sessions_new(int sessions, int sockets, struct bpf_program *iterator,
			struct eo_net_sessions **ret, struct eo_error *err)
{
	union bpf_iter_link_info info = {.map.map_fd = (__u32)sockets};
	LIBBPF_OPTS(bpf_iter_attach_opts, opts, .link_info = &info, .link_info_len = sizeof(info));
	EO_AUTO(eo_net_sessions) made = calloc(1, sizeof(*made));

	if (!made)
		return eo_error_set(err, EO_ERROR_LOAD_FAILED, ENOMEM, NULL, "allocate sessions");
	made->map = sessions;
	made->iterator = bpf_program__attach_iter(iterator, sockets >= 0 ? &opts : NULL);
	if (!made->iterator)
		return eo_error_set(err, EO_ERROR_ATTACH_FAILED, errno, NULL,
				    "attach the iterator over UDP sockets");
	*ret = eo_steal(&made);
	return 0;
}

void eo_net_sessions_free(struct eo_net_sessions *sessions)
{
	if (!sessions)
		return;
	bpf_link__destroy(sessions->iterator);
	free(sessions->live);
	free(sessions);
}

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* The iterator writes whole numbers, and a read returns as many as fit. */
static int read_live(struct eo_net_sessions *sessions)
{
	EO_AUTO_CLOSE int fd = bpf_iter_create(bpf_link__fd(sessions->iterator));
	char *at;
	size_t bytes = 0;
	ssize_t n = 0;

	if (fd < 0)
		return fd;
	sessions->live_count = 0;
	do {
		sessions->live_count = bytes / sizeof(*sessions->live);
		if (!EO_ARRAY_RESERVE(sessions->live, sessions->live_count + 1, sessions->live_room, 512))
			return -ENOMEM;
		at = (char *)sessions->live;
		n = read(fd, at + bytes, sessions->live_room * sizeof(*sessions->live) - bytes);
		if (n > 0)
			bytes += (size_t)n;
	} while (n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN)));
	sessions->live_count = bytes / sizeof(*sessions->live);
	qsort(sessions->live, sessions->live_count, sizeof(*sessions->live), by_number);
	return n < 0 ? -errno : 0;
}

static bool is_live(const struct eo_net_sessions *sessions, uint64_t cookie)
{
	return bsearch(&cookie, sessions->live, sessions->live_count, sizeof(cookie), by_number);
}

int eo_net_sessions_sweep(struct eo_net_sessions *sessions, uint64_t now_ns, bool all,
			  eo_net_session_fn fn, void *ctx)
{
	struct eo_session_key key, next;
	struct eo_session session;
	bool more = bpf_map_get_next_key(sessions->map, NULL, &next) == 0;
	int r = more && !all ? read_live(sessions) : 0;

	while (more && r >= 0) {
		key = next;
		/* Asked for before the key goes, or the walk begins anew. */
		more = bpf_map_get_next_key(sessions->map, &key, &next) == 0;
		if (bpf_map_lookup_elem(sessions->map, &key, &session) < 0)
			continue;
		/* A socket that is younger than the list of sockets is not on it. */
		if (!all && now_ns < session.last_ns + EO_SESSION_IDLE_NS &&
		    (session.first_ns >= now_ns || is_live(sessions, key.cookie)))
			continue;
		if (bpf_map_lookup_elem(sessions->map, &key, &session) == 0 &&
		    bpf_map_delete_elem(sessions->map, &key) == 0)
			r = fn(ctx, &key, &session);
	}
	return r < 0 ? r : 0;
}
