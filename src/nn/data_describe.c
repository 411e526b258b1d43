/* What coxswain data FILE prints. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "nn/data.h"
#include "nn/data_look.h"

static enum err put_datasets(int64_t file, const char *path, struct strbuf *out) {
  char **names;
  size_t n;
  TRY(hdf_datasets(file, path, &names, &n));
  if (n == 0)
    strbuf_puts(out, "  no datasets\n");
  enum err e = OK;
  for (size_t i = 0; e == OK && i < n; i++) {
    char shape[128];
    e = hdf_shape_text(file, path, names[i], shape, sizeof shape);
    if (e == OK)
      strbuf_printf(out, "  %-24s %s\n", names[i], shape);
  }
  hdf_names_free(names, n);
  return e;
}

static enum err put_compound(int64_t file, const char *path, const char *dataset, struct strbuf *out) {
  char **names;
  size_t n, column = 0;
  if (!hdf_is_compound(file, dataset))
    return OK;
  TRY(hdf_members(file, path, dataset, &names, &n));
  strbuf_printf(out, "\nmembers of %s\n", dataset);
  for (size_t i = 0; i < n; i++) {
    if (column + strlen(names[i]) > 100) {
      strbuf_putc(out, '\n');
      column = 0;
    }
    strbuf_printf(out, "  %s", names[i]);
    column += 2 + strlen(names[i]);
  }
  strbuf_putc(out, '\n');
  hdf_names_free(names, n);
  return OK;
}

static enum err put_contents(const char *path, struct strbuf *out) {
  int64_t file;
  TRY(hdf_open(path, &file));
  strbuf_printf(out, "%s: %.1f MB\n", path, (double)file_size(path) / 1e6);
  char **names;
  size_t n;
  enum err e = put_datasets(file, path, out);
  if (e == OK && (e = hdf_datasets(file, path, &names, &n)) == OK) {
    for (size_t i = 0; e == OK && i < n; i++)
      e = put_compound(file, path, names[i], out);
    hdf_names_free(names, n);
  }
  hdf_close(file);
  return e == OK ? hdf_check(path) : e;
}

static void put_labels(const struct look *l, struct strbuf *out) {
  const struct data_source *s = &l->source;
  if (!s->has_labels) {
    strbuf_puts(out, "\nno labels\n");
    return;
  }
  if (!l->whole_labels) {
    strbuf_printf(out, "\n%s: numbers, for data.target = \"value\"\n", s->label_name);
    return;
  }
  strbuf_printf(out, "\n%-24s %10s %8s  class\n", s->label_name, "rows", "share");
  for (size_t i = 0; i < l->n_labels; i++) {
    const char *name = look_label_name(l, l->labels[i]);
    strbuf_printf(out, "  %-22lld %10zu %6.1f %%  %s\n", (long long)l->labels[i], l->counts[i],
                  100.0 * (double)l->counts[i] / (double)s->rows, name ? name : "");
  }
}

static void put_variables(const struct look *l, struct strbuf *out) {
  size_t widest = 8;
  for (size_t i = 0; i < l->source.width; i++) {
    size_t length = strlen(l->variables[i].name);
    widest = length > widest ? length : widest;
  }
  strbuf_printf(out, "\n%-*s %9s %12s %12s %12s %12s\n", (int)widest, "variable", "missing", "min", "mean", "max",
                "width");
  for (size_t i = 0; i < l->source.width; i++) {
    const struct data_variable *v = &l->variables[i];
    double missing = (double)v->missing / (double)(l->measured ? l->measured : 1);
    if (v->present == 0) {
      strbuf_printf(out, "%-*s %7.1f %%\n", (int)widest, v->name, 100.0);
      continue;
    }
    strbuf_printf(out, "%-*s %7.1f %% %12.5g %12.5g %12.5g %12.5g%s\n", (int)widest, v->name, 100 * missing, v->low,
                  v->mean, v->high, v->width, !(v->width > 0) ? "  always the same" : "");
  }
}

static void put_look(const struct look *l, struct strbuf *out) {
  const struct data_source *s = &l->source;
  strbuf_printf(out, "\ndata.format = \"%s\": %zu rows of %zu variables%s\n", look_format(l), s->rows, s->width,
                s->names_known ? "" : ", not named");
  if (s->synthetic)
    strbuf_printf(out, "source: %s\n", s->synthetic);
  put_labels(l, out);
  if (!isnan(l->bayes_loss))
    strbuf_printf(
        out,
        "  the exact posterior is in the file: its cross entropy on these rows is %.4f, the limit of any classifier\n",
        l->bayes_loss);
  put_variables(l, out);
  if (l->measured < s->rows)
    strbuf_printf(out, "(of %zu rows spread over the file)\n", l->measured);
  if (l->sentinel)
    strbuf_puts(out, "-999 is taken for missing: data.missing = -999.0\n");
}

enum err data_describe_file(const char *path, struct strbuf *out) {
  TRY(put_contents(path, out));
  struct look l;
  enum err e = look_open(&l, path);
  if (e == OK)
    put_look(&l, out);
  else if (e == ERR_INPUT) { /* any HDF5 file may be looked at */
    strbuf_printf(out, "\n%s\n", err_text());
    err_clear();
    e = OK;
  }
  look_close(&l);
  return e;
}
