#include "services/common/build_id.h"

#include "libbus/base/hash.h"

#include <elf.h>
#include <errno.h>
#include <link.h>

#define ID_MAX_BYTES ((BUILD_ID_TEXT_SIZE - 1) / 2)

struct search {
        uintptr_t address;
        char *text;
        bool found;
};

static size_t align4(size_t size)
{
        return (size + 3) & ~(size_t)3;
}

/* Goes through one segment of notes. */
static bool find_in_notes(const uint8_t *p, size_t size, char *text)
{
        while (size >= sizeof(ElfW(Nhdr))) {
                const ElfW(Nhdr) *note = (const void *)p;
                size_t name = align4(note->n_namesz), desc = align4(note->n_descsz);
                size_t whole = sizeof(*note) + name + desc;

                if (whole > size)
                        return false;
                if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == sizeof(ELF_NOTE_GNU) &&
                        !memcmp(note + 1, ELF_NOTE_GNU, sizeof(ELF_NOTE_GNU)) &&
                        note->n_descsz <= ID_MAX_BYTES) {
                        bus_hex(bus_bytes((const uint8_t *)(note + 1) + name, note->n_descsz),
                                text);
                        return true;
                }
                p += whole;
                size -= whole;
        }
        return false;
}

static bool holds(const struct dl_phdr_info *info, uintptr_t address)
{
        for (int i = 0; i < info->dlpi_phnum; i++) {
                const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
                uintptr_t start = info->dlpi_addr + segment->p_vaddr;

                if (segment->p_type == PT_LOAD && address >= start &&
                        address - start < segment->p_memsz)
                        return true;
        }
        return false;
}

static int visit(struct dl_phdr_info *info, size_t size, void *data)
{
        struct search *search = data;

        (void)size;
        if (!holds(info, search->address))
                return 0;
        for (int i = 0; i < info->dlpi_phnum && !search->found; i++) {
                const ElfW(Phdr) *segment = &info->dlpi_phdr[i];

                if (segment->p_type == PT_NOTE)
                        search->found =
                                find_in_notes((const uint8_t *)(info->dlpi_addr + segment->p_vaddr),
                                        segment->p_memsz, search->text);
        }
        return 1;
}

int build_id_of(const void *address, char ret_text[static BUILD_ID_TEXT_SIZE])
{
        struct search search = { .address = (uintptr_t)address, .text = ret_text };

        dl_iterate_phdr(visit, &search);
        return search.found ? 0 : -ENOENT;
}
