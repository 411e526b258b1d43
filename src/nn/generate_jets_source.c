/* Synthetic jets as a data source. Row r is drawn from numbers of its own, so any range of rows can be made alone, and
 * the first rows of a big sample are those of a small one. */
#include "base/mem.h"
#include "nn/generate.h"
#include "nn/generate_jets.h"

#define BLOCK_ROWS 65536
#define ROW_NUMBERS 4096 /* random blocks kept apart for a row; it needs less than a hundred */

static struct rng row_rng(const struct data_source *s, size_t row) {
  struct rng rng = rng_of(rng_child(s->key, RNG_GENERATE, row / BLOCK_ROWS));
  rng.next = row % BLOCK_ROWS * ROW_NUMBERS;
  return rng;
}

static const int64_t flavour_labels[JETS_FLAVOURS] = {0, 4, 5}; /* HadronConeExclTruthLabelID */

static enum err jets_inputs(const struct data_source *s, size_t first, size_t n, float *out) {
  for (size_t i = 0; i < n; i++) {
    struct rng rng = row_rng(s, first + i);
    struct jet jet;
    jets_draw(&rng, s->shares, &jet, out + i * JETS_VARIABLES);
  }
  return OK;
}

static enum err jets_labels(const struct data_source *s, size_t first, size_t n, double *out) {
  for (size_t i = 0; i < n; i++) {
    struct rng rng = row_rng(s, first + i);
    out[i] = (double)flavour_labels[jets_draw_flavour(&rng, s->shares)];
  }
  return OK;
}

static enum err jets_weights(const struct data_source *s, size_t first, size_t n, double *out) {
  (void)first;
  for (size_t i = 0; i < n; i++)
    out[i] = 1;
  return s->has_weights ? OK : FAIL(ERR_BUG, "generated jets have no weights");
}

static enum err jets_event_numbers(const struct data_source *s, size_t first, size_t n, int64_t *out) {
  (void)s;
  for (size_t i = 0; i < n; i++)
    out[i] = (int64_t)(first + i);
  return OK;
}

static enum err jets_posteriors(const struct data_source *s, size_t first, size_t n, float *out) {
  for (size_t i = 0; i < n; i++) {
    struct rng rng = row_rng(s, first + i);
    struct jet jet;
    double p[JETS_FLAVOURS];
    jets_draw_coordinates(&rng, s->shares, &jet);
    jets_posterior(&jet, s->shares, p);
    for (size_t k = 0; k < JETS_FLAVOURS; k++)
      out[i * JETS_FLAVOURS + k] = (float)p[k];
  }
  return OK;
}

static const struct source_ops jets_ops = {
    "jets", NULL, jets_inputs, jets_labels, jets_weights, jets_event_numbers, jets_posteriors};

static void jets_open(struct data_source *s, size_t rows, uint64_t seed) {
  static const char *const flavour_names[JETS_FLAVOURS] = {"light", "c", "b"};
  s->ops = &jets_ops;
  s->rows = rows;
  s->width = JETS_VARIABLES;
  s->names_known = true;
  s->variables = MEM_NEW_ARRAY(char *, JETS_VARIABLES);
  for (size_t v = 0; v < JETS_VARIABLES; v++)
    s->variables[v] = mem_strdup(jets_constants()[v].name);
  s->has_labels = s->has_event_numbers = s->has_posterior = true;
  s->input_name = mem_strdup("jets");
  s->label_name = mem_strdup("HadronConeExclTruthLabelID");
  s->event_name = mem_strdup("eventNumber");
  s->n_class_names = s->n_posterior = JETS_FLAVOURS;
  s->class_names = MEM_NEW_ARRAY(char *, JETS_FLAVOURS);
  for (size_t k = 0; k < JETS_FLAVOURS; k++) {
    s->class_names[k] = mem_strdup(flavour_names[k]);
    s->shares[k] = 1.0 / JETS_FLAVOURS;
  }
  s->class_values = mem_dup(flavour_labels, sizeof flavour_labels);
  s->posterior_labels = mem_dup(flavour_labels, sizeof flavour_labels);
  s->synthetic = mem_strdup("synthetic b, c and light jets, coxswain generate jets: a model, not a simulation");
  s->key = rng_key("generate jets", seed);
}

const struct generator_ops generate_jets = {"jets", 2, jets_open};
