/* The state of a slot: everything the next step reads, under the names that any trainer knows.
 *
 *   weights, statistics         float32, in the order of nn/net.h
 *   moment1, moment2            float32: velocity or first moment; second moment; if the optimizer has them
 *   best.weights, .statistics   float32: of the best epoch, if there is one and train.value = best
 *   step epoch position phase stale                   int64
 *   best.epoch last.epoch rate.bad rate.cooldown      int64
 *   sums.loss sums.weight rate.scale rate.best lr     float64
 *   {best,last}.{value,train_loss,lr}                 float64
 *   reason                                            text, if it failed
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "nn/trainer_net.h"

static void save_device(const struct net_trainer *t, const struct slot *s, struct state *out, const char *name,
                        const float *x) {
  size_t n = s->net->n_weights;
  if (x)
    t->backend->download(state_put(out, name, STATE_F32, NULL, n), x, n * sizeof *x);
}

static enum err load_device(const struct net_trainer *t, const struct slot *s, const struct state *in, const char *name,
                            float *x) {
  size_t n = s->net->n_weights;
  if (!x)
    return OK;
  float *host = MEM_NEW_ARRAY(float, n);
  enum err e = state_take(in, name, STATE_F32, host, n);
  if (e == OK)
    t->backend->upload(x, host, n * sizeof *x);
  free(host);
  return e;
}

/* A hyperparameter may have changed since (population based training): a moment that nobody kept until now is 0. */
static enum err load_moment(const struct net_trainer *t, const struct slot *s, const struct state *in, const char *name,
                            float *x) {
  if (!x || state_get(in, name))
    return load_device(t, s, in, name, x);
  float *zeros = MEM_NEW_ARRAY(float, s->net->n_weights);
  t->backend->upload(x, zeros, s->net->n_weights * sizeof *x);
  free(zeros);
  return OK;
}

static void save_note(struct state *out, const char *prefix, const struct epoch_note *note) {
  char name[32];
#define PUT(member, put)                              \
  snprintf(name, sizeof name, "%s." #member, prefix); \
  put(out, name, note->member)
  PUT(epoch, state_put_i64);
  PUT(value, state_put_f64);
  PUT(train_loss, state_put_f64);
  PUT(lr, state_put_f64);
#undef PUT
}

static enum err load_note(const struct state *in, const char *prefix, struct epoch_note *note) {
  char name[32];
#define TAKE(member, take)                            \
  snprintf(name, sizeof name, "%s." #member, prefix); \
  TRY(take(in, name, &note->member))
  TAKE(epoch, state_take_i64);
  TAKE(value, state_take_f64);
  TAKE(train_loss, state_take_f64);
  TAKE(lr, state_take_f64);
#undef TAKE
  return OK;
}

enum err slot_save(const struct net_trainer *t, const struct slot *s, struct state *out) {
  size_t n = s->net->n_weights, n_statistics = s->net->n_statistics;
  save_device(t, s, out, "weights", s->weights);
  save_device(t, s, out, "moment1", s->m);
  save_device(t, s, out, "moment2", s->v);
  if (n_statistics)
    state_put(out, "statistics", STATE_F32, s->statistics, n_statistics);
  if (s->spec.value_is_best && s->best.epoch > 0) {
    state_put(out, "best.weights", STATE_F32, s->best_weights, n);
    if (n_statistics)
      state_put(out, "best.statistics", STATE_F32, s->best_statistics, n_statistics);
  }
  state_put_i64(out, "step", s->step);
  state_put_i64(out, "epoch", s->epoch);
  state_put_i64(out, "position", (int64_t)s->position);
  state_put_i64(out, "phase", (int64_t)s->phase);
  state_put_i64(out, "stale", s->stale);
  state_put_i64(out, "rate.bad", s->rate.bad);
  state_put_i64(out, "rate.cooldown", s->rate.cooldown);
  state_put_f64(out, "rate.scale", s->rate.scale);
  state_put_f64(out, "rate.best", s->rate.best);
  state_put_f64(out, "sums.loss", s->sums.loss);
  state_put_f64(out, "sums.weight", s->sums.weight);
  state_put_f64(out, "lr", s->lr);
  save_note(out, "best", &s->best);
  save_note(out, "last", &s->last);
  if (s->phase == SLOT_HAS_FAILED)
    state_put_text(out, "reason", s->reason);
  return OK;
}

static enum err load_numbers(struct slot *s, const struct state *in, size_t rows) {
  int64_t position, phase;
  TRY(state_take_i64(in, "step", &s->step));
  TRY(state_take_i64(in, "epoch", &s->epoch));
  TRY(state_take_i64(in, "position", &position));
  TRY(state_take_i64(in, "phase", &phase));
  TRY(state_take_i64(in, "stale", &s->stale));
  TRY(state_take_i64(in, "rate.bad", &s->rate.bad));
  TRY(state_take_i64(in, "rate.cooldown", &s->rate.cooldown));
  TRY(state_take_f64(in, "rate.scale", &s->rate.scale));
  TRY(state_take_f64(in, "rate.best", &s->rate.best));
  TRY(state_take_f64(in, "sums.loss", &s->sums.loss));
  TRY(state_take_f64(in, "sums.weight", &s->sums.weight));
  TRY(state_take_f64(in, "lr", &s->lr));
  TRY(load_note(in, "best", &s->best));
  TRY(load_note(in, "last", &s->last));
  if (s->step < 0 || s->epoch < 0 || phase < SLOT_TRAINS || phase > SLOT_HAS_FAILED)
    return FAIL(ERR_DAMAGED, "a state at step %lld, epoch %lld, phase %lld makes no sense", (long long)s->step,
                (long long)s->epoch, (long long)phase);
  if (position < 0 || (size_t)position > rows || ((size_t)position == rows) != (phase == SLOT_VALIDATES))
    if (phase != SLOT_HAS_FAILED)
      return FAIL(ERR_DAMAGED, "a state at row %lld of an epoch of %zu rows makes no sense", (long long)position, rows);
  s->position = (size_t)position;
  s->phase = (enum slot_phase)phase;
  return OK;
}

enum err slot_load(const struct net_trainer *t, struct slot *s, const struct state *in) {
  size_t n = s->net->n_weights, n_statistics = s->net->n_statistics;
  const char *reason = state_text(in, "reason");
  TRY(load_device(t, s, in, "weights", s->weights));
  TRY(load_moment(t, s, in, "moment1", s->m));
  TRY(load_moment(t, s, in, "moment2", s->v));
  TRY(load_numbers(s, in, t->options.data->part[PART_TRAIN].n));
  if (n_statistics)
    TRY(state_take(in, "statistics", STATE_F32, s->statistics, n_statistics));
  if (s->spec.value_is_best && s->best.epoch > 0) {
    TRY(state_take(in, "best.weights", STATE_F32, s->best_weights, n));
    if (n_statistics)
      TRY(state_take(in, "best.statistics", STATE_F32, s->best_statistics, n_statistics));
  }
  if (reason)
    snprintf(s->reason, sizeof s->reason, "%s", reason);
  return OK;
}
