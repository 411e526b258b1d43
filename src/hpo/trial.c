#include "hpo/trial.h"

#include <math.h>
#include <string.h>

static const char *const end_names[] = {
#define NAME(name, help) #name,
    STINT_END_LIST(NAME)
#undef NAME
        "open"};

const char *stint_end_name(enum stint_end e) {
  return end_names[e];
}

bool stint_end_from_name(const char *name, size_t n, enum stint_end *out) {
  for (size_t i = 0; i < STINT_OPEN; i++)
    if (strlen(end_names[i]) == n && memcmp(end_names[i], name, n) == 0) {
      *out = (enum stint_end)i;
      return true;
    }
  return false;
}

const char *trial_state_name(enum trial_state s) {
  static const char *const names[] = {"running", "complete", "pruned", "fail", "waiting"};
  return names[s];
}

void trial_init(struct trial *t, int64_t number) {
  *t = (struct trial){.number = number,
                      .key = number,
                      .row = -1,
                      .twin = -1,
                      .value = (double)NAN,
                      .asked_at = -1,
                      .parent = -1,
                      .replaces = -1,
                      .confirms = -1,
                      .best = (double)NAN,
                      .best_step = -1,
                      .started = (double)NAN,
                      .ended = (double)NAN,
                      .fate = STINT_cancelled,
                      .stint = {.id = -1, .end = STINT_cancelled}};
  params_init(&t->params);
}

bool trial_is_derived(const struct trial *t) {
  return t->parent >= 0 || t->confirms >= 0;
}

const struct state_ref *trial_mark(const struct trial *t, int64_t step) {
  for (size_t i = t->n_marks; i-- > 0 && t->marks[i].step >= step;)
    if (t->marks[i].step == step)
      return &t->marks[i];
  return NULL;
}

double trial_value_at(const struct trial *t, int64_t step) {
  size_t n = t->n_reports;
  while (n > 0 && t->reports[n - 1].step > step)
    n--;
  return n > 0 ? t->reports[n - 1].value : (double)NAN;
}

bool trial_is_over(const struct trial *t) {
  return t->state == TRIAL_COMPLETE || t->state == TRIAL_PRUNED || t->state == TRIAL_FAIL;
}

bool trial_is_out(const struct trial *t) {
  return t->state == TRIAL_RUNNING && t->stint.end == STINT_OPEN;
}

bool trial_is_paused(const struct trial *t) {
  return t->state == TRIAL_RUNNING && t->stint.end != STINT_OPEN;
}

double trial_best_until(const struct trial *t, int64_t step, bool maximize) {
  double best = (double)NAN;
  for (size_t i = 0; i < t->n_reports && t->reports[i].step <= step; i++) {
    double x = t->reports[i].value;
    if (isnan(best) || (maximize ? x > best : x < best))
      best = x;
  }
  return best;
}

const char *trial_attribute(const struct trial *t, const char *key) {
  return attribute_get(t->attributes, t->n_attributes, key);
}

bool attribute_is_number(const char *json) {
  return *json == '-' || (*json >= '0' && *json <= '9');
}

struct attribute *attribute_find(struct attribute *list, size_t n, const char *key, bool system) {
  for (size_t i = 0; i < n; i++)
    if (list[i].system == system && strcmp(list[i].key, key) == 0)
      return &list[i];
  return NULL;
}

const char *attribute_get(const struct attribute *list, size_t n, const char *key) {
  for (size_t i = 0; i < n; i++)
    if (strcmp(list[i].key, key) == 0)
      return list[i].json;
  return NULL;
}
