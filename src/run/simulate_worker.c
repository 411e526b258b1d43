/* A simulated worker: when it says and hears what, as run/worker.c does. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "run/simulate_world.h"

#define SILENT_AT_MOST 0.01 /* as in worker.c: how long ends of stints wait within a quantum */

/* ---- when it looks up ---- */

/* Working: the first end of a quantum from `t` on. */
static double quantum_end(const struct world *w, const struct sim_worker *k, double t) {
  return k->row + ceil((t - k->row) / w->quantum) * w->quantum;
}

/* Waiting: the first look from `t` on, at waits as those of wire_idle. */
static double look_after(const struct sim_worker *k, double t) {
  double at = k->row, wait = 0, longest = 0;
  while (at < t) {
    longest = wait;
    wait = wire_idle_after(wait);
    if (wait <= longest)
      return at + ceil((t - at) / wait) * wait;
    at += wait;
  }
  return at;
}

static double looks_at(const struct world *w, const struct sim_worker *k, double t) {
  return w->o->ideal ? t : k->taken ? quantum_end(w, k, t) : look_after(k, t);
}

static void plan_next(struct world *w, struct sim_worker *k, double now) {
  double next = (double)INFINITY;
  for (int64_t i = 0; i < w->slots && k->taken; i++)
    if (k->seats[i].taken)
      next = fmin(next, k->seats[i].next);
  if (k->n_mail)
    next = fmin(next, looks_at(w, k, fmax(k->mail[0].at, now)));
  if (!k->left && w->evaluator)
    next = fmin(next, fmin(k->silent_until, k->last_beat + w->beat_every));
  world_wake(w, k, k->left ? (double)INFINITY : fmax(next, now));
}

/* ---- what it says ---- */

static void send(struct world *w, struct sim_worker *k, double now) {
  if (!k->news.len)
    return;
  struct strbuf *letter = world_letter(w, k->rank, now);
  strbuf_free(letter);
  *letter = k->news;
  strbuf_init(&k->news);
  k->last_word = now;
  k->silent_until = (double)INFINITY;
}

static void say_hello(struct sim_worker *k, int64_t slots) {
  char host[32];
  snprintf(host, sizeof host, "node%04d", (k->rank - 1) / 8);
  put_i64(&k->news, NEWS_HELLO);
  put_i64(&k->news, k->drops);
  put_i64(&k->news, 0); /* in no team */
  put_i64(&k->news, slots);
  put_i64(&k->news, 1);
  put_text(&k->news, host);
  put_text(&k->news, "simulated");
}

static void say_beat(struct sim_worker *k, double now) {
  put_i64(&k->news, NEWS_BEAT);
  put_f64(&k->news, k->worked);
  put_f64(&k->news, now - k->last_beat);
  put_i64(&k->news, k->ended);
  put_f64(&k->news, 0);
  put_i64(&k->news, NEWS_MOVED);
  put_i64(&k->news, k->moved);
  k->worked = 0;
  k->ended = 0;
  k->last_beat = now;
}

static void say_end(struct world *w, struct sim_worker *k, const struct assignment *a, const struct plan *p,
                    int64_t step, double seconds, double now) {
  struct ending e = {.trial = a->trial, .id = a->id, .step = step, .how = p->how, .value = p->end_value};
  e.seconds = seconds;
  e.reason = p->reason;
  params_init(&e.metrics);
  if (a->durable && p->how == STINT_reached) {
    put_i64(&k->news, NEWS_SAVED);
    put_i64(&k->news, a->trial);
    put_i64(&k->news, step);
    put_text(&k->news, "simulated");
  }
  put_i64(&k->news, NEWS_END);
  put_ending(&k->news, &e);
  k->ended++;
  tally_ended(w, a, p, now);
}

static void say_report(struct sim_worker *k, const struct sim_seat *s) {
  struct ending e = {.trial = s->work.trial, .id = s->work.id, .step = s->work.from + s->at};
  e.value = s->plan.values[s->at - 1];
  params_init(&e.metrics);
  put_i64(&k->news, NEWS_REPORT);
  put_ending(&k->news, &e);
}

/* ---- slots ---- */

static void seat(struct world *w, struct sim_worker *k, struct sim_seat *s, struct assignment *a, double now) {
  double freed_at = s->freed_at;
  *s = (struct sim_seat){.taken = true, .work = *a, .begun = now, .freed_at = freed_at};
  if (w->failure == OK && values_plan(w, a, &s->plan) != OK) {
    w->failure = ERR_INPUT;
    snprintf(w->why, sizeof w->why, "%s", err_text());
    err_clear();
  }
  s->next = now + (s->plan.n ? values_step_seconds(w, a->key, a->from + 1) : 0);
  if (!k->taken)
    k->row = now;
  k->taken++;
  world_count_taken(w, now, 1);
  tally_begun(w, s, now, freed_at < 0 ? -1 : now - freed_at);
}

static void fill_seats(struct world *w, struct sim_worker *k, double now) {
  for (int64_t i = 0; i < w->slots && k->n_backlog; i++) {
    if (k->seats[i].taken)
      continue;
    struct assignment a = k->backlog[0];
    memmove(k->backlog, k->backlog + 1, --k->n_backlog * sizeof a);
    seat(w, k, &k->seats[i], &a, now);
  }
}

static void unseat(struct world *w, struct sim_worker *k, struct sim_seat *s, double now) {
  k->worked += now - s->begun;
  k->taken--;
  world_count_taken(w, now, -1);
  assignment_free(&s->work);
  plan_free(&s->plan);
  *s = (struct sim_seat){.freed_at = now};
  if (!k->taken) /* with nothing to do it looks up at once */
    k->row = now;
}

/* Given up in the middle. */
static void cut(struct world *w, struct sim_worker *k, struct sim_seat *s, enum stint_end how, bool say, double now) {
  s->plan.how = how;
  s->plan.end_value = (double)NAN;
  if (say)
    say_end(w, k, &s->work, &s->plan, s->work.from + s->at, now - s->begun, now);
  unseat(w, k, s, now);
}

/* The step under way has ended. */
static void take_step(struct world *w, struct sim_worker *k, struct sim_seat *s, double now) {
  if (s->at < s->plan.n) {
    s->at++;
    k->moved++;
    say_report(k, s);
  }
  if (s->at < s->plan.n) {
    s->next = now + values_step_seconds(w, s->work.key, s->work.from + s->at + 1);
    return;
  }
  say_end(w, k, &s->work, &s->plan, s->work.from + s->at, now - s->begun, now);
  unseat(w, k, s, now);
}

/* ---- commands ---- */

static void drop_backlog(struct world *w, struct sim_worker *k, bool say, double now) {
  for (size_t i = 0; i < k->n_backlog; i++) {
    struct plan none = {.how = STINT_interrupted, .end_value = (double)NAN};
    if (say)
      say_end(w, k, &k->backlog[i], &none, k->backlog[i].from, 0, now);
    assignment_free(&k->backlog[i]);
  }
  k->n_backlog = 0;
}

static void give_up_all(struct world *w, struct sim_worker *k, bool say, double now) {
  for (int64_t i = 0; i < w->slots; i++)
    if (k->seats[i].taken)
      cut(w, k, &k->seats[i], STINT_interrupted, say, now);
  drop_backlog(w, k, say, now);
}

static void cancel(struct world *w, struct sim_worker *k, int64_t trial, double now) {
  for (size_t i = 0; i < k->n_backlog; i++)
    if (k->backlog[i].trial == trial) {
      assignment_free(&k->backlog[i]);
      memmove(&k->backlog[i], &k->backlog[i + 1], (--k->n_backlog - i) * sizeof *k->backlog);
      return;
    }
  for (int64_t i = 0; i < w->slots; i++)
    if (k->seats[i].taken && k->seats[i].work.trial == trial) {
      cut(w, k, &k->seats[i], STINT_cancelled, true, now);
      return;
    }
}

static void begin(struct world *w, struct sim_worker *k, struct reader *r, double now) {
  if (!w->evaluator && w->failure == OK && values_open(w, r) != OK) {
    w->failure = ERR_CONFIG;
    snprintf(w->why, sizeof w->why, "%s", err_text());
    err_clear();
  }
  k->last_beat = k->row = now;
  say_hello(k, w->slots);
}

/* One item; false: nothing more is understood. */
static bool obey(struct world *w, struct sim_worker *k, struct reader *r, double now) {
  struct assignment a;
  switch ((enum command)get_i64(r)) {
  case COMMAND_START:
    begin(w, k, r, now);
    return false; /* it stands alone */
  case COMMAND_STINT:
    get_assignment(r, &a);
    MEM_GROW(k->backlog, k->n_backlog, &k->cap_backlog);
    k->backlog[k->n_backlog++] = a;
    return true;
  case COMMAND_FORGET:
    (void)get_i64(r);
    return true;
  case COMMAND_CANCEL:
    cancel(w, k, get_i64(r), now);
    return true;
  case COMMAND_DROP:
    give_up_all(w, k, false, now);
    strbuf_clear(&k->news);
    k->drops++;
    say_hello(k, w->slots);
    return true;
  case COMMAND_LEAVE:
    (void)get_i64(r);
    give_up_all(w, k, true, now);
    put_i64(&k->news, NEWS_BYE);
    k->left = true;
    return false;
  case COMMAND_TEAM:
  case COMMAND_END:
    return false;
  }
  return false;
}

static void obey_all(struct world *w, struct sim_worker *k, double now) {
  size_t n = 0;
  for (; n < k->n_mail && k->mail[n].at <= now && !k->left; n++) {
    struct reader r = reader_of(&k->mail[n].text);
    while (reader_more(&r) && !k->left && obey(w, k, &r, now))
      ;
    strbuf_free(&k->mail[n].text);
  }
  if (n)
    memmove(k->mail, k->mail + n, (k->n_mail -= n) * sizeof *k->mail);
}

void sim_worker_hear(struct world *w, struct sim_worker *k, double at, const struct strbuf *message) {
  if (k->left)
    return;
  MEM_GROW(k->mail, k->n_mail, &k->cap_mail);
  struct sim_mail *m = &k->mail[k->n_mail++];
  m->at = at;
  strbuf_init(&m->text);
  strbuf_add(&m->text, message->text, message->len);
  double looks = looks_at(w, k, m->at);
  if (looks < k->wake)
    world_wake(w, k, looks);
}

/* ---- its life ---- */

static bool looks_now(const struct world *w, const struct sim_worker *k, double now) {
  return k->n_mail && looks_at(w, k, fmax(k->mail[0].at, now)) <= now + 1e-9;
}

/* In a row of worker.c the beat comes behind the work. */
static void end_row(struct world *w, struct sim_worker *k, double now) {
  if (!k->left && (k->ended || now - k->last_beat >= w->beat_every * (1 - 1e-9)))
    say_beat(k, now);
  send(w, k, now);
}

void sim_worker_live(struct world *w, struct sim_worker *k, double now) {
  bool worked = false;
  if (looks_now(w, k, now))
    obey_all(w, k, now);
  for (int64_t i = 0; i < w->slots && k->taken; i++)
    while (k->seats[i].taken && k->seats[i].next <= now) {
      take_step(w, k, &k->seats[i], now);
      worked = true;
    }
  if (worked && k->n_backlog && now - k->last_word > SILENT_AT_MOST)
    send(w, k, now);
  fill_seats(w, k, now);
  bool waits = !k->taken, beats = w->evaluator && now - k->last_beat >= w->beat_every * (1 - 1e-9);
  if (waits || k->left || beats || now >= k->silent_until * (1 - 1e-12))
    end_row(w, k, now);
  else if ((k->news.len || k->ended) && isinf(k->silent_until))
    k->silent_until = w->o->ideal ? now : fmax(quantum_end(w, k, now), now);
  plan_next(w, k, now);
}

void sim_worker_free(struct sim_worker *k, int64_t slots) {
  for (int64_t i = 0; i < slots; i++)
    if (k->seats[i].taken) {
      assignment_free(&k->seats[i].work);
      plan_free(&k->seats[i].plan);
    }
  for (size_t i = 0; i < k->n_backlog; i++)
    assignment_free(&k->backlog[i]);
  for (size_t i = 0; i < k->n_mail; i++)
    strbuf_free(&k->mail[i].text);
  free(k->seats);
  free(k->backlog);
  free(k->mail);
  strbuf_free(&k->news);
}
