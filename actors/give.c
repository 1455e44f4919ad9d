/* SPDX-License-Identifier: Apache-2.0 */
/* Payloads on their way: a message that is one handle, of the type that the payload's own type names. */
#include <koken/give.h>

#include "caps/payload.h"

#include <string.h>

static void give_back(const void *payload, bool is_val)
{
    if (is_val) {
        koken_val_drop_(payload);
    } else {
        koken_iso_drop_((void *)(uintptr_t)payload);
    }
}

static int give(koken_ref to, const void *payload, bool is_val)
{
    struct kn_handle handle;
    const struct koken_type *type = kn_payload_message(payload, is_val, &handle);
    int rc = koken_signal_(to, type, &handle);

    return rc < 0 ? rc : 0;
}

int koken_give_iso_(koken_ref to, void *payload)
{
    return give(to, payload, /* is_val= */ false);
}

int koken_give_val_(koken_ref to, const void *payload)
{
    return give(to, payload, /* is_val= */ true);
}

void koken_post_iso_(koken_ref to, void *payload)
{
    if (give(to, payload, /* is_val= */ false) < 0) {
        koken_iso_drop_(payload);
    }
}

void koken_post_val_(koken_ref to, const void *payload)
{
    if (give(to, payload, /* is_val= */ true) < 0) {
        koken_val_drop_(payload);
    }
}

int koken_share_(koken_ref to, const void *payload)
{
    int rc;

    (void)koken_val_keep_(payload);
    rc = give(to, payload, /* is_val= */ true);
    if (rc < 0) {
        koken_val_drop_(payload);
    }
    return rc;
}

int koken_reply_handle_(koken_ctx *ctx, const void *payload, int is_val)
{
    struct kn_handle handle;
    const struct koken_type *type = kn_payload_message(payload, is_val != 0, &handle);
    int rc = koken_reply_(ctx, type, &handle);

    if (rc < 0) {
        give_back(payload, is_val != 0);
    }
    return rc < 0 ? rc : 0;
}

int koken_answer_handle_(koken_claim claim, const void *payload, int is_val)
{
    struct kn_handle handle;
    const struct koken_type *type = kn_payload_message(payload, is_val != 0, &handle);
    int rc = koken_answer_(claim, type, &handle);

    if (rc < 0) {
        give_back(payload, is_val != 0);
    }
    return rc < 0 ? rc : 0;
}

/* ---- questions that are handles ---- */

int koken_await_given_rt_(struct koken *rt, struct koken_await_call call, const void *payload,
                          int is_val)
{
    struct kn_handle handle;
    bool is_sent = false;
    int rc;

    call.type = kn_payload_message(payload, is_val != 0, &handle);
    call.payload = &handle;
    call.ret_is_sent = &is_sent;
    rc = koken_await_handle_rt_(rt, &call);
    if (!is_sent) {
        give_back(payload, is_val != 0);
    }
    return rc;
}

int koken_await_given_ctx_(koken_ctx *ctx, struct koken_await_call call, const void *payload,
                           int is_val)
{
    struct kn_handle handle;
    bool is_sent = false;
    int rc;

    call.type = kn_payload_message(payload, is_val != 0, &handle);
    call.payload = &handle;
    call.ret_is_sent = &is_sent;
    rc = koken_await_handle_ctx_(ctx, &call);
    if (!is_sent) {
        give_back(payload, is_val != 0);
    }
    return rc;
}

int koken_request_given_(koken_ctx *ctx, koken_ref to, uint64_t timeout_ns, const void *payload,
                         int is_val)
{
    struct kn_handle handle;
    const struct koken_type *type = kn_payload_message(payload, is_val != 0, &handle);
    int rc = koken_request_(ctx, to, timeout_ns, type, &handle);

    if (rc < 0) {
        give_back(payload, is_val != 0);
    }
    return rc;
}

/* ---- payloads that an agent starts with ---- */

/* What an agent's init finds behind arg. */
struct given {
    const void *payload; /* NULL: taken */
    bool is_val;
};

/* After the spawn: what init did not take is given back. */
static void give_back_rest(const struct given *given)
{
    if (given->payload != NULL) {
        give_back(given->payload, given->is_val);
    }
}

int koken_spawn_given_rt_(struct koken *rt, const struct koken_agent_type *type, koken_ref *ret_ref,
                          const void *payload, int is_val)
{
    struct given given = {payload, is_val != 0};
    const struct koken_spawn_options options = {.arg = &given};
    int rc = koken_try_spawn_rt_(rt, type, &options, ret_ref);

    give_back_rest(&given);
    return rc;
}

int koken_spawn_given_ctx_(koken_ctx *ctx, const struct koken_agent_type *type, koken_ref *ret_ref,
                           const void *payload, int is_val)
{
    struct given given = {payload, is_val != 0};
    const struct koken_spawn_options options = {.arg = &given};
    int rc = koken_try_spawn_ctx_(ctx, type, &options, ret_ref);

    give_back_rest(&given);
    return rc;
}

/* The spawner lies in its spawn while init runs, so its variable is init's to change. */
static const void *take_given(const void *arg, const struct koken_type *type, bool is_val)
{
    struct given *given = (struct given *)(uintptr_t)arg;
    const void *payload;

    if (given == NULL || given->payload == NULL || given->is_val != is_val ||
        kn_payload_of(given->payload)->type != type) {
        return NULL;
    }
    payload = given->payload;
    given->payload = NULL;
    return payload;
}

void *koken_given_take_iso_(const void *arg, const struct koken_type *type)
{
    return (void *)(uintptr_t)take_given(arg, type, /* is_val= */ false);
}

const void *koken_given_take_val_(const void *arg, const struct koken_type *type)
{
    return take_given(arg, type, /* is_val= */ true);
}
