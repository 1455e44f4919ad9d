/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A rumour on its way: orchestration/gossip.c as it stands, relays as threads with a few places for messages. Whoever is told reads what
 * was written by who began; the rumour goes with its last owner, a relay or a message that nobody takes any more, and the
 * table of who there is with the last of hub and relays.
 */
#include "test/model/lib/model.h"

uint64_t kn_entropy(void);

#include "orchestration/gossip.c"

enum { RELAYS = 3, PLACES = 4, HUB = 100, MEMBERS = 200, NEWS = 7 };

static struct {
    struct kn_gossip_tell told[PLACES];
    kn_atomic(uint32_t) has[PLACES]; /* 1: it is there; 2: it is taken */
    kn_atomic(uint32_t) count;
} boxes[RELAYS];

static struct hub hub;
static kn_atomic(uint32_t) heard_by, reported;
static unsigned relays_now; /* of this scenario */

/* ---- what is left out ------------------------------------------------------------------------------------ */

/* Messages arrive, or find no place; a report is counted. */
int koken_signal_(koken_ref to, const struct koken_type *type, const void *payload)
{
    if (to.id == HUB) {
        KOKEN_CHECK(type == &koken_type_kn_gossip_handled);
        (void)kn_add(&reported, 1, relaxed);
        return 0;
    }
    if (to.id >= MEMBERS) {
        KOKEN_CHECK(*(const uint64_t *)payload == NEWS);
        uint32_t bit = 1u << (to.id - MEMBERS);
        KOKEN_CHECK((kn_or(&heard_by, bit, relaxed) & bit) == 0); /* once */
        return 0;
    }
    unsigned box = (unsigned)to.id - 1;
    KOKEN_CHECK(box < relays_now && type == &koken_type_kn_gossip_tell);
    uint32_t at = kn_add(&boxes[box].count, 1, relaxed);
    if (at >= PLACES) {
        return -EAGAIN;
    }
    memcpy(&boxes[box].told[at], payload, sizeof(struct kn_gossip_tell));
    kn_store(&boxes[box].has[at], 1, release);
    return 0;
}

static const struct koken_type news_type = {"news", 8, 8, NULL, 0, 0, NULL};

/* ---- threads --------------------------------------------------------------------------------------------- */

static struct group *new_group(unsigned count, unsigned fanout)
{
    size_t size = sizeof(struct group) + 2 * count * sizeof(koken_ref);
    struct group *group = kn_alloc(size, _Alignof(struct group), -1);
    kn_atomic_init(&group->owners, 1 + count);
    group->count = count;
    group->fanout = fanout;
    group->rounds_max = 3;
    group->size = size;
    group->hub = (koken_ref){HUB};
    group->relays = &group->members[count];
    for (unsigned i = 0; i < count; i++) {
        group->members[i] = (koken_ref){MEMBERS + i};
        group->relays[i] = (koken_ref){1 + i};
    }
    return group;
}

static void start_with(unsigned count)
{
    uint64_t news = NEWS;
    struct kn_gossip_begin begin = {.type = &news_type, .timeout_ns = KOKEN_NO_DEADLINE};
    memset(boxes, 0, sizeof boxes);
    kn_atomic_init(&heard_by, 0);
    kn_atomic_init(&reported, 0);
    relays_now = count;
    hub = (struct hub){.group = new_group(count, 1), .number = 1, .is_busy = true};
    memcpy(begin.payload, &news, sizeof news);
    KOKEN_CHECK(set_going(&hub, &begin) == 0);
}

static void start_2(void)
{
    start_with(2);
}

static void start_3(void)
{
    start_with(3);
}

/* What has arrived by now is handled, and what comes later lies there until the end. */
static void be_relay(unsigned index)
{
    struct relay self = {.group = hub.group, .random = index + 1, .index = index};
    for (uint32_t at = 0; at < PLACES && kn_load(&boxes[index].has[at], acquire) == 1; at++) {
        KOKEN_CHECK(on_tell(NULL, &self, &boxes[index].told[at]) == 0);
        drop_held(&boxes[index].told[at]);
        kn_store(&boxes[index].has[at], 2, relaxed);
    }
    on_relay_exit(NULL, &self, 0);
}

static void relay_0(void)
{
    be_relay(0);
}

static void relay_1(void)
{
    be_relay(1);
}

static void relay_2(void)
{
    be_relay(2);
}

/* The hub's end, without its relays'. */
static void leave_hub(void)
{
    KOKEN_CHECK(hub.group->count == relays_now);
    group_drop(hub.group);
}

/* The runtime drops what nobody has taken. */
static void check_messages(void)
{
    uint32_t taken = 0;
    for (unsigned box = 0; box < relays_now; box++) {
        for (unsigned at = 0; at < PLACES; at++) {
            uint32_t has = kn_load(&boxes[box].has[at], relaxed);
            taken += has == 2;
            if (has == 1) {
                drop_held(&boxes[box].told[at]);
            }
        }
    }
    KOKEN_CHECK(kn_load(&reported, relaxed) == taken);
    KOKEN_CHECK(kn_alloc_live() == 0);
}

static const struct kn_scenario scenarios[] = {
    {"2 relays, the hub leaves", start_2, {relay_0, relay_1, leave_hub}, check_messages},
    {"3 relays, the hub leaves",
     start_3,
     {relay_0, relay_1, relay_2, leave_hub},
     check_messages,
     .limit = 4000},
    {0},
};

int main(int argc, char **argv)
{
    return kn_model_main(argc, argv, scenarios);
}
