/* SPDX-License-Identifier: BSD-2-Clause */
#include "folder.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/auto.h"

static char folder[64];

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

	cr_assert_geq(asprintf(&path, "%s/%s", folder, name), 0);
	return path;
}

void write_in_folder(const char *name, const void *bytes, size_t size)
{
	EO_AUTO_FREE char *path = in_folder(name);
	FILE *file = fopen(path, "w");

	cr_assert_not_null(file);
	cr_assert_eq(fwrite(bytes, 1, size, file), size);
	cr_assert_eq(fclose(file), 0);
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

int build_c(const char *source, const char *options)
{
	make_folder();
	write_in_folder("p.c", source, strlen(source));
	cr_assert(try_run("gcc -O1 %s -o p p.c", options));

	EO_AUTO_FREE char *path = in_folder("p");
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	cr_assert_geq(fd, 0);
	remove_folder();
	return fd;
}
