/* SPDX-License-Identifier: BSD-2-Clause */
/* A message of protobuf that is being written. A submessage's length stands before it and is known
 * behind it, so five bytes are kept free for it: protobuf allows numbers that are longer than they
 * need be. */
#ifndef EO_OTLP_JSON_READER_BYTES_H
#define EO_OTLP_JSON_READER_BYTES_H

#include <stddef.h>
#include <stdint.h>

/* Zeroed memory is empty, free(bytes) ends it. */
struct eo_json_message {
	unsigned char *bytes;
	size_t size, room;
};

/* All return 0, -ENOMEM, or -E2BIG when there would be 2 GiB. */
int eo_json_message_reserve(struct eo_json_message *message, size_t extra);
int eo_json_message_bytes(struct eo_json_message *message, const void *bytes, size_t size);
int eo_json_message_varint(struct eo_json_message *message, uint64_t value);
int eo_json_message_fixed(struct eo_json_message *message, uint64_t value, size_t size);

/** Room for the length of what follows. @ret: where it is, for the end */
int eo_json_message_begin(struct eo_json_message *message, size_t *ret);
void eo_json_message_end(struct eo_json_message *message, size_t begin);

#endif
