/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The order of start, from what modules provide, need and want. */

#ifndef CORE_MODULE_ORDER_H
#define CORE_MODULE_ORDER_H

#include "module/module.h"

/* MODULE cannot be started, for REASON. */
typedef void (*TdOrderRefuse) (TdModule *module, const char *reason, void *data);

/* The modules of MODULES that can be started, each after the providers of what it needs and, where
 * no circle forbids it, of what it wants; otherwise in the order given. The rest is told to REFUSE:
 * what they need is missing, or goes round in a circle. Returns (transfer full) the order. */
GPtrArray *td_order_sort (const GPtrArray *modules, TdOrderRefuse refuse, void *data);

#endif
