/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The declaration of the routing tables, as data: what a database is made from, a CSV is checked
 * against and the documentation is printed from. */

#ifndef ROUTE_SCHEMA_H
#define ROUTE_SCHEMA_H

#include <tandem/base.h>

/* In the order in which they are loaded: a table comes after those it refers to, as far as that is
 * possible. */
typedef enum {
    SCHEMA_PLAN,
    SCHEMA_TRANSLATION,
    SCHEMA_SCREENING,
    SCHEMA_CAUSE,
    SCHEMA_CALENDAR,
    SCHEMA_HOLIDAY,
    SCHEMA_LIST,
    SCHEMA_TARGET,
    SCHEMA_ROUTE,
    SCHEMA_INGRESS,
    SCHEMA_EMERGENCY,
    SCHEMA_TOLL_FREE,
    SCHEMA_CODE,
    SCHEMA_PORTED,
    N_SCHEMA_TABLES,
} SchemaTableId;

/* The columns of each, in their order: indices of the cells of a row. */
enum {
    PLAN_PLAN,
    PLAN_PATTERN,
    PLAN_MIN,
    PLAN_MAX,
    PLAN_NATURE,
    PLAN_TYPE,
    PLAN_CARRIER_DIGITS,
    PLAN_STRIP,
    N_PLAN_COLUMNS,
};
enum {
    TRANSLATION_TRANSLATION,
    TRANSLATION_STEP,
    TRANSLATION_PARTY,
    TRANSLATION_PATTERN,
    TRANSLATION_NATURE,
    TRANSLATION_ACTION,
    TRANSLATION_ARGUMENT,
    N_TRANSLATION_COLUMNS,
};
enum {
    SCREENING_LIST,
    SCREENING_RANK,
    SCREENING_CALLING,
    SCREENING_CALLED,
    SCREENING_PRESENTATION,
    SCREENING_ACTION,
    SCREENING_CAUSE,
    SCREENING_ANNOUNCEMENT,
    N_SCREENING_COLUMNS,
};
enum {
    CAUSE_NAME,
    CAUSE_CAUSE,
    CAUSE_ACTION,
    N_CAUSE_COLUMNS,
};
enum {
    CALENDAR_NAME,
    CALENDAR_RANK,
    CALENDAR_ZONE,
    CALENDAR_DAYS,
    CALENDAR_FROM,
    CALENDAR_TO,
    CALENDAR_DATES,
    CALENDAR_ACTION,
    N_CALENDAR_COLUMNS,
};
enum {
    HOLIDAY_NAME,
    HOLIDAY_DATE,
    N_HOLIDAY_COLUMNS,
};
enum {
    LIST_LABEL,
    LIST_MODE,
    LIST_TRIES,
    LIST_SECONDS,
    LIST_CAUSES,
    N_LIST_COLUMNS,
};
enum {
    TARGET_LABEL,
    TARGET_POSITION,
    TARGET_TRUNK,
    TARGET_TOGETHER,
    TARGET_PERCENT,
    TARGET_COST,
    TARGET_CALENDAR,
    TARGET_TRANSLATION,
    TARGET_NUMBER,
    TARGET_MINIMUM_ASR,
    TARGET_MINIMUM_NER,
    TARGET_MAXIMUM_PDD_MS,
    TARGET_MINIMUM_MOS,
    TARGET_NO_ANSWER_S,
    N_TARGET_COLUMNS,
};
enum {
    ROUTE_TABLE,
    ROUTE_PREFIX,
    ROUTE_RANK,
    ROUTE_CALLING,
    ROUTE_USER,
    ROUTE_DOMAIN,
    ROUTE_INGRESS,
    ROUTE_CARRIER,
    ROUTE_TYPE,
    ROUTE_NATURE,
    ROUTE_LINE_INFORMATION,
    ROUTE_CATEGORY,
    ROUTE_BEARER,
    ROUTE_ATTRIBUTE,
    ROUTE_CALENDAR,
    ROUTE_LABEL,
    N_ROUTE_COLUMNS,
};
enum {
    INGRESS_TRUNK,
    INGRESS_PLAN,
    INGRESS_TRANSLATION,
    INGRESS_SCREENING,
    INGRESS_TABLE,
    INGRESS_CARRIER,
    INGRESS_REGION,
    INGRESS_TREATMENT,
    INGRESS_COUNTRY,
    INGRESS_TOLL_FREE_DIP,
    INGRESS_PORTABILITY_DIP,
    INGRESS_PORTABILITY,
    INGRESS_RELEASE_CAUSES,
    N_INGRESS_COLUMNS,
};
enum {
    EMERGENCY_REGION,
    EMERGENCY_NUMBER,
    EMERGENCY_LABEL,
    N_EMERGENCY_COLUMNS,
};
enum {
    TOLL_FREE_NUMBER,
    TOLL_FREE_CARRIER,
    TOLL_FREE_ROUTING_NUMBER,
    N_TOLL_FREE_COLUMNS,
};
enum {
    CODE_PREFIX,
    CODE_REGION,
    CODE_STATE,
    CODE_COUNTRY,
    CODE_KIND,
    CODE_STATUS,
    N_CODE_COLUMNS,
};
enum {
    PORTED_NUMBER,
    PORTED_ROUTING_NUMBER,
    N_PORTED_COLUMNS,
};

enum {
    SCHEMA_MAX_COLUMNS = N_ROUTE_COLUMNS, /* of any table */
    SCHEMA_MAX_CHARACTERS = 255,          /* of a text */
    SCHEMA_MAX_NUMBER = 18,               /* digits of a NUMBER, which is kept as an integer */
};

typedef enum {
    SCHEMA_TEXT,    /* one line of UTF-8 */
    SCHEMA_INTEGER, /* between MIN and MAX */
    SCHEMA_CHOICE,  /* one of CHOICES */
    SCHEMA_DIGITS,  /* 0-9 A-D * #, a leading + */
    SCHEMA_PATTERN, /* as pattern.h has it */
    SCHEMA_NUMBER,  /* 0-9, a leading +; compact, for tables of ten million rows */
    SCHEMA_TIME,    /* HH:MM */
    SCHEMA_DAYS,    /* mon to sun, mon-fri, holiday, divided by commas */
    SCHEMA_DATE,    /* YYYY-MM-DD */
    SCHEMA_DATES,   /* YYYY-MM-DD or YYYY-MM-DD..YYYY-MM-DD */
} SchemaType;

typedef struct {
    const char *name;
    SchemaType type;
    bool is_required; /* never empty */
    int64_t min, max; /* of INTEGER */
    const char *const *choices;
    const char *fallback; /* what is stored where nothing is said, or NULL: nothing */
    /* A row of this table has this cell in that column, which is the first of its key; NULL: the
     * cell refers to nothing. "trunk" is a section of the configuration, not a table. */
    const char *refers, *refers_column;
    const char *help;
} SchemaColumn;

typedef struct {
    SchemaTableId id;
    const char *name;
    const char *help;
    const SchemaColumn *columns;
    unsigned n_columns, n_keys; /* the first N_KEYS columns together name a row */
} SchemaTable;

const SchemaTable *schema_table (SchemaTableId id);
/* The table, the column's index; NULL, -1: there is none of that name. */
const SchemaTable *schema_find_table (const char *name);
int schema_find_column (const SchemaTable *table, const char *name);

/* Whether it is kept as a number, NULL standing for an empty cell. */
bool schema_is_integer (const SchemaColumn *column);

/* Appends the names of the first N_COLUMNS columns as SQL has them, each behind BEFORE, divided by
 * commas. */
void schema_append_columns (GString *out, const SchemaTable *table, unsigned n_columns,
                            const char *before);

/* Appends the statement that makes the table NAME of TABLE's columns and of MORE, with TABLE's key or
 * without one. */
void schema_append_create (GString *out, const SchemaTable *table, const char *name, bool has_key,
                           const char *more);

/* Appends the statements that add column I to TABLE and to its past, of the SQL type TYPE: in rows that are
 * there it says nothing, or what it falls back to. */
void schema_append_addition (GString *out, const SchemaTable *table, unsigned i, const char *type);

/* Appends the first line of a CSV, without its end. */
void schema_append_header (GString *out, const SchemaTable *table);

/* Appends a Markdown table of TABLE's columns; and of all tables, each with a heading. */
void schema_append_markdown (GString *out, const SchemaTable *table);
void schema_append_manual (GString *out);

#endif
