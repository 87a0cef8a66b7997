/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/event.h"

#include <criterion/criterion.h>

Test(event, every_type_name_makes_the_round_trip)
{
	static const char *const expected[] = {
		"cpu_sample", "syscall", "network_packet", "tcp_connect", "tcp_accept", "tcp_close",
		"tcp_retransmit", "udp_session", "dns", "http_request", "memory_alloc",
		"memory_free", "loss", "start", "process", "end", "syscall_summary", "net_summary",
		"mem_summary",
	};

	cr_assert_eq(sizeof(expected) / sizeof(expected[0]), EO_EVENT_TYPE_COUNT);
	for (int i = 0; i < EO_EVENT_TYPE_COUNT; i++) {
		enum eo_event_type type = EO_EVENT_TYPE_COUNT;

		cr_expect_str_eq(eo_event_type_name((enum eo_event_type)i), expected[i]);
		cr_expect(eo_event_type_parse(expected[i], &type));
		cr_expect_eq((int)type, i);
	}
}

Test(event, names_that_are_none_are_refused)
{
	static const char *const wrong[] = { "", "Syscall", "syscall ", "sys", "syscall_summar" };

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		enum eo_event_type type = EO_EVENT_DNS;

		cr_expect_not(eo_event_type_parse(wrong[i], &type));
		cr_expect_eq(type, EO_EVENT_DNS);
	}
}

Test(event, types_out_of_range_have_no_name)
{
	cr_expect_null(eo_event_type_name(EO_EVENT_TYPE_COUNT));
	cr_expect_null(eo_event_type_name((enum eo_event_type)-1));
}
