# -j HL: mangle only; steps of zero are refused
:CHAINS mangle/PREROUTING ipv6
-j HL --hl-set 0 ; = ; OK
-j HL --hl-set 255 ; = ; OK
-j HL --hl-set 256 ; ; FAIL bad-value
-j HL --hl-set 64 ; = ; OK
-j HL --hl-inc 0 ; ; FAIL bad-value
-j HL --hl-inc 1 ; = ; OK
-j HL --hl-inc 255 ; = ; OK
-j HL --hl-dec 0 ; ; FAIL bad-value
-j HL --hl-dec 1 ; = ; OK
-j HL --hl-dec 256 ; ; FAIL bad-value
-j HL --hl-set foo ; ; FAIL bad-value
-j HL ; ; FAIL missing-option
-j HL --hl-set 1 --hl-inc 1 ; ; FAIL excluded-option
-j HL --hl-inc 1 --hl-dec 1 ; ; FAIL excluded-option
-j HL --hl-dec 1 --hl-set 1 ; ; FAIL excluded-option
-j HL ! --hl-set 1 ; ; FAIL cannot-invert
:CHAINS filter/INPUT ipv6
-j HL --hl-set 1 ; ; FAIL wrong-table
