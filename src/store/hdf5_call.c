#include "store/hdf5_call.h"

#include <hdf5.h>
#include <stdio.h>

void hdf5_silence_begin(struct hdf5_silence *s) {
  H5E_auto2_t print = NULL;
  H5dont_atexit(); /* see hdf_quiet */
  s->context = NULL;
  H5Eget_auto2(H5E_DEFAULT, &print, &s->context);
  s->print = (void (*)(void))print;
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

void hdf5_silence_end(const struct hdf5_silence *s) {
  H5Eclear2(H5E_DEFAULT);
  H5Eset_auto2(H5E_DEFAULT, (H5E_auto2_t)s->print, s->context);
}

/* Upward from the innermost function: the first entry is nearest to the fault. */
static herr_t keep_first(unsigned n, const H5E_error2_t *error, void *context) {
  char *reason = context;
  if (n == 0 && error->desc)
    snprintf(reason, 256, "%s (%s)", error->desc, error->func_name ? error->func_name : "libhdf5");
  return 0;
}

enum err hdf5_fail(enum err e, const char *where, const char *what, const char *advice) {
  char reason[256] = "no reason given";
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_first, reason);
  H5Eclear2(H5E_DEFAULT);
  return FAIL(e, "%s: %s: HDF5: %s: %s", where, what, reason, advice);
}
