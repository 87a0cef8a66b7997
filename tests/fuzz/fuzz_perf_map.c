/* SPDX-License-Identifier: BSD-2-Clause */
/* A perf map made of anything, in two readings. */
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "symbol/perf_map.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	EO_AUTO_CLOSE int fd = memfd_create("perf_map", MFD_CLOEXEC);
	EO_AUTO(eo_perf_map) map = eo_perf_map_new("", "/nonexistent/perf.map", 0);
	ssize_t half = (ssize_t)(size / 2), rest = (ssize_t)size - half;
	uint64_t start;

	if (fd < 0 || !map || write(fd, data, (size_t)half) != half)
		return 0;
	lseek(fd, 0, SEEK_SET);
	eo_perf_map_read(map, fd);
	if (write(fd, data + half, (size_t)rest) != rest)
		return 0;
	lseek(fd, half, SEEK_SET);
	eo_perf_map_read(map, fd);
	for (unsigned int bit = 0; bit < 64; bit++)
		eo_perf_map_find(map, 1ull << bit, &start);
	return 0;
}
