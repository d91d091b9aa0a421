/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A registry on fake lanes, and modules that are part of the test program. */

#include "world.h"

#include "run/bus.h"
#include "run/lane.h"

World *world;

static void
count_eviction (TdModule *module, void *data)
{
    ((World *) data)->n_evicted++;
}

void
world_set_up (World *own, gconstpointer unused)
{
    TdLanesOptions lanes = { .n_lanes = 2, .is_fake = true, .seed = 1 };

    world = own;
    folder_make (&own->folder, NULL);
    const char *const module_path[] = { g_getenv ("VARIANTS"), NULL };
    TdRegistryOptions options = { .module_path = module_path,
                                  .state_dir = own->folder.path,
                                  .evict = count_eviction,
                                  .data = own };
    td_lanes_open (&lanes);
    td_bus_open ("test", 1);
    own->registry = td_registry_open (&options);
    own->problems = g_ptr_array_new_with_free_func (g_free);
    own->calls = g_string_new (NULL);
    own->answers = g_string_new (NULL);
    own->n_evicted = 0;
}

static void
set_true (void *data)
{
    *(bool *) data = true;
}

void
world_tear_down (World *own, gconstpointer unused)
{
    bool is_done = false;

    td_registry_stop_all (own->registry, 0, set_true, &is_done);
    td_lanes_settle ();
    td_lanes_advance (10000);
    g_assert_true (is_done);
    td_lanes_settle ();
    td_registry_close (own->registry);
    td_lanes_close ();
    td_bus_close ();
    g_ptr_array_unref (own->problems);
    g_string_free (own->calls, TRUE);
    g_string_free (own->answers, TRUE);
    folder_remove (&own->folder, NULL);
    world = NULL;
}

TdModule *
world_add (const TdModuleDescriptor *descriptor)
{
    TdImage *image = g_new0 (TdImage, 1);

    image->path = g_strdup_printf ("/x/%s.so", descriptor->name);
    image->descriptor = *descriptor;
    TdModule *module = td_module_new (world->registry, descriptor->name, image);
    td_registry_list (module);
    return module;
}

TdModule *
world_run (const TdModuleDescriptor *descriptor)
{
    g_autoptr (GError) error = NULL;
    TdModule *module = world_add (descriptor);

    g_assert_true (td_module_load (module, &error));
    g_assert_true (td_module_start (module, &error));
    g_assert_no_error (error);
    return module;
}

void
note_answer (TdModule *module, const GError *error, void *data)
{
    g_string_append (world->answers, error != NULL ? error->message : "ok");
    g_string_append_c (world->answers, ';');
}
