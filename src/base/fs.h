// Files: the only way to the disk, so that tests can kill the process or fail the call at every
// durable operation.
//
// In the `fault` build each durable operation (create, write, fsync, link, rename, remove, mkdir)
// first counts itself: SLUICE_FAULT_KILL=n makes the n-th one end the process as kill -9 would;
// SLUICE_FAULT_FAIL=n[:ENOSPC|EIO|EACCES] makes it fail; SLUICE_FAULT_STOP=n stops the process just
// before it, until someone lets it go on; SLUICE_FAULT_COUNT=FILE writes the number of operations
// at exit. Other builds do not look at these variables.
#ifndef SL_BASE_FS_H
#define SL_BASE_FS_H

#include "base/str.h"

#include <stdint.h>
#include <sys/types.h>

struct sl_fs_stat {
    int64_t size_bytes;
    int64_t mtime_us;
    bool is_folder;
    uint64_t device, inode; // the same for two names of one file
    uint64_t link_count;    // names that lead to it (hard links)
};

// Every path below is plain text, relative to the working folder or absolute.
SL_MUST int sl_fs_stat(const char *path, struct sl_fs_stat *ret,
                       struct sl_err *err); // SL_E_FILE_MISSING if absent
bool sl_fs_exists(const char *path);
bool sl_fs_is_link(const char *path); // a symbolic link, wherever it leads
// The whole file, NUL-terminated, in the arena. SL_E_FILE_TOO_LARGE over max_bytes.
SL_MUST int sl_fs_read(const char *path, size_t max_bytes, struct sl_arena *arena,
                       const char **ret_text, size_t *ret_length, struct sl_err *err);
// Names (not paths) of a folder's entries, sorted bytewise, without "." and "..". A missing folder
// is an empty list.
SL_MUST int sl_fs_list(const char *path, struct sl_arena *arena, struct sl_strs *ret,
                       struct sl_err *err);
// Files matching a glob with **, *, ?, [..]; sorted bytewise; paths begin as the pattern does.
SL_MUST int sl_fs_glob(const char *pattern, struct sl_arena *arena, struct sl_strs *ret,
                       struct sl_err *err);
// Whether that glob could find a file of the form `path`, in which a '*' is any text inside a name.
// Nothing is looked up; both begin the same way (absolute, or not).
SL_MUST int sl_fs_glob_meets(const char *pattern, const char *path, bool *ret, struct sl_err *err);
// As the engine reads globs: '*' is also a leading dot.
SL_MUST int sl_fs_glob_engine(const char *pattern, struct sl_arena *arena, struct sl_strs *ret,
                              struct sl_err *err);
// False only if no file can be found by both globs, leading dots or not.
SL_MUST int sl_fs_globs_may_meet(const char *one, const char *other, bool *ret, struct sl_err *err);

// Durable operations.
SL_MUST int sl_fs_mkdirs(const char *path, struct sl_err *err); // with parents; existing is fine
// One folder in a folder that is there. *ret_is_new: it was made, and the parent was synced after.
SL_MUST int sl_fs_mkdir(const char *path, bool *ret_is_new, struct sl_err *err);
// Replaces the file as a whole: temporary file, fsync, rename, fsync of the folder.
SL_MUST int sl_fs_write(const char *path, const char *bytes, size_t length, struct sl_err *err);
// Creates the file as a whole, refusing an existing one with SL_E_FILE_EXISTS: temporary file,
// fsync, link, fsync of the folder. Of two writers exactly one wins. After SL_E_IO the file may
// exist: only the last sync failed.
SL_MUST int sl_fs_create(const char *path, const char *bytes, size_t length, struct sl_err *err);
SL_MUST int sl_fs_sync_file(const char *path, struct sl_err *err);
SL_MUST int sl_fs_sync_folder(const char *path, struct sl_err *err);
SL_MUST int sl_fs_rename(const char *from, const char *to,
                         struct sl_err *err); // replaces `to`; does not sync
SL_MUST int sl_fs_exchange(const char *a, const char *b,
                           struct sl_err *err); // swaps two paths in one step
SL_MUST int sl_fs_link(const char *from, const char *to, struct sl_err *err);
SL_MUST int sl_fs_remove(const char *path, struct sl_err *err);      // a missing file is fine
void sl_fs_remove_folder(const char *path);                          // if it is empty
SL_MUST int sl_fs_remove_tree(const char *path, struct sl_err *err); // a missing folder is fine
// Whether two files have the same bytes from these places on. A file that ends before is other.
struct sl_fs_range {
    const char *path;
    int64_t offset;
};
SL_MUST int sl_fs_same_bytes(const struct sl_fs_range *a, const struct sl_fs_range *b,
                             int64_t length, bool *ret, struct sl_err *err);
// SHA-256 of a file's bytes, as 64 hexadecimal digits.
SL_MUST int sl_fs_hash(const char *path, char ret_hex[65], struct sl_err *err);

// An exclusive advisory lock on a file (created if needed), held until closed or the process ends.
// SL_E_LOCKED if another process holds it and wait is false.
SL_MUST int sl_fs_lock(const char *path, bool wait, int *ret_fd, struct sl_err *err);
void sl_fd_close(int *fd); // -1 is fine; for SL_AUTO

char *sl_path_join(struct sl_arena *arena, const char *folder,
                   const char *name);                           // an absolute `name` stands alone
const char *sl_path_name(const char *path);                     // after the last '/'
char *sl_path_folder(struct sl_arena *arena, const char *path); // before the last '/'; "." if none
// The path without ".", "//" and "x/..", where x is no symbolic link (the shorter way would lead
// elsewhere). What is not there counts as no link.
char *sl_path_clean(struct sl_arena *arena, const char *path);
// "a/b" seen from "a/c": "../b". Both cleaned and absolute.
char *sl_path_relative(struct sl_arena *arena, const char *folder, const char *path);
// The one absolute path of a file, without any symbolic link; what is not there is only cleaned.
SL_MUST int sl_path_real(struct sl_arena *arena, const char *path, const char **ret,
                         struct sl_err *err);

// Called before each durable operation, by fs itself and by whoever makes one elsewhere (an engine,
// a database). Does nothing but in the `fault` build and in a process that `sluice crashtest` has
// started.
SL_MUST int sl_fault_point(const char *operation, struct sl_err *err);

// Memory that a process shares with one it starts: the child counts its durable operations there,
// and kills itself, as kill -9 would, before the one that it is told.
struct sl_crash;
#define SL_CRASH_VARIABLE "SLUICE_CRASHTEST"
SL_MUST int sl_crash_new(struct sl_crash **ret, struct sl_err *err);
void sl_crash_free(struct sl_crash **crash); // for SL_AUTO
// Begins to count anew; kill_at 0: never.
void sl_crash_set(struct sl_crash *crash, int64_t kill_at);
int64_t sl_crash_count(const struct sl_crash *crash);
// The one before which it was killed: "rename"; "" if it was not.
const char *sl_crash_operation(const struct sl_crash *crash);
int sl_crash_fd(const struct sl_crash *crash); // for the child to inherit
// The value of SL_CRASH_VARIABLE: the descriptor, and what stands in the memory behind it. Without
// both, the variable does nothing.
void sl_crash_setting(const struct sl_crash *crash, char ret[64]);
// Of the child, once: `setting` may be NULL, and is ignored unless it fits.
void sl_crash_arm(const char *setting);
// This process is the one to be killed with those that it forks. Before the first operation.
void sl_fault_arm(void);

#endif
