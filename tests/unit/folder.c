/* SPDX-License-Identifier: BSD-2-Clause */
#include "folder.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/auto.h"

char folder[64];

void make_folder(void)
{
	strcpy(folder, "/tmp/eo-unit-XXXXXX");
	cr_assert_not_null(mkdtemp(folder));
}

void remove_folder(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	cr_assert_eq(system(command), 0);
}

char *in_folder(const char *name)
{
	char *path;

	cr_assert_geq(asprintf(&path, "%s%s%s", *name == '/' ? "" : folder, *name == '/' ? "" : "/", name), 0);
	return path;
}

int open_in_folder(const char *name)
{
	EO_AUTO_FREE char *path = in_folder(name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	cr_assert_geq(fd, 0, "%s", path);
	return fd;
}

void write_in_folder(const char *name, const void *bytes, size_t size)
{
	EO_AUTO_FREE char *path = in_folder(name);
	FILE *file = fopen(path, "w");

	cr_assert_not_null(file);
	cr_assert_eq(fwrite(bytes, 1, size, file), size);
	cr_assert_eq(fclose(file), 0);
}

void write_text(const char *name, const char *text)
{
	write_in_folder(name, text, strlen(text));
}

bool try_run(const char *fmt, ...)
{
	char command[2048];
	int n = snprintf(command, sizeof(command), "cd %s && ", folder);
	va_list ap;

	va_start(ap, fmt);
	n += vsnprintf(command + n, sizeof(command) - (size_t)n, fmt, ap);
	va_end(ap);
	cr_assert_lt((size_t)n, sizeof(command));
	return system(command) == 0;
}

bool has_program(const char *name)
{
	return try_run("command -v %s >/dev/null", name);
}

int build_c(const char *source, const char *options)
{
	int fd;

	make_folder();
	write_text("p.c", source);
	run("gcc -O1 %s -o p p.c", options);
	fd = open_in_folder("p");
	remove_folder();
	return fd;
}
