/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parts of a heap as bytes: symbols, then cells and resources, each after its parts, then whatever values the
 * caller puts. Parcels and snapshots are made of this. Ends of channels are named by the order in which their channels
 * were reached; which ends there are comes before the heap, and what lies in them after all.
 */
#ifndef KN_EXECUTORS_MACHINE_IMAGE_H
#define KN_EXECUTORS_MACHINE_IMAGE_H

#include "executors/machine/machine.h"
#include "executors/machine/wire.h"

/*
 * What of a machine is written. A node is a cell, or a resource that lives: nodes of resources come after those
 * of cells. Begin, name the roots (kn_image_reach, kn_image_symbol), then put: heap first, then values.
 */
struct kn_image {
    const struct koken_machine *m;
    uint32_t *numbers; /* of a node or a symbol in the image, + 1; 0: not reached */
    uint32_t *order;   /* the nodes that were reached, parts first */
    uint32_t *symbols; /* the symbols that were reached */
    struct kn_visit {
        uint32_t node, next;
    } * stack;
    uint32_t *channels; /* of a channel its number in the image, + 1; 0: not reached */
    uint32_t *ends;     /* that were reached: 2 * the channel's number in the machine + side */
    uint32_t *order_of_channels,
        *are_reached; /* their numbers in the machine; by these: a bit for each end */
    uint32_t node_count, cell_count, resource_count, symbol_count, channel_count, end_count;
    bool moves; /* resources leave: their next hop is written, and no generation */
};

KOKEN_MUST_USE int kn_image_begin(struct kn_image *image, const struct koken_machine *m,
                                  bool moves);
void kn_image_end(struct kn_image *image);

void kn_image_reach(struct kn_image *image, struct koken_value value);
void kn_image_symbol(struct kn_image *image, uint32_t symbol);

/*
 * Channels (image_channel.c): what the ends that were reached lead to, which is their protocols and what was sent to
 * them; whether of each channel both ends were, but for closed ones; what is put before the heap, and after all values.
 */
void kn_image_reach_channels(struct kn_image *image);
bool kn_image_has_whole_channels(const struct kn_image *image);
void kn_image_put_ends(const struct kn_image *image, struct kn_writer *writer);
void kn_image_put_channels(const struct kn_image *image, struct kn_writer *writer);

/* Puts what was reached; then a value or a symbol of it. */
void kn_image_put_heap(struct kn_image *image, struct kn_writer *writer);
void kn_image_put_value(const struct kn_image *image, struct kn_writer *writer,
                        struct koken_value value);
void kn_image_put_symbol(const struct kn_image *image, struct kn_writer *writer, uint32_t symbol);

/* The index of the i-th resource that was reached, in the order of `order`; UINT32_MAX: node i is a cell. */
uint32_t kn_image_resource(const struct kn_image *image, uint32_t i);

/* Where what was read lies in the machine. */
struct kn_arrival {
    struct koken_machine *m;
    uint32_t *symbols; /* of the image, there */
    uint32_t symbol_count, cell_base, resource_base, symbol_base;
    uint32_t arrivals_base, channel_base, message_base, steps_base;
    bool moves;
};

/*
 * Reads a heap to the end of the machine's own; kn_arrival_end frees what the reading needed, and if is_kept is
 * false takes back what was read. Errors: -EINVAL not sound (or the reader is bad); -EPERM a resource is here or
 * was consumed already; -ENOMEM, also: a limit.
 */
KOKEN_MUST_USE int kn_arrival_begin(struct kn_arrival *arrival, struct koken_machine *m, bool moves,
                                    bool has_channels, struct kn_reader *reader);

/* Which ends there are, if it has channels: the begin does it. What lies in them: after all values have been read. */
KOKEN_MUST_USE int kn_arrival_ends(struct kn_arrival *arrival, struct kn_reader *reader);
KOKEN_MUST_USE int kn_arrival_channels(const struct kn_arrival *arrival, struct kn_reader *reader);
void kn_arrival_end(struct kn_arrival *arrival, bool is_kept);
struct koken_value kn_arrival_value(const struct kn_arrival *arrival, struct kn_reader *reader);
uint32_t kn_arrival_symbol(const struct kn_arrival *arrival, struct kn_reader *reader);

#endif
