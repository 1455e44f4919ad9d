/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Vals that cannot be written, for debug builds that ask for it. The data of a payload begins on a page, its header
 * ends the page before: the header stays writable, for the count.
 *
 *     | ...... header | data ......... | data ... |
 *     ^ block         ^ read only while it is part of a val
 *
 * A write faults. The handler asks whose page it was and reports like every other check; a fault anywhere
 * else goes on to what was there before.
 */
#include "base/align.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "caps/census.h"
#include "caps/payload.h"

#include <koken/caps.h>

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

enum { PAGE = 4096, SEALED_MAX = 16384 };

static kn_atomic(bool) protects; /* (a) a switch that is never turned back */
/* KN_RANK_PROTECT, a leaf. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct kn_payload *sealed[SEALED_MAX]; /* (m: lock) NULL: free */
static struct sigaction before;               /* (c) after koken_caps_protect */

bool kn_payload_protects(void)
{
    return kn_load(&protects, relaxed); /* late is harmless: watched by hash */
}

static size_t data_size(const struct koken_type *type)
{
    return ((size_t)type->size + PAGE - 1) / PAGE * PAGE;
}

static void *block_of(struct kn_payload *header)
{
    return (char *)kn_payload_data(header) - PAGE;
}

struct kn_payload *kn_payload_pages_new(const struct koken_type *type)
{
    char *block = kn_alloc(PAGE + data_size(type), PAGE, -1);
    struct kn_payload *header;

    if (block == NULL) {
        return NULL;
    }
    header = (struct kn_payload *)(void *)(block + PAGE - sizeof *header);
    memset(header, 0, sizeof *header);
    memset(block + PAGE, 0, data_size(type));
    header->type = type;
    kn_atomic_init(&header->count, 0);
    header->generation = 1;
    header->state = KN_PAYLOAD_ISO;
    header->has_pages = 1;
    kn_census(type, 1);
    return header;
}

void kn_payload_pages_free(struct kn_payload *header)
{
    KN_ASSERT(header->has_pages);
    kn_free(block_of(header), PAGE + data_size(header->type), PAGE);
}

/* Puts the isos in the fields of a payload on the list, if their data has pages. */
static void add_fields(struct kn_payload *header, struct kn_payload **todo)
{
    for (uint32_t i = 0; i < header->type->field_count; i++) {
        const struct koken_field *field = &header->type->fields[i];
        struct kn_payload *inner;
        void *payload;

        if (field->kind != KOKEN_FIELD_ISO) {
            continue;
        }
        memcpy(&payload, (char *)kn_payload_data(header) + field->offset, sizeof payload);
        inner = payload == NULL ? NULL : kn_payload_of(payload);
        if (inner != NULL && inner->has_pages) {
            inner->link = *todo;
            *todo = inner;
        }
    }
}

static void note(const struct kn_payload *old, struct kn_payload *new)
{
    pthread_mutex_lock(&lock);
    for (unsigned i = 0; i < SEALED_MAX; i++) {
        if (sealed[i] == old) {
            sealed[i] = new;
            break;
        }
    }
    pthread_mutex_unlock(&lock);
}

static void change(struct kn_payload *header, int protection)
{
    struct kn_payload *todo = header;
    const void *whole = kn_payload_data(header);

    header->link = NULL;
    while (todo != NULL) { /* ends: a graph of isos is finite and has no cycle */
        struct kn_payload *one = todo;

        todo = one->link;
        add_fields(one, &todo);
        if (protection == PROT_READ && one != header) {
            kn_payload_frozen_within(kn_payload_data(one), whole);
        }
        /* Refused, it stays writable: the hash sees to it. */
        if (mprotect(kn_payload_data(one), data_size(one->type), protection) == 0) {
            note(protection == PROT_READ ? NULL : one, protection == PROT_READ ? one : NULL);
        }
    }
}

void kn_payload_seal(struct kn_payload *header)
{
    KN_ASSERT(header->state == KN_PAYLOAD_VAL);
    change(header, PROT_READ);
}

/* What is on a list of payloads to free keeps its place there. */
void kn_payload_unseal(struct kn_payload *header)
{
    struct kn_payload *link = header->link;

    KN_ASSERT(header->has_pages);
    change(header, PROT_READ | PROT_WRITE);
    header->link = link;
}

/* The instruction that faulted; NULL: this port does not know. */
static const void *place_of(const void *context)
{
    const ucontext_t *at = context;
#if defined(__x86_64__)
    return (const void *)(uintptr_t)at->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
    return (const void *)(uintptr_t)at->uc_mcontext.pc;
#else
    (void)at;
    return NULL;
#endif
}

void kn_payload_place(const void *place, char *text, size_t size)
{
    Dl_info found;

    if (place == NULL || dladdr(place, &found) == 0 || found.dli_fname == NULL) {
        (void)snprintf(text, size, "at the access");
        return;
    }
    const char *slash = strrchr(found.dli_fname, '/');
    (void)snprintf(text, size, "%s+0x%llx%s%s", slash != NULL ? slash + 1 : found.dli_fname,
                   (unsigned long long)((uintptr_t)place - (uintptr_t)found.dli_fbase),
                   found.dli_sname != NULL ? " in " : "",
                   found.dli_sname != NULL ? found.dli_sname : "");
}

static void on_fault(int number, siginfo_t *info, void *context)
{
    static char place[256]; /* one report: the program ends */
    const char *at = info->si_addr;

    for (unsigned i = 0; i < SEALED_MAX;
         i++) { /* without the lock: the thread that holds it may be this one */
        const struct kn_payload *one = sealed[i];
        const char *data = one == NULL ? NULL : (const char *)(one + 1);

        if (data != NULL && at >= data && at < data + data_size(one->type)) {
            kn_payload_place(place_of(context), place, sizeof place);
            kn_payload_written(data, place);
        }
    }
    (void)sigaction(number, &before,
                    NULL); /* not ours: it happens again, and to the one before us */
}

int koken_caps_protect(void)
{
    struct sigaction action;

    if (kn_payload_protects()) {
        return 0;
    }
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    if (sigaction(SIGSEGV, &action, &before) != 0) {
        return -ENOTSUP;
    }
    kn_store(&protects, true, relaxed); /* as above */
    return 0;
}
