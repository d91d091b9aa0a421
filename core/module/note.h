/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A module's note: what its file says of itself to somebody who reads it and maps nothing. */

#ifndef CORE_MODULE_NOTE_H
#define CORE_MODULE_NOTE_H

#include <tandem/module.h>

/* A descriptor reaches at least to its functions, all of which are optional. */
#define TD_DESCRIPTOR_SIZE_MIN offsetof (TdModuleDescriptor, load)
#define TD_DESCRIPTOR_SIZE_MAX 4096

/* Whether NAME is one a module can have: a lower-case letter, then letters, digits, hyphens. */
bool td_note_is_name (const char *name);

/* The file at PATH (transfer full). Errors: what the kernel said; no plain file; too large for a
 * module. Blocks: on the disk. */
GBytes *td_note_read_file (const char *path, GError **error);

/* Whether BYTES, which stood in the file at PATH, are a module that this core can map; NAME
 * (nullable: any) is what it must be called. RET_NOTE (nullable) gets its note. Errors: one sentence
 * with the path and the cause. */
bool td_note_check (const char *path, GBytes *bytes, const char *name, TdModuleNote *ret_note,
                    GError **error);

/* For people: the note of BYTES, which stood in the file at PATH, whether it would be mapped, the
 * libraries it needs and the symbols of the core that it calls (transfer full). Errors: no program
 * file. */
char *td_note_describe (const char *path, GBytes *bytes, GError **error);

/* The same of the file itself. */
char *td_note_dump (const char *path, GError **error);

#endif
