# -j TTL: mangle only; steps of zero are refused
:CHAINS mangle/PREROUTING ipv4
-j TTL --ttl-set 0 ; = ; OK
-j TTL --ttl-set 255 ; = ; OK
-j TTL --ttl-set 256 ; ; FAIL bad-value
-j TTL --ttl-set 64 ; = ; OK
-j TTL --ttl-inc 0 ; ; FAIL bad-value
-j TTL --ttl-inc 1 ; = ; OK
-j TTL --ttl-inc 255 ; = ; OK
-j TTL --ttl-inc 256 ; ; FAIL bad-value
-j TTL --ttl-dec 0 ; ; FAIL bad-value
-j TTL --ttl-dec 1 ; = ; OK
-j TTL --ttl-dec 255 ; = ; OK
-j TTL --ttl-set foo ; ; FAIL bad-value
-j TTL --ttl-set -1 ; ; FAIL bad-value
-j TTL ; ; FAIL missing-option
-j TTL --ttl-set 1 --ttl-inc 1 ; ; FAIL excluded-option
-j TTL --ttl-inc 1 --ttl-set 1 ; ; FAIL excluded-option
-j TTL --ttl-inc 1 --ttl-dec 1 ; ; FAIL excluded-option
-j TTL --ttl-dec 1 --ttl-inc 1 ; ; FAIL excluded-option
-j TTL --ttl-set 1 --ttl-set 2 ; ; FAIL repeated-option
-j TTL ! --ttl-set 1 ; ; FAIL cannot-invert
-j TTL --ttl 4 ; ; FAIL missing-option
-j TTL --ttl-set 0x10 ; -j TTL --ttl-set 16 ; OK
:CHAINS filter/INPUT ipv4
-j TTL --ttl-set 1 ; ; FAIL wrong-table
:CHAINS raw/PREROUTING ipv4
-j TTL --ttl-set 1 ; ; FAIL wrong-table
