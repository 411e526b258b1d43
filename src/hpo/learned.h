/* Points and values of another study (study.learn_from) as rows of this one's history: evidence for samplers, and
 * nothing else. They are no trials; they are not among the points seen, so this study may try them itself; and they do
 * not count as asked for. The journal has them all, in chunks, so that the other study is needed once only:
 *
 *   coxswain:learned:K   {"from": "../other", "step": 27, "names": ["lr", ...], "rows": [[value, lr, ...], ...]}
 *
 * a study attribute, with the value as it was measured, null for a hyperparameter that is not there at that point, and
 * the step that a full trial of this study has. Once folded its text is not kept in memory. */
#ifndef COXSWAIN_HPO_LEARNED_H
#define COXSWAIN_HPO_LEARNED_H

#include "base/strbuf.h"
#include "hpo/study.h"

#define LEARNED_PREFIX "coxswain:learned:"

/* A point of the space and its value. */
struct lesson {
  struct params params; /* owned */
  double value;         /* finite, in the study's direction */
};

bool learned_is_chunk(const struct op *op);
/* One chunk as JSON text. */
void learned_format(const struct space *space, const char *from, int64_t step, const struct lesson *lessons, size_t n,
                    struct strbuf *out);
/* Appends its rows to the history, a COMPLETE event each; points that are not of the space are left out. ERR_DAMAGED.
 */
enum err learned_apply(struct study *s, const char *json);

#endif
