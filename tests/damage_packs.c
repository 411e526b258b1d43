/* damage_packs COUNT FILE...: packs and model files, damaged COUNT times by one bit, COUNT / 10 times cut short, and as
 * often with a page of zeros, two blocks exchanged, a block doubled. None may be taken for good, and none may do harm.
 * The file itself is not touched. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/rng.h"
#include "store/pack.h"

enum { PAGE = 4096 };

static void flip(unsigned char *bytes, size_t *n, struct rng *r) {
  bytes[rng_below(r, *n)] ^= (unsigned char)(1u << rng_below(r, 8));
}

static void cut(unsigned char *bytes, size_t *n, struct rng *r) {
  (void)bytes;
  *n = rng_below(r, *n);
}

static void zero(unsigned char *bytes, size_t *n, struct rng *r) {
  size_t page = rng_below(r, (*n + PAGE - 1) / PAGE) * PAGE;
  memset(bytes + page, 0, *n - page < PAGE ? *n - page : PAGE);
}

static void swap(unsigned char *bytes, size_t *n, struct rng *r) {
  size_t length = 1 + rng_below(r, PAGE), room = *n > length ? *n - length : 1;
  size_t a = rng_below(r, room), b = rng_below(r, room);
  unsigned char block[PAGE];
  if (*n <= length || (a < b ? b - a : a - b) < length)
    return;
  memcpy(block, bytes + a, length);
  memcpy(bytes + a, bytes + b, length);
  memcpy(bytes + b, block, length);
}

static void repeat(unsigned char *bytes, size_t *n, struct rng *r) {
  size_t length = 1 + rng_below(r, PAGE), at = rng_below(r, *n);
  length = length < *n - at ? length : *n - at;
  memmove(bytes + at + length, bytes + at, *n - at);
  *n += length;
}

static bool is_refused(const char *path) {
  int64_t *trials = NULL, *steps = NULL;
  size_t n = 0;
  bool refused = pack_list(path, &trials, &steps, &n) == ERR_DAMAGED && n == 0 && strstr(err_text(), path);
  err_clear();
  refused = refused && pack_check(path) == ERR_DAMAGED;
  err_clear();
  free(trials);
  free(steps);
  return refused;
}

static const struct kind {
  const char *name;
  void (*damage)(unsigned char *bytes, size_t *n, struct rng *r);
  size_t share; /* one of so many */
} kinds[] = {{"bit flips", flip, 1},
             {"truncations", cut, 10},
             {"zeroed pages", zero, 10},
             {"swapped blocks", swap, 10},
             {"doubled blocks", repeat, 10}};

static bool damage_all(const struct kind *kind, size_t count, const struct strbuf *files, size_t n_files) {
  struct rng r = rng_of(rng_key(kind->name, 1));
  size_t done = 0;
  bool good = true;
  for (size_t tries = 0; done < count && tries < 100 * count && good; tries++) {
    const struct strbuf *file = &files[rng_below(&r, n_files)];
    unsigned char *bytes = mem_alloc(file->len + PAGE);
    size_t n = file->len;
    memcpy(bytes, file->text, n);
    kind->damage(bytes, &n, &r);
    if (n != file->len || memcmp(bytes, file->text, n) != 0) { /* zeros over zeros change nothing */
      FILE *f = fopen("damaged.h5", "wb");
      good = f && fwrite(bytes, 1, n, f) == n;
      good = f && fclose(f) == 0 && good && is_refused("damaged.h5");
      done++;
    }
    free(bytes);
  }
  if (good && done == count)
    printf("torture: damage %s %zu ok\n", kind->name, done);
  else
    fprintf(stderr, "%s: number %zu is taken for good: it is in damaged.h5\n", kind->name, done);
  return good && done == count;
}

int main(int argc, char **argv) {
  size_t count = argc > 2 ? strtoul(argv[1], NULL, 10) : 0, n = (size_t)(argc - 2);
  if (count == 0) {
    fprintf(stderr, "usage: damage_packs COUNT FILE...\n");
    return 2;
  }
  struct strbuf *files = MEM_NEW_ARRAY(struct strbuf, n);
  bool good = true;
  for (size_t i = 0; i < n; i++) {
    strbuf_init(&files[i]);
    good = good && pack_check(argv[i + 2]) == OK && file_read(argv[i + 2], &files[i]) == OK;
  }
  if (!good)
    fprintf(stderr, "%s\n", err_text());
  for (size_t k = 0; k < sizeof kinds / sizeof *kinds && good; k++)
    good = damage_all(&kinds[k], (count + kinds[k].share - 1) / kinds[k].share, files, n);
  for (size_t i = 0; i < n; i++)
    strbuf_free(&files[i]);
  free(files);
  if (good)
    remove("damaged.h5");
  return good ? 0 : 1;
}
