/* SPDX-License-Identifier: Apache-2.0
   Single elements of tensors of any type (shape.h). */
#include "runtime/shape.h"

#define AT(type) ((const type*)t->data)[k]

double bt_get(const bt_tensor* t, int64_t k) {
  switch (t->dtype) {
    case BT_F32: return (double)AT(float);
    case BT_F64: return AT(double);
    case BT_F16: return (double)bt_from_f16(AT(uint16_t));
    case BT_BF16: return (double)bt_from_bf16(AT(uint16_t));
    case BT_U64: return (double)AT(uint64_t);
    case BT_F8E4M3FN:
    case BT_F8E4M3FNUZ:
    case BT_F8E5M2:
    case BT_F8E5M2FNUZ:
    case BT_F4E2M1:
    case BT_F8E8M0: return (double)bt_from_tiny(t->dtype, AT(uint8_t));
    default: return (double)bt_get_int(t, k);
  }
}

int64_t bt_get_int(const bt_tensor* t, int64_t k) {
  switch (t->dtype) {
    case BT_I64: return AT(int64_t);
    case BT_I32: return AT(int32_t);
    case BT_I16: return AT(int16_t);
    case BT_I8:
    case BT_I4:
    case BT_I2: return AT(int8_t);
    case BT_U64: return (int64_t)AT(uint64_t);
    case BT_U32: return AT(uint32_t);
    case BT_U16: return AT(uint16_t);
    case BT_U8:
    case BT_U4:
    case BT_U2:
    case BT_BOOL: return AT(uint8_t);
    default: {
      const double v = bt_get(t, k);
      if (v != v) return 0;
      if (v >= 9223372036854775808.0) return INT64_MAX;
      if (v <= -9223372036854775808.0) return INT64_MIN;
      return (int64_t)v;
    }
  }
}
#undef AT

double bt_scalar(const bt_tensor* t) { return bt_get(t, 0); }
int64_t bt_scalar_int(const bt_tensor* t) { return bt_get_int(t, 0); }

#define AT(type) ((type*)t->data)[k]

void bt_put(bt_tensor* t, int64_t k, double v) {
  switch (t->dtype) {
    case BT_F32: AT(float) = (float)v; break;
    case BT_F64: AT(double) = v; break;
    case BT_F16: AT(uint16_t) = bt_to_f16((float)v); break;
    case BT_BF16: AT(uint16_t) = bt_to_bf16((float)v); break;
    case BT_F8E4M3FN:
    case BT_F8E4M3FNUZ:
    case BT_F8E5M2:
    case BT_F8E5M2FNUZ:
    case BT_F4E2M1:
    case BT_F8E8M0: AT(uint8_t) = bt_to_tiny(t->dtype, (float)v, 1); break;
    case BT_U64:
      AT(uint64_t) = v >= 18446744073709551615.0 ? UINT64_MAX : v > 0 ? (uint64_t)v : 0;
      break;
    default:
      bt_put_int(t, k,
                 v != v                          ? 0
                 : v >= 9223372036854775808.0    ? INT64_MAX
                 : v <= -9223372036854775808.0   ? INT64_MIN
                                                 : (int64_t)v);
  }
}

void bt_put_int(bt_tensor* t, int64_t k, int64_t v) {
  switch (t->dtype) {
    case BT_I64:
    case BT_U64: AT(int64_t) = v; break;
    case BT_I32:
    case BT_U32: AT(uint32_t) = (uint32_t)v; break;
    case BT_I16:
    case BT_U16: AT(uint16_t) = (uint16_t)v; break;
    case BT_I8:
    case BT_U8:
    case BT_I4:
    case BT_U4:
    case BT_I2:
    case BT_U2: AT(uint8_t) = (uint8_t)v; break;
    case BT_BOOL: AT(uint8_t) = v != 0; break;
    default: bt_put(t, k, (double)v);
  }
}
#undef AT
