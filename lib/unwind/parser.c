// SPDX-License-Identifier: BSD-2-Clause
#include "unwind/parser.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/confine.h"
#include "unwind/frame_file.h"

struct job {
	struct job *next;
	uint32_t file;
	int fd; /* -1: done */
	uint64_t size;
	struct eo_packed_table table;
};

struct eo_parser {
	struct eo_rule_dictionary *dictionary;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wanted;
	struct job *waiting; /* by size */
	struct job *done;    /* in any order */
	bool ending, started;
	int event_fd;
};

static void free_jobs(struct job *job)
{
	while (job) {
		struct job *next = job->next;

		if (job->fd >= 0)
			close(job->fd);
		eo_packed_table_fini(&job->table);
		free(job);
		job = next;
	}
}

static void parse(struct eo_parser *parser, struct job *job)
{
	struct eo_packer packer = {.table = &job->table, .dictionary = parser->dictionary};

	/* A file that cannot be parsed is one without a table: frame pointers are tried in it. */
	if (eo_frame_file_each(job->fd, eo_packer_add, &packer, NULL) < 0 || eo_packer_finish(&packer) < 0)
		eo_packed_table_fini(&job->table);
	close(job->fd);
	job->fd = -1;
}

static void *work(void *arg)
{
	struct eo_parser *parser = arg;
	const uint64_t one = 1;
	struct job *job;

	/* It looks at files that others made, with code that takes them apart. */
	eo_confine_capabilities(eo_confine_for_files());
	pthread_mutex_lock(&parser->lock);
	for (;;) {
		while (!parser->waiting && !parser->ending)
			pthread_cond_wait(&parser->wanted, &parser->lock);
		if (parser->ending)
			break;
		job = parser->waiting;
		parser->waiting = job->next;
		pthread_mutex_unlock(&parser->lock);
		parse(parser, job);
		pthread_mutex_lock(&parser->lock);
		job->next = parser->done;
		parser->done = job;
		if (write(parser->event_fd, &one, sizeof(one)) < 0)
			break; /* cannot be: the counter never comes near its limit */
	}
	pthread_mutex_unlock(&parser->lock);
	return NULL;
}

int eo_parser_new(struct eo_rule_dictionary *dictionary, struct eo_parser **ret, struct eo_error *err)
{
	EO_AUTO(eo_parser) parser = calloc(1, sizeof(*parser));
	sigset_t all, old;
	int r;

	if (!parser)
		return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, ENOMEM, NULL, "allocate the table parser");
	parser->dictionary = dictionary;
	pthread_mutex_init(&parser->lock, NULL);
	pthread_cond_init(&parser->wanted, NULL);
	parser->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (parser->event_fd < 0)
		return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, errno, NULL, "create an eventfd");
	/* Signals are the caller's affair. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&parser->thread, NULL, work, parser);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r)
		return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, r, NULL, "start the table parser");
	parser->started = true;
	*ret = eo_steal(&parser);
	return 0;
}

void eo_parser_free(struct eo_parser *parser)
{
	if (!parser)
		return;
	if (parser->started) {
		pthread_mutex_lock(&parser->lock);
		parser->ending = true;
		pthread_cond_signal(&parser->wanted);
		pthread_mutex_unlock(&parser->lock);
		pthread_join(parser->thread, NULL);
	}
	free_jobs(parser->waiting);
	free_jobs(parser->done);
	if (parser->event_fd >= 0)
		close(parser->event_fd);
	pthread_cond_destroy(&parser->wanted);
	pthread_mutex_destroy(&parser->lock);
	free(parser);
}

int eo_parser_fd(const struct eo_parser *parser)
{
	return parser->event_fd;
}

int eo_parser_submit(struct eo_parser *parser, uint32_t file, int fd)
{
	struct job *job = calloc(1, sizeof(*job)), **place;
	struct stat st;

	if (!job) {
		close(fd);
		return -ENOMEM;
	}
	job->file = file;
	job->fd = fd;
	job->size = fstat(fd, &st) == 0 ? (uint64_t)st.st_size : 0;
	pthread_mutex_lock(&parser->lock);
	for (place = &parser->waiting; *place && (*place)->size <= job->size; place = &(*place)->next)
		;
	job->next = *place;
	*place = job;
	pthread_cond_signal(&parser->wanted);
	pthread_mutex_unlock(&parser->lock);
	return 0;
}

bool eo_parser_result(struct eo_parser *parser, uint32_t *file, struct eo_packed_table *table)
{
	uint64_t count;
	struct job *job;

	/* Emptied before looking, so that what comes later makes it readable again. */
	if (read(parser->event_fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return false;
	pthread_mutex_lock(&parser->lock);
	job = parser->done;
	if (job)
		parser->done = job->next;
	pthread_mutex_unlock(&parser->lock);
	if (!job)
		return false;
	*file = job->file;
	*table = job->table;
	free(job);
	return true;
}
