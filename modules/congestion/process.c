/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads /proc and the control group's files. */

#include "process.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* proc_pid_statm(5): the second number is the resident pages. */
static int64_t
resident_bytes (void)
{
    g_autofree char *text = NULL;
    long long pages;

    if (!g_file_get_contents ("/proc/self/statm", &text, NULL, NULL)
        || sscanf (text, "%*d %lld", &pages) != 1) {
        return 0;
    }
    return (int64_t) pages * sysconf (_SC_PAGESIZE);
}

/* The folder of the control group (cgroups(7), version 2: "0::/system.slice/tandem.service"). */
static char *
group_folder (void)
{
    g_autofree char *text = NULL;

    if (!g_file_get_contents ("/proc/self/cgroup", &text, NULL, NULL)) {
        return NULL;
    }
    char *line = g_str_has_prefix (text, "0::") ? text : strstr (text, "\n0::");
    if (line == NULL) {
        return NULL;
    }
    line = strchr (line, '/');
    if (line == NULL) {
        return NULL;
    }
    line[strcspn (line, "\n")] = '\0';
    return g_build_filename ("/sys/fs/cgroup", line, NULL);
}

/* A group has no more than any group it is in. */
static int64_t
limit_by_group (int64_t bytes)
{
    g_autofree char *folder = group_folder ();

    while (folder != NULL && g_str_has_prefix (folder, "/sys/fs/cgroup/")) {
        g_autofree char *path = g_build_filename (folder, "memory.max", NULL);
        g_autofree char *text = NULL;
        if (g_file_get_contents (path, &text, NULL, NULL) && g_ascii_isdigit (*text)) {
            bytes = MIN (bytes, g_ascii_strtoll (text, NULL, 10));
        }
        char *parent = g_path_get_dirname (folder);
        g_free (folder);
        folder = parent;
    }
    return bytes;
}

static int64_t
count_descriptors (void)
{
    struct stat status;
    int64_t n = 0;

    /* Since Linux 6.2 the folder's size is their number; before, they are counted one by one. */
    if (stat ("/proc/self/fd", &status) == 0 && status.st_size > 0) {
        return status.st_size;
    }
    GDir *folder = g_dir_open ("/proc/self/fd", 0, NULL);
    while (folder != NULL && g_dir_read_name (folder) != NULL) {
        n++;
    }
    g_clear_pointer (&folder, g_dir_close);
    return n;
}

void
process_read (ProcessUsage *ret_usage)
{
    struct rlimit limit = { 0 };
    int64_t pages = sysconf (_SC_PHYS_PAGES);

    getrlimit (RLIMIT_NOFILE, &limit);
    *ret_usage = (ProcessUsage){
        .resident_bytes = resident_bytes (),
        .memory_bytes = pages > 0 ? limit_by_group (pages * sysconf (_SC_PAGESIZE)) : 0,
        .n_descriptors = count_descriptors (),
        .max_descriptors = limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur > INT64_MAX
                               ? 0
                               : (int64_t) limit.rlim_cur,
    };
}
