/* Writing HDF5 files: into PATH.tmp first, so that a failure leaves no half file. */
#include <errno.h>
#include <fcntl.h>
#include <hdf5.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "nn/data_hdf.h"
#include "nn/data_hdf_private.h"

static int64_t native(enum hdf_type type) {
  switch (type) {
  case HDF_FLOAT:
    return H5T_NATIVE_FLOAT;
  case HDF_DOUBLE:
    return H5T_NATIVE_DOUBLE;
  case HDF_INT32:
    return H5T_NATIVE_INT32;
  case HDF_INT64:
    return H5T_NATIVE_INT64;
  default:
    return H5T_NATIVE_UINT8;
  }
}

static enum err fail_write(const struct hdf_file *f, const char *what) {
  return FAIL(ERR_IO, "%s: %s cannot be written (%s): is the disk full?", f->path, what, hdf_reason());
}

enum err hdf_create(struct hdf_file *f, const char *path) {
  hdf_quiet();
  struct strbuf tmp = STRBUF_INIT;
  strbuf_printf(&tmp, "%s.%ld.tmp", path, (long)getpid());
  *f = (struct hdf_file){mem_strdup(path), strbuf_detach(&tmp), -1};
  int fd = open(f->tmp, O_CREAT | O_WRONLY | O_TRUNC, 0666); /* for the system's reason: HDF5 gives none */
  if (fd < 0)
    return FAIL(ERR_IO, "%s cannot be written: %s", path, strerror(errno));
  close(fd);
  int64_t access_list = H5Pcreate(H5P_FILE_ACCESS), how = H5Pcreate(H5P_FILE_CREATE);
  H5Pset_obj_track_times(how, 0);
#if H5_VERSION_GE(1, 10, 2)
  /* Attributes above 64 KiB (thousands of variable names) need the format of 1.8. */
  H5Pset_libver_bounds(access_list, H5F_LIBVER_V18, H5F_LIBVER_LATEST);
#endif
  f->id = H5Fcreate(f->tmp, H5F_ACC_TRUNC, how, access_list);
  enum err e = f->id < 0 ? fail_write(f, "it") : OK;
  H5Pclose(access_list);
  H5Pclose(how);
  return e;
}

static enum err sync_tmp(const char *tmp) {
  int fd = open(tmp, O_RDONLY);
  int failed = fd < 0 || fsync(fd) != 0;
  int reason = errno;
  if (fd >= 0)
    close(fd);
  return failed ? FAIL(ERR_IO, "%s: %s", tmp, strerror(reason)) : OK;
}

enum err hdf_commit(struct hdf_file *f) {
  herr_t status = H5Fclose(f->id);
  f->id = -1;
  if (status < 0)
    return fail_write(f, "it");
  TRY(sync_tmp(f->tmp));
  TRY(file_rename(f->tmp, f->path));
  char *folder = path_folder(f->path);
  enum err e = file_sync_folder(folder);
  free(folder);
  free(f->tmp);
  free(f->path);
  *f = (struct hdf_file)HDF_FILE_NONE;
  return e;
}

void hdf_abandon(struct hdf_file *f) {
  if (f->id >= 0)
    H5Fclose(f->id);
  if (f->tmp)
    unlink(f->tmp);
  free(f->tmp);
  free(f->path);
  *f = (struct hdf_file)HDF_FILE_NONE;
}

/* Chunks of about 1 MiB: quick to read in order, and the dataset can grow. */
static enum err create_growing(struct hdf_file *f, const char *name, int64_t type, size_t width, size_t row_bytes) {
  size_t chunk_rows = (1 << 20) / (row_bytes ? row_bytes : 1);
  hsize_t none[2] = {0, width}, most[2] = {H5S_UNLIMITED, width}, chunk[2] = {chunk_rows ? chunk_rows : 1, width};
  int rank = width ? 2 : 1;
  int64_t space = H5Screate_simple(rank, none, most);
  int64_t how = H5Pcreate(H5P_DATASET_CREATE), links = H5Pcreate(H5P_LINK_CREATE);
  H5Pset_chunk(how, rank, chunk);
  H5Pset_obj_track_times(how, 0); /* the same content, the same bytes: files are known by their sum */
  H5Pset_create_intermediate_group(links, 1);
  int64_t id = H5Dcreate2(f->id, name, type, space, links, how, H5P_DEFAULT);
  enum err e = id < 0 || H5Dclose(id) < 0 ? fail_write(f, name) : OK;
  H5Pclose(links);
  H5Pclose(how);
  H5Sclose(space);
  return e;
}

static enum err add_rows(struct hdf_file *f, const char *name, int64_t type, const void *rows, size_t n) {
  int64_t id = H5Dopen2(f->id, name, H5P_DEFAULT);
  if (id < 0)
    return fail_write(f, name);
  int64_t space = H5Dget_space(id);
  hsize_t shape[2] = {0, 0};
  int rank = H5Sget_simple_extent_dims(space, shape, NULL);
  H5Sclose(space);
  hsize_t start[2] = {shape[0], 0}, count[2] = {n, shape[1]};
  shape[0] += n;
  bool good = H5Dset_extent(id, shape) >= 0;
  int64_t here = H5Screate_simple(rank, count, NULL), there = H5Dget_space(id);
  H5Sselect_hyperslab(there, H5S_SELECT_SET, start, NULL, count, NULL);
  good = good && H5Dwrite(id, type, here, there, H5P_DEFAULT, rows) >= 0;
  enum err e = good ? OK : fail_write(f, name);
  H5Sclose(there);
  H5Sclose(here);
  if (H5Dclose(id) < 0 && e == OK) /* writes what it kept back so far */
    e = fail_write(f, name);
  return e;
}

enum err hdf_dataset_create(struct hdf_file *f, const char *name, enum hdf_type type, size_t width) {
  return create_growing(f, name, native(type), width, (width ? width : 1) * H5Tget_size(native(type)));
}

enum err hdf_dataset_add(struct hdf_file *f, const char *name, const void *rows, size_t n) {
  int64_t id = H5Dopen2(f->id, name, H5P_DEFAULT);
  if (id < 0)
    return fail_write(f, name);
  int64_t type = H5Dget_type(id);
  H5Dclose(id);
  enum err e = n ? add_rows(f, name, type, rows, n) : OK; /* created with the native type: what is in memory */
  H5Tclose(type);
  return e;
}

static int64_t record_type(const struct hdf_member *members, size_t n, size_t bytes) {
  int64_t type = H5Tcreate(H5T_COMPOUND, bytes);
  for (size_t i = 0; i < n; i++)
    H5Tinsert(type, members[i].name, members[i].offset, native(members[i].type));
  return type;
}

enum err hdf_compound_create(struct hdf_file *f, const char *name, const struct hdf_member *members, size_t n,
                             size_t bytes) {
  int64_t type = record_type(members, n, bytes);
  enum err e = create_growing(f, name, type, 0, bytes);
  H5Tclose(type);
  return e;
}

enum err hdf_compound_add(struct hdf_file *f, const char *name, const struct hdf_member *members, size_t n_members,
                          size_t bytes, const void *records, size_t n) {
  int64_t type = record_type(members, n_members, bytes);
  enum err e = n ? add_rows(f, name, type, records, n) : OK;
  H5Tclose(type);
  return e;
}

static enum err write_attribute(struct hdf_file *f, const char *object, const char *attribute, int64_t type,
                                int64_t space, const void *values) {
  int64_t id = H5Acreate_by_name(f->id, object, attribute, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  bool good = id >= 0 && H5Awrite(id, type, values) >= 0;
  enum err e = good ? OK : fail_write(f, attribute);
  if (id >= 0 && H5Aclose(id) < 0 && e == OK)
    e = fail_write(f, attribute);
  H5Sclose(space);
  return e;
}

static int64_t text_type(void) {
  int64_t type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, H5T_VARIABLE);
  H5Tset_cset(type, H5T_CSET_UTF8);
  return type;
}

enum err hdf_write_texts(struct hdf_file *f, const char *object, const char *attribute, const char *const *texts,
                         size_t n) {
  hsize_t count = n;
  int64_t type = text_type();
  enum err e = write_attribute(f, object, attribute, type, H5Screate_simple(1, &count, NULL), texts);
  H5Tclose(type);
  return e;
}

enum err hdf_write_text(struct hdf_file *f, const char *object, const char *attribute, const char *text) {
  int64_t type = text_type();
  enum err e = write_attribute(f, object, attribute, type, H5Screate(H5S_SCALAR), &text);
  H5Tclose(type);
  return e;
}

enum err hdf_write_ints(struct hdf_file *f, const char *object, const char *attribute, const int64_t *values,
                        size_t n) {
  hsize_t count = n;
  return write_attribute(f, object, attribute, H5T_NATIVE_INT64, H5Screate_simple(1, &count, NULL), values);
}
