/* SPDX-License-Identifier: Apache-2.0 */
/* Proves base/list.h: order, removal from anywhere, splicing. */
#include "base/list.h"

#include <criterion/criterion.h>

struct item {
    int value;
    struct kn_list link;
};

static void expect(const struct kn_list *list, const int *values, size_t count)
{
    size_t i = 0;
    kn_list_each (link, list) {
        cr_assert(i < count);
        cr_assert_eq(kn_container_of(link, struct item, link)->value, values[i]);
        cr_assert_eq(link->next->prev, link);
        ++i;
    }
    cr_assert_eq(i, count);
}

static void fill(struct kn_list *list, struct item *items, int count, int first)
{
    kn_list_init(list);
    for (int i = 0; i < count; ++i) {
        items[i].value = first + i;
        kn_list_init(&items[i].link);
        kn_list_push_back(list, &items[i].link);
    }
}

Test(list, keeps_order_at_both_ends)
{
    struct kn_list list = KN_LIST_INIT(list);
    cr_assert(kn_list_is_empty(&list));
    cr_assert_null(kn_list_first(&list));
    cr_assert_null(kn_list_pop(&list));

    struct item items[3] = {{.value = 1}, {.value = 2}, {.value = 3}};
    kn_list_push_back(&list, &items[1].link);
    kn_list_push_back(&list, &items[2].link);
    kn_list_push_front(&list, &items[0].link);
    expect(&list, (int[]){1, 2, 3}, 3);
    cr_assert_eq(kn_list_first(&list), &items[0].link);
    cr_assert_eq(kn_list_pop(&list), &items[0].link);
    cr_assert(kn_list_is_empty(&items[0].link));
    expect(&list, (int[]){2, 3}, 2);
}

Test(list, removes_from_anywhere_and_twice)
{
    struct kn_list list;
    struct item items[4];
    fill(&list, items, 4, 0);
    kn_list_remove(&items[2].link);
    expect(&list, (int[]){0, 1, 3}, 3);
    kn_list_remove(&items[2].link);
    kn_list_remove(&items[3].link);
    kn_list_remove(&items[0].link);
    expect(&list, (int[]){1}, 1);
    kn_list_remove(&items[1].link);
    cr_assert(kn_list_is_empty(&list));
}

Test(list, lets_the_body_of_each_safe_remove)
{
    struct kn_list list;
    struct item items[6];
    fill(&list, items, 6, 0);
    kn_list_each_safe (link, &list) {
        if (kn_container_of(link, struct item, link)->value % 2 == 0) {
            kn_list_remove(link);
            link->next = NULL; /* as if it were freed */
        }
    }
    expect(&list, (int[]){1, 3, 5}, 3);
}

Test(list, splices_behind)
{
    struct kn_list a, b;
    struct item items[4];
    fill(&a, items, 2, 0);
    fill(&b, items + 2, 2, 2);
    kn_list_splice(&a, &b);
    expect(&a, (int[]){0, 1, 2, 3}, 4);
    cr_assert(kn_list_is_empty(&b));
    kn_list_splice(&a, &b);
    expect(&a, (int[]){0, 1, 2, 3}, 4);
    kn_list_splice(&b, &a);
    expect(&b, (int[]){0, 1, 2, 3}, 4);
    cr_assert(kn_list_is_empty(&a));
}
