/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Within the floor: hooks that live inside whatever waits for a cancellation.
 *
 *                new/free  cancel  hook  unhook  look
 *      cancel       X        -      -      -      -       X: not at once with the source's memory; the counts
 *      unhook       X        w      -      -      -       see to it.  w: waits while the hook's call is under way
 * Progress: looks are wait-free; the others hold a lock for some instructions; unhook waits as said.
 */
#ifndef KN_ORCHESTRATION_CANCEL_H
#define KN_ORCHESTRATION_CANCEL_H

#include "base/list.h"

#include <koken/cancel.h>

struct kn_cancelling;

bool kn_is_source(const struct koken_source *source);

struct kn_hook {
    struct kn_list link; /* (m) the source's lock */
    /* Called once, outside of locks, as a callback (bell.h). */
    void (*fn)(struct kn_hook *self, struct kn_cancelling *wave);
    bool is_on; /* (m) it hangs on the source */
};

/* Hangs it up. False: the source is cancelled already, and fn is not called. The source must be kept alive. */
bool kn_source_hook(struct koken_source *source, struct kn_hook *keep_hook);

enum kn_unhooked {
    KN_UNHOOKED, /* in time: fn is not called */
    KN_HOOK_RAN, /* it has been */
    KN_HOOK_HERE /* it is being called, by this thread: the caller is inside of fn */
};

/* Takes it down. Waits while another thread is in its fn. Not for a hook that has not been hung up. */
enum kn_unhooked kn_source_unhook(struct koken_source *source, struct kn_hook *hook);

#endif
