/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The core's own error domain. */

#include <tandem/base.h>

G_DEFINE_QUARK (td - error - quark, td_error)
