#include "base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* _exit: the handlers of atexit may themselves need memory, or wait for ranks that are not coming. */
static _Noreturn void die(size_t bytes) {
  char line[128];
  int n = snprintf(line, sizeof line, "coxswain: out of memory: %zu bytes more could not be had\n", bytes);
  ssize_t ignored = write(STDERR_FILENO, line, (size_t)n);
  (void)ignored;
  _exit(70);
}

void *mem_alloc(size_t bytes) {
  void *p = calloc(1, bytes ? bytes : 1);
  if (!p)
    die(bytes);
  return p;
}

void *mem_realloc(void *p, size_t bytes) {
  void *q = realloc(p, bytes ? bytes : 1);
  if (!q)
    die(bytes);
  return q;
}

void *mem_alloc_aligned(size_t bytes) {
  const size_t line = 64;
  if (bytes > SIZE_MAX - line)
    die(bytes);
  size_t rounded = bytes ? (bytes + line - 1) / line * line : line;
  void *p = aligned_alloc(line, rounded);
  if (!p)
    die(bytes);
  return memset(p, 0, rounded);
}

char *mem_strdup(const char *text) {
  return text ? mem_dup(text, strlen(text) + 1) : NULL;
}

void *mem_dup(const void *p, size_t bytes) {
  void *q = mem_realloc(NULL, bytes);
  if (bytes)
    memcpy(q, p, bytes);
  return q;
}

void *mem_grow(void *items, size_t n, size_t *cap, size_t element) {
  if (n < *cap)
    return items;
  size_t larger = *cap ? *cap * 2 : 8;
  if (larger <= n)
    larger = n + 1;
  if (larger > SIZE_MAX / element)
    die(SIZE_MAX);
  *cap = larger;
  return mem_realloc(items, larger * element);
}
