#include "hpo/confirm.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

/* For Optuna a repeat is pruned: with its value there, and no rival of the trials that the search found. */
bool confirm_counts(const struct trial *repeat) {
  return repeat->confirms >= 0 && repeat->state == TRIAL_PRUNED && repeat->fate == STINT_finished &&
         !isnan(repeat->value);
}

struct spread confirm_spread(const struct study *s, int64_t trial) {
  struct spread spread = {.mean = (double)NAN, .sd = (double)NAN};
  double sum = 0, squares = 0;
  for (size_t i = 0; i < s->n && s->repeats > 0; i++)
    if (s->trials[i].confirms == trial && confirm_counts(&s->trials[i])) {
      sum += s->trials[i].value;
      spread.n++;
    }
  if (spread.n == 0)
    return spread;
  spread.mean = sum / (double)spread.n;
  for (size_t i = 0; i < s->n; i++)
    if (s->trials[i].confirms == trial && confirm_counts(&s->trials[i]))
      squares += (s->trials[i].value - spread.mean) * (s->trials[i].value - spread.mean);
  if (spread.n > 1)
    spread.sd = sqrt(squares / (double)(spread.n - 1));
  return spread;
}

int64_t confirm_wanted(const struct study *s, int64_t k, int64_t best) {
  int64_t complete = s->counts[TRIAL_COMPLETE];
  return k * (complete < best ? complete : best);
}

/* One that failed is a repeat too: it is not tried for ever. */
static int64_t repeats_of(const struct study *s, int64_t trial) {
  int64_t n = 0;
  for (size_t i = (size_t)trial + 1; i < s->n && s->repeats > 0; i++)
    n += s->trials[i].confirms == trial;
  return n;
}

int64_t confirm_next(const struct study *s, int64_t k, int64_t best) {
  size_t *index = MEM_NEW_ARRAY(size_t, (size_t)best + 1), n = k > 0 ? study_best(s, (size_t)best, index) : 0;
  int64_t next = -1;
  for (size_t i = 0; i < n && next < 0; i++)
    if (repeats_of(s, (int64_t)index[i]) < k)
      next = (int64_t)index[i];
  free(index);
  return next;
}
