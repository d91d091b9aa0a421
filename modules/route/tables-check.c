/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is wrong between the rows of compiled tables: references, coverage, overlaps, what nothing
 * leads to. What one table says of itself its own part has found. */

#include "tables.h"

#include <string.h>

typedef struct {
    const Tables *tables;
    Findings *findings;
    TablesIsSection is_section;
    void *data;
} Check;

/* --- References -------------------------------------------------------------------------- */

/* Says that the row OF table in LINE mentions NAME in COLUMN, which KIND has no row of. */
static void
dangle (const Check *check, SchemaTableId table, unsigned line, const char *of, const char *column,
        const char *name, const char *kind)
{
    findings_add (check->findings, table, line, true,
                  "%s \"%s\": %s \"%s\" is no row of \"%s\"; add one, or name another",
                  schema_table (table)->name, of, column, name, kind);
}

static void
check_section (const Check *check, SchemaTableId table, unsigned line, const char *of,
               const char *section, const char *name)
{
    if (check->is_section != NULL && !check->is_section (section, name, check->data)) {
        findings_add (check->findings, table, line, true,
                      "%s \"%s\": there is no [%s %s] in the configuration",
                      schema_table (table)->name, of, section, name);
    }
}

static void
check_trunk (const Check *check, SchemaTableId table, unsigned line, const char *of, uint32_t trunk)
{
    const char *name = names_text (check->tables->trunks, trunk);

    if (trunk != NAMES_NONE) {
        check_section (check, table, line, of, "trunk", name);
    }
}

static bool
is_calendar (const Check *check, uint32_t calendar)
{
    return calendar == NAMES_NONE || calendars_has (check->tables->calendars, calendar);
}

static void
check_targets (const Check *check)
{
    const Tables *tables = check->tables;
    unsigned n;
    const Target *targets = targets_all (tables->targets, &n);

    for (unsigned i = 0; i < n; i++) {
        const Target *target = &targets[i];
        const char *label = names_text (tables->labels, target->label);
        check_trunk (check, SCHEMA_TARGET, target->line, label, target->trunk);
        if (target->sublist != NAMES_NONE
            && targets_list (tables->targets, target->sublist) == NULL) {
            dangle (check, SCHEMA_TARGET, target->line, label, "list",
                    names_text (tables->labels, target->sublist), "list");
        }
        if (!is_calendar (check, target->calendar)) {
            dangle (check, SCHEMA_TARGET, target->line, label, "calendar",
                    names_text (tables->calendar_names, target->calendar), "calendar");
        }
        if (target->translation != NAMES_NONE
            && !translations_has (tables->translations, target->translation)) {
            dangle (check, SCHEMA_TARGET, target->line, label, "translation",
                    names_text (tables->translation_names, target->translation), "translation");
        }
    }
}

static void
check_ingress (const Check *check, const Ingress *ingress)
{
    const Tables *tables = check->tables;
    const char *trunk =
        ingress->trunk != NAMES_NONE ? names_text (tables->trunks, ingress->trunk) : "*";

    check_trunk (check, SCHEMA_INGRESS, ingress->line, trunk, ingress->trunk);
    if (ingress->plan != NAMES_NONE && !plans_has (tables->plans, ingress->plan)) {
        dangle (check, SCHEMA_INGRESS, ingress->line, trunk, "plan",
                names_text (tables->plan_names, ingress->plan), "plan");
    }
    if (ingress->translation != NAMES_NONE
        && !translations_has (tables->translations, ingress->translation)) {
        dangle (check, SCHEMA_INGRESS, ingress->line, trunk, "translation",
                names_text (tables->translation_names, ingress->translation), "translation");
    }
    if (ingress->screening != NAMES_NONE
        && !screenings_has (tables->screenings, ingress->screening)) {
        dangle (check, SCHEMA_INGRESS, ingress->line, trunk, "screening",
                names_text (tables->screening_names, ingress->screening), "screening");
    }
    for (unsigned i = 0; i < N_DIP_KINDS; i++) {
        if (*ingress->dips[i] != '\0') {
            check_section (check, SCHEMA_INGRESS, ingress->line, trunk, "dip", ingress->dips[i]);
        }
    }
    if (ingress->release_causes != NAMES_NONE
        && !causes_has (tables->causes, ingress->release_causes)) {
        dangle (check, SCHEMA_INGRESS, ingress->line, trunk, "release_causes",
                names_text (tables->cause_names, ingress->release_causes), "cause");
    }
    if (!lookup_has (tables->lookup, ingress->table)) {
        dangle (check, SCHEMA_INGRESS, ingress->line, trunk, "table",
                names_text (tables->table_names, ingress->table), "route");
    }
}

/* Labels that rows of "route" mention; each is named once. */
static void
check_labels (const Check *check)
{
    const Tables *tables = check->tables;

    for (uint32_t i = 0; i < names_count (tables->labels); i++) {
        if (lookup_leads_to (tables->lookup, i) && targets_list (tables->targets, i) == NULL) {
            dangle (check, SCHEMA_ROUTE, lookup_line_of_label (tables->lookup, i), "", "label",
                    names_text (tables->labels, i), "list");
        }
    }
    for (uint32_t i = 0; i < names_count (tables->calendar_names); i++) {
        if (lookup_asks_for (tables->lookup, i) && !calendars_has (tables->calendars, i)) {
            dangle (check, SCHEMA_ROUTE, lookup_line_of_calendar (tables->lookup, i), "",
                    "calendar", names_text (tables->calendar_names, i), "calendar");
        }
    }
    for (unsigned i = 0; i < tables->emergencies->len; i++) {
        const Emergency *emergency = &g_array_index (tables->emergencies, Emergency, i);
        if (targets_list (tables->targets, emergency->label) == NULL) {
            dangle (check, SCHEMA_EMERGENCY, emergency->line, emergency->number, "label",
                    names_text (tables->labels, emergency->label), "list");
        }
    }
}

/* --- Lists ------------------------------------------------------------------------------- */

static void
check_lists (const Check *check)
{
    const Tables *tables = check->tables;
    uint32_t n_labels = names_count (tables->labels);
    g_autofree bool *is_used = g_new0 (bool, n_labels);
    unsigned n;
    const Target *targets = targets_all (tables->targets, &n);

    for (unsigned i = 0; i < n; i++) {
        if (targets[i].sublist != NAMES_NONE) {
            is_used[targets[i].sublist] = true;
        }
    }
    for (unsigned i = 0; i < tables->emergencies->len; i++) {
        is_used[g_array_index (tables->emergencies, Emergency, i).label] = true;
    }
    for (uint32_t i = 0; i < n_labels; i++) {
        const TargetList *list = targets_list (tables->targets, i);
        const char *label = names_text (tables->labels, i);
        if (list == NULL) {
            continue;
        }
        if (!is_used[i] && !lookup_leads_to (tables->lookup, i)) {
            findings_add (check->findings, SCHEMA_LIST, list->line, false,
                          "list \"%s\": nothing leads to it, its targets are never tried", label);
        }
        if (list->causes != NAMES_NONE && !causes_has (tables->causes, list->causes)) {
            dangle (check, SCHEMA_LIST, list->line, label, "causes",
                    names_text (tables->cause_names, list->causes), "cause");
        }
    }
}

/* --- Emergency --------------------------------------------------------------------------- */

/* Emergency numbers of the ingress's plan that its region does not know. */
static void
check_plan_numbers (const Check *check, const Ingress *ingress, const char *trunk)
{
    unsigned n;
    const PlanRow *rows = plans_rows (check->tables->plans, &n);

    for (unsigned i = 0; i < n; i++) {
        if (rows[i].plan == ingress->plan && rows[i].type == CALL_TYPE_EMERGENCY
            && td_prefix_is_valid (rows[i].text)
            && tables_find_emergency (check->tables, ingress->region, rows[i].text) == NULL) {
            findings_add (check->findings, SCHEMA_INGRESS, ingress->line, false,
                          "ingress \"%s\": region \"%s\" has no row in \"emergency\" for %s, which "
                          "plan \"%s\" knows; such calls are refused",
                          trunk, names_text (check->tables->regions, ingress->region), rows[i].text,
                          names_text (check->tables->plan_names, ingress->plan));
        }
    }
}

static void
check_emergency (const Check *check, const Ingress *ingress)
{
    const Tables *tables = check->tables;
    const char *trunk =
        ingress->trunk != NAMES_NONE ? names_text (tables->trunks, ingress->trunk) : "*";

    if (ingress->region == NAMES_NONE) {
        findings_add (check->findings, SCHEMA_INGRESS, ingress->line, false,
                      "ingress \"%s\": it has no region, so no emergency numbers; name one", trunk);
    } else if (tables_find_emergency (tables, ingress->region, NULL) == NULL) {
        findings_add (check->findings, SCHEMA_INGRESS, ingress->line, false,
                      "ingress \"%s\": region \"%s\" has no row in \"emergency\": its emergency "
                      "calls are refused",
                      trunk, names_text (tables->regions, ingress->region));
    } else {
        check_plan_numbers (check, ingress, trunk);
    }
}

/* --- Overlaps ---------------------------------------------------------------------------- */

/* Whether neither is the closer one where they differ first, though both fit some number. */
static bool
is_undecided (const Pattern *one, const Pattern *other)
{
    if (!pattern_meets (one, other)) {
        return false;
    }
    for (unsigned i = 0; i < MIN (one->n_digits, other->n_digits); i++) {
        if (one->digits[i] != other->digits[i]) {
            return __builtin_popcount (one->digits[i]) == __builtin_popcount (other->digits[i]);
        }
    }
    return one->n_digits == other->n_digits && one->is_whole == other->is_whole;
}

static void
check_overlaps (const Check *check)
{
    enum { MAX_BEFORE = 1000 }; /* rows that one is compared with */
    unsigned n;
    const PlanRow *rows = plans_rows (check->tables->plans, &n);

    for (unsigned i = 0; i < n; i++) {
        for (unsigned k = i > MAX_BEFORE ? i - MAX_BEFORE : 0; k < i; k++) {
            if (rows[k].plan == rows[i].plan && rows[k].min <= rows[i].max
                && rows[i].min <= rows[k].max
                && is_undecided (&rows[k].pattern, &rows[i].pattern)) {
                findings_add (check->findings, SCHEMA_PLAN, rows[i].line, false,
                              "plan \"%s\": pattern %s fits numbers that %s (line %u) fits, too, "
                              "and neither is closer; the first row is taken",
                              names_text (check->tables->plan_names, rows[i].plan), rows[i].text,
                              rows[k].text, rows[k].line);
            }
        }
    }
}

/* Two rows of one prefix, of which the lower one counts. */
static void
check_duplicates (const Check *check)
{
    const Tables *tables = check->tables;

    for (uint32_t i = 0; i < tables->codes->len; i++) {
        const Code *code = &g_array_index (tables->codes, Code, i);
        if (td_prefix_table_find (tables->code_of, code->prefix) != i) {
            findings_add (check->findings, SCHEMA_CODE, code->line, false,
                          "code \"%s\": another row has the same prefix and comes first",
                          code->prefix);
        }
    }
    for (uint32_t i = 0; i < tables->ingresses->len; i++) {
        const Ingress *ingress = &g_array_index (tables->ingresses, Ingress, i);
        uint32_t used =
            ingress->trunk != NAMES_NONE ? tables->ingress_of[ingress->trunk] : tables->any_ingress;
        if (used != i) {
            findings_add (check->findings, SCHEMA_INGRESS, ingress->line, false,
                          "ingress \"%s\": another row has the same trunk and comes last",
                          ingress->trunk != NAMES_NONE ? names_text (tables->trunks, ingress->trunk)
                                                       : "*");
        }
    }
}

void
tables_check (const Tables *tables, Findings *findings, TablesIsSection is_section, void *data)
{
    Check check = { tables, findings, is_section, data };

    check_targets (&check);
    check_labels (&check);
    check_lists (&check);
    for (unsigned i = 0; i < tables->ingresses->len; i++) {
        check_ingress (&check, &g_array_index (tables->ingresses, Ingress, i));
        check_emergency (&check, &g_array_index (tables->ingresses, Ingress, i));
    }
    translations_check (tables->translations, findings);
    check_overlaps (&check);
    check_duplicates (&check);
}
