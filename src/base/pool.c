#include "base/pool.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { CHUNK = 1 << 20, STEP = 16, FINE = 32 };

void pool_init(struct pool *p) {
  *p = (struct pool){0};
}

void pool_free(struct pool *p) {
  for (size_t i = 0; i < p->n; i++)
    free(p->chunks[i]);
  free(p->chunks);
  free(p->names);
  pool_init(p);
}

/* ---- blocks ---- */

/* Sizes are multiples of 16 up to 512 bytes, then four to each doubling, so that little of a block is idle. */
static size_t size_of(size_t index) {
  if (index < FINE)
    return (index + 1) * STEP;
  size_t above = index - FINE, base = (size_t)FINE * STEP << above / 4;
  return base + base / 4 * (above % 4 + 1);
}

/* POOL_SIZES if it is larger than any. */
static size_t index_of(size_t bytes) {
  if (bytes <= (size_t)FINE * STEP)
    return bytes ? (bytes - 1) / STEP : 0;
  size_t index = FINE;
  while (index < POOL_SIZES && size_of(index) < bytes)
    index++;
  return index;
}

static void new_chunk(struct pool *p, size_t bytes) {
  size_t size = bytes > CHUNK ? bytes : CHUNK;
  MEM_GROW(p->chunks, p->n, &p->cap);
  p->at = p->chunks[p->n++] = mem_realloc(NULL, size);
  p->end = p->at + size;
}

/* Blocks grow from the front of a chunk and are aligned, texts from its back and are not. */
static void *new_block(struct pool *p, size_t bytes) {
  if ((size_t)(p->end - p->at) < bytes)
    new_chunk(p, bytes);
  void *block = p->at;
  p->at += bytes;
  return block;
}

static void *get(struct pool *p, size_t bytes) {
  size_t index = index_of(bytes);
  void *spare = index < POOL_SIZES ? p->spare[index] : NULL;
  if (!spare)
    return new_block(p, index < POOL_SIZES ? size_of(index) : bytes);
  memcpy(&p->spare[index], spare, sizeof spare);
  return spare;
}

static void put_back(struct pool *p, void *block, size_t bytes) {
  size_t index = index_of(bytes);
  if (index == POOL_SIZES)
    return;
  memcpy(block, &p->spare[index], sizeof block);
  p->spare[index] = block;
}

/* Lists beyond the last size double each time they move. */
static size_t room_for(size_t bytes) {
  size_t index = index_of(bytes);
  if (index < POOL_SIZES)
    return size_of(index);
  size_t room = size_of(POOL_SIZES - 1);
  while (room < bytes)
    room *= 2;
  return room;
}

void *pool_grow(struct pool *p, void *items, size_t n, size_t element) {
  size_t used = n * element, room = n ? room_for(used) : 0;
  if (used + element <= room)
    return items;
  void *larger = get(p, room_for(used + element));
  if (n) {
    memcpy(larger, items, used);
    put_back(p, items, used);
  }
  return larger;
}

/* ---- texts ---- */

char *pool_text(struct pool *p, const char *text) {
  if (!text)
    return NULL;
  size_t bytes = strlen(text) + 1;
  if ((size_t)(p->end - p->at) < bytes)
    new_chunk(p, bytes);
  p->end -= bytes;
  return memcpy(p->end, text, bytes);
}

/* FNV-1a, 64 bits. */
static uint64_t hash_of(const char *text) {
  uint64_t h = 0xcbf29ce484222325u;
  for (; *text; text++)
    h = (h ^ (unsigned char)*text) * 0x100000001b3u;
  return h ^ h >> 32;
}

static size_t slot_of(const struct pool *p, const char *text) {
  size_t i = hash_of(text) & (p->cap_names - 1);
  while (p->names[i] && strcmp(p->names[i], text) != 0)
    i = (i + 1) & (p->cap_names - 1);
  return i;
}

static void make_room_for_name(struct pool *p) {
  if (2 * (p->n_names + 1) <= p->cap_names)
    return;
  char **old = p->names;
  size_t n = p->cap_names;
  p->cap_names = n ? 2 * n : 64;
  p->names = MEM_NEW_ARRAY(char *, p->cap_names);
  for (size_t i = 0; i < n; i++)
    if (old[i])
      p->names[slot_of(p, old[i])] = old[i];
  free(old);
}

char *pool_name(struct pool *p, const char *text) {
  if (!text)
    return NULL;
  make_room_for_name(p);
  size_t i = slot_of(p, text);
  if (!p->names[i]) {
    p->names[i] = pool_text(p, text);
    p->n_names++;
  }
  return p->names[i];
}
