/* What is in an HDF5 file: datasets, members, types, attributes. */
#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "nn/data_hdf.h"
#include "nn/data_hdf_private.h"

struct names {
  char **items;
  size_t n, cap;
};

static void names_add(struct names *names, const char *text) {
  MEM_GROW(names->items, names->n, &names->cap);
  names->items[names->n++] = mem_strdup(text);
}

void hdf_names_free(char **names, size_t n) {
  for (size_t i = 0; i < n; i++)
    free(names[i]);
  free(names);
}

#if H5_VERSION_GE(1, 12, 0)
typedef H5O_info1_t object_info; /* H5Ovisit1 is in every release, the name of its argument is not */
#else
typedef H5O_info_t object_info;
#endif

static herr_t visit(hid_t file, const char *name, const object_info *info, void *context) {
  (void)file;
  if (info->type == H5O_TYPE_DATASET)
    names_add(context, name);
  return 0;
}

enum err hdf_datasets(int64_t file, const char *path, char ***names, size_t *n) {
  struct names list = {NULL, 0, 0};
  herr_t status = H5Ovisit1(file, H5_INDEX_NAME, H5_ITER_INC, visit, &list);
  *names = list.items;
  *n = list.n;
  if (status < 0) {
    hdf_names_free(list.items, list.n);
    *names = NULL;
    *n = 0;
    return FAIL(ERR_INPUT, "%s cannot be listed (%s): was it copied completely?", path, hdf_reason());
  }
  return OK;
}

static void put_type(struct strbuf *out, int64_t type) {
  size_t bits = 8 * H5Tget_size(type);
  switch (H5Tget_class(type)) {
  case H5T_INTEGER:
    strbuf_printf(out, "%sint%zu", H5Tget_sign(type) == H5T_SGN_NONE ? "u" : "", bits);
    break;
  case H5T_FLOAT:
    strbuf_printf(out, "float%zu", bits);
    break;
  case H5T_STRING:
    strbuf_puts(out, "text");
    break;
  case H5T_ENUM:
    strbuf_puts(out, "enumeration");
    break;
  case H5T_COMPOUND:
    strbuf_printf(out, "compound of %d members", H5Tget_nmembers(type));
    break;
  default:
    strbuf_puts(out, "something else");
  }
}

enum err hdf_shape_text(int64_t file, const char *path, const char *dataset, char *out, size_t size) {
  int64_t id = H5Dopen2(file, dataset, H5P_DEFAULT);
  if (id < 0)
    return FAIL(ERR_INPUT, "%s: dataset %s cannot be opened (%s)", path, dataset, hdf_reason());
  int64_t type = H5Dget_type(id), space = H5Dget_space(id);
  hsize_t shape[H5S_MAX_RANK];
  int rank = H5Sget_simple_extent_dims(space, shape, NULL);
  struct strbuf text = STRBUF_INIT;
  strbuf_putc(&text, '(');
  for (int i = 0; i < rank; i++)
    strbuf_printf(&text, "%s%llu", i ? ", " : "", (unsigned long long)shape[i]);
  strbuf_puts(&text, ") ");
  put_type(&text, type);
  snprintf(out, size, "%s", text.text);
  strbuf_free(&text);
  H5Sclose(space);
  H5Tclose(type);
  H5Dclose(id);
  return OK;
}

static bool member_is_number(int64_t type, unsigned i) {
  H5T_class_t class = H5Tget_member_class(type, i);
  return class == H5T_INTEGER || class == H5T_FLOAT || class == H5T_ENUM;
}

enum err hdf_members(int64_t file, const char *path, const char *dataset, char ***names, size_t *n) {
  struct names list = {NULL, 0, 0};
  int64_t id = H5Dopen2(file, dataset, H5P_DEFAULT);
  if (id < 0)
    return FAIL(ERR_INPUT, "%s: dataset %s cannot be opened (%s)", path, dataset, hdf_reason());
  int64_t type = H5Dget_type(id);
  for (unsigned i = 0; i < (unsigned)H5Tget_nmembers(type); i++) {
    if (!member_is_number(type, i))
      continue;
    char *name = H5Tget_member_name(type, i);
    names_add(&list, name);
    H5free_memory(name);
  }
  H5Tclose(type);
  H5Dclose(id);
  *names = list.items;
  *n = list.n;
  return OK;
}

static enum err fail_attribute(int64_t file, const char *dataset, const char *name) {
  char reason[256], path[1024] = "";
  snprintf(reason, sizeof reason, "%s", hdf_reason());
  H5Fget_name(file, path, sizeof path);
  return FAIL(ERR_IO, "%s: attribute %s of %s cannot be read (%s): look at the state of the disk", path, name, dataset,
              reason);
}

/* Opens an attribute of one dimension or none; -1 if there is none. One that is there and cannot be read is an error:
 * to go on without it would give other results, and nobody would know. */
static enum err open_attribute(int64_t file, const char *dataset, const char *name, int64_t *id, size_t *n) {
  *n = 0;
  *id = -1;
  if (!hdf_has(file, dataset))
    return OK;
  htri_t there = H5Aexists_by_name(file, dataset, name, H5P_DEFAULT);
  if (there < 0)
    return fail_attribute(file, dataset, name);
  if (there == 0)
    return OK;
  *id = H5Aopen_by_name(file, dataset, name, H5P_DEFAULT, H5P_DEFAULT);
  if (*id < 0)
    return fail_attribute(file, dataset, name);
  int64_t space = H5Aget_space(*id);
  hssize_t count = H5Sget_simple_extent_npoints(space);
  H5Sclose(space);
  int64_t type = H5Aget_type(*id);
  H5Tclose(type);
  enum err e = count < 0 || type < 0 ? fail_attribute(file, dataset, name) : OK;
  if (count <= 0 || e != OK) {
    H5Aclose(*id);
    *id = -1;
  }
  *n = *id < 0 ? 0 : (size_t)count;
  return e;
}

static bool read_variable_texts(int64_t id, int64_t type, size_t n, char **texts) {
  char **read = MEM_NEW_ARRAY(char *, n);
  int64_t space = H5Aget_space(id);
  bool good = H5Aread(id, type, read) >= 0;
  if (good) {
    for (size_t i = 0; i < n; i++)
      texts[i] = mem_strdup(read[i] ? read[i] : "");
    H5Dvlen_reclaim(type, space, H5P_DEFAULT, read);
  }
  H5Sclose(space);
  free(read);
  return good;
}

static bool read_fixed_texts(int64_t id, int64_t type, size_t n, char **texts) {
  size_t size = H5Tget_size(type);
  char *read = mem_alloc(n * size + 1);
  bool good = H5Aread(id, type, read) >= 0;
  for (size_t i = 0; good && i < n; i++) {
    size_t length = strnlen(read + i * size, size);
    while (H5Tget_strpad(type) == H5T_STR_SPACEPAD && length > 0 && read[i * size + length - 1] == ' ')
      length--;
    texts[i] = mem_alloc(length + 1);
    memcpy(texts[i], read + i * size, length);
  }
  free(read);
  return good;
}

enum err hdf_attribute_texts(int64_t file, const char *dataset, const char *name, char ***texts, size_t *n) {
  int64_t id;
  *texts = NULL;
  TRY(open_attribute(file, dataset, name, &id, n));
  if (id < 0)
    return OK;
  int64_t type = H5Aget_type(id);
  bool is_text = H5Tget_class(type) == H5T_STRING, good = is_text;
  if (is_text) {
    *texts = MEM_NEW_ARRAY(char *, *n);
    good = H5Tis_variable_str(type) > 0 ? read_variable_texts(id, type, *n, *texts)
                                        : read_fixed_texts(id, type, *n, *texts);
  }
  enum err e = is_text && !good ? fail_attribute(file, dataset, name) : OK;
  H5Tclose(type);
  H5Aclose(id);
  if (good)
    return OK;
  free(*texts);
  *texts = NULL;
  *n = 0;
  return e;
}

enum err hdf_attribute_ints(int64_t file, const char *dataset, const char *name, int64_t **values, size_t *n) {
  int64_t id;
  *values = NULL;
  TRY(open_attribute(file, dataset, name, &id, n));
  if (id < 0)
    return OK;
  int64_t type = H5Aget_type(id);
  enum err e = OK;
  if (H5Tget_class(type) == H5T_INTEGER) {
    *values = MEM_NEW_ARRAY(int64_t, *n);
    if (H5Aread(id, H5T_NATIVE_INT64, *values) < 0) {
      e = fail_attribute(file, dataset, name);
      free(*values);
      *values = NULL;
    }
  }
  H5Tclose(type);
  H5Aclose(id);
  if (!*values)
    *n = 0;
  return e;
}
