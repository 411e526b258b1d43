/* Checksums. CRC-32 (zlib) guards against damage; SHA-256 (FIPS 180-4) names content. */
#ifndef COXSWAIN_BASE_HASH_H
#define COXSWAIN_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

uint32_t hash_crc32(uint32_t crc, const void *bytes, size_t n); /* start with 0; chain over pieces */

struct sha256 {
  uint32_t h[8];
  uint64_t length; /* bytes so far */
  unsigned char block[64];
};
void sha256_init(struct sha256 *s);
void sha256_add(struct sha256 *s, const void *bytes, size_t n);
void sha256_hex(struct sha256 *s, char hex[65]); /* ends it */

#endif
