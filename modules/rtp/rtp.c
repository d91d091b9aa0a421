/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* rtp: carries the media of calls in this process. */

#include "ports.h"
#include "termination.h"

#include <string.h>
#include <tandem/bus.h>
#include <tandem/metric.h>
#include <tandem/module.h>
#include <unistd.h>

typedef struct {
    RtpProvider provider;
    TdMetric *relayed, *ignored, *bad, *unsent;
    RtpSettings prepared;                       /* by a reload that is not committed yet */
    unsigned max_transcodes, transcode_reserve; /* likewise */
    TdSubscription *features;
} Rtp;

static const TdConfigKey keys[] = {
    { .name = "address",
      .type = TD_CONFIG_ADDRESS,
      .default_text = "127.0.0.1",
      .help = "The IPv4 address media come to.",
      .since = "0.1" },
    { .name = "address6",
      .type = TD_CONFIG_ADDRESS,
      .help = "The IPv6 address media come to. Without it no call has media over IPv6.",
      .since = "0.1" },
    { .name = "advertise",
      .type = TD_CONFIG_ADDRESS,
      .help = "The IPv4 address peers are told, where a translator stands between them and us.",
      .since = "0.1" },
    { .name = "advertise6",
      .type = TD_CONFIG_ADDRESS,
      .help = "The same for IPv6.",
      .since = "0.1" },
    { .name = "first-port",
      .type = TD_CONFIG_INTEGER,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "16384",
      .min = 1024,
      .max = 65534,
      .help = "Media ports begin here. A stream takes an even port and the next one.",
      .since = "0.1" },
    { .name = "last-port",
      .type = TD_CONFIG_INTEGER,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "32767",
      .min = 1025,
      .max = 65535,
      .help = "Media ports end here. A call with two legs takes two pairs.",
      .since = "0.1" },
    { .name = "port-rest",
      .type = TD_CONFIG_DURATION,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "2 s",
      .min = 0,
      .max = 600000,
      .help = "For so long a port is not used again, so that late packets reach nobody.",
      .since = "0.1" },
    { .name = "port-reserve",
      .type = TD_CONFIG_INTEGER,
      .flags = TD_CONFIG_RELOADABLE,
      .unit = "%",
      .default_text = "1",
      .min = 0,
      .max = 25,
      .help = "The share of the ports, the last of them and rounded down to whole pairs, that only "
              "calls with a priority, and emergency calls, may use. They take these first.",
      .since = "0.1" },
    { .name = "max-transcodes",
      .type = TD_CONFIG_INTEGER,
      .flags = TD_CONFIG_RELOADABLE,
      .unit = "calls",
      .default_text = "0",
      .min = 0,
      .max = 1000000,
      .help =
          "So many calls at a time may have their codec turned into another one, or come to need "
          "it "
          "while they are set up; to others only codecs of the caller are offered. 0: any number.",
      .since = "0.1" },
    { .name = "transcode-reserve",
      .type = TD_CONFIG_INTEGER,
      .flags = TD_CONFIG_RELOADABLE,
      .unit = "%",
      .default_text = "1",
      .min = 0,
      .max = 50,
      .help = "The share of max-transcodes, rounded down, that only calls with a priority, and "
              "emergency calls, may use.",
      .since = "0.1" },
    { .name = "threads",
      .type = TD_CONFIG_INTEGER,
      .unit = "threads",
      .default_text = "0",
      .min = 0,
      .max = 64,
      .help = "Media threads; 0: one for two processors, at least one.",
      .since = "0.1" },
    { .name = "batch",
      .type = TD_CONFIG_DURATION,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "2 ms",
      .min = 0,
      .max = 20,
      .help = "For so long a thread rests between two rounds. A packet is delayed by that much at "
              "most; 0 carries each one at once, for up to twice the processor time.",
      .since = "0.1" },
    { .name = "silence",
      .type = TD_CONFIG_DURATION,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "60 s",
      .min = 0,
      .max = 86400000,
      .help = "After so long without a packet from a peer that should send, the call is told; 0: "
              "never.",
      .since = "0.1" },
    { .name = "lock-after",
      .type = TD_CONFIG_INTEGER,
      .flags = TD_CONFIG_RELOADABLE,
      .unit = "packets",
      .default_text = "10",
      .min = 1,
      .max = 255,
      .help = "After so many packets of one stream from one address, no other address is heard.",
      .since = "0.1" },
    { .name = "dscp",
      .type = TD_CONFIG_INTEGER,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "46",
      .min = 0,
      .max = 63,
      .help = "The mark of media packets on the network (46: expedited forwarding).",
      .since = "0.1" },
    { .name = "priority-dscp",
      .type = TD_CONFIG_INTEGER,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "44",
      .min = 0,
      .max = 63,
      .help = "The same for calls with a priority and emergency calls (44: VOICE-ADMIT, RFC 5865).",
      .since = "0.1" },
};

static const TdConfigSection sections[] = {
    { .size = sizeof (TdConfigSection),
      .key_size = sizeof (TdConfigKey),
      .name = "rtp",
      .help = "Media carried in this process.",
      .keys = keys,
      .n_keys = G_N_ELEMENTS (keys) },
};

static bool
start_thread (const char *name, RtpThreadRun run, void *thread, void *data, GError **error)
{
    const Rtp *rtp = data;

    return td_thread_start (rtp->provider.module, name, run, thread, error);
}

static void
count (const RtpTotals *totals, void *data)
{
    const Rtp *rtp = data;

    td_metric_add (rtp->relayed, (int64_t) totals->n_relayed);
    td_metric_add (rtp->ignored, (int64_t) totals->n_ignored);
    td_metric_add (rtp->bad, (int64_t) totals->n_bad);
    td_metric_add (rtp->unsent, (int64_t) totals->n_unsent);
}

static TdMetric *
declare (TdModule *module, const char *name, const char *help)
{
    TdMetricDecl decl = {
        .size = sizeof decl, .kind = TD_METRIC_COUNTER, .name = name, .help = help
    };

    return td_metric_declare (module, &decl);
}

static void
declare_metrics (Rtp *rtp, TdModule *module)
{
    rtp->relayed =
        declare (module, "tandem_rtp_packets_relayed_total",
                 "Media packets that were sent: carried from one peer to another, or played.");
    rtp->ignored = declare (module, "tandem_rtp_packets_ignored_total",
                            "Media packets from an address that is not the peer's.");
    rtp->bad = declare (module, "tandem_rtp_packets_bad_total",
                        "Datagrams at media ports that are neither RTP nor RTCP, or too long.");
    rtp->unsent = declare (module, "tandem_rtp_packets_unsent_total",
                           "Media packets that the kernel would not send.");
}

static void
declare_transcodes (Rtp *rtp, TdModule *module)
{
    rtp->provider.transcodes = td_limit_new (module, "rtp.transcodes", G_MAXINT, 0);
    rtp->provider.untranscoded = declare (
        module, "tandem_rtp_transcodes_refused_total",
        "Offers that had only the caller's codecs, and calls that ended, because max-transcodes "
        "left nothing else.");
}

static void
bound_transcodes (Rtp *rtp, unsigned max_transcodes, unsigned reserve_percent)
{
    td_limit_set_capacity (rtp->provider.transcodes,
                           max_transcodes > 0 ? max_transcodes : G_MAXINT);
    td_limit_reserve (rtp->provider.transcodes, TD_CLASS_ORDINARY + 1,
                      max_transcodes * reserve_percent / 100);
}

static int64_t
number (const TdConfig *config, const char *key)
{
    return td_config_number (config, "rtp", NULL, key);
}

/* Reads HOST_KEY, and what is told instead of it where TOLD_KEY says so. */
static bool
read_place (const TdConfig *config, const char *host_key, const char *told_key, RtpPlace *place,
            GError **error)
{
    static const TdAddress any6 = { .v6 = { .sin6_family = AF_INET6 } };
    static const TdAddress any4 = { .v4 = { .sin_family = AF_INET } };
    const char *host = td_config_text (config, "rtp", NULL, host_key);
    const char *told = td_config_text (config, "rtp", NULL, told_key);
    TdAddress shown;

    if (host == NULL || !td_address_parse (host, 0, &place->host)) {
        return true;
    }
    if (told == NULL
        && (td_address_equal_host (&place->host, &any4)
            || td_address_equal_host (&place->host, &any6))) {
        return td_config_refuse (config, "rtp", NULL, host_key, host, error,
                                 "cannot be told to peers: set %s to what they can reach",
                                 told_key);
    }
    if (!td_address_parse (told != NULL ? told : host, 0, &shown)) {
        shown = place->host;
    }
    td_address_print_host (&shown, place->told);
    return true;
}

static bool
check (const TdConfig *config, GError **error)
{
    RtpPlace ipv4 = { 0 }, ipv6 = { 0 };

    if (number (config, "first-port") >= number (config, "last-port")) {
        return td_config_refuse (config, "rtp", NULL, "last-port", NULL, error,
                                 "%" G_GINT64_FORMAT " is not above first-port = %" G_GINT64_FORMAT,
                                 number (config, "last-port"), number (config, "first-port"));
    }
    return read_place (config, "address", "advertise", &ipv4, error)
           && read_place (config, "address6", "advertise6", &ipv6, error);
}

static unsigned
count_threads (const TdConfig *config)
{
    int64_t n_threads = number (config, "threads");
    long n_processors = sysconf (_SC_NPROCESSORS_ONLN);

    return n_threads > 0 ? (unsigned) n_threads : (unsigned) MAX (n_processors / 2, 1);
}

/* Errors: a range without a pair, with the place of its key. */
static bool
read_settings (const TdConfig *config, RtpSettings *settings, GError **error)
{
    *settings = (RtpSettings){
        .batch_us = (unsigned) number (config, "batch") * 1000,
        .silence_ms = (unsigned) number (config, "silence"),
        .lock_after = (unsigned) number (config, "lock-after"),
        .dscp = (unsigned) number (config, "dscp"),
        .priority_dscp = (unsigned) number (config, "priority-dscp"),
        .range = { .first = (unsigned) number (config, "first-port"),
                   .last = (unsigned) number (config, "last-port"),
                   .rest_ms = (unsigned) number (config, "port-rest"),
                   .reserve_percent = (unsigned) number (config, "port-reserve") },
    };
    g_autoptr (GError) why = NULL;
    return rtp_ports_check (&settings->range, &why)
           || td_config_refuse (config, "rtp", NULL, "first-port", NULL, error, "%s", why->message);
}

static void close_sources (void *data);

/* Nobody is left who could hear something. */
static void
engine_ended (void *data)
{
    const Rtp *rtp = data;

    td_lane_sweep (rtp->provider.module, NULL, close_sources, close_sources, data);
}

static RtpEngineSetup
make_setup (Rtp *rtp, const TdConfig *config, const RtpSettings *settings)
{
    return (RtpEngineSetup){
        .n_threads = count_threads (config),
        .settings = *settings,
        .event = rtp_termination_event,
        .count = count,
        .ended = engine_ended,
        .data = rtp,
        .now_us = td_clock_now_us,
        .start = start_thread,
    };
}

static bool
start_engine (Rtp *rtp, TdModule *module, GError **error)
{
    static const char *const services[] = { RTP_SERVICE_LOOP, RTP_SERVICE_SOURCE, NULL };
    RtpSettings settings;
    TdMediaProvider provider = {
        .size = sizeof provider,
        .name = "rtp",
        .kinds = 1u << TD_TERMINATION_IP | 1u << TD_TERMINATION_INTERNAL,
        .services = services,
        .data = &rtp->provider,
        .request = rtp_provider_request,
    };

    if (!read_settings (td_module_config (module), &settings, error)) {
        return false;
    }
    RtpEngineSetup setup = make_setup (rtp, td_module_config (module), &settings);
    rtp->provider.engine = rtp_engine_new (&setup, error);
    return rtp->provider.engine != NULL && rtp_engine_start (rtp->provider.engine, error)
           && td_media_provider_register (module, &provider, error);
}

/* --- Who makes sound --------------------------------------------------------------------- */

static void
take_sources (Rtp *rtp, const TdSourceService *next)
{
    if (atomic_exchange (&rtp->provider.sources, next) != NULL) {
        td_feature_release_swept (rtp->provider.module, TD_FEATURE_SOURCE);
    }
}

/* Another build of who makes it, or none any more. */
static void
hear_feature (const TdFact *fact, void *data)
{
    Rtp *rtp = data;

    if (g_strcmp0 (td_fact_text (fact, "feature"), TD_FEATURE_SOURCE) == 0) {
        take_sources (rtp, td_feature_acquire (rtp->provider.module, TD_FEATURE_SOURCE));
    }
}

static void
open_sources (Rtp *rtp, TdModule *module)
{
    atomic_init (&rtp->provider.sources, td_feature_acquire (module, TD_FEATURE_SOURCE));
    rtp->features = td_bus_subscribe (module, TD_LIST ("feature.changed"), hear_feature, rtp);
}

/* Thread: control. */
static void
close_sources (void *data)
{
    Rtp *rtp = data;

    g_clear_pointer (&rtp->features, td_bus_unsubscribe);
    take_sources (rtp, NULL);
}

static bool
start (TdModule *module, GError **error)
{
    const TdConfig *config = td_module_config (module);
    Rtp *rtp = g_new0 (Rtp, 1);

    rtp->provider.module = module;
    td_module_set_state (module, rtp);
    declare_metrics (rtp, module);
    declare_transcodes (rtp, module);
    bound_transcodes (rtp, (unsigned) number (config, "max-transcodes"),
                      (unsigned) number (config, "transcode-reserve"));
    open_sources (rtp, module);
    return read_place (config, "address", "advertise", &rtp->provider.ipv4, error)
           && read_place (config, "address6", "advertise6", &rtp->provider.ipv6, error)
           && start_engine (rtp, module, error);
}

static bool
reload (TdModule *module, TdReloadPhase phase, const TdConfig *next, GError **error)
{
    Rtp *rtp = td_module_state (module);

    switch (phase) {
    case TD_RELOAD_PREPARE:
        rtp->max_transcodes = (unsigned) number (next, "max-transcodes");
        rtp->transcode_reserve = (unsigned) number (next, "transcode-reserve");
        return read_settings (next, &rtp->prepared, error);
    case TD_RELOAD_COMMIT:
        rtp_engine_change (rtp->provider.engine, &rtp->prepared);
        bound_transcodes (rtp, rtp->max_transcodes, rtp->transcode_reserve);
        break;
    case TD_RELOAD_ABANDON:
        break;
    }
    return true;
}

/* Calls that have media keep the threads, and who makes sound, which they may need yet; the last one ends
 * them. */
static void
stop (TdModule *module)
{
    Rtp *rtp = td_module_state (module);

    if (rtp == NULL) {
        return;
    }
    rtp_engine_stop (rtp->provider.engine);
}

static void
unload (TdModule *module)
{
    Rtp *rtp = td_module_state (module);

    if (rtp != NULL) {
        rtp_engine_free (rtp->provider.engine);
        g_free (rtp);
        td_module_set_state (module, NULL);
    }
}

static void
describe (TdModule *module, GVariantDict *info)
{
    const Rtp *rtp = td_module_state (module);

    if (rtp == NULL || rtp->provider.engine == NULL) {
        return;
    }
    g_variant_dict_insert (info, "ports_in_use", "u",
                           rtp_engine_ports_in_use (rtp->provider.engine) * 2);
    g_variant_dict_insert (info, "ports", "u", rtp_engine_ports_total (rtp->provider.engine) * 2);
    g_variant_dict_insert (info, "transcodes", "u", td_limit_in_use (rtp->provider.transcodes));
    g_variant_dict_insert (info, "packets_relayed", "x", td_metric_value (rtp->relayed));
    g_variant_dict_insert (info, "packets_ignored", "x", td_metric_value (rtp->ignored));
}

TD_MODULE (rtp, .summary = "Carries the media of calls: RTP and RTCP, relayed and anchored",
           .version = "1.0", .license = "LGPL-2.1-or-later", .provides = TD_LIST ("media"),
           .config = sections, .n_config = G_N_ELEMENTS (sections), .upgrade = TD_UPGRADE_BESIDE,
           .start = start, .reload = reload, .stop = stop, .unload = unload, .describe = describe,
           .check = check)
