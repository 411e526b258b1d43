#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/pool.h"
#include "base/rng.h"
#include "testing.h"

enum { LISTS = 200 };

/* Lists that grow in turns keep their content and never share memory. */
static void test_lists(void) {
  struct pool p;
  struct rng r = rng_of(rng_key("pool", 1));
  struct {
    int64_t *items;
    size_t n;
  } list[LISTS] = {0};
  pool_init(&p);
  for (int i = 0; i < 60000; i++) {
    size_t k = rng_below(&r, 10) ? rng_below(&r, LISTS) : 0; /* one of them grows large */
    POOL_GROW(&p, list[k].items, list[k].n);
    CHECK((uintptr_t)list[k].items % 16 == 0);
    list[k].items[list[k].n] = (int64_t)(k * 1000000 + list[k].n);
    list[k].n++;
    if (i % 7 == 0)
      CHECK_TEXT(pool_text(&p, "odd"), "odd"); /* texts between them move no block off its boundary */
  }
  size_t wrong = 0;
  for (size_t k = 0; k < LISTS; k++)
    for (size_t i = 0; i < list[k].n; i++)
      wrong += list[k].items[i] != (int64_t)(k * 1000000 + i);
  CHECK(wrong == 0 && list[0].n > 5000);
  pool_free(&p);
  CHECK(p.n == 0 && p.names == NULL);
}

static void test_large_items(void) {
  struct pool p;
  struct {
    char bytes[3000];
  } *items = NULL;
  pool_init(&p);
  for (size_t n = 0; n < 3000; n++) {
    POOL_GROW(&p, items, n);
    memset(&items[n], (int)(n % 251), sizeof *items);
  }
  for (size_t n = 0; n < 3000; n++)
    if (items[n].bytes[0] != (char)(n % 251) || items[n].bytes[2999] != (char)(n % 251))
      CHECK(false);
  char *text = mem_alloc(3 << 20);
  memset(text, 'x', (3 << 20) - 1);
  CHECK_TEXT(pool_text(&p, text), text);
  free(text);
  pool_free(&p);
}

static void test_names(void) {
  struct pool p;
  char *name[5000], text[32];
  pool_init(&p);
  for (int i = 0; i < 5000; i++) {
    snprintf(text, sizeof text, "name %d", i);
    name[i] = pool_name(&p, text);
    CHECK_TEXT(name[i], text);
  }
  for (int i = 0; i < 5000; i++) {
    snprintf(text, sizeof text, "name %d", i);
    CHECK(pool_name(&p, text) == name[i]);
  }
  CHECK(pool_name(&p, "") == pool_name(&p, "") && pool_name(&p, NULL) == NULL && pool_text(&p, NULL) == NULL);
  CHECK(pool_text(&p, "name 1") != name[1]);
  CHECK(p.n_names == 5001);
  pool_free(&p);
}

int main(void) {
  return TEST_MAIN("pool", {"lists that grow", test_lists}, {"large items", test_large_items}, {"names", test_names}, );
}
