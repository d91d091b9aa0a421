/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The core's own error domain: what kind of mistake it was; the message says the rest. */

#ifndef CORE_BASE_ERROR_H
#define CORE_BASE_ERROR_H

#include <tandem/base.h>

typedef enum {
    TD_ERROR_INVALID,   /* what was asked makes no sense */
    TD_ERROR_NOT_FOUND, /* what was named does not exist */
    TD_ERROR_EXISTS,    /* what was to be made is there already */
    TD_ERROR_REFUSED,   /* it may not be done now, or not by this asker */
    TD_ERROR_SYSTEM,    /* the kernel said no */
} TdErrorCode;

#define TD_ERROR (td_error_quark ())

GQuark td_error_quark (void);

#endif
