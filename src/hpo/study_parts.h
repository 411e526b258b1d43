/* Parts of the fold, for study.c only. */
#ifndef COXSWAIN_HPO_STUDY_PARTS_H
#define COXSWAIN_HPO_STUDY_PARTS_H

#include "hpo/study.h"

/* The value of a parameter from its internal representation and Optuna distribution: what the journal says, whatever
 * the space says today. */
enum err point_value(const char *distribution, double internal, struct value *out);

/* The point is complete: it enters the set of points seen and, if it is of the space, the history. */
void study_settle(struct study *s, struct trial *t);
void study_note_effort(struct study *s); /* history.effort, after its attribute may have changed */
void history_note_sampler(struct study *s, const struct trial *t); /* its row's `by`, after that attribute */
void study_note_marks(struct study *s);                            /* gone_trials, gone_step, as well */
void history_init(struct history *h, const struct space *space);
/* Brings the trial's row of the history up to date. */
void history_update(struct study *s, const struct trial *t);   /* value and state */
void history_progress(struct study *s, const struct trial *t); /* best and step: when a stint ends, not before */
void history_event(struct study *s, const struct trial *t);    /* one more event, as the row stands */
/* A row that is no trial of ours, and its event: value as measured. */
void history_learn(struct study *s, const double *u, double value, int64_t step);
/* Fills a row that the snapshot says is one of these; its event is the one at that place. */
void history_restore_learned(struct study *s, int64_t row, const double *u, double value, int64_t step, int64_t event);
void history_free(struct history *h);

/* For a study that comes from a snapshot: room for n rows and events; then each trial's settled point, whose row is
 * known, enters as with study_settle. False if the snapshot was made with another space. */
void history_restore(struct history *h, const struct space *space, size_t n, size_t n_events);
bool study_restore_point(struct study *s, struct trial *t);

#endif
