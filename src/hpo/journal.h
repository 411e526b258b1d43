/* The journal: an append-only record of every decision, in Optuna's JournalStorage file format. The study is a fold
 * over it.
 *
 * Lines are gathered in a group with journal_add and become durable together in journal_commit: one write(), one fsync.
 * The last line of a group carries "commit":"EPOCH-CRC32", the checksum chained over all groups of ours so far. Whoever
 * writes must hold the lock; each opening for writing raises the epoch.
 *
 * Reading: a torn tail (bytes after the last complete group) is cut on journal_open, with a warning, and kept in
 * journal.log.torn-N; damage in the middle is ERR_DAMAGED with the line. Attribute lines that a dashboard appended are
 * passed on; other foreign lines are refused. */
#ifndef COXSWAIN_HPO_JOURNAL_H
#define COXSWAIN_HPO_JOURNAL_H

#include "hpo/op.h"

struct journal;

/* What reading calls for each op, in order; an error ends the reading. */
typedef enum err (*journal_visit)(void *context, const struct op *op);

/* Reads without the lock (status, best, export of a running study): stops quietly before an incomplete last group.
 * `lines` (may be NULL) receives how many lines were read. */
enum err journal_read(const char *path, journal_visit visit, void *context, int64_t *lines);

/* Opens for writing, creating the file if there is none: takes the lock DIR/journal.lock (ERR_BUSY names its host,
 * process and job), reads what is there through visit, cuts a torn tail, raises the epoch. */
enum err journal_open(struct journal **out, const char *path, journal_visit visit, void *context);
void journal_close(struct journal *j); /* releases the lock; an uncommitted group is dropped. NULL is fine */

void journal_add(struct journal *j, const struct op *op);
size_t journal_pending(const struct journal *j); /* lines of the group so far */
enum err journal_commit(struct journal *j);      /* no lines: nothing. An error is final: the journal writes no more */
int64_t journal_length(const struct journal *j); /* committed lines */

/* One op as its line, without newline and commit mark; and back (borrows from `line`, which it cuts up). */
void op_format(const struct op *op, const char *worker, struct strbuf *out);
enum err op_scan(char *line, size_t n, struct op *op, bool *foreign);

#endif
