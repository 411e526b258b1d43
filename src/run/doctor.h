/* What is in a study folder, what is damaged, what a resume would use; and mending what can be mended without loss. */
#ifndef COXSWAIN_RUN_DOCTOR_H
#define COXSWAIN_RUN_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct json_t;

struct doctor_options {
  bool mend;          /* set right what can be set right without losing anything */
  bool cut_at_damage; /* keep the lines of a damaged journal that come before the damage, the rest in a file */
};

/* The report, for people and programs (caller json_decref()s it):
 *
 *   sections   {name: {"summary": a line, ...}} in the order in which they are to be shown
 *   resume     [{"trial", "from", "step", "instead_of"}]: what each trial that is not over would go on from
 *   problems   [{"kind": "damaged" | "note" | "mended", "what", "cure"}]
 *
 * *damaged: how many of them are left. ERR_INPUT: no study folder. ERR_BUSY: to be mended, but somebody writes. */
enum err doctor_examine(const char *folder, const struct doctor_options *o, struct json_t **report, size_t *damaged);

#endif
