/* SPDX-License-Identifier: BSD-2-Clause */
/* convert_events traces|metrics|logs protobuf|json FILE: events as OTLP to stdout, for decoders
 * that are not ours. Protobuf messages have their length before them, four bytes, big-endian. */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/auto.h"
#include "format/reader.h"
#include "otlp/converter.h"

typedef int (*convert_fn)(struct eo_otlp_converter *converter, const struct eo_event *event,
			  const struct eo_event_clock *clock, struct eo_error *err);

struct conversion {
	struct eo_otlp_converter *converter;
	convert_fn convert;
};

static int convert_event(void *ctx, const struct eo_event *event,
			 const struct eo_event_clock *clock, struct eo_error *err)
{
	struct conversion *conversion = ctx;

	return conversion->convert(conversion->converter, event, clock, err);
}

struct batches {
	struct eo_span_batch *spans;
	struct eo_metric_batch *metrics;
	struct eo_log_batch *logs;
};

static size_t waiting(const struct batches *b)
{
	return eo_span_batch_count(b->spans) + eo_metric_batch_count(b->metrics) +
	       eo_log_batch_count(b->logs);
}

static int write_one(const struct batches *b, enum eo_otlp_encoding encoding, FILE *out,
		     struct eo_error *err)
{
	int status = eo_span_batch_write(b->spans, encoding, out, err);

	if (status == 0)
		status = eo_metric_batch_write(b->metrics, encoding, out, err);
	return status ? status : eo_log_batch_write(b->logs, encoding, out, err);
}

static int write_message(const struct batches *b, enum eo_otlp_encoding encoding,
			 struct eo_error *err)
{
	EO_AUTO_FREE char *bytes = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&bytes, &size);
	int status;
	uint32_t length;

	if (!out)
		abort();
	status = write_one(b, encoding, out, err);
	fclose(out);
	length = htonl((uint32_t)size);
	if (encoding == EO_OTLP_PROTOBUF)
		fwrite(&length, sizeof(length), 1, stdout);
	fwrite(bytes, 1, size, stdout);
	return status;
}

int main(int argc, char **argv)
{
	EO_AUTO(eo_span_batch) spans = eo_span_batch_new();
	EO_AUTO(eo_metric_batch) metrics = eo_metric_batch_new();
	EO_AUTO(eo_log_batch) logs = eo_log_batch_new();
	EO_AUTO(eo_otlp_converter) converter = NULL;
	EO_AUTO(eo_input) input = NULL;
	struct batches batches = { spans, metrics, logs };
	struct conversion conversion = { .convert = eo_otlp_converter_convert_event_to_log };
	enum eo_otlp_encoding encoding = EO_OTLP_PROTOBUF;
	struct eo_error err = { 0 };
	int status;

	if (argc != 4 || !spans || !metrics || !logs)
		return 2;
	if (!strcmp(argv[2], "json"))
		encoding = EO_OTLP_JSON;
	status = eo_otlp_converter_new("run", 3, &converter, &err);
	if (status == 0)
		status = eo_input_open(argv[3], &input, &err);
	if (status == 0) {
		eo_otlp_converter_with_tracer(converter, spans);
		eo_otlp_converter_with_meter(converter, metrics);
		eo_otlp_converter_with_logger(converter, logs);
		conversion.converter = converter;
		if (!strcmp(argv[1], "traces"))
			conversion.convert = eo_otlp_converter_convert_event_to_span;
		else if (!strcmp(argv[1], "metrics"))
			conversion.convert = eo_otlp_converter_convert_event_to_metric;
		status = eo_read_events(input, convert_event, &conversion, &err);
	}
	while (status >= 0 && waiting(&batches))
		status = write_message(&batches, encoding, &err);
	if (status < 0)
		fprintf(stderr, "%s\n", err.text);
	return status < 0;
}
