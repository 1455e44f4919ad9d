/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cancellation: a source says "no longer wanted", its tokens hear of it, anywhere.
 *
 *     struct koken_source *source;
 *     int rc = koken_source_new(rt, NULL, 0, &source);
 *     rc = koken_source_after(source, KOKEN_MS(20));
 *     work(koken_source_token(source));       looks at koken_token_check() now and then
 *     koken_source_free(source);
 *
 * A source is ACTIVE, then for as long as its callbacks run REQUESTED, then CANCELLED, for good. The first reason wins.
 * What has tokens of a source as its parents is cancelled with any of them (reason PARENT); never the other way round.
 *
 * Callbacks run once, on the thread that cancels (a worker for a deadline), outside of every lock: they may look at,
 * cancel, unhook and free whatever they like, the same source included. They must not wait: what waits answers -ENOTSUP
 * there. Cancelling a tree of sources takes no stack: the children's turn comes when the parent's callbacks are done.
 *
 * Sources and tokens may be used by any thread at once; a token keeps what it needs alive, also after its source's end.
 */
#ifndef KOKEN_CANCEL_H
#define KOKEN_CANCEL_H

#include <koken/runtime.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

enum koken_cancel_reason {
    KOKEN_CANCEL_NONE, /* not cancelled */
    KOKEN_CANCEL_USER,
    KOKEN_CANCEL_TIMEOUT,   /* koken_source_after */
    KOKEN_CANCEL_PARENT,    /* a source that it is linked to */
    KOKEN_CANCEL_EXHAUSTED, /* memory, money, patience */
    KOKEN_CANCEL_SHUTDOWN,
    KOKEN_CANCEL_ERROR, /* something else failed, and this has no use any more */
    KOKEN_CANCEL_SCOPE, /* the scope that it belonged to was left */
    KOKEN_CANCEL_COUNT_
};

enum { KOKEN_CANCEL_TEXT_MAX = 64 }; /* of a message, with its final zero; longer ones are cut */

struct koken_source; /* says it; opaque */
struct koken_hook;   /* a callback that waits; opaque */

/* koken_token hears it: counted, copied by koken_token_keep. {NULL} is never cancelled. */
typedef struct koken_token {
    struct koken_source *source;
} koken_token;

/*
 * koken_source_new makes a source that is cancelled with any of its parents: none, one (a child), or several (linked).
 * If one of them is cancelled already, so is the new one. rt is for koken_source_after, and may be NULL.
 * Owner: *ret_source is yours until koken_source_free; the parents' tokens stay yours. Thread: any.
 * Errors: -EINVAL parents without count or the other way round, a token of nothing; -ENOMEM.
 */
KOKEN_MUST_USE int koken_source_new(struct koken *rt, const koken_token *parents, size_t count,
                                    struct koken_source **ret_source);

/*
 * koken_source_cancel cancels the source and what is linked to it, and runs the callbacks; after its return all have run.
 * text is copied, and may be NULL. Errors: -EALREADY it was cancelled before, whose reason stays, and whose callbacks
 * may be still running; -EINVAL no such reason, or no source. Order: happens-before every look that sees it.
 */
KOKEN_MUST_USE int koken_source_cancel(struct koken_source *source, enum koken_cancel_reason reason,
                                       const char *text);

/*
 * koken_source_after cancels the source by itself after delay_ns, never early (reason TIMEOUT); a second call replaces the
 * first, KOKEN_NO_DEADLINE takes it back. Errors: -EALREADY it is cancelled; -ENOTSUP it was made without a runtime; -EINVAL;
 * -ENOMEM: the former deadline stays. The runtime must live as long; when it stops, the deadline is void.
 */
KOKEN_MUST_USE int koken_source_after(struct koken_source *source, uint64_t delay_ns);

/*
 * koken_source_free ends a source without cancelling it: its deadline is taken back, its links to parents are cut (it
 * waits for a parent that is just passing its cancellation on). Tokens stay as they are for ever. NULL: nothing.
 */
void koken_source_free(struct koken_source *source);

/* koken_source_leave_ cancels (SCOPE) and frees *source: the end of a scope, by KOKEN_SCOPED_SOURCE. */
void koken_source_leave_(struct koken_source **source);

/* KOKEN_SCOPED_SOURCE struct koken_source *name = NULL; is cancelled and freed when its block is left. */
#define KOKEN_SCOPED_SOURCE __attribute__((cleanup(koken_source_leave_)))

/* koken_source_token is a new token of the source, yours until koken_token_drop. */
koken_token koken_source_token(struct koken_source *source);

/* koken_token_keep is another token of the same source. */
koken_token koken_token_keep(koken_token token);

/* koken_token_drop gives a token back, and makes it {NULL}: a second time is nothing, and so is NULL. */
void koken_token_drop(koken_token *token);

/* koken_token_check is 0, or -ECANCELED once it has been requested. Cost: a load. */
KOKEN_MUST_USE int koken_token_check(koken_token token);

/* koken_token_is_requested is true from the first moment, koken_token_is_cancelled once all callbacks have run. */
bool koken_token_is_requested(koken_token token);
bool koken_token_is_cancelled(koken_token token);

/* koken_token_reason is why, NONE if not; koken_token_text what was said of it, "" if nothing; as long as the token. */
enum koken_cancel_reason koken_token_reason(koken_token token);
const char *koken_token_text(koken_token token);

/*
 * koken_token_hook has fn(arg) called once the token is cancelled; at once, before it returns, if it is already.
 * Owner: *ret_hook is yours until koken_hook_end. With ret_hook NULL it cannot be taken back, and ends with the source.
 * Errors: -EINVAL a token of nothing, no fn; -ENOMEM.
 */
KOKEN_MUST_USE int koken_token_hook(koken_token token, void (*fn)(void *arg), void *arg,
                                    struct koken_hook **ret_hook);

/*
 * koken_hook_end takes a callback back and frees the hook. 0: fn has not run and never will. -EALREADY: it has run; if it was
 * just running on another thread, this has waited for its end (as for a lock); in fn itself it does not wait. NULL: -EINVAL.
 */
int koken_hook_end(struct koken_hook *take_hook);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
