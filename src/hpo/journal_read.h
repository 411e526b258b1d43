/* Reading a journal group by group: a group is checked as a whole before any of its lines is passed on. */
#ifndef COXSWAIN_HPO_JOURNAL_READ_H
#define COXSWAIN_HPO_JOURNAL_READ_H

#include "hpo/journal.h"

struct journal_end {
  int64_t committed; /* bytes up to the end of the last complete group, attribute lines behind it included */
  int64_t lines;     /* passed on */
  int64_t line;      /* lines in all, dropped ones included */
  int64_t dropped;   /* lines of older epochs */
  int64_t epoch;     /* of the last group, 0 if there is none */
  uint32_t crc;      /* chained over the groups */
  bool torn;         /* bytes follow that are no complete group */
};

enum err journal_read_file(int fd, const char *path, journal_visit visit, void *context, struct journal_end *end);
/* From there on; `end` is as if all had been read. */
enum err journal_read_from(int fd, const char *path, const struct journal_mark *from, journal_visit visit,
                           void *context, struct journal_end *end);

/* CRC of a line and its line feed, `line` being without it, chained on. */
uint32_t journal_crc_line(uint32_t crc, const char *line, size_t n);

#endif
