/* What the project does with HDF5 data files: read columns by name, list what is there, write datasets. Handles are
 * HDF5's hid_t (a 64-bit integer since 1.10); no HDF5 header is needed to use this one. One thread at a time.
 *
 * Messages name the file, the dataset or member, the row where there is one, and HDF5's own reason. */
#ifndef COXSWAIN_NN_DATA_HDF_H
#define COXSWAIN_NN_DATA_HDF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* A whole dataset of shape (rows) or (rows, width), or some members of a compound dataset (rows). */
struct hdf_column {
  char *path; /* of the file; owned, as is name */
  char *name; /* as messages call it: "jets/inputs", "jets: member pt" */
  int64_t id; /* of the dataset; -1: closed or never opened */
  size_t rows, width;
  bool flat;         /* one dimension in the file */
  bool compound;     /* members below */
  bool integer;      /* whole numbers in the file (of a single member or a plain dataset) */
  const char **pick; /* (width) member names, borrowed; NULL for plain datasets */
};
#define HDF_COLUMN_NONE \
  { .id = -1 }

enum err hdf_open(const char *path, int64_t *file);
void hdf_close(int64_t file);
/* ERR_IO if the system refused to read something since hdf_open: what is there, and what is not, cannot be known. */
enum err hdf_check(const char *path);
bool hdf_has(int64_t file, const char *name);         /* a dataset of that name? */
bool hdf_is_compound(int64_t file, const char *name); /* a compound dataset (rows)? */

/* Numbers of shape (rows) or (rows, width), at least one row. `path` is for messages. */
enum err hdf_column_open(struct hdf_column *c, int64_t file, const char *path, const char *name);
/* Members of a compound dataset; the names must stay alive as long as the column. */
enum err hdf_members_open(struct hdf_column *c, int64_t file, const char *path, const char *name, const char **members,
                          size_t n);
void hdf_column_close(struct hdf_column *c);                                               /* also of HDF_COLUMN_NONE */
enum err hdf_read_float(const struct hdf_column *c, size_t first, size_t n, float *out);   /* (n, width) */
enum err hdf_read_double(const struct hdf_column *c, size_t first, size_t n, double *out); /* (n, width) */
enum err hdf_read_int(const struct hdf_column *c, size_t first, size_t n, int64_t *out);   /* (n, width) */

/* Lists: new strings in a new array; free with hdf_names_free. */
enum err hdf_datasets(int64_t file, const char *path, char ***names, size_t *n); /* "a", "g/b", sorted by path */
enum err hdf_members(int64_t file, const char *path, const char *dataset, char ***names, size_t *n); /* numbers only */
void hdf_names_free(char **names, size_t n);
/* "(100, 36) float32", "(10) compound of 148 members" */
enum err hdf_shape_text(int64_t file, const char *path, const char *dataset, char *out, size_t size);

/* Attributes of a dataset. No such attribute, or one of another kind: n = 0 and no error. */
enum err hdf_attribute_texts(int64_t file, const char *dataset, const char *name, char ***texts, size_t *n);
enum err hdf_attribute_ints(int64_t file, const char *dataset, const char *name, int64_t **values, size_t *n);

/* Writing: into PATH.tmp, which hdf_commit syncs and renames; hdf_abandon leaves nothing. */
enum hdf_type { HDF_FLOAT, HDF_DOUBLE, HDF_INT32, HDF_INT64, HDF_UINT8 };
struct hdf_file {
  char *path, *tmp;
  int64_t id;
};
#define HDF_FILE_NONE \
  { NULL, NULL, -1 }
enum err hdf_create(struct hdf_file *f, const char *path);
enum err hdf_commit(struct hdf_file *f);
void hdf_abandon(struct hdf_file *f); /* nothing to do after hdf_commit */

/* A dataset (rows, width), or (rows) for width 0, that grows as rows are added. */
enum err hdf_dataset_create(struct hdf_file *f, const char *name, enum hdf_type type, size_t width);
enum err hdf_dataset_add(struct hdf_file *f, const char *name, const void *rows, size_t n);
/* A compound dataset (rows): member i is at offset[i] of a record of `bytes`. */
struct hdf_member {
  const char *name;
  enum hdf_type type;
  size_t offset;
};
enum err hdf_compound_create(struct hdf_file *f, const char *name, const struct hdf_member *members, size_t n,
                             size_t bytes);
enum err hdf_compound_add(struct hdf_file *f, const char *name, const struct hdf_member *members, size_t n_members,
                          size_t bytes, const void *records, size_t n);
enum err hdf_write_texts(struct hdf_file *f, const char *object, const char *attribute, const char *const *texts,
                         size_t n);
enum err hdf_write_text(struct hdf_file *f, const char *object, const char *attribute, const char *text);
enum err hdf_write_ints(struct hdf_file *f, const char *object, const char *attribute, const int64_t *values, size_t n);

#endif
