/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Threads of a module's own. */

#include "module/thread.h"

#include "base/spawn.h"
#include "module/error.h"
#include "run/clock.h"

#include <tandem/log.h>

#include <pthread.h>

enum { PATIENCE_US = G_USEC_PER_SEC };

typedef struct {
    TdOwned owned;
    TdModule *module;
    char *name;
    pthread_t thread;
    void (*run) (void *data);
    void *data;
    atomic_bool has_ended; /* it is about to be over: joining takes no time */
    bool is_named;
} TdThread;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t one_has_ended = PTHREAD_COND_INITIALIZER; /* with the lock */

static void *
thread_main (void *data)
{
    TdThread *thread = data;

    thread->run (thread->data);
    pthread_mutex_lock (&lock);
    atomic_store_explicit (&thread->has_ended, true, memory_order_release);
    pthread_cond_broadcast (&one_has_ended);
    pthread_mutex_unlock (&lock);
    td_owner_unuse (&thread->module->owner);
    return NULL;
}

static void
free_thread (TdThread *thread)
{
    g_free (thread->name);
    g_free (thread);
}

/* The ledger takes it back: nobody uses the module any more, so it has ended. */
static void
revoke_thread (TdOwned *owned)
{
    TdThread *thread = (TdThread *) owned;

    pthread_join (thread->thread, NULL);
    atomic_fetch_sub (&thread->module->owner.n_threads, 1);
    g_ptr_array_remove_fast (thread->module->threads, thread);
    free_thread (thread);
}

bool
td_thread_start (TdModule *module, const char *name, void (*run) (void *data), void *data,
                 GError **error)
{
    g_return_val_if_fail (module != NULL && name != NULL && run != NULL, false);
    td_threads_reap (module);

    TdThread *thread = g_new0 (TdThread, 1);
    thread->module = module;
    thread->name = g_strdup (name);
    thread->run = run;
    thread->data = data;
    thread->owned = (TdOwned){ .kind = "thread", .name = thread->name, .revoke = revoke_thread };
    td_owner_use (&module->owner);
    int number = td_spawn (&thread->thread, thread_main, thread);
    if (number != 0) {
        g_set_error (error, TD_MODULE_ERROR, TD_MODULE_ERROR_FAILED,
                     "thread %s of module %s cannot be started: %s", name, module->owner.name,
                     g_strerror (number));
        td_owner_unuse (&module->owner);
        free_thread (thread);
        return false;
    }
    g_autofree char *short_name = g_strndup (name, 15); /* more the kernel does not take */
    pthread_setname_np (thread->thread, short_name);
    atomic_fetch_add (&module->owner.n_threads, 1);
    td_owner_add (&module->owner, &thread->owned);
    g_ptr_array_add (module->threads, thread);
    return true;
}

void
td_threads_reap (TdModule *module)
{
    for (unsigned i = module->threads->len; i > 0; i--) {
        TdThread *thread = module->threads->pdata[i - 1];
        if (atomic_load_explicit (&thread->has_ended, memory_order_acquire)) {
            td_owner_remove (&thread->owned);
            revoke_thread (&thread->owned);
        }
    }
}

static bool
has_ended (const TdModule *module)
{
    for (unsigned i = 0; i < module->threads->len; i++) {
        const TdThread *thread = module->threads->pdata[i];
        if (atomic_load_explicit (&thread->has_ended, memory_order_acquire)) {
            return true;
        }
    }
    return module->threads->len == 0;
}

void
td_threads_await (TdModule *module, unsigned ms)
{
    int64_t until_us = td_clock_real_us () + ms * INT64_C (1000);

    if (!td_clock_is_fake ()) {
        return;
    }
    pthread_mutex_lock (&lock);
    while (!has_ended (module) && td_clock_real_wait (&one_has_ended, &lock, until_us)) {
    }
    pthread_mutex_unlock (&lock);
}

unsigned
td_threads_count (const TdModule *module)
{
    return module->threads->len;
}

unsigned
td_threads_append_names (const TdModule *module, GString *list)
{
    for (unsigned i = 0; i < module->threads->len; i++) {
        const TdThread *thread = module->threads->pdata[i];
        g_string_append_printf (list, "%sthread %s", list->len > 0 ? ", " : "", thread->name);
    }
    return module->threads->len;
}

void
td_threads_name_late (TdModule *module, int64_t waited_us)
{
    for (unsigned i = 0; waited_us >= PATIENCE_US && i < module->threads->len; i++) {
        TdThread *thread = module->threads->pdata[i];
        if (!thread->is_named) {
            thread->is_named = true;
            g_ptr_array_add (module->defects, g_strdup_printf ("thread %s", thread->name));
            td_log_error (module, NULL,
                          "thread %s has not ended a second after the module was to stop: end it "
                          "when td_module_is_stopping () says so",
                          thread->name);
        }
    }
}
