/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Epoch reclamation and the stack on top of it, mailbox/toolbox/epoch_core.c and the operations of stack.h as they
 * stand. What is freed is not to be touched again: a reader that is too late is found.
 */
#include "test/model/lib/model.h"

#include "base/alloc.h"

static void free_counted(void *memory, size_t size, size_t align);
#define kn_free free_counted
#include "mailbox/toolbox/epoch_core.c"
#undef kn_free
#include "mailbox/toolbox/stack.h"

#include <string.h>

struct object {
    struct koken_retired retired; /* first */
    uint32_t payload;
};

static kn_atomic(uint32_t) records_freed;

static void free_counted(void *memory, size_t size, size_t align)
{
    if (size == sizeof(struct kn_epoch_record)) {
        (void)kn_add(&records_freed, 1, relaxed);
    }
    kn_free(memory, size, align);
}

static struct koken_epoch epoch;
static struct kn_epoch_record *records[3];
static struct object objects[2];
static kn_atomic(struct object *) found;
static uint32_t freed;
static kn_atomic(uint32_t) is_retired, is_stepped, turn; /* relaxed: they order nothing */

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
    kn_atomic_init(&records_freed, 0);
    kn_atomic_init(&is_retired, 0);
    kn_atomic_init(&is_stepped, 0);
    kn_atomic_init(&turn, 0);
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

/* Steps that others make. */
static void stepper_3(void)
{
    for (unsigned i = 0; i < 3; i++) {
        (void)kn_epoch_advance(&epoch);
    }
}

/* The number of the epoch only grows. */
static uint64_t most_seen; /* of this thread */

static void counter_of_steps(void)
{
    stepper();
    most_seen = kn_load(&epoch.global, relaxed);
}

static void step(void)
{
    (void)kn_epoch_advance(&epoch);
}

static void check_steps(void)
{
    KOKEN_CHECK(kn_load(&epoch.global, relaxed) >= most_seen);
    kn_epoch_fini(&epoch);
}

/* ---- who frees is another than who steps ------------------------------------------------------- */

static void wait_for(kn_atomic(uint32_t) *told)
{
    while (kn_load(told, relaxed) == 0) { /* ends: the other goes on; relaxed: it orders nothing */
        kn_thread_yield();
    }
}

/* Retires without a look of its own, and frees when others have made the steps. */
static void retire_only(void)
{
    struct kn_epoch_record *mine = records[kn_model_self()];
    mine->since = UINT32_MAX;
    if (KN_MUTANT(45)) { /* the unlinking is late: what the light fence of retire forbids */
        kn_epoch_retire(&epoch, mine, &objects[0].retired, free_object);
        (void)kn_swap(&found, NULL, relaxed);
        return;
    }
    struct object *object = kn_swap(&found, NULL, relaxed);
    kn_epoch_retire(&epoch, mine, &object->retired, free_object);
}

static void free_when_told(void)
{
    wait_for(&is_stepped);
    kn_epoch_reclaim(&epoch, records[kn_model_self()]);
}

static void retirer(void)
{
    retire_only();
    kn_store(&is_retired, 1, relaxed);
    free_when_told();
}

/* Of no interest if it is not made. */
static void step_or_not(void)
{
    if (!kn_epoch_advance(&epoch)) {
        kn_model_discard();
    }
}

static void stepper_behind(void)
{
    wait_for(&is_retired);
    stepper_3();
    kn_store(&is_stepped, 1, relaxed);
}

/* The first step is the retirer's. */
static void retirer_of_one_step(void)
{
    retire_only();
    (void)kn_epoch_advance(&epoch);
    kn_store(&is_retired, 1, relaxed);
    free_when_told();
}

static void stepper_of_the_rest(void)
{
    wait_for(&is_retired);
    stepper();
    kn_store(&is_stepped, 1, relaxed);
}

static void late_reader(void)
{
    if (kn_load(&epoch.global, relaxed) >= KN_EPOCH_LAG) {
        reader();
    }
}

/* ---- who reads is pinned again and again ------------------------------------------------------- */

static void take_turn(uint32_t mine)
{
    while (kn_load(&turn, relaxed) !=
           mine) { /* ends: the other's turn does; relaxed: it orders nothing */
        kn_thread_yield();
    }
}

/*
 * Each pin is of the epoch that is, so no scan waits, or sees an unpin: what was read is over by the word of the pins
 * behind it. The object is read behind the barrier of the second step.
 */
static void reader_of_each(void)
{
    struct kn_epoch_record *mine = records[kn_model_self()];
    kn_epoch_pin(&epoch, mine);
    struct object *object = kn_load(&found, acquire);
    kn_store(&turn, 1, relaxed);
    take_turn(2);
    KOKEN_CHECK(object->payload == 7);
    kn_epoch_unpin(mine);
    kn_epoch_pin(&epoch, mine);
    take_turn(3);
    kn_epoch_unpin(mine);
    kn_epoch_pin(&epoch, mine);
    kn_store(&turn, 4, relaxed);
    take_turn(5);
    kn_epoch_unpin(mine);
}

static void writer_of_each(void)
{
    take_turn(1);
    retire_only();
    step_or_not();
    kn_store(&turn, 2, relaxed);
    step_or_not();
    kn_store(&turn, 3, relaxed);
    take_turn(4);
    step_or_not();
    kn_epoch_reclaim(&epoch, records[kn_model_self()]);
    kn_store(&turn, 5, relaxed);
}

/* ---- a tag that is old ------------------------------------------------------------------------- */

/* The object is retired as of the epoch before; of the scans behind the reading one only sees who has read. */
static void reader_who_pins_late(void)
{
    struct kn_epoch_record *mine = records[kn_model_self()];
    take_turn(1);
    kn_epoch_pin(&epoch, mine);
    struct object *object = kn_load(&found, acquire);
    kn_store(&turn, 2, relaxed);
    take_turn(4);
    KOKEN_CHECK(object->payload == 7);
    kn_epoch_unpin(mine);
    kn_epoch_pin(&epoch, mine); /* an old epoch first, then this one */
    kn_store(&turn, 5, relaxed);
    take_turn(6);
    kn_epoch_unpin(mine);
}

static void retirer_of_before(void)
{
    take_turn(2);
    retire_only();
    if (objects[0].retired.epoch_ != 1) {
        kn_model_discard();
    }
    kn_store(&turn, 3, relaxed);
    take_turn(6);
    kn_epoch_reclaim(&epoch, records[kn_model_self()]);
}

static void stepper_between(void)
{
    step_or_not();
    kn_store(&turn, 1, relaxed);
    take_turn(3);
    step_or_not();
    kn_store(&turn, 4, relaxed);
    take_turn(5);
    step_or_not();
    kn_store(&turn, 6, relaxed);
}

static void check(void)
{
    kn_epoch_fini(&epoch);
    KOKEN_CHECK(freed == (kn_load(&found, relaxed) == NULL));
}

/* ---- threads that come and go ------------------------------------------------------------------ */

static void start_with_free(bool is_biased)
{
    start(is_biased);
    KOKEN_CHECK(kn_epoch_part(records[2]));
}

static void start_with_free_biased(void)
{
    start_with_free(true);
}

/* One record is there for two: another is made. */
static void visitor(void)
{
    struct kn_epoch_record *mine = records[kn_model_self()] = kn_epoch_join(&epoch);
    KOKEN_CHECK(mine != NULL);
    reader();
    KOKEN_CHECK(kn_epoch_part(mine));
}

/* All who have come are in the list. */
static void comer(void)
{
    struct kn_epoch_record *mine = kn_epoch_join(&epoch), *r;
    for (r = kn_load(&epoch.records, acquire); r && r != mine; r = r->next) {}
    KOKEN_CHECK(r != NULL);
    records[kn_model_self()] = mine;
    mine->nest = 1;
    mine->nest = 0;
}

static void check_come(void)
{
    unsigned count = 0;
    KOKEN_CHECK(records[0] != records[1]);
    for (struct kn_epoch_record *r = kn_load(&epoch.records, acquire); r; r = r->next) {
        count += r == records[0] || r == records[1];
    }
    KOKEN_CHECK(count == 2);
}

static void comer_and_goer(void)
{
    comer();
    KOKEN_CHECK(kn_epoch_part(records[kn_model_self()]));
}

/* Goes with something in its bag, for others to free. */
static void goer(void)
{
    struct object *object = kn_swap(&found, NULL, acq_rel);
    kn_epoch_retire(&epoch, records[kn_model_self()], &object->retired, free_object);
    KOKEN_CHECK(kn_epoch_part(records[kn_model_self()]));
}

static void adopter(void)
{
    for (unsigned i = 0; i < 3; i++) {
        (void)kn_epoch_advance(&epoch);
        kn_epoch_adopt(&epoch);
    }
}

/* The domain ends while a thread still has its record: whoever is the second frees it. */
static void start_to_end(void)
{
    start_biased();
    kn_epoch_retire(&epoch, records[0], &objects[0].retired, free_object);
    KOKEN_CHECK(kn_epoch_part(records[1]));
    KOKEN_CHECK(kn_epoch_part(records[2]));
}

static void parter(void)
{
    (void)kn_epoch_part(records[0]);
}

static void ender(void)
{
    kn_epoch_fini(&epoch);
}

static void check_ended(void)
{
    KOKEN_CHECK(freed == 1);
    KOKEN_CHECK(kn_load(&records_freed, relaxed) == 3);
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
    {"2 steps; step", start_biased, {counter_of_steps, step}, check_steps, .limit = 8000},
    {"retire; 3 steps by another; read",
     start_biased,
     {retirer, stepper_behind, reader},
     check,
     .limit = 8000},
    {"retire; 3 steps by another; read late",
     start_biased,
     {retirer, stepper_behind, late_reader},
     check,
     .limit = 8000},
    {"retire, step; 2 steps by another; read",
     start_biased,
     {retirer_of_one_step, stepper_of_the_rest, reader},
     check,
     .limit = 8000},
    {"read, pinned at each; retire, 3 steps",
     start_biased,
     {reader_of_each, writer_of_each},
     check,
     .limit = 8000,
     .orders_stores = true},
    {"retire with an old tag; 3 steps by another; read, pin again",
     start_biased,
     {reader_who_pins_late, retirer_of_before, stepper_between},
     check,
     .limit = 8000},
    {"come; come", start_biased, {comer, comer}, check_come},
    {"come; come: one is free", start_with_free_biased, {comer, comer}, check_come},
    {"come, go; come, go", start_biased, {comer_and_goer, comer_and_goer}, NULL},
    {"come, read, go; the same", start_with_free_biased, {visitor, visitor}, check, .limit = 8000},
    {"come, read, go; retire, 3 steps",
     start_with_free_biased,
     {visitor, writer},
     check,
     .limit = 8000},
    {"come, come; retire, go; adopt, 3 steps",
     start_with_free_biased,
     {goer, adopter, visitor},
     check,
     .limit = 8000},
    {"retire, go; adopt, 3 steps", start_biased, {goer, adopter}, check, .limit = 8000},
    {"go; the domain ends", start_to_end, {parter, ender}, check_ended, .limit = 8000},
    {"stack: pop; pop", start_biased, {pop, pop}, check_stack, .limit = 8000},
    {"stack: 2 pop; push, pop", start_biased, {pop_2, push, pop}, check_stack, .limit = 8000},
    {"by read-modify-write: read; retire, 3 steps", start_symmetric, {reader, writer}, check},
    {"by read-modify-write: read; retire, 3 steps; 2 steps",
     start_symmetric,
     {reader, writer, stepper},
     check,
     .limit = 8000},
    {"by read-modify-write: 2 steps; step",
     start_symmetric,
     {counter_of_steps, step},
     check_steps,
     .limit = 8000},
    {"by read-modify-write: retire; 3 steps by another; read",
     start_symmetric,
     {retirer, stepper_behind, reader},
     check,
     .limit = 8000},
    {"by read-modify-write: retire; 3 steps by another; read late",
     start_symmetric,
     {retirer, stepper_behind, late_reader},
     check,
     .limit = 8000},
    {"by read-modify-write: retire, step; 2 steps by another; read",
     start_symmetric,
     {retirer_of_one_step, stepper_of_the_rest, reader},
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
