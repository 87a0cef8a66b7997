/* SPDX-License-Identifier: BSD-2-Clause */
#include "otlp/resources.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/auto.h"

/* A process that is not in the table any more is named after its comm, so this is generous. */
#define MAX_PROCESSES 8192

struct process {
	struct eo_otlp_resource *full, *service;
	char comm[EO_COMM_BYTES];
	bool is_told; /* by a process record; else the comm is all that is known */
};

/* Of the start record, and what OTLP calls it. */
static const struct {
	const char *key, *attribute;
} host_keys[] = {
	{ "host_name", "host.name" },
	{ "host_id", "host.id" },
	{ "host_arch", "host.arch" },
};

static void drop_process(void *value)
{
	struct process *process = value;

	eo_otlp_resource_unref(process->full);
	eo_otlp_resource_unref(process->service);
}

void eo_otlp_resources_init(struct eo_otlp_resources *resources)
{
	*resources = (struct eo_otlp_resources){ .additional = NULL };
	_Static_assert(EO_ARRAY_SIZE(host_keys) == EO_ARRAY_SIZE(resources->host), "a row each");
	eo_recent_init(&resources->processes, sizeof(struct process), MAX_PROCESSES, drop_process);
}

static void forget_ours(struct eo_otlp_resources *resources)
{
	eo_otlp_resource_unref(resources->host_resource);
	eo_otlp_resource_unref(resources->self);
	eo_otlp_resource_unref(resources->nobody);
	resources->host_resource = resources->self = resources->nobody = NULL;
}

void eo_otlp_resources_fini(struct eo_otlp_resources *resources)
{
	forget_ours(resources);
	eo_recent_fini(&resources->processes);
	for (size_t i = 0; i < EO_ARRAY_SIZE(resources->host); i++)
		free(resources->host[i]);
	for (size_t i = 0; i < resources->additional_count; i++) {
		free((char *)resources->additional[i].key);
		free((char *)resources->additional[i].str);
	}
	free(resources->additional);
}

int eo_otlp_resources_add(struct eo_otlp_resources *resources,
			  const struct eo_attribute *attributes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct eo_attribute *list = reallocarray(
			resources->additional, resources->additional_count + 1, sizeof(*list));
		EO_AUTO_FREE char *key = strdup(attributes[i].key);
		EO_AUTO_FREE char *str = attributes[i].str ? strdup(attributes[i].str) : NULL;

		if (list)
			resources->additional = list;
		if (!list || !key || (attributes[i].str && !str))
			return -ENOMEM;
		list[resources->additional_count++] = (struct eo_attribute){
			.key = eo_steal(&key), .str = eo_steal(&str), .num = attributes[i].num
		};
	}
	return 0;
}

static void add_host(const struct eo_otlp_resources *resources, struct eo_resource_draft *draft)
{
	for (size_t i = 0; i < EO_ARRAY_SIZE(host_keys); i++)
		eo_resource_draft_string(draft, host_keys[i].attribute, resources->host[i]);
	eo_resource_draft_string(draft, "os.type", "linux");
}

/* What the user says comes last: it overrules. */
static struct eo_otlp_resource *finish(const struct eo_otlp_resources *resources,
				       struct eo_resource_draft *draft)
{
	for (size_t i = 0; i < resources->additional_count; i++) {
		const struct eo_attribute *attribute = &resources->additional[i];

		if (attribute->str)
			eo_resource_draft_string(draft, attribute->key, attribute->str);
		else
			eo_resource_draft_int(draft, attribute->key, attribute->num);
	}
	return eo_otlp_resource_new(draft);
}

/* "unknown_service:EXE". Names are what a path has behind its last slash. */
struct unknown_service {
	char text[320];
};

static struct unknown_service unknown_service(const char *name)
{
	struct unknown_service service;

	snprintf(service.text, sizeof(service.text),
		 *name ? "unknown_service:%s" : "unknown_service%s", name);
	return service;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* A service is what its processes have in common. */
static struct eo_otlp_resource *service_of(const struct eo_otlp_resources *resources,
					   const struct eo_resource_draft *full)
{
	struct eo_resource_draft draft = { .dropped = full->dropped };

	for (size_t i = 0; i < full->count; i++)
		if (strncmp(full->attributes[i].key, "process.", 8))
			draft.attributes[draft.count++] = full->attributes[i];
	return finish(resources, &draft);
}

static int set_process(const struct eo_otlp_resources *resources, struct process *process,
		       struct eo_resource_draft *draft)
{
	struct eo_otlp_resource *service = service_of(resources, draft);
	struct eo_otlp_resource *full = finish(resources, draft);

	if (!service || !full) {
		eo_otlp_resource_unref(service);
		eo_otlp_resource_unref(full);
		return -ENOMEM;
	}
	drop_process(process);
	process->service = service;
	process->full = full;
	return 0;
}

/* Returns NULL when memory is out. */
static struct process *new_process(struct eo_otlp_resources *resources, uint32_t pid)
{
	bool is_new;

	return eo_recent_put(&resources->processes, pid, &is_new);
}

static int learn_process(struct eo_otlp_resources *resources, const struct eo_event *event)
{
	struct eo_resource_draft draft = { .count = 0 };
	const char *exe = eo_event_text(event, "exe", NULL);
	struct process *process = new_process(resources, event->pid);
	char comm[EO_COMM_BYTES + 1] = { 0 };
	struct unknown_service unknown;
	int status;

	if (!process)
		return -ENOMEM;
	memcpy(comm, event->comm, EO_COMM_BYTES);
	unknown = unknown_service(exe ? base_name(exe) : comm);
	eo_resource_draft_string(&draft, "service.name", unknown.text);
	/* What it says of itself. It may see itself and its machine otherwise than we do; there,
	 * what we see goes first. */
	eo_resource_draft_object(&draft, eo_event_data(event, "resource"));
	eo_resource_draft_int(&draft, "process.pid", event->pid);
	if (exe) {
		eo_resource_draft_string(&draft, "process.executable.name", base_name(exe));
		eo_resource_draft_string(&draft, "process.executable.path", exe);
	}
	eo_resource_draft_string(&draft, "container.id", eo_event_text(event, "container_id", NULL));
	eo_resource_draft_string(&draft, "k8s.pod.uid", eo_event_text(event, "pod_uid", NULL));
	add_host(resources, &draft);
	status = set_process(resources, process, &draft);
	process->is_told = status == 0;
	return status;
}

static int learn_start(struct eo_otlp_resources *resources, const struct eo_event *event)
{
	struct eo_resource_draft draft = { .count = 0 };

	for (size_t i = 0; i < EO_ARRAY_SIZE(host_keys); i++) {
		const char *text = eo_event_text(event, host_keys[i].key, NULL);
		char *copy = text ? strdup(text) : NULL;

		if (text && !copy)
			return -ENOMEM;
		free(resources->host[i]);
		resources->host[i] = copy;
	}
	forget_ours(resources);
	eo_resource_draft_string(&draft, "service.name", "ebpfotel");
	eo_resource_draft_string(&draft, "service.version", eo_event_text(event, "version", NULL));
	eo_resource_draft_object(&draft, eo_event_data(event, "resource"));
	if (event->pid)
		eo_resource_draft_int(&draft, "process.pid", event->pid);
	eo_resource_draft_string(&draft, "process.executable.name", "ebpfotel");
	add_host(resources, &draft);
	resources->self = finish(resources, &draft);
	return resources->self ? 0 : -ENOMEM;
}

int eo_otlp_resources_learn(struct eo_otlp_resources *resources, const struct eo_event *event)
{
	if (event->type == EO_EVENT_START)
		return learn_start(resources, event);
	if (event->type == EO_EVENT_PROCESS && event->pid)
		return learn_process(resources, event);
	return 0;
}

/* The comm is all that is known, until it changes because the process runs another program. */
static struct process *process_of(struct eo_otlp_resources *resources, const struct eo_event *event)
{
	struct process *process = eo_recent_get(&resources->processes, event->pid);
	struct eo_resource_draft draft = { .count = 0 };
	char comm[EO_COMM_BYTES + 1] = { 0 };
	struct unknown_service unknown;

	if (process && process->full &&
	    (process->is_told || !memcmp(process->comm, event->comm, EO_COMM_BYTES)))
		return process;
	process = new_process(resources, event->pid);
	if (!process)
		return NULL;
	memcpy(comm, event->comm, EO_COMM_BYTES);
	memcpy(process->comm, event->comm, EO_COMM_BYTES);
	unknown = unknown_service(comm);
	eo_resource_draft_string(&draft, "service.name", unknown.text);
	eo_resource_draft_int(&draft, "process.pid", event->pid);
	add_host(resources, &draft);
	return set_process(resources, process, &draft) < 0 ? NULL : process;
}

/* Made at first use. @service: what stands in service.name, or NULL */
static struct eo_otlp_resource *ours(struct eo_otlp_resources *resources,
				     struct eo_otlp_resource **resource, const char *service)
{
	struct eo_resource_draft draft = { .count = 0 };

	if (!*resource) {
		eo_resource_draft_string(&draft, "service.name", service);
		add_host(resources, &draft);
		*resource = finish(resources, &draft);
	}
	return *resource;
}

struct eo_otlp_resource *eo_otlp_resources_of(struct eo_otlp_resources *resources,
					      const struct eo_event *event,
					      enum eo_otlp_owner owner)
{
	struct process *process;

	if (owner == EO_OWNER_HOST)
		return ours(resources, &resources->host_resource, NULL);
	if (owner == EO_OWNER_SELF)
		return ours(resources, &resources->self, "ebpfotel");
	if (!event->pid)
		return ours(resources, &resources->nobody, "unknown_service");
	process = process_of(resources, event);
	if (!process)
		return NULL;
	return owner == EO_OWNER_SERVICE ? process->service : process->full;
}
