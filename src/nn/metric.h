/* Metrics, by exact name. P is val, test or test_NAME.
 *
 * P_loss       the plain loss, no penalty: cross entropy in nats (softmax, sigmoid), mean squared or absolute error;
 * weighted mean over events with the event weights, without class weights P_accuracy   weighted share of rows whose
 * most probable class is the true one P_auc        area under the ROC curve: of the second class for two classes, the
 * plain mean over one-versus-rest areas above two (macro); exact, ties count half; event weights count P_BG_rej@SIGnn
 * rejection 1 / mistag efficiency of class BG at nn % efficiency of class SIG, cut on D_SIG = ln((p_SIG + 1e-10) /
 * (sum_k f_k p_k + 1e-10)) over the other classes k, computed in double from logits [Forti, Heinrich, Guth]. The cut is
 * the one that nn % of the true SIG rows pass. NaN without events; the number of events over 1 if none is mistagged
 * (stated as a lower limit) P_rmse, P_r2 regression */
#ifndef COXSWAIN_NN_METRIC_H
#define COXSWAIN_NN_METRIC_H

#include "base/params.h"
#include "nn/data.h"

/* Logits (n, outputs) in, row-major, for rows [first, first + n) of data. loss_sum, weight_sum etc. are computed
 * inside. */
enum err metric_all(const struct data *data, enum part part, const float *logits, size_t outputs, int loss_kind,
                    const struct params *tag, struct params *out);
/* Is this a metric that these data have? The message lists those they have. */
enum err metric_check(const struct data *data, const char *name, const struct params *tag);
bool metric_is_maximized(const char *name);

double metric_auc(const double *score, const unsigned char *positive, const float *weight, size_t n);

#endif
