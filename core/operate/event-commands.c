/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* event list, event show, event follow: the facts of the bus, as they come. */

#include "operate/operate.h"

#include "operate/command.h"
#include "run/bus.h"

#include <string.h>
#include <tandem/iface/record.h>

enum { RING = 4096 };

typedef struct {
    TdRequest *request;
    TdSubscription *subscription;
} Follower;

static void
add_field (GVariantBuilder *row, const void *body, const TdField *field)
{
    const void *value = (const char *) body + field->offset;
    char id[TD_ID_TEXT_SIZE];

    switch (field->type) {
    case TD_FIELD_BOOL:
        g_variant_builder_add (row, "{sv}", field->name,
                               g_variant_new_boolean (*(const bool *) value));
        break;
    case TD_FIELD_INT:
    case TD_FIELD_TIME:
    case TD_FIELD_DURATION:
        if (*(const int64_t *) value != 0) {
            td_row_number (row, field->name, *(const int64_t *) value);
        }
        break;
    case TD_FIELD_UINT:
        td_row_number (row, field->name, *(const uint32_t *) value);
        break;
    case TD_FIELD_TEXT:
        td_row_text (row, field->name, *(const char *const *) value);
        break;
    case TD_FIELD_ID:
        if (*(const TdId *) value != TD_ID_NONE) {
            td_row_text (row, field->name, td_id_print (*(const TdId *) value, id));
        }
        break;
    }
}

static void
push_fact (const TdFact *fact, void *data)
{
    Follower *follower = data;
    GVariantBuilder row;
    char call[TD_ID_TEXT_SIZE];
    uint32_t n_fields;
    const TdField *fields = td_topic_fields (fact->topic, &n_fields);
    bool sees_all = td_request_may_see (follower->request, TD_CLASS_MAX);

    if (!td_request_may_see (follower->request, fact->priority_class)) {
        return;
    }
    g_variant_builder_init (&row, G_VARIANT_TYPE_VARDICT);
    td_row_text (&row, "event", td_topic_name (fact->topic));
    if (fact->call != TD_ID_NONE) {
        td_row_text (&row, "call", td_id_print (fact->call, call));
    }
    td_row_number (&row, "sequence", fact->sequence);
    td_row_number (&row, "time_us", fact->wall_us);
    for (uint32_t i = 0; i < n_fields; i++) {
        if (sees_all || !td_record_is_priority_field (fields[i].name)) {
            add_field (&row, fact->body, &fields[i]);
        }
    }
    td_request_push (follower->request, g_variant_builder_end (&row));
}

static void
push_gap (uint64_t n_dropped, void *data)
{
    Follower *follower = data;

    td_request_push (follower->request,
                     g_variant_new_parsed ("{'event': <'gap'>, 'missing': <%t>}", n_dropped));
}

static void
gone (TdRequest *request, void *data)
{
    Follower *follower = data;

    td_bus_unsubscribe (follower->subscription);
    td_request_unref (follower->request);
    g_free (follower);
}

/* Whether anything is ever told that an operator waits for. */
typedef struct {
    const char *pattern;
    bool is_found;
} Wanted;

static void
note_if_wanted (const TdTopic *topic, void *data)
{
    Wanted *wanted = data;

    wanted->is_found |= td_topic_matches (topic, wanted->pattern);
}

static void
run_follow (TdRequest *request, void *data)
{
    const char *topic = td_request_argument (request, "EVENT");
    Wanted wanted = { .pattern = topic };

    if (topic != NULL) {
        td_topics_each (note_if_wanted, &wanted);
    }
    if (topic != NULL && !wanted.is_found) {
        td_request_fail (request, "no event is called \"%s\": \"event list\" shows all of them",
                         topic);
        return;
    }
    Follower *follower = g_new0 (Follower, 1);

    follower->request = td_request_ref (request);
    follower->subscription =
        td_bus_subscribe_queued (NULL, TD_LIST (topic != NULL ? topic : "*"), td_lane_control (),
                                 RING, push_fact, push_gap, follower);
    td_request_on_gone (request, gone, follower);
}

static void
add_topic (const TdTopic *topic, void *data)
{
    GVariantBuilder *rows = data;

    g_variant_builder_open (rows, G_VARIANT_TYPE_VARDICT);
    td_row_text (rows, "event", td_topic_name (topic));
    td_row_text (rows, "help", td_topic_help (topic));
    g_variant_builder_close (rows);
}

static void
run_list (TdRequest *request, void *data)
{
    GVariantBuilder rows;

    g_variant_builder_init (&rows, G_VARIANT_TYPE ("aa{sv}"));
    td_topics_each (add_topic, &rows);
    td_request_reply (request, g_variant_builder_end (&rows));
}

static const char *
type_of (const TdField *field)
{
    static const char *const names[] = {
        [TD_FIELD_BOOL] = "boolean",
        [TD_FIELD_INT] = "integer",
        [TD_FIELD_UINT] = "whole number",
        [TD_FIELD_TEXT] = "text",
        [TD_FIELD_ID] = "id",
        [TD_FIELD_TIME] = "time",
        [TD_FIELD_DURATION] = "duration",
    };

    return names[field->type];
}

static GVariant *
describe_fields (const TdTopic *topic)
{
    GVariantBuilder rows;
    uint32_t n_fields;
    const TdField *fields = td_topic_fields (topic, &n_fields);

    g_variant_builder_init (&rows, G_VARIANT_TYPE ("aa{sv}"));
    for (uint32_t i = 0; i < n_fields; i++) {
        g_variant_builder_open (&rows, G_VARIANT_TYPE_VARDICT);
        td_row_text (&rows, "field", fields[i].name);
        td_row_text (&rows, "type", type_of (&fields[i]));
        td_row_text (&rows, "help", fields[i].help);
        g_variant_builder_close (&rows);
    }
    return g_variant_builder_end (&rows);
}

static void
run_show (TdRequest *request, void *data)
{
    const char *name = td_request_argument (request, "EVENT");
    const TdTopic *topic = td_topic_find (name);
    GVariantBuilder text;

    if (topic == NULL) {
        td_request_fail (request, "no event is called \"%s\": \"event list\" shows all of them",
                         name);
        return;
    }
    g_variant_builder_init (&text, G_VARIANT_TYPE_VARDICT);
    td_row_text (&text, "event", name);
    td_row_text (&text, "help", td_topic_help (topic));
    td_row_text (&text, "published_by", td_topic_owner (topic));
    td_row_number (&text, "version", td_topic_version (topic));
    g_variant_builder_add (&text, "{sv}", "fields", describe_fields (topic));
    td_request_reply (request, g_variant_builder_end (&text));
}

static const TdArgument show_arguments[] = {
    { .name = "EVENT",
      .help = "The event's name, as \"event list\" shows it",
      .is_required = true,
      .complete = "event list" },
};

static const TdArgument follow_arguments[] = {
    { .name = "EVENT",
      .help = "The event's name, or a family such as call.*; otherwise all",
      .complete = "event list" },
};

void
td_event_commands_open (void)
{
    td_command_add_own (&(TdCommand){ .size = sizeof (TdCommand),
                                      .argument_size = sizeof (TdArgument),
                                      .name = "event list",
                                      .help = "Shows the events there are",
                                      .run = run_list });
    td_command_add_own (&(TdCommand){ .size = sizeof (TdCommand),
                                      .argument_size = sizeof (TdArgument),
                                      .name = "event show",
                                      .help = "Shows what an event tells",
                                      .arguments = show_arguments,
                                      .n_arguments = G_N_ELEMENTS (show_arguments),
                                      .run = run_show });
    td_command_add_own (&(TdCommand){ .size = sizeof (TdCommand),
                                      .argument_size = sizeof (TdArgument),
                                      .name = "event follow",
                                      .help = "Shows events as they happen",
                                      .arguments = follow_arguments,
                                      .n_arguments = G_N_ELEMENTS (follow_arguments),
                                      .is_stream = true,
                                      .run = run_follow });
}
