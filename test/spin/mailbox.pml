/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mailbox's hysteresis between full and open: two senders of user messages that wait for room when they
 * are refused, one of a system message, a receiver that goes idle when there is nothing. The word is what it
 * is in C, with a sequence of three bits; a swap compares all of it, so words that are equal again (ABA) are
 * equal here too. Nobody waits for ever, and the bound holds.
 */
#define SENDERS 2
#define ALL 3 /* the first sends two, the second one */
#define LIMIT 1
#define LOW 0
#define SEQ 4

typedef word_t {
    byte untaken; /* envelopes above the boundary: what the pointer tells */
    byte seq;
    bool S;
    bool P;
    bool L
}

word_t word;
byte consumed;
byte at_hand;           /* user messages in the receiver's lists */
bool scheduled;         /* the receiver is in a run queue */
bool waits[SENDERS];    /* mailbox/overflow.c: the line, under its lock */
byte accepted, handled, ghost_len;

#define same(w) (word.untaken == w.untaken && word.seq == w.seq && word.S == w.S && word.P == w.P && word.L == w.L)
#define length(w) ((w.seq + SEQ - consumed) % SEQ)

inline look(w) {
    atomic { w.untaken = word.untaken; w.seq = word.seq; w.S = word.S; w.P = word.P; w.L = word.L }
}

/* What a process has looked at and needs no more: fewer states to tell apart. */
inline forget(w) {
    w.untaken = 0; w.seq = 0; w.S = false; w.P = false; w.L = false
}

/* mailbox/overflow.c: kn_overflow_pop_waiter(), for all; actors/park.c: kn_room_made() */
inline kn_room_made() {
    atomic { waits[0] = false; waits[1] = false }
}

/* actors/park.c: kn_room_opened(), where the first wave is one; any, where the line has an order */
inline kn_room_opened() {
    atomic {
        if
        :: waits[0] -> waits[0] = false
        :: waits[1] -> waits[1] = false
        :: !waits[0] && !waits[1] -> skip
        fi
    }
}

/* actors/park.c: kn_room_look(), with mailbox/mailbox.c: kn_mailbox_relieve(), kn_mailbox_line_is_due() */
inline kn_room_look(w) {
    do
    :: look(w);
        if
        :: w.P && length(w) <= LOW ->
            if
            :: atomic { same(w) -> word.P = false; word.L = true }; kn_room_opened(); break
            :: else -> skip
            fi
        :: !w.P && w.L && length(w) <= LOW ->
            if
            :: waits[0] && waits[1] -> kn_room_opened() /* not all yet */
            :: atomic { word.L = false }; kn_room_made() /* kn_mailbox_end_line() */
            fi;
            break
        :: else -> break
        fi
    od;
    skip;
    d_step { forget(w) }
}

/* mailbox/mailbox.h: kn_mailbox_push(), with mailbox.c: kn_mailbox_pressure(). pushed: whether it was accepted */
inline kn_mailbox_push(w, size, opening, pushed) {
    do
    :: look(w);
        opening = false;
        size = length(w);
        if
        :: w.P && size > LOW -> pushed = false; break
        :: !w.P && size >= LIMIT ->
            if /* sets P, then looks once more */
            :: atomic { same(w) -> word.P = true }
            :: else -> skip
            fi
        :: else ->
            opening = w.P;
            if
            :: atomic {
                same(w) ->
                ghost_len++;
                assert(ghost_len <= LIMIT);
                word.untaken++;
                word.seq = (word.seq + 1) % SEQ;
                word.P = false;
                word.L = word.L || w.P;
                word.S = true;
                accepted++;
                if
                :: !w.S -> assert(!scheduled); scheduled = true
                :: else -> skip
                fi
               };
                if
                :: opening -> kn_room_opened()
                :: else -> skip
                fi;
                pushed = true;
                break
            :: else -> skip
            fi
        fi
    od;
    skip;
    d_step { forget(w); size = 0; opening = false }
}

/* actors/park.c: a sender that is refused enters the line, tries once more, then waits to be told */
active [SENDERS] proctype sender() {
    byte left = 2 - _pid, size;
    bool opening, pushed;
    word_t w;
    do
    :: left > 0 ->
        kn_mailbox_push(w, size, opening, pushed);
        if
        :: pushed -> left--
        :: else ->
            waits[_pid] = true;
            kn_mailbox_push(w, size, opening, pushed);
            if
            :: pushed -> left--; waits[_pid] = false
            :: else -> !waits[_pid]
            fi
        fi
    :: else -> break
    od
}

/* mailbox/mailbox.h: kn_mailbox_push_system(): not counted, the sequence stays */
active proctype system_sender() {
    word_t w;
    do
    :: look(w);
        if
        :: atomic {
            same(w) ->
            word.untaken = word.untaken + 10;
            word.S = true;
            if
            :: !w.S -> assert(!scheduled); scheduled = true
            :: else -> skip
            fi
           };
            break
        :: else -> skip
        fi
    od;
    skip;
    d_step { forget(w) }
}

/* actors/turn.c: take, handle, go idle */
active proctype receiver() {
    word_t w;
    bool is_idle;
    do
    :: atomic { scheduled -> scheduled = false };
        is_idle = false;
        do
        :: is_idle -> break
        :: else ->
            /* mailbox/mailbox.h: kn_mailbox_take(); the boundary stays in the word, none is above it */
            atomic { at_hand = at_hand + word.untaken % 10; word.untaken = 0 };
            do
            :: at_hand > 0 -> /* kn_mailbox_consume() */
                at_hand--;
                handled++;
                atomic { consumed = (consumed + 1) % SEQ; ghost_len-- }
            :: else -> break
            od;
            /* kn_mailbox_idle_by() */
            look(w);
            if
            :: w.untaken > 0 || ((w.P || w.L) && length(w) <= LOW) -> kn_room_look(w)
            :: else ->
                if
                :: atomic { same(w) -> word.S = false; is_idle = true }
                :: else -> skip
                fi;
                skip;
                d_step { forget(w) }
            fi
        od
    :: (handled == ALL && !scheduled && !word.S && word.untaken == 0) -> break
    od
}

ltl nobody_waits_for_ever { <> (handled == ALL && !waits[0] && !waits[1]) }
ltl what_is_there_is_scheduled { [] (word.untaken > 0 -> word.S) }
