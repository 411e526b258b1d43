/* Bad data: each fault with the message a user gets. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "test_data_files.h"
#include "testing.h"

static char folder[600];

static const char *in_folder(const char *name) {
  static char path[700];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

#define ROWS 40
static double inputs[ROWS * 3], labels[ROWS], weights[ROWS], events[ROWS];

static void reset_columns(void) {
  for (int i = 0; i < ROWS; i++) {
    for (int j = 0; j < 3; j++)
      inputs[3 * i + j] = i + 100 * j;
    labels[i] = i % 2;
    weights[i] = 1;
    events[i] = i;
  }
}

static void write_plain(const char *name) {
  hid_t file = h5_new(in_folder(name));
  h5_put(file, "inputs", H5T_NATIVE_FLOAT, ROWS, 3, inputs);
  h5_put(file, "labels", H5T_NATIVE_INT, ROWS, 0, labels);
  h5_put(file, "weights", H5T_NATIVE_DOUBLE, ROWS, 0, weights);
  h5_put(file, "event_number", H5T_NATIVE_LLONG, ROWS, 0, events);
  H5Fclose(file);
}

/* ---- one function a fault: each writes bad.h5 ---- */

static void good(void) {
  write_plain("bad.h5");
}
static void absent(void) {
  unlink(in_folder("bad.h5"));
}
static void empty(void) {
  fclose(fopen(in_folder("bad.h5"), "wb"));
}
static void is_folder(void) {
  mkdir(in_folder("bad.h5"), 0777);
}
static void is_text(void) {
  FILE *f = fopen(in_folder("bad.h5"), "wb");
  fputs("pt,eta,label\n1,2,3\n", f);
  fclose(f);
}
static void cut(void) {
  write_plain("bad.h5");
  if (truncate(in_folder("bad.h5"), 2500) != 0)
    perror("truncate");
}
static void only_group(void) {
  hid_t file = h5_new(in_folder("bad.h5"));
  H5Gclose(H5Gcreate2(file, "inputs", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  H5Fclose(file);
}
static void nothing(void) {
  H5Fclose(h5_new(in_folder("bad.h5")));
}
static void other_names(void) {
  hid_t file = h5_new(in_folder("bad.h5"));
  h5_put(file, "input", H5T_NATIVE_FLOAT, ROWS, 3, inputs);
  h5_put(file, "y", H5T_NATIVE_INT, ROWS, 0, labels);
  H5Fclose(file);
}
static void no_labels(void) {
  hid_t file = h5_new(in_folder("bad.h5"));
  h5_put(file, "inputs", H5T_NATIVE_FLOAT, ROWS, 3, inputs);
  H5Fclose(file);
}
static void no_rows(void) {
  hid_t file = h5_new(in_folder("bad.h5"));
  h5_put(file, "inputs", H5T_NATIVE_FLOAT, 0, 3, inputs);
  h5_put(file, "labels", H5T_NATIVE_INT, 0, 0, labels);
  H5Fclose(file);
}
static void fewer_labels(void) {
  hid_t file = h5_new(in_folder("bad.h5"));
  h5_put(file, "inputs", H5T_NATIVE_FLOAT, ROWS, 3, inputs);
  h5_put(file, "labels", H5T_NATIVE_INT, ROWS - 1, 0, labels);
  H5Fclose(file);
}
static void three_dimensions(void) {
  hid_t file = h5_new(in_folder("bad.h5"));
  hsize_t shape[3] = {4, 2, 2};
  hid_t space = H5Screate_simple(3, shape, NULL);
  H5Dclose(H5Dcreate2(file, "inputs", H5T_NATIVE_FLOAT, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  H5Sclose(space);
  H5Fclose(file);
}
static void text_labels(void) {
  hid_t file = h5_new(in_folder("bad.h5"));
  hsize_t n = ROWS;
  hid_t space = H5Screate_simple(1, &n, NULL), type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, 4);
  h5_put(file, "inputs", H5T_NATIVE_FLOAT, ROWS, 3, inputs);
  H5Dclose(H5Dcreate2(file, "labels", type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  H5Tclose(type);
  H5Sclose(space);
  H5Fclose(file);
}
static void names_too_few(void) {
  static const char *const names[] = {"pt", "eta"};
  write_plain("bad.h5");
  hid_t file = H5Fopen(in_folder("bad.h5"), H5F_ACC_RDWR, H5P_DEFAULT);
  h5_texts(file, "inputs", "variables", names, 2);
  H5Fclose(file);
}
static void float_labels(double bad, size_t row) {
  labels[row] = bad;
  hid_t file = h5_new(in_folder("bad.h5"));
  h5_put(file, "inputs", H5T_NATIVE_FLOAT, ROWS, 3, inputs);
  h5_put(file, "labels", H5T_NATIVE_DOUBLE, ROWS, 0, labels);
  H5Fclose(file);
}
static void half_label(void) {
  float_labels(0.5, 7);
}
static void nan_label(void) {
  float_labels((double)NAN, 11);
}
static void huge_target(void) {
  float_labels(1e300, 5);
}
static void many_labels(void) {
  double many[200];
  hid_t file = h5_new(in_folder("bad.h5"));
  double *x = calloc(600, sizeof *x);
  for (int i = 0; i < 200; i++)
    many[i] = i;
  h5_put(file, "inputs", H5T_NATIVE_FLOAT, 200, 3, x);
  h5_put(file, "labels", H5T_NATIVE_INT, 200, 0, many);
  free(x);
  H5Fclose(file);
}
static void one_label(void) {
  memset(labels, 0, sizeof labels);
  write_plain("bad.h5");
}
static void infinite_input(void) {
  inputs[3 * 12 + 1] = HUGE_VAL;
  write_plain("bad.h5");
}
static void huge_input(void) {
  inputs[3 * 3 + 2] = 1e200;
  hid_t file = h5_new(in_folder("bad.h5"));
  h5_put(file, "inputs", H5T_NATIVE_DOUBLE, ROWS, 3, inputs);
  h5_put(file, "labels", H5T_NATIVE_INT, ROWS, 0, labels);
  H5Fclose(file);
}
static void negative_weight(void) {
  weights[9] = -0.5;
  write_plain("bad.h5");
}
static void nan_weight(void) {
  weights[3] = (double)NAN;
  write_plain("bad.h5");
}
static void zero_weights(void) {
  memset(weights, 0, sizeof weights);
  write_plain("bad.h5");
}
static void wide_weights(void) {
  hid_t file = h5_new(in_folder("bad.h5"));
  h5_put(file, "inputs", H5T_NATIVE_FLOAT, ROWS, 3, inputs);
  h5_put(file, "labels", H5T_NATIVE_INT, ROWS, 0, labels);
  h5_put(file, "weights", H5T_NATIVE_FLOAT, ROWS, 3, inputs);
  H5Fclose(file);
}
static void float_events(void) {
  hid_t file = h5_new(in_folder("bad.h5"));
  h5_put(file, "inputs", H5T_NATIVE_FLOAT, ROWS, 3, inputs);
  h5_put(file, "labels", H5T_NATIVE_INT, ROWS, 0, labels);
  h5_put(file, "event_number", H5T_NATIVE_DOUBLE, ROWS, 0, events);
  H5Fclose(file);
}
static void one_hot(const double *hot) {
  hid_t file = h5_new(in_folder("bad.h5"));
  h5_put(file, "jets/inputs", H5T_NATIVE_FLOAT, 4, 3, inputs);
  h5_put(file, "jets/labels_one_hot", H5T_NATIVE_FLOAT, 4, 2, hot);
  H5Fclose(file);
}
static void two_hot(void) {
  one_hot((double[]){1, 0, 0, 1, 1, 1, 0, 1});
}
static void half_hot(void) {
  one_hot((double[]){1, 0, 0, 1, 0.5, 0.5, 0, 1});
}
static void second_file(void) {
  static const char *const a[] = {"pt", "eta", "mass"}, *const b[] = {"pt", "mass", "eta"};
  write_plain("bad.h5");
  write_plain("other.h5");
  hid_t file = H5Fopen(in_folder("bad.h5"), H5F_ACC_RDWR, H5P_DEFAULT);
  h5_texts(file, "inputs", "variables", a, 3);
  H5Fclose(file);
  file = H5Fopen(in_folder("other.h5"), H5F_ACC_RDWR, H5P_DEFAULT);
  h5_texts(file, "inputs", "variables", b, 3);
  H5Fclose(file);
}
static void second_width(void) {
  write_plain("bad.h5");
  hid_t file = h5_new(in_folder("other.h5"));
  h5_put(file, "inputs", H5T_NATIVE_FLOAT, ROWS, 2, inputs);
  h5_put(file, "labels", H5T_NATIVE_INT, ROWS, 0, labels);
  H5Fclose(file);
}
static void compound(void) {
  struct record {
    float pt;
    int32_t label;
    char text[4];
  } records[ROWS];
  memset(records, 0, sizeof records);
  hsize_t n = ROWS;
  hid_t file = h5_new(in_folder("bad.h5")), space = H5Screate_simple(1, &n, NULL);
  hid_t text = H5Tcopy(H5T_C_S1), type = H5Tcreate(H5T_COMPOUND, sizeof(struct record));
  H5Tset_size(text, 4);
  H5Tinsert(type, "pt", 0, H5T_NATIVE_FLOAT);
  H5Tinsert(type, "flavour", 4, H5T_NATIVE_INT32);
  H5Tinsert(type, "name", 8, text);
  hid_t id = H5Dcreate2(file, "jets", type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  H5Dwrite(id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, records);
  H5Dclose(id);
  H5Tclose(type);
  H5Tclose(text);
  H5Sclose(space);
  H5Fclose(file);
}
static void write_text(const char *name, const char *text) {
  FILE *f = fopen(in_folder(name), "wb");
  fputs(text, f);
  fclose(f);
}
static void scales_of_two(void) {
  good();
  write_text("scale.json", "{\"jets\": [{\"name\": \"v1\", \"shift\": 1, \"scale\": 2, \"default\": null}, "
                           "{\"name\": \"v2\", \"shift\": 0, \"scale\": 1, \"default\": 0}]}");
}
static void zero_scale(void) {
  good();
  write_text("scale.json", "{\"jets\": [{\"name\": \"v1\", \"shift\": 1, \"scale\": 0}]}");
}
static void no_scales(void) {
  good();
  write_text("scale.json", "{\"jets\": {}}");
}
static void torn_json(void) {
  good();
  write_text("scale.json", "{\"jets\": [{\"name\": \"v1\",\n \"shift\": 1, ");
}
static void doubled_name(void) {
  compound();
  write_text("names.txt", "pt\neta\npt\n");
}

#define BAD "files = (\"bad.h5\");"
static const struct {
  void (*write)(void);
  const char *settings, *expected;
} faults[] = {
    {absent, BAD, "bad.h5"},
    {is_folder, BAD, "is a folder"},
    {empty, BAD, "bad.h5 is empty: was it copied completely?"},
    {is_text, BAD, "bad.h5 is not an HDF5 file: coxswain import"},
    {cut, BAD, "cannot be opened as HDF5 (truncated file"},
    {nothing, BAD, "no dataset inputs: there is none at all"},
    {only_group, BAD, "inputs is a group, not a dataset"},
    {other_names, BAD, "no dataset inputs: there is input, y; did you mean input?"},
    {no_labels, BAD, "has no labels: name their dataset with data.labels"},
    {no_labels, BAD "labels = \"truth\";", "no dataset truth: there is inputs"},
    {no_rows, BAD, "dataset inputs has no rows"},
    {fewer_labels, BAD, "labels has 39 rows, but inputs has 40"},
    {three_dimensions, BAD, "dataset inputs has 3 dimensions"},
    {text_labels, BAD, "dataset labels does not hold numbers"},
    {names_too_few, BAD, "inputs has 3 columns, but its attribute variables names 2"},
    {good, BAD "variables = (\"a\", \"b\");", "inputs has 3 columns, but data.variables names 2"},
    {second_file, BAD "variables = (\"pt\", \"etta\");", "inputs has no variable etta: did you mean eta"},
    {half_label, BAD, "labels: row 7: the label 0.5 is not a whole number: for regression set data.target"},
    {nan_label, BAD, "labels: row 11: the label is nan: remove the row"},
    {nan_label, BAD "target = \"value\";", "labels: row 11: the label is nan"},
    {huge_target, BAD "target = \"value\";", "labels: row 5: the label 1e+300 is too big"},
    {many_labels, BAD, "more than 64 different labels"},
    {one_label, BAD, "every label is 0: there is nothing to tell apart"},
    {good, BAD "classes = { light = 0; c = 4; b = 1; };", "labels: no row of class c (labels there: 0, 1)"},
    {infinite_input, BAD, "inputs: row 12: v2 is infinite"},
    {huge_input, BAD, "inputs: row 3: v3 is infinite (or too big for a 32-bit number)"},
    {negative_weight, BAD "weights = \"weights\";", "weights: row 9: the weight is -0.5: set data.negative_weights"},
    {nan_weight, BAD "weights = \"weights\";", "weights: row 3: the weight is nan"},
    {zero_weights, BAD "weights = \"weights\";", "add up to 0"},
    {wide_weights, BAD "weights = \"weights\";", "weights has 3 columns: it must have one number a row"},
    {float_events, BAD "split = \"modulo\"; event_number = \"event_number\";", "does not hold whole numbers"},
    {good, BAD "split = \"modulo\"; event_number = \"event_number\"; modulo = 1000; validation_folds = (900);",
     "no rows are left for the validation part: check data.modulo"},
    {two_hot, BAD "format = \"umami\";", "labels_one_hot: row 2: a one-hot label with 2 ones"},
    {half_hot, BAD "format = \"umami\";", "labels_one_hot: row 2: 0.5 in a one-hot label"},
    {second_file, "files = (\"bad.h5\", \"other.h5\");", "other.h5: variable 2 is mass, but in"},
    {second_width, "files = (\"bad.h5\", \"other.h5\");", "other.h5 has 2 variables, but"},
    {compound, "files = (\"bad.h5\"); format = \"tdd\"; variables = (\"pt\", \"et\"); labels = \"flavour\";",
     "dataset jets has no member et: there is pt, flavour"},
    {compound, "files = (\"bad.h5\"); format = \"tdd\"; variables = (\"pt\", \"name\"); labels = \"flavour\";",
     "member name is not a number"},
    {compound, "files = (\"bad.h5\"); format = \"tdd\"; variables = (\"pt\"); labels = \"flavor\";",
     "did you mean flavour?"},
    {compound, BAD "inputs = \"jets\";", "dataset jets is a compound: data.format = \"tdd\" reads its members"},
    {good, BAD "format = \"tdd\"; inputs = \"inputs\"; variables = (\"v1\");", "inputs is not a compound"},
    {scales_of_two, BAD "scale = \"file\"; scale_file = \"scale.json\";", "no shift and scale for v3"},
    {zero_scale, BAD "scale = \"file\"; scale_file = \"scale.json\";", "v1: scale = 0 must be above 0"},
    {no_scales, BAD "scale = \"file\"; scale_file = \"scale.json\";", "holds no scales"},
    {torn_json, BAD "scale = \"file\"; scale_file = \"scale.json\";", "scale.json:2"},
    {doubled_name, BAD "format = \"tdd\"; variables = \"names.txt\"; labels = \"flavour\";", "pt stands twice"},
    /* faults of the settings alone */
    {good, "validation = 0.2;", "data.files: no data: name HDF5 files, or set data.generate"},
    {good, BAD "generate = \"jets\"; rows = 10;", "data.files is given as well"},
    {good, "generate = \"jets\";", "say how many rows with data.rows"},
    {good, BAD "format = \"tdd\";", "tdd files need a list of names"},
    {good, BAD "format = \"umami\"; scale = \"train\";", "already scaled and must not be again"},
    {good, BAD "scale = \"file\";", "file needs data.scale_file"},
    {good, BAD "split = \"modulo\";", "modulo needs data.event_number"},
    {good, BAD "classes = { a = 0; b = 0; };", "data.classes.b: label 0 already means a class"},
    {good, BAD "classes = { a = 0; };", "one class is nothing to tell apart"},
    {good, BAD "validation_files = (\"bad.h5\");", "data.validation_files: needs data.split"},
    {good, BAD "test_files = { tt = (\"bad.h5\"); };", "data.test_files.tt: needs data.split"},
    {good, BAD "validation = 0.5; test = 0.5;", "leaves less than 5 % for training"},
};

static void remove_files(void) {
  rmdir(in_folder("bad.h5"));
  unlink(in_folder("bad.h5"));
}

static void test_faults(void) {
  snprintf(folder, sizeof folder, "%s", test_folder("data_bad"));
  for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
    remove_files();
    reset_columns();
    err_clear();
    faults[i].write();
    struct data *d;
    enum err e = open_data(&d, folder, faults[i].settings);
    CHECK(e == ERR_INPUT || e == ERR_CONFIG);
    CHECK(err_exit_code(e) == 2);
    if (!test_text_contains(err_text(), faults[i].expected)) {
      printf("\n  fault %zu (%s)\n  expected: %s\n  got:      %s\n", i, faults[i].settings, faults[i].expected,
             err_text());
      CHECK(!"the message is another one");
    }
    data_close(d);
  }
  err_clear();
}

/* Nothing half-written is left beside the cache. */
static void test_nothing_left(void) {
  reset_columns();
  remove_files();
  infinite_input();
  struct data *d;
  CHECK(open_data(&d, folder, BAD) == ERR_INPUT);
  err_clear();
  char command[800];
  snprintf(command, sizeof command, "test -z \"$(find '%s' -name '*.tmp' -o -name '*.data' | head -1)\"", folder);
  CHECK(system(command) == 0);
}

/* Bytes changed anywhere in a data file: an error or data, never a crash. */
static void test_damaged_bytes(void) {
  reset_columns();
  remove_files();
  good();
  char path[700];
  snprintf(path, sizeof path, "%s", in_folder("bad.h5"));
  FILE *f = fopen(path, "rb");
  unsigned char bytes[16384];
  size_t n = fread(bytes, 1, sizeof bytes, f);
  fclose(f);
  REQUIRE(n > 100);
  for (size_t at = 0; at < n; at += 37) {
    unsigned char kept = bytes[at];
    bytes[at] = (unsigned char)(kept ^ 0xA5);
    f = fopen(path, "wb");
    fwrite(bytes, 1, n, f);
    fclose(f);
    bytes[at] = kept;
    struct data *d;
    enum err e = open_data(&d, folder, BAD);
    CHECK(e == OK || e == ERR_INPUT);
    data_close(d);
    err_clear();
  }
}

int main(void) {
  log_levels(LOG_ERROR, LOG_ERROR);
  return TEST_MAIN("data_bad", {"each fault has its message", test_faults}, {"nothing is left", test_nothing_left},
                   {"damaged bytes", test_damaged_bytes});
}
