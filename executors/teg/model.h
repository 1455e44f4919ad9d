/* SPDX-License-Identifier: Apache-2.0 */
/* The model, as runs use it. */
#ifndef KN_TEG_MODEL_H
#define KN_TEG_MODEL_H

#include "executors/teg/run.h"

#include <koken/teg_learn.h>

/* Orders a run by predictions, if there are any; without memory it keeps the static order. */
void kn_teg_model_order(struct koken_teg_model *model, struct koken_teg_run *run);

/* Learns from a run that is over, node after node. */
void kn_teg_model_learn_run(struct koken_teg_model *model, const struct koken_teg_run *run);

#endif
