/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What can go wrong with a module. */

#ifndef CORE_MODULE_ERROR_H
#define CORE_MODULE_ERROR_H

#include <glib.h>

#define TD_MODULE_ERROR (td_module_error_quark ())

typedef enum {
    TD_MODULE_ERROR_FILE,       /* cannot be found, read or copied */
    TD_MODULE_ERROR_ELF,        /* no shared library of this machine, or a damaged one */
    TD_MODULE_ERROR_NOTE,       /* a shared library, but no module */
    TD_MODULE_ERROR_ABI,        /* built for another Tandem */
    TD_MODULE_ERROR_NAME,       /* another module than was asked for */
    TD_MODULE_ERROR_LINK,       /* the linker refused it */
    TD_MODULE_ERROR_DESCRIPTOR, /* its descriptor breaks a rule */
    TD_MODULE_ERROR_DEPENDENCY, /* a feature it needs is missing */
    TD_MODULE_ERROR_STATE,      /* not now: it is running, or stopping, or not there */
    TD_MODULE_ERROR_FAILED,     /* its own function said no, without a reason */
} TdModuleError;

GQuark td_module_error_quark (void);

#endif
