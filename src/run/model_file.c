#include "run/model_file.h"

#include <jansson.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/json.h"
#include "store/pack.h"

static enum err add_file(struct state *state, const char *folder, const char *name) {
  struct strbuf text = STRBUF_INIT;
  char *path = path_join(folder, name);
  enum err e = file_exists(path) ? file_read(path, &text) : OK;
  if (e == OK && text.len)
    state_put_text(state, name, text.text);
  strbuf_free(&text);
  free(path);
  return e;
}

enum err model_file_write(const char *path, const struct model_origin *o, struct state *state) {
  json_t *json = params_to_json(o->params);
  char *text = json_text(json);
  json_decref(json);
  state_put_text(state, "params.json", text);
  free(text);
  state_put_text(state, "study_file", o->study_file);
  TRY(add_file(state, o->folder, "study.cfg"));
  TRY(add_file(state, o->folder, "data.json"));
  struct pack_item item = {.trial = o->trial, .step = o->step, .state = state};
  return pack_write(path, o->study, 0, &item, 1);
}

enum err model_file_read(const char *path, struct state *state, int64_t *trial) {
  int64_t *trials = NULL, *steps = NULL, step;
  size_t n = 0;
  TRY(pack_list(path, &trials, &steps, &n));
  int64_t number = n ? trials[0] : 0;
  free(trials);
  free(steps);
  if (n != 1)
    return FAIL(ERR_INPUT,
                "%s holds %zu trials: give a model file (DIR/best/trial-*.h5), or a study folder and --trial", path, n);
  if (trial)
    *trial = number;
  return pack_read(path, number, state, &step);
}
