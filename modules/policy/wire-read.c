/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads what came over the wire, of which nothing is trusted. */

#include "wire.h"

#include <string.h>
#include <tandem/command.h>
#include <tandem/log.h>

enum {
    MAX_NAME = 256,
    MAX_ADDRESS = 512,
    MAX_LINE = 1024,
    STEP_BYTES = 1000,
    STEP_NAME_BYTES = 100
};

static const char *const natures[] = { "unknown",       "subscriber",       "national",
                                       "international", "network-specific", NULL };
static const char *const presentations[] = { "allowed", "restricted", "unavailable", NULL };

TD_PRINTF (2, 3)
static bool
fail (GError **error, const char *format, ...)
{
    va_list arguments;

    va_start (arguments, format);
    g_autofree char *text = g_strdup_vprintf (format, arguments);
    va_end (arguments);
    g_set_error_literal (error, TD_ERROR, TD_ERROR_INVALID, text);
    return false;
}

/* --- Members ----------------------------------------------------------------------------- */

/* The member NAME of OBJECT (transfer full), NULL when it is not there, or null. */
static GVariant *
member (GVariant *object, const char *name)
{
    g_autoptr (GVariant) value = g_variant_lookup_value (object, name, NULL);

    return value == NULL || g_variant_is_of_type (value, G_VARIANT_TYPE_MAYBE)
               ? NULL
               : g_steal_pointer (&value);
}

static bool
is_plain (const char *text, size_t max_bytes)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (g_ascii_iscntrl (*c)) {
            return false;
        }
    }
    return strlen (text) < max_bytes;
}

/* A text that is not there, or empty, is NULL. */
static bool
read_text (GVariant *object, const char *name, size_t max_bytes, char **ret_text, GError **error)
{
    g_autoptr (GVariant) value = member (object, name);

    if (value == NULL) {
        *ret_text = NULL;
        return true;
    }
    if (!g_variant_is_of_type (value, G_VARIANT_TYPE_STRING)) {
        return fail (error, "\"%s\" is no text", name);
    }
    if (!is_plain (g_variant_get_string (value, NULL), max_bytes)) {
        return fail (error, "\"%s\" is longer than %zu bytes, or has control characters", name,
                     max_bytes - 1);
    }
    *ret_text =
        *g_variant_get_string (value, NULL) != '\0' ? g_variant_dup_string (value, NULL) : NULL;
    return true;
}

/* A number that is not there is 0. */
static bool
read_number (GVariant *object, const char *name, int64_t max, int64_t *ret_number, GError **error)
{
    g_autoptr (GVariant) value = member (object, name);

    *ret_number = 0;
    if (value == NULL) {
        return true;
    }
    if (!g_variant_is_of_type (value, G_VARIANT_TYPE_INT64) || g_variant_get_int64 (value) < 0
        || g_variant_get_int64 (value) > max) {
        return fail (error, "\"%s\" is no whole number from 0 to %" G_GINT64_FORMAT, name, max);
    }
    *ret_number = g_variant_get_int64 (value);
    return true;
}

static bool
read_uint (GVariant *object, const char *name, uint32_t max, uint32_t *ret_number, GError **error)
{
    int64_t number;

    if (!read_number (object, name, max, &number, error)) {
        return false;
    }
    *ret_number = (uint32_t) number;
    return true;
}

static bool
read_flag (GVariant *object, const char *name, bool usual, bool *ret_is_set, GError **error)
{
    g_autoptr (GVariant) value = member (object, name);

    if (value != NULL && !g_variant_is_of_type (value, G_VARIANT_TYPE_BOOLEAN)) {
        return fail (error, "\"%s\" is neither true nor false", name);
    }
    *ret_is_set = value != NULL ? g_variant_get_boolean (value) : usual;
    return true;
}

/* The index of the text NAME among WORDS, 0 when it is not there. */
static bool
read_word (GVariant *object, const char *name, const char *const *words, uint8_t *ret_index,
           GError **error)
{
    g_autofree char *text = NULL;

    *ret_index = 0;
    if (!read_text (object, name, MAX_NAME, &text, error)) {
        return false;
    }
    for (uint8_t i = 0; text != NULL && words[i] != NULL; i++) {
        if (strcmp (words[i], text) == 0) {
            *ret_index = i;
            return true;
        }
    }
    return text == NULL || fail (error, "\"%s\" is \"%s\", which it cannot be", name, text);
}

/* The array NAME of objects (transfer full); NULL: not there, or empty. */
static bool
read_rows (GVariant *object, const char *name, size_t max_rows, GVariant **ret_rows, GError **error)
{
    g_autoptr (GVariant) value = member (object, name);

    *ret_rows = NULL;
    if (value == NULL || (g_variant_is_container (value) && g_variant_n_children (value) == 0)) {
        return true;
    }
    if (!g_variant_is_of_type (value, G_VARIANT_TYPE ("aa{sv}"))) {
        return fail (error, "\"%s\" is no array of objects", name);
    }
    if (g_variant_n_children (value) > max_rows) {
        return fail (error, "\"%s\" has more than %zu elements", name, max_rows);
    }
    *ret_rows = g_steal_pointer (&value);
    return true;
}

/* The whole text as one object of our version (transfer full), or NULL. */
static GVariant *
read_whole (const char *json, size_t len_bytes, GError **error)
{
    g_autoptr (GVariant) object = td_result_from_json (json, len_bytes, error);
    int64_t version;

    if (object == NULL) {
        return NULL;
    }
    g_variant_take_ref (object);
    if (!g_variant_is_of_type (object, G_VARIANT_TYPE_VARDICT)) {
        fail (error, "it is JSON, but no object");
        return NULL;
    }
    if (!read_number (object, "version", INT64_MAX, &version, error)) {
        return NULL;
    }
    if (version != WIRE_VERSION) {
        fail (error, "\"version\" is %" G_GINT64_FORMAT ", and has to be %d", version,
              WIRE_VERSION);
        return NULL;
    }
    return g_steal_pointer (&object);
}

/* --- A question -------------------------------------------------------------------------- */

static bool
read_number_text (TdParty *ret_party, const char *text, const char *host)
{
    const char *at = host == NULL ? strrchr (text, '@') : NULL;
    g_autofree char *user = at != NULL ? g_strndup (text, (gsize) (at - text)) : g_strdup (text);

    return td_party_from_user (ret_party, user, at != NULL ? at + 1 : host);
}

/* What no number says of itself. */
static bool
read_nature (GVariant *object, TdParty *party, GError **error)
{
    uint8_t nature;

    if (!read_word (object, "nature", natures, &nature, error)
        || !read_word (object, "presentation", presentations, &party->presentation, error)
        || !read_flag (object, "complete", true, &party->is_complete, error)) {
        return false;
    }
    if (party->digits[0] != '\0' && party->nature == TD_NATURE_UNKNOWN) {
        party->nature = nature;
    }
    return true;
}

/* A number, USER@HOST, or an object that says more. */
static bool
read_party (GVariant *object, const char *name, bool is_needed, TdParty *ret_party, GError **error)
{
    g_autoptr (GVariant) value = member (object, name);
    g_autofree char *text = NULL, *host = NULL;

    *ret_party = (TdParty){ .is_complete = true };
    if (value == NULL) {
        return !is_needed || fail (error, "\"%s\" is missing", name);
    }
    bool is_text = g_variant_is_of_type (value, G_VARIANT_TYPE_STRING);
    if (!is_text && !g_variant_is_of_type (value, G_VARIANT_TYPE_VARDICT)) {
        return fail (error, "\"%s\" is neither a text nor an object", name);
    }
    if (is_text ? !read_text (object, name, MAX_ADDRESS, &text, error)
                : !read_text (value, "number", MAX_ADDRESS, &text, error)
                      || !read_text (value, "host", MAX_ADDRESS, &host, error)) {
        return false;
    }
    if ((text == NULL || *text == '\0') && !is_needed) {
        return true;
    }
    if (text == NULL || !read_number_text (ret_party, text, host)
        || *td_party_key (ret_party) == '\0') {
        return fail (error, "\"%s\" has neither a number nor a user, or one that is too long",
                     name);
    }
    return is_text || read_nature (value, ret_party, error);
}

/* Seconds since 1970, whole or not. */
static bool
read_time (GVariant *object, int64_t *ret_us, GError **error)
{
    g_autoptr (GVariant) value = member (object, "time");
    double seconds = 0;

    if (value != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE_INT64)) {
        seconds = (double) g_variant_get_int64 (value);
    } else if (value != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE_DOUBLE)) {
        seconds = g_variant_get_double (value);
    } else if (value != NULL) {
        return fail (error, "\"time\" is no number of seconds since 1970");
    }
    if (!(seconds >= 0 && seconds < 253402300800.0)) { /* the year 10000 */
        return fail (error, "\"time\" is no time of a call");
    }
    *ret_us = (int64_t) (seconds * G_USEC_PER_SEC);
    return true;
}

static void
set_attribute (TdAttributes *attributes, const char *name, GVariant *value)
{
    const TdAttribute *attribute = td_attribute_find (name);

    if (attribute == NULL || (td_attribute_flags (attribute) & TD_ATTRIBUTE_SECRET) != 0
        || g_str_has_prefix (name, "policy.")) {
        return;
    }
    if (td_attribute_type (attribute) == TD_ATTRIBUTE_TEXT
        && g_variant_is_of_type (value, G_VARIANT_TYPE_STRING)
        && is_plain (g_variant_get_string (value, NULL), MAX_LINE)) {
        td_attributes_set_text (attributes, attribute, g_variant_get_string (value, NULL));
    } else if (td_attribute_type (attribute) == TD_ATTRIBUTE_NUMBER
               && g_variant_is_of_type (value, G_VARIANT_TYPE_INT64)) {
        td_attributes_set_number (attributes, attribute, g_variant_get_int64 (value));
    }
}

/* Those that are known here; what nobody here has declared, nobody here would read. */
static void
set_attributes (TdAttributes *attributes, GVariant *values)
{
    GVariantIter iter;
    const char *name;
    GVariant *value;

    g_variant_iter_init (&iter, values);
    while (g_variant_iter_loop (&iter, "{&sv}", &name, &value)) {
        set_attribute (attributes, name, value);
    }
}

static bool
read_attributes (GVariant *object, GVariant **ret_values, GError **error)
{
    g_autoptr (GVariant) value = member (object, "attributes");

    if (value != NULL && !g_variant_is_of_type (value, G_VARIANT_TYPE_VARDICT)) {
        return fail (error, "\"attributes\" is no object");
    }
    *ret_values = g_steal_pointer (&value);
    return true;
}

static bool
read_priority (GVariant *object, TdPriority *ret_priority, GError **error)
{
    uint32_t class;

    if (!read_uint (object, "class", TD_CLASS_MAX, &class, error)) {
        return false;
    }
    *ret_priority = (TdPriority){ .priority_class = (uint8_t) class };
    return true;
}

bool
wire_read_question (const char *json, size_t len_bytes, WireQuestion *ret, GError **error)
{
    g_autoptr (GVariant) object = read_whole (json, len_bytes, error);
    WireQuestion question = { 0 };

    if (object == NULL) {
        return false;
    }
    if (!read_text (object, "node", MAX_NAME, &question.node, error)
        || !read_text (object, "trunk", MAX_NAME, &question.trunk, error)
        || !read_party (object, "called", true, &question.called, error)
        || !read_party (object, "calling", false, &question.calling, error)
        || !read_time (object, &question.time_us, error)
        || !read_priority (object, &question.priority, error)
        || !read_flag (object, "explain", false, &question.is_explained, error)
        || !read_attributes (object, &question.told, error)) {
        wire_question_clear (&question);
        return false;
    }
    question.attributes = td_attributes_new ();
    if (question.told != NULL) {
        set_attributes (question.attributes, question.told);
    }
    *ret = question;
    return true;
}

void
wire_question_clear (WireQuestion *question)
{
    g_free (question->node);
    g_free (question->trunk);
    td_attributes_free (question->attributes);
    g_clear_pointer (&question->told, g_variant_unref);
}

/* --- An answer --------------------------------------------------------------------------- */

typedef struct {
    bool (*is_trunk) (const char *name, const void *data);
    const void *data;
} Trunks;

/* A number to dial or to show, as it may stand in a message. */
static bool
read_dialled (GVariant *row, const char *name, char **ret_text, GError **error)
{
    TdParty party;

    if (!read_text (row, name, TD_PARTY_TEXT, ret_text, error)) {
        return false;
    }
    if (*ret_text != NULL && !td_party_from_number (&party, *ret_text)
        && !td_party_from_user (&party, *ret_text, "")) {
        return fail (error, "\"%s\" is neither a number nor a user", name);
    }
    return true;
}

static bool
check_where (const Trunks *trunks, const TdTarget *target, GError **error)
{
    if (target->trunk == NULL && (target->driver == NULL || target->address == NULL)) {
        return fail (error, "a target has neither \"trunk\" nor \"driver\" and \"address\"");
    }
    if (target->trunk != NULL && !trunks->is_trunk (target->trunk, trunks->data)) {
        g_set_error (error, TD_ERROR, TD_ERROR_NOT_FOUND,
                     "it names the trunk group \"%s\", but there is no [trunk %s] here",
                     target->trunk, target->trunk);
        return false;
    }
    return true;
}

static bool
read_target (GVariant *row, const Trunks *trunks, TdRouteList *routes, GError **error)
{
    g_autofree char *driver = NULL, *trunk = NULL, *address = NULL, *number = NULL, *calling = NULL;
    TdTarget target = { .size = sizeof target };

    if (!read_text (row, "driver", MAX_NAME, &driver, error)
        || !read_text (row, "trunk", MAX_NAME, &trunk, error)
        || !read_text (row, "address", MAX_ADDRESS, &address, error)
        || !read_dialled (row, "number", &number, error)
        || !read_dialled (row, "calling", &calling, error)
        || !read_uint (row, "group", UINT32_MAX, &target.group, error)
        || !read_uint (row, "no_answer_ms", 3600000, &target.no_answer_ms, error)
        || !read_uint (row, "no_response_ms", 3600000, &target.no_response_ms, error)
        || !read_flag (row, "media_through", false, &target.is_media_through, error)) {
        return false;
    }
    target.driver = driver;
    target.trunk = trunk;
    target.address = address;
    target.number = number;
    target.calling = calling;
    return check_where (trunks, &target, error)
           && (td_route_list_add (routes, &target) || fail (error, "\"targets\" are too many"));
}

static bool
read_causes (GVariant *object, TdHuntRules *rules, GError **error)
{
    g_autoptr (GVariant) array = member (object, "causes");

    if (array == NULL) {
        return true;
    }
    if (!g_variant_is_of_type (array, G_VARIANT_TYPE ("av"))) {
        return fail (error, "\"causes\" is no array of numbers");
    }
    for (size_t i = 0; i < g_variant_n_children (array); i++) {
        g_autoptr (GVariant) box = g_variant_get_child_value (array, i);
        g_autoptr (GVariant) value = g_variant_get_variant (box);
        int64_t cause =
            g_variant_is_of_type (value, G_VARIANT_TYPE_INT64) ? g_variant_get_int64 (value) : -1;
        if (cause < 0 || cause > 127) {
            return fail (error, "\"causes\" has what is no cause from 0 to 127");
        }
        rules->causes[cause / 64] |= UINT64_C (1) << cause % 64;
    }
    rules->has_causes = true;
    return true;
}

static bool
read_rules (GVariant *object, TdRouteList *routes, GError **error)
{
    g_autoptr (GVariant) value = member (object, "rules");
    TdHuntRules rules = { .size = sizeof rules };

    if (value == NULL) {
        return true;
    }
    if (!g_variant_is_of_type (value, G_VARIANT_TYPE_VARDICT)) {
        return fail (error, "\"rules\" is no object");
    }
    if (!read_uint (value, "max_attempts", 1000, &rules.max_attempts, error)
        || !read_uint (value, "within_ms", 3600000, &rules.within_ms, error)
        || !read_causes (value, &rules, error)) {
        return false;
    }
    td_route_list_set_rules (routes, &rules);
    return true;
}

static bool
read_routes (GVariant *object, const Trunks *trunks, WireAnswer *answer, GError **error)
{
    g_autoptr (GVariant) rows = NULL;
    g_autofree char *label = NULL;

    if (!read_text (object, "route", MAX_NAME, &label, error)
        || !read_rows (object, "targets", 100, &rows, error)) {
        return false;
    }
    answer->routes = td_route_list_new (label != NULL ? label : "");
    for (size_t i = 0; rows != NULL && i < g_variant_n_children (rows); i++) {
        g_autoptr (GVariant) row = g_variant_get_child_value (rows, i);
        if (!read_target (row, trunks, answer->routes, error)) {
            return false;
        }
    }
    return rows != NULL ? read_rules (object, answer->routes, error)
                        : fail (error, "\"targets\" are missing");
}

static bool
read_verdict (GVariant *object, const Trunks *trunks, WireAnswer *answer, GError **error)
{
    static const char *const words[] = { "", "route", "refuse", "more-digits", "none", NULL };
    static const TdHookVerdict verdicts[] = { TD_HOOK_CONTINUE, TD_HOOK_DONE, TD_HOOK_REFUSE,
                                              TD_HOOK_MORE_DIGITS, TD_HOOK_CONTINUE };
    uint8_t word;

    if (!read_word (object, "verdict", words, &word, error)) {
        return false;
    }
    if (word == 0) {
        return fail (error, "\"verdict\" is missing");
    }
    answer->verdict = verdicts[word];
    if (answer->verdict == TD_HOOK_DONE) {
        return read_routes (object, trunks, answer, error);
    }
    if (!read_uint (object, "cause", 127, &answer->cause, error)
        || !read_text (object, "reason", MAX_LINE, &answer->reason, error)) {
        return false;
    }
    return answer->verdict != TD_HOOK_REFUSE || answer->cause != 0
           || fail (error, "\"cause\" of a refusal is missing");
}

static bool
read_steps (GVariant *object, WireAnswer *answer, GError **error)
{
    g_autoptr (GVariant) rows = NULL;

    if (!read_rows (object, "steps", WIRE_MAX_STEPS, &rows, error)) {
        return false;
    }
    answer->steps = rows != NULL ? wire_steps_new () : NULL;
    for (size_t i = 0; rows != NULL && i < g_variant_n_children (rows); i++) {
        g_autoptr (GVariant) row = g_variant_get_child_value (rows, i);
        g_autofree char *step = NULL, *text = NULL;
        if (!read_text (row, "step", MAX_NAME, &step, error)
            || !read_text (row, "what", MAX_LINE, &text, error)) {
            return false;
        }
        wire_steps_add (answer->steps, step != NULL ? step : "", text != NULL ? text : "");
    }
    return true;
}

bool
wire_read_answer (const char *json, size_t len_bytes,
                  bool (*is_trunk) (const char *name, const void *data), const void *data,
                  WireAnswer *ret, GError **error)
{
    g_autoptr (GVariant) object = read_whole (json, len_bytes, error);
    const Trunks trunks = { is_trunk, data };
    WireAnswer answer = { 0 };

    if (object == NULL) {
        return false;
    }
    if (!read_text (object, "node", MAX_NAME, &answer.node, error)
        || !read_text (object, "decided_by", MAX_NAME, &answer.decided_by, error)
        || !read_uint (object, "congestion", WIRE_MAX_LEVEL, &answer.level, error)
        || !read_steps (object, &answer, error)
        || !read_attributes (object, &answer.attributes, error)
        || !read_verdict (object, &trunks, &answer, error)) {
        wire_answer_clear (&answer);
        return false;
    }
    *ret = answer;
    return true;
}

void
wire_answer_clear (WireAnswer *answer)
{
    g_free (answer->node);
    g_free (answer->decided_by);
    g_free (answer->reason);
    g_clear_pointer (&answer->routes, td_route_list_free);
    g_clear_pointer (&answer->attributes, g_variant_unref);
    g_clear_pointer (&answer->steps, g_array_unref);
}

void
wire_set_attributes (const WireAnswer *answer, TdAttributes *attributes)
{
    if (answer->attributes != NULL) {
        set_attributes (attributes, answer->attributes);
    }
}

bool
wire_read_status (const char *json, size_t len_bytes, unsigned *ret_level, GError **error)
{
    g_autoptr (GVariant) object = read_whole (json, len_bytes, error);
    uint32_t level;

    if (object == NULL || !read_uint (object, "congestion", WIRE_MAX_LEVEL, &level, error)) {
        return false;
    }
    *ret_level = level;
    return true;
}

/* --- Steps ------------------------------------------------------------------------------- */

static void
clear_step (void *data)
{
    WireStep *step = data;

    g_free (step->step);
    g_free (step->text);
}

GArray *
wire_steps_new (void)
{
    GArray *steps = g_array_new (FALSE, FALSE, sizeof (WireStep));

    g_array_set_clear_func (steps, clear_step);
    return steps;
}

/* One line of bounded length: names that others chose stand in it. */
static char *
copy_line (const char *text, size_t max_bytes)
{
    g_autofree char *cut = g_strndup (text, max_bytes);
    char *line = g_utf8_make_valid (cut, -1);

    for (char *c = line; *c != '\0'; c++) {
        *c = g_ascii_iscntrl (*c) ? ' ' : *c;
    }
    return line;
}

void
wire_steps_add (GArray *steps, const char *step, const char *text)
{
    WireStep copy = { copy_line (step, STEP_NAME_BYTES), copy_line (text, STEP_BYTES) };

    if (steps->len < WIRE_MAX_STEPS) {
        g_array_append_val (steps, copy);
    } else {
        clear_step (&copy);
    }
}
