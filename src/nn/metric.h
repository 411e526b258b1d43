/* Metrics, by exact name. P is val, test or test_NAME (or train); CLASS names are those of the data.
 *
 * P_loss       the plain loss, no penalty: cross entropy in nats (softmax, sigmoid), mean squared or absolute error;
 *              weighted mean over events with the event weights, without class weights
 * P_accuracy   weighted share of rows whose most probable class is the true one
 * P_auc        area under the ROC curve: of the second class for two classes, above two the plain mean over the
 *              one-versus-rest areas of the classes that have events and a rest (macro); exact, ties count half, event
 *              weights count. Ranked by the log-odds of the class, so that probabilities near 1 make no ties
 * P_BG_rej@SIGnn  rejection 1 / mistag efficiency of class BG at nn % efficiency of class SIG (nn may have decimals),
 *              cut on D_SIG = ln((p_SIG + 1e-10) / (sum_k f_k p_k + 1e-10)) over the other classes k, computed in
 *              double from logits [Forti, Heinrich, Guth]. The cut is the highest one that nn % of the true SIG rows
 *              pass; rows on the cut pass; efficiencies are weighted shares. The number of events over 1 if none is
 *              mistagged (a lower limit)
 * P_rmse, P_r2 regression: root of the mean squared error; 1 - squared error / variance of the truth
 *
 * A metric that has no value (no events of a class, one class only) is left out. */
#ifndef COXSWAIN_NN_METRIC_H
#define COXSWAIN_NN_METRIC_H

#include "base/params.h"
#include "conf/settings.h"
#include "nn/data.h"

/* The shares and working points of a study. Shares are "b.c" = 0.018: of class c in the discriminant of signal b; what
 * is left of 1 goes in equal shares to the classes without one. Working points are "b@77" = 77. Both come from the
 * settings: group tag (for b, c 0.018 if nothing is said and there are light, c and b), and the working point of
 * study.metric beside the usual ones (b at 60, 70, 77 and 85 %, c at 30 %). ERR_INPUT for a tag of classes the data do
 * not have, or shares that sum to more than 1. */
enum err metric_tag(const struct settings *conf, const struct data *data, struct params *tag);

/* All metrics of a part, added to out as "val_loss" and so on. Logits (n, outputs), row-major, one row for each of the
 * part; loss_kind is an enum loss. tag as metric_tag makes it; NULL: no rejections. */
enum err metric_all(const struct data *data, enum part part, const float *logits, size_t outputs, int loss_kind,
                    const struct params *tag, struct params *out);
/* Is this a metric that these data have? ERR_INPUT if not; the message lists those they have. tag may be NULL. */
enum err metric_check(const struct data *data, const char *name, const struct params *tag);
bool metric_is_maximized(const char *name);

/* Area under the ROC curve of n scores; weight NULL: all 1. NaN if there is no positive or no negative weight. */
double metric_auc(const double *score, const unsigned char *positive, const float *weight, size_t n);

/* Rejections of all classes at n_points efficiencies (in %, ascending) of one of them, cut on d (n); label (n) in [0,
 * n_classes). rejection (n_points, n_classes); NaN for classes without events. */
void metric_rejections(const double *d, const int32_t *label, const float *weight, size_t n, size_t n_classes,
                       size_t signal, const double *points, size_t n_points, double *rejection);

#endif
