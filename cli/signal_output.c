/* SPDX-License-Identifier: BSD-2-Clause */
#include "signal_output.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "export/output.h"

#define PLACEHOLDER "{signal}"

/* Enough for a message, which has less than 1 MB and at most 5000 items. */
#define BATCH_ITEMS 4900
#define BATCH_BYTES (768u << 10)

const char *const signal_names[] = {
	[SIGNAL_TRACES] = "traces",
	[SIGNAL_METRICS] = "metrics",
	[SIGNAL_LOGS] = "logs",
	[SIGNAL_COUNT] = NULL,
};

const char *const signal_items[] = {
	[SIGNAL_TRACES] = "spans",
	[SIGNAL_METRICS] = "data points",
	[SIGNAL_LOGS] = "log records",
};

struct channel {
	struct eo_output *output; /* one of the two; both NULL: this signal is not written */
	struct eo_stream *stream;
	char *path;
	uint64_t count;	 /* in messages that were written */
	uint32_t events; /* since the last message, but for metrics */
};

struct signal_output {
	char *path;
	enum eo_otlp_encoding encoding;
	bool chosen; /* the signals were given */
	bool is_stream;
	struct channel channels[SIGNAL_COUNT];
	struct eo_span_batch *spans;
	struct eo_metric_batch *metrics;
	struct eo_log_batch *logs;
};

bool signal_output_is_template(const char *path)
{
	return strstr(path, PLACEHOLDER);
}

static char *expand(const char *path, const char *name)
{
	const char *at = strstr(path, PLACEHOLDER);
	char *expanded;

	if (!at)
		return strdup(path);
	if (asprintf(&expanded, "%.*s%s%s", (int)(at - path), path, name,
		     at + strlen(PLACEHOLDER)) < 0)
		return NULL;
	return expanded;
}

static int no_memory(const struct signal_output *output, struct eo_error *err)
{
	return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, ENOMEM, NULL, "write %.200s",
			    output->path);
}

static bool is_open(const struct signal_output *output, enum signal_kind kind)
{
	return output->channels[kind].output || output->channels[kind].stream;
}

static int open_channel(struct signal_output *output, enum signal_kind kind, struct eo_error *err)
{
	struct channel *channel = &output->channels[kind];
	bool binary = output->encoding == EO_OTLP_PROTOBUF;

	free(channel->path);
	channel->path = expand(output->path, signal_names[kind]);
	if (!channel->path)
		return no_memory(output, err);
	if (output->is_stream)
		return eo_stream_open(channel->path, binary, &channel->stream, err);
	return eo_output_open(channel->path, binary, &channel->output, err);
}

int signal_output_new(const struct signal_output_options *options, struct signal_output **ret,
		      struct eo_error *err)
{
	EO_AUTO(signal_output) output = calloc(1, sizeof(*output));
	unsigned int signals = options->signals;
	int r = 0;

	if (!signals)
		signals = 1u << SIGNAL_METRICS | (options->traces ? 1u << SIGNAL_TRACES : 0);
	if (output)
		output->path = strdup(options->path);
	if (!output || !output->path)
		return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, ENOMEM, NULL,
				    "write %.200s", options->path);
	output->encoding = options->encoding;
	output->chosen = options->signals != 0;
	output->is_stream = options->stream;
	output->spans = eo_span_batch_new();
	output->metrics = eo_metric_batch_new();
	output->logs = eo_log_batch_new();
	if (!output->spans || !output->metrics || !output->logs)
		return no_memory(output, err);
	r = eo_metric_batch_set_preference(output->metrics, getenv(EO_METRIC_PREFERENCE_VARIABLE),
					   err);
	for (unsigned int kind = 0; !r && kind < SIGNAL_COUNT; kind++)
		if (signals & 1u << kind)
			r = open_channel(output, kind, err);
	if (r < 0)
		return r;
	*ret = eo_steal(&output);
	return 0;
}

void signal_output_free(struct signal_output *output)
{
	if (!output)
		return;
	for (size_t i = 0; i < SIGNAL_COUNT; i++) {
		eo_output_free(output->channels[i].output);
		eo_stream_free(output->channels[i].stream);
		free(output->channels[i].path);
	}
	free(output->path);
	eo_span_batch_free(output->spans);
	eo_metric_batch_free(output->metrics);
	eo_log_batch_free(output->logs);
	free(output);
}

/* --- batches --- */

static size_t batch_count(const struct signal_output *output, enum signal_kind kind)
{
	switch (kind) {
	case SIGNAL_TRACES:
		return eo_span_batch_count(output->spans);
	case SIGNAL_METRICS:
		return eo_metric_batch_count(output->metrics);
	default:
		return eo_log_batch_count(output->logs);
	}
}

static int write_batch(struct signal_output *output, enum signal_kind kind, FILE *out,
		       struct eo_error *err)
{
	switch (kind) {
	case SIGNAL_TRACES:
		return eo_span_batch_write(output->spans, output->encoding, out, err);
	case SIGNAL_METRICS:
		return eo_metric_batch_write(output->metrics, output->encoding, out, err);
	default:
		return eo_log_batch_write(output->logs, output->encoding, out, err);
	}
}

/* One message, behind its length where it is binary, which is known when it is there. */
static int write_message(struct signal_output *output, enum signal_kind kind, char **bytes,
			 size_t *size, struct eo_error *err)
{
	FILE *memory = open_memstream(bytes, size);
	const uint32_t room = 0;
	uint32_t length;
	int r;

	if (!memory)
		return no_memory(output, err);
	if (output->encoding == EO_OTLP_PROTOBUF)
		fwrite(&room, sizeof(room), 1, memory);
	r = write_batch(output, kind, memory, err);
	/* It cuts its buffer to size, and says by a missing buffer alone that this has failed. */
	if (fclose(memory) != 0 || !*bytes)
		return r < 0 ? r : no_memory(output, err);
	if (r < 0 || output->encoding != EO_OTLP_PROTOBUF)
		return r;
	if (*size - sizeof(length) > UINT32_MAX)
		return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, EFBIG, NULL,
				    "write %.200s", output->channels[kind].path);
	length = htonl((uint32_t)(*size - sizeof(length)));
	memcpy(*bytes, &length, sizeof(length));
	return 0;
}

static int put_message(struct channel *channel, const char *bytes, size_t size,
		       struct eo_error *err)
{
	if (channel->output) {
		fwrite(bytes, 1, size, eo_output_stream(channel->output));
		return 0;
	}
	if (eo_stream_put(channel->stream, bytes, size, channel->events) < 0)
		return eo_stream_failed(channel->stream, err);
	channel->events = 0;
	return 0;
}

/* A batch holds back what is too much for one message. */
static int flush_batch(struct signal_output *output, enum signal_kind kind, struct eo_error *err)
{
	struct channel *channel = &output->channels[kind];
	size_t left = batch_count(output, kind);
	int r = 0;

	while (!r && left) {
		EO_AUTO_FREE char *bytes = NULL;
		size_t before = left, size = 0;

		r = write_message(output, kind, &bytes, &size, err);
		if (!r)
			r = put_message(channel, bytes, size, err);
		left = batch_count(output, kind);
		channel->count += before - left;
	}
	/* Commit knows why writing fails, and whether that is an error. */
	if (!r && channel->output && ferror(eo_output_stream(channel->output)))
		r = eo_output_commit(channel->output, err) ?: -EPIPE;
	return r;
}

/* Metrics are not: they are sums since the beginning. */
static int flush_full(struct signal_output *output, struct eo_error *err)
{
	int r = 0;

	if (eo_span_batch_count(output->spans) >= BATCH_ITEMS ||
	    eo_span_batch_bytes(output->spans) >= BATCH_BYTES)
		r = flush_batch(output, SIGNAL_TRACES, err);
	if (!r && (eo_log_batch_count(output->logs) >= BATCH_ITEMS ||
		   eo_log_batch_bytes(output->logs) >= BATCH_BYTES))
		r = flush_batch(output, SIGNAL_LOGS, err);
	return r;
}

/* --- events --- */

static bool is_of_network(enum eo_event_type type)
{
	return type >= EO_EVENT_NETWORK_PACKET && type <= EO_EVENT_HTTP_REQUEST;
}

/* Network events bring traces along where nothing else was asked for. */
static int add_traces(struct signal_output *output, struct eo_error *err)
{
	if (!signal_output_is_template(output->path))
		return eo_error_set(
			err, EO_ERROR_CONFIG, 0,
			"choose one with --signals=traces or --signals=metrics, or put {signal} into the name",
			"write %.160s: network events give traces and metrics, a file holds one signal",
			output->path);
	return open_channel(output, SIGNAL_TRACES, err);
}

int signal_output_add(struct signal_output *output, struct eo_otlp_converter *converter,
		      const struct eo_event *event, const struct eo_event_clock *clock,
		      struct eo_error *err)
{
	struct channel *channels = output->channels;
	/* A span for each system call is much, and made only where it was asked for. */
	bool may_span = output->chosen || event->type != EO_EVENT_SYSCALL;
	int r = 0;

	if (!output->chosen && !is_open(output, SIGNAL_TRACES) && is_of_network(event->type))
		r = add_traces(output, err);
	if (r < 0)
		return r;
	eo_otlp_converter_with_tracer(
		converter, is_open(output, SIGNAL_TRACES) && may_span ? output->spans : NULL);
	eo_otlp_converter_with_meter(converter,
				     is_open(output, SIGNAL_METRICS) ? output->metrics : NULL);
	eo_otlp_converter_with_logger(converter, is_open(output, SIGNAL_LOGS) ? output->logs : NULL);
	channels[SIGNAL_TRACES].events += may_span;
	channels[SIGNAL_LOGS].events++;
	r = eo_otlp_converter_convert_events_batch(converter, event, 1, clock, err);
	return r < 0 ? r : flush_full(output, err);
}

int signal_output_flush(struct signal_output *output, bool metrics, struct eo_error *err)
{
	int r = 0;

	for (unsigned int kind = 0; !r && kind < SIGNAL_COUNT; kind++)
		if (is_open(output, kind) && (metrics || kind != SIGNAL_METRICS))
			r = flush_batch(output, kind, err);
	return r;
}

static int close_channel(struct channel *channel, struct eo_error *err)
{
	int r = 0;

	if (channel->output)
		r = eo_output_commit(channel->output, err);
	if (channel->stream)
		r = eo_stream_close(channel->stream, err);
	return r;
}

int signal_output_finish(struct signal_output *output, struct eo_error *err)
{
	int r = signal_output_flush(output, true, err);

	for (unsigned int kind = 0; !r && kind < SIGNAL_COUNT; kind++)
		r = close_channel(&output->channels[kind], err);
	return r;
}

int signal_output_cut(struct signal_output *output, const char *path, struct eo_error *err)
{
	int r = signal_output_finish(output, err);

	if (r < 0)
		return r;
	free(output->path);
	output->path = strdup(path);
	if (!output->path)
		return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, ENOMEM, NULL,
				    "write %.200s", path);
	for (unsigned int kind = 0; !r && kind < SIGNAL_COUNT; kind++) {
		if (!is_open(output, kind))
			continue;
		eo_output_free(eo_steal(&output->channels[kind].output));
		eo_stream_free(eo_steal(&output->channels[kind].stream));
		r = open_channel(output, kind, err);
	}
	return r;
}

struct eo_stream *signal_output_stream(const struct signal_output *output, enum signal_kind kind)
{
	return output->channels[kind].stream;
}

uint64_t signal_output_count(const struct signal_output *output, enum signal_kind kind)
{
	return output->channels[kind].count;
}

const char *signal_output_name(const struct signal_output *output, enum signal_kind kind)
{
	const struct channel *channel = &output->channels[kind];

	if (channel->output && !eo_output_is_stdout(channel->output))
		return eo_output_name(channel->output);
	if (channel->stream && !eo_stream_is_stdout(channel->stream))
		return eo_stream_name(channel->stream);
	return NULL;
}
