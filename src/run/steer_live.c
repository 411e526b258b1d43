/* Programs that keep no checkpoint run on while their trials wait in a rung (schedule.pause = false). As long as
 * nothing else wants its slot, a program may wait for its rung to grow, as a paused trial does; then its trial is
 * decided on as things stand. */
#include "base/log.h"
#include "base/mem.h"
#include "run/steer.h"

void steer_note_live(struct steer *s, int64_t trial) {
  if (!s->runs_on)
    return;
  MEM_GROW(s->live, s->n_live, &s->cap_live);
  s->live[s->n_live++] = trial;
}

bool steer_is_live(const struct steer *s, const struct trial *t) {
  int holder = s->runs_on && trial_is_paused(t) ? s->holder[t->number] : -1;
  return holder >= 0 && s->peers[holder].presence == PEER_HERE;
}

/* Those that went on, were stopped or were lost leave the list here. */
static void tidy(struct steer *s) {
  size_t kept = 0;
  for (size_t i = 0; i < s->n_live; i++)
    if (steer_is_live(s, &s->study.trials[s->live[i]]))
      s->live[kept++] = s->live[i];
  s->n_live = kept;
}

int64_t steer_live_with(struct steer *s, const struct peer *p) {
  int64_t n = 0;
  tidy(s);
  for (size_t i = 0; i < s->n_live; i++)
    n += s->holder[s->live[i]] == (int)(p - s->peers);
  return n;
}

/* The one with the least to lose: of those that came least far the worst. */
static bool is_worse(const struct steer *s, const struct trial *a, const struct trial *b) {
  return a->step < b->step || (a->step == b->step && study_better(&s->study, b->best, a->best));
}

static enum err stop(struct steer *s, const struct trial *t) {
  int64_t number = t->number;
  TRY(steer_end_trial(s, number, TRIAL_PRUNED, t->best));
  steer_forget(s, number);
  return OK;
}

enum err steer_make_room(struct steer *s, bool *decided) {
  const struct trial *worst = NULL;
  int64_t to;
  tidy(s);
  *decided = s->n_live > 0;
  for (size_t i = 0; i < s->n_live; i++) {
    const struct trial *t = &s->study.trials[s->live[i]];
    if (!schedule_goes_on(&s->schedule, &s->study, t, &to) && (!worst || is_worse(s, t, worst)))
      worst = t;
  }
  if (worst)
    return stop(s, worst);
  if (!*decided)
    return OK;
  const struct trial *first = &s->study.trials[s->live[0]];
  (void)schedule_goes_on(&s->schedule, &s->study, first, &to);
  return steer_issue(s, first->number, to, s->next_order++);
}

void steer_say_interrupted(const struct steer *s) {
  long long n = 0;
  for (size_t i = 0; i < s->study.n && s->runs_on; i++) {
    const struct trial *t = &s->study.trials[i];
    n += trial_is_paused(t) && t->stints > 0;
  }
  if (n)
    log_info("%lld program%s stopped before the end of %s; without a checkpoint (schedule.pause = false) %s anew when "
             "the study goes on",
             n, n == 1 ? " was" : "s were", n == 1 ? "its trial" : "their trials", n == 1 ? "it begins" : "they begin");
}
