/* Rows to train, validation and test. A row's part depends on its number and the seed only. */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"
#include "nn/data_sample.h"

/* data.rows: so many rows of the training files, spread evenly over all of them, since files are often sorted. */
static void limit_rows(struct sample *s) {
  size_t there = 0, limit = s->plan->row_limit, seen = 0;
  for (size_t i = 0; i < s->n_files; i++)
    there += s->files[i].role == PART_TRAIN ? s->files[i].rows : 0;
  if (s->plan->generated || limit == 0 || limit >= there)
    return;
  double step = (double)limit / (double)there;
  for (size_t row = 0; row < there; row++) { /* the training files come first */
    size_t next = (size_t)floor((double)(row + 1) * step + 1e-9);
    if (next == seen) {
      s->part[row] = ROW_LEFT_OUT;
      s->not_read++;
      if (s->class[row] < 0)
        s->dropped_label--;
    }
    seen = next;
  }
}

static bool in_folds(int64_t fold, const int64_t *folds, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (folds[i] == fold)
      return true;
  return false;
}

static void split_by_event_number(struct sample *s) {
  const struct data_plan *plan = s->plan;
  for (size_t row = 0; row < s->rows; row++) {
    if (s->part[row] == ROW_LEFT_OUT)
      continue;
    int64_t fold = s->event[row] % plan->modulo;
    fold += fold < 0 ? plan->modulo : 0;
    if (in_folds(fold, plan->validation_folds, plan->n_validation_folds))
      s->part[row] = PART_VALIDATION;
    else if (in_folds(fold, plan->test_folds, plan->n_test_folds))
      s->part[row] = PART_TEST;
  }
}

/* The i-th labelled row goes where a random permutation sends i: first the test part, then validation, then training.
 */
static void split_by_chance(struct sample *s, double validation, double test) {
  size_t n = 0, i = 0;
  for (size_t row = 0; row < s->rows; row++)
    n += s->part[row] == PART_TRAIN;
  size_t n_test = (size_t)llround(test * (double)n), n_validation = (size_t)llround(validation * (double)n);
  struct rng_key key = rng_child(rng_key("data", s->plan->seed), RNG_SPLIT, 0);
  for (size_t row = 0; row < s->rows; row++) {
    if (s->part[row] != PART_TRAIN)
      continue;
    uint64_t place = rng_permute(key, n, i++);
    if (place < n_test)
      s->part[row] = PART_TEST;
    else if (place < n_test + n_validation)
      s->part[row] = PART_VALIDATION;
  }
}

static enum err treat_negative_weights(struct sample *s) {
  if (!s->weight || s->plan->negative == NEGATIVE_KEEP)
    return OK;
  for (size_t row = 0; row < s->rows; row++) {
    if (s->part[row] == ROW_LEFT_OUT || !(s->weight[row] < 0))
      continue;
    if (s->plan->negative == NEGATIVE_REFUSE) {
      char *where = sample_where(s, s->weight_name, row);
      enum err e = FAIL(ERR_INPUT, "%s: the weight is %g: set data.negative_weights to keep or drop", where,
                        (double)s->weight[row]);
      free(where);
      return e;
    }
    if (s->part[row] == PART_TRAIN) {
      s->part[row] = ROW_LEFT_OUT;
      s->dropped_weight++;
    }
  }
  return OK;
}

static enum err fail_empty(const struct sample *s, const char *part) {
  const char *advice = s->plan->split == SPLIT_MODULO     ? "check data.modulo and the folds"
                       : s->plan->split == SPLIT_FRACTION ? "take more rows, or change data.validation and data.test"
                                                          : "check its files";
  return FAIL(ERR_INPUT, "%s: no rows are left for the %s part: %s", s->files[0].path, part, advice);
}

static enum err check_training_classes(const struct sample *s) {
  size_t count[DATA_MAX_CLASSES] = {0};
  for (size_t row = 0; row < s->rows; row++)
    if (s->part[row] == PART_TRAIN)
      count[s->class[row]]++;
  for (size_t i = 0; i < s->n_classes; i++)
    if (count[i] == 0)
      return FAIL(ERR_INPUT, "%s: %s: class %s has no rows in the training part: take more rows or split differently",
                  s->files[0].path, s->label_name, s->classes[i].name);
  return OK;
}

static enum err count_parts(struct sample *s) {
  double weight = 0;
  for (size_t row = 0; row < s->rows; row++)
    if (s->part[row] != ROW_LEFT_OUT) {
      s->part_rows[s->part[row]]++;
      if (s->weight && s->part[row] == PART_TRAIN)
        weight += (double)s->weight[row];
    }
  s->n_parts = s->plan->n_tests ? PART_TEST + s->plan->n_tests : s->part_rows[PART_TEST] ? PART_TEST + 1 : PART_TEST;
  if (s->part_rows[PART_TRAIN] == 0)
    return fail_empty(s, "training");
  if (s->part_rows[PART_VALIDATION] == 0)
    return fail_empty(s, "validation");
  for (size_t i = 0; i < s->plan->n_tests; i++)
    if (s->part_rows[PART_TEST + i] == 0)
      return fail_empty(s, s->plan->test[i].name);
  if (s->weight && !(weight > 0))
    return FAIL(ERR_INPUT, "%s: %s: the weights of the training part add up to %g: they must to more than 0",
                s->files[0].path, s->weight_name, weight);
  return s->n_classes ? check_training_classes(s) : OK;
}

enum err sample_split(struct sample *s) {
  const struct data_plan *plan = s->plan;
  s->part = mem_alloc(s->rows);
  for (size_t i = 0; i < s->n_files; i++)
    for (size_t row = 0; row < s->files[i].rows; row++)
      s->part[s->files[i].first + row] = (unsigned char)s->files[i].role;
  limit_rows(s);
  for (size_t row = 0; row < s->rows; row++)
    if (s->class[row] < 0)
      s->part[row] = ROW_LEFT_OUT;
  if (plan->split == SPLIT_MODULO)
    split_by_event_number(s);
  else if (plan->split == SPLIT_FRACTION)
    split_by_chance(s, plan->validation_share, plan->test_share);
  else if (plan->validation.n == 0)
    split_by_chance(s, plan->validation_share, 0);
  TRY(treat_negative_weights(s));
  return count_parts(s);
}
