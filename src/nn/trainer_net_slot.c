/* What one slot does: steps, evaluation, and what follows from an epoch. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "nn/metric.h"
#include "nn/optim.h"
#include "nn/trainer_net.h"

#define CHUNK_PIECES 16 /* for each thread of each rank */

/* ---- reports ---- */

double slot_value(const struct slot *s) {
  return s->spec.value_is_best && s->best.epoch > 0 ? s->best.value : s->last.value;
}

void slot_report(struct net_trainer *t, struct slot *s, enum slot_event event, double value) {
  MEM_GROW(t->reports, t->n_reports, &t->cap);
  struct train_report *r = &t->reports[t->n_reports++];
  *r = (struct train_report){
      .slot = (size_t)(s - t->slots), .event = event, .epoch = s->epoch, .value = value, .seconds = s->seconds};
  params_init(&r->metrics);
  if (event != SLOT_FAILED)
    params_copy(&r->metrics, &s->metrics);
  memcpy(r->reason, s->reason, sizeof r->reason);
  s->seconds = 0;
}

static void slot_fail(struct net_trainer *t, struct slot *s, const char *what, double loss) {
  snprintf(s->reason, sizeof s->reason,
           "%s is %g in epoch %lld, step %lld, at learning rate %.4g: lower train.lr, or limit the gradient with "
           "train.clip",
           what, fabs(loss), (long long)s->epoch + (s->phase == SLOT_TRAINS), (long long)s->step, s->lr);
  s->phase = SLOT_HAS_FAILED;
  s->idle = true;
  slot_report(t, s, SLOT_FAILED, (double)NAN);
}

/* ---- a training step ---- */

static struct net_rows batch_of(const struct net_trainer *t, const struct slot *s) {
  const struct data *d = t->options.data;
  struct range train = d->part[PART_TRAIN];
  size_t left = train.n - s->position, batch = (size_t)s->spec.batch;
  return (struct net_rows){.x = d->x + train.first * d->width,
                           .label = d->label ? d->label + train.first : NULL,
                           .target = d->target ? d->target + train.first : NULL,
                           .weight = d->weight ? d->weight + train.first : NULL,
                           .shuffled = true,
                           .order = rng_child(s->spec.key, RNG_SHUFFLE, (uint64_t)s->epoch),
                           .all = train.n,
                           .first = s->position,
                           .n = left < batch ? left : batch};
}

static enum err train_unit(struct net_trainer *t, struct slot *s, struct net_sums *sums) {
  struct net_rows rows = batch_of(t, s);
  size_t batch = (size_t)s->spec.batch;
  float *gradient;
  s->lr =
      rate_at(&s->spec, &s->rate, s->epoch, (int64_t)(rows.first / batch), (int64_t)((rows.all + batch - 1) / batch));
  TRY(net_gradient(s->net, &rows, s->step, s->weights, s->statistics, &gradient, sums));
  s->step++;
  if (!isfinite(sums->loss.loss)) {
    slot_fail(t, s, "the training loss", sums->loss.loss);
    return OK;
  }
  optim_apply(&s->spec, t->backend, s->lr, s->step, sums->loss.weight, s->net->n_weights, gradient, s->weights, s->m,
              s->v);
  s->sums.loss += sums->loss.loss;
  s->sums.weight += sums->loss.weight;
  s->position += rows.n;
  if (s->position == rows.all)
    s->phase = SLOT_VALIDATES;
  return OK;
}

/* ---- after an epoch ---- */

static bool is_better(const struct slot *s, double value) {
  if (isnan(value) || s->best.epoch == 0)
    return !isnan(value);
  return s->spec.maximize ? value > s->best.value : value < s->best.value;
}

static void keep_best(const struct net_trainer *t, struct slot *s) {
  s->best = s->last;
  s->stale = 0;
  if (!s->spec.value_is_best)
    return;
  t->backend->download(s->best_weights, s->weights, s->net->n_weights * sizeof *s->best_weights);
  memcpy(s->best_statistics, s->statistics, s->net->n_statistics * sizeof *s->statistics);
}

static void note_metrics(struct slot *s, const struct epoch_note *note) {
  params_set(&s->metrics, "train_loss", value_float(note->train_loss));
  params_set(&s->metrics, "lr", value_float(note->lr));
}

static void start_epoch(struct slot *s) {
  s->position = 0;
  s->sums = (struct loss_sums){0, 0};
  s->phase = SLOT_TRAINS;
}

/* The validation metrics are in s->metrics. */
static void end_epoch(struct net_trainer *t, struct slot *s) {
  double val_loss = params_double(&s->metrics, "val_loss", (double)NAN);
  s->epoch++;
  s->last = (struct epoch_note){.epoch = s->epoch,
                                .value = params_double(&s->metrics, s->spec.metric, (double)NAN),
                                .train_loss = s->sums.loss / s->sums.weight,
                                .lr = s->lr};
  if (params_get(&s->metrics, "val_loss") && !isfinite(val_loss)) {
    slot_fail(t, s, "val_loss", val_loss);
    return;
  }
  s->stale++;
  if (is_better(s, s->last.value))
    keep_best(t, s);
  rate_epoch(&s->spec, &s->rate, s->spec.plateau.monitor == MONITOR_train_loss ? s->last.train_loss : val_loss);
  note_metrics(s, &s->last);
  slot_report(t, s, SLOT_EPOCH, s->last.value);
  start_epoch(s);
  bool stopped = s->spec.early_stop > 0 && s->stale >= s->spec.early_stop;
  if (stopped || s->epoch >= s->spec.epochs)
    s->phase = SLOT_TESTS;
  else if (s->epoch >= s->until) {
    s->idle = true;
    slot_report(t, s, SLOT_REACHED, slot_value(s));
  }
}

/* ---- evaluation ---- */

static bool shows_best(const struct slot *s) {
  return s->phase == SLOT_TESTS && s->spec.value_is_best && s->best.epoch > 0;
}

/* Validation and test parts anew, with the weights that the trial is worth. */
static void end_tests(struct net_trainer *t, struct slot *s) {
  const struct epoch_note *note = shows_best(s) ? &s->best : &s->last;
  note_metrics(s, note);
  params_set(&s->metrics, "best_epoch", value_int(s->best.epoch));
  s->idle = true;
  slot_report(t, s, SLOT_FINISHED, slot_value(s));
}

static enum err end_part(struct net_trainer *t, struct slot *s) {
  const struct data *d = t->options.data;
  if (d->part[s->part].n > 0)
    TRY(metric_all(d, (enum part)s->part, s->logits, (size_t)s->spec.outputs, (int)s->spec.loss, t->options.tag,
                   &s->metrics));
  s->cursor = 0;
  s->part++;
  if (s->phase == SLOT_TESTS && s->part < d->n_parts)
    return OK;
  s->part = PART_VALIDATION;
  if (s->phase == SLOT_TESTS)
    end_tests(t, s);
  else
    end_epoch(t, s);
  return OK;
}

size_t slot_chunk_rows(const struct net_trainer *t, const struct slot *s) {
  return CHUNK_PIECES * (size_t)s->spec.piece * (size_t)comm_size(t->options.comm) * (size_t)threads_count(t->threads);
}

/* Rows [cursor, cursor + n) of the part; the votes are summed behind the logits. */
static enum err chunk_logits(struct net_trainer *t, struct slot *s, size_t n, double *vote) {
  const struct data *d = t->options.data;
  size_t outputs = (size_t)s->spec.outputs, values = n * outputs;
  bool best = shows_best(s);
  if (best)
    t->backend->upload(s->shown, s->best_weights, s->net->n_weights * sizeof *s->shown);
  net_logits(s->net, d->x + (d->part[s->part].first + s->cursor) * d->width, n, best ? s->shown : s->weights,
             best ? s->best_statistics : s->statistics, s->chunk);
  s->chunk[values] = (float)*vote;
  TRY(comm_sum_float(t->options.comm, s->chunk, values + 1));
  *vote = (double)s->chunk[values];
  memcpy(s->logits + s->cursor * outputs, s->chunk, values * sizeof *s->chunk);
  s->cursor += n;
  return OK;
}

static enum err evaluate_unit(struct net_trainer *t, struct slot *s, double *vote) {
  size_t left = t->options.data->part[s->part].n - s->cursor, n = slot_chunk_rows(t, s);
  if (s->cursor == 0 && s->part == PART_VALIDATION) {
    params_free(&s->metrics);
    params_init(&s->metrics);
  }
  if (left > 0)
    TRY(chunk_logits(t, s, left < n ? left : n, vote));
  else
    *vote = 1; /* nothing was sent: every member goes on */
  if (s->cursor == t->options.data->part[s->part].n)
    TRY(end_part(t, s));
  return OK;
}

enum err slot_unit(struct net_trainer *t, struct slot *s, bool more, bool *go_on) {
  struct net_sums sums = {.vote = more && comm_rank(t->options.comm) == 0};
  if (s->phase == SLOT_TRAINS)
    TRY(train_unit(t, s, &sums));
  else
    TRY(evaluate_unit(t, s, &sums.vote));
  *go_on = sums.vote > 0;
  return OK;
}
