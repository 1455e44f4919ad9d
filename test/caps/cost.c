/* SPDX-License-Identifier: Apache-2.0 */
/* The same work twice: with handles, and with the plain pointers that they are. cost.py compares the code. */
#include <koken/give.h>

KOKEN_PAYLOAD(text, (array, char, letters, 24));
KOKEN_PAYLOAD(order, (plain, long, id), (plain, long, price), (val, text, note),
              (iso, order, next));

int send_caps(koken_ref to, long price);
int send_plain(koken_ref to, long price);
int forward_caps(koken_ref to, order_iso o);
int forward_plain(koken_ref to, struct order *o);
long freeze_caps(koken_ref to, order_iso o);
long freeze_plain(koken_ref to, struct order *o);
void swap_caps(struct order *into, order_iso o);
void swap_plain(struct order *into, struct order *o);
long refused_caps(koken_ref to, order_iso o);
long refused_plain(koken_ref to, struct order *o);

int send_caps(koken_ref to, long price)
{
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return -ENOMEM;
    }
    koken_mut(o)->price = price;
    koken_post(to, o);
    return 0;
}

int send_plain(koken_ref to, long price)
{
    struct order *o = koken_payload_new_(&koken_payload_order);
    if (o == NULL) {
        return -ENOMEM;
    }
    o->price = price;
    koken_post_iso_(to, o);
    return 0;
}

int forward_caps(koken_ref to, order_iso o)
{
    koken_owned(o);
    koken_mut(o)->price += koken_get(o)->id;
    koken_iso(order, p) = koken_move(o);
    if (koken_get(p)->price > 100) {
        koken_post(to, p);
        return 1;
    }
    koken_drop(p);
    return 0;
}

int forward_plain(koken_ref to, struct order *o)
{
    o->price += o->id;
    if (o->price > 100) {
        koken_post_iso_(to, o);
        return 1;
    }
    koken_iso_drop_(o);
    return 0;
}

long freeze_caps(koken_ref to, order_iso o)
{
    koken_owned(o);
    koken_val(order, v) = koken_freeze(o);
    long price = koken_get(v)->price;
    koken_val(order, w) = koken_dup(v);
    koken_post(to, w);
    koken_drop(v);
    return price;
}

long freeze_plain(koken_ref to, struct order *o)
{
    const struct order *v = koken_iso_freeze_(o);
    long price = v->price;
    const struct order *w = koken_val_keep_(v);
    koken_post_val_(to, w);
    koken_val_drop_(v);
    return price;
}

void swap_caps(struct order *into, order_iso o)
{
    koken_owned(o);
    koken_iso(order, old) = koken_take(into->next);
    koken_put(into->next, o);
    koken_drop(old);
}

void swap_plain(struct order *into, struct order *o)
{
    struct order *old = into->next.ptr_;
    into->next.ptr_ = o;
    koken_iso_drop_(old);
}

long refused_caps(koken_ref to, order_iso o)
{
    koken_owned(o);
    if (koken_give(to, o) != 0) {
        long price = koken_get(o)->price;
        koken_drop(o);
        return price;
    }
    return 0;
}

long refused_plain(koken_ref to, struct order *o)
{
    if (koken_give_iso_(to, o) != 0) {
        long price = o->price;
        koken_iso_drop_(o);
        return price;
    }
    return 0;
}
