/* GPUs and cores divided among programs, with made-up lists of both. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run/command_resources.h"
#include "testing.h"

static struct settings *settings_of(const char *command) {
  struct complaints c;
  struct settings *conf = NULL;
  char text[512];
  snprintf(text, sizeof text, "command = { argv = (\"true\"); %s };", command);
  complaints_init(&c);
  settings_read_text(&conf, text, "small.cfg", NULL, 0, &c);
  REQUIRE(c.n == 0);
  complaints_free(&c);
  return conf;
}

/* ---- which there are ---- */

static void check_found(const char *command, const char *visible, const char *folder, const char *wanted) {
  struct settings *conf = settings_of(command);
  struct devices d;
  struct strbuf got = STRBUF_INIT;
  devices_find(&d, conf, visible, folder);
  for (size_t i = 0; i < d.n; i++)
    strbuf_printf(&got, "%s;", d.names[i]);
  CHECK_TEXT(got.text ? got.text : "", wanted);
  strbuf_free(&got);
  devices_free(&d);
  settings_free(conf);
}

static void test_found(void) {
  static const char *const files[] = {"nvidia0", "nvidia1", "nvidia7", "nvidiactl", "nvidia-uvm", "null"};
  const char *folder = test_folder("resources");
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, files[i]);
    FILE *f = fopen(path, "w");
    REQUIRE(f != NULL);
    fclose(f);
  }
  check_found("", NULL, folder, "0;1;2;");
  check_found("", NULL, "no-such-folder", "");
  check_found("", "", folder, "");
  check_found("", "-1", folder, "");
  check_found("", "2,3", folder, "2;3;");
  check_found("", "2, 3,-1,4", folder, "2;3;");
  check_found("", "GPU-8932f937-d72c,MIG-GPU-1c/2/0", folder, "GPU-8932f937-d72c;MIG-GPU-1c/2/0;");
  check_found("devices = (\"5\", \"MIG-77\");", "2,3", folder, "5;MIG-77;");
}

/* ---- who gets which ---- */

static const int cores[] = {0, 1, 2, 3, 8, 9, 10, 11};

static struct devices gpus_of(const struct settings *conf) {
  struct devices d;
  devices_find(&d, conf, "a,b,c,d", "");
  return d;
}

/* Shares of all slots of a rank, as "gpus/cores". */
static void check_shares(const char *command, struct neighbours host, size_t slots, const char *wanted) {
  struct settings *conf = settings_of(command);
  struct devices gpus = gpus_of(conf);
  struct resources r;
  struct strbuf got = STRBUF_INIT;
  REQUIRE(resources_divide(&r, conf, &host, slots, &gpus, cores, sizeof cores / sizeof *cores) == OK);
  for (size_t i = 0; i < r.n; i++) {
    strbuf_printf(&got, "%s/", r.shares[i].gpus ? r.shares[i].gpus : "-");
    for (size_t k = 0; k < r.shares[i].n_cores; k++)
      strbuf_printf(&got, "%d,", r.shares[i].cores[k]);
    strbuf_putc(&got, ' ');
  }
  CHECK_TEXT(got.text, wanted);
  strbuf_free(&got);
  resources_free(&r);
  devices_free(&gpus);
  settings_free(conf);
}

static void test_shares(void) {
  const struct neighbours alone = {.size = 1}, second = {.rank = 1, .size = 2},
                          bound = {.rank = 1, .size = 2, .own_cores = true};
  check_shares("", alone, 2, "-/ -/ ");
  check_shares("gpus = 1;", alone, 4, "a/ b/ c/ d/ ");
  check_shares("gpus = 2;", alone, 2, "a,b/ c,d/ ");
  check_shares("gpus = 1;", second, 2, "c/ d/ ");
  check_shares("gpus = 2;", second, 1, "c,d/ ");
  check_shares("gpus = 1; gpu_scope = \"rank\";", second, 4, "a/ b/ c/ d/ ");
  check_shares("gpus = 1; gpu_share = 2;", second, 4, "a/ b/ c/ d/ ");
  check_shares("gpus = 1; gpu_share = 2;", alone, 8, "a/ b/ c/ d/ a/ b/ c/ d/ ");
  check_shares("cpus = 2;", second, 2, "-/8,9, -/10,11, ");
  check_shares("cpus = 4;", bound, 2, "-/0,1,2,3, -/8,9,10,11, ");
}

static void check_refused(const char *command, struct neighbours host, size_t slots, const char *text) {
  struct settings *conf = settings_of(command);
  struct devices gpus = gpus_of(conf);
  struct resources r;
  CHECK(resources_divide(&r, conf, &host, slots, &gpus, cores, sizeof cores / sizeof *cores) == ERR_CONFIG);
  if (!test_text_contains(err_text(), text))
    printf("%s\n", err_text());
  CHECK(test_text_contains(err_text(), text));
  err_clear();
  devices_free(&gpus);
  settings_free(conf);
}

static void test_refused(void) {
  const struct neighbours alone = {.size = 1}, second = {.rank = 1, .size = 2};
  check_refused("gpus = 5;", alone, 1, "there are 4 (CUDA_VISIBLE_DEVICES)");
  check_refused("gpus = 1;", alone, 5, "command.gpu_share = 2");
  check_refused("gpus = 2;", second, 2, "2 ranks x 2 slots want 8 GPUs, there are 4");
  check_refused("gpus = 1; gpu_share = 2;", alone, 9, "even shared");
  check_refused("gpus = 1; devices = (\"-\");", alone, 2, "want 2 GPUs, there is 1 (command.devices)");
  check_refused("cpus = 3;", second, 2, "2 ranks x 2 slots want 12 cores, but may use 8");
}

static void test_no_gpu(void) {
  const struct neighbours alone = {.size = 1};
  struct settings *conf = settings_of("gpus = 1;");
  struct devices none;
  struct resources r;
  devices_find(&none, conf, "", "");
  CHECK(resources_divide(&r, conf, &alone, 1, &none, cores, 1) == ERR_CONFIG);
  CHECK(test_text_contains(err_text(), "shows no GPU (CUDA_VISIBLE_DEVICES)"));
  err_clear();
  devices_free(&none);
  settings_free(conf);
}

static void test_taken(void) {
  const struct neighbours alone = {.size = 1};
  struct settings *conf = settings_of("");
  struct resources r;
  REQUIRE(resources_open(&r, conf, &alone, 2) == OK);
  int first = resources_take(&r), second = resources_take(&r);
  CHECK(first >= 0 && second >= 0 && first != second && resources_take(&r) < 0);
  resources_give_back(&r, first);
  resources_give_back(&r, -1);
  CHECK(resources_take(&r) == first);
  resources_free(&r);
  settings_free(conf);
}

int main(void) {
  return TEST_MAIN("resources", {"which GPUs there are", test_found}, {"who gets which", test_shares},
                   {"too few", test_refused}, {"no GPU", test_no_gpu}, {"taken and given back", test_taken});
}
