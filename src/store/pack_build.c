/* States into the bytes of an HDF5 file. The file exists in memory only, so that no error of a disk ever reaches
 * libhdf5: after a failed write its H5Fclose fails and a later H5close may crash. */
#include <hdf5.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/host.h"
#include "base/mem.h"
#include "store/hdf5_call.h"
#include "store/pack.h"
#include "store/pack_trailer.h"

enum { COMPACT_BYTES = 1024 }; /* arrays up to this size lie in their own header */

static enum err failed(const char *what) {
  return hdf5_fail(ERR_BUG, "pack", what, "please report this");
}

static hid_t file_type(enum state_type type) {
  return type == STATE_F32 ? H5T_IEEE_F32LE : type == STATE_F64 ? H5T_IEEE_F64LE : H5T_STD_I64LE;
}

static hid_t memory_type(enum state_type type) {
  return type == STATE_F32 ? H5T_NATIVE_FLOAT : type == STATE_F64 ? H5T_NATIVE_DOUBLE : H5T_NATIVE_INT64;
}

/* A text of n bytes, NULs of its own included; HDF5 knows no text of length 0. */
static hid_t text_type(size_t n) {
  hid_t type = H5Tcopy(H5T_C_S1);
  if (type >= 0 && (H5Tset_size(type, n ? n : 1) < 0 || H5Tset_strpad(type, H5T_STR_NULLPAD) < 0 ||
                    H5Tset_cset(type, H5T_CSET_UTF8) < 0)) {
    H5Tclose(type);
    return -1;
  }
  return type;
}

/* ---- attributes ---- */

static int put_attribute(hid_t object, const char *name, hid_t stored_as, hid_t given_as, const void *value) {
  hid_t space = H5Screate(H5S_SCALAR);
  hid_t attribute = H5Acreate2(object, name, stored_as, space, H5P_DEFAULT, H5P_DEFAULT);
  int good = attribute >= 0 && H5Awrite(attribute, given_as, value) >= 0;
  if (attribute >= 0)
    H5Aclose(attribute);
  H5Sclose(space);
  return good;
}

static int put_i64(hid_t object, const char *name, int64_t x) {
  return put_attribute(object, name, H5T_STD_I64LE, H5T_NATIVE_INT64, &x);
}

static int put_text(hid_t object, const char *name, const char *text) {
  hid_t type = text_type(strlen(text));
  int good = type >= 0 && put_attribute(object, name, type, type, text);
  if (type >= 0)
    H5Tclose(type);
  return good;
}

/* ---- one state ---- */

static hid_t layout_for(size_t bytes) {
  hid_t layout = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_obj_track_times(layout, 0);             /* equal states, equal bytes */
  H5Pset_fill_time(layout, H5D_FILL_TIME_NEVER); /* all of it is written at once */
  if (bytes > 0 && bytes <= COMPACT_BYTES)
    H5Pset_layout(layout, H5D_COMPACT);
  return layout;
}

static enum err put_dataset(hid_t group, const struct state_array *a, hid_t type, hid_t given_as, hid_t space,
                            size_t index) {
  hid_t layout = layout_for(a->n * state_element_size(a->type));
  hid_t dataset = H5Dcreate2(group, a->name, type, space, H5P_DEFAULT, layout, H5P_DEFAULT);
  H5Pclose(layout);
  int good = dataset >= 0 && put_i64(dataset, "index", (int64_t)index) &&
             (a->n == 0 || H5Dwrite(dataset, given_as, H5S_ALL, H5S_ALL, H5P_DEFAULT, a->data) >= 0);
  if (dataset >= 0)
    H5Dclose(dataset);
  return good ? OK : failed(a->name);
}

static enum err put_array(hid_t group, const struct state_array *a, size_t index) {
  enum err e;
  if (strchr(a->name, '/') || strcmp(a->name, ".") == 0)
    return FAIL(ERR_BUG, "a pack cannot hold an array named '%s': HDF5 takes it for a path", a->name);
  if (a->type == STATE_TEXT) {
    hid_t type = text_type(a->n), space = H5Screate(a->n ? H5S_SCALAR : H5S_NULL);
    e = put_dataset(group, a, type, type, space, index);
    H5Sclose(space);
    H5Tclose(type);
  } else {
    hsize_t n = a->n;
    hid_t space = H5Screate_simple(1, &n, NULL);
    e = put_dataset(group, a, file_type(a->type), memory_type(a->type), space, index);
    H5Sclose(space);
  }
  return e;
}

static enum err put_item(hid_t file, const struct pack_item *item) {
  char name[64];
  uint32_t crc = state_crc(item->state);
  snprintf(name, sizeof name, "trial-%06lld", (long long)item->trial);
  if (item->trial < 0)
    return FAIL(ERR_BUG, "a pack cannot hold trial %lld", (long long)item->trial);
  hid_t group = H5Gcreate2(file, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  if (group < 0)
    return failed(name);
  enum err e = put_i64(group, "step", item->step) && put_attribute(group, "crc", H5T_STD_U32LE, H5T_NATIVE_UINT32, &crc)
                   ? OK
                   : failed(name);
  for (size_t i = 0; e == OK && i < item->state->n; i++)
    e = put_array(group, &item->state->items[i], i);
  H5Gclose(group);
  TRY(e);
  return OK;
}

/* ---- the file ---- */

static enum err put_heading(hid_t file, const char *study, int64_t generation) {
  char host[HOST_NAME_SIZE], time[32];
  host_name(host);
  clock_iso(time);
  if (!put_i64(file, "format", 1) || !put_text(file, "study", study) || !put_i64(file, "generation", generation) ||
      !put_text(file, "host", host) || !put_text(file, "time", time))
    return failed("heading");
  return OK;
}

/* The steps by which the memory grows: few for large packs, and never more than an eighth too much. */
static size_t increment_for(const struct pack_item *items, size_t n) {
  size_t bytes = 0;
  for (size_t i = 0; i < n; i++)
    bytes += state_bytes(items[i].state);
  return bytes / 8 + (256 << 10);
}

/* The oldest format: the only one of which H5Fget_file_image in HDF5 1.10 gives sound bytes. */
static hid_t create_in_memory(size_t increment) {
  hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  hid_t file = -1;
  if (H5Pset_fapl_core(access, increment, 0) >= 0 &&
      H5Pset_libver_bounds(access, H5F_LIBVER_EARLIEST, H5F_LIBVER_LATEST) >= 0)
    file = H5Fcreate("pack in memory", H5F_ACC_TRUNC, H5P_DEFAULT, access);
  H5Pclose(access);
  return file;
}

static enum err take_image(hid_t file, struct strbuf *out) {
  ssize_t size = H5Fflush(file, H5F_SCOPE_LOCAL) < 0 ? -1 : H5Fget_file_image(file, NULL, 0);
  if (size < 0)
    return failed("image");
  strbuf_reserve(out, (size_t)size + PACK_TRAILER);
  if (H5Fget_file_image(file, out->text + out->len, (size_t)size) != size)
    return failed("image");
  out->len += (size_t)size;
  out->text[out->len] = '\0';
  return OK;
}

static enum err build(hid_t file, const char *study, int64_t generation, const struct pack_item *items, size_t n,
                      struct strbuf *out) {
  size_t start = out->len;
  TRY(put_heading(file, study, generation));
  for (size_t i = 0; i < n; i++)
    TRY(put_item(file, &items[i]));
  TRY(take_image(file, out));
  pack_trailer_add(out, start, generation);
  return OK;
}

enum err pack_build(const char *study, int64_t generation, const struct pack_item *items, size_t n,
                    struct strbuf *out) {
  struct hdf5_silence silence;
  hdf5_silence_begin(&silence);
  hid_t file = create_in_memory(increment_for(items, n));
  enum err e = file < 0 ? failed("memory") : build(file, study, generation, items, n, out);
  if (file >= 0)
    H5Fclose(file);
  hdf5_silence_end(&silence);
  TRY(e);
  return OK;
}
