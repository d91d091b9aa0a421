/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the process has taken is what it has taken (ROU-051). */

#include "process.h"

#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

enum { N_FILES = 50, N_BYTES = 64 << 20 };

static void
test_open_files_are_counted (void)
{
    ProcessUsage before, after;
    int fds[N_FILES];

    process_read (&before);
    for (unsigned i = 0; i < N_FILES; i++) {
        fds[i] = open ("/dev/null", O_RDONLY | O_CLOEXEC);
        g_assert_cmpint (fds[i], >=, 0);
    }
    process_read (&after);
    g_assert_cmpint (after.n_descriptors - before.n_descriptors, ==, N_FILES);
    for (unsigned i = 0; i < N_FILES; i++) {
        close (fds[i]);
    }
}

static void
test_limit_of_open_files (void)
{
    struct rlimit limit, lower;
    ProcessUsage usage;

    g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &limit), ==, 0);
    lower = limit;
    lower.rlim_cur = 200;
    g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &lower), ==, 0);
    process_read (&usage);
    g_assert_cmpint (usage.max_descriptors, ==, 200);
    setrlimit (RLIMIT_NOFILE, &limit);
}

static void
test_resident_memory (void)
{
    ProcessUsage before, after;

    process_read (&before);
    void *area = mmap (NULL, N_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    g_assert_true (area != MAP_FAILED);
    memset (area, 1, N_BYTES);
    process_read (&after);
    g_assert_cmpint (after.resident_bytes - before.resident_bytes, >, N_BYTES / 2);
    g_assert_cmpint (after.memory_bytes, >, after.resident_bytes);
    munmap (area, N_BYTES);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/congestion/process/open-files", test_open_files_are_counted);
    g_test_add_func ("/congestion/process/limit", test_limit_of_open_files);
    g_test_add_func ("/congestion/process/memory", test_resident_memory);
    return g_test_run ();
}
