/* libhdf5 prints a stack of errors to stderr by itself. Between begin and end it is silent, and what it had to say goes
 * into our own message instead. */
#ifndef COXSWAIN_STORE_HDF5_CALL_H
#define COXSWAIN_STORE_HDF5_CALL_H

#include "base/err.h"

struct hdf5_silence { /* what printed before, to be put back: other code of the process may want it */
  void (*print)(void);
  void *context;
};
void hdf5_silence_begin(struct hdf5_silence *s);
void hdf5_silence_end(const struct hdf5_silence *s);

/* FAIL with "where: what: libhdf5's innermost reason: advice", and forgets libhdf5's stack. */
enum err hdf5_fail(enum err e, const char *where, const char *what, const char *advice);

#endif
