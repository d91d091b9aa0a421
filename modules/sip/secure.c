/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* TLS as far as SIP has to do with it: what is asked of it, and whose certificate stands for which trunk
 * (RFC 3261 26.3, RFC 5922). What it is made of is module tls's. */

#include "leg.h"

/* Those of no trunk may come from anybody's Contact: they leave as many places to the trunks. */
enum { MAX_WISHES = 8192, MAX_OTHERS = MAX_WISHES / 2 };

/* --- Whom a connection is to be made to --------------------------------------------------- */

static unsigned
wish_hash (const void *data)
{
    const SipWish *wish = data;

    return g_str_hash (wish->identity) * 31 + g_str_hash (wish->domain);
}

static gboolean
wish_equal (const void *a, const void *b)
{
    const SipWish *one = a, *other = b;

    return strcmp (one->identity, other->identity) == 0 && strcmp (one->domain, other->domain) == 0;
}

static void
free_wish (void *data)
{
    SipWish *wish = data;

    g_free (wish->identity);
    g_free (wish->domain);
    g_free (wish);
}

void
sip_wishes_init (SipWishes *wishes)
{
    pthread_mutex_init (&wishes->lock, NULL);
    wishes->all = g_hash_table_new_full (wish_hash, wish_equal, free_wish, NULL);
}

void
sip_wishes_clear (SipWishes *wishes)
{
    g_hash_table_unref (wishes->all);
    pthread_mutex_destroy (&wishes->lock);
}

/* The one like WISH that stays, or NULL when there are MAX. */
static const SipWish *
keep_wish (SipWishes *wishes, const SipWish *wish, unsigned max)
{
    pthread_mutex_lock (&wishes->lock);
    const SipWish *kept = g_hash_table_lookup (wishes->all, wish);
    if (kept == NULL && g_hash_table_size (wishes->all) < max) {
        SipWish *made = g_new (SipWish, 1);
        *made = (SipWish){ g_strdup (wish->identity), g_strdup (wish->domain) };
        g_hash_table_add (wishes->all, made);
        kept = made;
    }
    pthread_mutex_unlock (&wishes->lock);
    return kept;
}

const SipWish *
sip_wish (Sip *sip, const SipTrunk *trunk, SipView host)
{
    g_autofree char *name = sip_view_dup (host);
    bool has_name = trunk != NULL && *trunk->tls_name != '\0';
    SipWish wish = { (char *) (trunk != NULL ? trunk->identity : sip->identity),
                     (char *) (has_name ? trunk->tls_name : name) };

    return keep_wish (&sip->wishes, &wish, trunk != NULL ? MAX_WISHES : MAX_OTHERS);
}

/* --- Who has come ------------------------------------------------------------------------- */

bool
sip_is_mutual (const TdPacket *packet)
{
    return packet->transport == TD_TRANSPORT_TLS && packet->peer != NULL
           && packet->peer->is_verified;
}

bool
sip_secure_goes_by_address (Sip *sip, const SipTrunk *trunk, const TdPacket *packet)
{
    const TdTlsService *service = sip_tls (sip);

    return packet->transport == TD_TRANSPORT_TLS && service != NULL
           && !service->verifies (trunk->identity, service->data);
}

bool
sip_secure_is_kept (const SipLeg *leg, const TdPacket *packet)
{
    if (leg->path.transport != TD_TRANSPORT_TLS) {
        return true;
    }
    if (packet->transport != TD_TRANSPORT_TLS) {
        return false;
    }
    if (leg->path.wish == NULL || !sip_is_mutual (packet)
        || td_peer_is (packet->peer, leg->path.wish->domain)) {
        return true;
    }
    /* Another member of the same trunk. */
    const SipTrunk *trunk = sip_trunks_by_source (leg->lane, packet);
    return trunk != NULL && leg->channel != NULL
           && strcmp (trunk->name, td_channel_trunk (leg->channel)) == 0;
}

const TdStreamFilter *
sip_secure_filter (void *data)
{
    const SipListener *listener = data;
    const TdTlsService *service = sip_tls (listener->sip);

    return service != NULL ? service->filter : NULL;
}

/* --- What is configured ------------------------------------------------------------------- */

bool
sip_secure_is_asked_for (const SipUri *uri)
{
    SipView transport;

    return uri->scheme == SIP_SCHEME_SIPS
           || (sip_param_find (uri->params, "transport", &transport)
               && sip_view_is_nocase (transport, "tls"));
}

bool
sip_secure_check (const TdConfig *config, const char *section, const char *instance,
                  const char *key, const char *identity, GError **error)
{
    const char *const *names = td_config_instances (config, "tls");

    if (g_strv_contains (names, identity)) {
        return true;
    }
    return td_config_refuse (
        config, section, instance, key, NULL, error,
        "TLS needs the section [tls %s] and the module that reads it: write tls = required under "
        "[modules], and certificate, key and ca under [tls %s]",
        identity, identity);
}
