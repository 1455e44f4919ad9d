/* SPDX-License-Identifier: Apache-2.0 */
/* When a message was sent, and until when its answer is wanted. */
#include "actors/stamp.h"

#include "actors/alarm.h"
#include "base/world.h"

void kn_message_stamp(struct kn_envelope *e)
{
    KN_ASSERT(!(e->flags & KN_ENV_STAMPED));
    KN_ASSERT(e->type->size + KN_ENVELOPE_HEADER + 8 <= kn_class_size(e->size_class));
    uint64_t now = kn_now();
    e->flags |= KN_ENV_STAMPED;
    __builtin_memcpy((char *)e + kn_class_size(e->size_class) - sizeof now, &now, sizeof now);
}

void kn_message_stamp_again(struct kn_envelope *e)
{
    if (e->flags & KN_ENV_STAMPED) {
        e->flags &= (uint16_t)~KN_ENV_STAMPED;
        kn_message_stamp(e);
    }
}

uint64_t kn_message_sent_at(const struct kn_envelope *e)
{
    uint64_t at = 0;
    if (e->flags & KN_ENV_STAMPED) {
        __builtin_memcpy(&at, (const char *)e + kn_class_size(e->size_class) - sizeof at,
                         sizeof at);
    }
    return at;
}

uint64_t kn_message_deadline(struct kn_envelope *e)
{
    uint64_t at = 0;
    if (e->flags & KN_ENV_DEADLINE) {
        __builtin_memcpy(&at, (const char *)e + kn_deadline_at(e), sizeof at);
        if (e->flags & KN_ENV_AFTER) {
            e->flags &= (uint16_t)~KN_ENV_AFTER;
            at = kn_alarm_deadline(at);
            __builtin_memcpy((char *)e + kn_deadline_at(e), &at, sizeof at);
        }
    }
    return at;
}
