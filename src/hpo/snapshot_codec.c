#include "hpo/snapshot_codec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

enum { BUFFER = 1 << 16 };

struct known {
  const char *text;
  size_t index;
};

void codec_free(struct codec *c) {
  strbuf_free(&c->out);
  free(c->buffer);
  free(c->names);
  free(c->known);
}

/* ---- bytes ---- */

static bool fill(struct codec *c) {
  if (!c->buffer)
    c->buffer = mem_alloc(BUFFER);
  size_t wanted = c->left < BUFFER ? (size_t)c->left : BUFFER;
  ssize_t got;
  do
    got = read(c->fd, c->buffer, wanted);
  while (got < 0 && errno == EINTR);
  c->at = 0;
  c->n = got > 0 ? (size_t)got : 0;
  c->left -= (int64_t)c->n;
  c->bad = c->bad || c->n == 0;
  return !c->bad;
}

static unsigned char next_byte(struct codec *c) {
  if (c->at == c->n && !fill(c))
    return 0;
  return (unsigned char)c->buffer[c->at++];
}

static void read_bytes(struct codec *c, char *out, size_t n) {
  while (n > 0 && !c->bad) {
    if (c->at == c->n && !fill(c))
      break;
    size_t take = n < c->n - c->at ? n : c->n - c->at;
    memcpy(out, c->buffer + c->at, take);
    c->at += take;
    out += take;
    n -= take;
  }
  memset(out, 0, n);
}

void code_byte(struct codec *c, char *x) {
  if (c->writing)
    strbuf_putc(&c->out, *x);
  else
    *x = (char)next_byte(c);
}

/* ---- numbers ---- */

/* Seven bits a byte, the lowest first; the highest bit says that more follow. */
static void put_u64(struct codec *c, uint64_t x) {
  for (; x >= 0x80; x >>= 7)
    strbuf_putc(&c->out, (char)(x | 0x80));
  strbuf_putc(&c->out, (char)x);
}

static uint64_t get_u64(struct codec *c) {
  uint64_t x = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    unsigned char byte = next_byte(c);
    x |= (uint64_t)(byte & 0x7f) << shift;
    if (!(byte & 0x80))
      return c->bad ? 0 : x;
  }
  c->bad = true;
  return 0;
}

/* Small numbers of both signs are short: 0, -1, 1, -2 ... */
void code_i64(struct codec *c, int64_t *x) {
  if (c->writing) {
    put_u64(c, (uint64_t)*x << 1 ^ (*x < 0 ? UINT64_MAX : 0));
    return;
  }
  uint64_t u = get_u64(c);
  *x = (int64_t)(u >> 1 ^ (u & 1 ? UINT64_MAX : 0));
}

void code_i32(struct codec *c, int32_t *x) {
  int64_t wide = *x;
  code_i64(c, &wide);
  *x = (int32_t)wide;
  c->bad = c->bad || wide != *x;
}

void code_below(struct codec *c, unsigned limit, unsigned *x) {
  int64_t wide = *x;
  code_i64(c, &wide);
  if (wide < 0 || wide >= limit) {
    c->bad = true;
    wide = 0;
  }
  *x = (unsigned)wide;
}

void code_bool(struct codec *c, bool *x) {
  unsigned bit = *x;
  code_below(c, 2, &bit);
  *x = bit;
}

void code_f64(struct codec *c, double *x) {
  char bytes[8];
  uint64_t bits;
  if (c->writing) {
    memcpy(&bits, x, sizeof bits);
    for (int i = 0; i < 8; i++)
      bytes[i] = (char)(bits >> 8 * i);
    strbuf_add(&c->out, bytes, sizeof bytes);
    return;
  }
  read_bytes(c, bytes, sizeof bytes);
  bits = 0;
  for (int i = 0; i < 8; i++)
    bits |= (uint64_t)(unsigned char)bytes[i] << 8 * i;
  memcpy(x, &bits, sizeof bits);
}

/* ---- texts ---- */

static void put_text(struct codec *c, const char *text) {
  size_t n = strlen(text);
  put_u64(c, n);
  strbuf_add(&c->out, text, n);
}

/* The text is there until the next one is read; NULL if it is bad. */
static const char *get_text(struct codec *c) {
  uint64_t n = get_u64(c);
  if (c->bad || n > (uint64_t)c->left + (c->n - c->at)) {
    c->bad = true;
    return NULL;
  }
  strbuf_clear(&c->out);
  strbuf_reserve(&c->out, n);
  read_bytes(c, c->out.text, n);
  c->out.text[n] = '\0';
  return c->bad ? NULL : c->out.text;
}

void code_text(struct codec *c, char **text) {
  bool there = *text != NULL;
  code_bool(c, &there);
  if (c->writing && there)
    put_text(c, *text);
  if (!c->writing)
    *text = there ? pool_text(c->pool, get_text(c)) : NULL;
}

/* ---- names ---- */

static size_t slot_of(const struct codec *c, const char *text) {
  size_t i = ((uintptr_t)text * 0x9e3779b97f4a7c15u >> 20) & (c->cap_known - 1);
  while (c->known[i].text && c->known[i].text != text)
    i = (i + 1) & (c->cap_known - 1);
  return i;
}

static void learn(struct codec *c, const char *text) {
  if (2 * (c->n_names + 1) > c->cap_known) {
    struct known *old = c->known;
    size_t n = c->cap_known;
    c->cap_known = n ? 2 * n : 256;
    c->known = MEM_NEW_ARRAY(struct known, c->cap_known);
    for (size_t i = 0; i < n; i++)
      if (old[i].text)
        c->known[slot_of(c, old[i].text)] = old[i];
    free(old);
  }
  c->known[slot_of(c, text)] = (struct known){.text = text, .index = c->n_names++};
}

/* 0: none; 1: a new one follows; else 2 + its index. */
static void put_name(struct codec *c, const char *text) {
  size_t slot = text && c->cap_known ? slot_of(c, text) : 0;
  if (!text)
    put_u64(c, 0);
  else if (c->cap_known && c->known[slot].text)
    put_u64(c, 2 + c->known[slot].index);
  else {
    put_u64(c, 1);
    put_text(c, text);
    learn(c, text);
  }
}

static char *get_name(struct codec *c) {
  uint64_t code = get_u64(c);
  if (c->bad || code == 0)
    return NULL;
  if (code == 1) {
    const char *text = get_text(c);
    if (!text)
      return NULL;
    MEM_GROW(c->names, c->n_names, &c->cap_names);
    return c->names[c->n_names++] = pool_name(c->pool, text);
  }
  if (code - 2 < c->n_names)
    return c->names[code - 2];
  c->bad = true;
  return NULL;
}

void code_name(struct codec *c, char **text) {
  if (c->writing)
    put_name(c, *text);
  else
    *text = get_name(c);
}
