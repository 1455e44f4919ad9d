/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Simulator builds include this file before every source (-include): the system's mutexes are then taken
 * through the world, because the simulated threads are one thread of the system, and that must not wait
 * for itself. In the real world they are the system's still.
 */
#ifndef KN_BASE_MUTEX_SIM_H
#define KN_BASE_MUTEX_SIM_H

#if defined(KN_SIM) && !defined(__ASSEMBLER__)

#include <pthread.h>

int kn_sim_mutex_lock(pthread_mutex_t *mutex);
int kn_sim_mutex_unlock(pthread_mutex_t *mutex);

/* Functions, not macros with arguments: the real ones are called in base/world_sim.c alone. */
static inline int kn_sim_mutex_lock_real(pthread_mutex_t *mutex)
{
    return pthread_mutex_lock(mutex);
}

static inline int kn_sim_mutex_unlock_real(pthread_mutex_t *mutex)
{
    return pthread_mutex_unlock(mutex);
}

#define pthread_mutex_lock kn_sim_mutex_lock
#define pthread_mutex_unlock kn_sim_mutex_unlock

#endif

#endif
