/* SPDX-License-Identifier: BSD-2-Clause */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include "symbol/perf_map.h"

/* A directory of the test's own, with "perf.map" in it. */
struct place {
	char dir[32];
};

static struct place place_new(void)
{
	struct place place = {"/tmp/eo-perf-map-XXXXXX"};

	cr_assert(mkdtemp(place.dir));
	return place;
}

static void place_free(struct place *place)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/perf.map", place->dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/other", place->dir);
	unlink(path);
	rmdir(place->dir);
}

static void put(const struct place *place, const char *name, int flags, const char *text)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", place->dir, name);
	fd = open(path, O_WRONLY | O_CREAT | flags, 0600);
	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

/* Longer than the least time between two readings, which doubles when there is nothing. */
static void wait_a_while(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 450000000}, NULL);
}

static void expect(struct eo_perf_map *map, uint64_t address, const char *name, uint64_t start)
{
	uint64_t at = 0;
	const char *found = eo_perf_map_find(map, address, &at);

	cr_assert(found, "%lx has no name", (unsigned long)address);
	cr_assert_str_eq(found, name);
	cr_assert_eq(at, start);
}

static void expect_none(struct eo_perf_map *map, uint64_t address)
{
	uint64_t at;

	cr_assert_null(eo_perf_map_find(map, address, &at));
}

static struct eo_perf_map *map_of(const char *text)
{
	struct eo_perf_map *map = eo_perf_map_new("", "/nonexistent/perf.map", 0);
	int fd = memfd_create("map", MFD_CLOEXEC);

	cr_assert(map && fd >= 0);
	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	lseek(fd, 0, SEEK_SET);
	cr_assert_eq(eo_perf_map_read(map, fd), 0);
	close(fd);
	return map;
}

Test(perf_map, names_may_hold_blanks_and_numbers_a_prefix)
{
	EO_AUTO(eo_perf_map) map = map_of("1000 10 LazyCompile:~foo /app/a b.js:1\n"
					  "0x2000 0x20 bar\r\n"
					  "7FFFABCDE000 Ff Baz\n");

	cr_assert_eq(eo_perf_map_count(map), 3);
	expect(map, 0x1000, "LazyCompile:~foo /app/a b.js:1", 0x1000);
	expect(map, 0x100f, "LazyCompile:~foo /app/a b.js:1", 0x1000);
	expect_none(map, 0xfff);
	expect_none(map, 0x1010);
	expect(map, 0x201f, "bar", 0x2000);
	expect(map, 0x7fffabcde0fe, "Baz", 0x7fffabcde000);
}

Test(perf_map, later_lines_win_where_they_overlap)
{
	EO_AUTO(eo_perf_map) map = map_of("1000 100 old\n"
					  "1040 20 middle\n"
					  "10f0 40 over_the_end\n"
					  "0ff0 18 over_the_start\n"
					  "2000 10 gone\n"
					  "1f00 200 over_all\n"
					  "3000 10 first\n"
					  "3000 10 second\n");

	expect(map, 0x0ff0, "over_the_start", 0x0ff0);
	expect(map, 0x1007, "over_the_start", 0x0ff0);
	expect(map, 0x1008, "old", 0x1000);
	expect(map, 0x103f, "old", 0x1000);
	expect(map, 0x1040, "middle", 0x1040);
	expect(map, 0x1060, "old", 0x1000);
	expect(map, 0x10ef, "old", 0x1000);
	expect(map, 0x10f0, "over_the_end", 0x10f0);
	expect(map, 0x112f, "over_the_end", 0x10f0);
	expect_none(map, 0x1130);
	expect(map, 0x2008, "over_all", 0x1f00);
	expect(map, 0x3000, "second", 0x3000);
}

/* Many random lines in many readings against an array that is simply overwritten. */
Test(perf_map, layers_agree_with_an_array)
{
	EO_AUTO(eo_perf_map) map = eo_perf_map_new("", "/nonexistent/perf.map", 0);
	static int owner[4096], start_of[4096];
	unsigned int random = 12345, line = 0;

	for (int i = 0; i < 4096; i++)
		owner[i] = -1;
	for (int reading = 0; reading < 40; reading++) {
		int fd = memfd_create("map", MFD_CLOEXEC);

		for (int i = 0; i < 1 + reading % 17; i++, line++) {
			unsigned int from, size;

			random = random * 1664525 + 1013904223;
			from = random >> 8 & 4095;
			size = 1 + (random >> 20 & (reading % 3 ? 63 : 511));
			dprintf(fd, "%x %x f%u\n", from, size, line);
			for (unsigned int a = from; a < from + size && a < 4096; a++) {
				owner[a] = (int)line;
				start_of[a] = (int)from;
			}
		}
		lseek(fd, 0, SEEK_SET);
		cr_assert_eq(eo_perf_map_read(map, fd), 0);
		close(fd);
		for (int a = 0; a < 4096; a++) {
			char name[16];

			if (owner[a] < 0)
				continue;
			snprintf(name, sizeof(name), "f%d", owner[a]);
			expect(map, (uint64_t)a, name, (uint64_t)start_of[a]);
		}
	}
	cr_assert_eq(eo_perf_map_count(map), line);
}

Test(perf_map, broken_lines_are_left_out)
{
	EO_AUTO(eo_perf_map) map = map_of("\n"
					  "1000\n"
					  "1000 10\n"
					  "1000 10 \n"
					  "1000 0 empty\n"
					  "xyz 10 no_number\n"
					  "-1000 10 negative\n"
					  "10000000000000000 10 too_long\n"
					  "ffffffffffffffff 10 over_the_end_of_the_world\n"
					  "1000 ffffffff huge\n"
					  "5000 10 good\n");

	cr_assert_eq(eo_perf_map_count(map), 1);
	expect(map, 0x5000, "good", 0x5000);
	expect_none(map, 0x1000);
}

Test(perf_map, growth_is_read_and_a_half_line_waits)
{
	struct place place = place_new();
	EO_AUTO(eo_perf_map) map = eo_perf_map_new(place.dir, "/perf.map", geteuid());

	expect_none(map, 0x1000);
	put(&place, "perf.map", O_APPEND, "1000 10 one\n2000 10 tw");
	wait_a_while();
	expect(map, 0x1000, "one", 0x1000);
	expect_none(map, 0x2000);
	put(&place, "perf.map", O_APPEND, "o\n1000 8 newer\n");
	wait_a_while();
	expect(map, 0x2000, "two", 0x2000);
	expect(map, 0x1000, "newer", 0x1000);
	expect(map, 0x1008, "one", 0x1000);
	cr_assert_eq(eo_perf_map_count(map), 3);
	place_free(&place);
}

Test(perf_map, a_truncated_file_is_read_from_its_start)
{
	struct place place = place_new();
	EO_AUTO(eo_perf_map) map = eo_perf_map_new(place.dir, "/perf.map", geteuid());

	put(&place, "perf.map", 0, "1000 10 before\n2000 10 before_too\n");
	expect(map, 0x1000, "before", 0x1000);
	put(&place, "perf.map", O_TRUNC, "3000 10 after\n");
	wait_a_while();
	expect(map, 0x3000, "after", 0x3000);
	expect_none(map, 0x1000);
	cr_assert_eq(eo_perf_map_count(map), 1);
	place_free(&place);
}

Test(perf_map, links_and_fifos_are_not_opened)
{
	struct place place = place_new();
	EO_AUTO(eo_perf_map) linked = eo_perf_map_new(place.dir, "/perf.map", geteuid());
	EO_AUTO(eo_perf_map) fifo = eo_perf_map_new(place.dir, "/perf.map", geteuid());
	char path[64];

	put(&place, "other", 0, "1000 10 secret\n");
	snprintf(path, sizeof(path), "%s/perf.map", place.dir);
	cr_assert_eq(symlink("other", path), 0);
	expect_none(linked, 0x1000);
	unlink(path);
	cr_assert_eq(mkfifo(path, 0600), 0);
	expect_none(fifo, 0x1000); /* and does not wait for a writer */
	place_free(&place);
}

Test(perf_map, a_strangers_file_is_not_read)
{
	struct place place = place_new();
	EO_AUTO(eo_perf_map) strange = eo_perf_map_new(place.dir, "/perf.map", geteuid());
	EO_AUTO(eo_perf_map) owners = eo_perf_map_new(place.dir, "/perf.map", 12345);
	char path[64];

	put(&place, "perf.map", 0, "1000 10 planted\n");
	snprintf(path, sizeof(path), "%s/perf.map", place.dir);
	if (chown(path, 12345, -1) < 0) {
		place_free(&place);
		cr_skip_test("files cannot be given away here");
	}
	expect_none(strange, 0x1000);
	expect(owners, 0x1000, "planted", 0x1000);
	place_free(&place);
}

Test(perf_map, an_endless_line_is_skipped_across_readings)
{
	struct place place = place_new();
	EO_AUTO(eo_perf_map) map = eo_perf_map_new(place.dir, "/perf.map", geteuid());
	char *text = malloc(100001);

	memset(text, 'a', 100000);
	text[100000] = '\0';
	put(&place, "perf.map", O_APPEND, "1000 10 one\n2000 10 ");
	put(&place, "perf.map", O_APPEND, text);
	expect(map, 0x1000, "one", 0x1000);
	put(&place, "perf.map", O_APPEND, "3000 10 still_the_same_line\n4000 10 two\n");
	wait_a_while();
	expect(map, 0x4000, "two", 0x4000);
	expect_none(map, 0x2000);
	expect_none(map, 0x3000);
	free(text);
	place_free(&place);
}
