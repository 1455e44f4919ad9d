/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Monitors and links: hearing of the end of another agent, and ending with it.
 *
 * A reason is 0 for an agent that ended well (KOKEN_STOP, koken_exit, a body that returned 0 or more) and
 * the negative value that it failed with otherwise; -ESRCH when it had ended before it was asked about.
 */
#ifndef KOKEN_LINK_H
#define KOKEN_LINK_H

#include <koken/agent.h>
#include <koken/message.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* The end of a monitored agent. */
KOKEN_MESSAGE(koken_down, {
    koken_ref who;
    uint32_t number; /* what koken_monitor answered */
    int32_t reason;
});

/* The end of a linked agent, for those who trap exits. */
KOKEN_MESSAGE(koken_exited, {
    koken_ref who;
    int32_t reason;
});

/*
 * koken_monitor asks for one struct koken_down when who ends, or at once (-ESRCH) if it has ended. Who
 * monitors an agent twice hears twice. Answers a number > 0, or an error.
 * Errors: -EINVAL itself; -ENOTSUP an agent of another runtime; -ENOMEM, also beyond 65535 monitors, links,
 * timers and requests of one agent. Order: after everything that who has sent to the caller; by then who's
 * handle reaches nobody and its names are free. The one exception is the reason -ESRCH: who did not accept the
 * monitor any more, but may not have ended quite yet, so that handle and names may last a moment longer.
 * Exactly once, and without memory: nothing is allocated at the end of who. It is not counted against the
 * caller's mailbox, and never refused.
 */
KOKEN_MUST_USE int koken_monitor(koken_ctx *ctx, koken_ref who);

/*
 * koken_demonitor takes a monitor back. 0: its koken_down will not come. -ESRCH: it has come, or is among
 * the messages that wait for the caller.
 */
KOKEN_MUST_USE int koken_demonitor(koken_ctx *ctx, int number);

/*
 * koken_link ties the fates of two agents: if one of them fails, the other ends with the same reason, its
 * waiting messages being dead letters; unless it traps exits. An end without failure changes nothing. A
 * fiber agent is cancelled: its waits answer -ECANCELED, and its reason is that of the link whatever it
 * returns. Linking the same two again is no error and changes nothing.
 * Errors: -ESRCH who has ended; -EINVAL itself; -ENOTSUP, -ENOMEM as koken_monitor.
 */
KOKEN_MUST_USE int koken_link(koken_ctx *ctx, koken_ref who);

/*
 * koken_unlink ends the link between the caller and who, whoever made it; no exit of who comes afterwards.
 * Errors: -ENOMEM; then nothing has changed.
 */
KOKEN_MUST_USE int koken_unlink(koken_ctx *ctx, koken_ref who);

/*
 * koken_trap_exits(ctx, true) has struct koken_exited come, whatever the reason, once for each linked agent
 * that ends, ordered as koken_down, instead of the caller's own end. Errors: -ENOMEM.
 */
KOKEN_MUST_USE int koken_trap_exits(koken_ctx *ctx, bool is_trapping);

/*
 * koken_spawn_linked(ctx, &ref, agent, .option = value, ...) is koken_try_spawn with a link from before the
 * newborn's first step: however soon it fails, the caller hears. koken_spawn_monitored likewise answers the
 * number of a monitor, > 0, and the news of the end have the true reason, never -ESRCH.
 * Errors: as koken_try_spawn and koken_monitor; then nothing comes.
 */
#define koken_spawn_linked(ctx, ret_ref, ...)                                                      \
    koken_spawn_linked_((ctx), &KOKEN_CAT_(koken_agent_, KOKEN_FIRST_(__VA_ARGS__)),               \
                        KOKEN_OPTIONS_(struct koken_spawn_options, __VA_ARGS__), (ret_ref))
#define koken_spawn_monitored(ctx, ret_ref, ...)                                                   \
    koken_spawn_monitored_((ctx), &KOKEN_CAT_(koken_agent_, KOKEN_FIRST_(__VA_ARGS__)),            \
                           KOKEN_OPTIONS_(struct koken_spawn_options, __VA_ARGS__), (ret_ref))
KOKEN_MUST_USE int koken_spawn_linked_(koken_ctx *ctx, const struct koken_agent_type *type,
                                       const struct koken_spawn_options *options,
                                       koken_ref *ret_ref);
KOKEN_MUST_USE int koken_spawn_monitored_(koken_ctx *ctx, const struct koken_agent_type *type,
                                          const struct koken_spawn_options *options,
                                          koken_ref *ret_ref);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
