/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests that run once for each of some values. */
#ifndef TESTS_ARM64_PARAMETERIZED_H
#define TESTS_ARM64_PARAMETERIZED_H

#include "criterion.h"

#define ParameterizedTestParameters(suite_name, test_name) \
	static struct stand_in_parameters STAND_IN_JOIN(suite_name, test_name, parameters)(void)

#define cr_make_param_array(type, array, length) \
	((struct stand_in_parameters){.size = sizeof(type), .count = (length), .values = (array)})

#define ParameterizedTest(parameter, suite_name, test_name)                                             \
	static void STAND_IN_JOIN(suite_name, test_name, body)(parameter);                              \
	static void STAND_IN_JOIN(suite_name, test_name, any_body)(void *value)                         \
	{                                                                                               \
		STAND_IN_JOIN(suite_name, test_name, body)(value);                                      \
	}                                                                                               \
	STAND_IN_ADD(suite_name, test_name,                                                             \
		     .parameter_body = STAND_IN_JOIN(suite_name, test_name, any_body),                  \
		     .parameters = STAND_IN_JOIN(suite_name, test_name, parameters))                    \
	static void STAND_IN_JOIN(suite_name, test_name, body)(parameter)

#endif
