/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/loader.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capture/loader_elf.h"
#include "capture/loader_verify.h"
#include "capture/probe.h"

#define PATIENCE_S 60 /* for libbpf and the verifier, with one object */

static const char HINT_KERNEL[] =
	"needs Linux 5.8 or newer with CONFIG_BPF_SYSCALL, CONFIG_BPF_EVENTS "
	"and CONFIG_DEBUG_INFO_BTF";

struct eo_loader {
	struct eo_config config;
	struct bpf_object *object; /* NULL: nothing is loaded */
};

int eo_loader_new(const struct eo_config *config, struct eo_loader **ret, struct eo_error *err)
{
	struct eo_loader *loader;
	int r = eo_config_validate(config, err);

	if (r < 0)
		return r;
	loader = calloc(1, sizeof(*loader));
	if (!loader)
		return eo_error_set(err, EO_ERROR_LOAD_FAILED, ENOMEM, NULL, "allocate loader");
	loader->config = *config;
	*ret = loader;
	return 0;
}

void eo_loader_free(struct eo_loader *loader)
{
	if (!loader)
		return;
	bpf_object__close(loader->object);
	free(loader);
}

const struct eo_config *eo_loader_config(const struct eo_loader *loader)
{
	return &loader->config;
}

bool eo_loader_is_loaded(const struct eo_loader *loader)
{
	return loader->object != NULL;
}

/* ENOSYS: no BPF at all. EPERM: not for us. The rest: this kernel is too old or built without. */
static int refuse(int code, const char *what, struct eo_error *err)
{
	switch (code) {
	case ENOSYS:
		return eo_error_set(err, EO_ERROR_UNSUPPORTED_PLATFORM, code, HINT_KERNEL, "%s",
				    what);
	case EPERM:
	case EACCES:
		return eo_error_set(err, EO_ERROR_INSUFFICIENT_PERMISSIONS, code,
				    EO_LOADER_HINT_PRIVILEGES, "%s", what);
	default:
		return eo_error_set(err, EO_ERROR_INCOMPATIBLE_KERNEL, code, HINT_KERNEL, "%s",
				    what);
	}
}

int eo_loader_check_system_support(const struct eo_loader *loader, struct eo_error *err)
{
	EO_AUTO_CLOSE int program = eo_probe_load_empty(BPF_PROG_TYPE_RAW_TRACEPOINT, 0, 0);
	EO_AUTO_CLOSE int ring = -1;

	(void)loader;
	if (program < 0)
		return refuse(-program, "load a BPF program", err);
	ring = bpf_map_create(BPF_MAP_TYPE_RINGBUF, NULL, 0, 0, sysconf(_SC_PAGESIZE), NULL);
	if (ring < 0)
		return refuse(-ring, "create a BPF ring buffer", err);
	if (access("/sys/kernel/btf/vmlinux", R_OK) < 0)
		return refuse(errno, "read the kernel's type information", err);
	return 0;
}

/* What the child leaves in shared memory. The pointers in it are to static text, which lies at the
 * same address in both processes. */
struct trial {
	int result;
	struct eo_error err;
	size_t count;
	struct eo_program_report reports[EO_LOADER_PROGRAMS_MAX];
};

/* Released libbpf versions crash on some damaged files. They do it in a child of ours, which has
 * no handlers, leaves no core and does not think for ever. */
static void run_trial(struct trial *trial, const char *name, const void *bytes, size_t size)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGALRM };
	const struct rlimit no_core = { 0 };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < EO_ARRAY_SIZE(signals); i++) {
		signal(signals[i], SIG_DFL);
		sigaddset(&set, signals[i]);
	}
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	setrlimit(RLIMIT_CORE, &no_core);
	alarm(PATIENCE_S);
	trial->result =
		eo_loader_verify(name, bytes, size, trial->reports, &trial->count, &trial->err);
	_exit(0);
}

/* Returns 0 when the child has come to a result, else a negative errno. */
static int await_trial(pid_t child, const char *name, struct eo_error *err)
{
	int status;

	while (waitpid(child, &status, 0) < 0) {
		if (errno != EINTR)
			return eo_error_set(err, EO_ERROR_LOAD_FAILED, errno, NULL,
					    "wait for the verifier");
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		return eo_error_set(err, EO_ERROR_LOAD_FAILED, 0, NULL,
				    "verify BPF object %.120s: no result after %d s", name,
				    PATIENCE_S);
	return eo_error_set(err, EO_ERROR_LOAD_FAILED, 0, NULL,
			    "read BPF object %.120s: it is damaged, libbpf ends with signal %d",
			    name, WIFSIGNALED(status) ? WTERMSIG(status) : 0);
}

static int try_in_child(struct trial *trial, const char *name, const void *bytes, size_t size,
			struct eo_error *err)
{
	pid_t child = fork();
	int r;

	if (child < 0)
		return eo_error_set(err, EO_ERROR_LOAD_FAILED, errno, NULL, "fork");
	if (child == 0)
		run_trial(trial, name, bytes, size);
	r = await_trial(child, name, err);
	if (r < 0)
		return r;
	if (trial->result < 0 && err)
		*err = trial->err;
	return trial->result;
}

int eo_loader_validate_program(const struct eo_loader *loader, const char *name, const void *bytes,
			       size_t size, struct eo_program_report **reports,
			       size_t *report_count, struct eo_error *err)
{
	struct trial *trial;
	int r = eo_loader_elf_check(name, bytes, size, err);

	(void)loader;
	*reports = NULL;
	*report_count = 0;
	if (r < 0)
		return r;
	trial = mmap(NULL, sizeof(*trial), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	if (trial == MAP_FAILED)
		return eo_error_set(err, EO_ERROR_LOAD_FAILED, errno, NULL, "allocate reports");

	r = try_in_child(trial, name, bytes, size, err);
	if (trial->count && trial->count <= EO_LOADER_PROGRAMS_MAX) {
		*reports = calloc(trial->count, sizeof(**reports));
		if (*reports) {
			*report_count = trial->count;
			memcpy(*reports, trial->reports, trial->count * sizeof(**reports));
		} else if (r == 0) {
			r = eo_error_set(err, EO_ERROR_LOAD_FAILED, ENOMEM, NULL,
					 "allocate reports");
		}
	}
	munmap(trial, sizeof(*trial));
	return r;
}

int eo_loader_load(struct eo_loader *loader, const char *name, const void *bytes, size_t size,
		   struct eo_error *err)
{
	EO_AUTO_FREE struct eo_program_report *reports = NULL;
	struct bpf_object *object = NULL;
	size_t count;
	int r;

	if (loader->object)
		return eo_error_set(err, EO_ERROR_LOAD_FAILED, EALREADY, "unload the first one",
				    "load BPF object %.120s", name);

	/* Names the program at fault, and what does not survive there is not tried here. */
	r = eo_loader_validate_program(loader, name, bytes, size, &reports, &count, err);
	if (r < 0)
		return r;
	r = eo_loader_open(name, bytes, size, &object, err);
	if (r < 0)
		return r;
	r = bpf_object__load(object);
	if (r < 0) {
		bpf_object__close(object);
		return eo_error_set(err, EO_ERROR_LOAD_FAILED, -r, NULL, "load BPF object %.120s",
				    name);
	}
	loader->object = object;
	return 0;
}

int eo_loader_unload(struct eo_loader *loader, struct eo_error *err)
{
	if (!loader->object)
		return eo_error_set(err, EO_ERROR_LOAD_FAILED, EINVAL, NULL,
				    "unload BPF object: nothing is loaded");
	bpf_object__close(loader->object);
	loader->object = NULL;
	return 0;
}
