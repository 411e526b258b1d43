/* Files: whole reads, atomic writes, paths. Every failure names the path, the system's reason and what to do. */
#ifndef COXSWAIN_BASE_FILE_H
#define COXSWAIN_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/strbuf.h"

enum err file_read(const char *path, struct strbuf *out); /* appends the whole file */
/* path.tmp, write, fsync, rename, fsync of the folder. After a failure the old file is intact and the .tmp is gone. */
enum err file_write_atomic(const char *path, const void *bytes, size_t n);
enum err file_write_all(int fd, const void *bytes, size_t n, const char *path); /* loops over short writes and EINTR */
enum err file_sync_folder(const char *folder);
bool file_exists(const char *path);
bool file_is_folder(const char *path);
int64_t file_size(const char *path);          /* -1 if there is none */
int64_t file_free_space(const char *folder);  /* bytes that a user may fill; -1 if it is not said */
enum err file_make_folders(const char *path); /* as mkdir -p; ERR_CONFIG where there can be none, or not by us */
enum err file_rename(const char *from, const char *to);
enum err file_remove(const char *path);      /* no error if there is none */
enum err file_remove_tree(const char *path); /* a folder with all that is in it; links are not followed */

/* Names in a folder that end in `suffix` ("" for all, never . or ..), sorted. Caller frees with file_list_free. */
enum err file_list(const char *folder, const char *suffix, char ***names, size_t *n);
void file_list_free(char **names, size_t n);

/* Paths; the results are new strings that the caller frees. */
char *path_join(const char *folder, const char *name); /* an absolute name stays as it is */
char *path_folder(const char *path);                   /* "a/b.c" -> "a"; "b" -> "." */
const char *path_name(const char *path);               /* "a/b.c" -> "b.c"; points into path */

/* An exclusive lock on a file, held while the descriptor is open and released by the system when the process dies.
 * ERR_BUSY if another process has it; `wait_seconds` < 0 waits for ever. A file system without locks keeps nobody out
 * and says OK: what is done under such a lock must come out right, if twice, when two do it at once. */
enum err file_lock(const char *path, double wait_seconds, int *fd);
void file_unlock(int fd);

/* One try at the system's lock of an open file, and all that can come of it. COXSWAIN_NO_FILE_LOCKS=1 in the
 * environment: as on a file system that has no locks, for one whose locks lie (two hosts both get them). */
enum file_locked { FILE_LOCKED, FILE_LOCK_BUSY, FILE_NO_LOCKS, FILE_LOCK_FAILED /* see errno */ };
enum file_locked file_try_lock(int fd, bool shared);

/* Read-only mapping of a whole file. */
enum err file_map(const char *path, const void **bytes, size_t *n);
void file_unmap(const void *bytes, size_t n);

#endif
