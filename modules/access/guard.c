/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tells of those who are locked out, and lets operators look at them. */

#include "access.h"

#include <arpa/inet.h>
#include <string.h>
#include <tandem/command.h>
#include <tandem/log.h>

#define ADDRESS "address " /* see TD_ATTRIBUTE_SOURCE */

typedef struct {
    const char *key;
    bool is_locked;
    int64_t time_us;
} LockedFact;

static const TdField fields[] = {
    TD_FIELD (LockedFact, key, TD_FIELD_TEXT,
              "Who: caller TRUNK NUMBER, user NAME, "
              "certificate SUBJECT, address HOST, or account NAME"),
    TD_FIELD (LockedFact, is_locked, TD_FIELD_BOOL, "Locked out, or let in again by an operator"),
    TD_FIELD (LockedFact, time_us, TD_FIELD_DURATION, "For how long"),
};

/* Whoever has one address of IPv6 has all of its network: a line gets it whole. One of IPv4 in other
 * clothes is that one. */
static char *
network_of (const char *host)
{
    char text[INET6_ADDRSTRLEN];
    g_auto (GStrv) parts = g_strsplit (host, "%", 2); /* and an interface */
    struct in6_addr address;

    if (inet_pton (AF_INET6, parts[0], &address) != 1) {
        return g_strdup (host);
    }
    if (IN6_IS_ADDR_V4MAPPED (&address)) {
        return g_strdup (inet_ntop (AF_INET, &address.s6_addr[12], text, sizeof text));
    }
    memset (&address.s6_addr[8], 0, 8);
    return g_strconcat (inet_ntop (AF_INET6, &address, text, sizeof text), "/64", NULL);
}

/* The numbers of a trunk's callers are its word: it stands for too many of them to be one caller. The number of
 * anybody else is what he writes into From, each time another one: he is who has placed the call, as whoever took it
 * knows him. Whoever shows no number is as good as any other who does not. */
char *
guard_caller_key (const Access *access, TdCall *call)
{
    const char *trunk = td_call_trunk (call);
    const char *number = td_party_key (td_call_calling (call));
    const char *source = td_attributes_text (td_call_attributes (call), access->source, 0);

    if (*trunk == '\0' && source != NULL) {
        bool is_address = g_str_has_prefix (source, ADDRESS);
        g_autofree char *network = is_address ? network_of (source + strlen (ADDRESS)) : NULL;
        return is_address ? g_strconcat (ADDRESS, network, NULL) : g_strdup (source);
    }
    return g_strdup_printf ("caller %s %s", *trunk != '\0' ? trunk : "-",
                            *number != '\0' ? number : "-");
}

char *
guard_account_key (const char *account)
{
    return g_strconcat ("account ", account, NULL);
}

bool
guard_is_locked (const Access *access, const char *key)
{
    return locks_is_locked (access->locks, key, td_clock_now_us ());
}

static void
tell (const Access *access, const char *key, bool is_locked, int64_t time_us)
{
    const LockedFact fact = { .key = key, .is_locked = is_locked, .time_us = time_us };

    td_bus_publish (access->locked, TD_ID_NONE, NULL, 0, &fact);
}

bool
guard_fail (Access *access, const Settings *settings, const char *key)
{
    int64_t now_us = td_clock_now_us ();
    int64_t until_us = locks_fail (access->locks, &settings->locks, key, now_us);

    if (until_us == 0) {
        return false;
    }
    td_metric_add (access->n_locks, 1);
    td_log_warning (access->module, key,
                    "too many personal numbers that are no good: locked out for %" G_GINT64_FORMAT
                    " s: \"access unlock\" lets it in",
                    (until_us - now_us) / 1000000);
    tell (access, key, true, until_us - now_us);
    return true;
}

/* --- What an operator asks --------------------------------------------------------------- */

typedef struct {
    GVariantBuilder *rows;
    int64_t now_us;
} Listing;

static void
add_row (const Lock *lock, void *data)
{
    Listing *listing = data;
    int64_t left_us = MAX (lock->until_us - listing->now_us, 0);

    g_variant_builder_open (listing->rows, G_VARIANT_TYPE ("a{sv}"));
    g_variant_builder_add (listing->rows, "{sv}", "key", g_variant_new_string (lock->key));
    g_variant_builder_add (listing->rows, "{sv}", "locked", g_variant_new_boolean (left_us > 0));
    g_variant_builder_add (listing->rows, "{sv}", "seconds_left",
                           g_variant_new_int64 ((left_us + 999999) / 1000000));
    g_variant_builder_add (listing->rows, "{sv}", "failures",
                           g_variant_new_uint32 (lock->n_failures));
    g_variant_builder_add (listing->rows, "{sv}", "locks", g_variant_new_uint32 (lock->n_locks));
    g_variant_builder_close (listing->rows);
}

static void
list_locks (TdRequest *request, void *data)
{
    const Access *access = data;
    GVariantBuilder rows;
    Listing listing = { &rows, td_clock_now_us () };

    g_variant_builder_init (&rows, G_VARIANT_TYPE ("aa{sv}"));
    locks_each (access->locks, add_row, &listing);
    td_request_reply (request, g_variant_builder_end (&rows));
}

static void
unlock (TdRequest *request, void *data)
{
    const Access *access = data;
    const char *key = td_request_argument (request, "KEY");

    if (!locks_forget (access->locks, key)) {
        td_request_fail (request, "\"%s\" has not failed: \"access locks\" lists who has", key);
        return;
    }
    tell (access, key, false, 0);
    td_request_reply (request, NULL);
}

void
guard_configure (Access *access, const TdConfig *config, const Settings *settings)
{
    td_trunk_counter_configure (&access->failures, td_config_instances (config, "trunk"),
                                settings->alarm_failures, settings->alarm_window_ms);
}

void
guard_free (Access *access)
{
    locks_free (access->locks);
    paces_free (access->paces);
    td_trunk_counter_clear (&access->failures);
}

static const TdTrunkCounterDecl failures_decl = {
    .name = "tandem_access_failed_total",
    .help = "Personal numbers that were looked up and are no good, by trunk; empty: of callers of "
            "none.",
    .alarm = "access-failures",
    .alarm_help = "Many personal numbers by the trunk are no good: somebody may be trying them; "
                  "\"access locks\" "
                  "shows who, and whoever runs the trunk can find out.",
};

bool
guard_start (Access *access, GError **error)
{
    static const TdArgument arguments[] = {
        { .name = "KEY",
          .help = "Who, in quotes: as access locks shows it.",
          .is_required = true,
          .complete = "access locks" },
    };

    access->locks = locks_new ();
    access->paces = paces_new ();
    td_trunk_counter_init (&access->failures, access->module, &failures_decl);
    access->locked = td_topic_declare (
        access->module,
        &(TdTopicDecl){ .size = sizeof (TdTopicDecl),
                        .version = 1,
                        .name = "access.locked",
                        .help = "Too many personal numbers were no good: an alarm; or it is over",
                        .fields = fields,
                        .n_fields = G_N_ELEMENTS (fields),
                        .body_size = sizeof (LockedFact) });
    return td_command_add (access->module,
                           &(TdCommand){ .size = sizeof (TdCommand),
                                         .argument_size = sizeof (TdArgument),
                                         .name = "access locks",
                                         .help =
                                             "Who has given personal numbers that are no good, and "
                                             "who is locked out for it.",
                                         .data = access,
                                         .run = list_locks },
                           error)
           && td_command_add (access->module,
                              &(TdCommand){ .size = sizeof (TdCommand),
                                            .argument_size = sizeof (TdArgument),
                                            .name = "access unlock",
                                            .help = "Lets a caller or an account try again.",
                                            .arguments = arguments,
                                            .n_arguments = G_N_ELEMENTS (arguments),
                                            .is_change = true,
                                            .data = access,
                                            .run = unlock },
                              error);
}
