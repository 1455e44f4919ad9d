/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who waits for whom when a simulated run has failed. Nothing runs then, so that unlike koken_why() it looks into
 * what only its owner may touch: the wait of a fiber, the requests of a handler agent.
 */
#include "actors/why.h"

#ifdef KN_SIM

#include "actors/alarm.h"
#include "actors/fiber_agent.h"
#include "actors/living.h"
#include "actors/park.h"
#include "actors/slots.h"
#include "actors/waiter.h"

#include <stdarg.h>
#include <stdio.h>

enum { THINGS_MAX = 16 };

/* The report under way. */
struct survey {
    char *text;
    size_t size, len;
    const void *things[THINGS_MAX]; /* channels and futures, numbered as they come */
    unsigned thing_count;
};

static void append(struct survey *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void append(struct survey *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(s->text + s->len, s->size - s->len, format, args);
    va_end(args);
    s->len += n > 0 ? (size_t)n : 0;
    s->len = s->len < s->size ? s->len : s->size - 1;
}

/* Addresses differ from run to run: things have numbers. */
static unsigned number_of(struct survey *s, const void *thing)
{
    unsigned i = 0;
    while (i < s->thing_count && s->things[i] != thing) {
        i++;
    }
    if (i == s->thing_count && i < THINGS_MAX) {
        s->things[s->thing_count++] = thing;
    }
    return i + 1;
}

static void name_agent(struct survey *s, uint64_t id)
{
    const struct kn_agent *a = kn_resolve(id);
    if (a) {
        append(s, "%s %llx", kn_agent_behaviour(a)->name, (unsigned long long)id);
    } else {
        append(s, "%llx, which has ended", (unsigned long long)id);
    }
}

static void tell_fiber(struct survey *s, const struct kn_fiber_agent *f)
{
    const struct kn_fiber_wait_note *w = &f->waits;
    if (f->edge) {
        append(s, "waits for room at ");
        name_agent(s, f->edge->to);
    } else if (w->whom) {
        append(s, "awaits the answer to its %s of ", w->type->name);
        name_agent(s, w->whom);
    } else {
        append(s, "waits for %s", w->what ? w->what : "its first turn");
        if (w->type) {
            append(s, " of type %s", w->type->name);
        }
        if (w->on) {
            append(s, f->bell ? " (future %u)" : " channel %u", number_of(s, w->on));
        }
    }
    if (f->awaited && f->deadline_ns != KN_NEVER) {
        append(s, ", not for ever");
    }
}

/* A handler agent's requests and timers. False: it has none, nor a message that it waits to get rid of. */
static bool tell_handler(struct survey *s, const struct kn_agent *a)
{
    const struct kn_cold *cold = a->cold;
    bool is_told = cold && cold->outbox;
    if (is_told) {
        append(s, "waits for room at ");
        name_agent(s, cold->outbox->to);
    }
    for (uint32_t i = 0; cold && i < cold->alarm_capacity; i++) {
        const struct kn_alarm *alarm = cold->alarms[i].alarm;
        if (!alarm || alarm->kind == KN_ALARM_MONITOR || alarm->kind == KN_ALARM_LINK) {
            continue;
        }
        append(s, is_told ? "; " : "");
        is_told = true;
        if (alarm->pending) {
            append(s, "waits for an item of a channel");
        } else if (alarm->kind == KN_ALARM_REQUEST) {
            append(s, "has asked ");
            name_agent(s, alarm->to);
        } else {
            append(s, "has a timer");
        }
    }
    return is_told;
}

static void tell(struct kn_agent *a, void *arg)
{
    struct survey *s = arg;
    uint64_t word = kn_load(&a->mailbox.word, relaxed); /* relaxed: nothing runs */
    uint64_t id = kn_agent_id(a);
    size_t before = s->len;
    if ((word & KN_MB_CLOSED) || kn_resolve(id) != a) {
        return;
    }
    bool is_ready = word & KN_MB_SCHEDULED;
    if (a->flags & KN_AGENT_WAITER) {
        append(s, "\n    a thread outside waits for ");
        append(s, kn_waiter_whom(a) ? "the answer of " : "the init of an agent");
        if (kn_waiter_whom(a)) {
            name_agent(s, kn_waiter_whom(a));
        }
        return;
    }
    append(s, "\n    agent %s %llx: ", kn_agent_behaviour(a)->name, (unsigned long long)id);
    if (is_ready) {
        append(s, "runs, or waits for a worker");
    } else if (a->flags & KN_AGENT_FIBER) {
        tell_fiber(s, a->cold->fiber);
    } else if (!tell_handler(s, a)) {
        s->len = before; /* idle */
        s->text[before] = '\0';
    }
}

int kn_why_everybody(char *text, size_t size)
{
    struct survey s = {.text = text, .size = size};
    for (struct koken *rt = kn_living_first(); rt && size > 0; rt = rt->next_living) {
        kn_slots_each(rt, tell, &s);
    }
    return (int)s.len;
}

#endif
