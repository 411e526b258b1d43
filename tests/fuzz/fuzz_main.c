/* Without libFuzzer: fuzz_TARGET FOLDER [RUNS]: every file of the folder as it is, then RUNS mutations of them, always
 * the same ones. An input that hangs is one that takes more than ten seconds: SIGALRM ends the program. The input at
 * work is in fuzz_TARGET.input while it runs. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/rng.h"
#include "fuzz.h"

enum { PATIENCE = 10, MOST = 1 << 16 };

struct corpus {
  struct strbuf *inputs;
  size_t n;
};

static void run(const char *bytes, size_t n, int save) {
  FUZZ_REQUIRE(pwrite(save, bytes, n, 0) == (ssize_t)n && ftruncate(save, (off_t)n) == 0);
  void *copy = mem_dup(bytes, n + 1); /* of its own, for the sanitizer */
  alarm(PATIENCE);
  LLVMFuzzerTestOneInput(copy, n);
  alarm(0);
  free(copy);
  err_clear();
}

static size_t mutate(struct rng *r, const struct corpus *c, char *bytes, size_t n) {
  static const char spice[] = "{}()[]=;:,\"'@*#/\\\n\r\t .0123456789eE+-_xynulltrue\x00\x01\x7f\x80\xc3\xe2\xff";
  size_t at = rng_below(r, n + 1), span = 1 + rng_below(r, 16);
  span = span > n - at ? n - at : span;
  switch (rng_below(r, 6)) {
  case 0:
    if (at < n)
      bytes[at] = (char)(bytes[at] ^ 1 << rng_below(r, 8));
    return n;
  case 1:
    if (at < n)
      bytes[at] = spice[rng_below(r, sizeof spice - 1)];
    return n;
  case 2: /* a byte more */
    if (n + 1 > MOST)
      return n;
    memmove(bytes + at + 1, bytes + at, n - at);
    bytes[at] = spice[rng_below(r, sizeof spice - 1)];
    return n + 1;
  case 3: /* some less */
    memmove(bytes + at, bytes + at + span, n - at - span);
    return n - span;
  case 4: { /* a piece of another */
    const struct strbuf *other = &c->inputs[rng_below(r, c->n)];
    size_t from = rng_below(r, other->len + 1), most = other->len - from;
    span = rng_below(r, most + 1);
    if (n + span > MOST)
      return n;
    memmove(bytes + at + span, bytes + at, n - at);
    memcpy(bytes + at, other->text + from, span);
    return n + span;
  }
  default:
    return rng_below(r, 8) ? n : at;
  }
}

static void run_mutations(const struct corpus *c, size_t runs, int save) {
  struct rng r = rng_of(rng_key("fuzz", 1));
  char *bytes = mem_alloc(MOST + 1);
  for (size_t i = 0; i < runs; i++) {
    const struct strbuf *seed = &c->inputs[rng_below(&r, c->n)];
    size_t n = seed->len < MOST ? seed->len : MOST;
    memcpy(bytes, seed->text, n);
    for (uint64_t k = 1 + rng_below(&r, 6); k > 0; k--)
      n = mutate(&r, c, bytes, n);
    bytes[n] = '\0';
    run(bytes, n, save);
  }
  free(bytes);
}

int main(int argc, char **argv) {
  char **names, name[300];
  struct corpus c = {0};
  if (argc < 2 || file_list(argv[1], "", &names, &c.n) != OK || c.n == 0) {
    fprintf(stderr, "usage: %s FOLDER [RUNS]: no input there: %s\n", argv[0], err_text());
    return 2;
  }
  size_t runs = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
  LLVMFuzzerInitialize(&argc, &argv);
  snprintf(name, sizeof name, "%s.input", path_name(argv[0]));
  int save = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  c.inputs = MEM_NEW_ARRAY(struct strbuf, c.n);
  for (size_t i = 0; i < c.n; i++) {
    char *path = path_join(argv[1], names[i]);
    strbuf_init(&c.inputs[i]);
    FUZZ_REQUIRE(file_read(path, &c.inputs[i]) == OK);
    run(c.inputs[i].text, c.inputs[i].len, save);
    free(path);
  }
  run_mutations(&c, runs, save);
  for (size_t i = 0; i < c.n; i++)
    strbuf_free(&c.inputs[i]);
  free(c.inputs);
  printf("torture: fuzz %s %zu ok\n", path_name(argv[0]), c.n + runs);
  file_list_free(names, c.n);
  close(save);
  unlink(name);
  return 0;
}
