/* SPDX-License-Identifier: Apache-2.0 */
/* What of liburcu's quiescent-state flavour actors/kn_rcu.c calls; made by test/model/reclaim.c. */
#ifndef KN_TEST_MODEL_URCU_QSBR_H
#define KN_TEST_MODEL_URCU_QSBR_H

void urcu_qsbr_register_thread(void);
void urcu_qsbr_unregister_thread(void);
void urcu_qsbr_thread_online(void);
void urcu_qsbr_thread_offline(void);
void urcu_qsbr_quiescent_state(void);
void urcu_qsbr_synchronize_rcu(void);

#endif
