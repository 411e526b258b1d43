/* What a simulation counts, and what it says of it. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "run/simulate_world.h"

/* ---- counting ---- */

static struct simulate_mark mark(const struct world *w, double now) {
  struct simulate_mark m = w->at;
  m.time = now - w->zero;
  m.area += (double)w->taken * (now - w->area_at);
  return m;
}

void tally_begun(struct world *w, const struct sim_seat *seat, double now, double waited) {
  bool is_new = seat->work.from == 0;
  w->at.begun++;
  w->at.trials += is_new;
  if (waited >= 0) {
    w->at.waited += waited;
    w->at.gaps++;
  } else if (++w->filled == (int64_t)w->n * w->slots) {
    w->r->filled = true;
    w->r->ramp = mark(w, now);
  }
  if (is_new)
    w->r->tail = mark(w, now);
}

static void note_best(struct world *w, double value, double now) {
  struct simulate_result *r = w->r;
  double best = r->n_best ? r->best[r->n_best - 1].value : (double)NAN;
  if (r->n_best && (w->maximize ? value <= best : value >= best))
    return;
  MEM_GROW(r->best, r->n_best, &r->cap_best);
  r->best[r->n_best++] = (struct simulate_best){.time = now - w->zero, .value = value, .over = r->complete};
}

void tally_ended(struct world *w, const struct assignment *a, const struct plan *p, double now) {
  struct simulate_result *r = w->r;
  (void)a;
  w->at.ended++;
  r->failed += p->how == STINT_failed;
  r->complete += p->how == STINT_finished;
  r->lost += p->how == STINT_interrupted || p->how == STINT_cancelled;
  if (p->how == STINT_finished && isfinite(p->end_value))
    note_best(w, p->end_value, now);
  r->end = mark(w, now);
}

/* ---- saying ---- */

double simulate_utilisation(const struct simulate_result *r, const struct simulate_mark *a,
                            const struct simulate_mark *b) {
  double all = (double)r->slots * (b->time - a->time);
  return all > 0 ? (b->area - a->area) / all : (double)NAN;
}

static bool is_steady(const struct simulate_result *r) {
  return r->filled && r->tail.time > r->ramp.time;
}

static void put_phase(const struct simulate_result *r, const char *name, const struct simulate_mark *a,
                      const struct simulate_mark *b, struct strbuf *out) {
  double seconds = b->time - a->time;
  char text[32];
  clock_duration(seconds, text);
  strbuf_printf(out, "  %-8s %-14s", name, text);
  if (!(seconds > 0)) {
    strbuf_puts(out, "\n");
    return;
  }
  double gaps = (double)(b->gaps - a->gaps);
  strbuf_printf(out, "slots %6.2f %% busy, %.4g stints/s, %.4g new trials/s, steering %.1f %% busy",
                100 * simulate_utilisation(r, a, b), (double)(b->ended - a->ended) / seconds,
                (double)(b->trials - a->trials) / seconds,
                100 * fmin(1, (b->steering - a->steering + b->disk - a->disk) / seconds));
  if (gaps > 0)
    strbuf_printf(out, ", a slot waits %.3g ms for its next stint", 1e3 * (b->waited - a->waited) / gaps);
  strbuf_puts(out, "\n");
}

/* About ten of them, evenly over the improvements. */
static void put_best(const struct simulate_result *r, struct strbuf *out) {
  size_t every = r->n_best / 10 + 1;
  for (size_t i = 0; i < r->n_best; i++) {
    char text[32];
    if ((r->n_best - 1 - i) % every)
      continue;
    clock_duration(r->best[i].time, text);
    strbuf_printf(out, "  best     %.6g after %s and %lld complete trials\n", r->best[i].value, text,
                  (long long)r->best[i].over);
  }
}

void simulate_put(const struct simulate_result *r, struct strbuf *out) {
  static const struct simulate_mark zero;
  const struct simulate_mark *end = &r->end;
  char whole[32], real[32];
  clock_duration(r->study_seconds, whole);
  clock_duration(r->real_seconds, real);
  strbuf_printf(out, "%s: %lld slots of %lld workers, %lld stints of %lld trials in %s (simulated in %s)\n", r->study,
                (long long)r->slots, (long long)r->workers, (long long)end->ended, (long long)end->trials, whole, real);
  put_phase(r, "all", &zero, end, out);
  if (is_steady(r)) {
    put_phase(r, "ramp", &zero, &r->ramp, out);
    put_phase(r, "steady", &r->ramp, &r->tail, out);
    put_phase(r, "tail", &r->tail, end, out);
  } else
    strbuf_puts(out, r->filled ? "  no steady state: the last new trial began before every slot had work\n"
                               : "  no steady state: there was never work for every slot\n");
  if (end->begun > 0)
    strbuf_printf(out,
                  "  steering %.3g us of processor time a stint, %lld turns, %lld messages; charged besides: fsync "
                  "%.3g ms, message %.3g us on its way and %.3g us of work\n",
                  1e6 * end->steering / (double)end->begun, (long long)end->turns, (long long)end->messages,
                  1e3 * r->fsync, 1e6 * r->latency, 1e6 * r->message);
  strbuf_printf(out, "  trials   %lld complete, %lld failed, %lld of %lld stints cut short\n", (long long)r->complete,
                (long long)r->failed, (long long)r->lost, (long long)end->ended);
  put_best(r, out);
}

static json_t *phase_json(const struct simulate_result *r, const struct simulate_mark *a,
                          const struct simulate_mark *b) {
  double seconds = b->time - a->time, use = simulate_utilisation(r, a, b), gaps = (double)(b->gaps - a->gaps);
  return json_pack("{s:f, s:o, s:f, s:I, s:I, s:f, s:f, s:f, s:I, s:I}", "seconds", seconds, "utilisation",
                   isfinite(use) ? json_real(use) : json_null(), "idle_slot_seconds",
                   (double)r->slots * seconds - (b->area - a->area), "stints", (json_int_t)(b->ended - a->ended),
                   "new_trials", (json_int_t)(b->trials - a->trials), "decisions_per_second",
                   seconds > 0 ? (double)(b->begun - a->begun) / seconds : 0, "steering_share",
                   seconds > 0 ? fmin(1, (b->steering - a->steering + b->disk - a->disk) / seconds) : 0, "wait_seconds",
                   gaps > 0 ? (b->waited - a->waited) / gaps : 0, "turns", (json_int_t)(b->turns - a->turns),
                   "messages", (json_int_t)(b->messages - a->messages));
}

json_t *simulate_json(const struct simulate_result *r) {
  static const struct simulate_mark zero;
  json_t *best = json_array();
  for (size_t i = 0; i < r->n_best; i++)
    json_array_append_new(best, json_pack("{s:f, s:f, s:I}", "seconds", r->best[i].time, "value", r->best[i].value,
                                          "complete", (json_int_t)r->best[i].over));
  json_t *json = json_pack("{s:s, s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:I, s:I, s:I, s:o, s:o}", "study", r->study,
                           "workers", (json_int_t)r->workers, "slots", (json_int_t)r->slots, "seconds",
                           r->study_seconds, "real_seconds", r->real_seconds, "fsync_seconds", r->fsync,
                           "latency_seconds", r->latency, "message_seconds", r->message, "steering_seconds",
                           r->end.steering, "complete", (json_int_t)r->complete, "failed", (json_int_t)r->failed,
                           "cut_short", (json_int_t)r->lost, "all", phase_json(r, &zero, &r->end), "best", best);
  if (is_steady(r)) {
    json_object_set_new(json, "ramp", phase_json(r, &zero, &r->ramp));
    json_object_set_new(json, "steady", phase_json(r, &r->ramp, &r->tail));
    json_object_set_new(json, "tail", phase_json(r, &r->tail, &r->end));
  }
  return json;
}
