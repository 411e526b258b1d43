/* What can be found wrong with a study that trains before its data are prepared. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "nn/data_plan.h"
#include "nn/metric.h"
#include "nn/spec.h"
#include "run/evaluate_train.h"

static void complain_at(const struct settings *conf, const char *key, const char *text, struct complaints *c) {
  const char *file;
  int line = settings_line(conf, key, &file);
  complain(c, file, line, "%s", text);
}

/* The setting that a message begins with, as in "train.nesterov = true needs ...": NULL if none. */
static const char *setting_named(const char *text) {
  size_t n, length = strcspn(text, " :=");
  const struct setting *rows = settings_table(&n);
  for (size_t i = 0; i < n; i++)
    if (strlen(rows[i].key) == length && !strncmp(rows[i].key, text, length))
      return rows[i].key;
  return NULL;
}

/* The message of a call that failed, line by line: each says where it is from, or begins with a setting that has a line
 * in the study file. */
static void complain_error(const struct settings *conf, struct complaints *c) {
  char *text = mem_strdup(err_text());
  for (char *line = text, *next; line; line = next) {
    next = strchr(line, '\n');
    if (next)
      *next++ = '\0';
    const char *key = setting_named(line);
    if (key && settings_given(conf, key))
      complain_at(conf, key, line, c);
    else
      complain(c, NULL, 0, "%s", line);
  }
  free(text);
  err_clear();
}

static void check_backend(const struct settings *conf, struct complaints *c) {
  struct strbuf text = STRBUF_INIT;
  strbuf_printf(&text, "run.backend = %s is not in this build: use auto", settings_text(conf, "run.backend"));
  if (!train_backend(conf))
    complain_at(conf, "run.backend", text.text, c);
  strbuf_free(&text);
}

/* What is known of the data before they are read: enough to try metrics and networks on. */
struct outline {
  struct data data;
  char *classes[DATA_MAX_CLASSES];
  double sums[DATA_MAX_CLASSES];
};

static void outline_parts(struct outline *o, const struct data_plan *plan) {
  struct data *d = &o->data;
  d->part_name[d->n_parts++] = mem_strdup("train");
  d->part_name[d->n_parts++] = mem_strdup("val");
  if (plan->n_tests == 0)
    d->part_name[d->n_parts++] = mem_strdup("test");
  for (size_t i = 0; i < plan->n_tests && d->n_parts < DATA_MAX_PARTS; i++) {
    struct strbuf name = STRBUF_INIT;
    strbuf_printf(&name, "test_%s", plan->test[i].name);
    d->part_name[d->n_parts++] = strbuf_detach(&name);
  }
}

/* Classes that are not named come from the labels: false, nothing can be tried without reading the data. */
static bool outline_of(struct outline *o, const struct data_plan *plan) {
  *o = (struct outline){.data = {.width = 1, .classes = o->classes, .class_weight = o->sums}};
  if (!plan->regression && plan->n_classes == 0)
    return false;
  for (size_t k = 0; k < plan->n_classes; k++) {
    o->classes[k] = plan->classes[k].name;
    o->sums[k] = 1;
  }
  o->data.n_classes = plan->n_classes;
  outline_parts(o, plan);
  return true;
}

static void outline_free(struct outline *o) {
  for (size_t i = 0; i < o->data.n_parts; i++)
    free(o->data.part_name[i]);
}

/* Points that between them have every choice, both ends of every hyperparameter and a value between them. Conditions do
 * not count here. */
static struct params *examples_of(const struct space *space, size_t *n) {
  static const double places[] = {0, 1, 0.381966}; /* in the unit cube; the last one makes no round numbers */
  *n = 1;
  for (size_t i = 0; i < space->n; i++) {
    const struct dimension *d = &space->dims[i];
    size_t values = d->n_choices > 0 ? d->n_choices : sizeof places / sizeof *places;
    *n = values > *n ? values : *n;
  }
  struct params *examples = MEM_NEW_ARRAY(struct params, *n);
  for (size_t e = 0; e < *n; e++) {
    params_init(&examples[e]);
    for (size_t i = 0; i < space->n; i++) {
      const struct dimension *d = &space->dims[i];
      struct value v = d->n_choices > 0 ? d->choices[e % d->n_choices] : dimension_value(d, places[e % 3]);
      params_set(&examples[e], d->name, value_copy(&v));
    }
  }
  return examples;
}

static enum err try_point(const struct evaluator_options *o, const struct data *data, const struct params *p) {
  struct settings *resolved;
  struct spec spec;
  TRY(settings_resolve(o->conf, p, &resolved));
  enum err e = spec_from_settings(&spec, resolved, data, rng_key("check", 0), o->maximize);
  settings_free(resolved);
  return e;
}

enum { TRIES = 64 };

/* Some points may be impossible, those trials fail; if none of many random points is possible, the study is not. */
static void check_networks(const struct evaluator_options *o, const struct data *data, struct complaints *c) {
  struct rng r = rng_of(rng_key("check", 0));
  double *u = MEM_NEW_ARRAY(double, o->space->n_coordinates + 1);
  struct params p;
  enum err e = ERR_INPUT;
  params_init(&p);
  for (int i = 0; e != OK && i < TRIES; i++) {
    for (size_t k = 0; k < o->space->n_coordinates; k++)
      u[k] = rng_uniform(&r);
    space_decode(o->space, u, &p);
    err_clear();
    e = try_point(o, data, &p);
  }
  if (e != OK)
    complain_error(o->conf, c);
  params_free(&p);
  free(u);
}

/* The metric and the tag have lines of their own in the study file. `data` NULL: nothing is known of them yet. */
static bool check_metrics(const struct settings *conf, const struct data *data, struct complaints *c) {
  size_t before = c->n;
  const char *name = settings_text(conf, "study.metric");
  struct strbuf text = STRBUF_INIT;
  struct params tag;
  params_init(&tag);
  if (strncmp(name, "val_", 4) != 0)
    strbuf_printf(&text, "study.metric = %s is not measured on the validation part: use its val_ form", name);
  else if (data && metric_check(data, name, NULL) != OK)
    strbuf_printf(&text, "study.metric: %s", err_text());
  if (text.len)
    complain_at(conf, "study.metric", text.text, c);
  err_clear();
  if (data && metric_tag(conf, data, &tag) != OK)
    complain_error(conf, c);
  params_free(&tag);
  strbuf_free(&text);
  return c->n == before;
}

void train_check(const struct evaluator_options *o, struct complaints *c) {
  struct data_plan plan;
  struct outline outline;
  size_t n, before = c->n;
  check_backend(o->conf, c);
  struct params *examples = examples_of(o->space, &n);
  settings_check_references(o->conf, examples, n, c);
  bool sound = c->n == before;
  err_clear();
  if (data_plan_read(&plan, o->conf) != OK)
    complain_error(o->conf, c);
  else if (!outline_of(&outline, &plan))
    check_metrics(o->conf, NULL, c);
  else {
    if (check_metrics(o->conf, &outline.data, c) && sound)
      check_networks(o, &outline.data, c);
    outline_free(&outline);
  }
  data_plan_free(&plan);
  for (size_t i = 0; i < n; i++)
    params_free(&examples[i]);
  free(examples);
}
