/* SPDX-License-Identifier: Apache-2.0 */
/* How a run tells its executor that it is over: by a message made beforehand, so that it cannot fail. */
#ifndef KN_TEG_EXECUTOR_H
#define KN_TEG_EXECUTOR_H

#include "executors/teg/run.h"

struct kn_envelope;
struct kn_local;

/* The defaults, but for the number of lanes, which is 0: that of the runtime's workers. */
void kn_teg_config_plain(struct koken_teg_config *ret_config);

/* NULL: no memory. */
struct kn_envelope *kn_teg_notice_new(struct koken_teg_run *run, struct kn_local *local);

/* Sends run->notice; an executor that has ended does not get it. worker: the caller's; NULL: the runtime has ended. */
void kn_teg_notice_send(struct koken_teg_run *run, struct kn_worker *worker);

#endif
