/* SPDX-License-Identifier: BSD-2-Clause */
/* Are these OTLP profiles what the specification asks for? Knows nothing of how ours are made. */
#ifndef TESTS_OTLP_CHECK_H
#define TESTS_OTLP_CHECK_H

#include <jansson.h>
#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdio.h>

#include "opentelemetry/proto/profiles/v1development/profiles.pb-c.h"

typedef Opentelemetry__Proto__Profiles__V1development__ProfilesData ProfilesData;

/**
 * Look for broken references, missing zero elements, duplicates, orphans, double keys, samples of
 * wrong shapes, times outside of their window, bad UTF-8 and unknown fields.
 * @report: gets a line for each
 * Returns their number.
 */
size_t otlp_check(const ProfilesData *data, FILE *report);

/**
 * Do @json and @message say the same? OTLP's JSON is compared field by field: nothing may be
 * missing, be too much, or have another type than the rules of OTLP/JSON want.
 * Returns the number of differences.
 */
size_t otlp_check_json(const ProtobufCMessage *message, const json_t *json, FILE *report);

#endif
