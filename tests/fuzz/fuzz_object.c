/* SPDX-License-Identifier: BSD-2-Clause */
/* BPF objects of others, as `check OBJECT` takes them. libbpf crashes on some, in a child; whatever
 * comes, there is an answer. The kernel does not get to see them: that right is given up. */
#include <bpf/libbpf.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "capture/loader.h"
#include "capture/loader_elf.h"
#include "core/config.h"
#include "core/confine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int say_nothing(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level, (void)format, (void)args;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct eo_config config = eo_config_default();
	struct eo_program_report *reports = NULL;
	struct eo_loader *made = NULL;
	struct eo_error err = {0};
	size_t count = 0;

	libbpf_set_print(say_nothing);
	if (eo_confine_capabilities(eo_confine_for_directory("/proc/self/nowhere")) < 0)
		return 0;
	if (eo_loader_elf_check("object", data, size, &err) < 0) {
		if (err.kind != EO_ERROR_LOAD_FAILED || !err.text[0])
			abort(); /* it failed and did not say why */
		return 0;
	}
	if (eo_loader_new(&config, &made, NULL) < 0)
		return 0;

	EO_AUTO(eo_loader) loader = made;

	if (eo_loader_validate_program(loader, "object", data, size, &reports, &count, &err) == 0 ||
	    !err.kind || !err.text[0])
		abort(); /* nobody may load anything here */
	free(reports);
	return 0;
}
