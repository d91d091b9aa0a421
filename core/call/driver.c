/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The endpoint drivers by name: the newest generation of a name makes new legs. */

#include "call/driver.h"

#include "base/owner.h"

#include <string.h>

typedef struct {
    TdDriverEntry entry; /* first */
    TdOwned owned;
    atomic_int n_refs; /* the table's and the channels' */
} Driver;

static struct {
    pthread_mutex_t lock;
    GPtrArray *entries; /* oldest first */
} drivers = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void
driver_unref (Driver *driver)
{
    if (atomic_fetch_sub (&driver->n_refs, 1) == 1) {
        g_free ((char *) driver->entry.driver.name);
        g_free ((char *) driver->entry.driver.service);
        g_free (driver);
    }
}

static void
unlist (Driver *driver)
{
    pthread_mutex_lock (&drivers.lock);
    g_ptr_array_remove (drivers.entries, driver);
    pthread_mutex_unlock (&drivers.lock);
    driver_unref (driver);
}

static void
revoke_driver (TdOwned *owned)
{
    unlist ((Driver *) ((char *) owned - offsetof (Driver, owned)));
}

static bool
is_complete (const TdChannelDriver *driver, GError **error)
{
    if (driver->name != NULL && driver->originate != NULL && driver->answer != NULL
        && driver->release != NULL) {
        return true;
    }
    g_set_error (error, TD_ERROR, TD_ERROR_INVALID,
                 "channel driver %s: a driver has a name and at least originate, answer, release",
                 driver->name != NULL ? driver->name : "(without a name)");
    return false;
}

bool
td_channel_driver_register (TdModule *module, const TdChannelDriver *decl, GError **error)
{
    TdChannelDriver copy = { 0 };

    memcpy (&copy, decl, MIN (decl->size, sizeof (TdChannelDriver)));
    if (!is_complete (&copy, error)) {
        return false;
    }
    TdDriverEntry *old = td_driver_acquire (copy.name, module);
    if (old != NULL) {
        td_driver_release (old);
        g_set_error (error, TD_ERROR, TD_ERROR_EXISTS, "channel driver %s: registered already",
                     copy.name);
        return false;
    }
    Driver *driver = g_new0 (Driver, 1);
    driver->entry = (TdDriverEntry){ .driver = copy, .module = module };
    driver->entry.driver.name = g_strdup (copy.name);
    driver->entry.driver.service = g_strdup (copy.service);
    driver->owned = (TdOwned){ .kind = "channel driver",
                               .is_lease = true,
                               .is_door = true,
                               .name = driver->entry.driver.name,
                               .revoke = revoke_driver };
    atomic_init (&driver->n_refs, 1);
    td_owner_add (td_owner_of (module), &driver->owned);
    pthread_mutex_lock (&drivers.lock);
    g_ptr_array_add (drivers.entries, driver);
    pthread_mutex_unlock (&drivers.lock);
    return true;
}

/* Whether legs may be placed with DRIVER: a build that is still starting may have no socket yet, and
 * the older one beside it goes on until then. */
static bool
takes_legs (const Driver *driver)
{
    const TdOwner *owner = td_owner_of (driver->entry.module);

    return !atomic_load (&owner->is_starting) && !atomic_load (&owner->is_stopping);
}

static bool
is_wanted (const Driver *driver, const char *name, const TdModule *module)
{
    return strcmp (driver->entry.driver.name, name) == 0
           && (module != NULL ? driver->entry.module == module : takes_legs (driver));
}

TdDriverEntry *
td_driver_acquire (const char *name, TdModule *module)
{
    TdDriverEntry *found = NULL;

    pthread_mutex_lock (&drivers.lock);
    for (unsigned i = drivers.entries->len; found == NULL && i > 0; i--) {
        Driver *driver = drivers.entries->pdata[i - 1];
        if (is_wanted (driver, name, module)) {
            atomic_fetch_add (&driver->n_refs, 1);
            td_owner_use (td_owner_of (driver->entry.module));
            found = &driver->entry;
        }
    }
    pthread_mutex_unlock (&drivers.lock);
    return found;
}

void
td_driver_release (TdDriverEntry *entry)
{
    td_owner_unuse (td_owner_of (entry->module));
    driver_unref ((Driver *) entry);
}

void
td_drivers_open (void)
{
    drivers.entries = g_ptr_array_new ();
}

void
td_drivers_close (void)
{
    while (drivers.entries->len > 0) {
        Driver *driver = drivers.entries->pdata[0];
        td_owner_remove (&driver->owned);
        unlist (driver);
    }
    g_clear_pointer (&drivers.entries, g_ptr_array_unref);
}
