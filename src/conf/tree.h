/* A study file as a neutral tree with line numbers. The only door to libconfig. */
#ifndef COXSWAIN_CONF_TREE_H
#define COXSWAIN_CONF_TREE_H

#include "base/params.h"
#include "conf/complaints.h"

enum node_kind { NODE_SCALAR, NODE_LIST, NODE_GROUP };

struct node {
  enum node_kind kind;
  char *name;         /* NULL inside lists */
  struct value value; /* NODE_SCALAR */
  struct node *children;
  size_t n, cap;
  char *file; /* owned; "--set" for the command line */
  int line;
};

/* Parse errors are complaints with file:line; mixing types inside [ ] says: use ( ). */
enum err tree_read_file(const char *path, struct node *root, struct complaints *c);
enum err tree_read_text(const char *text, const char *name, struct node *root, struct complaints *c);
void node_free(struct node *n);
const struct node *node_child(const struct node *group, const char *name); /* NULL if absent */

#endif
