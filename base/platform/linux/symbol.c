/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The name of a function by its address. dladdr() knows what a program exports; handlers are mostly static, so
 * the table of symbols in the file is read as well, if it has not been stripped. The file is mapped for that
 * moment, and what it says about itself is not believed: every table must lie inside it.
 */
#include "base/platform/platform.h"

#include "base/assert.h"

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct image {
    const unsigned char *bytes;
    size_t size;
};

/* size bytes at offset, or NULL if they are not all there or lie askew. */
static const void *part(const struct image *image, uint64_t offset, uint64_t size)
{
    KN_ASSERT(image->bytes != NULL);
    bool is_inside = offset <= image->size && size <= image->size - offset;
    return is_inside && offset % 8 == 0 ? image->bytes + offset : NULL;
}

/* The function in this table that the address lies in: its name, copied, and how far. */
static bool find_in(const struct image *image, const ElfW(Shdr) * table, const ElfW(Shdr) * names,
                    uint64_t address, char *name, size_t size, uint64_t *ret_into)
{
    const ElfW(Sym) *symbols = part(image, table->sh_offset, table->sh_size);
    bool has_names =
        names->sh_offset <= image->size && names->sh_size <= image->size - names->sh_offset;
    const char *text = (const char *)image->bytes + names->sh_offset;

    KN_ASSERT(ret_into != NULL);
    for (uint64_t i = 0; symbols && has_names && i < table->sh_size / sizeof *symbols; i++) {
        const ElfW(Sym) *s = &symbols[i];
        if (ELF64_ST_TYPE(s->st_info) != STT_FUNC || address < s->st_value ||
            address - s->st_value >= s->st_size || s->st_name >= names->sh_size) {
            continue;
        }
        size_t length = strnlen(text + s->st_name, names->sh_size - s->st_name);
        (void)snprintf(name, size, "%.*s", (int)(length < size ? length : size), text + s->st_name);
        *ret_into = address - s->st_value;
        return true;
    }
    return false;
}

static bool find(const struct image *image, uint64_t address, char *name, size_t size,
                 uint64_t *ret_into)
{
    const ElfW(Ehdr) *head = part(image, 0, sizeof *head);
    const ElfW(Shdr) * sections;

    if (!head || memcmp(head->e_ident, ELFMAG, SELFMAG) != 0 ||
        head->e_shentsize != sizeof *sections) {
        return false;
    }
    sections = part(image, head->e_shoff, (uint64_t)head->e_shnum * sizeof *sections);
    for (unsigned i = 0; sections && i < head->e_shnum; i++) {
        if (sections[i].sh_type == SHT_SYMTAB && sections[i].sh_link < head->e_shnum &&
            find_in(image, &sections[i], &sections[sections[i].sh_link], address, name, size,
                    ret_into)) {
            return true;
        }
    }
    return false;
}

static bool find_in_file(const char *path, uint64_t address, char *name, size_t size,
                         uint64_t *ret_into)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat about;
    bool is_found = false;

    if (fd < 0) {
        return false;
    }
    if (fstat(fd, &about) == 0 && about.st_size > 0) {
        struct image image = {.size = (size_t)about.st_size};
        void *bytes = mmap(NULL, image.size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (bytes != MAP_FAILED) {
            image.bytes = bytes;
            is_found = find(&image, address, name, size, ret_into);
            (void)munmap(bytes, image.size);
        }
    }
    (void)close(fd);
    return is_found;
}

int kn_platform_symbol(const void *frame, char *text, size_t size)
{
    struct link_map *module = NULL;
    Dl_info info;
    char name[96] = "";
    const char *file;
    uint64_t address, into = 0;
    int length;

    KN_ASSERT(text != NULL || size == 0);
    if (dladdr1(frame, &info, (void **)&module, RTLD_DL_LINKMAP) == 0 || !module) {
        length = snprintf(text, size, "%p", frame);
    } else {
        bool is_program = module->l_name[0] == '\0';
        address = (uint64_t)frame - module->l_addr;
        if (!find_in_file(is_program ? "/proc/self/exe" : module->l_name, address, name,
                          sizeof name, &into) &&
            info.dli_sname) {
            (void)snprintf(name, sizeof name, "%s", info.dli_sname);
            into = (uint64_t)((const char *)frame - (const char *)info.dli_saddr);
        }
        file = info.dli_fname ? strrchr(info.dli_fname, '/') : NULL;
        file = file ? file + 1 : info.dli_fname ? info.dli_fname : "?";
        length = name[0] ? snprintf(text, size, "%s+0x%llx %s+0x%llx", file,
                                    (unsigned long long)address, name, (unsigned long long)into)
                         : snprintf(text, size, "%s+0x%llx", file, (unsigned long long)address);
    }
    return length < 0 || size == 0 ? 0 : (size_t)length < size ? length : (int)size - 1;
}
