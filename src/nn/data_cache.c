#include "nn/data_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/host.h"
#include "base/mem.h"

struct head {
  char magic[8];
  uint32_t order; /* 0x01020304 as this machine writes it */
  uint32_t version;
  uint64_t description_bytes; /* without a NUL; one follows */
  uint32_t description_crc;
  uint32_t head_crc; /* of this struct with 0 here */
  uint64_t file_bytes;
  uint64_t unused[3];
};
_Static_assert(sizeof(struct head) == 64, "the head is 64 bytes");

static const char magic[8] = "coxdata";

static size_t rounded(size_t n) {
  return (n + 63) / 64 * 64;
}

/* Where the arrays are follows from the description. */
struct layout {
  size_t x, label, weight, truth, end;
};

static struct layout layout_of(const struct description *d, size_t description_bytes) {
  struct layout at;
  size_t width = d->width + data_flags(d->variables, d->width);
  at.x = rounded(sizeof(struct head) + description_bytes + 1);
  at.label = at.x + rounded(d->rows * width * sizeof(float));
  at.weight = at.label + rounded(d->rows * sizeof(float)); /* int32_t or float */
  at.truth = at.weight + (d->weights ? rounded(d->rows * sizeof(float)) : 0);
  at.end = at.truth + (d->truth ? rounded(d->rows * d->n_classes * sizeof(float)) : 0);
  return at;
}

static uint32_t head_crc(struct head head) {
  head.head_crc = 0;
  return hash_crc32(0, &head, sizeof head);
}

/* ---- writing ---- */

enum err cache_write(struct cache_writer *w, const void *bytes, size_t n) {
  TRY(file_write_all(w->fd, bytes, n, w->tmp));
  w->written += n;
  return OK;
}

enum err cache_pad(struct cache_writer *w) {
  static const char zeros[64] = {0};
  return cache_write(w, zeros, rounded(w->written) - w->written);
}

/* Files that writers of this host were killed over: PATH.HOST-PROCESS.tmp. */
static void remove_leftovers(const char *path, const char *host) {
  struct strbuf begin = STRBUF_INIT;
  char *folder = path_folder(path), **names = NULL;
  size_t n = 0;
  strbuf_printf(&begin, "%s.%s-", path_name(path), host);
  if (file_list(folder, ".tmp", &names, &n) != OK)
    err_clear();
  for (size_t i = 0; i < n; i++) {
    char *end, *file;
    if (strncmp(names[i], begin.text, begin.len) != 0)
      continue;
    long process = strtol(names[i] + begin.len, &end, 10);
    if (strcmp(end, ".tmp") != 0 || process <= 0 || kill((pid_t)process, 0) == 0 || errno != ESRCH)
      continue;
    file = path_join(folder, names[i]);
    unlink(file);
    free(file);
  }
  file_list_free(names, n);
  strbuf_free(&begin);
  free(folder);
}

enum err cache_create(struct cache_writer *w, const char *path, const char *description) {
  struct strbuf tmp = STRBUF_INIT;
  char host[HOST_NAME_SIZE]; /* one process at a time, under the lock; but not all file systems have locks */
  host_name(host);
  remove_leftovers(path, host);
  strbuf_printf(&tmp, "%s.%s-%ld.tmp", path, host, (long)getpid());
  *w = (struct cache_writer){mem_strdup(path), strbuf_detach(&tmp), -1, 0};
  w->fd = open(w->tmp, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0666);
  if (w->fd < 0)
    return FAIL(ERR_IO, "%s: %s: choose another folder with run.cache", w->tmp, strerror(errno));
  struct description d;
  enum err e = description_read(&d, description, path);
  size_t n = strlen(description);
  struct head head = {.order = 0x01020304,
                      .version = DATA_CACHE_VERSION,
                      .description_bytes = n,
                      .description_crc = hash_crc32(0, description, n),
                      .file_bytes = e == OK ? layout_of(&d, n).end : 0};
  description_free(&d);
  TRY(e);
  memcpy(head.magic, magic, sizeof magic);
  head.head_crc = head_crc(head);
  TRY(cache_write(w, &head, sizeof head));
  TRY(cache_write(w, description, n + 1));
  return cache_pad(w);
}

static void writer_free(struct cache_writer *w) {
  free(w->path);
  free(w->tmp);
  *w = (struct cache_writer){NULL, NULL, -1, 0};
}

enum err cache_commit(struct cache_writer *w) {
  int reason = fsync(w->fd) != 0 ? errno : 0;
  if (close(w->fd) != 0 && !reason)
    reason = errno;
  w->fd = -1;
  if (reason)
    return FAIL(ERR_IO, "%s: %s", w->tmp, strerror(reason));
  TRY(file_rename(w->tmp, w->path));
  char *folder = path_folder(w->path);
  enum err e = file_sync_folder(folder);
  free(folder);
  writer_free(w);
  return e;
}

void cache_abandon(struct cache_writer *w) {
  if (w->fd >= 0)
    close(w->fd);
  if (w->tmp)
    unlink(w->tmp);
  writer_free(w);
}

/* ---- reading ---- */

static enum err check_head(const struct head *head, size_t n, const char *path) {
  if (n < sizeof *head || memcmp(head->magic, magic, sizeof magic) != 0)
    return FAIL(ERR_DAMAGED, "%s is not a file of prepared data", path);
  if (head->head_crc != head_crc(*head))
    return FAIL(ERR_DAMAGED, "%s: the head is damaged", path);
  if (head->order != 0x01020304 || head->version != DATA_CACHE_VERSION)
    return FAIL(ERR_DAMAGED, "%s was written by another version or kind of machine", path);
  if (head->file_bytes != n)
    return FAIL(ERR_DAMAGED, "%s has %zu bytes instead of %llu", path, n, (unsigned long long)head->file_bytes);
  if (head->description_bytes >= n - sizeof *head)
    return FAIL(ERR_DAMAGED, "%s: the description is longer than the file", path);
  const char *text = (const char *)(head + 1);
  if (hash_crc32(0, text, head->description_bytes) != head->description_crc || text[head->description_bytes] != '\0')
    return FAIL(ERR_DAMAGED, "%s: the description is damaged", path);
  return OK;
}

static void name_inputs(struct data *data, const struct description *d) {
  size_t flags = data_flags(d->variables, d->width), next = d->width;
  data->width = d->width + flags;
  data->variables = MEM_NEW_ARRAY(char *, data->width);
  for (size_t i = 0; i < d->width; i++) {
    data->variables[i] = mem_strdup(d->variables[i].name);
    if (!d->variables[i].flag)
      continue;
    struct strbuf name = STRBUF_INIT;
    strbuf_printf(&name, "%s_missing", d->variables[i].name);
    data->variables[next++] = strbuf_detach(&name);
  }
}

static void name_classes(struct data *data, const struct description *d) {
  data->n_classes = d->n_classes;
  data->classes = MEM_NEW_ARRAY(char *, d->n_classes + 1);
  data->class_weight = mem_dup(d->class_weight, d->n_classes * sizeof *d->class_weight);
  for (size_t i = 0; i < d->n_classes; i++)
    data->classes[i] = mem_strdup(d->classes[i].name);
}

static void take_description(struct data *data, const struct description *d, const struct layout *at) {
  const char *bytes = data->map;
  data->x = (const float *)(const void *)(bytes + at->x);
  if (d->regression)
    data->target = (const float *)(const void *)(bytes + at->label);
  else
    data->label = (const int32_t *)(const void *)(bytes + at->label);
  data->weight = d->weights ? (const float *)(const void *)(bytes + at->weight) : NULL;
  data->truth = d->truth ? (const float *)(const void *)(bytes + at->truth) : NULL;
  data->rows = d->rows;
  data->n_parts = d->n_parts;
  for (size_t i = 0; i < d->n_parts; i++) {
    data->part[i] = d->part[i];
    data->part_name[i] = mem_strdup(d->part_name[i]);
  }
  name_inputs(data, d);
  name_classes(data, d);
}

static enum err take_file(struct data *data, const char *path) {
  const struct head *head = data->map;
  TRY(check_head(head, data->map_bytes, path));
  const char *text = (const char *)(head + 1);
  struct description d;
  enum err e = description_read(&d, text, path);
  struct layout at = {0};
  if (e == OK) {
    at = layout_of(&d, head->description_bytes);
    if (at.end != data->map_bytes)
      e = FAIL(ERR_DAMAGED, "%s: the arrays do not fit the description", path);
  }
  if (e == OK) {
    take_description(data, &d, &at);
    data->description = mem_strdup(text);
  }
  description_free(&d);
  return e;
}

enum err cache_map(struct data **out, const char *path) {
  struct data *data = MEM_NEW(struct data);
  *out = NULL;
  enum err e = file_map(path, &data->map, &data->map_bytes);
  if (e == OK)
    e = take_file(data, path);
  if (e == OK)
    *out = data;
  else
    data_close(data);
  return e;
}

enum err data_from_description(struct data **out, const char *description) {
  struct description d;
  TRY(description_read(&d, description, "the description of the data"));
  struct data *data = MEM_NEW(struct data);
  data->n_parts = d.n_parts;
  for (size_t i = 0; i < d.n_parts; i++)
    data->part_name[i] = mem_strdup(d.part_name[i]);
  name_inputs(data, &d);
  name_classes(data, &d);
  data->description = mem_strdup(description);
  description_free(&d);
  *out = data;
  return OK;
}
