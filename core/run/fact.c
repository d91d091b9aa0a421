/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Facts as values: copied for whoever hears them later, written as JSON. */

#include "run/bus.h"

#include "base/json.h"

#include <string.h>

static const void *
member (const void *body, const TdField *field)
{
    return (const char *) body + field->offset;
}

static const char *
text_of (const void *body, const TdField *field)
{
    return *(const char *const *) member (body, field);
}

const char *
td_fact_text (const TdFact *fact, const char *name)
{
    uint32_t n_fields;
    const TdField *fields = td_topic_fields (fact->topic, &n_fields);

    for (uint32_t i = 0; i < n_fields; i++) {
        if (fields[i].type == TD_FIELD_TEXT && strcmp (fields[i].name, name) == 0) {
            return text_of (fact->body, &fields[i]);
        }
    }
    return NULL;
}

/* How many bytes the texts of FACT take, with their ends. */
static size_t
texts_size (const TdFact *fact)
{
    uint32_t n_fields;
    const TdField *fields = td_topic_fields (fact->topic, &n_fields);
    size_t size = 0;

    for (uint32_t i = 0; i < n_fields; i++) {
        const char *text =
            fields[i].type == TD_FIELD_TEXT ? text_of (fact->body, &fields[i]) : NULL;
        size += text != NULL ? strlen (text) + 1 : 0;
    }
    return size;
}

/* Moves the texts that BODY points to behind it, to ROOM. */
static void
copy_texts (const TdTopic *topic, void *body, char *room)
{
    uint32_t n_fields;
    const TdField *fields = td_topic_fields (topic, &n_fields);

    for (uint32_t i = 0; i < n_fields; i++) {
        const char *text = fields[i].type == TD_FIELD_TEXT ? text_of (body, &fields[i]) : NULL;
        if (text != NULL) {
            size_t size = strlen (text) + 1;
            *(const char **) ((char *) body + fields[i].offset) = memcpy (room, text, size);
            room += size;
        }
    }
}

enum { HEAD_SIZE = (sizeof (TdFact) + 15) & ~(size_t) 15 };

static size_t
node_size (const TdFact *fact)
{
    return fact->node != NULL ? strlen (fact->node) + 1 : 0;
}

/* One allocation: the envelope, the body, its texts, the node. */
size_t
td_fact_size_bytes (const TdFact *fact)
{
    size_t size = HEAD_SIZE + node_size (fact);

    if (fact->body != NULL) {
        size += td_topic_body_size (fact->topic) + texts_size (fact);
    }
    return size;
}

TdFact *
td_fact_copy (const TdFact *fact)
{
    size_t body_size = td_topic_body_size (fact->topic);
    size_t size = td_fact_size_bytes (fact);
    char *bytes = g_malloc (size);
    TdFact *copy = (TdFact *) bytes;

    *copy = *fact;
    if (fact->node != NULL) { /* what is read from a journal has a node of its own */
        copy->node = memcpy (bytes + size - node_size (fact), fact->node, node_size (fact));
    }
    if (fact->body != NULL) {
        copy->body = memcpy (bytes + HEAD_SIZE, fact->body, body_size);
        copy_texts (fact->topic, bytes + HEAD_SIZE, bytes + HEAD_SIZE + body_size);
    }
    return copy;
}

void
td_fact_free (TdFact *fact)
{
    g_free (fact);
}

static void
append_time (GString *json, int64_t wall_us)
{
    if (wall_us == 0) {
        g_string_append (json, "null");
        return;
    }
    g_autoptr (GDateTime) time = g_date_time_new_from_unix_utc (wall_us / G_USEC_PER_SEC);
    g_autofree char *text = g_date_time_format (time, "%Y-%m-%dT%H:%M:%S");
    g_string_append_printf (json, "\"%s.%06dZ\"", text, (int) (wall_us % G_USEC_PER_SEC));
}

static void
append_id (GString *json, TdId id)
{
    char text[TD_ID_TEXT_SIZE];

    td_json_append_text (json, id == TD_ID_NONE ? NULL : td_id_print (id, text));
}

static void
append_value (GString *json, const void *body, const TdField *field)
{
    const void *value = member (body, field);

    switch (field->type) {
    case TD_FIELD_BOOL:
        g_string_append (json, *(const bool *) value ? "true" : "false");
        break;
    case TD_FIELD_INT:
    case TD_FIELD_DURATION:
        g_string_append_printf (json, "%" G_GINT64_FORMAT, *(const int64_t *) value);
        break;
    case TD_FIELD_UINT:
        g_string_append_printf (json, "%" G_GUINT32_FORMAT, *(const uint32_t *) value);
        break;
    case TD_FIELD_TEXT:
        td_json_append_text (json, text_of (body, field));
        break;
    case TD_FIELD_ID:
        append_id (json, *(const TdId *) value);
        break;
    case TD_FIELD_TIME:
        append_time (json, *(const int64_t *) value);
        break;
    }
}

static void
append_envelope (GString *json, const TdFact *fact)
{
    bool is_first = true;

    td_json_append_name (json, "event", &is_first);
    td_json_append_text (json, td_topic_name (fact->topic));
    td_json_append_name (json, "version", &is_first);
    g_string_append_printf (json, "%" G_GUINT32_FORMAT, td_topic_version (fact->topic));
    td_json_append_name (json, "node", &is_first);
    td_json_append_text (json, fact->node);
    td_json_append_name (json, "boot", &is_first);
    g_string_append_printf (json, "%" G_GUINT32_FORMAT, fact->boot);
    td_json_append_name (json, "call", &is_first);
    append_id (json, fact->call);
    td_json_append_name (json, "sequence", &is_first);
    g_string_append_printf (json, "%" G_GUINT32_FORMAT, fact->sequence);
    td_json_append_name (json, "time", &is_first);
    append_time (json, fact->wall_us);
    td_json_append_name (json, "monotonic_us", &is_first);
    g_string_append_printf (json, "%" G_GINT64_FORMAT, fact->monotonic_us);
    td_json_append_name (json, "class", &is_first);
    g_string_append_printf (json, "%u", fact->priority_class);
}

void
td_fact_to_json (const TdFact *fact, GString *text)
{
    uint32_t n_fields;
    const TdField *fields = td_topic_fields (fact->topic, &n_fields);
    bool is_first = true;

    g_string_append_c (text, '{');
    append_envelope (text, fact);
    g_string_append (text, ",\"data\":{");
    for (uint32_t i = 0; fact->body != NULL && i < n_fields; i++) {
        td_json_append_name (text, fields[i].name, &is_first);
        append_value (text, fact->body, &fields[i]);
    }
    g_string_append (text, "}}");
}
