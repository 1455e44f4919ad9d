(* SPDX-License-Identifier: Apache-2.0 *)
(*
 * The rules of capabilities (caps/DESIGN.md, test/model/capability.c), and the proof that no sequence of the
 * steps that koken/caps.h allows gives two agents conflicting rights: what one may write no other may read or
 * write, and what is known as an iso has no second reader.
 *
 * The objects of this model have no fields: what is proved of names here, test/model/capability.c explores at
 * random for graphs. The table of viewpoints is checked against the laws that make it harmless.
 *)
Require Import Arith Bool.

Inductive cap := Iso | Val | Ref | Box | Tag.
Inductive right := R | W.

(* What the holder may do, and what he denies to other names: of his agent, and of other agents. *)
Definition may (c : cap) (r : right) : bool :=
  match c, r with
  | Iso, _ | Ref, _ => true
  | Val, R | Box, R => true
  | _, _ => false
  end.
Definition deny (same : bool) (c : cap) (r : right) : bool :=
  match same, c, r with
  | _, Iso, _ => true
  | _, Val, W => true
  | false, Ref, _ => true
  | false, Box, W => true
  | _, _, _ => false
  end.
Definition sendable (c : cap) : bool := match c with Iso | Val | Tag => true | _ => false end.
Definition alias (c : cap) : cap := match c with Iso => Tag | d => d end.
Definition viewable (c : cap) : bool := match c with Val | Ref | Box => true | _ => false end.

(* The laws of the table. *)
Theorem local_denial_is_weaker : forall c r, deny true c r = true -> deny false c r = true.
Proof. intros [] []; simpl; auto. Qed.
Theorem writers_deny_readers : forall c, may c W = true -> deny false c R = true.
Proof. intros []; simpl; auto. Qed.
Theorem readers_deny_writers : forall c, may c R = true -> deny false c W = true.
Proof. intros []; simpl; auto. Qed.
Theorem sendable_denies_alike :
  forall c, sendable c = true <-> forall r, deny true c r = deny false c r.
Proof.
  intros []; split; simpl; auto; intros H;
    try (intros []; reflexivity); try discriminate; specialize (H W); simpl in H; discriminate.
Qed.

(* Two names of one object may stand beside each other. *)
Definition respects (same : bool) (c d : cap) : bool :=
  negb (deny same c R && may d R) && negb (deny same c W && may d W).
Definition ok (same : bool) (c d : cap) : bool := respects same c d && respects same d c.
Lemma ok_sym : forall s c d, ok s c d = ok s d c.
Proof. intros [] [] []; reflexivity. Qed.

(* Names: who knows which object as what. *)
Record entry := { who : nat; kind : cap; object : nat }.
Definition state := nat -> option entry.
Definition set (s : state) (n : nat) (e : option entry) : state :=
  fun m => if Nat.eqb m n then e else s m.

Definition same_agent (e f : entry) : bool := Nat.eqb (who e) (who f).
Definition sound (s : state) : Prop :=
  forall n m e f, n <> m -> s n = Some e -> s m = Some f -> object e = object f ->
    ok (same_agent e f) (kind e) (kind f) = true.

(* The steps. A name that a step fills was empty before. *)
Inductive step (s : state) : state -> Prop :=
| make : forall n a c o, s n = None -> (c = Iso \/ c = Ref) ->
    (forall m e, s m = Some e -> object e <> o) ->
    step s (set s n (Some {| who := a; kind := c; object := o |}))
| drop : forall n, step s (set s n None)
| move : forall n m e, s n = Some e -> s m = None ->
    step s (set (set s n None) m (Some e))
| send : forall n m e b, s n = Some e -> s m = None -> sendable (kind e) = true ->
    step s (set (set s n None) m (Some {| who := b; kind := kind e; object := object e |}))
| duplicate : forall n m e, s n = Some e -> s m = None ->
    step s (set s m (Some {| who := who e; kind := alias (kind e); object := object e |}))
| view : forall n m e, s n = Some e -> s m = None -> viewable (kind e) = true ->
    step s (set s m (Some {| who := who e; kind := Box; object := object e |}))
| tag : forall n m e, s n = Some e -> s m = None ->
    step s (set s m (Some {| who := who e; kind := Tag; object := object e |}))
| freeze : forall n e, s n = Some e -> kind e = Iso ->
    step s (set s n (Some {| who := who e; kind := Val; object := object e |}))
| recover : forall n e, s n = Some e -> kind e = Ref ->
    (forall m f, m <> n -> s m = Some f -> object f = object e -> kind f = Tag) ->
    step s (set s n (Some {| who := who e; kind := Iso; object := object e |}))
| thaw : forall n e, s n = Some e -> kind e = Val ->
    (forall m f, m <> n -> s m = Some f -> object f = object e -> kind f = Tag) ->
    step s (set s n (Some {| who := who e; kind := Iso; object := object e |})).

Inductive reachable : state -> Prop :=
| begin : reachable (fun _ => None)
| next : forall s t, reachable s -> step s t -> reachable t.

Lemma set_none : forall s n, sound s -> sound (set s n None).
Proof.
  unfold sound, set; intros s n H a b e f Hab Ha Hb Ho.
  destruct (Nat.eqb a n); try discriminate.
  destruct (Nat.eqb b n); try discriminate.
  exact (H a b e f Hab Ha Hb Ho).
Qed.

Lemma set_some : forall s n e, sound s ->
  (forall m f, m <> n -> s m = Some f -> object f = object e ->
     ok (same_agent e f) (kind e) (kind f) = true) ->
  sound (set s n (Some e)).
Proof.
  unfold sound, set; intros s n e H Hn a b x y Hab Ha Hb Ho.
  destruct (Nat.eqb a n) eqn:An; destruct (Nat.eqb b n) eqn:Bn.
  - apply Nat.eqb_eq in An; apply Nat.eqb_eq in Bn; subst; contradiction.
  - apply Nat.eqb_neq in Bn; injection Ha as Ha; subst x.
    apply (Hn b y Bn Hb); symmetry; exact Ho.
  - apply Nat.eqb_neq in An; injection Hb as Hb; subst y.
    rewrite ok_sym. unfold same_agent. rewrite Nat.eqb_sym. apply (Hn a x An Ha Ho).
  - exact (H a b x y Hab Ha Hb Ho).
Qed.

(* What the tables have to say to each step. *)
Lemma sent_stays_ok : forall s t c d, sendable c = true -> ok s c d = true -> ok t c d = true.
Proof. intros [] [] [] []; simpl; auto; discriminate. Qed.
Lemma tag_is_ok : forall s c, ok s Tag c = true.
Proof. intros [] []; reflexivity. Qed.
Lemma alias_of_self : forall c, ok true (alias c) c = true.
Proof. intros []; reflexivity. Qed.
Lemma alias_stays_ok : forall s c d, ok s c d = true -> ok s (alias c) d = true.
Proof. intros [] [] []; simpl; auto; discriminate. Qed.
Lemma view_of_self : forall c, viewable c = true -> ok true Box c = true.
Proof. intros []; simpl; auto; discriminate. Qed.
Lemma view_stays_ok : forall s c d, viewable c = true -> ok s c d = true -> ok s Box d = true.
Proof. intros [] [] []; simpl; auto; discriminate. Qed.
Lemma frozen_stays_ok : forall s d, ok s Iso d = true -> ok s Val d = true.
Proof. intros [] []; simpl; auto; discriminate. Qed.

Theorem step_keeps_sound : forall s t, sound s -> step s t -> sound t.
Proof.
  intros s t H St.
  destruct St as [n a c o Hn Hc Fresh | n | n m e Hn Hm | n m e b Hn Hm Hs | n m e Hn Hm
                 | n m e Hn Hm Hv | n m e Hn Hm | n e Hn Hk | n e Hn Hk Sole | n e Hn Hk Sole].
  - apply set_some; auto. intros k f _ Hf Ho; exfalso; exact (Fresh k f Hf Ho).
  - apply set_none; auto.
  - apply set_some; [apply set_none; auto |]. unfold set. intros k f Hk Hf Ho.
    destruct (Nat.eqb k n) eqn:Kn; try discriminate. apply Nat.eqb_neq in Kn.
    apply (H n k e f); auto.
  - apply set_some; [apply set_none; auto |]. unfold set; simpl. intros k f Hk Hf Ho.
    destruct (Nat.eqb k n) eqn:Kn; try discriminate. apply Nat.eqb_neq in Kn.
    apply (sent_stays_ok (same_agent e f)); auto. apply (H n k e f); auto.
  - apply set_some; auto; simpl. intros k f Hk Hf Ho.
    destruct (Nat.eq_dec k n) as [E | E].
    + subst k. rewrite Hn in Hf. injection Hf as Hf; subst f.
      unfold same_agent; simpl. rewrite Nat.eqb_refl. apply alias_of_self.
    + apply alias_stays_ok. apply (H n k e f); auto.
  - apply set_some; auto; simpl. intros k f Hk Hf Ho.
    destruct (Nat.eq_dec k n) as [E | E].
    + subst k. rewrite Hn in Hf. injection Hf as Hf; subst f.
      unfold same_agent; simpl. rewrite Nat.eqb_refl. apply view_of_self; auto.
    + apply (view_stays_ok _ (kind e)); auto. apply (H n k e f); auto.
  - apply set_some; auto; simpl. intros. apply tag_is_ok.
  - apply set_some; auto; simpl. intros k f Hne Hf Ho. apply frozen_stays_ok.
    rewrite <- Hk. apply (H n k e f); auto.
  - apply set_some; auto; simpl. intros k f Hne Hf Ho. rewrite (Sole k f Hne Hf Ho).
    rewrite ok_sym. apply tag_is_ok.
  - apply set_some; auto; simpl. intros k f Hne Hf Ho. rewrite (Sole k f Hne Hf Ho).
    rewrite ok_sym. apply tag_is_ok.
Qed.

Theorem reachable_is_sound : forall s, reachable s -> sound s.
Proof.
  intros s Hr. induction Hr as [| s t _ IH St].
  - unfold sound. intros; discriminate.
  - exact (step_keeps_sound s t IH St).
Qed.

(* The promise: no two agents race. *)
Theorem no_race : forall s n m e f, reachable s -> s n = Some e -> s m = Some f ->
  object e = object f -> who e <> who f -> may (kind e) W = true ->
  may (kind f) R = false /\ may (kind f) W = false.
Proof.
  intros s n m e f Hr Hn Hm Ho Hw Hwrite.
  assert (n <> m) by (intros E; subst m; rewrite Hn in Hm; injection Hm as Hm; subst f; auto).
  pose proof (reachable_is_sound s Hr n m e f H Hn Hm Ho) as Hok.
  unfold same_agent in Hok. apply Nat.eqb_neq in Hw. rewrite Hw in Hok.
  destruct (kind e), (kind f); simpl in *; auto; discriminate.
Qed.

(* An iso has no second reader, in its own agent neither; a val has no writer anywhere. *)
Theorem iso_is_unique : forall s n m e f, reachable s -> n <> m -> s n = Some e -> s m = Some f ->
  object e = object f -> kind e = Iso -> kind f = Tag.
Proof.
  intros s n m e f Hr Hnm Hn Hm Ho Hk.
  pose proof (reachable_is_sound s Hr n m e f Hnm Hn Hm Ho) as Hok. rewrite Hk in Hok.
  destruct (same_agent e f), (kind f); simpl in Hok; auto; discriminate.
Qed.
Theorem val_has_no_writer : forall s n m e f, reachable s -> n <> m -> s n = Some e ->
  s m = Some f -> object e = object f -> kind e = Val -> may (kind f) W = false.
Proof.
  intros s n m e f Hr Hnm Hn Hm Ho Hk.
  pose proof (reachable_is_sound s Hr n m e f Hnm Hn Hm Ho) as Hok. rewrite Hk in Hok.
  destruct (same_agent e f), (kind f); simpl in *; auto; discriminate.
Qed.

(* Viewpoints: what a field of kind d is when its object is seen as c; None: it is not seen. *)
Definition viewed (c d : cap) : option cap :=
  match c, d with
  | Tag, _ => None
  | _, Tag => Some Tag
  | _, Val => Some Val
  | Val, _ => Some Val
  | Iso, Iso => Some Iso
  | Iso, _ => Some Tag
  | Ref, d => Some d
  | Box, _ => Some Box
  end.
Theorem nothing_is_written_through_a_reader : forall c d e,
  may c W = false -> viewed c d = Some e -> may e W = false.
Proof. intros [] [] []; simpl; auto; discriminate. Qed.
Theorem a_view_gives_no_more_than_the_field : forall c d e r,
  viewed c d = Some e -> may e r = true -> may d r = true.
Proof. intros [] [] [] []; simpl; auto; discriminate. Qed.
Theorem what_an_iso_shows_may_be_sent : forall d e, viewed Iso d = Some e -> sendable e = true.
Proof. intros [] []; simpl; auto; discriminate. Qed.
Theorem what_a_val_shows_may_be_shared : forall d e,
  viewed Val d = Some e -> e = Val \/ e = Tag.
Proof. intros [] []; simpl; auto; discriminate. Qed.

Print Assumptions no_race.
