/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Why a call was decided as it was: sentences, each of a step. Nobody writes them but who asks. */

#ifndef ROUTE_EXPLANATION_H
#define ROUTE_EXPLANATION_H

#include <tandem/base.h>

typedef struct {
    const char *step; /* "translation", as long as the module is there */
    char *sentence;
} ExplanationStep;

/* What could have been chosen: a row or a target. */
typedef struct {
    const char *kind; /* "route", "target" */
    char *name;
    unsigned line; /* of its row, 0: not known */
    bool is_chosen;
    char *reason;
} Candidate;

typedef struct {
    GArray *steps;      /* ExplanationStep */
    GArray *candidates; /* Candidate, in the order in which they were looked at */
} Explanation;

Explanation *explanation_new (void);
void explanation_free (Explanation *explanation);

void explanation_say (Explanation *explanation, const char *step, const char *format, ...)
    TD_PRINTF (3, 4);
void explanation_judge (Explanation *explanation, const char *kind, const char *name, unsigned line,
                        bool is_chosen, const char *format, ...) TD_PRINTF (6, 7);

/* With EXPLANATION NULL, what the sentence is made of is not even computed. */
#define EXPLAIN(explanation, ...)                                                                  \
    do {                                                                                           \
        if ((explanation) != NULL) {                                                               \
            explanation_say ((explanation), __VA_ARGS__);                                          \
        }                                                                                          \
    } while (0)
#define JUDGE(explanation, ...)                                                                    \
    do {                                                                                           \
        if ((explanation) != NULL) {                                                               \
            explanation_judge ((explanation), __VA_ARGS__);                                        \
        }                                                                                          \
    } while (0)

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Explanation, explanation_free)

#endif
