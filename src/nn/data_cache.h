/* The file format of prepared data, and the names of its files. */
#ifndef COXSWAIN_NN_DATA_CACHE_H
#define COXSWAIN_NN_DATA_CACHE_H

#include "nn/data_description.h"

/* Counts up whenever the same sources and settings would give another file. */
#define DATA_CACHE_VERSION 1

/* Maps a prepared file. ERR_DAMAGED if head, description or length are not as they were written. */
enum err cache_map(struct data **out, const char *path);

/* Writing: head and description first, then the arrays one after the other in the order of struct data (x, label or
 * target, weight, truth), each whole; cache_pad between two of them. cache_commit makes the file appear. */
struct cache_writer {
  char *path, *tmp;
  int fd;
  size_t written;
};
enum err cache_create(struct cache_writer *w, const char *path, const char *description);
enum err cache_write(struct cache_writer *w, const void *bytes, size_t n);
enum err cache_pad(struct cache_writer *w);
enum err cache_commit(struct cache_writer *w);
void cache_abandon(struct cache_writer *w); /* nothing to do after cache_commit */

/* SHA-256 of a file's content. If `cache` is a folder that can be written, remembered there by path, size, time of
 * change and inode, so that big files are read once. */
enum err cache_hash_file(const char *cache, const char *path, char hex[65]);

#endif
