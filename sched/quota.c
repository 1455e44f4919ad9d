/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads /proc/self/cgroup for the group, then cpu.max (v2) or cpu.cfs_quota_us (v1) from the group
 * up to the root of the hierarchy: each level limits those below. A path that leads out of the
 * mounted hierarchy (in a container without a cgroup namespace) is not found; its parents, down to
 * the root, are still looked at.
 */
#include "sched/quota.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { PATH_LEN = 1024 };

/* The lower of two limits, where 0 is none. */
static unsigned lower(unsigned a, unsigned b)
{
    if (a == 0 || b == 0) {
        return a + b;
    }
    return a < b ? a : b;
}

static unsigned whole_cpus(long long quota_us, long long period_us)
{
    long long cpus;

    if (quota_us <= 0 || period_us <= 0) {
        return 0;
    }
    cpus = quota_us / period_us;
    return cpus < 1 ? 1 : cpus > 65535 ? 65535 : (unsigned)cpus;
}

static bool read_line(const char *path, char *line, int size)
{
    FILE *file = fopen(path, "re");
    bool is_read;

    if (file == NULL) {
        return false;
    }
    is_read = fgets(line, size, file) != NULL;
    (void)fclose(file);
    return is_read;
}

static unsigned quota_v2(const char *directory)
{
    char path[PATH_LEN + 16], line[64];
    long long quota_us, period_us;

    (void)snprintf(path, sizeof(path), "%s/cpu.max", directory);
    if (!read_line(path, line, sizeof(line)) ||
        sscanf(line, "%lld %lld", &quota_us, &period_us) != 2) { /* "max 100000": none */
        return 0;
    }
    return whole_cpus(quota_us, period_us);
}

static unsigned quota_v1(const char *directory)
{
    char path[PATH_LEN + 32], line[64];
    long long quota_us, period_us;

    (void)snprintf(path, sizeof(path), "%s/cpu.cfs_quota_us", directory);
    if (!read_line(path, line, sizeof(line)) || sscanf(line, "%lld", &quota_us) != 1) {
        return 0;
    }
    (void)snprintf(path, sizeof(path), "%s/cpu.cfs_period_us", directory);
    if (!read_line(path, line, sizeof(line)) || sscanf(line, "%lld", &period_us) != 1) {
        return 0;
    }
    return whole_cpus(quota_us, period_us);
}

/* The least over mount + group, its parent, ..., mount. */
static unsigned least_up(const char *root, const char *mount, const char *group,
                         unsigned (*read_quota)(const char *directory))
{
    char directory[PATH_LEN];
    size_t mount_len;
    unsigned least = 0;

    int len = snprintf(directory, sizeof(directory), "%s%s", root, mount);
    if (len < 0 || (size_t)len >= sizeof(directory)) {
        return 0;
    }
    mount_len = (size_t)len;
    len = snprintf(directory + mount_len, sizeof(directory) - mount_len, "%s", group);
    if (len < 0 || (size_t)len >= sizeof(directory) - mount_len) {
        directory[mount_len] = '\0';
    }
    for (;;) { /* ends: each round cuts a component off */
        char *slash;

        least = lower(least, read_quota(directory));
        slash = strrchr(directory + mount_len, '/');
        if (slash == NULL) {
            return least;
        }
        *slash = '\0';
    }
}

/* Whether the comma-separated list of controllers names cpu. */
static bool has_cpu(const char *controllers)
{
    for (const char *at = controllers; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, "cpu", 3) == 0 && (at[3] == ',' || at[3] == '\0')) {
            return true;
        }
    }
    return false;
}

unsigned kn_cgroup_quota(const char *root)
{
    char path[PATH_LEN], line[PATH_LEN];
    unsigned least = 0;
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/proc/self/cgroup", root);
    file = fopen(path, "re");
    if (file == NULL) {
        return 0;
    }
    while (fgets(line, sizeof(line), file) != NULL) { /* id:controllers:group */
        char *controllers = strchr(line, ':');
        char *group = controllers != NULL ? strchr(controllers + 1, ':') : NULL;

        if (group == NULL) {
            continue;
        }
        *group++ = '\0';
        controllers++;
        group[strcspn(group, "\n")] = '\0';
        if (*controllers == '\0') {
            least = lower(least, least_up(root, "/sys/fs/cgroup", group, quota_v2));
        } else if (has_cpu(controllers)) {
            least = lower(least, least_up(root, "/sys/fs/cgroup/cpu", group, quota_v1));
        }
    }
    (void)fclose(file);
    return least;
}
