/* Asking something of a study from outside: through its inbox while rank 0 runs, directly under the lock while nobody
 * does. */
#ifndef COXSWAIN_CLI_REQUEST_H
#define COXSWAIN_CLI_REQUEST_H

#include "base/err.h"

struct json_t;

/* Takes over `request`. *points: what `ask` answers with (caller json_decref()s), NULL otherwise. Waits at most a
 * minute for a running rank 0. */
enum err request_send(const char *folder, struct json_t *request, struct json_t **points);

/* `values` of a JSON file that is a list, or an object with that list under `key`. */
enum err request_read_list(const char *path, const char *key, struct json_t **list);

#endif
