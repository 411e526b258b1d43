/* Resolved settings to one network and its training. The settings have been checked one by one; what is looked at here
 * is what only shows when they come together. */
#include "nn/spec.h"

#include <stdlib.h>
#include <string.h>

#include "nn/data.h"
#include "nn/metric.h"

/* The index of a word among the choices of a row, which is the value of the enum made from the same list. */
static enum err word_index(const char *key, const struct value *v, size_t *index) {
  const struct list_word *words = settings_row(key)->choices;
  for (size_t i = 0; v->kind == VALUE_TEXT && words[i].name; i++)
    if (strcmp(words[i].name, v->as.text) == 0) {
      *index = i;
      return OK;
    }
  return FAIL(ERR_INPUT, "%s: %s is none of its choices: see coxswain reference", key,
              v->kind == VALUE_TEXT ? v->as.text : "a number");
}

/* One value for all layers, or one each: the values and how far to step from layer to layer (0 or 1). */
static enum err per_layer(const struct settings *s, const char *key, size_t n_layers, const struct value **values,
                          size_t *stride) {
  size_t n;
  *values = settings_list(s, key, &n);
  *stride = settings_is_list(s, key) ? 1 : 0;
  if (*stride == 1 && n != n_layers)
    return FAIL(ERR_INPUT, "%s has %zu values but model.hidden has %zu: give one for all layers, or one for each", key,
                n, n_layers);
  return OK;
}

/* A width of 0 leaves the layer out, together with its activation and its dropout. */
static enum err hidden_layers(struct spec *spec, const struct settings *s) {
  const struct value *widths, *activations, *dropouts;
  size_t n, activation_stride, dropout_stride;
  widths = settings_list(s, "model.hidden", &n);
  if (n > SPEC_MAX_LAYERS)
    return FAIL(ERR_INPUT, "model.hidden has %zu layers: at most %d are possible", n, SPEC_MAX_LAYERS);
  TRY(per_layer(s, "model.activation", n, &activations, &activation_stride));
  TRY(per_layer(s, "model.dropout", n, &dropouts, &dropout_stride));
  for (size_t i = 0; i < n; i++) {
    struct hidden_layer layer = {0};
    size_t activation = 0;
    if (!value_to_int(&widths[i], &layer.width) || layer.width < 0)
      return FAIL(ERR_INPUT, "model.hidden: the width of layer %zu is no whole number from 0 on", i + 1);
    if (!value_to_double(&dropouts[i * dropout_stride], &layer.dropout))
      return FAIL(ERR_INPUT, "model.dropout: the value of layer %zu is no number", i + 1);
    TRY(word_index("model.activation", &activations[i * activation_stride], &activation));
    layer.activation = (enum activation)activation;
    if (layer.width > 0)
      spec->hidden[spec->n_hidden++] = layer;
  }
  return OK;
}

static enum err outputs_and_loss(struct spec *spec, const struct settings *s, const struct data *data) {
  size_t choice = settings_choice(s, "model.loss"); /* auto, then the losses in order */
  bool classes = data->n_classes > 0;
  if (choice == 0)
    spec->loss = classes ? LOSS_softmax : LOSS_mse;
  else
    spec->loss = (enum loss)(choice - 1);
  bool for_classes = spec->loss == LOSS_softmax || spec->loss == LOSS_sigmoid;
  const char *name = settings_text(s, "model.loss");
  if (for_classes && !classes)
    return FAIL(ERR_INPUT, "model.loss = %s is for classes but data.target = value: use mse or mae", name);
  if (!for_classes && classes)
    return FAIL(ERR_INPUT, "model.loss = %s is for numbers but data.target = class: use softmax", name);
  if (spec->loss == LOSS_sigmoid && data->n_classes != 2)
    return FAIL(ERR_INPUT, "model.loss = sigmoid needs 2 classes but the data have %zu: use softmax", data->n_classes);
  if (data->n_classes > SPEC_MAX_CLASSES)
    return FAIL(ERR_INPUT, "the data have %zu classes: at most %d are possible", data->n_classes, SPEC_MAX_CLASSES);
  spec->outputs = spec->loss == LOSS_softmax ? (int64_t)data->n_classes : 1;
  return OK;
}

static enum err balanced_weights(struct spec *spec, const struct data *data) {
  double total = 0;
  for (size_t k = 0; k < data->n_classes; k++)
    total += data->class_weight[k];
  for (size_t k = 0; k < data->n_classes; k++) {
    if (!(data->class_weight[k] > 0))
      return FAIL(ERR_INPUT, "train.class_weights = balanced: class %s has no events (sum of weights %g) to train on",
                  data->classes[k], data->class_weight[k]);
    spec->class_weights[k] = total / ((double)data->n_classes * data->class_weight[k]);
  }
  return OK;
}

static enum err class_weights(struct spec *spec, const struct settings *s, const struct data *data) {
  const char *key = "train.class_weights";
  size_t n;
  const struct value *v = settings_list(s, key, &n);
  for (size_t k = 0; k < SPEC_MAX_CLASSES; k++)
    spec->class_weights[k] = 1;
  if (!settings_is_list(s, key)) {
    const char *word = n == 1 && v->kind == VALUE_TEXT ? v->as.text : "a number";
    if (strcmp(word, "none") == 0)
      return OK;
    if (strcmp(word, "balanced") != 0)
      return FAIL(ERR_INPUT, "%s = %s must be none, balanced or a list with a number for each class", key, word);
    if (data->n_classes > 0)
      return balanced_weights(spec, data);
  }
  if (n != data->n_classes || data->n_classes == 0)
    return FAIL(ERR_INPUT, "%s has %zu values but the data have %zu classes: give one for each", key, n,
                data->n_classes);
  for (size_t k = 0; k < n; k++)
    if (!value_to_double(&v[k], &spec->class_weights[k]) || !(spec->class_weights[k] >= 0))
      return FAIL(ERR_INPUT, "%s: the weight of class %s is no number from 0 on", key, data->classes[k]);
  return OK;
}

static enum err training(struct spec *spec, const struct settings *s) {
  spec->epochs = settings_int(s, "train.epochs");
  spec->batch = settings_int(s, "train.batch");
  spec->piece = settings_int(s, "train.piece");
  spec->optimizer = (enum optimizer)settings_choice(s, "train.optimizer");
  spec->lr = settings_double(s, "train.lr");
  spec->momentum = settings_double(s, "train.momentum");
  spec->nesterov = settings_bool(s, "train.nesterov");
  spec->beta1 = settings_double(s, "train.beta1");
  spec->beta2 = settings_double(s, "train.beta2");
  spec->rho = settings_double(s, "train.rho");
  spec->epsilon = settings_double(s, "train.epsilon");
  spec->weight_decay = settings_double(s, "train.weight_decay");
  spec->clip = settings_double(s, "train.clip");
  spec->early_stop = settings_int(s, "train.early_stop");
  spec->value_is_best = settings_choice(s, "train.value") == 0;
  if (spec->optimizer == OPTIMIZER_sgd && spec->nesterov && !(spec->momentum > 0))
    return FAIL(ERR_INPUT, "train.nesterov = true needs train.momentum > 0 but it is %g: set it, 0.9 is usual",
                spec->momentum);
  return OK;
}

static void learning_rate(struct spec *spec, const struct settings *s) {
  spec->rate = (enum rate)settings_choice(s, "train.lr_schedule");
  spec->lr_factor = settings_double(s, "train.lr_factor");
  spec->lr_every = settings_int(s, "train.lr_every");
  spec->lr_min = settings_double(s, "train.lr_min");
  spec->warmup = settings_double(s, "train.warmup");
  spec->plateau.monitor = (enum monitor)settings_choice(s, "train.plateau.monitor");
  spec->plateau.factor = settings_double(s, "train.plateau.factor");
  spec->plateau.minimum = settings_double(s, "train.plateau.minimum");
  spec->plateau.threshold = settings_double(s, "train.plateau.threshold");
  spec->plateau.patience = settings_int(s, "train.plateau.patience");
  spec->plateau.cooldown = settings_int(s, "train.plateau.cooldown");
}

/* Points are chosen on validation; the test part must stay untouched. */
static enum err metric(struct spec *spec, const struct settings *s, const struct data *data) {
  const char *name = settings_text(s, "study.metric");
  if (strncmp(name, "val_", 4) != 0)
    return FAIL(ERR_INPUT, "study.metric = %s is not measured on the validation part: use its val_ form", name);
  if (strlen(name) >= sizeof spec->metric)
    return FAIL(ERR_INPUT, "study.metric = %s is too long: at most %zu characters", name, sizeof spec->metric - 1);
  TRY(metric_check(data, name, NULL));
  memcpy(spec->metric, name, strlen(name) + 1);
  return OK;
}

enum err spec_from_settings(struct spec *spec, const struct settings *resolved, const struct data *data,
                            struct rng_key key, bool maximize) {
  *spec = (struct spec){.inputs = (int64_t)data->width, .maximize = maximize, .key = key};
  TRY(hidden_layers(spec, resolved));
  spec->batch_norm = settings_bool(resolved, "model.batch_norm");
  spec->init = (enum init)settings_choice(resolved, "model.init");
  TRY(outputs_and_loss(spec, resolved, data));
  TRY(training(spec, resolved));
  learning_rate(spec, resolved);
  TRY(class_weights(spec, resolved, data));
  return metric(spec, resolved, data);
}

/* A dense layer has in * out weights and out biases; batch normalisation adds a scale and a shift for each unit. */
int64_t spec_weights(const struct spec *spec) {
  int64_t weights = 0, in = spec->inputs;
  for (size_t i = 0; i < spec->n_hidden; i++) {
    int64_t out = spec->hidden[i].width;
    weights += (in + 1) * out + (spec->batch_norm ? 2 * out : 0);
    in = out;
  }
  return weights + (in + 1) * spec->outputs;
}

/* Each layer multiplies three times (output, weight gradient, input gradient), 2 in out operations each; the first
 * layer needs no input gradient. */
double spec_flops(const struct spec *spec) {
  double products = 0, in = (double)spec->inputs;
  for (size_t i = 0; i <= spec->n_hidden; i++) {
    double out = (double)(i < spec->n_hidden ? spec->hidden[i].width : spec->outputs);
    products += in * out * (i == 0 ? 2 : 3);
    in = out;
  }
  return 2 * products;
}
