/* SPDX-License-Identifier: BSD-2-Clause */
/* C++ and Rust (legacy and v0) names as their programmers wrote them. */
#ifndef EO_SYMBOL_DEMANGLE_H
#define EO_SYMBOL_DEMANGLE_H

/**
 * The demangled form, malloc()ed: C++ with parameters, Rust without the hash; no symbol version.
 * NULL when @name is not mangled, or too long (4096 bytes; 1024 for C++, which is libiberty's own
 * bound), or its output would be (64 KB), or memory is out.
 */
char *eo_demangle(const char *name);

#endif
