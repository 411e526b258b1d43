/* From one process or many to a study: who steers, who rows, who rows with whom. */
#include "run/run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/progress.h"
#include "base/stop.h"
#include "run/steer.h"
#include "run/watchdog.h"

#define PATIENCE_AT_START 600 /* seconds without progress before run.hung_after is known */

/* How ranks are parted, as rank 0 tells the others before anything else. first < 0: go home. */
struct layout {
  int first, team;
  double lost_after, hung_after;
};

static enum err tell_layout(struct wire *wire, struct layout l) {
  struct strbuf b = STRBUF_INIT;
  enum err e = OK;
  put_i64(&b, l.first);
  put_i64(&b, l.team);
  put_f64(&b, l.lost_after);
  put_f64(&b, l.hung_after);
  for (int rank = 1; rank < wire_size(wire) && e == OK; rank++)
    e = wire_to_worker(wire, rank, &b);
  strbuf_free(&b);
  return e;
}

static enum err hear_layout(struct wire *wire, struct layout *l) {
  struct strbuf b = STRBUF_INIT;
  for (bool got = false; !got || !b.len; wire_idle(wire, got)) { /* empty: rank 0 is still at it */
    progress_made("waiting for rank 0");
    TRY(wire_from_steer(wire, &got, &b));
    TRY(wire_check_steer(wire));
  }
  struct reader r = reader_of(&b);
  l->first = (int)get_i64(&r);
  l->team = (int)get_i64(&r);
  l->lost_after = get_f64(&r);
  l->hung_after = get_f64(&r);
  strbuf_free(&b);
  return r.bad ? FAIL(ERR_BUG, "the layout of ranks came in garbled") : OK;
}

static enum err choose_layout(const struct steer *s, struct layout *l) {
  int size = wire_size(s->wire), team = (int)settings_int(s->conf, "run.ranks_per_trial");
  const char *steer = settings_text(s->conf, "run.steer");
  int first = !strcmp(steer, "dedicated") && size > 1;
  if (size - first < team)
    return FAIL(ERR_CONFIG,
                "run.ranks_per_trial = %d, but there are %d ranks to train on: start more (mpirun -n %d) or lower it",
                team, size - first, team + first);
  int left_over = (size - first) % team;
  if (left_over)
    log_warn("%d ranks in teams of %d: %d rank%s without work", size - first, team, left_over,
             left_over == 1 ? "" : "s");
  *l = (struct layout){first, team, settings_double(s->conf, "run.lost_after"),
                       settings_double(s->conf, "run.hung_after")};
  return OK;
}

/* ---- ranks that row ---- */

/* Whoever is done waits for rank 0's last word, so that all finalise or none does. */
static enum err hear_end(struct wire *wire, bool *abandon) {
  struct strbuf b = STRBUF_INIT;
  enum err e = OK;
  for (bool ended = false; !ended && e == OK;) {
    bool got = false;
    progress_made("waiting for the end");
    e = wire_from_steer(wire, &got, &b);
    struct reader r = reader_of(&b);
    ended = got && get_i64(&r) == COMMAND_END;
    if (ended)
      *abandon = get_i64(&r) != 0;
    else
      wire_idle(wire, got);
    if (e == OK)
      e = wire_check_steer(wire);
  }
  strbuf_free(&b);
  return e;
}

static void be_patient(struct wire *wire, struct watchdog *dog, struct layout l) {
  wire_patience(wire, l.lost_after, l.hung_after);
  watchdog_set(dog, l.hung_after > 0 ? fmax(l.hung_after, 2 * l.lost_after) : 0); /* a team waits that long for one */
}

static enum err row_only(struct wire *wire, struct launcher *launcher, struct watchdog *dog, bool *abandon) {
  struct layout l = {-1, 1, 0, 0};
  TRY(hear_layout(wire, &l));
  if (l.first < 0)
    return OK;
  be_patient(wire, dog, l);
  struct comm *team = wire_team(wire, l.team, l.lost_after);
  struct worker *w = worker_new(wire, team, launcher);
  enum err e = worker_main(w);
  worker_free(w);
  comm_close(team);
  TRY(e);
  return hear_end(wire, abandon);
}

/* ---- rank 0 ---- */

static void make_peers(struct steer *s, struct layout l) {
  int rowers = wire_size(s->wire) - l.first;
  s->team_size = (size_t)l.team;
  s->peers = MEM_NEW_ARRAY(struct peer, rowers);
  s->n_peers = (size_t)rowers;
  for (int i = 0; i < rowers; i++) {
    s->peers[i].rank = l.first + i;
    s->peers[i].heard = steer_now(s);
    strbuf_init(&s->peers[i].mail);
  }
}

static enum err send_start(struct steer *s, struct layout l) {
  struct strbuf text = STRBUF_INIT, message = STRBUF_INIT;
  settings_write(s->conf, &text);
  put_i64(&message, COMMAND_START);
  put_text(&message, text.text);
  put_text(&message, s->study_file);
  put_text(&message, s->folder);
  put_text(&message, s->study.name);
  put_i64(&message, s->maximize);
  put_i64(&message, journal_epoch(s->journal));
  enum err e = OK;
  for (int rank = l.first; rank < wire_size(s->wire) && e == OK; rank++)
    e = wire_to_worker(s->wire, rank, &message);
  strbuf_free(&text);
  strbuf_free(&message);
  return e;
}

static enum err row_and_steer(struct steer *s, struct layout l) {
  make_peers(s, l);
  if (l.first == 0) {
    s->own_team = wire_team(s->wire, l.team, l.lost_after);
    s->own = worker_new(s->wire, s->own_team, s->options->launcher);
  }
  TRY(send_start(s, l));
  return steer_loop(s);
}

/* With --points: the values in the order of the points, null where there is none. */
static enum err write_results(const struct steer *s) {
  json_t *list = json_array();
  for (size_t i = 0; i < s->study.n; i++) {
    const struct trial *t = &s->study.trials[i];
    json_t *value = t->state == TRIAL_COMPLETE || t->state == TRIAL_PRUNED ? json_real(t->value) : NULL;
    json_t *one = json_pack("{s:I, s:o, s:o, s:s}", "number", (json_int_t)t->key, "params", params_to_json(&t->params),
                            "value", value ? value : json_null(), "state", trial_state_name(t->state));
    json_array_append_new(list, one);
  }
  char *path = s->options->results ? mem_strdup(s->options->results) : path_join(s->folder, "results.json");
  enum err e = json_write_file(path, list);
  if (e == OK)
    log_info("wrote %s", path);
  json_decref(list);
  free(path);
  return e;
}

static void tell_end(struct wire *wire, bool abandon) {
  struct strbuf b = STRBUF_INIT;
  put_i64(&b, COMMAND_END);
  put_i64(&b, abandon);
  for (int rank = 1; rank < wire_size(wire); rank++)
    (void)wire_to_worker(wire, rank, &b); /* one that is gone needs no word */
  strbuf_free(&b);
}

static void keep_alive(void *wire) {
  wire_keep_alive(wire);
}

static enum err steer_study(struct wire *wire, const struct run_options *o, struct watchdog *dog, bool *abandon) {
  struct steer *s = MEM_NEW(struct steer);
  struct layout l = {-1, 1, 0, 0};
  progress_hook(keep_alive, wire);
  enum err e = steer_open(s, wire, o);
  if (e == OK)
    e = choose_layout(s, &l);
  if (e == OK)
    be_patient(wire, dog, l);
  enum err told = tell_layout(wire, l);
  if (e == OK)
    e = told;
  if (e == OK)
    e = row_and_steer(s, l);
  if (o->points && s->journal && (e == OK || e == ERR_STOPPED || e == ERR_TRIALS)) {
    enum err wrote = write_results(s);
    e = e == OK ? wrote : e;
  }
  for (size_t i = 0; i < s->n_peers; i++)
    *abandon = *abandon || s->peers[i].presence != PEER_GONE || s->failure != OK;
  *abandon = *abandon || (e != OK && e != ERR_STOPPED && e != ERR_TRIALS && l.first >= 0);
  if (l.first >= 0)
    tell_end(wire, *abandon);
  progress_hook(NULL, NULL);
  steer_close(s);
  free(s);
  return e;
}

enum err run_study(struct wire *wire, const struct run_options *o, bool *abandon) {
  struct watchdog *dog = NULL;
  enum err e;
  *abandon = true;
  stop_catch_signals();
  TRY(watchdog_start(&dog, wire_rank(wire), PATIENCE_AT_START));
  *abandon = false;
  if (wire_rank(wire) == 0) {
    e = steer_study(wire, o, dog, abandon);
  } else {
    log_levels(LOG_WARN, LOG_INFO); /* rank 0 speaks for all */
    e = row_only(wire, o->launcher, dog, abandon);
    *abandon = *abandon || e != OK;
  }
  watchdog_stop(dog);
  return e;
}
