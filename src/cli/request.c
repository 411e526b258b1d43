#include "cli/request.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "hpo/journal_lock.h"
#include "run/steer.h"

static enum err take_reply(const char *path, json_t **points) {
  json_t *reply = NULL;
  TRY(json_read_file(path, &reply));
  const char *error = json_string_value(json_object_get(reply, "error"));
  enum err e = json_is_true(json_object_get(reply, "ok"))
                   ? OK
                   : FAIL(ERR_INPUT, "%s", error ? error : "refused without a reason");
  *points = json_incref(json_object_get(reply, "points"));
  json_decref(reply);
  TRY(e);
  return file_remove(path);
}

/* Has the run that we wait for ended, without taking the request? Then it is ours again. */
static bool taken_back(const char *folder, const char *path) {
  struct journal_lock *lock;
  char *journal = path_join(folder, "journal.log");
  bool free_now = journal_lock_take(&lock, journal) == OK;
  free(journal);
  if (!free_now) {
    err_clear();
    return false;
  }
  bool ours = unlink(path) == 0;
  journal_lock_release(lock);
  return ours;
}

/* The id is unique over hosts and processes, so that a request is applied once however often its file is seen. */
static enum err through_inbox(const char *folder, const json_t *request, json_t **points, bool *back) {
  char host[64] = "", id[160], path[4096], reply[4096];
  gethostname(host, sizeof host - 1);
  char now[32];
  clock_iso(now);
  snprintf(id, sizeof id, "%s-%d-%.26s", host, (int)getpid(), now);
  for (char *c = id; *c; c++)
    if (*c == ':' || *c == '/')
      *c = '.';
  snprintf(path, sizeof path, "%s/inbox/%s.json", folder, id);
  snprintf(reply, sizeof reply, "%s/inbox/%s.reply", folder, id);
  TRY(json_write_file(path, request));
  for (double end = clock_seconds() + 60; clock_seconds() < end; clock_sleep(0.05)) {
    if (file_exists(reply))
      return take_reply(reply, points);
    *back = taken_back(folder, path);
    if (*back)
      return OK;
  }
  return FAIL(ERR_BUSY,
              "%s: the running study did not take the request in a minute; it is in %s and will be taken when it does",
              folder, path);
}

static enum err directly(const char *folder, const json_t *request, json_t **points) {
  struct run_options o = {.study_file = folder, .quiet = true, .offline = true};
  struct steer *s = MEM_NEW(struct steer);
  enum err e = steer_open(s, NULL, &o);
  if (e == OK)
    e = steer_request(s, request, folder, points);
  if (e == OK)
    e = steer_settle(s);
  if (e == OK)
    e = journal_commit(s->journal);
  steer_close(s);
  free(s);
  return e;
}

enum err request_send(const char *folder, struct json_t *request, struct json_t **points) {
  *points = NULL;
  enum err e = directly(folder, request, points);
  for (bool back = true; back && e == ERR_BUSY;) { /* one run may end and the next begin while we try */
    err_clear();
    back = false;
    e = through_inbox(folder, request, points, &back);
    if (e == OK && back)
      e = directly(folder, request, points);
  }
  json_decref(request);
  return e;
}

enum err request_read_list(const char *path, const char *key, struct json_t **list) {
  json_t *json = NULL;
  TRY(json_read_file(path, &json));
  json_t *inner = json_is_object(json) ? json_object_get(json, key) : json;
  *list = json_is_array(inner) ? json_incref(inner) : NULL;
  json_decref(json);
  return *list ? OK : FAIL(ERR_INPUT, "%s: neither a list nor an object with a list \"%s\"", path, key);
}
