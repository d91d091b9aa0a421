/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The operator's verbs about network management controls: control set, list, clear. */

#include "command.h"

#include <string.h>
#include <tandem/cause.h>
#include <tandem/log.h>

/* --- Controls from options, and back ------------------------------------------------------ */

static bool
refuse (GError **error, const char *option, const char *text, const char *what)
{
    g_autoptr (GString) value = g_string_new (NULL);

    td_text_append_value (value, text);
    g_set_error (error, TD_ERROR, TD_ERROR_INVALID, "%s %s: %s", option, value->str, what);
    return false;
}

static bool
read_number (OptionGetter get, void *data, const char *option, uint32_t max, uint32_t *ret,
             GError **error)
{
    const char *text = get (option, data);
    char *end;

    if (text == NULL) {
        return true;
    }
    uint64_t number = g_ascii_strtoull (text, &end, 10);
    if (!g_ascii_isdigit (text[0]) || *end != '\0' || number > max) {
        g_autofree char *what = g_strdup_printf ("write a number up to %u", max);
        return refuse (error, option, text, what);
    }
    *ret = (uint32_t) number;
    return true;
}

/* "25,50,75": as many as there are in RET, the last one again where fewer are given. */
static bool
read_numbers (OptionGetter get, void *data, const char *option, uint32_t max, uint32_t *ret,
              unsigned n, GError **error)
{
    const char *text = get (option, data);
    g_auto (GStrv) parts = text != NULL ? g_strsplit (text, ",", -1) : NULL;
    unsigned n_parts = parts != NULL ? g_strv_length (parts) : 0;

    for (unsigned i = 0; n_parts > 0 && i < n; i++) {
        const char *part = g_strstrip (parts[MIN (i, n_parts - 1)]);
        char *end;
        uint64_t number = g_ascii_strtoull (part, &end, 10);
        if (n_parts > n || !g_ascii_isdigit (part[0]) || *end != '\0' || number > max) {
            g_autofree char *what =
                g_strdup_printf ("write at most %u numbers up to %u, with commas", n, max);
            return refuse (error, option, text, what);
        }
        ret[i] = (uint32_t) number;
    }
    return true;
}

static bool
read_time (OptionGetter get, void *data, const char *option, int64_t *ret_us, GError **error)
{
    const char *text = get (option, data);

    if (text == NULL) {
        return true;
    }
    g_autoptr (GTimeZone) local = g_time_zone_new_local ();
    g_autoptr (GDateTime) time = g_date_time_new_from_iso8601 (text, local);
    if (time == NULL) {
        return refuse (error, option, text,
                       "no time: write 2026-03-29T14:00:00, or with a Z at the end for UTC");
    }
    *ret_us = g_date_time_to_unix (time) * G_USEC_PER_SEC;
    return true;
}

static bool
read_traffic (OptionGetter get, void *data, Control *control, GError **error)
{
    static const char *const names[] = { "all", "direct", "alternate" };
    const char *text = get ("--traffic", data);

    if (text == NULL) {
        return true;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS (names); i++) {
        if (strcmp (names[i], text) == 0) {
            control->traffic = (ControlTraffic) i;
            return true;
        }
    }
    return refuse (error, "--traffic", text, "write all, direct or alternate");
}

static bool
read_gap (OptionGetter get, void *data, Control *control, GError **error)
{
    const char *text = get ("--gap", data);
    int64_t gap_ms;

    if (text == NULL) {
        return true;
    }
    if (!duration_parse (text, &gap_ms) || gap_ms < 1 || gap_ms > 3600000) {
        return refuse (error, "--gap", text, "no time up to an hour: write 500ms or 10s");
    }
    control->gap_ms = (uint32_t) gap_ms;
    return true;
}

static bool
read_cause (OptionGetter get, void *data, Control *control, GError **error)
{
    const char *text = get ("--cause", data);
    unsigned cause;

    if (text == NULL) {
        return true;
    }
    if (!td_cause_parse (text, &cause) || cause == 0) {
        return refuse (error, "--cause", text, "no cause: write a name such as congestion, or 42");
    }
    control->cause = (uint8_t) cause;
    return true;
}

static void
read_texts (OptionGetter get, void *data, Control *control)
{
    const char *via = get ("--via", data);

    control->trunk = g_strdup (get ("--trunk", data));
    control->code = g_strdup (get ("--code", data));
    control->via = via != NULL ? g_strsplit (via, ",", -1) : NULL;
    control->is_hard_to_reach = get ("--hard-to-reach", data) != NULL;
    control->is_continuous = get ("--continuous", data) != NULL;
    control->is_spray = get ("--spray", data) != NULL;
    control->is_skip |= get ("--skip", data) != NULL;
    control->is_machine = get ("--machine", data) != NULL;
}

/* What is not said of a rule by the machine's level: from MC1 on, SILC a quarter, half, and all. */
static void
complete_rule (OptionGetter get, void *data, Control *control)
{
    if (control->kind == CONTROL_SILC && get ("--percent", data) == NULL
        && get ("--direct", data) == NULL) {
        memcpy (control->direct, (uint32_t[]){ 25, 50, 100 }, sizeof control->direct);
    }
    if (control->min_level == 0 && !control_is_by_level (control)) {
        control->min_level = 1;
    }
}

Control *
control_read (const char *name, OptionGetter get, void *data, GError **error)
{
    ControlKind kind;

    if (!control_kind_parse (name, &kind)) {
        refuse (error, "KIND", name,
                "no control: write gap, block, cancel-to, cancel-from, skip, reroute, "
                "reroute-overflow, acc, silc or reservation");
        return NULL;
    }
    Control *control = control_new (kind);
    read_texts (get, data, control);
    if (!read_number (get, data, "--percent", 100, &control->percent, error)
        || !read_number (get, data, "--level", CONTROL_N_LEVELS, &control->min_level, error)
        || !read_numbers (get, data, "--direct", 100, control->direct, CONTROL_N_LEVELS, error)
        || !read_numbers (get, data, "--alternate", 100, control->alternate, CONTROL_N_LEVELS,
                          error)
        || !read_numbers (get, data, "--free", 1000000, control->threshold, 2, error)
        || !read_traffic (get, data, control, error) || !read_gap (get, data, control, error)
        || !read_cause (get, data, control, error)
        || !read_time (get, data, "--from", &control->from_us, error)
        || !read_time (get, data, "--until", &control->until_us, error)) {
        control_free (control);
        return NULL;
    }
    if (control->is_machine) {
        complete_rule (get, data, control);
    }
    return control;
}

typedef void (*OptionSetter) (const char *name, const char *value, void *data);

static void
write_numbers (const char *name, const uint32_t *numbers, unsigned n, OptionSetter set, void *data)
{
    g_autoptr (GString) text = g_string_new (NULL);

    for (unsigned i = 0; i < n; i++) {
        g_string_append_printf (text, "%s%u", i > 0 ? "," : "", numbers[i]);
    }
    set (name, text->str, data);
}

static void
write_flags (const Control *control, OptionSetter set, void *data)
{
    static const char *const traffic[] = { NULL, "direct", "alternate" };
    const struct {
        const char *name;
        bool is_set;
    } flags[] = { { "--hard-to-reach", control->is_hard_to_reach },
                  { "--continuous", control->is_continuous },
                  { "--spray", control->is_spray },
                  { "--skip", control->is_skip },
                  { "--machine", control->is_machine } };

    for (unsigned i = 0; i < G_N_ELEMENTS (flags); i++) {
        if (flags[i].is_set) {
            set (flags[i].name, "yes", data);
        }
    }
    set ("--traffic", traffic[control->traffic], data);
}

void
control_write (const Control *control, OptionSetter set, void *data)
{
    g_autofree char *via = control->via != NULL ? g_strjoinv (",", control->via) : NULL;
    g_autofree char *from = control->from_us != 0 ? time_print (control->from_us) : NULL;
    g_autofree char *until = control->until_us != 0 ? time_print (control->until_us) : NULL;

    set ("--trunk", control->trunk, data);
    set ("--code", control->code, data);
    write_numbers ("--percent", &control->percent, 1, set, data);
    if (control->kind == CONTROL_GAP) {
        g_autofree char *gap = g_strdup_printf ("%ums", control->gap_ms);
        set ("--gap", gap, data);
    }
    if (control_is_by_level (control) || control->kind == CONTROL_RESERVATION) {
        write_numbers ("--direct", control->direct, CONTROL_N_LEVELS, set, data);
    }
    if (control->kind == CONTROL_ACC || control->kind == CONTROL_RESERVATION) {
        write_numbers ("--alternate", control->alternate, CONTROL_N_LEVELS, set, data);
    }
    if (control->kind == CONTROL_RESERVATION) {
        write_numbers ("--free", control->threshold, 2, set, data);
    }
    if (control->min_level != 0) {
        write_numbers ("--level", &control->min_level, 1, set, data);
    }
    set ("--via", via, data);
    set ("--from", from, data);
    set ("--until", until, data);
    set ("--cause", td_cause_name (control->cause), data);
    write_flags (control, set, data);
}

/* --- control list ------------------------------------------------------------------------- */

/* Rows are named as the options are, without their dashes. */
static void
add_option (const char *name, const char *value, void *data)
{
    g_autofree char *column = g_strdelimit (g_strdup (name + strlen ("--")), "-", '_');

    row_text (data, column, value);
}

static void
run_list (TdRequest *request, void *data)
{
    Trunk *trunk = data;
    const GPtrArray *controls = trunk->book->controls->controls;
    GVariantBuilder rows;

    g_variant_builder_init (&rows, G_VARIANT_TYPE ("aa{sv}"));
    pthread_mutex_lock (&trunk->book->lock);
    for (unsigned i = 0; i < controls->len; i++) {
        const Control *control = controls->pdata[i];
        bool is_due = control_is_due (control, td_clock_wall_us ());
        g_variant_builder_open (&rows, G_VARIANT_TYPE_VARDICT);
        row_number (&rows, "control", control->id);
        row_text (&rows, "kind", control_kind_name (control->kind));
        row_text (&rows, "state",
                  is_due                                   ? "in force"
                  : td_clock_wall_us () < control->from_us ? "to come"
                                                           : "over");
        control_write (control, add_option, &rows);
        row_number (&rows, "calls", (int64_t) control->n_seen);
        row_number (&rows, "hits", (int64_t) control->n_hits);
        row_text (&rows, "who", control->who);
        row_time (&rows, "set", control->set_us);
        g_variant_builder_close (&rows);
    }
    pthread_mutex_unlock (&trunk->book->lock);
    td_request_reply (request, g_variant_builder_end (&rows));
}

/* --- control set, control clear ----------------------------------------------------------- */

static const char *
get_argument (const char *name, void *data)
{
    return td_request_argument (data, name);
}

/* The first trunk group that CONTROL names and that is not there, or NULL. */
static const char *
find_stranger (const Trunk *trunk, const Control *control)
{
    if (control->trunk != NULL && !g_hash_table_contains (trunk->book->groups, control->trunk)) {
        return control->trunk;
    }
    for (char **via = control->via; via != NULL && *via != NULL; via++) {
        if (!g_hash_table_contains (trunk->book->groups, *via)) {
            return *via;
        }
    }
    return NULL;
}

static bool
apply_for (TdRequest *request, Control *control, GError **error)
{
    const char *text = td_request_argument (request, "--for");
    int64_t duration_ms;

    if (control->until_us != 0 && control->until_us <= td_clock_wall_us ()) {
        return refuse (error, "--until", td_request_argument (request, "--until"),
                       "that has passed: write a time to come");
    }
    if (text == NULL) {
        return true;
    }
    if (control->until_us != 0) {
        return refuse (error, "--for", text, "say when it ends once: with --for or with --until");
    }
    if (!duration_parse (text, &duration_ms) || duration_ms < 1000) {
        return refuse (error, "--for", text, "no time from a second on: write 30min or 2h");
    }
    control->until_us =
        (control->from_us != 0 ? control->from_us : td_clock_wall_us ()) + duration_ms * 1000;
    return true;
}

static void
set_control (Trunk *trunk, TdRequest *request, Control *control)
{
    g_autoptr (GError) error = NULL;
    uint32_t id = 0;

    control->who = g_strdup (td_request_asker (request));
    control->set_us = td_clock_wall_us ();
    pthread_mutex_lock (&trunk->book->lock);
    bool is_set = control_set_add (trunk->book->controls, control, &error);
    if (is_set) {
        id = control->id;
    }
    atomic_store (&trunk->book->n_controls, trunk->book->controls->controls->len);
    pthread_mutex_unlock (&trunk->book->lock);
    if (!is_set) {
        td_request_fail (request, "%s", error->message);
        return;
    }
    store_save (trunk);
    td_request_reply (request, g_variant_new_parsed ("{'control': <%u>}", id));
}

static void
run_set (TdRequest *request, void *data)
{
    Trunk *trunk = data;
    g_autoptr (GError) error = NULL;
    Control *control =
        control_read (td_request_argument (request, "KIND"), get_argument, request, &error);

    if (control == NULL || !apply_for (request, control, &error)) {
        control_free (control);
        td_request_fail (request, "%s", error->message);
        return;
    }
    const char *stranger = find_stranger (trunk, control);
    if (stranger != NULL) {
        td_request_fail (request, "there is no trunk \"%s\": \"trunk list\" shows those there are",
                         stranger);
        control_free (control);
        return;
    }
    set_control (trunk, request, control);
}

/* Takes out the control of TEXT, or all of them for "all". Returns how many. */
static unsigned
clear (Trunk *trunk, const char *text)
{
    GPtrArray *controls = trunk->book->controls->controls;
    char *end;
    uint64_t id = g_ascii_strtoull (text, &end, 10);
    unsigned n = 0;

    pthread_mutex_lock (&trunk->book->lock);
    if (strcmp (text, "all") == 0) {
        n = controls->len;
        control_set_clear (trunk->book->controls);
    } else if (g_ascii_isdigit (text[0]) && *end == '\0' && id <= UINT32_MAX) {
        n = control_set_remove (trunk->book->controls, (uint32_t) id);
    }
    atomic_store (&trunk->book->n_controls, controls->len);
    pthread_mutex_unlock (&trunk->book->lock);
    return n;
}

static void
run_clear (TdRequest *request, void *data)
{
    const char *text = td_request_argument (request, "CONTROL");
    unsigned n = clear (data, text);

    if (n == 0 && strcmp (text, "all") != 0) {
        td_request_fail (request,
                         "there is no control \"%s\": the first column of \"control list\" is one",
                         text);
        return;
    }
    store_save (data);
    td_request_reply (request, g_variant_new_parsed ("{'cleared': <%u>}", n));
}

static const TdArgument set[] = {
    { .name = "KIND",
      .help = "gap, block, cancel-to, cancel-from, skip, reroute, reroute-overflow, acc, silc, "
              "reservation",
      .is_required = true },
    { .name = "--trunk",
      .help = "The trunk group it is about",
      .takes_value = true,
      .complete = "trunk list" },
    { .name = "--code", .help = "What the called number begins with", .takes_value = true },
    { .name = "--percent", .help = "Of how many of 100 calls; 100", .takes_value = true },
    { .name = "--traffic", .help = "all, direct or alternate", .takes_value = true },
    { .name = "--hard-to-reach", .help = "Only calls to codes that are hard to reach" },
    { .name = "--gap", .help = "gap: one call in this time, such as 10s", .takes_value = true },
    { .name = "--continuous", .help = "gap: by the clock, not from the last call on" },
    { .name = "--via",
      .help = "reroute: other trunk groups, with commas",
      .takes_value = true,
      .complete = "trunk list" },
    { .name = "--spray", .help = "reroute: to those in turn" },
    { .name = "--direct",
      .help = "acc, silc, reservation: percent of direct calls at each level: 0,25,75",
      .takes_value = true },
    { .name = "--alternate",
      .help = "acc, reservation: the same of alternate-routed calls: 50,100,100",
      .takes_value = true },
    { .name = "--free",
      .help = "reservation: free places at which its two levels begin: 20,5",
      .takes_value = true },
    { .name = "--skip", .help = "acc: the calls go on to the next target; else they end" },
    { .name = "--level",
      .help = "Only while the group's congestion has this level, 1 to 3, or more",
      .takes_value = true },
    { .name = "--machine", .help = "Levels are those of this switch: MC1 to MC3" },
    { .name = "--cause", .help = "For which cause calls end; congestion", .takes_value = true },
    { .name = "--from", .help = "When it begins: 2026-03-29T14:00:00", .takes_value = true },
    { .name = "--until", .help = "When it ends", .takes_value = true },
    { .name = "--for", .help = "How long it lasts: 30min", .takes_value = true },
};
static const TdArgument clear_arguments[] = {
    { .name = "CONTROL",
      .help = "Its number, or all",
      .is_required = true,
      .complete = "control list" },
};
static const TdCommand commands[] = {
    { .name = "control list",
      .help = "Shows the network management controls and what they did",
      .run = run_list },
    { .name = "control set",
      .help = "Sets a network management control",
      .arguments = set,
      .n_arguments = G_N_ELEMENTS (set),
      .is_change = true,
      .run = run_set },
    { .name = "control clear",
      .help = "Takes a network management control away",
      .arguments = clear_arguments,
      .n_arguments = G_N_ELEMENTS (clear_arguments),
      .is_change = true,
      .run = run_clear },
};

bool
control_commands_start (Trunk *trunk, GError **error)
{
    return commands_add (trunk, commands, G_N_ELEMENTS (commands), error);
}
