#include "store/pack_trailer.h"

#include <string.h>

#include "base/hash.h"

static const char magic[8] = {'C', 'O', 'X', 'P', 'A', 'C', 'K', '\n'};
enum { VERSION = 1, AT_VERSION = 8, AT_GENERATION = 16, AT_LENGTH = 24, AT_CRC = 60 };

static void put(unsigned char *at, uint64_t x, int bytes) {
  for (int i = 0; i < bytes; i++)
    at[i] = (unsigned char)(x >> 8 * i);
}

static uint64_t get(const unsigned char *at, int bytes) {
  uint64_t x = 0;
  for (int i = 0; i < bytes; i++)
    x |= (uint64_t)at[i] << 8 * i;
  return x;
}

void pack_trailer_add(struct strbuf *image, size_t start, int64_t generation) {
  unsigned char trailer[PACK_TRAILER] = {0};
  size_t length = image->len - start;
  memcpy(trailer, magic, sizeof magic);
  put(trailer + AT_VERSION, VERSION, 4);
  put(trailer + AT_GENERATION, (uint64_t)generation, 8);
  put(trailer + AT_LENGTH, length, 8);
  uint32_t crc = hash_crc32(0, image->text + start, length);
  put(trailer + AT_CRC, hash_crc32(crc, trailer, AT_CRC), 4);
  strbuf_add(image, trailer, sizeof trailer);
}

static const char advice[] = "take the generation before it";

enum err pack_trailer_check(const char *path, const void *bytes, size_t n, int64_t *generation) {
  if (n < PACK_TRAILER)
    return FAIL(ERR_DAMAGED, "%s: %zu bytes are no pack: it was cut short: %s", path, n, advice);
  const unsigned char *trailer = (const unsigned char *)bytes + n - PACK_TRAILER;
  if (memcmp(trailer, magic, sizeof magic) != 0)
    return FAIL(ERR_DAMAGED, "%s: its last 64 bytes are not a pack's: it was cut short or is no pack: %s", path,
                advice);
  uint32_t stored = (uint32_t)get(trailer + AT_CRC, 4), found = hash_crc32(0, bytes, n - PACK_TRAILER + AT_CRC);
  if (stored != found)
    return FAIL(ERR_DAMAGED, "%s: its checksum is %08x, its bytes give %08x: it is damaged: %s", path, stored, found,
                advice);
  uint64_t version = get(trailer + AT_VERSION, 4), length = get(trailer + AT_LENGTH, 8);
  if (version != VERSION)
    return FAIL(ERR_INPUT, "%s: pack format %llu, this program reads %d: use the version that wrote it", path,
                (unsigned long long)version, VERSION);
  if (length != n - PACK_TRAILER)
    return FAIL(ERR_DAMAGED, "%s: %zu bytes, its trailer counts %llu: bytes were added or lost: %s", path,
                n - PACK_TRAILER, (unsigned long long)length, advice);
  *generation = (int64_t)get(trailer + AT_GENERATION, 8);
  return OK;
}
