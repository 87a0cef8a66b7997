/* SPDX-License-Identifier: BSD-2-Clause */
#include "symbol/process.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/array.h"
#include "core/clock.h"
#include "core/hash.h"
#include "core/index.h"
#include "core/process_stat.h"
#include "symbol/process_maps.h"
#include "symbol/process_past.h"
#include "symbol/vma_set.h"

/* Garbage addresses, which frame pointers give plenty of, must not have a process read again and
 * again: each fruitless reading doubles the wait for the next, up to 64 s. */
#define RESCAN_NS EO_NS_PER_SEC
#define RESCAN_SHIFT_MAX 6

/* Events between the last known one and the reading of a process come after it. That they change
 * nothing about its mappings does not mean that it was the same program all the time. */
enum ahead {
	AHEAD_NOT, /* was not read since its last event */
	AHEAD_SAME, /* and seems to be what it was before */
	AHEAD_OTHER, /* and is another program, or was seen for the first time */
};

struct process {
	uint32_t tgid;
	uint8_t rescan_shift;
	bool changed;	     /* noted for eo_processes_changes() */
	bool absent;	     /* only remembers that there was nothing to read */
	bool headless;	     /* its main thread has ended, others have not */
	uint64_t since_ns;   /* older events change nothing */
	uint64_t known_ns;   /* its program was surely this one then */
	uint64_t begun_ns;   /* before that its number was another's; 0: nobody knows */
	uint64_t before_ns;  /* since_ns before it was read */
	uint64_t read_ns;    /* when that was done; 0: it was not */
	enum ahead ahead;
	uint64_t tried_ns;   /* last attempt to read it */
	uint64_t ended_ns;   /* 0: alive */
	uint64_t generation; /* 0: absent */
	struct eo_vma_set *vmas;
};

struct eo_processes {
	struct process *list;
	uint32_t count, room;
	size_t absent;
	struct eo_index index;
	struct eo_vma_parts *parts;
	uint64_t seed, last_generation;
	struct eo_vma found; /* what find() returns */
	uint32_t *changed;   /* tgids; NULL until somebody wants to know */
	uint32_t changed_count, changed_room;
	struct eo_process_past past;
	uint64_t as_of_ns; /* 0: now */
	uint64_t doubt_from_ns, doubt_until_ns; /* of the first and the last lost events */
};

int eo_processes_new(struct eo_processes **ret, struct eo_error *err)
{
	EO_AUTO(eo_processes) p = calloc(1, sizeof(*p));

	if (p)
		p->parts = eo_vma_parts_new();
	if (!p || !p->parts)
		return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, ENOMEM, NULL,
				    "allocate the table of processes");
	p->seed = eo_hash_seed();
	*ret = eo_steal(&p);
	return 0;
}

void eo_processes_free(struct eo_processes *p)
{
	if (!p)
		return;
	for (uint32_t i = 0; i < p->count; i++)
		eo_vma_set_drop(p->parts, p->list[i].vmas);
	eo_process_past_fini(&p->past, p->parts);
	eo_vma_parts_free(p->parts);
	eo_index_fini(&p->index);
	free(p->list);
	free(p->changed);
	free(p);
}

static uint32_t hash(const struct eo_processes *p, uint32_t tgid)
{
	uint64_t word = tgid;

	return eo_hash_words(p->seed, &word, 1);
}

static struct process *lookup(const struct eo_processes *p, uint32_t tgid)
{
	uint32_t h = hash(p, tgid), cursor = 0, i;

	while ((i = eo_index_next(&p->index, h, &cursor)) != EO_INDEX_NONE)
		if (p->list[i].tgid == tgid)
			return &p->list[i];
	return NULL;
}

/* The record of @tgid, a new absent one if need be; NULL when memory is out. */
static struct process *obtain(struct eo_processes *p, uint32_t tgid)
{
	struct process *process = lookup(p, tgid);

	if (process)
		return process;
	if (!EO_ARRAY_RESERVE(p->list, p->count + 1, p->room, 64))
		return NULL;
	if (eo_index_add(&p->index, hash(p, tgid), p->count) < 0)
		return NULL;
	process = &p->list[p->count++];
	*process = (struct process){.tgid = tgid, .absent = true};
	p->absent++;
	return process;
}

/* Out of memory, a change goes unnoticed; the next miss of the process makes up for it. */
static void note_change(struct eo_processes *p, struct process *process)
{
	if (!p->changed || process->changed)
		return;
	if (!EO_ARRAY_RESERVE(p->changed, p->changed_count + 1, p->changed_room, 64))
		return;
	process->changed = true;
	p->changed[p->changed_count++] = process->tgid;
}

void eo_processes_changes(struct eo_processes *p, eo_process_fn fn, void *ctx)
{
	if (!p->changed) {
		p->changed_room = 64;
		p->changed = calloc(p->changed_room, sizeof(*p->changed));
		return;
	}
	for (uint32_t i = 0; i < p->changed_count; i++) {
		struct process *process = lookup(p, p->changed[i]);

		if (process)
			process->changed = false;
		fn(ctx, p->changed[i]);
	}
	p->changed_count = 0;
}

bool eo_processes_each_vma(const struct eo_processes *p, uint32_t tgid, eo_vma_fn fn, void *ctx)
{
	const struct process *process = lookup(p, tgid);

	if (!process || process->absent)
		return false;
	for (size_t i = 0; i < eo_vma_set_count(process->vmas); i++) {
		struct eo_vma vma = eo_vma_set_at(p->parts, process->vmas, i);

		fn(ctx, &vma);
	}
	return true;
}

/* ---- the past ---- */

/* The mappings of @process are those of the past from now on. */
static void make_past(struct eo_processes *p, struct process *process, uint64_t until_ns)
{
	const struct eo_past_program program = {
		.tgid = process->tgid,
		.begun_ns = process->begun_ns,
		.until_ns = until_ns,
		.known_ns = process->known_ns,
		.generation = process->generation,
		.vmas = process->vmas,
	};

	process->vmas = NULL;
	eo_process_past_add(&p->past, p->parts, &program);
}

void eo_processes_as_of(struct eo_processes *p, uint64_t ktime_ns)
{
	p->as_of_ns = ktime_ns;
}

static bool is_present(const struct eo_processes *p, const struct process *process)
{
	return process && (!p->as_of_ns || process->begun_ns <= p->as_of_ns);
}

void eo_processes_doubt(struct eo_processes *p, uint64_t from_ns, uint64_t until_ns)
{
	if (!p->doubt_until_ns || from_ns < p->doubt_from_ns)
		p->doubt_from_ns = from_ns;
	if (until_ns > p->doubt_until_ns)
		p->doubt_until_ns = until_ns;
}

static bool is_doubtful(const struct eo_processes *p, uint64_t known_ns)
{
	return known_ns < p->doubt_until_ns && (!p->as_of_ns || p->as_of_ns > p->doubt_from_ns);
}

/* An exec or a fork from before @process was read: what was read began then, or later. */
static void catch_up(struct eo_processes *p, struct process *process, uint64_t ktime_ns)
{
	struct process former = *process;

	if (process->ahead == AHEAD_NOT || ktime_ns < process->before_ns)
		return;
	process->begun_ns = ktime_ns;
	if (process->ahead == AHEAD_SAME) {
		former.vmas = eo_vma_set_share(process->vmas);
		make_past(p, &former, ktime_ns);
		process->generation = ++p->last_generation;
		process->ahead = AHEAD_OTHER;
		return;
	}
	eo_process_past_shorten(&p->past, process->tgid, ktime_ns);
}

static void forget(struct eo_processes *p, struct process *process)
{
	uint32_t i = (uint32_t)(process - p->list), last = p->count - 1;

	note_change(p, process);
	eo_vma_set_drop(p->parts, process->vmas);
	p->absent -= process->absent;
	eo_index_remove(&p->index, hash(p, process->tgid), i);
	if (i != last) {
		uint32_t h = hash(p, p->list[last].tgid);

		eo_index_remove(&p->index, h, last);
		eo_index_add(&p->index, h, i); /* it held one more before: no growth, no failure */
		*process = p->list[last];
	}
	p->count = last;
}

/* Another program, or another process, has this number from now on. */
static void begin(struct eo_processes *p, struct process *process, uint64_t ktime_ns)
{
	note_change(p, process);
	make_past(p, process, ktime_ns);
	p->absent -= process->absent;
	*process = (struct process){
		.tgid = process->tgid,
		.changed = process->changed,
		.since_ns = ktime_ns,
		.known_ns = ktime_ns,
		.begun_ns = ktime_ns,
		.generation = ++p->last_generation,
	};
}

/* The same by an event. Had it come while the process was being read, then nobody knows whose the
 * mappings are that were read. */
static void begin_by_event(struct eo_processes *p, struct process *process, uint64_t ktime_ns)
{
	if (ktime_ns <= process->read_ns) {
		eo_process_past_shorten(&p->past, process->tgid, ktime_ns);
		eo_vma_set_drop(p->parts, process->vmas);
		process->vmas = NULL;
	}
	begin(p, process, ktime_ns);
}

/* When the process of now has surely had this number; 0: nobody knows. */
static uint64_t surely_began_ns(uint32_t tgid)
{
	struct eo_process_stat stat;

	if (eo_process_stat_read(tgid, &stat) < 0)
		return 0;
	return eo_process_stat_began_ns(&stat) + eo_process_stat_tick_ns();
}

static int scan_process(struct eo_processes *p, uint32_t tgid)
{
	struct eo_process_maps scan;
	uint64_t now_ns = eo_clock_monotonic_ns(), read_ns; /* before reading: see process.h */
	struct process *process, was;
	int r;

	r = eo_process_maps_read(p->parts, tgid, &scan);
	read_ns = eo_clock_monotonic_ns();
	process = obtain(p, tgid);
	if (!process)
		r = -ENOMEM;
	if (process)
		process->tried_ns = now_ns;
	if (r == -ESRCH && !process->absent && !process->ended_ns)
		process->ended_ns = now_ns; /* its exit event was lost */
	/* A process on its way out has no mappings any more, but its late samples need them. */
	if (r < 0 || (!scan.any && !process->absent)) {
		eo_vma_set_drop(p->parts, scan.vmas);
		return r;
	}

	/* Without its events an exec or a new owner of the number shows in this alone. */
	was = *process;
	if (was.absent || was.ended_ns || !eo_vma_set_overlap(was.vmas, scan.vmas)) {
		begin(p, process, read_ns);
		process->begun_ns = read_ns;
		if (was.absent) /* with all events it were known if it had not been there before them */
			process->begun_ns = p->doubt_until_ns ? surely_began_ns(tgid) : 0;
		process->ahead = AHEAD_OTHER;
	} else if (was.ahead == AHEAD_NOT) {
		process->ahead = AHEAD_SAME;
	}
	process->before_ns = was.ahead == AHEAD_NOT ? was.since_ns : was.before_ns;
	process->read_ns = read_ns;
	process->tried_ns = now_ns;
	process->since_ns = process->known_ns = now_ns;
	process->headless = scan.headless;
	if (eo_vma_set_equal(process->vmas, scan.vmas)) {
		eo_vma_set_drop(p->parts, scan.vmas); /* keep what may be shared */
	} else {
		note_change(p, process);
		eo_vma_set_drop(p->parts, process->vmas);
		process->vmas = scan.vmas;
	}
	return 0;
}

int eo_processes_scan(struct eo_processes *p, uint32_t tgid)
{
	return scan_process(p, tgid);
}

/* Events of @process may have been lost. If it had begun already when it was last known, its
 * program is the same as then, unless the reading shows another one; else it may have had its
 * number from anybody. */
static int scan_doubtful(struct eo_processes *p, struct process *process)
{
	if (process->ended_ns)
		return -ESRCH;
	if (surely_began_ns(process->tgid) > process->known_ns)
		process->ended_ns = process->known_ns;
	return scan_process(p, process->tgid);
}

static bool parse_pid(const char *name, uint32_t *ret)
{
	uint32_t value = 0;

	if (*name < '1' || *name > '9')
		return false;
	for (; *name >= '0' && *name <= '9'; name++)
		if (__builtin_mul_overflow(value, 10u, &value) ||
		    __builtin_add_overflow(value, (uint32_t)(*name - '0'), &value))
			return false;
	*ret = value;
	return *name == '\0';
}

int eo_processes_scan_all(struct eo_processes *p)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int count = 0;

	if (!proc)
		return -errno;
	while ((entry = readdir(proc))) {
		uint32_t tgid;
		int r;

		if (!parse_pid(entry->d_name, &tgid))
			continue;
		r = scan_process(p, tgid);
		if (r == -ENOMEM) {
			closedir(proc);
			return r;
		}
		count += r == 0;
	}
	closedir(proc);
	return count;
}

/* The process that an event of @ktime_ns speaks of; NULL when the event is older than what is
 * known. An event behind the end belongs to a new process whose fork was lost. */
static struct process *subject(struct eo_processes *p, uint32_t tgid, uint64_t ktime_ns)
{
	struct process *process = obtain(p, tgid);

	if (!process || ktime_ns < process->since_ns)
		return NULL;
	if (process->absent || (process->ended_ns && ktime_ns > process->ended_ns)) {
		bool known = !process->absent;

		begin(p, process, ktime_ns);
		process->begun_ns = known ? ktime_ns : 0;
	}
	return process;
}

void eo_processes_mmap(struct eo_processes *p, uint32_t tgid, const struct eo_vma *vma,
		       uint64_t ktime_ns)
{
	struct process *process = subject(p, tgid, ktime_ns);

	if (!process)
		return;
	note_change(p, process);
	eo_vma_set_put(p->parts, &process->vmas, vma);
}

void eo_processes_exec(struct eo_processes *p, uint32_t tgid, uint64_t ktime_ns)
{
	struct process *process = subject(p, tgid, ktime_ns);

	if (process)
		begin_by_event(p, process, ktime_ns);
	else if ((process = lookup(p, tgid)))
		catch_up(p, process, ktime_ns);
}

struct parent {
	struct eo_vma_set *vmas;
	uint64_t known_ns;
};

/* Who had the number then: since it was read it may be another program's, or another process's. */
static bool find_parent(struct eo_processes *p, uint32_t tgid, uint64_t ktime_ns, struct parent *ret)
{
	const struct process *process = lookup(p, tgid);
	const struct eo_past_program *past;

	if (!process || process->absent)
		return false;
	*ret = (struct parent){process->vmas, process->known_ns};
	/* What was read may be of somebody later still, of whose beginning was not heard yet. */
	if (process->begun_ns <= ktime_ns &&
	    (ktime_ns >= process->since_ns || process->ahead != AHEAD_OTHER))
		return true;
	past = eo_process_past_find(&p->past, tgid, ktime_ns);
	if (past)
		*ret = (struct parent){past->vmas, past->known_ns};
	return past;
}

void eo_processes_fork(struct eo_processes *p, uint32_t parent_tgid, uint32_t child_tgid,
		       uint64_t ktime_ns)
{
	struct process *child;
	struct parent parent;
	struct eo_vma_set *vmas;

	if (parent_tgid == child_tgid) /* a thread */
		return;
	child = obtain(p, child_tgid);
	if (!child)
		return;
	if (ktime_ns < child->since_ns) {
		catch_up(p, child, ktime_ns);
		return;
	}
	if (!find_parent(p, parent_tgid, ktime_ns, &parent)) {
		make_past(p, child, ktime_ns);
		forget(p, child); /* whoever asks for it first has it read */
		return;
	}
	vmas = eo_vma_set_share(parent.vmas);
	begin_by_event(p, child, ktime_ns); /* which may forget some of the past */
	child->vmas = vmas;
	if (parent.known_ns < p->doubt_until_ns)
		child->known_ns = parent.known_ns;
}

void eo_processes_exit(struct eo_processes *p, uint32_t tgid, uint32_t tid, uint64_t ktime_ns)
{
	struct process *process = lookup(p, tgid);

	if (!process || process->absent || process->ended_ns || ktime_ns < process->since_ns ||
	    (tid != tgid && !process->headless))
		return;
	process->headless = eo_process_is_headless(tgid);
	if (!process->headless)
		process->ended_ns = ktime_ns ? ktime_ns : 1;
}

void eo_processes_reap(struct eo_processes *p, uint64_t ktime_ns)
{
	for (uint32_t i = p->count; i-- > 0;) {
		struct process *process = &p->list[i];
		uint64_t end_ns = process->absent ? process->tried_ns : process->ended_ns;

		if (end_ns && end_ns < ktime_ns)
			forget(p, process);
		/* The event of its last thread comes a moment before that thread is gone. */
		else if (process->headless && !end_ns && !eo_process_is_headless(process->tgid))
			process->ended_ns = eo_clock_monotonic_ns();
	}
	eo_process_past_reap(&p->past, p->parts, ktime_ns);
}

/* No mapping lies in the first pages or in the kernel's half; do not go and look. */
static bool is_plausible(uint64_t address)
{
	return address >= 4096 && address < 1ull << 57;
}

static bool may_scan(const struct process *process, uint64_t address)
{
	uint64_t now_ns;

	if (!process)
		return true;
	if (process->ended_ns || (!process->absent && !is_plausible(address)))
		return false;
	now_ns = eo_clock_monotonic_ns();
	return !process->tried_ns ||
	       now_ns - process->tried_ns >= RESCAN_NS << process->rescan_shift;
}

static const struct eo_vma *find_past(struct eo_processes *p, const struct eo_past_program *past,
				      uint64_t address)
{
	if (is_doubtful(p, past->known_ns))
		return NULL;
	return eo_vma_set_find(p->parts, past->vmas, address, &p->found) ? &p->found : NULL;
}

const struct eo_vma *eo_processes_find(struct eo_processes *p, uint32_t tgid, uint64_t address)
{
	struct process *process = lookup(p, tgid);
	const struct eo_past_program *past = eo_process_past_find(&p->past, tgid, p->as_of_ns);
	bool known = process && !process->absent;

	if (past)
		return find_past(p, past, address);
	if (known && is_doubtful(p, process->known_ns)) {
		if (scan_doubtful(p, process) < 0)
			return NULL;
		process = lookup(p, tgid);
	}
	if (known && !is_present(p, process))
		return NULL;
	if (known && eo_vma_set_find(p->parts, process->vmas, address, &p->found))
		return &p->found;
	if (!may_scan(process, address))
		return NULL;

	scan_process(p, tgid);
	process = lookup(p, tgid);
	if (!process || process->absent)
		return NULL;
	if (eo_vma_set_find(p->parts, process->vmas, address, &p->found)) {
		process->rescan_shift = 0;
		return &p->found;
	}
	if (known && process->rescan_shift < RESCAN_SHIFT_MAX)
		process->rescan_shift++;
	return NULL;
}

uint64_t eo_processes_generation(const struct eo_processes *p, uint32_t tgid)
{
	const struct process *process = lookup(p, tgid);
	const struct eo_past_program *past = eo_process_past_find(&p->past, tgid, p->as_of_ns);

	if (past)
		return past->generation;
	return is_present(p, process) ? process->generation : 0;
}

size_t eo_processes_count(const struct eo_processes *p)
{
	return p->count - p->absent;
}
