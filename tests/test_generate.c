/* Synthetic jets: sensible numbers, the published marginals, and a posterior that is the true one. */
#include "nn/generate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "nn/generate_jets.h"
#include "test_data_files.h"
#include "testing.h"

#define N 60000

static float *x, *posterior;
static double *label;

static void make_sample(void) {
  struct data_source s;
  x = malloc(N * JETS_VARIABLES * sizeof *x);
  posterior = malloc(N * JETS_FLAVOURS * sizeof *posterior);
  label = malloc(N * sizeof *label);
  REQUIRE(data_source_generate(&s, GENERATE_jets, N, 11) == OK);
  CHECK(s.ops->inputs(&s, 0, N, x) == OK);
  CHECK(s.ops->labels(&s, 0, N, label) == OK);
  CHECK(s.ops->posterior(&s, 0, N, posterior) == OK);
  data_source_close(&s);
}

static double get(size_t row, enum jets_variable v) {
  return (double)x[row * JETS_VARIABLES + v];
}

static bool ordered(double a, double b, double c) {
  return a <= b && b <= c;
}

static bool fitted_is_sensible(size_t i) {
  double vertices = get(i, JET_JetFitter_nVTX), tracks = get(i, JET_JetFitter_nTracksAtVtx);
  return vertices + get(i, JET_JetFitter_nSingleTracks) >= 1 && tracks >= 2 * vertices &&
         get(i, JET_JetFitter_mass) >= get(i, JET_JetFitterSecondaryVertex_mass) &&
         get(i, JET_JetFitterSecondaryVertex_mass) > 139 && get(i, JET_JetFitterSecondaryVertex_nTracks) >= 1 &&
         ordered(0, get(i, JET_JetFitterSecondaryVertex_energyFraction), get(i, JET_JetFitter_energyFraction)) &&
         get(i, JET_JetFitter_energyFraction) <= 1 &&
         ordered(0, get(i, JET_JetFitterSecondaryVertex_displacement2d),
                 get(i, JET_JetFitterSecondaryVertex_displacement3d)) &&
         ordered(get(i, JET_JetFitterSecondaryVertex_minimumTrackRelativeEta),
                 get(i, JET_JetFitterSecondaryVertex_averageTrackRelativeEta),
                 get(i, JET_JetFitterSecondaryVertex_maximumTrackRelativeEta)) &&
         ordered(get(i, JET_minimumTrackRelativeEta), get(i, JET_averageTrackRelativeEta),
                 get(i, JET_maximumTrackRelativeEta)) &&
         get(i, JET_minimumTrackRelativeEta) >= 0;
}

static bool secondary_is_sensible(size_t i) {
  return get(i, JET_SV1_NGTinSvx) >= 2 && get(i, JET_SV1_N2Tpair) >= 1 && get(i, JET_SV1_masssvx) > 2 * 139 &&
         ordered(0, get(i, JET_SV1_efracsvx), 1) && ordered(0, get(i, JET_SV1_Lxy), get(i, JET_SV1_L3d)) &&
         get(i, JET_SV1_significance3d) > 0;
}

/* Which block a variable belongs to, and so whether it must be there. */
static bool should_be_there(size_t i, size_t v) {
  const char *name = jets_constants()[v].name;
  if (strstr(name, "isDefaults") || strstr(name, "rnnip") || strstr(name, "btagJes"))
    return true;
  return strncmp(name, "SV1", 3) == 0 ? get(i, JET_SV1_isDefaults) == 0 : get(i, JET_JetFitter_isDefaults) == 0;
}

static void test_sensible(void) {
  make_sample();
  size_t bad = 0, holes = 0, fractions = 0;
  for (size_t i = 0; i < N; i++) {
    for (size_t v = 0; v < JETS_VARIABLES; v++) {
      double value = get(i, (enum jets_variable)v);
      holes += isnan(value) == should_be_there(i, v) || isinf(value);
      fractions += jets_constants()[v].whole && !isnan(value) && value != floor(value);
    }
    bad += !(get(i, JET_JetFitter_isDefaults) == 1 || fitted_is_sensible(i));
    bad += !(get(i, JET_SV1_isDefaults) == 1 || secondary_is_sensible(i));
    bad += get(i, JET_JetFitter_isDefaults) != get(i, JET_JetFitterSecondaryVertex_isDefaults);
    bad += fabs(get(i, JET_rnnip_pb) + get(i, JET_rnnip_pc) + get(i, JET_rnnip_pu) - 1) > 1e-6;
    bad += !(get(i, JET_pt_btagJes) >= 2e4 && ordered(0, get(i, JET_absEta_btagJes), 2.5));
    bad += !(label[i] == 0 || label[i] == 4 || label[i] == 5);
  }
  CHECK(bad == 0);
  CHECK(holes == 0);
  CHECK(fractions == 0);
}

/* As umami made the dictionary: missing values become the default first; the mean where there is no other. */
static void test_marginals(void) {
  for (size_t v = 0; v < JETS_VARIABLES; v++) {
    const struct jets_constant *c = &jets_constants()[v];
    if (strstr(c->name, "isDefaults"))
      continue;
    double sum = 0, present = 0, mean = 0, squares = 0;
    for (size_t i = 0; i < N; i++)
      if (!isnan(get(i, (enum jets_variable)v)))
        sum += get(i, (enum jets_variable)v), present++;
    double fill = c->fallback == 0 || c->fallback == -1 ? c->fallback : sum / present;
    for (size_t i = 0; i < N; i++) {
      double value = get(i, (enum jets_variable)v);
      value = isnan(value) ? fill : value;
      mean += value / N;
      squares += value * value / N;
    }
    double width = sqrt(squares - mean * mean);
    bool near = fabs(mean - c->shift) < 0.25 * c->scale && width > 0.4 * c->scale && width < 1.6 * c->scale;
    if (!near)
      printf("\n  %s: mean %g (%g), width %g (%g)\n", c->name, mean, c->shift, width, c->scale);
    CHECK(near);
  }
}

static int flavour(double value) {
  return value == 0 ? JET_LIGHT : value == 4 ? JET_C : JET_B;
}

/* Of the jets to which the posterior gives a probability of about p, a share p is of that flavour. */
static void test_calibrated(void) {
  enum { BINS = 20 };
  double chi2 = 0;
  int bins = 0;
  for (int k = 0; k < JETS_FLAVOURS; k++) {
    double n[BINS] = {0}, expected[BINS] = {0}, variance[BINS] = {0}, found[BINS] = {0};
    for (size_t i = 0; i < N; i++) {
      double p = (double)posterior[i * JETS_FLAVOURS + (size_t)k];
      int bin = p >= 1 ? BINS - 1 : (int)(p * BINS);
      n[bin]++;
      expected[bin] += p;
      variance[bin] += p * (1 - p);
      found[bin] += flavour(label[i]) == k;
    }
    for (int b = 0; b < BINS; b++)
      if (variance[b] > 10) {
        double pull = (found[b] - expected[b]) / sqrt(variance[b]);
        CHECK(fabs(pull) < 5);
        chi2 += pull * pull;
        bins++;
      }
  }
  CHECK(bins > 50);
  CHECK(chi2 < bins + 5 * sqrt(2.0 * bins));
}

/* A posterior that is made worse is no longer the best: its cross entropy rises. And the task is neither trivial nor
 * hopeless. */
static double cross_entropy(double power) {
  double loss = 0;
  for (size_t i = 0; i < N; i++) {
    double sum = 0;
    const float *p = posterior + i * JETS_FLAVOURS;
    for (int k = 0; k < JETS_FLAVOURS; k++)
      sum += pow((double)p[k], power);
    loss -= (power * log((double)p[flavour(label[i])]) - log(sum)) / N;
  }
  return loss;
}

static void test_bayes(void) {
  double best = cross_entropy(1);
  CHECK(best > 0.2 && best < 0.5);
  CHECK(cross_entropy(0.9) > best && cross_entropy(1.1) > best);
}

static double mean_of(enum jets_variable v, double of_label, double *error) {
  double sum = 0, squares = 0, n = 0;
  for (size_t i = 0; i < N; i++)
    if (label[i] == of_label) {
      double value = v == JET_pt_btagJes ? log(get(i, v)) : get(i, v);
      sum += value, squares += value * value, n++;
    }
  *error = sqrt((squares / n - sum / n * (sum / n)) / n);
  return sum / n;
}

/* Flavours cannot be told by pT or |eta|, but by tracks and vertices. */
static void test_kinematics_say_nothing(void) {
  static const enum jets_variable same[] = {JET_pt_btagJes, JET_absEta_btagJes};
  static const enum jets_variable different[] = {JET_SV1_isDefaults, JET_JetFitter_isDefaults, JET_rnnip_pb};
  double e1, e2;
  for (size_t i = 0; i < 2; i++)
    for (int k = 0; k < 2; k++) {
      double away = mean_of(same[i], 5, &e1) - mean_of(same[i], k ? 0 : 4, &e2);
      CHECK(fabs(away) < 4 * hypot(e1, e2));
    }
  for (size_t i = 0; i < 3; i++)
    for (int k = 0; k < 2; k++) {
      double away = mean_of(different[i], 4, &e1) - mean_of(different[i], k ? 0 : 5, &e2);
      CHECK(fabs(away) > 20 * hypot(e1, e2));
    }
}

/* A row depends on seed and number alone. */
static void test_random_access(void) {
  struct data_source s;
  float part[50 * JETS_VARIABLES];
  REQUIRE(data_source_generate(&s, GENERATE_jets, 777, 11) == OK);
  CHECK(s.ops->inputs(&s, 300, 50, part) == OK);
  CHECK(memcmp(part, x + 300 * JETS_VARIABLES, sizeof part) == 0);
  data_source_close(&s);
  REQUIRE(data_source_generate(&s, GENERATE_jets, 777, 12) == OK);
  CHECK(s.ops->inputs(&s, 300, 50, part) == OK);
  CHECK(memcmp(part, x + 300 * JETS_VARIABLES, sizeof part) != 0);
  data_source_close(&s);
}

/* The same sample in memory, as arrays and as tdd; the posterior comes along. */
static void test_files(void) {
  char folder[600], path[700], settings[1500];
  snprintf(folder, sizeof folder, "%s", test_folder("generate"));
  struct generate_options o = {.which = GENERATE_jets, .rows = 30000, .seed = 11, .format = FORMAT_array};
  snprintf(path, sizeof path, "%s/array.h5", folder);
  CHECK(generate_file(path, &o, NULL) == OK);
  o.format = FORMAT_tdd;
  snprintf(path, sizeof path, "%s/tdd.h5", folder);
  CHECK(generate_file(path, &o, NULL) == OK);
  struct strbuf variables = STRBUF_INIT;
  for (size_t v = 0; v < JETS_VARIABLES; v++)
    strbuf_printf(&variables, "%s\"%s\"", v ? ", " : "", jets_constants()[v].name);
  struct data *d[3];
  const char *classes = "classes = { b = 5; c = 4; light = 0; };";
  char *tdd = malloc(variables.len + 500);
  sprintf(tdd, "files = (\"tdd.h5\"); format = \"tdd\"; %s variables = (%s);", classes, variables.text);
  snprintf(settings, sizeof settings, "generate = \"jets\"; rows = 30000; seed = 11; %s", classes);
  REQUIRE(open_data(&d[0], folder, settings) == OK);
  snprintf(settings, sizeof settings, "files = (\"array.h5\"); seed = 11; %s", classes);
  REQUIRE(open_data(&d[1], folder, settings) == OK);
  strcat(tdd, " seed = 11;");
  REQUIRE(open_data(&d[2], folder, tdd) == OK);
  free(tdd);
  strbuf_free(&variables);
  for (int i = 0; i < 3; i++) {
    REQUIRE(d[i]->rows == 30000 && d[i]->width == JETS_VARIABLES && d[i]->truth != NULL);
    CHECK(memcmp(d[i]->x, d[0]->x, 30000 * JETS_VARIABLES * sizeof(float)) == 0);
    CHECK(memcmp(d[i]->label, d[0]->label, 30000 * sizeof(int32_t)) == 0);
    CHECK(memcmp(d[i]->truth, d[0]->truth, 90000 * sizeof(float)) == 0);
    CHECK(test_text_contains(d[i]->description, "\"synthetic\":"));
  }
  double loss = 0;
  for (size_t i = 0; i < 30000; i++)
    loss -= log((double)d[0]->truth[3 * i + (size_t)d[0]->label[i]]) / 30000;
  CHECK_NEAR(loss, cross_entropy(1), 0.02); /* the columns follow the order of data.classes */
  for (int i = 0; i < 3; i++)
    data_close(d[i]);
  /* two of the three classes: the posterior is of these two */
  REQUIRE(open_data(&d[0], folder, "files = (\"array.h5\"); classes = { b = 5; light = 0; };") == OK);
  for (size_t i = 0; i < d[0]->rows; i++)
    CHECK_NEAR((double)d[0]->truth[2 * i] + (double)d[0]->truth[2 * i + 1], 1, 1e-5);
  data_close(d[0]);
}

static void test_shares(void) {
  char folder[600], path[700];
  snprintf(folder, sizeof folder, "%s", test_folder("generate_shares"));
  snprintf(path, sizeof path, "%s/jets.h5", folder);
  struct generate_options o = {.rows = 20000, .seed = 3, .format = FORMAT_array, .shares = {8, 1, 1}, .n_shares = 3};
  CHECK(generate_file(path, &o, NULL) == OK);
  struct data *d;
  REQUIRE(open_data(&d, folder, "files = (\"jets.h5\");") == OK);
  double light = 0, expected = 0;
  CHECK_TEXT(d->classes[0], "light");
  for (size_t i = 0; i < d->rows; i++) {
    light += d->label[i] == 0;
    expected += (double)d->truth[3 * i];
  }
  CHECK_NEAR(light / 20000, 0.8, 0.015);
  CHECK_NEAR(expected / 20000, 0.8, 0.015);
  data_close(d);
  o.shares[1] = 0;
  CHECK(generate_file(path, &o, NULL) == ERR_INPUT);
  o.n_shares = 2;
  CHECK(generate_file(path, &o, NULL) == ERR_INPUT);
  err_clear();
}

int main(void) {
  log_levels(LOG_ERROR, LOG_ERROR);
  int failed = TEST_MAIN("generate", {"sensible numbers", test_sensible}, {"published marginals", test_marginals},
                         {"the posterior is calibrated", test_calibrated}, {"the posterior is the best", test_bayes},
                         {"pT and eta say nothing", test_kinematics_say_nothing},
                         {"any row by itself", test_random_access}, {"files", test_files}, {"shares", test_shares});
  free(x);
  free(posterior);
  free(label);
  return failed;
}
