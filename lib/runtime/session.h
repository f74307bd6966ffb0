/* SPDX-License-Identifier: Apache-2.0
   Sessions from inside: bantam.h for programs that bring their own graph, and for observers. */
#ifndef BANTAM_RUNTIME_SESSION_H_
#define BANTAM_RUNTIME_SESSION_H_
#include "runtime/frame.h"

#ifdef __cplusplus
extern "C" {
#endif

struct bt_session {
  bt_env env;
  bt_frame* main;
  bt_tensor* inputs; /* one per graph input; data is the caller's */
  const bt_tensor** input_pointers;
};

/* `graph` must stay valid until the session is destroyed. */
bt_status bt_session_from_graph(const bt_graph* graph, const bt_session_options* options,
                                bt_session** session);
/* The table that `name` or else BANTAM_KERNELS or else this CPU asks for; BT_USAGE where the name is
   unknown or cannot run here. */
bt_status bt_pick_kernels(const char* name, const bt_kernels** kernels);
/* Sets what bt_last_error returns. */
bt_status bt_report(bt_status status, const char* format, ...);

#ifdef __cplusplus
}
#endif
#endif
