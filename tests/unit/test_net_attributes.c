/* SPDX-License-Identifier: BSD-2-Clause */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <string.h>

#include "capture/net_attributes.h"

/* @attrs: only an end */
static const char *address_of(const struct eo_net_attributes *attrs)
{
	cr_assert_geq(attrs->count, 2);
	cr_assert_eq(attrs->attrs[0].type, EO_ATTR_OBJECT);
	cr_assert_str_eq(attrs->attrs[1].key, "address");
	return attrs->attrs[1].str;
}

Test(net_attributes, addresses_of_ipv4_are_those_of_the_c_library)
{
	for (unsigned int byte = 0; byte < 256; byte++)
		for (unsigned int at = 0; at < 4; at++) {
			struct eo_net_end end = {.family = AF_INET, .address = {192, 0, 2, 33}};
			struct eo_net_attributes attrs = {0};
			char expected[INET6_ADDRSTRLEN];

			end.address[at] = (uint8_t)byte;
			inet_ntop(AF_INET, end.address, expected, sizeof(expected));
			eo_net_attributes_end(&attrs, "peer", &end);
			cr_assert_str_eq(address_of(&attrs), expected);
			cr_assert_eq(attrs.count, 2);
		}
}

Test(net_attributes, ends_of_other_families_are_told_as_far_as_they_are_known)
{
	struct eo_net_end end = {.family = AF_INET6, .port = 853, .address = {0x20, 1, 0xd, 0xb8}};
	struct eo_net_attributes attrs = {0}, none = {0};

	eo_net_attributes_end(&attrs, "peer", &end);
	cr_assert_str_eq(address_of(&attrs), "2001:db8::");
	cr_assert_eq(attrs.attrs[2].unum, 853);
	end.family = AF_UNIX;
	eo_net_attributes_end(&none, "peer", &end);
	end.family = 0;
	eo_net_attributes_end(&none, "peer", &end);
	cr_assert_eq(none.count, 0);
}
