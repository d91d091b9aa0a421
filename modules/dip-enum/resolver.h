/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The name servers of one dip, asked by libunbound, which has a thread for it.
 *
 *     lane -- resolver_ask () --> libunbound --> control lane: the answer is read --> lane: done ()
 */

#ifndef DIP_ENUM_RESOLVER_H
#define DIP_ENUM_RESOLVER_H

#include <tandem/iface/dip.h>
#include <tandem/lane.h>
#include <tandem/module.h>

typedef struct {
    char *suffix;   /* without a dot in front or at the end */
    char **servers; /* as libunbound has them, "198.51.100.53@53"; empty: those of the system */
} EnumSettings;

typedef struct Resolver Resolver;

/* SETTINGS (transfer full). Errors: libunbound's. Thread: control. */
Resolver *resolver_new (TdModule *module, const char *name, EnumSettings *settings, GError **error);
Resolver *resolver_ref (Resolver *resolver);
/* Thread: any. */
void resolver_unref (Resolver *resolver);

const char *resolver_name (const Resolver *resolver);
const EnumSettings *resolver_settings (const Resolver *resolver);

void enum_settings_clear (EnumSettings *settings);

/* As TdDipDriver has them. */
const char *resolver_ask (Resolver *resolver, TdDipQuestion *question);
void resolver_cancel (TdDipQuestion *question);

#endif
