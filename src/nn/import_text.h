/* Delimited text (RFC 4180), plain or compressed, record by record, with the place of every field. */
#ifndef COXSWAIN_NN_IMPORT_TEXT_H
#define COXSWAIN_NN_IMPORT_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/strbuf.h"

struct text_field {
  size_t start;        /* in the record's text, NUL-terminated, without spaces around it */
  size_t line, column; /* from 1, columns in bytes */
};

struct text_file {
  const char *path;
  void *gz; /* zlib's gzFile */
  double size;
  char separator;
  unsigned char block[65536];
  size_t at, in_block;
  size_t line, column; /* of the next byte */
  bool eof;
  struct strbuf text;
  struct text_field *fields;
  size_t n_fields, cap;
};

enum err text_open(struct text_file *f, const char *path, char separator);
void text_close(struct text_file *f);
/* The next record that is not blank; *more is false at the end of the file. */
enum err text_record(struct text_file *f, bool *more);
char *text_of(const struct text_file *f, size_t field);
double text_share(const struct text_file *f); /* of the file that is read, 0 to 1 */

#endif
