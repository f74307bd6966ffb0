/* SPDX-License-Identifier: Apache-2.0
   Parameters of the integer kernels, derived from the scales of their operands. The rules are
   XNNPACK's; docs/numerics.md lists them operator by operator. */
#ifndef BANTAM_OPS_SHARED_REQUANT_H_
#define BANTAM_OPS_SHARED_REQUANT_H_
#include "runtime/op.h"

static inline int32_t bt_zero_of(const bt_quant* q) { return q->zero ? q->zero[0] : 0; }
/* The operand is a quantized i8 tensor. */
static inline int bt_is_q8(const bt_tensor* t) { return t->dtype == BT_I8 && t->quant; }

/* ... or a quantized i16 one. */
static inline int bt_is_q16(const bt_tensor* t) { return t->dtype == BT_I16 && t->quant; }

/* Inputs [first, end) and output 0 are quantized i8, each with one positive scale and a zero point
   in -128..127. For prepare: while shapes are inferred a graph may still be without quants. */
bt_status bt_need_q8(bt_call* c, int first, int end);
/* The same for a product: input 0, i8 or i16, has one scale; input 1, the weight, one or one for each
   of `outputs` channels along `axis`, and no zero points; output 0 is f32, or i8 or i16 with one
   scale. For load and prepare. */
bt_status bt_need_product_q8(bt_call* c, int axis, int64_t outputs);
/* For the infer of a product. Input 0 has a type of the set, input 1 and the bias the same; beside a
   quantized i8 the bias is i32, and beside a quantized i16 the weight is i8 and the bias i64. */
bt_status bt_need_product_types(bt_call* c, uint32_t types);
/* The type of the result: that of input 0, or of quantized operands i8 or i16 as output 0 is stored,
   and f32 where it has no scale (the sums times their scale). */
bt_dtype bt_product_type(const bt_call* c);
/* One operand is quantized, i8 or i16; it may have one scale per index of an axis. `what` names it. */
bt_status bt_need_scales(bt_call* c, const bt_tensor* t, const char* what);

/* float(s_x * s_w[o]) / s_y for every output channel: the factor of XNNPACK's rule. */
void bt_requant_factors(const bt_quant* x, const bt_quant* w, const bt_quant* y, int outputs,
                        float* factors);
/* The stored values that a clamp to [lo, hi] leaves, for a quantized output. */
void bt_quantized_range(const bt_tensor* y, float lo, float hi, int32_t* zero, int32_t* q_lo,
                        int32_t* q_hi);

#endif
