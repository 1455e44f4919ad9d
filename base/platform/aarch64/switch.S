/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Context switch for AArch64, AAPCS64. The contract is base/platform/switch.h.
 *
 * A saved context, upwards from its stack pointer (176 bytes, a multiple of 16):
 *
 *     0  x19 x20    16  x21 x22    32  x23 x24    48  x25 x26    64  x27 x28
 *    80  x29 (frame pointer)  88  x30 (where to go on)
 *    96  d8 d9     112  d10 d11   128  d12 d13   144  d14 d15
 *   160  fpcr      168  unused
 *
 * Both stacks have this shape at the moment the stack pointer moves, so the CFI is true on either side.
 * fpcr is written only when it differs: the write is far slower than the comparison.
 *
 * x18 belongs to the platform and is left alone. Return addresses are not signed: a signature is made of
 * the stack pointer and would have to be forged for a fresh context. So the note claims BTI and not PAC.
 */
    .text

    .globl  kn_switch
    .hidden kn_switch
    .type   kn_switch, %function
    .p2align 6
kn_switch:                              /* x0: void **save_sp   x1: void *to_sp */
    .cfi_startproc
    hint    #34                         /* bti c */
    sub     sp, sp, #176
    .cfi_def_cfa_offset 176
    stp     x19, x20, [sp, #0]
    stp     x21, x22, [sp, #16]
    stp     x23, x24, [sp, #32]
    stp     x25, x26, [sp, #48]
    stp     x27, x28, [sp, #64]
    stp     x29, x30, [sp, #80]
    stp     d8, d9, [sp, #96]
    stp     d10, d11, [sp, #112]
    stp     d12, d13, [sp, #128]
    stp     d14, d15, [sp, #144]
    mrs     x9, fpcr
    str     x9, [sp, #160]
    .cfi_offset x19, -176
    .cfi_offset x20, -168
    .cfi_offset x21, -160
    .cfi_offset x22, -152
    .cfi_offset x23, -144
    .cfi_offset x24, -136
    .cfi_offset x25, -128
    .cfi_offset x26, -120
    .cfi_offset x27, -112
    .cfi_offset x28, -104
    .cfi_offset x29, -96
    .cfi_offset x30, -88
    .cfi_offset d8, -80
    .cfi_offset d9, -72
    .cfi_offset d10, -64
    .cfi_offset d11, -56
    .cfi_offset d12, -48
    .cfi_offset d13, -40
    .cfi_offset d14, -32
    .cfi_offset d15, -24
    mov     x10, sp
    str     x10, [x0]
    mov     sp, x1                      /* from here on, the other context */

    ldr     x11, [sp, #160]
    cmp     x9, x11
    b.eq    .Lcontrol_is_right
    msr     fpcr, x11
.Lcontrol_is_right:
    ldp     x19, x20, [sp, #0]
    ldp     x21, x22, [sp, #16]
    ldp     x23, x24, [sp, #32]
    ldp     x25, x26, [sp, #48]
    ldp     x27, x28, [sp, #64]
    ldp     x29, x30, [sp, #80]
    ldp     d8, d9, [sp, #96]
    ldp     d10, d11, [sp, #112]
    ldp     d12, d13, [sp, #128]
    ldp     d14, d15, [sp, #144]
    add     sp, sp, #176
    .cfi_def_cfa_offset 0
    .cfi_restore x19
    .cfi_restore x20
    .cfi_restore x21
    .cfi_restore x22
    .cfi_restore x23
    .cfi_restore x24
    .cfi_restore x25
    .cfi_restore x26
    .cfi_restore x27
    .cfi_restore x28
    .cfi_restore x29
    .cfi_restore x30
    .cfi_restore d8
    .cfi_restore d9
    .cfi_restore d10
    .cfi_restore d11
    .cfi_restore d12
    .cfi_restore d13
    .cfi_restore d14
    .cfi_restore d15
    ret
    .cfi_endproc
    .size   kn_switch, . - kn_switch

    .globl  kn_switch_prepare
    .hidden kn_switch_prepare
    .type   kn_switch_prepare, %function
    .p2align 4
kn_switch_prepare:                      /* x0: stack_top   x1: entry   x2: arg */
    .cfi_startproc
    hint    #34                         /* bti c */
    and     x0, x0, #-16
    sub     x0, x0, #176
    stp     x2, x1, [x0, #0]            /* x19: arg, x20: entry */
    stp     xzr, xzr, [x0, #16]
    stp     xzr, xzr, [x0, #32]
    stp     xzr, xzr, [x0, #48]
    stp     xzr, xzr, [x0, #64]
    adr     x9, switch_start
    stp     xzr, x9, [x0, #80]          /* x29: the frame-pointer chain ends here */
    stp     xzr, xzr, [x0, #96]
    stp     xzr, xzr, [x0, #112]
    stp     xzr, xzr, [x0, #128]
    stp     xzr, xzr, [x0, #144]
    mrs     x9, fpcr
    stp     x9, xzr, [x0, #160]
    ret
    .cfi_endproc
    .size   kn_switch_prepare, . - kn_switch_prepare

/* The first frame of every prepared context. */
    .type   switch_start, %function
    .p2align 4
switch_start:
    .cfi_startproc
    .cfi_undefined x30                  /* the outermost frame: unwinding ends here */
    nop                                 /* the unwinder looks just before a return address */
    mov     x0, x19
    blr     x20
    udf     #0
    .cfi_endproc
    .size   switch_start, . - switch_start

    .section .note.GNU-stack, "", %progbits

    .section .note.gnu.property, "a", %note
    .p2align 3
    .long   4, 16, 5                    /* name, description, NT_GNU_PROPERTY_TYPE_0 */
    .asciz  "GNU"
    .long   0xc0000000, 4, 1, 0         /* GNU_PROPERTY_AARCH64_FEATURE_1_AND: BTI */
