/* SPDX-License-Identifier: BSD-2-Clause */
#include "format/read_message.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int eo_message_bad(const struct eo_message_reader *reader, const unsigned char *at, const char *fmt,
		   ...)
{
	char reason[192];
	va_list args;

	va_start(args, fmt);
	vsnprintf(reason, sizeof(reason), fmt, args);
	va_end(args);
	return eo_read_failed(reader->input,
			      reader->bytes ? (uint64_t)(at - reader->bytes) : UINT64_MAX,
			      reader->err, "%s", reason);
}

int eo_message_no_memory(const struct eo_message_reader *reader)
{
	return eo_error_set(reader->err, EO_ERROR_EVENT_PROCESSING_FAILED, ENOMEM, NULL,
			    "read %.120s", eo_input_name(reader->input));
}

int eo_message_next(const struct eo_message_reader *reader, struct eo_wire *wire,
		    struct eo_wire_field *ret)
{
	int status = eo_wire_next(wire, ret);

	return status < 0 ? eo_message_bad(reader, wire->at, "%s", eo_wire_reason(status)) : status;
}

int eo_message_numbers(const struct eo_message_reader *reader, struct eo_wire wire,
		       const char *what, const char *types, uint64_t *ret)
{
	size_t count = strlen(types);
	struct eo_wire_field field;
	int status;

	memset(ret, 0, (count + 1) * sizeof(*ret));
	while ((status = eo_message_next(reader, &wire, &field)) > 0) {
		char type = field.number <= count ? types[field.number - 1] : '-';

		if (type == '-')
			continue;
		if (field.type != (type == 'v' ? EO_WIRE_VARINT : EO_WIRE_FIXED64))
			return eo_message_bad(reader, field.start,
					      "field %" PRIu32 " of a %s has the wrong type",
					      field.number, what);
		ret[field.number] = field.value;
	}
	return status;
}

int eo_message_integers(const struct eo_message_reader *reader, const struct eo_wire_field *field,
			const char *what, struct eo_values *ret)
{
	struct eo_wire_integers integers;
	uint64_t value;
	int status;

	if (!eo_wire_integers(field, &integers))
		return eo_message_bad(reader, field->start, "%s have the wrong type", what);
	while ((status = eo_wire_next_integer(&integers, &value)) > 0)
		if (!eo_values_add(ret, (int64_t)value))
			return eo_message_no_memory(reader);
	return status < 0 ? eo_message_bad(reader, integers.packed.at, "%s", eo_wire_reason(status))
			  : 0;
}
