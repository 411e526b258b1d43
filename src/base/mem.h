/* Allocation that cannot return NULL: running out of memory ends the program with a message (exit 70).
 * Sizes that come from a user's file must be checked for sense before they get here. Free with free(). */
#ifndef COXSWAIN_BASE_MEM_H
#define COXSWAIN_BASE_MEM_H

#include <stddef.h>
#include <string.h>

void *mem_alloc(size_t bytes);            /* zeroed */
void *mem_realloc(void *p, size_t bytes); /* new bytes are not zeroed */
void *mem_alloc_aligned(size_t bytes);    /* zeroed, on a 64-byte boundary */
char *mem_strdup(const char *text);       /* NULL gives NULL */
void *mem_dup(const void *p, size_t bytes);

/* Room for one more: grows `items` (count n, capacity cap, element size) by doubling. */
void *mem_grow(void *items, size_t n, size_t *cap, size_t element);

#define MEM_NEW(type) ((type *)mem_alloc(sizeof(type)))
#define MEM_NEW_ARRAY(type, n) ((type *)mem_alloc(sizeof(type) * (size_t)(n)))
#define MEM_GROW(items, n, cap) ((items) = mem_grow((items), (n), (cap), sizeof *(items)))

#endif
