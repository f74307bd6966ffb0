/* SPDX-License-Identifier: Apache-2.0
   Equations of Einsum. */
#include "ops/shared/einsum_equation.h"

#include <inttypes.h>
#include <string.h>

#include "runtime/shape.h"

#define ELLIPSIS 52 /* stands for all of its axes until ranks are looked at */

/* A term as it is written: letters, and at most one ellipsis. */
typedef struct written {
  int n, letters, ellipsis; /* ellipsis: there is one */
  int8_t label[BT_MAX_RANK + 1];
} written;

static int letter_label(char ch) {
  if (ch >= 'A' && ch <= 'Z') return ch - 'A';
  if (ch >= 'a' && ch <= 'z') return ch - 'a' + 26;
  return -1;
}
static char label_letter(int label) { return (char)(label < 26 ? 'A' + label : 'a' + label - 26); }

/* Reads up to "," or "->" or the end. */
static bt_status read_term(bt_call* c, const char** text, written* t) {
  const char* at = *text;
  *t = (written){.n = 0};
  for (; *at && *at != ',' && *at != '-'; ++at) {
    int label = letter_label(*at);
    if (*at == ' ') continue;
    if (strncmp(at, "...", 3) == 0) {
      if (t->ellipsis) return bt_fail(c, BT_BAD_INPUT, "the equation has two ellipses in one term");
      t->ellipsis = 1;
      label = ELLIPSIS;
      at += 2;
    }
    if (label < 0)
      return bt_fail(c, BT_BAD_INPUT, "the equation has the character '%c'; letters, ',', '->' and '...' "
                     "are known", *at >= ' ' && *at <= '~' ? *at : '?');
    t->letters += label != ELLIPSIS;
    if (t->letters > BT_MAX_RANK)
      return bt_fail(c, BT_BAD_INPUT, "the equation has a term of more than %d labels", BT_MAX_RANK);
    t->label[t->n++] = (int8_t)label;
  }
  *text = at;
  return BT_OK;
}

/* Replaces the ellipsis by its `axes` last axes. */
static void expand(const written* t, int axes, bt_term* out) {
  out->rank = 0;
  for (int i = 0; i < t->n; ++i) {
    if (t->label[i] != ELLIPSIS) {
      out->label[out->rank++] = t->label[i];
      continue;
    }
    for (int k = 0; k < axes; ++k)
      out->label[out->rank++] = (int8_t)(BT_EINSUM_LABELS - axes + k);
  }
}

/* One operand: its labels, and their lengths. */
static bt_status match(bt_call* c, int i, const written* t, bt_equation* e) {
  const bt_tensor* x = c->in[i];
  if (t->ellipsis ? x->rank < t->letters : x->rank != t->letters)
    return bt_fail(c, BT_BAD_INPUT, "term %d of the equation has %d labels, input %d has rank %d", i,
                   t->letters, i, x->rank);
  expand(t, x->rank - t->letters, &e->operand[i]);
  for (int d = 0; d < x->rank; ++d) {
    const int label = e->operand[i].label[d];
    int64_t* length = &e->length[label];
    if (*length == 1) *length = x->dims[d];
    else if (x->dims[d] == 1) continue;
    else if (bt_clash(*length, x->dims[d]))
      return bt_fail(c, BT_BAD_INPUT, "label '%c' of the equation has lengths %" PRId64 " and %" PRId64,
                     label < 52 ? label_letter(label) : '.', *length, x->dims[d]);
    else *length = bt_agree(*length, x->dims[d]);
  }
  return BT_OK;
}

static bt_status check_output(bt_call* c, const written* t, int axes, const int count[]) {
  BT_TRY(bt_need_max_rank(c, t->letters + (t->ellipsis ? axes : 0)));
  int seen[BT_EINSUM_LABELS] = {0};
  for (int i = 0; i < t->n; ++i) {
    const int label = t->label[i];
    if (label == ELLIPSIS) continue;
    if (!count[label])
      return bt_fail(c, BT_BAD_INPUT, "the output of the equation names '%c', which no input has",
                     label_letter(label));
    if (seen[label]++)
      return bt_fail(c, BT_BAD_INPUT, "the output of the equation names '%c' twice", label_letter(label));
  }
  return BT_OK;
}

/* Without "->": the ellipsis, and the labels that occur once, sorted. */
static bt_status implied_output(bt_call* c, int axes, const int count[], written* t) {
  *t = (written){.n = 0};
  if (axes) t->ellipsis = 1, t->label[t->n++] = ELLIPSIS;
  for (int label = 0; label < 52; ++label) {
    if (count[label] != 1) continue;
    BT_TRY(bt_need_max_rank(c, ++t->letters));
    t->label[t->n++] = (int8_t)label;
  }
  return BT_OK;
}

bt_status bt_equation_read(bt_call* c, const char* text, bt_equation* e) {
  int count[BT_EINSUM_LABELS] = {0}, axes = 0;
  written output;
  *e = (bt_equation){.n = c->n_in};
  for (int i = 0; i < BT_EINSUM_LABELS; ++i) e->length[i] = 1;
  for (int i = 0; i < c->n_in; ++i) {
    written t;
    BT_TRY(read_term(c, &text, &t));
    BT_TRY(match(c, i, &t, e));
    for (int k = 0; k < t.n; ++k) count[t.label[k]] += t.label[k] != ELLIPSIS;
    if (c->in[i]->rank - t.letters > axes) axes = c->in[i]->rank - t.letters;
    const int more = *text == ',';
    if (more != (i + 1 < c->n_in))
      return bt_fail(c, BT_BAD_INPUT, "the equation has %s terms than there are inputs, %d",
                     more ? "more" : "fewer", c->n_in);
    text += more;
  }
  if (strncmp(text, "->", 2) == 0) {
    text += 2;
    BT_TRY(read_term(c, &text, &output));
    BT_TRY(check_output(c, &output, axes, count));
  } else {
    BT_TRY(implied_output(c, axes, count, &output));
  }
  if (*text) return bt_fail(c, BT_BAD_INPUT, "the equation goes on behind its output: %.20s", text);
  BT_TRY(bt_need_max_rank(c, output.letters + (output.ellipsis ? axes : 0)));
  expand(&output, axes, &e->output);
  return BT_OK;
}
