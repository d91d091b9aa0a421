/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How important a call is: a namespace and value as it was marked, and the class it is treated by.
 *
 * Classes go from 0 to 15, 15 the highest. The class of a call only ever rises. */

#ifndef TANDEM_PRIORITY_H
#define TANDEM_PRIORITY_H

#include <tandem/base.h>

G_BEGIN_DECLS

enum {
    TD_CLASS_ORDINARY = 4,
    TD_CLASS_EMERGENCY = 12,
    TD_CLASS_MAX = 15,
};

/* Whether calls of PRIORITY_CLASS are for the eyes of those who have the role alone: all above ordinary
 * ones, but for public calls for help. */
static inline bool
td_class_is_restricted (unsigned priority_class)
{
    return priority_class > TD_CLASS_ORDINARY && priority_class != TD_CLASS_EMERGENCY;
}

typedef enum {
    TD_ALGORITHM_QUEUE,         /* RFC 4412 4.5.2: waits in front of others */
    TD_ALGORITHM_PREEMPT,       /* RFC 4412 4.5.1: may end others */
    TD_ALGORITHM_PREEMPT_EQUAL, /* likewise, those of its own value as well (RFC 4412 10.3) */
} TdPriorityAlgorithm;

typedef enum {
    TD_LEARNT_DEFAULT,   /* nobody said anything */
    TD_LEARNT_MARK,      /* a trusted peer's mark */
    TD_LEARNT_SIGNATURE, /* a verified one */
    TD_LEARNT_ACCESS,    /* a dialled access number, a feature code, a PIN */
    TD_LEARNT_NUMBER,    /* the called number: a public emergency call */
    TD_LEARNT_CATEGORY,  /* the calling party's category, as a trusted trunk gives it */
    TD_LEARNT_PIN,       /* a personal number that was typed and is valid */
    TD_LEARNT_SOS,       /* a URN of an emergency service was called (RFC 5031) */
} TdPriorityLearnt;

/* "rph", "signature" ..., as records have it. */
static inline const char *
td_learnt_name (unsigned learnt)
{
    static const char *const names[] = { "default", "rph", "signature", "access",
                                         "number",  "cpc", "pin",       "sos" };

    return names[learnt % G_N_ELEMENTS (names)];
}

#define TD_PRIORITY_TOKEN 24 /* "flash-override-override" is the longest that is registered */

typedef struct {
    char name_space[TD_PRIORITY_TOKEN]; /* "ets", "wps", or "" */
    char value[TD_PRIORITY_TOKEN];
    uint8_t priority_class;
    uint8_t algorithm; /* TdPriorityAlgorithm */
    uint8_t learnt;    /* TdPriorityLearnt */
} TdPriority;

G_END_DECLS

#endif
