// SPDX-License-Identifier: BSD-2-Clause
/* Rows are handed out in blocks of 1,024, which are 4 KB; 64 blocks are a chunk. A file owns runs
 * of blocks and a run of the directory, a process a run of the mappings.
 *
 * Everything is published in one direction: rows, then the directory, then the file's state;
 * mappings, then the process. It is taken back in the other, and reused after a grace period. */
#include "unwind/table_store.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/grace.h"
#include "core/hash.h"
#include "core/index.h"
#include "unwind/range_pool.h"

#define BLOCK_ROWS 1024u
#define CHUNK_BLOCKS (EO_UNWIND_CHUNK_ROWS / BLOCK_ROWS)
#define CHUNK_BYTES (EO_UNWIND_CHUNK_ROWS * sizeof(struct eo_unwind_row))

/* Together 3.3 MB, whatever the budget of rows. */
#define DIRECTORY_PAGES (128u * 1024) /* of 4 KB of text: 512 MB of it; 1 MB */
#define RULES 8192u		      /* twice what 2,142 libraries and programs had; 128 KB */
#define FILES 4096u		      /* 128 KB */
#define MAPPINGS 32768u		      /* 1 MB */
#define PROCESSES 8192u		      /* 1 MB */

/* A mapping's run is reused this much later: far longer than any program runs. */
#define LIMBO_NS EO_NS_PER_SEC
#define LIMBO_MAX 4096u

struct run {
	uint32_t first, count;
};

struct file {
	struct run *runs; /* of blocks */
	uint32_t run_count;
	struct run directory;
};

struct process {
	uint32_t tgid;
	struct run mappings;
};

struct limbo {
	struct run run;
	uint64_t since_ns;
};

struct eo_table_store {
	int chunks_fd, processes_fd;
	/* The maps' own memory. */
	struct eo_unwind_page *directory;
	struct eo_unwind_rule *rules;
	struct eo_unwind_file *unwind_files;
	struct eo_unwind_mapping *mappings;
	int *chunks; /* the maps of the chunks; -1: does not exist */
	uint32_t chunk_count, chunk_limit;
	/* The chunk that is being written. Mapped no longer than that: its pages would count as
	 * ours as well as the map's. */
	struct eo_unwind_row *rows;
	uint32_t rows_chunk;
	volatile uint32_t *tick;

	struct eo_rule_dictionary dictionary;
	struct eo_range_pool blocks, pages, mapping_pool;
	struct file *files;
	uint32_t file_count;
	struct process *processes;
	uint32_t process_count;
	struct eo_index process_index;
	struct limbo *limbo; /* a queue: oldest first */
	uint32_t limbo_count;
	struct eo_table_store_stats stats;
};

static const struct map_size {
	const char *name;
	uint32_t entries;
} map_sizes[] = {
	{"unwind_directory", DIRECTORY_PAGES}, {"unwind_rules", RULES},		{"unwind_files", FILES},
	{"unwind_mappings", MAPPINGS},	       {"unwind_processes", PROCESSES},
};

int eo_table_store_prepare(struct bpf_object *object, struct eo_error *err)
{
	for (size_t i = 0; i < EO_ARRAY_SIZE(map_sizes); i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(object, map_sizes[i].name);
		int r = map ? bpf_map__set_max_entries(map, map_sizes[i].entries) : -ENOENT;

		if (r < 0)
			return eo_error_set(err, EO_ERROR_LOAD_FAILED, -r, NULL, "size map %s", map_sizes[i].name);
	}
	return 0;
}

static void *map_memory(struct bpf_object *object, const char *name, size_t bytes)
{
	int fd = bpf_map__fd(bpf_object__find_map_by_name(object, name));
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

static void unmap(void *memory, size_t bytes)
{
	if (memory)
		munmap(memory, bytes);
}

int eo_table_store_new(struct bpf_object *object, uint32_t *tick, uint64_t memory,
		       struct eo_table_store **ret, struct eo_error *err)
{
	EO_AUTO(eo_table_store) store = calloc(1, sizeof(*store));

	if (!store)
		return eo_error_set(err, EO_ERROR_MAP_OPERATION_FAILED, ENOMEM, NULL, "allocate unwinding tables");
	store->tick = tick;
	store->chunk_limit = (uint32_t)(memory / CHUNK_BYTES);
	if (store->chunk_limit > EO_UNWIND_CHUNKS)
		store->chunk_limit = EO_UNWIND_CHUNKS;
	store->chunks_fd = bpf_map__fd(bpf_object__find_map_by_name(object, "unwind_chunks"));
	store->processes_fd = bpf_map__fd(bpf_object__find_map_by_name(object, "unwind_processes"));
	store->directory = map_memory(object, "unwind_directory", DIRECTORY_PAGES * sizeof(*store->directory));
	store->rules = map_memory(object, "unwind_rules", RULES * sizeof(*store->rules));
	store->unwind_files = map_memory(object, "unwind_files", FILES * sizeof(*store->unwind_files));
	store->mappings = map_memory(object, "unwind_mappings", MAPPINGS * sizeof(*store->mappings));
	if (!store->directory || !store->rules || !store->unwind_files || !store->mappings)
		return eo_error_set(err, EO_ERROR_MAP_OPERATION_FAILED, errno, NULL, "map the unwinding tables");
	store->chunks = calloc(store->chunk_limit, sizeof(*store->chunks));
	for (uint32_t i = 0; store->chunks && i < store->chunk_limit; i++)
		store->chunks[i] = -1;
	store->files = calloc(FILES, sizeof(*store->files));
	store->processes = calloc(PROCESSES, sizeof(*store->processes));
	store->limbo = calloc(LIMBO_MAX, sizeof(*store->limbo));
	if (!store->chunks || !store->files || !store->processes || !store->limbo ||
	    eo_range_pool_init(&store->blocks, store->chunk_limit * CHUNK_BLOCKS, CHUNK_BLOCKS) < 0 ||
	    eo_range_pool_init(&store->pages, DIRECTORY_PAGES, 0) < 0 ||
	    eo_range_pool_init(&store->mapping_pool, MAPPINGS, 0) < 0)
		return eo_error_set(err, EO_ERROR_MAP_OPERATION_FAILED, ENOMEM, NULL, "allocate unwinding tables");
	eo_rule_dictionary_init(&store->dictionary, store->rules, RULES);
	*ret = eo_steal(&store);
	return 0;
}

void eo_table_store_free(struct eo_table_store *store)
{
	if (!store)
		return;
	for (uint32_t i = 0; store->chunks && i < store->chunk_limit; i++)
		if (store->chunks[i] >= 0)
			close(store->chunks[i]);
	for (uint32_t i = 0; store->files && i < store->file_count; i++)
		free(store->files[i].runs);
	unmap(store->directory, DIRECTORY_PAGES * sizeof(*store->directory));
	unmap(store->rules, RULES * sizeof(*store->rules));
	unmap(store->unwind_files, FILES * sizeof(*store->unwind_files));
	unmap(store->mappings, MAPPINGS * sizeof(*store->mappings));
	eo_rule_dictionary_fini(&store->dictionary);
	eo_range_pool_fini(&store->blocks);
	eo_range_pool_fini(&store->pages);
	eo_range_pool_fini(&store->mapping_pool);
	eo_index_fini(&store->process_index);
	free(store->chunks);
	free(store->files);
	free(store->processes);
	free(store->limbo);
	free(store);
}

struct eo_rule_dictionary *eo_table_store_dictionary(struct eo_table_store *store)
{
	return &store->dictionary;
}

/* ---- files ---- */

int eo_table_store_add_file(struct eo_table_store *store)
{
	return store->file_count < FILES ? (int)store->file_count++ : -ENOSPC;
}

enum eo_unwind_file_state eo_table_store_file_state(const struct eo_table_store *store, uint32_t file)
{
	return store->unwind_files[file].state;
}

void eo_table_store_refuse_file(struct eo_table_store *store, uint32_t file)
{
	__atomic_store_n(&store->unwind_files[file].state, EO_UNWIND_FILE_NONE, __ATOMIC_RELEASE);
}

static int make_chunk(struct eo_table_store *store, uint32_t number)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	EO_AUTO_CLOSE int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "unwind_rows", sizeof(uint32_t), CHUNK_BYTES, 1, &opts);

	if (fd < 0 || bpf_map_update_elem(store->chunks_fd, &number, &fd, BPF_ANY) < 0)
		return -errno;
	store->chunks[number] = eo_steal_fd(&fd);
	store->chunk_count++;
	return 0;
}

static void close_chunk(struct eo_table_store *store)
{
	unmap(store->rows, CHUNK_BYTES);
	store->rows = NULL;
}

/* The rows of chunk @number, to be written; NULL when they cannot be mapped. */
static struct eo_unwind_row *open_chunk(struct eo_table_store *store, uint32_t number)
{
	void *memory;

	if (store->rows && store->rows_chunk == number)
		return store->rows;
	close_chunk(store);
	memory = mmap(NULL, CHUNK_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, store->chunks[number], 0);
	store->rows = memory == MAP_FAILED ? NULL : memory;
	store->rows_chunk = number;
	return store->rows;
}

static void drop_empty_chunk(struct eo_table_store *store, uint32_t number)
{
	if (store->chunks[number] < 0 ||
	    !eo_range_pool_is_free(&store->blocks, number * CHUNK_BLOCKS, CHUNK_BLOCKS))
		return;
	bpf_map_delete_elem(store->chunks_fd, &number);
	close(store->chunks[number]);
	store->chunks[number] = -1;
	store->chunk_count--;
}

/* What @file owns becomes free; nobody may be reading it. */
static void release_file(struct eo_table_store *store, struct file *file)
{
	for (uint32_t i = 0; i < file->run_count; i++) {
		eo_range_pool_give(&store->blocks, file->runs[i].first, file->runs[i].count);
		drop_empty_chunk(store, file->runs[i].first / CHUNK_BLOCKS);
	}
	free(file->runs);
	if (file->directory.count)
		eo_range_pool_give(&store->pages, file->directory.first, file->directory.count);
	*file = (struct file){0};
}

static bool take_blocks(struct eo_table_store *store, struct file *file, uint32_t count)
{
	struct run *runs = reallocarray(file->runs, file->run_count + 1, sizeof(*runs));
	struct run run = {.count = count};
	uint32_t chunk;

	if (!runs)
		return false;
	file->runs = runs;
	if (!eo_range_pool_take(&store->blocks, count, &run.first))
		return false;
	chunk = run.first / CHUNK_BLOCKS;
	if (store->chunks[chunk] < 0 && make_chunk(store, chunk) < 0) {
		eo_range_pool_give(&store->blocks, run.first, run.count);
		return false;
	}
	file->runs[file->run_count++] = run;
	return true;
}

/* Copy the rows into blocks of our own and the pages into the directory. No page is divided. */
static bool place(struct eo_table_store *store, struct file *file, const struct eo_packed_table *table)
{
	uint32_t at = 0, left = 0; /* rows: the next free one, and how many follow in its run */

	file->directory.count = table->page_count;
	if (!eo_range_pool_take(&store->pages, table->page_count, &file->directory.first)) {
		file->directory.count = 0;
		return false;
	}
	for (uint32_t i = 0; i < table->page_count; i++) {
		const struct eo_packed_page *page = &table->pages[i];
		struct eo_unwind_page *entry = &store->directory[file->directory.first + i];
		struct eo_unwind_row *rows;
		uint32_t chunk, row;

		if (page->count > left) {
			uint32_t blocks = (table->row_count - page->first + BLOCK_ROWS - 1) / BLOCK_ROWS;
			uint32_t least = (page->count + BLOCK_ROWS - 1) / BLOCK_ROWS;

			/* One run for all that is left, else the best that is to be had. */
			blocks = blocks > CHUNK_BLOCKS ? CHUNK_BLOCKS : blocks;
			while (!take_blocks(store, file, blocks)) {
				if (blocks == least)
					return false;
				blocks = blocks / 2 < least ? least : blocks / 2;
			}
			at = file->runs[file->run_count - 1].first * BLOCK_ROWS;
			left = blocks * BLOCK_ROWS;
		}
		chunk = at / EO_UNWIND_CHUNK_ROWS;
		row = at % EO_UNWIND_CHUNK_ROWS;
		rows = open_chunk(store, chunk);
		if (!rows)
			return false;
		memcpy(rows + row, table->rows + page->first, page->count * sizeof(*table->rows));
		*entry = (struct eo_unwind_page){.first = chunk << 16 | row, .count = page->count};
		at += page->count;
		left -= page->count;
	}
	return true;
}

/* The loaded file that was not used for longest, but none that was used a moment ago: two that do
 * not fit together would chase each other. NO_FILE when there is none. */
static uint32_t oldest_file(const struct eo_table_store *store)
{
	uint32_t now = *store->tick, oldest = EO_UNWIND_NO_FILE, age = 2;

	for (uint32_t i = 0; i < store->file_count; i++) {
		const struct eo_unwind_file *file = &store->unwind_files[i];

		if (file->state != EO_UNWIND_FILE_LOADED || now - file->used <= age)
			continue;
		oldest = i;
		age = now - file->used;
	}
	return oldest;
}

static uint32_t blocks_of(const struct file *file)
{
	uint32_t blocks = 0;

	for (uint32_t i = 0; i < file->run_count; i++)
		blocks += file->runs[i].count;
	return blocks;
}

/* Throw out files until @table may fit, and as much again, so that it seldom happens: each time
 * costs a grace period of some ms. Returns false when nothing could be thrown out. */
static bool make_space(struct eo_table_store *store, const struct eo_packed_table *table)
{
	uint32_t wanted = 2 * (table->row_count / BLOCK_ROWS + 1), wanted_pages = table->page_count;
	uint32_t gone[64], count = 0, blocks = 0, pages = 0;

	while (count < EO_ARRAY_SIZE(gone) && (blocks < wanted || pages < wanted_pages)) {
		uint32_t oldest = oldest_file(store);

		if (oldest == EO_UNWIND_NO_FILE)
			break;
		__atomic_store_n(&store->unwind_files[oldest].state, EO_UNWIND_FILE_ABSENT, __ATOMIC_RELEASE);
		blocks += blocks_of(&store->files[oldest]);
		pages += store->files[oldest].directory.count;
		gone[count++] = oldest;
	}
	if (count == 0)
		return false;
	eo_grace_wait();
	for (uint32_t i = 0; i < count; i++)
		release_file(store, &store->files[gone[i]]);
	store->stats.files_loaded -= count;
	store->stats.files_evicted += count;
	return true;
}

int eo_table_store_load_file(struct eo_table_store *store, uint32_t number, const struct eo_packed_table *table)
{
	struct eo_unwind_file *entry = &store->unwind_files[number];
	struct file *file = &store->files[number];
	bool placed;

	if (entry->state == EO_UNWIND_FILE_LOADED)
		return 0;
	if (!table->page_count) {
		eo_table_store_refuse_file(store, number);
		return 0;
	}
	for (;;) {
		placed = place(store, file, table);
		close_chunk(store);
		if (placed)
			break;
		release_file(store, file);
		if (!make_space(store, table)) {
			store->stats.files_refused++;
			return -ENOSPC;
		}
	}
	entry->first_page = table->first_page;
	entry->pages = table->page_count;
	entry->directory = file->directory.first;
	entry->used = *store->tick;
	__atomic_store_n(&entry->state, EO_UNWIND_FILE_LOADED, __ATOMIC_RELEASE);
	store->stats.files_loaded++;
	return 0;
}

/* ---- processes ---- */

static uint32_t process_hash(uint32_t tgid)
{
	return tgid * 0x9e3779b1u; /* the kernel hands out the numbers, nobody can aim */
}

static struct process *find_process(const struct eo_table_store *store, uint32_t tgid)
{
	uint32_t cursor = 0, i;

	while ((i = eo_index_next(&store->process_index, process_hash(tgid), &cursor)) != EO_INDEX_NONE)
		if (store->processes[i].tgid == tgid)
			return &store->processes[i];
	return NULL;
}

/* Runs that no program can be looking at any more become free. */
static void empty_limbo(struct eo_table_store *store, bool all)
{
	uint64_t now_ns = eo_clock_monotonic_ns();
	uint32_t done = 0;

	if (all && store->limbo_count)
		eo_grace_wait();
	while (done < store->limbo_count && (all || now_ns - store->limbo[done].since_ns >= LIMBO_NS)) {
		eo_range_pool_give(&store->mapping_pool, store->limbo[done].run.first, store->limbo[done].run.count);
		done++;
	}
	store->limbo_count -= done;
	memmove(store->limbo, store->limbo + done, store->limbo_count * sizeof(*store->limbo));
}

static void give_mappings(struct eo_table_store *store, struct run run)
{
	if (!run.count)
		return;
	if (store->limbo_count == LIMBO_MAX)
		empty_limbo(store, true);
	store->limbo[store->limbo_count++] = (struct limbo){run, eo_clock_monotonic_ns()};
}

static void forget(struct eo_table_store *store, struct process *process)
{
	uint32_t i = (uint32_t)(process - store->processes), last = store->process_count - 1;

	bpf_map_delete_elem(store->processes_fd, &process->tgid);
	give_mappings(store, process->mappings);
	eo_index_remove(&store->process_index, process_hash(process->tgid), i);
	if (i != last) {
		uint32_t hash = process_hash(store->processes[last].tgid);

		eo_index_remove(&store->process_index, hash, last);
		eo_index_add(&store->process_index, hash, i); /* as many as before: cannot fail */
		*process = store->processes[last];
	}
	store->process_count = last;
}

/* Those that are still sampled will be asked for again. */
static void forget_all(struct eo_table_store *store)
{
	while (store->process_count)
		forget(store, &store->processes[store->process_count - 1]);
	empty_limbo(store, true);
	store->stats.resets++;
}

void eo_table_store_clear(struct eo_table_store *store)
{
	forget_all(store);
	eo_grace_wait(); /* nobody looks at any file now */
	for (uint32_t i = 0; i < store->file_count; i++) {
		if (store->unwind_files[i].state == EO_UNWIND_FILE_LOADED)
			store->stats.files_evicted++;
		store->unwind_files[i] = (struct eo_unwind_file){.state = EO_UNWIND_FILE_ABSENT};
		release_file(store, &store->files[i]);
	}
	store->stats.files_loaded = 0;
	store->file_count = 0;
}

static bool take_mappings(struct eo_table_store *store, uint32_t count, uint32_t *ret)
{
	empty_limbo(store, false);
	if (eo_range_pool_take(&store->mapping_pool, count, ret))
		return true;
	empty_limbo(store, true);
	if (eo_range_pool_take(&store->mapping_pool, count, ret))
		return true;
	forget_all(store);
	return eo_range_pool_take(&store->mapping_pool, count, ret);
}

int eo_table_store_set_process(struct eo_table_store *store, uint32_t tgid,
			       const struct eo_unwind_mapping *mappings, uint32_t count)
{
	struct process *process = find_process(store, tgid);
	struct eo_unwind_process value = {.count = count};
	struct run old = {0};

	if (process && process->mappings.count == count &&
	    (!count || memcmp(store->mappings + process->mappings.first, mappings, count * sizeof(*mappings)) == 0)) {
		/* An exec or a fork has taken it out of the map, if the program was another one then. */
		value.first = process->mappings.first;
		return bpf_map_update_elem(store->processes_fd, &tgid, &value, BPF_ANY) < 0 ? -errno : 0;
	}
	if (!process && store->process_count == PROCESSES)
		forget_all(store);
	if (count && !take_mappings(store, count, &value.first))
		return -ENOSPC;
	process = find_process(store, tgid); /* may have been forgotten for room */
	if (!process) {
		if (eo_index_add(&store->process_index, process_hash(tgid), store->process_count) < 0) {
			if (count)
				eo_range_pool_give(&store->mapping_pool, value.first, count);
			return -ENOMEM;
		}
		process = &store->processes[store->process_count++];
		*process = (struct process){.tgid = tgid};
	}
	if (count)
		memcpy(store->mappings + value.first, mappings, count * sizeof(*mappings));
	old = process->mappings;
	process->mappings = (struct run){value.first, count};
	if (bpf_map_update_elem(store->processes_fd, &tgid, &value, BPF_ANY) < 0) {
		int r = -errno;

		give_mappings(store, old);
		forget(store, process);
		return r;
	}
	give_mappings(store, old);
	return 0;
}

void eo_table_store_drop_process(struct eo_table_store *store, uint32_t tgid)
{
	struct process *process = find_process(store, tgid);

	if (process)
		forget(store, process);
}

bool eo_table_store_has_process(const struct eo_table_store *store, uint32_t tgid)
{
	return find_process(store, tgid) != NULL;
}

void eo_table_store_tick(struct eo_table_store *store)
{
	++*store->tick;
}

struct eo_table_store_stats eo_table_store_stats(const struct eo_table_store *store)
{
	struct eo_table_store_stats stats = store->stats;

	stats.processes = store->process_count;
	stats.rules = store->dictionary.count;
	stats.rows_bytes = (uint64_t)store->chunk_count * CHUNK_BYTES;
	return stats;
}
