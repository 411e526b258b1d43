#include "nn/data.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "nn/data_cache.h"
#include "nn/data_prepare.h"
#include "nn/generate.h"

/* A sample by its name: the plan, the sums of its files, and where it is or would be. */
struct identity {
  struct data_plan plan;
  char (*sha)[65]; /* of each file: training, validation, tests */
  size_t n_files;
  char hash[65];
  char *path;
};

static enum err hash_group(struct identity *id, const struct data_file_group *group, const char *cache,
                           struct strbuf *text) {
  strbuf_printf(text, "files of %s\n", group->name ? group->name : "the study");
  for (size_t i = 0; i < group->n; i++) {
    id->sha = mem_realloc(id->sha, (id->n_files + 1) * sizeof *id->sha);
    TRY(cache_hash_file(cache, group->files[i], id->sha[id->n_files]));
    strbuf_printf(text, "%s\n", id->sha[id->n_files++]);
  }
  return OK;
}

static enum err put_identity(struct identity *id, const char *cache, struct strbuf *text) {
  strbuf_printf(text, "coxswain data %d\n", DATA_CACHE_VERSION);
  data_plan_put_identity(&id->plan, text);
  if (id->plan.generated)
    strbuf_printf(text, "generator=%d\n", generator_of(id->plan.generate)->version);
  TRY(hash_group(id, &id->plan.train, cache, text));
  TRY(hash_group(id, &id->plan.validation, cache, text));
  for (size_t i = 0; i < id->plan.n_tests; i++)
    TRY(hash_group(id, &id->plan.test[i], cache, text));
  return OK;
}

static enum err identify(struct identity *id, const struct settings *conf, const char *cache) {
  *id = (struct identity){0};
  TRY(data_plan_read(&id->plan, conf));
  struct strbuf text = STRBUF_INIT;
  enum err e = put_identity(id, cache, &text);
  struct sha256 sum;
  sha256_init(&sum);
  sha256_add(&sum, text.text, text.len);
  sha256_hex(&sum, id->hash);
  strbuf_clear(&text);
  strbuf_printf(&text, "%s.data", id->hash);
  id->path = path_join(cache ? cache : ".", text.text);
  strbuf_free(&text);
  return e;
}

static void identity_free(struct identity *id) {
  data_plan_free(&id->plan);
  free(id->sha);
  free(id->path);
}

enum err data_identify(const struct settings *conf, const char *cache, char **path, char hash[65]) {
  struct identity id;
  enum err e = identify(&id, conf, cache);
  if (e == OK) {
    *path = mem_strdup(id.path);
    memcpy(hash, id.hash, sizeof id.hash);
  }
  identity_free(&id);
  return e;
}

/* OK with *out NULL: there is none that can be used. */
static enum err try_cache(struct data **out, const char *path) {
  *out = NULL;
  if (!file_exists(path))
    return OK;
  enum err e = cache_map(out, path);
  if (e != ERR_DAMAGED)
    return e;
  log_warn("%s: it is prepared anew", err_text());
  err_clear();
  return OK;
}

/* A source that changes between its hash and the end of the preparation would be cached under the wrong name. */
static enum err check_unchanged(const struct identity *id, const struct settings *conf, const char *cache) {
  struct identity after;
  enum err e = identify(&after, conf, cache);
  if (e == OK && strcmp(after.hash, id->hash) != 0)
    e = FAIL(ERR_INPUT, "a data file has changed while it was being read: start again when it is complete");
  identity_free(&after);
  return e;
}

static enum err prepare_locked(struct data **out, const struct identity *id, const struct settings *conf,
                               const char *cache) {
  TRY(try_cache(out, id->path)); /* by another process while this one waited for the lock */
  if (*out)
    return OK;
  TRY(data_prepare(&id->plan, id->hash, id->path, id->sha));
  enum err e = check_unchanged(id, conf, cache);
  if (e != OK) {
    enum err ignored = file_remove(id->path);
    (void)ignored;
    return e;
  }
  return cache_map(out, id->path);
}

static enum err prepare_once(struct data **out, const struct identity *id, const struct settings *conf,
                             const char *cache) {
  struct strbuf lock_path = STRBUF_INIT;
  strbuf_printf(&lock_path, "%s.lock", id->path);
  int lock = -1;
  enum err e = file_lock(lock_path.text, -1, &lock);
  if (e == OK)
    e = prepare_locked(out, id, conf, cache);
  if (lock >= 0)
    file_unlock(lock);
  strbuf_free(&lock_path);
  return e;
}

enum err data_open(struct data **out, const struct settings *conf, const char *cache) {
  *out = NULL;
  TRY(file_make_folders(cache));
  struct identity id;
  enum err e = identify(&id, conf, cache);
  if (e == OK)
    e = try_cache(out, id.path);
  if (e == OK && !*out)
    e = prepare_once(out, &id, conf, cache);
  if (e == OK)
    memcpy((*out)->hash, id.hash, sizeof id.hash);
  identity_free(&id);
  return e;
}

void data_close(struct data *d) {
  if (!d)
    return;
  for (size_t i = 0; i < d->n_parts; i++)
    free(d->part_name[i]);
  for (size_t i = 0; d->variables && i < d->width; i++)
    free(d->variables[i]);
  for (size_t i = 0; d->classes && i < d->n_classes; i++)
    free(d->classes[i]);
  free(d->variables);
  free(d->classes);
  free(d->class_weight);
  free(d->description);
  if (d->map)
    file_unmap(d->map, d->map_bytes);
  free(d);
}
