// SPDX-License-Identifier: BSD-2-Clause
#include "capture/process_cgroup.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define CONTAINER_ID_LEN 64
#define POD_UID_LEN 36	      /* 8-4-4-4-12 */
#define STATIC_POD_UID_LEN 32 /* of a pod that a file of the node describes */

static const char hex_digits[] = "0123456789abcdef";

/* A part of the file, not NUL-terminated. */
struct text {
	const char *start;
	size_t len;
};

static bool starts_with(struct text text, const char *prefix)
{
	size_t len = strlen(prefix);

	return text.len >= len && !memcmp(text.start, prefix, len);
}

static bool cut_end(struct text *text, const char *suffix)
{
	size_t len = strlen(suffix);

	if (text->len < len || memcmp(text->start + text->len - len, suffix, len))
		return false;
	text->len -= len;
	return true;
}

static bool contains(struct text text, const char *word)
{
	return memmem(text.start, text.len, word, strlen(word));
}

/* The next part up to @separator, which is skipped; false at the end of @rest. */
static bool next_part(struct text *rest, char separator, struct text *ret)
{
	const char *end;

	if (rest->len == 0)
		return false;
	end = memchr(rest->start, separator, rest->len);
	*ret = (struct text){rest->start, end ? (size_t)(end - rest->start) : rest->len};
	rest->start += ret->len + (end ? 1 : 0);
	rest->len -= ret->len + (end ? 1 : 0);
	return true;
}

/* Longer than any file name cannot be a cgroup's. */
static void copy(char to[EO_CGROUP_NAME_BYTES], struct text text)
{
	size_t len = text.len < EO_CGROUP_NAME_BYTES ? text.len : 0;

	memcpy(to, text.start, len);
	to[len] = '\0';
}

/* "ID", "RUNTIME-ID" or "…:RUNTIME:ID". What watches over a container for a runtime (conmon) has a
 * cgroup of the same form, and is not inside. */
static void find_container_id(struct text name, struct eo_process_cgroup *ret)
{
	const char *id;

	if (name.len < CONTAINER_ID_LEN || contains(name, "conmon"))
		return;
	id = name.start + name.len - CONTAINER_ID_LEN;
	if (name.len > CONTAINER_ID_LEN && id[-1] != '-' && id[-1] != ':')
		return;
	for (size_t i = 0; i < CONTAINER_ID_LEN; i++)
		if (!memchr(hex_digits, id[i], strlen(hex_digits)))
			return;
	memcpy(ret->container_id, id, CONTAINER_ID_LEN);
	ret->container_id[CONTAINER_ID_LEN] = '\0';
}

/* The driver for systemd writes "_" for "-", which has a meaning in names of slices. */
static bool read_pod_uid(struct text text, char ret[POD_UID_LEN + 1])
{
	if (text.len != POD_UID_LEN && text.len != STATIC_POD_UID_LEN)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		bool dash = text.len == POD_UID_LEN && (i == 8 || i == 13 || i == 18 || i == 23);

		ret[i] = text.start[i] == '_' ? '-' : text.start[i];
		if (dash ? ret[i] != '-' : !memchr(hex_digits, ret[i], strlen(hex_digits)))
			return false;
	}
	ret[text.len] = '\0';
	return true;
}

/* "podUID", "kubepods-QOS-podUID" or "kubepods-QOS-podUID.slice:RUNTIME:ID". */
static void find_pod_uid(struct text name, struct eo_process_cgroup *ret)
{
	char uid[POD_UID_LEN + 1];

	while (name.len) {
		const char *pod = memmem(name.start, name.len, "pod", 3);
		size_t skip, len = 0;

		if (!pod)
			return;
		skip = (size_t)(pod - name.start) + 3;
		name.start += skip;
		name.len -= skip;
		while (len < name.len && name.start[len] != '.' && name.start[len] != ':')
			len++;
		if (read_pod_uid((struct text){name.start, len}, uid))
			memcpy(ret->pod_uid, uid, sizeof(uid));
	}
}

static void parse_path(struct text path, bool names_units, struct eo_process_cgroup *ret)
{
	struct eo_process_cgroup found = {0};
	bool in_kubernetes = false;
	struct text name;

	cut_end(&path, " (deleted)");
	while (next_part(&path, '/', &name)) {
		bool is_service = cut_end(&name, ".service");
		bool is_scope = !is_service && cut_end(&name, ".scope");
		bool is_kubernetes = contains(name, "kubepods");

		in_kubernetes |= is_kubernetes;
		if (is_service)
			copy(found.unit, name);
		else if (is_scope || is_kubernetes)
			*found.unit =
				'\0'; /* nobody's service: a login, or a container started by one */
		if (starts_with(name, "lxc.payload."))
			copy(found.container, (struct text){name.start + 12, name.len - 12});
		if (in_kubernetes)
			find_pod_uid(name, &found);
		find_container_id(name, &found);
	}
	if (names_units && !*ret->unit)
		memcpy(ret->unit, found.unit, sizeof(ret->unit));
	if (!*ret->container)
		memcpy(ret->container, found.container, sizeof(ret->container));
	if (!*ret->container_id)
		memcpy(ret->container_id, found.container_id, sizeof(ret->container_id));
	if (!*ret->pod_uid)
		memcpy(ret->pod_uid, found.pod_uid, sizeof(ret->pod_uid));
}

void eo_process_cgroup_parse(const char *text, struct eo_process_cgroup *ret)
{
	const char *last = strrchr(text, '\n');
	struct text rest = {text, last ? (size_t)(last - text) : 0};
	struct text line, id, controllers;

	memset(ret, 0, sizeof(*ret));
	while (next_part(&rest, '\n', &line)) {
		if (!next_part(&line, ':', &id) || !next_part(&line, ':', &controllers) ||
		    !starts_with(line, "/"))
			continue;
		/* systemd keeps its units in cgroup v2, or in a v1 hierarchy of that name. */
		parse_path(line, controllers.len == 0 || starts_with(controllers, "name=systemd"),
			   ret);
	}
}
