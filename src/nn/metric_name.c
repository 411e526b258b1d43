/* Which metrics there are, and what a study asks of them. */
#include "nn/metric_name.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/strbuf.h"
#include "conf/complaints.h"
#include "nn/metric.h"

static const struct metric_word {
  const char *name;
  bool for_classes, for_numbers, maximized;
} words[] = {
#define X(name, classes, numbers, maximized) {#name, classes, numbers, maximized},
    METRIC_LIST(X)
#undef X
};
#define N_WORDS (sizeof words / sizeof *words)

/* What stands behind `start` in text; NULL if text begins otherwise. */
static const char *after(const char *text, const char *start) {
  size_t n = strlen(start);
  return strncmp(text, start, n) == 0 ? text + n : NULL;
}

static bool read_percent(const char *text, double *percent) {
  char *end, canonical[32];
  *percent = strtod(text, &end);
  snprintf(canonical, sizeof canonical, "%.10g", *percent);
  return end != text && *end == '\0' && *percent > 0 && *percent <= 100 && strcmp(text, canonical) == 0;
}

bool rejection_parse(const char *text, char *const *classes, size_t n_classes, struct rejection_name *out) {
  for (size_t b = 0; b < n_classes; b++) {
    const char *rest = after(text, classes[b]);
    rest = rest ? after(rest, "_rej@") : NULL;
    for (size_t s = 0; rest && s < n_classes; s++) {
      const char *number = after(rest, classes[s]);
      if (s != b && number && read_percent(number, &out->percent)) {
        out->background = b;
        out->signal = s;
        return true;
      }
    }
  }
  return false;
}

void working_point_name(char *out, size_t size, const char *signal, double percent) {
  snprintf(out, size, "%s@%.10g", signal, percent);
}

bool metric_is_maximized(const char *name) {
  const char *last = strrchr(name, '_');
  for (size_t i = 0; last && i < N_WORDS; i++)
    if (strcmp(last + 1, words[i].name) == 0)
      return words[i].maximized;
  return strstr(name, "_rej@") != NULL;
}

static bool has_word(const struct data *data, const struct metric_word *w) {
  return data->n_classes > 0 ? w->for_classes : w->for_numbers;
}

/* What stands behind the prefix of a part other than the training part. */
static bool known_in_part(const struct data *data, const char *rest) {
  struct rejection_name rejection;
  for (size_t i = 0; i < N_WORDS; i++)
    if (strcmp(rest, words[i].name) == 0)
      return has_word(data, &words[i]);
  return rejection_parse(rest, data->classes, data->n_classes, &rejection);
}

static void list_metrics(const struct data *data, struct strbuf *out) {
  for (size_t i = 0, n = 0; i < N_WORDS; i++)
    if (has_word(data, &words[i]))
      strbuf_printf(out, "%sP_%s", n++ ? ", " : "", words[i].name);
  if (data->n_classes > 1) {
    strbuf_puts(out, ", P_BG_rej@SIGnn (BG and SIG two of");
    for (size_t k = 0; k < data->n_classes; k++)
      strbuf_printf(out, " %s", data->classes[k]);
    strbuf_puts(out, "; nn % of SIG pass)");
  }
  strbuf_puts(out, "; P one of");
  for (size_t p = PART_VALIDATION; p < data->n_parts; p++)
    strbuf_printf(out, " %s", data->part_name[p]);
}

enum err metric_check(const struct data *data, const char *name, const struct params *tag) {
  (void)tag;
  for (size_t p = PART_VALIDATION; p < data->n_parts; p++) {
    const char *rest = after(name, data->part_name[p]);
    if (rest && *rest == '_' && known_in_part(data, rest + 1))
      return OK;
  }
  struct strbuf have = STRBUF_INIT;
  list_metrics(data, &have);
  enum err e = FAIL(ERR_INPUT, "%s is not a metric of these data: they have %s", name, have.text);
  strbuf_free(&have);
  return e;
}

static bool class_index(const struct data *data, const char *name, size_t *index) {
  for (size_t k = 0; k < data->n_classes; k++)
    if (strcmp(data->classes[k], name) == 0) {
      *index = k;
      return true;
    }
  return false;
}

/* The shares of one signal class: tag = { b = { c = 0.018; }; } */
static enum err shares_of(const struct settings *conf, const struct data *data, const char *signal,
                          const char *const *backgrounds, size_t n, struct params *tag) {
  double sum = 0;
  size_t s, b;
  if (!class_index(data, signal, &s))
    return FAIL(ERR_INPUT, "tag.%s: the data have no class %s: use the names of data.classes", signal, signal);
  for (size_t i = 0; i < n; i++) {
    char key[256], name[256];
    snprintf(key, sizeof key, "tag.%s.%s", signal, backgrounds[i]);
    snprintf(name, sizeof name, "%s.%s", signal, backgrounds[i]);
    if (!class_index(data, backgrounds[i], &b) || b == s)
      return FAIL(ERR_INPUT, "%s: %s is no background of %s: use the other classes of the data", key, backgrounds[i],
                  signal);
    sum += settings_double(conf, key);
    params_set(tag, name, value_float(settings_double(conf, key)));
  }
  if (sum > 1 + 1e-9)
    return FAIL(ERR_INPUT, "tag.%s: the shares sum to %.6g: at most 1 is possible", signal, sum);
  return OK;
}

static enum err given_shares(const struct settings *conf, const struct data *data, struct params *tag) {
  size_t n_signals, n_backgrounds;
  const char **signals = settings_names(conf, "tag", &n_signals);
  enum err e = OK;
  for (size_t i = 0; e == OK && i < n_signals; i++) {
    char group[256];
    snprintf(group, sizeof group, "tag.%s", signals[i]);
    const char **backgrounds = settings_names(conf, group, &n_backgrounds);
    e = shares_of(conf, data, signals[i], backgrounds, n_backgrounds, tag);
    free(backgrounds);
  }
  free(signals);
  return e;
}

static bool has_shares(const struct params *tag, const char *signal) {
  for (size_t i = 0; i < tag->n; i++) {
    const char *rest = after(tag->items[i].name, signal);
    if (rest && *rest == '.')
      return true;
  }
  return false;
}

static void add_point(struct params *tag, const char *signal, double percent) {
  char name[256];
  working_point_name(name, sizeof name, signal, percent);
  params_set(tag, name, value_float(percent));
}

/* Where flavour taggers are usually compared, and where this study looks. */
static void working_points(const char *metric, const struct data *data, struct params *tag) {
  static const double of_b[] = {60, 70, 77, 85};
  size_t k;
  struct rejection_name asked;
  for (size_t i = 0; data->n_classes > 1 && class_index(data, "b", &k) && i < sizeof of_b / sizeof *of_b; i++)
    add_point(tag, "b", of_b[i]);
  if (data->n_classes > 1 && class_index(data, "c", &k))
    add_point(tag, "c", 30);
  for (size_t p = PART_VALIDATION; p < data->n_parts; p++) {
    const char *rest = after(metric, data->part_name[p]);
    if (rest && *rest == '_' && rejection_parse(rest + 1, data->classes, data->n_classes, &asked))
      add_point(tag, data->classes[asked.signal], asked.percent);
  }
}

enum err metric_tag(const struct settings *conf, const struct data *data, struct params *tag) {
  size_t b, c, light;
  TRY(given_shares(conf, data, tag));
  if (!has_shares(tag, "b") && class_index(data, "b", &b) && class_index(data, "c", &c) &&
      class_index(data, "light", &light))
    params_set(tag, "b.c", value_float(0.018)); /* f_c of DL1r */
  working_points(settings_text(conf, "study.metric"), data, tag);
  return OK;
}
