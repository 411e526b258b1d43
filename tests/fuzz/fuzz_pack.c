/* The trailer of a pack. With a first byte that is odd the checksum is made right. libhdf5 is not asked: what stands
 * before a right checksum was written by us. */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "fuzz.h"
#include "store/pack_trailer.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
  int64_t generation;
  if (n < 1)
    return 0;
  uint8_t *copy = mem_dup(bytes + 1, n - 1);
  size_t length = n - 1;
  if (bytes[0] & 1 && length >= 4) {
    uint32_t crc = hash_crc32(0, copy, length - 4);
    for (int i = 0; i < 4; i++)
      copy[length - 4 + (size_t)i] = (uint8_t)(crc >> 8 * i);
  }
  if (pack_trailer_check("x.h5", copy, length, &generation) == OK)
    FUZZ_REQUIRE(length >= PACK_TRAILER && memcmp(copy + length - PACK_TRAILER, "COXPACK\n", 8) == 0);
  free(copy);
  return 0;
}
