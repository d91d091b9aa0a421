/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SIP endpoints: the module's life, its lanes, and what an operator sees of it. */

#include "leg.h"
#include "probe.h"

#include <stdio.h>
#include <sys/random.h>
#include <tandem/log.h>

/* --- Lanes ------------------------------------------------------------------------------- */

static void
open_lane (Sip *sip, unsigned index, uint64_t secret, const uint8_t nonce_secret[32])
{
    SipLane *lane = &sip->lanes[index];
    TdConfig *config = td_module_config (sip->module);
    unsigned nonce_life_s =
        (unsigned) (td_config_number (config, "sip", NULL, "nonce-life") / 1000);

    lane->sip = sip;
    sip_stack_init (&lane->stack, sip->module, index, &sip->timers, secret);
    lane->stack.counter += (uint64_t) index << 48;
    lane->stack.send = sip_transport_send;
    lane->stack.data = lane;
    sip_table_init (&lane->legs);
    lane->authority =
        sip_authority_new (nonce_secret, nonce_life_s,
                           (SipDigests) td_config_number (config, "sip", NULL, "digest"), index);
    lane->ring =
        td_config_bool (config, "sip", NULL, "trace") ? sip_ring_new (SIP_RING_BYTES) : NULL;
    lane->scan = g_new0 (SipScan, 1);
    lane->claims = sip_claims_new (secret, SIP_N_SOURCES);
    lane->established = sip_claims_new (secret, SIP_N_ESTABLISHED);
    sip_patience_init (&lane->patience,
                       td_config_number (config, "sip", NULL, "arrival-wait") * 1000,
                       td_config_number (config, "sip", NULL, "arrival-target") * 1000);
    lane->late = g_new0 (uint64_t, SIP_N_LATE);
    lane->hosts = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
}

static void
open_lanes (Sip *sip)
{
    uint8_t nonce_secret[32];
    uint64_t secret;

    if (getrandom (&secret, sizeof secret, 0) != sizeof secret
        || getrandom (nonce_secret, sizeof nonce_secret, 0) != sizeof nonce_secret) {
        td_log_warning (sip->module, NULL,
                        "the kernel gave no random numbers: tags and nonces can "
                        "be guessed");
    }
    sip->n_lanes = td_lane_count ();
    sip->lanes = g_new0 (SipLane, sip->n_lanes);
    for (unsigned i = 0; i < sip->n_lanes; i++) {
        open_lane (sip, i, secret, nonce_secret);
    }
}

SipLane *
sip_lane_at (Sip *sip, const TdLane *at)
{
    unsigned index = td_lane_index (at);

    return index < sip->n_lanes && sip->lanes[index].sip != NULL ? &sip->lanes[index] : NULL;
}

/* On its lane: nothing is left that a timer could call. */
static void
clear_lane (TdLane *at, void *data)
{
    SipLane *lane = sip_lane_at (data, at);

    if (lane != NULL) {
        td_timer_stop (&lane->refresh);
        sip_probes_clear (lane);
        sip_registrations_clear (lane);
        sip_stack_clear (&lane->stack);
        sip_table_clear (&lane->legs);
        lane->sip = NULL;
    }
}

static void
free_lanes (Sip *sip)
{
    for (unsigned i = 0; i < sip->n_lanes; i++) {
        SipLane *lane = &sip->lanes[i];
        sip_authority_free (lane->authority);
        sip_ring_free (lane->ring);
        g_free (lane->scan);
        sip_claims_free (lane->claims);
        sip_claims_free (lane->established);
        g_free (lane->late);
        g_hash_table_unref (lane->hosts);
    }
    g_free (sip->lanes);
}

static void
begin_lane (TdLane *at, void *data)
{
    SipLane *lane = sip_lane_at (data, at);

    if (lane != NULL) {
        sip_resolve_trunks (lane);
        sip_probes_update (lane);
    }
}

static void
update_probes (TdLane *at, void *data)
{
    SipLane *lane = sip_lane_at (data, at);

    if (lane != NULL) {
        sip_probes_update (lane);
    }
}

static void
end_probes (TdLane *at, void *data)
{
    SipLane *lane = sip_lane_at (data, at);

    if (lane != NULL) {
        sip_probes_clear (lane);
    }
}

static void
swept (void *data)
{
}

/* --- Life -------------------------------------------------------------------------------- */

static bool
load (TdModule *module, GError **error)
{
    td_machine_register (module, &sip_invite_client);
    td_machine_register (module, &sip_other_client);
    td_machine_register (module, &sip_invite_server);
    td_machine_register (module, &sip_other_server);
    td_machine_register (module, &sip_leg_machine);
    return true;
}

static void
read_settings (Sip *sip)
{
    TdConfig *config = td_module_config (sip->module);

    sip->timers = sip_timers_default;
    sip->timers.t1_ms = (uint32_t) td_config_number (config, "sip", NULL, "t1");
    sip->timers.t2_ms = (uint32_t) td_config_number (config, "sip", NULL, "t2");
    sip->timers.t4_ms = (uint32_t) td_config_number (config, "sip", NULL, "t4");
    sip->redirect = (SipRedirect) td_config_number (config, "sip", NULL, "redirect");
    sip->realm = g_strdup (td_config_text (config, "sip", NULL, "realm"));
    sip->user_agent = g_strdup (td_config_text (config, "sip", NULL, "user-agent"));
    sip->identity = g_strdup (td_config_text (config, "sip", NULL, "tls"));
    sip_wishes_init (&sip->wishes);
    sip->strangers = (SipStrangers) td_config_number (config, "sip", NULL, "strangers");
    sip->passes_unjudged_marks = td_config_number (config, "sip", NULL, "unjudged-marks") != 0;
    sip->first_numbers =
        g_strdupv ((char **) td_config_list (config, "sip", NULL, "first-numbers"));
    sip->first_rate = (unsigned) td_config_number (config, "sip", NULL, "first-rate");
    sip->priority_dscp = (uint8_t) td_config_number (config, "sip", NULL, "priority-dscp");
}

static void
free_sip (Sip *sip)
{
    free_lanes (sip);
    sip_overload_free (sip->overload);
    sip_load_free (sip->load);
    g_free (sip->realm);
    g_free (sip->user_agent);
    g_strfreev (sip->first_numbers);
    g_free (sip->identity);
    sip_wishes_clear (&sip->wishes);
    g_free (sip);
}

/* No leg and no trace is left: lets go of the wire, then of what waited for it. */
static void
closed (void *data)
{
    Sip *sip = data;
    TdModule *module = sip->module;

    sip_features_close (sip);
    td_module_set_state (module, NULL);
    free_sip (sip);
    td_module_unuse (module);
}

static void
close_wire (Sip *sip)
{
    sip_features_hold (sip);
    sip_listen_close (sip);
    td_lane_sweep (sip->module, clear_lane, closed, NULL, sip);
}

static void
look_for_legs (TdTimer *timer)
{
    Sip *sip = (Sip *) ((char *) timer - offsetof (Sip, poll));

    if (atomic_load (&sip->n_legs) == 0 && atomic_load (&sip->n_searches) == 0
        && sip->n_traces == 0) {
        close_wire (sip);
    } else {
        td_timer_start (&sip->poll, 20);
    }
}

static void
probes_ended (void *data)
{
    look_for_legs (&((Sip *) data)->poll);
}

static bool
check (const TdConfig *config, GError **error)
{
    SipTrunks *trunks = sip_trunks_new (config, error);

    if (trunks == NULL) {
        return false;
    }
    td_table_unref (&trunks->table);
    return sip_listen_check (config, error);
}

static bool
start (TdModule *module, GError **error)
{
    Sip *sip = g_new0 (Sip, 1);
    SipTrunks *trunks = sip_trunks_new (td_module_config (module), error);
    TdChannelDriver secure_driver = sip_channel_driver;

    secure_driver.name = "sips"; /* of addresses that begin so */
    sip->module = module;
    if (trunks == NULL) {
        g_free (sip);
        return false;
    }
    td_timer_init (&sip->poll, module, look_for_legs);
    read_settings (sip);
    sip_declare_metrics (sip);
    sip->trunks = td_snapshot_new (module, "sip.trunks", &trunks->table);
    sip_features_open (sip);
    sip->overload = sip_overload_new ();
    if (td_config_bool (td_module_config (module), "sip", NULL, "pass-priority")) {
        sip_overload_pass_priority (sip->overload);
    }
    sip->load = td_config_bool (td_module_config (module), "sip", NULL, "tell-load")
                    ? sip_load_new ()
                    : NULL;
    open_lanes (sip);
    td_module_set_state (module, sip);
    if (!sip_declare_attributes (sip, error)
        || !td_channel_driver_register (module, &sip_channel_driver, error)
        || !td_channel_driver_register (module, &secure_driver, error)
        || !sip_trace_command_add (module, error) || !sip_listen_open (sip, error)) {
        td_module_use (module);
        close_wire (sip);
        return false;
    }
    td_lane_sweep (module, begin_lane, swept, NULL, sip);
    return true;
}

static bool
reload (TdModule *module, TdReloadPhase phase, const TdConfig *next, GError **error)
{
    Sip *sip = td_module_state (module);

    switch (phase) {
    case TD_RELOAD_PREPARE:
        sip->next_trunks = sip_trunks_new (next, error);
        return sip->next_trunks != NULL;
    case TD_RELOAD_COMMIT:
        td_snapshot_swap (sip->trunks, &sip->next_trunks->table);
        td_lane_sweep (module, update_probes, swept, NULL, sip);
        break;
    case TD_RELOAD_ABANDON:
        td_table_unref (&sip->next_trunks->table);
        break;
    }
    sip->next_trunks = NULL;
    return true;
}

static void
stop (TdModule *module)
{
    Sip *sip = td_module_state (module);

    atomic_store (&sip->is_closing, true);
    td_module_use (module);
    /* Calls may stay for hours; no lane begins anything else after this. */
    td_lane_sweep (module, end_probes, probes_ended, NULL, sip);
}

static void
describe (TdModule *module, GVariantDict *info)
{
    Sip *sip = td_module_state (module);
    g_autoptr (GString) listeners = g_string_new (NULL);

    if (sip == NULL) {
        return;
    }
    for (unsigned i = 0; i < sip->n_listeners; i++) {
        g_string_append_printf (listeners, "%s%s:%s", i > 0 ? ", " : "",
                                sip_transport_name (sip->listeners[i].transport),
                                sip->listeners[i].host);
    }
    g_variant_dict_insert (info, "listeners", "s", listeners->str);
    g_variant_dict_insert (info, "legs", "u", atomic_load (&sip->n_legs));
}

TD_MODULE (sip, .summary = "SIP endpoints over UDP, TCP and TLS", .version = "1.0",
           .license = "LGPL-2.1-or-later", .provides = TD_LIST ("endpoint.sip"),
           .wants = TD_LIST (TD_FEATURE_PRIORITY, TD_FEATURE_REGISTRAR, TD_FEATURE_TRUNK,
                             TD_FEATURE_ARRIVAL, TD_FEATURE_TLS, TD_FEATURE_CONGESTION,
                             TD_FEATURE_EMERGENCY, TD_FEATURE_INTERWORK),
           .config = sip_sections, .n_config = SIP_N_SECTIONS, .upgrade = TD_UPGRADE_BESIDE,
           .load = load, .start = start, .reload = reload, .stop = stop, .describe = describe,
           .check = check)
