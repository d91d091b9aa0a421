/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes what goes over the wire. */

#include "wire.h"

#include <string.h>
#include <tandem/command.h>

static const char *const natures[] = { "unknown", "subscriber", "national", "international",
                                       "network-specific" };
static const char *const presentations[] = { "allowed", "restricted", "unavailable" };

/* TEXT as a value, whatever bytes somebody's call has brought. */
static GVariant *
text_value (const char *text)
{
    return g_utf8_validate (text, -1, NULL)
               ? g_variant_new_string (text)
               : g_variant_new_take_string (g_utf8_make_valid (text, -1));
}

/* An empty TEXT (nullable) is left out. */
static void
add_text (GVariantBuilder *object, const char *name, const char *text)
{
    if (text != NULL && *text != '\0') {
        g_variant_builder_add (object, "{sv}", name, text_value (text));
    }
}

static void
add_number (GVariantBuilder *object, const char *name, int64_t number)
{
    g_variant_builder_add (object, "{sv}", name, g_variant_new_int64 (number));
}

/* A zero is left out. */
static void
add_some (GVariantBuilder *object, const char *name, int64_t number)
{
    if (number != 0) {
        add_number (object, name, number);
    }
}

static void
add_flag (GVariantBuilder *object, const char *name, bool is_set)
{
    if (is_set) {
        g_variant_builder_add (object, "{sv}", name, g_variant_new_boolean (TRUE));
    }
}

static char *
finish (GVariantBuilder *object)
{
    g_autoptr (GVariant) value = g_variant_ref_sink (g_variant_builder_end (object));

    return td_result_to_json (value);
}

static void
begin (GVariantBuilder *object, const char *node)
{
    g_variant_builder_init (object, G_VARIANT_TYPE_VARDICT);
    add_number (object, "version", WIRE_VERSION);
    add_text (object, "node", node);
}

/* --- A question -------------------------------------------------------------------------- */

static GVariant *
party_value (const TdParty *party)
{
    GVariantBuilder object;

    g_variant_builder_init (&object, G_VARIANT_TYPE_VARDICT);
    add_text (&object, "number", td_party_key (party));
    add_text (&object, "host", party->host);
    if (party->nature != TD_NATURE_UNKNOWN && party->nature < G_N_ELEMENTS (natures)) {
        add_text (&object, "nature", natures[party->nature]);
    }
    if (party->presentation != TD_PRESENTATION_ALLOWED
        && party->presentation < G_N_ELEMENTS (presentations)) {
        add_text (&object, "presentation", presentations[party->presentation]);
    }
    if (!party->is_complete) {
        g_variant_builder_add (&object, "{sv}", "complete", g_variant_new_boolean (FALSE));
    }
    return g_variant_builder_end (&object);
}

typedef struct {
    GVariantBuilder object;
    const TdAttributes *attributes;
    GVariant *told; /* nullable: what the other side knows already */
    unsigned n;
} Printing;

/* ATTRIBUTE's value (transfer floating), or NULL: it is none that may go out. */
static GVariant *
attribute_value (const TdAttributes *attributes, const TdAttribute *attribute)
{
    if ((td_attribute_flags (attribute) & TD_ATTRIBUTE_SECRET) != 0
        || g_str_has_prefix (td_attribute_name (attribute), "policy.")) {
        return NULL;
    }
    switch (td_attribute_type (attribute)) {
    case TD_ATTRIBUTE_TEXT:
        return text_value (td_attributes_text (attributes, attribute, 0));
    case TD_ATTRIBUTE_NUMBER:
        return g_variant_new_int64 (td_attributes_number (attributes, attribute));
    default:
        return NULL;
    }
}

static void
print_attribute (const TdAttribute *attribute, void *data)
{
    Printing *printing = data;
    const char *name = td_attribute_name (attribute);
    GVariant *value = attribute_value (printing->attributes, attribute);

    if (value == NULL) {
        return;
    }
    g_variant_ref_sink (value);
    g_autoptr (GVariant) told =
        printing->told != NULL ? g_variant_lookup_value (printing->told, name, NULL) : NULL;
    if (told == NULL || !g_variant_equal (told, value)) {
        g_variant_builder_add (&printing->object, "{sv}", name, value);
        printing->n++;
    }
    g_variant_unref (value);
}

static void
add_attributes (GVariantBuilder *object, const TdAttributes *attributes, GVariant *told)
{
    Printing printing = { .attributes = attributes, .told = told };

    g_variant_builder_init (&printing.object, G_VARIANT_TYPE_VARDICT);
    td_attributes_each (attributes, print_attribute, &printing);
    GVariant *value = g_variant_ref_sink (g_variant_builder_end (&printing.object));
    if (printing.n > 0) {
        g_variant_builder_add (object, "{sv}", "attributes", value);
    }
    g_variant_unref (value);
}

char *
wire_print_question (TdCall *call, const char *node)
{
    GVariantBuilder object;

    begin (&object, node);
    g_variant_builder_add (&object, "{sv}", "called", party_value (td_call_called (call)));
    g_variant_builder_add (&object, "{sv}", "calling", party_value (td_call_calling (call)));
    add_text (&object, "trunk", td_call_trunk (call));
    g_variant_builder_add (&object, "{sv}", "time",
                           g_variant_new_double ((double) td_call_time_us (call) / G_USEC_PER_SEC));
    add_number (&object, "class", td_call_priority (call)->priority_class);
    add_flag (&object, "explain", td_call_is_explained (call));
    add_attributes (&object, td_call_attributes (call), NULL);
    return finish (&object);
}

/* --- An answer --------------------------------------------------------------------------- */

static void
add_target (GVariantBuilder *rows, const TdTarget *target)
{
    g_variant_builder_open (rows, G_VARIANT_TYPE_VARDICT);
    add_number (rows, "group", target->group);
    add_text (rows, "driver", target->driver);
    add_text (rows, "trunk", target->trunk);
    add_text (rows, "address", target->address);
    add_text (rows, "number", target->number);
    add_text (rows, "calling", target->calling);
    add_some (rows, "no_answer_ms", target->no_answer_ms);
    add_some (rows, "no_response_ms", target->no_response_ms);
    add_flag (rows, "media_through", target->is_media_through);
    g_variant_builder_close (rows);
}

static void
add_rules (GVariantBuilder *object, const TdHuntRules *rules)
{
    GVariantBuilder row, causes;

    if (rules->max_attempts == 0 && rules->within_ms == 0 && !rules->has_causes) {
        return;
    }
    g_variant_builder_init (&row, G_VARIANT_TYPE_VARDICT);
    add_some (&row, "max_attempts", rules->max_attempts);
    add_some (&row, "within_ms", rules->within_ms);
    if (rules->has_causes) {
        g_variant_builder_init (&causes, G_VARIANT_TYPE ("ax"));
        for (unsigned i = 0; i < 128; i++) {
            if ((rules->causes[i / 64] >> i % 64 & 1) != 0) {
                g_variant_builder_add (&causes, "x", (int64_t) i);
            }
        }
        g_variant_builder_add (&row, "{sv}", "causes", g_variant_builder_end (&causes));
    }
    g_variant_builder_add (object, "{sv}", "rules", g_variant_builder_end (&row));
}

static void
add_routes (GVariantBuilder *object, const TdRouteList *routes)
{
    GVariantBuilder rows;

    g_variant_builder_init (&rows, G_VARIANT_TYPE ("aa{sv}"));
    for (unsigned i = 0; i < td_route_list_length (routes); i++) {
        add_target (&rows, td_route_list_target (routes, i));
    }
    add_text (object, "route", td_route_list_label (routes));
    g_variant_builder_add (object, "{sv}", "targets", g_variant_builder_end (&rows));
    add_rules (object, td_route_list_rules (routes));
}

static void
add_steps (GVariantBuilder *object, const GArray *steps)
{
    GVariantBuilder rows;

    g_variant_builder_init (&rows, G_VARIANT_TYPE ("aa{sv}"));
    for (unsigned i = 0; i < steps->len; i++) {
        const WireStep *step = &g_array_index (steps, WireStep, i);
        g_variant_builder_open (&rows, G_VARIANT_TYPE_VARDICT);
        add_text (&rows, "step", step->step);
        add_text (&rows, "what", step->text);
        g_variant_builder_close (&rows);
    }
    g_variant_builder_add (object, "{sv}", "steps", g_variant_builder_end (&rows));
}

char *
wire_print_answer (const WireNode *node, const WireQuestion *question, const TdHookAnswer *answer,
                   const char *hook_name, const TdRouteList *routes, const GArray *steps)
{
    GVariantBuilder object;

    begin (&object, node->node);
    add_number (&object, "congestion", node->level);
    add_text (&object, "decided_by", hook_name);
    switch (answer->verdict) {
    case TD_HOOK_DONE:
        add_text (&object, "verdict", "route");
        add_routes (&object, routes);
        break;
    case TD_HOOK_REFUSE:
        add_text (&object, "verdict", "refuse");
        add_number (&object, "cause", answer->cause);
        add_text (&object, "reason",
                  answer->reason != NULL ? answer->reason : td_cause_phrase (answer->cause));
        break;
    case TD_HOOK_MORE_DIGITS:
        add_text (&object, "verdict", "more-digits");
        break;
    default:
        add_text (&object, "verdict", "none");
    }
    add_attributes (&object, question->attributes, question->told);
    if (steps != NULL && steps->len > 0) {
        add_steps (&object, steps);
    }
    return finish (&object);
}

char *
wire_print_status (const WireNode *node)
{
    GVariantBuilder object;

    begin (&object, node->node);
    add_number (&object, "congestion", node->level);
    return finish (&object);
}

char *
wire_print_error (const char *text)
{
    GVariantBuilder object;

    g_variant_builder_init (&object, G_VARIANT_TYPE_VARDICT);
    add_number (&object, "version", WIRE_VERSION);
    add_text (&object, "error", text);
    return finish (&object);
}
