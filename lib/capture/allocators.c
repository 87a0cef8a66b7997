// SPDX-License-Identifier: BSD-2-Clause
#include "capture/allocators.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture/allocator_functions.h"

static const char *const needed[] = {"malloc", "free", NULL};

static int make_probes(const struct eo_allocators_options *options, struct eo_function_probes **ret,
		       struct eo_error *err)
{
	EO_AUTO_FREE struct eo_probed_function *functions =
		calloc(eo_allocator_function_count, sizeof(*functions));
	struct eo_function_probes_options probes = options->probes;

	if (!functions)
		return eo_error_set(err, EO_ERROR_ATTACH_FAILED, ENOMEM, NULL,
				    "allocate the list of allocators");
	for (size_t i = 0; i < eo_allocator_function_count; i++) {
		enum eo_mem_shape shape = eo_allocator_functions[i].shape;

		functions[i] = (struct eo_probed_function){
			.name = eo_allocator_functions[i].name,
			.cookie = EO_MEM_COOKIE(shape, i),
			.returns = shape != EO_MEM_FREE,
			/* What frees comes first: a block whose free was missed would seem to be held. */
			.first = shape >= EO_MEM_REALLOC,
		};
	}
	probes.functions = functions;
	probes.function_count = eo_allocator_function_count;
	probes.needed = needed;
	return eo_function_probes_new(&probes, ret, err);
}

static int begin_library(struct eo_function_probes *probes, const char *path, struct eo_error *err)
{
	int r = eo_function_probes_add_file(probes, path, true, err);

	if (r == 0)
		return eo_error_set(err, EO_ERROR_CONFIG, 0,
				    "it must export malloc() and free(), or these with a known prefix",
				    "read library %s: no allocator's functions are in it", path);
	return r < 0 ? r : 0;
}

static int begin_process(struct eo_function_probes *probes, uint32_t tgid, bool everywhere,
			 struct eo_error *err)
{
	int r = eo_function_probes_add_process(probes, tgid, err);

	if (r == -ESRCH)
		return 0; /* it ends while we begin */
	if (r || everywhere)
		return r < 0 ? r : 0;
	return eo_error_set(err, EO_ERROR_ATTACH_FAILED, 0,
			    "name its allocator's file with --library, or use --source=mmap or faults",
			    "find malloc() and free() in process %u: no file that it maps has both", tgid);
}

/* As execvp() looks for it. Returns false where there is none. */
static bool find_command(const char *name, char *path, size_t size)
{
	const char *at = getenv("PATH"), *end;

	if (strchr(name, '/'))
		return snprintf(path, size, "%s", name) < (int)size;
	for (; at && *at; at = *end ? end + 1 : end) {
		end = strchrnul(at, ':');
		if (snprintf(path, size, "%.*s/%s", (int)(end - at), at, name) < (int)size &&
		    access(path, X_OK) == 0)
			return true;
	}
	return false;
}

/* What has its allocator in itself would have run before its mappings are known. Should this go wrong,
 * it is probed as others are. */
static void begin_command(struct eo_function_probes *probes, const char *name)
{
	char path[4096];

	if (name && find_command(name, path, sizeof(path)))
		eo_function_probes_add_file(probes, path, false, NULL);
}

int eo_allocators_begin(const struct eo_allocators_options *options, const struct eo_target *target,
			struct eo_function_probes **ret, struct eo_error *err)
{
	int r = make_probes(options, ret, err);

	for (size_t i = 0; i < options->library_count && r == 0; i++)
		r = begin_library(*ret, options->libraries[i], err);
	for (size_t i = 0; i < target->pid_count && r == 0; i++)
		r = begin_process(*ret, target->pids[i], options->probes.everywhere, err);
	/* Before its exec a command maps what we map, and most likely the same libc behind it. */
	if (r == 0 && target->command_pid) {
		eo_function_probes_add_process(*ret, target->command_pid, NULL);
		begin_command(*ret, options->command);
	}
	return r < 0 ? r : eo_function_probes_begin(*ret, err);
}
