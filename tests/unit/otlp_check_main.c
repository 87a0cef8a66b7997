/* SPDX-License-Identifier: BSD-2-Clause */
/* otlp-check PROFILE [JSON]: is the OTLP profile sound, and does the JSON file say the same? */
#include <stdio.h>
#include <stdlib.h>

#include "otlp_check.h"

static uint8_t *read_file(const char *path, size_t *size)
{
	FILE *in = fopen(path, "rb");
	uint8_t *bytes = NULL;
	long end;

	if (!in) {
		perror(path);
		return NULL;
	}
	if (!fseek(in, 0, SEEK_END) && (end = ftell(in)) >= 0 && !fseek(in, 0, SEEK_SET)) {
		*size = (size_t)end;
		bytes = malloc(*size + 1);
		if (bytes && fread(bytes, 1, *size, in) != *size) {
			free(bytes);
			bytes = NULL;
		}
	}
	fclose(in);
	return bytes;
}

static size_t check_json(const ProfilesData *data, const char *path)
{
	json_error_t error;
	json_t *json = json_load_file(path, 0, &error);
	size_t count;

	if (!json) {
		printf("%s:%d: %s\n", path, error.line, error.text);
		return 1;
	}
	count = otlp_check_json(&data->base, json, stdout);
	json_decref(json);
	return count;
}

int main(int argc, char **argv)
{
	ProfilesData *data;
	uint8_t *bytes;
	size_t size, count;

	if (argc < 2 || argc > 3) {
		fprintf(stderr, "usage: otlp-check PROFILE [JSON]\n");
		return 2;
	}
	bytes = read_file(argv[1], &size);
	if (!bytes)
		return 2;
	data = opentelemetry__proto__profiles__v1development__profiles_data__unpack(NULL, size,
										    bytes);
	free(bytes);
	if (!data) {
		printf("%s: no ProfilesData\n", argv[1]);
		return 1;
	}
	count = otlp_check(data, stdout);
	if (argc == 3)
		count += check_json(data, argv[2]);
	opentelemetry__proto__profiles__v1development__profiles_data__free_unpacked(data, NULL);
	return count ? 1 : 0;
}
