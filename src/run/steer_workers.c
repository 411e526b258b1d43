/* Who rows: workers say hello, fall silent, hang, come back; and what that means for the trials they had.
 *
 * A worker that goes down may have been killed by a trial, or take innocent trials with it. What tells them apart is
 * that it happens again: of the trials that were in its slots, those that have gone down before are to blame, all of
 * them if there are none; suspects are then kept apart from each other as far as there are workers. Each such end
 * (crashed) is counted until the trial gets further than before, and run.attempts of them end it once it was the only
 * suspect. No trial is to blame where the machine was: a whole host that falls silent, a worker that reports an error
 * of its own, the end of the whole job. Those ends (lost), and those of trials that had not begun, are counted apart
 * and have no limit. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/host.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/stop.h"
#include "run/steer.h"

/* ---- who is there ---- */

static bool alike(const struct peer *a, const struct peer *b) {
  return strcmp(a->host, b->host) == 0 && strcmp(a->device, b->device) == 0 && a->slots == b->slots &&
         a->team == b->team;
}

/* "0-3, 5": the ranks of all that are here and like this one. */
static int64_t list_alike(struct steer *s, const struct peer *like, struct strbuf *out) {
  int64_t n = 0;
  int first = -2, last = -2;
  for (size_t i = 0; i <= s->n_peers; i++) {
    struct peer *p = i < s->n_peers ? &s->peers[i] : NULL;
    bool member = p && p->presence == PEER_HERE && (p == like || !p->announced) && alike(p, like);
    if (member) {
      p->announced = true;
      n++;
      if (p->rank == last + 1 && last >= 0) {
        last = p->rank;
        continue;
      }
    } else if (p)
      continue;
    if (last >= 0)
      strbuf_printf(out, first == last ? "%s%d" : "%s%d-%d", out->len ? ", " : "", first, last);
    first = last = p ? p->rank : -2;
  }
  return n;
}

/* One line for all that are alike. */
static void announce(struct steer *s, struct peer *p) {
  struct strbuf ranks = STRBUF_INIT;
  bool several = list_alike(s, p, &ranks) > 1;
  char team[48] = "";
  if (p->team > 1)
    snprintf(team, sizeof team, ", teams of %lld ranks", (long long)p->team);
  log_info("%s: worker%s %s: %s, %lld slot%s%s%s", p->host, several ? "s" : "", ranks.text, p->device,
           (long long)p->slots, p->slots == 1 ? "" : "s", several ? " each" : "", team);
  strbuf_free(&ranks);
}

/* When all are here; whoever takes longer than some seconds more than the first gets a line of its own. */
static void announce_all(struct steer *s) {
  bool starting = false, any = false;
  for (size_t i = 0; i < s->n_peers; i++) {
    starting = starting || s->peers[i].presence == PEER_STARTING;
    any = any || (s->peers[i].presence == PEER_HERE && !s->peers[i].announced);
  }
  if (!any || (starting && steer_now(s) - s->first_hello < 10))
    return;
  for (size_t i = 0; i < s->n_peers; i++)
    if (s->peers[i].presence == PEER_HERE && !s->peers[i].announced)
      announce(s, &s->peers[i]);
}

void steer_welcome(struct steer *s, struct peer *p, struct reader *r) {
  double now = steer_now(s);
  bool up_to_date = get_i64(r) == p->drops;
  up_to_date = get_i64(r) == p->team_id && up_to_date;
  p->slots = get_i64(r);
  p->team = get_i64(r);
  free(p->host);
  free(p->device);
  p->host = get_text(r);
  p->device = get_text(r);
  if (!p->host)
    p->host = mem_strdup("?");
  if (!p->device)
    p->device = mem_strdup("?");
  if (!up_to_date) /* it will say hello again when it has read what it was told */
    return;
  p->presence = s->team_size > 1 ? PEER_FREE : PEER_HERE;
  p->moved_at = now;
  s->loose = s->team_size > 1;
  s->first_hello = s->first_hello > 0 ? s->first_hello : now;
  s->unannounced = true;
  if (s->leaving) { /* its team broke as it was about to leave */
    put_i64(&p->mail, COMMAND_LEAVE);
    put_i64(&p->mail, stop_requested() == STOP_NOW);
  }
  log_debug("worker %d: %s, %s", p->rank, p->host, p->device);
}

void steer_note_moved(const struct steer *s, struct peer *p, int64_t moved) {
  if (moved != p->moved)
    p->moved_at = steer_now(s);
  p->moved = moved;
}

/* ---- who is to blame ---- */

static bool is_suspect(const struct steer *s, int64_t trial) {
  return s->study.trials[trial].faults > 0;
}

static size_t suspects_with(const struct steer *s, const struct peer *p) {
  size_t n = 0;
  for (size_t i = 0; i < p->n_out; i++)
    n += is_suspect(s, p->out[i]);
  return n;
}

/* Workers take their stints in the order in which these were sent: the oldest are in the slots. */
static bool in_slot(const struct steer *s, const struct peer *p, int64_t trial) {
  int64_t older = 0;
  for (size_t i = 0; i < p->n_out; i++)
    older += s->study.trials[p->out[i]].stint.id < s->study.trials[trial].stint.id;
  return older < p->slots;
}

struct peer *steer_peer_apart(struct steer *s) {
  struct peer *best = NULL;
  size_t fewest = SIZE_MAX;
  for (size_t i = 0; i < s->n_peers; i++) {
    struct peer *p = &s->peers[i];
    size_t n = p->presence == PEER_HERE ? suspects_with(s, p) : SIZE_MAX;
    if (n > fewest || n == SIZE_MAX || (int64_t)p->n_out >= p->slots)
      continue;
    if (n < fewest || p->n_out < best->n_out)
      best = p;
    fewest = n;
  }
  return best;
}

/* How a stint ended that went down with its worker. */
static void judge(const struct steer *s, const struct trial *t, bool alone, const char *why, struct ending *e) {
  int64_t most = settings_int(s->conf, "run.attempts");
  struct strbuf reason = STRBUF_INIT;
  e->how = STINT_crashed;
  if (t->faults + 1 >= most && alone && !trial_is_over(t)) {
    e->how = STINT_failed;
    strbuf_printf(&reason, "given up after %lld tr%s: %s", (long long)t->faults + 1, t->faults ? "ies" : "y", why);
  } else
    strbuf_puts(&reason, why);
  free(e->reason);
  e->reason = strbuf_detach(&reason);
}

enum err steer_lose(struct steer *s, struct peer *p, bool blame, const char *why) {
  const size_t n_out = p->n_out;
  bool *in_slots = MEM_NEW_ARRAY(bool, n_out + 1);
  size_t running = 0, suspects = 0;
  for (size_t i = 0; i < n_out; i++) {
    in_slots[i] = in_slot(s, p, p->out[i]);
    running += in_slots[i];
    suspects += in_slots[i] && is_suspect(s, p->out[i]);
  }
  enum err e = OK;
  p->presence = PEER_GONE;
  s->rooms_known = false;
  steer_scatter(s, p);
  for (size_t i = 0; i < s->study.n && i < s->cap_holder; i++)
    if (s->holder[i] == (int)(p - s->peers))
      s->holder[i] = -1;
  for (size_t i = n_out; i-- > 0 && e == OK;) { /* from the end: each that is taken off leaves the others in place */
    const struct trial *t = &s->study.trials[p->out[i]];
    struct ending end = {
        .trial = t->number, .id = t->stint.id, .how = STINT_lost, .step = t->step, .reason = mem_strdup(why)};
    params_init(&end.metrics);
    if (blame && in_slots[i] && (!suspects || is_suspect(s, t->number)))
      judge(s, t, running == 1 || suspects == 1, why, &end);
    e = steer_take_end(s, p, &end);
  }
  free(in_slots);
  return e;
}

/* ---- watching ---- */

/* Has everybody on its host fallen silent? Rank 0's has not. */
static bool host_is_silent(const struct steer *s, const struct peer *p, double now, double patience) {
  size_t others = 0;
  char here[HOST_NAME_SIZE];
  host_name(here);
  if (!p->host || strcmp(p->host, here) == 0)
    return false;
  for (size_t i = 0; i < s->n_peers; i++) {
    const struct peer *q = &s->peers[i];
    if (q == p || !q->host || strcmp(q->host, p->host) != 0)
      continue;
    if (now - q->heard < patience / 2) /* beats come at least twice as often */
      return false;
    others++;
  }
  return others > 0;
}

static enum err lose_silent(struct steer *s, struct peer *p, double now, double patience) {
  char why[128];
  bool host = host_is_silent(s, p, now, patience);
  s->loose = s->team_size > 1;
  const char *place = p->host ? p->host : "a host that has not said its name";
  if (p->presence == PEER_ADRIFT)
    log_warn("rank %d has not come back from its broken team", p->rank);
  else if (p->presence == PEER_STARTING)
    log_warn("worker %d says nothing while it starts, for %.0f s: the others go on without it", p->rank,
             now - p->heard);
  else
    log_warn("worker %d on %s says nothing for %.0f s: its trials are handed out again%s", p->rank, place, patience,
             host ? "; all of that host is silent" : "");
  snprintf(why, sizeof why, "its worker (%d on %.64s) was lost", p->rank, place);
  TRY(steer_lose(s, p, !host, why));
  p->presence = PEER_LOST;
  return OK;
}

/* It answers, but nothing comes of it: it drops all it has, and is as new with its next hello. */
static enum err lose_hung(struct steer *s, struct peer *p, double hung_after) {
  char why[128];
  log_warn("worker %d on %s speaks, but its trials make no progress for %.0f s: they are handed out again", p->rank,
           p->host, hung_after);
  snprintf(why, sizeof why, "no progress for %.0f s on worker %d (run.hung_after)", hung_after, p->rank);
  TRY(steer_lose(s, p, true, why));
  p->presence = PEER_STARTING;
  put_i64(&p->mail, COMMAND_DROP);
  p->drops++;
  return OK;
}

/* Silent is who says nothing for run.lost_after seconds; not when this process was the one that slept. Who prepares
 * data gives signs of life too, but may take longer over one thing. */
enum err steer_watch_workers(struct steer *s) {
  const double now = steer_now(s), patience = settings_double(s->conf, "run.lost_after");
  const double hung_after = settings_double(s->conf, "run.hung_after");
  const double at_start = hung_after > 0 ? patience + hung_after : (double)INFINITY;
  bool slept = now - s->last_loop > patience / 4;
  s->last_loop = now;
  for (size_t i = 0; i < s->n_peers; i++) {
    struct peer *p = &s->peers[i];
    if (slept)
      p->heard = now;
    if (slept || !p->n_out)
      p->moved_at = now;
    if (p->presence == PEER_FOLLOWS || p->presence == PEER_GONE || p->presence == PEER_LOST)
      continue;
    double most = p->presence == PEER_STARTING ? at_start : p->presence == PEER_ADRIFT ? 2 * patience : patience;
    if (now - p->heard >= most)
      TRY(lose_silent(s, p, now, patience));
    else if (hung_after > 0 && now - p->moved_at >= hung_after)
      TRY(lose_hung(s, p, hung_after));
  }
  steer_form_teams(s);
  if (s->unannounced) {
    announce_all(s);
    s->unannounced = false;
    for (size_t i = 0; i < s->n_peers; i++)
      s->unannounced = s->unannounced || (s->peers[i].presence == PEER_HERE && !s->peers[i].announced);
  }
  return OK;
}
