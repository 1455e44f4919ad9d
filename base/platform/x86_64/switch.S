/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Context switch for x86-64, System V ABI. The contract is base/platform/switch.h.
 *
 * A saved context, upwards from its stack pointer (every slot 8 bytes):
 *
 *     0  mxcsr (4 bytes), x87 control word (2 bytes), unused (2 bytes)
 *     8  r15    16  r14    24  r13    32  r12    40  rbx    48  rbp
 *    56  return address
 *
 * Both stacks have this shape at the moment the stack pointer moves, so the CFI is true on either side
 * and a debugger or unwinder sees the right frames at every instruction.
 *
 * Loading mxcsr and the x87 word costs more than all the rest together, and they almost never differ:
 * they are compared first (the sticky exception flags, bits 0-5 of mxcsr, are caller-saved, hence not
 * compared) and loaded only when they do.
 *
 * The last instruction is an indirect jump, not `ret`: the processor predicts a `ret` from its own stack of
 * recent calls, which knows nothing of ours, and always errs (12.8 ns against 3.4 ns, base/DESIGN.md).
 * notrack, because the place after a call carries no endbr64. A hardware shadow stack would refuse the
 * outer returns, so the note at the end claims IBT but not SHSTK: the linker turns that off.
 */
    .text

    .globl  kn_switch
    .hidden kn_switch
    .type   kn_switch, @function
    .p2align 6
kn_switch:                              /* rdi: void **save_sp   rsi: void *to_sp */
    .cfi_startproc
    endbr64
    pushq   %rbp
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %rbp, 0
    pushq   %rbx
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %rbx, 0
    pushq   %r12
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %r12, 0
    pushq   %r13
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %r13, 0
    pushq   %r14
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %r14, 0
    pushq   %r15
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %r15, 0
    subq    $8, %rsp
    .cfi_adjust_cfa_offset 8
    stmxcsr (%rsp)
    fnstcw  4(%rsp)
    movl    (%rsp), %eax
    movzwl  4(%rsp), %ecx

    movq    %rsp, (%rdi)
    movq    %rsi, %rsp                  /* from here on, the other context */

    xorl    (%rsp), %eax
    andl    $0xffc0, %eax
    xorw    4(%rsp), %cx
    orl     %ecx, %eax
    jnz     .Lload_control
.Lcontrol_is_right:
    addq    $8, %rsp
    .cfi_adjust_cfa_offset -8
    popq    %r15
    .cfi_adjust_cfa_offset -8
    .cfi_restore %r15
    popq    %r14
    .cfi_adjust_cfa_offset -8
    .cfi_restore %r14
    popq    %r13
    .cfi_adjust_cfa_offset -8
    .cfi_restore %r13
    popq    %r12
    .cfi_adjust_cfa_offset -8
    .cfi_restore %r12
    popq    %rbx
    .cfi_adjust_cfa_offset -8
    .cfi_restore %rbx
    popq    %rbp
    .cfi_adjust_cfa_offset -8
    .cfi_restore %rbp
    popq    %rcx
    .cfi_adjust_cfa_offset -8
    .cfi_register %rip, %rcx
    notrack jmp *%rcx

.Lload_control:
    .cfi_adjust_cfa_offset 64
    .cfi_offset %rip, -8
    .cfi_rel_offset %rbp, 48
    .cfi_rel_offset %rbx, 40
    .cfi_rel_offset %r12, 32
    .cfi_rel_offset %r13, 24
    .cfi_rel_offset %r14, 16
    .cfi_rel_offset %r15, 8
    ldmxcsr (%rsp)
    fldcw   4(%rsp)
    jmp     .Lcontrol_is_right
    .cfi_endproc
    .size   kn_switch, . - kn_switch

    .globl  kn_switch_prepare
    .hidden kn_switch_prepare
    .type   kn_switch_prepare, @function
    .p2align 4
kn_switch_prepare:                      /* rdi: stack_top   rsi: entry   rdx: arg */
    .cfi_startproc
    endbr64
    andq    $-16, %rdi
    leaq    -80(%rdi), %rax             /* the frame, and 16 zero bytes above it: no caller */
    xorl    %ecx, %ecx
    movq    %rcx, (%rax)
    stmxcsr (%rax)
    fnstcw  4(%rax)
    movq    %rcx, 8(%rax)               /* r15 */
    movq    %rcx, 16(%rax)              /* r14 */
    movq    %rsi, 24(%rax)              /* r13: entry */
    movq    %rdx, 32(%rax)              /* r12: arg */
    movq    %rcx, 40(%rax)              /* rbx */
    movq    %rcx, 48(%rax)              /* rbp: the frame-pointer chain ends here */
    leaq    switch_start(%rip), %rdx
    movq    %rdx, 56(%rax)
    movq    %rcx, 64(%rax)
    movq    %rcx, 72(%rax)
    ret
    .cfi_endproc
    .size   kn_switch_prepare, . - kn_switch_prepare

/* The first frame of every prepared context: rsp is a multiple of 16, as a call asks. */
    .type   switch_start, @function
    .p2align 4
switch_start:
    .cfi_startproc
    .cfi_undefined %rip                 /* the outermost frame: unwinding ends here */
    nop                                 /* the unwinder looks one byte before a return address */
    movq    %r12, %rdi
    callq   *%r13
    ud2
    .cfi_endproc
    .size   switch_start, . - switch_start

/* How functions marked KN_UNPAIRED return; the name is the compiler's. Weak: another archive may have it. */
    .weak   __x86_return_thunk
    .hidden __x86_return_thunk
    .type   __x86_return_thunk, @function
    .p2align 4
__x86_return_thunk:
    .cfi_startproc
    popq    %rcx
    .cfi_adjust_cfa_offset -8
    .cfi_register %rip, %rcx
    notrack jmp *%rcx
    .cfi_endproc
    .size   __x86_return_thunk, . - __x86_return_thunk

    .section .note.GNU-stack, "", @progbits

    .section .note.gnu.property, "a", @note
    .p2align 3
    .long   4, 16, 5                    /* name, description, NT_GNU_PROPERTY_TYPE_0 */
    .asciz  "GNU"
    .long   0xc0000002, 4, 1, 0         /* GNU_PROPERTY_X86_FEATURE_1_AND: IBT */
