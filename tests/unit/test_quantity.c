/* SPDX-License-Identifier: BSD-2-Clause */
#include <criterion/criterion.h>
#include <math.h>

#include "format/quantity.h"

Test(quantity, bytes_have_the_unit_that_makes_them_short)
{
	cr_expect_str_eq(eo_quantity_bytes(0).s, "0 B");
	cr_expect_str_eq(eo_quantity_bytes(999).s, "999 B");
	cr_expect_str_eq(eo_quantity_bytes(1000).s, "1.00 kB");
	cr_expect_str_eq(eo_quantity_bytes(999499).s, "999 kB");
	cr_expect_str_eq(eo_quantity_bytes(999500).s, "1.00 MB");
	cr_expect_str_eq(eo_quantity_bytes(UINT64_MAX).s, "18446744 TB");
}

Test(quantity, times_have_the_unit_that_makes_them_short)
{
	cr_expect_str_eq(eo_quantity_time_us(0.08).s, "0.08 \302\265s");
	cr_expect_str_eq(eo_quantity_time_us(999.4).s, "999 \302\265s");
	cr_expect_str_eq(eo_quantity_time_us(67100).s, "67.1 ms");
	cr_expect_str_eq(eo_quantity_time_us(7200e6).s, "7200 s");
}

Test(quantity, what_is_no_number_is_zero)
{
	cr_expect_str_eq(eo_quantity_decimal(NAN, 2).s, "0.00");
	cr_expect_str_eq(eo_quantity_decimal(-1, 1).s, "0.0");
	cr_expect_str_eq(eo_quantity_decimal(INFINITY, 0).s, "1000000000000000");
}

Test(quantity, only_nothing_is_no_share_and_only_everything_is_all)
{
	cr_expect_str_eq(eo_quantity_percent(0, 7).s, "0.0 %");
	cr_expect_str_eq(eo_quantity_percent(1, 1000003).s, "<0.1 %");
	cr_expect_str_eq(eo_quantity_percent(1, 3).s, "33.3 %");
	cr_expect_str_eq(eo_quantity_percent(1000002, 1000003).s, ">99.9 %");
	cr_expect_str_eq(eo_quantity_percent(7, 7).s, "100 %");
}

Test(quantity, digits_stand_in_groups)
{
	cr_expect_str_eq(eo_quantity_grouped(0).s, "0");
	cr_expect_str_eq(eo_quantity_grouped(999).s, "999");
	cr_expect_str_eq(eo_quantity_grouped(1234567).s, "1,234,567");
	cr_expect_str_eq(eo_quantity_grouped(UINT64_MAX).s, "18,446,744,073,709,551,615");
}
