# -j TRACE: the nft back end takes it in every table
:CHAINS raw/PREROUTING ipv4,ipv6
-j TRACE ; = ; OK
-j TRACE foo ; ; FAIL bad-argument
-j TRACE --foo ; ; FAIL unknown-option
:CHAINS raw/OUTPUT ipv4,ipv6
-j TRACE ; = ; OK
:CHAINS mangle/PREROUTING ipv4,ipv6
-j TRACE ; = ; OK
:CHAINS filter/INPUT ipv4,ipv6
-j TRACE ; = ; OK
