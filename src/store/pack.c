/* Packs on disk, and states out of them. libhdf5 sees a file only after its checksum was found right, and only as
 * memory. */
#include "store/pack.h"

#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "store/hdf5_call.h"
#include "store/pack_trailer.h"

struct pack {
  char *path;
  hid_t file;
  size_t bytes; /* of the image */
};

static enum err damaged(const struct pack *p, const char *what) {
  return hdf5_fail(ERR_DAMAGED, p->path, what, "take the generation before it");
}

/* ---- writing and checking ---- */

enum err pack_write(const char *path, const char *study, int64_t generation, const struct pack_item *items, size_t n) {
  struct strbuf bytes = STRBUF_INIT;
  enum err e = pack_build(study, generation, items, n, &bytes);
  if (e == OK)
    e = file_write_atomic(path, bytes.text, bytes.len);
  strbuf_free(&bytes);
  TRY(e);
  return OK;
}

static enum err read_checked(const char *path, struct strbuf *bytes, int64_t *generation) {
  TRY(file_read(path, bytes));
  TRY(pack_trailer_check(path, bytes->text, bytes->len, generation));
  return OK;
}

enum err pack_generation(const char *path, int64_t *generation) {
  struct strbuf bytes = STRBUF_INIT;
  enum err e = read_checked(path, &bytes, generation);
  strbuf_free(&bytes);
  TRY(e);
  return OK;
}

enum err pack_check(const char *path) {
  int64_t generation;
  TRY(pack_generation(path, &generation));
  return OK;
}

/* ---- opening ---- */

/* libhdf5 copies the image twice; ours and its first copy are gone before and after the second. Files of one name would
 * be taken for the same file, so the name in memory is made from the address. */
static hid_t open_in_memory(const struct pack *p, struct strbuf *bytes) {
  char name[64];
  hid_t access = H5Pcreate(H5P_FILE_ACCESS), file = -1;
  snprintf(name, sizeof name, "pack in memory %p", (const void *)p);
  if (H5Pset_fapl_core(access, 64 << 10, 0) >= 0 && H5Pset_file_image(access, bytes->text, p->bytes) >= 0) {
    strbuf_free(bytes);
    file = H5Fopen(name, H5F_ACC_RDONLY, access);
  }
  H5Pclose(access);
  return file;
}

enum err pack_open(const char *path, struct pack **out) {
  struct strbuf bytes = STRBUF_INIT;
  int64_t generation;
  *out = NULL;
  enum err e = read_checked(path, &bytes, &generation);
  if (e == OK) {
    struct pack *p = MEM_NEW(struct pack);
    p->path = mem_strdup(path);
    p->bytes = bytes.len - PACK_TRAILER;
    struct hdf5_silence silence;
    hdf5_silence_begin(&silence);
    p->file = open_in_memory(p, &bytes);
    e = p->file < 0 ? damaged(p, "cannot be opened") : OK;
    hdf5_silence_end(&silence);
    *out = p;
  }
  strbuf_free(&bytes);
  if (e != OK) {
    pack_close(*out);
    *out = NULL;
  }
  TRY(e);
  return OK;
}

void pack_close(struct pack *p) {
  if (!p)
    return;
  if (p->file >= 0)
    H5Fclose(p->file);
  free(p->path);
  free(p);
}

/* ---- one array ---- */

struct entry {
  char name[64];
  int64_t index;
};

struct entries {
  struct entry *items;
  size_t n, cap;
};

static int get_number(hid_t object, const char *name, hid_t type, void *out) {
  hid_t attribute = H5Aopen(object, name, H5P_DEFAULT);
  if (attribute < 0)
    return 0;
  hid_t space = H5Aget_space(attribute);
  int good = H5Sget_simple_extent_npoints(space) == 1 && H5Aread(attribute, type, out) >= 0;
  H5Sclose(space);
  H5Aclose(attribute);
  return good;
}

static int type_of(hid_t type, enum state_type *out) {
  H5T_class_t class = H5Tget_class(type);
  size_t size = H5Tget_size(type);
  if (class == H5T_FLOAT && (size == 4 || size == 8))
    *out = size == 4 ? STATE_F32 : STATE_F64;
  else if (class == H5T_INTEGER && size == 8)
    *out = STATE_I64;
  else if (class == H5T_STRING && !H5Tis_variable_str(type))
    *out = STATE_TEXT;
  else
    return 0;
  return 1;
}

static hid_t memory_type(enum state_type type, hid_t stored) {
  return type == STATE_F32   ? H5T_NATIVE_FLOAT
         : type == STATE_F64 ? H5T_NATIVE_DOUBLE
         : type == STATE_I64 ? H5T_NATIVE_INT64
                             : stored;
}

/* What is not compressed cannot be larger than the file: a wild size is damage, not a reason to ask for the memory. */
static int take_values(const struct pack *p, hid_t dataset, hid_t stored, hid_t space, const char *name,
                       struct state *out) {
  enum state_type type;
  hssize_t points = H5Sget_simple_extent_npoints(space);
  if (!type_of(stored, &type) || points < 0 || (type == STATE_TEXT && points > 1))
    return 0;
  size_t n = (size_t)points * (type == STATE_TEXT ? H5Tget_size(stored) : 1);
  if (n > p->bytes / state_element_size(type))
    return 0;
  void *data = state_put(out, name, type, NULL, n);
  return n == 0 || H5Dread(dataset, memory_type(type, stored), H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0;
}

static enum err take_array(const struct pack *p, hid_t group, const char *name, struct state *out) {
  hid_t dataset = H5Dopen2(group, name, H5P_DEFAULT);
  if (dataset < 0)
    return damaged(p, name);
  hid_t stored = H5Dget_type(dataset), space = H5Dget_space(dataset);
  int good = stored >= 0 && space >= 0 && take_values(p, dataset, stored, space, name, out);
  if (space >= 0)
    H5Sclose(space);
  if (stored >= 0)
    H5Tclose(stored);
  H5Dclose(dataset);
  return good ? OK : damaged(p, name);
}

/* ---- one trial ---- */

static herr_t collect_array(hid_t group, const char *name, const H5L_info_t *info, void *context) {
  struct entries *all = context;
  struct entry e = {.index = -1};
  (void)info;
  if (strlen(name) >= sizeof e.name)
    return -1;
  memcpy(e.name, name, strlen(name) + 1);
  hid_t dataset = H5Dopen2(group, name, H5P_DEFAULT);
  if (dataset < 0)
    return -1;
  int good = get_number(dataset, "index", H5T_NATIVE_INT64, &e.index);
  H5Dclose(dataset);
  MEM_GROW(all->items, all->n, &all->cap);
  all->items[all->n++] = e;
  return good ? 0 : -1;
}

static int by_index(const void *a, const void *b) {
  int64_t x = ((const struct entry *)a)->index, y = ((const struct entry *)b)->index;
  return (x > y) - (x < y);
}

/* In the order of the state that was saved, because its checksum follows the order. */
static enum err take_arrays(const struct pack *p, hid_t group, struct state *out) {
  struct entries all = {0};
  enum err e = OK;
  if (H5Literate(group, H5_INDEX_NAME, H5_ITER_NATIVE, NULL, collect_array, &all) < 0)
    e = damaged(p, "list of arrays");
  if (all.n > 1)
    qsort(all.items, all.n, sizeof *all.items, by_index);
  for (size_t i = 0; e == OK && i < all.n; i++)
    e = take_array(p, group, all.items[i].name, out);
  free(all.items);
  return e;
}

static enum err take_trial(const struct pack *p, hid_t group, struct state *out, int64_t *step) {
  uint32_t crc = 0;
  if (!get_number(group, "step", H5T_NATIVE_INT64, step) || !get_number(group, "crc", H5T_NATIVE_UINT32, &crc))
    return damaged(p, "step and checksum of a trial");
  TRY(take_arrays(p, group, out));
  if (state_crc(out) != crc)
    return FAIL(ERR_DAMAGED, "%s: a state's checksum is %08x, its arrays give %08x: take the generation before it",
                p->path, crc, state_crc(out));
  return OK;
}

static enum err find_and_take(const struct pack *p, int64_t trial, struct state *out, int64_t *step) {
  char name[64];
  snprintf(name, sizeof name, "trial-%06lld", (long long)trial);
  htri_t there = H5Lexists(p->file, name, H5P_DEFAULT);
  if (there == 0)
    return FAIL(ERR_INPUT, "%s: holds no trial %lld: look for it in another pack", p->path, (long long)trial);
  hid_t group = there < 0 ? -1 : H5Gopen2(p->file, name, H5P_DEFAULT);
  if (group < 0)
    return damaged(p, name);
  enum err e = take_trial(p, group, out, step);
  H5Gclose(group);
  return e;
}

enum err pack_take(struct pack *p, int64_t trial, struct state *out, int64_t *step) {
  struct hdf5_silence silence;
  struct state read;
  int64_t at = 0;
  state_init(&read);
  hdf5_silence_begin(&silence);
  enum err e = find_and_take(p, trial, &read, &at);
  hdf5_silence_end(&silence);
  if (e != OK) {
    state_free(&read);
    return err_pass(e, __FILE__, __LINE__, __func__);
  }
  state_free(out);
  *out = read;
  *step = at;
  return OK;
}

enum err pack_read(const char *path, int64_t trial, struct state *out, int64_t *step) {
  struct pack *p;
  TRY(pack_open(path, &p));
  enum err e = pack_take(p, trial, out, step);
  pack_close(p);
  TRY(e);
  return OK;
}

/* ---- all trials ---- */

struct found {
  int64_t trial, step;
};

struct listing {
  struct found *items;
  size_t n, cap;
};

static herr_t collect_trial(hid_t file, const char *name, const H5L_info_t *info, void *context) {
  struct listing *all = context;
  long long trial;
  struct found f;
  (void)info;
  if (sscanf(name, "trial-%lld", &trial) != 1)
    return -1;
  hid_t group = H5Gopen2(file, name, H5P_DEFAULT);
  if (group < 0)
    return -1;
  f.trial = trial;
  int good = get_number(group, "step", H5T_NATIVE_INT64, &f.step);
  H5Gclose(group);
  if (!good)
    return -1;
  MEM_GROW(all->items, all->n, &all->cap);
  all->items[all->n++] = f;
  return 0;
}

static int by_trial(const void *a, const void *b) {
  int64_t x = ((const struct found *)a)->trial, y = ((const struct found *)b)->trial;
  return (x > y) - (x < y);
}

static enum err collect_trials(const struct pack *p, struct listing *all) {
  struct hdf5_silence silence;
  hdf5_silence_begin(&silence);
  herr_t result = H5Literate(p->file, H5_INDEX_NAME, H5_ITER_NATIVE, NULL, collect_trial, all);
  enum err e = result < 0 ? damaged(p, "list of trials") : OK;
  hdf5_silence_end(&silence);
  if (all->n > 1)
    qsort(all->items, all->n, sizeof *all->items, by_trial);
  return e;
}

enum err pack_trials(struct pack *p, int64_t **trials, int64_t **steps, size_t *n) {
  struct listing all = {0};
  enum err e = collect_trials(p, &all);
  *n = e == OK ? all.n : 0;
  *trials = e == OK ? MEM_NEW_ARRAY(int64_t, all.n) : NULL;
  *steps = e == OK ? MEM_NEW_ARRAY(int64_t, all.n) : NULL;
  for (size_t i = 0; i < *n; i++) {
    (*trials)[i] = all.items[i].trial;
    (*steps)[i] = all.items[i].step;
  }
  free(all.items);
  TRY(e);
  return OK;
}

enum err pack_list(const char *path, int64_t **trials, int64_t **steps, size_t *n) {
  struct pack *p;
  *trials = NULL;
  *steps = NULL;
  *n = 0;
  TRY(pack_open(path, &p));
  enum err e = pack_trials(p, trials, steps, n);
  pack_close(p);
  TRY(e);
  return OK;
}
