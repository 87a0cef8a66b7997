/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/http_request.h"

#include <string.h>

static const char *const versions[] = {"1.0", "1.1"};

static char *put(char **room, struct eo_http_piece piece)
{
	char *text = *room;

	if (!piece.text)
		return NULL;
	memcpy(text, piece.text, piece.size);
	text[piece.size] = '\0';
	*room += piece.size + 1;
	return text;
}

struct eo_http_request *eo_http_request_new(const struct eo_http_sink *sink,
					    const struct eo_http_head *head, uint64_t start_ns)
{
	size_t size = sizeof(struct eo_http_request) + head->host.size + head->path.size + 2;
	struct eo_http_request *request = eo_budget_alloc(sink->budget, size);
	char *room;

	if (!request)
		return NULL;
	room = request->text;
	request->size = size;
	memcpy(request->traceparent, head->traceparent, sizeof(request->traceparent));
	request->exchange = (struct eo_http_exchange){
		.ktime_ns = start_ns,
		.stack = sink->stack,
		.role = sink->role,
		.version = versions[head->minor != 0],
		.method = head->method,
		.host = put(&room, head->host),
		.path = put(&room, head->path),
		.traceparent = request->traceparent[0] ? request->traceparent : NULL,
		.grpc_status = -1,
		.head_cut = head->cut,
	};
	return request;
}

void eo_http_request_free(const struct eo_http_sink *sink, struct eo_http_request *request)
{
	if (request)
		eo_budget_free(sink->budget, request, request->size);
}

void eo_http_request_finish(const struct eo_http_sink *sink, struct eo_http_request *request,
			    uint64_t end_ns, int error)
{
	struct eo_http_exchange *exchange = &request->exchange;

	if (end_ns > exchange->ktime_ns)
		exchange->duration_ns = end_ns - exchange->ktime_ns;
	exchange->error = error;
	sink->counts->exchanges++;
	sink->counts->failed += error != 0;
	if (sink->options->exchange)
		sink->options->exchange(sink->options->arg, sink->user, exchange);
	eo_http_request_free(sink, request);
}
