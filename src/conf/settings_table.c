/* The table of settings. A new setting is one row here; its help is what a user reads in reference.cfg, so write it so.
 */
#include "conf/settings.h"

#include <float.h>

#include "conf/lists.h"

#define ANY_NUMBER -DBL_MAX, DBL_MAX
#define NO_RANGE 0, 0
#define COUNT(lowest) lowest, 9e15
#define CHOICES(LIST)          \
  (const struct list_word[]) { \
    LIST_WORDS(LIST) {         \
      NULL, NULL               \
    }                          \
  }
#define DIRECTION_LIST(X)                                                      \
  X(auto, "from the metric: losses down, accuracies, areas and rejections up") \
  X(minimize, "smaller is better")                                             \
  X(maximize, "larger is better")
#define TYPE_LIST(X)                     \
  X(float, "real number in [low, high]") \
  X(int, "whole number in [low, high]")  \
  X(categorical, "one of choices")       \
  X(fixed, "always value")
#define SCALE_LIST(X)                                   \
  X(auto, "none for umami files, train for the others") \
  X(train, "mean 0 and width 1 on the training part")   \
  X(none, "as they are in the file")                    \
  X(file, "shift and scale by name from data.scale_file")
#define FILL_LIST(X)                                                            \
  X(mean, "the mean of the present values of the training part")                \
  X(default, "the variable's default in data.scale_file, else data.fill_value") \
  X(flag, "the mean, and one more input per such variable that says 1 = missing")
#define SPLIT_LIST(X)                                                 \
  X(fraction, "at random, data.validation and data.test of all rows") \
  X(modulo, "by data.event_number modulo data.modulo")                \
  X(files, "validation and test from files of their own")
#define NEGATIVE_LIST(X)                                                 \
  X(refuse, "an error that names the first row")                         \
  X(keep, "used as they are: the loss of such an event counts negative") \
  X(drop, "left out of training, kept in validation and test metrics")
#define MODEL_LIST(X) X(mlp, "dense layers one after the other")
#define ROW_LOSS_LIST(X)                                      \
  X(auto, "softmax for classes, mse for data.target = value") \
  LOSS_LIST(X)
#define TARGET_LIST(X)             \
  X(class, "the label is a class") \
  X(value, "the label is a number to predict (regression)")
#define CLASS_WEIGHT_LIST(X)            \
  X(none, "all classes weigh the same") \
  X(balanced, "n / (number of classes x n of the class)")
#define MONITOR_LIST(X)                                        \
  X(train_loss, "mean loss over the epoch's training batches") \
  X(val_loss, "validation loss")
#define VALUE_LIST(X)                                \
  X(best, "of the epoch with the best study.metric") \
  X(last, "of the last epoch")
#define BACKEND_CHOICE_LIST(X)                                               \
  X(auto, "cuda where it can be used, else cpu; the log says which and why") \
  X(cpu, "CPU cores")                                                        \
  X(cuda, "NVIDIA GPUs; an error if there is none, never a silent fall-back")
#define STEER_LIST(X)                           \
  X(auto, "shared on CPUs")                     \
  X(shared, "rank 0 steers and trains as well") \
  X(dedicated, "rank 0 only steers")
#define SCOPE_LIST(X)                                                                               \
  X(auto, "rank where Slurm (--gpus-per-task) or jsrun gives each task GPUs of its own, else node") \
  X(node, "all ranks of a host see the same GPUs and divide them")                                  \
  X(rank, "each rank sees GPUs of its own")
#define CHECKPOINT_LIST(X)              \
  X(best, "those of the run.keep best") \
  X(all, "all; run.keep does not matter")
#define TPE_WEIGHTS_LIST(X)                                                     \
  X(improvement, "by how much it is better than the best one that is not good") \
  X(rank, "by its rank, whatever the values")                                   \
  X(equal, "all the same")
#define TPE_BANDWIDTH_LIST(X)                                                           \
  X(spread, "in proportion to how far apart they are: the search closes in on a point") \
  X(range, "a share of the range, as Optuna 3.1 does it: the search stays wide")
#define FUNCTION_LIST(X)                                                               \
  X(sphere, "sum of x^2")                                                              \
  X(rosenbrock, "banana valley, minimum 0 at (1, ..., 1)")                             \
  X(rastrigin, "many minima, 0 at the origin")                                         \
  X(ackley, "many shallow minima, 0 at the origin")                                    \
  X(griewank, "many minima, 0 at the origin")                                          \
  X(levy, "minimum 0 at (1, ..., 1)")                                                  \
  X(branin, "two parameters, minimum 0.397887")                                        \
  X(hartmann6, "six parameters in [0, 1], minimum -3.32237")                           \
  X(curve, "a made-up learning curve: falls with the steps to a sphere's value")       \
  X(descent, "noisy gradient descent: the argument, its rate, should fall with steps") \
  X(deadly, "as sphere, but kills its process where the first argument is above 0.9")  \
  X(endless, "as sphere, but never returns where the first argument is above 0.9")     \
  X(bbob, "one of the 24 BBOB functions: function.index, function.instance; -5 to 5")  \
  X(table, "rows of function.file: the row nearest to the point")

/* clang-format off */
static const struct setting rows[] = {
  {"evaluator", SETTING_CHOICE, 0, IDENTITY, "train", NO_RANGE, "", CHOICES(EVALUATOR_LIST), "What turns a point into a value."},

  {"study.name", SETTING_TEXT, NAME, IDENTITY, NULL, NO_RANGE, "", NULL, "Name of the study, and of its folder; the study file's name if not given. Random numbers depend on it."},
  {"study.metric", SETTING_TEXT, 0, IDENTITY, "val_loss", NO_RANGE, "", NULL, "What is optimised: val_loss, val_accuracy, val_auc, val_CLASS_rej@SIGNALnn (val_light_rej@b77), for a function: value, for a command: any name that it prints, else loss."},
  {"study.direction", SETTING_CHOICE, 0, IDENTITY, "auto", NO_RANGE, "", CHOICES(DIRECTION_LIST), "Which way is better."},
  {"study.seed", SETTING_INT, 0, IDENTITY, "1", COUNT(0), "", NULL, "Start of all random numbers of the study."},
  {"study.trials", SETTING_INT, 0, FREE, "100", COUNT(1), "", NULL, "Stop after this many trials."},
  {"study.steps", SETTING_INT, 0, FREE, "0", COUNT(0), "epochs", NULL, "Spend no more than this many epochs (steps) on all trials together; study.trials, which also counts, must then be large enough (0: no limit)."},
  {"study.timeout", SETTING_SECONDS, 0, FREE, "0", COUNT(0), "", NULL, "Stop when the study has run this long in all, over all its jobs (0: no limit)."},
  {"study.target", SETTING_FLOAT, 0, FREE, NULL, ANY_NUMBER, "", NULL, "Stop when the metric is this good."},
  {"study.stall", SETTING_INT, 0, FREE, "0", COUNT(0), "trials", NULL, "Stop after this many finished trials without a better one (0: never)."},
  {"study.failures", SETTING_FLOAT, 0, FREE, "0.5", 0, 1, "", NULL, "Give up (exit code 3) when more than this share of the trials failed; looked at from 10 trials on."},
  {"study.confirm", SETTING_INT, 0, FREE, "0", 0, 1000, "", NULL, "When the search is over, evaluate the best few again, so often, with other random numbers: `coxswain best` shows mean and spread of the repeats (0: do not)."},
  {"study.confirm_best", SETTING_INT, 0, FREE, "3", 1, 1000, "trials", NULL, "study.confirm: how many of the best."},

  {"space.*.type", SETTING_CHOICE, 0, IDENTITY, NULL, NO_RANGE, "", CHOICES(TYPE_LIST), "Kind of hyperparameter. If not given it follows from the other keys: low = 1; high = 8 make an int, low = 1.0; high = 8.0 a float."},
  {"space.*.low", SETTING_FLOAT, WHOLE, IDENTITY, NULL, ANY_NUMBER, "", NULL, "Smallest value."},
  {"space.*.high", SETTING_FLOAT, WHOLE, IDENTITY, NULL, ANY_NUMBER, "", NULL, "Largest value, included."},
  {"space.*.step", SETTING_FLOAT, WHOLE, IDENTITY, NULL, DBL_MIN, DBL_MAX, "", NULL, "Only low, low + step, low + 2 step, ..."},
  {"space.*.log", SETTING_BOOL, 0, IDENTITY, "false", NO_RANGE, "", NULL, "Spread evenly in the logarithm."},
  {"space.*.choices", SETTING_ANY, LIST, IDENTITY, NULL, NO_RANGE, "", NULL, "The categories: numbers, texts, true and false may be mixed, in ( )."},
  {"space.*.value", SETTING_ANY, 0, IDENTITY, NULL, NO_RANGE, "", NULL, "The value of a fixed hyperparameter."},
  {"space.*.resolution", SETTING_INT, 0, IDENTITY, "5", 1, 1e6, "points", NULL, "How many points the grid sampler takes along it (floats and wide ints)."},
  {"space.*.when.*", SETTING_ANY, LIST, IDENTITY, NULL, NO_RANGE, "", NULL, "Only there when another hyperparameter has one of these values: when = { optimizer = (\"sgd\", \"rmsprop\"); }. A setting that holds \"@name\" of an absent one takes its default; inside a list a number is 0."},

  {"sampler.name", SETTING_CHOICE, 0, FREE, "random", NO_RANGE, "", CHOICES(SAMPLER_LIST), "How points are proposed."},
  {"sampler.tpe.startup", SETTING_INT, 0, FREE, "10", COUNT(1), "trials", NULL, "tpe: trials with a result, at Sobol points, before the first model."},
  {"sampler.tpe.candidates", SETTING_INT, 0, FREE, "24", 1, 1e5, "points", NULL, "tpe: points drawn near the good trials for each ask; the one that is likeliest among the good and unlikeliest among the others is taken. More search less widely."},
  {"sampler.tpe.gamma", SETTING_FLOAT, 0, FREE, "0.15", 1e-6, 1, "", NULL, "tpe: share of the trials that counts as good."},
  {"sampler.tpe.good", SETTING_INT, 0, FREE, "25", 1, 1e5, "trials", NULL, "tpe: as good count at most so many, however many trials there are."},
  {"sampler.tpe.weights", SETTING_CHOICE, 0, FREE, "rank", NO_RANGE, "", CHOICES(TPE_WEIGHTS_LIST), "tpe: what a good trial weighs."},
  {"sampler.tpe.bandwidth", SETTING_CHOICE, 0, FREE, "spread", NO_RANGE, "", CHOICES(TPE_BANDWIDTH_LIST), "tpe: how wide the surroundings of a good trial are."},
  {"sampler.tpe.multivariate", SETTING_BOOL, 0, FREE, "true", NO_RANGE, "", NULL, "tpe: false takes each hyperparameter by itself, as if what is good for one did not depend on the others."},

  {"schedule.name", SETTING_CHOICE, 0, FREE, "full", NO_RANGE, "", CHOICES(SCHEDULE_LIST), "Which training is worth going on with."},
  {"schedule.eta", SETTING_INT, 0, FREE, "3", 2, 100, "", NULL, "halving, hyperband, bohb: the best one of every eta trials goes on to the next rung, which is eta times as long."},
  {"schedule.pause", SETTING_BOOL, 0, FREE, "true", NO_RANGE, "", NULL, "false, for programs that keep no checkpoint (evaluator = command): a program runs on while the schedule decides on its trial, and is stopped if the trial does not go on."},
  {"schedule.first", SETTING_INT, 0, FREE, "1", COUNT(1), "epochs", NULL, "halving, hyperband, bohb: length of the first rung. Rungs are first, first x eta, first x eta^2, ... and the last epoch. median: how often a trial is looked at."},
  {"schedule.patience", SETTING_INT, 0, FREE, "10", COUNT(1), "epochs", NULL, "patience: a trial is complete after this many epochs without a better study.metric, whatever evaluates it. The group train has early_stop, which does the same for training and ends with the metrics of the test part."},
  {"schedule.delay", SETTING_BOOL, 0, FREE, "false", NO_RANGE, "", NULL, "halving, hyperband, bohb: a trial goes on only when its rung has eta trials for each one that went on before (delayed promotion). For hundreds of workers: without it far more than one in eta go on."},
  {"schedule.population", SETTING_INT, 0, FREE, "20", 2, 1e9, "trials", NULL, "pbt: how many train beside one another; fewer if study.trials is less. Those that take the place of others come on top."},
  {"schedule.interval", SETTING_INT, 0, FREE, "0", COUNT(0), "epochs", NULL, "pbt: how often a trial is compared with the others (0: ten times in a whole trial)."},
  {"schedule.quantile", SETTING_FLOAT, 0, FREE, "0.25", 0, 0.5, "", NULL, "pbt: a trial among this share of the worst gives its place to one that goes on from the state of one among this share of the best (0: never)."},
  {"schedule.resample", SETTING_FLOAT, 0, FREE, "0.25", 0, 1, "", NULL, "pbt: how likely a hyperparameter of that one is drawn anew; else numbers change by a fifth, and categories stay."},
  {"schedule.perturb", SETTING_TEXT, LIST, FREE, NULL, NO_RANGE, "", NULL, "pbt: which hyperparameters may change while a trial trains; if not given, all but those of the network's layers and its optimizer. Needed for programs."},

  {"function.name", SETTING_CHOICE, 0, IDENTITY, "sphere", NO_RANGE, "", CHOICES(FUNCTION_LIST), "The test function; its arguments are the numbers of the space, in the order written."},
  {"function.index", SETTING_INT, 0, IDENTITY, "1", 1, 24, "", NULL, "bbob: which function; 1 is the sphere, 8 Rosenbrock's, 15 Rastrigin's (INRIA RR-6829)."},
  {"function.instance", SETTING_INT, 0, IDENTITY, "1", 1, 200000, "", NULL, "bbob: which instance: where the minimum is, how the axes are turned, what is added to the value."},
  {"function.file", SETTING_TEXT, 0, IDENTITY, "", NO_RANGE, "", NULL, "table: CSV (also .gz) with a column for each hyperparameter and either a column value, or columns step_1, step_2, ... of recorded curves."},
  {"function.steps", SETTING_INT, 0, IDENTITY, "1", COUNT(1), "", NULL, "Steps of one trial, each with a report; what a schedule spends."},
  {"function.seconds", SETTING_SECONDS, 0, FREE, "0", 0, 1e6, "", NULL, "How long a step pretends to work."},
  {"function.noise", SETTING_FLOAT, 0, IDENTITY, "0", 0, DBL_MAX, "", NULL, "Standard deviation of normal noise on every step."},

  {"command.argv", SETTING_TEXT, LIST, IDENTITY, NULL, NO_RANGE, "", NULL, "The program and its arguments, one text each, without a shell. {name} is a hyperparameter (a text with one that the point does not have is left out); {params} a JSON file of all, {trial} its number, {folder} its working folder, {checkpoint} its folder for checkpoints, {until} the step to stop at, {here} the folder of the study file."},
  {"command.steps", SETTING_INT, 0, IDENTITY, "1", COUNT(1), "", NULL, "Steps (epochs, say) of a whole trial; what a schedule spends. The program is told how far to go, and is started again to go on."},
  {"command.timeout", SETTING_SECONDS, 0, FREE, "0", 0, 1e9, "", NULL, "A program that runs longer without an end is stopped, and its trial has failed (0: no limit)."},
  {"command.grace", SETTING_SECONDS, 0, FREE, "10", 0, 1e6, "", NULL, "Time between SIGTERM, on which a program may write a checkpoint, and SIGKILL."},
  {"command.env", SETTING_TEXT, LIST, IDENTITY, NULL, NO_RANGE, "", NULL, "Variables of the program's environment: (\"LR={lr}\", \"OMP_NUM_THREADS=2\"), with the places of command.argv."},
  {"command.gpus", SETTING_INT, 0, FREE, "0", 0, 1024, "GPUs", NULL, "GPUs of each program, by CUDA_VISIBLE_DEVICES; no two programs have the same (0: it sees what the rank sees)."},
  {"command.gpu_share", SETTING_INT, 0, FREE, "1", 1, 4096, "programs", NULL, "How many programs may have the same GPU."},
  {"command.gpu_scope", SETTING_CHOICE, 0, FREE, "auto", NO_RANGE, "", CHOICES(SCOPE_LIST), "Who sees which GPUs before they are divided."},
  {"command.devices", SETTING_TEXT, LIST, FREE, NULL, NO_RANGE, "", NULL, "The GPUs of a host by number or UUID (MIG instances by UUID), for command.gpus; those of CUDA_VISIBLE_DEVICES, or all, if not given."},
  {"command.cpus", SETTING_INT, 0, FREE, "0", 0, 1024, "cores", NULL, "Cores that each program is bound to, out of those its rank may use; no two programs of a host have the same. OMP_NUM_THREADS says how many, unless command.env does (0: left alone)."},
  {"command.checkpoints", SETTING_CHOICE, 0, FREE, "best", NO_RANGE, "", CHOICES(CHECKPOINT_LIST), "Whose checkpoint folders stay when trials are over."},
  {"command.silence", SETTING_SECONDS, 0, FREE, "0", 0, 1e9, "", NULL, "A program that prints nothing for this long hangs: it is stopped, and its trial has failed (0: no limit)."},
  {"command.output", SETTING_INT, 0, FREE, "100", 1, 1e6, "MB", NULL, "What a trial may write to stdout, and to stderr, in all."},
  {"command.memory", SETTING_INT, 0, FREE, "0", 0, 1e9, "MB", NULL, "Address space of each process of a program (0: no limit). Programs that use a GPU reserve far more than they need."},

  {"data.files", SETTING_TEXT, LIST, IDENTITY, NULL, NO_RANGE, "", NULL, "HDF5 files to train on, relative to the study file."},
  {"data.format", SETTING_CHOICE, 0, IDENTITY, "array", NO_RANGE, "", CHOICES(FORMAT_LIST), "What the files look like."},
  {"data.generate", SETTING_CHOICE, 0, IDENTITY, NULL, NO_RANGE, "", CHOICES(GENERATE_LIST), "Make a synthetic sample instead of reading files."},
  {"data.rows", SETTING_INT, 0, IDENTITY, "0", COUNT(0), "rows", NULL, "Rows to generate, or to read at most (0: all)."},
  {"data.inputs", SETTING_TEXT, 0, IDENTITY, "", NO_RANGE, "", NULL, "Dataset of the inputs: inputs (array), jets/inputs (umami), jets (tdd) if not given."},
  {"data.labels", SETTING_TEXT, 0, IDENTITY, "", NO_RANGE, "", NULL, "Dataset (tdd: member) of the labels: labels, jets/labels, HadronConeExclTruthLabelID if not given."},
  {"data.weights", SETTING_TEXT, 0, IDENTITY, "", NO_RANGE, "", NULL, "Dataset (tdd: member) of the event weights; none if not given."},
  {"data.variables", SETTING_TEXT, LIST, IDENTITY, NULL, NO_RANGE, "", NULL, "Names of the inputs: a list, or one file with one name per line (a YAML list will do). Needed for tdd."},
  {"data.target", SETTING_CHOICE, 0, IDENTITY, "class", NO_RANGE, "", CHOICES(TARGET_LIST), "What the label is."},
  {"data.classes.*", SETTING_INT, LIST, IDENTITY, NULL, ANY_NUMBER, "", NULL, "Label values of a class: classes = { light = 0; c = 4; b = 5; }. Rows with other labels are dropped and counted."},
  {"data.scale", SETTING_CHOICE, 0, IDENTITY, "auto", NO_RANGE, "", CHOICES(SCALE_LIST), "How inputs are standardised."},
  {"data.scale_file", SETTING_TEXT, 0, IDENTITY, "", NO_RANGE, "", NULL, "JSON with shift, scale and default by variable name, as umami writes it."},
  {"data.missing", SETTING_FLOAT, LIST, IDENTITY, NULL, ANY_NUMBER, "", NULL, "Values that mean missing (NaN always does), for example -999."},
  {"data.fill", SETTING_CHOICE, 0, IDENTITY, "mean", NO_RANGE, "", CHOICES(FILL_LIST), "What takes the place of a missing value."},
  {"data.fill_value", SETTING_FLOAT, 0, IDENTITY, "0", ANY_NUMBER, "", NULL, "fill = default: the value, in the file's units, for variables that have none of their own."},
  {"data.split", SETTING_CHOICE, 0, IDENTITY, "fraction", NO_RANGE, "", CHOICES(SPLIT_LIST), "How rows are divided into training, validation and test part."},
  {"data.validation", SETTING_FLOAT, 0, IDENTITY, "0.2", 0.0001, 0.9, "", NULL, "fraction: share of the validation part. files: share taken from the training files if there are no validation files."},
  {"data.test", SETTING_FLOAT, 0, IDENTITY, "0.2", 0, 0.9, "", NULL, "fraction: share of the test part, which nothing is chosen on."},
  {"data.seed", SETTING_INT, 0, IDENTITY, "1", COUNT(0), "", NULL, "Seed of the split and of generated data; not study.seed, so that studies can share data."},
  {"data.event_number", SETTING_TEXT, 0, IDENTITY, "", NO_RANGE, "", NULL, "modulo: dataset (tdd: member) of the event number."},
  {"data.modulo", SETTING_INT, 0, IDENTITY, "10", 2, 1e6, "", NULL, "modulo: the divisor."},
  {"data.validation_folds", SETTING_INT, LIST, IDENTITY, "(1)", 0, 1e6, "", NULL, "modulo: remainders of the validation part."},
  {"data.test_folds", SETTING_INT, LIST, IDENTITY, "(0)", 0, 1e6, "", NULL, "modulo: remainders of the test part."},
  {"data.validation_files", SETTING_TEXT, LIST, IDENTITY, NULL, NO_RANGE, "", NULL, "files: the validation files."},
  {"data.test_files.*", SETTING_TEXT, LIST, IDENTITY, NULL, NO_RANGE, "", NULL, "files: named test samples: test_files = { ttbar = (\"tt.h5\"); zprime = (\"zp.h5\"); }."},
  {"data.negative_weights", SETTING_CHOICE, 0, IDENTITY, "refuse", NO_RANGE, "", CHOICES(NEGATIVE_LIST), "What to do with event weights below 0."},

  {"model.type", SETTING_CHOICE, 0, IDENTITY, "mlp", NO_RANGE, "", CHOICES(MODEL_LIST), "Kind of network."},
  {"model.hidden", SETTING_INT, LIST | REF | BINDS, IDENTITY, "(64, 64)", 0, 65536, "units", NULL, "Widths of the hidden layers; a width of 0 leaves the layer out."},
  {"model.activation", SETTING_CHOICE, LIST | EITHER | REF | BINDS, IDENTITY, "relu", NO_RANGE, "", CHOICES(ACTIVATION_LIST), "Activation of the hidden layers: one for all or one each."},
  {"model.dropout", SETTING_FLOAT, LIST | EITHER | REF, IDENTITY, "0", 0, 0.99, "", NULL, "Share of units dropped after each hidden layer: one for all or one each."},
  {"model.batch_norm", SETTING_BOOL, REF | BINDS, IDENTITY, "false", NO_RANGE, "", NULL, "Batch normalisation between each hidden layer and its activation."},
  {"model.init", SETTING_CHOICE, REF | BINDS, IDENTITY, "glorot_uniform", NO_RANGE, "", CHOICES(INIT_LIST), "How weights start; biases start at 0."},
  {"model.loss", SETTING_CHOICE, 0, IDENTITY, "auto", NO_RANGE, "", CHOICES(ROW_LOSS_LIST), "What training minimises."},

  {"train.epochs", SETTING_INT, 0, IDENTITY, "20", COUNT(1), "epochs", NULL, "Passes over the training part, the same for every trial; a schedule may stop earlier."},
  {"train.batch", SETTING_INT, REF, IDENTITY, "500", COUNT(1), "rows", NULL, "Rows of a minibatch; the last one of an epoch may be smaller."},
  {"train.optimizer", SETTING_CHOICE, REF | BINDS, IDENTITY, "adam", NO_RANGE, "", CHOICES(OPTIMIZER_LIST), "How weights are moved."},
  {"train.lr", SETTING_FLOAT, REF, IDENTITY, "0.001", 0, 1e6, "", NULL, "Learning rate."},
  {"train.momentum", SETTING_FLOAT, REF, IDENTITY, "0", 0, 0.9999999, "", NULL, "sgd, rmsprop: momentum."},
  {"train.nesterov", SETTING_BOOL, REF, IDENTITY, "false", NO_RANGE, "", NULL, "sgd: Nesterov's momentum (needs momentum > 0)."},
  {"train.beta1", SETTING_FLOAT, REF, IDENTITY, "0.9", 0, 0.9999999, "", NULL, "adam, adamw: decay of the first moment."},
  {"train.beta2", SETTING_FLOAT, REF, IDENTITY, "0.999", 0, 0.9999999, "", NULL, "adam, adamw: decay of the second moment."},
  {"train.rho", SETTING_FLOAT, REF, IDENTITY, "0.99", 0, 0.9999999, "", NULL, "rmsprop: decay of the mean square."},
  {"train.epsilon", SETTING_FLOAT, REF, IDENTITY, "1e-8", 0, 1, "", NULL, "adam, adamw, rmsprop: added to the root of the second moment."},
  {"train.weight_decay", SETTING_FLOAT, REF, IDENTITY, "0", 0, 1e6, "", NULL, "Weight decay (adamw: decoupled; else L2), on all weights as in PyTorch."},
  {"train.clip", SETTING_FLOAT, REF, IDENTITY, "0", 0, DBL_MAX, "", NULL, "Largest norm of the whole gradient (0: no limit)."},
  {"train.lr_schedule", SETTING_CHOICE, REF, IDENTITY, "constant", NO_RANGE, "", CHOICES(RATE_LIST), "How the learning rate changes."},
  {"train.lr_factor", SETTING_FLOAT, REF, IDENTITY, "0.5", 0, 1, "", NULL, "step, exponential: the factor."},
  {"train.lr_every", SETTING_INT, REF, IDENTITY, "10", COUNT(1), "epochs", NULL, "step: how often."},
  {"train.lr_min", SETTING_FLOAT, REF, IDENTITY, "0", 0, 1e6, "", NULL, "cosine: the last learning rate; step, exponential: never below."},
  {"train.warmup", SETTING_FLOAT, REF, IDENTITY, "0", 0, 1e6, "epochs", NULL, "The learning rate first rises linearly over this many epochs."},
  {"train.plateau.monitor", SETTING_CHOICE, 0, IDENTITY, "val_loss", NO_RANGE, "", CHOICES(MONITOR_LIST), "plateau: what must improve."},
  {"train.plateau.factor", SETTING_FLOAT, REF, IDENTITY, "0.1", 0, 1, "", NULL, "plateau: the factor."},
  {"train.plateau.patience", SETTING_INT, REF, IDENTITY, "10", COUNT(0), "epochs", NULL, "plateau: epochs without improvement that are tolerated."},
  {"train.plateau.cooldown", SETTING_INT, REF, IDENTITY, "0", COUNT(0), "epochs", NULL, "plateau: epochs to wait after a reduction before counting again."},
  {"train.plateau.minimum", SETTING_FLOAT, REF, IDENTITY, "0", 0, 1e6, "", NULL, "plateau: never below this learning rate."},
  {"train.plateau.threshold", SETTING_FLOAT, REF, IDENTITY, "1e-4", 0, 1, "", NULL, "plateau: an improvement is a monitor below (1 - threshold) times the best."},
  {"train.early_stop", SETTING_INT, REF, IDENTITY, "0", COUNT(0), "epochs", NULL, "End a trial after this many epochs without a better study.metric (0: never)."},
  {"train.class_weights", SETTING_ANY, LIST | EITHER, IDENTITY, "none", 0, DBL_MAX, "", CHOICES(CLASS_WEIGHT_LIST), "Weights of the classes in the loss, or a list with a number for each class in the order of data.classes."},
  {"train.value", SETTING_CHOICE, 0, IDENTITY, "best", NO_RANGE, "", CHOICES(VALUE_LIST), "Which epoch a trial's value and saved weights are of."},
  {"train.piece", SETTING_INT, 0, IDENTITY, "256", 16, 65536, "rows", NULL, "Rows that go through the network together; small enough to stay in cache."},

  {"tag.*.*", SETTING_FLOAT, 0, IDENTITY, NULL, 0, 1, "", NULL, "Share of a background class in the discriminant of a signal class; the backgrounds of one signal sum to 1. Equal shares if not given, but for b over c and light: c 0.018, light 0.982."},

  {"run.out", SETTING_TEXT, 0, FREE, "", NO_RANGE, "", NULL, "Study folder; a folder named after the study if not given (--out)."},
  {"run.backend", SETTING_CHOICE, 0, FREE, "auto", NO_RANGE, "", CHOICES(BACKEND_CHOICE_LIST), "Where training runs."},
  {"run.threads", SETTING_INT, 0, IDENTITY, "1", 1, 1024, "threads", NULL, "Threads that share one trial on a CPU rank."},
  {"run.ranks_per_trial", SETTING_INT, 0, IDENTITY, "1", 1, 65536, "ranks", NULL, "Ranks that train one trial together."},
  {"run.slots", SETTING_INT, 0, FREE, "1", 1, 4096, "trials", NULL, "Trials in training at once on one worker."},
  {"run.steer", SETTING_CHOICE, 0, FREE, "auto", NO_RANGE, "", CHOICES(STEER_LIST), "What rank 0 does besides steering."},
  {"run.ordered", SETTING_BOOL, 0, FREE, "false", NO_RANGE, "", NULL, "Take outcomes in a fixed order, so that the whole search is the same for any number of workers."},
  {"run.in_flight", SETTING_INT, 0, FREE, "16", 1, 1e6, "stints", NULL, "ordered: how many stints are under way at once; at least the number of slots keeps all of them busy."},
  {"run.backlog", SETTING_INT, 0, FREE, "0", 0, 4096, "stints", NULL, "Stints handed to a worker beyond its slots, so that it never waits (0: as many as it finishes in a quantum)."},
  {"run.quantum", SETTING_SECONDS, 0, FREE, "0.05", 0.001, 60, "", NULL, "How long a worker trains between two messages."},
  {"run.checkpoint", SETTING_SECONDS, 0, FREE, "60", 0.01, 1e9, "", NULL, "How often a worker writes the states of its trials."},
  {"run.keep", SETTING_INT, 0, FREE, "5", 0, 1e9, "trials", NULL, "How many of the best trials keep their weights, besides those that may still go on."},
  {"run.attempts", SETTING_INT, 0, FREE, "3", 1, 1000, "", NULL, "How often a trial is tried whose worker dies or hangs before the trial has got any further."},
  {"run.walltime", SETTING_SECONDS, 0, FREE, "0", 0, 1e9, "", NULL, "Leave, with everything saved, before this much time is over (0: no limit but that of the batch system)."},
  {"run.poll", SETTING_SECONDS, 0, FREE, "60", 0, 1e6, "", NULL, "How often Slurm, LSF or PBS is asked how much time the job has left (0: never)."},
  {"run.lost_after", SETTING_SECONDS, 0, FREE, "60", 1, 1e6, "", NULL, "A worker that has said nothing for this long counts as lost."},
  {"run.hung_after", SETTING_SECONDS, 0, FREE, "600", 0, 1e9, "", NULL, "A rank that makes no progress for this long (no step, no row of data) ends itself; a trial that makes none is taken from its worker (0: never)."},
  {"run.cache", SETTING_TEXT, 0, FREE, "", NO_RANGE, "", NULL, "Folder of prepared data (node-local is fast); cache/ in the study folder if not given."},
};
/* clang-format on */

/* clang-format off */
static const struct setting_group groups[] = {
  {"evaluator", "Training, or something that stands for it.", NULL},
  {"study", "What is searched for, and when to stop.", NULL},
  {"space", "The hyperparameters that are searched. Each is used in the other groups as \"@name\".",
   "space = {\n"
   "  lr         = { low = 1e-4; high = 1e-1; log = true; };   # a number, even in its logarithm\n"
   "  layers     = { low = 1; high = 4; };                     # a whole number\n"
   "  batch      = { low = 500; high = 5000; step = 500; };    # 500, 1000, ... 5000\n"
   "  activation = (\"relu\", \"tanh\", \"swish\");                  # one of these, short for { choices = ... }\n"
   "  optimizer  = (\"adam\", \"sgd\");\n"
   "  momentum   = { low = 0.0; high = 0.99; when = { optimizer = \"sgd\"; }; };   # only with sgd\n"
   "  clip       = 1.0;                                        # always this, short for { value = 1.0; }\n"
   "};\n"
   "train = { lr = \"@lr\"; batch = \"@batch\"; optimizer = \"@optimizer\"; momentum = \"@momentum\"; clip = \"@clip\"; };\n"},
  {"sampler", "Which points are tried.", NULL},
  {"schedule", "How long each trial trains.", NULL},
  {"function", "For evaluator = \"function\": test functions, tables and recorded curves instead of training.", NULL},
  {"command", "For evaluator = \"command\": any program instead of training. It prints {\"loss\": 0.25} or writes it to result.json.",
   "command = {\n"
   "  argv = (\"python3\", \"{here}/train.py\", \"--lr={lr}\", \"--resume-from={checkpoint}\");\n"
   "  steps = 27; timeout = \"2h\";\n"
   "};\n"},
  {"data", "What is trained on.",
   "data = {\n"
   "  files = (\"jets.h5\"); format = \"tdd\"; variables = \"variables.txt\";\n"
   "  classes = { light = 0; c = 4; b = 5; };\n"
   "};\n"},
  {"model", "The network.", "model = { hidden = (\"@width1\", \"@width2\", 24); activation = \"@activation\"; };\n"},
  {"train", "How the network is trained.", NULL},
  {"tag", "Working points of flavour tagging, for metrics such as val_light_rej@b77. The discriminant of a signal is ln(p_signal / sum of share x p_background).",
   "tag = { b = { c = 0.018; light = 0.982; }; };\n"},
  {"run", "Where and how the study runs.", NULL},
};
/* clang-format on */

const struct setting_group *settings_groups(size_t *n) {
  *n = sizeof groups / sizeof *groups;
  return groups;
}

const struct setting *settings_table(size_t *n) {
  *n = sizeof rows / sizeof *rows;
  return rows;
}
