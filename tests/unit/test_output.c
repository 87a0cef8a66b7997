/* SPDX-License-Identifier: BSD-2-Clause */
#include "export/output.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "open_files.h"

static char root[64];
static char shown[PATH_MAX];

/* There are file systems on which each file has a name. The linker sends the library's openat() here, by
 * one of its two names, see meson.build. */
static bool files_have_names;

int __real_openat(int dir_fd, const char *path, int flags, ...);
int __real_openat64(int dir_fd, const char *path, int flags, ...);
int __wrap_openat(int dir_fd, const char *path, int flags, ...);
int __wrap_openat64(int dir_fd, const char *path, int flags, ...);

static bool has_no_name(int flags)
{
	return (flags & O_TMPFILE) == O_TMPFILE;
}

static bool is_refused(int flags)
{
	if (files_have_names && has_no_name(flags))
		errno = EOPNOTSUPP;
	return files_have_names && has_no_name(flags);
}

/* There is one only for what may be created. */
#define MODE_BEHIND(flags)                                                                   \
	({                                                                                   \
		mode_t mode = 0;                                                             \
		va_list rest;                                                                \
                                                                                             \
		va_start(rest, flags);                                                       \
		if (has_no_name(flags) || (flags) & O_CREAT)                                 \
			mode = va_arg(rest, mode_t);                                         \
		va_end(rest);                                                                \
		mode;                                                                        \
	})

int __wrap_openat(int dir_fd, const char *path, int flags, ...)
{
	return is_refused(flags) ? -1 : __real_openat(dir_fd, path, flags, MODE_BEHIND(flags));
}

int __wrap_openat64(int dir_fd, const char *path, int flags, ...)
{
	return is_refused(flags) ? -1 : __real_openat64(dir_fd, path, flags, MODE_BEHIND(flags));
}

static void enter(void)
{
	strcpy(root, "/tmp/test_output.XXXXXX");
	cr_assert_not_null(mkdtemp(root));
	signal(SIGPIPE, SIG_IGN);
	umask(022);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

static void leave(void)
{
	nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* A skipped test does not come to leave(). */
#define SKIP(...)                          \
	do {                               \
		int code = errno;          \
		leave();                   \
		errno = code;              \
		cr_skip_test(__VA_ARGS__); \
	} while (0)

TestSuite(output, .init = enter, .fini = leave, .timeout = 30);

/* A path below the scratch directory. */
static const char *in(const char *name)
{
	snprintf(shown, sizeof(shown), "%s/%s", root, name);
	return shown;
}

static void put(const char *name, const char *text, mode_t mode)
{
	FILE *file = fopen(in(name), "w");

	cr_assert_not_null(file);
	fputs(text, file);
	fclose(file);
	cr_assert_eq(chmod(in(name), mode), 0);
}

static void expect_content(const char *name, const char *text)
{
	char buffer[256];
	int fd = open(in(name), O_RDONLY);
	ssize_t len;

	cr_assert_geq(fd, 0, "%s is missing", name);
	len = read(fd, buffer, sizeof(buffer) - 1);
	close(fd);
	cr_assert_geq(len, 0);
	buffer[len] = '\0';
	cr_expect_str_eq(buffer, text);
}

static void expect_mode(const char *name, mode_t mode)
{
	struct stat st;

	cr_assert_eq(stat(in(name), &st), 0);
	cr_expect_eq(st.st_mode & 07777, mode, "%s has mode %o", name, st.st_mode & 07777);
}

/* How many entries a directory has, and the last of them that is hidden. */
static int entries(const char *name, char *hidden)
{
	DIR *dir = opendir(in(name));
	struct dirent *entry;
	int count = 0;

	cr_assert_not_null(dir);
	while ((entry = readdir(dir))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		count++;
		if (hidden && entry->d_name[0] == '.')
			strcpy(hidden, entry->d_name);
	}
	closedir(dir);
	return count;
}

static struct eo_output *open_output(const char *path)
{
	struct eo_output *output = NULL;
	struct eo_error err = { 0 };

	cr_assert_eq(eo_output_open(path, false, &output, &err), 0, "%s: %s", err.text,
		     strerror(err.code));
	return output;
}

static void write_all(const char *path, const char *text)
{
	struct eo_output *output = open_output(path);
	struct eo_error err = { 0 };

	fputs(text, eo_output_stream(output));
	cr_expect_eq(eo_output_commit(output, &err), 0, "%s: %s", err.text, strerror(err.code));
	eo_output_free(output);
}

static void expect_refused(const char *path, int code)
{
	struct eo_output *output = (void *)8;
	struct eo_error err = { 0 };

	cr_expect_eq(eo_output_open(path, false, &output, &err), -code);
	cr_expect_eq(output, (void *)8, "set although it failed");
	cr_expect_eq(err.kind, EO_ERROR_EVENT_PROCESSING_FAILED);
	cr_expect_eq(err.code, code);
	cr_expect_not_null(strstr(err.text, path));
}

static bool has_unnamed_files(void)
{
	int fd = openat(AT_FDCWD, root, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static void expect_to_appear_at_commit(void)
{
	struct eo_output *output = open_output(in("new"));
	char hidden[NAME_MAX + 1] = "";

	cr_expect_str_eq(eo_output_name(output), in("new"));
	cr_expect_not(eo_output_is_stdout(output));
	fputs("text", eo_output_stream(output));
	fflush(eo_output_stream(output));
	cr_expect_neq(access(in("new"), F_OK), 0);
	if (has_unnamed_files()) {
		cr_expect_eq(entries("", NULL), 0, "whoever is killed now leaves nothing");
	} else {
		cr_expect_eq(entries("", hidden), 1);
		cr_expect_eq(strncmp(hidden, ".new.", 5), 0);
		cr_expect_eq(strlen(hidden), 11);
		expect_mode(hidden, 0600);
	}
	cr_expect_eq(eo_output_commit(output, NULL), 0);
	eo_output_free(output);
	expect_content("new", "text");
	expect_mode("new", 0600);
	cr_expect_eq(entries("", NULL), 1);
}

Test(output, new_file_appears_at_commit_and_is_private)
{
	expect_to_appear_at_commit();
}

Test(output, where_each_file_has_a_name_it_is_hidden_until_commit)
{
	files_have_names = true;
	cr_assert_not(has_unnamed_files());
	expect_to_appear_at_commit();
}

Test(output, temporary_names_differ)
{
	char first[NAME_MAX + 1] = "", second[NAME_MAX + 1] = "";
	struct eo_output *output;

	files_have_names = true;
	for (int i = 0; i < 2; i++) {
		output = open_output(in("x"));
		cr_expect_eq(entries("", i ? second : first), 1);
		eo_output_free(output);
	}
	cr_expect_str_neq(first, second);
}

Test(output, relative_path_survives_a_change_of_directory)
{
	struct eo_output *output;

	cr_assert_eq(chdir(root), 0);
	output = open_output("here");
	cr_assert_eq(chdir("/"), 0);
	cr_expect_eq(eo_output_commit(output, NULL), 0);
	eo_output_free(output);
	expect_content("here", "");
}

Test(output, old_file_stays_until_commit_and_gives_its_mode)
{
	struct eo_output *output;

	put("old", "before", 0640);
	output = open_output(in("old"));
	fputs("after", eo_output_stream(output));
	fflush(eo_output_stream(output));
	expect_content("old", "before");
	cr_expect_eq(eo_output_commit(output, NULL), 0);
	eo_output_free(output);
	expect_content("old", "after");
	expect_mode("old", 0640);
}

Test(output, old_file_gives_its_owner)
{
	struct stat st;

	if (geteuid())
		SKIP("giving files away needs root");
	put("old", "", 04664);
	cr_assert_eq(chown(in("old"), 1234, 2345), 0);
	cr_assert_eq(chmod(in("old"), 04664), 0);
	write_all(in("old"), "x");
	cr_assert_eq(stat(in("old"), &st), 0);
	cr_expect_eq(st.st_uid, 1234);
	cr_expect_eq(st.st_gid, 2345);
	expect_mode("old", 0664);
}

Test(output, without_commit_the_old_file_stays_and_nothing_else)
{
	struct eo_output *output;

	put("old", "before", 0600);
	output = open_output(in("old"));
	for (int i = 0; i < 100000; i++)
		fputs("half a document", eo_output_stream(output));
	eo_output_free(output);
	expect_content("old", "before");
	cr_expect_eq(entries("", NULL), 1);
	eo_output_free(NULL);
}

Test(output, second_commit_is_an_error)
{
	struct eo_output *output = open_output(in("x"));
	struct eo_error err = { 0 };

	cr_expect_eq(eo_output_commit(output, NULL), 0);
	cr_expect_null(eo_output_stream(output));
	cr_expect_eq(eo_output_commit(output, &err), -EALREADY);
	cr_expect_eq(err.kind, EO_ERROR_EVENT_PROCESSING_FAILED);
	eo_output_free(output);
	cr_expect_eq(entries("", NULL), 1);
}

Test(output, large_documents_arrive_whole)
{
	struct eo_output *output = open_output(in("large"));
	static char block[1000003];
	struct stat st;

	memset(block, 'x', sizeof(block));
	for (int i = 0; i < 3; i++) {
		cr_expect_eq(fwrite(block, 1, sizeof(block), eo_output_stream(output)),
			     sizeof(block));
		fputc('\n', eo_output_stream(output));
	}
	cr_expect_eq(eo_output_commit(output, NULL), 0);
	eo_output_free(output);
	cr_assert_eq(stat(in("large"), &st), 0);
	cr_expect_eq((size_t)st.st_size, 3 * (sizeof(block) + 1));
}

Test(output, longest_possible_name_works)
{
	char name[NAME_MAX + 1], path[PATH_MAX];

	memset(name, 'n', NAME_MAX);
	name[NAME_MAX] = '\0';
	strcpy(path, in(name));
	write_all(path, "x");
	expect_content(name, "x");
	cr_expect_eq(entries("", NULL), 1);
}

Test(output, symbolic_link_stays_and_its_target_is_replaced)
{
	struct stat st;

	cr_assert_eq(mkdir(in("there"), 0755), 0);
	put("there/file", "before", 0604);
	cr_assert_eq(symlink("there/file", in("link")), 0);
	write_all(in("link"), "after");
	cr_assert_eq(lstat(in("link"), &st), 0);
	cr_expect(S_ISLNK(st.st_mode));
	expect_content("there/file", "after");
	expect_mode("there/file", 0604);
	cr_expect_eq(entries("there", NULL), 1);
	cr_expect_eq(entries("", NULL), 2);
}

Test(output, target_of_dangling_links_is_created)
{
	char absolute[PATH_MAX];
	struct stat st;

	cr_assert_eq(mkdir(in("there"), 0755), 0);
	strcpy(absolute, in("there/second"));
	cr_assert_eq(symlink(absolute, in("first")), 0);
	cr_assert_eq(symlink("../file", in("there/second")), 0);
	write_all(in("first"), "text");
	expect_content("file", "text");
	expect_mode("file", 0600);
	cr_assert_eq(lstat(in("first"), &st), 0);
	cr_expect(S_ISLNK(st.st_mode));
	cr_assert_eq(lstat(in("there/second"), &st), 0);
	cr_expect(S_ISLNK(st.st_mode));
	cr_expect_eq(entries("", NULL), 3);
}

Test(output, dangling_link_of_a_stranger_is_not_followed)
{
	if (geteuid())
		SKIP("making a stranger's link needs root");
	cr_assert_eq(symlink("victim", in("trap")), 0);
	cr_assert_eq(lchown(in("trap"), 1234, 1234), 0);
	expect_refused(in("trap"), EACCES);
	cr_expect_eq(entries("", NULL), 1);
}

Test(output, circle_of_links_is_an_error)
{
	cr_assert_eq(symlink("b", in("a")), 0);
	cr_assert_eq(symlink("a", in("b")), 0);
	expect_refused(in("a"), ELOOP);
}

Test(output, directory_is_refused_with_a_hint)
{
	struct eo_output *output;
	struct eo_error err = { 0 };

	expect_refused(root, EISDIR);
	expect_refused(in("missing/"), EISDIR);
	cr_expect_eq(eo_output_open(root, false, &output, &err), -EISDIR);
	cr_expect_not_null(err.hint);
}

Test(output, missing_directory_is_an_error_with_a_hint)
{
	struct eo_output *output;
	struct eo_error err = { 0 };

	expect_refused(in("missing/file"), ENOENT);
	cr_expect_eq(eo_output_open(in("missing/file"), false, &output, &err), -ENOENT);
	cr_expect_not_null(err.hint);
	put("file", "", 0600);
	expect_refused(in("file/file"), ENOTDIR);
	expect_refused("", EISDIR);
}

/* Root may write everywhere; so become somebody else, in this process only. */
static void become_nobody(void)
{
	if (geteuid())
		return;
	cr_assert_eq(chown(root, 65534, 65534), 0);
	cr_assert_eq(setegid(65534), 0);
	cr_assert_eq(seteuid(65534), 0);
}

Test(output, unwritable_file_or_directory_is_found_at_open)
{
	bool was_root = !geteuid();

	become_nobody();
	put("readonly", "before", 0444);
	expect_refused(in("readonly"), EACCES);
	cr_assert_eq(mkdir(in("locked"), 0755), 0);
	put("locked/file", "before", 0644);
	cr_assert_eq(chmod(in("locked"), 0555), 0);
	expect_refused(in("locked/new"), EACCES);
	expect_refused(in("locked/file"), EACCES);
	cr_assert_eq(chmod(in("locked"), 0755), 0);
	expect_content("locked/file", "before");
	if (was_root)
		cr_assert_eq(seteuid(0), 0);
}

Test(output, group_rights_are_not_given_to_another_group)
{
	if (geteuid())
		SKIP("a file of a foreign group needs root");
	put("shared", "before", 0662);
	cr_assert_eq(chown(in("shared"), 1234, 2345), 0);
	become_nobody();
	write_all(in("shared"), "after");
	cr_assert_eq(seteuid(0), 0);
	expect_content("shared", "after");
	expect_mode("shared", 0602);
}

Test(output, device_is_written_as_it_is)
{
	struct stat st;

	write_all("/dev/null", "text");
	cr_assert_eq(stat("/dev/null", &st), 0);
	cr_expect(S_ISCHR(st.st_mode));
	cr_assert_eq(symlink("/dev/null", in("link")), 0);
	write_all(in("link"), "text");
	cr_expect_eq(entries("", NULL), 1);
}

Test(output, full_device_is_an_error_at_commit_with_its_reason)
{
	static const size_t sizes[] = { 10, 1 << 20 };

	/* A short text fails in the last flush, a long one long before. */
	for (size_t i = 0; i < 2; i++) {
		struct eo_output *output = open_output("/dev/full");
		struct eo_error err = { 0 };

		for (size_t j = 0; j < sizes[i]; j++)
			fputc('x', eo_output_stream(output));
		errno = 0;
		cr_expect_eq(eo_output_commit(output, &err), -ENOSPC);
		cr_expect_eq(err.kind, EO_ERROR_EVENT_PROCESSING_FAILED);
		cr_expect_eq(err.code, ENOSPC);
		cr_expect_not_null(strstr(err.text, "/dev/full"));
		eo_output_free(output);
	}
}

/* A file system of our own, which nobody outside this process sees. */
static bool mount_tmpfs(const char *directory)
{
	if (unshare(CLONE_NEWNS))
		return false;
	return !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
	       !mount("tmpfs", directory, "tmpfs", 0, "size=64k");
}

Test(output, full_disk_keeps_the_old_file_and_leaves_no_temporary)
{
	struct eo_output *output;
	struct eo_error err = { 0 };
	char mounted[PATH_MAX];

	cr_assert_eq(mkdir(in("disk"), 0755), 0);
	strcpy(mounted, in("disk"));
	if (!mount_tmpfs(mounted))
		SKIP("cannot mount a file system here: %s", strerror(errno));
	put("disk/file", "before", 0600);
	output = open_output(in("disk/file"));
	for (int i = 0; i < 100000; i++)
		fputs("more than there is room for", eo_output_stream(output));
	cr_expect_eq(eo_output_commit(output, &err), -ENOSPC);
	cr_expect_eq(err.code, ENOSPC);
	cr_expect_eq(entries("disk", NULL), 1);
	expect_content("disk/file", "before");
	eo_output_free(output);
	cr_expect_eq(umount(mounted), 0);
}

Test(output, file_that_is_mounted_by_itself_is_found_at_open)
{
	char file[PATH_MAX], other[PATH_MAX], mounted[PATH_MAX];

	cr_assert_eq(mkdir(in("disk"), 0755), 0);
	strcpy(mounted, in("disk"));
	if (!mount_tmpfs(mounted))
		SKIP("cannot mount a file system here: %s", strerror(errno));
	put("disk/file", "", 0600);
	put("disk/other", "", 0600);
	strcpy(file, in("disk/file"));
	strcpy(other, in("disk/other"));
	cr_assert_eq(mount(other, file, NULL, MS_BIND, NULL), 0);
	expect_refused(file, EBUSY);
	cr_expect_eq(entries("disk", NULL), 2);
	umount(file);
	umount(mounted);
}

/* Make @fd this process's stdout; returns the old one. */
static int swap_stdout(int fd)
{
	int old = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 10);

	fflush(stdout);
	cr_assert_eq(dup2(fd, STDOUT_FILENO), STDOUT_FILENO);
	return old;
}

static void restore_stdout(int old)
{
	dup2(old, STDOUT_FILENO);
	close(old);
}

Test(output, stdout_is_written_and_stays_open)
{
	struct eo_output *output;
	char text[16] = "";
	int fds[2], old;

	cr_assert_eq(pipe2(fds, O_CLOEXEC), 0);
	old = swap_stdout(fds[1]);
	output = open_output("-");
	cr_expect(eo_output_is_stdout(output));
	cr_expect_str_eq(eo_output_name(output), "stdout");
	fputs("text", eo_output_stream(output));
	cr_expect_eq(eo_output_commit(output, NULL), 0);
	eo_output_free(output);
	cr_expect_eq(write(STDOUT_FILENO, "more", 4), 4);
	restore_stdout(old);
	cr_expect_eq(read(fds[0], text, sizeof(text) - 1), 8);
	cr_expect_str_eq(text, "textmore");
	close(fds[0]);
	close(fds[1]);
}

Test(output, half_a_document_does_not_reach_stdout)
{
	struct eo_output *output;
	int fds[2], old;
	char c;

	cr_assert_eq(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	old = swap_stdout(fds[1]);
	output = open_output("-");
	fputs("half", eo_output_stream(output));
	eo_output_free(output);
	restore_stdout(old);
	cr_expect_eq(read(fds[0], &c, 1), -1);
	close(fds[0]);
	close(fds[1]);
}

Test(output, stdout_whose_reader_has_gone_is_success)
{
	int fds[2], old;

	cr_assert_eq(pipe2(fds, O_CLOEXEC), 0);
	close(fds[0]);
	old = swap_stdout(fds[1]);
	write_all("-", "nobody reads this");
	restore_stdout(old);
	close(fds[1]);
}

Test(output, non_blocking_stdout_loses_nothing)
{
	static char block[4096];
	size_t total = 0;
	int fds[2], old;
	ssize_t n;
	pid_t pid;

	cr_assert_eq(pipe2(fds, O_CLOEXEC), 0);
	cr_assert_eq(fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
	pid = fork();
	cr_assert_geq(pid, 0);
	if (!pid) {
		struct eo_output *output;

		swap_stdout(fds[1]);
		close(fds[0]);
		if (eo_output_open("-", true, &output, NULL))
			_exit(1);
		for (int i = 0; i < 1000; i++)
			fwrite(block, 1, sizeof(block), eo_output_stream(output));
		_exit(eo_output_commit(output, NULL) ? 2 : 0);
	}
	close(fds[1]);
	while ((n = read(fds[0], block, sizeof(block))) > 0)
		total += (size_t)n;
	close(fds[0]);
	cr_expect_eq(total, 1000 * sizeof(block));
	cr_expect_eq(waitpid(pid, &old, 0), pid);
	cr_expect_eq(old, 0);
}

Test(output, stdout_that_is_closed_or_only_readable_is_found_at_open)
{
	struct eo_output *output;
	struct eo_error err = { 0 };
	int old, fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int r;

	old = swap_stdout(fd);
	r = eo_output_open("-", false, &output, &err);
	close(STDOUT_FILENO);
	cr_expect_eq(r, -EBADF);
	cr_expect_eq(eo_output_open("-", false, &output, &err), -EBADF);
	restore_stdout(old);
	cr_expect_eq(err.kind, EO_ERROR_EVENT_PROCESSING_FAILED);
	close(fd);
}

Test(output, binary_data_is_refused_on_a_terminal)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), slave, old;
	struct eo_output *output;
	struct eo_error err = { 0 };
	char name[64];
	int r;

	if (master < 0 || grantpt(master) || unlockpt(master) ||
	    ptsname_r(master, name, sizeof(name)))
		SKIP("no pseudo-terminals here: %s", strerror(errno));
	slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	cr_assert_geq(slave, 0);
	old = swap_stdout(slave);
	r = eo_output_open("-", true, &output, &err);
	restore_stdout(old);
	cr_expect_eq(r, -EINVAL);
	cr_expect_eq(err.kind, EO_ERROR_CONFIG);
	cr_expect_not_null(err.hint);
	cr_expect_eq(eo_output_open(name, true, &output, &err), -EINVAL);
	cr_expect_eq(err.kind, EO_ERROR_CONFIG);
	/* Text is welcome there. */
	write_all(name, "text");
	close(slave);
	close(master);
}

Test(output, fifo_is_written_as_it_is)
{
	char text[16] = "";
	struct stat st;
	int reader;

	cr_assert_eq(mkfifo(in("fifo"), 0600), 0);
	reader = open(in("fifo"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	write_all(in("fifo"), "text");
	cr_expect_eq(read(reader, text, sizeof(text)), 4);
	cr_expect_str_eq(text, "text");
	close(reader);
	cr_assert_eq(stat(in("fifo"), &st), 0);
	cr_expect(S_ISFIFO(st.st_mode));
	cr_expect_eq(entries("", NULL), 1);
}

Test(output, fifo_whose_reader_has_gone_is_success)
{
	struct eo_output *output;
	struct eo_error err = { 0 };
	int reader;

	cr_assert_eq(mkfifo(in("fifo"), 0600), 0);
	reader = open(in("fifo"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	output = open_output(in("fifo"));
	close(reader);
	for (int i = 0; i < 100000; i++)
		fputs("nobody reads this", eo_output_stream(output));
	cr_expect_eq(eo_output_commit(output, &err), 0);
	cr_expect_eq(err.kind, EO_ERROR_NONE);
	eo_output_free(output);
}

/* A writer of large documents notices before commit, and has words of its own. */
static int write_much(struct eo_output *output, struct eo_error *err)
{
	for (int i = 0; i < 100000; i++)
		if (fputs("0123456789", eo_output_stream(output)) < 0)
			return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, EIO, NULL,
					    "write something");
	return 0;
}

Test(output, what_a_writer_noticed_is_told_as_commit_tells_it)
{
	struct eo_output *output = open_output("/dev/full");
	struct eo_error err = {0};
	int reader, r;

	r = write_much(output, &err);
	cr_expect_eq(r, -EIO);
	cr_expect_eq(eo_output_finish(output, r, &err), -ENOSPC);
	cr_expect_str_eq(err.text, "write /dev/full");
	eo_output_free(output);

	cr_assert_eq(mkfifo(in("fifo"), 0600), 0);
	reader = open(in("fifo"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	output = open_output(in("fifo"));
	close(reader);
	r = write_much(output, &err);
	cr_expect_eq(r, -EIO);
	cr_expect_eq(eo_output_finish(output, r, &err), 0);
	cr_expect_eq(err.kind, EO_ERROR_NONE);
	eo_output_free(output);
}

Test(output, failure_of_a_writer_leaves_no_file)
{
	struct eo_output *output = open_output(in("new"));
	struct eo_error err;
	int r = eo_error_set(&err, EO_ERROR_CONFIG, EINVAL, NULL, "it cannot be said");

	cr_expect_eq(eo_output_finish(output, r, &err), -EINVAL);
	cr_expect_str_eq(err.text, "it cannot be said");
	eo_output_free(output);
	cr_expect_eq(entries("", NULL), 0);
}

Test(output, deleted_file_behind_proc_is_written_as_it_is)
{
	char path[64], text[16] = "";
	int fd;

	put("file", "something longer", 0600);
	fd = open(in("file"), O_RDWR | O_CLOEXEC);
	cr_assert_geq(fd, 0);
	unlink(in("file"));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	write_all(path, "text");
	cr_expect_eq(pread(fd, text, sizeof(text), 0), 4);
	cr_expect_str_eq(text, "text");
	close(fd);
	cr_expect_eq(entries("", NULL), 0);
}

Test(output, no_descriptor_reaches_a_child_or_stays)
{
	struct eo_output *output;
	size_t before = open_files();

	put("old", "", 0600);
	output = open_output(in("old"));
	for (int fd = 3; fd < 256; fd++) {
		char path[64], target[PATH_MAX];
		ssize_t len;

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		len = readlink(path, target, sizeof(target) - 1);
		if (len < 0)
			continue;
		target[len] = '\0';
		if (!strncmp(target, root, strlen(root)))
			cr_expect(fcntl(fd, F_GETFD) & FD_CLOEXEC, "%s", target);
	}
	eo_output_free(output);
	cr_expect_eq(open_files(), before);
}
