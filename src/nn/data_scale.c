#include "nn/data_scale.h"

#include <float.h>
#include <math.h>

#include "base/log.h"
#include "base/progress.h"

static void note_row(size_t row) {
  if (row % 65536 == 0)
    progress_made("measuring the data");
}

static void measure_means(struct data_variable *v, size_t width, const float *x, size_t n) {
  for (size_t j = 0; j < width; j++) {
    v[j].present = v[j].missing = 0;
    v[j].mean = v[j].width = 0;
    v[j].low = DBL_MAX;
    v[j].high = -DBL_MAX;
  }
  for (size_t i = 0; i < n; i++) {
    note_row(i);
    for (size_t j = 0; j < width; j++) {
      double value = (double)x[i * width + j];
      if (isnan(value)) {
        v[j].missing++;
        continue;
      }
      v[j].present++;
      v[j].mean += value;
      v[j].low = fmin(v[j].low, value);
      v[j].high = fmax(v[j].high, value);
    }
  }
  for (size_t j = 0; j < width; j++)
    v[j].mean = v[j].present ? v[j].mean / (double)v[j].present : 0;
}

void data_measure(struct data_variable *v, size_t width, const float *x, size_t n) {
  measure_means(v, width, x, n);
  for (size_t i = 0; i < n; i++) {
    note_row(i);
    for (size_t j = 0; j < width; j++) {
      double away = (double)x[i * width + j] - v[j].mean;
      if (!isnan(away))
        v[j].width += away * away;
    }
  }
  for (size_t j = 0; j < width; j++) {
    if (v[j].present == 0)
      v[j].low = v[j].high = 0;
    bool constant = !(v[j].low < v[j].high); /* exactly, whatever the rounding of the sums */
    if (constant)
      v[j].mean = v[j].low;
    v[j].width = constant ? 0 : sqrt(v[j].width / (double)v[j].present);
  }
}

static void scale_by_training(struct data_variable *v) {
  v->shift = v->mean;
  v->scale = v->width > 0 ? v->width : 1;
}

static bool is_absent(const struct data_variable *v) {
  return v->present == 0;
}
static bool is_constant(const struct data_variable *v) {
  return v->present && !(v->width > 0);
}

/* One line for all variables that have the trouble: pictures have many pixels that are always black. */
static void warn_of(const struct data_variable *v, size_t width, bool (*has)(const struct data_variable *v),
                    const char *where, const char *trouble) {
  struct strbuf names = STRBUF_INIT;
  size_t n = 0;
  for (size_t j = 0; j < width; j++)
    if (has(&v[j]) && n++ < 8)
      strbuf_printf(&names, "%s%s", n > 1 ? ", " : "", v[j].name);
  if (n)
    log_warn("%s: %zu variable%s %s in every row of the training part: %s%s", where, n, n == 1 ? " is" : "s are",
             trouble, names.text, n > 8 ? ", ..." : "");
  strbuf_free(&names);
}

static enum err scale_by_file(struct data_variable *v, const struct data_plan *plan) {
  const struct scale_entry *entry = data_find_scale(plan->scales, plan->n_scales, v->name);
  if (!entry)
    return FAIL(ERR_INPUT, "%s: no shift and scale for %s: add them, or take the variable out of data.variables",
                plan->scale_file, v->name);
  v->shift = entry->shift;
  v->scale = entry->scale;
  return OK;
}

static void choose_fill(struct data_variable *v, const struct data_plan *plan) {
  v->fill = v->mean;
  v->flag = plan->fill == FILL_FLAG && v->missing > 0;
  if (plan->fill != FILL_DEFAULT)
    return;
  const struct scale_entry *entry = data_find_scale(plan->scales, plan->n_scales, v->name);
  v->fill = entry && !isnan(entry->fallback) ? entry->fallback : plan->fill_value;
}

/* Inputs that were scaled by someone else, or with someone else's numbers, should look scaled. */
static void warn_unscaled(const struct data_variable *v, const char *where) {
  double mean = (v->mean - v->shift) / v->scale, width = v->width / v->scale;
  bool truth_value = v->low >= 0 && v->high <= 1; /* umami leaves isDefaults as it is */
  if (v->present && !truth_value && (fabs(mean) > 1 || width > 3 || width < 0.1))
    log_warn("%s: %s has mean %.3g and width %.3g after scaling, far from 0 and 1: other units, or another sample?",
             where, v->name, mean, width);
}

enum err data_choose_scales(struct data_variable *v, size_t width, const struct data_plan *plan, const char *where) {
  for (size_t j = 0; j < width; j++) {
    v[j].shift = 0;
    v[j].scale = 1;
    if (plan->scale == SCALE_TRAIN)
      scale_by_training(&v[j]);
    else if (plan->scale == SCALE_FILE)
      TRY(scale_by_file(&v[j], plan));
    choose_fill(&v[j], plan);
    if (plan->scale == SCALE_FILE || (!plan->generated && plan->format == FORMAT_umami))
      warn_unscaled(&v[j], where);
  }
  warn_of(v, width, is_absent, where, "missing");
  if (plan->scale == SCALE_TRAIN)
    warn_of(v, width, is_constant, where, "the same (shifted, not scaled)");
  return OK;
}

size_t data_flags(const struct data_variable *v, size_t width) {
  size_t n = 0;
  for (size_t j = 0; j < width; j++)
    n += v[j].flag;
  return n;
}

void data_scale_row(const struct data_variable *v, size_t width, const float *raw, float *out) {
  size_t flag = width;
  for (size_t j = 0; j < width; j++) {
    bool missing = isnan(raw[j]);
    double value = missing ? v[j].fill : (double)raw[j];
    out[j] = (float)((value - v[j].shift) / v[j].scale);
    if (v[j].flag)
      out[flag++] = missing;
  }
}
