/* The trailer of a snapshot, for snapshot_write.c and snapshot_read.c only. */
#ifndef COXSWAIN_HPO_SNAPSHOT_FILE_H
#define COXSWAIN_HPO_SNAPSHOT_FILE_H

#include "hpo/snapshot.h"

enum { SNAPSHOT_FORMAT = 5 };

/* In this order, 8 bytes each, behind the magic. */
enum snapshot_word {
  WORD_FORMAT,
  WORD_VERSION, /* of the program, as a CRC of all that says so: another one may fold otherwise */
  WORD_LENGTH,  /* of the file without the trailer */
  WORD_CRC,     /* of the same */
  WORD_TRIALS,
  WORD_ROWS,   /* of the history */
  WORD_EVENTS, /* of the same */
  WORD_OFFSET, /* struct journal_mark */
  WORD_LINE,
  WORD_LINES,
  WORD_EPOCH,
  WORD_JOURNAL_CRC,
  WORD_FIRST, /* CRC of the journal's first bytes */
  WORD_LAST,  /* CRC of its last bytes before the place */
  WORD_SELF,  /* CRC of the trailer up to here */
  WORD_COUNT
};
enum { SNAPSHOT_TRAILER = 8 + 8 * WORD_COUNT };

void trailer_format(const int64_t words[WORD_COUNT], char bytes[SNAPSHOT_TRAILER]); /* fills WORD_SELF in */
/* False if it is no trailer, or damaged; of another format only WORD_FORMAT is good. */
bool trailer_scan(const char bytes[SNAPSHOT_TRAILER], int64_t words[WORD_COUNT]);

/* What tells this journal from others, as far as that can be seen without reading it: CRCs of its first and of its last
 * bytes before `offset`. False if it is shorter or cannot be read. */
bool journal_fingerprint(int fd, int64_t offset, int64_t *first, int64_t *last);
uint32_t snapshot_version(void);
char *snapshot_path(const char *journal); /* caller frees */

#endif
