/* What can be found wrong with a command before it is started. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "nn/metric.h"
#include "run/command_words.h"
#include "run/evaluate_command.h"

struct value_name command_value_name(const struct evaluator_options *o) {
  return (struct value_name){.metric = settings_text(o->conf, "study.metric"), .loss_too = !o->maximize};
}

static void complain_at(struct complaints *c, const struct settings *conf, const char *key, const char *text) {
  const char *file = NULL;
  int line = settings_line(conf, key, &file);
  complain(c, file, line, "%s", text);
}

/* Is there such a program, in the folder or in PATH? */
static bool in_path(const char *name) {
  const char *path = getenv("PATH");
  bool found = false;
  for (const char *at = path ? path : "/bin:/usr/bin"; !found && at;
       at = strchr(at, ':') ? strchr(at, ':') + 1 : NULL) {
    struct strbuf full = STRBUF_INIT;
    strbuf_add(&full, at, strcspn(at, ":"));
    strbuf_printf(&full, "/%s", name);
    found = access(full.text, X_OK) == 0;
    strbuf_free(&full);
  }
  return found;
}

static void check_program(const struct settings *conf, const char *word, struct complaints *c) {
  char name[65], *program = command_program(conf, word);
  struct strbuf text = STRBUF_INIT;
  if (word_next_place(word, name)) /* known when a trial starts */
    ;
  else if (!strchr(word, '/') && !in_path(word))
    strbuf_printf(&text, "command.argv: no program '%s' in PATH; one beside the study file is written ./%s", word,
                  word);
  else if (strchr(word, '/') && !file_exists(program))
    strbuf_printf(&text, "command.argv: there is no %s", program);
  else if (strchr(word, '/') && access(program, X_OK) != 0)
    strbuf_printf(&text, "command.argv: %s is not executable: chmod +x, or name what runs it first (\"python3\", ...)",
                  program);
  if (text.len)
    complain_at(c, conf, "command.argv", text.text);
  strbuf_free(&text);
  free(program);
}

static void check_place(const struct evaluator_options *o, const char *key, const char *name, struct complaints *c) {
  const char *names[64];
  size_t n = 0;
#define X(place, help) names[n++] = #place;
  PLACE_LIST(X)
#undef X
  for (size_t i = 0; i < o->space->n && n < 64; i++)
    names[n++] = o->space->dims[i].name;
  for (size_t i = 0; i < o->space->n; i++)
    if (strcmp(o->space->dims[i].name, name) == 0)
      return;
  if (word_is_place(name))
    return;
  const char *near = nearest_word(name, names, n);
  struct strbuf text = STRBUF_INIT;
  strbuf_printf(&text,
                "%s: {%s} is neither a hyperparameter nor one of {trial}, {folder}, {checkpoint}, {params}, {until}, "
                "{here}",
                key, name);
  if (near)
    strbuf_printf(&text, "; did you mean {%s}?", near);
  complain_at(c, o->conf, key, text.text);
  strbuf_free(&text);
}

static void check_places(const struct evaluator_options *o, const char *key, struct complaints *c) {
  size_t n;
  const struct value *words = settings_list(o->conf, key, &n);
  for (size_t i = 0; i < n; i++) {
    char name[65];
    for (const char *at = words[i].as.text; (at = word_next_place(at, name)); at++)
      check_place(o, key, name, c);
  }
}

/* NAME=value, with a name that a shell can read and that is not one of ours. */
static void check_variables(const struct settings *conf, struct complaints *c) {
  size_t n;
  const struct value *variables = settings_list(conf, "command.env", &n);
  bool divided = settings_int(conf, "command.gpus") > 0;
  for (size_t i = 0; i < n; i++) {
    const char *v = variables[i].as.text;
    size_t name = 0;
    while (isalnum((unsigned char)v[name]) || v[name] == '_')
      name++;
    struct strbuf text = STRBUF_INIT;
    if (name == 0 || isdigit((unsigned char)*v) || v[name] != '=')
      strbuf_printf(&text, "command.env: '%s' is no NAME=value", v);
    else if (strncmp(v, "COXSWAIN_", strlen("COXSWAIN_")) == 0)
      strbuf_printf(&text, "command.env: %.*s: names in COXSWAIN_ are given by Coxswain: choose another", (int)name, v);
    else if (divided && strncmp(v, "CUDA_VISIBLE_DEVICES=", strlen("CUDA_VISIBLE_DEVICES=")) == 0)
      strbuf_puts(&text,
                  "command.env: CUDA_VISIBLE_DEVICES is what command.gpus sets: name the GPUs in command.devices "
                  "instead, or set command.gpus = 0");
    if (text.len)
      complain_at(c, conf, "command.env", text.text);
    strbuf_free(&text);
  }
}

static void check_words(const struct evaluator_options *o, struct complaints *c) {
  size_t n;
  const struct value *words = settings_list(o->conf, "command.argv", &n);
  if (n == 0) {
    complain_at(c, o->conf, "evaluator",
                "evaluator = command needs command.argv: the program and its arguments, as in (\"python3\", "
                "\"{here}/train.py\", \"--lr={lr}\")");
    return;
  }
  check_program(o->conf, words[0].as.text, c);
  check_places(o, "command.argv", c);
  check_places(o, "command.env", c);
}

static void check_names(const struct evaluator_options *o, struct complaints *c) {
  for (size_t i = 0; i < o->space->n; i++) {
    struct strbuf text = STRBUF_INIT;
    strbuf_printf(&text, "space.%s: {%s} in command.argv is a place of its own: choose another name",
                  o->space->dims[i].name, o->space->dims[i].name);
    if (word_is_place(o->space->dims[i].name))
      complain_at(c, o->conf, "command.argv", text.text);
    strbuf_free(&text);
  }
}

/* Nobody can tell from a name of the user's which way is better; guessing wrong would find the worst point. */
static void check_direction(const struct settings *conf, struct complaints *c) {
  static const char *const downwards[] = {"loss", "err", "mse", "mae", "cost", "nll", "time", "value"};
  const char *metric = settings_text(conf, "study.metric");
  bool known = strcmp(settings_text(conf, "study.direction"), "auto") != 0 || metric_is_maximized(metric);
  for (size_t i = 0; i < sizeof downwards / sizeof *downwards && !known; i++)
    known = strstr(metric, downwards[i]) != NULL;
  struct strbuf text = STRBUF_INIT;
  strbuf_printf(&text, "study.metric = %s: say which way is better: study.direction = \"minimize\" or \"maximize\"",
                metric);
  if (!known)
    complain_at(c, conf, "study.metric", text.text);
  strbuf_free(&text);
}

void command_check(const struct evaluator_options *o, struct complaints *c) {
  check_words(o, c);
  check_names(o, c);
  check_variables(o->conf, c);
  check_direction(o->conf, c);
  if (settings_int(o->conf, "run.ranks_per_trial") > 1)
    complain_at(c, o->conf, "run.ranks_per_trial",
                "run.ranks_per_trial: a command runs on one rank; a parallel program starts its own (mpirun in argv)");
}
