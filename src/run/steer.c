/* Steering, the page to read first.
 *
 *     news in -> journal and study -> what next -> commit -> commands out -> row a quantum ourselves
 *
 * Nothing leaves this process before the journal has it on disk. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/stop.h"
#include "run/display.h"
#include "run/steer.h"

/* ---- to disk ---- */

static enum err commit(struct steer *s) {
  bool any = journal_pending(s->journal) > 0;
  TRY(journal_commit(s->journal));
  if (any)
    wire_committed(s->wire);
  return OK;
}

/* ---- watching ---- */

static void watch_signals(struct steer *s) {
  if (s->halt != HALT_NONE)
    return;
  if (stop_requested() != STOP_NONE)
    s->halt = HALT_SIGNAL;
  else if (steer_must_leave(s))
    s->halt = HALT_WALLTIME;
}

/* ---- sending ---- */

static enum err post(struct steer *s) {
  for (size_t i = 0; i < s->n_peers; i++) {
    struct peer *p = &s->peers[i];
    if (!p->mail.len)
      continue;
    enum err e = p->presence == PEER_GONE ? OK : wire_to_worker(s->wire, p->rank, &p->mail);
    strbuf_clear(&p->mail);
    if (e == ERR_COMM) {
      err_clear();
      e = steer_lose(s, p, false, "its worker cannot be reached");
      p->presence = PEER_LOST;
    }
    TRY(e);
  }
  return OK;
}

static void call_home(struct steer *s) {
  s->leaving = true;
  s->left_at = steer_now(s);
  for (size_t i = 0; i < s->n_peers; i++) {
    put_i64(&s->peers[i].mail, COMMAND_LEAVE);
    put_i64(&s->peers[i].mail, stop_requested() == STOP_NOW);
  }
}

static bool all_home(const struct steer *s) {
  for (size_t i = 0; i < s->n_peers; i++)
    if (s->peers[i].presence != PEER_GONE && s->peers[i].presence != PEER_LOST)
      return false;
  return true;
}

/* ---- upkeep ---- */

static enum err keep(struct steer *s) {
  double now = steer_now(s);
  if (now - s->last_noted > fmin(fmax(0.1 * (now - s->started), 1), 10)) /* often at first: a run may be killed soon */
    TRY(steer_note_time(s));
  if (now - s->last_kept < settings_double(s->conf, "run.checkpoint"))
    return OK;
  s->last_kept = now;
  TRY(steer_note_gone(s));
  TRY(commit(s)); /* what takes the place of a pack is on record before the pack goes */
  steer_collect_checkpoints(s);
  steer_collect_packs(s);
  return OK;
}

/* ---- the loop ---- */

static enum err turn(struct steer *s) {
  bool news, rowed = false;
  progress_made("steering");
  TRY(steer_take_news(s, &news));
  TRY(steer_take_turns(s));
  if (!s->leaving) /* what comes later is for whoever takes the lock next */
    TRY(steer_take_inbox(s));
  watch_signals(s);
  TRY(steer_watch_workers(s));
  TRY(steer_plan(s));
  if (s->halt != HALT_NONE && !s->leaving)
    call_home(s);
  TRY(keep(s));
  TRY(commit(s));
  TRY(post(s));
  steer_snapshot(s);
  if (s->own && !s->own_over && worker_row(s->own, &rowed, &s->own_over) != OK)
    err_clear(); /* it has told steering, like any other worker would */
  display_update(s->display);
  wire_idle(s->wire, news || rowed);
  return OK;
}

/* Waits for goodbyes as long as anybody speaks, and not at all after a second signal. */
static bool given_up(const struct steer *s) {
  return s->leaving && stop_requested() == STOP_NOW && steer_now(s) - s->left_at > 1;
}

static bool is_complete(enum halt h) {
  return h >= HALT_TRIALS && h <= HALT_FAILURES;
}

/* Complete, and with the weights of the best on disk. Where they are not, the next run trains them again; a study whose
 * time is over goes without. */
static bool is_over(const struct steer *s) {
  return is_complete(s->halt) && (s->halt == HALT_TIMEOUT || !steer_best_is_incomplete(s));
}

static const char *const halt_words[] = {
    [HALT_NONE] = "",
    [HALT_TRIALS] = "all trials are done",
    [HALT_STEPS] = "study.steps are spent",
    [HALT_EXHAUSTED] = STEER_EXHAUSTED,
    [HALT_TARGET] = "the target is reached",
    [HALT_STALL] = "no better trial came for study.stall trials",
    [HALT_TIMEOUT] = "study.timeout is over",
    [HALT_FAILURES] = RUN_TOO_MANY_FAILED,
    [HALT_SIGNAL] = "a signal asked to leave",
    [HALT_WALLTIME] = "the walltime is nearly over",
    [HALT_REQUEST] = "coxswain stop asked to leave",
    [HALT_WORKERS] = "no worker is left",
    [HALT_ERROR] = "a worker could not start",
};

/* How a run that did not complete the study ended, for job scripts (`coxswain status --json`): whether to start again
 * at once, in the next job, or not at all. A run that died says nothing. */
static const char *left_word(const struct steer *s) {
  if (s->unsaved && !is_over(s))
    return "error";
  switch (s->halt) {
  case HALT_SIGNAL:
    return "signal";
  case HALT_WALLTIME:
    return "walltime";
  case HALT_REQUEST:
    return "stop";
  case HALT_WORKERS:
  case HALT_ERROR:
    return "error";
  default:
    return is_complete(s->halt) && !is_over(s) ? "error" : "";
  }
}

/* Trials that were paused, or cut short by a limit of the study, will not go on: Optuna's word for them is pruned. */
static enum err prune_rest(struct steer *s) {
  for (size_t i = 0; i < s->study.n; i++) {
    const struct trial *t = &s->study.trials[i];
    if (!trial_is_over(t) && !(trial_is_out(t) && t->stint.worker < 0))
      TRY(steer_end_trial(s, t->number, TRIAL_PRUNED, t->best));
  }
  return OK;
}

/* What can be written of best/ while there is more to do is a help for those who look, and no reason to fail. */
static void write_best_so_far(struct steer *s) {
  if (steer_write_best(s) == OK)
    return;
  log_warn("best/ is not up to date: %s", err_text());
  err_clear();
}

static enum err finish(struct steer *s) {
  char text[160];
  TRY(steer_note_time(s));
  if (is_complete(s->halt))
    TRY(prune_rest(s));
  else
    steer_say_interrupted(s);
  TRY(journal_commit(s->journal));
  if (is_over(s)) /* a study that says so has its weights in best/; one that has to leave says first why */
    TRY(steer_write_best(s));
  snprintf(text, sizeof text, "\"%s\"", is_over(s) ? halt_words[s->halt] : "");
  TRY(steer_attribute(s, -1, true, "coxswain:done", text));
  snprintf(text, sizeof text, "\"%s\"", left_word(s));
  TRY(steer_note_gone(s));
  TRY(steer_attribute(s, -1, true, "coxswain:left", text));
  TRY(journal_commit(s->journal));
  steer_snapshot_now(s);
  steer_collect_checkpoints(s);
  steer_collect_packs(s);
  if (!is_over(s))
    write_best_so_far(s);
  return OK;
}

static enum err verdict(const struct steer *s) {
  if (s->halt == HALT_FAILURES)
    return FAIL(ERR_TRIALS, "%lld of %zu trials failed, more than study.failures allows: see `coxswain status %s`",
                (long long)s->study.counts[TRIAL_FAIL], s->study.n, s->folder);
  if (is_complete(s->halt) && s->study.n > 0 && s->study.counts[TRIAL_FAIL] == (int64_t)s->study.n)
    return FAIL(ERR_TRIALS, "every trial failed: see `coxswain status %s`", s->folder);
  if (is_over(s))
    return OK;
  if (s->failure != OK)
    return FAIL(s->failure, "%s", s->failure_text);
  if (s->unsaved)
    return FAIL(ERR_IO,
                "the states of %lld trials could not be brought to disk: look at the disk of %s before you go on with "
                "the same command; they are trained again from what was saved before",
                (long long)s->unsaved, s->folder);
  if (is_complete(s->halt))
    return FAIL(ERR_STOPPED, "the weights of the best trials were lost: the same command trains them again");
  return FAIL(ERR_STOPPED, "%s: the study is not complete; the same command goes on with it", halt_words[s->halt]);
}

enum err steer_loop(struct steer *s) {
  while (!all_home(s) && !given_up(s))
    TRY(turn(s));
  TRY(finish(s));
  display_finish(s->display, halt_words[s->halt]);
  return verdict(s);
}
