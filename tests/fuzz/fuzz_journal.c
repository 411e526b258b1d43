/* Whole journals, folded to a study. After a first byte that is a space the lines get the right commit marks, one for
 * each group of lines that a blank line ends: a random change would hardly ever pass the checksum. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/strbuf.h"
#include "fuzz.h"
#include "hpo/journal_read.h"
#include "hpo/study.h"

/* As journal_commit does it. */
static void seal(struct strbuf *out, struct strbuf *group, uint32_t *crc) {
  if (group->len < 2 || group->text[group->len - 2] != '}') {
    strbuf_add(out, group->text, group->len);
  } else {
    *crc = journal_crc_line(*crc, group->text, group->len - 1);
    strbuf_printf(out, "%.*s,\"commit\":\"1-%08" PRIx32 "\"}\n", (int)(group->len - 2), group->text, *crc);
  }
  strbuf_clear(group);
}

static void seal_all(const char *text, size_t n, struct strbuf *out) {
  struct strbuf group = STRBUF_INIT;
  uint32_t crc = 0;
  for (size_t at = 0; at < n;) {
    const char *feed = memchr(text + at, '\n', n - at);
    size_t length = feed ? (size_t)(feed - (text + at)) : n - at;
    if (length == 0)
      seal(out, &group, &crc);
    else {
      strbuf_add(&group, text + at, length);
      strbuf_putc(&group, '\n');
    }
    at += length + 1;
  }
  seal(out, &group, &crc);
  strbuf_free(&group);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
  struct strbuf text = STRBUF_INIT;
  struct study study;
  struct journal_end end;
  if (n && bytes[0] == ' ')
    seal_all((const char *)bytes + 1, n - 1, &text);
  else if (n)
    strbuf_add(&text, bytes, n);
  int fd = open(fuzz_file((const uint8_t *)text.text, text.len), O_RDONLY | O_CLOEXEC);
  FUZZ_REQUIRE(fd >= 0);
  study_init(&study, NULL);
  (void)journal_read_file(fd, "journal.log", study_visit, &study, &end);
  FUZZ_REQUIRE(end.committed >= 0 && end.committed <= (int64_t)text.len);
  close(fd);
  study_free(&study);
  strbuf_free(&text);
  return 0;
}
