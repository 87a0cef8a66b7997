/* SPDX-License-Identifier: BSD-2-Clause */
/* Hands every file of the directories given, and an empty input, to a fuzz entry: what a fuzzer
 * once found stays found in ordinary builds. Each input ends at an unmapped page, so that one
 * byte read too many is a crash even without sanitizers. Prints TAP; the plan comes first, so
 * that a crash is seen as tests that are missing. */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct inputs {
	char **paths;
	size_t count;
};

static void die(const char *what, const char *object)
{
	printf("Bail out! %s %s\n", what, object);
	exit(EXIT_FAILURE);
}

static void add_directory(struct inputs *inputs, const char *directory)
{
	struct dirent **entries;
	int n = scandir(directory, &entries, NULL, alphasort);

	if (n < 0)
		die("cannot list", directory);
	for (int i = 0; i < n; i++) {
		char *path;

		if (entries[i]->d_name[0] != '.') {
			if (asprintf(&path, "%s/%s", directory, entries[i]->d_name) < 0)
				die("no memory for", directory);
			inputs->paths = reallocarray(inputs->paths, inputs->count + 1, sizeof(path));
			if (!inputs->paths)
				die("no memory for", directory);
			inputs->paths[inputs->count++] = path;
		}
		free(entries[i]);
	}
	free(entries);
}

/* @path: NULL for the empty input */
static void replay(const char *path)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), size = 0, span, done = 0;
	uint8_t *area, *data;
	int fd = -1;

	if (path) {
		struct stat st;

		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || fstat(fd, &st) < 0)
			die("cannot open", path);
		size = (size_t)st.st_size;
	}
	span = (size + page - 1) / page * page;
	area = mmap(NULL, span + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED || mprotect(area + span, page, PROT_NONE) < 0)
		die("cannot map room for", path ? path : "the empty input");
	data = area + span - size;
	while (done < size) {
		ssize_t n = read(fd, data + done, size - done);

		if (n <= 0)
			die("cannot read", path);
		done += (size_t)n;
	}
	if (fd >= 0)
		close(fd);
	LLVMFuzzerTestOneInput(data, size);
	munmap(area, span + page);
}

int main(int argc, char **argv)
{
	struct inputs inputs = {0};

	for (int i = 1; i < argc; i++) {
		if (access(argv[i], F_OK) == 0) /* a target need not have files yet */
			add_directory(&inputs, argv[i]);
	}
	printf("1..%zu\n", inputs.count + 1);
	fflush(stdout);
	replay(NULL);
	printf("ok 1 - the empty input\n");
	for (size_t i = 0; i < inputs.count; i++) {
		fflush(stdout);
		replay(inputs.paths[i]);
		printf("ok %zu - %s\n", i + 2, strrchr(inputs.paths[i], '/') + 1);
		free(inputs.paths[i]);
	}
	free(inputs.paths);
	return EXIT_SUCCESS;
}
