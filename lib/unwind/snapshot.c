// SPDX-License-Identifier: BSD-2-Clause
/* libunwind asks us for registers, memory and call frame information. All it gets to read is the
 * copy of the stack, and of the file that the pc at hand lies in the table of functions and the two
 * entries that matter; what it asks for beyond is an end, and so is reading too much, which is how
 * a program of call frame information that loops would show. It caches nothing: a row that holds
 * for a return address (that of the call before it) need not hold for a leaf at the same address,
 * and libunwind's cache cannot tell the two apart. */
#include "unwind/snapshot.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "unwind/frame_vet.h"
#include "unwind/snapshot_files.h"

#ifdef __x86_64__
#include <libunwind.h>
#include <sys/stat.h>

/* Words read for one snapshot; a frame takes some hundreds. */
#define READS_MAX 1000000u

/* The C library's own _start, that of the dynamic linker, has no FDE; it is some 20 bytes. */
#define ENTRY_BYTES 64u

/* In the library, but in none of its headers. */
int UNW_OBJ(dwarf_search_unwind_table)(unw_addr_space_t space, unw_word_t ip, unw_dyn_info_t *info,
				       unw_proc_info_t *ret, int need_unwind_info, void *arg);

/* Entries that were looked at: the callers of most stacks are the same ones. */
#define MEMOS 256u /* a power of two; 90 KB */
#define MEMO_BYTES 320u /* of an FDE and its CIE; few have more */

struct memo {
	uint64_t search, pair; /* search 0: empty */
	uint64_t fde_vaddr, cie_vaddr;
	uint32_t fde_size, cie_size;
	unsigned char bytes[MEMO_BYTES]; /* the FDE, and the CIE behind it */
};

struct eo_snapshot_unwinder {
	struct eo_processes *processes;
	struct eo_snapshot_files *files;
	unw_addr_space_t space;
	uint64_t own_namespace;

	/* Of the snapshot at hand. */
	const struct eo_snapshot *snapshot;
	uint64_t mount_namespace;
	uint32_t reads;

	/* Of the step at hand. */
	const struct eo_frame_search *search; /* of the pc's file; NULL: has none */
	uint64_t bias;
	struct eo_frame_entry fde, cie; /* those that libunwind may read: they were looked at */
	struct memo memos[MEMOS];
	bool searching; /* for the pc's FDE */
	bool mapped;	/* the pc is in a mapping */
	bool found;	/* there is an FDE for it */
	bool at_entry;	/* there is none, but this is where the file begins to run */
};

/* Put into @word, which is to be read from @address, what @size bytes that lie at @at have of it.
 * Returns false when that is nothing. */
static bool fill_word(const unsigned char *bytes, size_t size, uint64_t at, uint64_t address,
		      unw_word_t *word)
{
	uint64_t offset = address - at;
	bool any = false;

	if (size >= sizeof(*word) && offset <= size - sizeof(*word)) {
		memcpy(word, bytes + offset, sizeof(*word));
		return true;
	}
	for (size_t i = 0; i < sizeof(*word); i++) {
		if (offset + i < size) {
			memcpy((unsigned char *)word + i, bytes + offset + i, 1);
			any = true;
		}
	}
	return any;
}

/* Libunwind reads whole words, and one may have the end of the CIE and the beginning of the FDE. */
static bool read_entries(const struct eo_snapshot_unwinder *u, uint64_t address, unw_word_t *word)
{
	bool fde = fill_word(u->fde.bytes, u->fde.size, u->bias + u->fde.vaddr, address, word);

	return fill_word(u->cie.bytes, u->cie.size, u->bias + u->cie.vaddr, address, word) || fde;
}

static bool is_on_stack(const struct eo_snapshot *snapshot, uint64_t address)
{
	uint64_t offset = address - snapshot->stack_at;

	return snapshot->stack_bytes >= sizeof(unw_word_t) &&
	       offset <= snapshot->stack_bytes - sizeof(unw_word_t);
}

static int access_mem(unw_addr_space_t space, unw_word_t address, unw_word_t *value, int write,
		      void *arg)
{
	struct eo_snapshot_unwinder *u = arg;
	const struct eo_frame_search *search = u->search;

	(void)space;
	if (write || ++u->reads > READS_MAX)
		return -UNW_EINVAL;
	*value = 0;
	if (search && read_entries(u, address, value))
		return 0;
	if (is_on_stack(u->snapshot, address))
		return fill_word(u->snapshot->stack, u->snapshot->stack_bytes,
				 u->snapshot->stack_at, address, value)
			       ? 0
			       : -UNW_EINVAL;
	if (search && fill_word(search->header, search->header_size, u->bias + search->header_vaddr,
				address, value))
		return 0;
	/* A CIE may point to a pointer to a personality routine, which is of no interest here. */
	if (search && u->searching &&
	    address - u->bias - search->low < search->high - search->low)
		return 0;
	return -UNW_EINVAL;
}

static int access_reg(unw_addr_space_t space, unw_regnum_t number, unw_word_t *value, int write,
		      void *arg)
{
	const struct eo_snapshot_unwinder *u = arg;

	(void)space;
	if (write || number < 0 || number >= EO_SNAPSHOT_REGISTERS)
		return -UNW_EBADREG;
	*value = u->snapshot->registers[number];
	return 0;
}

static int access_fpreg(unw_addr_space_t space, unw_regnum_t number, unw_fpreg_t *value, int write,
			void *arg)
{
	(void)space, (void)number, (void)value, (void)write, (void)arg;
	return -UNW_EBADREG;
}

static void remember_entries(const struct eo_snapshot_unwinder *u, size_t pair, struct memo *memo)
{
	if (u->fde.size + u->cie.size > MEMO_BYTES)
		return;
	memo->search = u->search->number;
	memo->pair = pair;
	memo->fde_vaddr = u->fde.vaddr;
	memo->cie_vaddr = u->cie.vaddr;
	memo->fde_size = (uint32_t)u->fde.size;
	memo->cie_size = (uint32_t)u->cie.size;
	memcpy(memo->bytes, u->fde.bytes, u->fde.size);
	memcpy(memo->bytes + u->fde.size, u->cie.bytes, u->cie.size);
}

static void recall_entries(struct eo_snapshot_unwinder *u, const struct memo *memo)
{
	u->fde.vaddr = memo->fde_vaddr;
	u->cie.vaddr = memo->cie_vaddr;
	u->fde.size = memo->fde_size;
	u->cie.size = memo->cie_size;
	memcpy(u->fde.bytes, memo->bytes, u->fde.size);
	memcpy(u->cie.bytes, memo->bytes + u->fde.size, u->cie.size);
}

/* The pair of the table that @vaddr belongs to, and its entries; and only what is harmless. */
static bool find_entry(struct eo_snapshot_unwinder *u, uint64_t vaddr, size_t *pair)
{
	struct memo *memo;

	u->fde.size = u->cie.size = 0;
	if (!eo_frame_search_find(u->search, vaddr, pair))
		return false;
	memo = &u->memos[(*pair ^ u->search->number * 31) % MEMOS];
	if (memo->search == u->search->number && memo->pair == *pair) {
		recall_entries(u, memo);
		return true;
	}
	if (eo_frame_search_read(u->search, *pair, &u->fde, &u->cie) &&
	    eo_frame_vet(u->fde.bytes, u->fde.size, u->cie.bytes, u->cie.size)) {
		remember_entries(u, *pair, memo);
		return true;
	}
	u->fde.size = u->cie.size = 0;
	return false;
}

static int find_proc_info(unw_addr_space_t space, unw_word_t ip, unw_proc_info_t *ret,
			  int need_unwind_info, void *arg)
{
	struct eo_snapshot_unwinder *u = arg;
	const struct eo_vma *vma = eo_processes_find(u->processes, u->snapshot->tgid, ip);
	unw_dyn_info_t info = {.format = UNW_INFO_FORMAT_REMOTE_TABLE};
	int r = -UNW_ENOINFO;
	size_t entry;

	u->search = NULL;
	u->mapped = vma != NULL;
	if (!vma)
		return -UNW_ENOINFO;
	info.start_ip = vma->start;
	info.end_ip = vma->end;
	u->search = eo_snapshot_files_get(u->files, u->snapshot->tgid, u->mount_namespace, vma,
					  &u->bias);
	if (!u->search)
		return -UNW_ENOINFO;
	if (find_entry(u, ip - u->bias, &entry)) {
		info.u.rti.segbase = u->bias + u->search->header_vaddr;
		info.u.rti.table_data =
			info.u.rti.segbase + u->search->table + entry * sizeof(unw_word_t);
		info.u.rti.table_len = 1; /* in words, and a pair is one: this and no other */
		u->searching = true;
		r = UNW_OBJ(dwarf_search_unwind_table)(space, ip, &info, ret, need_unwind_info,
						       arg);
		u->searching = false;
	}
	u->found = r >= 0;
	u->at_entry = r < 0 && u->search->entry && ip - u->bias - u->search->entry < ENTRY_BYTES;
	return r;
}

static void put_unwind_info(unw_addr_space_t space, unw_proc_info_t *info, void *arg)
{
	(void)space, (void)info, (void)arg;
}

static int get_dyn_info_list_addr(unw_addr_space_t space, unw_word_t *ret, void *arg)
{
	(void)space, (void)ret, (void)arg;
	return -UNW_ENOINFO;
}

static int resume(unw_addr_space_t space, unw_cursor_t *cursor, void *arg)
{
	(void)space, (void)cursor, (void)arg;
	return -UNW_EINVAL;
}

static int get_proc_name(unw_addr_space_t space, unw_word_t ip, char *name, size_t size,
			 unw_word_t *offset, void *arg)
{
	(void)space, (void)ip, (void)name, (void)size, (void)offset, (void)arg;
	return -UNW_ENOINFO;
}

static uint64_t namespace_of(const char *process)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%s/ns/mnt", process);
	return stat(path, &st) == 0 ? st.st_ino : 0;
}

int eo_snapshot_unwinder_new(struct eo_processes *processes, struct eo_snapshot_unwinder **ret,
			     struct eo_error *err)
{
	static const unw_accessors_t accessors = {
		.find_proc_info = find_proc_info,
		.put_unwind_info = put_unwind_info,
		.get_dyn_info_list_addr = get_dyn_info_list_addr,
		.access_mem = access_mem,
		.access_reg = access_reg,
		.access_fpreg = access_fpreg,
		.resume = resume,
		.get_proc_name = get_proc_name,
	};
	EO_AUTO(eo_snapshot_unwinder) u = calloc(1, sizeof(*u));

	if (u) {
		u->processes = processes;
		u->own_namespace = namespace_of("self");
		u->files = eo_snapshot_files_new();
		u->space = unw_create_addr_space((unw_accessors_t *)&accessors,
						 0); /* which it copies */
	}
	if (!u || !u->files || !u->space)
		return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, ENOMEM, NULL,
				    "allocate the unwinder of snapshots");
	unw_set_caching_policy(u->space, UNW_CACHE_NONE);
	*ret = eo_steal(&u);
	return 0;
}

void eo_snapshot_unwinder_free(struct eo_snapshot_unwinder *u)
{
	if (!u)
		return;
	if (u->space)
		unw_destroy_addr_space(u->space);
	eo_snapshot_files_free(u->files);
	free(u);
}

void eo_snapshot_unwinder_tick(struct eo_snapshot_unwinder *u)
{
	eo_snapshot_files_tick(u->files);
}

/* One step. Returns 1 when there is a caller, 0 at the bottom of the stack, or -1. */
static int step(struct eo_snapshot_unwinder *u, unw_cursor_t *cursor)
{
	unw_word_t fp = 0;
	/* by the ABI's convention 0 is the outermost frame's; what is not known is not 0 */
	bool outermost = unw_get_reg(cursor, UNW_X86_64_RBP, &fp) == 0 && fp == 0;
	int r;

	u->mapped = u->found = u->at_entry = false;
	r = unw_step(cursor);
	if (u->at_entry)
		return 0;
	if (!u->mapped || r < 0)
		return -1;
	/* Without call frame information libunwind tries frame pointers, and says 0 as well when
	 * that cannot be. */
	if (r == 0 && !u->found && !outermost)
		return -1;
	return r > 0;
}

static bool is_in_go(struct eo_snapshot_unwinder *u, uint64_t pc)
{
	const struct eo_vma *vma = eo_processes_find(u->processes, u->snapshot->tgid, pc);

	return vma && eo_snapshot_files_is_go(u->files, u->snapshot->tgid, u->mount_namespace, vma);
}

/* From the last of @count frames on by frame pointers. Returns whether that is the whole stack: a
 * goroutine begins with a frame pointer of 0. */
static bool follow_frame_pointers(struct eo_snapshot_unwinder *u, __u64 *frames, uint32_t *count)
{
	const struct eo_snapshot *snapshot = u->snapshot;
	size_t i = 0;

	while (i < snapshot->fp_count && snapshot->fp[i] != frames[*count - 1])
		i++;
	if (i == snapshot->fp_count || !is_in_go(u, frames[*count - 1] - 1))
		return false;
	while (++i < snapshot->fp_count && *count < EO_MAX_FRAMES)
		frames[(*count)++] = snapshot->fp[i];
	return i == snapshot->fp_count && snapshot->fp_count < EO_SNAPSHOT_FP_FRAMES &&
	       is_in_go(u, frames[*count - 1] - 1);
}

uint32_t eo_snapshot_unwind(struct eo_snapshot_unwinder *u, const struct eo_snapshot *snapshot,
			    __u64 *frames, enum eo_user_walk *walk)
{
	char process[16];
	uint32_t count = 0;
	unw_cursor_t cursor;
	unw_word_t pc;
	int r = 1;

	snprintf(process, sizeof(process), "%u", snapshot->tgid);
	u->snapshot = snapshot;
	u->mount_namespace = namespace_of(process) ?: u->own_namespace;
	u->search = NULL;
	u->reads = 0;
	*walk = EO_USER_SNAPSHOT_CUT;
	frames[count++] = snapshot->registers[EO_SNAPSHOT_PC];
	if (unw_init_remote(&cursor, u->space, u) < 0)
		return count;
	while (count < EO_MAX_FRAMES) {
		r = step(u, &cursor);
		if (r <= 0)
			break;
		if (unw_get_reg(&cursor, UNW_REG_IP, &pc) < 0)
			break;
		if (!pc) { /* some threads have nothing above their first function */
			r = 0;
			break;
		}
		frames[count++] = pc;
	}
	if (r > 0) /* as deep as there is room */
		return count;
	if (r < 0 && !u->mapped && count > 1)
		count--; /* no code lies there */
	if (r == 0 || follow_frame_pointers(u, frames, &count))
		*walk = EO_USER_SNAPSHOT;
	return count;
}

#else

int eo_snapshot_unwinder_new(struct eo_processes *processes, struct eo_snapshot_unwinder **ret,
			     struct eo_error *err)
{
	(void)processes, (void)ret;
	return eo_error_set(err, EO_ERROR_UNSUPPORTED_PLATFORM, ENOTSUP, "use --unwind=fp",
			    "unwind copies of stacks on this kind of machine");
}

void eo_snapshot_unwinder_free(struct eo_snapshot_unwinder *u)
{
	(void)u;
}

void eo_snapshot_unwinder_tick(struct eo_snapshot_unwinder *u)
{
	(void)u;
}

uint32_t eo_snapshot_unwind(struct eo_snapshot_unwinder *u, const struct eo_snapshot *snapshot,
			    __u64 *frames, enum eo_user_walk *walk)
{
	(void)u;
	*walk = EO_USER_SNAPSHOT_CUT;
	frames[0] = snapshot->registers[EO_SNAPSHOT_PC];
	return 1;
}

#endif
