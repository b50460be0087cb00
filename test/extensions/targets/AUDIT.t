# -j AUDIT: the type in any case
:CHAINS filter/INPUT ipv4,ipv6
-j AUDIT --type ACCEPT ; -j AUDIT --type accept ; OK
-j AUDIT --type acc ; ; FAIL bad-value
-j AUDIT --type "" ; ; FAIL bad-value
-j AUDIT --type accept --type drop ; ; FAIL repeated-option
-j AUDIT ! --type accept ; ; FAIL cannot-invert
:CHAINS raw/PREROUTING ipv4,ipv6
-j AUDIT --type drop ; = ; OK
:CHAINS mangle/PREROUTING ipv4,ipv6
-j AUDIT --type accept ; = ; OK
