# -m hl
:CHAINS filter/INPUT,FORWARD ipv6
-m hl --hl-eq 42 ; = ; OK
-m hl ! --hl-eq 42 ; = ; OK
-m hl --hl 42 ; -m hl --hl-eq 42 ; OK
-m hl ! --hl 0x10 ; -m hl ! --hl-eq 16 ; OK
-m hl --hl-lt 42 ; = ; OK
-m hl --hl-gt 42 ; = ; OK
-m hl --hl-lt 0 ; = ; OK
-m hl --hl-gt 255 ; = ; OK
-m hl ; ; FAIL missing-option
-m hl --hl-eq 256 ; ; FAIL bad-value
-m hl --hl-eq x ; ; FAIL bad-value
-m hl --hl-lt -1 ; ; FAIL bad-value
-m hl ! --hl-lt 42 ; ; FAIL cannot-invert
-m hl ! --hl-gt 42 ; ; FAIL cannot-invert
-m hl --hl-eq 1 --hl-lt 2 ; ; FAIL excluded-option
-m hl --hl-gt 1 --hl-lt 20 ; ; FAIL excluded-option
-m hl --hl-eq 1 --hl-eq 1 ; ; FAIL repeated-option
:CHAINS filter/INPUT ipv4
-m hl --hl-eq 42 ; ; FAIL unknown-match
