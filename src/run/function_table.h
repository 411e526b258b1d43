/* A table of points and their values, or of recorded learning curves, from a CSV file (.gz too) with a header line.
 *
 * Columns named as hyperparameters say where a row is; a column `value`, or columns step_1, step_2, ..., what was
 * measured there; other columns are left alone. A cell of a hyperparameter that is not there at this point (conditions)
 * does not matter. Rows outside the space are left out, so a space may cover a part of the table. */
#ifndef COXSWAIN_RUN_FUNCTION_TABLE_H
#define COXSWAIN_RUN_FUNCTION_TABLE_H

#include "hpo/space.h"

struct function_table;

/* Errors as path:line:column. The space is borrowed. */
enum err function_table_open(struct function_table **out, const char *path, const struct space *space);
void function_table_close(struct function_table *t); /* NULL is fine */

int64_t function_table_steps(const struct function_table *t); /* of the recorded curves; 0: only values */
/* The row of this point: of several the first; if there is none, the nearest one in the unit cube, where two different
 * categories are 1 apart. */
enum err function_table_find(const struct function_table *t, const struct params *p, size_t *row);
double function_table_value(const struct function_table *t, size_t row, int64_t step); /* step from 1; may be NaN */
int64_t function_table_line(const struct function_table *t, size_t row);               /* in the file */

#endif
