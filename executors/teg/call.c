/* SPDX-License-Identifier: Apache-2.0 */
/* What an effect may ask, and how it answers. */
#include "executors/teg/run.h"

#include "actors/agent.h"
#include "base/alloc.h"

#include <errno.h>
#include <string.h>

void kn_teg_call_fini(struct koken_teg_call *call)
{
    if (call->bytes && !call->is_shared) {
        size_t each = call->is_items ? sizeof(struct koken_teg_value) : 1;
        kn_free(call->bytes, call->size * each + 1, 16);
    }
    call->bytes = NULL;
    call->size = 0;
}

/* The result of a node that has completed. */
static struct koken_teg_value value_of(const struct kn_teg_slot *slot)
{
    struct koken_teg_value value = {.number = slot->number};
    KN_ASSERT(slot->bytes || slot->size == 0);
    if (slot->is_items) {
        value.items = slot->bytes;
        value.item_count = slot->size;
    } else {
        value.bytes = slot->bytes;
        value.size = slot->size;
    }
    return value;
}

struct koken_teg_value koken_teg_input(const struct koken_teg_call *call, uint32_t i)
{
    const struct koken_teg_run *run = call->run;
    const struct kn_teg_node *node = &run->teg->nodes[call->node];
    struct koken_teg_value missing = {.is_missing = true};
    if (i >= node->input_count) {
        return missing;
    }
    const struct kn_teg_in *in = &run->teg->ins[node->in + i];
    const struct kn_teg_out *out = &run->teg->outs[in->out];
    KN_ASSERT(in->from < run->teg->count && out->to == call->node);
    const struct kn_teg_slot *slot = &run->slots[in->from];
    /* Relaxed: it had ended before this node was ready, [TG2]. */
    enum koken_teg_state state = kn_teg_state_of(kn_load(&slot->state, relaxed));
    if (out->kind == KN_TEG_CONTROL && !kn_teg_is_open(out, state, slot->number)) {
        return missing;
    }
    if (state == KOKEN_TEG_COMPLETED) {
        return value_of(slot);
    }
    KN_ASSERT(kn_teg_has_ended(state) || out->kind == KN_TEG_ENTRANT);
    missing.number = slot->error; /* for who handles it */
    return missing;
}

uint32_t koken_teg_input_count(const struct koken_teg_call *call)
{
    return call->run->teg->nodes[call->node].input_count;
}

const void *koken_teg_arg(const struct koken_teg_call *call)
{
    return call->run->teg->nodes[call->node].arg;
}

size_t koken_teg_arg_size(const struct koken_teg_call *call)
{
    return call->run->teg->cold[call->node].arg_size;
}

uint32_t koken_teg_attempt(const struct koken_teg_call *call)
{
    return kn_teg_attempt_of(call->word);
}

bool koken_teg_is_undo(const struct koken_teg_call *call)
{
    return call->is_undo;
}

void koken_teg_answer(struct koken_teg_call *call, int64_t number)
{
    call->number = number;
}

int koken_teg_answer_bytes(struct koken_teg_call *call, const void *bytes, size_t size)
{
    if (size >= UINT32_MAX) {
        return -E2BIG;
    }
    unsigned char *copy = kn_alloc(size + 1, 16, -1);
    if (!copy) {
        return -ENOMEM;
    }
    kn_teg_call_fini(call);
    KN_ASSERT(!call->bytes && call->size == 0);
    if (size) {
        memcpy(copy, bytes, size);
    }
    copy[size] = 0;
    call->bytes = copy;
    call->size = size;
    return 0;
}

bool koken_teg_cancelled(const struct koken_teg_call *call)
{
    /* Relaxed: whoever ends the node decides by this word; nothing else is concluded from it. */
    return kn_load(&call->run->slots[call->node].state, relaxed) != call->word;
}

struct koken_teg_value koken_teg_value(const struct koken_teg_run *run, koken_teg_node node)
{
    struct koken_teg_value value = {.is_missing = true};
    if (!kn_teg_is_node(run->teg, node) || !koken_teg_is_over(run)) {
        return value;
    }
    enum koken_teg_state state = koken_teg_state(run, node);
    if (state == KOKEN_TEG_COMPLETED || state == KOKEN_TEG_FAILED) {
        value = value_of(&run->slots[node.number - 1]);
        value.is_missing = state == KOKEN_TEG_FAILED;
    }
    return value;
}
