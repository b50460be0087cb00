# -j CONNSECMARK: mangle and security
:CHAINS mangle/PREROUTING ipv4,ipv6
-j CONNSECMARK --save ; = ; OK
-j CONNSECMARK --restore --save ; ; FAIL excluded-option
-j CONNSECMARK --save --restore ; ; FAIL excluded-option
-j CONNSECMARK ! --save ; ; FAIL cannot-invert
-j CONNSECMARK --save --save ; ; FAIL repeated-option
:CHAINS security/INPUT ipv4,ipv6
-j CONNSECMARK --save ; = ; OK
:CHAINS filter/INPUT ipv4,ipv6
-j CONNSECMARK --save ; ; FAIL wrong-table
