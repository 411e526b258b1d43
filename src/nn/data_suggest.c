/* A first study file for a data file. */
#include <ctype.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "nn/data.h"
#include "nn/data_look.h"
#include "nn/generate_jets.h"

/* What libconfig takes for a name without quotes. */
static bool is_name(const char *text) {
  if (!isalpha((unsigned char)*text))
    return false;
  for (; *text; text++)
    if (!isalnum((unsigned char)*text) && *text != '_')
      return false;
  return true;
}

static void put_study_name(const char *path, struct strbuf *out) {
  const char *name = path_name(path), *dot = strchr(name, '.');
  size_t n = dot && dot > name ? (size_t)(dot - name) : strlen(name);
  for (size_t i = 0; i < n; i++)
    strbuf_putc(out, isalnum((unsigned char)name[i]) || name[i] == '-' ? name[i] : '_');
}

static void put_head(const struct look *l, bool classes, struct strbuf *out) {
  bool two = classes && l->n_labels == 2;
  strbuf_printf(out, "// A first study of %s: %zu rows of %zu variables", path_name(l->path), l->source.rows,
                l->source.width);
  if (classes)
    strbuf_printf(out, ", %zu classes", l->n_labels);
  strbuf_puts(out, ".\n//\n//   coxswain check ");
  put_study_name(l->path, out);
  strbuf_puts(out, ".cfg                what it will cost, and what is wrong with it\n//   mpirun -n 2 coxswain run ");
  put_study_name(l->path, out);
  strbuf_puts(out, ".cfg      run it, or go on with it\n"
                   "//\n// Every key there is stands in configs/reference.cfg and in coxswain reference.\n\n");
  strbuf_puts(out, "study = {\n  name   = \"");
  put_study_name(l->path, out);
  strbuf_printf(out, "\";\n  metric = \"%s\";   // of the validation part\n  trials = 30;\n};\n\n",
                two ? "val_auc" : "val_loss");
}

static void put_space(const struct look *l, struct strbuf *out) {
  bool small = l->source.rows < 50000;
  strbuf_puts(out, "// What may vary. A name here is used below as \"@name\".\n"
                   "space = {\n"
                   "  width1     = { low = 32; high = 256; log = true; };\n"
                   "  width2     = { low = 16; high = 128; log = true; };\n"
                   "  width3     = { low = 0; high = 64; step = 16; };      // a layer of width 0 is left out\n"
                   "  activation = (\"relu\", \"swish\");\n"
                   "  dropout    = { low = 0.0; high = 0.4; };\n"
                   "  lr         = { low = 3e-4; high = 1e-2; log = true; };\n");
  strbuf_printf(out, "  batch      = %s;\n};\n\n", small ? "(64, 128, 256)" : "(250, 500, 1000)");
  strbuf_puts(out, "sampler = { name = \"sobol\"; };   // random points that fill the space evenly\n\n");
}

/* Members that are the answer, other taggers' answers, or bookkeeping. */
static bool is_no_input(const char *name) {
  static const char *const words[] = {"Truth", "Label",   "Ghost",   "Weight", "eventNumber",
                                      "DL1",   "dips",    "flip",    "UMAMI",  "GN1",
                                      "GN2",   "mcEvent", "jetRank", "PtRank", "primaryVertex"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (strstr(name, words[i]))
      return true;
  return false;
}

static bool has_variable(const struct look *l, const char *name) {
  for (size_t i = 0; i < l->source.width; i++)
    if (strcmp(l->source.variables[i], name) == 0)
      return true;
  return false;
}

static void put_variables(const struct look *l, struct strbuf *out) {
  size_t known = 0, n = 0;
  for (size_t v = 0; v < JETS_VARIABLES; v++)
    known += has_variable(l, jets_constants()[v].name);
  bool dl1r = known > JETS_VARIABLES / 2;
  size_t all = dl1r ? JETS_VARIABLES : l->source.width;
  strbuf_printf(out, "  variables  = (   // %s; a file with a name a line will do as well\n",
                dl1r ? "the inputs of DL1r that the file has" : "check that none gives the answer away");
  for (size_t v = 0; v < all; v++) {
    const char *name = dl1r ? jets_constants()[v].name : l->source.variables[v];
    if (dl1r ? has_variable(l, name) : !is_no_input(name))
      strbuf_printf(out, "%s    \"%s\"", n++ ? ",\n" : "", name);
  }
  strbuf_puts(out, "\n  );\n");
}

/* Only where each label has a name that the file can hold; else the labels name the classes by themselves. */
static void put_classes(const struct look *l, struct strbuf *out) {
  size_t named = 0;
  for (size_t i = 0; i < l->n_labels; i++) {
    const char *name = look_label_name(l, l->labels[i]);
    named += name && is_name(name);
  }
  bool tau_dropped = l->format == FORMAT_tdd && l->source.n_class_names == 0 && named > 2;
  if (named != l->n_labels && !tau_dropped)
    return;
  strbuf_puts(out, "  classes    = { ");
  for (size_t i = 0; i < l->n_labels; i++) {
    const char *name = look_label_name(l, l->labels[i]);
    if (name && is_name(name) && !(tau_dropped && l->labels[i] == 15))
      strbuf_printf(out, "%s = %lld; ", name, (long long)l->labels[i]);
  }
  strbuf_puts(out, "};   // rows with other labels are left out\n");
}

static void put_data(const struct look *l, bool classes, struct strbuf *out) {
  bool missing = l->sentinel;
  for (size_t i = 0; i < l->source.width; i++)
    missing = missing || l->variables[i].missing;
  strbuf_puts(out, "data = {\n  files      = (");
  strbuf_put_json_string(out, l->path);
  strbuf_printf(out, ");   // relative to this file\n  format     = \"%s\";\n", look_format(l));
  if (l->format == FORMAT_tdd)
    put_variables(l, out);
  if (classes)
    put_classes(l, out);
  else
    strbuf_puts(out, "  target     = \"value\";   // regression: the labels are numbers to predict\n");
  if (l->sentinel)
    strbuf_puts(out, "  missing    = -999.0;\n");
  if (missing)
    strbuf_puts(out, "  fill       = \"flag\";    // one more input says that a value was missing\n");
  if (l->weights)
    strbuf_puts(out, "  // weights = \"weights\";   // event weights are there; loss and metrics would use them\n");
  strbuf_puts(out, "  validation = 0.2;       // points are chosen on this part\n"
                   "  test       = 0.2;       // nothing is chosen on this one: its figures can be quoted\n");
  if (l->event_numbers)
    strbuf_puts(out,
                "  // split = \"modulo\"; event_number = \"event_number\"; modulo = 10;   // instead of at random\n");
  strbuf_puts(out, "};\n\n");
}

static void put_model(struct strbuf *out) {
  strbuf_puts(out, "model = {\n"
                   "  hidden     = (\"@width1\", \"@width2\", \"@width3\");\n"
                   "  activation = \"@activation\";\n"
                   "  dropout    = \"@dropout\";\n"
                   "};\n\n"
                   "train = {\n"
                   "  epochs      = 20;\n"
                   "  batch       = \"@batch\";\n"
                   "  lr          = \"@lr\";\n"
                   "  lr_schedule = \"cosine\";\n"
                   "};\n");
}

enum err data_suggest_study(const char *path, struct strbuf *out) {
  struct look l;
  enum err e = look_open(&l, path);
  if (e == OK && !l.source.has_labels)
    e = FAIL(ERR_INPUT, "%s has no labels that can be found: name them in a study file of your own (data.labels)",
             path);
  if (e == OK) {
    bool classes = l.whole_labels;
    put_head(&l, classes, out);
    put_space(&l, out);
    put_data(&l, classes, out);
    put_model(out);
  }
  look_close(&l);
  return e;
}
