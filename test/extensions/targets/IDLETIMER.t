# -j IDLETIMER: labels are cut at 27 bytes
:CHAINS mangle/PREROUTING ipv4
-p tcp -j IDLETIMER --timeout 5 --label foo --alarm ; = ; OK
:CHAINS filter/INPUT ipv4,ipv6
-j IDLETIMER --timeout 5 --label foo ; = ; OK
-j IDLETIMER --label foo --timeout 5 ; -j IDLETIMER --timeout 5 --label foo ; OK
-j IDLETIMER --timeout 5 --label "foo bar" ; -j IDLETIMER --timeout 5 --label foo bar ; OK
-j IDLETIMER --timeout 0 --label foo ; ; FAIL bad-value
-j IDLETIMER --timeout 5 ; ; FAIL missing-option
-j IDLETIMER --label foo ; ; FAIL missing-option
-j IDLETIMER --timeout foo --label foo ; ; FAIL bad-value
-j IDLETIMER --timeout 4294967295 --label foo ; ; FAIL bad-value
-j IDLETIMER --timeout 4294967 --label foo ; ; FAIL bad-value
-j IDLETIMER --timeout 2147483 --label foo ; ; FAIL bad-value
-j IDLETIMER --timeout 4294967296 --label foo ; ; FAIL bad-value
-j IDLETIMER --timeout 5 --label 1234567890123456789012345678 ; -j IDLETIMER --timeout 5 --label 123456789012345678901234567 ; OK
-j IDLETIMER --timeout 5 --label 123456789012345678901234567 ; = ; OK
-j IDLETIMER --timeout 5 --label "" ; ; FAIL bad-value
-j IDLETIMER --timeout 5 --label foo/bar ; ; FAIL bad-value
-j IDLETIMER ! --timeout 5 --label foo ; ; FAIL cannot-invert
-j IDLETIMER --timeout 5 --timeout 6 --label foo ; ; FAIL repeated-option
-j IDLETIMER --timeout 5 --label foo --alarm --alarm ; ; FAIL repeated-option
-j IDLETIMER --timeout 5 --label foo --send_nl_msg ; ; FAIL unknown-option
:CHAINS filter/INPUT ipv4
-j IDLETIMER --timeout 2147482 --label fooa ; = ; OK
-j IDLETIMER --timeout 5 --label "q\"x" ; -j IDLETIMER --timeout 5 --label q"x ; OK
