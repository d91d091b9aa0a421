/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All compiled tables: rows go to the part they belong to. */

#include "tables.h"

#include <string.h>

enum { MOMENT_ON_RELEASE = 1 }; /* of the choices of ingress.portability */

/* --- Life -------------------------------------------------------------------------------- */

static void
clear_emergency (void *data)
{
    g_free (((Emergency *) data)->number);
}

static void
clear_toll_free (void *data)
{
    g_free (((TollFree *) data)->prefix);
}

static void
clear_code (void *data)
{
    g_free (((Code *) data)->prefix);
}

static GArray *
array_new (unsigned size, GDestroyNotify clear)
{
    GArray *array = g_array_new (false, true, size);

    if (clear != NULL) {
        g_array_set_clear_func (array, clear);
    }
    return array;
}

static void
make_names (Tables *tables)
{
    Names **all[] = { &tables->plan_names,      &tables->translation_names,
                      &tables->screening_names, &tables->table_names,
                      &tables->calendar_names,  &tables->labels,
                      &tables->cause_names,     &tables->trunks,
                      &tables->regions,         &tables->texts,
                      &tables->routing_numbers };

    for (unsigned i = 0; i < G_N_ELEMENTS (all); i++) {
        *all[i] = names_new ();
    }
}

static void
free_names (Tables *tables)
{
    Names *all[] = { tables->plan_names,      tables->translation_names,
                     tables->screening_names, tables->table_names,
                     tables->calendar_names,  tables->labels,
                     tables->cause_names,     tables->trunks,
                     tables->regions,         tables->texts,
                     tables->routing_numbers };

    for (unsigned i = 0; i < G_N_ELEMENTS (all); i++) {
        names_free (all[i]);
    }
}

TablesBuilder *
tables_builder_new (void)
{
    TablesBuilder *builder = g_new0 (TablesBuilder, 1);
    Tables *tables = g_new0 (Tables, 1);

    make_names (tables);
    tables->plans = plans_new (tables->plan_names);
    tables->translations = translations_new (tables->translation_names);
    tables->screenings = screenings_new (tables->screening_names);
    tables->calendars = calendars_new (tables->calendar_names);
    tables->causes = causes_new (tables->cause_names);
    tables->lookup =
        lookup_new (&(LookupNames){ tables->table_names, tables->labels, tables->calendar_names });
    tables->targets = targets_new (&(TargetNames){ tables->labels, tables->calendar_names,
                                                   tables->translation_names, tables->cause_names,
                                                   tables->trunks });
    tables->ingresses = array_new (sizeof (Ingress), NULL);
    tables->any_ingress = NAMES_NONE;
    tables->emergencies = array_new (sizeof (Emergency), clear_emergency);
    tables->toll_frees = array_new (sizeof (TollFree), clear_toll_free);
    tables->codes = array_new (sizeof (Code), clear_code);
    builder->tables = tables;
    builder->ported = numbers_builder_new ();
    return builder;
}

void
tables_free (Tables *tables)
{
    if (tables == NULL) {
        return;
    }
    plans_free (tables->plans);
    translations_free (tables->translations);
    screenings_free (tables->screenings);
    calendars_free (tables->calendars);
    causes_free (tables->causes);
    lookup_free (tables->lookup);
    targets_free (tables->targets);
    numbers_free (tables->ported);
    g_array_unref (tables->ingresses);
    g_free (tables->ingress_of);
    g_array_unref (tables->emergencies);
    g_free (tables->emergency_starts);
    g_array_unref (tables->toll_frees);
    td_prefix_table_free (tables->toll_free_of);
    g_array_unref (tables->codes);
    td_prefix_table_free (tables->code_of);
    free_names (tables);
    g_free (tables);
}

void
tables_builder_free (TablesBuilder *builder)
{
    if (builder != NULL) {
        tables_free (builder->tables);
        numbers_builder_free (builder->ported);
        g_free (builder);
    }
}

/* --- Rows -------------------------------------------------------------------------------- */

/* The text of a cell, kept as long as the tables. */
static const char *
keep (Tables *tables, const Row *row, unsigned column)
{
    return names_text (tables->texts, names_add (tables->texts, row_text (row, column)));
}

/* ITU-T E.164 6.2.1: one to three digits. */
static bool
check_country (const Row *row, GError **error)
{
    const char *country = row_text (row, INGRESS_COUNTRY);
    size_t len = strlen (country);

    return len == 0 || (len <= 3 && strspn (country, "0123456789") == len && country[0] != '0')
           || row_refuse (row, INGRESS_COUNTRY, error,
                          "write the one to three digits of a country code");
}

static bool
add_ingress (Tables *tables, const Row *row, GError **error)
{
    const char *trunk = row_text (row, INGRESS_TRUNK);
    int moment;

    if (!row_required (row, INGRESS_TRUNK, error) || !check_country (row, error)
        || !row_choice (row, INGRESS_PORTABILITY, &moment, error)) {
        return false;
    }
    if (strlen (row_text (row, INGRESS_CARRIER)) >= CARRIER_SIZE) {
        return row_refuse (row, INGRESS_CARRIER, error, "%d characters are the most",
                           CARRIER_SIZE - 1);
    }
    Ingress ingress = {
        .trunk = strcmp (trunk, "*") == 0 ? NAMES_NONE : names_add (tables->trunks, trunk),
        .plan = names_add (tables->plan_names, row_text (row, INGRESS_PLAN)),
        .translation = names_add (tables->translation_names, row_text (row, INGRESS_TRANSLATION)),
        .screening = names_add (tables->screening_names, row_text (row, INGRESS_SCREENING)),
        .table = names_add (tables->table_names, row_text (row, INGRESS_TABLE)),
        .region = names_add (tables->regions, row_text (row, INGRESS_REGION)),
        .carrier = keep (tables, row, INGRESS_CARRIER),
        .treatment = keep (tables, row, INGRESS_TREATMENT),
        .country = keep (tables, row, INGRESS_COUNTRY),
        .dips = { [TD_DIP_TOLL_FREE] = keep (tables, row, INGRESS_TOLL_FREE_DIP),
                  [TD_DIP_PORTABILITY] = keep (tables, row, INGRESS_PORTABILITY_DIP) },
        .release_causes = names_add (tables->cause_names, row_text (row, INGRESS_RELEASE_CAUSES)),
        .is_on_release = moment == MOMENT_ON_RELEASE,
        .line = row->line,
    };
    g_array_append_val (tables->ingresses, ingress);
    return true;
}

static bool
add_emergency (Tables *tables, const Row *row, GError **error)
{
    if (!row_required (row, EMERGENCY_REGION, error) || !row_required (row, EMERGENCY_NUMBER, error)
        || !row_required (row, EMERGENCY_LABEL, error)
        || !row_digits (row, EMERGENCY_NUMBER, error)) {
        return false;
    }
    Emergency emergency = {
        .region = names_add (tables->regions, row_text (row, EMERGENCY_REGION)),
        .label = names_add (tables->labels, row_text (row, EMERGENCY_LABEL)),
        .number = g_strdup (row_text (row, EMERGENCY_NUMBER)),
        .line = row->line,
    };
    g_array_append_val (tables->emergencies, emergency);
    return true;
}

static bool
add_toll_free (Tables *tables, const Row *row, GError **error)
{
    if (!row_required (row, TOLL_FREE_NUMBER, error) || !row_digits (row, TOLL_FREE_NUMBER, error)
        || !row_digits (row, TOLL_FREE_ROUTING_NUMBER, error)) {
        return false;
    }
    if (strlen (row_text (row, TOLL_FREE_CARRIER)) >= CARRIER_SIZE) {
        return row_refuse (row, TOLL_FREE_CARRIER, error, "%d characters are the most",
                           CARRIER_SIZE - 1);
    }
    TollFree toll_free = {
        .prefix = g_strdup (row_text (row, TOLL_FREE_NUMBER)),
        .carrier = keep (tables, row, TOLL_FREE_CARRIER),
        .routing_number = keep (tables, row, TOLL_FREE_ROUTING_NUMBER),
        .line = row->line,
    };
    g_array_append_val (tables->toll_frees, toll_free);
    return true;
}

static bool
add_code (Tables *tables, const Row *row, GError **error)
{
    int kind, status;

    if (!row_required (row, CODE_PREFIX, error) || !row_digits (row, CODE_PREFIX, error)
        || !row_choice (row, CODE_KIND, &kind, error)
        || !row_choice (row, CODE_STATUS, &status, error)) {
        return false;
    }
    Code code = {
        .prefix = g_strdup (row_text (row, CODE_PREFIX)),
        .region = names_add (tables->texts, row_text (row, CODE_REGION)),
        .state = names_add (tables->texts, row_text (row, CODE_STATE)),
        .country = names_add (tables->texts, row_text (row, CODE_COUNTRY)),
        .kind = (int8_t) kind,
        .status = (int8_t) status,
        .line = row->line,
    };
    g_array_append_val (tables->codes, code);
    return true;
}

static bool
add_ported (TablesBuilder *builder, const Row *row, GError **error)
{
    const char *routing_number = row_text (row, PORTED_ROUTING_NUMBER);

    if (!row_required (row, PORTED_ROUTING_NUMBER, error)
        || !row_digits (row, PORTED_ROUTING_NUMBER, error)) {
        return false;
    }
    uint32_t value = names_add (builder->tables->routing_numbers, routing_number);
    if (value > NUMBERS_MAX_VALUE) {
        return row_refuse (row, PORTED_ROUTING_NUMBER, error, "%d different ones are the most",
                           NUMBERS_MAX_VALUE);
    }
    return numbers_builder_add (builder->ported, row_text (row, PORTED_NUMBER), value)
           || row_refuse (row, PORTED_NUMBER, error, "write 1 to %d digits, after a + or not",
                          NUMBERS_MAX_DIGITS);
}

bool
tables_builder_add (TablesBuilder *builder, SchemaTableId table, const char *const *cells,
                    unsigned line, GError **error)
{
    Tables *tables = builder->tables;
    Row row = { table, cells, line };

    switch (table) {
    case SCHEMA_PLAN:
        return plans_add (tables->plans, &row, error);
    case SCHEMA_TRANSLATION:
        return translations_add (tables->translations, &row, error);
    case SCHEMA_SCREENING:
        return screenings_add (tables->screenings, &row, error);
    case SCHEMA_CAUSE:
        return causes_add (tables->causes, &row, error);
    case SCHEMA_CALENDAR:
        return calendars_add (tables->calendars, &row, error);
    case SCHEMA_HOLIDAY:
        return calendars_add_holiday (tables->calendars, &row, error);
    case SCHEMA_LIST:
        return targets_add_list (tables->targets, &row, error);
    case SCHEMA_TARGET:
        return targets_add (tables->targets, &row, error);
    case SCHEMA_ROUTE:
        return lookup_add (tables->lookup, &row, error);
    case SCHEMA_INGRESS:
        return add_ingress (tables, &row, error);
    case SCHEMA_EMERGENCY:
        return add_emergency (tables, &row, error);
    case SCHEMA_TOLL_FREE:
        return add_toll_free (tables, &row, error);
    case SCHEMA_CODE:
        return add_code (tables, &row, error);
    case SCHEMA_PORTED:
        return add_ported (builder, &row, error);
    case N_SCHEMA_TABLES:
        break;
    }
    g_return_val_if_reached (false);
}

/* --- The end ----------------------------------------------------------------------------- */

static void
index_ingresses (Tables *tables)
{
    uint32_t n = names_count (tables->trunks);

    for (uint32_t i = 0; i < tables->ingresses->len; i++) {
        if (g_array_index (tables->ingresses, Ingress, i).trunk == NAMES_NONE) {
            tables->any_ingress = i;
        }
    }
    tables->ingress_of = g_new (uint32_t, n);
    for (uint32_t i = 0; i < n; i++) {
        tables->ingress_of[i] = tables->any_ingress;
    }
    for (uint32_t i = 0; i < tables->ingresses->len; i++) {
        uint32_t trunk = g_array_index (tables->ingresses, Ingress, i).trunk;
        if (trunk != NAMES_NONE) {
            tables->ingress_of[trunk] = i;
        }
    }
}

static int
compare_emergencies (const void *a, const void *b)
{
    const Emergency *one = a, *other = b;

    return one->region < other->region ? -1 : one->region > other->region;
}

static void
index_emergencies (Tables *tables)
{
    uint32_t n_regions = names_count (tables->regions), at = 0;

    g_array_sort (tables->emergencies, compare_emergencies);
    tables->emergency_starts = g_new (uint32_t, n_regions + 1);
    for (uint32_t region = 0; region <= n_regions; region++) {
        tables->emergency_starts[region] = at;
        while (at < tables->emergencies->len
               && g_array_index (tables->emergencies, Emergency, at).region == region) {
            at++;
        }
    }
}

/* A tree of the indices of ROWS, each of which has its prefix first. */
static TdPrefixTable *
index_prefixes (const GArray *rows, unsigned size)
{
    g_autofree TdPrefix *prefixes = g_new (TdPrefix, rows->len);

    for (uint32_t i = 0; i < rows->len; i++) {
        prefixes[i] = (TdPrefix){ *(char **) (void *) (rows->data + (size_t) i * size), i };
    }
    return td_prefix_table_new (prefixes, rows->len, NULL);
}

/* The trees have them; a million of them apart would take as much again. */
static void
drop_prefixes (Tables *tables)
{
    for (uint32_t i = 0; i < tables->codes->len; i++) {
        g_clear_pointer (&g_array_index (tables->codes, Code, i).prefix, g_free);
    }
    for (uint32_t i = 0; i < tables->toll_frees->len; i++) {
        g_clear_pointer (&g_array_index (tables->toll_frees, TollFree, i).prefix, g_free);
    }
}

Tables *
tables_builder_end (TablesBuilder *builder, Findings *findings, TablesIsSection is_section,
                    void *data)
{
    Tables *tables = g_steal_pointer (&builder->tables);

    plans_end (tables->plans);
    translations_end (tables->translations);
    screenings_end (tables->screenings, findings);
    calendars_end (tables->calendars);
    lookup_end (tables->lookup, findings);
    targets_end (tables->targets, findings);
    tables->ported = numbers_builder_end (g_steal_pointer (&builder->ported));
    tables->toll_free_of = index_prefixes (tables->toll_frees, sizeof (TollFree));
    tables->code_of = index_prefixes (tables->codes, sizeof (Code));
    index_ingresses (tables);
    index_emergencies (tables);
    tables_check (tables, findings, is_section, data);
    drop_prefixes (tables);
    tables_builder_free (builder);
    return tables;
}

const Emergency *
tables_find_emergency (const Tables *tables, uint32_t region, const char *number)
{
    if (region == NAMES_NONE) {
        return NULL;
    }
    for (uint32_t i = tables->emergency_starts[region]; i < tables->emergency_starts[region + 1];
         i++) {
        const Emergency *emergency = &g_array_index (tables->emergencies, Emergency, i);
        if (number == NULL || strcmp (emergency->number, number) == 0) {
            return emergency;
        }
    }
    return NULL;
}

bool
tables_have_dip (const Tables *tables, const char *name)
{
    for (unsigned i = 0; i < tables->ingresses->len; i++) {
        const Ingress *ingress = &g_array_index (tables->ingresses, Ingress, i);
        for (unsigned kind = 0; kind < N_DIP_KINDS; kind++) {
            if (strcmp (ingress->dips[kind], name) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* What grows with a carrier's data; the rest is small. */
size_t
tables_size_bytes (const Tables *tables)
{
    return sizeof (Tables) + lookup_size_bytes (tables->lookup)
           + numbers_size_bytes (tables->ported) + td_prefix_table_size_bytes (tables->toll_free_of)
           + tables->toll_frees->len * sizeof (TollFree)
           + td_prefix_table_size_bytes (tables->code_of) + tables->codes->len * sizeof (Code);
}
