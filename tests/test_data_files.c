#include "test_data_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

hid_t h5_new(const char *path) {
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  return H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
}

void h5_put(hid_t file, const char *name, hid_t type, size_t rows, size_t columns, const double *values) {
  hsize_t shape[2] = {rows, columns};
  hid_t space = H5Screate_simple(columns ? 2 : 1, shape, NULL), links = H5Pcreate(H5P_LINK_CREATE);
  H5Pset_create_intermediate_group(links, 1);
  hid_t how = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_obj_track_times(how, 0); /* the same rows, the same bytes */
  hid_t id = H5Dcreate2(file, name, type, space, links, how, H5P_DEFAULT);
  if (rows)
    H5Dwrite(id, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
  H5Dclose(id);
  H5Pclose(how);
  H5Pclose(links);
  H5Sclose(space);
}

/* Fixed length and padded with NUL, as h5py writes numpy strings; the project itself writes variable length. */
void h5_texts(hid_t file, const char *object, const char *attribute, const char *const *texts, size_t n) {
  hsize_t count = n;
  hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate_simple(1, &count, NULL);
  H5Tset_size(type, 32);
  char *flat = calloc(n, 32);
  for (size_t i = 0; i < n; i++)
    snprintf(flat + 32 * i, 32, "%s", texts[i]);
  hid_t id = H5Acreate_by_name(file, object, attribute, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  H5Awrite(id, type, flat);
  H5Aclose(id);
  free(flat);
  H5Sclose(space);
  H5Tclose(type);
}

void h5_ints(hid_t file, const char *object, const char *attribute, const int64_t *values, size_t n) {
  hsize_t count = n;
  hid_t space = H5Screate_simple(1, &count, NULL);
  hid_t id = H5Acreate_by_name(file, object, attribute, H5T_STD_I32BE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  H5Awrite(id, H5T_NATIVE_INT64, values);
  H5Aclose(id);
  H5Sclose(space);
}

hid_t h5_float16(void) {
  hid_t type = H5Tcopy(H5T_IEEE_F32LE);
  H5Tset_fields(type, 15, 10, 5, 0, 10);
  H5Tset_size(type, 2);
  H5Tset_ebias(type, 15);
  return type;
}

struct settings *data_settings(const char *folder, const char *data_group) {
  struct settings *conf = NULL;
  struct complaints c;
  char name[600];
  struct strbuf text = STRBUF_INIT;
  snprintf(name, sizeof name, "%s/study.cfg", folder);
  strbuf_printf(&text, "data = { %s };\n", data_group);
  complaints_init(&c);
  settings_read_text(&conf, text.text, name, NULL, 0, &c);
  if (complaints_verdict(&c) != OK) {
    settings_free(conf);
    conf = NULL;
  }
  complaints_free(&c);
  strbuf_free(&text);
  return conf;
}

enum err open_data(struct data **out, const char *folder, const char *data_group) {
  *out = NULL;
  struct settings *conf = data_settings(folder, data_group);
  if (!conf)
    return ERR_CONFIG;
  char cache[600];
  snprintf(cache, sizeof cache, "%s/cache", folder);
  enum err e = data_open(out, conf, cache);
  settings_free(conf);
  return e;
}
