/* SPDX-License-Identifier: BSD-2-Clause */
/* Scope-bound ownership: EO_AUTO(eo_profile) p = NULL; calls eo_profile_free(p) at scope exit. */
#ifndef EO_CORE_AUTO_H
#define EO_CORE_AUTO_H

#include <stdlib.h>
#include <unistd.h>

/* Give struct @noun an automatic destructor; the header of the noun says it once. */
#define EO_DEFINE_AUTO(noun)                                    \
	static inline void noun##_free_auto_(struct noun **obj) \
	{                                                       \
		noun##_free(*obj);                              \
	}

#define EO_AUTO(noun) __attribute__((cleanup(noun##_free_auto_))) struct noun *

static inline void eo_free_auto_(void *ptr)
{
	free(*(void **)ptr);
}

static inline void eo_close_auto_(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

/* For plain malloc()ed pointers, and for file descriptors (negative: none). */
#define EO_AUTO_FREE __attribute__((cleanup(eo_free_auto_)))
#define EO_AUTO_CLOSE __attribute__((cleanup(eo_close_auto_)))

/* Take the value out of an automatic variable, so that scope exit leaves it alone. */
#define eo_steal(ptr)                        \
	({                                   \
		__typeof__(*(ptr)) v_ = *(ptr); \
		*(ptr) = NULL;               \
		v_;                          \
	})
#define eo_steal_fd(ptr)           \
	({                         \
		int v_ = *(ptr);   \
		*(ptr) = -1;       \
		v_;                \
	})

#define EO_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#endif
