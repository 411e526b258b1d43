#include <fcntl.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "nn/data_plan.h"
#include "test_data_files.h"
#include "testing.h"

static char folder[600];

static const char *in_folder(const char *name) {
  static char path[2][700];
  static int which;
  which = !which;
  snprintf(path[which], sizeof path[which], "%s/%s", folder, name);
  return path[which];
}

static struct data *must_open(const char *settings) {
  struct data *d;
  if (open_data(&d, folder, settings) != OK)
    printf("\n  %s: %s\n", settings, err_text());
  REQUIRE(d != NULL);
  return d;
}

/* Row i: v1 = i, v2 = -999 in every fourth row else 2 i, v3 = NaN in every fifth row else i * i. */
static void write_rows(const char *name, hid_t type, size_t n, size_t start) {
  double *x = calloc(n, 3 * sizeof *x), *y = calloc(n, sizeof *y), *w = calloc(n, sizeof *w);
  for (size_t k = 0; k < n; k++) {
    size_t i = start + k;
    x[3 * k] = (double)i;
    x[3 * k + 1] = i % 4 == 0 ? -999 : 2 * (double)i;
    x[3 * k + 2] = i % 5 == 0 ? (double)NAN : (double)(i * i);
    y[k] = (double)(i % 3 == 0 ? 0 : i % 3 == 1 ? 4 : 5);
    w[k] = i % 10 == 7 ? -1 : 0.5 + (double)(i % 2);
  }
  hid_t file = h5_new(in_folder(name));
  h5_put(file, "inputs", type, n, 3, x);
  h5_put(file, "labels", H5T_STD_I8LE, n, 0, y);
  h5_put(file, "weights", H5T_IEEE_F32BE, n, 0, w);
  for (size_t k = 0; k < n; k++)
    y[k] = (double)(start + k) - 50; /* negative event numbers too */
  h5_put(file, "event_number", H5T_STD_I64BE, n, 0, y);
  H5Fclose(file);
  free(x);
  free(y);
  free(w);
}

/* Undoes the scaling: which row of the file is it? */
static double row_of(const struct data *d, size_t row) {
  return (double)d->x[row * d->width];
}

#define FILE_A "files = (\"a.h5\"); scale = \"none\"; missing = -999.0; "

static void test_types(void) {
  hid_t half = h5_float16();
  const hid_t types[] = {H5T_IEEE_F32LE, H5T_IEEE_F64BE, half};
  for (size_t t = 0; t < 3; t++) {
    write_rows("a.h5", types[t], 40, 0);
    struct data *d = must_open(FILE_A);
    CHECK(d->rows == 40 && d->width == 3 && d->n_classes == 3);
    CHECK_TEXT(d->variables[2], "v3");
    CHECK_TEXT(d->classes[1], "4");
    for (size_t i = 0; i < 40; i++) {
      size_t row = (size_t)row_of(d, i);
      CHECK(row < 40 && d->label[i] == (int32_t)(row % 3));
      if (row % 5)
        CHECK_NEAR((double)d->x[3 * i + 2], (double)(row * row), t == 2 ? 0.6 : 0); /* float16 has 11 bits */
    }
    data_close(d);
  }
  H5Tclose(half);
  const hid_t integers[] = {H5T_STD_U8LE, H5T_STD_I16BE, H5T_STD_I64LE};
  for (size_t t = 0; t < 3; t++) {
    double x[20], y[20];
    for (int i = 0; i < 20; i++)
      x[i] = 10 * i, y[i] = i % 2;
    hid_t file = h5_new(in_folder("b.h5"));
    h5_put(file, "x", integers[t], 20, 1, x);
    h5_put(file, "y", H5T_IEEE_F32LE, 20, 0, y); /* whole numbers as floats are labels, too */
    H5Fclose(file);
    struct data *d = must_open("files = (\"b.h5\"); inputs = \"x\"; labels = \"y\"; scale = \"none\";");
    for (size_t i = 0; i < 20; i++)
      CHECK(d->label[i] == (int)row_of(d, i) / 10 % 2);
    data_close(d);
  }
}

/* Sizes as asked, every row once, the same again, another seed another split. */
static void test_split_fraction(void) {
  write_rows("a.h5", H5T_NATIVE_DOUBLE, 1000, 0);
  struct data *d = must_open(FILE_A "validation = 0.25; test = 0.1;");
  CHECK(d->n_parts == 3 && d->part[PART_TRAIN].n == 650 && d->part[PART_VALIDATION].n == 250 &&
        d->part[PART_TEST].n == 100);
  CHECK_TEXT(d->part_name[1], "val");
  CHECK_TEXT(d->part_name[2], "test");
  char seen[1000] = {0};
  for (size_t i = 0; i < 1000; i++)
    seen[(size_t)row_of(d, i)]++;
  for (size_t i = 0; i < 1000; i++)
    CHECK(seen[i] == 1);
  struct data *again = must_open(FILE_A "validation = 0.25; test = 0.1; seed = 1;");
  struct data *other = must_open(FILE_A "validation = 0.25; test = 0.1; seed = 2;");
  CHECK_TEXT(d->hash, again->hash);
  CHECK(strcmp(d->hash, other->hash) != 0);
  CHECK(memcmp(d->x, again->x, 1000 * 3 * sizeof(float)) == 0);
  size_t same = 0;
  for (size_t i = 0; i < 1000; i++)
    same += row_of(d, i) == row_of(other, i);
  CHECK(same < 200);
  data_close(d);
  data_close(again);
  data_close(other);
  d = must_open(FILE_A "test = 0.0;");
  CHECK(d->n_parts == 2);
  data_close(d);
}

static void test_split_modulo(void) {
  struct data *d = must_open(FILE_A "split = \"modulo\"; event_number = \"event_number\"; modulo = 5; "
                                    "validation_folds = (1, 4); test_folds = (3);");
  for (size_t p = 0; p < d->n_parts; p++)
    for (size_t i = 0; i < d->part[p].n; i++) {
      int fold = ((int)row_of(d, d->part[p].first + i) - 50 + 1000) % 5;
      CHECK(p == PART_VALIDATION ? fold == 1 || fold == 4 : p == PART_TEST ? fold == 3 : fold == 0 || fold == 2);
    }
  CHECK(d->part[PART_TRAIN].n == 400 && d->part[PART_VALIDATION].n == 400);
  data_close(d);
}

static void test_split_files(void) {
  write_rows("b.h5", H5T_NATIVE_FLOAT, 50, 1000);
  write_rows("c.h5", H5T_NATIVE_FLOAT, 60, 2000);
  write_rows("d.h5", H5T_NATIVE_FLOAT, 70, 3000);
  struct data *d =
      must_open("files = (\"a.h5\", \"b.h5\"); scale = \"none\"; missing = -999.0; split = \"files\"; "
                "validation_files = (\"c.h5\"); test_files = { tt = (\"d.h5\"); zp = (\"b.h5\", \"c.h5\"); };");
  CHECK(d->n_parts == 4 && d->part[PART_TRAIN].n == 1050 && d->part[PART_VALIDATION].n == 60 &&
        d->part[PART_TEST].n == 70 && d->part[PART_TEST + 1].n == 110);
  CHECK_TEXT(d->part_name[2], "test_tt");
  CHECK_TEXT(d->part_name[3], "test_zp");
  CHECK(row_of(d, d->part[PART_VALIDATION].first) == 2000 && row_of(d, d->part[PART_TEST].first) == 3000);
  CHECK(row_of(d, 1049) == 1049); /* the files one after the other */
  data_close(d);
  d = must_open(
      "files = (\"a.h5\"); missing = -999.0; split = \"files\"; validation = 0.3; test_files = { tt = (\"d.h5\"); };");
  CHECK(d->part[PART_TRAIN].n == 700 && d->part[PART_VALIDATION].n == 300 && d->part[PART_TEST].n == 70);
  data_close(d);
}

/* Labels that are not named are dropped and counted; several labels may mean one class. */
static void test_classes(void) {
  struct data *d = must_open(FILE_A "classes = { b = 5; light = 0; };");
  CHECK(d->rows == 667 && d->n_classes == 2);
  CHECK_TEXT(d->classes[0], "b");
  CHECK(test_text_contains(d->description, "\"other_labels\":333"));
  for (size_t i = 0; i < d->rows; i++)
    CHECK(d->label[i] == ((int)row_of(d, i) % 3 == 2 ? 0 : 1));
  CHECK_NEAR(d->class_weight[0] + d->class_weight[1], (double)d->part[PART_TRAIN].n, 1e-9);
  data_close(d);
  d = must_open(FILE_A "classes = { heavy = (4, 5); light = 0; };");
  CHECK(d->rows == 1000 && d->n_classes == 2);
  data_close(d);
  d = must_open(FILE_A "target = \"value\";");
  CHECK(d->label == NULL && d->n_classes == 0 && d->target != NULL);
  for (size_t i = 0; i < d->rows; i++)
    CHECK(d->target[i] == (float)((int)row_of(d, i) % 3 == 0 ? 0 : (int)row_of(d, i) % 3 + 3));
  data_close(d);
}

/* Mean and width of the training part, against sums made here. */
static void test_scale(void) {
  struct data *raw = must_open(FILE_A), *d = must_open("files = (\"a.h5\"); missing = -999.0;");
  size_t n = d->part[PART_TRAIN].n;
  for (size_t j = 0; j < 3; j++) {
    long double sum = 0, squares = 0;
    size_t present = 0;
    for (size_t i = 0; i < n; i++) {
      int row = (int)row_of(raw, i);
      if ((j == 1 && row % 4 == 0) || (j == 2 && row % 5 == 0)) {
        CHECK_NEAR((double)d->x[i * 3 + j], 0, 1e-7); /* the mean takes a missing value's place */
        continue;
      }
      long double x = j == 0 ? row : j == 1 ? 2.0L * row : (long double)row * row;
      sum += x;
      squares += x * x;
      present++;
    }
    long double mean = sum / present, width = sqrtl(squares / present - mean * mean);
    for (size_t i = 0; i < d->rows; i++) {
      int row = (int)row_of(raw, i);
      if ((j == 1 && row % 4 == 0) || (j == 2 && row % 5 == 0))
        continue;
      long double x = j == 0 ? row : j == 1 ? 2.0L * row : (long double)row * row;
      CHECK_NEAR((double)d->x[i * 3 + j], (double)((x - mean) / width), 1e-5);
    }
  }
  data_close(raw);
  data_close(d);
}

static void write_text(const char *name, const char *text) {
  FILE *f = fopen(in_folder(name), "wb");
  fputs(text, f);
  fclose(f);
}

static void test_fill_and_scale_file(void) {
  write_text("scale.json",
             "{\"tracks\": {}, \"jets\": [{\"name\": \"v3\", \"shift\": 5, \"scale\": 10, \"default\": 25}, "
             "{\"name\": \"v1\", \"shift\": 0, \"scale\": 1, \"default\": null}, "
             "{\"name\": \"v2\", \"shift\": 100, \"scale\": 50, \"default\": -1}]}");
  struct data *d = must_open("files = (\"a.h5\"); missing = -999.0; scale = \"file\"; scale_file = \"scale.json\"; "
                             "fill = \"default\";");
  for (size_t i = 0; i < d->rows; i++) {
    int row = (int)row_of(d, i);
    CHECK_NEAR((double)d->x[3 * i + 1], ((row % 4 ? 2 * row : -1) - 100) / 50.0, 1e-5);
    CHECK_NEAR((double)d->x[3 * i + 2], ((row % 5 ? row * row : 25) - 5) / 10.0, 1e-2);
  }
  data_close(d);
  d = must_open(FILE_A "fill = \"default\"; fill_value = 7.5;");
  for (size_t i = 0; i < d->rows; i++)
    if ((int)row_of(d, i) % 4 == 0)
      CHECK(d->x[3 * i + 1] == 7.5f);
  data_close(d);
  d = must_open(FILE_A "fill = \"flag\";");
  CHECK(d->width == 5);
  CHECK_TEXT(d->variables[3], "v2_missing");
  CHECK_TEXT(d->variables[4], "v3_missing");
  for (size_t i = 0; i < d->rows; i++) {
    int row = (int)row_of(d, i);
    CHECK(d->x[5 * i + 3] == (row % 4 == 0) && d->x[5 * i + 4] == (row % 5 == 0));
  }
  data_close(d);
}

static void test_weights(void) {
  struct data *d = must_open(FILE_A "weights = \"weights\"; negative_weights = \"keep\";");
  CHECK(d->rows == 1000);
  for (size_t i = 0; i < d->rows; i++) {
    int row = (int)row_of(d, i);
    CHECK(d->weight[i] == (row % 10 == 7 ? -1.0f : 0.5f + (float)(row % 2)));
  }
  size_t negative_training = 0;
  for (size_t i = 0; i < d->part[PART_TRAIN].n; i++)
    negative_training += d->weight[i] < 0;
  data_close(d);
  d = must_open(FILE_A "weights = \"weights\"; negative_weights = \"drop\";");
  CHECK(d->rows == 1000 - negative_training && negative_training > 0);
  size_t negative = 0;
  for (size_t i = 0; i < d->rows; i++)
    negative += d->weight[i] < 0;
  CHECK(negative == 100 - negative_training); /* kept in validation and test */
  data_close(d);
}

/* A limit takes rows from all over the file. */
static void test_row_limit(void) {
  struct data *d = must_open(FILE_A "rows = 100;");
  CHECK(d->rows == 100);
  size_t in_tenth[10] = {0};
  for (size_t i = 0; i < d->rows; i++)
    in_tenth[(size_t)row_of(d, i) / 100]++;
  for (size_t k = 0; k < 10; k++)
    CHECK(in_tenth[k] == 10);
  data_close(d);
}

static void test_umami(void) {
  static const char *const names[] = {"pt", "eta"}, *const classes[] = {"ujets", "cjets", "bjets"};
  double x[60], y[30], hot[90] = {0};
  for (int i = 0; i < 30; i++) {
    x[2 * i] = i, x[2 * i + 1] = -i, y[i] = i % 3;
    hot[3 * i + i % 3] = 1;
  }
  hid_t half = h5_float16(), file = h5_new(in_folder("umami.h5"));
  h5_put(file, "jets/inputs", half, 30, 2, x);
  h5_put(file, "jets/labels", H5T_STD_I64LE, 30, 0, y);
  h5_put(file, "jets/labels_one_hot", H5T_NATIVE_FLOAT, 30, 3, hot);
  h5_texts(file, "jets/inputs", "jet_variables", names, 2);
  h5_texts(file, "jets/labels", "label_classes", classes, 3);
  H5Fclose(file);
  H5Tclose(half);
  struct data *d = must_open("files = (\"umami.h5\"); format = \"umami\";");
  struct data *one_hot = must_open("files = (\"umami.h5\"); format = \"umami\"; labels = \"jets/labels_one_hot\"; "
                                   "variables = (\"eta\");");
  CHECK_TEXT(d->classes[2], "bjets");
  CHECK_TEXT(d->variables[1], "eta");
  CHECK(one_hot->width == 1);
  for (size_t i = 0; i < 30; i++) { /* never scaled again */
    CHECK(d->label[i] == (int)row_of(d, i) % 3);
    CHECK(one_hot->x[i] == -(float)row_of(d, i) && one_hot->label[i] == d->label[i]);
  }
  data_close(d);
  data_close(one_hot);
}

/* Inputs that someone else has scaled are looked at: does it seem so? */
static void test_warnings(void) {
  double x[90], y[30];
  for (int i = 0; i < 30; i++) {
    x[3 * i] = i % 2 ? 1 : -1; /* scaled */
    x[3 * i + 1] = i % 2;      /* a truth value, which umami leaves alone */
    x[3 * i + 2] = 1000 + i;   /* forgotten */
    y[i] = i % 3 == 0;
  }
  hid_t file = h5_new(in_folder("odd.h5"));
  h5_put(file, "jets/inputs", H5T_NATIVE_FLOAT, 30, 3, x);
  h5_put(file, "jets/labels", H5T_STD_I64LE, 30, 0, y);
  for (int i = 0; i < 30; i++)
    x[3 * i] = 7, x[3 * i + 1] = (double)NAN;
  h5_put(file, "inputs", H5T_NATIVE_FLOAT, 30, 3, x);
  h5_put(file, "labels", H5T_STD_I64LE, 30, 0, y);
  H5Fclose(file);
  char log_path[700];
  snprintf(log_path, sizeof log_path, "%s", in_folder("warnings.log"));
  CHECK(log_open(log_path) == OK);
  log_levels(LOG_ERROR, LOG_WARN);
  data_close(must_open("files = (\"odd.h5\"); format = \"umami\";"));
  struct data *d = must_open("files = (\"odd.h5\");");
  for (size_t i = 0; i < d->rows; i++)
    CHECK(d->x[3 * i] == 0 && d->x[3 * i + 1] == 0);
  data_close(d);
  log_levels(LOG_ERROR, LOG_ERROR);
  log_close();
  struct strbuf text = STRBUF_INIT;
  CHECK(file_read(log_path, &text) == OK);
  CHECK(test_text_contains(text.text, "v3 has mean 1.01e+03"));
  CHECK(!test_text_contains(text.text, "v1 has mean") && !test_text_contains(text.text, "v2 has mean"));
  CHECK(test_text_contains(text.text, "1 variable is missing in every row of the training part: v2"));
  CHECK(test_text_contains(text.text, "1 variable is the same (shifted, not scaled)"));
  strbuf_free(&text);
}

static void test_tdd(void) {
  struct record {
    double pt;
    int32_t unused;
    int32_t HadronConeExclTruthLabelID;
    float eta;
    int64_t eventNumber;
    float weight;
  } r[30];
  for (int i = 0; i < 30; i++)
    r[i] = (struct record){1e5 * i, 3, i % 3 == 0 ? 0 : i % 3 == 1 ? 5 : 15, (float)i, i, (float)(1 + i)};
  hsize_t n = 30;
  hid_t file = h5_new(in_folder("tdd.h5")), space = H5Screate_simple(1, &n, NULL);
  hid_t type = H5Tcreate(H5T_COMPOUND, sizeof(struct record));
  H5Tinsert(type, "pt", offsetof(struct record, pt), H5T_NATIVE_DOUBLE);
  H5Tinsert(type, "unused", offsetof(struct record, unused), H5T_NATIVE_INT32);
  H5Tinsert(type, "HadronConeExclTruthLabelID", offsetof(struct record, HadronConeExclTruthLabelID), H5T_NATIVE_INT32);
  H5Tinsert(type, "eta", offsetof(struct record, eta), H5T_NATIVE_FLOAT);
  H5Tinsert(type, "eventNumber", offsetof(struct record, eventNumber), H5T_NATIVE_INT64);
  H5Tinsert(type, "weight", offsetof(struct record, weight), H5T_NATIVE_FLOAT);
  hid_t id = H5Dcreate2(file, "jets", type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  H5Dwrite(id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, r);
  H5Dclose(id);
  H5Tclose(type);
  H5Sclose(space);
  H5Fclose(file);
  write_text("names.yaml",
             "label: HadronConeExclTruthLabelID\ntrain_variables:\n  Kinematics:\n    - eta # first\n    - \"pt\"\n"
             "custom_defaults_vars:\n  pt: -1\n");
  struct data *d = must_open("files = (\"tdd.h5\"); format = \"tdd\"; variables = \"names.yaml\"; scale = \"none\"; "
                             "classes = { light = 0; b = 5; }; weights = \"weight\"; split = \"modulo\"; modulo = 5; "
                             "event_number = \"eventNumber\";");
  CHECK(d->rows == 20 && d->width == 2);
  CHECK_TEXT(d->variables[0], "eta");
  for (size_t i = 0; i < d->rows; i++) {
    int row = (int)row_of(d, i);
    CHECK(d->x[2 * i + 1] == (float)(1e5 * row) && d->label[i] == row % 3 && d->weight[i] == (float)(1 + row));
  }
  for (size_t i = 0; i < d->part[PART_TEST].n; i++)
    CHECK((int)row_of(d, d->part[PART_TEST].first + i) % 5 == 0);
  data_close(d);
}

/* Four processes at once: one prepares, all get the same bytes. */
static void test_cache_race(void) {
  char command[800], log_path[700];
  snprintf(log_path, sizeof log_path, "%s", in_folder("race.log"));
  write_rows("race.h5", H5T_NATIVE_FLOAT, 20000, 0);
  for (int i = 0; i < 4; i++)
    if (fork() == 0) {
      struct data *d;
      log_levels(LOG_ERROR, LOG_INFO);
      bool good = log_open(log_path) == OK && open_data(&d, folder, "files = (\"race.h5\"); missing = -999.0;") == OK &&
                  d->rows == 20000;
      _exit(good ? 0 : 1);
    }
  for (int i = 0; i < 4; i++) {
    int status = -1;
    wait(&status);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  snprintf(command, sizeof command, "test $(grep -c 'prepared 20000 rows' '%s') = 1", log_path);
  CHECK(system(command) == 0);
}

static void identify(const char *settings, char **path, char hash[65]) {
  struct settings *conf = data_settings(folder, settings);
  REQUIRE(conf != NULL);
  CHECK(data_identify(conf, in_folder("cache"), path, hash) == OK);
  settings_free(conf);
}

/* A cache file that is cut, overwritten or of another version is prepared anew; content decides the name. */
static void test_cache_damage(void) {
  const char *settings = "files = (\"a.h5\"); missing = -999.0; seed = 77;";
  char *path, *other, hash[65], hash_again[65];
  identify(settings, &path, hash);
  CHECK(access(path, R_OK) != 0); /* identify prepares nothing */
  data_close(must_open(settings));
  struct stat before;
  REQUIRE(stat(path, &before) == 0);
  data_close(must_open(settings));
  for (int fault = 0; fault < 3; fault++) {
    int fd = open(path, O_RDWR);
    int failed = fault == 0 ? ftruncate(fd, before.st_size - 4) : pwrite(fd, "\x55", 1, fault == 1 ? 12 : 200) != 1;
    CHECK(!failed);
    close(fd);
    struct data *d = must_open(settings);
    struct stat after;
    CHECK(stat(path, &after) == 0 && after.st_size == before.st_size);
    CHECK(d->rows == 1000);
    data_close(d);
  }
  write_rows("a.h5", H5T_NATIVE_DOUBLE, 999, 0); /* other content, the same name */
  identify(settings, &other, hash_again);
  CHECK(strcmp(hash, hash_again) != 0);
  free(other);
  write_rows("a.h5", H5T_NATIVE_DOUBLE, 1000, 0);
  identify(settings, &other, hash_again);
  CHECK_TEXT(hash, hash_again);
  CHECK_TEXT(path, other);
  free(other);
  free(path);
}

/* An unfinished file PATH.HOST-PROCESS.tmp, as a writer leaves it that is killed. */
static void leave_unfinished(char *name, size_t n, const char *path, long process) {
  char host[64] = "";
  gethostname(host, sizeof host - 1);
  snprintf(name, n, "%s.%s-%ld.tmp", path, host, process);
  int fd = open(name, O_CREAT | O_WRONLY, 0666);
  CHECK(fd >= 0 && close(fd) == 0);
}

static void test_cache_leftovers(void) {
  const char *settings = "files = (\"a.h5\"); missing = -999.0; seed = 78;";
  char *path, hash[65], dead[900], living[900];
  pid_t child = fork();
  if (child == 0)
    _exit(0);
  CHECK(waitpid(child, NULL, 0) == child);
  data_close(must_open("files = (\"a.h5\"); missing = -999.0; seed = 77;")); /* the folder is there */
  identify(settings, &path, hash);
  leave_unfinished(dead, sizeof dead, path, child);
  leave_unfinished(living, sizeof living, path, getppid());
  data_close(must_open(settings));
  CHECK(access(dead, F_OK) != 0);
  CHECK(access(living, F_OK) == 0);
  unlink(living);
  free(path);
}

/* The sum of a big file is remembered, until the file changes. */
static void test_remembered_sums(void) {
  char *path, hash[65], again[65], memo[700], command[1600];
  snprintf(memo, sizeof memo, "%s", in_folder("cache/sources.txt"));
  snprintf(command, sizeof command, "touch -d '2020-01-01' '%s'", in_folder("a.h5"));
  CHECK(system(command) == 0);
  identify(FILE_A, &path, hash);
  free(path);
  snprintf(command, sizeof command,
           "test $(grep -c ' 1577836800.*a.h5$' '%s') = 1 && sed -i 's/^................/0000000000000000/' '%s'", memo,
           memo);
  CHECK(system(command) == 0);
  identify(FILE_A, &path, again); /* the forged sum is believed: the file was not read */
  free(path);
  CHECK(strcmp(hash, again) != 0);
  snprintf(command, sizeof command, "touch -d '2021-01-01' '%s'", in_folder("a.h5"));
  CHECK(system(command) == 0);
  identify(FILE_A, &path, again);
  free(path);
  CHECK_TEXT(hash, again);
}

/* Another file in the form of a prepared sample: the same numbers as if it had been a test file. */
static void test_apply(void) {
  write_rows("b.h5", H5T_NATIVE_FLOAT, 50, 1000);
  const char *settings = "files = (\"a.h5\"); missing = -999.0; fill = \"flag\"; weights = \"weights\"; "
                         "negative_weights = \"keep\"; classes = { light = 0; b = 5; c = 4; }; split = \"files\"; "
                         "test_files = { b = (\"b.h5\"); };";
  struct data *d = must_open(settings);
  struct settings *conf = data_settings(folder, settings);
  float *x, *weight;
  int32_t *label;
  size_t rows;
  REQUIRE(data_apply(conf, d->description, in_folder("b.h5"), &x, &label, &weight, &rows) == OK);
  CHECK(rows == 50);
  size_t first = d->part[PART_TEST].first;
  CHECK(memcmp(x, d->x + first * d->width, 50 * d->width * sizeof *x) == 0);
  CHECK(memcmp(label, d->label + first, 50 * sizeof *label) == 0);
  CHECK(memcmp(weight, d->weight + first, 50 * sizeof *weight) == 0);
  free(x);
  free(label);
  free(weight);
  double raw[6] = {1, 2, 3, 4, 5, 6};
  hid_t file = h5_new(in_folder("bare.h5"));
  h5_put(file, "inputs", H5T_NATIVE_FLOAT, 2, 3, raw);
  H5Fclose(file);
  REQUIRE(data_apply(conf, d->description, in_folder("bare.h5"), &x, &label, &weight, &rows) == OK);
  CHECK(rows == 2 && label == NULL && weight == NULL);
  free(x);
  CHECK(data_apply(conf, d->description, in_folder("names.yaml"), &x, &label, &weight, &rows) == ERR_INPUT);
  err_clear();
  settings_free(conf);
  data_close(d);
}

/* What init writes is a valid study of the file. */
static void check_suggestion(const char *path, size_t rows, size_t classes) {
  struct strbuf text = STRBUF_INIT;
  struct settings *conf = NULL;
  struct complaints c;
  complaints_init(&c);
  CHECK(data_suggest_study(path, &text) == OK);
  settings_read_text(&conf, text.text, "study.cfg", NULL, 0, &c);
  CHECK(complaints_verdict(&c) == OK);
  if (c.n)
    printf("\n%s\n%s\n", err_text(), text.text);
  complaints_free(&c);
  strbuf_free(&text);
  struct data *d = NULL;
  CHECK(conf && data_open(&d, conf, in_folder("cache")) == OK);
  if (!d)
    printf("\n%s\n", err_text());
  REQUIRE(d != NULL);
  CHECK(d->rows == rows && d->n_classes == classes);
  data_close(d);
  settings_free(conf);
}

static void test_suggest(void) {
  check_suggestion(in_folder("a.h5"), 1000, 3);
  check_suggestion(in_folder("umami.h5"), 30, 3);
  double x[200], y[100];
  for (int i = 0; i < 100; i++)
    x[i] = x[100 + i] = i, y[i] = i + 0.5;
  hid_t file = h5_new(in_folder("numbers.h5"));
  h5_put(file, "inputs", H5T_NATIVE_FLOAT, 100, 2, x);
  h5_put(file, "labels", H5T_NATIVE_FLOAT, 100, 0, y);
  H5Fclose(file);
  check_suggestion(in_folder("numbers.h5"), 100, 0);
  struct strbuf text = STRBUF_INIT;
  CHECK(data_suggest_study(in_folder("bare.h5"), &text) == ERR_INPUT);
  strbuf_free(&text);
  err_clear();
}

static void test_describe(void) {
  struct strbuf text = STRBUF_INIT;
  CHECK(data_describe_file(in_folder("a.h5"), &text) == OK);
  CHECK(test_text_contains(text.text, "(1000, 3) float64"));
  CHECK(test_text_contains(text.text, "-999 is taken for missing"));
  CHECK(test_text_contains(text.text, "334   33.4 %"));
  CHECK(test_text_contains(text.text, "25.0 %"));
  strbuf_clear(&text);
  CHECK(data_describe_file(in_folder("tdd.h5"), &text) == OK);
  CHECK(test_text_contains(text.text, "tau") && test_text_contains(text.text, "data.format = \"tdd\""));
  strbuf_clear(&text);
  hid_t file = h5_new(in_folder("strange.h5"));
  double x[4] = {1, 2, 3, 4};
  h5_put(file, "a/b/c", H5T_NATIVE_FLOAT, 2, 2, x);
  H5Fclose(file);
  CHECK(data_describe_file(in_folder("strange.h5"), &text) == OK); /* any HDF5 file */
  CHECK(test_text_contains(text.text, "a/b/c"));
  CHECK(data_describe_file(in_folder("absent.h5"), &text) == ERR_INPUT);
  err_clear();
  strbuf_free(&text);
}

/* The enumerations of the plan follow the order of the table's choices. */
static void test_choices(void) {
  static const struct {
    const char *key, *names[4];
  } rows[] = {{"data.scale", {"auto", "train", "none", "file"}},
              {"data.fill", {"mean", "default", "flag"}},
              {"data.split", {"fraction", "modulo", "files"}},
              {"data.negative_weights", {"refuse", "keep", "drop"}},
              {"data.target", {"class", "value"}}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    for (size_t k = 0; k < 4 && rows[i].names[k]; k++)
      CHECK_TEXT(settings_row(rows[i].key)->choices[k].name, rows[i].names[k]);
}

static void test_real_tdd(void) {
  const char *path = test_shared_file("data/umami/TDD-10jets.h5");
  if (!path)
    return;
  char settings[2000];
  snprintf(settings, sizeof settings,
           "files = (\"%s\"); format = \"tdd\"; variables = (\"pt_btagJes\", \"SV1_L3d\"); fill = \"flag\"; "
           "classes = { light = 0; b = 5; }; validation = 0.25; test = 0.0;",
           path);
  struct data *d = must_open(settings);
  CHECK(d->rows == 8 && d->width == 3);
  data_close(d);
  const char *scales = test_shared_file("data/umami/PFlow-scale_dict-22M.json");
  struct scale_entry *entries = NULL;
  size_t n = 0;
  REQUIRE(scales && data_read_scales(scales, &entries, &n) == OK);
  CHECK(n == 36 && data_find_scale(entries, n, "SV1_L3d")->shift == 24.5967939198283);
  for (size_t i = 0; i < n; i++)
    free(entries[i].name);
  free(entries);
  char **names = NULL;
  const char *list = test_shared_file("data/umami/DL1r_Variables.yaml");
  REQUIRE(list && data_read_names(list, &names, &n) == OK);
  CHECK(n == 36);
  CHECK_TEXT(names[0], "absEta_btagJes");
  for (size_t i = 0; i < n; i++)
    free(names[i]);
  free(names);
}

int main(void) {
  log_levels(LOG_ERROR, LOG_ERROR);
  snprintf(folder, sizeof folder, "%s", test_folder("data"));
  return TEST_MAIN("data", {"number types", test_types}, {"split by fraction", test_split_fraction},
                   {"split by event number", test_split_modulo}, {"split by files", test_split_files},
                   {"classes and values", test_classes}, {"standardisation", test_scale},
                   {"fill and scale file", test_fill_and_scale_file}, {"weights", test_weights},
                   {"row limit", test_row_limit}, {"umami", test_umami}, {"warnings", test_warnings}, {"tdd", test_tdd},
                   {"cache: four at once", test_cache_race}, {"cache: damage", test_cache_damage},
                   {"cache: what killed writers leave", test_cache_leftovers},
                   {"sums are remembered", test_remembered_sums}, {"apply to another file", test_apply},
                   {"suggested studies are valid", test_suggest}, {"describe", test_describe},
                   {"order of choices", test_choices}, {"a real tdd file", test_real_tdd});
}
