/* SPDX-License-Identifier: BSD-2-Clause */
#include "syscall/call_list.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "core/auto.h"
#include "core/words.h"
#include "syscall/lists.h"
#include "syscall/tables.h"

/* Longer words are no names; the bound keeps them on the stack. */
#define WORD_BYTES 64
/* More than there are names in any of our lists, with the classes and the end. */
#define NAMES_MAX 512

static const struct {
	const char *alias, *name;
} class_aliases[] = {
	{ "net", "network" },
	{ "descriptor", "desc" },
	{ "descriptors", "desc" },
	{ "mem", "memory" },
	{ "signals", "signal" },
};

/* What tells one kind of list from the other. */
struct grammar {
	const char *what; /* "system call" */
	const char *hint;
	bool (*add)(void *set, const char *word); /* false: no such word */
	size_t (*names)(const char **names);	  /* all that would have been right */
};

/* The nearest valid word belongs into the text, the hint is for the rest. */
static int refuse(const struct grammar *grammar, const char *word, size_t len, struct eo_error *err)
{
	const char *names[NAMES_MAX], *nearest = NULL;
	char copy[WORD_BYTES];

	if (len < sizeof(copy)) {
		memcpy(copy, word, len);
		copy[len] = '\0';
		names[grammar->names(names)] = NULL;
		nearest = eo_nearest_word(copy, names);
	}
	if (nearest)
		return eo_error_set(err, EO_ERROR_CONFIG, 0, grammar->hint,
				    "no %s '%.*s', did you mean '%s'?", grammar->what,
				    (int)(len < 100 ? len : 100), word, nearest);
	return eo_error_set(err, EO_ERROR_CONFIG, 0, grammar->hint, "no %s '%.*s'", grammar->what,
			    (int)(len < 100 ? len : 100), word);
}

static int parse(const struct grammar *grammar, const char *text, void *set, struct eo_error *err)
{
	for (;;) {
		size_t len = strcspn(text, ",");
		bool optional = *text == '?';
		const char *word = text + optional;
		size_t word_len = len - optional;
		char copy[WORD_BYTES] = "";

		if (!word_len)
			return eo_error_set(err, EO_ERROR_CONFIG, 0, grammar->hint,
					    "a list of %ss has an empty place", grammar->what);
		if (word_len < sizeof(copy))
			memcpy(copy, word, word_len);
		if (!(*copy && grammar->add(set, copy)) && !optional)
			return refuse(grammar, word, word_len, err);
		if (!text[len])
			return 0;
		text += len + 1;
	}
}

/* Whole decimal numbers below @end; -1 for anything else. */
static int number(const char *word, int end)
{
	int value = 0;

	for (; *word; word++) {
		if (!isdigit((unsigned char)*word))
			return -1;
		value = value * 10 + (*word - '0');
		if (value >= end)
			return -1;
	}
	return value;
}

static int class_of(const char *word)
{
	for (size_t i = 0; i < EO_ARRAY_SIZE(class_aliases); i++)
		if (!strcmp(word, class_aliases[i].alias))
			word = class_aliases[i].name;
	for (int class = 0; class < EO_CLASS_COUNT; class++)
		if (!strcmp(word, eo_syscall_class_name((unsigned int)class)))
			return class;
	return -1;
}

static bool add_class(struct eo_syscall_set *set, const char *word)
{
	int class;

	if (!strcmp(word, "none"))
		return true;
	if (!strcmp(word, "all")) {
		memset(set, 0xff, sizeof(*set));
		return true;
	}
	class = class_of(word);
	for (uint32_t nr = 0; class >= 0 && nr < EO_SYSCALL_MAX; nr++)
		if (eo_syscall_classes(nr) >> class & 1)
			eo_syscall_set_add(set, nr);
	return class >= 0;
}

static bool add_call(void *set, const char *word)
{
	int nr;

	if (*word == '%')
		return add_class(set, word + 1);
	nr = isdigit((unsigned char)*word) ? number(word, EO_SYSCALL_MAX) : eo_syscall_find(word);
	if (nr < 0)
		return add_class(set, word);
	eo_syscall_set_add(set, (uint32_t)nr);
	return true;
}

static size_t call_names(const char **names)
{
	static const char *const with_sign[EO_CLASS_COUNT] = {
		[EO_CLASS_FILE] = "%file",	 [EO_CLASS_DESC] = "%desc",
		[EO_CLASS_NETWORK] = "%network", [EO_CLASS_PROCESS] = "%process",
		[EO_CLASS_MEMORY] = "%memory",	 [EO_CLASS_SIGNAL] = "%signal",
		[EO_CLASS_IPC] = "%ipc",
	};
	const struct eo_call_interface *native =
		eo_call_interface(EO_MACHINE_HERE, EO_ABI_NATIVE);
	size_t count = 0;

	for (uint32_t i = 0; i < native->name_count && count < NAMES_MAX - EO_CLASS_COUNT - 1; i++)
		names[count++] = eo_syscall_name(EO_ABI_NATIVE, native->by_name[i]);
	for (size_t i = 0; i < EO_CLASS_COUNT; i++)
		names[count++] = with_sign[i];
	return count;
}

int eo_syscall_list_parse(const char *text, struct eo_syscall_set *ret, struct eo_error *err)
{
	static const struct grammar calls = {
		.what = "system call",
		.hint = "names, numbers and %file, %desc, %network, %process, %memory, %signal, "
			"%ipc, with commas between; ! before the list means all others",
		.add = add_call,
		.names = call_names,
	};
	struct eo_syscall_set set = { 0 };
	bool others;
	int r;

	if (!strncmp(text, "trace=", strlen("trace=")))
		text += strlen("trace=");
	others = *text == '!';
	r = parse(&calls, text + others, &set, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < EO_ARRAY_SIZE(set.bits); i++)
		ret->bits[i] = others ? ~set.bits[i] : set.bits[i];
	return 0;
}

static bool add_errno(void *arg, const char *word)
{
	struct eo_errno_set *set = arg;
	int code = isdigit((unsigned char)*word) ? number(word, EO_ERRNO_MAX) :
						   (int)eo_errno_find(word);

	if (code <= 0)
		return false;
	set->bits[code / 64] |= 1ull << code % 64;
	return true;
}

static size_t errno_names(const char **names)
{
	const struct eo_name_list *list = &eo_name_lists[EO_MACHINE_HERE][EO_LIST_ERRNO];

	for (uint32_t i = 0; i < list->count; i++)
		names[i] = list->names[i].name;
	return list->count;
}

int eo_errno_list_parse(const char *text, struct eo_errno_set *ret, struct eo_error *err)
{
	static const struct grammar errors = {
		.what = "error",
		.hint = "names as in errno(3), with commas between: ENOENT,EACCES",
		.add = add_errno,
		.names = errno_names,
	};
	struct eo_errno_set set = { 0 };
	int r = parse(&errors, text, &set, err);

	if (!r)
		*ret = set;
	return r;
}
