/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* passport-probe: asks the service as another module would, on the lane of commands.
 *
 *     probe ask TRUNK CALL-ID FROM TO VALUES IDENTITY [IDENTITY2]
 *     probe race N TRUNK TRUNK2 FROM TO VALUES IDENTITY    N forgeries of it by TRUNK, then itself by TRUNK2
 *     probe cancel TRUNK FROM TO IDENTITY                  asks, and cancels at once
 *     probe sign PPT FROM TO VALUES [--attest A]
 */

#include <tandem/command.h>
#include <tandem/iface/passport.h>
#include <tandem/module.h>

#include <string.h>

typedef struct {
    TdModule *module;
    const TdPassportService *service;
} Probe;

typedef struct Race Race;

typedef struct {
    TdPassportQuestion question; /* first */
    char *texts[6];
    char *identities[3];
    char *dests[2];
    char **values;
    TdRequest *request; /* nullable */
    Race *race;         /* nullable */
} Asked;

struct Race {
    TdRequest *request;
    unsigned n_pending, n_checked, n_unchecked, n_before;
    bool is_valid, is_over;
};

static void
free_asked (Asked *asked)
{
    for (unsigned i = 0; i < G_N_ELEMENTS (asked->texts); i++) {
        g_free (asked->texts[i]);
    }
    g_free (asked->identities[0]);
    g_free (asked->identities[1]);
    g_strfreev (asked->values);
    g_free (asked);
}

static Asked *
make (Probe *probe, const char *trunk, const char *call_id, const char *from, const char *to,
      const char *values, const char *identity)
{
    Asked *asked = g_new0 (Asked, 1);

    asked->texts[0] = g_strdup (trunk);
    asked->texts[1] = g_strdup (call_id);
    asked->texts[2] = g_strdup (from);
    asked->texts[3] = g_strdup (to);
    asked->identities[0] = g_strdup (identity);
    asked->dests[0] = asked->texts[3];
    asked->values = g_strsplit (values, ",", -1);
    asked->question = (TdPassportQuestion){
        .size = sizeof (TdPassportQuestion),
        .owner = probe->module,
        .identities = (const char *const *) asked->identities,
        .orig = asked->texts[2],
        .dests = (const char *const *) asked->dests,
        .values = (const char *const *) asked->values,
        .call_id = asked->texts[1],
        .trunk = asked->texts[0],
    };
    return asked;
}

static void
drop (TdPassportQuestion *question)
{
    free_asked ((Asked *) question);
}

/* --- probe ask --------------------------------------------------------------------------- */

static void
add (GVariantBuilder *row, const char *name, const char *text)
{
    g_variant_builder_add (row, "{sv}", name, g_variant_new_string (text));
}

static void
tell (TdPassportQuestion *question, const TdPassportAnswer *answer)
{
    Asked *asked = (Asked *) question;
    g_autoptr (GString) results = g_string_new (NULL);
    g_autofree char *values = g_strjoinv (" ", (char **) answer->values);
    GVariantBuilder row;

    for (unsigned i = 0; i < answer->n_verdicts; i++) {
        g_string_append_printf (results, "%s%u:%u", i > 0 ? " " : "", answer->verdicts[i].result,
                                answer->verdicts[i].status);
    }
    g_variant_builder_init (&row, G_VARIANT_TYPE_VARDICT);
    g_variant_builder_add (&row, "{sv}", "status", g_variant_new_uint32 (answer->status));
    add (&row, "results", results->str);
    add (&row, "values", values);
    add (&row, "reason", answer->reason);
    add (&row, "anchor", answer->n_verdicts > 0 ? answer->verdicts[0].anchor : "");
    td_request_reply (asked->request, g_variant_builder_end (&row));
    td_request_unref (asked->request);
    free_asked (asked);
}

static void
run_ask (TdRequest *request, void *data)
{
    Probe *probe = data;
    Asked *asked = make (
        probe, td_request_argument (request, "TRUNK"), td_request_argument (request, "CALL-ID"),
        td_request_argument (request, "FROM"), td_request_argument (request, "TO"),
        td_request_argument (request, "VALUES"), td_request_argument (request, "IDENTITY"));

    asked->identities[1] = g_strdup (td_request_argument (request, "IDENTITY2"));
    asked->question.only = td_request_argument (request, "--only");
    asked->request = td_request_ref (request);
    asked->question.done = tell;
    asked->question.drop = drop;
    asked->texts[4] = g_strdup (asked->question.only);
    asked->question.only = asked->texts[4];
    probe->service->ask (&asked->question, probe->service->data);
}

/* --- probe race -------------------------------------------------------------------------- */

static void
end_race (Race *race)
{
    GVariantBuilder row;

    if (--race->n_pending > 0) {
        return;
    }
    g_variant_builder_init (&row, G_VARIANT_TYPE_VARDICT);
    g_variant_builder_add (&row, "{sv}", "valid", g_variant_new_boolean (race->is_valid));
    g_variant_builder_add (&row, "{sv}", "before", g_variant_new_uint32 (race->n_before));
    g_variant_builder_add (&row, "{sv}", "checked", g_variant_new_uint32 (race->n_checked));
    g_variant_builder_add (&row, "{sv}", "unchecked", g_variant_new_uint32 (race->n_unchecked));
    td_request_reply (race->request, g_variant_builder_end (&row));
    td_request_unref (race->request);
    g_free (race);
}

static void
count (TdPassportQuestion *question, const TdPassportAnswer *answer)
{
    Asked *asked = (Asked *) question;
    Race *race = asked->race;

    if (answer->verdicts[0].result == TD_PASSPORT_UNCHECKED) {
        race->n_unchecked++;
    } else {
        race->n_checked++;
        race->n_before += !race->is_over;
    }
    free_asked (asked);
    end_race (race);
}

static void
win (TdPassportQuestion *question, const TdPassportAnswer *answer)
{
    Asked *asked = (Asked *) question;
    Race *race = asked->race;

    race->is_valid = answer->verdicts[0].result == TD_PASSPORT_VALID;
    race->is_over = true;
    free_asked (asked);
    end_race (race);
}

/* A token of the same form with another signature. */
static char *
forge (const char *identity, unsigned number)
{
    static const char letters[] = "ABCDEFGHIJKLMNOP";
    char *text = g_strdup (identity);
    char *at = strchr (strchr (text, '.') + 1, '.') + 1;

    for (unsigned i = 0; i < 6; i++, number >>= 4) {
        at[i] = letters[number & 15];
    }
    return text;
}

static void
run_race (TdRequest *request, void *data)
{
    Probe *probe = data;
    unsigned n = (unsigned) g_ascii_strtoull (td_request_argument (request, "N"), NULL, 10);
    const char *identity = td_request_argument (request, "IDENTITY");
    Race *race = g_new0 (Race, 1);

    race->request = td_request_ref (request);
    race->n_pending = n + 1;
    for (unsigned i = 0; i <= n; i++) {
        g_autofree char *text = i < n ? forge (identity, i) : g_strdup (identity);
        g_autofree char *call_id = g_strdup_printf ("race-%u", i);
        Asked *asked =
            make (probe, td_request_argument (request, i < n ? "TRUNK" : "TRUNK2"), call_id,
                  td_request_argument (request, "FROM"), td_request_argument (request, "TO"),
                  td_request_argument (request, "VALUES"), text);
        asked->race = race;
        asked->question.done = i < n ? count : win;
        asked->question.drop = drop;
        probe->service->ask (&asked->question, probe->service->data);
    }
}

/* --- probe cancel, probe sign -------------------------------------------------------------- */

static void
run_cancel (TdRequest *request, void *data)
{
    Probe *probe = data;
    Asked *asked = make (probe, td_request_argument (request, "TRUNK"), "cancelled",
                         td_request_argument (request, "FROM"), td_request_argument (request, "TO"),
                         "ets.0", td_request_argument (request, "IDENTITY"));

    asked->question.drop = drop;
    probe->service->ask (&asked->question, probe->service->data);
    probe->service->cancel (&asked->question, probe->service->data);
    free_asked (asked);
    td_request_reply (request, NULL);
}

static void
run_sign (TdRequest *request, void *data)
{
    Probe *probe = data;
    g_auto (GStrv) values = g_strsplit (td_request_argument (request, "VALUES"), ",", -1);
    const TdPassportDemand demand = {
        .size = sizeof demand,
        .ppt = td_request_argument (request, "PPT"),
        .orig = td_request_argument (request, "FROM"),
        .dests = (const char *const[]){ td_request_argument (request, "TO"), NULL },
        .values = (const char *const *) values,
        .priority = td_request_argument (request, "--priority"),
        .attest = td_request_argument (request, "--attest"),
    };
    g_autoptr (GError) error = NULL;
    g_auto (GStrv) headers = probe->service->sign (&demand, probe->service->data, &error);
    GVariantBuilder rows;

    if (headers == NULL) {
        td_request_fail (request, "%s", error->message);
        return;
    }
    g_variant_builder_init (&rows, G_VARIANT_TYPE ("aa{sv}"));
    for (char **header = headers; *header != NULL; header++) {
        g_variant_builder_open (&rows, G_VARIANT_TYPE_VARDICT);
        add (&rows, "identity", *header);
        g_variant_builder_close (&rows);
    }
    td_request_reply (request, g_variant_builder_end (&rows));
}

/* --- Life -------------------------------------------------------------------------------- */

#define NEEDED(argument_name)                                                                      \
    {                                                                                              \
        .name = argument_name, .help = "see above", .is_required = true                            \
    }
#define OPTION(argument_name)                                                                      \
    {                                                                                              \
        .name = argument_name, .help = "see above", .takes_value = true                            \
    }

static const TdArgument ask_arguments[] = {
    NEEDED ("TRUNK"),
    NEEDED ("CALL-ID"),
    NEEDED ("FROM"),
    NEEDED ("TO"),
    NEEDED ("VALUES"),
    NEEDED ("IDENTITY"),
    { .name = "IDENTITY2", .help = "a second one" },
    OPTION ("--only"),
};
static const TdArgument race_arguments[] = {
    NEEDED ("N"),  NEEDED ("TRUNK"),  NEEDED ("TRUNK2"),   NEEDED ("FROM"),
    NEEDED ("TO"), NEEDED ("VALUES"), NEEDED ("IDENTITY"),
};
static const TdArgument cancel_arguments[] = {
    NEEDED ("TRUNK"),
    NEEDED ("FROM"),
    NEEDED ("TO"),
    NEEDED ("IDENTITY"),
};
static const TdArgument sign_arguments[] = {
    NEEDED ("PPT"),    NEEDED ("FROM"),     NEEDED ("TO"),
    NEEDED ("VALUES"), OPTION ("--attest"), OPTION ("--priority"),
};

static const struct {
    const char *name;
    const TdArgument *arguments;
    uint32_t n_arguments;
    void (*run) (TdRequest *request, void *data);
} commands[] = {
    { "probe ask", ask_arguments, G_N_ELEMENTS (ask_arguments), run_ask },
    { "probe race", race_arguments, G_N_ELEMENTS (race_arguments), run_race },
    { "probe cancel", cancel_arguments, G_N_ELEMENTS (cancel_arguments), run_cancel },
    { "probe sign", sign_arguments, G_N_ELEMENTS (sign_arguments), run_sign },
};

static bool
start (TdModule *module, GError **error)
{
    Probe *probe = g_new0 (Probe, 1);

    probe->module = module;
    td_module_set_state (module, probe);
    for (unsigned i = 0; i < G_N_ELEMENTS (commands); i++) {
        const TdCommand command = { .size = sizeof (TdCommand),
                                    .argument_size = sizeof (TdArgument),
                                    .name = commands[i].name,
                                    .help = "For tests",
                                    .arguments = commands[i].arguments,
                                    .n_arguments = commands[i].n_arguments,
                                    .data = probe,
                                    .run = commands[i].run };
        if (!td_command_add (module, &command, error)) {
            return false;
        }
    }
    probe->service = td_feature_acquire (module, TD_FEATURE_PASSPORT);
    return probe->service != NULL;
}

static void
stop (TdModule *module)
{
    td_feature_release (module, TD_FEATURE_PASSPORT);
}

static void
unload (TdModule *module)
{
    g_free (td_module_state (module));
}

TD_MODULE_NAMED ("passport-probe", .summary = "Asks the service of passport, for tests",
                 .version = "1.0", .license = "LGPL-2.1-or-later",
                 .needs = TD_LIST (TD_FEATURE_PASSPORT), .start = start, .stop = stop,
                 .unload = unload)
