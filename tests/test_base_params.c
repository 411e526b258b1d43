/* Named values, and JSON in and out. */
#include <jansson.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/params.h"
#include "testing.h"

static int equal(struct value a, struct value b) {
  int result = value_equal(&a, &b) && value_equal(&b, &a);
  value_free(&a);
  value_free(&b);
  return result;
}

static void test_value_equality(void) {
  CHECK(equal(value_int(3), value_float(3.0)));
  CHECK(!equal(value_int(3), value_float(3.5)));
  CHECK(!equal(value_int(1), value_bool(true)));
  CHECK(!equal(value_float(1), value_bool(true)));
  CHECK(!equal(value_int(3), value_text("3")));
  CHECK(equal(value_text("relu"), value_text("relu")));
  CHECK(!equal(value_text("relu"), value_text("Relu")));
  CHECK(!equal(value_int(INT64_MAX), value_float(0x1p63))); /* (double)INT64_MAX is 2^63 */
  CHECK(equal(value_int(INT64_MIN), value_float(-0x1p63)));
  CHECK(!equal(value_int((1LL << 53) + 1), value_float(0x1p53)));
  CHECK(!equal(value_float((double)INFINITY), value_int(INT64_MAX)));
}

static int to_int(struct value v, int64_t *out) {
  int result = value_to_int(&v, out);
  value_free(&v);
  return result;
}

static void test_conversions(void) {
  int64_t i = 0;
  double d = 0;
  CHECK(to_int(value_float(-4.0), &i) && i == -4);
  CHECK(to_int(value_bool(true), &i) && i == 1);
  CHECK(to_int(value_float(-0x1p63), &i) && i == INT64_MIN);
  CHECK(!to_int(value_float(0.5), &i));
  CHECK(!to_int(value_float(0x1p63), &i));
  CHECK(!to_int(value_float((double)NAN), &i));
  CHECK(!to_int(value_float((double)INFINITY), &i));
  CHECK(!to_int(value_text("4"), &i));
  struct value v = value_bool(true);
  CHECK(value_to_double(&v, &d) && d == 1.0);
  struct value none = {.kind = VALUE_NONE};
  CHECK(!value_to_double(&none, &d));
}

static void fill(struct params *p) {
  params_init(p);
  params_set(p, "lr", value_float(0.001));
  params_set(p, "layers", value_int(3));
  params_set(p, "whole", value_float(2.0));
  params_set(p, "nesterov", value_bool(false));
  params_set(p, "activation", value_text("relu \"\xc3\xa9\"\n"));
  params_set(p, "big", value_int(INT64_MIN));
  params_set(p, "third", value_float(1.0 / 3.0));
}

static void test_set_get_copy(void) {
  struct params p, copy;
  fill(&p);
  CHECK(p.n == 7);
  CHECK_NEAR(params_double(&p, "lr", -1), 0.001, 0);
  CHECK_NEAR(params_double(&p, "layers", -1), 3, 0);
  CHECK_NEAR(params_double(&p, "activation", -1), -1, 0);
  CHECK_NEAR(params_double(&p, "absent", -1), -1, 0);
  CHECK(params_get(&p, "absent") == NULL);
  params_set(&p, "lr", value_text("replaced"));
  CHECK(p.n == 7 && strcmp(p.items[0].name, "lr") == 0);
  CHECK_TEXT(params_get(&p, "lr")->as.text, "replaced");
  params_init(&copy);
  params_set(&copy, "old", value_text("goes"));
  params_copy(&copy, &p);
  CHECK(params_equal(&copy, &p));
  params_copy(&copy, &copy);
  CHECK(params_equal(&copy, &p));
  params_set(&copy, "layers", value_int(4));
  CHECK(!params_equal(&copy, &p));
  params_free(&p);
  CHECK(p.n == 0 && !params_equal(&copy, &p));
  params_free(&copy);
}

static void test_equal_in_any_order(void) {
  struct params a, b;
  params_init(&a);
  params_init(&b);
  CHECK(params_equal(&a, &b));
  params_set(&a, "x", value_int(1));
  params_set(&a, "y", value_float(2.0));
  params_set(&b, "y", value_int(2));
  params_set(&b, "x", value_int(1));
  CHECK(params_equal(&a, &b) && params_equal(&b, &a));
  params_set(&b, "z", value_int(1));
  CHECK(!params_equal(&a, &b));
  params_free(&a);
  params_free(&b);
}

static void test_json_round_trip(void) {
  struct params p, back;
  json_t *json = NULL, *parsed = NULL;
  fill(&p);
  params_init(&back);
  json = params_to_json(&p);
  char *text = json_text(json);
  REQUIRE(json_parse(text, "text", &parsed) == OK);
  REQUIRE(params_from_json(&back, parsed, "text") == OK);
  CHECK(params_equal(&p, &back));
  for (size_t i = 0; i < p.n && i < back.n; i++) {
    CHECK(p.items[i].value.kind == back.items[i].value.kind); /* 2.0 comes back as a float */
    CHECK_TEXT(p.items[i].name, back.items[i].name);          /* in the same order */
  }
  CHECK(test_text_contains(text, "\"lr\":0.001,\"layers\":3,\"whole\":2.0,\"nesterov\":false"));
  free(text);
  json_decref(json);
  json_decref(parsed);
  params_free(&p);
  params_free(&back);
}

static enum err read_params(const char *text, struct params *p) {
  json_t *json;
  err_clear();
  TRY(json_parse(text, "points.json", &json));
  enum err e = params_from_json(p, json, "points.json: point 3");
  json_decref(json);
  return e;
}

static void test_bad_json(void) {
  struct params p;
  params_init(&p);
  params_set(&p, "kept", value_int(1));
  CHECK(read_params("{\"a\": [1]}", &p) == ERR_INPUT);
  CHECK(test_text_contains(err_text(), "points.json: point 3"));
  CHECK(test_text_contains(err_text(), "array"));
  CHECK(test_text_contains(err_backtrace(), "\"a\""));
  CHECK(read_params("[1, 2]", &p) == ERR_INPUT);
  CHECK(read_params("{\"a\": 1, \"a\": 2}", &p) == ERR_INPUT);
  CHECK(read_params("{\"a\": 1", &p) == ERR_INPUT);
  CHECK(test_text_contains(err_text(), "points.json:1:"));
  CHECK(read_params("", &p) == ERR_INPUT);
  CHECK(p.n == 1); /* a failed read leaves what was there */
  CHECK(read_params("{\"a\": null}", &p) == OK);
  CHECK(p.n == 1 && params_get(&p, "a")->kind == VALUE_NONE);
  params_free(&p);
  err_clear();
}

static void test_not_finite_becomes_null(void) {
  struct params p;
  params_init(&p);
  params_set(&p, "loss", value_float((double)NAN));
  params_set(&p, "rate", value_float(-(double)INFINITY));
  params_set(&p, "bytes", value_text("\xff"));
  json_t *json = params_to_json(&p), *parsed;
  char *text = json_text(json);
  CHECK_TEXT(text, "{\"loss\":null,\"rate\":null,\"bytes\":\"\\ufffd\"}");
  CHECK(json_parse(text, "text", &parsed) == OK);
  json_decref(parsed);
  json_decref(json);
  free(text);
  params_free(&p);
}

static void test_text_for_people(void) {
  struct params p;
  params_init(&p);
  char *text = params_to_text(&p);
  CHECK_TEXT(text, "");
  free(text);
  params_set(&p, "lr", value_float(0.00123456));
  params_set(&p, "layers", value_int(3));
  params_set(&p, "activation", value_text("relu"));
  params_set(&p, "nesterov", value_bool(true));
  text = params_to_text(&p);
  CHECK_TEXT(text, "lr=0.001235 layers=3 activation=relu nesterov=true");
  free(text);
  params_free(&p);
}

static void test_json_files(void) {
  char path[256];
  json_t *out = json_pack("{s:[i,f,n,b],s:{},s:[],s:s}", "list", 1, 0.1, 1, "empty", "none", "text", "a\"b"),
         *in = NULL;
  snprintf(path, sizeof path, "%s/x.json", test_folder("base-json"));
  REQUIRE(out && json_write_file(path, out) == OK);
  REQUIRE(json_read_file(path, &in) == OK);
  CHECK(json_equal(in, out));
  struct strbuf text = STRBUF_INIT;
  REQUIRE(file_read(path, &text) == OK);
  CHECK(test_text_contains(text.text, "{\n  \"list\": [\n    1,\n    0.1,\n"));
  CHECK(test_text_contains(text.text, "\"empty\": {}") && test_text_contains(text.text, "\"none\": []"));
  CHECK(text.text[text.len - 1] == '\n');
  strbuf_free(&text);
  json_decref(in);
  json_decref(out);
}

static void test_json_file_errors(void) {
  char path[256];
  json_t *in = NULL;
  snprintf(path, sizeof path, "%s/bad.json", test_folder("base-json-bad"));
  REQUIRE(file_write_atomic(path, "{\"a\": 1,\n\"b\": }\n", 17) == OK);
  err_clear();
  CHECK(json_read_file(path, &in) == ERR_INPUT && in == NULL);
  CHECK(test_text_contains(err_text(), "bad.json:2:"));
  err_clear();
  CHECK(json_read_file("no/such.json", &in) == ERR_INPUT);
  CHECK(test_text_contains(err_text(), "no/such.json"));
  err_clear();
}

int main(void) {
  return TEST_MAIN("params", {"values that are equal", test_value_equality}, {"conversions", test_conversions},
                   {"set, get, copy", test_set_get_copy}, {"equal in any order", test_equal_in_any_order},
                   {"JSON round trip", test_json_round_trip}, {"bad JSON", test_bad_json},
                   {"what is not finite becomes null", test_not_finite_becomes_null},
                   {"text for people", test_text_for_people}, {"JSON files", test_json_files},
                   {"JSON file errors", test_json_file_errors});
}
