/* What distinguishes one prepared sample from another, as text to be hashed. */
#include <string.h>

#include "nn/data_plan.h"

static void put_text(struct strbuf *out, const char *key, const char *text) {
  strbuf_printf(out, "%s=", key);
  strbuf_put_json_string(out, text ? text : "");
  strbuf_putc(out, '\n');
}
static void put_number(struct strbuf *out, const char *key, double x) {
  strbuf_printf(out, "%s=", key);
  strbuf_put_double(out, x);
  strbuf_putc(out, '\n');
}
static void put_int(struct strbuf *out, const char *key, int64_t x) {
  strbuf_printf(out, "%s=%lld\n", key, (long long)x);
}

static void put_classes(const struct data_plan *plan, struct strbuf *out) {
  put_int(out, "regression", plan->regression);
  for (size_t i = 0; i < plan->n_classes; i++) {
    put_text(out, "class", plan->classes[i].name);
    for (size_t j = 0; j < plan->classes[i].n_values; j++)
      put_int(out, "label", plan->classes[i].values[j]);
  }
}

static void put_scales(const struct data_plan *plan, struct strbuf *out) {
  put_int(out, "scale", plan->scale);
  put_int(out, "fill", plan->fill);
  if (plan->fill == FILL_DEFAULT)
    put_number(out, "fill_value", plan->fill_value);
  for (size_t i = 0; i < plan->n_missing; i++)
    put_number(out, "missing", (double)plan->missing[i]);
  if (plan->scale != SCALE_FILE && plan->fill != FILL_DEFAULT)
    return;
  for (size_t i = 0; i < plan->n_scales; i++) {
    put_text(out, "variable", plan->scales[i].name);
    put_number(out, "shift", plan->scales[i].shift);
    put_number(out, "scale", plan->scales[i].scale);
    put_number(out, "default", plan->scales[i].fallback);
  }
}

static void put_split(const struct data_plan *plan, struct strbuf *out) {
  put_int(out, "split", plan->split);
  if (plan->split == SPLIT_MODULO) {
    put_int(out, "modulo", plan->modulo);
    for (size_t i = 0; i < plan->n_validation_folds; i++)
      put_int(out, "validation", plan->validation_folds[i]);
    for (size_t i = 0; i < plan->n_test_folds; i++)
      put_int(out, "test", plan->test_folds[i]);
    return;
  }
  put_int(out, "seed", (int64_t)plan->seed);
  put_number(out, "validation", plan->validation_share);
  if (plan->split == SPLIT_FRACTION)
    put_number(out, "test", plan->test_share);
}

void data_plan_put_identity(const struct data_plan *plan, struct strbuf *out) {
  put_int(out, "rows", (int64_t)plan->row_limit);
  if (plan->generated) {
    put_int(out, "generate", plan->generate);
    put_int(out, "seed", (int64_t)plan->seed);
  } else {
    put_int(out, "format", plan->format);
    put_text(out, "inputs", plan->names.inputs);
    put_text(out, "labels", plan->names.labels);
    put_text(out, "weights", plan->names.weights);
    put_int(out, "negative", plan->negative);
  }
  if (plan->split == SPLIT_MODULO)
    put_text(out, "event_number", plan->names.event_number);
  for (size_t i = 0; i < plan->names.n_variables; i++)
    put_text(out, "input", plan->names.variables[i]);
  put_classes(plan, out);
  put_scales(plan, out);
  put_split(plan, out);
}
