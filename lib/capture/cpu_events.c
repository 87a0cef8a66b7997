// SPDX-License-Identifier: BSD-2-Clause
#include "capture/cpu_events.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "capture/cpus.h"
#include "capture/privileges.h"
#include "core/clock.h"

struct cpu_event {
	uint32_t cpu;
	int fd; /* the link's: freed with it */
	struct bpf_link *link;
};

static const struct clock {
	const char *name;
	uint32_t type;
	uint64_t config;
} clocks[] = {
	{"cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES},
	{"cpu-clock", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK},
};

struct eo_cpu_events {
	struct bpf_program *program;
	uint32_t hz;
	const struct clock *clock; /* the first that this machine has; one for all CPUs */
	bool paused;
	struct cpu_event *events;
	size_t count;
};

int eo_cpu_events_new(struct bpf_program *program, uint32_t hz, struct eo_cpu_events **ret)
{
	struct eo_cpu_events *events = calloc(1, sizeof(*events));

	if (!events)
		return -ENOMEM;
	events->program = program;
	events->hz = hz;
	events->clock = clocks;
	*ret = events;
	return 0;
}

static void detach(struct cpu_event *event)
{
	bpf_link__destroy(event->link); /* closes the event too */
}

void eo_cpu_events_free(struct eo_cpu_events *events)
{
	if (!events)
		return;
	for (size_t i = 0; i < events->count; i++)
		detach(&events->events[i]);
	free(events->events);
	free(events);
}

static int open_clock(const struct clock *clock, uint32_t hz, uint32_t cpu)
{
	struct perf_event_attr attr = {
		.type = clock->type,
		.size = sizeof(attr),
		.config = clock->config,
		.disabled = 1, /* attaching enables it */
	};
	int fd;

	if (clock->type == PERF_TYPE_SOFTWARE) {
		/* A period in ns: the kernel would make the same of a frequency, but round it. */
		attr.sample_period = EO_NS_PER_SEC / hz;
	} else {
		attr.freq = 1;
		attr.sample_freq = hz;
	}
	fd = (int)syscall(SYS_perf_event_open, &attr, -1, (int)cpu, -1, PERF_FLAG_FD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Returns the descriptor; the machine's clock is settled by the first CPU. */
static int open_event(struct eo_cpu_events *events, uint32_t cpu)
{
	const struct clock *last = &clocks[EO_ARRAY_SIZE(clocks) - 1];
	int fd = open_clock(events->clock, events->hz, cpu);

	while (events->count == 0 && events->clock != last &&
	       (fd == -ENOENT || fd == -EOPNOTSUPP || fd == -EINVAL)) {
		events->clock++;
		fd = open_clock(events->clock, events->hz, cpu);
	}
	return fd;
}

static int add(struct eo_cpu_events *events, uint32_t cpu, struct eo_error *err)
{
	struct cpu_event *array = reallocarray(events->events, events->count + 1, sizeof(*array)), *event;
	int fd;

	if (!array)
		return eo_error_set(err, EO_ERROR_ATTACH_FAILED, ENOMEM, NULL, "open perf event on CPU %u", cpu);
	events->events = array;
	fd = open_event(events, cpu);
	if (fd == -ENODEV || fd == -ENXIO)
		return 0; /* offline since the list was read */
	if (fd < 0)
		return eo_error_set(err, eo_error_kind_of(-fd, EO_ERROR_ATTACH_FAILED), -fd,
				    fd == -EPERM || fd == -EACCES ? EO_HINT_PRIVILEGES :
				    fd == -EMFILE ? "raise the limit of open files: ulimit -n" : NULL,
				    "open perf event on CPU %u", cpu);
	event = &events->events[events->count];
	*event = (struct cpu_event){.cpu = cpu, .fd = fd};
	event->link = bpf_program__attach_perf_event(events->program, fd);
	if (!event->link) {
		int code = errno;

		close(fd);
		return eo_error_set(err, eo_error_kind_of(code, EO_ERROR_ATTACH_FAILED), code,
				    code == EPERM ? EO_HINT_PRIVILEGES : NULL,
				    "attach the sampler to CPU %u", cpu);
	}
	events->count++;
	if (events->paused)
		ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
	return 0;
}

int eo_cpu_events_cover(struct eo_cpu_events *events, const uint32_t *cpus, size_t cpu_count,
			struct eo_error *err)
{
	size_t kept = 0;
	int r = 0;

	for (size_t i = 0; i < events->count; i++) {
		if (eo_cpus_contain(cpus, cpu_count, events->events[i].cpu))
			events->events[kept++] = events->events[i];
		else
			detach(&events->events[i]);
	}
	events->count = kept;
	for (size_t k = 0; k < cpu_count && r == 0; k++) {
		bool there = false;

		for (size_t i = 0; i < kept && !there; i++)
			there = events->events[i].cpu == cpus[k];
		if (!there)
			r = add(events, cpus[k], err);
	}
	return r;
}

int eo_cpu_events_pause(struct eo_cpu_events *events, bool pause, struct eo_error *err)
{
	unsigned long request = pause ? PERF_EVENT_IOC_DISABLE : PERF_EVENT_IOC_ENABLE;

	for (size_t i = 0; i < events->count; i++)
		if (ioctl(events->events[i].fd, request, 0) < 0)
			return eo_error_set(err, EO_ERROR_ATTACH_FAILED, errno, NULL, "%s sampling on CPU %u",
					    pause ? "pause" : "resume", events->events[i].cpu);
	events->paused = pause;
	return 0;
}

size_t eo_cpu_events_count(const struct eo_cpu_events *events)
{
	return events->count;
}

const char *eo_cpu_events_clock(const struct eo_cpu_events *events)
{
	return events->clock->name;
}
