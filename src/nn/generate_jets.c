/* From the coordinates of the model to the variables a user sees. */
#include "nn/generate_jets.h"

#include <math.h>

#define PION 139.57 /* MeV: a single track is taken for one */

const struct jets_constant *jets_constants(void) {
  static const struct jets_constant all[] = {
#define X(name, shift, scale, fallback, whole) {#name, shift, scale, (double)(fallback), whole},
      JETS_VARIABLE_LIST(X)
#undef X
  };
  return all;
}

static double sigmoid(double x) {
  return 1 / (1 + exp(-x));
}

/* sin(theta) of a flight direction near that of the jet: what is left of a length across the beam. */
static double across(const struct jet *j, double noise) {
  double sine = fmin(0.99, 1 / cosh(j->eta));
  return sigmoid(log(sine / (1 - sine)) + 0.35 * noise);
}

static void put(float *x, enum jets_variable v, double value) {
  x[v] = (float)value;
}

static void put_whole_jet(float *x, const struct jet *j) {
  put(x, JET_absEta_btagJes, j->eta);
  put(x, JET_pt_btagJes, 1e5 * exp(j->t));
  put(x, JET_JetFitter_isDefaults, !j->fitted);
  put(x, JET_JetFitterSecondaryVertex_isDefaults, !j->fitted);
  put(x, JET_SV1_isDefaults, !j->secondary);
  double top = fmax(0, fmax(j->ip_b, j->ip_c));
  double b = exp(j->ip_b - top), c = exp(j->ip_c - top), u = exp(-top), all = b + c + u;
  put(x, JET_rnnip_pb, b / all);
  put(x, JET_rnnip_pc, c / all);
  put(x, JET_rnnip_pu, u / all);
}

static void put_fitted(float *x, const struct jet *j, int tracks) {
  double mass = tracks > 1 ? 2 * PION + exp(j->mass) : PION, fraction = sigmoid(j->fraction);
  put(x, JET_JetFitterSecondaryVertex_mass, mass);
  put(x, JET_JetFitter_mass, mass + exp(j->more_mass));
  put(x, JET_JetFitterSecondaryVertex_energyFraction, fraction);
  put(x, JET_JetFitter_energyFraction, fraction + (1 - fraction) * sigmoid(j->more_fraction));
  put(x, JET_JetFitter_significance3d, exp(j->significance));
  put(x, JET_JetFitter_deltaR, exp(j->angle));
  put(x, JET_JetFitter_nVTX, j->vertices);
  put(x, JET_JetFitter_nSingleTracks, j->singles + (j->vertices == 0));
  put(x, JET_JetFitter_nTracksAtVtx, 2 * j->vertices + j->more_tracks);
  put(x, JET_JetFitter_N2Tpair, j->pairs);
  put(x, JET_JetFitterSecondaryVertex_nTracks, tracks);
}

/* Pseudorapidities of tracks relative to the jet: of the vertex, and of all tracks around it. */
static void put_relative_eta(float *x, const struct jet *j, struct rng *rng) {
  double mean = exp(j->rel_eta), up = 0, down = 0;
  if (2 * j->vertices + j->more_tracks > 1)
    up = down = sigmoid(j->spread_up);
  if (2 * j->vertices + j->more_tracks > 2)
    down = sigmoid(j->spread_down);
  double most = mean * (1 + up), least = mean * (1 - down);
  put(x, JET_JetFitterSecondaryVertex_averageTrackRelativeEta, mean);
  put(x, JET_JetFitterSecondaryVertex_maximumTrackRelativeEta, most);
  put(x, JET_JetFitterSecondaryVertex_minimumTrackRelativeEta, least);
  most += exp(-0.45 + 0.8 * rng_normal(rng));
  least *= sigmoid(0.55 + 0.3 * rng_normal(rng));
  put(x, JET_maximumTrackRelativeEta, most);
  put(x, JET_minimumTrackRelativeEta, least);
  put(x, JET_averageTrackRelativeEta, least + (most - least) * sigmoid(-0.57 + 0.35 * rng_normal(rng)));
}

/* The steps here are the same for all flavours, so they leave the posterior as it is. */
static void put_fitted_block(float *x, const struct jet *j, struct rng *rng) {
  int tracks = 2 * j->vertices + j->more_tracks;
  if (j->vertices == 0)
    tracks = 1;
  else if (j->vertices == 2) { /* those of the vertex further out */
    tracks = 2;
    for (int i = 0; i < j->more_tracks; i++)
      tracks += rng_uniform(rng) < 0.5;
  }
  put_fitted(x, j, tracks);
  put_relative_eta(x, j, rng);
  double length = exp(j->decay), energy = 1e5 * exp(j->t) * cosh(j->eta);
  put(x, JET_JetFitterSecondaryVertex_displacement3d, length);
  put(x, JET_JetFitterSecondaryVertex_displacement2d, length * across(j, rng_normal(rng)));
  double charged = fmin(1, 0.62 * exp(0.25 * rng_normal(rng)));
  put(x, JET_JetFitterSecondaryVertex_energy, energy * charged * sigmoid(j->fraction));
}

static void put_secondary_block(float *x, const struct jet *j, struct rng *rng) {
  double length = exp(j->sv_decay);
  put(x, JET_SV1_NGTinSvx, 2 + j->sv_more_tracks);
  put(x, JET_SV1_masssvx, 2 * PION + exp(j->sv_mass));
  put(x, JET_SV1_N2Tpair, 1 + j->sv_pairs);
  put(x, JET_SV1_efracsvx, sigmoid(j->sv_fraction));
  put(x, JET_SV1_deltaR, exp(j->sv_angle));
  put(x, JET_SV1_L3d, length);
  put(x, JET_SV1_Lxy, length * across(j, rng_normal(rng)));
  put(x, JET_SV1_significance3d, exp(j->sv_significance));
}

void jets_draw(struct rng *rng, const double shares[JETS_FLAVOURS], struct jet *j, float *x) {
  jets_draw_coordinates(rng, shares, j);
  for (int v = 0; v < JETS_VARIABLES; v++)
    x[v] = NAN;
  put_whole_jet(x, j);
  if (j->fitted)
    put_fitted_block(x, j, rng);
  if (j->secondary)
    put_secondary_block(x, j, rng);
}
