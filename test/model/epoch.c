/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Epoch reclamation and the stack on top of it, mailbox/toolbox/epoch_core.c and the operations of stack.h as they
 * stand. What is freed is not to be touched again: a reader that is too late is found.
 */
#include "test/model/lib/model.h"

#include "mailbox/toolbox/epoch_core.c"
#include "mailbox/toolbox/stack.h"

#include <string.h>

struct object {
    struct koken_retired retired; /* first */
    uint32_t payload;
};

static struct koken_epoch epoch;
static struct kn_epoch_record *records[3];
static struct object objects[2];
static kn_atomic(struct object *) found;
static uint32_t freed;

static struct koken_stack stack;
static struct kn_stack_node nodes[3];
static uint32_t taken[3];

static void start(bool is_biased)
{
    memset(objects, 0, sizeof objects);
    memset(nodes, 0, sizeof nodes);
    memset(taken, 0, sizeof taken);
    kn_epoch_init(&epoch, 1, is_biased);
    for (unsigned i = 0; i < 3; i++) {
        records[i] = kn_epoch_join(&epoch);
    }
    objects[0].payload = objects[1].payload = 7;
    kn_atomic_init(&found, &objects[0]);
    freed = 0;
    kn_atomic_init(&stack.top, NULL);
    for (unsigned i = 0; i < 2; i++) {
        nodes[i].item = &taken[i];
        kn_stack_push(&stack, &nodes[i].link);
    }
}

static void start_biased(void)
{
    start(true);
}

static void start_symmetric(void)
{
    start(false);
}

static void free_object(struct koken_retired *retired)
{
    struct object *object = (struct object *)(void *)retired;
    object->payload = 0; /* plain: a race with a reader, or it sees the 0 */
    freed++;
}

static void reader(void)
{
    struct kn_epoch_record *mine = records[kn_model_self()];
    kn_epoch_pin(&epoch, mine);
    struct object *object = kn_load(&found, acquire);
    if (object) {
        KOKEN_CHECK(object->payload == 7);
    }
    kn_epoch_unpin(mine);
}

static void reader_twice(void)
{
    reader();
    reader();
}

static void retire_and_step(unsigned steps)
{
    struct kn_epoch_record *mine = records[kn_model_self()];
    struct object *object = kn_swap(&found, NULL, acq_rel);
    if (object) {
        kn_epoch_retire(&epoch, mine, &object->retired, free_object);
    }
    for (unsigned i = 0; i < steps; i++) {
        (void)kn_epoch_advance(&epoch);
        kn_epoch_reclaim(&epoch, mine);
    }
}

static void writer(void)
{
    retire_and_step(3);
}

static void stepper(void)
{
    (void)kn_epoch_advance(&epoch);
    (void)kn_epoch_advance(&epoch);
}

static void check(void)
{
    kn_epoch_fini(&epoch);
    KOKEN_CHECK(freed <= 1);
}

static void free_node(struct koken_retired *retired)
{
    struct kn_stack_node *node = (struct kn_stack_node *)(void *)retired;
    node->link.next_ = NULL; /* plain: a race with who still reads it */
    node->item = NULL;
}

static struct kn_stack_node *node_of(struct koken_stack_link *link)
{
    return kn_container_of(link, struct kn_stack_node, link);
}

static void pop(void)
{
    struct kn_epoch_record *mine = records[kn_model_self()];
    kn_epoch_pin(&epoch, mine);
    struct koken_stack_link *link = kn_stack_pop(&stack);
    if (link) {
        struct kn_stack_node *node = node_of(link);
        (*(uint32_t *)node->item)++;
        kn_epoch_retire(&epoch, mine, &node->retired, free_node);
    }
    kn_epoch_unpin(mine);
}

static void pop_2(void)
{
    pop();
    pop();
}

static void push(void)
{
    nodes[2].item = &taken[2];
    kn_stack_push(&stack, &nodes[2].link);
}

static void check_stack(void)
{
    unsigned count = 0;
    for (struct koken_stack_link *l = kn_load(&stack.top, relaxed); l; l = l->next_) {
        (*(uint32_t *)node_of(l)->item)++;
        count++;
    }
    KOKEN_CHECK(count <= 3);
    KOKEN_CHECK(taken[0] == 1);
    KOKEN_CHECK(taken[1] == 1);
    KOKEN_CHECK(taken[2] <= 1);
    kn_epoch_fini(&epoch);
}

static const struct kn_scenario scenarios[] = {
    {"read; retire, 3 steps", start_biased, {reader, writer}, check},
    {"read twice; retire, 3 steps", start_biased, {reader_twice, writer}, check, .limit = 8000},
    {"read; retire, 3 steps; 2 steps",
     start_biased,
     {reader, writer, stepper},
     check,
     .limit = 8000},
    {"read; read; retire, 3 steps", start_biased, {reader, reader, writer}, check, .limit = 8000},
    {"stack: pop; pop", start_biased, {pop, pop}, check_stack, .limit = 8000},
    {"stack: 2 pop; push, pop", start_biased, {pop_2, push, pop}, check_stack, .limit = 8000},
    {"by read-modify-write: read; retire, 3 steps", start_symmetric, {reader, writer}, check},
    {"by read-modify-write: read; retire, 3 steps; 2 steps",
     start_symmetric,
     {reader, writer, stepper},
     check,
     .limit = 8000},
    {"by read-modify-write: stack: pop; pop",
     start_symmetric,
     {pop, pop},
     check_stack,
     .limit = 8000},
    {0},
};

int main(int argc, char **argv)
{
    return kn_model_main(argc, argv, scenarios);
}
