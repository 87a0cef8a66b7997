/* SPDX-License-Identifier: BSD-2-Clause */
#include "reading.h"

static struct eo_profile *script(const char *text)
{
	return profile_of(eo_read_perf_script, text, strlen(text));
}

static void expect_bad(const char *text, const char *reason)
{
	expect_error(eo_read_perf_script, text, strlen(text), reason);
}

static void expect_types(const struct eo_profile *profile, const char *expected)
{
	char text[256] = "";

	for (size_t i = 0; i < profile->value_type_count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s/%s", i ? " " : "",
			 profile->strings[profile->value_types[i].type],
			 profile->strings[profile->value_types[i].unit]);
	cr_expect_str_eq(text, expected);
}

static const struct eo_location *frame_at(const struct eo_profile *profile, size_t sample,
					  uint32_t frame)
{
	struct eo_span stack = profile->stacks[profile->samples[sample].stack];

	cr_assert_lt(frame, stack.count);
	return &profile->locations[profile->frames[stack.first + frame]];
}

static const char *name_of(const struct eo_profile *profile, const struct eo_location *location,
			   uint32_t line)
{
	cr_assert_lt(line, location->line_count);
	return profile->strings[profile->functions[profile->lines[location->first_line + line]
							   .function]
					.name];
}

static const char *file_of(const struct eo_profile *profile, const struct eo_location *location)
{
	return profile->strings[profile->mappings[location->mapping].filename];
}

static const char usual[] =
	"# ========\n"
	"swapper     0 [000] 12345.100000:   10101010 cpu-clock:pppH: \n"
	"\tffffffff81a5d0ab native_safe_halt+0xb ([kernel.kallsyms])\n"
	"\tffffffff81000100 do_idle+0x1c0 ([kernel.kallsyms])\n"
	"\n"
	"my 2 prog 4711/4713 [001] 12346.200000001:   10101010 cpu-clock:pppH: \n"
	"\tffffffff81001000 vfs_read+0x10 ([kernel.kallsyms])\n"
	"\t    7f0000000010 read+0x10 (/usr/lib/x86_64-linux-gnu/libc.so.6)\n"
	"\t          401136 std::vector<int, std::allocator<int> >::at(unsigned long) const+0x6 "
	"(/opt/my app (1)/bin (deleted))\n"
	"\t               0 [unknown] ([unknown])\n"
	"\n";

Test(read_perf_script, stacks_of_a_clock_have_samples_and_time)
{
	struct eo_profile *profile = script(usual);

	expect_types(profile, "samples/count cpu/nanoseconds");
	cr_assert_eq(profile->sample_count, 2);
	expect_folded(profile, 0,
		      "my 2 prog;[unknown];std::vector<int, std::allocator<int> >::at(unsigned "
		      "long) const;read;vfs_read_[k] 1\n"
		      "swapper;do_idle_[k];native_safe_halt_[k] 1\n");
	cr_expect_eq(eo_profile_total(profile, 1), 20202020);
	cr_expect_eq(profile->period, 10101010);
	cr_expect_str_eq(profile->strings[profile->period_type.type], "cpu");
	cr_expect_eq(profile->duration_ns, 1100000001);
	cr_expect_eq(profile->time_ns, 0, "perf's clock is nobody else's");
	cr_expect_str_eq(file_of(profile, frame_at(profile, 1, 2)),
			 "/opt/my app (1)/bin (deleted)");
	cr_expect_eq(frame_at(profile, 1, 2)->kind, EO_FRAME_NATIVE);
	eo_profile_free(profile);
}

Test(read_perf_script, addresses_lie_inside_the_call)
{
	struct eo_profile *profile = script(usual);

	cr_expect_eq(frame_at(profile, 0, 0)->address, 0xffffffff81a5d0ab, "a leaf is exact");
	cr_expect_eq(frame_at(profile, 0, 1)->address, 0xffffffff810000ff, "a caller is not");
	cr_expect_eq(frame_at(profile, 1, 1)->address, 0x7f0000000010, "entered, not called");
	cr_expect_eq(frame_at(profile, 1, 2)->address, 0x401135);
	cr_expect_eq(frame_at(profile, 1, 3)->address, 0);
	eo_profile_free(profile);
}

Test(read_perf_script, who_it_was_is_in_labels)
{
	struct eo_profile *profile = script(usual);
	struct eo_span one = profile->label_sets[profile->samples[0].label_set];
	struct eo_span other = profile->label_sets[profile->samples[1].label_set];

	cr_assert_eq(one.count, 2, "a single number is the thread");
	cr_expect_str_eq(profile->strings[profile->labels[one.first + 1].key], "tid");
	cr_expect_eq(profile->labels[one.first + 1].num, 0);
	cr_assert_eq(other.count, 3);
	cr_expect_str_eq(profile->strings[profile->labels[other.first].str], "my 2 prog");
	cr_expect_str_eq(profile->strings[profile->labels[other.first + 1].key], "pid");
	cr_expect_eq(profile->labels[other.first + 1].num, 4711);
	cr_expect_eq(profile->labels[other.first + 2].num, 4713);
	eo_profile_free(profile);
}

Test(read_perf_script, inlined_functions_belong_to_the_frame_behind_them)
{
	struct eo_profile *profile = script("p 1 [000] 1.5: 1 cycles:u: \n"
					    "\t401136 inner (inlined)\n"
					    "\t401136 middle (inlined)\n"
					    "\t401136 outer+0x10 (/bin/p)\n"
					    "\t401200 main+0x20 (/bin/p)\n");
	const struct eo_location *leaf = frame_at(profile, 0, 0);

	cr_assert_eq(leaf->line_count, 3);
	cr_expect_str_eq(name_of(profile, leaf, 0), "inner");
	cr_expect_str_eq(name_of(profile, leaf, 2), "outer");
	cr_expect_eq(leaf->address, 0x401136);
	expect_folded(profile, 0, "p;main;outer;middle;inner 1\n");
	eo_profile_free(profile);
}

Test(read_perf_script, each_event_has_its_values)
{
	struct eo_profile *profile = script("p 1 [000] 1.5: 700 cycles:u: \n\t10 f (/x)\n\n"
					    "p 1 [000] 1.6: 30 instructions: \n\t10 f (/x)\n\n"
					    "p 1 [000] 1.7: 5 cycles:ppp: \n\t10 f (/x)\n\n"
					    "p 1 [000] 1.8: sched:sched_switch: prev_comm=p 12\n"
					    "\t10 f (/x)\n");

	expect_types(profile, "samples/count cycles/count instructions/count");
	cr_expect_eq(eo_profile_total(profile, 0), 4);
	cr_expect_eq(eo_profile_total(profile, 1), 705);
	cr_expect_eq(eo_profile_total(profile, 2), 30);
	cr_expect_eq(profile->period, 0, "they differ");
	eo_profile_free(profile);
}

Test(read_perf_script, without_call_chains_the_frame_is_in_the_line)
{
	struct eo_profile *profile =
		script("          bc 77 [003]  9.000001:  250000 task-clock:u: "
		       "    7f00000000aa mul+0xa (/usr/bin/bc)\r\n"
		       "        perf 78 [003]  9.000002:  250000 task-clock:u: "
		       "ffffffff81000000 exec ([kernel.kallsyms])\n");

	expect_types(profile, "samples/count cpu/nanoseconds");
	expect_folded(profile, 0, "bc;mul 1\nperf;exec_[k] 1\n");
	eo_profile_free(profile);
}

Test(read_perf_script, names_that_look_like_addresses_begin_samples)
{
	struct eo_profile *profile =
		script("              dd 77 [003]  9.000001:  250000 task-clock:u: "
		       "    7f00000000aa write+0xa (/usr/lib/libc.so.6)\n"
		       "              dd 77/78 [003]  9.000002:  250000 task-clock:u: "
		       "    7f00000000bb read+0xb (/usr/lib/libc.so.6)\n"
		       "              bc 79  9.000003:  250000 task-clock:u: \n"
		       "      401136 spaces+0x6 (/usr/bin/bc)\n"
		       "            face 80 [003]  9.000004: sched:sched_switch: prev_comm=p\n");

	expect_folded(profile, 0, "bc;spaces 1\ndd;read 1\ndd;write 1\nface 1\n");
	eo_profile_free(profile);
}

Test(read_perf_script, jits_and_modules_are_known_by_their_files)
{
	struct eo_profile *profile =
		script("node 1 1.0: 1 cycles: \n\t10 Builtin:x (/tmp/perf-1.map)\n"
		       "\t20 nft_do_chain+0x1 ([nf_tables])\n"
		       "\t30 gettime+0x1 ([vdso])\n");

	cr_expect_eq(frame_at(profile, 0, 0)->kind, EO_FRAME_JIT);
	cr_expect_eq(frame_at(profile, 0, 1)->kind, EO_FRAME_KERNEL);
	cr_expect_eq(frame_at(profile, 0, 2)->kind, EO_FRAME_NATIVE);
	eo_profile_free(profile);
}

Test(read_perf_script, records_that_are_no_samples_are_passed_over)
{
	struct eo_profile *profile =
		script("p 1 [000] 1.0: PERF_RECORD_COMM exec: p:1/1\n"
		       "p 1 [000] 1.5: 1 cycles: \n\t10 f (/x)\n");

	cr_expect_eq(eo_profile_total(profile, 0), 1);
	eo_profile_free(profile);
}

Test(read_perf_script, what_is_neither_is_named)
{
	expect_bad("hello\n", "line 1: it is neither");
	expect_bad("p 1 [000] 1.5: 1 cycles: \n\tzzz\n", "line 2: it is neither");
	expect_bad("\t10 f (/x)\n", "line 1: it is neither");
	expect_bad("p 1 [000] 1.5: 1 cycles: \n\n\t10 f (/x)\n", "line 3: it is neither");
}

Test(read_perf_script, a_stack_has_a_limit)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	fputs("p 1 [000] 1.5: 1 cycles: \n", out);
	for (int i = 0; i < 70000; i++)
		fputs("\t10 f (/x)\n", out);
	fclose(out);
	expect_bad(text, "a stack of more than 65536 frames");
	free(text);
}

Test(read_perf_script, events_have_a_limit)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	for (int i = 0; i < 100; i++)
		fprintf(out, "p 1 [000] 1.5: 1 event_%d: \n\n", i);
	fclose(out);
	expect_bad(text, "line 127: more than 63 kinds of events");
	free(text);
}
