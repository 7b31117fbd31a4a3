/* From reset to emulated_main(), and the way out: the simulator's `simcall`, a2 = 1 exit, a2 = 4 write. */
    .section .vectors, "ax"
    .macro fault offset
    .org \offset
    rsr a3, exccause
    addi a3, a3, 64             /* a fault ends the run with status 64 + its cause, so an unaligned access fails a test */
    movi a2, 1
    simcall
    .endm
    .begin no-transform
    fault 0x10
    fault 0x20
    fault 0x30
    fault 0x50
    fault 0x70
    .end no-transform

    .section .iram.text, "ax"
    .literal_position
    .global _start
    .type _start, @function
_start:
    movi a1, __stack
    movi a2, 0x20               /* user mode, interrupts open, no exception in progress */
    wsr a2, ps
    rsync
    movi a2, __bss_start
    movi a3, __bss_end
    movi a4, 0
1:  bgeu a2, a3, 2f
    s32i a4, a2, 0
    addi a2, a2, 4
    j 1b
2:  movi a0, emulated_main
    callx0 a0
3:  j 3b

    .global emulator_call       /* int emulator_call(int number, int a, int b, int c) */
    .type emulator_call, @function
emulator_call:
    simcall
    ret
