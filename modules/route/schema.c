/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The declaration of the routing tables, as data. */

#include "schema.h"

#include <string.h>

static const char *const parties[] = { "called", "calling", NULL };
static const char *const natures[] = { "unknown",       "subscriber",       "national",
                                       "international", "network-specific", NULL };
static const char *const types[] = { "local",       "national",  "international", "operator",
                                     "service-n11", "emergency", "toll-free",     "carrier-access",
                                     "feature",     NULL };
static const char *const steps[] = { "strip",       "prefix",        "replace", "set-nature",
                                     "set-carrier", "set-attribute", "stop",    NULL };
static const char *const presentations[] = { "allowed", "restricted", "unavailable", NULL };
static const char *const screenings[] = { "allow", "deny", NULL };
static const char *const hunts[] = { "next", "stop", NULL };
static const char *const sides[] = { "in", "out", NULL };
static const char *const modes[] = { "sequence", "percent", "least-cost", "quality", NULL };
static const char *const kinds[] = { "geographic", "mobile",    "paging",    "personal",
                                     "voip",       "satellite", "toll-free", "shared-cost",
                                     "premium",    "service",   NULL };
static const char *const moments[] = { "first", "on-release", NULL };
static const char *const statuses[] = { "allocated", "vacant", "own", NULL };

/* --- The tables -------------------------------------------------------------------------- */

static const SchemaColumn plan_columns[] = {
    [PLAN_PLAN] = { "plan", .is_required = true, .help = "the numbering plan" },
    [PLAN_PATTERN] = { "pattern", SCHEMA_PATTERN, .is_required = true,
                       .help = "what the number begins with" },
    [PLAN_MIN] = { "min", SCHEMA_INTEGER, .max = 32,
                   .help = "with fewer digits, more are awaited" },
    [PLAN_MAX] = { "max", SCHEMA_INTEGER, .min = 1, .max = 32,
                   .help = "with so many digits, no more are awaited" },
    [PLAN_NATURE] = { "nature", SCHEMA_CHOICE, .choices = natures,
                      .help = "the nature of address the number gets" },
    [PLAN_TYPE] = { "type", SCHEMA_CHOICE, .choices = types, .is_required = true,
                    .help = "the type of the call" },
    [PLAN_CARRIER_DIGITS] = { "carrier_digits", SCHEMA_INTEGER, .max = 8,
                              .help = "so many digits behind the pattern name a carrier" },
    [PLAN_STRIP] = { "strip", SCHEMA_INTEGER, .max = 32,
                     .help = "digits taken off the front, those of the carrier included" },
};

static const SchemaColumn translation_columns[] = {
    [TRANSLATION_TRANSLATION] = { "translation", .is_required = true, .help = "the set of steps" },
    [TRANSLATION_STEP] = { "step", SCHEMA_INTEGER, .is_required = true, .max = 9999,
                           .help = "steps are taken in this order" },
    [TRANSLATION_PARTY] = { "party", SCHEMA_CHOICE, .choices = parties, .fallback = "called",
                            .help = "whose number" },
    [TRANSLATION_PATTERN] = { "pattern", SCHEMA_PATTERN,
                              .help = "what the number must begin with; empty: any" },
    [TRANSLATION_NATURE] = { "nature", SCHEMA_CHOICE, .choices = natures,
                             .help = "which nature of address it must have; empty: any" },
    [TRANSLATION_ACTION] = { "action", SCHEMA_CHOICE, .choices = steps, .is_required = true,
                             .help = "what is done" },
    [TRANSLATION_ARGUMENT] = { "argument", .help = "with what: how many digits, which digits, "
                                                   "nature, carrier, NAME=VALUE" },
};

static const SchemaColumn screening_columns[] = {
    [SCREENING_LIST] = { "list", .is_required = true, .help = "the screening list" },
    [SCREENING_RANK] = { "rank", SCHEMA_INTEGER, .max = 999999999, .fallback = "0",
                         .help = "the first row that fits decides, from the lowest rank on" },
    [SCREENING_CALLING] = { "calling", SCHEMA_PATTERN,
                            .help = "what the calling number begins with; empty: any, or none" },
    [SCREENING_CALLED] = { "called", SCHEMA_PATTERN,
                           .help = "what the called number begins with; empty: any" },
    [SCREENING_PRESENTATION] = { "presentation", SCHEMA_CHOICE, .choices = presentations,
                                 .help = "how the calling number may be shown; empty: any way" },
    [SCREENING_ACTION] = { "action", SCHEMA_CHOICE, .choices = screenings, .is_required = true,
                           .help = "what becomes of the call" },
    [SCREENING_CAUSE] = { "cause", SCHEMA_INTEGER, .min = 1, .max = 127,
                          .help = "deny: with this cause (Q.850)" },
    [SCREENING_ANNOUNCEMENT] = { "announcement", .help = "deny: after this announcement" },
};

static const SchemaColumn cause_columns[] = {
    [CAUSE_NAME] = { "name", .is_required = true, .help = "the cause table" },
    [CAUSE_CAUSE] = { "cause", SCHEMA_INTEGER, .is_required = true, .min = 1, .max = 127,
                      .help = "what the target failed with (Q.850)" },
    [CAUSE_ACTION] = { "action", SCHEMA_CHOICE, .choices = hunts, .is_required = true,
                       .help = "whether the next target is tried" },
};

static const SchemaColumn calendar_columns[] = {
    [CALENDAR_NAME] = { "name", .is_required = true, .help = "the calendar" },
    [CALENDAR_RANK] = { "rank", SCHEMA_INTEGER, .max = 999999999, .fallback = "0",
                        .help = "the first row that fits decides, from the lowest rank on" },
    [CALENDAR_ZONE] = { "zone", .help = "the time zone, as America/New_York; empty: UTC" },
    [CALENDAR_DAYS] = { "days", SCHEMA_DAYS, .help = "on which days; empty: every day" },
    [CALENDAR_FROM] = { "from", SCHEMA_TIME, .help = "from this time of the day on" },
    [CALENDAR_TO] = { "to", SCHEMA_TIME,
                      .help = "up to this time; past midnight when it is before \"from\"" },
    [CALENDAR_DATES] = { "dates", SCHEMA_DATES, .help = "on this day, or from and to these" },
    [CALENDAR_ACTION] = { "action", SCHEMA_CHOICE, .choices = sides, .fallback = "in",
                          .help = "whether that is in the calendar's time or out of it" },
};

static const SchemaColumn holiday_columns[] = {
    [HOLIDAY_NAME] = { "name", .is_required = true, .help = "the set of holidays" },
    [HOLIDAY_DATE] = { "date", SCHEMA_DATE, .is_required = true, .help = "the day" },
};

static const SchemaColumn list_columns[] = {
    [LIST_LABEL] = { "label", .is_required = true, .help = "the route list" },
    [LIST_MODE] = { "mode", SCHEMA_CHOICE, .choices = modes, .fallback = "sequence",
                    .help = "how its targets are ordered" },
    [LIST_TRIES] = { "tries", SCHEMA_INTEGER, .min = 1, .max = 100,
                     .help = "at most so many targets are tried" },
    [LIST_SECONDS] = { "seconds", SCHEMA_INTEGER, .min = 1, .max = 3600,
                       .help = "for at most so long" },
    [LIST_CAUSES] = { "causes", .refers = "cause", .refers_column = "name",
                      .help = "says after which cause the next target is tried" },
};

static const SchemaColumn target_columns[] = {
    [TARGET_LABEL] = { "label", .is_required = true, .refers = "list", .refers_column = "label",
                       .help = "the route list it belongs to" },
    [TARGET_POSITION] = { "position", SCHEMA_INTEGER, .is_required = true, .min = 1, .max = 9999,
                          .help = "its place in the list" },
    [TARGET_TRUNK] = { "trunk", .is_required = true, .refers = "trunk",
                       .help = "the trunk group; or @ and the label of a list that is tried here" },
    [TARGET_TOGETHER] = { "together", SCHEMA_INTEGER, .min = 1, .max = 9999,
                          .help = "targets of one number ring together" },
    [TARGET_PERCENT] = { "percent", SCHEMA_INTEGER, .max = 100,
                         .help = "mode percent: its share of the calls" },
    [TARGET_COST] = { "cost", SCHEMA_INTEGER, .max = INT32_MAX,
                      .help = "mode least-cost: the lowest is first" },
    [TARGET_CALENDAR] = { "calendar", .refers = "calendar", .refers_column = "name",
                          .help = "when it may be used; empty: always" },
    [TARGET_TRANSLATION] = { "translation", .refers = "translation", .refers_column = "translation",
                             .help = "what is done to the numbers that are sent" },
    [TARGET_NUMBER] = { "number", SCHEMA_DIGITS, .help = "the number that is sent instead" },
    [TARGET_MINIMUM_ASR] = { "minimum_asr", SCHEMA_INTEGER, .max = 100,
                             .help = "mode quality: least answer-seizure ratio, in percent" },
    [TARGET_MINIMUM_NER] = { "minimum_ner", SCHEMA_INTEGER, .max = 100,
                             .help = "mode quality: least network effectiveness, in percent" },
    [TARGET_MAXIMUM_PDD_MS] = { "maximum_pdd_ms", SCHEMA_INTEGER, .max = 600000,
                                .help = "mode quality: longest post-dial delay" },
    [TARGET_MINIMUM_MOS] = { "minimum_mos", SCHEMA_INTEGER, .min = 100, .max = 500,
                             .help = "mode quality: least opinion score, in hundredths" },
    [TARGET_NO_ANSWER_S] = { "no_answer_s", SCHEMA_INTEGER, .min = 1, .max = 3600,
                             .help = "it may ring for so long" },
};

static const SchemaColumn route_columns[] = {
    [ROUTE_TABLE] = { "table", .is_required = true, .help = "the routing table" },
    [ROUTE_PREFIX] = { "prefix", SCHEMA_DIGITS,
                       .help = "what the number begins with; the longest that fits is looked at "
                               "first" },
    [ROUTE_RANK] = { "rank", SCHEMA_INTEGER, .max = 999999999, .fallback = "0",
                     .help = "the first row that fits is taken, from the lowest rank on" },
    [ROUTE_CALLING] = { "calling", SCHEMA_PATTERN, .help = "what the calling number begins with" },
    [ROUTE_USER] = { "user", .help = "the user that is called, where it is no number" },
    [ROUTE_DOMAIN] = { "domain", .help = "the domain that is called" },
    [ROUTE_INGRESS] = { "ingress", .refers = "trunk", .help = "the incoming trunk group" },
    [ROUTE_CARRIER] = { "carrier", .help = "the carrier that was chosen" },
    [ROUTE_TYPE] = { "type", SCHEMA_CHOICE, .choices = types, .help = "the type of the call" },
    [ROUTE_NATURE] = { "nature", SCHEMA_CHOICE, .choices = natures,
                       .help = "the nature of address of the called number" },
    [ROUTE_LINE_INFORMATION] = { "line_information", SCHEMA_INTEGER, .max = 99,
                                 .help = "the originating line information (ANI II)" },
    [ROUTE_CATEGORY] = { "category", .help = "the calling party's category" },
    [ROUTE_BEARER] = { "bearer", .help = "the bearer" },
    [ROUTE_ATTRIBUTE] = { "attribute", .help = "NAME=VALUE: an attribute of the call" },
    [ROUTE_CALENDAR] = { "calendar", .refers = "calendar", .refers_column = "name",
                         .help = "when the row holds; empty: always" },
    [ROUTE_LABEL] = { "label", .is_required = true, .refers = "list", .refers_column = "label",
                      .help = "the route list" },
};

static const SchemaColumn ingress_columns[] = {
    [INGRESS_TRUNK] = { "trunk", .is_required = true, .refers = "trunk",
                        .help = "the incoming trunk group; *: any that has no row of its own" },
    [INGRESS_PLAN] = { "plan", .refers = "plan", .refers_column = "plan",
                       .help = "the numbering plan" },
    [INGRESS_TRANSLATION] = { "translation", .refers = "translation",
                              .refers_column = "translation", .help = "what is done first" },
    [INGRESS_SCREENING] = { "screening", .refers = "screening", .refers_column = "list",
                            .help = "the screening list" },
    [INGRESS_TABLE] = { "table", .refers = "route", .refers_column = "table", .is_required = true,
                        .help = "the routing table" },
    [INGRESS_CARRIER] = { "carrier", .help = "the carrier its calls belong to" },
    [INGRESS_REGION] = { "region", .help = "the region whose emergency numbers hold" },
    [INGRESS_TREATMENT] = { "treatment", .help = "what a caller hears when a call fails" },
    [INGRESS_COUNTRY] = { "country", SCHEMA_DIGITS,
                          .help =
                              "the code of the country (1 to 3 digits) whose numbers and carriers "
                              "stand in the tables without it; empty: none does" },
    [INGRESS_TOLL_FREE_DIP] = { "toll_free_dip", .refers = "dip",
                                .help = "who is asked for toll-free numbers; empty: the table" },
    [INGRESS_PORTABILITY_DIP] = { "portability_dip", .refers = "dip",
                                  .help = "who is asked for ported numbers; empty: the table" },
    [INGRESS_PORTABILITY] = { "portability", SCHEMA_CHOICE, .choices = moments, .fallback = "first",
                              .help = "when it is looked up whether a number is ported: before the "
                                      "call is routed, or when it has failed (query on release)" },
    [INGRESS_RELEASE_CAUSES] = { "release_causes", .refers = "cause", .refers_column = "name",
                                 .help = "on-release: after which causes, those with \"next\"; "
                                         "empty: 1 and 14 (Q.850)" },
};

static const SchemaColumn emergency_columns[] = {
    [EMERGENCY_REGION] = { "region", .is_required = true, .help = "where the caller is" },
    [EMERGENCY_NUMBER] = { "number", SCHEMA_DIGITS, .is_required = true, .help = "the number" },
    [EMERGENCY_LABEL] = { "label", .is_required = true, .refers = "list", .refers_column = "label",
                          .help = "the route list" },
};

static const SchemaColumn toll_free_columns[] = {
    [TOLL_FREE_NUMBER] = { "number", SCHEMA_DIGITS, .is_required = true,
                           .help = "the number, or what it begins with" },
    [TOLL_FREE_CARRIER] = { "carrier", .help = "who carries it" },
    [TOLL_FREE_ROUTING_NUMBER] = { "routing_number", SCHEMA_DIGITS,
                                   .help = "the number in its place" },
};

static const SchemaColumn code_columns[] = {
    [CODE_PREFIX] = { "prefix", SCHEMA_DIGITS, .is_required = true,
                      .help = "what the number begins with" },
    [CODE_REGION] = { "region", .help = "the rate centre, LATA or area" },
    [CODE_STATE] = { "state", .help = "the state or province" },
    [CODE_COUNTRY] = { "country", .help = "the country" },
    [CODE_KIND] = { "kind", SCHEMA_CHOICE, .choices = kinds, .fallback = "geographic",
                    .help = "what kind of numbers" },
    [CODE_STATUS] = { "status", SCHEMA_CHOICE, .choices = statuses, .fallback = "allocated",
                      .help = "whether it is in use, and whether it is our own" },
};

static const SchemaColumn ported_columns[] = {
    [PORTED_NUMBER] = { "number", SCHEMA_NUMBER, .is_required = true, .help = "the number" },
    [PORTED_ROUTING_NUMBER] = { "routing_number", SCHEMA_NUMBER, .is_required = true,
                                .help = "where it is served now" },
};

/* clang-format off */
static const SchemaTable tables[N_SCHEMA_TABLES] = {
    { SCHEMA_PLAN, "plan", "What kind of call a number makes, and how long it is.",
      plan_columns, N_PLAN_COLUMNS, 2 },
    { SCHEMA_TRANSLATION, "translation", "What is done to numbers, step by step.",
      translation_columns, N_TRANSLATION_COLUMNS, 2 },
    { SCHEMA_SCREENING, "screening", "Who may call whom.",
      screening_columns, N_SCREENING_COLUMNS, 2 },
    { SCHEMA_CAUSE, "cause", "After which failure the next target is tried.",
      cause_columns, N_CAUSE_COLUMNS, 2 },
    { SCHEMA_CALENDAR, "calendar", "Times of the day, the week and the year.",
      calendar_columns, N_CALENDAR_COLUMNS, 2 },
    { SCHEMA_HOLIDAY, "holiday", "The days that calendars call holidays.",
      holiday_columns, N_HOLIDAY_COLUMNS, 2 },
    { SCHEMA_LIST, "list", "Route lists: how their targets are hunted.",
      list_columns, N_LIST_COLUMNS, 1 },
    { SCHEMA_TARGET, "target", "The targets of route lists.",
      target_columns, N_TARGET_COLUMNS, 2 },
    { SCHEMA_ROUTE, "route", "Which route list a number has, under which conditions.",
      route_columns, N_ROUTE_COLUMNS, 3 },
    { SCHEMA_INGRESS, "ingress", "What holds for calls that come from a trunk group.",
      ingress_columns, N_INGRESS_COLUMNS, 1 },
    { SCHEMA_EMERGENCY, "emergency", "Emergency numbers, which no other table is asked for.",
      emergency_columns, N_EMERGENCY_COLUMNS, 2 },
    { SCHEMA_TOLL_FREE, "toll_free", "Who carries toll-free numbers.",
      toll_free_columns, N_TOLL_FREE_COLUMNS, 1 },
    { SCHEMA_CODE, "code", "Where numbers are, for the jurisdiction of calls.",
      code_columns, N_CODE_COLUMNS, 1 },
    { SCHEMA_PORTED, "ported", "Numbers that another network serves now.",
      ported_columns, N_PORTED_COLUMNS, 1 },
};
/* clang-format on */

/* --- Finding ----------------------------------------------------------------------------- */

const SchemaTable *
schema_table (SchemaTableId id)
{
    g_return_val_if_fail ((unsigned) id < N_SCHEMA_TABLES, NULL);
    return &tables[id];
}

const SchemaTable *
schema_find_table (const char *name)
{
    for (unsigned i = 0; i < N_SCHEMA_TABLES; i++) {
        if (strcmp (tables[i].name, name) == 0) {
            return &tables[i];
        }
    }
    return NULL;
}

int
schema_find_column (const SchemaTable *table, const char *name)
{
    for (unsigned i = 0; i < table->n_columns; i++) {
        if (strcmp (table->columns[i].name, name) == 0) {
            return (int) i;
        }
    }
    return -1;
}

bool
schema_is_integer (const SchemaColumn *column)
{
    return column->type == SCHEMA_INTEGER || column->type == SCHEMA_NUMBER;
}

/* --- SQL --------------------------------------------------------------------------------- */

void
schema_append_columns (GString *out, const SchemaTable *table, unsigned n_columns,
                       const char *before)
{
    for (unsigned i = 0; i < n_columns; i++) {
        g_string_append_printf (out, "%s%s\"%s\"", i > 0 ? ", " : "", before,
                                table->columns[i].name);
    }
}

/* Whether SQLite lays the table out by its key as it is: that takes the least room. */
static bool
has_integer_key (const SchemaTable *table)
{
    return table->n_keys == 1 && schema_is_integer (&table->columns[0]);
}

/* A key is never NULL, a text never: an empty one says nothing. */
static void
append_column (GString *out, const SchemaTable *table, unsigned i, bool is_laid_out_by)
{
    const SchemaColumn *column = &table->columns[i];
    bool is_integer = schema_is_integer (column);

    g_string_append_printf (out, "\"%s\" %s", column->name, is_integer ? "INTEGER" : "TEXT");
    if (is_laid_out_by) {
        g_string_append (out, " PRIMARY KEY");
    } else if (!is_integer || i < table->n_keys) {
        g_string_append (out, " NOT NULL");
    }
    g_string_append (out, ", ");
}

void
schema_append_create (GString *out, const SchemaTable *table, const char *name, bool has_key,
                      const char *more)
{
    bool is_laid_out = has_key && has_integer_key (table);

    g_string_append_printf (out, "CREATE TABLE %s (", name);
    for (unsigned i = 0; i < table->n_columns; i++) {
        append_column (out, table, i, is_laid_out && i == 0);
    }
    g_string_append (out, more);
    if (has_key && !is_laid_out) {
        g_string_append (out, ", PRIMARY KEY (");
        schema_append_columns (out, table, table->n_keys, "");
        g_string_append (out, ")) WITHOUT ROWID;\n");
    } else {
        g_string_append (out, ");\n");
    }
}

/* A text is never NULL, as everywhere. */
static void
append_addition (GString *out, const char *name, const char *past, const SchemaColumn *column,
                 const char *type)
{
    const char *fallback = column->fallback != NULL ? column->fallback : "";

    g_string_append_printf (out, "ALTER TABLE \"%s%s\" ADD COLUMN \"%s\" %s", name, past,
                            column->name, type);
    if (!schema_is_integer (column)) {
        g_string_append_printf (out, " NOT NULL DEFAULT '%s'", fallback);
    } else if (*fallback != '\0') {
        g_string_append_printf (out, " DEFAULT %s", fallback);
    }
    g_string_append (out, ";\n");
}

void
schema_append_addition (GString *out, const SchemaTable *table, unsigned i, const char *type)
{
    append_addition (out, table->name, "", &table->columns[i], type);
    append_addition (out, table->name, "_past", &table->columns[i], type);
}

/* --- CSV and documentation --------------------------------------------------------------- */

void
schema_append_header (GString *out, const SchemaTable *table)
{
    for (unsigned i = 0; i < table->n_columns; i++) {
        g_string_append_printf (out, "%s%s", i > 0 ? "," : "", table->columns[i].name);
    }
}

static void
append_choices (GString *out, const SchemaColumn *column)
{
    for (unsigned i = 0; column->choices[i] != NULL; i++) {
        g_string_append_printf (out, "%s`%s`", i > 0 ? ", " : "", column->choices[i]);
    }
}

static void
append_type (GString *out, const SchemaColumn *column)
{
    static const char *const names[] = {
        [SCHEMA_TEXT] = "text",       [SCHEMA_DIGITS] = "digits",   [SCHEMA_PATTERN] = "pattern",
        [SCHEMA_NUMBER] = "number",   [SCHEMA_TIME] = "HH:MM",      [SCHEMA_DAYS] = "days",
        [SCHEMA_DATE] = "YYYY-MM-DD", [SCHEMA_DATES] = "date..date"
    };

    if (column->type == SCHEMA_INTEGER) {
        g_string_append_printf (out, "%" G_GINT64_FORMAT " to %" G_GINT64_FORMAT, column->min,
                                column->max);
    } else if (column->type == SCHEMA_CHOICE) {
        append_choices (out, column);
    } else {
        g_string_append (out, names[column->type]);
    }
}

static void
append_row (GString *out, const SchemaTable *table, unsigned i)
{
    const SchemaColumn *column = &table->columns[i];

    g_string_append_printf (out, "| `%s`%s | ", column->name, i < table->n_keys ? " (key)" : "");
    append_type (out, column);
    g_string_append (out, " | ");
    if (column->fallback != NULL) {
        g_string_append_printf (out, "`%s`", column->fallback);
    } else if (column->is_required) {
        g_string_append (out, "required");
    }
    g_string_append_printf (out, " | %s", column->help);
    if (column->refers_column != NULL) {
        g_string_append_printf (out, " (`%s.%s`)", column->refers, column->refers_column);
    } else if (column->refers != NULL) {
        g_string_append_printf (out, " (`[%s]`)", column->refers);
    }
    g_string_append (out, " |\n");
}

void
schema_append_markdown (GString *out, const SchemaTable *table)
{
    g_string_append (out, "| column | type | when empty | |\n|---|---|---|---|\n");
    for (unsigned i = 0; i < table->n_columns; i++) {
        append_row (out, table, i);
    }
}

void
schema_append_manual (GString *out)
{
    for (unsigned i = 0; i < N_SCHEMA_TABLES; i++) {
        g_string_append_printf (out, "%s### %s\n\n%s\n\n", i > 0 ? "\n" : "", tables[i].name,
                                tables[i].help);
        schema_append_markdown (out, &tables[i]);
    }
}
