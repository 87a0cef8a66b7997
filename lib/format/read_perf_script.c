/* SPDX-License-Identifier: BSD-2-Clause */
/* What `perf script` prints: a line that tells who, when and which event, then a line a frame, leaf
 * first. Names of processes, symbols and files may hold spaces, digits and brackets, so each line
 * is read from the parts whose form is certain. */
#include "format/read_perf_script.h"

#include <errno.h>
#include <string.h>

#include "core/array.h"
#include "format/read_profile.h"
#include "format/reader.h"

#define LINE_MAX_BYTES (1u << 20)
#define FRAMES_MAX 65536u
#define NS_PER_S 1000000000u

/* --- the header line ------------------------------------------------------------------------ */

struct text {
	const char *at, *end;
};

static bool is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

static void skip_spaces(struct text *text)
{
	while (text->at < text->end && (*text->at == ' ' || *text->at == '\t'))
		text->at++;
}

static bool skip_char(struct text *text, char wanted)
{
	if (text->at == text->end || *text->at != wanted)
		return false;
	text->at++;
	return true;
}

static bool take_number(struct text *text, uint64_t *ret)
{
	uint64_t value = 0;
	const char *start = text->at;

	for (; text->at < text->end && is_digit(*text->at); text->at++)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*text->at - '0'), &value))
			return false;
	*ret = value;
	return text->at > start;
}

/* "12345.678901" with six or nine digits behind the point. */
static bool take_time(struct text *text, uint64_t *ret)
{
	uint64_t seconds, ns = 0, unit = NS_PER_S;

	if (!take_number(text, &seconds) || seconds > UINT64_MAX / NS_PER_S - 1 ||
	    !skip_char(text, '.') || text->at == text->end || !is_digit(*text->at))
		return false;
	for (; text->at < text->end && is_digit(*text->at); text->at++) {
		unit /= 10;
		ns += (uint64_t)(*text->at - '0') * unit;
	}
	*ret = seconds * NS_PER_S + ns;
	return true;
}

static bool take_id(struct text *text, int64_t *ret)
{
	bool negative = skip_char(text, '-');
	uint64_t number;

	if (!take_number(text, &number) || number > INT32_MAX)
		return false;
	*ret = negative ? -(int64_t)number : (int64_t)number;
	return true;
}

/* "12/34 [000] 56.789:", the part after the name that cannot be mistaken. */
static bool take_ids_and_time(struct text *text, struct eo_perf_header *ret)
{
	uint64_t cpu;

	ret->pid = -1;
	if (!take_id(text, &ret->tid))
		return false;
	if (skip_char(text, '/')) {
		ret->pid = ret->tid;
		if (!take_id(text, &ret->tid))
			return false;
	}
	if (text->at == text->end || (*text->at != ' ' && *text->at != '\t'))
		return false;
	skip_spaces(text);
	if (skip_char(text, '[')) {
		if (!take_number(text, &cpu) || !skip_char(text, ']'))
			return false;
		skip_spaces(text);
	}
	return take_time(text, &ret->time_ns) && skip_char(text, ':');
}

/* "1000 cycles:u: rest": neither of the three need be there. */
static void take_event(struct text *text, struct eo_perf_header *ret)
{
	struct text ahead;

	skip_spaces(text);
	ahead = *text;
	if (take_number(&ahead, &ret->period) && ahead.at < ahead.end && *ahead.at == ' ') {
		ret->has_period = true;
		*text = ahead;
		skip_spaces(text);
	}
	ahead = *text;
	while (ahead.at < ahead.end && *ahead.at != ' ' && *ahead.at != '\t')
		ahead.at++;
	if (ahead.at - text->at > 1 && ahead.at[-1] == ':') {
		ret->event = text->at;
		ret->event_len = (size_t)(ahead.at - text->at) - 1;
		*text = ahead;
		skip_spaces(text);
	}
	ret->rest = text->at;
	ret->rest_len = (size_t)(text->end - text->at);
}

bool eo_perf_script_header(const char *line, size_t len, struct eo_perf_header *ret)
{
	struct text comm = {line, line + len};

	while (len && (line[len - 1] == ' ' || line[len - 1] == '\t' || line[len - 1] == '\r'))
		len--;
	comm.end = line + len;
	skip_spaces(&comm);
	/* The name ends where the first thing that can follow it begins. */
	for (const char *at = comm.at; at < comm.end; at++) {
		struct text text = {at + 1, comm.end};

		if ((*at != ' ' && *at != '\t') || at == comm.at)
			continue;
		*ret = (struct eo_perf_header){.comm = comm.at};
		if (!take_ids_and_time(&text, ret))
			continue;
		while (at > comm.at && (at[-1] == ' ' || at[-1] == '\t'))
			at--;
		ret->comm_len = (size_t)(at - comm.at);
		take_event(&text, ret);
		return true;
	}
	return false;
}

/* --- frames --------------------------------------------------------------------------------- */

struct frame {
	uint64_t address;
	const char *symbol, *module; /* parts of the line; lengths 0: not there */
	size_t symbol_len, module_len;
};

static int hex_digit(char byte)
{
	if (is_digit(byte))
		return byte - '0';
	return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* The bracket that the last byte closes. NULL when there is none with a space before it. */
static const char *module_bracket(const char *begin, const char *end)
{
	size_t depth = 0;

	if (end == begin || end[-1] != ')')
		return NULL;
	for (const char *at = end - 1; at > begin; at--) {
		depth += *at == ')';
		if (*at == '(' && !--depth)
			return at[-1] == ' ' ? at : NULL;
	}
	return NULL;
}

static bool is_word(const char *text, size_t len, const char *word)
{
	return len == strlen(word) && !memcmp(text, word, len);
}

/* Without "+0x12" at the end. */
static size_t without_offset(const char *symbol, size_t len)
{
	size_t at = len;

	while (at && hex_digit(symbol[at - 1]) >= 0)
		at--;
	return at > 3 && at < len && !memcmp(symbol + at - 3, "+0x", 3) ? at - 3 : len;
}

/* "  ffffffff81000012 symbol+0x12 (module)" */
static bool parse_frame(const char *line, size_t len, struct frame *ret)
{
	struct text text = {line, line + len};
	const char *bracket;
	size_t digits = 0;

	*ret = (struct frame){0};
	skip_spaces(&text);
	for (; text.at < text.end && hex_digit(*text.at) >= 0; text.at++, digits++)
		ret->address = ret->address << 4 | (uint64_t)hex_digit(*text.at);
	if (!digits || digits > 16 || (text.at < text.end && *text.at != ' '))
		return false;
	skip_spaces(&text);
	bracket = text.at < text.end ? module_bracket(text.at - 1, text.end) : NULL;
	ret->symbol = text.at;
	ret->symbol_len = (size_t)(text.end - text.at);
	if (bracket) {
		ret->module = bracket + 1;
		ret->module_len = (size_t)(text.end - bracket) - 2;
		ret->symbol_len = bracket > text.at ? (size_t)(bracket - text.at) - 1 : 0;
	}
	ret->symbol_len = without_offset(ret->symbol, ret->symbol_len);
	if (is_word(ret->symbol, ret->symbol_len, "[unknown]"))
		ret->symbol_len = 0;
	if (is_word(ret->module, ret->module_len, "[unknown]"))
		ret->module_len = 0;
	return true;
}

/* --- samples -------------------------------------------------------------------------------- */

struct event {
	uint32_t name; /* without modifiers */
	bool has_periods;
};

struct pending {
	uint32_t stack, label_set, event;
	uint64_t period;
};

struct script {
	struct eo_input *input;
	struct eo_profile *profile;
	struct eo_error *err;

	bool in_sample;
	struct pending sample;
	uint32_t *frames; /* of the sample, FRAMES_MAX of them */
	size_t frame_count;
	bool after_kernel;	 /* the last frame was the kernel's */
	struct eo_line *inlined; /* functions inlined into the frame to come, FRAMES_MAX of them */
	size_t inlined_count;

	/* Samples wait here: which events there are, and so the types of values, is known last. */
	struct pending *samples;
	size_t count, room;
	struct event events[EO_READ_VALUE_TYPES_MAX - 1];
	size_t event_count;
	uint64_t first_ns, last_ns;
};

static int no_memory(const struct script *s)
{
	return eo_error_set(s->err, EO_ERROR_EVENT_PROCESSING_FAILED, ENOMEM, NULL, "read %.120s",
			    eo_input_name(s->input));
}

static void add_location(struct script *s, const struct eo_location *location)
{
	s->frames[s->frame_count++] =
		eo_profile_location(s->profile, location, s->inlined, s->inlined_count);
	s->inlined_count = 0;
}

/* The sample is complete. */
static int end_sample(struct script *s)
{
	if (!s->in_sample)
		return 0;
	s->in_sample = false;
	if (s->inlined_count)
		add_location(s, &(struct eo_location){0});
	if (!EO_ARRAY_RESERVE(s->samples, s->count + 1, s->room, 256))
		return no_memory(s);
	s->sample.stack = eo_profile_stack(s->profile, s->frames, s->frame_count);
	s->samples[s->count++] = s->sample;
	return eo_read_status(s->input, s->profile, s->err);
}

static int add_frame(struct script *s, const struct frame *frame)
{
	struct eo_function function = {0};
	struct eo_location location = {.address = frame->address};
	struct eo_mapping mapping = {0};

	if (s->frame_count + s->inlined_count >= FRAMES_MAX - 1)
		return eo_read_line_failed(s->input, s->err, "a stack of more than %u frames",
					   FRAMES_MAX);
	if (frame->symbol_len) {
		function.name = eo_profile_string_n(s->profile, frame->symbol, frame->symbol_len);
		function.system_name = function.name;
		s->inlined[s->inlined_count++] =
			(struct eo_line){.function = eo_profile_function(s->profile, &function)};
	}
	if (is_word(frame->module, frame->module_len, "inlined"))
		return 0;

	if (frame->module_len) {
		mapping.filename =
			eo_profile_string_n(s->profile, frame->module, frame->module_len);
		mapping.has_functions = true;
		location.mapping = eo_profile_mapping(s->profile, &mapping);
	}
	location.kind = eo_read_frame_kind(s->profile->strings[mapping.filename]);
	if (frame->address >> 63)
		location.kind = EO_FRAME_KERNEL;
	/* perf prints return addresses as they are: the call stands before them. Where the kernel
	 * was entered nothing was called. */
	if (s->frame_count && frame->address &&
	    !(s->after_kernel && location.kind != EO_FRAME_KERNEL))
		location.address--;
	s->after_kernel = location.kind == EO_FRAME_KERNEL;
	add_location(s, &location);
	return 0;
}

/* "cycles:ppp" is "cycles"; "sched:sched_switch" is itself. */
static size_t without_modifiers(const char *event, size_t len)
{
	size_t at = len;

	while (at && strchr("ukhIGHpPSDWeb", event[at - 1]))
		at--;
	return at > 1 && at < len && event[at - 1] == ':' ? at - 1 : len;
}

static int find_event(struct script *s, const struct eo_perf_header *header)
{
	size_t len = header->event ? without_modifiers(header->event, header->event_len) : 0;
	uint32_t name = eo_profile_string_n(s->profile, header->event ? header->event : "", len);
	uint32_t i = 0;

	while (i < s->event_count && s->events[i].name != name)
		i++;
	if (i == EO_ARRAY_SIZE(s->events))
		return eo_read_line_failed(s->input, s->err, "more than %zu kinds of events",
					   EO_ARRAY_SIZE(s->events));
	if (i == s->event_count)
		s->events[s->event_count++].name = name;
	/* Without a name there is nothing to call the periods. */
	s->events[i].has_periods |= header->has_period && name;
	s->sample.event = i;
	return 0;
}

static uint32_t labels_of(struct script *s, const struct eo_perf_header *header)
{
	struct eo_profile *profile = s->profile;
	struct eo_label labels[3];
	size_t count = 0;

	labels[count++] = (struct eo_label){
		.key = eo_profile_string(profile, "comm"),
		.str = eo_profile_string_n(profile, header->comm, header->comm_len),
	};
	if (header->pid >= 0)
		labels[count++] = (struct eo_label){.key = eo_profile_string(profile, "pid"),
						    .num = header->pid,
						    .is_number = true};
	labels[count++] = (struct eo_label){
		.key = eo_profile_string(profile, "tid"), .num = header->tid, .is_number = true};
	return eo_profile_label_set(profile, labels, count);
}

static int begin_sample(struct script *s, const struct eo_perf_header *header)
{
	struct frame frame;
	int r = end_sample(s);

	if (r < 0)
		return r;
	if (header->rest_len >= 12 && !memcmp(header->rest, "PERF_RECORD_", 12))
		return 0; /* no sample, but a process that began, a file that was mapped … */
	s->sample = (struct pending){.label_set = labels_of(s, header), .period = header->period};
	r = find_event(s, header);
	if (r < 0)
		return r;
	if (!s->first_ns || header->time_ns < s->first_ns)
		s->first_ns = header->time_ns;
	if (header->time_ns > s->last_ns)
		s->last_ns = header->time_ns;
	s->in_sample = true;
	s->frame_count = s->inlined_count = 0;
	s->after_kernel = false;
	/* Without call chains the only frame stands in the same line; what else may stand there
	 * are the fields of a tracepoint. */
	if (parse_frame(header->rest, header->rest_len, &frame) && frame.module_len)
		return add_frame(s, &frame);
	return 0;
}

static bool is_frame(const struct script *s, char indent, const char *line, size_t len,
		     struct frame *ret)
{
	return s->in_sample && line[0] == indent && parse_frame(line, len, ret);
}

static int add_line(struct script *s, const char *line, size_t len)
{
	struct eo_perf_header header;
	struct frame frame;

	while (len && (line[len - 1] == '\r' || line[len - 1] == ' ' || line[len - 1] == '\t'))
		len--;
	if (!len)
		return end_sample(s);
	if (line[0] == '#')
		return 0;
	/* perf puts a tab before frames, which may have become spaces since. Those it puts itself
	 * before names, without call chains: "dd" or "bc" would pass for an address. */
	if (is_frame(s, '\t', line, len, &frame))
		return add_frame(s, &frame);
	if (eo_perf_script_header(line, len, &header))
		return begin_sample(s, &header);
	if (is_frame(s, ' ', line, len, &frame))
		return add_frame(s, &frame);
	return eo_read_line_failed(s->input, s->err,
				   "it is neither the beginning of a sample nor a frame");
}

/* --- the whole ------------------------------------------------------------------------------ */

static bool is_clock(const char *event)
{
	return !strcmp(event, "cpu-clock") || !strcmp(event, "task-clock");
}

/* The type of an event's periods. */
static struct eo_value_type type_of(struct eo_profile *profile, const struct event *event)
{
	if (is_clock(profile->strings[event->name]))
		return (struct eo_value_type){eo_profile_string(profile, "cpu"),
					      eo_profile_string(profile, "nanoseconds")};
	return (struct eo_value_type){event->name, eo_profile_string(profile, "count")};
}

/* Which of the values an event's periods are, by number of the event; 0: none. Two events may
 * have one type. */
static size_t make_types(struct script *s, struct eo_value_type *types, size_t *columns)
{
	size_t count = 1;

	types[0] = (struct eo_value_type){eo_profile_string(s->profile, "samples"),
					  eo_profile_string(s->profile, "count")};
	for (size_t i = 0; i < s->event_count; i++) {
		struct eo_value_type type = type_of(s->profile, &s->events[i]);
		size_t at = 1;

		columns[i] = 0;
		if (!s->events[i].has_periods)
			continue;
		while (at < count && (types[at].type != type.type || types[at].unit != type.unit))
			at++;
		if (at == count)
			types[count++] = type;
		columns[i] = at;
	}
	return count;
}

/* What all samples have in common. */
static int64_t common_period(const struct script *s)
{
	for (size_t i = 1; i < s->count; i++)
		if (s->samples[i].period != s->samples[0].period)
			return 0;
	return s->count && s->samples[0].period <= INT64_MAX ? (int64_t)s->samples[0].period : 0;
}

static int add_samples(struct script *s)
{
	struct eo_value_type types[EO_READ_VALUE_TYPES_MAX];
	size_t columns[EO_READ_VALUE_TYPES_MAX];
	struct eo_read_header header = {.value_types = types};
	int r;

	header.value_type_count = make_types(s, types, columns);
	header.duration_ns = s->last_ns - s->first_ns <= INT64_MAX
				     ? (int64_t)(s->last_ns - s->first_ns)
				     : INT64_MAX;
	if (header.value_type_count == 2) {
		header.period_type = types[1];
		header.period = common_period(s);
	}
	r = eo_read_join(s->input, &header, s->profile, s->err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < s->count; i++) {
		const struct pending *sample = &s->samples[i];
		int64_t values[EO_READ_VALUE_TYPES_MAX] = {1};

		if (columns[sample->event])
			values[columns[sample->event]] =
				sample->period <= INT64_MAX ? (int64_t)sample->period : INT64_MAX;
		eo_profile_add_sample(s->profile, sample->stack, sample->label_set, values);
	}
	return eo_read_status(s->input, s->profile, s->err);
}

static int read_lines(struct script *s)
{
	char *line;
	ssize_t len;

	while ((len = eo_input_line(s->input, LINE_MAX_BYTES, &line, s->err)) >= 0) {
		int r = add_line(s, line, (size_t)len);

		if (r < 0)
			return r;
	}
	return len == -ENODATA ? end_sample(s) : (int)len;
}

int eo_read_perf_script(struct eo_input *input, struct eo_profile *profile, struct eo_error *err)
{
	struct script s = {.input = input, .profile = profile, .err = err};
	int r;

	s.frames = calloc(FRAMES_MAX, sizeof(*s.frames));
	s.inlined = calloc(FRAMES_MAX, sizeof(*s.inlined));
	r = s.frames && s.inlined ? read_lines(&s) : no_memory(&s);
	if (r == 0)
		r = add_samples(&s);
	free(s.frames);
	free(s.inlined);
	free(s.samples);
	return r;
}
