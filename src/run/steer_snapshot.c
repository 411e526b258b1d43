/* When a snapshot of the study is written: when reading the journal again would take longer than that. */
#include <stdlib.h>

#include "base/file.h"
#include "base/log.h"
#include "run/steer.h"

/* A cold start reads about 150 MB of journal a second and folds it; 32 MB are worth a file. */
static const int64_t pays = INT64_C(32) << 20;
enum { TRIALS_A_TURN = 2000 /* one or two milliseconds */ };

static char *journal_path(const struct steer *s) {
  return path_join(s->folder, "journal.log");
}

/* The study goes on without it. */
static void give_up(struct steer *s) {
  log_warn("no snapshot of the journal: %s", err_text());
  err_clear();
  s->no_snapshot = true;
}

/* Bytes of journal that a reader would have to read beyond the last snapshot. */
static int64_t unread(const struct steer *s, struct journal_mark *at) {
  bool alone = journal_place(s->journal, at);
  return alone && !s->no_snapshot ? at->offset - s->snapshot_at : 0;
}

/* While the study runs: at each doubling, so that all of them together cost no more than the last one; a piece a turn.
 */
void steer_snapshot(struct steer *s) {
  struct journal_mark at;
  bool done = false;
  int64_t grown = unread(s, &at);
  enum err e = OK;
  if (!s->snapshot && grown > 2 * pays && grown > s->snapshot_at) {
    char *path = journal_path(s);
    e = snapshot_begin(&s->snapshot, path, &s->study);
    free(path);
  }
  if (e == OK && s->snapshot)
    e = snapshot_write(s->snapshot, TRIALS_A_TURN, &done);
  if (e == OK && done) {
    struct snapshot *w = s->snapshot;
    s->snapshot = NULL;
    if (grown == 0)
      snapshot_drop(w); /* somebody else writes into the journal too: the next opening can */
    else
      e = snapshot_end(w, &at);
    s->snapshot_at = at.offset;
  }
  if (e == OK)
    return;
  give_up(s);
  snapshot_drop(s->snapshot);
  s->snapshot = NULL;
}

void steer_snapshot_now(struct steer *s) {
  struct journal_mark at;
  snapshot_drop(s->snapshot);
  s->snapshot = NULL;
  if (unread(s, &at) < pays)
    return;
  char *path = journal_path(s);
  if (snapshot_save(path, &s->study, &at) == OK)
    s->snapshot_at = at.offset;
  else
    give_up(s);
  free(path);
}

void steer_tell_schedule(struct steer *s) {
  for (size_t i = 0; i < s->study.n; i++) {
    const struct trial *t = &s->study.trials[i];
    if (t->stints || trial_is_over(t))
      schedule_tell(&s->schedule, &s->study, t);
  }
}

/* The study as a snapshot has it, if there is one; what a schedule would have heard on the way it hears now. */
enum err steer_begin(void *steer, const char *journal, int fd, struct journal_mark *at) {
  struct steer *s = steer;
  snapshot_load(&s->study, journal, fd, at);
  s->snapshot_at = at->offset;
  steer_tell_schedule(s);
  return OK;
}
