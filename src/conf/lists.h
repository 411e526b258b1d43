/* Every kind and its members: ONE word here gives a member its declaration, its place in the registry, its line in
 * --help and reference.cfg, and its turn in the contract tests. X(name, "what it is"). The code is in the folder named
 * beside. */
#ifndef COXSWAIN_CONF_LISTS_H
#define COXSWAIN_CONF_LISTS_H

/* hpo/sampler_NAME.c: proposes points */
#define SAMPLER_LIST(X)                                                                                   \
  X(auto, "leaves each point to gp, tpe, cmaes or others, by what it sees and who has been right lately") \
  X(random, "independent uniform points")                                                                 \
  X(grid, "every combination, honouring resolution, steps and categories")                                \
  X(sobol, "scrambled Sobol points: fills the space evenly")                                              \
  X(gp, "Bayesian optimisation with a Gaussian process")                                                  \
  X(tpe, "tree-structured Parzen estimator: points like the best ones so far, and unlike the others")     \
  X(cmaes, "CMA-ES with margin: a normal distribution that moves and adapts its shape")                   \
  X(bohb, "the model of BOHB: a Parzen estimator of what is known at the largest budget")

/* hpo/schedule_NAME.c: decides which stint is worth running next */
#define SCHEDULE_LIST(X)                                                                                       \
  X(full, "every trial to the last step")                                                                      \
  X(halving, "asynchronous successive halving (ASHA); promotions go on from the saved state")                  \
  X(hyperband, "brackets of halving side by side, each with another first rung")                               \
  X(pbt, "population based training: the worst go on from the states of the best, with other hyperparameters") \
  X(bohb, "hyperband with points from the model of BOHB (unless sampler.name says otherwise)")                 \
  X(median, "stops a trial whose best is worse than the median of what others averaged until then")            \
  X(patience, "ends a trial that does not improve any more")

/* run/evaluate_NAME.c: turns stints into outcomes */
#define EVALUATOR_LIST(X)                           \
  X(train, "trains a network (data, model, train)") \
  X(command, "any program (command)")               \
  X(function, "a test function, a table or recorded curves (function)")

/* nn/trainer_NAME.c: trains the networks in its slots */
#define TRAINER_LIST(X) X(net, "any network, one after the other")

/* nn/backend_NAME.c */
#define BACKEND_LIST(X) X(cpu, "CPU cores, BLAS")

/* nn/activation.c */
#define ACTIVATION_LIST(X)                                              \
  X(relu, "max(0, x)")                                                  \
  X(leaky_relu, "x, or 0.01 x below 0")                                 \
  X(elu, "x, or exp(x) - 1 below 0")                                    \
  X(selu, "self-normalising elu")                                       \
  X(tanh, "hyperbolic tangent")                                         \
  X(sigmoid, "1 / (1 + exp(-x))")                                       \
  X(swish, "x sigmoid(x), also called SiLU")                            \
  X(gelu, "x times the normal distribution function of x (exact form)") \
  X(linear, "x")

/* nn/init.c */
#define INIT_LIST(X)                                     \
  X(glorot_uniform, "uniform in +-sqrt(6 / (in + out))") \
  X(glorot_normal, "normal, variance 2 / (in + out)")    \
  X(he_uniform, "uniform in +-sqrt(6 / in)")             \
  X(he_normal, "normal, variance 2 / in")

/* nn/optim.c */
#define OPTIMIZER_LIST(X)                                       \
  X(sgd, "stochastic gradient descent with momentum, nesterov") \
  X(adam, "Adam; weight decay is added to the gradient")        \
  X(adamw, "Adam with decoupled weight decay")                  \
  X(rmsprop, "RMSprop")

/* nn/rate.c: how the learning rate changes */
#define RATE_LIST(X)                                                     \
  X(constant, "stays as it is")                                          \
  X(step, "times lr_factor every lr_every epochs")                       \
  X(exponential, "times lr_factor every epoch, smoothly over its steps") \
  X(cosine, "half a cosine down to lr_min over all epochs")              \
  X(plateau, "times plateau.factor when plateau.monitor stops improving")

/* nn/loss.c */
#define LOSS_LIST(X)                                           \
  X(softmax, "cross entropy over classes, one output a class") \
  X(sigmoid, "binary cross entropy, one output")               \
  X(mse, "mean squared error")                                 \
  X(mae, "mean absolute error")

/* nn/data_read_NAME.c: what a training file looks like */
#define FORMAT_LIST(X)                                                       \
  X(array, "plain datasets: inputs (n, variables), labels (n), weights (n)") \
  X(umami, "umami training file: jets/inputs, already scaled, jets/labels")  \
  X(tdd, "training-dataset-dumper: a compound dataset with one member per variable")

/* nn/generate_NAME.c: synthetic samples */
#define GENERATE_LIST(X) X(jets, "synthetic b, c and light jets with the DL1r input variables")

/* cli/cmd_NAME.c: subcommands, in the order of --help */
#define COMMAND_LIST(X)                                                    \
  X(run, "run a study, or go on with one")                                 \
  X(check, "check a study file and say what the study will cost")          \
  X(simulate, "a study in simulated time, with any number of workers")     \
  X(init, "write a first study file for a data file")                      \
  X(preflight, "what a study would meet on these ranks and in its folder") \
  X(status, "how a study stands, also while it runs")                      \
  X(best, "the best trials, their metrics and weights")                    \
  X(importance, "how much each hyperparameter matters")                    \
  X(export, "write all trials as csv or json")                             \
  X(train, "train one point of a study, or one of its trials again")       \
  X(predict, "apply a trained network to a data file")                     \
  X(data, "show what is in a data file")                                   \
  X(import, "turn CSV or IDX files into HDF5")                             \
  X(generate, "write a synthetic data sample")                             \
  X(ask, "take points to evaluate elsewhere")                              \
  X(tell, "hand in results of points evaluated elsewhere")                 \
  X(split, "cut a scan into files of points for independent jobs")         \
  X(merge, "join the studies of such jobs")                                \
  X(enqueue, "put points of your own into a study")                        \
  X(set, "change settings of a study, also while it runs")                 \
  X(stop, "ask a running study to checkpoint and leave")                   \
  X(cancel, "give up trials of a study")                                   \
  X(doctor, "what is damaged in a study folder, and mend it")              \
  X(reference, "print every setting with type, range, default and meaning")

#define LIST_HELP_(name, help) {#name, help},
/* For tables of names and help texts, in any kind: static const struct list_word w[] = {LIST_WORDS(SAMPLER_LIST)}; */
struct list_word {
  const char *name, *help;
};
#define LIST_WORDS(LIST) LIST(LIST_HELP_)

#endif
