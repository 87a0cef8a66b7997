/* SPDX-License-Identifier: BSD-2-Clause */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "export/line_order.h"

struct scene {
	char path[64];
	struct eo_line_order *order;
	struct eo_stream *stream;
};

static void scene_new(struct scene *scene)
{
	int fd;

	strcpy(scene->path, "/tmp/ebpfotel-order-XXXXXX");
	fd = mkstemp(scene->path);
	cr_assert_geq(fd, 0);
	close(fd);
	scene->order = eo_line_order_new();
	cr_assert_not_null(scene->order);
	cr_assert_eq(eo_stream_open(scene->path, false, &scene->stream, NULL), 0);
}

static void add(struct scene *scene, const char *line, uint64_t time_ns)
{
	char *room = eo_line_order_room(scene->order, strlen(line));

	cr_assert_not_null(room);
	memcpy(room, line, strlen(line));
	eo_line_order_add(scene->order, strlen(line), time_ns, 1);
}

/* What was written, after all was released. Frees the scene. */
static char *written(struct scene *scene)
{
	char *text = calloc(1, 8u << 20);
	FILE *file;

	cr_assert_not_null(text);
	cr_assert_eq(eo_line_order_release(scene->order, scene->stream), 0);
	cr_assert_eq(eo_line_order_waiting(scene->order), 0);
	cr_assert_eq(eo_stream_close(scene->stream, NULL), 0);
	file = fopen(scene->path, "r");
	cr_assert_not_null(file);
	cr_assert_gt(fread(text, 1, (8u << 20) - 1, file), 0);
	fclose(file);
	unlink(scene->path);
	eo_line_order_free(scene->order);
	eo_stream_free(scene->stream);
	return text;
}

Test(line_order, lines_that_come_together_are_sorted_by_time)
{
	struct scene scene;
	char *text;

	scene_new(&scene);
	add(&scene, "five\n", 5);
	add(&scene, "seven\n", 7);
	add(&scene, "two\n  and a stack\n", 2);
	add(&scene, "five again\n", 5);
	cr_assert_eq(eo_line_order_waiting(scene.order), 5 + 6 + 18 + 11);
	text = written(&scene);
	cr_assert_str_eq(text, "two\n  and a stack\nfive\nfive again\nseven\n");
	free(text);
}

Test(line_order, what_was_released_does_not_come_again)
{
	struct scene scene;
	char *text;

	scene_new(&scene);
	add(&scene, "later\n", 9);
	cr_assert_eq(eo_line_order_release(scene.order, scene.stream), 0);
	add(&scene, "sooner\n", 1);
	text = written(&scene);
	cr_assert_str_eq(text, "later\nsooner\n");
	free(text);
}

Test(line_order, a_flood_is_released_in_parts)
{
	struct scene scene;
	int parts = 0;
	char *text, *at;

	scene_new(&scene);
	for (int i = 0; i < 100003; i++) {
		char line[16];

		snprintf(line, sizeof(line), "%d\n", i);
		add(&scene, line, (uint64_t)i);
		if (eo_line_order_is_full(scene.order)) {
			parts++;
			cr_assert_eq(eo_line_order_release(scene.order, scene.stream), 0);
		}
	}
	cr_assert_eq(parts, 3);
	text = at = written(&scene);
	for (int i = 0; i < 100003; i++)
		cr_assert_eq(strtol(at, &at, 10), i);
	cr_assert_str_eq(at, "\n");
	free(text);
}

Test(line_order, long_lines_fill_it_too)
{
	struct scene scene;
	char *line = malloc(2200001);
	char *text;

	cr_assert_not_null(line);
	memset(line, 'x', 2200000);
	line[2199999] = '\n';
	line[2200000] = '\0';
	scene_new(&scene);
	add(&scene, line, 2);
	cr_assert_eq(false, eo_line_order_is_full(scene.order));
	add(&scene, line, 1);
	cr_assert_eq(true, eo_line_order_is_full(scene.order));
	text = written(&scene);
	cr_assert_eq(strlen(text), 4400000);
	free(text);
	free(line);
}
