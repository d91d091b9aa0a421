/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The error domain of the room: what was wrong with what a caller or an operator handed in. */

#ifndef CORE_CALL_ERROR_H
#define CORE_CALL_ERROR_H

#include <glib.h>

#define TD_CALL_ERROR (g_quark_from_static_string ("td-call-error"))

typedef enum {
    TD_CALL_ERROR_SDP,       /* a session description breaks its grammar */
    TD_CALL_ERROR_ANSWER,    /* an answer does not fit its offer */
    TD_CALL_ERROR_ATTRIBUTE, /* two declarations of one attribute disagree */
} TdCallError;

#endif
