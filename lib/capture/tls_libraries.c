// SPDX-License-Identifier: BSD-2-Clause
#include "capture/tls_libraries.h"

#include <errno.h>
#include <glob.h>

#include "net_records.h"

static const struct eo_probed_function functions[] = {
	{"SSL_read", EO_TLS_READ, .returns = true},
	{"SSL_read_ex", EO_TLS_READ_EX, .returns = true},
	{"SSL_write", EO_TLS_WRITE, .returns = true},
	{"SSL_write_ex", EO_TLS_WRITE_EX, .returns = true},
	{"SSL_do_handshake", EO_TLS_HANDSHAKE, .returns = true},
	/* An object's address is used again. */
	{"SSL_free", EO_TLS_FREE, .first = true},
};

static const char *const needed[] = {"SSL_read", "SSL_write", NULL};

/* Where distributions have it. What is probed before anybody maps it is seen from the first call. */
static const char *const places[] = {
	"/lib/*/libssl.so.*",	   "/lib64/libssl.so.*",     "/usr/lib/*/libssl.so.*",
	"/usr/lib64/libssl.so.*",  "/usr/lib/libssl.so.*",   "/usr/local/lib/libssl.so.*",
	"/usr/local/lib64/libssl.so.*",
};

static void add_installed(struct eo_function_probes *probes)
{
	for (size_t i = 0; i < EO_ARRAY_SIZE(places); i++) {
		glob_t found = {0};

		if (glob(places[i], GLOB_NOSORT, NULL, &found) == 0)
			for (size_t j = 0; j < found.gl_pathc; j++)
				eo_function_probes_add_file(probes, found.gl_pathv[j], false, NULL);
		globfree(&found);
	}
}

int eo_tls_libraries_begin(const struct eo_function_probes_options *options,
			   const struct eo_target *target, struct eo_function_probes **ret,
			   struct eo_error *err)
{
	struct eo_function_probes_options probes = *options;
	int r;

	probes.functions = functions;
	probes.function_count = EO_ARRAY_SIZE(functions);
	probes.needed = needed;
	r = eo_function_probes_new(&probes, ret, err);
	if (r < 0)
		return r;
	if (probes.everywhere)
		add_installed(*ret);
	for (size_t i = 0; i < target->pid_count; i++) {
		r = eo_function_probes_add_process(*ret, target->pids[i], err);
		if (r < 0 && r != -ESRCH) /* it ends while we begin */
			return r;
	}
	return eo_function_probes_begin(*ret, err);
}
