// SPDX-License-Identifier: BSD-2-Clause
#include "capture/sideband.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "capture/cpus.h"
#include "capture/privileges.h"
#include "core/array.h"
#include "core/clock.h"

/* Room for some 2,000 mmap records a CPU, that is 100 programs starting between two pumps. Below the
 * 516 KB a CPU that perf_event_mlock_kb grants without CAP_IPC_LOCK. */
#define RING_BYTES (256u * 1024)

/* Longest record: the kernel's limit of 64 KB. */
#define RECORD_MAX 65536u

struct cpu_ring {
	uint32_t cpu;
	int fd;
	struct perf_event_mmap_page *page; /* RING_BYTES of data follow at page->data_offset */
	uint64_t last_ns; /* of the last record that was taken out; before any, of the beginning */
	bool suspect;	  /* it was full, and has not said since whether something was lost */
};

/* A ring with less room than this may have had none for a record: ours hold a path of at most 4 KB.
 * That something was lost is told with the next record that finds room, which may be long after. */
#define FULL_ROOM 8192u

/* A record copied out of its ring, in the arena at @offset. */
struct news {
	uint64_t ktime_ns;
	size_t offset;
};

struct eo_sideband {
	struct eo_processes *processes;
	struct cpu_ring *rings;
	size_t ring_count;
	struct news *news;
	size_t news_count, news_size;
	unsigned char *arena;
	size_t arena_used, arena_size;
	uint64_t lost;
	size_t page_bytes;
	int epoll_fd; /* over the rings */
};

/* What sample_id_all appends to each record for PERF_SAMPLE_TID | PERF_SAMPLE_TIME. */
struct sample_id {
	uint32_t pid, tid;
	uint64_t time;
};

struct mmap2_record {
	struct perf_event_header header;
	uint32_t pid, tid;
	uint64_t addr, len, pgoff;
	uint32_t maj, min;
	uint64_t ino, ino_generation;
	uint32_t prot, flags;
	char filename[];
};

struct comm_record {
	struct perf_event_header header;
	uint32_t pid, tid;
	char comm[];
};

struct task_record { /* FORK and EXIT */
	struct perf_event_header header;
	uint32_t pid, ppid, tid, ptid;
	uint64_t time;
};

struct lost_record {
	struct perf_event_header header;
	uint64_t id, lost;
};

int eo_sideband_new(struct eo_processes *processes, struct eo_sideband **ret, struct eo_error *err)
{
	EO_AUTO(eo_sideband) sideband = calloc(1, sizeof(*sideband));

	if (!sideband)
		return eo_error_set(err, EO_ERROR_ATTACH_FAILED, ENOMEM, NULL, "allocate mapping events");
	sideband->processes = processes;
	sideband->page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	sideband->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (sideband->epoll_fd < 0)
		return eo_error_set(err, EO_ERROR_ATTACH_FAILED, errno, NULL, "create epoll for mapping events");
	*ret = eo_steal(&sideband);
	return 0;
}

static void close_ring(const struct eo_sideband *sideband, struct cpu_ring *ring)
{
	munmap(ring->page, sideband->page_bytes + RING_BYTES);
	close(ring->fd); /* which takes it out of the epoll too */
}

void eo_sideband_free(struct eo_sideband *sideband)
{
	if (!sideband)
		return;
	for (size_t i = 0; i < sideband->ring_count; i++)
		close_ring(sideband, &sideband->rings[i]);
	if (sideband->epoll_fd >= 0)
		close(sideband->epoll_fd);
	free(sideband->rings);
	free(sideband->news);
	free(sideband->arena);
	free(sideband);
}

static int open_news(uint32_t cpu)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_DUMMY,
		.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME,
		.mmap = 1,
		.mmap2 = 1,
		.comm = 1,
		.comm_exec = 1,
		.task = 1,
		.sample_id_all = 1,
		.exclude_kernel = 1,
		.exclude_hv = 1,
		.use_clockid = 1,
		.clockid = CLOCK_MONOTONIC, /* that of bpf_ktime_get_ns() */
		/* A reader that sleeps until the ring is half full comes too late for programs that
		 * live 20 ms; the caller's pump decides how often it really looks. */
		.watermark = 1,
		.wakeup_watermark = 1,
	};

	return (int)syscall(SYS_perf_event_open, &attr, -1, (int)cpu, -1, PERF_FLAG_FD_CLOEXEC);
}

static int add(struct eo_sideband *sideband, uint32_t cpu, struct eo_error *err)
{
	struct epoll_event event = {.events = EPOLLIN};
	EO_AUTO_CLOSE int fd = open_news(cpu);
	struct cpu_ring *rings;
	void *page;

	if (fd < 0 && (errno == ENODEV || errno == ENXIO))
		return 0; /* offline since the list was read */
	if (fd < 0)
		return eo_error_set(err, eo_error_kind_of(errno, EO_ERROR_ATTACH_FAILED), errno,
				    errno == EMFILE ? "raise the limit of open files: ulimit -n" : EO_HINT_PRIVILEGES,
				    "open mapping events of CPU %u", cpu);
	rings = reallocarray(sideband->rings, sideband->ring_count + 1, sizeof(*rings));
	if (!rings)
		return eo_error_set(err, EO_ERROR_ATTACH_FAILED, ENOMEM, NULL, "open mapping events of CPU %u", cpu);
	sideband->rings = rings;
	page = mmap(NULL, sideband->page_bytes + RING_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		return eo_error_set(err, eo_error_kind_of(errno, EO_ERROR_ATTACH_FAILED), errno,
				    "raise the sysctl kernel.perf_event_mlock_kb, or grant CAP_IPC_LOCK",
				    "map the ring of mapping events of CPU %u", cpu);
	if (epoll_ctl(sideband->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
		munmap(page, sideband->page_bytes + RING_BYTES);
		return eo_error_set(err, EO_ERROR_ATTACH_FAILED, errno, NULL, "poll mapping events of CPU %u", cpu);
	}
	sideband->rings[sideband->ring_count++] =
		(struct cpu_ring){.cpu = cpu, .fd = eo_steal_fd(&fd), .page = page,
				  .last_ns = eo_clock_monotonic_ns()};
	return 0;
}

int eo_sideband_cover(struct eo_sideband *sideband, const uint32_t *cpus, size_t cpu_count,
		      struct eo_error *err)
{
	size_t kept = 0;
	int r = 0;

	for (size_t i = 0; i < sideband->ring_count; i++) {
		if (eo_cpus_contain(cpus, cpu_count, sideband->rings[i].cpu))
			sideband->rings[kept++] = sideband->rings[i];
		else
			close_ring(sideband, &sideband->rings[i]);
	}
	sideband->ring_count = kept;
	for (size_t k = 0; k < cpu_count && r == 0; k++) {
		bool there = false;

		for (size_t i = 0; i < kept && !there; i++)
			there = sideband->rings[i].cpu == cpus[k];
		if (!there)
			r = add(sideband, cpus[k], err);
	}
	return r;
}

int eo_sideband_fd(const struct eo_sideband *sideband)
{
	return sideband->epoll_fd;
}

/* Copy @len bytes at stream position @pos, which may wrap around the end of the ring. */
static void copy_out(const unsigned char *data, uint64_t pos, void *to, size_t len)
{
	size_t at = pos & (RING_BYTES - 1), head = RING_BYTES - at < len ? RING_BYTES - at : len;

	memcpy(to, data + at, head);
	memcpy((unsigned char *)to + head, data, len - head);
}

/* LOST and the like carry the trailer too, so every record's time stands in its last 8 bytes. */
static uint64_t record_time(const unsigned char *record, size_t size)
{
	uint64_t ktime_ns;

	memcpy(&ktime_ns, record + size - sizeof(ktime_ns), sizeof(ktime_ns));
	return ktime_ns;
}

/* Take the records up to @until out of one ring. */
static int collect(struct eo_sideband *sideband, struct cpu_ring *ring, uint64_t until)
{
	const unsigned char *data = (const unsigned char *)ring->page + sideband->page_bytes;
	uint64_t head = __atomic_load_n(&ring->page->data_head, __ATOMIC_ACQUIRE);
	uint64_t tail = ring->page->data_tail;
	bool was_full = head - tail > RING_BYTES - FULL_ROOM, is_silent = head == tail;
	int r = 0;

	while (tail < head) {
		struct perf_event_header header;
		struct news *news;

		copy_out(data, tail, &header, sizeof(header));
		if (header.size < sizeof(header) + sizeof(struct sample_id) || header.size > head - tail) {
			tail = head; /* cannot be, and nothing behind it could be trusted */
			break;
		}
		if (!EO_ARRAY_RESERVE(sideband->arena, sideband->arena_used + RECORD_MAX,
				      sideband->arena_size, 65536) ||
		    !EO_ARRAY_RESERVE(sideband->news, sideband->news_count + 1, sideband->news_size, 1024)) {
			r = -ENOMEM;
			break;
		}
		copy_out(data, tail, sideband->arena + sideband->arena_used, header.size);
		news = &sideband->news[sideband->news_count];
		news->offset = sideband->arena_used;
		news->ktime_ns = record_time(sideband->arena + news->offset, header.size);
		if (news->ktime_ns > until)
			break;
		if (header.type == PERF_RECORD_LOST)
			eo_processes_doubt(sideband->processes, ring->last_ns, news->ktime_ns);
		ring->last_ns = news->ktime_ns;
		sideband->news_count++;
		sideband->arena_used += (header.size + 7u) & ~7u;
		tail += header.size;
	}
	ring->suspect = was_full || (ring->suspect && is_silent);
	if (ring->suspect)
		eo_processes_doubt(sideband->processes, ring->last_ns, until);
	__atomic_store_n(&ring->page->data_tail, tail, __ATOMIC_RELEASE);
	return r;
}

static void apply_mmap(struct eo_sideband *sideband, const struct mmap2_record *record, uint64_t ktime_ns)
{
	size_t text = record->header.size - sizeof(*record) - sizeof(struct sample_id);
	struct eo_vma vma = {
		.start = record->addr,
		.end = record->addr + record->len,
		.offset = record->pgoff,
		.inode = record->ino,
		.path = record->filename,
	};

	if (record->header.size <= sizeof(*record) + sizeof(struct sample_id) ||
	    !memchr(record->filename, '\0', text) || vma.end <= vma.start)
		return;
	eo_processes_mmap(sideband->processes, record->pid, &vma, ktime_ns);
}

static void apply(struct eo_sideband *sideband, const struct news *news)
{
	const void *record = sideband->arena + news->offset;
	const struct perf_event_header *header = record;
	const struct task_record *task = record;
	const struct comm_record *comm = record;

	switch (header->type) {
	case PERF_RECORD_MMAP2:
		apply_mmap(sideband, record, news->ktime_ns);
		break;
	case PERF_RECORD_COMM:
		if (header->misc & PERF_RECORD_MISC_COMM_EXEC)
			eo_processes_exec(sideband->processes, comm->pid, news->ktime_ns);
		break;
	case PERF_RECORD_FORK:
		if (task->pid != task->ppid) /* else a thread */
			eo_processes_fork(sideband->processes, task->ppid, task->pid, news->ktime_ns);
		break;
	case PERF_RECORD_EXIT:
		eo_processes_exit(sideband->processes, task->pid, task->tid, news->ktime_ns);
		break;
	case PERF_RECORD_LOST:
		sideband->lost += ((const struct lost_record *)record)->lost;
		break;
	}
}

static int by_time(const void *a, const void *b)
{
	const struct news *x = a, *y = b;

	if (x->ktime_ns != y->ktime_ns)
		return x->ktime_ns < y->ktime_ns ? -1 : 1;
	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

int eo_sideband_apply(struct eo_sideband *sideband, uint64_t ktime_ns)
{
	int r = 0;

	sideband->news_count = 0;
	sideband->arena_used = 0;
	for (size_t i = 0; i < sideband->ring_count && r == 0; i++)
		r = collect(sideband, &sideband->rings[i], ktime_ns);
	if (sideband->news_count > 1)
		qsort(sideband->news, sideband->news_count, sizeof(*sideband->news), by_time);
	for (size_t i = 0; i < sideband->news_count; i++)
		apply(sideband, &sideband->news[i]);
	return r;
}

uint64_t eo_sideband_lost(const struct eo_sideband *sideband)
{
	return sideband->lost;
}

uint64_t eo_sideband_bytes(const struct eo_sideband *sideband)
{
	return sideband->ring_count * (RING_BYTES + sideband->page_bytes);
}
