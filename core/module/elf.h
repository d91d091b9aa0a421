/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Program files (ELF) as data: their head, segments and sections, checked against the file's size.
 *
 * The linker trusts a file it maps: a segment that reaches over the end of the file ends the
 * process at the first touch. So nothing is mapped that was not read here first.
 */

#ifndef CORE_MODULE_ELF_H
#define CORE_MODULE_ELF_H

#include <tandem/base.h>

#include <link.h>

/* A program file in memory. PATH is only for what messages say. */
typedef struct {
    const char *path;
    const uint8_t *data;
    size_t size;
    ElfW (Ehdr) head;
} TdElf;

/* Looks at DATA (transfer none, as long as ELF is used). Errors: no shared library, not for this
 * machine, cut short or damaged. */
bool td_elf_open (TdElf *elf, const char *path, const void *data, size_t size, GError **error);

/* SIZE bytes at OFFSET, or NULL when the file ends before. */
const void *td_elf_bytes (const TdElf *elf, uint64_t offset, uint64_t size);

/* The segment or section with INDEX; false when there is none. */
bool td_elf_segment (const TdElf *elf, unsigned index, ElfW (Phdr) * ret_segment);
bool td_elf_section (const TdElf *elf, unsigned index, ElfW (Shdr) * ret_section);

/* The first section of TYPE; false when there is none. */
bool td_elf_section_of_type (const TdElf *elf, unsigned type, ElfW (Shdr) * ret_section);

/* The text at INDEX of the string table STRINGS, or NULL when it is not inside. */
const char *td_elf_text (const TdElf *elf, const ElfW (Shdr) * strings, uint64_t index);

#endif
