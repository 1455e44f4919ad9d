/* SPDX-License-Identifier: Apache-2.0 */
/* The way through a channel for everybody and everything; channel.c has the usual way of workers. */
#ifndef KN_ORCHESTRATION_CHANNEL_WAIT_H
#define KN_ORCHESTRATION_CHANNEL_WAIT_H

#include "orchestration/channel.h"

/* As koken_channel_send_ and koken_channel_recv_, which call them when they have done nothing. */
int kn_channel_send_slowly(struct koken_channel *channel, uint64_t timeout_ns,
                           const struct koken_type *type, const void *payload);
int kn_channel_recv_slowly(struct koken_channel *channel, uint64_t timeout_ns,
                           const struct koken_type *type, void *ret_item);

#endif
