/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The feature "service.pin": whether a personal number that a caller has typed is good, and what it is good for.
 *
 *     caller --digits--> access -- ask () --> who keeps the numbers: RADIUS, Diameter, a plug-in
 *                           <----- done () ---
 *
 * Where nobody gives the feature, access looks into a table of its own. The digits are a secret: whoever is
 * asked keeps them no longer than the question, writes them nowhere, and wipes every copy it made. Locking out
 * those who try numbers is the asker's part.
 *
 * The table is published with td_feature_provide() and found with td_feature_acquire().
 */

#ifndef TANDEM_IFACE_PIN_H
#define TANDEM_IFACE_PIN_H

#include <tandem/module.h>

G_BEGIN_DECLS

#define TD_FEATURE_PIN "service.pin"

typedef enum {
    TD_PIN_GOOD,
    TD_PIN_WRONG,
    TD_PIN_EXPIRED,     /* it was good */
    TD_PIN_UNAVAILABLE, /* nobody can say so now: the caller has made no mistake */
} TdPinResult;

/* Texts live as long as DONE runs. */
typedef struct {
    uint32_t size; /* sizeof (TdPinVerdict) */
    TdPinResult result;
    const char *account; /* who pays; of one that is not good: whose it is, or NULL for nobody's */
    const char *mark;    /* what the call counts as marked with, "ets.0"; NULL: nothing */
    const char *const *destinations; /* what numbers that may be called begin with; NULL: any */
} TdPinVerdict;

typedef struct TdPinQuestion TdPinQuestion;

/* Whoever is asked has answered all questions before it lets itself be stopped. Embed one; it stays there,
 * untouched, until DONE, or until CANCEL has returned. */
struct TdPinQuestion {
    uint32_t size;       /* sizeof (TdPinQuestion) */
    const char *digits;  /* the number, NUL at its end */
    const char *dialled; /* the access number */
    const char *calling; /* who calls, "" when he does not say so */
    const char *trunk;   /* by which the call came, "": none */
    void (*done) (TdPinQuestion *question, const TdPinVerdict *verdict);
    void *state; /* for who is asked */
};

typedef struct {
    uint32_t size; /* sizeof (TdPinService) */
    void *data;
    /* Answers QUESTION with done(), once, on the lane that asked, maybe before this returns. False: it has too
     * much to do, and done() does not come. Thread: a lane. Blocks: never. */
    bool (*ask) (TdPinQuestion *question, void *data);
    /* The caller has hung up: done() does not come any more. Thread: the lane that asked. */
    void (*cancel) (TdPinQuestion *question, void *data);
} TdPinService;

G_END_DECLS

#endif
