/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves that a name is what the file of a library says, and that a file which says nothing, or nonsense, costs the
 * name and no more: a library is loaded, then its file is put in the place of by others.
 */
#include "base/platform/platform.h"

#include <criterion/criterion.h>
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROOM = 4096 };

/* What is at the start of a file that has one table of symbols. */
struct file {
    ElfW(Ehdr) head;
    ElfW(Shdr) sections[3]; /* nothing, the symbols, their names */
    ElfW(Sym) symbols[3];
    char names[32];
};

static char folder[64], path[96];
static void *library;
static const char *function; /* of the library */
static uint64_t address;     /* of it, in the file */

static void copy_file(const char *from)
{
    static char bytes[ROOM];
    FILE *in = fopen(from, "rb"), *out = fopen(path, "wb");
    size_t n;
    cr_assert_not_null(in);
    cr_assert_not_null(out);
    while ((n = fread(bytes, 1, sizeof bytes, in)) > 0) {
        cr_assert_eq(fwrite(bytes, 1, n, out), n);
    }
    (void)fclose(in);
    cr_assert_eq(fclose(out), 0);
}

/* The C library's mathematics, under another name. */
static void load(void)
{
    struct link_map *map = NULL;
    void *there = dlopen("libm.so.6", RTLD_NOW | RTLD_LOCAL);
    cr_assert_not_null(there);
    cr_assert_eq(dlinfo(there, RTLD_DI_LINKMAP, (void *)&map), 0);
    (void)snprintf(folder, sizeof folder, "/tmp/koken-symbol-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/module.so", folder);
    copy_file(map->l_name);
    (void)dlclose(there);
    library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    cr_assert_not_null(library);
    function = dlsym(library, "nan");
    cr_assert_not_null(function);
    cr_assert_eq(dlinfo(library, RTLD_DI_LINKMAP, (void *)&map), 0);
    address = (uint64_t)(uintptr_t)function - map->l_addr;
}

static void unload(void)
{
    (void)dlclose(library);
    (void)unlink(path);
    (void)rmdir(folder);
}

/* In the place of the library's file, which stays mapped as it was. */
static void put(const void *bytes, size_t size)
{
    FILE *out;
    (void)unlink(path);
    out = fopen(path, "wb");
    cr_assert_not_null(out);
    cr_assert_eq(fwrite(bytes, 1, size, out), size);
    cr_assert_eq(fclose(out), 0);
}

static bool is_named(const char *name)
{
    char text[200];
    int length = kn_platform_symbol(function + 1, text, sizeof text);
    cr_assert_eq((size_t)length, strlen(text));
    cr_assert_not_null(strstr(text, "module.so+0x"), "%s", text);
    return strstr(text, name) != NULL;
}

static struct file good_file(void)
{
    struct file f = {.names = "\0before\0planted\0"};
    memcpy(f.head.e_ident, ELFMAG, SELFMAG);
    f.head.e_shoff = offsetof(struct file, sections);
    f.head.e_shentsize = sizeof f.sections[0];
    f.head.e_shnum = 3;
    f.sections[1] = (ElfW(Shdr)){.sh_type = SHT_SYMTAB,
                                 .sh_link = 2,
                                 .sh_offset = offsetof(struct file, symbols),
                                 .sh_size = sizeof f.symbols};
    f.sections[2] = (ElfW(Shdr)){.sh_type = SHT_STRTAB,
                                 .sh_offset = offsetof(struct file, names),
                                 .sh_size = sizeof f.names};
    f.symbols[0] = (ElfW(Sym)){.st_info = ELF64_ST_INFO(STB_LOCAL, STT_OBJECT),
                               .st_value = address,
                               .st_size = 8,
                               .st_name = 1};
    f.symbols[1] = (ElfW(Sym)){.st_info = ELF64_ST_INFO(STB_LOCAL, STT_FUNC),
                               .st_value = address - 16,
                               .st_size = 16,
                               .st_name = 1};
    f.symbols[2] = (ElfW(Sym)){.st_info = ELF64_ST_INFO(STB_LOCAL, STT_FUNC),
                               .st_value = address,
                               .st_size = 16,
                               .st_name = 8};
    return f;
}

Test(symbol, a_static_function_has_the_name_in_the_file, .init = load, .fini = unload)
{
    struct file f = good_file();
    char small[12];
    put(&f, sizeof f);
    cr_assert(is_named(" planted+0x1"));
    cr_assert_eq(kn_platform_symbol(function, small, sizeof small), 11);
    cr_assert_eq(strlen(small), 11);
    cr_assert_eq(kn_platform_symbol(function, NULL, 0), 0);
}

/* The name that the library exports is left, or none; nothing outside of the file is read. */
Test(symbol, a_file_that_lies_is_not_believed, .init = load, .fini = unload)
{
    struct file f = good_file();
    cr_assert(!is_named("planted"));
    (void)unlink(path);
    cr_assert(is_named("nan")); /* as it is exported */
    put("", 0);
    cr_assert(is_named("nan"));
    put("not a library at all, but longer than the head of one: "
        "................................................................",
        100);
    cr_assert(is_named("nan"));
    put(&f, sizeof f.head / 2);
    cr_assert(is_named("nan"));
    for (unsigned lie = 0; lie < 12; lie++) {
        f = good_file();
        switch (lie) {
        case 0: f.head.e_shentsize = 1; break;
        case 1: f.head.e_shoff = UINT64_MAX - 8; break;
        case 2: f.head.e_shoff += 1; break;
        case 3: f.head.e_shnum = UINT16_MAX; break;
        case 4: f.sections[1].sh_link = 3; break;
        case 5: f.sections[1].sh_offset = sizeof f + 8; break;
        case 6: f.sections[1].sh_size = UINT64_MAX; break;
        case 7: f.sections[2].sh_offset = UINT64_MAX; break;
        case 8: f.sections[2].sh_size = sizeof f; break;
        case 9: f.symbols[2].st_name = sizeof f.names; break;
        case 10: f.sections[1].sh_type = SHT_DYNSYM; break;
        default: f.symbols[2].st_size = 0;
        }
        put(&f, sizeof f);
        cr_assert(!is_named("planted"), "lie %u", lie);
        cr_assert(is_named("nan"), "lie %u", lie);
    }
}

/* A name that has no end in the file ends with its table. */
Test(symbol, a_name_without_an_end_is_cut, .init = load, .fini = unload)
{
    struct file f = good_file();
    memset(f.names, 'x', sizeof f.names);
    put(&f, sizeof f);
    cr_assert(is_named(" xxxxxxxxxxxxxxxxxxxxxxxx+0x1"));
}

Test(symbol, what_belongs_to_no_file_is_a_number)
{
    char text[64];
    int local = 0;
    cr_assert_gt(kn_platform_symbol(&local, text, sizeof text), 2);
    cr_assert_eq(strncmp(text, "0x", 2), 0);
}
