// SPDX-License-Identifier: BSD-2-Clause
#include "capture/cpus.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/auto.h"

static int parse_cpu(const char **text, uint32_t *ret)
{
	const char *p = *text;
	uint32_t cpu = 0;

	if (!isdigit((unsigned char)*p))
		return -EINVAL;
	for (; isdigit((unsigned char)*p); p++) {
		cpu = cpu * 10 + (uint32_t)(*p - '0');
		if (cpu >= EO_CPUS_MAX)
			return -EINVAL;
	}
	*text = p;
	*ret = cpu;
	return 0;
}

int eo_cpus_parse(const char *list, uint32_t **ret)
{
	unsigned char wanted[EO_CPUS_MAX] = {0};
	uint32_t first, last, count = 0, *cpus;

	for (;;) {
		if (parse_cpu(&list, &first) < 0)
			return -EINVAL;
		last = first;
		if (*list == '-') {
			list++;
			if (parse_cpu(&list, &last) < 0 || last < first)
				return -EINVAL;
		}
		for (uint32_t cpu = first; cpu <= last; cpu++) {
			count += !wanted[cpu];
			wanted[cpu] = 1;
		}
		if (*list == '\0' || strcmp(list, "\n") == 0)
			break;
		if (*list++ != ',')
			return -EINVAL;
	}
	cpus = calloc(count, sizeof(*cpus));
	if (!cpus)
		return -ENOMEM;
	for (uint32_t cpu = 0, i = 0; cpu < EO_CPUS_MAX; cpu++)
		if (wanted[cpu])
			cpus[i++] = cpu;
	*ret = cpus;
	return (int)count;
}

int eo_cpus_online(uint32_t **ret, struct eo_error *err)
{
	static const char path[] = "/sys/devices/system/cpu/online";
	char text[16384]; /* more than any list of EO_CPUS_MAX CPUs that a machine would have */
	EO_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len;
	int n;

	if (fd < 0)
		return eo_error_set(err, EO_ERROR_UNSUPPORTED_PLATFORM, errno,
				    "mount sysfs on /sys, as every distribution does", "open %s", path);
	len = read(fd, text, sizeof(text) - 1);
	if (len < 0)
		return eo_error_set(err, EO_ERROR_UNSUPPORTED_PLATFORM, errno, NULL, "read %s", path);
	text[len] = '\0';
	n = eo_cpus_parse(text, ret);
	if (n < 0)
		return eo_error_set(err, EO_ERROR_UNSUPPORTED_PLATFORM, -n, NULL, "parse %s", path);
	return n;
}

static int compare(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

bool eo_cpus_contain(const uint32_t *cpus, size_t count, uint32_t cpu)
{
	return count && bsearch(&cpu, cpus, count, sizeof(*cpus), compare);
}
