/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON form of task effect graphs: any bytes give a graph that is sound, or a complaint with a text. */
#include "executors/teg/graph.h"

#include "base/assert.h"

#include <koken/teg_io.h>

#include <stdint.h>

static int count(void *arg, const char *text, size_t len)
{
    (void)text;
    *(size_t *)arg += len;
    return 0;
}

/* The invariants of a checked graph. */
static void examine(const struct koken_teg *teg)
{
    static koken_teg_node nodes[4096];
    uint32_t room = teg->count < 4096 ? teg->count : 4096;
    struct koken_teg_shape shape;
    size_t drawn = 0;
    KOKEN_CHECK(koken_teg_shape(teg, &shape) == 0);
    KOKEN_CHECK(shape.critical_path_cost <= shape.total_cost);
    KOKEN_CHECK(koken_teg_order(teg, nodes, room) == (int)room);
    KOKEN_CHECK(koken_teg_write_dot(teg, NULL, count, &drawn) == 0 && drawn > 0);
    for (uint32_t i = 0; i < teg->count; i++) {
        const struct kn_teg_node *node = &teg->nodes[i];
        KOKEN_CHECK(teg->order[node->rank] == i);
        for (uint32_t k = 0; k < node->in_count; k++) {
            const struct kn_teg_in *in = &teg->ins[node->in + k];
            KOKEN_CHECK(teg->outs[in->out].to == i);
            KOKEN_CHECK(teg->levels[in->from] >= teg->levels[i]);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct koken_teg_document document;
    struct koken_teg_problem problem;
    int rc = koken_teg_read((const char *)data, size, NULL, &document, &problem);
    if (rc < 0) {
        KOKEN_CHECK(problem.wrong != KOKEN_TEG_FINE && problem.text[0] != '\0');
        return 0;
    }
    examine(document.teg);
    koken_teg_free(document.teg);
    return 0;
}
