/* The evaluator `train`: a stint is a network that a trainer advances to a later epoch.
 *
 * In a team every member holds one of these and makes the same calls in the same order; everything here is a function
 * of the calls and of the trainer's reports, which are the same on all members. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "nn/metric.h"
#include "nn/trainer.h"
#include "run/evaluate_train.h"
#include "run/evaluator.h"

enum trainer_kind {
#define X(name, help) TRAINER_##name,
  TRAINER_LIST(X)
#undef X
      N_TRAINERS
};
static const char *const trainer_names[] = {
#define X(name, help) #name,
    TRAINER_LIST(X)
#undef X
};

struct seat {
  bool taken;
  size_t trainer;   /* which one trains it; N_TRAINERS: none, the point was refused */
  bool refusal;     /* is still to be reported */
  double seconds;   /* trained since the last outcome, in reports that were no outcome */
  char reason[256]; /* of the refusal */
};

struct training {
  struct data *data;
  struct params tag;
  const char *backend;
  struct trainer *trainers[N_TRAINERS]; /* opened when a network needs them */
  struct seat *seats;                   /* (slots) */
  char description[256];
};

char *train_cache(const struct evaluator_options *o) {
  const char *cache = settings_text(o->conf, "run.cache");
  return *cache ? settings_path(o->conf, cache) : path_join(o->folder ? o->folder : ".", "cache");
}

/* `auto` takes the first backend there is. */
const char *train_backend(const struct settings *conf) {
  static const struct list_word backends[] = {LIST_WORDS(BACKEND_LIST)};
  const char *asked = settings_text(conf, "run.backend");
  for (size_t i = 0; i < sizeof backends / sizeof *backends; i++)
    if (strcmp(asked, "auto") == 0 || strcmp(asked, backends[i].name) == 0)
      return backends[i].name;
  return NULL;
}

static int64_t train_steps(const struct settings *conf) {
  return settings_int(conf, "train.epochs");
}

/* The data are part of what a study is. */
static enum err train_identity(const struct evaluator_options *o, struct strbuf *out) {
  char *cache = train_cache(o), *path = NULL, hash[65];
  enum err e = data_identify(o->conf, cache, &path, hash);
  free(cache);
  free(path);
  TRY(e);
  strbuf_puts(out, hash);
  return OK;
}

/* How the data were prepared, beside the study: what best/ and predict take along. One rank writes it. */
static enum err write_description(const struct evaluator_options *o, const struct data *data) {
  if (!o->folder)
    return OK;
  char *path = path_join(o->folder, "data.json"), *lock = path_join(o->folder, "data.lock");
  int fd = -1;
  enum err e = file_exists(path) ? OK : file_lock(lock, 60, &fd);
  if (e == OK && fd >= 0 && !file_exists(path))
    e = file_write_atomic(path, data->description, strlen(data->description));
  if (fd >= 0)
    file_unlock(fd);
  free(path);
  free(lock);
  return e;
}

static enum err train_open(struct evaluator *e) {
  struct training *t = MEM_NEW(struct training);
  e->context = t;
  params_init(&t->tag);
  t->seats = MEM_NEW_ARRAY(struct seat, e->options.slots);
  t->backend = train_backend(e->options.conf);
  if (!t->backend)
    return FAIL(ERR_DEVICE, "run.backend = %s is not in this build: set run.backend = \"auto\"",
                settings_text(e->options.conf, "run.backend"));
  char *cache = train_cache(&e->options);
  enum err opened = data_open(&t->data, e->options.conf, cache);
  free(cache);
  TRY(opened);
  TRY(write_description(&e->options, t->data));
  TRY(metric_tag(e->options.conf, t->data, &t->tag));
  snprintf(t->description, sizeof t->description, "%s %s", t->backend, trainer_kernels());
  return OK;
}

static void train_close(struct evaluator *e) {
  struct training *t = e->context;
  if (!t)
    return;
  for (size_t i = 0; i < N_TRAINERS; i++)
    if (t->trainers[i])
      trainer_close(t->trainers[i]);
  if (t->data)
    data_close(t->data);
  params_free(&t->tag);
  free(t->seats);
  free(t);
  e->context = NULL;
}

static const char *train_describe(const struct evaluator *e) {
  return ((const struct training *)e->context)->description;
}

static enum err spec_of_work(const struct evaluator *e, const struct work *w, struct spec *spec) {
  const struct training *t = e->context;
  const struct settings *conf = e->options.conf;
  struct rng_key study = rng_key(e->options.study_name, (uint64_t)settings_int(conf, "study.seed"));
  struct settings *resolved = NULL;
  TRY(settings_resolve(conf, &w->params, &resolved));
  enum err made =
      spec_from_settings(spec, resolved, t->data, rng_child(study, RNG_TRIAL, (uint64_t)w->key), e->options.maximize);
  settings_free(resolved);
  return made;
}

static enum err open_trainer(struct evaluator *e, size_t kind) {
  struct training *t = e->context;
  if (t->trainers[kind])
    return OK;
  struct trainer_options o = {.data = t->data,
                              .slots = e->options.slots,
                              .threads = (int)settings_int(e->options.conf, "run.threads"),
                              .comm = e->options.comm,
                              .tag = &t->tag};
  return trainer_open(&t->trainers[kind], trainer_names[kind], &o);
}

static enum err trainer_kind_of(const struct spec *spec, const char *backend, size_t *kind) {
  const char *name = trainer_for(spec, backend);
  for (*kind = 0; name && *kind < N_TRAINERS; ++*kind)
    if (strcmp(name, trainer_names[*kind]) == 0)
      return OK;
  return FAIL(ERR_INPUT, "no trainer of backend %s can train this network", backend);
}

/* A point that cannot be trained is a failed trial, not a fault of the run. */
static void refuse(struct seat *s) {
  *s = (struct seat){.taken = true, .trainer = N_TRAINERS, .refusal = true};
  snprintf(s->reason, sizeof s->reason, "%s", err_text());
  err_clear();
}

static bool is_refusal(enum err e) {
  return e == ERR_INPUT || e == ERR_CONFIG;
}

static enum err train_admit(struct evaluator *e, size_t slot, const struct work *w, const struct state *start) {
  struct training *t = e->context;
  struct seat *seat = &t->seats[slot];
  struct spec spec;
  size_t kind;
  enum err made = spec_of_work(e, w, &spec);
  if (made == OK)
    made = trainer_kind_of(&spec, t->backend, &kind);
  if (is_refusal(made)) {
    refuse(seat);
    return OK;
  }
  TRY(made);
  TRY(open_trainer(e, kind));
  enum err admitted = t->trainers[kind]->ops->admit(t->trainers[kind], slot, &spec, start, w->to);
  if (is_refusal(admitted)) {
    refuse(seat);
    return OK;
  }
  TRY(admitted);
  *seat = (struct seat){.taken = true, .trainer = kind};
  return OK;
}

/* The trainer of a slot; NULL if no network is in it. */
static struct trainer *trainer_at(const struct training *t, size_t slot) {
  const struct seat *s = &t->seats[slot];
  return s->taken && s->trainer < N_TRAINERS ? t->trainers[s->trainer] : NULL;
}

static enum err train_snapshot(struct evaluator *e, size_t slot, struct state *out) {
  struct trainer *t = trainer_at(e->context, slot);
  if (!t)
    return FAIL(ERR_BUG, "slot %zu: a snapshot of no network", slot);
  return t->ops->snapshot(t, slot, out);
}

static void train_evict(struct evaluator *e, size_t slot) {
  struct training *t = e->context;
  struct trainer *trainer = trainer_at(t, slot);
  if (trainer)
    trainer->ops->evict(trainer, slot);
  t->seats[slot] = (struct seat){0};
}

/* Time is shared out by the number of networks. */
static enum err train_advance(struct evaluator *e, double seconds) {
  struct training *t = e->context;
  size_t networks[N_TRAINERS] = {0}, all = 0;
  for (size_t i = 0; i < e->options.slots; i++)
    if (trainer_at(t, i)) {
      networks[t->seats[i].trainer]++;
      all++;
    }
  for (size_t k = 0; k < N_TRAINERS; k++)
    if (networks[k])
      TRY(t->trainers[k]->ops->advance(t->trainers[k], seconds * (double)networks[k] / (double)all));
  return OK;
}

static bool take_refusal(struct evaluator *e, struct outcome *out) {
  struct training *t = e->context;
  for (size_t i = 0; i < e->options.slots; i++) {
    struct seat *s = &t->seats[i];
    if (!s->refusal)
      continue;
    *out = (struct outcome){.slot = i, .kind = WORK_FAILED, .value = (double)NAN};
    params_init(&out->metrics);
    memcpy(out->reason, s->reason, sizeof out->reason);
    s->refusal = false;
    return true;
  }
  return false;
}

static enum outcome_kind kind_of(enum slot_event event) {
  switch (event) {
  case SLOT_EPOCH:
    return WORK_REPORT;
  case SLOT_REACHED:
    return WORK_REACHED;
  case SLOT_FINISHED:
    return WORK_FINISHED;
  case SLOT_FAILED:
    return WORK_FAILED;
  }
  return WORK_FAILED;
}

/* What a trainer reports as an outcome. An epoch whose metric has no value (a rejection without events) is no report;
 * a trial that ends without a value has failed. */
static bool outcome_of_report(struct evaluator *e, struct train_report *r, struct outcome *out) {
  struct seat *seat = &((struct training *)e->context)->seats[r->slot];
  *out = (struct outcome){.slot = r->slot,
                          .kind = kind_of(r->event),
                          .step = r->epoch,
                          .value = r->value,
                          .metrics = r->metrics,
                          .seconds = r->seconds + seat->seconds};
  seat->seconds = 0;
  memcpy(out->reason, r->reason, sizeof out->reason);
  if (isfinite(r->value) || r->event == SLOT_FAILED)
    return true;
  if (r->event == SLOT_EPOCH) {
    seat->seconds = out->seconds;
    params_free(&r->metrics);
    return false;
  }
  out->kind = WORK_FAILED;
  snprintf(out->reason, sizeof out->reason, "%s has no value (%g) after %lld epochs",
           settings_text(e->options.conf, "study.metric"), r->value, (long long)r->epoch);
  return true;
}

static bool train_outcome(struct evaluator *e, struct outcome *out) {
  struct training *t = e->context;
  if (take_refusal(e, out))
    return true;
  for (size_t k = 0; k < N_TRAINERS; k++) {
    struct train_report r;
    while (t->trainers[k] && t->trainers[k]->ops->report(t->trainers[k], &r))
      if (outcome_of_report(e, &r, out))
        return true;
  }
  return false;
}

const struct evaluator_ops evaluator_train = {.name = "train",
                                              .check = train_check,
                                              .steps = train_steps,
                                              .identity = train_identity,
                                              .cost = train_cost,
                                              .open = train_open,
                                              .admit = train_admit,
                                              .advance = train_advance,
                                              .outcome = train_outcome,
                                              .snapshot = train_snapshot,
                                              .evict = train_evict,
                                              .describe = train_describe,
                                              .close = train_close};
