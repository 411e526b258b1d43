#include "objective.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/mem.h"

static const struct {
  const char *name;
  const struct objective_ops *ops;
} kinds[] = {
#define OBJECTIVE_ENTRY(name) {#name, &objective_##name},
    OBJECTIVE_LIST(OBJECTIVE_ENTRY)
#undef OBJECTIVE_ENTRY
};
#define N_KINDS (sizeof kinds / sizeof *kinds)

enum err objective_open(struct objective *o, const char *spec) {
  size_t length = strcspn(spec, ":");
  *o = (struct objective){.steps = 1, .median = (double)NAN};
  strbuf_init(&o->text);
  for (size_t i = 0; i < N_KINDS; i++)
    if (strlen(kinds[i].name) == length && strncmp(kinds[i].name, spec, length) == 0)
      o->ops = kinds[i].ops;
  if (!o->ops)
    return FAIL(ERR_INPUT, "%s: there is no such objective: see --help", spec);
  TRY(o->ops->open(o, spec[length] ? spec + length + 1 : ""));
  if (!o->name)
    o->name = mem_strdup(spec);
  return OK;
}

void objective_close(struct objective *o) {
  if (o->ops && o->ops->close && o->context)
    o->ops->close(o);
  strbuf_free(&o->text);
  free(o->name);
  *o = (struct objective){0};
}

void objective_help(void) {
  for (size_t i = 0; i < N_KINDS; i++)
    printf("  %-28s %s\n", kinds[i].ops->usage, kinds[i].ops->help);
}

/* ---- ranges ---- */

static void expand_rest(const char *before, const char *rest, char ***out, size_t *n, size_t *cap) {
  if (!rest) {
    MEM_GROW(*out, *n, cap);
    (*out)[(*n)++] = mem_strdup(before);
    return;
  }
  size_t length = strcspn(rest, ":");
  const char *next = rest[length] ? rest + length + 1 : NULL;
  for (const char *at = rest; at < rest + length;) {
    char *end;
    long first = strtol(at, &end, 10), last = *end == '-' ? strtol(end + 1, &end, 10) : first;
    for (long k = first; k <= last && end > at; k++) {
      struct strbuf text = STRBUF_INIT;
      strbuf_printf(&text, "%s:%ld", before, k);
      expand_rest(text.text, next, out, n, cap);
      strbuf_free(&text);
    }
    at = end > at ? end + (*end == ',') : rest + length;
  }
}

void objective_expand(const char *spec, char ***out, size_t *n, size_t *cap) {
  if (strncmp(spec, "bbob:", 5) == 0)
    expand_rest("bbob", spec + 5, out, n, cap);
  else
    expand_rest(spec, NULL, out, n, cap);
}

/* ---- regret ---- */

double objective_regret(const struct objective *o, double truth) {
  if (o->of_median)
    return objective_normalised(o, truth);
  if (o->in_decades)
    return log10(truth / o->best);
  return log10(fmax(truth - o->best, 1e-8)); /* as COCO: what is nearer counts as found */
}

double objective_normalised(const struct objective *o, double truth) {
  return (truth - o->best) / (o->median - o->best);
}

const char *objective_measure(const struct objective *o) {
  return o->of_median ? "(value - best)/(median - best)" : o->in_decades ? "log10(value/best)" : "log10(value - best)";
}

/* ---- files ---- */

enum err objective_read(const char *path, size_t bytes, void *out) {
  gzFile f = gzopen(path, "rb");
  if (!f)
    return FAIL(ERR_INPUT, "%s: %s", path, strerror(errno));
  int got = gzread(f, out, (unsigned)bytes);
  char more;
  bool whole = got == (int)bytes && gzread(f, &more, 1) == 0;
  gzclose(f);
  if (!whole)
    return FAIL(ERR_INPUT, "%s: %zu bytes were expected, and no more", path, bytes);
  return OK;
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

double median_of(const double *x, size_t n) {
  double *sorted = mem_dup(x, n * sizeof *x);
  for (size_t i = 0; i < n; i++)
    if (isnan(sorted[i]))
      sorted[i] = (double)INFINITY;
  qsort(sorted, n, sizeof *sorted, by_value);
  double median = (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
  free(sorted);
  return median;
}

char *objective_label(const char *kind, const char *path) {
  const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
  struct strbuf text = STRBUF_INIT;
  strbuf_printf(&text, "%s:%.*s", kind, (int)strcspn(name, "."), name);
  return strbuf_detach(&text);
}
