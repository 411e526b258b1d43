/* The names of metrics taken apart. Inside nn/metric*.c only. */
#ifndef COXSWAIN_NN_METRIC_NAME_H
#define COXSWAIN_NN_METRIC_NAME_H

#include <stdbool.h>
#include <stddef.h>

/* X(name, for classes, for numbers, larger is better) */
#define METRIC_LIST(X)           \
  X(loss, true, true, false)     \
  X(accuracy, true, false, true) \
  X(auc, true, false, true)      \
  X(rmse, false, true, false)    \
  X(r2, false, true, true)

/* light_rej@b77 */
struct rejection_name {
  size_t background, signal; /* classes */
  double percent;
};

/* Reads what follows the part's prefix: "light_rej@b77". The number must be written the way metrics are named: 77, not
 * 77.0. */
bool rejection_parse(const char *text, char *const *classes, size_t n_classes, struct rejection_name *out);

/* "b@77", the parameter of a working point. */
void working_point_name(char *out, size_t size, const char *signal, double percent);

#endif
