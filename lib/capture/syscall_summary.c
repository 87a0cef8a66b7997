// SPDX-License-Identifier: BSD-2-Clause
#include "capture/syscall_summary.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/cgroup.h"
#include "core/auto.h"
#include "syscall/call.h"

uint64_t eo_syscall_row_count(const struct eo_syscall_row *row)
{
	uint64_t count = row->untimed;

	for (size_t i = 0; i < EO_SYSCALL_SLOTS; i++)
		count += row->slots[i];
	return count;
}

/* The first duration that is too long for the slot. */
static uint64_t slot_end(uint32_t slot)
{
	uint32_t k = slot / 4, q = slot % 4 + 1;

	/* Rounded up: below 4 ns there are fewer whole numbers than slots. */
	return (1ull << k) + (((uint64_t)q << k) + 3) / 4;
}

uint64_t eo_syscall_row_quantile(const struct eo_syscall_row *row, double q)
{
	double wanted = q * (double)(eo_syscall_row_count(row) - row->untimed);
	uint64_t passed = 0, ns = 0;

	for (uint32_t i = 0; i < EO_SYSCALL_SLOTS; i++) {
		if (!row->slots[i])
			continue;
		passed += row->slots[i];
		ns = slot_end(i) - 1;
		if ((double)passed >= wanted)
			break;
	}
	if (!passed)
		return 0;
	if (passed == eo_syscall_row_count(row) - row->untimed || ns > row->max_ns)
		return row->max_ns;
	return ns < row->min_ns ? row->min_ns : ns;
}

static void add_row(struct eo_syscall_row *sum, const struct eo_syscall_row *row)
{
	sum->errors += row->errors;
	sum->untimed += row->untimed;
	sum->total_ns += row->total_ns;
	if (row->min_ns > sum->min_ns)
		sum->min_ns = row->min_ns;
	if (row->max_ns > sum->max_ns)
		sum->max_ns = row->max_ns;
	for (size_t i = 0; i < EO_SYSCALL_SLOTS; i++)
		sum->slots[i] += row->slots[i];
}

static int read_failed(int code, struct eo_error *err)
{
	return eo_error_set(err, EO_ERROR_MAP_OPERATION_FAILED, code, NULL, "read the summary of calls");
}

static int tell(const struct eo_syscall_key *key, const struct eo_syscall_row *rows, uint32_t cpu_count,
		eo_syscall_row_fn fn, void *ctx)
{
	struct eo_syscall_row sum = {0};

	for (uint32_t i = 0; i < cpu_count; i++)
		add_row(&sum, &rows[i]);
	sum.min_ns = sum.min_ns ? ~sum.min_ns : 0;
	return eo_syscall_row_count(&sum) ? fn(ctx, key, &sum) : 0;
}

int eo_syscall_summary_take(int map_fd, uint32_t key_size, uint32_t cpu_count, eo_syscall_row_fn fn,
			    void *ctx, struct eo_error *err)
{
	EO_AUTO_FREE struct eo_syscall_row *rows = calloc(cpu_count, sizeof(*rows));
	struct eo_syscall_key key = {0};
	int r = 0;

	if (!rows)
		return read_failed(ENOMEM, err);
	/* Always the first: what was read is deleted. */
	while (!r && bpf_map_get_next_key(map_fd, NULL, &key) == 0) {
		memset((char *)&key + key_size, 0, sizeof(key) - key_size);
		if (bpf_map_lookup_elem(map_fd, &key, rows) < 0 || bpf_map_delete_elem(map_fd, &key) < 0)
			return read_failed(errno, err);
		r = tell(&key, rows, cpu_count, fn, ctx);
	}
	return r;
}

int eo_syscall_summary_take_dense(int map_fd, uint32_t generation, uint32_t cpu_count,
				  eo_syscall_row_fn fn, void *ctx, struct eo_error *err)
{
	EO_AUTO_FREE struct eo_syscall_row *rows = calloc(cpu_count, sizeof(*rows));
	EO_AUTO_FREE struct eo_syscall_row *fresh = calloc(cpu_count, sizeof(*fresh));
	int r = 0;

	if (!rows || !fresh)
		return read_failed(ENOMEM, err);
	for (uint32_t nr = 0; nr < EO_SYSCALL_MAX && !r; nr++) {
		const struct eo_syscall_key key = {.nr = nr, .abi = EO_ABI_NATIVE};
		uint32_t place = nr + generation * EO_SYSCALL_MAX;

		if (bpf_map_lookup_elem(map_fd, &place, rows) < 0)
			return read_failed(errno, err);
		if (!memcmp(rows, fresh, cpu_count * sizeof(*rows)))
			continue;
		if (bpf_map_update_elem(map_fd, &place, fresh, BPF_EXIST) < 0)
			return read_failed(errno, err);
		r = tell(&key, rows, cpu_count, fn, ctx);
	}
	return r;
}

static void add(struct eo_attr *attrs, size_t *count, const char *key, uint64_t value)
{
	attrs[(*count)++] = (struct eo_attr){.key = key, .type = EO_ATTR_UINT, .unum = value};
}

static void add_text(struct eo_attr *attrs, size_t *count, const char *key, const char *text)
{
	attrs[(*count)++] = (struct eo_attr){.key = key, .type = EO_ATTR_STRING, .str = text};
}

#define OCTAVES (EO_SYSCALL_SLOTS / 4)

/* "buckets": by powers of two, up to the last that is not empty. */
static void add_buckets(struct eo_attr *attrs, size_t *count, const struct eo_syscall_row *row)
{
	struct eo_attr *list = &attrs[(*count)++];

	*list = (struct eo_attr){.key = "buckets", .type = EO_ATTR_ARRAY};
	for (uint32_t k = 0; k < OCTAVES; k++) {
		const __u64 *slots = &row->slots[4 * k];

		list[1 + k] = (struct eo_attr){
			.type = EO_ATTR_UINT,
			.unum = slots[0] + slots[1] + slots[2] + slots[3],
		};
		if (list[1 + k].unum)
			list->count = k + 1;
	}
	*count += list->count;
}

int eo_syscall_summary_event(const struct eo_syscall_key *key, const struct eo_syscall_row *row,
			     const struct eo_syscall_summary_keys *keys, uint64_t ktime_ns,
			     eo_trace_event_fn fn, void *ctx)
{
	const char *name = eo_syscall_name(key->abi, key->nr), *abi;
	uint64_t calls = eo_syscall_row_count(row), timed = calls - row->untimed;
	struct eo_event event = {.type = EO_EVENT_SYSCALL_SUMMARY, .ktime_ns = ktime_ns};
	char unknown[24], comm[EO_COMM_LEN + 1], cgroup[24];
	struct eo_attr attrs[17 + OCTAVES];
	size_t count = 0;

	snprintf(unknown, sizeof(unknown), "%u", key->nr);
	add_text(attrs, &count, "name", name ? name : unknown);
	if (keys->comm) {
		memcpy(comm, key->comm, EO_COMM_LEN);
		comm[EO_COMM_LEN] = '\0';
		add_text(attrs, &count, "comm", comm);
	}
	if (keys->pid) {
		add(attrs, &count, "pid", key->tgid);
		event.pid = event.tid = key->tgid;
		memcpy(event.comm, key->comm, sizeof(event.comm));
	}
	if (keys->cgroups) {
		/* It may be gone by now; its number still tells it from others. */
		snprintf(cgroup, sizeof(cgroup), "%llu", (unsigned long long)key->cgroup);
		add_text(attrs, &count, "cgroup",
			 eo_cgroup_paths_find(keys->cgroups, key->cgroup) ?: cgroup);
	}
	abi = eo_syscall_abi_name(EO_MACHINE_HERE, key->abi);
	if (abi)
		add_text(attrs, &count, "abi", abi);
	add(attrs, &count, "count", calls);
	add(attrs, &count, "errors", row->errors);
	if (timed) { /* a call that never returns has no duration */
		add(attrs, &count, "total_ns", row->total_ns);
		add(attrs, &count, "min_ns", row->min_ns);
		add(attrs, &count, "mean_ns", row->total_ns / timed);
		add(attrs, &count, "p50_ns", eo_syscall_row_quantile(row, 0.5));
		add(attrs, &count, "p99_ns", eo_syscall_row_quantile(row, 0.99));
		add(attrs, &count, "max_ns", row->max_ns);
		add_buckets(attrs, &count, row);
	}
	event.data = attrs;
	event.data_count = count;
	return fn(ctx, &event);
}
