/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loaded before libkoken (LD_PRELOAD), fails one of the calls that it makes to the system: the k-th of
 * its kind, and with `+` all from then on. KN_FAULT=kind:k or kind:k+ says which; at the end of the
 * process one line goes to the file KN_FAULT_REPORT: `kind calls`, for each kind, and `live`, the blocks
 * of the heap not given back. Calls of others (the program, hwloc, libc) never fail. Who calls is told by the
 * return address, which a tail call takes from its caller's caller: so what is counted as given back is not
 * asked who it is. Nobody but libkoken calls mallocx here.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum kind { ALLOC, MAP, PROTECT, THREAD, FUTEX, BARRIER, EPOLL, EVENT, KIND_COUNT };
static const char *const names[KIND_COUNT] = {"alloc", "mmap",       "mprotect", "thread",
                                              "futex", "membarrier", "epoll",    "eventfd"};
static atomic_ulong calls[KIND_COUNT];
static atomic_long live;
static uintptr_t low, high; /* where libkoken lies */
static unsigned long victim;
static enum kind victim_kind = KIND_COUNT;
static bool is_lasting;

static int find(struct dl_phdr_info *info, size_t size, void *arg)
{
    (void)size;
    (void)arg;
    if (strstr(info->dlpi_name, "libkoken.so") == NULL) {
        return 0;
    }
    low = info->dlpi_addr;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        uintptr_t end = low + info->dlpi_phdr[i].p_vaddr + info->dlpi_phdr[i].p_memsz;
        high = info->dlpi_phdr[i].p_type == PT_LOAD && end > high ? end : high;
    }
    return 1;
}

static void __attribute__((constructor)) begin(void)
{
    const char *fault = getenv("KN_FAULT");
    const char *colon = fault == NULL ? NULL : strchr(fault, ':');
    dl_iterate_phdr(find, NULL);
    for (int i = 0; colon != NULL && i < KIND_COUNT; i++) {
        if (strlen(names[i]) == (size_t)(colon - fault) &&
            memcmp(names[i], fault, (size_t)(colon - fault)) == 0) {
            char *rest;
            victim_kind = (enum kind)i;
            victim = strtoul(colon + 1, &rest, 10);
            is_lasting = *rest == '+';
        }
    }
}

static void __attribute__((destructor)) end(void)
{
    const char *path = getenv("KN_FAULT_REPORT");
    FILE *file = path == NULL ? NULL : fopen(path, "w");
    if (file == NULL) {
        return;
    }
    for (int i = 0; i < KIND_COUNT; i++) {
        fprintf(file, "%s %lu\n", names[i], atomic_load(&calls[i]));
    }
    fprintf(file, "live %ld\n", atomic_load(&live));
    fclose(file);
}

static bool is_koken(const void *caller)
{
    return (uintptr_t)caller - low < high - low;
}

static bool fails(enum kind kind, const void *caller)
{
    if (!is_koken(caller)) {
        return false;
    }
    unsigned long number = atomic_fetch_add(&calls[kind], 1) + 1;
    return kind == victim_kind && (number == victim || (is_lasting && number > victim));
}

#define CALLER __builtin_return_address(0)
#define REAL(name) __typeof__(&name) real = (__typeof__(&name))(uintptr_t)dlsym(RTLD_NEXT, #name)

void *mallocx(size_t size, int flags);
void *mallocx(size_t size, int flags)
{
    REAL(mallocx);
    void *memory = fails(ALLOC, CALLER) ? NULL : real(size, flags);
    if (memory != NULL) {
        atomic_fetch_add(&live, 1);
    }
    return memory;
}

void sdallocx(void *memory, size_t size, int flags);
void sdallocx(void *memory, size_t size, int flags)
{
    REAL(sdallocx);
    atomic_fetch_sub(&live, 1);
    real(memory, size, flags);
}

void *mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
    REAL(mmap);
    if (fails(MAP, CALLER)) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    void *region = real(at, size, protection, flags, fd, offset);
    if (region != MAP_FAILED && is_koken(CALLER)) {
        atomic_fetch_add(&live, (long)(size >> 12));
    }
    return region;
}

int munmap(void *at, size_t size)
{
    REAL(munmap);
    if (is_koken(CALLER)) {
        atomic_fetch_sub(&live, (long)(size >> 12));
    }
    return real(at, size);
}

int mprotect(void *at, size_t size, int protection)
{
    REAL(mprotect);
    if (fails(PROTECT, CALLER)) {
        errno = ENOMEM;
        return -1;
    }
    return real(at, size, protection);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *),
                   void *arg)
{
    REAL(pthread_create);
    return fails(THREAD, CALLER) ? EAGAIN : real(thread, attributes, start, arg);
}

int epoll_create1(int flags)
{
    REAL(epoll_create1);
    if (fails(EPOLL, CALLER)) {
        errno = EMFILE;
        return -1;
    }
    return real(flags);
}

int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
    REAL(epoll_ctl);
    if (fails(EPOLL, CALLER)) {
        errno = ENOSPC;
        return -1;
    }
    return real(epoll, operation, fd, event);
}

int epoll_wait(int epoll, struct epoll_event *events, int room, int timeout)
{
    REAL(epoll_wait);
    if (fails(EPOLL, CALLER)) {
        errno = EINTR;
        return -1;
    }
    return real(epoll, events, room, timeout);
}

int epoll_pwait2(int epoll, struct epoll_event *events, int room, const struct timespec *timeout,
                 const sigset_t *signals)
{
    REAL(epoll_pwait2);
    if (fails(EPOLL, CALLER)) {
        errno = is_lasting ? ENOSYS : EINTR; /* for ever: an old kernel */
        return -1;
    }
    return real(epoll, events, room, timeout, signals);
}

int eventfd(unsigned int value, int flags)
{
    REAL(eventfd);
    if (fails(EVENT, CALLER)) {
        errno = EMFILE;
        return -1;
    }
    return real(value, flags);
}

/* A wait that fails was interrupted by a signal; a wake cannot fail. */
static bool is_wait(long number, long operation)
{
    long command = operation & FUTEX_CMD_MASK;
    return number == SYS_futex && (command == FUTEX_WAIT || command == FUTEX_WAIT_BITSET);
}

long syscall(long number, ...)
{
    REAL(syscall);
    long a[6];
    va_list rest;
    va_start(rest, number);
    for (int i = 0; i < 6; i++) {
        a[i] = va_arg(rest, long);
    }
    va_end(rest);
    if (is_wait(number, a[1]) && fails(FUTEX, CALLER)) {
        errno = EINTR;
        return -1;
    }
    if (number == SYS_membarrier && fails(BARRIER, CALLER)) {
        errno = a[0] == MEMBARRIER_CMD_PRIVATE_EXPEDITED ? ENOMEM : ENOSYS; /* an old kernel */
        return -1;
    }
    return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
