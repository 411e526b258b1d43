/* A snapshot: the fold of a journal up to some commit, in the file journal.snapshot beside it, so that a journal of
 * gigabytes need not be read from its beginning each time. It can always be deleted.
 *
 *     T number fields ...      a trial; a later one of the same number takes its place
 *     S fields ...             the study
 *     trailer (120 bytes)      magic, format, length, CRC of all before it, the program's version, how many trials,
 *                              the place in the journal, CRCs of the journal's first and last bytes before that place
 *
 * Numbers are little-endian or of variable length; the fields of a trial are listed once, in snapshot_fields.c, for
 * both directions.
 *
 * Nothing of it is believed before the trailer and the CRC over the whole file fit, so that a damaged or torn one is
 * left out, as are one of another format or program version, one that lies beyond the end of the journal, one of a
 * journal that has other bytes at its beginning or just before the place (a group's checksum is chained over all groups
 * before it, so another history has other bytes there), and one made with another space. The journal's own bytes before
 * the place are not read: damage in them goes unnoticed as long as the snapshot is there.
 *
 * It is written beside the work, and never brought to disk by force: a machine that loses power may leave a torn one.
 */
#ifndef COXSWAIN_HPO_SNAPSHOT_H
#define COXSWAIN_HPO_SNAPSHOT_H

#include "hpo/journal.h"
#include "hpo/study.h"

/* Fills the study (initialised, empty) and sets *at, if there is a snapshot that holds for this journal; else leaves
 * both as they are. Why one is left out is logged, and returned (NULL: it was not, or there is none). `journal` is its
 * path, fd the open file. */
const char *snapshot_load(struct study *s, const char *journal, int fd, struct journal_mark *at);
/* snapshot_load as a journal_begin whose context is the study. */
enum err snapshot_begin_study(void *study, const char *journal, int fd, struct journal_mark *at);

/* Writing, a piece at a time, while the study goes on: begin; snapshot_touch for each op that is applied from then on;
 * snapshot_write until it is done; end, at a moment when the study is what the journal says up to `at`. The study is
 * only read. */
struct snapshot;
enum err snapshot_begin(struct snapshot **out, const char *journal, struct study *s);
void snapshot_touch(struct snapshot *w, const struct op *op);
enum err snapshot_write(struct snapshot *w, size_t trials, bool *done);
enum err snapshot_end(struct snapshot *w, const struct journal_mark *at); /* frees w, also after an error */
void snapshot_drop(struct snapshot *w);                                   /* NULL is fine */
/* All of it at once. */
enum err snapshot_save(const char *journal, struct study *s, const struct journal_mark *at);

#endif
