/* SPDX-License-Identifier: Apache-2.0 */
/* See profile.h. */
#include "actors/profile.h"

#include "actors/kn_rcu.h"
#include "actors/request.h"
#include "actors/slots.h"
#include "base/world.h"

#include <errno.h>

enum { WEIGHT = 10, SLOW_NS = 50 * 1000, VERY_SLOW_NS = 5 * 1000 * 1000 };

void kn_profile_begin(struct kn_sample *sample)
{
    sample->start = kn_ticks();
}

void kn_profile_enter(struct kn_agent *a, uint64_t ns, uint32_t handled)
{
    if (handled == 0) {
        return;
    }
    uint64_t per_message = ns / handled;
    per_message = per_message < 1 ? 1 : (per_message > INT32_MAX ? INT32_MAX : per_message);
    /* One writer, the holder of S; read by anyone as a statistic. */
    int64_t old = kn_load(&a->run_ns_ema, relaxed);
    int64_t now = old == 0 ? (int64_t)per_message : old + ((int64_t)per_message - old) / WEIGHT;
    kn_store(&a->run_ns_ema, (uint32_t)(now > 0 ? now : 1), relaxed); /* likewise */
    if (a->flags & KN_AGENT_ADAPTIVE) {
        /* Shortest first, roughly: who is slow queues up behind, who is very slow gives way. */
        uint8_t priority = now > VERY_SLOW_NS
                               ? KN_PRIO_LOW
                               : (now > SLOW_NS ? KN_PRIO_NORMAL | KN_PRIO_TAIL : KN_PRIO_NORMAL);
        kn_store(&a->priority, priority, relaxed); /* a hint to senders */
    }
}

void kn_profile_sample(struct kn_sample *sample, struct kn_agent *a, uint32_t handled)
{
    kn_profile_enter(a, kn_ticks_ns(kn_ticks() - sample->start), handled);
}

int koken_profile(koken_ref who, struct koken_profile *ret_profile)
{
    if (!ret_profile) {
        return -EINVAL;
    }
    bool is_outside = kn_local_here() == NULL;
    if (is_outside) {
        kn_rcu_visit();
    }
    int rc = -ESRCH;
    struct kn_agent *a = kn_resolve(who.id);
    if (a) {
        /* Relaxed, all: statistics of a moment. */
        uint64_t handled = kn_load(&a->handled, relaxed);
        uint32_t life_ms = (uint32_t)(kn_now() / 1000000u) - a->born_ms;
        uint64_t life = (uint64_t)(life_ms ? life_ms : 1) * 1000000u;
        uint64_t ema = kn_load(&a->run_ns_ema, relaxed);
        uint64_t arrived = handled + kn_mailbox_queued(&a->mailbox);
        double busy = (double)(handled * ema) / (double)life;
        *ret_profile = (struct koken_profile){
            .messages = handled,
            .run_ns_ema = ema,
            .arrival_rate = (double)arrived * 1e9 / (double)life,
            .cpu_intensity = busy < 1.0 ? busy : 1.0,
            .priority = (enum koken_priority)((kn_load(&a->priority, relaxed) & ~KN_PRIO_TAIL) +
                                              KOKEN_PRIORITY_LOW),
        };
        rc = 0;
    }
    if (is_outside) {
        kn_rcu_depart();
    }
    return rc;
}
