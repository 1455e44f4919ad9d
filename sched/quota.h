/* SPDX-License-Identifier: Apache-2.0 */
/* The CPU quota of the control group this process is in, v2 or v1. */
#ifndef KN_SCHED_QUOTA_H
#define KN_SCHED_QUOTA_H

/*
 * Whole CPUs allowed: quota / period rounded down, at least 1, the least of the group and all its
 * parents; 0: no quota, or no cgroups. root is "" but in tests, where it is a directory that holds
 * proc/ and sys/.
 */
unsigned kn_cgroup_quota(const char *root);

#endif
