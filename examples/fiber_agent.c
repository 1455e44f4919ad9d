/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fiber agent: a conversation written as plain C. The waiter takes an order, asks the kitchen,
 * lets it cook, serves - and waits at each step without holding a thread. See become_stash.c for
 * the other way.
 */
#include <koken.h>

#include <inttypes.h>
#include <stdio.h>

enum dish { DISH_SOBA, DISH_UDON, DISH_TEMPURA };
static const char *const dishes[] = {"soba", "udon", "tempura"};

KOKEN_MESSAGE(table_order, { enum dish dish; });
KOKEN_EVENT(closing_time);
KOKEN_MESSAGE(cook, { enum dish dish; });
KOKEN_MESSAGE(plate, { uint32_t number; });

struct kitchen {
    uint32_t plates;
};

static int on_cook(koken_ctx *ctx, struct kitchen *self, const struct cook *msg)
{
    printf("kitchen: %s\n", dishes[msg->dish]);
    return koken_reply(ctx, plate, .number = ++self->plates);
}

KOKEN_AGENT(kitchen, struct kitchen, KOKEN_ON(cook, on_cook));

struct waiter {
    uint32_t served;
};

static int serve(koken_ctx *ctx, struct waiter *self, koken_ref kitchen,
                 const struct table_order *order)
{
    struct plate plate;
    int rc = koken_await(ctx, kitchen, KOKEN_S(1), &plate, cook, .dish = order->dish);

    if (rc < 0) {
        return rc;
    }
    rc = koken_sleep(ctx, KOKEN_MS(1)); /* carrying it to the table */
    printf("waiter: plate %" PRIu32 "\n", plate.number);
    self->served++;
    return rc;
}

static int waiter_body(koken_ctx *ctx, struct waiter *self, const void *arg)
{
    koken_ref kitchen = *(const koken_ref *)arg;

    for (;;) { /* until closing time, or until asked to stop */
        struct koken_received msg;
        int rc = koken_receive(ctx, KOKEN_NO_DEADLINE, &msg);

        if (rc == 0 && msg.type == &koken_type_table_order) {
            rc = serve(ctx, self, kitchen, msg.payload);
        } else if (rc == 0) {
            printf("waiter: %" PRIu32 " served, good night\n", self->served);
            return 0;
        }
        if (rc < 0) {
            return rc;
        }
    }
}

KOKEN_FIBER(waiter, struct waiter, waiter_body);

int main(void)
{
    struct koken *rt;
    koken_ref cook, waiter;
    int rc = koken_start(NULL, &rt);

    if (rc < 0) {
        fprintf(stderr, "koken_start: %s\n", koken_strerror(rc));
        return 1;
    }
    cook = koken_spawn(rt, kitchen);
    waiter = koken_spawn(rt, waiter, KOKEN_ARG(cook));
    rc = koken_signal(waiter, table_order, .dish = DISH_SOBA);
    rc = rc < 0 ? rc : koken_signal(waiter, table_order, .dish = DISH_TEMPURA);
    rc = rc < 0 ? rc : koken_signal(waiter, table_order, .dish = DISH_UDON);
    rc = rc < 0 ? rc : koken_signal(waiter, closing_time);
    while (rc == 0 && koken_alive(waiter)) {
        rc = koken_drain(rt, KOKEN_S(1));
    }
    return koken_stop(rt, KOKEN_S(10)) < 0 || rc < 0;
}
