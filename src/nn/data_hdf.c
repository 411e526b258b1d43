#include "nn/data_hdf.h"

#include <errno.h>
#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "conf/complaints.h"
#include "nn/data_hdf_private.h"

static herr_t first_reason(unsigned n, const H5E_error2_t *e, void *text) {
  (void)n;
  const char **reason = text;
  if (!*reason || strlen(*reason) == 0)
    *reason = e->desc;
  return 0;
}

/* What the system said when it refused HDF5 something, since hdf_open; "" if it did not. After that nothing that HDF5
 * says of the file counts: parts of it that could not be read are taken to be absent, now or later. */
static char *system_fault(void) {
  static _Thread_local char text[128];
  return text;
}

/* HDF5 calls it for each of its functions that fails. */
static herr_t note_fault(hid_t stack, void *context) {
  static const char mark[] = "error message = '";
  const char *reason = NULL;
  (void)context;
  H5Ewalk2(stack, H5E_WALK_UPWARD, first_reason, &reason);
  const char *found = reason ? strstr(reason, mark) : NULL;
  if (found && !*system_fault()) {
    found += sizeof mark - 1;
    snprintf(system_fault(), 128, "%.*s", (int)strcspn(found, "'"), found);
  }
  return 0;
}

/* What the system said, or else HDF5's innermost complaint; valid until the next call. */
const char *hdf_reason(void) {
  const char *reason = NULL;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, first_reason, &reason);
  return *system_fault() ? system_fault() : reason ? reason : "no reason given";
}

enum err hdf_check(const char *path) {
  return *system_fault() ? FAIL(ERR_IO, "%s cannot be read (%s): look at the state of the disk", path, system_fault())
                         : OK;
}

/* Without its work at exit: there it would go on with a file that could not be written, and crash. Every file of ours
 * is closed by then. */
void hdf_quiet(void) {
  H5dont_atexit();
  *system_fault() = '\0';
  H5Eset_auto2(H5E_DEFAULT, note_fault, NULL);
}

enum err hdf_open(const char *path, int64_t *file) {
  *file = -1;
  hdf_quiet();
  struct stat st;
  if (stat(path, &st) != 0)
    return FAIL(ERR_INPUT, "%s: %s: give the path of an HDF5 file", path, strerror(errno));
  if (S_ISDIR(st.st_mode))
    return FAIL(ERR_INPUT, "%s is a folder: give the path of an HDF5 file", path);
  if (access(path, R_OK) != 0)
    return FAIL(ERR_INPUT, "%s: %s: make it readable", path, strerror(errno));
  if (st.st_size == 0)
    return FAIL(ERR_INPUT, "%s is empty: was it copied completely?", path);
  htri_t is = H5Fis_hdf5(path);
  if (is < 0)
    return FAIL(ERR_IO, "%s cannot be read (%s): look at the state of the disk", path, hdf_reason());
  if (is == 0)
    return FAIL(ERR_INPUT, "%s is not an HDF5 file: coxswain import turns CSV and IDX into HDF5", path);
  *file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
  if (*file < 0)
    return FAIL(ERR_INPUT, "%s cannot be opened as HDF5 (%s): was it copied completely?", path, hdf_reason());
  return OK;
}

void hdf_close(int64_t file) {
  if (file >= 0)
    H5Fclose(file);
}

static H5I_type_t type_of(int64_t file, const char *name) {
  int64_t object = H5Oopen(file, name, H5P_DEFAULT);
  H5I_type_t type = object < 0 ? H5I_BADID : H5Iget_type(object);
  if (object >= 0)
    H5Oclose(object);
  return type;
}

/* A link that leads somewhere, and what to. */
static bool leads_to(int64_t file, const char *name, H5I_type_t wanted) {
  return H5Lexists(file, name, H5P_DEFAULT) > 0 && type_of(file, name) == wanted;
}

/* H5Lexists needs every group on the way to be there. */
static bool is_there(int64_t file, const char *name, H5I_type_t wanted) {
  char *part = mem_strdup(name);
  bool there = *name != '\0';
  for (char *slash = part; there && (slash = strchr(slash + 1, '/'));) {
    *slash = '\0';
    there = leads_to(file, part, H5I_GROUP);
    *slash = '/';
  }
  there = there && leads_to(file, part, wanted);
  free(part);
  return there;
}

bool hdf_has(int64_t file, const char *name) {
  return is_there(file, name, H5I_DATASET);
}

bool hdf_is_compound(int64_t file, const char *name) {
  if (!hdf_has(file, name))
    return false;
  int64_t id = H5Dopen2(file, name, H5P_DEFAULT);
  if (id < 0)
    return false;
  int64_t type = H5Dget_type(id), space = H5Dget_space(id);
  bool yes = H5Tget_class(type) == H5T_COMPOUND && H5Sget_simple_extent_ndims(space) == 1;
  H5Sclose(space);
  H5Tclose(type);
  H5Dclose(id);
  return yes;
}

/* "it has a, b and c (did you mean b?)" */
static void put_alternatives(struct strbuf *text, char *const *names, size_t n, const char *wanted) {
  const size_t most = 12;
  strbuf_puts(text, n ? "there is " : "there is none at all");
  for (size_t i = 0; i < n && i < most; i++)
    strbuf_printf(text, "%s%s", i ? ", " : "", names[i]);
  if (n > most)
    strbuf_printf(text, " and %zu more", n - most);
  const char **words = MEM_NEW_ARRAY(const char *, n + 1);
  for (size_t i = 0; i < n; i++)
    words[i] = names[i];
  const char *near = nearest_word(wanted, words, n);
  free(words);
  if (near)
    strbuf_printf(text, "; did you mean %s?", near);
}

/* Why it could not be opened: `reason` is HDF5's. */
static enum err fail_no_dataset(int64_t file, const char *path, const char *name, const char *reason) {
  if (is_there(file, name, H5I_GROUP))
    return FAIL(ERR_INPUT, "%s: %s is a group, not a dataset: name a dataset in it", path, name);
  TRY(hdf_check(path));
  if (hdf_has(file, name))
    return FAIL(ERR_INPUT, "%s: dataset %s cannot be opened (%s)", path, name, reason);
  char **names;
  size_t n;
  TRY(hdf_datasets(file, path, &names, &n));
  struct strbuf text = STRBUF_INIT;
  put_alternatives(&text, names, n, name);
  enum err e = FAIL(ERR_INPUT, "%s: no dataset %s: %s", path, name, text.text);
  strbuf_free(&text);
  hdf_names_free(names, n);
  return e;
}

static enum err open_dataset(struct hdf_column *c, int64_t file, const char *path, const char *name) {
  *c = (struct hdf_column)HDF_COLUMN_NONE;
  c->id = *name ? H5Dopen2(file, name, H5P_DEFAULT) : -1;
  if (c->id < 0) {
    char reason[256];
    snprintf(reason, sizeof reason, "%s", hdf_reason());
    return fail_no_dataset(file, path, name, reason);
  }
  c->path = mem_strdup(path);
  c->name = mem_strdup(name);
  int64_t space = H5Dget_space(c->id);
  int rank = H5Sget_simple_extent_ndims(space);
  hsize_t shape[2] = {0, 1};
  if (rank == 1 || rank == 2)
    H5Sget_simple_extent_dims(space, shape, NULL);
  H5Sclose(space);
  if (rank != 1 && rank != 2)
    return FAIL(ERR_INPUT, "%s: dataset %s has %d dimensions: it must be (rows) or (rows, variables)", path, name,
                rank < 0 ? 0 : rank);
  c->rows = (size_t)shape[0];
  c->width = (size_t)shape[1];
  c->flat = rank == 1;
  if (c->rows == 0)
    return FAIL(ERR_INPUT, "%s: dataset %s has no rows", path, name);
  if (c->width == 0)
    return FAIL(ERR_INPUT, "%s: dataset %s has no columns", path, name);
  return OK;
}

/* Is it a number? Truth values are an enumeration of integers. */
static bool type_is_number(int64_t type, bool *integer) {
  H5T_class_t class = H5Tget_class(type);
  *integer = class == H5T_INTEGER || class == H5T_ENUM;
  return *integer || class == H5T_FLOAT;
}

enum err hdf_column_open(struct hdf_column *c, int64_t file, const char *path, const char *name) {
  TRY(open_dataset(c, file, path, name));
  int64_t type = H5Dget_type(c->id);
  bool number = type_is_number(type, &c->integer), compound = H5Tget_class(type) == H5T_COMPOUND;
  H5Tclose(type);
  if (compound)
    return FAIL(ERR_INPUT, "%s: dataset %s is a compound: data.format = \"tdd\" reads its members", path, name);
  if (!number)
    return FAIL(ERR_INPUT, "%s: dataset %s does not hold numbers: name one that does", path, name);
  return OK;
}

static enum err check_member(int64_t file, const char *path, const char *dataset, int64_t type, const char *member,
                             bool *integer) {
  int i = H5Tget_member_index(type, member);
  if (i < 0) {
    char **names;
    size_t n;
    TRY(hdf_members(file, path, dataset, &names, &n));
    struct strbuf text = STRBUF_INIT;
    put_alternatives(&text, names, n, member);
    enum err e = FAIL(ERR_INPUT, "%s: dataset %s has no member %s: %s", path, dataset, member, text.text);
    strbuf_free(&text);
    hdf_names_free(names, n);
    return e;
  }
  int64_t of = H5Tget_member_type(type, (unsigned)i);
  bool number = type_is_number(of, integer);
  H5Tclose(of);
  if (!number)
    return FAIL(ERR_INPUT, "%s: dataset %s: member %s is not a number: take it out of data.variables", path, dataset,
                member);
  return OK;
}

enum err hdf_members_open(struct hdf_column *c, int64_t file, const char *path, const char *name, const char **members,
                          size_t n) {
  TRY(open_dataset(c, file, path, name));
  int64_t type = H5Dget_type(c->id);
  enum err e = OK;
  if (H5Tget_class(type) != H5T_COMPOUND)
    e = FAIL(ERR_INPUT, "%s: dataset %s is not a compound with named members: data.format = \"array\" reads plain ones",
             path, name);
  else if (!c->flat)
    e = FAIL(ERR_INPUT, "%s: compound dataset %s has 2 dimensions: only one record a row can be read", path, name);
  for (size_t i = 0; e == OK && i < n; i++)
    e = check_member(file, path, name, type, members[i], &c->integer);
  H5Tclose(type);
  TRY(e);
  if (n == 1) {
    struct strbuf text = STRBUF_INIT;
    strbuf_printf(&text, "%s: member %s", name, members[0]);
    free(c->name);
    c->name = strbuf_detach(&text);
  }
  c->compound = true;
  c->width = n;
  c->pick = MEM_NEW_ARRAY(const char *, n);
  memcpy(c->pick, members, n * sizeof *members);
  return OK;
}

void hdf_column_close(struct hdf_column *c) {
  if (c->id >= 0)
    H5Dclose(c->id);
  free(c->path);
  free(c->name);
  free(c->pick);
  *c = (struct hdf_column)HDF_COLUMN_NONE;
}

/* HDF5 converts whatever is in the file (float16 too) to the type in memory; compounds are matched by member name. */
static enum err read_rows(const struct hdf_column *c, size_t first, size_t n, int64_t type, size_t size, void *out) {
  if (n == 0)
    return OK;
  if (first + n > c->rows)
    return FAIL(ERR_BUG, "%s: %s: rows %zu to %zu of %zu", c->path, c->name, first, first + n, c->rows);
  int64_t memory_type = type;
  if (c->compound) {
    memory_type = H5Tcreate(H5T_COMPOUND, size * c->width);
    for (size_t i = 0; i < c->width; i++)
      H5Tinsert(memory_type, c->pick[i], i * size, type);
  }
  hsize_t start[2] = {first, 0}, count[2] = {n, c->compound ? 1 : c->width};
  int rank = c->flat ? 1 : 2;
  int64_t there = H5Dget_space(c->id), here = H5Screate_simple(rank, count, NULL);
  H5Sselect_hyperslab(there, H5S_SELECT_SET, start, NULL, count, NULL);
  herr_t status = H5Dread(c->id, memory_type, here, there, H5P_DEFAULT, out);
  enum err e = OK;
  if (status < 0)
    e = FAIL(ERR_INPUT, "%s: %s: rows %zu to %zu cannot be read (%s)", c->path, c->name, first, first + n - 1,
             hdf_reason());
  H5Sclose(here);
  H5Sclose(there);
  if (c->compound)
    H5Tclose(memory_type);
  return e;
}

enum err hdf_read_float(const struct hdf_column *c, size_t first, size_t n, float *out) {
  return read_rows(c, first, n, H5T_NATIVE_FLOAT, sizeof *out, out);
}
enum err hdf_read_double(const struct hdf_column *c, size_t first, size_t n, double *out) {
  return read_rows(c, first, n, H5T_NATIVE_DOUBLE, sizeof *out, out);
}
enum err hdf_read_int(const struct hdf_column *c, size_t first, size_t n, int64_t *out) {
  return read_rows(c, first, n, H5T_NATIVE_INT64, sizeof *out, out);
}
