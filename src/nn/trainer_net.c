#include "nn/trainer_net.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/progress.h"
#include "nn/optim.h"

static bool net_supports(const struct spec *spec) {
  return spec->n_hidden <= SPEC_MAX_LAYERS;
}

static enum err net_trainer_open(struct trainer *trainer, const struct trainer_options *o) {
  struct net_trainer t = {.options = *o};
  if (comm_size(o->comm) > 1 && o->slots > 1)
    return FAIL(ERR_BUG, "a team of %d ranks trains one network at a time, not %zu", comm_size(o->comm), o->slots);
  TRY(backend_find("cpu", &t.backend));
  TRY(threads_open(&t.threads, o->threads));
  t.slots = MEM_NEW_ARRAY(struct slot, o->slots);
  trainer->context = mem_dup(&t, sizeof t);
  return OK;
}

/* ---- slots come and go ---- */

static enum err check_data(const struct spec *spec, const struct data *d) {
  if (spec->inputs != (int64_t)d->width)
    return FAIL(ERR_INPUT, "the network has %lld inputs, the data have %zu variables", (long long)spec->inputs,
                d->width);
  if (spec->loss == LOSS_softmax && spec->outputs != (int64_t)d->n_classes)
    return FAIL(ERR_INPUT, "the network has %lld outputs, the data have %zu classes", (long long)spec->outputs,
                d->n_classes);
  if (d->n_parts <= PART_VALIDATION || d->part[PART_TRAIN].n == 0)
    return FAIL(ERR_INPUT, "the data have no rows to train on: look at data.validation and data.test");
  if ((spec->loss == LOSS_softmax || spec->loss == LOSS_sigmoid) ? !d->label : !d->target)
    return FAIL(ERR_INPUT, "the data do not have the truth that this loss needs: look at data.target");
  return OK;
}

static size_t largest_part(const struct data *d) {
  size_t largest = 0;
  for (size_t i = PART_VALIDATION; i < d->n_parts; i++)
    largest = d->part[i].n > largest ? d->part[i].n : largest;
  return largest;
}

static void slot_alloc(const struct net_trainer *t, struct slot *s) {
  const struct backend *b = t->backend;
  size_t n = s->net->n_weights, bytes = n * sizeof(float), outputs = (size_t)s->spec.outputs;
  struct optim_buffers keeps = optim_buffers(&s->spec);
  s->weights = b->alloc(bytes);
  s->m = keeps.m ? b->alloc(bytes) : NULL;
  s->v = keeps.v ? b->alloc(bytes) : NULL;
  s->shown = b->alloc(bytes);
  s->statistics = MEM_NEW_ARRAY(float, s->net->n_statistics);
  s->best_weights = MEM_NEW_ARRAY(float, n);
  s->best_statistics = MEM_NEW_ARRAY(float, s->net->n_statistics);
  s->logits = MEM_NEW_ARRAY(float, largest_part(t->options.data) * outputs);
  s->chunk = MEM_NEW_ARRAY(float, slot_chunk_rows(t, s) * outputs + 1);
}

static void slot_free(const struct net_trainer *t, struct slot *s) {
  float *device[] = {s->weights, s->m, s->v, s->shown};
  for (size_t i = 0; i < sizeof device / sizeof *device; i++)
    if (device[i])
      t->backend->release(device[i]);
  free(s->statistics);
  free(s->best_weights);
  free(s->best_statistics);
  free(s->logits);
  free(s->chunk);
  params_free(&s->metrics);
  net_close(s->net);
  *s = (struct slot){0};
}

static void start_fresh(const struct net_trainer *t, struct slot *s) {
  float *fresh = MEM_NEW_ARRAY(float, s->net->n_weights);
  net_init(s->net, fresh, s->statistics);
  t->backend->upload(s->weights, fresh, s->net->n_weights * sizeof *fresh);
  free(fresh);
  s->rate = rate_start();
}

/* A network that has nothing to do until its epoch says so at once. */
static void settle(struct net_trainer *t, struct slot *s) {
  s->idle = s->phase == SLOT_HAS_FAILED || (s->phase == SLOT_TRAINS && s->epoch >= s->until);
  if (s->phase == SLOT_HAS_FAILED)
    slot_report(t, s, SLOT_FAILED, (double)NAN);
  else if (s->idle)
    slot_report(t, s, SLOT_REACHED, slot_value(s));
}

static enum err net_admit(struct trainer *trainer, size_t slot, const struct spec *spec, const struct state *start,
                          int64_t until) {
  struct net_trainer *t = trainer->context;
  const struct data *data = t->options.data;
  enum err e;
  if (slot >= t->options.slots || t->slots[slot].taken)
    return FAIL(ERR_BUG, "slot %zu of %zu is not free", slot, t->options.slots);
  TRY(check_data(spec, data));
  struct slot *s = &t->slots[slot];
  *s = (struct slot){.spec = *spec, .until = until};
  if (s->spec.batch > (int64_t)data->part[PART_TRAIN].n)
    s->spec.batch = (int64_t)data->part[PART_TRAIN].n; /* working memory is cut to it */
  TRY(net_open(&s->net, &s->spec, t->backend, t->threads, t->options.comm));
  params_init(&s->metrics);
  slot_alloc(t, s);
  if (start) {
    TRY_GOTO(e, leave, slot_load(t, s, start));
  } else
    start_fresh(t, s);
  s->part = PART_VALIDATION;
  s->taken = true;
  settle(t, s);
  return OK;
leave:
  slot_free(t, s);
  return e;
}

static enum err taken_slot(struct trainer *trainer, size_t slot, struct slot **out) {
  struct net_trainer *t = trainer->context;
  if (slot >= t->options.slots || !t->slots[slot].taken)
    return FAIL(ERR_BUG, "slot %zu of %zu holds no network", slot, t->options.slots);
  *out = &t->slots[slot];
  return OK;
}

static enum err net_extend(struct trainer *trainer, size_t slot, int64_t until) {
  struct slot *s;
  TRY(taken_slot(trainer, slot, &s));
  s->until = until;
  if (s->idle && s->phase == SLOT_TRAINS)
    settle(trainer->context, s);
  return OK;
}

static enum err net_snapshot(struct trainer *trainer, size_t slot, struct state *out) {
  struct slot *s;
  TRY(taken_slot(trainer, slot, &s));
  return slot_save(trainer->context, s, out);
}

/* Reports that were not taken yet go with the network. */
static void net_evict(struct trainer *trainer, size_t slot) {
  struct net_trainer *t = trainer->context;
  size_t kept = t->taken;
  if (slot >= t->options.slots || !t->slots[slot].taken)
    return;
  for (size_t i = t->taken; i < t->n_reports; i++)
    if (t->reports[i].slot == slot)
      params_free(&t->reports[i].metrics);
    else
      t->reports[kept++] = t->reports[i];
  t->n_reports = kept;
  slot_free(t, &t->slots[slot]);
}

/* ---- time passes ---- */

static enum err slot_run(struct net_trainer *t, struct slot *s, double seconds) {
  double start = clock_seconds(), now = start;
  bool go_on = true;
  while (go_on && !s->idle) {
    TRY(slot_unit(t, s, now - start < seconds, &go_on));
    progress_made("training");
    double after = clock_seconds();
    s->seconds += after - now;
    now = after;
  }
  return OK;
}

static enum err net_advance(struct trainer *trainer, double seconds) {
  struct net_trainer *t = trainer->context;
  size_t active = 0;
  for (size_t i = 0; i < t->options.slots; i++)
    active += t->slots[i].taken && !t->slots[i].idle;
  for (size_t i = 0; i < t->options.slots; i++)
    if (t->slots[i].taken && !t->slots[i].idle)
      TRY(slot_run(t, &t->slots[i], seconds / (double)active));
  return OK;
}

static bool net_report(struct trainer *trainer, struct train_report *out) {
  struct net_trainer *t = trainer->context;
  if (t->taken == t->n_reports) {
    t->taken = t->n_reports = 0;
    return false;
  }
  *out = t->reports[t->taken++];
  return true;
}

static void net_trainer_close(struct trainer *trainer) {
  struct net_trainer *t = trainer->context;
  for (size_t i = 0; i < t->options.slots; i++)
    net_evict(trainer, i);
  threads_close(t->threads);
  free(t->reports);
  free(t->slots);
  free(t);
}

const struct trainer_ops trainer_net = {.name = "net",
                                        .supports = net_supports,
                                        .open = net_trainer_open,
                                        .admit = net_admit,
                                        .extend = net_extend,
                                        .advance = net_advance,
                                        .report = net_report,
                                        .snapshot = net_snapshot,
                                        .evict = net_evict,
                                        .close = net_trainer_close};
