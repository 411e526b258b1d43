#include "cli/request.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/host.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "hpo/journal_lock.h"
#include "run/steer.h"

static enum err take_reply(const char *path, json_t **points) {
  json_t *reply = NULL;
  TRY(json_read_file(path, &reply));
  enum err e = file_remove(path);
  const char *error = json_string_value(json_object_get(reply, "error"));
  if (e == OK && !json_is_true(json_object_get(reply, "ok")))
    e = FAIL(ERR_INPUT, "%s", error ? error : "refused without a reason");
  *points = json_incref(json_object_get(reply, "points"));
  json_decref(reply);
  return e;
}

static bool nobody_runs(const char *folder) {
  struct journal_lock *lock;
  char *journal = path_join(folder, "journal.log");
  bool free_now = journal_lock_take(&lock, journal) == OK;
  free(journal);
  if (free_now)
    journal_lock_release(lock);
  else
    err_clear();
  return free_now;
}

/* Does the request, or, if there is none, all that wait in the inbox. */
static enum err directly(const char *folder, const json_t *request, json_t **points) {
  struct run_options o = {.study_file = folder, .quiet = true, .offline = true};
  struct steer *s = MEM_NEW(struct steer);
  enum err e = steer_open(s, NULL, &o);
  if (e == OK)
    e = request ? steer_request(s, request, folder, points) : steer_take_inbox(s);
  if (e == OK)
    e = steer_settle(s);
  if (e == OK)
    e = journal_commit(s->journal);
  steer_close(s);
  free(s);
  return e;
}

/* The id is unique over hosts and processes, so that a request is applied once however often its file is seen. When the
 * run that we wait for ends, or is killed, we take the file as it would have: it may have taken it already, and have
 * come no further than its journal. */
static enum err through_inbox(const char *folder, const json_t *request, json_t **points) {
  char host[HOST_NAME_SIZE], id[160], path[4096], reply[4096];
  host_name(host);
  char now[32];
  clock_iso(now);
  snprintf(id, sizeof id, "%.64s-%d-%.26s", host, (int)getpid(), now);
  for (char *c = id; *c; c++)
    if (*c == ':' || *c == '/')
      *c = '.';
  snprintf(path, sizeof path, "%s/inbox/%s.json", folder, id);
  snprintf(reply, sizeof reply, "%s/inbox/%s.reply", folder, id);
  TRY(json_write_file(path, request));
  for (double end = clock_seconds() + 60; clock_seconds() < end; clock_sleep(0.05)) {
    if (file_exists(reply)) {
      TRY(file_remove(path)); /* whoever answered may have been killed before it did that */
      return take_reply(reply, points);
    }
    enum err e = nobody_runs(folder) ? directly(folder, NULL, NULL) : OK;
    if (e == ERR_BUSY) /* the next run was quicker */
      err_clear();
    else
      TRY(e);
  }
  return FAIL(ERR_BUSY,
              "%s: the running study did not take the request in a minute; it is in %s and will be taken when it does",
              folder, path);
}

enum err request_send(const char *folder, struct json_t *request, struct json_t **points) {
  *points = NULL;
  enum err e = directly(folder, request, points);
  if (e == ERR_BUSY) {
    err_clear();
    e = through_inbox(folder, request, points);
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
