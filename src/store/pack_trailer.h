/* The last 64 bytes of a pack, little-endian:
 *
 *     0  magic "COXPACK\n"      8  version, 1 (32 bits)     12  zero
 *    16  generation            24  length of the HDF5 image 32  zero
 *    60  CRC-32 of the image and of the 60 bytes before this one */
#ifndef COXSWAIN_STORE_PACK_TRAILER_H
#define COXSWAIN_STORE_PACK_TRAILER_H

#include <stdint.h>

#include "base/err.h"
#include "base/strbuf.h"

enum { PACK_TRAILER = 64 };

void pack_trailer_add(struct strbuf *image, size_t start, int64_t generation); /* the image begins at `start` */
/* ERR_DAMAGED unless `bytes` is one whole image with its trailer. */
enum err pack_trailer_check(const char *path, const void *bytes, size_t n, int64_t *generation);

#endif
