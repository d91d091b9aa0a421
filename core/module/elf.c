/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Program files (ELF) as data: their head, segments and sections, checked against the file's size.
 */

#include "module/elf.h"

#include "module/error.h"

#include <string.h>

G_DEFINE_QUARK (tandem_module, td_module_error)

/* The head of the program file this code is in: the linker makes the symbol. What it says of class,
 * byte order and machine is what a module must say, too. */
extern const ElfW (Ehdr) own_head __asm__("__ehdr_start") __attribute__ ((visibility ("hidden")));

static bool refuse (const TdElf *elf, GError **error, const char *format, ...) TD_PRINTF (3, 4);

static bool
refuse (const TdElf *elf, GError **error, const char *format, ...)
{
    va_list arguments;

    va_start (arguments, format);
    g_autofree char *text = g_strdup_vprintf (format, arguments);
    va_end (arguments);
    g_set_error (error, TD_MODULE_ERROR, TD_MODULE_ERROR_ELF, "%s: %s", elf->path, text);
    return false;
}

const void *
td_elf_bytes (const TdElf *elf, uint64_t offset, uint64_t size)
{
    if (offset > elf->size || size > elf->size - offset) {
        return NULL;
    }
    return elf->data + offset;
}

bool
td_elf_segment (const TdElf *elf, unsigned index, ElfW (Phdr) * ret_segment)
{
    const void *bytes = NULL;

    if (index < elf->head.e_phnum) {
        bytes = td_elf_bytes (elf, elf->head.e_phoff + (uint64_t) index * sizeof *ret_segment,
                              sizeof *ret_segment);
    }
    if (bytes == NULL) {
        return false;
    }
    memcpy (ret_segment, bytes, sizeof *ret_segment);
    return true;
}

bool
td_elf_section (const TdElf *elf, unsigned index, ElfW (Shdr) * ret_section)
{
    const void *bytes = NULL;

    if (elf->head.e_shoff != 0 && index < elf->head.e_shnum) {
        bytes = td_elf_bytes (elf, elf->head.e_shoff + (uint64_t) index * sizeof *ret_section,
                              sizeof *ret_section);
    }
    if (bytes == NULL) {
        return false;
    }
    memcpy (ret_section, bytes, sizeof *ret_section);
    return true;
}

bool
td_elf_section_of_type (const TdElf *elf, unsigned type, ElfW (Shdr) * ret_section)
{
    ElfW (Shdr) section;

    for (unsigned i = 0; td_elf_section (elf, i, &section); i++) {
        if (section.sh_type == type) {
            *ret_section = section;
            return true;
        }
    }
    return false;
}

const char *
td_elf_text (const TdElf *elf, const ElfW (Shdr) * strings, uint64_t index)
{
    const char *table = td_elf_bytes (elf, strings->sh_offset, strings->sh_size);

    if (table == NULL || index >= strings->sh_size
        || memchr (table + index, '\0', strings->sh_size - index) == NULL) {
        return NULL;
    }
    return table + index;
}

/* Whether the file is for this machine at all. */
static bool
check_head (const TdElf *elf, GError **error)
{
    const ElfW (Ehdr) *head = &elf->head;

    if (head->e_ident[EI_CLASS] != own_head.e_ident[EI_CLASS]) {
        return refuse (elf, error,
                       "built for %d-bit machines, this Tandem is %d-bit: build it here",
                       head->e_ident[EI_CLASS] == ELFCLASS32 ? 32 : 64,
                       own_head.e_ident[EI_CLASS] == ELFCLASS32 ? 32 : 64);
    }
    if (head->e_ident[EI_DATA] != own_head.e_ident[EI_DATA]) {
        return refuse (elf, error, "built for the other byte order: build it on this machine");
    }
    if (head->e_ident[EI_VERSION] != EV_CURRENT || head->e_version != EV_CURRENT) {
        return refuse (elf, error, "a program file of format version %u, only 1 is known",
                       head->e_version);
    }
    if (head->e_machine != own_head.e_machine) {
        return refuse (elf, error,
                       "built for machine type %u, this one is %u: build it on this machine",
                       head->e_machine, own_head.e_machine);
    }
    if (head->e_type != ET_DYN) {
        return refuse (elf, error,
                       "a program file of type %u, not a shared library (%d): "
                       "link it with -shared",
                       head->e_type, ET_DYN);
    }
    return true;
}

/* Whether the tables of segments and sections are inside the file. */
static bool
check_tables (const TdElf *elf, GError **error)
{
    const ElfW (Ehdr) *head = &elf->head;

    if (head->e_phnum == 0 || head->e_phentsize != sizeof (ElfW (Phdr))
        || (head->e_shnum > 0 && head->e_shentsize != sizeof (ElfW (Shdr)))) {
        return refuse (elf, error, "damaged: the sizes in its head make no sense: build it again");
    }
    if (td_elf_bytes (elf, head->e_phoff, (uint64_t) head->e_phnum * sizeof (ElfW (Phdr)))
        == NULL) {
        return refuse (elf, error,
                       "cut short or damaged: the program headers at byte %" G_GUINT64_FORMAT
                       " are not within its %" G_GSIZE_FORMAT " bytes: copy or build it again",
                       (uint64_t) head->e_phoff, elf->size);
    }
    /* The section table is the last thing in a file: a cut that spared every segment shows here. */
    if (head->e_shoff != 0
        && td_elf_bytes (elf, head->e_shoff, (uint64_t) head->e_shnum * sizeof (ElfW (Shdr)))
               == NULL) {
        return refuse (elf, error,
                       "cut short or damaged: the section headers at byte %" G_GUINT64_FORMAT
                       " are not within its %" G_GSIZE_FORMAT " bytes: copy or build it again",
                       (uint64_t) head->e_shoff, elf->size);
    }
    return true;
}

/* Whether the linker can map SEGMENT without touching what is not there. */
static bool
check_segment (const TdElf *elf, unsigned index, const ElfW (Phdr) * segment, GError **error)
{
    if (td_elf_bytes (elf, segment->p_offset, segment->p_filesz) == NULL) {
        return refuse (elf, error,
                       "cut short or damaged: segment %u ends at byte %" G_GUINT64_FORMAT
                       ", the file has %" G_GSIZE_FORMAT ": copy or build it again",
                       index, (uint64_t) segment->p_offset + segment->p_filesz, elf->size);
    }
    if (segment->p_type != PT_LOAD) {
        return true;
    }
    uint64_t align = segment->p_align;
    if (segment->p_filesz > segment->p_memsz || (align & (align - 1)) != 0
        || (align > 1 && (segment->p_offset ^ segment->p_vaddr) % align != 0)
        || segment->p_vaddr + segment->p_memsz < segment->p_vaddr) {
        return refuse (elf, error, "damaged: segment %u makes no sense: build it again", index);
    }
    return true;
}

/* Whether every segment is inside the file, loadable ones in growing order, and one dynamic. */
static bool
check_segments (const TdElf *elf, GError **error)
{
    bool has_dynamic = false;
    unsigned n_loaded = 0;
    uint64_t loaded_to = 0;
    ElfW (Phdr) segment;

    for (unsigned i = 0; td_elf_segment (elf, i, &segment); i++) {
        if (!check_segment (elf, i, &segment, error)) {
            return false;
        }
        has_dynamic |= segment.p_type == PT_DYNAMIC && segment.p_filesz > 0;
        if (segment.p_type == PT_LOAD) {
            if (segment.p_vaddr < loaded_to) {
                return refuse (elf, error, "damaged: segment %u overlaps another: build it again",
                               i);
            }
            loaded_to = segment.p_vaddr + segment.p_memsz;
            n_loaded++;
        }
    }
    if (n_loaded == 0 || !has_dynamic) {
        return refuse (elf, error, "has no %s segment: link it with -shared",
                       n_loaded == 0 ? "loadable" : "dynamic");
    }
    return true;
}

bool
td_elf_open (TdElf *elf, const char *path, const void *data, size_t size, GError **error)
{
    *elf = (TdElf){ .path = path, .data = data, .size = size };
    if (size == 0) {
        return refuse (elf, error, "is empty: copy or build it again");
    }
    if (size < SELFMAG || memcmp (data, ELFMAG, SELFMAG) != 0) {
        return refuse (elf, error, "is no program file (ELF): a module is a shared library");
    }
    if (size < sizeof elf->head) {
        return refuse (elf, error,
                       "cut short: a program file's head has %" G_GSIZE_FORMAT
                       " bytes, this file has %" G_GSIZE_FORMAT ": copy or build it again",
                       sizeof elf->head, size);
    }
    memcpy (&elf->head, data, sizeof elf->head);
    return check_head (elf, error) && check_tables (elf, error) && check_segments (elf, error);
}
