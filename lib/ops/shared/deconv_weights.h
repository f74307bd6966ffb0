/* SPDX-License-Identifier: Apache-2.0
   Weights of transposed convolutions. An output position is reached only by the taps whose distance
   from it is a multiple of the stride; which ones these are depends on the position modulo the
   stride alone. Along each dimension the taps k, k + T, k + 2T ... belong together, with
   T = stride / gcd(stride, dilation). Such a class of taps is a small dense convolution, and each is
   packed for the product kernels by itself. */
#ifndef BANTAM_OPS_SHARED_DECONV_WEIGHTS_H_
#define BANTAM_OPS_SHARED_DECONV_WEIGHTS_H_
#include "kernels/kernels.h"
#include "ops/shared/window.h"
#include "runtime/op.h"

typedef struct bt_deconv_class {
  int taps;
  size_t at; /* of group 0, in the packed weights */
  size_t panel_bytes, group_bytes;
} bt_deconv_class;

typedef struct bt_deconv {
  int group, last, s8;
  int depth, cols;                /* input channels of one group; `joined` times its output channels */
  int joined;                     /* neighbouring output pixels that one product makes as columns */
  int64_t kernel[3];              /* leading dimensions that the image lacks are 1 */
  int64_t period[3], classes[3];  /* T, and the number of classes: at most T and the kernel */
  bt_deconv_class* list;          /* classes[0] * classes[1] * classes[2], and one without taps */
  size_t bytes;                   /* of all packed weights */
  size_t gather_bytes, bias_at;   /* of one class in the packer's order, with the bias behind */
} bt_deconv;

/* Taps of class i along dimension d: i, i + period, ... */
static inline int64_t bt_deconv_taps(const bt_deconv* s, int d, int64_t i) {
  return (s->kernel[d] - i + s->period[d] - 1) / s->period[d];
}
/* The class of i[d] along each dimension; the one without taps where an i[d] is negative. */
const bt_deconv_class* bt_deconv_class_of(const bt_deconv* s, const int64_t i[3]);

/* Fills all but `list` from the weight (input 1), strides and dilations. Fails where a length is too
   large for the kernels. `join`: the kernel is as wide as the stride and nothing is cut off, so
   that every input pixel makes a run of output pixels by itself; the taps of a line are columns
   then, and s->kernel has a width of 1. */
bt_status bt_deconv_measure(bt_call* c, const bt_window* w, int group, int last, int join,
                            bt_deconv* s);
int64_t bt_deconv_count(const bt_deconv* s); /* entries of `list` */
/* Fills `list`, which the caller has allocated, and the sizes. */
void bt_deconv_place(const bt_kernels* k, bt_deconv* s);
/* Packs weight and bias (input 2) into `room`; `gather` has gather_bytes. */
void bt_deconv_pack(const bt_call* c, const bt_deconv* s, void* gather, void* room);

#endif
