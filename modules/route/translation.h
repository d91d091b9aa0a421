/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is done to numbers, in ordered steps: on the way in, for a route's target on the way out. The
 * rows of the table "translation".
 *
 *     step 10  called   0(ZX)    replace      +49\1     08912345   -> +498912345
 *     step 20  called   +49800   set-carrier  9001      carrier 9001
 *     step 30  calling           set-nature   national
 *
 * A step is taken when its pattern and its nature fit the number as the steps before left it. Texts
 * may name the pattern's groups: \0 is all that it fits.
 */

#ifndef ROUTE_TRANSLATION_H
#define ROUTE_TRANSLATION_H

#include "digits.h"
#include "explanation.h"
#include "findings.h"
#include "plan.h"

enum {
    TRANSLATION_MAX_ATTRIBUTES = 8, /* that steps set on one call */
    TRANSLATION_VALUE_SIZE = 64,
};

typedef struct {
    const char *name; /* as long as the tables */
    char value[TRANSLATION_VALUE_SIZE];
} TranslationAttribute;

/* What steps work on. */
typedef struct {
    Number called, calling;
    char carrier[CARRIER_SIZE]; /* that a step has set, or "" */
    unsigned n_attributes;
    TranslationAttribute attributes[TRANSLATION_MAX_ATTRIBUTES];
} Translated;

typedef struct Translations Translations;

/* Names of sets are added to NAMES, which outlives it. */
Translations *translations_new (Names *names);
void translations_free (Translations *translations);
bool translations_add (Translations *translations, const Row *row, GError **error);
void translations_end (Translations *translations);

/* Whether steps of set INDEX were added. */
bool translations_has (const Translations *translations, uint32_t index);

/* Takes the steps of set INDEX (NAMES_NONE: none); says so of each with STEP, when EXPLANATION is not
 * NULL. */
void translations_run (const Translations *translations, uint32_t index, Translated *subject,
                       Explanation *explanation, const char *step);

/* Finds steps behind a "stop" that always fits. */
void translations_check (const Translations *translations, Findings *findings);

#endif
