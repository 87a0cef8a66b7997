/* SPDX-License-Identifier: BSD-2-Clause */
/* Between support.c and the files with its probes: a row is a question, run() answers it. */
#ifndef EO_CAPTURE_SUPPORT_ROW_H
#define EO_CAPTURE_SUPPORT_ROW_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "capture/support.h"

struct btf;

/* Taking a uprobe or kprobe off waits for grace periods, tens of milliseconds each. These waits
 * run side by side, each in a thread of its own, while the quick probes go on. */
enum eo_support_wait {
	EO_SUPPORT_WAIT_UPROBE_MULTI,
	EO_SUPPORT_WAIT_KPROBE,
	EO_SUPPORT_WAIT_COUNT,
};

struct eo_support_answer {
	int code;	  /* 0 or a negative errno */
	const char *step; /* what failed: "load", "attach"; static text */
};

struct eo_support_waiter {
	pthread_t thread;
	bool running;
	struct eo_support_answer (*ask)(void);
	struct eo_support_answer answer;
};

/* What several rows need, fetched once. */
struct eo_support_context {
	uint64_t capabilities;
	bool may_trace;		/* by capabilities: a refusal then has another cause */
	struct btf *vmlinux;	/* NULL when the kernel has no type information */
	int vmlinux_error;	/* negative errno then */
	int types_fd;		/* BTF of our own, loaded; negative errno when that failed */
	uint32_t type_int, type_main, type_callback; /* ids in it */
	struct eo_support_waiter waiters[EO_SUPPORT_WAIT_COUNT];
};

struct eo_support_row {
	const char *group, *key, *label;
	/* Answers with eo_support_say(); may set a hint of its own as well. */
	void (*run)(struct eo_support_context *context, struct eo_support_probe *ret);
	const char *hint_no; /* what to do when the kernel lacks it; NULL: nothing needs it */
};

/* Each ends with a NULL key. */
extern const struct eo_support_row eo_support_system_rows[], eo_support_bpf_rows[],
	eo_support_net_rows[];

/* The cure for most of what is denied: how to get the capabilities. */
extern const char eo_support_hint_privileges[];

/* Fetch and free what the rows of eo_support_bpf_rows and eo_support_net_rows share. */
void eo_support_bpf_init(struct eo_support_context *context);
void eo_support_bpf_fini(struct eo_support_context *context);

/** EPERM and EACCES: it is there, but not for us. Everything else: this kernel does not do it. */
void eo_support_say_answer(const struct eo_support_context *context, struct eo_support_probe *ret,
			   struct eo_support_answer answer);

/** The id of a kernel type, or a negative errno: -ENOENT as well when there is no BTF at all. */
int eo_support_kernel_type(const struct eo_support_context *context, const char *name, uint32_t kind);

/** Load and attach a program whose target is a type in the kernel's BTF; or a negative errno for it. */
struct eo_support_answer eo_support_attach_typed(uint32_t attach_type, int id);

/** @target: "bpf_iter_task" */
struct eo_support_answer eo_support_open_iterator(const struct eo_support_context *context,
						  const char *target);

/** Fill state and detail; control bytes in the text become '?'. */
void eo_support_say(struct eo_support_probe *probe, enum eo_support_state state, const char *fmt,
		    ...) __attribute__((format(printf, 3, 4)));

#endif
