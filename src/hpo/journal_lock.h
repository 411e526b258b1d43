/* One writer, ever: the lock DIR/journal.lock of whoever writes a journal. It names host, process and job. */
#ifndef COXSWAIN_HPO_JOURNAL_LOCK_H
#define COXSWAIN_HPO_JOURNAL_LOCK_H

#include "base/err.h"

struct journal_lock;

/* Takes the lock beside that journal. ERR_BUSY names who has it. */
enum err journal_lock_take(struct journal_lock **out, const char *journal);
/* Before each write: is it still ours? ERR_BUSY: somebody took it over; nothing may be written any more. */
enum err journal_lock_check(struct journal_lock *l);
/* "host n1, process 17, job 4711, since 2026-11-23T17:26:00.123456": ourselves. */
const char *journal_lock_owner(const struct journal_lock *l);
void journal_lock_release(struct journal_lock *l); /* NULL does nothing */

#endif
