/* Packs: one HDF5 file with a group per trial, holding the states that one worker had at one moment. Never changed in
 * place.
 *
 * Built in memory (core driver), closed, image taken, a 64-byte trailer appended (magic, version, generation, length,
 * CRC-32 of everything before it), written with our own loop to .tmp, fsync, rename, fsync of the folder. The trailer
 * is checked before libhdf5 parses a byte. The result is a plain HDF5 file to every HDF5 tool.
 *
 * /trial-000017/ARRAY           datasets as in base/state.h; attribute index: the place in the state's order
 * /trial-000017 attributes      step, crc (state_crc)
 * / attributes                  format, study, generation, host, time
 *
 * libhdf5 works on memory only and must be called from one thread; the bytes of pack_build may be written by another.
 */
#ifndef COXSWAIN_STORE_PACK_H
#define COXSWAIN_STORE_PACK_H

#include "base/state.h"
#include "base/strbuf.h"

struct pack_item {
  int64_t trial;
  int64_t step;              /* whole steps done in that state */
  const struct state *state; /* borrowed */
};

/* ERR_IO leaves neither a broken file nor a .tmp behind. */
enum err pack_write(const char *path, const char *study, int64_t generation, const struct pack_item *items, size_t n);
/* ERR_DAMAGED with the reason if trailer, CRC or content is not right; ERR_INPUT if the trial is not in it. */
enum err pack_read(const char *path, int64_t trial, struct state *out, int64_t *step);
enum err pack_check(const char *path); /* trailer and CRC only */
/* Which trials it holds, in ascending order. Caller frees both arrays. */
enum err pack_list(const char *path, int64_t **trials, int64_t **steps, size_t *n);

/* The two halves of pack_write: all the bytes of the file, appended to `out`; write them with file_write_atomic. */
enum err pack_build(const char *study, int64_t generation, const struct pack_item *items, size_t n, struct strbuf *out);
enum err pack_generation(const char *path,
                         int64_t *generation); /* from the trailer, which is checked as in pack_check */

/* For many trials of one pack: read and checked once, then held in memory until closed. */
struct pack;
enum err pack_open(const char *path, struct pack **out);
enum err pack_take(struct pack *p, int64_t trial, struct state *out, int64_t *step);
enum err pack_trials(struct pack *p, int64_t **trials, int64_t **steps, size_t *n);
void pack_close(struct pack *p); /* NULL does nothing */

#endif
