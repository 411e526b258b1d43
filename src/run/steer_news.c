/* What workers say, turned into the journal's words. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "run/steer.h"

static struct peer *peer_of_rank(struct steer *s, int rank) {
  size_t low = 0, high = s->n_peers; /* they are in the order of their ranks */
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (s->peers[middle].rank < rank)
      low = middle + 1;
    else
      high = middle;
  }
  return low < s->n_peers && s->peers[low].rank == rank ? &s->peers[low] : NULL;
}

static void take_off(struct peer *p, int64_t trial) {
  for (size_t i = 0; i < p->n_out; i++)
    if (p->out[i] == trial) {
      p->out[i] = p->out[--p->n_out];
      return;
    }
}

/* Late and doubled news are about stints that are not out any more. */
static struct trial *trial_of(struct steer *s, const struct ending *e) {
  if (e->trial < 0 || (size_t)e->trial >= s->study.n)
    return NULL;
  struct trial *t = &s->study.trials[e->trial];
  return t->stints && t->stint.end == STINT_OPEN && t->stint.id == e->id ? t : NULL;
}

/* Steps that are trained again after a loss come to the same values; the journal has them once. */
static bool has_report(const struct trial *t, int64_t step) {
  for (size_t i = t->n_reports; i-- > 0 && t->reports[i].step >= step;)
    if (t->reports[i].step == step)
      return true;
  return false;
}

static enum err take_report(struct steer *s, const struct ending *e) {
  const struct trial *t = trial_of(s, e);
  if (!t || !isfinite(e->value) || has_report(t, e->step))
    return OK;
  struct op op = op_of(OP_REPORT, e->trial);
  op.step = e->step;
  op.value = e->value;
  return steer_record(s, &op);
}

/* ---- the end of a stint ---- */

static enum err record_metrics(struct steer *s, const struct ending *e, const struct peer *p) {
  for (size_t i = 0; i < e->metrics.n; i++) {
    const struct param *m = &e->metrics.items[i];
    double x;
    json_t *json = value_to_double(&m->value, &x) && !isfinite(x) ? json_null() : value_to_json(&m->value);
    char *text = json_text(json);
    json_decref(json);
    enum err code = steer_attribute(s, e->trial, false, m->name, text);
    free(text);
    TRY(code);
  }
  /* the same text for all trials of a worker, which the fold keeps once */
  json_t *where = json_pack("{s:s?, s:s?, s:i, s:s}", "host", p->host, "device", p->device, "rank", p->rank, "version",
                            COXSWAIN_VERSION);
  char *text = json_text(where);
  json_decref(where);
  enum err code = steer_attribute(s, e->trial, false, "provenance", text);
  free(text);
  return code;
}

static enum err record_reason(struct steer *s, int64_t trial, const char *reason) {
  json_t *json = json_string(reason ? reason : "no reason given");
  char *text = json ? json_text(json) : mem_strdup("\"(a reason that is not valid UTF-8)\"");
  json_decref(json);
  enum err e = steer_attribute(s, trial, false, "reason", text);
  free(text);
  return e;
}

static enum err record_end(struct steer *s, const struct ending *e) {
  if (e->how == STINT_reached || e->how == STINT_finished)
    steer_learn_stint(s, s->study.trials[e->trial].stint.from, e->step, e->seconds);
  return steer_end_stint(s, &s->study.trials[e->trial], e->how, e->step, e->seconds, e->reason);
}

static void hand_out_again(struct steer *s, int64_t trial) {
  queue_add(&s->due, trial);
}

static enum err fail_trial(struct steer *s, const struct ending *e, const char *reason) {
  log_warn("trial %lld failed: %s", (long long)e->trial, reason ? reason : "no reason given");
  TRY(record_reason(s, e->trial, reason));
  TRY(record_end(s, e));
  return steer_end_trial(s, e->trial, TRIAL_FAIL, (double)NAN);
}

/* Pruned is Optuna's word for a trial with a value that is none of those to be chosen from. */
static enum err end_repeat(struct steer *s, const struct trial *t, double value) {
  int64_t number = t->number, of = t->confirms;
  TRY(steer_end_trial(s, number, TRIAL_PRUNED, value));
  steer_forget(s, number);
  return steer_note_confirmed(s, of);
}

static enum err apply_end(struct steer *s, struct ending *e, int peer) {
  const struct trial *t = &s->study.trials[e->trial];
  bool rebuilt = trial_is_over(t); /* its weights were trained again; its story is told */
  s->holder[e->trial] = e->how == STINT_reached || e->how == STINT_finished ? peer : -1;
  if (rebuilt)
    return record_end(s, e);
  switch (e->how) {
  case STINT_finished:
    if (!isfinite(e->value)) {
      char reason[160];
      snprintf(reason, sizeof reason, "%s is %g", settings_text(s->conf, "study.metric"), e->value);
      e->how = STINT_failed;
      return fail_trial(s, e, reason);
    }
    TRY(record_metrics(s, e, &s->peers[peer]));
    TRY(record_end(s, e));
    if (t->confirms >= 0)
      return end_repeat(s, t, e->value);
    TRY(steer_end_trial(s, e->trial, TRIAL_COMPLETE, e->value));
    break;
  case STINT_reached:
    TRY(record_end(s, e));
    steer_note_live(s, e->trial);
    break;
  case STINT_failed:
    return fail_trial(s, e, e->reason);
  case STINT_cancelled:
    return fail_trial(s, e, "cancelled on request");
  default:
    TRY(record_end(s, e));
    hand_out_again(s, e->trial);
    return OK;
  }
  steer_keep_states(s, e->trial);
  return OK;
}

static bool in_turn(const struct ending *e) {
  return e->how != STINT_interrupted && e->how != STINT_lost && e->how != STINT_crashed;
}

enum err steer_take_end(struct steer *s, struct peer *p, struct ending *e) {
  const struct trial *t = trial_of(s, e);
  if (!t) {
    ending_free(e);
    return OK;
  }
  take_off(p, e->trial);
  int peer = (int)(p - s->peers);
  if (s->ordered && in_turn(e) && !trial_is_over(t)) {
    MEM_GROW(s->waiting, s->n_waiting, &s->cap_waiting);
    s->waiting[s->n_waiting++] = (struct waiting_end){.order = t->stint.order, .peer = peer, .end = *e};
    return OK;
  }
  enum err code = apply_end(s, e, peer);
  ending_free(e);
  return code;
}

void steer_recall(struct steer *s, int64_t trial) {
  for (size_t i = 0; i < s->n_peers; i++)
    if (s->peers[i].rank == s->study.trials[trial].stint.worker) {
      put_i64(&s->peers[i].mail, COMMAND_CANCEL);
      put_i64(&s->peers[i].mail, trial);
      take_off(&s->peers[i], trial);
    }
  for (size_t i = 0; i < s->n_waiting; i++)
    if (s->waiting[i].end.trial == trial) {
      ending_free(&s->waiting[i].end);
      s->waiting[i] = s->waiting[--s->n_waiting];
      return;
    }
}

/* Has a stint that was decided before this one not come in yet? */
static bool must_wait(const struct steer *s, int64_t order) {
  const struct trial *trials = s->study.trials;
  for (size_t i = 0; i < s->n_peers; i++)
    for (size_t k = 0; k < s->peers[i].n_out; k++)
      if (trials[s->peers[i].out[k]].stint.order < order)
        return true;
  for (size_t i = s->due.first; i < s->due.n; i++)
    if (trials[s->due.items[i]].stint.order < order && !trial_is_over(&trials[s->due.items[i]]))
      return true;
  return false;
}

/* run.ordered: outcomes are taken in the order in which their stints were decided, and after each one the search
 * decides anew, so that what it knows at each decision does not depend on who was fast. */
enum err steer_take_turns(struct steer *s) {
  while (s->n_waiting) {
    size_t first = 0;
    for (size_t i = 1; i < s->n_waiting; i++)
      if (s->waiting[i].order < s->waiting[first].order)
        first = i;
    if (must_wait(s, s->waiting[first].order))
      return OK;
    struct waiting_end w = s->waiting[first];
    s->waiting[first] = s->waiting[--s->n_waiting];
    enum err e = apply_end(s, &w.end, w.peer);
    ending_free(&w.end);
    TRY(e);
    TRY(steer_plan(s));
  }
  return OK;
}

/* ---- everything else ---- */

static enum err take_saved(struct steer *s, struct reader *r) {
  int64_t trial = get_i64(r), step = get_i64(r);
  char *pack = get_text(r);
  enum err e = OK;
  if (pack && trial >= 0 && (size_t)trial < s->study.n) {
    struct op op = op_of(OP_SAVED, trial);
    op.step = step;
    op.name = pack;
    e = steer_record(s, &op);
    if (!s->n_packs || strcmp(s->packs[s->n_packs - 1], pack)) {
      MEM_GROW(s->packs, s->n_packs, &s->cap_packs);
      s->packs[s->n_packs++] = mem_strdup(pack);
    }
  }
  free(pack);
  return e;
}

static void take_beat(struct steer *s, struct peer *p, struct reader *r) {
  double worked = get_f64(r);
  p->worked += worked;
  p->wall += get_f64(r);
  p->ended = get_i64(r);
  durations_add(&p->looks, get_f64(r));
  s->timers.training += worked;
}

static void take_pack(struct steer *s, struct peer *p, struct reader *r) {
  double seconds = get_f64(r), stood = get_f64(r);
  steer_learn_pack(s, p, seconds, stood, get_i64(r));
}

static enum err take_error(struct steer *s, struct peer *p, struct reader *r) {
  enum err code = (enum err)get_i64(r);
  char *text = get_text(r);
  bool at_start = p->presence == PEER_STARTING;
  if (s->failure == OK) {
    s->failure = code ? code : ERR_BUG;
    snprintf(s->failure_text, sizeof s->failure_text, "%s", text ? text : "a worker failed without a word");
  }
  log_error("worker %d cannot go on: %s", p->rank, text ? text : "no reason given");
  free(text);
  TRY(steer_lose(s, p, false, "its worker failed"));
  if (at_start) /* what stops one before it has begun stops all */
    s->halt = HALT_ERROR;
  return OK;
}

static enum err take_item(struct steer *s, struct peer *p, struct reader *r) {
  struct ending e;
  switch ((enum news)get_i64(r)) {
  case NEWS_HELLO:
    steer_welcome(s, p, r);
    return OK;
  case NEWS_BEAT:
    take_beat(s, p, r);
    return OK;
  case NEWS_PACK:
    take_pack(s, p, r);
    return OK;
  case NEWS_MOVED:
    steer_note_moved(s, p, get_i64(r));
    return OK;
  case NEWS_REPORT: {
    get_ending(r, &e);
    enum err code = take_report(s, &e);
    ending_free(&e);
    return code;
  }
  case NEWS_END:
    get_ending(r, &e);
    return steer_take_end(s, p, &e);
  case NEWS_SAVED:
    return take_saved(s, r);
  case NEWS_UNSAVED:
    s->unsaved += get_i64(r);
    return OK;
  case NEWS_ERROR:
    return take_error(s, p, r);
  case NEWS_BROKEN:
    return steer_lose(s, p, true, "a rank of its team was lost");
  case NEWS_BYE:
    p->presence = PEER_GONE;
    steer_scatter(s, p);
    return OK;
  }
  return FAIL(ERR_BUG, "news of rank %d came in garbled", p->rank);
}

/* One that was given up speaks again. Its work has been handed out anew, so it drops all it has, and is as new with its
 * next hello. */
static bool comes_back(struct peer *p, struct reader r) {
  if (p->recalled && get_i64(&r) == NEWS_HELLO && get_i64(&r) == p->drops) {
    p->recalled = false;
    return true;
  }
  if (!p->recalled) {
    log_info("worker %d speaks again: it starts anew", p->rank);
    put_i64(&p->mail, COMMAND_DROP);
    p->drops++;
    p->recalled = true;
  }
  return false;
}

/* Not more at once than a while's, however fast they come: what has been decided waits to be sent. */
enum err steer_take_news(struct steer *s, bool *any) {
  struct strbuf message = STRBUF_INIT;
  enum err e = OK;
  const double begun = steer_now(s);
  double now = begun;
  *any = s->rooms_known = false;
  for (int from = 0, n = 1; e == OK && now - begun < STEER_AT_ONCE; n++) {
    e = wire_from_workers(s->wire, &from, &message);
    if (e != OK || from < 0)
      break;
    *any = true;
    if (n % 16 == 0)
      now = steer_now(s);
    struct peer *p = peer_of_rank(s, from);
    if (!p || p->presence == PEER_GONE)
      continue;
    p->heard = now;
    struct reader r = reader_of(&message);
    if (p->presence == PEER_LOST && !comes_back(p, r))
      continue;
    while (e == OK && reader_more(&r))
      e = take_item(s, p, &r);
  }
  strbuf_free(&message);
  return e;
}
