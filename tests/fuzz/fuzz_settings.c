/* Study files: text to settings to space; what is accepted is written so that it reads back. */
#include <stdlib.h>

#include "conf/settings.h"
#include "fuzz.h"
#include "hpo/space.h"

static void read_back(const struct settings *s) {
  struct strbuf text = STRBUF_INIT;
  struct settings *again;
  struct complaints c;
  complaints_init(&c);
  settings_write(s, &text);
  settings_read_text(&again, text.text, "again.cfg", NULL, 0, &c);
  FUZZ_REQUIRE(again && c.n == 0);
  complaints_free(&c);
  settings_free(again);
  strbuf_free(&text);
}

static void use_space(const struct space *s) {
  struct params p;
  params_init(&p);
  double *u = calloc(s->n_coordinates + 1, sizeof *u);
  for (size_t i = 0; i < s->n_coordinates; i++)
    u[i] = (double)(i % 5) / 4;
  space_decode(s, u, &p);
  FUZZ_REQUIRE(space_encode(s, &p, u, "the point") == OK); /* a point of the space is in the space */
  (void)space_cardinality(s);
  (void)space_grid_size(s);
  params_free(&p);
  free(u);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
  char *text = fuzz_text(bytes, n);
  struct settings *s;
  struct complaints c;
  struct space space = {0};
  complaints_init(&c);
  settings_read_text(&s, text, "study.cfg", NULL, 0, &c);
  FUZZ_REQUIRE(s || c.n); /* never a silent failure */
  if (s) {
    space_from_settings(&space, s, &c);
    settings_check_references(s, NULL, 0, &c);
    if (!c.n) {
      read_back(s);
      use_space(&space);
    }
    space_free(&space);
  }
  settings_free(s);
  complaints_free(&c);
  free(text);
  return 0;
}
