/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Maps a module's file, and unmaps it.
 *
 *     file --read--> bytes --check--> private copy --dlopen--> (the linker's own words)
 *                      |                   |
 *                      v                   +-----libltdl-----> image: handle, descriptor
 *                  refused                                       |
 *                                                     unmapped, and the copy removed
 *
 * What is mapped is a private copy: whoever installs a new build writes over the file, and a
 * mapped file that changes ends the process. Each copy has a path of its own, because the linker
 * takes the same path for the same library. The copy stays while it is mapped, so that debuggers
 * find its symbols.
 *
 * With TANDEM_KEEP_MODULES in the environment nothing is ever unmapped: a leak checker can name no
 * function of what is not there any more.
 *
 * Everything here runs on one thread, the control lane's: libltdl has no locks.
 */

#ifndef CORE_MODULE_LOADER_H
#define CORE_MODULE_LOADER_H

#include <tandem/module.h>

/* A module's file, mapped. */
typedef struct {
    char *path; /* that was read */
    char *copy; /* that is mapped */
    void *handle;
    TdModuleDescriptor descriptor; /* the texts and functions it points to are in the image */
    bool is_resident;              /* it is never unmapped */
} TdImage;

/* Maps the file at PATH, which must be the module NAME (nullable: any), by a copy in FOLDER, which
 * is made when it is missing. A resident image whose file has not changed is used again. Returns
 * (transfer full) the image. Errors: one sentence with the path and the cause. */
TdImage *td_image_map (const char *path, const char *name, const char *folder, GError **error);

/* Unmaps IMAGE (transfer full, nullable) unless it is resident. */
void td_image_unmap (TdImage *image);

/* Removes the copies that an earlier process has left in FOLDER. */
void td_image_remove_leftovers (const char *folder);

#endif
