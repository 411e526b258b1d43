/* What a worker says to steering. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/progress.h"
#include "run/worker_parts.h"

enum err worker_send_news(struct worker *w) {
  if (!w->news.len)
    return OK;
  w->last_word = clock_seconds();
  enum err e = wire_to_steer(w->wire, &w->news);
  strbuf_clear(&w->news);
  return e;
}

void worker_say_end(struct worker *w, const struct assignment *a, enum stint_end how, int64_t step, double value,
                    double seconds, const struct params *metrics, const char *reason) {
  struct params none;
  params_init(&none);
  struct ending e = {.trial = a->trial, .id = a->id, .step = step, .how = how, .value = value, .seconds = seconds};
  e.metrics = metrics ? *metrics : none; /* lent for the call */
  e.reason = mem_strdup(reason);
  put_i64(&w->news, NEWS_END);
  put_ending(&w->news, &e);
  free(e.reason);
  w->ended++;
}

void worker_say_report(struct worker *w, const struct assignment *a, const struct outcome *o) {
  struct ending e = {.trial = a->trial, .id = a->id, .step = o->step, .value = o->value, .seconds = o->seconds};
  e.metrics = o->metrics; /* lent for the call */
  put_i64(&w->news, NEWS_REPORT);
  put_ending(&w->news, &e);
}

static void say_moved(const struct worker *w, struct strbuf *news) {
  put_i64(news, NEWS_MOVED);
  put_i64(news, (int64_t)(w->moved + (w->calling ? progress_count() - w->began : 0)));
}

void worker_beat(struct worker *w) {
  double now = clock_seconds();
  if (!w->ended && now - w->last_beat < w->beat_every)
    return;
  put_i64(&w->news, NEWS_BEAT);
  put_f64(&w->news, w->worked);
  put_f64(&w->news, now - w->last_beat);
  put_i64(&w->news, w->ended);
  put_f64(&w->news, w->longest_look);
  say_moved(w, &w->news);
  w->last_beat = now;
  w->longest_look = 0;
  w->worked = 0;
  w->ended = 0;
}

/* From within long calls: what waits in w->news may be half made. */
void worker_beat_meanwhile(void *context) {
  struct worker *w = context;
  double now = clock_seconds();
  if (now - w->last_word < w->beat_every)
    return;
  struct strbuf news = STRBUF_INIT;
  w->last_word = now;
  say_moved(w, &news);
  if (wire_to_steer(w->wire, &news) != OK)
    err_clear(); /* the next words will show it */
  strbuf_free(&news);
}

void worker_say_error(struct worker *w, enum err code) {
  put_i64(&w->news, NEWS_ERROR);
  put_i64(&w->news, code);
  put_text(&w->news, err_text());
}

void worker_say_pack(struct worker *w, double seconds, double stood, int64_t bytes) {
  put_i64(&w->news, NEWS_PACK);
  put_f64(&w->news, seconds);
  put_f64(&w->news, stood);
  put_i64(&w->news, bytes);
}
