// SPDX-License-Identifier: BSD-2-Clause
#include "capture/syscall_summary.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/auto.h"

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
		struct eo_syscall_row sum = {0};

		memset((char *)&key + key_size, 0, sizeof(key) - key_size);
		if (bpf_map_lookup_elem(map_fd, &key, rows) < 0 || bpf_map_delete_elem(map_fd, &key) < 0)
			return read_failed(errno, err);
		for (uint32_t i = 0; i < cpu_count; i++)
			add_row(&sum, &rows[i]);
		sum.min_ns = sum.min_ns ? ~sum.min_ns : 0;
		if (eo_syscall_row_count(&sum))
			r = fn(ctx, &key, &sum);
	}
	return r;
}
