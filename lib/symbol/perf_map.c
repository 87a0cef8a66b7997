/* SPDX-License-Identifier: BSD-2-Clause */
/* Entries stand in layers, each sorted and free of overlaps, a newer layer over an older one. What
 * a reading brings is one new layer; a layer that is not much smaller than the one below is merged
 * into it. So there are few layers, each line is moved a few times in all, and a process that
 * compiles all day costs no more than what it adds. */
#include "symbol/perf_map.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "core/array.h"
#include "core/clock.h"
#include "symbol/lines.h"
#include "symbol/open_file.h"

#define FILE_MAX (256ull << 20)
#define READ_MAX (32ull << 20) /* at once; the rest is for the next miss */
#define ENTRIES_MAX (4u << 20)
#define NAME_MAX_BYTES 512u
#define CODE_MAX (1u << 30)
#define LAYERS_MAX 32 /* each at least twice its upper neighbour: never reached */

#define WAIT_NS (EO_NS_PER_SEC / 10)
#define WAIT_MAX_NS (WAIT_NS << 6)

struct entry {
	uint64_t start;
	uint32_t size;
	uint32_t name; /* in names: 8 bytes where the code begins, then the text */
};

struct layer {
	struct entry *entries;
	size_t count;
};

struct eo_perf_map {
	char *root, *path;
	uid_t owner;
	dev_t device;
	ino_t inode;
	uint64_t read; /* bytes of the file taken over */
	bool skipping; /* they end inside a line that is too long */
	uint64_t tried_ns, wait_ns;

	struct layer layers[LAYERS_MAX]; /* oldest first */
	size_t layer_count;
	struct entry *fresh; /* being read, in the file's order */
	size_t fresh_count, fresh_room;
	char *names;
	size_t names_size, names_room;
	size_t count;
};

struct eo_perf_map *eo_perf_map_new(const char *root, const char *path, uid_t owner)
{
	EO_AUTO(eo_perf_map) map = calloc(1, sizeof(*map));

	if (!map)
		return NULL;
	map->root = strdup(root);
	map->path = strdup(path);
	map->owner = owner;
	map->wait_ns = WAIT_NS;
	return map->root && map->path ? eo_steal(&map) : NULL;
}

static void forget(struct eo_perf_map *map)
{
	while (map->layer_count > 0)
		free(map->layers[--map->layer_count].entries);
	free(map->fresh);
	map->fresh = NULL;
	map->fresh_count = map->fresh_room = 0;
	free(map->names);
	map->names = NULL;
	map->names_size = map->names_room = 0;
	map->count = 0;
	map->read = 0;
	map->skipping = false;
}

void eo_perf_map_free(struct eo_perf_map *map)
{
	if (!map)
		return;
	forget(map);
	free(map->root);
	free(map->path);
	free(map);
}

static struct entry cut(const struct entry *entry, uint64_t start, uint64_t end)
{
	return (struct entry){start, (uint32_t)(end - start), entry->name};
}

static uint64_t end_of(const struct entry *entry)
{
	return entry->start + entry->size;
}

/* Lay @top over @bottom. @out holds top_count * 2 + bottom_count. Returns how many it got. */
static size_t overlay(const struct entry *top, size_t top_count, const struct entry *bottom,
		      size_t bottom_count, struct entry *out)
{
	size_t n = 0, t = 0;

	for (size_t b = 0; b < bottom_count; b++) {
		uint64_t at = bottom[b].start, end = end_of(&bottom[b]);

		while (t < top_count && end_of(&top[t]) <= at)
			out[n++] = top[t++];
		/* Keep what shows between the upper ones; the last of them may reach over more. */
		while (at < end && t < top_count && top[t].start < end) {
			if (at < top[t].start)
				out[n++] = cut(&bottom[b], at, top[t].start);
			at = end_of(&top[t]);
			if (at > end)
				break;
			out[n++] = top[t++];
		}
		if (at < end)
			out[n++] = cut(&bottom[b], at, end);
	}
	while (t < top_count)
		out[n++] = top[t++];
	return n;
}

/* Bring @count entries in any order into one layer, the last ones on top. @out and @scratch hold
 * 2 * count. */
static size_t flatten(const struct entry *in, size_t count, struct entry *out,
		      struct entry *scratch)
{
	size_t half = count / 2, lower, upper;

	if (count <= 1) {
		if (count)
			out[0] = in[0];
		return count;
	}
	lower = flatten(in, half, scratch, out);
	upper = flatten(in + half, count - half, scratch + 2 * half, out + 2 * half);
	return overlay(scratch + 2 * half, upper, scratch, lower, out);
}

static bool merge_top(struct eo_perf_map *map)
{
	struct layer *lower = &map->layers[map->layer_count - 2], *upper = lower + 1;
	struct entry *merged, *less;
	size_t count;

	merged = reallocarray(NULL, 2 * upper->count + lower->count, sizeof(*merged));
	if (!merged)
		return false;
	count = overlay(upper->entries, upper->count, lower->entries, lower->count, merged);
	less = reallocarray(merged, count, sizeof(*merged));
	free(upper->entries);
	free(lower->entries);
	*lower = (struct layer){less ? less : merged, count};
	map->layer_count--;
	return true;
}

static int settle(struct eo_perf_map *map)
{
	size_t count = map->fresh_count;
	struct entry *out, *less;
	EO_AUTO_FREE struct entry *scratch = NULL;

	if (!count)
		return 0;
	if (map->layer_count == LAYERS_MAX && !merge_top(map))
		return -ENOMEM;
	out = reallocarray(NULL, 2 * count, sizeof(*out));
	scratch = reallocarray(NULL, 2 * count, sizeof(*scratch));
	if (!out || !scratch) {
		free(out);
		return -ENOMEM;
	}
	count = flatten(map->fresh, count, out, scratch);
	less = reallocarray(out, count, sizeof(*out));
	map->layers[map->layer_count++] = (struct layer){less ? less : out, count};
	free(map->fresh);
	map->fresh = NULL;
	map->fresh_count = map->fresh_room = 0;

	while (map->layer_count > 1 &&
	       map->layers[map->layer_count - 2].count / 2 <
		       map->layers[map->layer_count - 1].count)
		if (!merge_top(map))
			break;
	return 0;
}

static void skip_blanks(const char **p)
{
	while (**p == ' ' || **p == '\t')
		++*p;
}

/* "START SIZE NAME". Some JITs write 0x in front. Lines that are none are left out. */
static int take_line(struct eo_perf_map *map, const char *line)
{
	const char *p = line;
	uint64_t start, size;
	size_t length;

	if (p[0] == '0' && (p[1] | 0x20) == 'x')
		p += 2;
	if (eo_parse_hex(&p, &start) < 0 || *p != ' ')
		return 0;
	skip_blanks(&p);
	if (p[0] == '0' && (p[1] | 0x20) == 'x')
		p += 2;
	if (eo_parse_hex(&p, &size) < 0 || *p != ' ')
		return 0;
	skip_blanks(&p);
	length = strlen(p);
	if (length > 0 && p[length - 1] == '\r')
		length--;
	if (!length || !size || size > CODE_MAX || start > UINT64_MAX - size)
		return 0;
	if (map->count >= ENTRIES_MAX)
		return -E2BIG;
	if (length > NAME_MAX_BYTES)
		length = NAME_MAX_BYTES;

	if (!EO_ARRAY_RESERVE(map->fresh, map->fresh_count + 1, map->fresh_room, 64) ||
	    !EO_ARRAY_RESERVE(map->names, map->names_size + sizeof(start) + length + 1,
			      map->names_room, 4096))
		return -ENOMEM;
	map->fresh[map->fresh_count++] = (struct entry){start, (uint32_t)size,
							(uint32_t)map->names_size};
	memcpy(map->names + map->names_size, &start, sizeof(start));
	memcpy(map->names + map->names_size + sizeof(start), p, length);
	map->names_size += sizeof(start) + length;
	map->names[map->names_size++] = '\0';
	map->count++;
	return 0;
}

int eo_perf_map_read(struct eo_perf_map *map, int fd)
{
	struct eo_lines lines;
	char *line;
	size_t size;
	int r = eo_lines_init(&lines, fd), settled;

	if (r < 0)
		return r;
	lines.skipping = map->skipping;
	while (lines.consumed < READ_MAX && map->read + lines.consumed < FILE_MAX) {
		r = eo_lines_next(&lines, &line, &size);
		if (r > 0)
			r = take_line(map, line);
		else if (r == 0)
			break;
		if (r < 0)
			break;
	}
	map->read += lines.consumed;
	map->skipping = lines.skipping;
	eo_lines_fini(&lines);
	settled = settle(map);
	return r < 0 ? r : settled;
}

static void wait_longer(struct eo_perf_map *map)
{
	if (map->wait_ns < WAIT_MAX_NS)
		map->wait_ns *= 2;
}

static void refresh(struct eo_perf_map *map)
{
	uint64_t now_ns = eo_clock_monotonic_ns();
	EO_AUTO_CLOSE int fd = -1;
	struct stat st;

	if (map->tried_ns && now_ns - map->tried_ns < map->wait_ns)
		return;
	map->tried_ns = now_ns;

	fd = eo_open_file(map->root, map->path, false);
	if (fd < 0 || fstat(fd, &st) < 0 ||
	    (st.st_uid != 0 && st.st_uid != map->owner && st.st_uid != geteuid())) {
		wait_longer(map);
		return;
	}
	if (st.st_ino != map->inode || st.st_dev != map->device ||
	    (uint64_t)st.st_size < map->read) {
		/* Another file, or it was begun anew. Whoever does that without end shall not
		 * have us read without end. */
		if (map->inode)
			wait_longer(map);
		else
			map->wait_ns = WAIT_NS;
		forget(map);
		map->inode = st.st_ino;
		map->device = st.st_dev;
	}
	if ((uint64_t)st.st_size > map->read && map->read < FILE_MAX &&
	    lseek(fd, (off_t)map->read, SEEK_SET) >= 0)
		eo_perf_map_read(map, fd);
}

static const struct entry *find_in(const struct layer *layer, uint64_t address)
{
	size_t low = 0, high = layer->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (layer->entries[mid].start <= address)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == 0 || address >= end_of(&layer->entries[low - 1]))
		return NULL;
	return &layer->entries[low - 1];
}

static const struct entry *find(const struct eo_perf_map *map, uint64_t address)
{
	for (size_t i = map->layer_count; i-- > 0;) {
		const struct entry *entry = find_in(&map->layers[i], address);

		if (entry)
			return entry;
	}
	return NULL;
}

const char *eo_perf_map_find(struct eo_perf_map *map, uint64_t address, uint64_t *start)
{
	const struct entry *entry = find(map, address);

	if (!entry) {
		refresh(map);
		entry = find(map, address);
	}
	if (!entry)
		return NULL;
	memcpy(start, map->names + entry->name, sizeof(*start));
	return map->names + entry->name + sizeof(*start);
}

size_t eo_perf_map_count(const struct eo_perf_map *map)
{
	return map->count;
}
