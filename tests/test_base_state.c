/* States: arrays by name, and their flat bytes. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/state.h"
#include "testing.h"

static void fill(struct state *s) {
  static const float weights[5] = {1.5f, -2, 3, 0, 1e-30f};
  static const double moments[3] = {1e300, -0.1, 0};
  state_init(s);
  state_put(s, "weights", STATE_F32, weights, 5);
  state_put(s, "moments", STATE_F64, moments, 3);
  state_put_i64(s, "step", 1234567890123);
  state_put_f64(s, "best", 0.25);
  state_put_text(s, "scheduler", "cosine");
  state_put(s, "empty", STATE_F32, NULL, 0);
  state_put_text(s, "nothing", "");
}

static int same(const struct state *a, const struct state *b) {
  if (a->n != b->n)
    return 0;
  for (size_t i = 0; i < a->n; i++) {
    const struct state_array *x = &a->items[i], *y = &b->items[i];
    if (strcmp(x->name, y->name) != 0 || x->type != y->type || x->n != y->n ||
        memcmp(x->data, y->data, x->n * state_element_size(x->type)) != 0)
      return 0;
  }
  return 1;
}

static void test_put_and_take(void) {
  struct state s;
  float weights[5];
  int64_t step = 0;
  double best = 0;
  fill(&s);
  CHECK(state_take(&s, "weights", STATE_F32, weights, 5) == OK && weights[0] == 1.5f);
  CHECK(state_take_i64(&s, "step", &step) == OK && step == 1234567890123);
  CHECK(state_take_f64(&s, "best", &best) == OK && best == 0.25);
  CHECK_TEXT(state_text(&s, "scheduler"), "cosine");
  CHECK_TEXT(state_text(&s, "nothing"), "");
  CHECK(state_text(&s, "weights") == NULL && state_text(&s, "absent") == NULL);
  CHECK(state_take(&s, "empty", STATE_F32, NULL, 0) == OK);
  CHECK(state_bytes(&s) == 5 * 4 + 3 * 8 + 8 + 8 + 6);
  float *fresh = state_put(&s, "weights", STATE_F32, NULL, 2); /* replaces; zeroed */
  CHECK(fresh[0] == 0 && fresh[1] == 0 && s.n == 7 && state_get(&s, "weights")->n == 2);
  state_free(&s);
  CHECK(s.n == 0 && s.items == NULL);
}

static void test_take_of_another_shape(void) {
  struct state s;
  float weights[6];
  int64_t step;
  fill(&s);
  err_clear();
  CHECK(state_take(&s, "weights", STATE_F32, weights, 6) == ERR_DAMAGED);
  CHECK(test_text_contains(err_text(), "'weights' holds 5 of float32, 6 of float32 wanted"));
  err_clear();
  CHECK(state_take_i64(&s, "best", &step) == ERR_DAMAGED);
  CHECK(test_text_contains(err_text(), "1 of float64, 1 of int64 wanted"));
  err_clear();
  CHECK(state_take_i64(&s, "absent", &step) == ERR_DAMAGED);
  CHECK(test_text_contains(err_text(), "no array 'absent'"));
  err_clear();
  state_free(&s);
}

static void test_copy_and_crc(void) {
  struct state a, b;
  fill(&a);
  fill(&b);
  CHECK(state_crc(&a) == state_crc(&b));
  state_copy(&b, &a);
  CHECK(same(&a, &b) && state_crc(&a) == state_crc(&b));
  state_copy(&b, &b);
  CHECK(same(&a, &b));
  ((unsigned char *)b.items[1].data)[7] ^= 1;
  CHECK(!same(&a, &b) && state_crc(&a) != state_crc(&b));
  state_copy(&b, &a);
  b.items[0].name[0] ^= 1;
  CHECK(state_crc(&a) != state_crc(&b));
  state_free(&a);
  CHECK(state_crc(&a) == 0);
  state_free(&b);
}

static void test_pack_round_trip(void) {
  struct state s, back;
  struct strbuf bytes = STRBUF_INIT;
  fill(&s);
  fill(&back);
  state_put_text(&back, "old", "goes");
  strbuf_puts(&bytes, "before"); /* packs append */
  state_pack(&s, &bytes);
  REQUIRE(state_unpack(&back, bytes.text + 6, bytes.len - 6) == OK);
  CHECK(same(&s, &back));
  CHECK_TEXT(state_text(&back, "scheduler"), "cosine");
  strbuf_clear(&bytes);
  state_free(&s);
  state_pack(&s, &bytes); /* a state of nothing */
  CHECK(state_unpack(&back, bytes.text, bytes.len) == OK && back.n == 0);
  strbuf_free(&bytes);
  state_free(&back);
}

/* The bytes sit in an allocation of exactly their size, so that the address sanitizer sees one step too far. */
static enum err unpack_exact(struct state *s, const void *bytes, size_t n) {
  void *exact = mem_dup(bytes, n);
  enum err e = state_unpack(s, exact, n);
  free(exact);
  return e;
}

static void test_every_cut_is_refused(void) {
  struct state s, back;
  struct strbuf bytes = STRBUF_INIT;
  fill(&s);
  fill(&back);
  state_pack(&s, &bytes);
  size_t refused = 0, flips = 0;
  for (size_t n = 0; n < bytes.len; n++)
    refused += unpack_exact(&back, bytes.text, n) == ERR_DAMAGED;
  CHECK(refused == bytes.len);
  for (size_t at = 0; at < bytes.len; at++) {
    bytes.text[at] ^= (char)(1 << at % 8);
    flips += unpack_exact(&back, bytes.text, bytes.len) == ERR_DAMAGED;
    bytes.text[at] ^= (char)(1 << at % 8);
  }
  CHECK(flips == bytes.len);
  strbuf_putc(&bytes, 'x');
  CHECK(unpack_exact(&back, bytes.text, bytes.len) == ERR_DAMAGED);
  CHECK(same(&s, &back)); /* a refused message changes nothing */
  strbuf_free(&bytes);
  state_free(&s);
  state_free(&back);
  err_clear();
}

/* Damage with a checksum that fits, as a bug in a sender would make it: the parser itself must hold. */
static void test_damage_below_the_checksum(void) {
  struct state s, back;
  struct strbuf bytes = STRBUF_INIT;
  struct rng r = rng_of(rng_key("damage", 1));
  fill(&s);
  state_init(&back);
  int refused = 0;
  for (int i = 0; i < 20000; i++) {
    strbuf_clear(&bytes);
    state_pack(&s, &bytes);
    for (int k = 0; k < 3; k++)
      bytes.text[rng_below(&r, bytes.len - 4)] = (char)(rng_below(&r, 3) ? rng_u64(&r) : 0xff);
    uint32_t crc = hash_crc32(0, bytes.text, bytes.len - 4);
    memcpy(bytes.text + bytes.len - 4, &crc, 4);
    refused += unpack_exact(&back, bytes.text, bytes.len) == ERR_DAMAGED;
  }
  CHECK(refused > 2000 && refused < 20000);
  strbuf_free(&bytes);
  state_free(&s);
  state_free(&back);
  err_clear();
}

int main(void) {
  return TEST_MAIN("state", {"put and take", test_put_and_take}, {"another shape", test_take_of_another_shape},
                   {"copy and checksum", test_copy_and_crc}, {"pack round trip", test_pack_round_trip},
                   {"every cut and flip is refused", test_every_cut_is_refused},
                   {"damage below the checksum", test_damage_below_the_checksum});
}
