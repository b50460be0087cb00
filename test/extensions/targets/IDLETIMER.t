# -j IDLETIMER: labels are cut at 27 bytes; timers of one label must agree, in all of the machine
:CHAINS filter/INPUT,own ipv4,ipv6
-j IDLETIMER --timeout 5 --label first ; = ; OK
-j IDLETIMER --label second --timeout 0x10 ; -j IDLETIMER --timeout 16 --label second ; OK
-j IDLETIMER --timeout 5 --alarm --label alarm ; -j IDLETIMER --timeout 5 --label alarm --alarm ; OK
-j IDLETIMER --timeout 5 --label "with blank" ; -j IDLETIMER --timeout 5 --label with blank ; OK
-j IDLETIMER --timeout 2147482 --label longest ; = ; OK
-j IDLETIMER --timeout 5 --label 123456789012345678901234567 ; = ; OK
-j IDLETIMER --timeout 5 --label 1234567890123456789012345678 ; -j IDLETIMER --timeout 5 --label 123456789012345678901234567 ; OK
-j IDLETIMER --timeout 0 --label refused ; ; FAIL bad-value
-j IDLETIMER --timeout 2147483 --label refused ; ; FAIL bad-value
-j IDLETIMER --timeout 4294967295 --label refused ; ; FAIL bad-value
-j IDLETIMER --timeout 4294967296 --label refused ; ; FAIL bad-value
-j IDLETIMER --timeout foo --label refused ; ; FAIL bad-value
-j IDLETIMER --timeout 5 --label "" ; ; FAIL bad-value
-j IDLETIMER --timeout 5 --label a/b ; ; FAIL bad-value
-j IDLETIMER --timeout 5 ; ; FAIL missing-option
-j IDLETIMER --label refused ; ; FAIL missing-option
-j IDLETIMER --timeout ; ; FAIL missing-argument
-j IDLETIMER ! --timeout 5 --label refused ; ; FAIL cannot-invert
-j IDLETIMER --timeout 5 --timeout 6 --label refused ; ; FAIL repeated-option
:CHAINS mangle/PREROUTING ipv4
-p tcp -j IDLETIMER --timeout 7 --label mangle ; = ; OK
