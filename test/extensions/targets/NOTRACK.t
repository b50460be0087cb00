# -j NOTRACK: raw only
:CHAINS raw/PREROUTING ipv4,ipv6
-j NOTRACK ; = ; OK
-j NOTRACK foo ; ; FAIL bad-argument
-j NOTRACK --notrack ; ; FAIL unknown-option
:CHAINS raw/OUTPUT ipv4,ipv6
-j NOTRACK ; = ; OK
:CHAINS mangle/PREROUTING ipv4,ipv6
-j NOTRACK ; ; FAIL wrong-table
:CHAINS filter/INPUT ipv4,ipv6
-j NOTRACK ; ; FAIL wrong-table
