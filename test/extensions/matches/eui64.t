# -m eui64: where packets come in
:CHAINS filter/INPUT,FORWARD,own ipv6
-m eui64 ; = ; OK
:CHAINS mangle/PREROUTING ipv6
-m eui64 ; = ; OK
:CHAINS filter/OUTPUT ipv6
-m eui64 ; ; FAIL wrong-hook
:CHAINS mangle/POSTROUTING ipv6
-m eui64 ; ; FAIL wrong-hook
:CHAINS filter/INPUT ipv6
-m eui64 --eui64 ; ; FAIL unknown-option
:CHAINS filter/INPUT ipv4
-m eui64 ; ; FAIL unknown-match
