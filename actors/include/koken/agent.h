/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Agents: a private state, a table of handlers, a bounded mailbox. A handler agent runs each
 * handler to its end; a fiber agent has a stack of its own and may wait anywhere in plain C.
 *
 *     static int on_greet(koken_ctx *ctx, struct greeter *self, const struct greet *msg);
 *     KOKEN_AGENT(greeter, struct greeter, KOKEN_ON(greet, on_greet));
 *
 *     static int clerk_body(koken_ctx *ctx, struct clerk *self);
 *     KOKEN_FIBER(clerk, struct clerk, clerk_body);
 *
 * A handler returns 0 to go on, KOKEN_STOP to end the agent well, a negative errno to end it as
 * failed.
 */
#ifndef KOKEN_AGENT_H
#define KOKEN_AGENT_H

#include <koken/macros.h>
#include <koken/message.h>
#include <koken/runtime.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/*
 * What a handler returns to end its agent without a failure; if messages that it has sent wait for room in a
 * PARK mailbox, once they are there. Other positive values mean 0.
 */
#define KOKEN_STOP 0x53544f50

enum koken_row_kind {
    KOKEN_ROW_MESSAGE, /* handler of one message type */
    KOKEN_ROW_ANY,     /* handler of every type without one */
    KOKEN_ROW_INIT,    /* before the first message; < 0: the agent fails */
    KOKEN_ROW_EXIT,    /* after the last one */
    KOKEN_ROW_BODY,    /* the whole life of a fiber agent */
    KOKEN_ROW_SAVE,    /* before a supervised agent ends: what it leaves to its successor */
    KOKEN_ROW_LOAD,    /* after init: what its predecessor has left */
};

/* What a row for saving fills in, or one for loading reads. Used by the macros below. */
struct koken_heirloom {
    const struct koken_type *type;
    int reason;
    void *payload;
};

/* One line of an agent's table. Made by the macros below. */
struct koken_row {
    const struct koken_type *type;
    int (*handle)(koken_ctx *ctx, void *self, void *payload);
    enum koken_row_kind kind;
};

/* struct koken_agent_type describes a kind of agent, or one behaviour of it. Made by the macros
 * below. */
struct koken_agent_type {
    const char *name;
    uint32_t state_size; /* bytes; zero-filled before init */
    uint32_t state_align;
    const struct koken_row *rows; /* one at least, of no type if row_count is 0 */
    uint32_t row_count;
    uint32_t is_fiber;
    uint32_t kinds; /* of its rows, 1 << enum koken_row_kind each; 0: not known */
};

/* KOKEN_ON(message, function): int function(koken_ctx *, State *, const struct message *). */
#define KOKEN_ON(TYPE, FN) (MESSAGE, TYPE, FN)
/* KOKEN_ANY(function): int function(koken_ctx *, State *, const void *payload); see
 * koken_message_type. */
#define KOKEN_ANY(FN) (ANY, any, FN)
/* KOKEN_INIT(function): int function(koken_ctx *, State *, const void *arg), arg as given to
 * koken_spawn. */
#define KOKEN_INIT(FN) (INIT, init, FN)
/* KOKEN_EXIT(function): void function(koken_ctx *, State *, int reason), 0 or the negative reason.
 */
#define KOKEN_EXIT(FN) (EXIT, exit, FN)
/*
 * KOKEN_SAVE(message, function): int function(koken_ctx *, State *, int reason, struct message *ret) is called when
 * an agent ends that a supervisor (supervisor.h) may start again, before its exit hook; what it writes into *ret,
 * which is zero, is given to the successor by KOKEN_LOAD(message, function): int function(koken_ctx *, State *,
 * const struct message *), after init. A save that answers < 0 leaves nothing: do so if the failure may have hit
 * what would be saved. A load that answers < 0 fails the birth as an init does, and the next one begins fresh.
 */
#define KOKEN_SAVE(TYPE, FN) (SAVE, TYPE, FN)
#define KOKEN_LOAD(TYPE, FN) (LOAD, TYPE, FN)

/* KOKEN_AGENT(name, State, rows...) defines a kind of handler agent of up to 32 rows, or none. */
#define KOKEN_AGENT(NAME, ...) KOKEN_CAT_(KOKEN_AGENT_, KOKEN_MORE_(__VA_ARGS__))(NAME, __VA_ARGS__)
#define KOKEN_AGENT_0(NAME, STATE)                                                                 \
    static const struct koken_row koken_rows_##NAME##_[] = {{NULL, NULL, KOKEN_ROW_MESSAGE}};      \
    enum { koken_kinds_##NAME##_ = 1 << KOKEN_ROW_MESSAGE };                                       \
    KOKEN_TABLE_(NAME, STATE, 0, 0)
#define KOKEN_AGENT_1(NAME, STATE, ...)                                                            \
    KOKEN_EACH_(KOKEN_CALL_, NAME, STATE, __VA_ARGS__)                                             \
    static const struct koken_row koken_rows_##NAME##_[] = {                                       \
        KOKEN_EACH_(KOKEN_LINE_, NAME, STATE, __VA_ARGS__)};                                       \
    enum { koken_kinds_##NAME##_ = 0 KOKEN_EACH_(KOKEN_KIND_, NAME, STATE, __VA_ARGS__) };         \
    KOKEN_TABLE_(NAME, STATE, KOKEN_ROWS_(NAME), 0)

/* KOKEN_BEHAVIOUR(name, State, rows...) defines another table for koken_become; same State. */
#define KOKEN_BEHAVIOUR(NAME, ...) KOKEN_AGENT(NAME, __VA_ARGS__)

/*
 * KOKEN_FIBER(name, State, function) defines a kind of fiber agent:
 * int function(koken_ctx *, State *, const void *arg); its return value is the agent's exit reason.
 */
#define KOKEN_FIBER(NAME, STATE, FN)                                                               \
    KOKEN_CALL_BODY_(NAME, STATE, body, FN)                                                        \
    static const struct koken_row koken_rows_##NAME##_[] = {                                       \
        KOKEN_LINE_BODY_(NAME, STATE, body, FN)};                                                  \
    enum { koken_kinds_##NAME##_ = 1 << KOKEN_ROW_BODY };                                          \
    KOKEN_TABLE_(NAME, STATE, KOKEN_ROWS_(NAME), 1)

#define KOKEN_KIND_(NAME, STATE, KIND, WHAT, FN) | 1 << KOKEN_ROW_##KIND
#define KOKEN_ROWS_(NAME) ((uint32_t)(sizeof koken_rows_##NAME##_ / sizeof koken_rows_##NAME##_[0]))
#define KOKEN_TABLE_(NAME, STATE, ROWS, FIBER)                                                     \
    KOKEN_STATIC_ASSERT_(KOKEN_ALIGNOF_(STATE) <= 64,                                              \
                         "koken: the state of agent '" #NAME                                       \
                         "' needs an alignment of more than 64 bytes");                            \
    static const struct koken_agent_type koken_agent_##NAME = {#NAME,                              \
                                                               (uint32_t)sizeof(STATE),            \
                                                               (uint32_t)KOKEN_ALIGNOF_(STATE),    \
                                                               koken_rows_##NAME##_,               \
                                                               ROWS,                               \
                                                               FIBER,                              \
                                                               (uint32_t)koken_kinds_##NAME##_};   \
    extern const struct koken_agent_type                                                           \
        koken_agent_##NAME##_is_defined_ /* the user's semicolon  \
                                                                           */

/* For each row a function of the runtime's shape that calls the user's, types checked by the
 * compiler. */
#define KOKEN_CALL_(NAME, STATE, KIND, WHAT, FN) KOKEN_CALL_##KIND##_(NAME, STATE, WHAT, FN)
#define KOKEN_CALL_MESSAGE_(NAME, STATE, MESSAGE, FN)                                              \
    KOKEN_HANDLES_(NAME, STATE, MESSAGE, FN)                                                       \
    static int koken_call_##NAME##_##MESSAGE##_(koken_ctx *ctx, void *self, void *payload)         \
    {                                                                                              \
        return FN(ctx, (STATE *)self, (struct MESSAGE *)payload);                                  \
    }
/* A wrong pointer is a warning to the compiler, and an error here. (C++ sees to it by itself.) */
#ifdef __cplusplus
#define KOKEN_HANDLES_(NAME, STATE, MESSAGE, FN)
#else
#define KOKEN_HANDLES_(NAME, STATE, MESSAGE, FN)                                                   \
    KOKEN_STATIC_ASSERT_(KOKEN_HANDLES_SELF_(FN, STATE *, MESSAGE) ||                              \
                             KOKEN_HANDLES_SELF_(FN, const STATE *, MESSAGE) ||                    \
                             KOKEN_HANDLES_SELF_(FN, void *, MESSAGE) ||                           \
                             KOKEN_HANDLES_SELF_(FN, const void *, MESSAGE),                       \
                         "koken: agent '" #NAME "' handles " #MESSAGE " by int " #FN               \
                         "(koken_ctx *, " #STATE " *, const struct " #MESSAGE                      \
                         " *), and this is another function");
#define KOKEN_HANDLES_SELF_(FN, SELF, MESSAGE)                                                     \
    _Generic(&FN, int (*)(koken_ctx *, SELF, const struct MESSAGE *) : 1,                          \
             int (*)(koken_ctx *, SELF, struct MESSAGE *) : 1,                                     \
             int (*)(koken_ctx *, SELF, const void *) : 1, int (*)(koken_ctx *, SELF, void *) : 1, \
             default : 0)
#endif
#define KOKEN_CALL_ANY_(NAME, STATE, WHAT, FN)                                                     \
    static int koken_any_##NAME##_(koken_ctx *ctx, void *self, void *payload)                      \
    {                                                                                              \
        return FN(ctx, (STATE *)self, (const void *)payload);                                      \
    }
#define KOKEN_CALL_INIT_(NAME, STATE, WHAT, FN)                                                    \
    static int koken_init_##NAME##_(koken_ctx *ctx, void *self, void *payload)                     \
    {                                                                                              \
        return FN(ctx, (STATE *)self, (const void *)payload);                                      \
    }
#define KOKEN_CALL_EXIT_(NAME, STATE, WHAT, FN)                                                    \
    static int koken_exit_##NAME##_(koken_ctx *ctx, void *self, void *payload)                     \
    {                                                                                              \
        FN(ctx, (STATE *)self, *(const int *)payload);                                             \
        return 0;                                                                                  \
    }
#define KOKEN_CALL_SAVE_(NAME, STATE, WHAT, FN)                                                    \
    static int koken_save_##NAME##_(koken_ctx *ctx, void *self, void *payload)                     \
    {                                                                                              \
        struct koken_heirloom *left = (struct koken_heirloom *)payload;                            \
        left->type = &koken_type_##WHAT;                                                           \
        return FN(ctx, (STATE *)self, left->reason, (struct WHAT *)left->payload);                 \
    }
#define KOKEN_CALL_LOAD_(NAME, STATE, WHAT, FN)                                                    \
    static int koken_load_##NAME##_(koken_ctx *ctx, void *self, void *payload)                     \
    {                                                                                              \
        const struct koken_heirloom *left = (const struct koken_heirloom *)payload;                \
        return left->type != &koken_type_##WHAT                                                    \
                   ? 0 /* another kind of agent has left it: nothing to load */                    \
                   : FN(ctx, (STATE *)self, (const struct WHAT *)left->payload);                   \
    }
#define KOKEN_CALL_BODY_(NAME, STATE, WHAT, FN)                                                    \
    static int koken_body_##NAME##_(koken_ctx *ctx, void *self, void *payload)                     \
    {                                                                                              \
        return FN(ctx, (STATE *)self, (const void *)payload);                                      \
    }
#define KOKEN_LINE_(NAME, STATE, KIND, WHAT, FN) KOKEN_LINE_##KIND##_(NAME, STATE, WHAT, FN)
#define KOKEN_LINE_MESSAGE_(NAME, STATE, MESSAGE, FN)                                              \
    {&koken_type_##MESSAGE, koken_call_##NAME##_##MESSAGE##_, KOKEN_ROW_MESSAGE},
#define KOKEN_LINE_ANY_(NAME, STATE, WHAT, FN) {NULL, koken_any_##NAME##_, KOKEN_ROW_ANY},
#define KOKEN_LINE_INIT_(NAME, STATE, WHAT, FN) {NULL, koken_init_##NAME##_, KOKEN_ROW_INIT},
#define KOKEN_LINE_EXIT_(NAME, STATE, WHAT, FN) {NULL, koken_exit_##NAME##_, KOKEN_ROW_EXIT},
#define KOKEN_LINE_SAVE_(NAME, STATE, WHAT, FN) {NULL, koken_save_##NAME##_, KOKEN_ROW_SAVE},
#define KOKEN_LINE_LOAD_(NAME, STATE, WHAT, FN) {NULL, koken_load_##NAME##_, KOKEN_ROW_LOAD},
#define KOKEN_LINE_BODY_(NAME, STATE, WHAT, FN) {NULL, koken_body_##NAME##_, KOKEN_ROW_BODY},

/* How an agent is made. Zero means the default. */
struct koken_spawn_options {
    const void *arg;   /* what the agent starts with; see koken_spawn */
    uint32_t arg_size; /* bytes of it that the runtime copies */
    uint32_t capacity; /* messages; default of the runtime */
    uint32_t high;     /* water marks; default 80 % and 20 % of the capacity */
    uint32_t low;
    uint64_t
        capacity_bytes; /* payload bytes waiting, with a low mark of 20 % (SIGNAL: 80 %; DROP: none);
                           0: no bound besides the messages. Not with PARK */
    enum koken_policy policy;
    enum koken_priority priority;
};

/*
 * KOKEN_ARG(value) is what an agent starts with, .arg and .arg_size of it: koken_spawn(rt, teller, KOKEN_ARG(plan)).
 * value is a variable or a compound literal of at most 384 bytes, without a raw pointer or a handle in it, however deep; else it does
 * not compile. (Of a union the first member is seen. C only.) An iso or val is given by koken_spawn_given.
 * KOKEN_ARG_TRUSTED(value) is the same without the check, for what is made to be shared by agents (a channel); koken
 * lint reports it (R4) unless a comment beside it says `trusted: reason`, and pointers in a plain `.arg`.
 */
#define KOKEN_ARG(...)                                                                             \
    .arg = (KOKEN_PLAIN_((__VA_ARGS__)), (const void *)&(__VA_ARGS__)),                            \
    .arg_size = (uint32_t)sizeof(__VA_ARGS__)
#define KOKEN_ARG_TRUSTED(...)                                                                     \
    .arg = (const void *)&(__VA_ARGS__), .arg_size = (uint32_t)sizeof(__VA_ARGS__)

/*
 * koken_spawn(where, agent, .option = value, ...) makes an agent and answers its name, or nobody.
 * where is a runtime or a context. What becomes of .arg:
 *   an agent with KOKEN_INIT gets it handed to init, which runs before the first message. Spawned
 * by an agent, init runs inside the spawn, whose error is init's. From outside it runs on a worker:
 * with .arg_size the bytes (up to 208) are copied and the spawn does not wait, so an init that fails
 * shows only in options.log and as -ESRCH of what is sent; with .arg alone, or without .arg, it waits
 * for init and answers its error.
 *   an agent without init starts with its state set to a copy of *arg (the state's size, which .arg_size must be if it
 * is given); without .arg it starts all zero.
 *   a fiber agent's body is handed arg: a copy of .arg_size bytes that lasts as long as the agent,
 * or without .arg_size the pointer itself, which then must.
 * Errors (by koken_try_spawn): -EINVAL an impossible option; -ENOMEM, -ESHUTDOWN, and what init
 * returned. Cost: no allocation for states up to 64 bytes once the slots are warm.
 */
#define koken_spawn(where, ...)                                                                    \
    KOKEN_WHERE_(where, koken_spawn_rt_, koken_spawn_ctx_)                                         \
    ((where), &KOKEN_CAT_(koken_agent_, KOKEN_FIRST_(__VA_ARGS__)),                                \
     KOKEN_OPTIONS_(struct koken_spawn_options, __VA_ARGS__))

/* koken_try_spawn(where, &ref, agent, ...) is koken_spawn that answers 0 or the error. */
#define koken_try_spawn(where, ret_ref, ...)                                                       \
    KOKEN_WHERE_(where, koken_try_spawn_rt_, koken_try_spawn_ctx_)                                 \
    ((where), &KOKEN_CAT_(koken_agent_, KOKEN_FIRST_(__VA_ARGS__)),                                \
     KOKEN_OPTIONS_(struct koken_spawn_options, __VA_ARGS__), (ret_ref))

#define KOKEN_WHERE_(where, for_rt, for_ctx)                                                       \
    _Generic((where), struct koken * : for_rt, koken_ctx * : for_ctx)

koken_ref koken_spawn_rt_(struct koken *rt, const struct koken_agent_type *type,
                          const struct koken_spawn_options *options);
koken_ref koken_spawn_ctx_(koken_ctx *ctx, const struct koken_agent_type *type,
                           const struct koken_spawn_options *options);
KOKEN_MUST_USE int koken_try_spawn_rt_(struct koken *rt, const struct koken_agent_type *type,
                                       const struct koken_spawn_options *options,
                                       koken_ref *ret_ref);
KOKEN_MUST_USE int koken_try_spawn_ctx_(koken_ctx *ctx, const struct koken_agent_type *type,
                                        const struct koken_spawn_options *options,
                                        koken_ref *ret_ref);

/* koken_self names the running agent. */
koken_ref koken_self(const koken_ctx *ctx);

/* koken_sender names who sent the present message; nobody when it came from outside. */
koken_ref koken_sender(const koken_ctx *ctx);

/* koken_runtime is the runtime that ctx belongs to. */
struct koken *koken_runtime(const koken_ctx *ctx);

/* koken_message_type describes the present message; NULL outside a handler. */
const struct koken_type *koken_message_type(const koken_ctx *ctx);

/* koken_sent_at is when the present message was sent, koken_now() time; 0 unless stamp_messages is
 * on. */
uint64_t koken_sent_at(const koken_ctx *ctx);

/*
 * koken_become(ctx, behaviour) lets another table handle what comes next; the state stays.
 * Errors: -EINVAL the behaviour is for another state, or for a fiber.
 */
#define koken_become(ctx, NAME) koken_become_((ctx), &koken_agent_##NAME)
KOKEN_MUST_USE int koken_become_(koken_ctx *ctx, const struct koken_agent_type *behaviour);

/*
 * koken_stash puts the present message aside; koken_unstash brings all that was put aside back, in
 * the order of its coming, before whatever waits in the mailbox. koken_unstash_one brings back the oldest, and
 * answers whether there was one: for a behaviour that can take one and will put off the rest again, which with
 * koken_unstash costs a look at each of them every time. A stashed message still counts
 * against the mailbox's bound; under DROP_OLD as many may be stashed as the capacity is, besides those
 * that wait, and then the oldest stashed one is dropped. Errors: -EINVAL no present message, or it is stashed already.
 */
KOKEN_MUST_USE int koken_stash(koken_ctx *ctx);
void koken_unstash(koken_ctx *ctx);
bool koken_unstash_one(koken_ctx *ctx);

/*
 * koken_fail fails the running agent with reason, from however deep inside its handler: whatever the handler then
 * returns, it is taken for reason. Returns reason, so that `return koken_fail(ctx, rc)` reads well. A fiber agent's waits
 * answer -ECANCELED from then on, and its body should return. The first failure counts; in an exit hook, or with
 * a reason that is not negative, nothing happens. Thread: the running agent.
 */
int koken_fail(koken_ctx *ctx, int reason);

/* koken_exit asks an agent to end; its waiting messages become dead letters. Errors: -ESRCH;
 * -ENOMEM it was not asked. Thread: any. */
KOKEN_MUST_USE int koken_exit(koken_ref who);

/* koken_alive tells whether who had not ended at some moment during the call. Thread: any. */
bool koken_alive(koken_ref who);

/* koken_queued is the number of messages that wait for who now, 0 if it has ended. Thread: any. */
uint32_t koken_queued(koken_ref who);

/* What the runtime has learnt of an agent by sampling its turns. */
struct koken_profile {
    uint64_t messages;    /* handled so far */
    uint64_t run_ns_ema;  /* time per message, moving average with weight 1/10, rounded down */
    double arrival_rate;  /* messages per second since its birth */
    double cpu_intensity; /* share of its life spent running, 0..1 */
    enum koken_priority priority; /* as the scheduler uses it now */
};

/* koken_profile reads the profile of an agent. Errors: -ESRCH, -EINVAL. Thread: any. */
KOKEN_MUST_USE int koken_profile(koken_ref who, struct koken_profile *ret_profile);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
