/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Maps a module's file, and unmaps it. */

#include "module/loader.h"

#include "module/error.h"
#include "module/note.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ltdl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Of the last copy this process has made. */
static unsigned last_serial;

/* Resident images that nobody uses now; a module that is loaded again finds its own here. */
static GPtrArray *residents;

/* Sets ERROR to what the kernel said about the private copy. */
static bool
fail_copy (const char *path, const char *copy, int number, GError **error)
{
    g_set_error (error, TD_MODULE_ERROR, TD_MODULE_ERROR_FILE,
                 "%s: cannot make a private copy at %s: %s: see to the state directory", path, copy,
                 g_strerror (number));
    return false;
}

/* A file that no other process and no other generation has; the name tells whose it is. */
static int
create_copy (const char *folder, const char *name, char **ret_copy)
{
    if (g_mkdir_with_parents (folder, 0700) < 0) {
        *ret_copy = g_strdup (folder);
        return -1;
    }
    for (;;) {
        g_autofree char *copy =
            g_strdup_printf ("%s/%s.%ld.%u.so", folder, name, (long) getpid (), ++last_serial);
        int fd = open (copy, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0500);
        if (fd >= 0 || errno != EEXIST) {
            *ret_copy = g_steal_pointer (&copy);
            return fd;
        }
    }
}

static bool
write_all (int fd, const uint8_t *data, size_t size)
{
    while (size > 0) {
        ssize_t n = write (fd, data, size);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return false;
        }
        data += n;
        size -= (size_t) n;
    }
    return true;
}

/* Writes BYTES to a new file in FOLDER. Returns (transfer full) its path. */
static char *
make_copy (const char *path, GBytes *bytes, const char *name, const char *folder, GError **error)
{
    size_t size;
    const uint8_t *data = g_bytes_get_data (bytes, &size);
    g_autofree char *copy = NULL;
    int fd = create_copy (folder, name, &copy);

    if (fd < 0) {
        fail_copy (path, copy, errno, error);
        return NULL;
    }
    bool is_written = write_all (fd, data, size);
    int number = errno;
    /* A full disk may show at close only. */
    if (close (fd) < 0 && is_written) {
        number = errno;
        is_written = false;
    }
    if (!is_written) {
        fail_copy (path, copy, number, error);
        unlink (copy);
        return NULL;
    }
    return g_steal_pointer (&copy);
}

/* The word of TEXT that begins after BEFORE, up to a character of ENDS (transfer full), or NULL. */
static char *
word_after (const char *text, const char *before, const char *ends)
{
    const char *found = strstr (text, before);

    if (found == NULL) {
        return NULL;
    }
    found += strlen (before);
    return g_strndup (found, strcspn (found, ends));
}

/* Says in our words, and in the linker's, why it refused the file. */
static void
translate (const char *path, const char *copy, const char *linker_words, GError **error)
{
    g_autoptr (GString) words = g_string_new (linker_words);
    g_autofree char *symbol = word_after (linker_words, "undefined symbol: ", ", \t(");
    g_autofree char *node = word_after (linker_words, "version `", "'");
    g_autoptr (GString) cause = g_string_new (NULL);

    /* The operator knows the file, not the copy. */
    g_string_replace (words, copy, path, 0);
    if (node != NULL && strstr (linker_words, "not found") != NULL) {
        g_string_printf (cause,
                         "needs %s, which this Tandem or a library of this machine is too old for: "
                         "build it against what is installed here",
                         node);
    } else if (symbol != NULL) {
        g_string_printf (cause,
                         "calls %s, which neither Tandem nor a library it names has: link it with "
                         "-z defs to find out why",
                         symbol);
    } else if (strstr (linker_words, "cannot open shared object file") != NULL) {
        g_autofree char *library = g_strndup (words->str, strcspn (words->str, ":"));
        g_string_printf (cause, "needs the library %s, which is not installed", library);
    } else if (strstr (linker_words, "failed to map segment") != NULL) {
        g_string_printf (cause, "cannot be mapped from %s: is that folder mounted noexec", copy);
    } else {
        g_string_assign (cause, "cannot be linked");
    }
    g_set_error (error, TD_MODULE_ERROR, TD_MODULE_ERROR_LINK, "%s: %s (the linker: %s)", path,
                 cause->str, words->str);
}

/* Maps the copy by libltdl, once the linker itself has taken it. libltdl alone would bind lazily,
 * so that a missing function ended the process at its first call, and tells no cause. */
static void *
open_copy (const char *path, const char *copy, GError **error)
{
    void *first = dlopen (copy, RTLD_NOW | RTLD_LOCAL);
    lt_dladvise advise = NULL;
    lt_dlhandle handle = NULL;

    if (first == NULL) {
        translate (path, copy, dlerror (), error);
        return NULL;
    }
    if (lt_dladvise_init (&advise) == 0 && lt_dladvise_local (&advise) == 0) {
        handle = lt_dlopenadvise (copy, advise);
    }
    if (handle == NULL) {
        g_set_error (error, TD_MODULE_ERROR, TD_MODULE_ERROR_LINK,
                     "%s: cannot be mapped (libltdl: %s)", path, lt_dlerror ());
    }
    lt_dladvise_destroy (&advise);
    dlclose (first);
    return handle;
}

/* Whether TEXT, a field of every descriptor, says something. */
static bool
check_text (const char *path, const char *field, const char *text, GError **error)
{
    if (text != NULL && text[0] != '\0') {
        return true;
    }
    g_set_error (error, TD_MODULE_ERROR, TD_MODULE_ERROR_DESCRIPTOR,
                 "%s: its descriptor has no %s: give one in TD_MODULE ()", path, field);
    return false;
}

/* Whether the SPDX expression LICENSE names the GPL itself, not only the Lesser GPL. */
static bool
names_gpl (const char *license)
{
    for (const char *found = license; (found = strstr (found, "GPL-")) != NULL; found++) {
        if (found == license || !g_ascii_isalnum (found[-1])
            || (found[-1] == 'A' && (found - 1 == license || !g_ascii_isalnum (found[-2])))) {
            return true;
        }
    }
    return false;
}

/* Whether the descriptor keeps the rules and is the one the note spoke of. */
static bool
check_descriptor (const TdImage *image, const TdModuleNote *note, GError **error)
{
    const TdModuleDescriptor *descriptor = &image->descriptor;
    const char *path = image->path;

    if (descriptor->magic != TD_MODULE_MAGIC || descriptor->abi_major != note->abi_major
        || descriptor->abi_minor != note->abi_minor
        || descriptor->struct_size != note->struct_size) {
        g_set_error (error, TD_MODULE_ERROR, TD_MODULE_ERROR_DESCRIPTOR,
                     "%s: its descriptor says something else than its note: declare both with one "
                     "TD_MODULE ()",
                     path);
        return false;
    }
    if (!check_text (path, "name", descriptor->name, error)
        || !check_text (path, "summary", descriptor->summary, error)
        || !check_text (path, "version", descriptor->version, error)
        || !check_text (path, "license", descriptor->license, error)) {
        return false;
    }
    if (strcmp (descriptor->name, note->name) != 0) {
        g_set_error (error, TD_MODULE_ERROR, TD_MODULE_ERROR_DESCRIPTOR,
                     "%s: its descriptor is called \"%s\", its note \"%s\": declare both with one "
                     "TD_MODULE ()",
                     path, descriptor->name, note->name);
        return false;
    }
    if ((descriptor->flags & TD_MODULE_LINKS_GPL) != 0 && !names_gpl (descriptor->license)) {
        g_set_error (error, TD_MODULE_ERROR, TD_MODULE_ERROR_DESCRIPTOR,
                     "%s: links a GPL library, so its licence cannot be \"%s\": name the GPL in "
                     ".license",
                     path, descriptor->license);
        return false;
    }
    return true;
}

/* Reads the descriptor of the mapped image: the smaller of two sizes, what is missing is zero. */
static bool
read_descriptor (TdImage *image, const TdModuleNote *note, GError **error)
{
    const TdModuleDescriptor *theirs = lt_dlsym (image->handle, TD_MODULE_SYMBOL);

    if (theirs == NULL) {
        g_set_error (error, TD_MODULE_ERROR, TD_MODULE_ERROR_DESCRIPTOR,
                     "%s: exports no " TD_MODULE_SYMBOL ": declare it with TD_MODULE ()",
                     image->path);
        return false;
    }
    /* The note's size was checked; the descriptor's own is only believed when it is the same. */
    memcpy (&image->descriptor, theirs, MIN (note->struct_size, sizeof image->descriptor));
    if (!check_descriptor (image, note, error)) {
        return false;
    }
    image->is_resident = (image->descriptor.flags & TD_MODULE_RESIDENT) != 0;
    return true;
}

static void
free_image (TdImage *image)
{
    if (image->handle != NULL && g_getenv ("TANDEM_KEEP_MODULES") == NULL) {
        lt_dlclose (image->handle);
    }
    if (image->copy != NULL) {
        unlink (image->copy);
    }
    g_free (image->copy);
    g_free (image->path);
    g_free (image);
}

/* The unused resident image that was made of the same BYTES (transfer full), or NULL. */
static TdImage *
take_resident (const char *name, GBytes *bytes)
{
    for (unsigned i = 0; residents != NULL && i < residents->len; i++) {
        TdImage *image = residents->pdata[i];
        g_autoptr (GBytes) copied = NULL;
        if (strcmp (image->descriptor.name, name) == 0) {
            copied = td_note_read_file (image->copy, NULL);
        }
        if (copied != NULL && g_bytes_equal (copied, bytes)) {
            return g_ptr_array_steal_index_fast (residents, i);
        }
    }
    return NULL;
}

static bool
start_libltdl (GError **error)
{
    static bool is_started;

    if (!is_started && lt_dlinit () != 0) {
        g_set_error (error, TD_MODULE_ERROR, TD_MODULE_ERROR_LINK, "libltdl does not start: %s",
                     lt_dlerror ());
        return false;
    }
    is_started = true;
    return true;
}

/* Copies and maps BYTES, the checked file at PATH. */
static TdImage *
map_bytes (const char *path, GBytes *bytes, const TdModuleNote *note, const char *folder,
           GError **error)
{
    TdImage *image = g_new0 (TdImage, 1);

    image->path = g_strdup (path);
    image->copy = make_copy (path, bytes, note->name, folder, error);
    if (image->copy == NULL) {
        goto fail;
    }
    image->handle = open_copy (path, image->copy, error);
    if (image->handle == NULL || !read_descriptor (image, note, error)) {
        goto fail;
    }
    return image;

fail:
    free_image (image);
    return NULL;
}

TdImage *
td_image_map (const char *path, const char *name, const char *folder, GError **error)
{
    g_autoptr (GBytes) bytes = NULL;
    TdModuleNote note;

    if (!start_libltdl (error)) {
        return NULL;
    }
    bytes = td_note_read_file (path, error);
    if (bytes == NULL || !td_note_check (path, bytes, name, &note, error)) {
        return NULL;
    }
    TdImage *image = take_resident (note.name, bytes);
    if (image != NULL) {
        g_free (image->path);
        image->path = g_strdup (path);
        return image;
    }
    return map_bytes (path, bytes, &note, folder, error);
}

void
td_image_unmap (TdImage *image)
{
    if (image == NULL) {
        return;
    }
    if (!image->is_resident) {
        free_image (image);
        return;
    }
    if (residents == NULL) {
        residents = g_ptr_array_new ();
    }
    g_ptr_array_add (residents, image);
}

/* Whether FILE ("sip.4711.2.so") is a copy that a process has made which is no more. In a container an
 * earlier life had the number of this one. */
static bool
is_leftover (const char *file)
{
    char name[TD_MODULE_NAME_SIZE];
    long pid;
    unsigned serial;
    int end = 0;

    if (sscanf (file, "%31[a-z0-9-].%ld.%u.so%n", name, &pid, &serial, &end) != 3 || end == 0
        || file[end] != '\0' || pid <= 0) {
        return false;
    }
    if (pid == (long) getpid ()) {
        return serial > last_serial;
    }
    return kill ((pid_t) pid, 0) < 0 && errno == ESRCH;
}

void
td_image_remove_leftovers (const char *folder)
{
    g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
    const char *file;

    while (dir != NULL && (file = g_dir_read_name (dir)) != NULL) {
        if (is_leftover (file)) {
            g_autofree char *path = g_build_filename (folder, file, NULL);
            unlink (path);
        }
    }
}
