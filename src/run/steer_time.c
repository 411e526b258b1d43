/* How long things take in this study: learned, kept in its journal, and set against the time that is left. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "hpo/propose.h"
#include "run/steer.h"

double steer_now(const struct steer *s) {
  return s->wire ? wire_now(s->wire) : clock_seconds();
}

double steer_elapsed(const struct steer *s) {
  return s->elapsed_before + steer_now(s) - s->started;
}

/* ---- learning ---- */

void steer_learn_stint(struct steer *s, int64_t from, int64_t to, double seconds) {
  if (to > from && seconds > 0)
    durations_add(&s->step_seconds, seconds / (double)(to - from));
}

void steer_learn_pack(struct steer *s, struct peer *p, double seconds, double stood, int64_t bytes) {
  durations_add(&p->packs, seconds);
  s->timers.packs++;
  s->timers.pack_bytes += bytes;
  s->timers.pack_seconds += seconds;
  s->timers.stood += stood;
}

/* What the slowest worker takes to save its states. One that has saved none yet is taken for what earlier runs saw. */
static double saving(const struct steer *s) {
  double most = 0;
  for (size_t i = 0; i < s->n_peers; i++) {
    const struct peer *p = &s->peers[i];
    if (p->presence == PEER_HERE)
      most = fmax(most, p->packs.n ? durations_p95(&p->packs) : s->saving_before);
  }
  return most;
}

static double looking_away(const struct steer *s) {
  double most = 0;
  for (size_t i = 0; i < s->n_peers; i++)
    if (s->peers[i].presence == PEER_HERE)
      most = fmax(most, durations_p95(&s->peers[i].looks));
  return most;
}

static double step(const struct steer *s) {
  return s->step_seconds.n ? durations_p95(&s->step_seconds) : s->step_before;
}

/* ---- the time that is left ---- */

/* All workers are looked at, so with very many of them this is done less often. */
static double leaving(struct steer *s) {
  double now = steer_now(s);
  if (s->asked_at > 0 && now - s->asked_at < 1e-5 * (double)s->n_peers)
    return s->takes_to_leave;
  s->asked_at = now;
  s->takes_to_leave = looking_away(s) + saving(s);
  if (s->evaluator->keeps_states)
    s->takes_to_leave += settings_double(s->conf, "command.grace");
  return s->takes_to_leave;
}

static void time_facts(struct steer *s, struct time_facts *f) {
  walltime_facts(s->walltime, f);
  f->leaving = isfinite(f->left) ? leaving(s) : 0;
}

bool steer_must_leave(struct steer *s) {
  struct time_facts f;
  walltime_watch(s->walltime);
  time_facts(s, &f);
  return walltime_must_leave(&f);
}

/* Stints wait for those before them in the backlog of the worker with the most room. */
static double wait_in_backlog(const struct steer *s, double stint) {
  double shortest = (double)INFINITY;
  for (size_t i = 0; i < s->n_peers; i++) {
    const struct peer *p = &s->peers[i];
    if (p->presence == PEER_HERE && p->slots > 0)
      shortest = fmin(shortest, (double)((int64_t)p->n_out / p->slots));
  }
  return isfinite(shortest) ? shortest * stint : 0;
}

bool steer_has_time_for(struct steer *s, int64_t steps) {
  enum stint_cut cut = s->evaluator->cut ? s->evaluator->cut(s->conf) : CUT_ANYWHERE;
  struct time_facts f;
  walltime_facts(s->walltime, &f);
  if (s->ordered || cut == CUT_ANYWHERE || !isfinite(f.left))
    return true;
  time_facts(s, &f);
  double stint = step(s) * (double)steps, lost = cut == CUT_BETWEEN_STEPS ? step(s) : stint;
  bool fits = walltime_fits(&f, lost + wait_in_backlog(s, stint));
  if (!fits && !s->told_withheld) {
    char needed[32], left[32];
    clock_duration(lost, needed);
    clock_duration(f.left, left);
    log_info("walltime: %s left, too little for a stint that may take %s: no more are begun", left, needed);
  }
  s->withheld = s->told_withheld = !fits;
  return fits;
}

/* ---- kept with the study ---- */

enum err steer_note_time(struct steer *s) {
  const struct timers *t = &s->timers;
  char text[64];
  s->last_noted = steer_now(s);
  snprintf(text, sizeof text, "%.3f", steer_elapsed(s));
  TRY(steer_attribute(s, -1, true, "coxswain:elapsed", text));
  double saves = fmax(saving(s), s->saving_before), waited;
  int64_t commits;
  journal_cost(s->journal, &commits, &waited);
  json_t *json =
      json_pack("{s:f, s:f, s:f, s:I, s:I, s:f, s:f, s:f, s:I, s:f}", "at", propose_time(), "training", t->training,
                "stood", t->stood, "packs", (json_int_t)t->packs, "bytes", (json_int_t)t->pack_bytes, "pack_seconds",
                t->pack_seconds, "saving", saves, "step", step(s), "commits", (json_int_t)(t->commits + commits),
                "journal_seconds", t->journal_seconds + waited);
  char *line = json_text(json);
  json_decref(json);
  enum err e = steer_attribute(s, -1, true, "coxswain:timers", line);
  free(line);
  return e;
}

static double number(const json_t *json, const char *key) {
  return json_number_value(json_object_get(json, key));
}

/* A study of before there were timers begins with none. */
void steer_recall_time(struct steer *s) {
  const char *elapsed = study_attribute(&s->study, "coxswain:elapsed");
  const char *text = study_attribute(&s->study, "coxswain:timers");
  json_t *json = text ? json_loads(text, 0, NULL) : NULL;
  s->elapsed_before = elapsed ? strtod(elapsed, NULL) : 0;
  s->timers = (struct timers){.training = number(json, "training"),
                              .stood = number(json, "stood"),
                              .packs = (int64_t)number(json, "packs"),
                              .pack_bytes = (int64_t)number(json, "bytes"),
                              .pack_seconds = number(json, "pack_seconds"),
                              .commits = (int64_t)number(json, "commits"),
                              .journal_seconds = number(json, "journal_seconds")};
  s->saving_before = number(json, "saving");
  s->step_before = number(json, "step");
  json_decref(json);
}
