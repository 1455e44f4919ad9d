/* SPDX-License-Identifier: Apache-2.0 */
/* The smallest program: one agent, one question, one answer. */
#include <koken.h>

#include <stdio.h>

KOKEN_MESSAGE(greet, { char name[24]; });
KOKEN_MESSAGE(greeting, { uint64_t count; });

struct greeter {
    uint64_t count;
};

static int on_greet(koken_ctx *ctx, struct greeter *self, const struct greet *msg)
{
    printf("hello, %s\n", msg->name);
    return koken_reply(ctx, greeting, .count = ++self->count);
}

KOKEN_AGENT(greeter, struct greeter, KOKEN_ON(greet, on_greet));

int main(void)
{
    struct greeting answer;
    struct koken *rt;
    koken_ref who;
    int rc = koken_start(NULL, &rt);

    if (rc < 0) {
        fprintf(stderr, "koken_start: %s\n", koken_strerror(rc));
        return 1;
    }
    who = koken_spawn(rt, greeter);
    rc = koken_await(rt, who, KOKEN_S(1), &answer, greet, .name = "Zeami");
    if (rc == 0) {
        printf("greeted %llu\n", (unsigned long long)answer.count);
    }
    return koken_stop(rt, KOKEN_S(10)) < 0 || rc < 0;
}
