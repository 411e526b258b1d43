/* What to do next, and who does it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "run/steer.h"

/* ---- limits ---- */

/* The number of the trial that would start next; -1: none may. */
static int64_t fresh(const struct steer *s) {
  if (queue_length(&s->fresh))
    return queue_first(&s->fresh);
  bool may_ask = !s->fixed_points && !s->exhausted && study_proposed(&s->study) < settings_int(s->conf, "study.trials");
  return may_ask ? (int64_t)s->study.n : -1;
}

enum halt steer_limit(const struct steer *s) {
  const struct study *y = &s->study;
  double timeout = settings_double(s->conf, "study.timeout");
  int64_t stall = settings_int(s->conf, "study.stall");
  int64_t over = study_over(y);
  if (y->best >= 0 && settings_given(s->conf, "study.target")) {
    double best = y->trials[y->best].value, target = settings_double(s->conf, "study.target");
    if (best == target || study_better(y, best, target))
      return HALT_TARGET;
  }
  if (stall > 0 && y->best >= 0 && y->finished_since_best >= stall)
    return HALT_STALL;
  if (timeout > 0 && steer_elapsed(s) >= timeout)
    return HALT_TIMEOUT;
  if (over >= 10 && (double)y->counts[TRIAL_FAIL] > settings_double(s->conf, "study.failures") * (double)over)
    return HALT_FAILURES;
  return HALT_NONE;
}

/* ---- who ---- */

/* The worker that has the state in memory, if it has room, or if nobody else could have the state without training it
 * again. */
static struct peer *worker_for(struct steer *s, const struct trial *t) {
  int holder = t->stints ? s->holder[t->number] : -1;
  struct peer *apart = t->faults + t->losses > 0 ? steer_peer_apart(s) : NULL;
  if (apart)
    return apart;
  if (holder >= 0 && s->peers[holder].presence == PEER_HERE) {
    bool on_disk = t->saved[0].pack && t->saved[0].step >= t->step;
    if (!on_disk || s->ordered || steer_is_live(s, t) || steer_has_room(s, &s->peers[holder]))
      return &s->peers[holder];
  }
  return steer_roomiest(s);
}

/* A study that was complete is not any more when one of its limits is raised. */
static enum err reopen(struct steer *s) {
  const char *done = study_attribute(&s->study, "coxswain:done");
  return done && strcmp(done, "\"\"") != 0 ? steer_attribute(s, -1, true, "coxswain:done", "\"\"") : OK;
}

enum err steer_issue(struct steer *s, int64_t number, int64_t to, int64_t order) {
  TRY(reopen(s));
  struct trial *t = &s->study.trials[number];
  struct peer *p = worker_for(s, t);
  struct op op = op_of(OP_STINT, number);
  op.stint = (struct stint){.id = s->study.next_stint,
                            .order = order,
                            .from = t->step,
                            .to = to,
                            .worker = p->rank,
                            .team = (int)p->team,
                            .end = STINT_OPEN};
  TRY(steer_record(s, &op));
  struct assignment a = {
      .trial = number, .key = t->key, .id = op.stint.id, .from = t->step, .to = to, .params = t->params};
  a.saved[0] = t->saved[0];
  a.saved[1] = t->saved[1];
  a.parent = t->parent;
  a.start = t->start;
  a.durable = schedule_breeds(&s->schedule) && to < s->schedule.steps && t->confirms < 0;
  put_i64(&p->mail, COMMAND_STINT);
  put_assignment(&p->mail, &a);
  MEM_GROW(p->out, p->n_out, &p->cap_out);
  p->out[p->n_out++] = number;
  steer_room_taken(s, p);
  if (s->holder[number] >= 0 && p != &s->peers[s->holder[number]])
    steer_forget(s, number); /* that worker's state will be an old one */
  s->holder[number] = -1;
  steer_note_checkpoint(s, number);
  return OK;
}

/* ---- what ---- */

/* A program without a checkpoint that does not run begins anew. */
static int64_t steps_left(const struct steer *s, const struct trial *t, int64_t to) {
  return s->runs_on && !steer_is_live(s, t) ? to : to - t->step;
}

/* May a new stint be spent on? Those that were cut short have been allowed before. */
static bool affords(struct steer *s, int64_t from, int64_t to) {
  s->spent = !schedule_affords(&s->schedule, &s->study, settings_int(s->conf, "study.steps"), from, to);
  return !s->spent;
}

/* A trial whose stint was cut short goes on to where that stint was to end. */
static enum err issue_due(struct steer *s, bool *issued) {
  const struct trial *t = &s->study.trials[queue_first(&s->due)];
  *issued = true;
  if (trial_is_over(t)) {
    queue_take(&s->due);
    return OK;
  }
  *issued = steer_has_time_for(s, steps_left(s, t, t->stint.to));
  if (!*issued)
    return OK;
  if (!steer_roomiest(s))
    return steer_make_room(s, issued);
  queue_take(&s->due);
  return steer_issue(s, t->number, t->stint.to, t->stint.order);
}

/* A point that waits for its first stint, asked for if there is none yet. *got = false: the space is exhausted. */
static enum err fetch_fresh(struct steer *s, bool *got) {
  struct params point;
  enum ask answer = ASK_POINT;
  int64_t number;
  if (queue_length(&s->fresh) == 0) {
    params_init(&point);
    TRY(sampler_ask(&s->sampler, &s->study, (int64_t)s->study.n, &point, &answer));
    s->exhausted = answer == ASK_EXHAUSTED;
    enum err e = answer == ASK_POINT ? steer_new_trial(s, &point, -1, false, &number) : OK;
    params_free(&point);
    TRY(e);
    if (answer == ASK_POINT) {
      queue_add(&s->fresh, number);
    }
  }
  *got = queue_length(&s->fresh) > 0;
  return OK;
}

static enum err issue_new(struct steer *s, int64_t to, bool *issued) {
  *issued = false;
  if (!affords(s, 0, to) || !steer_has_time_for(s, to))
    return OK;
  TRY(fetch_fresh(s, issued));
  if (!*issued)
    return OK;
  if (!steer_roomiest(s))
    return steer_make_room(s, issued);
  return steer_issue(s, queue_take(&s->fresh), to, s->next_order++);
}

/* A trial that paused, or was cut short, goes on. */
static enum err issue_again(struct steer *s, int64_t number, int64_t to, bool *issued) {
  const struct trial *t = &s->study.trials[number];
  *issued = steer_has_time_for(s, steps_left(s, t, to));
  if (!*issued)
    return OK;
  if (!steer_roomiest(s) && !steer_is_live(s, t))
    return steer_make_room(s, issued);
  return steer_issue(s, number, to, s->next_order++);
}

/* What a trial is worth that the schedule declares complete: as the evaluator would have it, its best value, or that of
 * its last epoch. */
static double value_now(const struct steer *s, const struct trial *t) {
  bool last = s->evaluator == evaluator_ops_of("train") && !strcmp(settings_text(s->conf, "train.value"), "last");
  return last && t->n_reports ? t->reports[t->n_reports - 1].value : t->best;
}

/* A trial that paused is over where it stands. */
static enum err end_here(struct steer *s, int64_t number, enum trial_state state) {
  const struct trial *t = &s->study.trials[number];
  TRY(steer_end_trial(s, number, state, state == TRIAL_COMPLETE ? value_now(s, t) : t->best));
  if (s->runs_on) /* its program, too */
    steer_forget(s, number);
  steer_keep_states(s, number);
  return OK;
}

/* A new trial goes on from another one's state, in the place of one that was worse, or has failed. One decision: the
 * end of the old one and the beginning of the new one are on record together. */
static enum err issue_child(struct steer *s, int64_t replaced, int64_t to, struct child *child, bool *issued) {
  struct op origin = op_of(OP_PARENT, (int64_t)s->study.n);
  TRY(schedule_child(&s->schedule, &s->study, replaced, child));
  *issued = steer_has_time_for(s, to - child->step) && steer_roomiest(s);
  if (!*issued)
    return OK;
  origin.parent = child->parent;
  origin.step = child->step;
  origin.name = study_mark(&s->study, &s->study.trials[child->parent], child->step)->pack;
  origin.replaces = replaced;
  if (!trial_is_over(&s->study.trials[replaced]))
    TRY(end_here(s, replaced, TRIAL_PRUNED));
  TRY(steer_new_derived(s, &child->point, &origin));
  return steer_issue(s, origin.trial, to, s->next_order++);
}

static enum err issue_in_place(struct steer *s, int64_t replaced, int64_t to, bool *issued) {
  struct child child;
  params_init(&child.point);
  enum err e = issue_child(s, replaced, to, &child, issued);
  params_free(&child.point);
  return e;
}

/* Points of the user's that were cancelled or told before their turn came wait no longer. */
static void tidy_fresh(struct steer *s) {
  while (queue_length(&s->fresh) && trial_is_over(&s->study.trials[queue_first(&s->fresh)]))
    queue_take(&s->fresh);
}

static enum err issue_next(struct steer *s, bool *issued) {
  int64_t trial, to;
  *issued = true;
  tidy_fresh(s);
  if (queue_length(&s->due))
    return issue_due(s, issued);
  if (s->limit != HALT_NONE) {
    *issued = false;
    return OK;
  }
  switch (schedule_next(&s->schedule, &s->study, &trial, &to, fresh(s))) {
  case NEXT_RESUME:
    *issued = affords(s, s->study.trials[trial].step, to);
    return *issued ? issue_again(s, trial, to, issued) : OK;
  case NEXT_NEW:
    return issue_new(s, to, issued);
  case NEXT_PRUNE:
    return end_here(s, trial, TRIAL_PRUNED);
  case NEXT_FINISH:
    return end_here(s, trial, TRIAL_COMPLETE);
  case NEXT_CHILD:
    return issue_in_place(s, trial, to, issued);
  case NEXT_WAIT:
    break;
  }
  *issued = false;
  return OK;
}

/* ordered: a window of stints, dealt out evenly. */
static bool place_left(struct steer *s) {
  if (s->ordered)
    return (int64_t)steer_out(s) < settings_int(s->conf, "run.in_flight") && steer_roomiest(s);
  return steer_roomiest(s) != NULL || s->n_live > 0;
}

/* Is there anybody to work? ordered: is everybody there? */
static bool workers_ready(const struct steer *s) {
  bool here = false, starting = false;
  for (size_t i = 0; i < s->n_peers; i++) {
    here = here || s->peers[i].presence == PEER_HERE;
    starting = starting || s->peers[i].presence == PEER_STARTING;
  }
  return here && !(s->ordered && starting);
}

size_t steer_out(const struct steer *s) {
  size_t n = s->n_waiting;
  for (size_t i = 0; i < s->n_peers; i++)
    n += s->peers[i].n_out;
  return n;
}

/* Is this one of the best, finished here, and neither on disk nor with a worker? */
static bool weights_lost(const struct steer *s, const struct trial *t) {
  int holder = s->holder[t->number]; /* a worker that has gone home took its memory with it */
  bool held = holder >= 0 && (s->peers[holder].presence == PEER_STARTING || s->peers[holder].presence == PEER_HERE);
  bool on_disk = t->saved[0].pack && t->saved[0].step >= t->step;
  bool tried = t->stint.end == STINT_failed || t->stint.end == STINT_OPEN;
  bool told = !t->stints || t->stint.worker < 0; /* from outside: there never were any weights here */
  return !on_disk && !held && !tried && !told;
}

/* A finished trial among the best whose weights went down with a worker is trained again from its last saved state: the
 * bits are the same. */
static enum err rebuild_best(struct steer *s, bool *issued) {
  *issued = false;
  for (size_t i = 0; i < s->n_best && place_left(s) && !s->evaluator->keeps_states; i++) {
    const struct trial *t = &s->study.trials[s->best[i]];
    if (!weights_lost(s, t))
      continue;
    log_info("trial %lld is among the best, but its weights were lost with a worker: training it again",
             (long long)t->number);
    TRY(steer_issue(s, t->number, t->step, s->next_order));
    *issued = true;
  }
  return OK;
}

bool steer_best_is_incomplete(const struct steer *s) {
  for (size_t i = 0; i < s->n_best && !s->evaluator->keeps_states; i++) {
    const struct trial *t = &s->study.trials[s->best[i]];
    if (weights_lost(s, t) || (t->stints && t->stint.end == STINT_OPEN))
      return true;
  }
  return false;
}

/* The best of the trials that came furthest; -1 if none waits. */
static int64_t furthest(const struct steer *s) {
  const struct trial *best = NULL;
  for (size_t i = 0; i < s->study.n; i++) {
    const struct trial *t = &s->study.trials[i];
    if (!trial_is_paused(t) || !t->stints || isnan(t->best))
      continue;
    if (!best || t->step > best->step || (t->step == best->step && study_better(&s->study, t->best, best->best)))
      best = t;
  }
  return best ? best->number : -1;
}

/* Few trials may leave a schedule without one that came to the end: then the best of those that came furthest does, so
 * that a study has a value and weights to show. */
static enum err bring_one_home(struct steer *s, bool *issued) {
  int64_t number = s->study.counts[TRIAL_COMPLETE] == 0 ? furthest(s) : -1;
  *issued = number >= 0;
  return *issued ? issue_again(s, number, s->schedule.steps, issued) : OK;
}

static enum err confirm(struct steer *s, bool *issued) {
  bool more = true;
  for (*issued = false; more && place_left(s); *issued = *issued || more)
    TRY(steer_confirm(s, &more));
  return OK;
}

/* A limit ends the study at once; ordered: when all stints decided before it have come in, so that what the study ends
 * with does not depend on who was fast. */
static void watch_limits(struct steer *s) {
  if (s->limit == HALT_NONE)
    s->limit = steer_limit(s);
  bool comes_in = s->ordered && (steer_out(s) || queue_length(&s->due));
  bool confirms = (s->limit == HALT_TARGET || s->limit == HALT_STALL) && steer_has_to_confirm(s);
  bool waits = s->limit != HALT_TIMEOUT && (comes_in || confirms || steer_best_is_incomplete(s));
  if (s->halt == HALT_NONE && !waits)
    s->halt = s->limit;
}

enum err steer_plan(struct steer *s) {
  watch_limits(s);
  if (s->halt != HALT_NONE)
    return OK;
  if (!steer_has_hands(s)) {
    if (s->team_size > 1)
      log_warn("too few ranks are left for a team of %zu", s->team_size);
    s->halt = HALT_WORKERS;
    return OK;
  }
  if (!workers_ready(s))
    return OK;
  bool issued = true, any = false;
  s->withheld = s->spent = false;
  while (issued && place_left(s)) {
    TRY(issue_next(s, &issued));
    any = any || issued;
  }
  if (any || (int64_t)steer_out(s) > steer_repeats_out(s))
    return OK;
  if (!s->withheld)
    TRY(bring_one_home(s, &issued));
  if (!issued && !s->withheld)
    TRY(rebuild_best(s, &issued));
  if (!issued && !s->withheld)
    TRY(confirm(s, &issued));
  if (issued || steer_out(s))
    return OK;
  if (s->withheld)
    s->halt = HALT_WALLTIME;
  else
    s->halt = s->limit != HALT_NONE ? s->limit : s->spent ? HALT_STEPS : s->exhausted ? HALT_EXHAUSTED : HALT_TRIALS;
  return OK;
}
