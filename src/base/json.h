/* Reading and writing JSON files with jansson. The json_t * are jansson's; include <jansson.h> where you take them
 * apart. The journal does not go through here: it has its own scanner (hpo/journal_scan.h). */
#ifndef COXSWAIN_BASE_JSON_H
#define COXSWAIN_BASE_JSON_H

#include "base/err.h"

struct json_t;

enum err json_read_file(const char *path, struct json_t **out); /* errors as path:line:column; caller json_decref()s */
enum err json_parse(const char *text, const char *where, struct json_t **out);
enum err json_write_file(const char *path, const struct json_t *json); /* indented, atomic, trailing newline */
/* Compact text, floats with 17 significant digits or fewer. Caller frees. */
char *json_text(const struct json_t *json);

#endif
