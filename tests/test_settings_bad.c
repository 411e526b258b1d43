/* Study files with mistakes: each says what is wrong; none crashes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/rng.h"
#include "conf/settings.h"
#include "testing.h"

static const char mark[] = "# expect: ";

static bool said(const struct complaints *c, const char *text, size_t length) {
  for (size_t i = 0; i < c->n; i++)
    if (memmem(c->lines[i], strlen(c->lines[i]), text, length))
      return true;
  return false;
}

/* The comments at the head of the file hold a part of each complaint; there must be as many complaints. */
static bool complaints_as_expected(const char *path) {
  struct strbuf text = STRBUF_INIT;
  struct complaints c;
  struct settings *s;
  size_t expected = 0;
  bool good = file_read(path, &text) == OK;
  complaints_init(&c);
  settings_read(&s, path, NULL, 0, &c);
  for (const char *line = text.text; strncmp(line, mark, strlen(mark)) == 0; line = strchr(line, '\n') + 1) {
    const char *part = line + strlen(mark);
    good &= said(&c, part, strcspn(part, "\n"));
    expected++;
  }
  good &= expected > 0 && c.n == expected;
  for (size_t i = 0; !good && i < c.n; i++)
    printf("\n%s: said '%s'\n", path, c.lines[i]);
  complaints_free(&c);
  settings_free(s);
  strbuf_free(&text);
  return good;
}

static void test_bad_files(void) {
  const char *folder = test_source_file("tests/data/settings/bad");
  char **names, *where = mem_strdup(folder);
  size_t n;
  REQUIRE(folder != NULL);
  REQUIRE(file_list(where, ".cfg", &names, &n) == OK);
  CHECK(n >= 60);
  for (size_t i = 0; i < n; i++) {
    char *path = path_join(where, names[i]);
    CHECK(complaints_as_expected(path));
    free(path);
  }
  file_list_free(names, n);
  free(where);
}

static const char valid[] =
    "/* a study */ evaluator = \"train\";\n"
    "study = { name = \"scan\"; trials = 20; seed = 3000000000; timeout = \"1h30m\"; };\n"
    "space = { lr = { low = 1e-4; high = 0.1; log = true; }; act = (\"relu\", \"tanh\", 3, true);\n"
    "  depth = 3; mom = { low = 0.0; high = 0.9; when = { act = \"relu\"; }; }; }; // the space\n"
    "data = { files = [\"a.h5\", \"b.h5\"]; classes = { light = 0; b = (5, 55L); }; missing = -999; };\n"
    "model = { hidden = (\"@depth\", 32, 0x10); activation = \"@act\"; };\n"
    "train = { lr = \"@lr\"; plateau = { factor = .5; }; epochs = 1e2; }; # the rest is defaults\n"
    "tag = { b = { c = 0.018; light = 0.982; }; };\n";

/* Bytes that mean something to the parser, and some that mean nothing. */
static const char spice[] = "{}()[]=;:,\"'@*#/\\\n\r\t .0123456789eEL+-_xy\x01\x7f\x80\xc3\xe2\xff\xef";

static void mutate(struct rng *r, char *text, size_t *n, size_t room) {
  size_t at = (size_t)rng_below(r, *n), span = 1 + (size_t)rng_below(r, 20);
  span = span > *n - at ? *n - at : span;
  switch (rng_below(r, 5)) {
  case 0: /* another byte */
    text[at] = spice[rng_below(r, sizeof spice - 1)];
    break;
  case 1: /* a byte more */
    if (*n + 1 < room) {
      memmove(text + at + 1, text + at, *n - at);
      text[at] = spice[rng_below(r, sizeof spice - 1)];
      (*n)++;
    }
    break;
  case 2: /* some bytes less */
    if (*n > span + 1) {
      memmove(text + at, text + at + span, *n - at - span);
      *n -= span;
    }
    break;
  case 3: { /* a piece from elsewhere */
    size_t from = (size_t)rng_below(r, *n - span + 1);
    memmove(text + at, text + from, span);
    break;
  }
  default: /* cut off */
    if (rng_below(r, 10) == 0)
      *n = at + 1;
  }
  text[*n] = '\0';
}

static void use_everything(struct settings *s) {
  struct strbuf out = STRBUF_INIT;
  struct settings *again;
  struct complaints c;
  complaints_init(&c);
  settings_write(s, &out);
  settings_read_text(&again, out.text, "again.cfg", NULL, 0, &c);
  CHECK(c.n == 0); /* what was accepted must be written so that it reads back */
  settings_check_references(s, NULL, 0, &c);
  complaints_free(&c);
  settings_free(again);
  strbuf_free(&out);
}

static void test_mutations(void) {
  struct rng r = rng_of(rng_key("mutations", 1));
  size_t parsed = 0, clean = 0;
  for (int i = 0; i < 3000; i++) {
    char text[sizeof valid + 64];
    size_t n = sizeof valid - 1;
    memcpy(text, valid, sizeof valid);
    for (uint64_t k = 1 + rng_below(&r, 4); k > 0; k--)
      mutate(&r, text, &n, sizeof text);
    struct complaints c;
    struct settings *s;
    complaints_init(&c);
    settings_read_text(&s, text, "mutated.cfg", NULL, 0, &c);
    CHECK(s != NULL || c.n > 0); /* never a silent failure */
    parsed += s != NULL;
    clean += s != NULL && c.n == 0;
    if (s)
      use_everything(s);
    complaints_free(&c);
    settings_free(s);
  }
  CHECK(parsed > 100 && clean > 50 && clean < 2900); /* the mutations are neither harmless nor all fatal */
}

static void test_mutated_overrides(void) {
  static const char *const seeds[] = {"study.trials=20",         "model.hidden=(32, 16)",
                                      "space.lr={ low = 0.1; }", "space.act=(\"relu\", tanh)",
                                      "run.walltime=1:30:00",    "data.classes.b=[5, 55]"};
  struct rng r = rng_of(rng_key("overrides", 1));
  for (int i = 0; i < 3000; i++) {
    char text[200];
    const char *seed = seeds[rng_below(&r, sizeof seeds / sizeof *seeds)], *override = text;
    size_t n = strlen(seed);
    memcpy(text, seed, n + 1);
    for (uint64_t k = 1 + rng_below(&r, 4); k > 0; k--)
      mutate(&r, text, &n, sizeof text);
    struct complaints c;
    struct settings *s;
    complaints_init(&c);
    settings_read_text(&s, valid, "valid.cfg", &override, 1, &c);
    REQUIRE(s != NULL);
    if (c.n == 0)
      use_everything(s);
    complaints_free(&c);
    settings_free(s);
  }
}

int main(void) {
  return TEST_MAIN("settings_bad", {"files with mistakes", test_bad_files}, {"mutated study files", test_mutations},
                   {"mutated --set", test_mutated_overrides});
}
