/* SPDX-License-Identifier: Apache-2.0 */
/* Proves how the cgroup quota is read: v2 and v1, parents, rounding down, at least 1, none, broken.
 */
#include "sched/quota.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[64];

static void make_directories(char *path)
{
    for (char *slash = path + strlen(root) + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = '\0';
        (void)mkdir(path, 0700);
        *slash = '/';
    }
}

static void put(const char *name, const char *text)
{
    char path[256];
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/%s", root, name);
    make_directories(path);
    file = fopen(path, "we");
    cr_assert_not_null(file);
    cr_assert_geq(fputs(text, file), 0);
    cr_assert_eq(fclose(file), 0);
}

static void set_up(void)
{
    strcpy(root, "/tmp/koken-quota-XXXXXX");
    cr_assert_not_null(mkdtemp(root));
}

static void tear_down(void)
{
    char command[128];

    (void)snprintf(command, sizeof(command), "rm -rf '%s'", root);
    cr_assert_eq(system(command), 0);
}

Test(quota, none_without_cgroups, .init = set_up, .fini = tear_down)
{
    cr_assert_eq(kn_cgroup_quota(root), 0);
    put("proc/self/cgroup", "");
    cr_assert_eq(kn_cgroup_quota(root), 0);
    put("proc/self/cgroup", "0::/a\n");
    cr_assert_eq(kn_cgroup_quota(root), 0);
}

Test(quota, v2_is_rounded_down_but_at_least_one, .init = set_up, .fini = tear_down)
{
    put("proc/self/cgroup", "0::/a/b\n");
    put("sys/fs/cgroup/a/b/cpu.max", "350000 100000\n");
    cr_assert_eq(kn_cgroup_quota(root), 3);
    put("sys/fs/cgroup/a/b/cpu.max", "20000 100000\n");
    cr_assert_eq(kn_cgroup_quota(root), 1);
    put("sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
    cr_assert_eq(kn_cgroup_quota(root), 0);
}

Test(quota, the_least_of_all_parents_counts, .init = set_up, .fini = tear_down)
{
    put("proc/self/cgroup", "0::/a/b/c\n");
    put("sys/fs/cgroup/a/b/c/cpu.max", "800000 100000\n");
    put("sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
    put("sys/fs/cgroup/a/cpu.max", "200000 100000\n");
    cr_assert_eq(kn_cgroup_quota(root), 2);
    put("sys/fs/cgroup/cpu.max", "100000 100000\n");
    cr_assert_eq(kn_cgroup_quota(root), 1, "a container sees its own limit at the root");
}

Test(quota, v1_by_its_controller, .init = set_up, .fini = tear_down)
{
    put("proc/self/cgroup", "9:memory:/x\n4:cpuset:/y\n3:cpu,cpuacct:/d/e\n0::/\n");
    put("sys/fs/cgroup/cpu/d/e/cpu.cfs_quota_us", "-1\n");
    put("sys/fs/cgroup/cpu/d/e/cpu.cfs_period_us", "100000\n");
    cr_assert_eq(kn_cgroup_quota(root), 0);
    put("sys/fs/cgroup/cpu/d/cpu.cfs_quota_us", "450000\n");
    put("sys/fs/cgroup/cpu/d/cpu.cfs_period_us", "100000\n");
    cr_assert_eq(kn_cgroup_quota(root), 4);
}

Test(quota, nonsense_is_no_quota, .init = set_up, .fini = tear_down)
{
    put("proc/self/cgroup", "nonsense\n::\n0::no-slash\n1:cpu\n");
    put("sys/fs/cgroup/cpu.max", "many few\n");
    cr_assert_eq(kn_cgroup_quota(root), 0);
    put("sys/fs/cgroup/cpu.max", "100000 0\n");
    cr_assert_eq(kn_cgroup_quota(root), 0);
    put("sys/fs/cgroup/cpu.max", "99999999999999 1\n");
    cr_assert_eq(kn_cgroup_quota(root), 65535);
}
