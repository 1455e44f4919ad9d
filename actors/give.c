/* SPDX-License-Identifier: Apache-2.0 */
/* Payloads on their way: a message that is one handle, of the type that the payload's own type
 * names. */
#include <koken/give.h>

#include "caps/payload.h"

#include <string.h>

/* The size of a handle of any build: a debug one has a generation beside the pointer. */
struct handle {
    const void *payload;
    uint32_t generation;
};

static int give(koken_ref to, const void *payload, bool is_val)
{
    const struct kn_payload *header = kn_payload_of(payload);
    const struct koken_field *extra = &header->type->fields[header->type->field_count];
    struct handle handle;
    int rc;

    memset(&handle, 0, sizeof handle);
    handle.payload = payload;
    handle.generation = header->generation;
    rc = koken_signal_(to, extra[is_val ? 1 : 0].type, &handle);
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
