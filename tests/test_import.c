#include "nn/import.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/log.h"
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

static void write_bytes(const char *name, const char *bytes, size_t n) {
  FILE *f = fopen(in_folder(name), "wb");
  fwrite(bytes, 1, n, f);
  fclose(f);
}

static char input[700], output[700];

static struct import_csv options(void) {
  snprintf(input, sizeof input, "%s", in_folder("in.csv"));
  snprintf(output, sizeof output, "%s", in_folder("out.h5"));
  return (struct import_csv){.input = input, .output = output, .label = "label"};
}

static struct data *must_open(const char *settings) {
  struct data *d;
  if (open_data(&d, folder, settings) != OK)
    printf("\n  %s\n", err_text());
  REQUIRE(d != NULL);
  return d;
}

#define OUT "files = (\"out.h5\"); scale = \"none\"; test = 0.0; validation = 0.4; "

/* The row whose first input is `key`. */
static const float *row_with(const struct data *d, float key, size_t *row) {
  for (*row = 0; *row < d->rows; ++*row)
    if (d->x[*row * d->width] == key)
      return d->x + *row * d->width;
  return NULL;
}

/* A byte order mark, CRLF, quotes with commas, quotes and line ends in them, spaces, blank lines, no last line end. */
static void test_oddities(void) {
  static const char text[] = "\xEF\xBB\xBFpt, eta ,\"the, \"\"label\"\"\",note\r\n"
                             "1,2.5,b,\"a,\r\nb\"\r\n"
                             "\r\n"
                             "2 ,\t-1e-3,s,\"\"\r\n"
                             "3,,\"b\" ,x\n"
                             "4,nan,s,x\r"
                             "5,NA,b,x\n"
                             "\"6\",7,s,x";
  write_bytes("in.csv", text, sizeof text - 1);
  struct import_csv o = options();
  struct import_summary s;
  o.label = "the, \"label\"";
  o.drop = (const char *const[]){"note"};
  o.n_drop = 1;
  enum err e = import_csv_file(&o, &s);
  if (e)
    printf("\n  %s\n", err_text());
  REQUIRE(e == OK);
  CHECK(s.rows == 6 && s.variables == 2 && s.missing == 3 && s.n_classes == 2);
  CHECK_TEXT(s.classes[0], "b");
  CHECK(s.class_rows[0] == 3 && s.class_values[1] == 1);
  import_summary_free(&s);
  struct data *d = must_open(OUT "fill = \"default\"; fill_value = 99.0;");
  CHECK_TEXT(d->variables[1], "eta");
  CHECK_TEXT(d->classes[1], "s");
  static const float eta[] = {2.5f, -1e-3f, 99, 99, 99, 7};
  for (int i = 0; i < 6; i++) {
    size_t row;
    const float *x = row_with(d, (float)(i + 1), &row);
    REQUIRE(x != NULL);
    CHECK(x[1] == eta[i] && d->label[row] == i % 2);
  }
  data_close(d);
}

static void test_named_columns(void) {
  const char *text = "id,w,x,y,label\n7,0.5,1,-999,1.0e0\n8,1.5,2,?,0\n-9,2.5,3,4,1\n10,1,4,5,0\n";
  write_bytes("in.csv", text, strlen(text));
  struct import_csv o = options();
  struct import_summary s;
  struct import_class classes[] = {{"signal", 1, true}, {"background", 0, true}};
  o.weights = "w";
  o.event_number = "id";
  o.missing = (const char *const[]){"-999.0", "?"};
  o.n_missing = 2;
  o.classes = classes;
  o.n_classes = 2;
  REQUIRE(import_csv_file(&o, &s) == OK);
  CHECK(s.missing == 2 && s.variables == 2);
  import_summary_free(&s);
  struct data *d = must_open("files = (\"out.h5\"); scale = \"none\"; split = \"modulo\"; "
                             "event_number = \"event_number\"; modulo = 5; validation_folds = (2); test_folds = (3);");
  CHECK(d->part[PART_TRAIN].n == 2 && d->x[0] == 3 && d->label[0] == 1); /* -9 is 1 modulo 5 */
  CHECK(d->x[d->part[PART_VALIDATION].first * d->width] == 1 && d->x[d->part[PART_TEST].first * d->width] == 2);
  data_close(d);
  d = must_open("files = (\"out.h5\"); scale = \"none\"; weights = \"weights\"; test = 0.0; validation = 0.25; "
                "target = \"value\";");
  CHECK(d->rows == 4);
  for (int i = 1; i <= 4; i++) {
    size_t row;
    REQUIRE(row_with(d, (float)i, &row) != NULL);
    CHECK(d->weight[row] == (i == 4 ? 1.0f : (float)i - 0.5f));
    CHECK(d->target[row] == (float)(i % 2));
  }
  data_close(d);
}

static void test_no_header_and_target(void) {
  const char *text = "1;2;0.25\n2;3;0.5\n3;4;1e3\n4;5;7\n5;5;8\n";
  gzFile gz = gzopen(in_folder("in.csv"), "wb"); /* compressed, whatever its name */
  gzputs(gz, text);
  gzclose(gz);
  struct import_csv o = options();
  struct import_summary s;
  o.no_header = o.regression = true;
  o.separator = ';';
  o.label = "3";
  REQUIRE(import_csv_file(&o, &s) == OK);
  CHECK(s.rows == 5 && s.n_classes == 0);
  import_summary_free(&s);
  struct data *d = must_open(OUT "target = \"value\";");
  size_t row;
  CHECK_TEXT(d->variables[1], "v2");
  REQUIRE(row_with(d, 3, &row) != NULL);
  CHECK(d->target[row] == 1000);
  data_close(d);
}

/* Whole-number labels keep their values, so that data.classes can name them. */
static void test_number_labels(void) {
  const char *text = "x,label\n1,5\n2,0\n3,4\n4,5\n5,0\n6,4\n7,15\n8,5\n9,0\n10,4\n";
  write_bytes("in.csv", text, strlen(text));
  struct import_csv o = options();
  struct import_summary s;
  REQUIRE(import_csv_file(&o, &s) == OK);
  CHECK(s.n_classes == 4 && s.class_values[3] == 15);
  import_summary_free(&s);
  struct data *d = must_open(OUT "classes = { b = 5; light = (0, 4); }; seed = 3;");
  CHECK(d->rows == 9);
  data_close(d);
}

static const struct {
  const char *text, *expected;
} faults[] = {
    {"", "in.csv is empty"},
    {"\n\n  \n", "holds blank lines only"},
    {"x,label\n", "has a header and no rows"},
    {"x,label\n1,a\n2,b,3\n", "in.csv:3:5: this row has 3 fields, the first has 2"},
    {"x,label\n1,a\n2\n", "in.csv:3:1: this row has 1 fields"},
    {"x,label\n1,a\nfour,b\n", "in.csv:3:1: column x: 'four' is not a number: leave the column out with --drop"},
    {"y,x,label\n1,1,a\n\n2, 12abc,b\n", "in.csv:4:3: column x: '12abc' is not a number"},
    {"x,label\n1,a\n1e99,b\n", "in.csv:3:1: column x: '1e99' is too big for a 32-bit number"},
    {"x,label\n1,a\ninf,b\n", "column x: 'inf' is too big"},
    {"x,label\r\n1,a\r\nfour,b\r\n", "in.csv:3:1: column x: 'four' is not a number"},
    {"x,label\n1,\n", "in.csv:2:3: column label: the label is empty"},
    {"x,label\n1,a\n2,a\n", "column label holds one label only"},
    {"x,labels\n1,a\n", "--label label: there is no such column; did you mean labels?"},
    {"x,x,label\n1,2,a\n", "in.csv:1:3: two columns are called x"},
    {"x,,label\n1,2,a\n", "in.csv:1:3: column 2 has no name"},
    {"label\na\nb\n", "no column is left as an input"},
    {"x,label\n1,\"a\n2,b\n", "in.csv:2:3: a quote opens here and never closes"},
    {"x,label\n1,\"a\"b\n", "in.csv:2:6: text after a closing quote"},
    {"\xFF\xFEx\0,\0", "is UTF-16 text"},
};

static void check_fault(const struct import_csv *o, const char *expected) {
  struct import_summary s;
  err_clear();
  enum err e = import_csv_file(o, &s);
  import_summary_free(&s);
  CHECK(e == ERR_INPUT);
  if (!test_text_contains(err_text(), expected)) {
    printf("\n  expected: %s\n  got:      %s\n", expected, err_text());
    CHECK(!"the message is another one");
  }
  err_clear();
}

static void test_faults(void) {
  for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
    write_bytes("in.csv", faults[i].text, strlen(faults[i].text));
    struct import_csv o = options();
    unlink(o.output);
    check_fault(&o, faults[i].expected);
    CHECK(access(o.output, F_OK) != 0); /* no half file */
  }
  char command[800];
  snprintf(command, sizeof command, "test -z \"$(find '%s' -name '*.tmp')\"", folder);
  CHECK(system(command) == 0);
}

static void test_fault_options(void) {
  const char *text = "x,w,id,label\n1,1,1,a\n2,heavy,2.5,b\n";
  write_bytes("in.csv", text, strlen(text));
  struct import_csv o = options();
  o.weights = "w";
  o.drop = (const char *const[]){"id"};
  o.n_drop = 1;
  check_fault(&o, "in.csv:3:3: column w: 'heavy' is no weight");
  o.weights = "id";
  check_fault(&o, "--drop id: the column is used for something else as well");
  o.weights = NULL;
  o.event_number = "id";
  o.drop = (const char *const[]){"w"};
  check_fault(&o, "in.csv:3:9: column id: '2.5' is no event number");
  o = options();
  struct import_class classes[] = {{.name = "a"}, {.name = "beta"}};
  o.classes = classes;
  o.n_classes = 2;
  o.drop = (const char *const[]){"w", "id"};
  o.n_drop = 2;
  check_fault(&o, "in.csv:3:13: column label: label 'b' is none of the classes a, beta");
  o.input = "absent.csv";
  check_fault(&o, "absent.csv: No such file");
  o.input = input;
  o.output = "no/such/folder/out.h5";
  struct import_summary s;
  CHECK(import_csv_file(&o, &s) == ERR_IO);
  err_clear();
}

static void test_cut_gzip(void) {
  gzFile gz = gzopen(in_folder("in.csv"), "wb");
  gzputs(gz, "x,label\n");
  for (int i = 0; i < 100000; i++)
    gzprintf(gz, "%d.%d,%s\n", i * 7919 % 100003, i % 13, i % 3 ? "a" : "b");
  gzclose(gz);
  struct import_csv o = options();
  struct import_summary s;
  CHECK(import_csv_file(&o, &s) == OK);
  CHECK(s.rows == 100000);
  import_summary_free(&s);
  CHECK(truncate(input, 150000) == 0);
  check_fault(&o, "cannot be read on from here");
}

static void write_idx(const char *name, unsigned type, size_t rank, const unsigned *shape, size_t bytes) {
  FILE *f = fopen(in_folder(name), "wb");
  fputc(0, f), fputc(0, f), fputc((int)type, f), fputc((int)rank, f);
  for (size_t i = 0; i < rank; i++)
    for (int shift = 24; shift >= 0; shift -= 8)
      fputc((int)(shape[i] >> shift & 255), f);
  for (size_t i = 0; i < bytes; i++)
    fputc((int)(rank == 1 ? i % 3 : i % 251), f);
  fclose(f);
}

static void check_idx(enum err expected, const char *message) {
  struct import_summary s;
  char images[700], labels[700];
  snprintf(images, sizeof images, "%s", in_folder("images"));
  snprintf(labels, sizeof labels, "%s", in_folder("labels"));
  snprintf(output, sizeof output, "%s", in_folder("out.h5"));
  unlink(output);
  err_clear();
  enum err e = import_idx_files(images, labels, output, NULL, &s);
  import_summary_free(&s);
  CHECK(e == expected);
  CHECK((access(output, F_OK) == 0) == (expected == OK));
  if (!test_text_contains(err_text(), message)) {
    printf("\n  expected: %s\n  got:      %s\n", message, err_text());
    CHECK(!"the message is another one");
  }
  err_clear();
}

static void test_idx(void) {
  const unsigned pictures[] = {9, 2, 3}, nine[] = {9}, eight[] = {8};
  write_idx("images", 8, 3, pictures, 54);
  write_idx("labels", 8, 1, nine, 9);
  CHECK(import_is_idx(in_folder("images")) && !import_is_idx(in_folder("in.csv")));
  check_idx(OK, "");
  struct data *d = must_open(OUT);
  CHECK(d->rows == 9 && d->width == 6 && d->n_classes == 3);
  CHECK_TEXT(d->variables[5], "pixel_1_2");
  size_t row;
  REQUIRE(row_with(d, 12, &row) != NULL); /* the third picture */
  CHECK(d->x[row * 6 + 5] == 17 && d->label[row] == 2);
  data_close(d);
  write_idx("labels", 8, 1, eight, 8);
  check_idx(ERR_INPUT, "has 8 labels, but");
  write_idx("labels", 8, 1, nine, 5);
  check_idx(ERR_INPUT, "labels ends before its header says");
  write_idx("labels", 8, 1, nine, 10);
  check_idx(ERR_INPUT, "labels goes on after what its header says");
  write_idx("labels", 13, 1, nine, 9);
  check_idx(ERR_INPUT, "type 0x0d: only bytes");
  write_idx("labels", 8, 3, pictures, 54);
  check_idx(ERR_INPUT, "holds pictures, not labels");
  write_idx("labels", 8, 1, nine, 9);
  write_idx("images", 8, 3, pictures, 53);
  check_idx(ERR_INPUT, "images ends before its header says");
  write_bytes("images", "P5 28 28", 8);
  check_idx(ERR_INPUT, "is not an IDX file");
}

static void test_real_files(void) {
  struct import_summary s;
  struct import_csv o = options();
  const char *path = test_shared_file("data/magic/magic04.csv.gz");
  if (!path)
    return;
  o.input = path;
  o.label = "class";
  REQUIRE(import_csv_file(&o, &s) == OK);
  CHECK(s.rows == 19020 && s.variables == 10 && s.class_rows[0] == 12332);
  import_summary_free(&s);
  struct data *d = must_open("files = (\"out.h5\");");
  CHECK(d->rows == 19020 && d->n_classes == 2);
  CHECK_TEXT(d->classes[1], "h");
  data_close(d);
  path = test_shared_file("data/higgs_atlas/atlas_higgs_2014_part.csv.gz");
  if (!path)
    return;
  o.input = path;
  o.label = "Label";
  o.drop = (const char *const[]){"KaggleSet", "KaggleWeight", "EventId"};
  o.n_drop = 3;
  o.weights = "Weight";
  o.missing = (const char *const[]){"-999"};
  o.n_missing = 1;
  REQUIRE(import_csv_file(&o, &s) == OK);
  CHECK(s.rows == 22889 && s.variables == 30 && s.missing == 144191);
  import_summary_free(&s);
  d = must_open("files = (\"out.h5\"); weights = \"weights\"; fill = \"flag\";");
  CHECK(d->width == 41 && d->weight != NULL); /* 11 variables have missing values */
  data_close(d);
  char labels[1024];
  path = test_shared_file("data/mnist/t10k-labels-idx1-ubyte.gz");
  if (!path)
    return;
  snprintf(labels, sizeof labels, "%s", path);
  path = test_shared_file("data/mnist/t10k-images-idx3-ubyte.gz");
  REQUIRE(path && import_idx_files(path, labels, output, NULL, &s) == OK);
  CHECK(s.rows == 10000 && s.variables == 784 && s.n_classes == 10 && s.class_rows[1] == 1135);
  import_summary_free(&s);
}

int main(void) {
  log_levels(LOG_ERROR, LOG_ERROR);
  snprintf(folder, sizeof folder, "%s", test_folder("import"));
  return TEST_MAIN("import", {"oddities of CSV", test_oddities}, {"columns by name", test_named_columns},
                   {"no header, a number to predict", test_no_header_and_target},
                   {"labels that are numbers", test_number_labels}, {"faults", test_faults},
                   {"faults of the options", test_fault_options}, {"compressed and cut", test_cut_gzip},
                   {"IDX", test_idx}, {"real files", test_real_files});
}
