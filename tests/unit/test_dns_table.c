/* SPDX-License-Identifier: BSD-2-Clause */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "net/dns_table.h"

#define SECOND 1000000000ull

static const struct eo_net_endpoint server = {{127, 0, 0, 53}, 53, AF_INET};
static const struct eo_net_endpoint other_server = {{127, 0, 0, 54}, 53, AF_INET};
static const struct eo_net_owner owner = {.pid = 4711, .tid = 4713, .comm = "resolver"};

struct result {
	uint64_t ktime_ns, duration_ns;
	char question[64];
	int error;
	uint32_t retries, pid;
	uint16_t qtype, rcode;
};

struct results {
	size_t count;
	struct result rows[16];
};

static void take(void *arg, const struct eo_dns_lookup *lookup)
{
	struct results *results = arg;
	struct result *row = &results->rows[results->count++ % 16];

	*row = (struct result){
		.ktime_ns = lookup->ktime_ns,
		.duration_ns = lookup->duration_ns,
		.error = lookup->error,
		.retries = lookup->retries,
		.pid = lookup->owner->pid,
		.qtype = lookup->qtype,
		.rcode = lookup->answer ? lookup->answer->rcode : 0xffff,
	};
	snprintf(row->question, sizeof(row->question), "%s", lookup->question);
}

static struct eo_dns_message message(bool response, uint16_t id, const char *name, uint16_t qtype)
{
	struct eo_dns_message m = {
		.id = id,
		.response = response,
		.has_question = name != NULL,
		.qtype = qtype,
		.qclass = 1,
	};

	snprintf(m.question, sizeof(m.question), "%s", name ? name : "");
	return m;
}

static void query(struct eo_dns_table *table, uint64_t ns, uint64_t cookie, uint16_t id,
		  const char *name, uint16_t qtype)
{
	struct eo_dns_message m = message(false, id, name, qtype);

	eo_dns_table_take(table, ns, cookie, &server, &owner, &m);
}

static void answer(struct eo_dns_table *table, uint64_t ns, uint64_t cookie, uint16_t id,
		   const char *name, uint16_t qtype)
{
	struct eo_dns_message m = message(true, id, name, qtype);

	m.rcode = 3;
	eo_dns_table_take(table, ns, cookie, &server, NULL, &m);
}

static struct eo_dns_table *table_new(struct results *results, uint32_t queries_max)
{
	struct eo_dns_table *table = eo_dns_table_new(&(struct eo_dns_table_options){
		.queries_max = queries_max,
		.lookup = take,
		.arg = results,
	});

	cr_assert(table);
	return table;
}

Test(dns_table, an_answer_ends_its_query)
{
	struct results r = {0};
	EO_AUTO(eo_dns_table) table = table_new(&r, 0);

	query(table, 1009, 7, 11, "a.example", 1);
	query(table, 1013, 7, 11, "a.example", 28); /* glibc asks both at once */
	answer(table, 2026, 7, 11, "A.EXAMPLE", 28);
	answer(table, 3009, 7, 11, "a.example", 1);
	cr_assert_eq(r.count, 2);
	cr_assert_eq(r.rows[0].qtype, 28);
	cr_assert_eq(r.rows[0].duration_ns, 1013);
	cr_assert_eq(r.rows[0].ktime_ns, 1013);
	cr_assert_eq(r.rows[0].rcode, 3);
	cr_assert_eq(r.rows[0].error, 0);
	cr_assert_eq(r.rows[0].pid, 4711);
	cr_assert_str_eq(r.rows[0].question, "a.example");
	cr_assert_eq(r.rows[1].duration_ns, 2000);
	cr_assert_eq(eo_dns_table_waiting(table), 0);
}

Test(dns_table, socket_id_server_name_and_type_have_to_fit)
{
	struct results r = {0};
	EO_AUTO(eo_dns_table) table = table_new(&r, 0);
	struct eo_dns_message elsewhere = message(true, 11, "a", 1);

	query(table, 1, 7, 11, "a", 1);
	answer(table, 2, 8, 11, "a", 1);
	answer(table, 2, 7, 12, "a", 1);
	answer(table, 2, 7, 11, "b", 1);
	answer(table, 2, 7, 11, "a", 28);
	eo_dns_table_take(table, 2, 7, &other_server, NULL, &elsewhere);
	cr_assert_eq(r.count, 0);
	cr_assert_eq(eo_dns_table_counts(table)->unmatched, 5);
	answer(table, 3, 7, 11, NULL, 0); /* an error without the question */
	cr_assert_eq(r.count, 1);
	answer(table, 4, 7, 11, "a", 1); /* once more */
	cr_assert_eq(r.count, 1);
	cr_assert_eq(eo_dns_table_counts(table)->unmatched, 6);
}

Test(dns_table, what_is_not_answered_times_out)
{
	struct results r = {0};
	EO_AUTO(eo_dns_table) table = table_new(&r, 0);

	query(table, 1 * SECOND, 7, 1, "a", 1);
	query(table, 2 * SECOND, 7, 2, "b", 1);
	eo_dns_table_expire(table, 6 * SECOND - 1);
	cr_assert_eq(r.count, 0);
	eo_dns_table_expire(table, 6 * SECOND + 500);
	cr_assert_eq(r.count, 1);
	cr_assert_eq(r.rows[0].error, ETIMEDOUT);
	cr_assert_eq(r.rows[0].duration_ns, 5 * SECOND);
	cr_assert_str_eq(r.rows[0].question, "a");
	answer(table, 7 * SECOND, 7, 2, "b", 1); /* at the very moment, and nobody expired it */
	cr_assert_eq(r.count, 2);
	cr_assert_eq(r.rows[1].error, ETIMEDOUT);
	cr_assert_eq(eo_dns_table_counts(table)->unmatched, 1);
	cr_assert_eq(eo_dns_table_counts(table)->timed_out, 2);
}

Test(dns_table, a_query_that_is_sent_again_waits_longer_and_counts_from_the_first)
{
	struct results r = {0};
	EO_AUTO(eo_dns_table) table = table_new(&r, 0);

	query(table, 1 * SECOND, 7, 1, "a", 1);
	query(table, 2 * SECOND, 7, 2, "b", 1);
	query(table, 4 * SECOND, 7, 1, "a", 1);
	eo_dns_table_expire(table, 8 * SECOND);
	cr_assert_eq(r.count, 1);
	cr_assert_str_eq(r.rows[0].question, "b");
	answer(table, 8 * SECOND, 7, 1, "a", 1);
	cr_assert_eq(r.count, 2);
	cr_assert_eq(r.rows[1].duration_ns, 7 * SECOND);
	cr_assert_eq(r.rows[1].retries, 1);
	cr_assert_eq(eo_dns_table_counts(table)->queries, 2);
	cr_assert_eq(eo_dns_table_counts(table)->retries, 1);
}

Test(dns_table, a_flood_is_bounded_and_counted)
{
	struct results r = {0};
	EO_AUTO(eo_dns_table) table = table_new(&r, 101);
	const struct eo_dns_counts *counts = eo_dns_table_counts(table);
	char name[16];

	for (unsigned int i = 0; i < 1009; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		query(table, i, 7, (uint16_t)i, name, 1);
	}
	cr_assert_eq(eo_dns_table_waiting(table), 101);
	cr_assert_eq(counts->evicted, 1009 - 101);
	answer(table, 2000, 7, 907, "n907", 1);
	cr_assert_eq(counts->unmatched, 1);
	answer(table, 2000, 7, 908, "n908", 1);
	cr_assert_eq(counts->answered, 1);
	eo_dns_table_expire(table, 100 * SECOND);
	cr_assert_eq(counts->timed_out, 100);
	cr_assert_eq(counts->queries, counts->answered + counts->timed_out + counts->evicted);
}

Test(dns_table, the_memory_of_names_is_bounded)
{
	struct results r = {0};
	EO_AUTO(eo_dns_table) table = eo_dns_table_new(&(struct eo_dns_table_options){
		.memory_max = 100, .lookup = take, .arg = &r});
	char name[121];

	cr_assert(table);
	memset(name, 'a', 39);
	name[39] = '\0';
	for (uint16_t i = 0; i < 5; i++)
		query(table, i, 7, i, name, 1);
	cr_assert_eq(eo_dns_table_waiting(table), 2);
	cr_assert_eq(eo_dns_table_counts(table)->evicted, 3);
	memset(name, 'a', 120);
	name[120] = '\0';
	query(table, 9, 7, 9, name, 1);
	cr_assert_eq(eo_dns_table_counts(table)->refused, 1);
	cr_assert_eq(eo_dns_table_waiting(table), 0);
}

Test(dns_table, what_is_no_query_is_ignored)
{
	struct results r = {0};
	EO_AUTO(eo_dns_table) table = table_new(&r, 0);
	struct eo_dns_message update = message(false, 1, "a", 6);

	update.opcode = 5;
	eo_dns_table_take(table, 1, 7, &server, &owner, &update);
	query(table, 1, 7, 1, NULL, 0);
	cr_assert_eq(eo_dns_table_counts(table)->ignored, 2);
	cr_assert_eq(eo_dns_table_waiting(table), 0);
}
