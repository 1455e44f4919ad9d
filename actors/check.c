/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must hold of an agent whenever its holder of S is between two steps. Tests call it, and in
 * debug builds every turn begins with it; so long tables and lists are looked at only in part.
 */
#include "actors/agent.h"
#include "actors/alarm.h"
#include "actors/fiber_agent.h"
#include "actors/park.h"
#include "actors/request.h"
#include "actors/slots.h"

enum { FAR_ENOUGH = 32 };

static void check_identity(const struct kn_agent *a)
{
    const struct koken_agent_type *type = kn_agent_behaviour(a);
    KOKEN_CHECK(kn_load(&a->id, relaxed) >> 32 != 0); /* relaxed: ours to change */
    KOKEN_CHECK(kn_resolve(kn_agent_id(a)) == a);
    KOKEN_CHECK(a->run.step != NULL);
    KOKEN_CHECK(type != NULL);
    KOKEN_CHECK(a->state != NULL);
    KOKEN_CHECK((type->state_size <= KN_INLINE_STATE) ==
                (a->state == (const void *)a->inline_state));
    KOKEN_CHECK(!type->is_fiber == !(a->flags & KN_AGENT_FIBER));
    KOKEN_CHECK((kn_load(&a->priority, relaxed) & ~(unsigned)KN_PRIO_TAIL) < KN_PRIO_COUNT_);
    KOKEN_CHECK(a->policy != KOKEN_POLICY_DEFAULT);
    KOKEN_CHECK(a->policy < KOKEN_POLICY_COUNT_);
    KOKEN_CHECK(a->publish_every >= 1);
    KOKEN_CHECK(a->publish_every <= a->mailbox.limit);
    /* Relaxed: made at the spawn where it must be. */
    KOKEN_CHECK(a->policy != KOKEN_POLICY_DROP_OLD || kn_load(&a->overflow, relaxed));
    KOKEN_CHECK(a->policy != KOKEN_POLICY_DROP_OLD || (a->flags & KN_AGENT_SPECIAL));
}

static void check_stash(const struct kn_cold *cold)
{
    const struct kn_envelope *e = cold->stash_head;
    for (unsigned i = 0; e && i < FAR_ENOUGH; i++, e = e->next) {
        KOKEN_CHECK(e->lane == KN_LANE_USER);
        KOKEN_CHECK(!(e->flags & KN_ENV_DONE));
        KOKEN_CHECK(e->next || e == cold->stash_tail);
    }
}

static void check_alarms(const struct kn_agent *a, const struct kn_cold *cold)
{
    KOKEN_CHECK(cold->alarm_free <= cold->alarm_capacity);
    KOKEN_CHECK(!cold->alarms == !cold->alarm_capacity);
    for (uint32_t i = 0; i < cold->alarm_capacity && i < FAR_ENOUGH; i++) {
        const struct kn_alarm_entry *entry = &cold->alarms[i];
        const struct kn_alarm *alarm = entry->alarm;
        if (!alarm) {
            KOKEN_CHECK(entry->next_free <= cold->alarm_capacity);
            continue;
        }
        KOKEN_CHECK((alarm->number & (cold->alarm_capacity - 1)) == i);
        KOKEN_CHECK(alarm->number == (alarm->id & KN_ALARM_NUMBER));
        KOKEN_CHECK(alarm->agent == kn_agent_id(a));
        KOKEN_CHECK(kn_load(&alarm->owners, relaxed) >= 1); /* relaxed: the table is one */
    }
}

static void check_outbox(const struct kn_agent *a, const struct kn_outbox *o)
{
    const struct kn_envelope *e = o->head;
    uint32_t count = 0;
    KOKEN_CHECK(!(a->flags & KN_AGENT_FIBER));
    KOKEN_CHECK(o->who == kn_agent_id(a));
    KOKEN_CHECK(o->to != 0);
    for (; e; e = e->next) { /* ends: an outbox is bounded */
        KOKEN_CHECK(++count <= KN_OUTBOX_MAX);
        KOKEN_CHECK(e->next || e == o->tail);
    }
    KOKEN_CHECK(count == o->count);
}

static void check_cold(const struct kn_agent *a, const struct kn_cold *cold)
{
    KOKEN_CHECK(cold->type != NULL);
    KOKEN_CHECK(cold->type->state_size == kn_agent_behaviour(a)->state_size);
    KOKEN_CHECK(!cold->fiber == !(a->flags & KN_AGENT_FIBER));
    KOKEN_CHECK(!cold->fiber || cold->fiber->agent == a);
    const struct kn_claim *claim = cold->claims;
    for (unsigned i = 0; claim && i < FAR_ENOUGH; i++, claim = claim->next) {
        KOKEN_CHECK(claim->number != 0);
        KOKEN_CHECK(claim->number <= cold->claim_serial);
        KOKEN_CHECK(claim->corr != 0);
    }
    check_stash(cold);
    check_alarms(a, cold);
    if (cold->outbox) {
        check_outbox(a, cold->outbox);
    }
}

bool kn_agent_check(const struct kn_agent *a)
{
    check_identity(a);
    (void)kn_mailbox_check(&a->mailbox, &a->intake);
    if (a->cold) {
        check_cold(a, a->cold);
    }
    return true;
}
