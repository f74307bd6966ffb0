/* SPDX-License-Identifier: Apache-2.0
   NonMaxSuppression: of each class of each image the boxes with the best scores, without those that
   overlap a better one by more than iou_threshold (intersection over union). boxes is [N, S, 4]:
   two corners (y1, x1, y2, x2) in any order, or with center_point_box (x, y, width, height); scores
   is [N, classes, S]. The output lists (image, class, box), best first; of equal scores the first
   box comes first. */
#include <inttypes.h>
#include <stdlib.h>

#include "ops/shared/elementwise.h"
#include "runtime/shape.h"

enum { BOXES, SCORES, MOST, IOU_THRESHOLD, SCORE_THRESHOLD };
enum { CENTER_POINT_BOX };
static const bt_attr_spec attrs[] = {{.name = "center_point_box", .kind = BT_INT}, {0}};

static bt_status infer(bt_call* c) {
  const bt_tensor *boxes = c->in[BOXES], *scores = c->in[SCORES];
  BT_TRY(bt_need_type(c, BOXES, BT_BIT(BT_F32)));
  BT_TRY(bt_need_type(c, SCORES, BT_BIT(BT_F32)));
  BT_TRY(bt_need_type(c, MOST, BT_BIT(BT_I64)));
  BT_TRY(bt_need_type(c, IOU_THRESHOLD, BT_BIT(BT_F32)));
  BT_TRY(bt_need_type(c, SCORE_THRESHOLD, BT_BIT(BT_F32)));
  BT_TRY(bt_need_one_element(c, MOST, "max_output_boxes_per_class"));
  BT_TRY(bt_need_one_element(c, IOU_THRESHOLD, "iou_threshold"));
  BT_TRY(bt_need_one_element(c, SCORE_THRESHOLD, "score_threshold"));
  BT_TRY(bt_need_rank(c, BOXES, 3));
  BT_TRY(bt_need_rank(c, SCORES, 3));
  if (bt_has_rank(boxes) && bt_has_rank(scores) &&
      (bt_clash(boxes->dims[0], scores->dims[0]) || bt_clash(boxes->dims[1], scores->dims[2]) ||
       bt_clash(boxes->dims[2], 4))) {
    char p[BT_SHAPE_TEXT], q[BT_SHAPE_TEXT];
    return bt_fail(c, BT_BAD_INPUT,
                   "boxes of shape %s and scores of shape %s; [N,S,4] and [N,classes,S] are "
                   "needed",
                   bt_shape_text(boxes, p), bt_shape_text(scores, q));
  }
  const int64_t dims[2] = {-1, 3};
  bt_set_shape(c->out[0], BT_I64, 2, dims);
  return BT_OK;
}

typedef struct candidate {
  float score;
  int64_t box;
} candidate;

static int better_first(const void* a, const void* b) {
  const candidate *p = a, *q = b;
  if (p->score != q->score) return p->score > q->score ? -1 : 1;
  return p->box < q->box ? -1 : p->box > q->box;
}

typedef struct rectangle {
  float y1, x1, y2, x2;
} rectangle;

static rectangle read_box(const bt_call* c, int64_t box) {
  const float* b = (const float*)c->in[BOXES]->data + box * 4;
  if (c->attr[CENTER_POINT_BOX].i)
    return (rectangle){b[1] - b[3] / 2, b[0] - b[2] / 2, b[1] + b[3] / 2, b[0] + b[2] / 2};
  return (rectangle){b[0] < b[2] ? b[0] : b[2], b[1] < b[3] ? b[1] : b[3],
                     b[0] < b[2] ? b[2] : b[0], b[1] < b[3] ? b[3] : b[1]};
}

static int overlaps(rectangle a, rectangle b, float threshold) {
  const float top = a.y1 > b.y1 ? a.y1 : b.y1, left = a.x1 > b.x1 ? a.x1 : b.x1;
  const float bottom = a.y2 < b.y2 ? a.y2 : b.y2, right = a.x2 < b.x2 ? a.x2 : b.x2;
  const float height = bottom - top, width = right - left;
  if (!(height > 0 && width > 0)) return 0;
  const float area_a = (a.y2 - a.y1) * (a.x2 - a.x1), area_b = (b.y2 - b.y1) * (b.x2 - b.x1);
  const float common = height * width, both = area_a + area_b - common;
  return both > 0 && common / both > threshold;
}

/* Boxes of one class above the threshold, best first; NaN is never above. */
static int64_t find_candidates(const bt_call* c, int64_t group, int64_t boxes, candidate* found) {
  const float* scores = (const float*)c->in[SCORES]->data + group * boxes;
  const int has_threshold = bt_given(c, SCORE_THRESHOLD);
  const float threshold = has_threshold ? *(const float*)c->in[SCORE_THRESHOLD]->data : 0;
  int64_t n = 0;
  for (int64_t i = 0; i < boxes; ++i)
    if (has_threshold ? scores[i] > threshold : scores[i] == scores[i])
      found[n++] = (candidate){.score = scores[i], .box = i};
  qsort(found, (size_t)n, sizeof *found, better_first);
  return n;
}

/* Moves the survivors to the front. */
static int64_t suppress(const bt_call* c, int64_t image, int64_t boxes, int64_t most,
                        candidate* found, int64_t n) {
  const float threshold =
      bt_given(c, IOU_THRESHOLD) ? *(const float*)c->in[IOU_THRESHOLD]->data : 0.0f;
  int64_t kept = 0;
  for (int64_t i = 0; i < n && kept < most; ++i) {
    const rectangle box = read_box(c, image * boxes + found[i].box);
    int survives = 1;
    for (int64_t k = 0; k < kept && survives; ++k)
      survives = !overlaps(box, read_box(c, image * boxes + found[k].box), threshold);
    if (survives) found[kept++] = found[i];
  }
  return kept;
}

/* The lists of all classes one behind the other; *total rows. */
static void select_all(const bt_call* c, int64_t most, candidate* found, int64_t* rows,
                       int64_t* total) {
  const int64_t images = c->in[SCORES]->dims[0], classes = c->in[SCORES]->dims[1];
  const int64_t boxes = c->in[SCORES]->dims[2];
  *total = 0;
  for (int64_t g = 0; g < images * classes; ++g) {
    const int64_t n = find_candidates(c, g, boxes, found);
    const int64_t kept = suppress(c, g / classes, boxes, most, found, n);
    for (int64_t i = 0; i < kept; ++i) {
      int64_t* row = rows + 3 * (*total)++;
      row[0] = g / classes;
      row[1] = g % classes;
      row[2] = found[i].box;
    }
  }
}

static bt_status run(bt_call* c) {
  const bt_tensor* scores = c->in[SCORES];
  const int64_t boxes = scores->dims[2], asked = bt_given(c, MOST) ? bt_scalar_int(c->in[MOST]) : 0;
  const int64_t most = asked < 0 ? 0 : asked < boxes ? asked : boxes;
  const int64_t groups = scores->dims[0] * scores->dims[1];
  int64_t total = 0;
  candidate* found = bt_alloc_scratch(c, (size_t)boxes * sizeof *found);
  int64_t* rows = bt_alloc_scratch(c, (size_t)bt_dim_mul(groups, most) * 3 * sizeof *rows);
  bt_status status = found && rows ? BT_OK : bt_fail_memory(c);
  if (status == BT_OK) {
    select_all(c, most, found, rows, &total);
    const int64_t dims[2] = {total, 3};
    status = bt_set_output(c, 0, 2, dims);
  }
  if (status == BT_OK && bt_wants(c, 0))
    for (int64_t i = 0; i < 3 * total; ++i) ((int64_t*)c->out[0]->data)[i] = rows[i];
  bt_free_scratch(found);
  bt_free_scratch(rows);
  return status;
}

const bt_op bt_op_non_max_suppression = {
    .name = "NonMaxSuppression", .summary = "The best boxes of each class that do not overlap.",
    .attrs = attrs, .in_min = 2, .in_max = 5, .out_min = 1, .out_max = 1, .flags = BT_OP_EXTRA,
    .infer = infer, .run = run};
