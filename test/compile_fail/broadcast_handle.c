/* SPDX-License-Identifier: Apache-2.0 */
// expect: holds iso or val handles
#include <koken.h>

KOKEN_PAYLOAD(leg, (plain, long, quantity));
KOKEN_EVENT(go);
struct desk {
    long count;
};
int on_init(koken_ctx *ctx, struct desk *self, const void *arg);
int on_go(koken_ctx *ctx, struct desk *self, const struct go *msg);
KOKEN_AGENT(desk, struct desk, KOKEN_INIT(on_init), KOKEN_ON(go, on_go));
KOKEN_AGENT(bare, struct desk, KOKEN_ON(go, on_go));

int use(struct koken *rt, koken_ctx *ctx, koken_ref *who, leg_iso i, leg_val v, leg_ref r);
int use(struct koken *rt, koken_ctx *ctx, koken_ref *who, leg_iso i, leg_val v, leg_ref r)
{
    (void)rt, (void)ctx, (void)who, (void)i.ptr_, (void)v.ptr_, (void)r.ptr_;
#ifdef CONTROL
    return koken_broadcast(who, 1, NULL, go);
#else
    return koken_broadcast(who, 1, NULL, leg_val, .ptr_ = v.ptr_);
#endif
}
