/* States in a worker's memory: whatever comes and goes, what is left is what was put last. */
#include "base/rng.h"
#include "run/holdings.h"
#include "testing.h"

enum { TRIALS = 200 };

static void put(struct holdings *h, int64_t trial, int64_t step, bool unsaved) {
  struct state state;
  state_init(&state);
  state_put_i64(&state, "step", step);
  holdings_put(h, trial, step, &state, unsaved);
  CHECK(state.n == 0); /* it was taken over */
}

static void check_all(struct holdings *h, const int64_t step[TRIALS]) {
  size_t n = 0, bytes = 0;
  for (int64_t trial = 0; trial < TRIALS; trial++) {
    const struct held *held = holdings_find(h, trial);
    int64_t found = -1;
    CHECK((held != NULL) == (step[trial] >= 0));
    if (!held)
      continue;
    CHECK(held->trial == trial);
    CHECK(held->step == step[trial]);
    CHECK(state_take_i64(&held->state, "step", &found) == OK);
    CHECK(found == step[trial]);
    bytes += state_bytes(&held->state);
    n++;
  }
  CHECK(h->n == n);
  CHECK(h->bytes == bytes);
}

static void test_come_and_go(void) {
  struct holdings h = {0};
  struct rng rng = rng_of(rng_key("holdings", 1));
  int64_t step[TRIALS];
  for (size_t i = 0; i < TRIALS; i++)
    step[i] = -1;
  for (int64_t i = 0; i < 5000; i++) {
    int64_t trial = (int64_t)(rng_uniform(&rng) * TRIALS);
    bool goes = rng_uniform(&rng) < 0.4;
    if (goes)
      holdings_drop(&h, trial);
    else
      put(&h, trial, i, true);
    step[trial] = goes ? -1 : i;
    if (i % 100 == 0)
      check_all(&h, step);
  }
  check_all(&h, step);
  CHECK(!holdings_find(&h, 1000000));
  CHECK(!holdings_find(&h, -1));
  holdings_drop(&h, 1000000);
  holdings_free(&h);
}

static void test_shed(void) {
  struct holdings h = {0};
  for (int64_t trial = 0; trial < 30; trial++)
    put(&h, trial, trial, trial % 3 == 0);
  size_t one = h.bytes / 30;
  holdings_shed(&h, h.bytes);
  CHECK(h.n == 30); /* they fit */
  holdings_shed(&h, 15 * one);
  CHECK(h.n == 15);
  holdings_shed(&h, 0);
  CHECK(h.n == 10); /* what no pack has stays, whatever it takes */
  for (int64_t trial = 0; trial < 30; trial++)
    CHECK((holdings_find(&h, trial) != NULL) == (trial % 3 == 0));
  holdings_free(&h);
}

int main(void) {
  return TEST_MAIN("holdings", {"come and go", test_come_and_go}, {"shed", test_shed});
}
