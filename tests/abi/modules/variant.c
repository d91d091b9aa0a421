/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A module that can be built wrong in every way: descriptor and note are written out, each value a
 * macro that the build may set. */

#include <tandem/module.h>

#include <unistd.h>

#ifndef VARIANT_MAGIC
#define VARIANT_MAGIC TD_MODULE_MAGIC
#endif
#ifndef VARIANT_MAJOR
#define VARIANT_MAJOR TD_ABI_MAJOR
#endif
#ifndef VARIANT_MINOR
#define VARIANT_MINOR TD_ABI_MINOR
#endif
#ifndef VARIANT_SIZE
#define VARIANT_SIZE sizeof (TdModuleDescriptor)
#endif
#ifndef VARIANT_NAME
#define VARIANT_NAME "variant"
#endif
#ifndef VARIANT_DESCRIPTOR_NAME
#define VARIANT_DESCRIPTOR_NAME VARIANT_NAME
#endif
#ifndef VARIANT_DESCRIPTOR_MAGIC
#define VARIANT_DESCRIPTOR_MAGIC VARIANT_MAGIC
#endif
#ifndef VARIANT_SUMMARY
#define VARIANT_SUMMARY "A module of the tests"
#endif
#ifndef VARIANT_VERSION
#define VARIANT_VERSION "1.0"
#endif
#ifndef VARIANT_LICENSE
#define VARIANT_LICENSE "LGPL-2.1-or-later"
#endif
#ifndef VARIANT_FLAGS
#define VARIANT_FLAGS 0
#endif
#ifndef VARIANT_SYMBOL
#define VARIANT_SYMBOL td_module_descriptor
#endif
#ifndef VARIANT_NOTE_SECTION
#define VARIANT_NOTE_SECTION ".note.tandem"
#endif
#ifndef VARIANT_PROVIDES
#define VARIANT_PROVIDES NULL
#endif
#ifndef VARIANT_NEEDS
#define VARIANT_NEEDS NULL
#endif
#ifndef VARIANT_UPGRADE
#define VARIANT_UPGRADE TD_UPGRADE_BESIDE
#endif
#ifndef VARIANT_PRIVATE
#define VARIANT_PRIVATE 1
#endif

/* Of the same name in every variant, and visible: no variant may see another's. */
TD_API int variant_private (void);
TD_API int variant_value = VARIANT_PRIVATE;

int
variant_private (void)
{
    return variant_value;
}

#ifdef VARIANT_CALLS
/* A function that is nowhere to be found. */
extern void VARIANT_CALLS (void);
#endif

static bool
load (TdModule *module, GError **error)
{
#ifdef VARIANT_CALLS
    VARIANT_CALLS ();
#endif
#ifdef VARIANT_LOAD_FAILS
    g_set_error_literal (error, g_quark_from_string ("variant"), 1, "the moon is full");
    return false;
#else
    return true;
#endif
}

static bool
start (TdModule *module, GError **error)
{
#ifdef VARIANT_START_FAILS
    g_set_error_literal (error, g_quark_from_string ("variant"), 1, "the port is taken");
    return false;
#else
    return true;
#endif
}

#ifdef VARIANT_HANDS_OVER
static GBytes *
export_state (TdModule *module, GError **error)
{
    return g_bytes_new (&variant_value, sizeof variant_value);
}

/* What the build before had, and its own in the hundreds. */
static bool
import_state (TdModule *module, GBytes *state, GError **error)
{
    variant_value = 100 * variant_value + *(const int *) g_bytes_get_data (state, NULL);
    return true;
}
#endif

static void
describe (TdModule *module, GVariantDict *info)
{
    g_variant_dict_insert (info, "private", "i", variant_private ());
    /* Of the C library, so that the file needs it. */
    g_variant_dict_insert (info, "pid", "i", (int) getpid ());
}

TD_API extern const TdModuleDescriptor VARIANT_SYMBOL;
const TdModuleDescriptor VARIANT_SYMBOL = {
    .magic = VARIANT_DESCRIPTOR_MAGIC,
    .abi_major = VARIANT_MAJOR,
    .abi_minor = VARIANT_MINOR,
    .struct_size = VARIANT_SIZE,
    .flags = VARIANT_FLAGS,
    .name = VARIANT_DESCRIPTOR_NAME,
    .summary = VARIANT_SUMMARY,
    .version = VARIANT_VERSION,
    .license = VARIANT_LICENSE,
    .provides = VARIANT_PROVIDES,
    .needs = VARIANT_NEEDS,
    .upgrade = VARIANT_UPGRADE,
    .load = load,
    .start = start,
    .describe = describe,
#ifdef VARIANT_HANDS_OVER
    .export_state = export_state,
    .import_state = import_state,
#endif
};

extern const TdModuleNote variant_note;
__attribute__ ((section (VARIANT_NOTE_SECTION), aligned (4), used))
const TdModuleNote variant_note = { 8,
                                    sizeof (TdModuleNote) - offsetof (TdModuleNote, magic),
                                    TD_MODULE_NOTE_TYPE,
                                    "Tandem",
                                    VARIANT_MAGIC,
                                    VARIANT_MAJOR,
                                    VARIANT_MINOR,
                                    VARIANT_SIZE,
                                    VARIANT_NAME };
