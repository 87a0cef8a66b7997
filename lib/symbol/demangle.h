/* SPDX-License-Identifier: BSD-2-Clause */
/* C++ and Rust (legacy and v0) names as their programmers wrote them. */
#ifndef EO_SYMBOL_DEMANGLE_H
#define EO_SYMBOL_DEMANGLE_H

/** The demangled form, malloc()ed; NULL when @name is not mangled, too long, or memory is out. */
char *eo_demangle(const char *name);

#endif
