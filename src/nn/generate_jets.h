/* Synthetic b, c and light jets: the 36 inputs of DL1r, and the exact probability of each flavour given them. */
#ifndef COXSWAIN_NN_GENERATE_JETS_H
#define COXSWAIN_NN_GENERATE_JETS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/rng.h"

/* X(name, shift, scale, default, whole): the variables in the order of umami's DL1r_Variables.yaml, with the numbers of
 * its scale dictionary of 22 million jets (github.com/umami-hep/umami, Apache-2.0), units MeV and mm. There, shift and
 * scale are mean and width after missing values became the default; NAN stands for its null. */
#define JETS_VARIABLE_LIST(X)                                                                                          \
  X(absEta_btagJes, 0.9178059924309648, 0.6329371338294476, 0.9178059924309648, false)                                 \
  X(pt_btagJes, 600718.1529392081, 1030343.2598402606, 600718.1529392081, false)                                       \
  X(JetFitter_isDefaults, 0, 1, NAN, true)                                                                             \
  X(JetFitter_mass, 2628.160882388017, 1980.8293155557026, 2628.160879014427, false)                                   \
  X(JetFitter_energyFraction, 0.30407330748918066, 0.33879318994959623, 0, false)                                      \
  X(JetFitter_significance3d, 10.158343398602046, 16.26022339906894, 0, false)                                         \
  X(JetFitter_nVTX, 0.17393347300462386, 0.9952030168003537, -1, true)                                                 \
  X(JetFitter_nSingleTracks, 0.18880049174108063, 1.1956075804735955, -1, true)                                        \
  X(JetFitter_nTracksAtVtx, 1.021242697706289, 2.0726252741632196, -1, true)                                           \
  X(JetFitter_N2Tpair, 2.853156317059087, 7.352188004606731, -1, true)                                                 \
  X(JetFitter_deltaR, 0.0588695006067881, 0.05094528841967241, 0.05886950108653467, false)                             \
  X(JetFitterSecondaryVertex_isDefaults, 0, 1, NAN, true)                                                              \
  X(JetFitterSecondaryVertex_nTracks, 1.2270644231637038, 1.2717503585733172, 0, true)                                 \
  X(JetFitterSecondaryVertex_mass, 688.5091619472215, 642.3767881246121, 688.5091655301497, false)                     \
  X(JetFitterSecondaryVertex_energy, 110533.16635753092, 799736.3666981177, 110533.16758965515, false)                 \
  X(JetFitterSecondaryVertex_energyFraction, 0.15188951160863068, 0.21470963471089577, 0, false)                       \
  X(JetFitterSecondaryVertex_displacement3d, 22.712680208933943, 36.82454450484794, 22.7126798826716, false)           \
  X(JetFitterSecondaryVertex_displacement2d, 12.899224195518698, 18.685991961260413, 12.899224149459688, false)        \
  X(JetFitterSecondaryVertex_maximumTrackRelativeEta, 4.318259708996527, 1.0409762248274772, 4.31825970521838, false)  \
  X(JetFitterSecondaryVertex_minimumTrackRelativeEta, 3.788365825539743, 0.9365495569299177, 3.788365817286972, false) \
  X(JetFitterSecondaryVertex_averageTrackRelativeEta, 4.05125866800708, 0.945083645271854, 4.051258723847441, false)   \
  X(maximumTrackRelativeEta, 5.192101980097313, 1.2248473951904952, 5.192101980099211, false)                          \
  X(minimumTrackRelativeEta, 2.3377980729596826, 0.5235373084067296, 2.337798072956174, false)                         \
  X(averageTrackRelativeEta, 3.3723328124511687, 0.7050419508943957, 3.372332812451253, false)                         \
  X(SV1_isDefaults, 0, 1, NAN, true)                                                                                   \
  X(SV1_NGTinSvx, 0.7763785091973633, 2.5882391012520474, -1, true)                                                    \
  X(SV1_masssvx, 2006.8990437449295, 753.3696395759655, 2006.8990364941976, false)                                     \
  X(SV1_N2Tpair, 0.9771338645048284, 3.9137581177227383, -1, true)                                                     \
  X(SV1_efracsvx, 0.1979814998290201, 0.308124842346449, 0, false)                                                     \
  X(SV1_deltaR, 0.0621984006943246, 0.10161890335612567, 0.06219840104195302, false)                                   \
  X(SV1_Lxy, 14.730605950644735, 13.895406090527064, 14.730605723839435, false)                                        \
  X(SV1_L3d, 24.5967939198283, 26.059339706478866, 24.596793551539278, false)                                          \
  X(SV1_significance3d, 29.74542419927027, 23.62576291396458, 29.745424073276666, false)                               \
  X(rnnip_pb, 0.38778186251987873, 0.34529737259385573, 0.38778186251987873, false)                                    \
  X(rnnip_pc, 0.16499769195088476, 0.11951780956060383, 0.16499769195088476, false)                                    \
  X(rnnip_pu, 0.44722041589136086, 0.34296050219330965, 0.44722041589136086, false)

enum jets_variable {
#define X(name, shift, scale, fallback, whole) JET_##name,
  JETS_VARIABLE_LIST(X)
#undef X
      JETS_VARIABLES
};

enum jets_flavour { JET_LIGHT, JET_C, JET_B, JETS_FLAVOURS };

struct jets_constant {
  const char *name;
  double shift, scale, fallback; /* of the scale dictionary */
  bool whole;                    /* integers */
};
const struct jets_constant *jets_constants(void); /* (JETS_VARIABLES) */

/* The coordinates in which a jet is drawn: independent steps, each given those before it. Counts and yes or no as they
 * are; masses, lengths and angles as logarithms; fractions as logits. */
struct jet {
  int flavour, origin;
  double t;   /* ln(pT / 100 GeV) */
  double eta; /* absolute */
  /* JetFitter */
  bool fitted;
  int vertices, singles, more_tracks, pairs;
  double mass, more_mass, fraction, more_fraction, decay, significance, angle;
  double rel_eta, spread_up, spread_down;
  /* SV1 */
  bool secondary;
  int sv_more_tracks, sv_pairs;
  double sv_mass, sv_fraction, sv_decay, sv_significance, sv_angle;
  /* impact parameters: ln(p_b / p_u), ln(p_c / p_u) of RNNIP */
  double ip_b, ip_c;
};

void jets_draw_coordinates(struct rng *rng, const double shares[JETS_FLAVOURS], struct jet *jet);
/* One jet; the shares of the flavours add up to 1. `x` (JETS_VARIABLES) has NaN for missing values. */
void jets_draw(struct rng *rng, const double shares[JETS_FLAVOURS], struct jet *jet, float *x);
int jets_draw_flavour(struct rng *rng, const double shares[JETS_FLAVOURS]); /* the first thing jets_draw does */
/* p(flavour | x), exactly: the sum over the origins of each flavour, by Bayes' theorem. */
void jets_posterior(const struct jet *jet, const double shares[JETS_FLAVOURS], double out[JETS_FLAVOURS]);

#endif
