/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The endpoint drivers by name: the newest generation of a name makes new legs. */

#ifndef CORE_CALL_DRIVER_H
#define CORE_CALL_DRIVER_H

#include <tandem/channel.h>

typedef struct TdDriverEntry TdDriverEntry;

struct TdDriverEntry {
    TdChannelDriver driver; /* the name is our own copy */
    TdModule *module;
};

void td_drivers_open (void);
void td_drivers_close (void);

/* The driver called NAME of MODULE, or with MODULE NULL of the newest module that has started and is not stopping;
 * NULL when there is none. Its module is in use until td_driver_release(). Thread: any. */
TdDriverEntry *td_driver_acquire (const char *name, TdModule *module);
void td_driver_release (TdDriverEntry *entry);

#endif
