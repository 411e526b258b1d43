/* The journal: an append-only record of every decision, in Optuna's JournalStorage file format. The study is a fold
 * over it.
 *
 * Lines are gathered in a group with journal_add and become durable together in journal_commit: one write(), one fsync.
 * The last line of a group carries "commit":"EPOCH-CRC32", the checksum chained over all groups of ours so far (over
 * the lines with their line feeds, as they were before the mark was put in). Whoever writes must hold the lock; each
 * opening for writing raises the epoch, and says so at once in a group of its own (study attribute coxswain:writer), so
 * that lines of an older writer that was thought dead are known by their epoch and dropped.
 *
 * Reading: a torn tail (bytes after the last complete group: whole lines without a commit mark, a piece of a line, or
 * blocks of zeros that never reached the disk) is cut on journal_open, with a warning, and kept in journal.log.torn-N;
 * anything else that is wrong is ERR_DAMAGED with the line. Attribute lines that a dashboard appended are passed on;
 * other foreign lines are refused. */
#ifndef COXSWAIN_HPO_JOURNAL_H
#define COXSWAIN_HPO_JOURNAL_H

#include "base/strbuf.h"
#include "hpo/op.h"

struct journal;

/* What reading calls for each op, in order; an error ends the reading. */
typedef enum err (*journal_visit)(void *context, const struct op *op);

/* A place between two groups, and all that reading on from there needs to know. */
struct journal_mark {
  int64_t offset; /* bytes before it */
  int64_t line;   /* lines before it, those dropped included */
  int64_t lines;  /* passed on before it */
  int64_t epoch;  /* of the last group, 0 if there is none */
  uint32_t crc;   /* chained over the groups */
};

/* Called before anything is read (with the lock held, if it is for writing): may bring the fold to some later place of
 * the journal by itself (hpo/snapshot.h) and set *at to it; *at comes as the beginning. */
typedef enum err (*journal_begin)(void *context, const char *path, int fd, struct journal_mark *at);

/* Reads without the lock (status, best, export of a running study): stops quietly before an incomplete last group.
 * `lines` (may be NULL) receives how many lines were read. */
enum err journal_read(const char *path, journal_visit visit, void *context, int64_t *lines);
enum err journal_read_on(const char *path, journal_begin begin, journal_visit visit, void *context, int64_t *lines);

/* Opens for writing, creating the file if there is none: takes the lock DIR/journal.lock (ERR_BUSY names its host,
 * process and job), reads what is there through visit, cuts a torn tail, raises the epoch. */
enum err journal_open(struct journal **out, const char *path, journal_visit visit, void *context);
enum err journal_open_on(struct journal **out, const char *path, journal_begin begin, journal_visit visit,
                         void *context);
void journal_close(struct journal *j); /* releases the lock; an uncommitted group is dropped. NULL is fine */

/* Adds a line to the group. An op that could not be read back (a NaN report, an attribute that is not JSON) makes
 * journal_commit fail with ERR_BUG, and nothing of the group is written. */
void journal_add(struct journal *j, const struct op *op);
size_t journal_pending(const struct journal *j); /* lines of the group so far */
enum err journal_commit(struct journal *j);      /* no lines: nothing. An error is final: the journal writes no more */
int64_t journal_length(const struct journal *j); /* committed lines */
int64_t journal_epoch(const struct journal *j);  /* of this opening: 1 for a new journal */
/* What bringing groups to disk has cost since we opened. */
void journal_cost(const struct journal *j, int64_t *commits, double *seconds);
/* Where the last commit ended. False if another program has appended lines since we opened, which we have not read. */
bool journal_place(const struct journal *j, struct journal_mark *out);

/* One op as its line, without newline and commit mark; and back. The reverse borrows from `line`, which it cuts up;
 * line[n] must be there and be NUL. Of a foreign line (one whose worker_id is not coxswain-N) that is no attribute only
 * the op code is looked at: kind is OP_CREATE_STUDY, whatever it is, and foreign is set. */
void op_format(const struct op *op, const char *worker, struct strbuf *out);
enum err op_scan(char *line, size_t n, struct op *op, bool *foreign);

#endif
