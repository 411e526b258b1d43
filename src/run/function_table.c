#include "run/function_table.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

#include "base/log.h"
#include "base/mem.h"

struct function_table {
  const struct space *space;
  size_t n, cap, width; /* rows; values a row */
  bool curves;
  double *u;      /* (n, coordinates) */
  double *value;  /* (n, width) */
  uint64_t *hash; /* (n) params_hash of the point */
  int64_t *line;  /* (n) */
  size_t *places; /* open addressing by hash: row + 1; 0 is free */
  size_t n_places;
};

/* What the columns of the file are for. */
struct columns {
  const struct dimension **dims; /* (n) NULL: not a hyperparameter */
  int64_t *step;                 /* (n) 1 ..: a measured value; 0: not */
  size_t n;
};

struct reading {
  const char *path;
  struct function_table *t;
  struct columns columns;
  int64_t line;
  char *first_refusal; /* why the first row that was left out is not in the space */
  size_t left_out;
};

static enum err read_text(const char *path, struct strbuf *out) {
  gzFile f = gzopen(path, "rb"); /* reads plain files as they are */
  if (!f)
    return FAIL(ERR_INPUT, "%s: %s: function.file must name a CSV file", path, strerror(errno));
  char piece[1 << 14];
  int n;
  while ((n = gzread(f, piece, sizeof piece)) > 0)
    strbuf_add(out, piece, (size_t)n);
  int code;
  const char *why = gzerror(f, &code);
  enum err e = n < 0 ? FAIL(ERR_INPUT, "%s: %s", path, code == Z_ERRNO ? strerror(errno) : why) : OK;
  if (gzclose(f) == Z_BUF_ERROR && e == OK)
    e = FAIL(ERR_INPUT, "%s: the file ends in the middle of its compressed data: copy it again", path);
  if (e == OK && memchr(out->text, '\0', out->len))
    e = FAIL(ERR_INPUT, "%s: holds bytes that are no text: is it a CSV file?", path);
  return e;
}

/* Cuts the next cell off the line: ends it with a NUL, takes off spaces and quotes. `*rest` is NULL after the last. */
static char *next_cell(char **rest) {
  char *cell = *rest + strspn(*rest, " \t");
  char *end;
  if (*cell == '"') {
    char *to = ++cell, *from = cell;
    for (; *from && !(from[0] == '"' && from[1] != '"'); from++)
      *to++ = *from == '"' ? *from++ : *from;
    end = from + strcspn(from, ",");
    *rest = *end ? end + 1 : NULL;
    *to = '\0';
    return cell;
  }
  end = cell + strcspn(cell, ",");
  *rest = *end ? end + 1 : NULL;
  *end = '\0';
  while (end > cell && strchr(" \t\r", end[-1]))
    *--end = '\0';
  return cell;
}

static int64_t step_of_name(const char *name) {
  char *end;
  if (strcmp(name, "value") == 0)
    return 1;
  if (strncmp(name, "step_", 5) != 0 || name[5] < '1' || name[5] > '9')
    return 0;
  long step = strtol(name + 5, &end, 10);
  return *end == '\0' && step <= 1000000 ? step : 0;
}

static enum err read_header(struct reading *r, char *line) {
  struct columns *c = &r->columns;
  size_t cells = 1;
  for (const char *p = line; *p; p++)
    cells += *p == ',';
  c->dims = MEM_NEW_ARRAY(const struct dimension *, cells);
  c->step = MEM_NEW_ARRAY(int64_t, cells);
  const char *start = line;
  bool values = false;
  for (char *rest = line; rest; c->n++) {
    const char *name = next_cell(&rest);
    c->dims[c->n] = space_dimension(r->t->space, name);
    c->step[c->n] = c->dims[c->n] ? 0 : step_of_name(name);
    for (size_t k = 0; k < c->n; k++)
      if ((c->step[c->n] && c->step[c->n] == c->step[k]) || (c->dims[c->n] && c->dims[c->n] == c->dims[k]))
        return FAIL(ERR_INPUT, "%s:%lld:%td: column %s: %s", r->path, (long long)r->line, name - start + 1, name,
                    c->dims[c->n] ? "there is another one of that name"
                                  : "give either one column value, or columns step_1, step_2, ...");
    values |= !c->dims[c->n] && strcmp(name, "value") == 0;
    r->t->width += c->step[c->n] > 0;
  }
  r->t->curves = !values && r->t->width > 0;
  return OK;
}

static bool has_step(const struct columns *c, int64_t step) {
  for (size_t k = 0; k < c->n; k++)
    if (c->step[k] == step)
      return true;
  return false;
}

static enum err check_header(const struct reading *r) {
  const struct columns *c = &r->columns;
  const struct space *s = r->t->space;
  if (r->t->width == 0)
    return FAIL(ERR_INPUT, "%s:%lld: no column value and no columns step_1, step_2, ...", r->path, (long long)r->line);
  for (int64_t step = 1; step <= (int64_t)r->t->width; step++)
    if (!has_step(c, step))
      return FAIL(ERR_INPUT, "%s:%lld: there are %zu columns of steps, but no step_%lld", r->path, (long long)r->line,
                  r->t->width, (long long)step);
  for (size_t i = 0; i < s->n; i++) {
    bool found = s->dims[i].kind == DIM_FIXED;
    for (size_t k = 0; k < c->n; k++)
      found |= c->dims[k] == &s->dims[i];
    if (!found)
      return FAIL(ERR_INPUT, "%s:%lld: no column for the hyperparameter %s", r->path, (long long)r->line,
                  s->dims[i].name);
  }
  return OK;
}

static bool cell_number(const char *cell, double *x) {
  char *end;
  *x = strtod(cell, &end);
  return end != cell && *end == '\0';
}

static bool cell_is(const struct value *choice, const char *cell) {
  double x;
  if (choice->kind == VALUE_TEXT)
    return strcmp(choice->as.text, cell) == 0;
  if (choice->kind == VALUE_BOOL)
    return strcasecmp(cell, choice->as.b ? "true" : "false") == 0;
  struct value number = value_float(cell_number(cell, &x) ? x : (double)NAN);
  return value_equal(choice, &number);
}

/* The cell as a value of that hyperparameter; not in its range is found later, by the space. */
static bool cell_value(const struct dimension *d, const char *cell, struct value *v) {
  double x;
  for (size_t k = 0; k < d->n_choices; k++)
    if (cell_is(&d->choices[k], cell)) {
      *v = value_copy(&d->choices[k]);
      return true;
    }
  if (d->kind == DIM_CATEGORICAL || d->kind == DIM_FIXED) {
    *v = value_text(cell);
    return true;
  }
  if (!cell_number(cell, &x))
    return false;
  *v = value_float(x);
  return true;
}

static void make_room(struct function_table *t) {
  if (t->n < t->cap)
    return;
  t->cap = t->cap ? 2 * t->cap : 256;
  t->u = mem_realloc(t->u, (t->cap * t->space->n_coordinates + 1) * sizeof *t->u);
  t->value = mem_realloc(t->value, t->cap * t->width * sizeof *t->value);
  t->hash = mem_realloc(t->hash, t->cap * sizeof *t->hash);
  t->line = mem_realloc(t->line, t->cap * sizeof *t->line);
}

/* Leaves out what is not there at this point, then takes the row in, unless it lies outside the space. */
static void take_point(struct reading *r, const struct params *cells) {
  struct function_table *t = r->t;
  const struct space *s = t->space;
  double *u = t->u + t->n * s->n_coordinates;
  struct params p;
  params_init(&p);
  for (size_t i = 0; i < s->n; i++) {
    const struct dimension *d = &s->dims[s->order[i]];
    const struct value *v = params_get(cells, d->name);
    if (v && space_active(s, d, &p))
      params_set(&p, d->name, value_copy(v));
  }
  struct strbuf where = STRBUF_INIT;
  strbuf_printf(&where, "%s:%lld", r->path, (long long)r->line);
  if (space_adopt(s, &p, u, where.text) == OK) {
    t->hash[t->n] = params_hash(&p);
    t->line[t->n++] = r->line;
  } else {
    if (r->left_out++ == 0)
      r->first_refusal = mem_strdup(err_text());
    err_clear();
  }
  strbuf_free(&where);
  params_free(&p);
}

static enum err read_cell(struct reading *r, size_t column, const char *cell, ptrdiff_t at, struct params *p) {
  const struct dimension *d = r->columns.dims[column];
  int64_t step = r->columns.step[column];
  double *value = r->t->value + r->t->n * r->t->width;
  struct value v;
  if (d && *cell) {
    if (!cell_value(d, cell, &v))
      return FAIL(ERR_INPUT, "%s:%lld:%td: %s = '%s' must be a number", r->path, (long long)r->line, at, d->name, cell);
    params_set(p, d->name, v);
  } else if (step > 0 && *cell && !cell_number(cell, &value[step - 1]))
    return FAIL(ERR_INPUT, "%s:%lld:%td: '%s' must be a number", r->path, (long long)r->line, at, cell);
  else if (step > 0 && !*cell)
    value[step - 1] = (double)NAN;
  return OK;
}

static enum err read_cells(struct reading *r, char *line, struct params *p) {
  const char *start = line;
  size_t n = 0;
  for (char *rest = line; rest; n++) {
    ptrdiff_t at = rest - start + 1;
    const char *cell = next_cell(&rest);
    if (n < r->columns.n)
      TRY(read_cell(r, n, cell, at, p));
  }
  if (n != r->columns.n)
    return FAIL(ERR_INPUT, "%s:%lld: %zu columns, but the header has %zu", r->path, (long long)r->line, n,
                r->columns.n);
  return OK;
}

static enum err read_row(struct reading *r, char *line) {
  struct params p;
  params_init(&p);
  make_room(r->t);
  enum err e = read_cells(r, line, &p);
  if (e == OK)
    take_point(r, &p);
  params_free(&p);
  return e;
}

static enum err read_lines(struct reading *r, char *text) {
  bool header = false;
  for (char *line = text; line; r->line++) {
    char *end = strchr(line, '\n');
    if (end)
      *end++ = '\0';
    if (line[strspn(line, " \t\r")] == '\0')
      ; /* an empty line */
    else if (!header) {
      bool marked = strncmp(line, "\xef\xbb\xbf", 3) == 0; /* a byte order mark */
      TRY(read_header(r, line + (marked ? 3 : 0)));
      TRY(check_header(r));
      header = true;
    } else
      TRY(read_row(r, line));
    line = end;
  }
  if (!header)
    return FAIL(ERR_INPUT, "%s: is empty: the first line must name the columns", r->path);
  if (r->t->n == 0)
    return FAIL(ERR_INPUT, "%s: no row is a point of the space%s%s", r->path, r->first_refusal ? ": " : "",
                r->first_refusal ? r->first_refusal : "");
  return OK;
}

static size_t place_of(const struct function_table *t, uint64_t hash) {
  size_t i = (size_t)hash & (t->n_places - 1);
  while (t->places[i] && t->hash[t->places[i] - 1] != hash)
    i = (i + 1) & (t->n_places - 1);
  return i;
}

static void index_rows(struct function_table *t) {
  for (t->n_places = 16; t->n_places < 2 * t->n;)
    t->n_places *= 2;
  t->places = MEM_NEW_ARRAY(size_t, t->n_places);
  for (size_t row = 0; row < t->n; row++) {
    size_t *place = &t->places[place_of(t, t->hash[row])];
    if (*place == 0)
      *place = row + 1;
  }
}

enum err function_table_open(struct function_table **out, const char *path, const struct space *space) {
  struct strbuf text = STRBUF_INIT;
  struct function_table *t = MEM_NEW(struct function_table);
  t->space = space;
  struct reading r = {.path = path, .t = t, .line = 1};
  *out = NULL;
  enum err e;
  TRY_GOTO(e, end, read_text(path, &text));
  TRY_GOTO(e, end, read_lines(&r, text.text));
  index_rows(t);
  if (r.left_out > 0)
    log_info("%s: %zu of %zu rows are points of the space; the others are left out", path, t->n, t->n + r.left_out);
  *out = t;
  t = NULL;
end:
  function_table_close(t);
  free(r.columns.dims);
  free(r.columns.step);
  free(r.first_refusal);
  strbuf_free(&text);
  return e;
}

void function_table_close(struct function_table *t) {
  if (!t)
    return;
  free(t->u);
  free(t->value);
  free(t->hash);
  free(t->line);
  free(t->places);
  free(t);
}

int64_t function_table_steps(const struct function_table *t) {
  return t->curves ? (int64_t)t->width : 0;
}

static double distance(const struct space *s, const double *a, const double *b) {
  double sum = 0;
  for (size_t i = 0; i < s->n; i++) {
    const struct dimension *d = &s->dims[i];
    if (d->kind == DIM_FIXED)
      continue;
    double apart = a[d->coordinate] - b[d->coordinate];
    if (d->kind == DIM_CATEGORICAL)
      sum += apart != 0 ? 1 : 0;
    else
      sum += apart * apart;
  }
  return sum;
}

enum err function_table_find(const struct function_table *t, const struct params *p, size_t *row) {
  size_t place = place_of(t, params_hash(p)), n = t->space->n_coordinates;
  if (t->places[place] > 0) {
    *row = t->places[place] - 1;
    return OK;
  }
  double *u = MEM_NEW_ARRAY(double, n + 1), nearest = (double)INFINITY;
  enum err e = space_encode(t->space, p, u, "table");
  for (size_t i = 0; e == OK && i < t->n; i++) {
    double d = distance(t->space, u, t->u + i * n);
    if (d < nearest) {
      nearest = d;
      *row = i;
    }
  }
  free(u);
  TRY(e);
  return OK;
}

double function_table_value(const struct function_table *t, size_t row, int64_t step) {
  return t->value[row * t->width + (t->curves ? (size_t)step - 1 : 0)];
}

int64_t function_table_line(const struct function_table *t, size_t row) {
  return t->line[row];
}
