#include "nn/data_plan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"

/* "study.cfg:12: data.scale = ...": every complaint about one key starts the same way. */
static void complain_at(struct complaints *c, const struct settings *conf, const char *key, const char *text) {
  const char *file;
  int line = settings_line(conf, key, &file);
  complain(c, file, line, "%s: %s", key, text);
}

/* About one member of an open group: "data.classes.b: ...". */
static void complain_member(struct complaints *c, const struct settings *conf, const char *group, const char *name,
                            const char *text) {
  struct strbuf key = STRBUF_INIT;
  strbuf_printf(&key, "%s.%s", group, name);
  complain_at(c, conf, key.text, text);
  strbuf_free(&key);
}

static char *given_text(const struct settings *conf, const char *key) {
  const char *text = settings_text(conf, key);
  return *text ? mem_strdup(text) : NULL;
}

static void read_files(struct data_file_group *group, const struct settings *conf, const char *key,
                       struct complaints *c) {
  size_t n;
  const struct value *list = settings_list(conf, key, &n);
  group->files = MEM_NEW_ARRAY(char *, n + 1);
  for (size_t i = 0; i < n; i++) {
    char *path = settings_path(conf, list[i].as.text);
    if (!file_exists(path)) {
      struct strbuf text = STRBUF_INIT;
      strbuf_printf(&text, "there is no file %s", path);
      complain_at(c, conf, key, text.text);
      strbuf_free(&text);
    }
    group->files[group->n++] = path;
  }
}

static void read_test_files(struct data_plan *plan, const struct settings *conf, struct complaints *c) {
  size_t n;
  const char **names = settings_names(conf, "data.test_files", &n);
  if (n > DATA_MAX_TESTS)
    complain_member(c, conf, "data.test_files", names[DATA_MAX_TESTS], "more than 16 test samples");
  for (size_t i = 0; i < n && i < DATA_MAX_TESTS; i++) {
    struct data_file_group *group = &plan->test[plan->n_tests++];
    struct strbuf key = STRBUF_INIT;
    strbuf_printf(&key, "data.test_files.%s", names[i]);
    group->name = mem_strdup(names[i]);
    read_files(group, conf, key.text, c);
    strbuf_free(&key);
  }
  free(names);
}

static void read_sources(struct data_plan *plan, const struct settings *conf, struct complaints *c) {
  plan->generated = settings_given(conf, "data.generate");
  plan->row_limit = (size_t)settings_int(conf, "data.rows");
  plan->split = (enum data_split)settings_choice(conf, "data.split");
  if (plan->generated) {
    plan->generate = (enum data_generate)settings_choice(conf, "data.generate");
    if (settings_given(conf, "data.files"))
      complain_at(c, conf, "data.generate", "data.files is given as well: take one of the two out");
    if (plan->row_limit == 0)
      complain_at(c, conf, "data.generate", "say how many rows with data.rows");
    if (plan->split == SPLIT_FILES)
      complain_at(c, conf, "data.split", "generated data are split by fraction or modulo");
    return;
  }
  plan->format = (enum data_format)settings_choice(conf, "data.format");
  if (settings_given(conf, "data.files"))
    read_files(&plan->train, conf, "data.files", c);
  if (plan->train.n == 0)
    complain_at(c, conf, "data.files", "no data: name HDF5 files, or set data.generate");
  if (settings_given(conf, "data.validation_files"))
    read_files(&plan->validation, conf, "data.validation_files", c);
  read_test_files(plan, conf, c);
  if (plan->split != SPLIT_FILES && plan->validation.n)
    complain_at(c, conf, "data.validation_files", "needs data.split = \"files\"");
  if (plan->split != SPLIT_FILES && plan->n_tests)
    complain_member(c, conf, "data.test_files", plan->test[0].name, "needs data.split = \"files\"");
}

/* A list of names, or one file of names. */
static void read_variables(struct data_plan *plan, const struct settings *conf, struct complaints *c) {
  const char *key = "data.variables";
  if (!settings_given(conf, key))
    return;
  size_t n;
  const struct value *list = settings_list(conf, key, &n);
  char *path = n == 1 ? settings_path(conf, list[0].as.text) : NULL;
  struct data_names *names = &plan->names;
  if (path && file_exists(path)) {
    if (data_read_names(path, &names->variables, &names->n_variables) != OK) {
      complain_at(c, conf, key, err_text());
      err_clear();
    }
    free(path);
    return;
  }
  free(path);
  names->variables = MEM_NEW_ARRAY(char *, n + 1);
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j < i; j++)
      if (strcmp(list[i].as.text, list[j].as.text) == 0) {
        struct strbuf text = STRBUF_INIT;
        strbuf_printf(&text, "%s stands twice", list[i].as.text);
        complain_at(c, conf, key, text.text);
        strbuf_free(&text);
      }
    names->variables[names->n_variables++] = mem_strdup(list[i].as.text);
  }
}

static bool value_is_taken(const struct data_plan *plan, int64_t value) {
  for (size_t i = 0; i < plan->n_classes; i++)
    for (size_t j = 0; j < plan->classes[i].n_values; j++)
      if (plan->classes[i].values[j] == value)
        return true;
  return false;
}

static void read_class(struct data_plan *plan, const struct settings *conf, const char *name, struct complaints *c) {
  struct strbuf key = STRBUF_INIT;
  strbuf_printf(&key, "data.classes.%s", name);
  size_t n;
  const struct value *list = settings_list(conf, key.text, &n);
  struct data_class *class = &plan->classes[plan->n_classes];
  *class = (struct data_class){mem_strdup(name), MEM_NEW_ARRAY(int64_t, n + 1), 0};
  plan->n_classes++;
  for (size_t i = 0; i < n; i++) {
    if (value_is_taken(plan, list[i].as.i)) {
      struct strbuf text = STRBUF_INIT;
      strbuf_printf(&text, "label %lld already means a class", (long long)list[i].as.i);
      complain_at(c, conf, key.text, text.text);
      strbuf_free(&text);
    }
    class->values[class->n_values++] = list[i].as.i;
  }
  if (n == 0)
    complain_at(c, conf, key.text, "needs at least one label value");
  strbuf_free(&key);
}

static void read_classes(struct data_plan *plan, const struct settings *conf, struct complaints *c) {
  plan->regression = settings_choice(conf, "data.target") == 1;
  size_t n;
  const char **names = settings_names(conf, "data.classes", &n);
  if (n && plan->regression)
    complain_member(c, conf, "data.classes", names[0], "has no meaning with data.target = \"value\"");
  if (n == 1)
    complain_member(c, conf, "data.classes", names[0], "one class is nothing to tell apart: name at least two");
  if (n > DATA_MAX_CLASSES)
    complain_member(c, conf, "data.classes", names[DATA_MAX_CLASSES], "more than 64 classes");
  plan->classes = MEM_NEW_ARRAY(struct data_class, n + 1);
  for (size_t i = 0; i < n && i < DATA_MAX_CLASSES && !plan->regression; i++)
    read_class(plan, conf, names[i], c);
  free(names);
  if (plan->regression && plan->generated)
    complain_at(c, conf, "data.target", "generated jets have classes, not values");
}

static void read_scale(struct data_plan *plan, const struct settings *conf, struct complaints *c) {
  bool scaled = !plan->generated && plan->format == FORMAT_umami;
  plan->scale = (enum data_scale)settings_choice(conf, "data.scale");
  if (plan->scale == SCALE_AUTO)
    plan->scale = scaled ? SCALE_NONE : SCALE_TRAIN;
  else if (scaled && plan->scale != SCALE_NONE)
    complain_at(c, conf, "data.scale",
                "umami files are already scaled and must not be again: say none, or leave it out");
  char *name = given_text(conf, "data.scale_file");
  if (name) {
    plan->scale_file = settings_path(conf, name);
    free(name);
    if (data_read_scales(plan->scale_file, &plan->scales, &plan->n_scales) != OK) {
      complain_at(c, conf, "data.scale_file", err_text());
      err_clear();
    }
  } else if (plan->scale == SCALE_FILE)
    complain_at(c, conf, "data.scale", "file needs data.scale_file");
}

static void read_missing(struct data_plan *plan, const struct settings *conf) {
  plan->fill = (enum data_fill)settings_choice(conf, "data.fill");
  plan->fill_value = settings_double(conf, "data.fill_value");
  if (!settings_given(conf, "data.missing"))
    return;
  size_t n;
  const struct value *list = settings_list(conf, "data.missing", &n);
  plan->missing = MEM_NEW_ARRAY(float, n + 1);
  for (size_t i = 0; i < n; i++) {
    double x = 0;
    value_to_double(&list[i], &x);
    plan->missing[plan->n_missing++] = (float)x;
  }
}

static int64_t *read_folds(const struct settings *conf, const char *key, int64_t modulo, size_t *n,
                           struct complaints *c) {
  const struct value *list = settings_list(conf, key, n);
  int64_t *folds = MEM_NEW_ARRAY(int64_t, *n + 1);
  for (size_t i = 0; i < *n; i++) {
    folds[i] = list[i].as.i;
    if (folds[i] >= modulo)
      complain_at(c, conf, key, "a remainder must be smaller than data.modulo");
  }
  return folds;
}

static void read_split(struct data_plan *plan, const struct settings *conf, struct complaints *c) {
  plan->seed = (uint64_t)settings_int(conf, "data.seed");
  plan->validation_share = settings_double(conf, "data.validation");
  plan->test_share = settings_double(conf, "data.test");
  plan->negative = (enum data_negative)settings_choice(conf, "data.negative_weights");
  if (plan->split == SPLIT_FRACTION && plan->validation_share + plan->test_share > 0.95)
    complain_at(c, conf, "data.validation", "with data.test it leaves less than 5 % for training");
  if (plan->split != SPLIT_MODULO)
    return;
  plan->modulo = settings_int(conf, "data.modulo");
  plan->validation_folds = read_folds(conf, "data.validation_folds", plan->modulo, &plan->n_validation_folds, c);
  plan->test_folds = read_folds(conf, "data.test_folds", plan->modulo, &plan->n_test_folds, c);
  for (size_t i = 0; i < plan->n_validation_folds; i++)
    for (size_t j = 0; j < plan->n_test_folds; j++)
      if (plan->validation_folds[i] == plan->test_folds[j])
        complain_at(c, conf, "data.test_folds", "a remainder is in data.validation_folds as well");
  if (plan->n_validation_folds == 0)
    complain_at(c, conf, "data.validation_folds", "needs at least one remainder");
  if (!plan->generated && !plan->names.event_number)
    complain_at(c, conf, "data.split", "modulo needs data.event_number");
}

void data_names_read(struct data_names *names, const struct settings *conf) {
  *names = (struct data_names){.inputs = given_text(conf, "data.inputs"),
                               .labels = given_text(conf, "data.labels"),
                               .weights = given_text(conf, "data.weights"),
                               .event_number = given_text(conf, "data.event_number")};
}

enum err data_plan_read(struct data_plan *plan, const struct settings *conf) {
  *plan = (struct data_plan){0};
  struct complaints c;
  complaints_init(&c);
  read_sources(plan, conf, &c);
  data_names_read(&plan->names, conf);
  read_variables(plan, conf, &c);
  if (!plan->generated && plan->format == FORMAT_tdd && plan->names.n_variables == 0 && c.n == 0)
    complain_at(&c, conf, "data.variables", "tdd files need a list of names, or a file of names, of the inputs");
  read_classes(plan, conf, &c);
  read_scale(plan, conf, &c);
  read_missing(plan, conf);
  read_split(plan, conf, &c);
  enum err e = complaints_verdict(&c);
  complaints_free(&c);
  return e;
}

static void free_texts(char **texts, size_t n) {
  for (size_t i = 0; i < n; i++)
    free(texts[i]);
  free(texts);
}

static void free_group(struct data_file_group *group) {
  free_texts(group->files, group->n);
  free(group->name);
}

void data_names_free(struct data_names *names) {
  free(names->inputs);
  free(names->labels);
  free(names->weights);
  free(names->event_number);
  free_texts(names->variables, names->n_variables);
  *names = (struct data_names){0};
}

void data_plan_free(struct data_plan *plan) {
  free_group(&plan->train);
  free_group(&plan->validation);
  for (size_t i = 0; i < plan->n_tests; i++)
    free_group(&plan->test[i]);
  data_names_free(&plan->names);
  for (size_t i = 0; i < plan->n_classes; i++) {
    free(plan->classes[i].name);
    free(plan->classes[i].values);
  }
  free(plan->classes);
  for (size_t i = 0; i < plan->n_scales; i++)
    free(plan->scales[i].name);
  free(plan->scales);
  free(plan->scale_file);
  free(plan->missing);
  free(plan->validation_folds);
  free(plan->test_folds);
  *plan = (struct data_plan){0};
}
