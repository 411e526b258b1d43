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
  char *file; /* owned; "--set key=value" for the command line, with line 0 */
  int line;
};

/* Parse errors are complaints with file:line (the code returned has no text of its own); mixing types inside [ ] says:
 * use ( ). `root` is always set, to an empty group after an error. */
enum err tree_read_file(const char *path, struct node *root, struct complaints *c);
enum err tree_read_text(const char *text, const char *name, struct node *root, struct complaints *c);
void node_free(struct node *n);
const struct node *node_child(const struct node *group, const char *name); /* NULL if absent */
struct node *node_add(struct node *parent);                                /* a new last child, all zero; borrowed */

#endif
