# Whether an open socket of this machine takes the packet.
:CHAINS mangle/PREROUTING ipv4,ipv6
-m socket ; = ; OK
-m socket --transparent ; = ; OK
-m socket --nowildcard ; = ; OK
-m socket --restore-skmark ; = ; OK
-m socket ! --transparent ; ; FAIL cannot-invert
-m socket --restore-skmark --nowildcard --transparent ; -m socket --transparent --nowildcard --restore-skmark ; OK
:CHAINS mangle/INPUT ipv4,ipv6
-m socket ; = ; OK
:CHAINS raw/PREROUTING ipv4,ipv6
-m socket ; = ; OK
:CHAINS raw/OUTPUT ipv4,ipv6
-m socket ; ; FAIL wrong-hook
:CHAINS nat/PREROUTING ipv4,ipv6
-m socket ; = ; OK
:CHAINS filter/INPUT ipv4,ipv6
-m socket ; = ; OK
-m socket --transparent ; = ; OK
-m socket --nowildcard ; = ; OK
:CHAINS filter/OUTPUT ipv4,ipv6
-m socket ; ; FAIL wrong-hook
:CHAINS security/INPUT ipv4,ipv6
-m socket ; = ; OK
