/* Training speed of the two DL1 shapes, one JSON line a configuration, to set beside scripts/peers.
 * usage: bench_train [--threads N] [--batches 500,5000,15000] [--nets dl1a,dl1b] [--bn] [--rows N] [--piece N]
 *                    [--dropout P] [--activation NAME] [--epochs N] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "nn/net_bench.h"
#include "nn/trainer.h"

struct request {
  int threads, epochs;
  const char *batches, *nets, *activation;
  bool norm;
  size_t rows;
  int64_t piece;
  double dropout;
};

static const struct {
  const char *name;
  int64_t hidden[8];
} shapes[] = {{"dl1a", {72, 57, 60, 48, 36, 24, 12, 6}}, {"dl1b", {256, 128, 60, 48, 36, 24, 12}}};

static enum activation activation_named(const char *name) {
  static const struct list_word words[] = {LIST_WORDS(ACTIVATION_LIST)};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (strcmp(words[i].name, name) == 0)
      return (enum activation)i;
  fprintf(stderr, "unknown activation %s\n", name);
  exit(2);
}

static struct spec spec_of(const struct request *r, const int64_t hidden[8], int64_t batch) {
  struct spec s = {.inputs = 44, .outputs = 3, .batch_norm = r->norm, .loss = LOSS_softmax, .epochs = 2};
  for (size_t i = 0; i < 8 && hidden[i]; i++)
    s.hidden[s.n_hidden++] = (struct hidden_layer){hidden[i], activation_named(r->activation), r->dropout};
  s.batch = batch;
  s.piece = r->piece;
  s.optimizer = OPTIMIZER_adam;
  s.lr = 1e-3;
  s.beta1 = 0.9;
  s.beta2 = 0.999;
  s.epsilon = 1e-8;
  s.key = rng_key("bench", 1);
  for (size_t k = 0; k < SPEC_MAX_CLASSES; k++)
    s.class_weights[k] = 1;
  return s;
}

static void fill(struct net_rows *rows, size_t n) {
  float *x = MEM_NEW_ARRAY(float, n * 44);
  int32_t *label = MEM_NEW_ARRAY(int32_t, n);
  struct rng rng = rng_of(rng_key("rows", 1));
  for (size_t i = 0; i < n * 44; i++)
    x[i] = (float)rng_normal(&rng);
  for (size_t i = 0; i < n; i++)
    label[i] = (x[i * 44] + x[i * 44 + 1] > 0) + (x[i * 44 + 2] > 0.5f);
  *rows = (struct net_rows){.x = x, .label = label};
}

static int bench(const struct request *r, size_t shape, struct net_rows rows) {
  for (const char *at = r->batches; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
    struct spec spec = spec_of(r, shapes[shape].hidden, atoll(at));
    struct net_figures f;
    rows.all = r->rows / (size_t)spec.batch * (size_t)spec.batch;
    if (net_bench(&spec, "cpu", r->threads, &rows, r->epochs, &f) != OK) {
      fprintf(stderr, "%s\n", err_text());
      return 1;
    }
    printf("{\"net\": \"%s\", \"bn\": %s, \"batch\": %lld, \"threads\": %d, \"piece\": %lld, \"msamples_per_s\": %.4f, "
           "\"us_per_step\": %.1f, \"gflops\": %.1f, \"loss\": %.4f, \"kernels\": \"%s\"}\n",
           shapes[shape].name, r->norm ? "true" : "false", (long long)spec.batch, r->threads, (long long)spec.piece,
           f.samples_per_second / 1e6, f.seconds_per_step * 1e6, f.flops / 1e9, f.loss, trainer_kernels());
    fflush(stdout);
  }
  return 0;
}

int main(int argc, char **argv) {
  struct request r = {.threads = 1,
                      .epochs = 3,
                      .batches = "500,5000,15000",
                      .nets = "dl1a,dl1b",
                      .activation = "relu",
                      .rows = 150000,
                      .piece = 256};
  for (int i = 1; i < argc; i++) {
    const char *value = i + 1 < argc ? argv[i + 1] : "";
    if (strcmp(argv[i], "--bn") == 0) {
      r.norm = true;
      continue;
    }
    if (strcmp(argv[i], "--threads") == 0)
      r.threads = atoi(value);
    else if (strcmp(argv[i], "--epochs") == 0)
      r.epochs = atoi(value);
    else if (strcmp(argv[i], "--batches") == 0)
      r.batches = value;
    else if (strcmp(argv[i], "--nets") == 0)
      r.nets = value;
    else if (strcmp(argv[i], "--activation") == 0)
      r.activation = value;
    else if (strcmp(argv[i], "--rows") == 0)
      r.rows = (size_t)atoll(value);
    else if (strcmp(argv[i], "--piece") == 0)
      r.piece = atoll(value);
    else if (strcmp(argv[i], "--dropout") == 0)
      r.dropout = atof(value);
    else {
      fprintf(stderr, "unknown option %s\n", argv[i]);
      return 2;
    }
    i++;
  }
  struct net_rows rows;
  fill(&rows, r.rows);
  for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
    if (strstr(r.nets, shapes[s].name) && bench(&r, s, rows))
      return 1;
  return 0;
}
