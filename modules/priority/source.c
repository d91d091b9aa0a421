/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether somebody else could pass for a trunk whose marks are accepted (RFC 4412 11.3). */

#include "source.h"

#include <string.h>
#include <tandem/socket.h>

typedef enum { WAY_DATAGRAM, WAY_CONNECTION, WAY_TLS } Way;

/* How a peer at ADDRESS, in lower case, is reached. Only SIP has addresses that are. */
static Way
way_to (const char *address)
{
    const char *user_end = strrchr (address, '@'); /* what stands before it are no parameters */
    g_auto (GStrv) params = g_strsplit (user_end != NULL ? user_end + 1 : address, ";", -1);

    if (!g_str_has_prefix (address, "sip:")) {
        return WAY_TLS; /* sips: RFC 3261 26.2.2 */
    }
    for (char **param = params; *param != NULL; param++) {
        if (g_str_has_prefix (*param, "transport=")) { /* the first one counts */
            return strcmp (*param, "transport=tls") == 0   ? WAY_TLS
                   : strcmp (*param, "transport=tcp") == 0 ? WAY_CONNECTION
                                                           : WAY_DATAGRAM;
        }
    }
    return WAY_DATAGRAM;
}

/* Whether ADDRESS, in lower case, is one, and no name that somebody else says the address of. */
static bool
is_numeric (const char *address)
{
    const char *colon = strchr (address, ':'), *user_end = strrchr (address, '@');
    const char *host = user_end != NULL ? user_end + 1 : colon != NULL ? colon + 1 : address;
    g_autofree char *text = g_strndup (host, strcspn (host, ";"));
    TdAddress ignored;

    return td_address_parse (text, 0, &ignored);
}

bool
source_has_module (const TdConfig *config, const char *name)
{
    const char *const *names = td_config_keys (config, "modules", NULL);

    return g_strv_contains (names, name)
           && g_strcmp0 (td_config_text (config, "modules", NULL, name), "disabled") != 0;
}

/* Whether who comes by TLS for TRUNK shows a certificate. Without these modules nobody comes. */
static bool
shows_certificate (const TdConfig *config, const char *trunk)
{
    if (!source_has_module (config, "sip") || !source_has_module (config, "tls")) {
        return true;
    }
    const char *identity = td_config_is_set (config, "trunk", trunk, "tls")
                               ? td_config_text (config, "trunk", trunk, "tls")
                               : td_config_text (config, "sip", NULL, "tls");
    return identity == NULL || !g_strv_contains (td_config_instances (config, "tls"), identity)
           || td_config_number (config, "tls", identity, "verify") != 0;
}

static const char spoofable[] =
    "is reached by UDP, where anybody can write this address into a datagram, and rph-trust "
    "accepts "
    "the marks of whoever has it: write ;transport=tcp or ;transport=tls behind it, name the "
    "private "
    "address of this switch that it sends to as rph-interface, or trust it less";

static const char named[] =
    "is a name, and rph-trust accepts the marks of whoever has the address that an answer of the "
    "DNS says, which can be forged: write the address, have its certificate looked at "
    "(;transport=tls, and verify = peer), name the private address of this switch that it sends "
    "to as rph-interface, or trust it less";

const char *
source_weakness (const TdConfig *config, const char *trunk, const char *address)
{
    g_autofree char *lower = g_ascii_strdown (address, strcspn (address, "?"));
    Way way = way_to (lower);

    if (way == WAY_DATAGRAM) {
        return spoofable;
    }
    return is_numeric (lower) || (way == WAY_TLS && shows_certificate (config, trunk)) ? NULL
                                                                                       : named;
}
