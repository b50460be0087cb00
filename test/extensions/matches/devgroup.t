# -m devgroup: group 0 is called default
:CHAINS filter/FORWARD,own ipv4,ipv6
-m devgroup --src-group 0x1 ; = ; OK
-m devgroup ! --src-group 1 ; -m devgroup ! --src-group 0x1 ; OK
-m devgroup --src-group 010 ; -m devgroup --src-group 0x8 ; OK
-m devgroup --src-group 0 ; -m devgroup --src-group default ; OK
-m devgroup --src-group default ; = ; OK
-m devgroup --src-group 0/0xff ; -m devgroup --src-group 0x0/0xff ; OK
-m devgroup --src-group 1/0xffffffff ; -m devgroup --src-group 0x1 ; OK
-m devgroup --src-group 0xff/0xf ; = ; OK
-m devgroup --src-group 1/0 ; -m devgroup --src-group 0x1/0x0 ; OK
-m devgroup --dst-group 1 --src-group 2 ; -m devgroup --src-group 0x2 --dst-group 0x1 ; OK
-m devgroup ! --dst-group 4294967295 ! --src-group 2/3 ; -m devgroup ! --src-group 0x2/0x3 ! --dst-group 0xffffffff ; OK
-m devgroup ; ; FAIL missing-option
-m devgroup --src-group foo ; ; FAIL unknown-name
-m devgroup --src-group 1x ; ; FAIL unknown-name
-m devgroup --src-group "" ; ; FAIL unknown-name
-m devgroup --src-group -1 ; ; FAIL unknown-name
-m devgroup --src-group /3 ; ; FAIL unknown-name
-m devgroup --src-group 4294967296 ; ; FAIL unknown-name
-m devgroup --src-group default/0xff ; ; FAIL unknown-name
-m devgroup --src-group 1/ ; ; FAIL bad-value
-m devgroup --src-group 1/x ; ; FAIL bad-value
-m devgroup --src-group 1/2/3 ; ; FAIL bad-value
-m devgroup --src-group 1 --src-group 2 ; ; FAIL repeated-option
:CHAINS filter/INPUT ipv4,ipv6
-m devgroup --src-group 1 ; -m devgroup --src-group 0x1 ; OK
-m devgroup --dst-group 1 ; ; FAIL interface-in-wrong-hook
:CHAINS filter/OUTPUT ipv4,ipv6
-m devgroup --src-group 1 ; ; FAIL interface-in-wrong-hook
-m devgroup --dst-group 0x1 ; = ; OK
:CHAINS mangle/PREROUTING ipv4,ipv6
-m devgroup --dst-group 1 ; ; FAIL interface-in-wrong-hook
:CHAINS mangle/POSTROUTING ipv4,ipv6
-m devgroup --src-group 1 ; ; FAIL interface-in-wrong-hook
