/* SPDX-License-Identifier: BSD-2-Clause */
/* Responses carry no name of their request: they come in its order, and nothing else connects them.
 * So pairing lives from having seen everything, or from knowing that only one can be meant:
 *
 * - A client that does not pipeline sends a request when the response before it is over. What it
 *   sends also tells that an end was reached that was not seen.
 * - Responses lost while requests wait for them may have been theirs: these stay unpaired.
 * - Where a client was seen to send several requests at once, a loss in either direction ends all
 *   trust in the connection: others may have been among what was lost.
 *
 * What cannot be known: that a client sends several at once, when only one of them is ever seen.
 */
#include "net/http1.h"

#include <errno.h>
#include <string.h>

static void forget_waiting(struct eo_http1 *http1)
{
	while (http1->first) {
		struct eo_http_request *next = http1->first->next;

		eo_http_request_free(http1->sink, http1->first);
		http1->first = next;
		http1->sink->counts->unpaired_requests++;
	}
	http1->last = NULL;
	http1->waiting = 0;
	http1->request_open = http1->response_open = false;
}

static void finish_first(struct eo_http1 *http1, uint64_t end_ns, int error)
{
	struct eo_http_request *request = http1->first;

	http1->first = request->next;
	if (!http1->first) {
		http1->last = NULL;
		/* It was answered before all of it was there. */
		request->exchange.request_inexact |= http1->request_open;
		http1->request_open = false;
	}
	http1->waiting--;
	http1->response_open = false;
	eo_http_request_finish(http1->sink, request, end_ns, error);
}

static void stop(struct eo_http1 *http1)
{
	forget_waiting(http1);
	http1->over = true;
	http1->requests.place = http1->responses.place = EO_HTTP_AT_OPAQUE;
}

static void abandon(struct eo_http1 *http1)
{
	http1->sink->counts->abandoned++;
	stop(http1);
}

static void lost_place(void *arg)
{
	struct eo_http1 *http1 = arg;

	http1->sink->counts->places_lost++;
}

static void malformed(void *arg)
{
	struct eo_http1 *http1 = arg;

	http1->sink->counts->malformed++;
	stop(http1);
}

/* A request may be missing, whose response would look like the rest of the one whose end is not
 * known: this one ends here. */
static void end_unseen_response(struct eo_http1 *http1)
{
	if (http1->response_open && http1->responses.place == EO_HTTP_AT_LOST &&
	    http1->waiting == 1)
		finish_first(http1, http1->response_ns, 0);
}

/* --- requests ------------------------------------------------------------------------------- */

static bool request_may_start(void *arg)
{
	(void)arg;
	return true;
}

static enum eo_http_body request_head(void *arg, const struct eo_http_head *head,
				      uint64_t start_ns, uint64_t ktime_ns, bool guessed)
{
	struct eo_http1 *http1 = arg;
	bool responses_lost = http1->responses.place == EO_HTTP_AT_LOST;
	struct eo_http_request *request;

	(void)ktime_ns;
	/* The end of that response was not seen; it lies before this. */
	end_unseen_response(http1);
	if (http1->waiting &&
	    (guessed || responses_lost || http1->waiting == EO_HTTP1_WAITING_MAX)) {
		abandon(http1);
		return EO_HTTP_BODY_OPAQUE;
	}
	request = eo_http_request_new(http1->sink, head, start_ns);
	if (!request) {
		abandon(http1);
		return EO_HTTP_BODY_OPAQUE;
	}
	if (guessed)
		http1->sink->counts->found_again++;
	http1->sink->counts->heads_cut += head->cut;
	if (http1->waiting) {
		http1->sink->counts->pipelined++;
		request->exchange.pipelined = true;
		http1->pipelines = true;
		http1->last->next = request;
	} else {
		http1->first = request;
	}
	http1->last = request;
	http1->waiting++;
	http1->request_open = true;
	http1->upgrading = head->h2c;
	return eo_http_body_of(head, NULL);
}

static void request_body(void *arg, uint64_t size, uint64_t ktime_ns)
{
	struct eo_http1 *http1 = arg;

	(void)ktime_ns;
	if (http1->request_open)
		http1->last->exchange.request_bytes += size;
}

static void request_end(void *arg, uint64_t ktime_ns)
{
	struct eo_http1 *http1 = arg;

	(void)ktime_ns;
	http1->request_open = false;
}

static void request_lost(void *arg)
{
	struct eo_http1 *http1 = arg;

	lost_place(http1);
	end_unseen_response(http1);
	if (http1->pipelines) {
		abandon(http1);
	} else if (http1->request_open) {
		http1->last->exchange.request_inexact = true;
		http1->request_open = false;
	}
}

static const struct eo_http_listener request_listener = {
	request_may_start, request_head, request_body, request_end, request_lost, malformed,
};

/* --- responses ------------------------------------------------------------------------------ */

/* Inside of a response whose end is unknown anything may look like one. */
static bool response_may_start(void *arg)
{
	const struct eo_http1 *http1 = arg;

	return http1->first && !http1->response_open;
}

/* The only request that waits is answered as HTTP/2. */
static void upgrade(struct eo_http1 *http1)
{
	http1->upgraded = http1->first;
	http1->upgraded->exchange.request_inexact |= http1->request_open;
	http1->first = NULL;
	stop(http1);
}

static enum eo_http_body response_head(void *arg, const struct eo_http_head *head,
				       uint64_t start_ns, uint64_t ktime_ns, bool guessed)
{
	struct eo_http1 *http1 = arg;
	struct eo_http_exchange *exchange;
	enum eo_http_body body;

	(void)start_ns;
	if (!http1->first) {
		/* Its method is unknown, and HEAD decides whether there is a body. */
		http1->sink->counts->unpaired_responses += head->status / 100 != 1;
		body = eo_http_body_of(head, NULL);
		if (body == EO_HTTP_BODY_OPAQUE) {
			http1->sink->counts->opaque++;
			stop(http1);
		}
		return body;
	}
	http1->sink->counts->found_again += guessed;
	http1->sink->counts->heads_cut += head->cut;
	exchange = &http1->first->exchange;
	body = eo_http_body_of(head, exchange->method);
	if (head->status / 100 == 1 && head->status != 101)
		return body;
	if (head->status == 101 && head->h2c && http1->upgrading && http1->waiting == 1) {
		upgrade(http1);
		return body;
	}
	exchange->status = head->status;
	exchange->first_byte_ns = ktime_ns > exchange->ktime_ns ? ktime_ns - exchange->ktime_ns : 0;
	exchange->head_cut |= head->cut;
	http1->response_open = true;
	if (body != EO_HTTP_BODY_OPAQUE)
		return body;

	/* The request was answered; what follows is another protocol, in both directions. */
	http1->request_open = false;
	finish_first(http1, ktime_ns, 0);
	http1->sink->counts->opaque++;
	stop(http1);
	return body;
}

static void response_body(void *arg, uint64_t size, uint64_t ktime_ns)
{
	struct eo_http1 *http1 = arg;

	(void)ktime_ns;
	if (http1->response_open)
		http1->first->exchange.response_bytes += size;
}

/* Also of interim responses, after which the real one is still to come. */
static void response_end(void *arg, uint64_t ktime_ns)
{
	struct eo_http1 *http1 = arg;

	if (http1->response_open)
		finish_first(http1, ktime_ns, 0);
}

static void response_lost(void *arg)
{
	struct eo_http1 *http1 = arg;

	lost_place(http1);
	if (http1->response_open)
		http1->first->exchange.response_inexact = true;
	if (http1->pipelines)
		abandon(http1);
	else if (!http1->response_open)
		forget_waiting(http1);
}

static const struct eo_http_listener response_listener = {
	response_may_start, response_head, response_body, response_end, response_lost, malformed,
};

/* --- the connection ------------------------------------------------------------------------- */

void eo_http1_init(struct eo_http1 *http1, struct eo_http_sink *sink, bool from_start)
{
	struct eo_http_reader reader = {
		.keep_query = sink->options->keep_query,
		.budget = sink->budget,
		.place = from_start ? EO_HTTP_AT_START : EO_HTTP_AT_LOST,
	};

	*http1 = (struct eo_http1){.sink = sink, .requests = reader, .responses = reader};
	http1->requests.requests = true;
}

void eo_http1_fini(struct eo_http1 *http1)
{
	while (http1->first) {
		struct eo_http_request *next = http1->first->next;

		eo_http_request_free(http1->sink, http1->first);
		http1->first = next;
	}
	eo_http_request_free(http1->sink, http1->upgraded);
	eo_http_reader_fini(&http1->requests);
	eo_http_reader_fini(&http1->responses);
}

uint64_t eo_http1_feed(struct eo_http1 *http1, bool request, uint64_t ktime_ns, const void *bytes,
		       size_t captured, uint64_t length)
{
	uint64_t taken;

	if (request)
		return eo_http_reader_feed(&http1->requests, ktime_ns, bytes, captured, length,
					   &request_listener, http1);
	http1->response_ns = ktime_ns;
	taken = eo_http_reader_feed(&http1->responses, ktime_ns, bytes, captured, length,
				    &response_listener, http1);
	/* Something was answered, and could not be read: it may have been this request. */
	if (http1->responses.place == EO_HTTP_AT_LOST && !http1->response_open)
		forget_waiting(http1);
	return taken;
}

void eo_http1_gap(struct eo_http1 *http1, bool request)
{
	if (http1->pipelines && !http1->over) {
		abandon(http1);
		return;
	}
	if (request) {
		end_unseen_response(http1);
		eo_http_reader_gap(&http1->requests, &request_listener, http1);
		return;
	}
	if (http1->responses.place == EO_HTTP_AT_CLOSE && http1->response_open)
		http1->first->exchange.response_inexact = true;
	else if (http1->responses.place == EO_HTTP_AT_LOST && !http1->response_open)
		forget_waiting(http1);
	eo_http_reader_gap(&http1->responses, &response_listener, http1);
}

void eo_http1_end(struct eo_http1 *http1, uint64_t ktime_ns, int error)
{
	bool lost = http1->responses.place == EO_HTTP_AT_LOST;

	if (http1->response_open && lost)
		finish_first(http1, http1->response_ns, error);
	else if (http1->response_open && http1->responses.place == EO_HTTP_AT_CLOSE)
		finish_first(http1, ktime_ns, error);
	/* Behind a loss, nobody knows whether the others were answered. */
	if (lost)
		forget_waiting(http1);
	while (http1->first)
		finish_first(http1, ktime_ns, error ? error : ECONNABORTED);
}

void eo_http1_leave(struct eo_http1 *http1)
{
	if (http1->response_open) {
		http1->first->exchange.response_inexact = true;
		finish_first(http1, http1->response_ns, 0);
	}
	forget_waiting(http1);
}
