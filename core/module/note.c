/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A module's note: what its file says of itself to somebody who reads it and maps nothing. */

#include "module/note.h"

#include "base/text.h"
#include "module/elf.h"
#include "module/error.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    FILE_SIZE_MAX = 256 * 1024 * 1024,
    NOTE_DESC_SIZE = sizeof (TdModuleNote) - offsetof (TdModuleNote, magic),
};

#define NOTE_OWNER "Tandem"

bool
td_note_is_name (const char *name)
{
    size_t len = strlen (name);

    if (len == 0 || len >= TD_MODULE_NAME_SIZE || !g_ascii_islower (name[0])) {
        return false;
    }
    for (size_t i = 1; i < len; i++) {
        if (!g_ascii_islower (name[i]) && !g_ascii_isdigit (name[i]) && name[i] != '-') {
            return false;
        }
    }
    return true;
}

/* Fills BUFFER from FD. Returns the count read, less than SIZE when the file ended, or -1. */
static ssize_t
read_all (int fd, uint8_t *buffer, size_t size)
{
    size_t done = 0;

    while (done < size) {
        ssize_t n = read (fd, buffer + done, size - done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -1;
        }
        if (n == 0) {
            break;
        }
        done += (size_t) n;
    }
    return (ssize_t) done;
}

/* Sets ERROR to what the kernel said. */
static GBytes *
fail_errno (const char *path, const char *what, GError **error)
{
    g_set_error (error, TD_MODULE_ERROR, TD_MODULE_ERROR_FILE, "%s: cannot %s: %s", path, what,
                 g_strerror (errno));
    return NULL;
}

static GBytes *
read_open_file (const char *path, int fd, GError **error)
{
    struct stat status;

    if (fstat (fd, &status) < 0) {
        return fail_errno (path, "read", error);
    }
    if (!S_ISREG (status.st_mode)) {
        g_set_error (error, TD_MODULE_ERROR, TD_MODULE_ERROR_FILE,
                     "%s: is no plain file: a module is a shared library", path);
        return NULL;
    }
    if (status.st_size > FILE_SIZE_MAX) {
        g_set_error (error, TD_MODULE_ERROR, TD_MODULE_ERROR_FILE,
                     "%s: has %" G_GINT64_FORMAT " bytes: no module is larger than %d", path,
                     (int64_t) status.st_size, FILE_SIZE_MAX);
        return NULL;
    }
    g_autofree uint8_t *buffer = g_malloc ((size_t) status.st_size + 1);
    ssize_t n = read_all (fd, buffer, (size_t) status.st_size);
    if (n < 0) {
        return fail_errno (path, "read", error);
    }
    return g_bytes_new_take (g_steal_pointer (&buffer), (size_t) n);
}

GBytes *
td_note_read_file (const char *path, GError **error)
{
    /* Non-blocking, so that a FIFO of that name cannot hold the caller. */
    int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0) {
        return fail_errno (path, "open", error);
    }
    GBytes *bytes = read_open_file (path, fd, error);
    close (fd);
    return bytes;
}

static uint64_t
round_up (uint64_t value, uint64_t align)
{
    return (value + align - 1) & ~(align - 1);
}

/* Finds our note among those in SIZE bytes at OFFSET, a segment or section of ALIGN. */
static bool
find_in_notes (const TdElf *elf, uint64_t offset, uint64_t size, uint64_t align,
               TdModuleNote *ret_note)
{
    const uint8_t *bytes = td_elf_bytes (elf, offset, size);
    ElfW (Nhdr) head;
    uint64_t at = 0;

    align = align == 8 ? 8 : 4;
    while (bytes != NULL && at + sizeof head <= size) {
        memcpy (&head, bytes + at, sizeof head);
        uint64_t desc_at = round_up (at + sizeof head + head.n_namesz, align);
        uint64_t end = desc_at + head.n_descsz;
        if (end > size) {
            return false;
        }
        if (head.n_namesz >= sizeof NOTE_OWNER && head.n_type == TD_MODULE_NOTE_TYPE
            && memcmp (bytes + at + sizeof head, NOTE_OWNER, sizeof NOTE_OWNER) == 0
            && head.n_descsz >= NOTE_DESC_SIZE) {
            *ret_note = (TdModuleNote){ head.n_namesz, head.n_descsz, head.n_type, NOTE_OWNER };
            memcpy (&ret_note->magic, bytes + desc_at, NOTE_DESC_SIZE);
            return true;
        }
        at = round_up (end, align);
    }
    return false;
}

/* Finds our note, in a segment, or in a section where a linker script made no segment of it. */
static bool
find_note (const TdElf *elf, TdModuleNote *ret_note)
{
    ElfW (Phdr) segment;
    ElfW (Shdr) section;

    for (unsigned i = 0; td_elf_segment (elf, i, &segment); i++) {
        if (segment.p_type == PT_NOTE
            && find_in_notes (elf, segment.p_offset, segment.p_filesz, segment.p_align, ret_note)) {
            return true;
        }
    }
    for (unsigned i = 0; td_elf_section (elf, i, &section); i++) {
        if (section.sh_type == SHT_NOTE
            && find_in_notes (elf, section.sh_offset, section.sh_size, section.sh_addralign,
                              ret_note)) {
            return true;
        }
    }
    return false;
}

static bool
check_abi (const char *path, const TdModuleNote *note, GError **error)
{
    if (note->abi_major != TD_ABI_MAJOR || note->abi_minor > TD_ABI_MINOR) {
        g_set_error (error, TD_MODULE_ERROR, TD_MODULE_ERROR_ABI,
                     "%s: built for ABI %u.%u, this is %u.%u: build it against this Tandem's "
                     "headers",
                     path, note->abi_major, note->abi_minor, TD_ABI_MAJOR, TD_ABI_MINOR);
        return false;
    }
    if (note->struct_size < TD_DESCRIPTOR_SIZE_MIN || note->struct_size > TD_DESCRIPTOR_SIZE_MAX) {
        g_set_error (error, TD_MODULE_ERROR, TD_MODULE_ERROR_ABI,
                     "%s: its descriptor has %u bytes, which is not between %u and %u: build it "
                     "against this Tandem's headers",
                     path, note->struct_size, (unsigned) TD_DESCRIPTOR_SIZE_MIN,
                     TD_DESCRIPTOR_SIZE_MAX);
        return false;
    }
    return true;
}

static bool
check_name (const char *path, const TdModuleNote *note, const char *name, GError **error)
{
    g_autofree char *own = g_strndup (note->name, sizeof note->name);

    if (!td_note_is_name (own)) {
        g_autofree char *shown = g_strescape (own, NULL);
        g_set_error (
            error, TD_MODULE_ERROR, TD_MODULE_ERROR_NAME,
            "%s: calls itself \"%s\": a module's name is a lower-case letter, then lower-case "
            "letters, digits and hyphens, at most %d in all",
            path, shown, TD_MODULE_NAME_SIZE - 1);
        return false;
    }
    if (name != NULL && strcmp (own, name) != 0) {
        g_set_error (error, TD_MODULE_ERROR, TD_MODULE_ERROR_NAME,
                     "%s: is the module \"%s\", not \"%s\": rename the file or ask for that name",
                     path, own, name);
        return false;
    }
    return true;
}

static bool
check_note (const TdElf *elf, const char *name, TdModuleNote *ret_note, GError **error)
{
    TdModuleNote note;

    if (!find_note (elf, &note)) {
        g_set_error (error, TD_MODULE_ERROR, TD_MODULE_ERROR_NOTE,
                     "%s: is a shared library, but no Tandem module: it has no note of owner "
                     "\"" NOTE_OWNER "\": declare it with TD_MODULE ()",
                     elf->path);
        return false;
    }
    if (note.magic != TD_MODULE_MAGIC) {
        g_set_error (error, TD_MODULE_ERROR, TD_MODULE_ERROR_NOTE,
                     "%s: its note begins with 0x%08x, not 0x%08x: declare it with TD_MODULE ()",
                     elf->path, note.magic, TD_MODULE_MAGIC);
        return false;
    }
    if (!check_abi (elf->path, &note, error) || !check_name (elf->path, &note, name, error)) {
        return false;
    }
    if (ret_note != NULL) {
        *ret_note = note;
    }
    return true;
}

bool
td_note_check (const char *path, GBytes *bytes, const char *name, TdModuleNote *ret_note,
               GError **error)
{
    size_t size;
    const void *data = g_bytes_get_data (bytes, &size);
    TdElf elf;

    return td_elf_open (&elf, path, data, size, error) && check_note (&elf, name, ret_note, error);
}

/* Appends a line about NAME, which the file has chosen: nothing in it may steer a terminal. */
static void
append_line (GString *text, const char *what, const char *name)
{
    g_string_append (text, what);
    td_text_append_visible (text, name, -1);
    g_string_append_c (text, '\n');
}

/* Appends the libraries that the file asks the linker for. */
static void
dump_libraries (const TdElf *elf, GString *text)
{
    ElfW (Shdr) dynamic, strings;
    ElfW (Dyn) entry;

    if (!td_elf_section_of_type (elf, SHT_DYNAMIC, &dynamic)
        || !td_elf_section (elf, dynamic.sh_link, &strings)) {
        g_string_append (text, "needs library   (unknown: no section table)\n");
        return;
    }
    for (uint64_t at = 0; at + sizeof entry <= dynamic.sh_size; at += sizeof entry) {
        const void *bytes = td_elf_bytes (elf, dynamic.sh_offset + at, sizeof entry);
        if (bytes == NULL) {
            return;
        }
        memcpy (&entry, bytes, sizeof entry);
        const char *name = td_elf_text (elf, &strings, entry.d_un.d_val);
        if (entry.d_tag == DT_NEEDED && name != NULL) {
            append_line (text, "needs library   ", name);
        }
    }
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
    return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* Appends the functions of the core that the file calls. */
static void
dump_symbols (const TdElf *elf, GString *text)
{
    ElfW (Shdr) symbols, strings;
    ElfW (Sym) symbol;
    g_autoptr (GPtrArray) names = g_ptr_array_new ();

    if (!td_elf_section_of_type (elf, SHT_DYNSYM, &symbols)
        || !td_elf_section (elf, symbols.sh_link, &strings)) {
        return;
    }
    for (uint64_t at = 0; at + sizeof symbol <= symbols.sh_size; at += sizeof symbol) {
        const void *bytes = td_elf_bytes (elf, symbols.sh_offset + at, sizeof symbol);
        if (bytes == NULL) {
            break;
        }
        memcpy (&symbol, bytes, sizeof symbol);
        const char *name = td_elf_text (elf, &strings, symbol.st_name);
        if (symbol.st_shndx == SHN_UNDEF && name != NULL && g_str_has_prefix (name, "td_")) {
            g_ptr_array_add (names, (char *) name);
        }
    }
    g_ptr_array_sort (names, compare_names);
    for (unsigned i = 0; i < names->len; i++) {
        append_line (text, "calls           ", names->pdata[i]);
    }
}

char *
td_note_describe (const char *path, GBytes *bytes, GError **error)
{
    g_autoptr (GString) text = g_string_new (NULL);
    g_autoptr (GError) refusal = NULL;
    TdModuleNote note;
    TdElf elf;

    if (!td_elf_open (&elf, path, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes),
                      error)) {
        return NULL;
    }
    g_string_append_printf (text, "file            %s\n", path);
    g_string_append_printf (text, "size            %" G_GSIZE_FORMAT " bytes\n", elf.size);
    if (find_note (&elf, &note)) {
        g_autofree char *name = g_strndup (note.name, sizeof note.name);
        g_autofree char *shown = g_strescape (name, NULL);
        g_string_append_printf (text, "module          %s\n", shown);
        g_string_append_printf (text, "abi             %u.%u (this Tandem: %u.%u)\n",
                                note.abi_major, note.abi_minor, TD_ABI_MAJOR, TD_ABI_MINOR);
        g_string_append_printf (text, "descriptor      %u bytes (this Tandem: %u)\n",
                                note.struct_size, (unsigned) sizeof (TdModuleDescriptor));
    }
    dump_libraries (&elf, text);
    dump_symbols (&elf, text);
    bool is_good = check_note (&elf, NULL, NULL, &refusal);
    g_string_append_printf (text, "verdict         %s\n",
                            is_good ? "would be mapped" : refusal->message);
    return g_string_free (g_steal_pointer (&text), FALSE);
}

char *
td_note_dump (const char *path, GError **error)
{
    g_autoptr (GBytes) bytes = td_note_read_file (path, error);

    return bytes != NULL ? td_note_describe (path, bytes, error) : NULL;
}
