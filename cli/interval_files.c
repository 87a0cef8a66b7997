/* SPDX-License-Identifier: BSD-2-Clause */
#include "interval_files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/auto.h"
#include "core/clock.h"

#define NAMES_TRIED 1000
#define DAY_S	    (24 * 3600)

static bool is_offset_at(time_t seconds, long offset)
{
	struct tm tm;

	return localtime_r(&seconds, &tm) && tm.tm_gmtoff == offset;
}

/* Clocks that are set back show the local times of an hour or so again: an earlier instant had the
 * same one, further from UTC. */
static bool is_second_time(time_t seconds, const struct tm *tm)
{
	time_t yesterday = seconds - DAY_S;
	struct tm before;

	return localtime_r(&yesterday, &before) && before.tm_gmtoff > tm->tm_gmtoff &&
	       is_offset_at(seconds - (before.tm_gmtoff - tm->tm_gmtoff), before.tm_gmtoff);
}

/* Where the last conversion of @path ends. */
static const char *behind_conversions(const char *path)
{
	const char *behind = path;

	for (const char *at = strchr(path, '%'); at && at[1]; at = strchr(at, '%')) {
		at++;
		at += strspn(at, "_-+^#0123456789EO"); /* flags, width and modifier */
		if (*at && *at++ != '%')
			behind = at;
	}
	return behind;
}

bool interval_name(const char *path, uint64_t time_ns, char *ret, size_t size)
{
	time_t seconds = (time_t)(time_ns / EO_NS_PER_SEC);
	const char *behind = behind_conversions(path);
	char zoned[PATH_MAX];
	struct tm tm;

	if (!localtime_r(&seconds, &tm))
		return false;
	if (is_second_time(seconds, &tm)) {
		if ((size_t)snprintf(zoned, sizeof(zoned), "%.*s%%z%s", (int)(behind - path), path,
				     behind) >= sizeof(zoned))
			return false;
		path = zoned;
	}
	/* The template comes from the user, who is told when it is no good. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	return strftime(ret, size, path, &tm) > 0;
#pragma GCC diagnostic pop
}

bool interval_names_differ(const char *path, uint64_t now_ns, uint64_t interval_ns)
{
	char names[2][PATH_MAX];

	if (!interval_name(path, now_ns, names[0], sizeof(names[0])))
		return false;
	/* "%H:%M" with 59 s looks fine until an interval begins and ends in one minute. */
	for (size_t i = 1; i <= NAMES_TRIED; i++) {
		if (!interval_name(path, now_ns + i * interval_ns, names[i % 2], sizeof(names[0])))
			return false;
		if (!strcmp(names[0], names[1]))
			return false;
	}
	return true;
}

uint64_t interval_clock_next(struct interval_clock *clock, uint64_t passed_ns)
{
	uint64_t nearest = (passed_ns + clock->interval_ns / 2) / clock->interval_ns;

	/* After a stall two timers may be nearest to one beginning. */
	clock->index = nearest > clock->index ? nearest : clock->index + 1;
	return clock->started_wall_ns + clock->index * clock->interval_ns;
}

void interval_files_fini(struct interval_files *files)
{
	for (size_t i = 0; files->names && i < files->keep; i++)
		free(files->names[i]);
	free(files->names);
	files->names = NULL;
}

void interval_files_add(struct interval_files *files, const char *name)
{
	char **slot;

	if (!files->keep)
		return;
	if (!files->names)
		files->names = calloc(files->keep, sizeof(*files->names));
	if (!files->names)
		return;
	/* A template such as cpu-%S comes round again: the old file has been replaced, and its age
	 * must not remove the new one. */
	for (size_t i = 0; i < files->keep; i++)
		if (files->names[i] && !strcmp(files->names[i], name))
			free(eo_steal(&files->names[i]));
	slot = &files->names[files->count++ % files->keep];
	if (*slot && unlink(*slot) < 0 && errno != ENOENT)
		cli_warn(files->cli, "remove %s: %s", *slot, strerror(errno));
	free(*slot);
	*slot = strdup(name);
}
