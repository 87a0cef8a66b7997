/* SPDX-License-Identifier: BSD-2-Clause */
/* argp takes abbreviations, answers with two lines and names no nearest option. So every word is
 * held against argp's own tables first; when argp_parse() runs, only values can be wrong. */
#include <argp.h>
#include <bpf/libbpf.h>
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "core/auto.h"
#include "core/words.h"
#include "report.h"

#define OPTIONS_MAX 128

enum {
	KEY_USAGE = 0x10000,
};

static const struct argp_option common_options[] = {
	{"quiet", 'q', NULL, 0, "say nothing but errors", -1},
	{"verbose", 'v', NULL, 0, "say what is done on the way, show libbpf's log", -1},
	{"help", 'h', NULL, 0, "show this help", -1},
	{NULL, '?', NULL, OPTION_ALIAS | OPTION_HIDDEN, NULL, -1},
	{"usage", KEY_USAGE, NULL, 0, "show a short summary of the options", -1},
	{"version", 'V', NULL, 0, "show the versions of the program and of libbpf", -1},
	{0},
};

static error_t parse_common(int key, char *arg, struct argp_state *state)
{
	struct cli *cli = state->input;

	(void)arg;
	switch (key) {
	case 'q':
		cli->quiet = true;
		cli->verbose = false;
		return 0;
	case 'v':
		cli->verbose = true;
		cli->quiet = false;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp common_argp = {common_options, parse_common};

struct inputs {
	void *command;
	struct cli *cli;
};

static error_t hand_down_inputs(int key, char *arg, struct argp_state *state)
{
	const struct inputs *inputs = state->input;

	(void)arg;
	if (key != ARGP_KEY_INIT)
		return ARGP_ERR_UNKNOWN;
	state->child_inputs[0] = inputs->command;
	state->child_inputs[1] = inputs->cli;
	return 0;
}

/* All options of an argp and its children; names[] lists the long ones, for the nearest. */
struct table {
	struct entry {
		const char *name;
		int key;
		bool takes_value, needs_value;
	} entries[OPTIONS_MAX];
	size_t count;
	const char *names[OPTIONS_MAX + 1];
	size_t name_count;
};

static void collect(const struct argp *argp, struct table *table)
{
	const struct argp_option *real = argp->options;

	for (const struct argp_option *o = argp->options;
	     o && (o->name || o->key || o->doc || o->group); o++) {
		if (!(o->flags & OPTION_ALIAS))
			real = o;
		if ((!o->name && !o->key) || (o->flags & OPTION_DOC) || table->count == OPTIONS_MAX)
			continue;
		table->entries[table->count++] = (struct entry){
			.name = o->name,
			.key = o->key,
			.takes_value = real->arg,
			.needs_value = real->arg && !(real->flags & OPTION_ARG_OPTIONAL),
		};
		if (o->name && !(o->flags & OPTION_HIDDEN))
			table->names[table->name_count++] = o->name;
	}
	for (const struct argp_child *child = argp->children; child && child->argp; child++)
		collect(child->argp, table);
}

static const struct entry *find_long(const struct table *table, const char *name)
{
	for (size_t i = 0; i < table->count; i++)
		if (table->entries[i].name && !strcmp(table->entries[i].name, name))
			return &table->entries[i];
	return NULL;
}

static const struct entry *find_short(const struct table *table, char letter)
{
	for (size_t i = 0; i < table->count; i++)
		if (table->entries[i].key == letter)
			return &table->entries[i];
	return NULL;
}

static int unknown_option(const struct table *table, const char *command, const char *option,
			  const char *letters)
{
	const char *nearest = eo_nearest_word(letters, table->names);
	char other = islower((unsigned char)*letters) ? (char)toupper((unsigned char)*letters)
						      : (char)tolower((unsigned char)*letters);

	/* One letter alone abbreviates too much; its other case is the likelier slip. */
	if (option[1] != '-' && (!letters[1] || !nearest) && find_short(table, other))
		return cli_usage_error(command, "unknown option '%s'; the nearest is '-%c'", option,
				       other);
	if (nearest)
		return cli_usage_error(command, "unknown option '%s'; the nearest is '--%s'",
				       option, nearest);
	return cli_usage_error(command,
			       "unknown option '%s'; 'ebpfotel %s%s--help' lists the valid ones",
			       option, command ? command : "", command ? " " : "");
}

/* What a run of check_words() found. */
struct finding {
	int key;     /* 'h', KEY_USAGE or 'V' asked for; 0: nothing of these */
	int skipped; /* words taken as the last option's value */
};

static int check_long(const struct table *table, const char *command, const char *word,
		      bool has_next, struct finding *found)
{
	size_t len = strcspn(word, "=");
	char name[64], typed[66];
	const struct entry *entry;

	snprintf(name, sizeof(name), "%.*s", (int)(len - 2), word + 2);
	snprintf(typed, sizeof(typed), "--%s", name);
	entry = len - 2 < sizeof(name) ? find_long(table, name) : NULL;
	if (!entry)
		return unknown_option(table, command, typed, name);
	if (word[len] == '=' && !entry->takes_value)
		return cli_usage_error(command, "%s takes no value, not '%s'", typed,
				       word + len + 1);
	if (word[len] != '=' && entry->needs_value) {
		if (!has_next)
			return cli_usage_error(command, "%s wants a value", typed);
		found->skipped = 1;
	}
	found->key = entry->key;
	return 0;
}

static int check_cluster(const struct table *table, const char *command, const char *word,
			 bool has_next, struct finding *found)
{
	for (const char *c = word + 1; *c; c++) {
		const struct entry *entry = find_short(table, *c);
		char typed[3] = {'-', *c, '\0'};

		if (!entry) /* "-duration" is one slip, not a cluster of eight */
			return unknown_option(table, command, c == word + 1 ? word : typed, c);
		if (entry->takes_value) {
			if (!c[1] && entry->needs_value) {
				if (!has_next)
					return cli_usage_error(command, "%s wants a value", typed);
				found->skipped = 1;
			}
			return 0;
		}
		if (*c == 'h' || *c == '?' || *c == 'V')
			found->key = *c;
	}
	return 0;
}

/* Returns 0 or EINVAL; stops at a word that asks for help, before any that stand behind it. */
static int check_words(const struct table *table, const char *command, int argc, char **argv,
		       int *asked)
{
	for (int i = 1; i < argc; i++) {
		struct finding found = {0};
		int r = 0;

		if (!strcmp(argv[i], "--"))
			break;
		if (!strncmp(argv[i], "--", 2))
			r = check_long(table, command, argv[i], i + 1 < argc, &found);
		else if (argv[i][0] == '-' && argv[i][1])
			r = check_cluster(table, command, argv[i], i + 1 < argc, &found);
		if (r)
			return r;
		if (found.key == 'h' || found.key == '?' || found.key == KEY_USAGE ||
		    found.key == 'V') {
			*asked = found.key;
			return 0;
		}
		i += found.skipped;
	}
	return 0;
}

char *cli_help_with(int key, const char *text, void (*write)(FILE *out))
{
	char *filled = NULL;
	size_t size;
	FILE *out;

	if (key != ARGP_KEY_HELP_POST_DOC)
		return (char *)text;
	out = open_memstream(&filled, &size);
	if (!out)
		return (char *)text;
	write(out);
	fprintf(out, "\n%s", text);
	if (fclose(out) == 0 && filled)
		return filled;
	free(filled);
	return (char *)text;
}

static int answer(const struct argp *argp, int asked, char *name)
{
	const char *libbpf = libbpf_version_string();

	if (asked == 'V') {
		printf("ebpfotel %s (libbpf %s)\n", EO_VERSION, libbpf + (*libbpf == 'v'));
	} else {
		/* argp's remark on the arguments of short options takes two lines to say little. */
		setenv("ARGP_HELP_FMT", "no-dup-args-note", 0);
		argp_help(argp, stdout, asked == KEY_USAGE ? ARGP_HELP_USAGE : ARGP_HELP_STD_HELP,
			  name);
	}
	return cli_flush_stdout();
}

__attribute__((format(printf, 2, 0))) static int log_libbpf(enum libbpf_print_level level,
							    const char *fmt, va_list args)
{
	(void)level;
	return vfprintf(stderr, fmt, args);
}

int cli_parse(const struct argp *argp, const char *command, int argc, char **argv, void *input,
	      struct cli *cli)
{
	const struct argp_child children[] = {{argp}, {&common_argp}, {0}};
	const struct argp root = {.parser = hand_down_inputs, .children = children};
	struct inputs inputs = {input, cli};
	struct table table = {0};
	char name[64];
	char *first = argv[0];
	int asked = 0, index = 0, r;

	collect(&root, &table);
	if (check_words(&table, command, argc, argv, &asked))
		return EXIT_USAGE;

	/* argp takes the program's name from here, for "Usage: ebpfotel profile …". */
	snprintf(name, sizeof(name), "ebpfotel%s%s", command ? " " : "", command ? command : "");
	if (asked)
		return answer(&root, asked, name);

	argv[0] = name;
	r = argp_parse(&root, argc, argv, ARGP_SILENT | ARGP_IN_ORDER, &index, &inputs);
	argv[0] = first;
	if (!r && index < argc) {
		cli_usage_error(command, "unexpected argument '%s'", argv[index]);
		return EXIT_USAGE;
	}
	if (r == ENOMEM) {
		cli_usage_error(command, "read the options: %s", strerror(r));
		return EXIT_FAILURE;
	}
	if (r)
		return EXIT_USAGE;
	libbpf_set_print(cli->verbose ? log_libbpf : NULL);
	return -1;
}
