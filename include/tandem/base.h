/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What every other header needs: visibility, versions, the names of the opaque types. */

#ifndef TANDEM_BASE_H
#define TANDEM_BASE_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

G_BEGIN_DECLS

#if defined(__GNUC__)
#define TD_API __attribute__ ((visibility ("default")))
#define TD_PRINTF(format_index, first_index)                                                       \
    __attribute__ ((format (printf, format_index, first_index)))
#else
#define TD_API
#define TD_PRINTF(format_index, first_index)
#endif

/* The binary contract between libtandem and its modules. A larger major breaks it; a larger minor
 * only appends to it. A module built against an older minor of the same major loads for ever. */
#define TD_ABI_MAJOR 1
#define TD_ABI_MINOR 0

/* A NULL-terminated list of texts that lives as long as the program file. */
#define TD_LIST(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* The error domain of the core, and of modules that need no other: the code says what kind of mistake
 * it was, the message what, where, which value, and what to do. */
typedef enum {
    TD_ERROR_INVALID,   /* what was asked makes no sense */
    TD_ERROR_NOT_FOUND, /* what was named does not exist */
    TD_ERROR_EXISTS,    /* what was to be made is there already */
    TD_ERROR_REFUSED,   /* it may not be done now, or not by this asker */
    TD_ERROR_SYSTEM,    /* the kernel said no */
} TdErrorCode;

#define TD_ERROR (td_error_quark ())

TD_API GQuark td_error_quark (void);

/* Appends TEXT, which others wrote, as it may stand in a message: as it is where it is one plain word,
 * otherwise in double quotes, with what would break the line or steer a terminal escaped.
 * Thread: any. */
TD_API void td_text_append_value (GString *out, const char *text);

/* The one of NAMES (N_NAMES of them; transfer none) that was meant by the misspelt NAME, or NULL when
 * none is near enough. Thread: any. */
TD_API const char *td_text_nearest (const char *name, const char *const *names, size_t n_names);

typedef struct TdAttributes TdAttributes;
typedef struct TdCall TdCall;
typedef struct TdChannel TdChannel;
typedef struct TdConfig TdConfig;
typedef struct TdDescription TdDescription;
typedef struct TdLane TdLane;
typedef struct TdModule TdModule;

G_END_DECLS

#endif
