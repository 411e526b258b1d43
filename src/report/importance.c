/* How much each hyperparameter matters, as a table and as JSON. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "hpo/importance.h"
#include "report/report.h"

struct line {
  const struct dimension *d;
  struct importance i;
};

static int most_first(const void *a, const void *b) {
  const struct line *x = a, *y = b;
  if (x->i.all != y->i.all)
    return x->i.all > y->i.all ? -1 : 1;
  return (x->d > y->d) - (x->d < y->d);
}

/* Searched ones, the most important first; NULL: too few trials. */
static struct line *lines_of(const struct report_study *r, double share, size_t *n) {
  const struct space *space = r->study->space;
  struct importance *list = MEM_NEW_ARRAY(struct importance, space->n + 1);
  struct line *lines = MEM_NEW_ARRAY(struct line, space->n + 1);
  bool known = importance_of(r->study, share, list);
  *n = 0;
  for (size_t i = 0; i < space->n && known; i++)
    if (space->dims[i].kind != DIM_FIXED)
      lines[(*n)++] = (struct line){&space->dims[i], list[i]};
  qsort(lines, *n, sizeof *lines, most_first);
  free(list);
  if (known)
    return lines;
  free(lines);
  return NULL;
}

void report_importance(const struct report_study *r, double share, struct strbuf *out) {
  size_t n;
  struct line *lines = lines_of(r, share, &n);
  if (!lines) {
    strbuf_printf(out, "%s: importance needs at least %d complete trials\n", r->study->name, IMPORTANCE_FEWEST);
    return;
  }
  strbuf_printf(out,
                "what makes a trial one of the best %g %%: of all, and of those that are good already (the best %.0f "
                "%%)\n  %-24s %6s %6s %8s\n",
                100 * share, 100 * sqrt(share), "", "all", "good", "trials");
  for (size_t i = 0; i < n; i++)
    strbuf_printf(out, "  %-24s %4.0f %% %4.0f %% %8zu\n", lines[i].d->name, 100 * lines[i].i.all,
                  100 * lines[i].i.good, lines[i].i.trials);
  free(lines);
}

struct json_t *report_importance_json(const struct report_study *r, double share) {
  size_t n;
  struct line *lines = lines_of(r, share, &n);
  json_t *json = json_object();
  for (size_t i = 0; i < n; i++)
    json_object_set_new(json, lines[i].d->name,
                        json_pack("{s:f, s:f, s:I}", "all", lines[i].i.all, "good", lines[i].i.good, "trials",
                                  (json_int_t)lines[i].i.trials));
  free(lines);
  return json;
}
