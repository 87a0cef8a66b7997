/* SPDX-License-Identifier: BSD-2-Clause */
#include "line_output.h"

#include <errno.h>
#include <stdlib.h>

#include "export/line_order.h"
#include "format/event_text.h"

#define LINE_BYTES 2048 /* tried at first; nearly all are shorter */

struct line_output {
	struct eo_stream *stream; /* NULL after a cut that failed */
	struct eo_line_order *order; /* of text; NULL: JSON */
	struct eo_event_text text;
};

int line_output_new(const struct line_output_options *options, struct line_output **ret,
		    struct eo_error *err)
{
	EO_AUTO(line_output) o = calloc(1, sizeof(*o));
	int r;

	if (o && options->text)
		o->order = eo_line_order_new();
	if (!o || (options->text && !o->order))
		return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, ENOMEM, NULL,
				    "prepare the output");
	o->text.color = options->color;
	r = eo_stream_open(options->path, false, &o->stream, err);
	if (!r)
		*ret = eo_steal(&o);
	return r;
}

void line_output_free(struct line_output *o)
{
	if (!o)
		return;
	eo_stream_free(o->stream);
	eo_line_order_free(o->order);
	free(o);
}

static char *room_for(struct line_output *o, size_t size)
{
	return o->order ? eo_line_order_room(o->order, size) : eo_stream_room(o->stream, size);
}

static size_t format_line(struct line_output *o, const struct eo_event *event,
			  const struct eo_event_clock *clock, char *to, size_t size)
{
	if (o->order)
		return eo_event_text_line(&o->text, event, clock, to, size);
	return eo_jsonl_line(event, clock, to, size);
}

int line_output_add(struct line_output *o, const struct eo_event *event,
		    const struct eo_event_clock *clock, uint32_t weight, struct eo_error *err)
{
	size_t size = LINE_BYTES, length;
	char *room = room_for(o, size);

	length = room ? format_line(o, event, clock, room, size) : 0;
	if (length > size) {
		size = length;
		room = room_for(o, size);
		length = room ? format_line(o, event, clock, room, size) : 0;
	}
	if (!room)
		return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, ENOMEM, NULL, "write %.200s",
				    eo_stream_name(o->stream));
	if (o->order) {
		eo_line_order_add(o->order, length, event->ktime_ns, weight);
		return eo_line_order_is_full(o->order) ? line_output_release(o, err) : 0;
	}
	return eo_stream_add(o->stream, length, weight) < 0 ? eo_stream_failed(o->stream, err) : 0;
}

int line_output_text(struct line_output *o, const char *text, size_t size, struct eo_error *err)
{
	int r = line_output_release(o, err);

	if (r < 0)
		return r;
	return eo_stream_put(o->stream, text, size, 0) < 0 ? eo_stream_failed(o->stream, err) : 0;
}

int line_output_release(struct line_output *o, struct eo_error *err)
{
	if (!o->order || eo_line_order_release(o->order, o->stream) == 0)
		return 0;
	return eo_stream_failed(o->stream, err);
}

int line_output_cut(struct line_output *o, const char *path, struct eo_error *err)
{
	int r = line_output_finish(o, err);

	eo_stream_free(eo_steal(&o->stream));
	return r < 0 ? r : eo_stream_open(path, false, &o->stream, err);
}

int line_output_finish(struct line_output *o, struct eo_error *err)
{
	int r = line_output_release(o, err);

	return r < 0 ? r : eo_stream_close(o->stream, err);
}

struct eo_stream *line_output_stream(const struct line_output *o)
{
	return o->stream;
}

bool line_output_holds(const struct line_output *o)
{
	return o->order && eo_line_order_waiting(o->order) > 0;
}
