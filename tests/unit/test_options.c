/* SPDX-License-Identifier: BSD-2-Clause */
/* The tables of the command line, and what the parser makes of words. */
#include <criterion/criterion.h>
#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "core/auto.h"
#include "core/clock.h"
#include "interval_files.h"
#include "profile_options.h"
#include "report.h"

static size_t check_help(const struct argp *argp, const char *command, bool *short_seen)
{
	size_t count = 0;

	for (const struct argp_option *o = argp->options;
	     o && (o->name || o->key || o->doc || o->group); o++) {
		if (!o->name && !o->key)
			continue; /* a heading */
		count++;
		if (o->flags & (OPTION_ALIAS | OPTION_HIDDEN))
			continue;
		cr_expect(o->doc && *o->doc, "%s: --%s has no help", command,
			  o->name ? o->name : "?");
		if (o->key > 0 && o->key < 128 && isprint(o->key)) {
			cr_expect(!short_seen[o->key], "%s: -%c twice", command, o->key);
			short_seen[o->key] = true;
		}
	}
	for (const struct argp_child *child = argp->children; child && child->argp; child++)
		count += check_help(child->argp, command, short_seen);
	return count;
}

Test(options, every_option_has_help_and_a_letter_of_its_own)
{
	for (const struct command *c = commands; c->name; c++) {
		bool short_seen[128] = {0};

		cr_expect(c->summary && *c->summary);
		cr_expect_not_null(c->run);
		if (c->argp && !strcmp(c->name, "profile"))
			cr_expect_geq(check_help(c->argp, c->name, short_seen), 30);
		else if (c->argp)
			check_help(c->argp, c->name, short_seen);
	}
}

static int parse(struct profile_options *options, struct cli *cli, const char **argv)
{
	int argc = 0, status;

	while (argv[argc])
		argc++;
	profile_options_init(options, argv[0]);
	status = cli_parse(&profile_argp, argv[0], argc, (char **)argv, options, cli);
	return status < 0 ? profile_options_check(options) : status;
}

#define WORDS(...) ((const char *[]){"profile", __VA_ARGS__, NULL})

Test(options, explicit_values_win_over_the_environment_in_either_order)
{
	struct profile_options options;
	struct cli cli = {0};

	cr_assert_eq(parse(&options, &cli, WORDS("-F49", "-d", "2", "--env=debug")), -1);
	cr_expect_eq(options.config.sample_rate_hz, 49);
	cr_expect_eq(options.config.duration_ns, 2 * EO_NS_PER_SEC);
	profile_options_fini(&options);

	cr_assert_eq(parse(&options, &cli, WORDS("--env", "prod", "-d0")), -1);
	cr_expect_eq(options.config.sample_rate_hz, 19);
	cr_expect_eq(options.config.duration_ns, 0);
	profile_options_fini(&options);

	cr_assert_eq(parse(&options, &cli, WORDS("--env=staging")), -1);
	cr_expect_eq(options.config.sample_rate_hz, 49);
	cr_expect_eq(options.config.duration_ns, 120 * EO_NS_PER_SEC);
	profile_options_fini(&options);
}

Test(options, a_command_says_how_long_unless_told_otherwise)
{
	struct profile_options options;
	struct cli cli = {0};
	const char **argv = WORDS("-K", "--", "make", "-j4", "--env=prod", "--");

	cr_assert_eq(parse(&options, &cli, argv), -1);
	cr_expect_eq(options.config.duration_ns, 0);
	cr_expect_eq(options.config.sample_rate_hz, 99, "words of the command are not ours");
	cr_assert_not_null(options.capture.argv);
	for (int i = 0; i < 4; i++)
		cr_expect_str_eq(options.capture.argv[i], argv[3 + i]);
	cr_expect_null(options.capture.argv[4]);
	profile_options_fini(&options);

	cr_assert_eq(parse(&options, &cli, WORDS("--env=debug", "--", "make")), -1);
	cr_expect_eq(options.config.duration_ns, 30 * EO_NS_PER_SEC);
	profile_options_fini(&options);
}

Test(options, lists_add_up_and_clusters_are_taken_apart)
{
	struct profile_options options;
	struct cli cli = {0};

	cr_assert_eq(parse(&options, &cli,
			   WORDS("-qKgaF7", "--uid=0,1", "--uid", "2,root", "--comm=a,bc")),
		     -1);
	cr_expect(cli.quiet);
	cr_expect(options.kernel_only);
	cr_expect_eq(options.config.sample_rate_hz, 7);
	cr_expect_eq(options.capture.uids.count, 3);
	cr_expect_eq(options.capture.comm_count, 2);
	cr_expect_str_eq(options.capture.comms[1], "bc");
	profile_options_fini(&options);
}

Test(options, the_format_is_by_name_then_by_ending_then_pprof)
{
	struct profile_options options;
	struct cli cli = {0};

	cr_assert_eq(parse(&options, &cli, WORDS("-o", "x.txt", "-f", "folded")), -1);
	cr_expect_str_eq(options.format->name, "folded");
	cr_expect_str_eq(options.output, "x.txt");
	profile_options_fini(&options);

	cr_assert_eq(parse(&options, &cli, WORDS("-o", "x.folded")), -1);
	cr_expect_str_eq(options.format->name, "folded");
	profile_options_fini(&options);

	cr_assert_eq(parse(&options, &cli, WORDS("-o", "x.unknown")), -1);
	cr_expect_str_eq(options.format->name, "pprof");
	profile_options_fini(&options);

	cr_assert_eq(parse(&options, &cli, WORDS("-f", "top")), -1);
	cr_expect_str_eq(options.output, "-");
	profile_options_fini(&options);

	cr_assert_eq(parse(&options, &cli, WORDS("-g")), -1);
	cr_expect_str_eq(options.output, "profile.pb.gz");
	profile_options_fini(&options);
}

Test(options, the_last_of_quiet_and_verbose_counts)
{
	struct profile_options options;
	struct cli cli = {0};

	cr_assert_eq(parse(&options, &cli, WORDS("-v", "-q")), -1);
	cr_expect(cli.quiet && !cli.verbose);
	profile_options_fini(&options);
	cr_assert_eq(parse(&options, &cli, WORDS("-qv")), -1);
	cr_expect(!cli.quiet && cli.verbose);
	profile_options_fini(&options);
}

Test(output_names, templates_are_filled_and_must_tell_intervals_apart)
{
	const uint64_t now_ns = 1800000000ull * EO_NS_PER_SEC;
	char name[64], tiny[4];

	cr_assert_eq(setenv("TZ", "UTC", 1), 0);
	cr_expect(interval_name("cpu-%Y%m%d-%H%M%S", now_ns, name, sizeof(name)));
	cr_expect_str_eq(name, "cpu-20270115-080000");
	cr_expect_not(interval_name("cpu-%Y", now_ns, tiny, sizeof(tiny)));

	cr_expect(interval_names_differ("x-%S", now_ns, EO_NS_PER_SEC));
	cr_expect_not(interval_names_differ("x-%S", now_ns, EO_NS_PER_SEC / 2));
	cr_expect(interval_names_differ("x-%H%M", now_ns, 60 * EO_NS_PER_SEC));
	cr_expect_not(interval_names_differ("x-%H%M", now_ns + 30 * EO_NS_PER_SEC,
						  59 * EO_NS_PER_SEC));
	cr_expect_not(interval_names_differ("x-%%", now_ns, 3600 * EO_NS_PER_SEC));
}

/* Germany's clocks went from 03:00 to 02:00 on 2026-10-25, at 01:00 UTC. */
Test(output_names, the_hour_that_comes_twice_has_two_names)
{
	const uint64_t change_ns = 1792890000ull * EO_NS_PER_SEC, minute_ns = 60 * EO_NS_PER_SEC;
	const struct {
		uint64_t time_ns;
		const char *path, *expected;
	} names[] = {
		{change_ns - 30 * minute_ns, "cpu-%F-%H%M.pb.gz", "cpu-2026-10-25-0230.pb.gz"},
		{change_ns, "cpu-%F-%H%M.pb.gz", "cpu-2026-10-25-0200+0100.pb.gz"},
		{change_ns + 30 * minute_ns, "cpu-%F-%H%M.pb.gz", "cpu-2026-10-25-0230+0100.pb.gz"},
		{change_ns + 30 * minute_ns, "%F/100%%/%-H", "2026-10-25/100%/2+0100"},
		{change_ns + 30 * minute_ns, "%OH-", "02+0100-"},
		{change_ns + 60 * minute_ns, "cpu-%F-%H%M.pb.gz", "cpu-2026-10-25-0300.pb.gz"},
		{change_ns - 90 * minute_ns, "cpu-%F-%H%M.pb.gz", "cpu-2026-10-25-0130.pb.gz"},
	};
	char name[64];

	/* What Europe/Berlin has as well, where there are zones to look it up. */
	cr_assert_eq(setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1), 0);
	tzset();
	for (size_t i = 0; i < EO_ARRAY_SIZE(names); i++) {
		cr_expect(interval_name(names[i].path, names[i].time_ns, name, sizeof(name)));
		cr_expect_str_eq(name, names[i].expected);
	}
	cr_expect(interval_names_differ("x-%F-%H", change_ns - 48 * 60 * minute_ns, 60 * minute_ns));
	/* In spring an hour is left out, which nothing repeats. */
	cr_expect(interval_name("%F-%H%M", 1774746000ull * EO_NS_PER_SEC, name, sizeof(name)));
	cr_expect_str_eq(name, "2026-03-29-0300");
}

Test(output_names, no_two_intervals_begin_together)
{
	/* Half an interval late, give or take; then a stall, and what waited meanwhile. */
	const uint64_t passed_ns[] = {1499, 2501, 3499, 7000, 7001, 9000};
	const uint64_t expected[] = {1, 3, 4, 7, 8, 9};
	struct interval_clock clock = {.started_wall_ns = 5, .interval_ns = 1000};

	for (size_t i = 0; i < EO_ARRAY_SIZE(passed_ns); i++)
		cr_expect_eq(interval_clock_next(&clock, passed_ns[i]), 5 + 1000 * expected[i]);
}

Test(colors, are_for_terminals_unless_they_are_unwanted)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), slave, old = dup(STDOUT_FILENO);
	bool has_color[5];

	unsetenv("NO_COLOR");
	setenv("TERM", "xterm", 1);
	if (master < 0 || grantpt(master) || unlockpt(master))
		cr_skip_test("no pseudo-terminals here");
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	dup2(slave, STDOUT_FILENO);
	has_color[0] = cli_has_color();
	setenv("NO_COLOR", "", 1);
	has_color[1] = cli_has_color();
	setenv("NO_COLOR", "1", 1);
	has_color[2] = cli_has_color();
	unsetenv("NO_COLOR");
	setenv("TERM", "dumb", 1);
	has_color[3] = cli_has_color();
	setenv("TERM", "xterm", 1);
	close(STDOUT_FILENO);
	has_color[4] = cli_has_color();
	dup2(old, STDOUT_FILENO);
	cr_expect(has_color[0]);
	cr_expect(has_color[1], "empty is as good as not set");
	cr_expect_not(has_color[2]);
	cr_expect_not(has_color[3]);
	cr_expect_not(has_color[4]);
	close(old);
	close(slave);
	close(master);
}
