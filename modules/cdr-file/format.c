/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A fact as one line of text: CSV (RFC 4180) or JSON. The columns are the envelope's, which tell
 * one record from every other, then those of the fact's own schema. */

#include "format.h"

#include <string.h>

/* --- CSV --------------------------------------------------------------------------------- */

/* RFC 4180 2.6, 2.7: a field with a comma or a quote stands in quotes, a quote in it twice. A control
 * character becomes a space, so that a line is a record for whoever reads by lines. */
static void
append_text (GString *text, const char *value)
{
    bool is_quoted = value[strcspn (value, ",\"")] != '\0';

    if (is_quoted) {
        g_string_append_c (text, '"');
    }
    for (; *value != '\0'; value++) {
        if (*value == '"') {
            g_string_append_c (text, '"');
        }
        g_string_append_c (text, g_ascii_iscntrl (*value) ? ' ' : *value);
    }
    if (is_quoted) {
        g_string_append_c (text, '"');
    }
}

/* As td_fact_to_json() writes it. A time that has not come is empty. */
static void
append_time (GString *text, int64_t wall_us)
{
    if (wall_us == 0) {
        return;
    }
    g_autoptr (GDateTime) time = g_date_time_new_from_unix_utc (wall_us / G_USEC_PER_SEC);
    g_autofree char *seconds = g_date_time_format (time, "%Y-%m-%dT%H:%M:%S");
    g_string_append_printf (text, "%s.%06dZ", seconds, (int) (wall_us % G_USEC_PER_SEC));
}

static void
append_id (GString *text, TdId id)
{
    char printed[TD_ID_TEXT_SIZE];

    if (id != TD_ID_NONE) {
        g_string_append (text, td_id_print (id, printed));
    }
}

static void
append_value (GString *text, const void *body, const TdField *field)
{
    const void *value = (const char *) body + field->offset;

    switch (field->type) {
    case TD_FIELD_BOOL:
        g_string_append (text, *(const bool *) value ? "true" : "false");
        break;
    case TD_FIELD_INT:
    case TD_FIELD_DURATION:
        g_string_append_printf (text, "%" G_GINT64_FORMAT, *(const int64_t *) value);
        break;
    case TD_FIELD_UINT:
        g_string_append_printf (text, "%" G_GUINT32_FORMAT, *(const uint32_t *) value);
        break;
    case TD_FIELD_TEXT:
        if (*(const char *const *) value != NULL) {
            append_text (text, *(const char *const *) value);
        }
        break;
    case TD_FIELD_ID:
        append_id (text, *(const TdId *) value);
        break;
    case TD_FIELD_TIME:
        append_time (text, *(const int64_t *) value);
        break;
    }
}

/* The envelope has the call already. */
static bool
is_column (const TdField *field)
{
    return strcmp (field->name, "call") != 0;
}

static void
append_csv (GString *text, const char *record, const TdFact *fact)
{
    uint32_t n_fields;
    const TdField *fields = td_topic_fields (fact->topic, &n_fields);

    g_string_append (text, record);
    g_string_append_c (text, ',');
    append_text (text, fact->node);
    g_string_append_printf (text, ",%" G_GUINT32_FORMAT ",", fact->boot);
    append_id (text, fact->call);
    g_string_append_printf (text, ",%" G_GUINT32_FORMAT ",", fact->sequence);
    append_time (text, fact->wall_us);
    for (uint32_t i = 0; i < n_fields; i++) {
        if (is_column (&fields[i])) {
            g_string_append_c (text, ',');
            append_value (text, fact->body, &fields[i]);
        }
    }
    g_string_append (text, "\r\n");
}

static void
append_csv_head (GString *text, const TdTopic *topic)
{
    uint32_t n_fields;
    const TdField *fields = td_topic_fields (topic, &n_fields);

    g_string_append (text, "record,node,boot,call,sequence,time");
    for (uint32_t i = 0; i < n_fields; i++) {
        if (is_column (&fields[i])) {
            g_string_append_printf (text, ",%s", fields[i].name);
        }
    }
    g_string_append (text, "\r\n");
}

/* --- Either ------------------------------------------------------------------------------ */

void
cdr_format_append (CdrFormat format, GString *text, const char *record, const TdFact *fact)
{
    if (format == CDR_FORMAT_CSV) {
        append_csv (text, record, fact);
        return;
    }
    gsize begin = text->len;
    g_autofree char *name = g_strdup_printf ("\"record\":\"%s\",", record);
    td_fact_to_json (fact, text);
    g_string_insert (text, (gssize) begin + 1, name);
    g_string_append_c (text, '\n');
}

void
cdr_format_append_head (CdrFormat format, GString *text, const TdTopic *topic)
{
    if (format == CDR_FORMAT_CSV) {
        append_csv_head (text, topic);
    }
}
