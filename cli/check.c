/* SPDX-License-Identifier: BSD-2-Clause */
/* ebpfotel check: what this machine makes possible, and what its verifier says of BPF objects. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "capture/loader.h"
#include "capture/support.h"
#include "cli.h"
#include "core/auto.h"
#include "report.h"

#define COLUMNS 80
#define LABEL_WIDTH 24
#define STATE_WIDTH 13
#define OBJECT_MAX_BYTES (64u << 20)

struct arguments {
	bool json;
	char **objects; /* room for all words of the command line */
	size_t object_count;
};

enum { OPTION_JSON = 0x100 };

static const struct argp_option options[] = {
	{ "json", OPTION_JSON, NULL, 0, "one JSON object instead of tables", 0 },
	{ 0 },
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case OPTION_JSON:
		arguments->json = true;
		return 0;
	case ARGP_KEY_ARG:
		arguments->objects[arguments->object_count++] = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp check_argp = {
	.options = options,
	.parser = parse_option,
	.args_doc = "[OBJECT...]",
	.doc = "Show what this kernel and these privileges make possible, or pass BPF object files "
	       "through the kernel's verifier without attaching them.\v"
	       "Examples:\n"
	       "  ebpfotel check                   what works here, and how to get the rest\n"
	       "  ebpfotel check --json            the same for programs\n"
	       "  ebpfotel check *.bpf.o           would these load here?\n\n"
	       "Exit status: 0 when profile and the tracers are ready or degraded, else 3 (the kernel "
	       "lacks something) or 4 (privileges are missing); with OBJECT 1 when one is rejected.",
};

/* What a state is called and which colour it has. */
struct state_name {
	const char *name, *colour;
};

static const struct state_name probe_states[] = {
	[EO_SUPPORT_YES] = { "yes", "32" },
	[EO_SUPPORT_NO] = { "no", "31" },
	[EO_SUPPORT_DENIED] = { "denied", "33" },
	[EO_SUPPORT_INFO] = { "info", "36" },
};

static const struct state_name tool_states[] = {
	[EO_TOOL_READY] = { "ready", "32" },
	[EO_TOOL_DEGRADED] = { "degraded", "33" },
	[EO_TOOL_UNAVAILABLE] = { "unavailable", "31" },
};

/* Names and logs come out of foreign files: nothing of them may drive the terminal. */
static void put_text(const char *text, size_t length)
{
	for (size_t i = 0; i < length && text[i]; i++) {
		unsigned char c = text[i];

		putchar((c < ' ' && c != '\n' && c != '\t') || c == 0x7f ? '?' : c);
	}
}

/* Words from column @indent on, broken where the line is full. The cursor stands at @indent. */
static void put_wrapped(const char *text, int indent)
{
	int column = indent;

	while (*text) {
		int length = strcspn(text, " ");

		if (column > indent && column + 1 + length > COLUMNS) {
			printf("\n%*s", indent, "");
			column = indent;
		} else if (column > indent) {
			putchar(' ');
			column++;
		}
		put_text(text, length);
		column += length;
		text += length;
		text += strspn(text, " ");
	}
	putchar('\n');
}

/* The state in @width columns; the colour takes none of them. */
static void put_state(const struct state_name *state, int width, bool colour)
{
	if (colour)
		printf("\033[%sm%-*s\033[0m", state->colour, width, state->name);
	else
		printf("%-*s", width, state->name);
}

static void put_row(const char *label, const struct state_name *state, const char *detail,
		    bool colour)
{
	printf("  %-*s", LABEL_WIDTH, label);
	put_state(state, detail[0] ? STATE_WIDTH : 0, colour);
	put_wrapped(detail, 2 + LABEL_WIDTH + STATE_WIDTH);
}

/* Each hint once, behind the names of what it cures. */
static void put_hints(const struct eo_support *support)
{
	const char *labels[EO_SUPPORT_PROBES_MAX + EO_SUPPORT_TOOLS];
	const char *hints[EO_SUPPORT_PROBES_MAX + EO_SUPPORT_TOOLS];
	size_t count = 0;
	bool any = false;

	for (size_t i = 0; i < EO_SUPPORT_TOOLS; i++, count++) {
		labels[count] = support->tools[i].name;
		hints[count] = support->tools[i].hint;
	}
	for (size_t i = 0; i < support->probe_count; i++, count++) {
		labels[count] = support->probes[i].label;
		hints[count] = support->probes[i].hint;
	}

	for (size_t i = 0; i < count; i++) {
		char line[512];
		size_t length, cured = 0;

		if (!hints[i])
			continue;
		length = snprintf(line, sizeof(line), "%s", labels[i]);
		for (size_t k = i + 1; k < count; k++) {
			if (!hints[k] || strcmp(hints[k], hints[i]) != 0)
				continue;
			if (++cured < 4)
				length += snprintf(line + length, sizeof(line) - length, ", %s",
						   labels[k]);
			hints[k] = NULL;
		}
		if (cured >= 4)
			length += snprintf(line + length, sizeof(line) - length, " and %zu more",
					   cured - 3);
		snprintf(line + length, sizeof(line) - length, ": %s", hints[i]);
		printf("%s  ", any ? "" : "\nhints\n");
		put_wrapped(line, 2);
		any = true;
	}
}

static void print_support(const struct eo_support *support)
{
	const char *group = "";
	bool colour = cli_has_color();

	for (size_t i = 0; i < support->probe_count; i++) {
		const struct eo_support_probe *probe = &support->probes[i];

		if (strcmp(probe->group, group) != 0)
			printf("%s%s\n", i ? "\n" : "", probe->group);
		group = probe->group;
		put_row(probe->label, &probe_states[probe->state], probe->detail, colour);
	}
	puts("\ntools");
	for (size_t i = 0; i < EO_SUPPORT_TOOLS; i++)
		put_row(support->tools[i].name, &tool_states[support->tools[i].state],
			support->tools[i].why, colour);
	put_hints(support);
}

/* JSON is UTF-8 and names from files need not be: then each byte above ASCII becomes U+FFFD. */
static json_t *json_text(const char *text)
{
	json_t *value = json_string(text);
	char *fixed;
	size_t n = 0;

	if (value)
		return value;
	fixed = malloc(3 * strlen(text) + 1);
	if (!fixed)
		return NULL;
	for (; *text; text++) {
		if ((unsigned char)*text < 0x80) {
			fixed[n++] = *text;
		} else {
			memcpy(fixed + n, "\xef\xbf\xbd", 3);
			n += 3;
		}
	}
	fixed[n] = '\0';
	value = json_string(fixed);
	free(fixed);
	return value;
}

/* A key without a value is absent. */
static void set_text(json_t *object, const char *key, const char *text)
{
	if (text && text[0])
		json_object_set_new(object, key, json_text(text));
}

/* Print and free. */
static int print_json(json_t *root)
{
	int r = root ? json_dumpf(root, stdout, JSON_INDENT(2)) : -1;

	json_decref(root);
	if (r < 0 && !ferror(stdout)) {
		cli_report(&(struct eo_error){ .kind = EO_ERROR_EVENT_PROCESSING_FAILED,
					       .code = ENOMEM,
					       .text = "make JSON" });
		return EXIT_FAILURE;
	}
	putchar('\n');
	return cli_flush_stdout();
}

static json_t *new_root(void)
{
	struct utsname name = { 0 };
	json_t *root = json_object(), *kernel = json_object();

	uname(&name);
	set_text(kernel, "release", name.release);
	set_text(kernel, "machine", name.machine);
	set_text(root, "version", EO_VERSION);
	json_object_set_new(root, "kernel", kernel);
	return root;
}

static int print_support_json(const struct eo_support *support)
{
	json_t *root = new_root(), *probes = json_object(), *tools = json_object();

	for (size_t i = 0; i < support->probe_count; i++) {
		const struct eo_support_probe *probe = &support->probes[i];
		json_t *row = json_object();

		set_text(row, "state", probe_states[probe->state].name);
		set_text(row, "detail", probe->detail);
		set_text(row, "hint", probe->hint);
		json_object_set_new(probes, probe->key, row);
	}
	for (size_t i = 0; i < EO_SUPPORT_TOOLS; i++) {
		const struct eo_tool_support *tool = &support->tools[i];
		json_t *row = json_object();

		set_text(row, "state", tool_states[tool->state].name);
		set_text(row, "why", tool->why);
		set_text(row, "hint", tool->hint);
		json_object_set_new(tools, tool->name, row);
	}
	json_object_set_new(root, "probes", probes);
	json_object_set_new(root, "tools", tools);
	return print_json(root);
}

/* A kernel that lacks something is told before privileges that are missing: they would not help. */
static int support_status(const struct eo_support *support)
{
	int status = EXIT_SUCCESS;

	for (size_t i = 0; i < EO_SUPPORT_TOOLS; i++) {
		if (support->tools[i].state != EO_TOOL_UNAVAILABLE)
			continue;
		if (!support->tools[i].for_permission)
			return EXIT_PLATFORM;
		status = EXIT_PERMISSION;
	}
	return status;
}

static int check_machine(bool json)
{
	struct eo_support support;
	int status;

	eo_support_probe_all(&support);
	if (json) {
		status = print_support_json(&support);
	} else {
		print_support(&support);
		status = cli_flush_stdout();
	}
	return status != EXIT_SUCCESS ? status : support_status(&support);
}

/* The whole file; one byte more than the limit is enough to see that it is too large. */
static int read_object(const char *path, void **ret, size_t *ret_size, struct eo_error *err)
{
	EO_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	EO_AUTO_FREE char *bytes = NULL;
	size_t size = 0, room = 0;

	while (fd >= 0) {
		ssize_t n;

		if (size == room) {
			char *more = realloc(bytes, room ? 2 * room : 1 << 16);

			if (!more)
				break;
			bytes = more;
			room = room ? 2 * room : 1 << 16;
		}
		n = read(fd, bytes + size, room - size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		size += n;
		if (n == 0 || size > OBJECT_MAX_BYTES) {
			*ret = eo_steal(&bytes);
			*ret_size = size;
			return 0;
		}
	}
	return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, errno, NULL, "read %.200s",
			    path);
}

static void print_reports(const char *path, const struct eo_program_report *reports, size_t count,
			  bool first, bool colour)
{
	static const struct state_name accepted = { "accepted", "32" };
	static const struct state_name rejected = { "rejected", "31" };

	if (!first)
		putchar('\n');
	put_text(path, strlen(path));
	printf("\n  %-28s %-15s %6s %8s %9s\n", "PROGRAM", "TYPE", "INSNS", "VERIFIED", "TIME");
	for (size_t i = 0; i < count; i++) {
		const struct eo_program_report *report = &reports[i];
		char name[sizeof(report->name)];

		snprintf(name, sizeof(name), "%s", report->name);
		for (char *c = name; *c; c++) {
			if ((unsigned char)*c <= ' ' || *c == 0x7f)
				*c = '?';
		}
		printf("  %-28s %-15s %6u ", name, report->type, report->instructions);
		if (report->accepted && report->verified)
			printf("%8u ", report->verified);
		else
			printf("%8s ", "-");
		if (report->accepted)
			printf("%6.2f ms ", report->load_ns / 1e6);
		else
			printf("%9s ", "-");
		put_state(report->accepted ? &accepted : &rejected, 0, colour);
		putchar('\n');
	}

	for (size_t i = 0; i < count; i++) {
		const char *line = reports[i].log;

		if (reports[i].accepted)
			continue;
		printf("\n  why ");
		put_text(reports[i].name, sizeof(reports[i].name));
		puts(" is rejected:");
		while (*line) {
			size_t length = strcspn(line, "\n");

			printf("    ");
			put_text(line, length);
			putchar('\n');
			line += length + (line[length] == '\n');
		}
	}
}

static json_t *reports_json(const char *path, const struct eo_program_report *reports, size_t count,
			    const struct eo_error *err)
{
	json_t *object = json_object(), *programs = json_array();

	set_text(object, "object", path);
	json_object_set_new(object, "accepted", json_boolean(err->kind == EO_ERROR_NONE));
	if (err->kind != EO_ERROR_NONE) {
		char text[sizeof(err->text) + 128];

		snprintf(text, sizeof(text), "%s%s%s", err->text, err->code ? ": " : "",
			 err->code ? strerror(err->code) : "");
		set_text(object, "error", text);
	}
	for (size_t i = 0; i < count; i++) {
		const struct eo_program_report *report = &reports[i];
		json_t *row = json_object();

		set_text(row, "program", report->name);
		set_text(row, "type", report->type);
		json_object_set_new(row, "accepted", json_boolean(report->accepted));
		json_object_set_new(row, "instructions", json_integer(report->instructions));
		if (report->accepted) {
			if (report->verified)
				json_object_set_new(row, "verified",
						    json_integer(report->verified));
			json_object_set_new(row, "load_ns", json_integer(report->load_ns));
		}
		set_text(row, "log", report->log);
		json_array_append_new(programs, row);
	}
	json_object_set_new(object, "programs", programs);
	return object;
}

/* One object, to the table or to @list. Returns its exit status. */
static int check_object(const struct eo_loader *loader, const char *path, bool first, json_t *list)
{
	EO_AUTO_FREE struct eo_program_report *reports = NULL;
	EO_AUTO_FREE void *bytes = NULL;
	struct eo_error err = { 0 };
	size_t size = 0, count = 0;
	int r = read_object(path, &bytes, &size, &err);

	if (r >= 0)
		r = eo_loader_validate_program(loader, path, bytes, size, &reports, &count, &err);
	if (list)
		json_array_append_new(list, reports_json(path, reports, count, &err));
	else if (count)
		print_reports(path, reports, count, first, cli_has_color());
	if (r >= 0)
		return EXIT_SUCCESS;
	fflush(stdout); /* the table stands before the error that sums it up */
	return cli_report(&err);
}

static int check_objects(const struct arguments *arguments)
{
	struct eo_config config = eo_config_default();
	EO_AUTO(eo_loader) loader = NULL;
	json_t *root, *list = arguments->json ? json_array() : NULL;
	struct eo_error err = { 0 };
	int status = EXIT_SUCCESS, r;

	r = eo_loader_new(&config, &loader, &err);
	if (r >= 0)
		r = eo_loader_check_system_support(loader, &err);
	if (r < 0) {
		json_decref(list);
		return cli_report(&err);
	}

	/* A failure does not end the run: the others are of interest as well. */
	for (size_t i = 0; i < arguments->object_count; i++) {
		r = check_object(loader, arguments->objects[i], i == 0, list);
		if (r != EXIT_SUCCESS)
			status = r;
	}
	if (arguments->json) {
		root = new_root();
		json_object_set_new(root, "objects", list);
		r = print_json(root);
	} else {
		r = cli_flush_stdout();
	}
	return status != EXIT_SUCCESS ? status : r;
}

int cmd_check(int argc, char **argv, struct cli *cli)
{
	EO_AUTO_FREE char **objects = calloc(argc, sizeof(*objects));
	struct arguments arguments = { .objects = objects };
	int status;

	if (!objects)
		return cli_report(&(struct eo_error){ .kind = EO_ERROR_EVENT_PROCESSING_FAILED,
						      .code = ENOMEM,
						      .text = "read the command line" });
	status = cli_parse(&check_argp, argv[0], argc, argv, &arguments, cli);
	if (status >= 0)
		return status;
	return arguments.object_count ? check_objects(&arguments) : check_machine(arguments.json);
}
