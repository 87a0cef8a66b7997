/* SPDX-License-Identifier: BSD-2-Clause */
/* Symbolic links are left to the kernel wherever it can resolve them, because in /tmp it refuses
 * links that others have planted (fs.protected_symlinks). Only a dangling one is read here, and
 * for that the kernel's rule is applied by hand. */
#include "export/output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#define LINKS_MAX 40 /* as in the kernel */
#define TEMPORARY_ATTEMPTS 100
#define TEMPORARY_STEM_BYTES 200 /* of the name of FILE; leaves room for the rest below NAME_MAX */

struct eo_output {
	FILE *stream; /* NULL after commit */
	int fd;
	int write_error; /* errno of the first write that failed */
	char *name;
	bool is_stdout;

	/* Of a file that appears by rename. It has a name of its own only between being complete and
	 * being renamed, so that a run that is killed leaves nothing behind; on file systems that
	 * have no files without names, and where it is to be another user's, from the start. */
	char temporary[NAME_MAX + 1]; /* empty: it has none */
	bool is_unnamed;
	char *target; /* both are names in dir_fd */
	int dir_fd;

	char buffer[64 * 1024];
};

static int fail(struct eo_error *err, int code, const char *hint, const char *operation,
		const char *name)
{
	return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, code, hint, "%s %s", operation,
			    name);
}

/* A stream of our own kind, because stdio forgets why a write failed. */
static ssize_t write_fd(void *cookie, const char *bytes, size_t size)
{
	struct eo_output *output = cookie;
	size_t done = 0;

	while (done < size && !output->write_error) {
		ssize_t n = write(output->fd, bytes + done, size - done);

		if (n >= 0) {
			done += (size_t)n;
		} else if (errno == EAGAIN) {
			/* Somebody else made the pipe that we share non-blocking. */
			struct pollfd pipe = { .fd = output->fd, .events = POLLOUT };

			poll(&pipe, 1, -1);
		} else if (errno != EINTR) {
			output->write_error = errno;
		}
	}
	return (ssize_t)done;
}

static int open_stream(struct eo_output *output, bool binary, struct eo_error *err)
{
	static const cookie_io_functions_t functions = { .write = write_fd };

	if (binary && isatty(output->fd))
		return eo_error_set(err, EO_ERROR_CONFIG, 0,
				    "name a file with -o FILE, or send the output through a pipe",
				    "write %s: binary data is not for a terminal", output->name);
	output->stream = fopencookie(output, "w", functions);
	if (!output->stream)
		return fail(err, errno, NULL, "write", output->name);
	setvbuf(output->stream, output->buffer, _IOFBF, sizeof(output->buffer));
	return 0;
}

static int open_stdout(struct eo_output *output, bool binary, struct eo_error *err)
{
	int flags = fcntl(STDOUT_FILENO, F_GETFL);

	if (flags >= 0 && (flags & O_ACCMODE) == O_RDONLY)
		return fail(err, EBADF, NULL, "write", output->name);
	output->is_stdout = true;
	/* A copy, so that closing the stream leaves descriptor 1 open. */
	output->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (output->fd < 0)
		return fail(err, errno, NULL, "write", output->name);
	return open_stream(output, binary, err);
}

static char *parent_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return strdup(".");
	return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

/* Read one symbolic link: the path it stands for, malloc()ed. NULL and errno: EINVAL if it is no
 * link, EACCES if it belongs neither to us nor to the owner of its directory. */
static char *read_link(const char *path)
{
	EO_AUTO_CLOSE int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	EO_AUTO_FREE char *parent = parent_of(path);
	char text[PATH_MAX], *joined;
	struct stat link, dir;
	ssize_t len;

	if (fd < 0 || !parent || fstat(fd, &link) || stat(parent, &dir))
		return NULL;
	if (!S_ISLNK(link.st_mode)) {
		errno = EINVAL;
		return NULL;
	}
	if (link.st_uid != geteuid() && link.st_uid != dir.st_uid) {
		errno = EACCES;
		return NULL;
	}
	len = readlinkat(fd, "", text, sizeof(text) - 1);
	if (len < 0)
		return NULL;
	text[len] = '\0';
	if (text[0] == '/')
		return strdup(text);
	return asprintf(&joined, "%s/%s", parent, text) < 0 ? NULL : joined;
}

/* Where a file would be created that does not exist: @path, or what dangling links lead to. */
static char *follow_dangling(const char *path)
{
	char *at = strdup(path);

	for (int i = 0; at && i < LINKS_MAX; i++) {
		char *next = read_link(at);

		if (!next && (errno == ENOENT || errno == EINVAL))
			return at;
		free(at);
		at = next;
	}
	if (at)
		errno = ELOOP;
	free(at);
	return NULL;
}

static bool is_mount_point(const char *path)
{
	struct statx stx;

	return !statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, 0, &stx) &&
	       (stx.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

/* The way to a file that has no name. */
static void path_of_fd(int fd, char ret[32])
{
	snprintf(ret, 32, "/proc/self/fd/%d", fd);
}

/* Returns a descriptor, or -1 where there is no such thing, or no /proc to name it by later. */
static int open_unnamed(int dir_fd)
{
	int fd = openat(dir_fd, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	char path[32];

	path_of_fd(fd, path);
	if (fd >= 0 && access(path, F_OK)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* A name that nobody has, for @make: it returns a descriptor, or -1 and errno. */
static int name_temporary(struct eo_output *output, int (*make)(struct eo_output *output))
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
	unsigned char random[6];
	char suffix[sizeof(random) + 1] = "";
	int fd = -1;

	for (int i = 0; i < TEMPORARY_ATTEMPTS && fd < 0; i++) {
		if (getrandom(random, sizeof(random), 0) != sizeof(random))
			break;
		for (size_t j = 0; j < sizeof(random); j++)
			suffix[j] = letters[random[j] % (sizeof(letters) - 1)];
		snprintf(output->temporary, sizeof(output->temporary), ".%.*s.%s",
			 TEMPORARY_STEM_BYTES, output->target, suffix);
		fd = make(output);
		if (fd < 0 && errno != EEXIST)
			break;
	}
	if (fd < 0)
		output->temporary[0] = '\0';
	return fd;
}

static int make_named(struct eo_output *output)
{
	return openat(output->dir_fd, output->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
		      0600);
}

static int give_name(struct eo_output *output)
{
	char path[32];

	path_of_fd(output->fd, path);
	return linkat(AT_FDCWD, path, output->dir_fd, output->temporary, AT_SYMLINK_FOLLOW);
}

/* Give the new file the rights of the old one, now, because captures give up the right to. The
 * owner stays ours where we may not give files away; then the group's rights would go to a group
 * that never had them, and are left out. */
static void copy_rights(int fd, const struct stat *old)
{
	mode_t mode = old->st_mode & 0777;

	if (fchown(fd, old->st_uid, old->st_gid) && fchown(fd, (uid_t)-1, old->st_gid))
		mode &= ~(mode_t)070;
	/* Cannot fail for a file that we made; if it does, the file stays private. */
	(void)!fchmod(fd, mode);
}

/* Create the temporary file beside @path. @old: what it is to replace; NULL: nothing */
static int open_temporary(struct eo_output *output, const char *path, const struct stat *old,
			  bool binary, struct eo_error *err)
{
	EO_AUTO_FREE char *parent = parent_of(path);
	const char *slash = strrchr(path, '/');
	const char *target = slash ? slash + 1 : path;

	if (!*target)
		return fail(err, EISDIR, "name a file in the directory", "create", output->name);
	output->target = strdup(target);
	if (!parent || !output->target)
		return fail(err, ENOMEM, NULL, "create", output->name);
	output->dir_fd = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (output->dir_fd < 0)
		return fail(err, errno, errno == ENOENT ? "create its directory first" : NULL,
			    "create", output->name);

	/* Others than its owner may not name it later (fs.protected_hardlinks). */
	if (!old || old->st_uid == geteuid())
		output->fd = open_unnamed(output->dir_fd);
	output->is_unnamed = output->fd >= 0;
	if (!output->is_unnamed)
		output->fd = name_temporary(output, make_named);
	if (output->fd < 0)
		return fail(err, errno, NULL, "create", output->name);
	if (old)
		copy_rights(output->fd, old);
	return open_stream(output, binary, err);
}

static int open_file(struct eo_output *output, bool binary, struct eo_error *err)
{
	EO_AUTO_FREE char *path = NULL;
	EO_AUTO_CLOSE int fd = -1;
	struct stat st, real;
	bool replaces;

	if (stat(output->name, &st)) {
		if (errno == ENOENT)
			path = follow_dangling(output->name);
		if (!path)
			return fail(err, errno, NULL, "create", output->name);
		return open_temporary(output, path, NULL, binary, err);
	}
	if (S_ISDIR(st.st_mode))
		return fail(err, EISDIR, "name a file in the directory", "write", output->name);

	/* A file that is not where its path says has no name to rename to: it was deleted and is
	 * reached through /proc/self/fd. */
	if (S_ISREG(st.st_mode))
		path = realpath(output->name, NULL);
	replaces = path && !lstat(path, &real) && real.st_ino == st.st_ino &&
		   real.st_dev == st.st_dev;

	/* A file to be replaced is opened as well, to learn now whether we may. */
	fd = open(output->name, O_WRONLY | O_CLOEXEC | O_NOCTTY | (replaces ? 0 : O_TRUNC));
	if (fd < 0)
		return fail(err, errno, NULL, "write", output->name);
	if (!replaces) {
		output->fd = eo_steal_fd(&fd);
		return open_stream(output, binary, err);
	}
	if (is_mount_point(path))
		return fail(err, EBUSY, "the file is mounted by itself: mount its directory instead",
			    "replace", output->name);
	return open_temporary(output, path, &st, binary, err);
}

int eo_output_open(const char *path, bool binary, struct eo_output **ret, struct eo_error *err)
{
	EO_AUTO(eo_output) output = calloc(1, sizeof(*output));
	bool is_stdout = !strcmp(path, "-");
	int r;

	if (output) {
		output->fd = -1;
		output->dir_fd = -1;
		output->name = strdup(is_stdout ? "stdout" : path);
	}
	if (!output || !output->name)
		return fail(err, ENOMEM, NULL, "write", path);
	r = is_stdout ? open_stdout(output, binary, err) : open_file(output, binary, err);
	if (r < 0)
		return r;
	*ret = eo_steal(&output);
	return 0;
}

/* Close what is open and remove the temporary file, if it was not renamed. */
static void discard(struct eo_output *output)
{
	if (output->stream) {
		/* What is still buffered belongs to a document that will not be complete. */
		output->write_error = ECANCELED;
		fclose(output->stream);
		output->stream = NULL;
	}
	if (output->fd >= 0)
		close(output->fd);
	output->fd = -1;
	if (output->temporary[0])
		unlinkat(output->dir_fd, output->temporary, 0);
	output->temporary[0] = '\0';
}

void eo_output_free(struct eo_output *output)
{
	if (!output)
		return;
	discard(output);
	if (output->dir_fd >= 0)
		close(output->dir_fd);
	free(output->target);
	free(output->name);
	free(output);
}

FILE *eo_output_stream(struct eo_output *output)
{
	return output->stream;
}

bool eo_output_is_stdout(const struct eo_output *output)
{
	return output->is_stdout;
}

const char *eo_output_name(const struct eo_output *output)
{
	return output->name;
}

/* Returns 0 or a positive errno. */
static int commit(struct eo_output *output)
{
	int fd;

	fflush(output->stream);
	if (output->write_error)
		return output->write_error;
	if (output->temporary[0] || output->is_unnamed) {
		/* EINVAL: a file system that has no such thing */
		if (fsync(output->fd) && errno != EINVAL)
			return errno;
		if (output->is_unnamed && name_temporary(output, give_name) < 0)
			return errno;
	}
	/* Some network file systems tell of a full disk only now. */
	fd = eo_steal_fd(&output->fd);
	if (close(fd) && errno != EINTR)
		return errno;
	if (output->temporary[0]) {
		if (renameat(output->dir_fd, output->temporary, output->dir_fd, output->target))
			return errno;
		output->temporary[0] = '\0';
	}
	return 0;
}

int eo_output_commit(struct eo_output *output, struct eo_error *err)
{
	int code;

	if (!output->stream)
		return fail(err, EALREADY, NULL, "commit", output->name);
	code = commit(output);
	discard(output);
	if (code && code != EPIPE)
		return fail(err, code, NULL, "write", output->name);
	return 0;
}

int eo_output_finish(struct eo_output *output, int r, struct eo_error *err)
{
	if (r < 0 && !output->write_error)
		return r;
	if (err)
		*err = (struct eo_error){0};
	return eo_output_commit(output, err);
}
