# A PC without a system tests its processor and chips in real mode and prints TAP on its first
# serial port. The firmware loads the first sector of the disk, which loads the others.
        .code16
        .set    COM1, 0x3f8
        .set    TICKS, 0x46c            # of the firmware, 18.2 in a second

        xor     %ax, %ax
        mov     %ax, %ds
        mov     %ax, %es
        mov     %ax, %ss
        mov     $0x7c00, %sp
        cld
        mov     $0x0203, %ax            # read 3 sectors from the second on; %dl is the disk
        mov     $0x0002, %cx
        xor     %dh, %dh
        mov     $0x7e00, %bx
        int     $0x13
        jc      unread
        cmpl    $0x53455254, last       # "TRES"
        je      tests
unread: mov     $cannot_read, %si
        call    print
stop:   cli
        hlt
        jmp     stop

# Prints the text at %si, which ends in 0.
print:  mov     $COM1 + 5, %dx
1:      in      %dx, %al                # until the port takes a byte
        test    $0x20, %al
        jz      1b
        mov     $COM1, %dx
        lodsb
        test    %al, %al
        jz      2f
        out     %al, %dx
        jmp     print
2:      ret

cannot_read:
        .asciz  "Bail out! the disk cannot be read\r\n"
plan:   .asciz  "TAP version 13\r\n1..9\r\n"
ok:     .ascii  "ok "
number: .asciz  "0 - "
not:    .asciz  "not "
end:    .asciz  "\r\n"

        .org    510
        .word   0xaa55

# Prints a result; the test has passed if the zero flag is set.
        .macro  result name
        mov     $1f, %bx
        call    report
        .section .rodata
1:      .asciz  "\name"
        .text
        .endm
report: jz      1f
        mov     $not, %si
        call    print
1:      incb    number
        mov     $ok, %si
        call    print
        mov     %bx, %si
        call    print
        mov     $end, %si
        jmp     print

tests:  mov     $plan, %si
        call    print

        mov     $0xffffffff, %eax
        xor     %edx, %edx
        add     $1, %eax
        adc     $0, %edx
        cmp     $1, %edx
        result  "a carry goes into the next word"

        mov     $1000003, %eax
        mov     $1000033, %ecx
        mul     %ecx
        mov     $1000003, %ecx
        div     %ecx
        sub     $1000033, %eax
        or      %edx, %eax
        result  "a product divided is its factor"

        mov     $0x7c00, %si
        mov     $0x9000, %di
        mov     $512, %cx
        rep     movsb
        mov     $0x7c00, %si
        mov     $0x9000, %di
        mov     $512, %cx
        repe    cmpsb
        result  "a copied block is equal"

        mov     $0x27, %al
        add     $0x35, %al
        daa
        cmp     $0x62, %al
        result  "decimal numbers are adjusted"

        movw    $divided, 0             # the vector of exception 0
        movw    $0, 2
        xor     %bp, %bp
        xor     %cx, %cx
        mov     $5, %ax
        div     %cl
after:  cmp     $1, %bp
        result  "a division by zero is exception 0"

        in      $0x92, %al              # the second gate of address line 20
        and     $0xfd, %al
        out     %al, $0x92
        mov     $0xffff, %ax
        mov     %ax, %fs
        movw    $0x1234, 0x600
        movw    $0x4321, %fs:0x610      # 1 MiB higher: the same place
        cmpw    $0x4321, 0x600
        result  "without address line 20 memory begins again"
        in      $0x92, %al
        or      $2, %al
        out     %al, $0x92
        movw    $0x1234, 0x600
        movw    $0x4321, %fs:0x610
        cmpw    $0x1234, 0x600
        result  "with it another MiB follows"

        sti
        mov     TICKS, %eax
        mov     $40, %cx                # interrupts; the timer's are half a second
1:      hlt
        cmp     %eax, TICKS
        jne     2f
        loop    1b
2:      setne   %al
        cmp     $1, %al
        result  "the timer interrupts a halted processor"

        mov     $0x0d, %al              # register D of the clock
        out     %al, $0x70
        in      $0x71, %al
        and     $0x80, %al
        cmp     $0x80, %al
        result  "the clock says that its time is valid"
        jmp     stop

# The address that is saved is that of the division itself.
divided:
        inc     %bp
        push    %bx
        mov     %sp, %bx
        movw    $after, 2(%bx)
        pop     %bx
        iret

        .section .end, "a"
last:   .long   0x53455254
