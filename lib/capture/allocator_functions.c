// SPDX-License-Identifier: BSD-2-Clause
#include "capture/allocator_functions.h"

#include "core/auto.h"

/* clang-format off: tables read better by hand */

/* What C has, under the prefixes with which allocators are built to stand beside the libc's. */
#define C_FUNCTIONS(prefix)				\
	{ prefix "malloc", EO_MEM_ALLOC },		\
	{ prefix "calloc", EO_MEM_CALLOC },		\
	{ prefix "realloc", EO_MEM_REALLOC },		\
	{ prefix "reallocarray", EO_MEM_REALLOCARRAY },	\
	{ prefix "posix_memalign", EO_MEM_POSIX },	\
	{ prefix "aligned_alloc", EO_MEM_ALIGNED },	\
	{ prefix "memalign", EO_MEM_ALIGNED },		\
	{ prefix "valloc", EO_MEM_ALLOC },		\
	{ prefix "pvalloc", EO_MEM_ALLOC },		\
	{ prefix "free", EO_MEM_FREE },			\
	{ prefix "cfree", EO_MEM_FREE }

/* jemalloc's own: size, or pointer and size, then flags. */
#define X_FUNCTIONS(prefix)				\
	{ prefix "mallocx", EO_MEM_ALLOC },		\
	{ prefix "rallocx", EO_MEM_REALLOC },		\
	{ prefix "dallocx", EO_MEM_FREE },		\
	{ prefix "sdallocx", EO_MEM_FREE }

const struct eo_allocator_function eo_allocator_functions[] = {
	/* No linker's names: probes that an allocator declares. */
	[EO_ALLOCATOR_DECLARED_ALLOC] = { EO_ALLOCATOR_PROVIDER ":alloc", EO_MEM_ALLOC },
	[EO_ALLOCATOR_DECLARED_FREE] = { EO_ALLOCATOR_PROVIDER ":free", EO_MEM_FREE },
	C_FUNCTIONS(""),
	X_FUNCTIONS(""),
	/* C++, 64-bit; some allocators have these in one piece with malloc. */
	{ "_Znwm", EO_MEM_ALLOC, "operator new" },
	{ "_Znam", EO_MEM_ALLOC, "operator new[]" },
	{ "_ZnwmRKSt9nothrow_t", EO_MEM_ALLOC, "operator new" },
	{ "_ZnamRKSt9nothrow_t", EO_MEM_ALLOC, "operator new[]" },
	{ "_ZnwmSt11align_val_t", EO_MEM_ALLOC, "operator new" },
	{ "_ZnamSt11align_val_t", EO_MEM_ALLOC, "operator new[]" },
	{ "_ZnwmSt11align_val_tRKSt9nothrow_t", EO_MEM_ALLOC, "operator new" },
	{ "_ZnamSt11align_val_tRKSt9nothrow_t", EO_MEM_ALLOC, "operator new[]" },
	{ "_ZdlPv", EO_MEM_FREE, "operator delete" },
	{ "_ZdaPv", EO_MEM_FREE, "operator delete[]" },
	{ "_ZdlPvm", EO_MEM_FREE, "operator delete" },
	{ "_ZdaPvm", EO_MEM_FREE, "operator delete[]" },
	{ "_ZdlPvRKSt9nothrow_t", EO_MEM_FREE, "operator delete" },
	{ "_ZdaPvRKSt9nothrow_t", EO_MEM_FREE, "operator delete[]" },
	{ "_ZdlPvSt11align_val_t", EO_MEM_FREE, "operator delete" },
	{ "_ZdaPvSt11align_val_t", EO_MEM_FREE, "operator delete[]" },
	{ "_ZdlPvmSt11align_val_t", EO_MEM_FREE, "operator delete" },
	{ "_ZdaPvmSt11align_val_t", EO_MEM_FREE, "operator delete[]" },
	{ "_ZdlPvSt11align_val_tRKSt9nothrow_t", EO_MEM_FREE, "operator delete" },
	{ "_ZdaPvSt11align_val_tRKSt9nothrow_t", EO_MEM_FREE, "operator delete[]" },
	C_FUNCTIONS("je_"),
	X_FUNCTIONS("je_"),
	C_FUNCTIONS("_rjem_"),
	X_FUNCTIONS("_rjem_"),
	C_FUNCTIONS("mi_"),
	{ "mi_zalloc", EO_MEM_ALLOC },
	{ "mi_malloc_aligned", EO_MEM_ALLOC },
	{ "mi_zalloc_aligned", EO_MEM_ALLOC },
	{ "mi_realloc_aligned", EO_MEM_REALLOC },
	{ "mi_free_size", EO_MEM_FREE },
	{ "mi_free_aligned", EO_MEM_FREE },
	{ "mi_free_size_aligned", EO_MEM_FREE },
	{ "mi_new", EO_MEM_ALLOC },
	{ "mi_new_nothrow", EO_MEM_ALLOC },
	C_FUNCTIONS("tc_"),
	{ "tc_new", EO_MEM_ALLOC },
	{ "tc_newarray", EO_MEM_ALLOC },
	{ "tc_delete", EO_MEM_FREE },
	{ "tc_deletearray", EO_MEM_FREE },
};

/* clang-format on */

const size_t eo_allocator_function_count = EO_ARRAY_SIZE(eo_allocator_functions);

const char *eo_allocator_function_name(size_t number)
{
	const struct eo_allocator_function *function = &eo_allocator_functions[number];

	if (number >= eo_allocator_function_count)
		return "?";
	return function->shown ? function->shown : function->name;
}
