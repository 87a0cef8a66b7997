// SPDX-License-Identifier: BSD-2-Clause
#include "symbol/usdt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/auto.h"
#include "symbol/elf_image.h"

#define NOTES_MAX 4194304u /* bytes of one section: 30,000 probes */
#define NOTE_TYPE 3u	   /* NT_STAPSDT */
#define NOTE_NAME "stapsdt"

/* ---- registers ---- */

#ifdef __x86_64__

/* By their place in struct pt_regs. */
static const char *const registers[][5] = {
	{"r15", "r15d", "r15w", "r15b"}, {"r14", "r14d", "r14w", "r14b"},
	{"r13", "r13d", "r13w", "r13b"}, {"r12", "r12d", "r12w", "r12b"},
	{"rbp", "ebp", "bp", "bpl"},	 {"rbx", "ebx", "bx", "bl"},
	{"r11", "r11d", "r11w", "r11b"}, {"r10", "r10d", "r10w", "r10b"},
	{"r9", "r9d", "r9w", "r9b"},	 {"r8", "r8d", "r8w", "r8b"},
	{"rax", "eax", "ax", "al"},	 {"rcx", "ecx", "cx", "cl"},
	{"rdx", "edx", "dx", "dl"},	 {"rsi", "esi", "si", "sil"},
	{"rdi", "edi", "di", "dil"},	 {NULL}, /* orig_rax */
	{NULL},				 {NULL}, /* rip, whose value nobody wants; cs */
	{NULL},				 {"rsp", "esp", "sp", "spl"},
};

static bool find_register(const char *name, size_t len, uint8_t *ret)
{
	for (unsigned int i = 0; i < EO_ARRAY_SIZE(registers); i++)
		for (const char *const *known = registers[i]; *known; known++)
			if (strlen(*known) == len && memcmp(*known, name, len) == 0) {
				*ret = (uint8_t)i;
				return true;
			}
	return false;
}

#else

/* x0 to x30, their halves w0 to w30, sp: the same order as in struct user_pt_regs. */
static bool find_register(const char *name, size_t len, uint8_t *ret)
{
	unsigned int number = 0;

	if (len == 2 && memcmp(name, "sp", 2) == 0) {
		*ret = 31;
		return true;
	}
	if (len < 2 || len > 3 || (*name != 'x' && *name != 'w') || (len == 3 && name[1] == '0'))
		return false;
	for (size_t i = 1; i < len; i++) {
		if (name[i] < '0' || name[i] > '9')
			return false;
		number = 10 * number + (unsigned int)(name[i] - '0');
	}
	*ret = (uint8_t)number;
	return number <= 30;
}

#endif

/* ---- arguments ---- */

static bool take(const char **at, char c)
{
	if (**at != c)
		return false;
	(*at)++;
	return true;
}

/* Decimal or hexadecimal, with a sign. */
static bool take_number(const char **at, int64_t *ret)
{
	const char *digits = **at == '-' ? *at + 1 : *at;
	char *end;

	if (*digits < '0' || *digits > '9')
		return false;
	errno = 0;
	*ret = strtoll(*at, &end, 0);
	*at = end;
	return errno == 0;
}

static bool take_register(const char **at, uint8_t *ret)
{
	size_t len;

#ifdef __x86_64__
	if (!take(at, '%'))
		return false;
#endif
	len = strspn(*at, "abcdefghijklmnopqrstuvwxyz0123456789");
	if (!find_register(*at, len, ret))
		return false;
	*at += len;
	return true;
}

#ifdef __x86_64__

/* -8(%rbp), (%rax,%rbx,4); the displacement is taken already. */
static bool take_memory(const char **at, struct eo_usdt_argument *ret)
{
	int64_t scale = 1;

	ret->kind = EO_USDT_MEMORY;
	if (!take(at, '('))
		return false;
	if (**at != ',' && !take_register(at, &ret->base))
		return false;
	if (take(at, ',')) {
		if (!take_register(at, &ret->index))
			return false;
		if (take(at, ',') && !take_number(at, &scale))
			return false;
	}
	if (scale != 1 && scale != 2 && scale != 4 && scale != 8)
		return false;
	ret->scale = (uint8_t)scale;
	return take(at, ')');
}

static bool take_place(const char **at, struct eo_usdt_argument *ret)
{
	if (take(at, '$'))
		return take_number(at, &ret->value);
	if (**at == '%') {
		ret->kind = EO_USDT_REGISTER;
		return take_register(at, &ret->base);
	}
	if (**at != '(' && !take_number(at, &ret->value))
		return false;
	return take_memory(at, ret);
}

#else

/* x0, 17, [sp], [x29, -8], [x0, x1] */
static bool take_place(const char **at, struct eo_usdt_argument *ret)
{
	if (take_number(at, &ret->value))
		return true;
	if (!take(at, '[')) {
		ret->kind = EO_USDT_REGISTER;
		return take_register(at, &ret->base);
	}
	ret->kind = EO_USDT_MEMORY;
	if (!take_register(at, &ret->base))
		return false;
	if (take(at, ',')) {
		take(at, ' ');
		if (!take_number(at, &ret->value) && !take_register(at, &ret->index))
			return false;
	}
	return take(at, ']');
}

#endif

int eo_usdt_arguments(const char *text, struct eo_usdt_argument ret[EO_USDT_ARGUMENTS])
{
	int count = 0;

	for (;;) {
		struct eo_usdt_argument *argument = &ret[count];
		int64_t size = 8;

		while (take(&text, ' '))
			;
		if (!*text)
			return count;
		if (count == EO_USDT_ARGUMENTS || !take_number(&text, &size) || !take(&text, '@'))
			return -EINVAL;
		*argument = (struct eo_usdt_argument){
			.kind = EO_USDT_CONSTANT,
			.is_signed = size < 0,
			.base = EO_USDT_NO_REGISTER,
			.index = EO_USDT_NO_REGISTER,
			.scale = 1,
		};
		if (size != 1 && size != -1 && size != 2 && size != -2 && size != 4 && size != -4 &&
		    size != 8 && size != -8)
			return -EINVAL;
		argument->size = (uint8_t)(size < 0 ? -size : size);
		if (!take_place(&text, argument) || (*text && *text != ' '))
			return -EINVAL;
		count++;
	}
}

/* ---- notes ---- */

struct search {
	const struct eo_elf_image *image;
	const char *provider;
	const char *const *names;
	size_t name_count;
	struct eo_usdt_probe *found;
	size_t count, room;
	uint64_t base; /* address of the section .stapsdt.base; 0: none */
};

/* Where in the file the byte at @vaddr is; 0: it is not. */
static uint64_t file_offset(const struct search *search, uint64_t vaddr, uint32_t flags)
{
	for (uint32_t i = 0; i < search->image->segment_count; i++) {
		Elf64_Phdr segment;
		uint64_t offset;

		if (eo_elf_image_segment(search->image, i, &segment) < 0)
			return 0;
		if (segment.p_type != PT_LOAD || (segment.p_flags & flags) != flags ||
		    vaddr < segment.p_vaddr || vaddr - segment.p_vaddr >= segment.p_filesz ||
		    vaddr - segment.p_vaddr > UINT64_MAX - segment.p_offset)
			continue;
		offset = vaddr - segment.p_vaddr + segment.p_offset;
		return offset < search->image->size ? offset : 0;
	}
	return 0;
}

/* The next text of a note, which ends within it. NULL: it does not. */
static const char *take_text(const char **at, const char *end)
{
	const char *text = *at, *nul = memchr(text, '\0', (size_t)(end - text));

	if (!nul)
		return NULL;
	*at = nul + 1;
	return text;
}

static void add_probe(struct search *search, size_t name, const uint64_t addresses[3],
		      const char *arguments)
{
	struct eo_usdt_probe *probe = &search->found[search->count];
	/* Prelinking moves the code, and the base with it, but leaves notes as they are. */
	uint64_t moved = search->base ? search->base - addresses[1] : 0;
	int count;

	if (search->count == search->room)
		return;
	*probe = (struct eo_usdt_probe){
		.name = name,
		.offset = file_offset(search, addresses[0] + moved, PF_X),
		.semaphore = addresses[2] ? file_offset(search, addresses[2] + moved, PF_W) : 0,
	};
	if (!probe->offset || (addresses[2] && !probe->semaphore))
		return;
	count = eo_usdt_arguments(arguments, probe->arguments);
	probe->argument_count = count < 0 ? 0 : (size_t)count;
	search->count++;
}

/* Three addresses, then provider, name and arguments, each with its NUL. */
static void look_at(struct search *search, const char *description, size_t size)
{
	const char *at = description, *end = description + size, *provider, *name, *arguments;
	uint64_t addresses[3];

	if (size < sizeof(addresses))
		return;
	memcpy(addresses, at, sizeof(addresses));
	at += sizeof(addresses);
	provider = take_text(&at, end);
	name = provider ? take_text(&at, end) : NULL;
	arguments = name ? take_text(&at, end) : NULL;
	if (!arguments || strcmp(provider, search->provider) != 0)
		return;
	for (size_t i = 0; i < search->name_count; i++)
		if (strcmp(name, search->names[i]) == 0) {
			add_probe(search, i, addresses, arguments);
			return;
		}
}

static int read_notes(struct search *search, const Elf64_Shdr *section)
{
	uint64_t size = eo_elf_image_section_size(search->image, section);
	EO_AUTO_FREE char *notes = NULL;
	Elf64_Nhdr note; /* the same in both classes */

	if (size > NOTES_MAX)
		size = NOTES_MAX;
	notes = malloc(size ? (size_t)size : 1);
	if (!notes)
		return -ENOMEM;
	if (eo_elf_image_read(search->image, section->sh_offset, notes, (size_t)size) < 0)
		return 0;
	for (size_t at = 0; size - at >= sizeof(note);) {
		size_t name, description;

		memcpy(&note, notes + at, sizeof(note));
		name = at + sizeof(note);
		if (note.n_namesz > size - name)
			return 0;
		description = (name + note.n_namesz + 3) & ~(size_t)3;
		if (description > size || note.n_descsz > size - description)
			return 0;
		if (note.n_type == NOTE_TYPE && note.n_namesz == sizeof(NOTE_NAME) &&
		    memcmp(notes + name, NOTE_NAME, sizeof(NOTE_NAME)) == 0)
			look_at(search, notes + description, note.n_descsz);
		at = (description + note.n_descsz + 3) & ~(size_t)3;
		if (at > size)
			return 0;
	}
	return 0;
}

int eo_usdt_find(int fd, const char *provider, const char *const *names, size_t name_count,
		 struct eo_usdt_probe *ret, size_t room)
{
	struct eo_elf_image image = {.fd = -1};
	struct search search = {
		.image = &image,
		.provider = provider,
		.names = names,
		.name_count = name_count,
		.found = ret,
		.room = room,
	};
	const Elf64_Shdr *notes, *base;
	int r = eo_elf_image_open(&image, fd);

	if (r < 0)
		return r;
	r = eo_elf_image_load_sections(&image);
	if (r == 0 && image.sections && image.is64) { /* the addresses of others are shorter */
		base = eo_elf_image_find_section(&image, SHT_PROGBITS, ".stapsdt.base");
		notes = eo_elf_image_find_section(&image, SHT_NOTE, ".note.stapsdt");
		search.base = base ? base->sh_addr : 0;
		r = notes ? read_notes(&search, notes) : 0;
	}
	eo_elf_image_fini(&image);
	return r < 0 ? r : (int)search.count;
}
