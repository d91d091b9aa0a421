/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All compiled tables from the inside: what builds, checks and decides them shares. */

#ifndef ROUTE_TABLES_H
#define ROUTE_TABLES_H

#include "causes.h"
#include "decision.h"
#include "lookup.h"
#include "numbers.h"
#include "screening.h"

typedef struct {
    uint32_t trunk; /* NAMES_NONE: any */
    uint32_t plan, translation, screening, table;
    uint32_t region;
    const char *carrier, *treatment; /* in TEXTS, as all below */
    const char *country;             /* "": none */
    const char *dips[N_DIP_KINDS];   /* "": the table */
    uint32_t release_causes;         /* or NAMES_NONE */
    bool is_on_release;
    unsigned line;
} Ingress;

typedef struct {
    uint32_t region, label;
    char *number;
    unsigned line;
} Emergency;

typedef struct {
    char *prefix;                         /* NULL once the tables are made */
    const char *carrier, *routing_number; /* in TEXTS */
    unsigned line;
} TollFree;

/* In the order of the choices of code.status. */
enum { CODE_ALLOCATED, CODE_VACANT, CODE_OWN };

typedef struct {
    char *prefix;                    /* NULL once the tables are made */
    uint32_t region, state, country; /* in TEXTS */
    int8_t kind, status;
    unsigned line;
} Code;

struct Tables {
    Names *plan_names, *translation_names, *screening_names, *table_names, *calendar_names;
    Names *labels, *cause_names, *trunks, *regions, *texts, *routing_numbers;
    Plans *plans;
    Translations *translations;
    Screenings *screenings;
    Calendars *calendars;
    Causes *causes;
    Lookup *lookup;
    Targets *targets;
    Numbers *ported;
    GArray *ingresses;           /* Ingress */
    uint32_t *ingress_of;        /* of each trunk group, or the one of "*", or NAMES_NONE */
    uint32_t any_ingress;        /* or NAMES_NONE */
    GArray *emergencies;         /* Emergency, by region */
    uint32_t *emergency_starts;  /* of each region, its first one; one more at the end */
    GArray *toll_frees;          /* TollFree */
    TdPrefixTable *toll_free_of; /* prefix -> index */
    GArray *codes;               /* Code */
    TdPrefixTable *code_of;      /* prefix -> index */
};

struct TablesBuilder {
    Tables *tables;
    NumbersBuilder *ported;
};

/* The row of REGION (or NAMES_NONE) for NUMBER, or for any when it is NULL; NULL: there is none. */
const Emergency *tables_find_emergency (const Tables *tables, uint32_t region, const char *number);

/* Finds references that lead nowhere, and what the rows of several tables say together. */
void tables_check (const Tables *tables, Findings *findings, TablesIsSection is_section,
                   void *data);

#endif
