#include "hpo/snapshot_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"

static const char magic[8] = "coxsnap\n";

enum { FINGERPRINT = 1 << 16 };

/* ---- the trailer ---- */

static void put_word(char *at, int64_t x) {
  for (int i = 0; i < 8; i++)
    at[i] = (char)((uint64_t)x >> 8 * i);
}

static int64_t get_word(const char *at) {
  uint64_t x = 0;
  for (int i = 0; i < 8; i++)
    x |= (uint64_t)(unsigned char)at[i] << 8 * i;
  return (int64_t)x;
}

void trailer_format(const int64_t words[WORD_COUNT], char bytes[SNAPSHOT_TRAILER]) {
  memcpy(bytes, magic, sizeof magic);
  for (int i = 0; i < WORD_SELF; i++)
    put_word(bytes + 8 + 8 * i, words[i]);
  put_word(bytes + 8 + 8 * WORD_SELF, hash_crc32(0, bytes, 8 + 8 * WORD_SELF));
}

bool trailer_scan(const char bytes[SNAPSHOT_TRAILER], int64_t words[WORD_COUNT]) {
  for (int i = 0; i < WORD_COUNT; i++)
    words[i] = get_word(bytes + 8 + 8 * i);
  return memcmp(bytes, magic, sizeof magic) == 0 && words[WORD_SELF] == hash_crc32(0, bytes, 8 + 8 * WORD_SELF);
}

uint32_t snapshot_version(void) {
#define NAME(name, help) #name " "
  static const char program[] = COXSWAIN_VERSION " " STINT_END_LIST(NAME);
#undef NAME
  const size_t shape[] = {sizeof(struct trial), sizeof(struct study)};
  return hash_crc32(hash_crc32(0, program, sizeof program), shape, sizeof shape);
}

/* ---- the journal it belongs to ---- */

static bool crc_of_piece(int fd, int64_t offset, size_t n, int64_t *crc) {
  char *bytes = mem_alloc(n);
  size_t done = 0;
  while (done < n) {
    ssize_t got = pread(fd, bytes + done, n - done, (off_t)(offset + (int64_t)done));
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      break;
    done += (size_t)got;
  }
  *crc = hash_crc32(0, bytes, done);
  free(bytes);
  return done == n;
}

bool journal_fingerprint(int fd, int64_t offset, int64_t *first, int64_t *last) {
  size_t n = offset < FINGERPRINT ? (size_t)offset : FINGERPRINT;
  return offset > 0 && crc_of_piece(fd, 0, n, first) && crc_of_piece(fd, offset - (int64_t)n, n, last);
}

char *snapshot_path(const char *journal) {
  char *folder = path_folder(journal), *path = path_join(folder, "journal.snapshot");
  free(folder);
  return path;
}
