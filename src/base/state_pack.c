/* A state as flat bytes: a heading, for each array a heading and its elements, a CRC-32 of all before it. The byte
 * order is the machine's: the ranks of one run share it. */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/state.h"

struct heading {
  char magic[8];
  uint64_t bytes; /* of the whole message, its CRC included */
  uint64_t arrays;
};

struct array_heading {
  char name[64];
  uint64_t type, n;
};

static const char magic[8] = "CXSTATE1";

void state_pack(const struct state *s, struct strbuf *out) {
  size_t start = out->len;
  struct heading h = {.arrays = s->n};
  memcpy(h.magic, magic, sizeof magic);
  h.bytes = sizeof h + s->n * sizeof(struct array_heading) + state_bytes(s) + sizeof(uint32_t);
  strbuf_reserve(out, h.bytes);
  strbuf_add(out, &h, sizeof h);
  for (size_t i = 0; i < s->n; i++) {
    const struct state_array *a = &s->items[i];
    struct array_heading ah = {.type = (uint64_t)a->type, .n = a->n};
    memcpy(ah.name, a->name, sizeof ah.name);
    strbuf_add(out, &ah, sizeof ah);
    strbuf_add(out, a->data, a->n * state_element_size(a->type));
  }
  uint32_t crc = hash_crc32(0, out->text + start, out->len - start);
  strbuf_add(out, &crc, sizeof crc);
}

struct reader {
  const char *at;
  size_t left;
};

static const void *take(struct reader *r, size_t n) {
  if (n > r->left)
    return NULL;
  const void *p = r->at;
  r->at += n;
  r->left -= n;
  return p;
}

static enum err unpack_array(struct state *s, struct reader *r) {
  struct array_heading ah;
  const void *p = take(r, sizeof ah);
  if (!p)
    return FAIL(ERR_DAMAGED, "a packed state ends inside the heading of array %zu", s->n);
  memcpy(&ah, p, sizeof ah);
  if (ah.name[0] == '\0' || !memchr(ah.name, '\0', sizeof ah.name) || ah.type > STATE_TEXT)
    return FAIL(ERR_DAMAGED, "a packed state has no valid heading for array %zu", s->n);
  size_t element = state_element_size((enum state_type)ah.type);
  if (ah.n > r->left / element)
    return FAIL(ERR_DAMAGED, "a packed state ends inside its array '%s'", ah.name);
  state_put(s, ah.name, (enum state_type)ah.type, take(r, ah.n * element), ah.n);
  return OK;
}

static enum err unpack(struct state *s, const void *bytes, size_t n) {
  struct heading h;
  uint32_t crc;
  if (n < sizeof h + sizeof crc)
    return FAIL(ERR_DAMAGED, "a packed state has %zu bytes, which is less than its heading", n);
  memcpy(&h, bytes, sizeof h);
  if (memcmp(h.magic, magic, sizeof magic) != 0 || h.bytes != n)
    return FAIL(ERR_DAMAGED, "%zu bytes are not one whole packed state", n);
  memcpy(&crc, (const char *)bytes + n - sizeof crc, sizeof crc);
  if (crc != hash_crc32(0, bytes, n - sizeof crc))
    return FAIL(ERR_DAMAGED, "a packed state of %zu bytes has a wrong checksum", n);
  struct reader r = {.at = (const char *)bytes + sizeof h, .left = n - sizeof h - sizeof crc};
  for (uint64_t i = 0; i < h.arrays; i++)
    TRY(unpack_array(s, &r));
  if (r.left != 0 || s->n != h.arrays)
    return FAIL(ERR_DAMAGED, "a packed state has bytes left over or names an array twice");
  return OK;
}

enum err state_unpack(struct state *s, const void *bytes, size_t n) {
  struct state read;
  state_init(&read);
  enum err e = unpack(&read, bytes, n);
  if (e != OK) {
    state_free(&read);
    return err_pass(e, __FILE__, __LINE__, __func__);
  }
  state_free(s);
  *s = read;
  return OK;
}
