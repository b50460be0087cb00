# Routing realm of the route that the packet takes.
:CHAINS filter/INPUT ipv4
-m realm --realm 0x1/0x0 ; = ; OK
-m realm --realm 1/2 ; -m realm --realm 0x1/0x2 ; OK
-m realm --realm cosmos ; = ; OK
-m realm --realm unknown ; ; FAIL unknown-name
-m realm --realm foo ; ; FAIL unknown-name
-m realm ! --realm 5 ; -m realm ! --realm 0x5 ; OK
-m realm --realm 0xffffffff ; = ; OK
-m realm --realm 4294967296 ; ; FAIL unknown-name
-m realm --realm 010 ; -m realm --realm 0x8 ; OK
-m realm --realm 1/ ; ; FAIL bad-value
-m realm --realm "" ; ; FAIL unknown-name
-m realm --realm 1/0xffffffff ; -m realm --realm 0x1 ; OK
-m realm --realm 10 --realm 5 ; ; FAIL repeated-option
-m realm --realm 0 ; -m realm --realm cosmos ; OK
-m realm --realm 0x0/0xff ; = ; OK
-m realm --realm cosmos/1 ; ; FAIL unknown-name
-m realm --realm 0/0xffffffff ; -m realm --realm cosmos ; OK
-m realm --realm 1/x ; ; FAIL bad-value
-m realm --realm 1/2/3 ; ; FAIL bad-value
-m realm --realm 5x ; ; FAIL unknown-name
:CHAINS filter/INPUT ipv6
-m realm --realm 1 ; ; FAIL unknown-match
-m realm --realm 0x1/0x0 ; ; FAIL unknown-match
-m realm --realm 1/2 ; ; FAIL unknown-match
-m realm --realm cosmos ; ; FAIL unknown-match
-m realm --realm unknown ; ; FAIL unknown-match
-m realm --realm foo ; ; FAIL unknown-match
-m realm ! --realm 5 ; ; FAIL unknown-match
-m realm --realm 0xffffffff ; ; FAIL unknown-match
-m realm --realm 4294967296 ; ; FAIL unknown-match
-m realm --realm 010 ; ; FAIL unknown-match
-m realm --realm 1/ ; ; FAIL unknown-match
-m realm --realm "" ; ; FAIL unknown-match
-m realm --realm 1/0xffffffff ; ; FAIL unknown-match
-m realm --realm 10 --realm 5 ; ; FAIL unknown-match
:CHAINS nat/PREROUTING ipv4
-m realm --realm 1 ; ; FAIL wrong-hook
:CHAINS mangle/PREROUTING ipv4
-m realm --realm 1 ; ; FAIL wrong-hook
:CHAINS mangle/POSTROUTING ipv4
-m realm --realm 1 ; -m realm --realm 0x1 ; OK
:CHAINS nat/PREROUTING ipv6
-m realm --realm 1 ; ; FAIL unknown-match
:CHAINS mangle/PREROUTING ipv6
-m realm --realm 1 ; ; FAIL unknown-match
:CHAINS mangle/POSTROUTING ipv6
-m realm --realm 1 ; ; FAIL unknown-match
