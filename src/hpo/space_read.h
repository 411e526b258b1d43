/* What space_read.c (the hyperparameters) and space_conditions.c (what depends on what) share. */
#ifndef COXSWAIN_HPO_SPACE_READ_H
#define COXSWAIN_HPO_SPACE_READ_H

#include "hpo/space.h"

char *space_key(const char *name, const char *key); /* "space.NAME.KEY"; caller frees */
char *space_value_text(const struct value *v);      /* a value as a study file has it; caller frees */

/* Reads space.*.when.*, then sets `order`, `decides` and `family`. Nothing is said about conditions on hyperparameters
 * that are not sound, because of which a complaint was made before. */
void space_read_conditions(struct space *s, const struct settings *conf, const bool *sound, struct complaints *c);

#endif
