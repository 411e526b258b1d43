/* What training will cost: some points of the space, each trained for a moment on this machine. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "nn/net_bench.h"
#include "nn/trainer.h"
#include "run/evaluate_train.h"

enum { TRIED = 8, SAMPLED = 64, ROWS = 16384 };

struct survey {
  int64_t fewest, most; /* parameters of a network */
  double rows_per_second, seconds_per_row;
  size_t tried, impossible;
};

static enum err spec_at(const struct evaluator_options *o, const struct data *data, uint64_t index, struct spec *spec) {
  struct rng rng = rng_of(rng_child(rng_key("cost", 0), RNG_ASK, index));
  double *u = MEM_NEW_ARRAY(double, o->space->n_coordinates + 1);
  for (size_t i = 0; i < o->space->n_coordinates; i++)
    u[i] = rng_uniform(&rng);
  struct params p;
  struct settings *resolved = NULL;
  params_init(&p);
  space_decode(o->space, u, &p);
  free(u);
  enum err e = settings_resolve(o->conf, &p, &resolved);
  if (e == OK)
    e = spec_from_settings(spec, resolved, data, rng_key("cost", index), o->maximize);
  settings_free(resolved);
  params_free(&p);
  return e;
}

static enum err try_speed(const struct evaluator_options *o, const struct data *data, const struct spec *spec,
                          struct survey *s) {
  const struct range train = data->part[PART_TRAIN];
  struct net_rows rows = {.x = data->x + train.first * data->width,
                          .label = data->label ? data->label + train.first : NULL,
                          .target = data->target ? data->target + train.first : NULL,
                          .weight = data->weight ? data->weight + train.first : NULL,
                          .shuffled = true,
                          .order = rng_key("cost", 1),
                          .all = train.n < ROWS ? train.n : ROWS};
  struct net_figures f;
  TRY(net_bench(spec, train_backend(o->conf), (int)settings_int(o->conf, "run.threads"), &rows, 1, &f));
  s->seconds_per_row += 1 / f.samples_per_second;
  s->tried++;
  return OK;
}

static enum err look_around(const struct evaluator_options *o, const struct data *data, struct survey *s) {
  char why[512] = "";
  *s = (struct survey){.fewest = INT64_MAX};
  for (uint64_t i = 0; i < SAMPLED; i++) {
    struct spec spec;
    if (spec_at(o, data, i, &spec) != OK) { /* such a point will be a failed trial */
      if (!*why)
        snprintf(why, sizeof why, "%s", err_text());
      err_clear();
      s->impossible++;
      continue;
    }
    int64_t n = spec_weights(&spec);
    s->fewest = n < s->fewest ? n : s->fewest;
    s->most = n > s->most ? n : s->most;
    if (s->tried < TRIED)
      TRY(try_speed(o, data, &spec, s));
  }
  return s->tried ? OK : FAIL(ERR_CONFIG, "none of %d points tried makes a network: %s", SAMPLED, why);
}

static void put_data(const struct data *data, struct strbuf *out) {
  strbuf_puts(out, "  data      ");
  for (size_t i = 0; i < data->n_parts; i++)
    strbuf_printf(out, "%s %zu %s", i ? "," : "", data->part[i].n, data->part_name[i]);
  strbuf_printf(out, " rows of %zu inputs", data->width);
  if (data->n_classes)
    strbuf_printf(out, ", %zu classes", data->n_classes);
  strbuf_printf(out, "; %.3g MB, once a node\n", (double)data->map_bytes / 1e6);
}

enum err train_cost(const struct evaluator_options *o, struct strbuf *out, double *seconds_per_step) {
  struct data *data = NULL;
  struct survey s;
  char *cache = train_cache(o);
  enum err e = data_open(&data, o->conf, cache);
  free(cache);
  TRY(e);
  e = look_around(o, data, &s);
  if (e == OK) {
    /* weights, gradient, two moments, best weights; the logits of the largest part and some slack for activations */
    double bytes = 5.0 * 4.0 * (double)s.most + 4.0 * (double)(data->rows * (data->n_classes + 1)) + 8e6;
    put_data(data, out);
    strbuf_printf(out, "  network    %lld", (long long)s.fewest);
    if (s.most > s.fewest)
      strbuf_printf(out, " to %lld", (long long)s.most);
    strbuf_puts(out, " parameters");
    if (s.impossible)
      strbuf_printf(out, "; %zu of %d points make no network and will be failed trials", s.impossible, SAMPLED);
    strbuf_printf(out, "\n  memory     about %.3g MB a slot\n", bytes / 1e6);
    strbuf_printf(out, "  speed      %.3g rows/s on this core, over %zu points\n", (double)s.tried / s.seconds_per_row,
                  s.tried);
    /* validation: forward only, a third of training a row */
    double rows = (double)data->part[PART_TRAIN].n + (double)data->part[PART_VALIDATION].n / 3;
    *seconds_per_step = rows * s.seconds_per_row / (double)s.tried;
  }
  data_close(data);
  return e;
}
