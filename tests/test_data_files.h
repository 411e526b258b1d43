/* HDF5 files for the tests of data, written with HDF5 itself and not with the project's own functions. */
#ifndef COXSWAIN_TESTS_TEST_DATA_FILES_H
#define COXSWAIN_TESTS_TEST_DATA_FILES_H

#include <hdf5.h>
#include <stddef.h>

#include "nn/data.h"

hid_t h5_new(const char *path);
/* (rows) for columns = 0, else (rows, columns); values are doubles, converted to `type`. */
void h5_put(hid_t file, const char *name, hid_t type, size_t rows, size_t columns, const double *values);
void h5_texts(hid_t file, const char *object, const char *attribute, const char *const *texts, size_t n);
void h5_ints(hid_t file, const char *object, const char *attribute, const int64_t *values, size_t n);
hid_t h5_float16(void); /* as numpy's float16 is stored */

/* The cache folder is "cache" in that folder. The settings text is the group data. ERR_CONFIG if it is not valid. */
enum err open_data(struct data **out, const char *folder, const char *data_group);
struct settings *data_settings(const char *folder, const char *data_group); /* NULL if not valid: see err_text */

#endif
