/* One writer, ever: the lock DIR/journal.lock of whoever writes a journal.
 *
 * Two locks in one. The system's lock on the file ends with its process, but not every file system has such locks, and
 * on some two hosts both get them. So the file is a lease as well: it names host, process and job and holds a counter
 * that a thread of the owner moves about once a second. Whoever gets the system's lock, or cannot use it, and finds an
 * owner there
 *
 *   - takes over at once when the owner's process is seen to be dead (same boot, same process and start time);
 *   - is refused (ERR_BUSY) as soon as the counter moves: in a second or two;
 *   - takes over, with a warning, when it does not move for the lease (30 s of watching).
 *
 * To take over is to be the first to link one's own record under a name made of the old owner's token, then to rename
 * it over journal.lock. So of two that try at once one wins, and an old owner that comes back still writes its beats
 * into the file that was replaced. It looks at journal.lock before each write, and ends when it is not named there.
 * What it wrote in the moment between is known by its epoch (hpo/journal.h).
 *
 * Clocks of hosts are never compared. */
#ifndef COXSWAIN_HPO_JOURNAL_LOCK_H
#define COXSWAIN_HPO_JOURNAL_LOCK_H

#include <stdbool.h>

#include "base/err.h"

struct journal_lock;

/* Takes the lock beside that journal. ERR_BUSY names who has it. */
enum err journal_lock_take(struct journal_lock **out, const char *journal);
/* Before each write: is it still ours? ERR_BUSY names who took it over: then nothing may be written any more. */
enum err journal_lock_check(struct journal_lock *l);
/* The same, as the thread that beats saw it last: costs nothing. */
bool journal_lock_is_lost(const struct journal_lock *l);
/* "host n1, process 17, job 4711, since 2026-11-23T17:26:00.123456": ourselves. */
const char *journal_lock_owner(const struct journal_lock *l);
void journal_lock_release(struct journal_lock *l); /* NULL does nothing */

/* Who writes, for those that only want to know. */
enum journal_holder {
  HOLDER_NONE,
  HOLDER_DEAD,   /* named, but gone: the next run takes over */
  HOLDER_SILENT, /* on another host, and no beat while we watched: dead, or cut off */
  HOLDER_ALIVE
};
struct journal_look {
  enum journal_holder holder;
  char text[512]; /* as journal_lock_owner, with the age of the last beat where it can be told */
};
/* Watches a holder that cannot be seen otherwise for at most `patience` seconds. */
enum err journal_lock_look(const char *journal, double patience, struct journal_look *out);
double journal_lock_lease(void); /* after which silence means dead, in seconds */

#endif
