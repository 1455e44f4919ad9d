/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of names: actors/registry.c as it stands, over a table of one name. Who looks a name up while the table is
 * being made finds none, or one that is made.
 */
#include "test/model/lib/model.h"

#include "actors/registry.c"

/* In place of liburcu's hash table. */
struct kn_names {
    uint64_t made;
};

static struct koken rt;
static struct kn_name entry;

/* ---- what is left out ------------------------------------------------------------------------------------ */

KN_TLS struct kn_worker *kn_worker_self;
kn_atomic(struct kn_chunk *) kn_chunks[KN_CHUNKS_MAX];

void kn_rcu_visit(void)
{
}

void kn_rcu_depart(void)
{
}

struct kn_names *kn_names_new(void)
{
    struct kn_names *names = kn_alloc(sizeof *names, 64, -1);
    names->made = 7;
    return names;
}

uint64_t kn_names_look_up(struct kn_names *names, const char *text)
{
    KOKEN_CHECK(names->made == 7 && text[0] == 'a');
    return 0;
}

uint32_t kn_names_members(struct kn_names *names, const char *text, uint64_t *ret_ids, uint32_t n)
{
    (void)ret_ids, (void)n;
    return (uint32_t)kn_names_look_up(names, text);
}

void kn_names_remove(struct kn_names *names, struct kn_name *name)
{
    KOKEN_CHECK(names->made == 7 && name == &entry);
}

void kn_name_free(struct kn_reclaimer *reclaimer, struct kn_name *name)
{
    (void)reclaimer, (void)name;
}

/* ---- scenarios ------------------------------------------------------------------------------------------ */

static kn_atomic(uint32_t) is_named; /* stands for the message that tells an agent of its name */

static void start(void)
{
    kn_model_thread_local(&kn_worker_self, sizeof kn_worker_self);
    kn_atomic_init(&rt.names, NULL);
    kn_atomic_init(&is_named, 0);
    pthread_mutex_init(&rt.names_lock, NULL);
}

static void make(void)
{
    pthread_mutex_lock(&rt.names_lock);
    KOKEN_CHECK(get_names(&rt)->made == 7);
    kn_store(&is_named, 1, release);
    pthread_mutex_unlock(&rt.names_lock);
}

static void look_up(void)
{
    KOKEN_CHECK(koken_is_nobody(koken_whereis_(&rt, "a")));
}

static void list_members(void)
{
    KOKEN_CHECK(koken_members_(&rt, "a", NULL, 0) == 0);
}

/* The end of an agent that has heard of its name. */
static void end_named(void)
{
    while (!kn_load(&is_named, acquire)) { /* ends: somebody names it */
        kn_thread_yield();
    }
    kn_registry_end(&rt, &entry);
}

static const struct kn_scenario scenarios[] = {
    {"made twice, looked up", start, {make, make, look_up}, NULL},
    {"made, listed", start, {make, list_members}, NULL},
    {"named, ended", start, {make, end_named}, NULL},
    {0},
};

int main(int argc, char **argv)
{
    return kn_model_main(argc, argv, scenarios);
}
