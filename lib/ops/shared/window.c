/* SPDX-License-Identifier: Apache-2.0
   Sliding windows: attributes, checks, output lengths. */
#include "ops/shared/window.h"

#include <inttypes.h>

#include "runtime/shape.h"

#define LENGTH_MAX ((int64_t)1 << 31) /* no kernel, stride, dilation or padding is longer */

static bt_status read_list(bt_call* c, int attr, int want, int64_t low, int64_t missing,
                           const char* what, int64_t* out) {
  const bt_attr* a = attr < 0 ? NULL : &c->attr[attr];
  if (!a || a->n == 0) {
    for (int i = 0; i < want; ++i) out[i] = missing;
    return BT_OK;
  }
  if (a->n != want)
    return bt_fail(c, BT_BAD_INPUT, "%s has %d numbers, %d expected", what, (int)a->n, want);
  for (int i = 0; i < want; ++i) {
    out[i] = a->u.ints[i];
    if (out[i] < low || out[i] > LENGTH_MAX)
      return bt_fail(c, BT_BAD_INPUT, "%s holds %" PRId64 "; values from %" PRId64 " to 2^31 are allowed",
                     what, out[i], low);
  }
  return BT_OK;
}

/* Output length of one dimension, and the padding that auto_pad asks for. */
static bt_status one_dimension(bt_call* c, bt_window* w, int d, int auto_pad, int ceil_mode) {
  const int64_t in = w->in[d], span = (w->kernel[d] - 1) * w->dilation[d] + 1, stride = w->stride[d];
  w->out[d] = -1;
  if (in < 0) {
    if (auto_pad == BT_PAD_EXPLICIT && stride == 1 && w->pad[d] + w->pad_end[d] == span - 1)
      w->out[d] = in; /* "same" padding keeps a symbol */
    return BT_OK;
  }
  if (auto_pad == BT_PAD_SAME_UPPER || auto_pad == BT_PAD_SAME_LOWER) {
    w->out[d] = (in + stride - 1) / stride;
    int64_t total = (w->out[d] - 1) * stride + span - in;
    if (total < 0) total = 0;
    w->pad[d] = auto_pad == BT_PAD_SAME_UPPER ? total / 2 : total - total / 2;
    w->pad_end[d] = total - w->pad[d];
    return BT_OK;
  }
  const int64_t room = in + w->pad[d] + w->pad_end[d] - span;
  if (room < 0)
    return bt_fail(c, BT_BAD_INPUT,
                   "the kernel spans %" PRId64 " in spatial dimension %d, but the padded input has "
                   "only %" PRId64, span, d, in + w->pad[d] + w->pad_end[d]);
  w->out[d] = room / stride + 1;
  if (ceil_mode && room % stride) {
    ++w->out[d];
    /* a window must start inside the input or its left padding */
    if ((w->out[d] - 1) * stride >= in + w->pad[d]) --w->out[d];
  }
  return BT_OK;
}

bt_status bt_window_attributes(bt_call* c, const bt_window_attrs* at, const int64_t* kernel,
                               bt_window* w) {
  const bt_tensor* x = c->in[0];
  const int last = at->layout >= 0 && c->attr[at->layout].i;
  w->n = x->rank - 2;
  if (w->n < 1 || w->n > BT_SPATIAL_MAX)
    return bt_fail(c, w->n < 1 ? BT_BAD_INPUT : BT_UNSUPPORTED,
                   "input 0 has rank %d; images of rank 3 to %d are taken", x->rank,
                   BT_SPATIAL_MAX + 2);
  w->first = last ? 1 : 2;
  w->channel_axis = last ? x->rank - 1 : 1;
  int64_t pads[2 * BT_SPATIAL_MAX];
  if (at->kernel >= 0 && c->attr[at->kernel].n > 0) {
    BT_TRY(read_list(c, at->kernel, w->n, 1, 1, "kernel_shape", w->kernel));
    for (int d = 0; kernel && d < w->n; ++d)
      if (bt_clash(kernel[d], w->kernel[d]))
        return bt_fail(c, BT_BAD_INPUT, "kernel_shape says %" PRId64 ", the weight has %" PRId64,
                       w->kernel[d], kernel[d]);
  } else if (kernel) {
    for (int d = 0; d < w->n; ++d) {
      w->kernel[d] = kernel[d];
      if (kernel[d] == 0) return bt_fail(c, BT_BAD_INPUT, "the weight's kernel has a length of 0");
    }
  } else {
    return bt_fail(c, BT_BAD_INPUT, "kernel_shape is missing");
  }
  BT_TRY(read_list(c, at->strides, w->n, 1, 1, "strides", w->stride));
  BT_TRY(read_list(c, at->dilations, w->n, 1, 1, "dilations", w->dilation));
  BT_TRY(read_list(c, at->pads, 2 * w->n, 0, 0, "pads", pads));
  const int automatic = at->auto_pad >= 0 && c->attr[at->auto_pad].i != BT_PAD_EXPLICIT;
  for (int d = 0; d < w->n; ++d) {
    w->pad[d] = automatic ? 0 : pads[d];
    w->pad_end[d] = automatic ? 0 : pads[w->n + d];
    w->in[d] = x->dims[w->first + d];
    w->out[d] = -1;
  }
  return BT_OK;
}

bt_status bt_window_read(bt_call* c, const bt_window_attrs* at, const int64_t* kernel,
                         bt_window* w) {
  BT_TRY(bt_window_attributes(c, at, kernel, w));
  const int auto_pad = at->auto_pad < 0 ? 0 : (int)c->attr[at->auto_pad].i;
  for (int d = 0; d < w->n; ++d) {
    if (w->kernel[d] < 0) continue; /* a weight of unknown shape */
    BT_TRY(one_dimension(c, w, d, auto_pad, at->ceil_mode >= 0 && c->attr[at->ceil_mode].i));
  }
  return BT_OK;
}

void bt_window_output(bt_call* c, const bt_window* w, bt_dtype dtype, int64_t channels) {
  int64_t dims[BT_MAX_RANK];
  dims[0] = c->in[0]->dims[0];
  dims[w->channel_axis] = channels;
  for (int d = 0; d < w->n; ++d) dims[w->first + d] = w->out[d];
  bt_set_shape(c->out[0], dtype, w->n + 2, dims);
}

int64_t bt_window_taps(const bt_window* w) {
  int64_t n = 1;
  for (int d = 0; d < w->n; ++d) n *= w->kernel[d];
  return n;
}

int64_t bt_window_positions(const bt_window* w) {
  int64_t n = 1;
  for (int d = 0; d < w->n; ++d) n *= w->out[d];
  return n;
}

int bt_window_is_pointwise(const bt_window* w) {
  for (int d = 0; d < w->n; ++d)
    if (w->kernel[d] != 1 || w->stride[d] != 1 || w->pad[d] || w->pad_end[d]) return 0;
  return 1;
}
