/* What a snapshot holds of a trial and of a study, in both directions. */
#ifndef COXSWAIN_HPO_SNAPSHOT_FIELDS_H
#define COXSWAIN_HPO_SNAPSHOT_FIELDS_H

#include "hpo/snapshot_codec.h"
#include "hpo/study.h"

/* Without the number. Reading: into s->trials[number], its row of the history too; whatever was there is replaced. */
void code_trial(struct codec *c, struct study *s, int64_t number);
/* All but the trials. Reading: when all trials have been read. */
void code_study(struct codec *c, struct study *s);

#endif
