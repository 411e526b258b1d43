#include "run/worker_parts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/host.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/progress.h"
#include "base/stop.h"
#include "par/comm_mpi.h"
#include "run/crew.h"
#include "run/launcher.h"
#include "run/preflight.h"

/* Seconds that ends of stints may wait within a quantum. */
#define SILENT_AT_MOST 0.01

struct worker *worker_new(struct wire *wire, struct comm *team, struct launcher *launcher) {
  struct worker *w = MEM_NEW(struct worker);
  w->wire = wire;
  w->team = team;
  w->launcher = launcher;
  w->beat_every = 1;
  strbuf_init(&w->news);
  return w;
}

static void close_study(struct worker *w) {
  for (size_t i = 0; i < w->n_seats; i++)
    if (w->seats[i].taken)
      assignment_free(&w->seats[i].work);
  for (size_t i = 0; i < w->n_backlog; i++)
    assignment_free(&w->backlog[i]);
  evaluator_close(w->evaluator);
  w->evaluator = NULL;
  packer_close(w->packer);
  w->packer = NULL;
  free(w->seats);
  free(w->backlog);
  w->seats = NULL, w->backlog = NULL;
  w->n_seats = w->n_backlog = w->cap_backlog = 0;
  holdings_free(&w->parked);
  worker_drop_withheld(w, -1);
  free(w->withheld);
  w->withheld = NULL;
  w->cap_withheld = 0;
  space_free(&w->space);
  w->space = (struct space){0};
  settings_free(w->conf);
  w->conf = NULL;
  free(w->folder);
  free(w->study_name);
  w->folder = w->study_name = NULL;
}

void worker_free(struct worker *w) {
  if (!w)
    return;
  close_study(w);
  strbuf_free(&w->news);
  free(w);
}

/* ---- stints ---- */

static enum err read_state(const struct worker *w, const char *pack, int64_t trial, struct state *loaded,
                           int64_t *step) {
  char *folder = path_join(w->folder, "packs"), *path = path_join(folder, pack);
  enum err e = pack_read(path, trial, loaded, step);
  free(folder);
  free(path);
  return e;
}

/* Nothing can take the place of a parent's state. */
static enum err parents_state(const struct worker *w, const struct assignment *a, struct state *loaded, int64_t *step) {
  enum err e = read_state(w, a->start.pack, a->parent, loaded, step);
  if (e == OK && *step != a->start.step)
    e = FAIL(ERR_DAMAGED, "%s has trial %lld at step %lld, not %lld", a->start.pack, (long long)a->parent,
             (long long)*step, (long long)a->start.step);
  return e == OK ? OK : FAIL(ERR_DAMAGED, "the state of trial %lld that it starts from is lost", (long long)a->parent);
}

/* The trial's newest state that can be had: in memory, in its packs, that of its parent, or none (it starts from
 * nothing, and since training is a pure function of its start, comes to the same bits). */
static enum err start_state(struct worker *w, const struct assignment *a, struct state *loaded,
                            const struct state **start, int64_t *step) {
  struct held *held = holdings_find(&w->parked, a->trial);
  *start = loaded;
  if (held) {
    *step = held->step;
    *start = &held->state;
    return OK;
  }
  for (int i = 0; i < 2 && a->saved[i].pack; i++) {
    if (read_state(w, a->saved[i].pack, a->trial, loaded, step) == OK)
      return OK;
    log_warn("trial %lld: %s; taking the state before it", (long long)a->trial, err_text());
    err_clear();
  }
  if (a->parent >= 0)
    return parents_state(w, a, loaded, step);
  *start = NULL;
  *step = 0;
  return OK;
}

static enum err seat(struct worker *w, size_t slot, struct assignment *a) {
  struct state loaded;
  state_init(&loaded);
  struct work work = {.trial = a->trial,
                      .key = a->key,
                      .params = a->params,
                      .to = a->to,
                      .run = w->epoch,
                      .stint = a->id,
                      .inherits = a->parent >= 0,
                      .parent = a->parent,
                      .parent_step = a->start.step};
  const struct state *start;
  enum err e = start_state(w, a, &loaded, &start, &work.from);
  if (e == OK)
    e = crew_admit(w->evaluator, slot, &work, start);
  state_free(&loaded);
  if (e == ERR_INPUT || e == ERR_DAMAGED) {
    worker_say_end(w, a, STINT_failed, a->from, 0, 0, NULL, err_text());
    err_clear();
    assignment_free(a);
    return OK;
  }
  TRY(e);
  holdings_drop(&w->parked, a->trial);
  w->seats[slot] = (struct seat){.taken = true, .work = *a, .step = work.from};
  return OK;
}

static enum err fill_seats(struct worker *w) {
  for (size_t i = 0; i < w->n_seats && w->n_backlog; i++) {
    while (!w->seats[i].taken && w->n_backlog) {
      struct assignment a = w->backlog[0];
      memmove(w->backlog, w->backlog + 1, --w->n_backlog * sizeof a);
      TRY(seat(w, i, &a));
    }
  }
  return OK;
}

/* A stint is over: its state is parked, the seat is free. */
static enum err unseat(struct worker *w, size_t slot, bool park) {
  struct seat *s = &w->seats[slot];
  if (park) {
    struct state state;
    state_init(&state);
    TRY(crew_snapshot(w->evaluator, slot, &state));
    holdings_put(&w->parked, s->work.trial, s->step, &state, true);
  }
  TRY(crew_evict(w->evaluator, slot));
  assignment_free(&s->work);
  *s = (struct seat){0};
  return OK;
}

static enum err take_reached(struct worker *w, struct seat *s, const struct outcome *o) {
  const struct evaluator_ops *ops = w->evaluator->ops;
  enum err e = s->work.durable && ops->set_aside ? ops->set_aside(w->evaluator, o->slot) : OK;
  if (e == ERR_INPUT) {
    worker_say_end(w, &s->work, STINT_failed, o->step, 0, s->seconds, &o->metrics, err_text());
    err_clear();
    return unseat(w, o->slot, false);
  }
  TRY(e);
  if (s->work.durable)
    worker_withhold_end(w, &s->work, o, s->seconds);
  else
    worker_say_end(w, &s->work, STINT_reached, o->step, o->value, s->seconds, &o->metrics, NULL);
  return unseat(w, o->slot, true);
}

static enum err take_outcome(struct worker *w, const struct outcome *o) {
  struct seat *s = &w->seats[o->slot];
  if (!s->taken)
    return FAIL(ERR_BUG, "slot %zu: an outcome of a trial that is not there", o->slot);
  s->step = o->step;
  s->seconds += o->seconds;
  s->unsaved = true;
  switch (o->kind) {
  case WORK_REPORT:
    worker_say_report(w, &s->work, o);
    return OK;
  case WORK_REACHED:
    return take_reached(w, s, o);
  case WORK_FINISHED:
    worker_say_end(w, &s->work, STINT_finished, o->step, o->value, s->seconds, &o->metrics, NULL);
    return unseat(w, o->slot, true);
  case WORK_FAILED:
    worker_say_end(w, &s->work, STINT_failed, o->step, 0, s->seconds, &o->metrics, o->reason);
    return unseat(w, o->slot, false);
  }
  return FAIL(ERR_BUG, "unknown outcome %d", (int)o->kind);
}

static enum err take_outcomes(struct worker *w) {
  struct outcome o;
  while (w->evaluator->ops->outcome(w->evaluator, &o)) {
    enum err e = take_outcome(w, &o);
    params_free(&o.metrics);
    TRY(e);
  }
  return OK;
}

/* Trains for about a quantum, however many stints begin and end in it. */
static enum err work(struct worker *w, bool *busy) {
  const double start = clock_seconds(), end = start + w->quantum;
  *busy = false;
  for (double now = start; now < end && stop_requested() == STOP_NONE; now = clock_seconds()) {
    if (w->n_backlog && now - w->last_word > SILENT_AT_MOST)
      TRY(worker_send_news(w)); /* what has ended is known before the next begins, which may be the end of us */
    TRY(fill_seats(w));
    size_t taken = 0;
    for (size_t i = 0; i < w->n_seats; i++)
      if (w->seats[i].taken)
        taken++, w->seats[i].unsaved = true;
    if (!taken)
      break;
    *busy = true;
    w->calling = true;
    w->began = progress_count();
    enum err e = crew_advance(w->evaluator, end - now);
    w->calling = false;
    w->moved += progress_count() - w->began;
    TRY(e);
    w->last_call = clock_seconds();
    TRY(take_outcomes(w));
  }
  if (*busy)
    w->worked += clock_seconds() - start;
  return OK;
}

/* ---- commands ---- */

static enum err start(struct worker *w, struct reader *r) {
  char *text = get_text(r), *name = get_text(r);
  struct complaints c;
  complaints_init(&c);
  w->folder = get_text(r);
  w->study_name = get_text(r);
  bool maximize = get_i64(r) != 0;
  w->epoch = get_i64(r);
  settings_read_text(&w->conf, text ? text : "", name ? name : "study", NULL, 0, &c);
  if (w->conf)
    space_from_settings(&w->space, w->conf, &c);
  enum err e = complaints_verdict(&c);
  complaints_free(&c);
  free(text);
  free(name);
  TRY(e);
  TRY(preflight_see(w->folder));
  bool dedicated = strcmp(settings_text(w->conf, "run.steer"), "dedicated") == 0;
  struct evaluator_options o = {.conf = w->conf,
                                .space = &w->space,
                                .folder = w->folder,
                                .study_name = w->study_name,
                                .maximize = maximize,
                                .slots = w->team ? 1 : (size_t)settings_int(w->conf, "run.slots"),
                                .host = neighbours_rowing(wire_neighbours(w->wire), dedicated),
                                .comm = w->team,
                                .launcher = w->launcher};
  w->n_seats = o.slots;
  w->seats = MEM_NEW_ARRAY(struct seat, o.slots);
  w->quantum = settings_double(w->conf, "run.quantum");
  w->packer = packer_open(&(struct packer_options){.folder = w->folder,
                                                   .study = w->study_name,
                                                   .epoch = w->epoch,
                                                   .rank = wire_rank(w->wire),
                                                   .interval = settings_double(w->conf, "run.checkpoint")});
  w->beat_every = fmin(1, settings_double(w->conf, "run.lost_after") / 4);
  w->last_beat = w->last_call = w->last_look = clock_seconds();
  if (strcmp(settings_text(w->conf, "evaluator"), "command") != 0)
    launcher_stop(w->launcher);
  TRY(evaluator_open(&w->evaluator, settings_text(w->conf, "evaluator"), &o));
  return OK;
}

static void say_hello(struct worker *w) {
  char host[HOST_NAME_SIZE];
  host_name(host);
  put_i64(&w->news, NEWS_HELLO);
  put_i64(&w->news, w->drops);
  put_i64(&w->news, w->joined);
  put_i64(&w->news, (int64_t)w->n_seats);
  put_i64(&w->news, comm_size(w->team));
  put_text(&w->news, host);
  put_text(&w->news, w->evaluator->ops->describe(w->evaluator));
}

static void forget(struct worker *w, int64_t trial) {
  holdings_drop(&w->parked, trial);
  if (w->evaluator && w->evaluator->ops->forget)
    w->evaluator->ops->forget(w->evaluator, trial);
}

static enum err cancel(struct worker *w, int64_t trial) {
  forget(w, trial);
  if (worker_drop_withheld(w, trial)) /* steering hears no more of it either way */
    return OK;
  for (size_t i = 0; i < w->n_backlog; i++)
    if (w->backlog[i].trial == trial) {
      worker_say_end(w, &w->backlog[i], STINT_cancelled, w->backlog[i].from, 0, 0, NULL, NULL);
      assignment_free(&w->backlog[i]);
      memmove(&w->backlog[i], &w->backlog[i + 1], (--w->n_backlog - i) * sizeof *w->backlog);
      return OK;
    }
  for (size_t i = 0; i < w->n_seats; i++)
    if (w->seats[i].taken && w->seats[i].work.trial == trial) {
      worker_say_end(w, &w->seats[i].work, STINT_cancelled, w->seats[i].step, 0, w->seats[i].seconds, NULL, NULL);
      return unseat(w, i, false);
    }
  return OK; /* it ended before the command came */
}

static void drop_backlog(struct worker *w) {
  for (size_t i = 0; i < w->n_backlog; i++)
    assignment_free(&w->backlog[i]);
  w->n_backlog = 0;
}

/* Steering has handed out anew what was here. */
static enum err drop_all(struct worker *w) {
  for (size_t i = 0; i < w->n_seats; i++)
    if (w->seats[i].taken)
      TRY(unseat(w, i, false));
  drop_backlog(w);
  if (w->leads)
    TRY(crew_release(w->evaluator));
  w->leads = false;
  holdings_free(&w->parked);
  worker_drop_withheld(w, -1);
  packer_forget(w->packer);
  forget(w, -1);
  strbuf_clear(&w->news);
  w->drops++;
  say_hello(w);
  return OK;
}

/* ---- teams ---- */

/* A member is gone. Whoever gets the trials next takes them up from their packs. */
static enum err dissolve(struct worker *w) {
  log_warn("rank %d: %s: the team is dissolved", wire_rank(w->wire), err_text());
  err_clear();
  for (size_t i = 0; i < w->n_seats; i++) {
    w->evaluator->ops->evict(w->evaluator, i);
    if (w->seats[i].taken)
      assignment_free(&w->seats[i].work);
    w->seats[i] = (struct seat){0};
  }
  drop_backlog(w);
  if (w->leads)
    put_i64(&w->news, NEWS_BROKEN);
  holdings_free(&w->parked);
  worker_drop_withheld(w, -1);
  packer_forget(w->packer);
  w->leads = false;
  say_hello(w);
  return OK;
}

static enum err follow(struct worker *w) {
  bool released = false;
  TRY(crew_follow(w->evaluator, &released));
  if (released)
    say_hello(w);
  else {
    put_i64(&w->news, NEWS_BYE);
    w->left = true;
  }
  return OK;
}

static enum err join_team(struct worker *w, struct reader *r) {
  int *ranks = MEM_NEW_ARRAY(int, comm_size(w->team));
  int64_t id = get_i64(r);
  for (int i = 0; i < comm_size(w->team); i++)
    ranks[i] = (int)get_i64(r);
  if (!r->bad)
    comm_mpi_join(w->team, id, ranks);
  w->joined = id;
  free(ranks);
  if (r->bad)
    return FAIL(ERR_BUG, "the ranks of a team came in garbled");
  w->last_call = clock_seconds();
  w->leads = comm_rank(w->team) == 0;
  return w->leads ? OK : follow(w);
}

/* Data may take long to prepare, and a signal does not wait for them. */
static enum err begin(struct worker *w, struct reader *r) {
  enum err e = start(w, r);
  if (e == ERR_STOPPED) {
    err_clear();
    return worker_leave(w, true);
  }
  TRY(e);
  w->last_look = clock_seconds(); /* opening took its time */
  w->longest_look = 0;
  say_hello(w);
  return OK;
}

/* One that steering sent to a team before it knew that the team is broken is handed out again. */
static enum err take_stint(struct worker *w, struct reader *r) {
  struct assignment a;
  get_assignment(r, &a);
  if (w->team && !w->leads) {
    assignment_free(&a);
    return OK;
  }
  MEM_GROW(w->backlog, w->n_backlog, &w->cap_backlog);
  w->backlog[w->n_backlog++] = a;
  return OK;
}

static enum err obey(struct worker *w, struct reader *r) {
  switch ((enum command)get_i64(r)) {
  case COMMAND_START:
    return begin(w, r);
  case COMMAND_STINT:
    return take_stint(w, r);
  case COMMAND_FORGET:
    forget(w, get_i64(r));
    return OK;
  case COMMAND_CANCEL:
    return cancel(w, get_i64(r));
  case COMMAND_DROP:
    return drop_all(w);
  case COMMAND_TEAM:
    return join_team(w, r);
  case COMMAND_END:
    return FAIL(ERR_STOPPED, "rank 0 has ended");
  case COMMAND_LEAVE:
    return worker_leave(w, get_i64(r) != 0);
  }
  return FAIL(ERR_BUG, "a command came in garbled");
}

static enum err obey_all(struct worker *w, bool *any) {
  struct strbuf message = STRBUF_INIT;
  enum err e = OK;
  bool got = true;
  double now = clock_seconds();
  *any = false;
  w->longest_look = fmax(w->longest_look, now - w->last_look);
  w->last_look = now;
  while (e == OK && !w->left) {
    e = wire_from_steer(w->wire, &got, &message);
    if (e != OK || !got)
      break;
    *any = true;
    struct reader r = reader_of(&message);
    while (e == OK && reader_more(&r) && !w->left)
      e = obey(w, &r);
  }
  strbuf_free(&message);
  return e;
}

/* The members of a team wait for a word of their leader. */
static enum err call_team(struct worker *w) {
  double now = clock_seconds();
  if (!w->leads || now - w->last_call <= 1)
    return OK;
  w->last_call = now;
  return crew_idle(w->evaluator);
}

static enum err row(struct worker *w, bool *busy) {
  bool commands, worked = false;
  TRY(obey_all(w, &commands));
  *busy = commands;
  if (!w->evaluator || w->left)
    return OK;
  if (!w->leaving)
    TRY(work(w, &worked));
  if (!w->leaving && stop_requested() != STOP_NONE) /* the signal reached this rank as well: no need for the word */
    TRY(worker_leave(w, stop_requested() == STOP_NOW));
  TRY(w->leaving ? worker_leave_on(w) : worker_keep(w));
  *busy = commands || worked;
  if (w->left)
    return OK;
  TRY(call_team(w));
  worker_beat(w);
  return OK;
}

enum err worker_row(struct worker *w, bool *busy, bool *over) {
  *busy = false;
  *over = true;
  if (w->left)
    return OK;
  progress_made("rowing");
  enum err e = row(w, busy);
  if (e == ERR_COMM && w->team && w->team->broken && w->evaluator)
    e = dissolve(w);
  if (e != OK) {
    worker_say_error(w, e);
    w->left = true;
  }
  enum err sent = worker_send_news(w);
  *over = w->left;
  return e != OK ? e : sent;
}

/* Nobody is there to report to. States go to disk, programs are asked to end, and this rank with them. */
static enum err strand(struct worker *w) {
  log_warn("worker %d: %s", wire_rank(w->wire), err_text());
  err_clear();
  TRY(worker_leave(w, false));
  for (; !w->left; clock_sleep(0.001))
    TRY(worker_leave_on(w));
  return FAIL(ERR_STOPPED, "worker %d has left: rank 0 is gone", wire_rank(w->wire));
}

static enum err row_on(struct worker *w) {
  for (bool over = false; !over;) {
    bool busy;
    TRY(worker_row(w, &busy, &over));
    if (!over && wire_check_steer(w->wire) != OK)
      return strand(w);
    wire_idle(w->wire, busy);
  }
  return OK;
}

enum err worker_main(struct worker *w) {
  progress_hook(worker_beat_meanwhile, w);
  enum err e = row_on(w);
  progress_hook(NULL, NULL);
  return e;
}
