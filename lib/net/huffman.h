/* SPDX-License-Identifier: BSD-2-Clause */
/* The Huffman code of HPACK (RFC 7541, appendix B). */
#ifndef EO_NET_HUFFMAN_H
#define EO_NET_HUFFMAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * @ret: room for @room bytes; what does not fit is only counted
 * @ret_size: of the whole text
 * Returns false for what is no text in this code.
 */
bool eo_huffman_decode(const uint8_t *bytes, size_t size, char *ret, size_t room,
		       size_t *ret_size);

#endif
