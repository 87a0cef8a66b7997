/* SPDX-License-Identifier: BSD-2-Clause */
/* ebpfotel-events(7) against the tables of events: what it shows is what readers take, and there is
 * nothing that it does not show. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/auto.h"
#include "core/event.h"
#include "format/jsonl.h"
#include "format/reader.h"

static char *read_page(void)
{
	FILE *in = fopen(EO_MAN_DIR "/ebpfotel-events.7.scd", "r");
	char *text = calloc(1, 1 << 20);

	cr_assert_not_null(in);
	cr_assert_gt(fread(text, 1, (1 << 20) - 1, in), 0);
	fclose(in);
	return text;
}

/* The examples, one a line. */
static char *examples(const char *page)
{
	char *lines = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&lines, &size);
	const char *at = page;

	while ((at = strstr(at, "```\n{"))) {
		const char *end = strstr(at + 4, "```");

		cr_assert_not_null(end);
		for (at += 4; at < end && *at == '{';) {
			json_error_t error;
			json_t *value = json_loadb(at, (size_t)(end - at),
						   JSON_DISABLE_EOF_CHECK | JSON_REJECT_DUPLICATES,
						   &error);

			cr_assert_not_null(value, "%s at %.80s", error.text, at);
			json_dumpf(value, out, JSON_COMPACT);
			fputc('\n', out);
			at += error.position;
			at += strspn(at, " \n");
			json_decref(value);
		}
		at = end + 3;
	}
	fclose(out);
	return lines;
}

static const struct eo_event_key *keys_of_member(const struct eo_event_key *keys, const char *key)
{
	const struct eo_event_key *row = eo_event_key_find(keys, key);

	cr_expect_not_null(row, "the page shows '%s', which is not laid down", key);
	return row ? row->members : NULL;
}

static void check_laid_down(const struct eo_attr *attrs, size_t count,
			    const struct eo_event_key *keys)
{
	for (size_t i = 0; i < count; i++) {
		size_t inside = attrs[i].type == EO_ATTR_OBJECT || attrs[i].type == EO_ATTR_ARRAY ?
					attrs[i].count :
					0;
		const struct eo_event_key *members = keys_of_member(keys, attrs[i].key);

		if (members && attrs[i].type == EO_ATTR_OBJECT)
			check_laid_down(&attrs[i + 1], inside, members);
		i += inside;
	}
}

static int on_event(void *ctx, const struct eo_event *event, const struct eo_event_clock *clock,
		    struct eo_error *err)
{
	unsigned int *seen = ctx;

	(void)clock;
	(void)err;
	seen[event->type]++;
	check_laid_down(event->data, event->data_count, eo_event_keys(event->type));
	return 0;
}

Test(events_page, has_an_example_of_every_record_that_can_be_read)
{
	EO_AUTO_FREE char *page = read_page();
	EO_AUTO_FREE char *lines = examples(page);
	unsigned int seen[EO_EVENT_TYPE_COUNT] = {0};
	char path[] = "/tmp/eo_events_XXXXXX";
	EO_AUTO_CLOSE int fd = mkstemp(path);
	struct eo_input *input = NULL;
	struct eo_error err = {0};

	cr_assert_eq(write(fd, lines, strlen(lines)), (ssize_t)strlen(lines));
	cr_assert_eq(eo_input_open(path, &input, &err), 0);
	unlink(path);
	cr_expect_eq(eo_read_events(input, on_event, seen, &err), 0, "%s", err.text);
	eo_input_free(input);
	for (int type = 0; type < EO_EVENT_TYPE_COUNT; type++)
		cr_expect_eq(seen[type], 1, "examples of %s: %u", eo_event_type_name(type),
			     seen[type]);
}

/* In bold or in an example. */
static bool is_told(const char *page, const char *key)
{
	char bold[64], shown[64];

	snprintf(bold, sizeof(bold), "*%s*", key);
	snprintf(shown, sizeof(shown), "\"%s\":", key);
	return strstr(page, bold) || strstr(page, shown);
}

static void check_told(const char *page, const char *type, const struct eo_event_key *keys)
{
	for (; keys && keys->key; keys++) {
		cr_expect(is_told(page, keys->key), "the page does not tell of %s in %s",
			  keys->key, type);
		check_told(page, type, keys->members);
	}
}

Test(events_page, tells_of_every_key)
{
	EO_AUTO_FREE char *page = read_page();

	for (int type = 0; type < EO_EVENT_TYPE_COUNT; type++)
		check_told(page, eo_event_type_name(type), eo_event_keys(type));
}

Test(events_page, shows_the_whole_of_the_statistics)
{
	EO_AUTO_FREE char *page = read_page();
	EO_AUTO_FREE char *lines = examples(page);
	const char *end = strstr(lines, "{\"event_type\":\"end\"");
	EO_AUTO_FREE char *line = end ? strndup(end, strcspn(end, "\n")) : NULL;

	cr_assert_not_null(line);
	for (const struct eo_event_key *row = eo_event_keys(EO_EVENT_END); row->key; row++) {
		if (!strcmp(row->key, "profile"))
			continue; /* stands in ebpfotel-profile(1) */
		cr_expect(is_told(line, row->key), "%s", row->key);
		for (const struct eo_event_key *m = row->members; m && m->key; m++)
			cr_expect(is_told(line, m->key), "%s.%s", row->key, m->key);
	}
}
