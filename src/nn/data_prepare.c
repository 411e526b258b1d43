#include "nn/data_prepare.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/stop.h"
#include "nn/data_cache.h"

/* The raw inputs in their final order, in a file without a name: big samples need not fit into memory. */
struct scratch {
  float *x;
  size_t bytes;
};

struct preparation {
  struct sample sample;
  struct range parts[DATA_MAX_PARTS];
  size_t rows;
  struct scratch raw; /* (rows, width), NaN = missing */
  int32_t *class;     /* (rows) each, in the final order */
  float *target, *weight, *truth;
  struct data_variable *variables;
};

static enum err scratch_open(struct scratch *s, const char *near, size_t bytes) {
  struct strbuf path = STRBUF_INIT;
  strbuf_printf(&path, "%s.raw.tmp", near);
  int fd = open(path.text, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600);
  int reason = fd < 0 ? errno : 0;
  if (fd >= 0) {
    unlink(path.text);
    reason = posix_fallocate(fd, 0, (off_t)bytes); /* a full disk is an error here, not a SIGBUS later */
    void *map = reason ? MAP_FAILED : mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (!reason && map == MAP_FAILED)
      reason = errno;
    close(fd);
    *s = (struct scratch){reason ? NULL : map, bytes};
  }
  enum err e = reason ? FAIL(ERR_IO, "%s: %zu bytes for preparing the data: %s: choose another folder with run.cache",
                             path.text, bytes, strerror(reason))
                      : OK;
  strbuf_free(&path);
  return e;
}

static void scratch_close(struct scratch *s) {
  if (s->x)
    munmap(s->x, s->bytes);
  *s = (struct scratch){NULL, 0};
}

enum err data_clean_inputs(const struct data_source *source, const float *missing, size_t n_missing, size_t first,
                           size_t n, const bool *keep, float *x) {
  size_t width = source->width;
  for (size_t i = 0; i < n; i++) {
    if (keep && !keep[i])
      continue;
    for (size_t j = 0; j < width; j++) {
      float *value = &x[i * width + j];
      for (size_t k = 0; k < n_missing; k++)
        if (*value == missing[k])
          *value = NAN;
      if (isinf(*value))
        return FAIL(ERR_INPUT,
                    "%s: %s: row %zu: %s is infinite (or too big for a 32-bit number): mend the file; NaN means "
                    "missing",
                    source->path, source->input_name, first + i, source->variables[j]);
    }
  }
  return OK;
}

static void place_parts(struct preparation *p) {
  for (size_t i = 0; i < p->sample.n_parts; i++) {
    p->parts[i] = (struct range){p->rows, p->sample.part_rows[i]};
    p->rows += p->sample.part_rows[i];
  }
}

/* The posterior over the chosen classes: columns of one class are added, what belongs to dropped labels is divided
 * out. */
static void place_truth(const struct sample *s, const float *posterior, float *truth) {
  double all = 0;
  for (size_t k = 0; k < s->n_classes; k++) {
    double p = 0;
    for (size_t v = 0; v < s->classes[k].n_values; v++)
      for (size_t c = 0; c < s->n_posterior; c++)
        if (s->posterior_labels[c] == s->classes[k].values[v])
          p += (double)posterior[c];
    truth[k] = (float)p;
    all += p;
  }
  for (size_t k = 0; k < s->n_classes && all > 0; k++)
    truth[k] = (float)((double)truth[k] / all);
}

static void place_row(struct preparation *p, size_t row, size_t to, const float *x, const float *posterior) {
  const struct sample *s = &p->sample;
  memcpy(p->raw.x + to * s->width, x, s->width * sizeof *x);
  if (s->plan->regression)
    p->target[to] = (float)s->label[row];
  else
    p->class[to] = s->class[row];
  if (s->weight)
    p->weight[to] = s->weight[row];
  if (posterior)
    place_truth(s, posterior, p->truth + to * s->n_classes);
}

/* One block of rows of one source; next[part] is where the next row of a part goes. */
static enum err place_block(struct preparation *p, const struct data_source *source, size_t base, size_t row, size_t n,
                            float *x, float *posterior, size_t *next) {
  const struct sample *s = &p->sample;
  bool keep[SAMPLE_BLOCK], any = false;
  for (size_t i = 0; i < n; i++) {
    keep[i] = s->part[base + row + i] != ROW_LEFT_OUT;
    any = any || keep[i];
  }
  if (!any)
    return OK;
  TRY(source->ops->inputs(source, row, n, x));
  TRY(data_clean_inputs(source, s->plan->missing, s->plan->n_missing, row, n, keep, x));
  if (posterior)
    TRY(source->ops->posterior(source, row, n, posterior));
  for (size_t i = 0; i < n; i++)
    if (keep[i])
      place_row(p, base + row + i, next[s->part[base + row + i]]++, x + i * s->width,
                posterior ? posterior + i * s->n_posterior : NULL);
  return OK;
}

static enum err place_file(struct preparation *p, size_t file, size_t *next) {
  const struct sample *s = &p->sample;
  struct data_source source;
  float *x = MEM_NEW_ARRAY(float, SAMPLE_BLOCK * s->width);
  float *posterior = s->posterior_labels ? MEM_NEW_ARRAY(float, SAMPLE_BLOCK * s->n_posterior) : NULL;
  enum err e = sample_open_source(s, file, &source);
  for (size_t row = 0; e == OK && row < s->files[file].rows; row += SAMPLE_BLOCK) {
    size_t left = s->files[file].rows - row, n = left < SAMPLE_BLOCK ? left : SAMPLE_BLOCK;
    e = stop_check("preparing the data");
    if (e == OK)
      e = place_block(p, &source, s->files[file].first, row, n, x, posterior, next);
  }
  data_source_close(&source);
  free(posterior);
  free(x);
  return e;
}

static enum err place_rows(struct preparation *p, const char *path) {
  const struct sample *s = &p->sample;
  place_parts(p);
  TRY(scratch_open(&p->raw, path, p->rows * s->width * sizeof(float)));
  p->class = MEM_NEW_ARRAY(int32_t, p->rows);
  p->target = s->plan->regression ? MEM_NEW_ARRAY(float, p->rows) : NULL;
  p->weight = s->weight ? MEM_NEW_ARRAY(float, p->rows) : NULL;
  p->truth = s->posterior_labels ? MEM_NEW_ARRAY(float, p->rows * s->n_classes) : NULL;
  size_t next[DATA_MAX_PARTS];
  for (size_t i = 0; i < s->n_parts; i++)
    next[i] = p->parts[i].first;
  for (size_t file = 0; file < s->n_files; file++)
    TRY(place_file(p, file, next));
  return OK;
}

static enum err choose_scales(struct preparation *p) {
  const struct sample *s = &p->sample;
  p->variables = MEM_NEW_ARRAY(struct data_variable, s->width);
  for (size_t j = 0; j < s->width; j++)
    p->variables[j].name = mem_strdup(s->variables[j]);
  data_measure(p->variables, s->width, p->raw.x, p->parts[PART_TRAIN].n); /* the training part comes first */
  return data_choose_scales(p->variables, s->width, s->plan, s->files[0].path);
}

static enum err write_inputs(const struct preparation *p, struct cache_writer *w) {
  size_t width = p->sample.width, wide = width + data_flags(p->variables, width);
  float *out = MEM_NEW_ARRAY(float, SAMPLE_BLOCK *wide);
  enum err e = OK;
  for (size_t row = 0; e == OK && row < p->rows; row += SAMPLE_BLOCK) {
    size_t n = p->rows - row < SAMPLE_BLOCK ? p->rows - row : SAMPLE_BLOCK;
    for (size_t i = 0; i < n; i++)
      data_scale_row(p->variables, width, p->raw.x + (row + i) * width, out + i * wide);
    e = stop_check("preparing the data");
    if (e == OK)
      e = cache_write(w, out, n * wide * sizeof *out);
  }
  free(out);
  return e;
}

static enum err write_arrays(const struct preparation *p, struct cache_writer *w) {
  TRY(write_inputs(p, w));
  TRY(cache_pad(w));
  if (p->sample.plan->regression)
    TRY(cache_write(w, p->target, p->rows * sizeof *p->target));
  else
    TRY(cache_write(w, p->class, p->rows * sizeof *p->class));
  TRY(cache_pad(w));
  if (p->weight)
    TRY(cache_write(w, p->weight, p->rows * sizeof *p->weight));
  TRY(cache_pad(w));
  if (p->truth)
    TRY(cache_write(w, p->truth, p->rows * p->sample.n_classes * sizeof *p->truth));
  return cache_pad(w);
}

static enum err write_file(const struct preparation *p, const char *hash, const char *path, char (*sha)[65]) {
  char *description = description_write(&p->sample, p->variables, hash, p->parts, sha);
  struct cache_writer w;
  enum err e = cache_create(&w, path, description);
  free(description);
  if (e == OK)
    e = write_arrays(p, &w);
  if (e == OK)
    e = cache_commit(&w);
  cache_abandon(&w);
  return e;
}

static void preparation_free(struct preparation *p) {
  for (size_t j = 0; p->variables && j < p->sample.width; j++)
    free(p->variables[j].name);
  free(p->variables);
  scratch_close(&p->raw);
  free(p->class);
  free(p->target);
  free(p->weight);
  free(p->truth);
  sample_free(&p->sample);
}

static void log_sample(const struct preparation *p, double seconds) {
  const struct sample *s = &p->sample;
  if (s->dropped_label)
    log_info("data: %zu rows have labels of no class and are left out", s->dropped_label);
  if (s->dropped_weight)
    log_info("data: %zu rows with negative weights are left out of training", s->dropped_weight);
  log_info("data: prepared %zu rows of %zu variables in %.1f s%s", p->rows, s->width, seconds,
           s->synthetic ? " (synthetic)" : "");
}

static enum err prepare(struct preparation *p, const struct data_plan *plan, const char *hash, const char *path,
                        char (*sha)[65]) {
  TRY(sample_read(&p->sample, plan));
  TRY(sample_find_classes(&p->sample));
  TRY(sample_split(&p->sample));
  TRY(place_rows(p, path));
  TRY(choose_scales(p));
  return write_file(p, hash, path, sha);
}

enum err data_prepare(const struct data_plan *plan, const char *hash, const char *path, char (*sha)[65]) {
  struct preparation p = {0};
  double start = clock_seconds();
  enum err e = prepare(&p, plan, hash, path, sha);
  if (e == OK)
    log_sample(&p, clock_seconds() - start);
  preparation_free(&p);
  return e;
}
