/* The model behind the synthetic jets.
 *
 * A flavour is a mixture of origins, the things that can happen to such a jet: its hadron's decay is seen as a vertex,
 * as two, or not at all; a strange hadron or the material of the detector fakes one. Given origin, pT and |eta| a jet
 * is drawn in steps, each a normal, Poisson, binomial or yes-or-no distribution whose parameters depend on the steps
 * before. jet_walk writes each step down once and is read two ways: it draws the step, or it adds its log probability.
 * So the likelihood of a jet under every origin is exact, and with it the posterior of the flavours. pT and |eta| are
 * the same for all flavours. */
#include <math.h>
#include <string.h>

#include "nn/generate_jets.h"

struct origin {
  enum jets_flavour flavour;
  double share, share_t, share_lost; /* log of its share of the flavour, slopes in u and in loss (see struct boost) */
  /* JetFitter */
  double fitted, fitted_t;            /* logit */
  double vertex, singles, more, pair; /* probability per possible vertex; Poisson means */
  double mass, mass_width, more_mass; /* ln(MeV) */
  double fraction, more_fraction;     /* logit */
  double decay, boost, decay_width;   /* ln(mm), slope in u */
  double clean, angle, rel_eta, spread;
  /* SV1 */
  double secondary, secondary_t, with_vertex; /* logit */
  double sv_more, sv_mass, sv_mass_width, sv_fraction;
  /* RNNIP */
  double ip_b, ip_c, ip_width, ip_t;
};

/* Lifetimes: c tau is 0.12 mm (D0), 0.31 mm (D+), 0.46 mm (b hadrons), 27 mm (K0S); masses 1.87, 5.28, 0.50 GeV. */
/* clang-format off */
static const struct origin origins[] = {
    /* light: nothing displaced */
    {.flavour = JET_LIGHT, .share = 1.6, .share_t = -0.1, .share_lost = -0.1,
     .fitted = 0.1, .fitted_t = 0.55, .vertex = 0.08, .singles = 0.1, .more = 0.25, .pair = 0.39,
     .mass = 6.2, .mass_width = 0.6, .more_mass = 6.9, .fraction = -3.55, .more_fraction = -2.6,
     .decay = 1.7, .boost = 0.5, .decay_width = 1.25, .clean = -1.1, .angle = -3.0, .rel_eta = 1.28, .spread = -2.4,
     .secondary = -3.2, .secondary_t = 0.55, .with_vertex = 1.5, .sv_more = 0.67, .sv_mass = 6.22,
     .sv_mass_width = 0.65, .sv_fraction = -1.9, .ip_b = -3.2, .ip_c = -1.95, .ip_width = 0.75, .ip_t = 0.3},
    /* light: a strange hadron, a conversion, the material */
    {.flavour = JET_LIGHT, .share = 0.0, .share_t = 0.25, .share_lost = 0.2,
     .fitted = 1.5, .fitted_t = 0.4, .vertex = 0.25, .singles = 0.18, .more = 0.2, .pair = 0.585,
     .mass = 5.55, .mass_width = 0.4, .more_mass = 6.9, .fraction = -2.45, .more_fraction = -2.2,
     .decay = 3.2, .boost = 0.3, .decay_width = 0.95, .clean = -0.2, .angle = -2.8, .rel_eta = 1.31, .spread = -2.5,
     .secondary = -1.1, .secondary_t = 0.4, .with_vertex = 1.6, .sv_more = 0.49, .sv_mass = 5.67,
     .sv_mass_width = 0.5, .sv_fraction = -1.3, .ip_b = -1.5, .ip_c = -1.55, .ip_width = 1.0, .ip_t = 0.3},
    /* light: a gluon splits to heavy quarks whose hadron the label misses; what makes light rejection finite */
    {.flavour = JET_LIGHT, .share = -3.4, .share_t = 0.3, .share_lost = 0.0,
     .fitted = 2.2, .fitted_t = 0.3, .vertex = 0.44, .singles = 0.26, .more = 1.7, .pair = 0.9,
     .mass = 7.05, .mass_width = 0.45, .more_mass = 7.4, .fraction = -0.9, .more_fraction = -0.7,
     .decay = 1.65, .boost = 1.0, .decay_width = 0.85, .clean = 0.7, .angle = -3.0, .rel_eta = 1.3, .spread = -1.8,
     .secondary = 0.4, .secondary_t = 0.2, .with_vertex = 1.4, .sv_more = 2.4, .sv_mass = 7.45,
     .sv_mass_width = 0.48, .sv_fraction = 0.4, .ip_b = 2.6, .ip_c = 0.6, .ip_width = 2.1, .ip_t = -0.3},
    /* c: the decay goes unseen */
    {.flavour = JET_C, .share = 0.5, .share_t = -0.35, .share_lost = 0.5,
     .fitted = 0.5, .fitted_t = 0.5, .vertex = 0.1, .singles = 0.14, .more = 0.3, .pair = 0.39,
     .mass = 6.4, .mass_width = 0.55, .more_mass = 7.0, .fraction = -2.75, .more_fraction = -2.3,
     .decay = 1.1, .boost = 0.7, .decay_width = 1.15, .clean = -0.6, .angle = -3.2, .rel_eta = 1.33, .spread = -2.3,
     .secondary = -2.6, .secondary_t = 0.5, .with_vertex = 1.5, .sv_more = 0.61, .sv_mass = 6.52,
     .sv_mass_width = 0.55, .sv_fraction = -1.2, .ip_b = -1.6, .ip_c = -1.15, .ip_width = 0.95, .ip_t = 0.25},
    /* c: a charm vertex */
    {.flavour = JET_C, .share = 0.7, .share_t = 0.2, .share_lost = -0.4,
     .fitted = 1.5, .fitted_t = 0.4, .vertex = 0.36, .singles = 0.2, .more = 0.7, .pair = 0.78,
     .mass = 6.55, .mass_width = 0.4, .more_mass = 7.1, .fraction = -1.25, .more_fraction = -1.5,
     .decay = 1.35, .boost = 1.0, .decay_width = 0.85, .clean = 0.35, .angle = -3.5, .rel_eta = 1.39, .spread = -2.0,
     .secondary = -0.7, .secondary_t = 0.3, .with_vertex = 1.6, .sv_more = 1.21, .sv_mass = 6.62,
     .sv_mass_width = 0.38, .sv_fraction = -0.1, .ip_b = -0.5, .ip_c = -0.05, .ip_width = 1.1, .ip_t = 0.2},
    /* c: with a strange decay beside it */
    {.flavour = JET_C, .share = -0.7, .share_t = 0.2, .share_lost = 0.2,
     .fitted = 1.9, .fitted_t = 0.4, .vertex = 0.35, .singles = 0.28, .more = 0.35, .pair = 0.65,
     .mass = 5.9, .mass_width = 0.5, .more_mass = 7.2, .fraction = -1.85, .more_fraction = -1.6,
     .decay = 2.8, .boost = 0.5, .decay_width = 1.0, .clean = 0.0, .angle = -3.0, .rel_eta = 1.33, .spread = -2.2,
     .secondary = -0.5, .secondary_t = 0.4, .with_vertex = 1.5, .sv_more = 0.79, .sv_mass = 6.12,
     .sv_mass_width = 0.55, .sv_fraction = -0.6, .ip_b = -0.6, .ip_c = -0.7, .ip_width = 1.2, .ip_t = 0.3},
    /* b: the decay goes unseen */
    {.flavour = JET_B, .share = -0.9, .share_t = -0.35, .share_lost = 0.9,
     .fitted = 0.9, .fitted_t = 0.5, .vertex = 0.12, .singles = 0.22, .more = 0.4, .pair = 0.52,
     .mass = 6.5, .mass_width = 0.6, .more_mass = 7.1, .fraction = -2.35, .more_fraction = -1.7,
     .decay = 1.1, .boost = 0.8, .decay_width = 1.15, .clean = -0.4, .angle = -3.0, .rel_eta = 1.25, .spread = -2.1,
     .secondary = -1.9, .secondary_t = 0.4, .with_vertex = 1.4, .sv_more = 0.85, .sv_mass = 6.72,
     .sv_mass_width = 0.6, .sv_fraction = -0.9, .ip_b = 0.2, .ip_c = -0.65, .ip_width = 1.4, .ip_t = -0.1},
    /* b: beauty and charm in one vertex */
    {.flavour = JET_B, .share = 0.7, .share_t = 0.1, .share_lost = -0.3,
     .fitted = 2.4, .fitted_t = 0.3, .vertex = 0.48, .singles = 0.24, .more = 2.0, .pair = 0.975,
     .mass = 7.2, .mass_width = 0.42, .more_mass = 7.5, .fraction = -0.55, .more_fraction = -0.4,
     .decay = 1.65, .boost = 1.0, .decay_width = 0.8, .clean = 0.85, .angle = -3.3, .rel_eta = 1.32, .spread = -1.75,
     .secondary = 0.7, .secondary_t = 0.2, .with_vertex = 1.4, .sv_more = 2.89, .sv_mass = 7.62,
     .sv_mass_width = 0.42, .sv_fraction = 0.75, .ip_b = 3.4, .ip_c = 0.75, .ip_width = 2.1, .ip_t = -0.35},
    /* b: beauty, and charm further out */
    {.flavour = JET_B, .share = 0.3, .share_t = 0.3, .share_lost = -0.4,
     .fitted = 2.8, .fitted_t = 0.3, .vertex = 0.72, .singles = 0.3, .more = 1.1, .pair = 0.845,
     .mass = 6.8, .mass_width = 0.45, .more_mass = 7.7, .fraction = -1.05, .more_fraction = 0.1,
     .decay = 2.05, .boost = 1.0, .decay_width = 0.75, .clean = 0.7, .angle = -3.2, .rel_eta = 1.31, .spread = -1.8,
     .secondary = 0.5, .secondary_t = 0.2, .with_vertex = 1.2, .sv_more = 2.05, .sv_mass = 7.32,
     .sv_mass_width = 0.5, .sv_fraction = 0.35, .ip_b = 3.0, .ip_c = 1, .ip_width = 1.9, .ip_t = -0.35},
    /* b: to a lepton and a single track */
    {.flavour = JET_B, .share = -0.8, .share_t = 0.0, .share_lost = 0.0,
     .fitted = 2.2, .fitted_t = 0.3, .vertex = 0.1, .singles = 0.56, .more = 0.5, .pair = 0.52,
     .mass = 6.5, .mass_width = 0.5, .more_mass = 7.6, .fraction = -1.35, .more_fraction = -0.5,
     .decay = 1.6, .boost = 1.0, .decay_width = 0.9, .clean = 0.35, .angle = -2.9, .rel_eta = 1.28, .spread = -1.9,
     .secondary = -0.5, .secondary_t = 0.2, .with_vertex = 1.3, .sv_more = 1.33, .sv_mass = 7.02,
     .sv_mass_width = 0.5, .sv_fraction = -0.1, .ip_b = 1.4, .ip_c = 0.3, .ip_width = 1.6, .ip_t = -0.2},
};
/* clang-format on */
#define N_ORIGINS (sizeof origins / sizeof *origins)

/* ---- steps ---- */

/* With `rng` a step draws its value; without, it adds the log of its probability (up to terms that are the same for all
 * origins) to log_p. */
struct walk {
  struct rng *rng;
  double log_p;
};

static double sigmoid(double x) {
  return 1 / (1 + exp(-x));
}

static void step_normal(struct walk *w, double *x, double mean, double width) {
  if (w->rng) {
    *x = mean + width * rng_normal(w->rng);
    return;
  }
  double away = (*x - mean) / width;
  w->log_p -= 0.5 * away * away + log(width);
}

static void step_yes(struct walk *w, bool *yes, double logit) {
  double p = sigmoid(logit);
  if (w->rng)
    *yes = rng_uniform(w->rng) < p;
  else
    w->log_p += log(*yes ? p : 1 - p);
}

static void step_poisson(struct walk *w, int *n, double mean) {
  if (w->rng)
    *n = (int)rng_poisson(w->rng, mean);
  else
    w->log_p += *n * log(mean) - mean;
}

static void step_binomial(struct walk *w, int *n, int most, double p) {
  if (!w->rng) {
    w->log_p += *n * log(p) + (most - *n) * log(1 - p);
    return;
  }
  *n = 0;
  for (int i = 0; i < most; i++)
    *n += rng_uniform(w->rng) < p;
}

/* ---- a jet, step by step ---- */

/* How pT and |eta| act: u grows with ln pT and levels off; tracks merge above 700 GeV; forward tracks are worse. */
struct boost {
  double u, loss, forward;
};

static struct boost boost_of(const struct jet *j) {
  return (struct boost){2 * tanh(0.5 * j->t), fmax(0, j->t - 2), j->eta - 1};
}

static int tracks_at_vertices(const struct jet *j) {
  return 2 * j->vertices + j->more_tracks;
}

static void walk_fitted(struct walk *w, struct jet *j, const struct origin *o, const struct boost *b) {
  step_yes(w, &j->fitted, o->fitted + o->fitted_t * b->u - 0.25 * b->forward);
  if (!j->fitted)
    return;
  step_binomial(w, &j->vertices, 2, o->vertex);
  step_poisson(w, &j->singles, o->singles); /* without a vertex: beyond the one there must be */
  if (j->vertices)
    step_poisson(w, &j->more_tracks, o->more * (1 + 0.15 * b->u));
  else if (w->rng)
    j->more_tracks = 0;
  int tracks = tracks_at_vertices(j) + j->singles + (j->vertices == 0);
  step_poisson(w, &j->pairs, 0.1 + o->pair * 0.5 * tracks * (tracks - 1));
  if (j->vertices)
    step_normal(w, &j->mass, o->mass + 0.2 * log1p(j->more_tracks), o->mass_width);
  step_normal(w, &j->more_mass, o->more_mass + 0.12 * j->singles, 0.75);
  step_normal(w, &j->fraction, o->fraction + (j->vertices ? 0.9 : -0.6) + 0.12 * j->more_tracks - 0.3 * b->u, 0.8);
  step_normal(w, &j->more_fraction, o->more_fraction + 0.35 * j->singles - 0.2 * b->u, 0.9);
  step_normal(w, &j->decay, o->decay + o->boost * b->u, o->decay_width);
  double resolution = 0.25 * b->u + 0.15 * b->forward - 0.1 * j->more_tracks;
  step_normal(w, &j->significance, 1.75 + 0.8 * o->clean + 0.5 * (j->decay - 1.5) - resolution, 0.85);
  step_normal(w, &j->angle, o->angle - 0.35 * b->u, 0.7);
  step_normal(w, &j->rel_eta, o->rel_eta + 0.1 * b->u - 0.04 * (j->angle + 3), 0.2);
  if (tracks_at_vertices(j) > 1)
    step_normal(w, &j->spread_up, o->spread + 0.12 * j->more_tracks, 0.5);
  if (tracks_at_vertices(j) > 2)
    step_normal(w, &j->spread_down, o->spread + 0.08 * j->more_tracks, 0.5);
}

static void walk_secondary(struct walk *w, struct jet *j, const struct origin *o, const struct boost *b) {
  bool vertex = j->fitted && j->vertices > 0;
  step_yes(w, &j->secondary,
           o->secondary + o->secondary_t * b->u + (vertex ? o->with_vertex : -0.4) - 0.5 * b->loss - 0.2 * b->forward);
  if (!j->secondary)
    return;
  int tracks = vertex ? j->more_tracks : 0;
  step_poisson(w, &j->sv_more_tracks, 0.7 * o->sv_more + 0.3 * tracks + 0.05);
  step_poisson(w, &j->sv_pairs, 0.1 + 0.3 * (j->sv_more_tracks + 2) * (j->sv_more_tracks + 1));
  double known = vertex ? 0.4 * (j->mass - o->mass) : 0;
  step_normal(w, &j->sv_mass, o->sv_mass + known + 0.1 * j->sv_more_tracks, o->sv_mass_width);
  step_normal(w, &j->sv_fraction, o->sv_fraction + 0.3 * j->sv_more_tracks - 0.15 * b->u, 0.9);
  double decay = o->decay + o->boost * b->u;
  if (vertex) /* the same vertex, seen again */
    step_normal(w, &j->sv_decay, decay + 0.8 * (j->decay - decay), 0.45);
  else
    step_normal(w, &j->sv_decay, decay, o->decay_width);
  double resolution = 0.2 * b->u + 0.15 * b->forward - 0.12 * j->sv_more_tracks;
  step_normal(w, &j->sv_significance, 2.35 + 0.5 * o->clean + 0.45 * (j->sv_decay - 1.5) - resolution, 0.75);
  step_normal(w, &j->sv_angle, o->angle + 0.1 - 0.5 * b->u - 0.15 * j->sv_more_tracks, 1.15);
}

/* Impact parameters know of the same displaced tracks as the vertices, and lose their power at high pT. */
static void walk_impact(struct walk *w, struct jet *j, const struct origin *o, const struct boost *b) {
  double tracks = 0;
  if (j->fitted)
    tracks += 0.3 * (j->significance - 2.2) + 0.25 * j->vertices;
  if (j->secondary)
    tracks += 0.25 * (j->sv_significance - 2.5);
  double mean_b = o->ip_b + o->ip_t * b->u + tracks - 0.25 * fabs(b->forward);
  double mean_c = o->ip_c + 0.5 * o->ip_t * b->u + 0.4 * tracks;
  step_normal(w, &j->ip_b, mean_b, o->ip_width);
  step_normal(w, &j->ip_c, mean_c + 0.35 * (j->ip_b - mean_b), 0.55);
}

static void jet_walk(struct walk *w, struct jet *j, const struct origin *o) {
  struct boost b = boost_of(j);
  walk_fitted(w, j, o, &b);
  walk_secondary(w, j, o, &b);
  walk_impact(w, j, o, &b);
}

/* ---- shares, drawing, posterior ---- */

/* The share of each origin in its flavour, which depends on pT. */
static void origin_shares(const struct jet *j, double share[N_ORIGINS]) {
  struct boost b = boost_of(j);
  double sum[JETS_FLAVOURS] = {0};
  for (size_t i = 0; i < N_ORIGINS; i++) {
    const struct origin *o = &origins[i];
    share[i] = exp(o->share + o->share_t * b.u + o->share_lost * b.loss);
    sum[o->flavour] += share[i];
  }
  for (size_t i = 0; i < N_ORIGINS; i++)
    share[i] /= sum[origins[i].flavour];
}

int jets_draw_flavour(struct rng *rng, const double shares[JETS_FLAVOURS]) {
  double u = rng_uniform(rng);
  int flavour = 0;
  while (flavour < JETS_FLAVOURS - 1 && u >= shares[flavour])
    u -= shares[flavour++];
  return flavour;
}

static int draw_origin(struct rng *rng, const struct jet *j) {
  double share[N_ORIGINS], u = rng_uniform(rng);
  origin_shares(j, share);
  int last = 0;
  for (size_t i = 0; i < N_ORIGINS; i++) {
    if ((int)origins[i].flavour != j->flavour)
      continue;
    last = (int)i;
    if (u < share[i])
      break;
    u -= share[i];
  }
  return last;
}

/* Seven jets of ten are like those of top pairs, three like those of a heavy resonance; |eta| up to 2.5. */
static void draw_kinematics(struct rng *rng, struct jet *j) {
  bool heavy = rng_uniform(rng) < 0.29;
  double pt; /* GeV */
  do
    pt = heavy ? 250 + 1650 * rng_gamma(rng, 1.15) : 72 * exp(0.55 * rng_normal(rng));
  while (pt < 20 || pt > 6000);
  j->t = log(pt / 100);
  j->eta = 2.5 * (1 - pow(rng_uniform(rng), 1 / 1.72));
}

void jets_draw_coordinates(struct rng *rng, const double shares[JETS_FLAVOURS], struct jet *j) {
  *j = (struct jet){.flavour = jets_draw_flavour(rng, shares)};
  draw_kinematics(rng, j);
  j->origin = draw_origin(rng, j);
  struct walk w = {.rng = rng};
  jet_walk(&w, j, &origins[j->origin]);
}

void jets_posterior(const struct jet *jet, const double shares[JETS_FLAVOURS], double out[JETS_FLAVOURS]) {
  double share[N_ORIGINS], log_p[N_ORIGINS], most = -HUGE_VAL, all = 0;
  struct jet j = *jet;
  origin_shares(&j, share);
  for (size_t i = 0; i < N_ORIGINS; i++) {
    struct walk w = {.rng = NULL};
    jet_walk(&w, &j, &origins[i]);
    log_p[i] = w.log_p + log(share[i] * shares[origins[i].flavour]);
    most = fmax(most, log_p[i]);
  }
  memset(out, 0, JETS_FLAVOURS * sizeof *out);
  for (size_t i = 0; i < N_ORIGINS; i++)
    out[origins[i].flavour] += exp(log_p[i] - most);
  for (int k = 0; k < JETS_FLAVOURS; k++)
    all += out[k];
  for (int k = 0; k < JETS_FLAVOURS; k++)
    out[k] /= all;
}
