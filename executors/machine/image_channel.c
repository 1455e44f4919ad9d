/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Channels in images: before the heap which ends there are, so that values can name them; after it where each end is
 * in its protocol, and what was sent to it and not received. What is read is believed when it fits together.
 */
#include "executors/machine/image.h"

#include <errno.h>

/* ---- out ---- */

void kn_image_reach_channels(struct kn_image *image)
{
    const struct koken_machine *m = image->m;
    for (uint32_t i = 0; i < image->end_count; i++) { /* ends: each end once, more may come */
        const struct kn_duplex *channel = &m->channels[image->ends[i] / 2];
        const struct kn_queue *queue = &channel->queues[image->ends[i] & 1];
        uint32_t at = queue->first;
        kn_image_reach(image, channel->protocol[image->ends[i] & 1]);
        for (uint32_t k = 0; k < queue->count; k++) {
            kn_image_reach(image, m->messages[at].value);
            at = m->messages[at].next;
        }
    }
}

bool kn_image_has_whole_channels(const struct kn_image *image)
{
    for (uint32_t i = 0; i < image->channel_count; i++) {
        uint32_t number = image->order_of_channels[i];
        const struct kn_duplex *channel = &image->m->channels[number];
        for (unsigned side = 0; side < 2; side++) {
            if (!channel->is_closed[side] && !(image->are_reached[number] >> side & 1)) {
                return false;
            }
        }
    }
    return true;
}

/* Of each channel the generation of both ends, 0 of one that is closed or lost. One that moves gets another: 1. */
void kn_image_put_ends(const struct kn_image *image, struct kn_writer *writer)
{
    const struct koken_machine *m = image->m;
    if (!image->moves) {
        kn_put_number(writer, m->steps_of_channels);
    }
    kn_put_number(writer, image->channel_count);
    for (uint32_t i = 0; i < image->channel_count; i++) {
        uint32_t number = image->order_of_channels[i];
        for (unsigned side = 0; side < 2; side++) {
            bool is_there = image->are_reached[number] >> side & 1;
            kn_put_number(writer, !is_there      ? 0
                                  : image->moves ? 1
                                                 : m->channels[number].generation[side]);
        }
    }
}

void kn_image_put_channels(const struct kn_image *image, struct kn_writer *writer)
{
    const struct koken_machine *m = image->m;
    KN_ASSERT(image->channel_count <= m->channel_count);
    for (uint32_t i = 0; i < 2 * image->channel_count; i++) {
        uint32_t number = image->order_of_channels[i / 2];
        const struct kn_queue *queue = &m->channels[number].queues[i & 1];
        uint32_t at = queue->first;
        if (!(image->are_reached[number] >> (i & 1) & 1)) {
            continue;
        }
        kn_image_put_value(image, writer, m->channels[number].protocol[i & 1]);
        kn_put_number(writer, queue->count);
        for (uint32_t k = 0; k < queue->count; k++) {
            kn_image_put_value(image, writer, m->messages[at].value);
            at = m->messages[at].next;
        }
    }
}

/* ---- in ---- */

int kn_arrival_ends(struct kn_arrival *arrival, struct kn_reader *reader)
{
    struct koken_machine *m = arrival->m;
    KN_ASSERT(m->channel_count == arrival->channel_base);
    if (!arrival->moves) {
        m->steps_of_channels = kn_get(reader);
        reader->is_bad |= m->steps_of_channels == 0;
    }
    uint32_t count = kn_get_count(reader, KN_CHANNELS_MAX, 2);
    if (m->channel_count + count > KN_CHANNELS_MAX ||
        !kn_grow(&m->channels, &m->channel_room, m->channel_count + count, sizeof *m->channels)) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct kn_duplex channel = {0};
        for (unsigned side = 0; side < 2; side++) {
            uint32_t generation = arrival->moves ? kn_get_below(reader, 2) : kn_get(reader);
            reader->is_bad |= !arrival->moves && generation > m->steps_of_channels;
            channel.is_closed[side] = generation == 0;
            channel.generation[side] =
                generation && arrival->moves ? ++m->steps_of_channels : generation;
            channel.protocol[side] =
                (struct koken_value){.tag = KOKEN_VALUE_TYPE, .aux = KN_TYPE_FINISH};
        }
        reader->is_bad |= channel.is_closed[0] && channel.is_closed[1];
        m->channels[m->channel_count++] = channel;
    }
    return 0;
}

/* Each end has another generation. */
static bool are_ends_different(const struct koken_machine *m)
{
    for (uint32_t i = 0; i < 2 * m->channel_count; i++) {
        uint32_t mine = m->channels[i / 2].generation[i & 1];
        for (uint32_t k = 0; mine && k < i; k++) {
            if (m->channels[k / 2].generation[k & 1] == mine) {
                return false;
            }
        }
    }
    return true;
}

/* What channels say fits together. The cells that this takes are given back. */
static int check_channels(struct koken_machine *m, uint32_t first)
{
    uint32_t cells = m->cell_count;
    int rc = 0;
    for (uint32_t i = first; rc == 0 && i < m->channel_count; i++) {
        rc = kn_duplex_check(m, i);
        m->cell_count = cells;
    }
    return rc;
}

int kn_arrival_channels(const struct kn_arrival *arrival, struct kn_reader *reader)
{
    struct koken_machine *m = arrival->m;
    KN_ASSERT(m->message_count >= arrival->message_base);
    int rc = 0;
    for (uint32_t i = 2 * arrival->channel_base; rc == 0 && i < 2 * m->channel_count; i++) {
        struct kn_duplex *channel = &m->channels[i / 2];
        if (channel->is_closed[i & 1]) {
            continue;
        }
        channel->protocol[i & 1] = kn_arrival_value(arrival, reader);
        uint32_t count = kn_get_count(reader, KN_MESSAGES_MAX, 2);
        reader->is_bad |= channel->protocol[i & 1].tag != KOKEN_VALUE_TYPE;
        for (uint32_t k = 0; rc == 0 && k < count; k++) {
            struct koken_value value = kn_arrival_value(arrival, reader);
            reader->is_bad |= value.tag == KOKEN_VALUE_NONE;
            rc = kn_queue_put(m, &channel->queues[i & 1], value) < 0 ? -ENOMEM : 0;
        }
    }
    if (rc == 0 && (reader->is_bad || (!arrival->moves && !are_ends_different(m)))) {
        rc = -EINVAL;
    }
    return rc < 0 ? rc : check_channels(m, arrival->channel_base);
}
