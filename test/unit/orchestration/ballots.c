/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves the counting of votes, without any agent: what each rule needs, groups of equal answers,
 * weights, duplicates, and that unreachable is noticed at the first moment it is true.
 */
#include "orchestration/ballots.h"

#include "base/alloc.h"

#include <criterion/criterion.h>
#include <string.h>

KOKEN_MESSAGE(question, { uint32_t about; });
KOKEN_MESSAGE(verdict, { uint64_t value; });
KOKEN_MESSAGE(essay, { char text[200]; });

static const koken_ref members[10] = {{11}, {12}, {13}, {14}, {15}, {16}, {17}, {18}, {19}, {20}};

static int new_vote(size_t count, struct koken_quorum_options o, struct koken_quorum **ret_vote)
{
    struct question question = {1};
    struct koken_quorum_call call = {members, count, 0, &o, &koken_type_question, &question};
    return kn_ballots_new(&call, ret_vote);
}

static uint64_t need(size_t count, enum koken_quorum_rule rule)
{
    struct koken_quorum *vote;
    cr_assert_eq(new_vote(count, (struct koken_quorum_options){.rule = rule}, &vote), 0);
    uint64_t need = koken_quorum_tally(vote).need;
    koken_quorum_free(vote);
    return need;
}

static void answer(struct koken_quorum *vote, uint32_t index, uint64_t value)
{
    struct verdict verdict = {value};
    kn_ballots_count(vote, index, &koken_type_verdict, &verdict);
}

Test(ballots, what_the_rules_need)
{
    const uint64_t majority[] = {1, 2, 2, 3, 3, 4, 4, 5, 5, 6};
    const uint64_t super[] = {1, 2, 2, 3, 4, 4, 5, 6, 6, 7};
    const uint64_t byzantine[] = {1, 2, 2, 3, 4, 4, 5, 6, 6, 7};
    for (size_t n = 1; n <= 10; n++) {
        cr_assert_eq(need(n, KOKEN_QUORUM_MAJORITY), majority[n - 1]);
        cr_assert_eq(need(n, KOKEN_QUORUM_SUPERMAJORITY), super[n - 1]);
        cr_assert_eq(need(n, KOKEN_QUORUM_BYZANTINE), byzantine[n - 1], "byzantine of %zu", n);
        cr_assert_eq(need(n, KOKEN_QUORUM_ALL), n);
    }
}

Test(ballots, lost_as_soon_as_it_cannot_be_reached)
{
    struct koken_quorum *vote;
    cr_assert_eq(new_vote(5, (struct koken_quorum_options){0}, &vote), 0);
    answer(vote, 0, 7);
    kn_ballots_fail(vote, 1, -ESRCH);
    kn_ballots_fail(vote, 2, -EAGAIN);
    cr_assert_eq(kn_ballots_verdict(vote), KN_VOTE_OPEN);
    kn_ballots_fail(vote, 2, -ESRCH); /* says it again */
    cr_assert_eq(kn_ballots_verdict(vote), KN_VOTE_OPEN);
    kn_ballots_fail(vote, 3, -ESRCH);
    cr_assert_eq(kn_ballots_verdict(vote), KN_VOTE_LOST);
    cr_assert_eq(koken_quorum_ballot(vote, 2)->error, -EAGAIN);
    cr_assert_eq(koken_quorum_tally(vote).pending, 1);
    cr_assert_null(koken_quorum_ballot(vote, 5));
    koken_quorum_free(vote);
}

Test(ballots, who_answers_twice_or_is_there_twice_counts_once)
{
    koken_ref twice[3] = {{5}, {5}, {6}};
    struct koken_quorum_options o = {.rule = KOKEN_QUORUM_ALL};
    struct question question = {1};
    struct koken_quorum_call call = {twice, 3, 0, &o, &koken_type_question, &question};
    struct koken_quorum *vote;
    cr_assert_eq(kn_ballots_new(&call, &vote), 0);
    answer(vote, 0, 1);
    answer(vote, 0, 1);
    cr_assert_eq(koken_quorum_tally(vote).have, 1);
    cr_assert_eq(koken_quorum_tally(vote).total, 2);
    cr_assert_eq(koken_quorum_ballot(vote, 1)->state, KOKEN_BALLOT_DUPLICATE);
    answer(vote, 2, 1);
    cr_assert_eq(kn_ballots_verdict(vote), KN_VOTE_DONE);
    koken_quorum_free(vote);
}

Test(ballots, members_that_could_not_be_spawned_do_not_lower_the_bar)
{
    koken_ref few[5] = {{5}, {0}, {0}, {0}, {6}};
    struct question question = {1};
    struct koken_quorum_call call = {few, 5, 0, NULL, &koken_type_question, &question};
    struct koken_quorum *vote;
    cr_assert_eq(kn_ballots_new(&call, &vote), 0);
    cr_assert_eq(koken_quorum_tally(vote).need, 3);
    cr_assert_eq(koken_quorum_tally(vote).duplicate, 0);
    koken_quorum_free(vote);
}

Test(ballots, equal_answers_make_a_group)
{
    struct koken_quorum *vote;
    struct koken_quorum_options o = {.rule = KOKEN_QUORUM_BYZANTINE};
    cr_assert_eq(new_vote(7, o, &vote), 0); /* f = 2: five equal ones */
    const uint64_t values[7] = {1, 666, 1, 1, 777, 1, 1};
    for (uint32_t i = 0; i < 7; i++) {
        cr_assert_eq(kn_ballots_verdict(vote), KN_VOTE_OPEN, "after %u", i);
        answer(vote, i, values[i]);
    }
    cr_assert_eq(kn_ballots_verdict(vote), KN_VOTE_DONE);
    kn_ballots_close(vote, 0);
    for (uint32_t i = 0; i < 7; i++) {
        cr_assert_eq(koken_quorum_ballot(vote, i)->is_counted, values[i] == 1);
    }
    koken_quorum_free(vote);
    cr_assert_eq(new_vote(4, o, &vote), 0);
    answer(vote, 0, 1);
    answer(vote, 1, 2);
    cr_assert_eq(kn_ballots_verdict(vote), KN_VOTE_OPEN);
    answer(vote, 2, 3);
    cr_assert_eq(kn_ballots_verdict(vote), KN_VOTE_LOST);
    koken_quorum_free(vote);
}

Test(ballots, weights_and_large_answers)
{
    const uint32_t weights[3] = {5, 1, 1};
    struct koken_quorum_options o = {.weights = weights};
    struct koken_quorum *vote;
    struct essay essay;
    cr_assert_eq(new_vote(3, o, &vote), 0);
    cr_assert_eq(koken_quorum_tally(vote).need, 4);
    memset(&essay, 'x', sizeof essay);
    kn_ballots_count(vote, 1, &koken_type_essay, &essay);
    kn_ballots_count(vote, 1, &koken_type_essay, &essay);
    cr_assert_eq(kn_ballots_verdict(vote), KN_VOTE_OPEN);
    answer(vote, 0, 1);
    cr_assert_eq(kn_ballots_verdict(vote), KN_VOTE_DONE);
    const struct koken_ballot *ballot = koken_quorum_ballot(vote, 1);
    cr_assert(ballot->type == &koken_type_essay);
    cr_assert_arr_eq(ballot->answer, &essay, sizeof essay);
    koken_quorum_free(vote);
}

static bool is_even(void *arg, const struct koken_ballot *ballot)
{
    (*(unsigned *)arg)++;
    return ((const struct verdict *)ballot->answer)->value % 2 == 0;
}

Test(ballots, only_accepted_answers_count)
{
    unsigned calls = 0;
    struct koken_quorum_options o = {
        .rule = KOKEN_QUORUM_THRESHOLD, .threshold = 8, .accept = is_even, .accept_arg = &calls};
    struct koken_quorum *vote;
    cr_assert_eq(new_vote(10, o, &vote), 0);
    for (uint32_t i = 0; i < 10; i++) {
        answer(vote, i, i < 7 ? 2 : 3);
    }
    cr_assert_eq(calls, 10);
    cr_assert_eq(koken_quorum_tally(vote).have, 7); /* T042: 7 of 8 */
    cr_assert_eq(kn_ballots_verdict(vote), KN_VOTE_LOST);
    koken_quorum_free(vote);
}

Test(ballots, numbers_lead_to_members)
{
    struct koken_quorum *vote;
    cr_assert_eq(new_vote(10, (struct koken_quorum_options){0}, &vote), 0);
    for (uint32_t i = 0; i < 10; i++) {
        kn_ballots_asked(vote, i, 0x10000u * (i + 1));
    }
    for (uint32_t i = 0; i < 10; i++) {
        cr_assert_eq(kn_ballots_find(vote, 0x10000u * (i + 1)), (int)i);
    }
    cr_assert_eq(kn_ballots_find(vote, 5), KN_NO_BALLOT);
    koken_quorum_free(vote);
}

Test(ballots, errors)
{
    struct koken_quorum *vote = NULL;
    struct koken_quorum_options o = {.rule = KOKEN_QUORUM_THRESHOLD, .threshold = 11};
    cr_assert_eq(new_vote(10, o, &vote), -EINVAL);
    cr_assert_eq(new_vote(0, (struct koken_quorum_options){0}, &vote), -EINVAL);
    o.rule = (enum koken_quorum_rule)77;
    cr_assert_eq(new_vote(10, o, &vote), -EINVAL);
    cr_assert_eq(new_vote(10, (struct koken_quorum_options){.struct_size = 1}, &vote), -EINVAL);
    cr_assert_eq(new_vote(KN_BALLOTS_MAX + 1, (struct koken_quorum_options){0}, &vote), -E2BIG);
    struct question question = {1};
    struct koken_quorum_call call = {NULL, 3, 0, NULL, &koken_type_question, &question};
    cr_assert_eq(kn_ballots_new(&call, &vote), -EINVAL);
    cr_assert_null(vote);
    koken_quorum_free(NULL);
    o = (struct koken_quorum_options){.rule = KOKEN_QUORUM_THRESHOLD};
    cr_assert_eq(new_vote(0, o, &vote), 0);
    cr_assert_eq(kn_ballots_verdict(vote), KN_VOTE_DONE);
    koken_quorum_free(vote);
}
